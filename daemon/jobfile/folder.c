#include "jobfile/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "jobfile/diag.h"
#include "jobfile/folder_state.h"

#define FILES_AT_ONCE       40 /* judged in one slice: about 25 µs each */
#define BYTES_AT_ONCE       (48 * 1024)
#define EVENT_READS_AT_ONCE 4
#define TEXTS_CHUNK         ((size_t)256 * 1024) /* malloc gives such ones back to the system */

/* ---- the list of files */

char *file_path(const struct file *file)
{
        size_t n = strlen(file->dir->path), k = strlen(file->name);
        char *path = malloc(n + 1 + k + 1);

        if (!path)
                return NULL;
        memcpy(path, file->dir->path, n);
        if (k > 0)
                path[n++] = '/';
        memcpy(path + n, file->name, k + 1);
        return path;
}

int compare_files(const struct file *a, const struct file *b)
{
        if (a->dir != b->dir)
                return a->dir->order < b->dir->order ? -1 : 1;
        return strcmp(a->name, b->name);
}

struct file_key {
        const struct folder_dir *dir;
        const char *name;
};

static bool same_file(const void *p, const void *key)
{
        const struct file *file = p;
        const struct file_key *k = key;

        return file->dir == k->dir && streq(file->name, k->name);
}

struct file *file_find(struct folder *f, struct folder_dir *dir, const char *name)
{
        return table_find(&f->files, table_hash(name), same_file, &(struct file_key){ dir, name });
}

/* The i-th character of a file's path. */
static unsigned char path_char(const struct file *file, size_t n_dir, size_t i)
{
        if (i < n_dir)
                return (unsigned char)file->dir->path[i];
        if (i == n_dir)
                return file->name[0] ? '/' : 0;
        return (unsigned char)file->name[i - n_dir - 1];
}

/* By path as one text, which is how people see it. */
static int compare_paths(const struct file *a, const struct file *b)
{
        size_t n = strlen(a->dir->path), m = strlen(b->dir->path);

        if (a->dir == b->dir)
                return strcmp(a->name, b->name);
        for (size_t i = 0;; i++) {
                unsigned char x = path_char(a, n, i), y = path_char(b, m, i);

                if (x != y || x == 0)
                        return x < y ? -1 : x > y;
        }
}

