#include "jobfile/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool added; /* uthash's only word about memory that ran out */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) (added = false)
#include <uthash.h>

#include "base/fd.h"

#define ZONE_DIR      "/usr/share/zoneinfo"
#define ZONE_FILE_MAX 262144 /* the fattest one is 4 KiB */
#define ZONE_NAME_MAX 100

#define WATCHED (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR)

/* What stat says of a file: the same, and it need not be read again. */
struct looked {
        uint64_t dev, ino;
        int64_t size;
        struct timespec changed;
};

struct zone_entry {
        UT_hash_handle hh;
        struct tz *tz;
        struct looked looked;
        char name[];
};

struct retired {
        struct tz *tz;
        struct retired *next;
};

struct zones {
        char path[PATH_MAX];
        int dir; /* -1: there is no such folder */
        struct zone_entry *by_name;
        const char *localtime;
        struct tz *local; /* what /etc/localtime says; NULL: UTC */
        bool local_known;
        struct retired *retired; /* rules of before, which jobs may still hold */
        int inotify, etc_watch;  /* -1: not watched */
};

int zones_new(const char *dir, struct zones **ret)
{
        struct zones *z = calloc(1, sizeof(*z));
        const char *env = getenv("TZDIR");

        if (!z)
                return -ENOMEM;
        if (!dir)
                dir = env && env[0] == '/' ? env : ZONE_DIR;
        (void)snprintf(z->path, sizeof(z->path), "%s", dir);
        z->dir = open(z->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        z->localtime = "/etc/localtime";
        z->inotify = z->etc_watch = -1;
        *ret = z;
        return 0;
}

void zones_set_localtime(struct zones *z, const char *path)
{
        z->localtime = path;
}

struct zones *zones_free(struct zones *z)
{
        struct zone_entry *e, *next;

        if (!z)
                return NULL;
        HASH_ITER(hh, z->by_name, e, next) {
                HASH_DEL(z->by_name, e);
                tz_free(e->tz);
                free(e);
        }
        for (struct retired *r = z->retired, *after; r; r = after) {
                after = r->next;
                tz_free(r->tz);
                free(r);
        }
        tz_free(z->local);
        safe_close(z->dir);
        safe_close(z->inotify);
        free(z);
        return NULL;
}

static bool name_is_valid(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n <= ZONE_NAME_MAX && name[0] != '/' &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/-") == n;
}

/* Beneath the folder, also where links are followed. */
static int open_beneath(int dir, const char *name)
{
        struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, .resolve = RESOLVE_BENEATH };
        long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

        if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* an old kernel, or a filter that doesn't know it */
                fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : (int)fd;
}

static struct looked looked_at(const struct stat *st)
{
        return (struct looked){ .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .changed = st->st_ctim };
}

static bool same_look(const struct looked *a, const struct looked *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
               a->changed.tv_nsec == b->changed.tv_nsec;
}

static int load(int fd, const char *name, struct tz **ret, struct looked *ret_looked)
{
        _cleanup_(freep) char *data = NULL;
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        *ret_looked = looked_at(&st);
        if (!S_ISREG(st.st_mode) || st.st_size > ZONE_FILE_MAX)
                return -EBADMSG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        n = read_full(fd, data, (size_t)st.st_size);
        if (n < 0)
                return (int)n;
        return tz_new(name, data, (size_t)n, ret);
}

/* The folder of a zone's file: "/usr/share/zoneinfo/America/Argentina". */
static void watch_folder(struct zones *z, const char *name)
{
        const char *slash = strrchr(name, '/');
        char path[PATH_MAX + ZONE_NAME_MAX + 2];

        if (z->inotify < 0)
                return;
        (void)snprintf(path, sizeof(path), "%s/%.*s", z->path, slash ? (int)(slash - name) : 0, name);
        (void)inotify_add_watch(z->inotify, path, WATCHED); /* one that can't be set: zones_refresh() is called anyway */
}

const struct tz *zones_find(struct zones *z, const char *name)
{
        struct looked looked = { 0 };
        struct zone_entry *e;
        struct tz *tz = NULL;
        int fd;

        HASH_FIND_STR(z->by_name, name, e);
        if (e)
                return e->tz;
        if (!name_is_valid(name))
                return NULL;
        fd = z->dir >= 0 ? open_beneath(z->dir, name) : -ENOENT;
        if (fd >= 0) {
                if (load(fd, name, &tz, &looked) < 0)
                        tz = NULL;
                safe_close(fd);
        }
        /* What is missing is looked for again at the next reload: it may have been installed by then. */
        e = tz ? calloc(1, sizeof(*e) + strlen(name) + 1) : NULL;
        if (e) {
                memcpy(e->name, name, strlen(name) + 1);
                e->tz = tz;
                e->looked = looked;
                added = true;
                HASH_ADD_STR(z->by_name, name, e);
                if (added) {
                        watch_folder(z, name);
                        return tz;
                }
                free(e);
        }
        tz_free(tz);
        return streq(name, "UTC") ? tz_utc() : NULL;
}

