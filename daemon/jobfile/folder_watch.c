/* inotify, and what follows from its events. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobfile/folder_state.h"

#define DIR_EVENTS                                                                                                     \
        (IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |                \
         IN_DELETE_SELF | IN_MOVE_SELF)
#define ABOVE_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define TARGET_EVENTS                                                                                                  \
        (IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define WATCHES_MAX 4096 /* links into so many folders */

static void add_watch(struct folder *f, const char *path, uint32_t events, enum watch_kind kind, struct folder_dir *dir,
                      const char *name, size_t name_size)
{
        int wd = inotify_add_watch(f->inotify, path, events | IN_ONLYDIR | IN_MASK_ADD);
        struct watch *v;

        if (wd < 0) {
                f->blind = f->blind || errno != ENOENT;
                return;
        }
        for (size_t i = 0; i < f->n_watches; i++)
                if (f->watches[i].wd == wd && f->watches[i].kind == kind && f->watches[i].dir == dir)
                        return;
        v = f->n_watches < WATCHES_MAX ? reallocarray(f->watches, f->n_watches + 1, sizeof(*v)) : NULL;
        if (!v) {
                f->blind = true;
                return;
        }
        f->watches = v;
        v[f->n_watches] =
                (struct watch){ .wd = wd, .kind = kind, .dir = dir, .name = name ? strndup(name, name_size) : NULL };
        if (name && !v[f->n_watches].name)
                f->blind = true;
        f->n_watches++;
}

/* Takes it off the list; off the kernel's if nobody else has it. */
static void drop_watch(struct folder *f, size_t i, bool in_kernel)
{
        int wd = f->watches[i].wd;

        free(f->watches[i].name);
        f->watches[i] = f->watches[--f->n_watches];
        for (size_t k = 0; k < f->n_watches; k++)
                if (f->watches[k].wd == wd)
                        return;
        if (in_kernel)
                (void)inotify_rm_watch(f->inotify, wd);
}

void watch_done(struct folder *f, struct folder_dir *dir)
{
        for (size_t i = f->n_watches; i-- > 0;)
                if (!dir || f->watches[i].dir == dir)
                        drop_watch(f, i, true);
}

/* The folder itself, and the nearest folder above it that is there: there it appears, is renamed, replaced. */
void watch_dir(struct folder *f, struct folder_dir *dir)
{
        char above[PATH_MAX];
        size_t n = strlen(dir->path);

        watch_done(f, dir);
        add_watch(f, dir->path, DIR_EVENTS, WATCH_DIR, dir, NULL, 0);
        while (n > 1) {
                size_t from = n, end;

                while (from > 1 && dir->path[from - 1] == '/')
                        from--;
                end = from;
                while (from > 0 && dir->path[from - 1] != '/')
                        from--;
                if (from == 0 || from >= sizeof(above) || end == from)
                        return;
                memcpy(above, dir->path, from);
                above[from > 1 ? from - 1 : 1] = 0;
                add_watch(f, above, ABOVE_EVENTS, WATCH_ABOVE, dir, dir->path + from, end - from);
                if (access(above, F_OK) == 0)
                        return;
                n = from;
        }
}

void watch_target(struct folder *f, const char *folder)
{
        add_watch(f, folder, TARGET_EVENTS, WATCH_TARGET, NULL, NULL, 0);
}

static void touch(struct folder *f, struct file *file, uint32_t mask, int64_t mono_usec)
{
        struct stat st;

        if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE))
                file->writing = false;
        else if (mask & IN_MODIFY)
                file->writing = true;
        else if ((mask & IN_CREATE) && fstatat(file->dir->fd, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                file->writing = S_ISREG(st.st_mode) &&
                                st.st_nlink == 1; /* a new link is complete, a new file is yet to be written */
        file->event = true;
        file->due_usec = mono_usec + (file->writing ? WRITER_USEC : DEBOUNCE_USEC);
        if (file_queue(f, file, file->due_usec) < 0)
                folder_all_due(f, mono_usec + RETRY_USEC);
}

static void touch_links(struct folder *f, int64_t mono_usec)
{
        for (size_t i = 0; i < f->n_links; i++)
                touch(f, f->links[i], IN_MOVED_TO, mono_usec);
}

static void on_dir_event(struct folder *f, struct folder_dir *dir, const struct inotify_event *e, int64_t mono_usec)
{
        struct file *file;

        if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) ||
            e->len == 0) { /* without a name: the folder itself */
                folder_dir_due(f, dir, mono_usec + DEBOUNCE_USEC);
                return;
        }
        if (!file_name_counts(e->name)) {
                if (f->n_links > 0) /* such as the `..data` that links lead through */
                        touch_links(f, mono_usec);
                return;
        }
        file = file_get(f, dir, e->name);
        if (file)
                touch(f, file, e->mask, mono_usec);
        else
                folder_all_due(f, mono_usec + RETRY_USEC);
}

static void on_event(struct folder *f, const struct inotify_event *e, int64_t mono_usec)
{
        if (e->mask & IN_Q_OVERFLOW) {
                folder_all_due(f, mono_usec + DEBOUNCE_USEC);
                return;
        }
        for (size_t i = f->n_watches; i-- > 0;) {
                struct watch *w = &f->watches[i];

                if (w->wd != e->wd)
                        continue;
                if (w->kind == WATCH_DIR)
                        on_dir_event(f, w->dir, e, mono_usec);
                else if (w->kind == WATCH_TARGET)
                        touch_links(f, mono_usec);
                else if (e->len == 0 || (w->name && streq(w->name, e->name)))
                        folder_dir_due(f, w->dir, mono_usec + DEBOUNCE_USEC);
                if (e->mask & IN_IGNORED)
                        drop_watch(f, i, false);
        }
}

bool watch_read(struct folder *f, int64_t mono_usec)
{
        union {
                struct inotify_event align;
                char v[16384];
        } buf;
        ssize_t n = read(f->inotify, &buf, sizeof(buf));

        if (n <= 0)
                return n < 0 && errno == EINTR;
        for (char *p = buf.v; p < buf.v + n;) {
                const struct inotify_event *e = (const void *)p;

                on_event(f, e, mono_usec);
                p += sizeof(*e) + e->len;
        }
        return true;
}