/* Where a file stands, or would stand, in the sorted list. */
static size_t sorted_place(const struct folder *f, const struct file *file)
{
        size_t low = 0, high = f->n_sorted;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_paths(f->sorted[middle], file) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

#define SORTED_AT_ONCE 64 /* more changes than that in a row: sorted anew, when somebody asks */

static void sorted_change(struct folder *f)
{
        if (++f->changes > SORTED_AT_ONCE)
                f->in_order = false;
}

static void sorted_add(struct folder *f, struct file *file)
{
        size_t at;

        f->n_listed++;
        sorted_change(f);
        if (!f->in_order)
                return;
        if (f->n_sorted == f->allocated_sorted) {
                size_t want = f->allocated_sorted ? f->allocated_sorted * 2 : 16;
                struct file **v = reallocarray(f->sorted, want, sizeof(*v));

                if (!v) {
                        f->in_order = false;
                        return;
                }
                f->sorted = v;
                f->allocated_sorted = want;
        }
        at = sorted_place(f, file);
        memmove(&f->sorted[at + 1], &f->sorted[at], (f->n_sorted - at) * sizeof(*f->sorted));
        f->sorted[at] = file;
        f->n_sorted++;
}

static void sorted_remove(struct folder *f, const struct file *file)
{
        size_t at;

        f->n_listed--;
        sorted_change(f);
        if (!f->in_order)
                return;
        at = sorted_place(f, file);
        f->n_sorted--;
        memmove(&f->sorted[at], &f->sorted[at + 1], (f->n_sorted - at) * sizeof(*f->sorted));
}

static int compare_sorted(const void *a, const void *b)
{
        return compare_paths(*(struct file *const *)a, *(struct file *const *)b);
}

/* False: no memory. */
static bool sort_files(struct folder *f)
{
        struct file **v;

        if (f->in_order)
                return true;
        v = reallocarray(f->sorted, f->n_listed + 16, sizeof(*v));
        if (!v)
                return false;
        f->sorted = v;
        f->allocated_sorted = f->n_listed + 16;
        f->n_sorted = 0;
        for (size_t i = 0; i < f->files.allocated; i++) {
                struct file *file = f->files.v[i].p;

                if (file && file->listed)
                        v[f->n_sorted++] = file;
        }
        if (f->n_sorted > 1)
                qsort(v, f->n_sorted, sizeof(*v), compare_sorted);
        f->in_order = true;
        f->changes = 0;
        return true;
}

struct file *file_get(struct folder *f, struct folder_dir *dir, const char *name)
{
        struct file *file = file_find(f, dir, name);

        if (file)
                return file;
        file = calloc(1, sizeof(*file) + strlen(name) + 1);
        if (!file)
                return NULL;
        file->queue_index = HEAP_NONE;
        memcpy(file->name, name, strlen(name) + 1);
        file->dir = dir;
        file->state = FOLDER_FILE_OK;
        if (table_add(&f->files, table_hash(name), file) < 0) {
                free(file);
                return NULL;
        }
        return file;
}

void file_drop(struct folder *f, struct file *file)
{
        table_remove(&f->files, table_hash(file->name), file);
        if (file->listed)
                sorted_remove(f, file);
        if (file->restored)
                f->restored[file->restored - 1].file = NULL;
        if (file->dir->self == file)
                file->dir->self = NULL;
        for (size_t i = 0; file->link && i < f->n_links; i++)
                if (f->links[i] == file) {
                        f->links[i] = f->links[--f->n_links];
                        break;
                }
        heap_remove(&f->queue, file);
        free(file);
}

void file_set_state(struct folder *f, struct file *file, enum folder_file_state state, struct wall now)
{
        f->n_broken -= file->state != FOLDER_FILE_OK;
        f->n_broken += state != FOLDER_FILE_OK;
        if (file->state != state || file->since.usec == 0)
                file->since = now;
        file->state = state;
        if (!file->listed) {
                file->listed = true;
                sorted_add(f, file);
        }
}

/* ---- the queue: what is to be judged, and when */

static bool judged_tie(const void *a, const void *b)
{
        return compare_files(a, b) < 0;
}

int file_queue(struct folder *f, struct file *file, int64_t due_usec)
{
        file->due_usec = due_usec;
        return heap_put(&f->queue, due_usec, file) ? 0 : -ENOMEM;
}

struct file *file_unqueue(struct folder *f, int64_t mono_usec)
{
        struct file *file = heap_top(&f->queue);

        if (!file && f->queue.allocated > 1024)
                heap_done(&f->queue); /* after a storm */
        if (!file || file->due_usec > mono_usec)
                return NULL;
        heap_remove(&f->queue, file);
        return file;
}

/* When the first of them is due; "never" if none is. */
static int64_t next_judged(const struct folder *f)
{
        const struct file *file = heap_top(&f->queue);

        return file ? file->due_usec : USEC_INFINITY;
}

/* ---- what changed */

int changes_reserve(struct changes *c, size_t n_put, size_t n_removed)
{
        if (c->n_put + n_put > c->allocated_put) {
                size_t want = MAX(2 * c->allocated_put, c->n_put + n_put);
                struct job **v = reallocarray(c->put, want, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                c->put = v;
                c->allocated_put = want;
        }
        if (c->n_removed + n_removed > c->allocated_removed) {
                size_t want = MAX(2 * c->allocated_removed, c->n_removed + n_removed);
                struct job **v = reallocarray(c->removed, want, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                c->removed = v;
                c->allocated_removed = want;
        }
        return 0;
}

int changes_file(struct changes *c, const char *path, const void *text, size_t size, uint32_t uid, uint32_t mode)
{
        char *path_copy, *text_copy = NULL;

        if (c->n_files == c->allocated_files) {
                size_t want = c->allocated_files ? 2 * c->allocated_files : 4;
                struct file_row *v = reallocarray(c->files, want, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                c->files = v;
                c->allocated_files = want;
        }
        c->texts.chunk = TEXTS_CHUNK;
        path_copy = arena_copy(&c->texts, path, strlen(path));
        if (text && path_copy)
                text_copy = arena_copy(&c->texts, text, size);
        if (!path_copy || (text && !text_copy)) {
                c->texts.failed = false;
                return -ENOMEM;
        }
        c->files[c->n_files++] =
                (struct file_row){ .path = path_copy, .text = text_copy, .size = size, .uid = uid, .mode = mode };
        return 0;
}

static void changes_done(struct changes *c)
{
        for (size_t i = 0; i < c->n_put; i++)
                job_unref(c->put[i]);
        for (size_t i = 0; i < c->n_removed; i++)
                job_unref(c->removed[i]);
        arena_done(&c->texts);
        free(c->put);
        free(c->removed);
        free(c->files);
        free(c->names);
        *c = (struct changes){ 0 };
}

static bool same_job_name(const void *p, const void *key)
{
        return streq(((const struct job *)p)->name, key);
}

static struct job *in_force(const struct folder *f, const char *name)
{
        return table_find(&f->names, table_hash(name), same_job_name, name);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Only what is true now: a job that was replaced since is not put, a name that has come back is not removed. */
static bool condense(const struct folder *f, struct changes *c)
{
        size_t n = 0;

        c->names = calloc(c->n_removed + 1, sizeof(*c->names));
        if (!c->names)
                return false;
        for (size_t i = 0; i < c->n_removed; i++)
                if (!in_force(f, c->removed[i]->name))
                        c->names[n++] = c->removed[i]->name;
        if (n > 1)
                qsort(c->names, n, sizeof(*c->names), compare_names);
        for (size_t i = 0; i < n; i++)
                if (c->n_names == 0 || !streq(c->names[c->n_names - 1], c->names[i]))
                        c->names[c->n_names++] = c->names[i];
        n = 0;
        for (size_t i = 0; i < c->n_put; i++) {
                struct job *j = c->put[i];

                if (in_force(f, j->name) == j)
                        c->put[n++] = j;
                else
                        job_unref(j);
        }
        c->n_put = n;
        return true;
}

/* While names move from file to file what is in force is neither the old nor the new. */
static bool settling(const struct folder *f)
{
        return f->scanning || f->n_freed > 0 || f->rejudge_all || next_judged(f) == 0;
}

bool folder_take_delta(struct folder *f, struct event *ret)
{
        changes_done(&f->taken);
        if (settling(f) || (f->next.n_put == 0 && f->next.n_removed == 0 && f->next.n_files == 0) ||
            !condense(f, &f->next))
                return false;
        f->taken = f->next;
        f->next = (struct changes){ 0 };
        *ret = (struct event){ .type = EVENT_CONFIG };
        ret->config.put = f->taken.put;
        ret->config.n_put = f->taken.n_put;
        ret->config.removed = f->taken.names;
        ret->config.n_removed = f->taken.n_names;
        ret->config.files = f->taken.files;
        ret->config.n_files = f->taken.n_files;
        return true;
}

/* ---- life */

static struct folder_dir *dir_new(const char *path)
{
        struct folder_dir *dir = calloc(1, sizeof(*dir));
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                n--;
        if (dir && !(dir->shared = job_folder_new(path, n))) {
                free(dir);
                return NULL;
        }
        if (dir) {
                dir->path = dir->shared->path;
                dir->fd = -1;
        }
        return dir;
}

static struct folder_dir *find_dir(const struct folder *f, const char *path, size_t n)
{
        while (n > 1 && path[n - 1] == '/')
                n--;
        for (size_t i = 0; i < f->n_dirs; i++)
                if (strlen(f->dirs[i]->path) == n && memcmp(f->dirs[i]->path, path, n) == 0)
                        return f->dirs[i];
        return NULL;
}

/* Takes options over; folders that are no longer named are to be swept. */
static int set_options(struct folder *f, const struct folder_options *opt)
{
        size_t n = 0;

        for (char *const *p = opt->dirs; *p; p++)
                n++;
        if (n + f->n_dirs > 0) {
                struct folder_dir **v = reallocarray(f->dirs, f->n_dirs + n, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                f->dirs = v;
        }
        for (size_t i = 0; i < n; i++) {
                struct folder_dir *dir;

                if (find_dir(f, opt->dirs[i], strlen(opt->dirs[i])))
                        continue;
                dir = dir_new(opt->dirs[i]);
                if (!dir)
                        return -ENOMEM;
                dir->order = (unsigned)(f->n_dirs + n);
                f->dirs[f->n_dirs++] = dir;
        }
        for (size_t i = 0; i < f->n_dirs; i++) {
                f->dirs[i]->dropped = true;
                f->dirs[i]->order += (unsigned)n;
        }
        for (size_t i = 0; i < n; i++) {
                struct folder_dir *dir = find_dir(f, opt->dirs[i], strlen(opt->dirs[i]));

                if (dir->dropped)
                        dir->order = (unsigned)i;
                dir->dropped = false;
        }
        f->in_order = false;
        job_unref(f->defaults);
        f->defaults = opt->parse.defaults ? job_ref((struct job *)opt->parse.defaults) : NULL;
        f->parse = opt->parse;
        f->own_uid = opt->own_uid;
        f->on_judged = opt->on_judged;
        f->arg = opt->arg;
        f->options++;
        return 0;
}

int folder_new(const struct folder_options *opt, struct folder **ret)
{
        _cleanup_(folder_freep) struct folder *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->queue = (struct heap){ .offset = offsetof(struct file, queue_index), .tie = judged_tie };
        f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (f->inotify < 0)
                return -errno;
        r = set_options(f, opt);
        if (r < 0)
                return r;
        folder_all_due(f, 0);
        *ret = TAKE_PTR(f);
        return 0;
}

static void forget_restored(struct folder *f)
{
        for (size_t i = 0; i < f->n_restored; i++)
                if (f->restored[i].file)
                        f->restored[i].file->restored = 0;
        arena_done(&f->restored_texts);
        free(f->restored);
        f->restored = NULL;
        f->n_restored = f->allocated_restored = 0;
}

struct folder *folder_free(struct folder *f)
{
        if (!f)
                return NULL;
        forget_restored(f);
        for (size_t i = 0; i < f->files.allocated; i++)
                if (f->files.v[i].p)
                        file_free(f->files.v[i].p);
        for (size_t i = 0; i < f->n_freed; i++)
                free(f->freed[i]);
        changes_done(&f->taken);
        changes_done(&f->next);
        watch_done(f, NULL);
        free(f->watches);
        if (f->listing)
                (void)closedir(f->listing);
        safe_close(f->inotify);
        for (size_t i = 0; i < f->n_dirs; i++) {
                safe_close(f->dirs[i]->fd);
                free(f->dirs[i]->refused);
                job_folder_unref(f->dirs[i]->shared);
                free(f->dirs[i]);
        }
        free(f->dirs);
        table_done(&f->files);
        table_done(&f->names);
        free(f->sorted);
        free(f->path);
        heap_done(&f->queue);
        free(f->links);
        free(f->clashing);
        free(f->freed);
        free(f->sweep);
        free(f->buffer);
        job_unref(f->defaults);
        free(f);
        return NULL;
}

int folder_restore(struct folder *f, const struct file_row *row)
{
        const char *slash = strrchr(row->path, '/');
        struct folder_dir *dir = slash ? find_dir(f, row->path, (size_t)MAX(slash - row->path, 1)) : NULL;
        struct restored *r;
        struct file *file;
        bool fresh;

        if (!row->text)
                return 0;
        if (!dir || !file_name_counts(slash + 1)) /* of a folder that is no longer ours */
                return changes_file(&f->next, row->path, NULL, 0, 0, 0);
        if (f->n_restored == f->allocated_restored) {
                size_t want = f->allocated_restored ? 2 * f->allocated_restored : 64;
                struct restored *v = reallocarray(f->restored, want, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                f->restored = v;
                f->allocated_restored = want;
        }
        file = file_get(f, dir, slash + 1);
        if (!file)
                return -ENOMEM;
        fresh = !file->restored; /* (of twice the same path the later one counts) */
        if (fresh)
                file->restored = (uint32_t)++f->n_restored;
        f->restored_texts.chunk = TEXTS_CHUNK;
        r = &f->restored[file->restored - 1];
        *r = (struct restored){ .file = file,
                                .text = arena_copy(&f->restored_texts, row->text, row->size),
                                .size = row->size,
                                .uid = row->uid,
                                .mode = row->mode };
        if (r->text)
                return 0;
        if (fresh) {
                file->restored = 0;
                f->n_restored--;
        } else {
                r->file = NULL;
                file->restored = 0;
        }
        return -ENOMEM;
}

static int compare_restored(const void *a, const void *b)
{
        const struct restored *x = a, *y = b;

        if (!x->file || !y->file)
                return (x->file != NULL) - (y->file != NULL);
        return compare_files(x->file, y->file);
}

/* What was in force when the daemon last ran comes first: so names stay with the files that held them. */
static int load_restored(struct folder *f, struct wall now)
{
        int r = 0;

        if (f->n_restored > 1)
                qsort(f->restored, f->n_restored, sizeof(*f->restored), compare_restored);
        for (size_t i = 0; i < f->n_restored; i++)
                if (f->restored[i].file)
                        f->restored[i].file->restored = (uint32_t)i + 1;
        for (size_t i = 0; i < f->n_restored && r == 0; i++)
                if (f->restored[i].file)
                        r = file_load_restored(f, &f->restored[i], now);
        return r;
}

static int compare_queued(const void *a, const void *b)
{
        const struct heap_place *x = a, *y = b;

        return compare_files(x->element, y->element);
}

/* Everything that was queued, in order.  The heap would do; sorted once it is cheaper, and its array is given back. */
static int load_listed(struct folder *f, struct wall now)
{
        struct heap_place *v = f->queue.v;
        size_t n = f->queue.n;
        int r = 0;

        f->queue.v = NULL;
        f->queue.n = f->queue.allocated = 0;
        if (n > 1)
                qsort(v, n, sizeof(*v), compare_queued);
        for (size_t i = 0; i < n; i++)
                *heap_index(&f->queue, v[i].element) = HEAP_NONE;
        for (size_t i = 0; i < n && r == 0; i++)
                r = file_load(f, v[i].element, now);
        free(v);
        return r;
}

int folder_scan(struct folder *f, struct wall now)
{
        struct file *file;
        int r;

        while (folder_scan_step(f, now, 0))
                ;
        for (size_t i = 0; i < f->n_dirs; i++)
                if (f->dirs[i]->due) /* memory or descriptors ran out; what was not seen must not be taken for gone */
                        return -ENOMEM;
        r = load_restored(f, now);
        forget_restored(f);
        if (r < 0)
                return r;
        r = load_listed(f, now);
        while (r == 0 && folder_rejudge(f))
                while (r == 0 && (file = file_unqueue(f, 0)))
                        r = file_load(f, file, now);
        if (r < 0)
                return r;
        return 0;
}

int folder_fd(const struct folder *f)
{
        return f->inotify;
}

static void load_some(struct folder *f, struct wall now, int64_t mono_usec)
{
        size_t bytes = f->bytes_read;

        for (unsigned i = 0; i < FILES_AT_ONCE && f->bytes_read - bytes < BYTES_AT_ONCE; i++) {
                struct file *file = file_unqueue(f, mono_usec);

                if (!file) {
                        if (!folder_rejudge(f))
                                return;
                        continue;
                }
                file->writing = false;
                if (file_load(f, file, now) < 0)
                        (void)file_queue(f, file, mono_usec + RETRY_USEC);
        }
}

static int64_t next_time(const struct folder *f, int64_t mono_usec)
{
        int64_t t = f->blind ? MIN(f->look_usec, mono_usec + BLIND_USEC) : f->look_usec;

        if (settling(f))
                return mono_usec;
        t = MIN(t, next_judged(f));
        for (size_t i = 0; i < f->n_dirs; i++)
                if (f->dirs[i]->due)
                        t = MIN(t, f->dirs[i]->due_usec);
        return MAX(t, mono_usec);
}

int folder_process(struct folder *f, struct wall now, struct mono mono, struct mono *ret_again)
{
        bool more = true;

        changes_done(&f->taken);
        for (unsigned i = 0; i < EVENT_READS_AT_ONCE && more; i++)
                more = watch_read(f, mono.usec);
        if (f->look_usec == 0)
                f->look_usec = mono.usec + (f->blind ? BLIND_USEC : LOOK_USEC);
        if (mono.usec >= f->look_usec)
                folder_look(f, mono.usec);
        if (!folder_scan_step(f, now, mono.usec))
                load_some(f, now, mono.usec);
        *ret_again = (struct mono){ more ? mono.usec : next_time(f, mono.usec) };
        return 0;
}

int folder_rescan(struct folder *f, const struct folder_options *opt)
{
        int r = opt ? set_options(f, opt) : 0;

        changes_done(&f->taken);
        folder_all_due(f, 0);
        return r;
}

bool folder_busy(const struct folder *f)
{
        for (size_t i = 0; i < f->n_dirs; i++)
                if (f->dirs[i]->due)
                        return true;
        return settling(f) || f->queue.n > 0;
}

size_t folder_files(const struct folder *f)
{
        return f->n_listed;
}

void file_describe(const struct file *file, const char *path, struct folder_file *ret)
{
        static const struct diagnostics none;

        *ret = (struct folder_file){
                .path = path,
                .state = file->state,
                .since = file->since,
                .n_jobs = file->n_jobs,
                .errors = file->trouble ? &file->trouble->errors : &none,
                .warnings = file->trouble ? &file->trouble->warnings : &none,
        };
}

bool folder_file_at(const struct folder *folder, size_t i, struct folder_file *ret)
{
        struct folder *f = (struct folder *)folder; /* the order and the path are only remembered */
        const struct file *file;
        char *path;

        if (i >= f->n_listed || !sort_files(f))
                return false;
        file = f->sorted[i];
        path = file_path(file);
        if (!path)
                return false;
        free(f->path);
        f->path = path;
        file_describe(file, path, ret);
        return true;
}

size_t folder_broken(const struct folder *f)
{
        return f->n_broken;
}