/* "Europe/Berlin" of …/zoneinfo/Europe/Berlin, or the word in /etc/timezone. */
static void local_name(const struct zones *z, char *buf, size_t size)
{
        char text[PATH_MAX];
        const char *name = NULL;
        ssize_t n = readlink(z->localtime, text, sizeof(text) - 1);
        int fd;

        if (n > 0) {
                text[n] = '\0';
                name = strstr(text, "zoneinfo/");
                name = name ? name + strlen("zoneinfo/") : NULL;
        }
        if (!name) {
                fd = open("/etc/timezone", O_RDONLY | O_CLOEXEC);
                n = fd >= 0 ? read_full(fd, text, sizeof(text) - 1) : -1;
                safe_close(fd);
                if (n > 0) {
                        text[n] = '\0';
                        text[strcspn(text, " \t\r\n")] = '\0';
                        name = text;
                }
        }
        if (!name || !name_is_valid(name))
                name = "localtime";
        (void)snprintf(buf, size, "%s", name);
}

static struct tz *load_local(const struct zones *z)
{
        _cleanup_(closep) int fd = open(z->localtime, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char name[ZONE_NAME_MAX + 1];
        struct looked looked;
        struct tz *tz = NULL;

        if (fd < 0)
                return NULL;
        local_name(z, name, sizeof(name));
        return load(fd, name, &tz, &looked) < 0 ? NULL : tz;
}

const struct tz *zones_local(struct zones *z)
{
        if (!z->local_known) {
                z->local_known = true;
                z->local = load_local(z);
        }
        return z->local ? z->local : tz_utc();
}

/* ---- zones that change */

/* Puts `fresh` in the place of *tz if its rules or its name are others.  Takes `fresh`. */
static int replace(struct zones *z, struct tz **tz, struct tz *fresh)
{
        struct retired *r;

        if (*tz && tz_digest(*tz) == tz_digest(fresh) && streq(tz_name(*tz), tz_name(fresh))) {
                tz_free(fresh);
                return 0;
        }
        r = *tz ? malloc(sizeof(*r)) : NULL;
        if (*tz && !r) {
                tz_free(fresh);
                return -ENOMEM;
        }
        if (r) {
                *r = (struct retired){ .tz = *tz, .next = z->retired };
                z->retired = r;
        }
        *tz = fresh;
        return 1;
}

/* A file that is gone, or is no zone, changes nothing: it may be in the middle of being replaced. */
static int refresh_entry(struct zones *z, struct zone_entry *e)
{
        struct looked looked;
        struct tz *fresh;
        struct stat st;
        int fd, r;

        if (fstatat(z->dir, e->name, &st, 0) < 0)
                return 0;
        looked = looked_at(&st);
        if (same_look(&looked, &e->looked))
                return 0;
        fd = open_beneath(z->dir, e->name);
        if (fd < 0)
                return 0;
        r = load(fd, e->name, &fresh, &looked);
        safe_close(fd);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        e->looked = looked;
        return replace(z, &e->tz, fresh);
}

static int refresh_local(struct zones *z)
{
        struct tz *fresh;

        if (!z->local_known)
                return 0;
        fresh = load_local(z); /* always: a link may have another name for the same file */
        if (!fresh)
                return 0;
        return replace(z, &z->local, fresh);
}

int zones_refresh(struct zones *z)
{
        struct zone_entry *e, *next;
        int dir, r, n;

        dir = open(z->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0) {
                safe_close(z->dir);
                z->dir = dir;
        }
        n = refresh_local(z);
        if (n < 0)
                return n;
        HASH_ITER(hh, z->by_name, e, next) {
                r = z->dir >= 0 ? refresh_entry(z, e) : 0;
                if (r < 0)
                        return r;
                n += r;
                watch_folder(z, e->name); /* the folder may be a new one */
        }
        return n;
}

int zones_watch(struct zones *z)
{
        char folder[PATH_MAX];
        const char *slash = strrchr(z->localtime, '/');
        struct zone_entry *e, *next;

        if (z->inotify >= 0)
                return z->inotify;
        z->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (z->inotify < 0)
                return -errno;
        (void)snprintf(folder, sizeof(folder), "%.*s", slash && slash > z->localtime ? (int)(slash - z->localtime) : 1, z->localtime);
        z->etc_watch = inotify_add_watch(z->inotify, folder, WATCHED);
        watch_folder(z, "");
        HASH_ITER(hh, z->by_name, e, next)
                watch_folder(z, e->name);
        return z->inotify;
}

bool zones_watch_read(struct zones *z)
{
        const char *slash = strrchr(z->localtime, '/'), *name = slash ? slash + 1 : z->localtime;
        bool found = false;
        union {
                struct inotify_event align;
                char v[16384];
        } buf;
        ssize_t n;

        while ((n = read(z->inotify, &buf, sizeof(buf))) > 0)
                for (char *p = buf.v; p < buf.v + n;) {
                        const struct inotify_event *e = (const void *)p;

                        /* Much happens in /etc. */
                        found = found || e->wd != z->etc_watch || (e->len > 0 && (streq(e->name, name) || streq(e->name, "timezone")));
                        p += sizeof(*e) + e->len;
                }
        return found;
}

static const struct tz *find(void *arg, const char *name)
{
        return zones_find(arg, name);
}

struct zone_source zones_source(struct zones *z, const struct tz *local)
{
        return (struct zone_source){ .find = find, .arg = z, .local = local ? local : zones_local(z) };
}
