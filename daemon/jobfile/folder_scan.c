/* Looking through whole folders, slice by slice. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jobfile/folder_state.h"
#include "jobfile/trusted.h"

#define NAMES_AT_ONCE 512
#define FILES_AT_ONCE 4096

void folder_dir_due(struct folder *f, struct folder_dir *dir, int64_t due_usec)
{
        (void)f;
        dir->due = true;
        dir->due_usec = due_usec;
}

void folder_all_due(struct folder *f, int64_t due_usec)
{
        for (size_t i = 0; i < f->n_dirs; i++)
                folder_dir_due(f, f->dirs[i], due_usec);
}

/* The machine's fault, not the folder's: to be tried again, and nothing may be taken for gone. */
static bool is_shortage(int r)
{
        return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* What keeps a folder from being read stands in the list of files, under its own path.  NULL: nothing does. */
static void set_refused(struct folder *f, struct folder_dir *dir, const char *message, struct wall now)
{
        free(dir->refused);
        dir->refused = message ? strdup(message) : NULL;
        if (!message && dir->self)
                (void)file_remove(f, dir->self);
        if (message && !dir->self)
                dir->self = file_get(f, dir, "");
        if (message && dir->self)
                file_set_error(f, dir->self, message, now);
}

/* Opens a folder anew, and its list: 0, -ENOENT, -EPERM (refused: said), or a shortage. */
static int open_dir(struct folder *f, struct folder_dir *dir, struct wall now)
{
        _cleanup_(closep) int fd = -1, list = -1;
        struct error err = ERROR_NULL;
        struct stat st;
        int r = trusted_dir(dir->path, f->own_uid, &fd, &err);

        if (r == 0 && ((list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fstat(fd, &st) < 0))
                r = error_set(&err, -errno, ERROR_FAILED, "%s can't be listed: %s", dir->path, strerror(errno));
        if (is_shortage(r))
                return r;
        watch_dir(f, dir);
        dir->fd = safe_close(dir->fd);
        dir->dev = dir->ino = 0;
        set_refused(f, dir, r < 0 && r != -ENOENT ? err.message : NULL, now);
        if (r < 0)
                return r == -ENOENT ? r : dir->refused ? -EPERM : -ENOMEM;
        f->listing = fdopendir(list);
        if (!f->listing)
                return -errno;
        list = -1;
        dir->fd = TAKE_FD(fd);
        dir->dev = st.st_dev;
        dir->ino = st.st_ino;
        dir->mtime = st.st_mtim;
        return 0;
}

/* Begins with dirs[scan_dir]: false if there is nothing to be listed in it. */
static bool begin_listing(struct folder *f, struct wall now, int64_t mono_usec)
{
        struct folder_dir *dir = f->dirs[f->scan_dir];
        int r;

        dir->due = false;
        if (dir->dropped) {
                dir->fd = safe_close(dir->fd);
                return false;
        }
        r = open_dir(f, dir, now);
        if (is_shortage(r))
                folder_dir_due(f, dir, mono_usec + RETRY_USEC);
        return r == 0;
}

/* A folder that is there but refused keeps its files: each shows why. */
static void keep_all(struct folder *f, const struct folder_dir *dir)
{
        for (size_t i = 0; i < f->files.allocated; i++) {
                struct file *file = f->files.v[i].p;

                if (!file || file->dir != dir || !file->name[0])
                        continue;
                file->seen = f->scan;
                (void)file_queue(f, file, 0);
        }
}

static void list_some(struct folder *f, int64_t mono_usec)
{
        struct folder_dir *dir = f->dirs[f->scan_dir];

        for (unsigned i = 0; i < NAMES_AT_ONCE; i++) {
                struct dirent *e;
                struct file *file;

                errno = 0;
                e = readdir(f->listing);
                if (!e && errno != 0)
                        folder_dir_due(f, dir, mono_usec + RETRY_USEC);
                if (!e) {
                        (void)closedir(f->listing);
                        f->listing = NULL;
                        f->scan_dir++;
                        return;
                }
                if (!file_name_counts(e->d_name))
                        continue;
                file = file_get(f, dir, e->d_name);
                if (!file || (file->queue_index == HEAP_NONE && file_queue(f, file, 0) < 0)) {
                        folder_dir_due(
                                f, dir,
                                mono_usec + RETRY_USEC); /* no memory: once more, and nothing may be taken for gone */
                        if (file)
                                file->seen = f->scan;
                        continue;
                }
                file->seen = f->scan;
        }
}

/* Every file, to be looked at in slices: nothing else drops files meanwhile. */
static bool begin_sweep(struct folder *f)
{
        f->sweep = malloc((f->files.n + 1) * sizeof(*f->sweep));
        if (!f->sweep)
                return false;
        f->n_sweep = 0;
        for (size_t i = 0; i < f->files.allocated; i++)
                if (f->files.v[i].p)
                        f->sweep[f->n_sweep++] = f->files.v[i].p;
        return true;
}

/* Files of the folders that were listed, and that were not there, give up their jobs. */
static void sweep_some(struct folder *f)
{
        for (unsigned i = 0; i < FILES_AT_ONCE && f->n_sweep > 0; i++) {
                struct file *file = f->sweep[--f->n_sweep];

                if (!file->dir->selected || file->dir->due || !file->name[0] || file->seen == f->scan)
                        continue;
                i += 32;
                if (file_remove(f, file) < 0)
                        folder_dir_due(f, file->dir, 0);
        }
}

static void forget_dropped(struct folder *f)
{
        for (size_t i = f->n_dirs; i-- > 0;) {
                struct folder_dir *dir = f->dirs[i];
                bool used = !dir->dropped || dir->due;

                for (size_t k = 0; !used && k < f->queue.n; k++)
                        used = ((const struct file *)f->queue.v[k].element)->dir == dir;
                if (used)
                        continue;
                if (dir->self)
                        (void)file_remove(f, dir->self);
                watch_done(f, dir);
                safe_close(dir->fd);
                free(dir->refused);
                job_folder_unref(dir->shared);
                free(dir);
                memmove(&f->dirs[i], &f->dirs[i + 1], (f->n_dirs - i - 1) * sizeof(*f->dirs));
                f->n_dirs--;
        }
}

static bool begin_scan(struct folder *f, int64_t mono_usec)
{
        for (size_t i = 0; i < f->n_dirs; i++) {
                struct folder_dir *dir = f->dirs[i];

                dir->selected = dir->due && dir->due_usec <= mono_usec;
                f->scanning = f->scanning || dir->selected;
        }
        f->scan++;
        f->scan_dir = 0;
        f->changes = 0;
        return f->scanning;
}

static void end_scan(struct folder *f)
{
        free(f->sweep);
        f->sweep = NULL;
        f->scanning = false;
        for (size_t i = 0; i < f->n_dirs; i++)
                f->dirs[i]->selected = false;
        forget_dropped(f);
}

bool folder_scan_step(struct folder *f, struct wall now, int64_t mono_usec)
{
        if (!f->scanning && !begin_scan(f, mono_usec))
                return false;
        while (f->scan_dir < f->n_dirs) {
                if (f->listing) {
                        list_some(f, mono_usec);
                        return true;
                }
                if (f->dirs[f->scan_dir]->selected && begin_listing(f, now, mono_usec))
                        continue;
                if (f->dirs[f->scan_dir]->selected && f->dirs[f->scan_dir]->refused)
                        keep_all(f, f->dirs[f->scan_dir]);
                f->scan_dir++;
        }
        if (!f->sweep && !begin_sweep(f)) {
                folder_all_due(f, mono_usec + RETRY_USEC);
                end_scan(f);
                return false;
        }
        sweep_some(f);
        if (f->n_sweep == 0)
                end_scan(f);
        return f->scanning;
}

void folder_look(struct folder *f, int64_t mono_usec)
{
        for (size_t i = 0; i < f->n_dirs; i++) {
                struct folder_dir *dir = f->dirs[i];
                struct stat st;
                bool there = stat(dir->path, &st) == 0;

                if (dir->fd < 0 ? there
                                : !there || st.st_dev != dir->dev || st.st_ino != dir->ino ||
                                          st.st_mtim.tv_sec != dir->mtime.tv_sec ||
                                          st.st_mtim.tv_nsec != dir->mtime.tv_nsec)
                        folder_dir_due(f, dir, mono_usec);
        }
        if (f->blind) { /* a watch could not be set: perhaps it can now */
                f->blind = false;
                folder_all_due(f, mono_usec);
        }
        f->look_usec = mono_usec + LOOK_USEC;
}
