#include "jobfile/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"

#define LINKS_MAX 8 /* on the way to a folder */

static int fail(struct error *reterr, int r, const char *path, const char *what)
{
        return error_set(reterr, r, r == -ENOENT ? ERROR_NOT_FOUND : ERROR_FAILED, "%s: %s%s%s", path, what ?: "",
                         what ? ": " : "", strerror(-r));
}

/* Owner and mode.  `file`: a sticky bit helps only a folder. */
static int judge(const struct stat *st, uint32_t own_uid, bool folder, const char *path, struct error *reterr)
{
        const char *what = folder ? "the folder " : "";

        if (st->st_uid != 0 && st->st_uid != own_uid)
                return error_set(reterr, -EPERM, ERROR_DENIED, "%s%s belongs to uid %u; it must belong to root%s", what,
                                 path, (unsigned)st->st_uid, own_uid ? " or to the daemon's user" : "");
        if (S_ISLNK(st->st_mode) || !(st->st_mode & (S_IWGRP | S_IWOTH)))
                return 0;
        if (folder && (st->st_mode & S_ISVTX) && st->st_uid == 0)
                return 0;
        return error_set(reterr, -EPERM, ERROR_DENIED, "%s%s can be written by %s (mode %04o)", what, path,
                         st->st_mode & S_IWOTH ? "everybody" : "its group", (unsigned)st->st_mode & 07777);
}

/* The walk from the root: `at` is the folder reached so far, `rest` what is still to go. */
struct walk {
        int at;
        unsigned links;
        char rest[2 * PATH_MAX];
        char seen[PATH_MAX]; /* where we are, for the words */
};

static void closep_walk(struct walk *w)
{
        w->at = safe_close(w->at);
}

static int restart_at_root(struct walk *w, uint32_t own_uid, struct error *reterr)
{
        struct stat st;

        safe_close(w->at);
        w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (w->at < 0 || fstat(w->at, &st) < 0)
                return fail(reterr, -errno, "/", NULL);
        (void)snprintf(w->seen, sizeof(w->seen), "/");
        return judge(&st, own_uid, true, "/", reterr);
}

/* Takes the first component off `rest`; false: there is none. */
static bool take_component(struct walk *w, char name[NAME_MAX + 1], int *ret_r)
{
        char *p = w->rest + strspn(w->rest, "/");
        size_t n = strcspn(p, "/");

        *ret_r = n > NAME_MAX ? -ENAMETOOLONG : 0;
        if (n == 0 || n > NAME_MAX)
                return false;
        memcpy(name, p, n);
        name[n] = 0;
        memmove(w->rest, p + n, strlen(p + n) + 1);
        return true;
}

static int follow_link(struct walk *w, int link, uint32_t own_uid, struct error *reterr)
{
        char target[PATH_MAX], rest[2 * PATH_MAX];
        ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
        int k;

        if (n < 0)
                return fail(reterr, -errno, w->seen, NULL);
        target[n] = 0;
        if (++w->links > LINKS_MAX)
                return fail(reterr, -ELOOP, w->seen, NULL);
        k = snprintf(rest, sizeof(rest), "%s/%s", target, w->rest);
        if (k < 0 || (size_t)k >= sizeof(rest))
                return fail(reterr, -ENAMETOOLONG, w->seen, NULL);
        memcpy(w->rest, rest, (size_t)k + 1);
        return target[0] == '/' ? restart_at_root(w, own_uid, reterr) : 0;
}

static int step(struct walk *w, const char *name, uint32_t own_uid, struct error *reterr)
{
        _cleanup_(closep) int next = -1;
        char path[PATH_MAX + NAME_MAX + 2];
        struct stat st;
        int r;

        if (streq(name, "."))
                return 0;
        (void)snprintf(path, sizeof(path), "%s%s%s", w->seen, streq(w->seen, "/") ? "" : "/", name);
        next = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 || fstat(next, &st) < 0)
                return fail(reterr, -errno, path, NULL);
        r = judge(&st, own_uid, true, path, reterr);
        if (r < 0)
                return r;
        if (S_ISLNK(st.st_mode))
                return follow_link(w, next, own_uid, reterr);
        if (!S_ISDIR(st.st_mode))
                return fail(reterr, -ENOTDIR, path, NULL);
        safe_close(w->at);
        w->at = TAKE_FD(next);
        if (strlen(path) >= sizeof(w->seen))
                return fail(reterr, -ENAMETOOLONG, path, NULL);
        memcpy(w->seen, path, strlen(path) + 1);
        return 0;
}

int trusted_dir(const char *path, uint32_t own_uid, int *ret_fd, struct error *reterr)
{
        _cleanup_(closep_walk) struct walk w = { .at = -1 };
        char cwd[PATH_MAX] = "", name[NAME_MAX + 1];
        int r, n;

        if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
                return fail(reterr, -errno, path, NULL);
        n = snprintf(w.rest, sizeof(w.rest), "%s/%s", cwd, path);
        if (n < 0 || (size_t)n >= sizeof(w.rest))
                return fail(reterr, -ENAMETOOLONG, path, NULL);
        r = restart_at_root(&w, own_uid, reterr);
        while (r == 0 && take_component(&w, name, &r))
                r = step(&w, name, own_uid, reterr);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(w.at);
        return 0;
}

#define FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* The target of a link: its folder is walked to like any other, its last component must not be a link again. */
static int open_target(int dir_fd, const char *dir_path, const char *name, uint32_t own_uid, int *ret_fd,
                       struct error *reterr)
{
        _cleanup_(closep) int link = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), dir = -1;
        char path[PATH_MAX], target[PATH_MAX], folder[2 * PATH_MAX];
        const char *slash, *base;
        struct stat st;
        ssize_t n;
        int r;

        (void)snprintf(path, sizeof(path), "%s%s%s", dir_path, streq(dir_path, "/") ? "" : "/", name);
        if (link < 0 || fstat(link, &st) < 0)
                return fail(reterr, -errno, path, NULL);
        r = judge(&st, own_uid, false, path, reterr);
        if (r < 0)
                return r;
        n = readlinkat(link, "", target, sizeof(target) - 1);
        if (n < 0)
                return fail(reterr, -errno, path, NULL);
        target[n] = 0;
        slash = strrchr(target, '/');
        base = slash ? slash + 1 : target;
        n = snprintf(folder, sizeof(folder), "%s%s%.*s", target[0] == '/' ? "" : dir_path, target[0] == '/' ? "" : "/",
                     (int)(slash ? slash - target + 1 : 0), target);
        if (n < 0 || (size_t)n >= sizeof(folder) || !*base || streq(base, ".") || streq(base, ".."))
                return error_set(reterr, -EINVAL, ERROR_INVALID, "%s is a link to %s, which is not a plain file", path,
                                 target);
        r = trusted_dir(folder, own_uid, &dir, reterr);
        if (r < 0)
                return r == -ENOENT ? -ENOLINK : r;
        *ret_fd = openat(dir, base, FILE_FLAGS);
        if (*ret_fd >= 0)
                return 0;
        if (errno == ENOENT)
                return error_set(reterr, -ENOLINK, ERROR_NOT_FOUND, "%s is a link to %s, which is not there", path,
                                 target);
        if (errno == ELOOP)
                return error_set(reterr, -EPERM, ERROR_DENIED, "%s is a link to another link, %s; only one is followed",
                                 path, target);
        return fail(reterr, -errno, path, target);
}

/* What stat says of an opened file. */
static int judge_file(int fd, const char *dir_path, const char *name, uint32_t own_uid, struct stat *ret_st,
                      struct error *reterr)
{
        char path[PATH_MAX + NAME_MAX + 2];
        bool good = fstat(fd, ret_st) == 0 && S_ISREG(ret_st->st_mode) &&
                    (ret_st->st_uid == 0 || ret_st->st_uid == own_uid) && !(ret_st->st_mode & (S_IWGRP | S_IWOTH));

        if (good) /* as nearly always: no words needed */
                return 0;
        (void)snprintf(path, sizeof(path), "%s%s%s", dir_path, streq(dir_path, "/") ? "" : "/", name);
        if (fstat(fd, ret_st) < 0)
                return fail(reterr, -errno, path, NULL);
        if (S_ISREG(ret_st->st_mode))
                return judge(ret_st, own_uid, false, path, reterr);
        return error_set(reterr, S_ISDIR(ret_st->st_mode) ? -EISDIR : -EINVAL, ERROR_INVALID,
                         "%s is %s, not a plain file", path,
                         S_ISDIR(ret_st->st_mode)    ? "a folder"
                         : S_ISFIFO(ret_st->st_mode) ? "a FIFO"
                                                     : "a device");
}

int trusted_file(int dir_fd, const char *dir_path, const char *name, uint32_t own_uid, int *ret_fd, struct stat *ret_st,
                 bool *ret_link, struct error *reterr)
{
        _cleanup_(closep) int fd = openat(dir_fd, name, FILE_FLAGS);
        bool link = fd < 0 && errno == ELOOP;
        int r;

        if (link)
                r = open_target(dir_fd, dir_path, name, own_uid, &fd, reterr);
        else if (fd < 0 && errno == ENXIO)
                r = error_set(reterr, -EINVAL, ERROR_INVALID, "%s/%s is a socket, not a plain file", dir_path, name);
        else if (fd < 0)
                r = error_set(reterr, -errno, ERROR_FAILED, "%s%s%s: %s", dir_path, streq(dir_path, "/") ? "" : "/",
                              name, strerror(errno));
        else
                r = 0;
        if (r == 0)
                r = judge_file(fd, dir_path, name, own_uid, ret_st, reterr);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        *ret_link = link;
        return 0;
}
