/* One file: read, judged, put in force or not. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jobfile/diag.h"
#include "jobfile/folder_state.h"
#include "jobfile/tree.h"
#include "jobfile/trusted.h"

static bool ends(const char *name, const char *end)
{
        size_t n = strlen(name), k = strlen(end);

        return n > k && streq(name + n - k, end);
}

/* *.yaml, *.yml; dot files and what editors and packages leave behind have other endings, or a dot in front. */
bool file_name_counts(const char *name)
{
        return name[0] != '.' && (ends(name, ".yaml") || ends(name, ".yml")) && !strstr(name, ".dpkg-") &&
               !strstr(name, ".rpm");
}

/* ---- trouble */

static struct trouble *trouble_free(struct trouble *t)
{
        if (!t)
                return NULL;
        diagnostics_done(&t->errors);
        diagnostics_done(&t->warnings);
        for (size_t i = 0; i < t->n_conflicts; i++)
                free(t->conflicts[i]);
        free(t->conflicts);
        free(t);
        return NULL;
}

static void leave_clashing(struct folder *f, const struct file *file)
{
        for (size_t i = 0; i < f->n_clashing; i++)
                if (f->clashing[i] == file) {
                        f->clashing[i] = f->clashing[--f->n_clashing];
                        return;
                }
}

static void tell(struct folder *f, const struct file *file)
{
        _cleanup_(freep) char *path = NULL;
        struct folder_file said;

        if (!f->on_judged || !(path = file_path(file)))
                return;
        file_describe(file, path, &said);
        f->on_judged(f->arg, &said);
}

/* Takes `t`, NULL: nothing is wrong. */
static void set_trouble(struct folder *f, struct file *file, struct trouble *t, struct wall now)
{
        if (file->trouble && file->trouble->n_conflicts > 0)
                leave_clashing(f, file);
        trouble_free(file->trouble);
        file->trouble = t;
        file_set_state(f, file,
                       !t || t->errors.n == 0 ? FOLDER_FILE_OK
                       : file->source         ? FOLDER_FILE_STALE
                                              : FOLDER_FILE_ERROR,
                       now);
        if (t && t->n_conflicts > 0)
                f->clashing[f->n_clashing++] = file; /* judge() made room */
}

static int reserve_clashing(struct folder *f)
{
        size_t want = f->allocated_clashing ? 2 * f->allocated_clashing : 16;
        struct file **v;

        if (f->n_clashing < f->allocated_clashing)
                return 0;
        v = reallocarray(f->clashing, want, sizeof(*v));
        if (!v)
                return -ENOMEM;
        f->clashing = v;
        f->allocated_clashing = want;
        return 0;
}

void file_set_error(struct folder *f, struct file *file, const char *message, struct wall now)
{
        struct trouble *t;

        if (file->trouble && !file->trouble->has_hash && file->trouble->errors.n == 1 &&
            streq(file->trouble->errors.v[0].message, message))
                return; /* still the same */
        t = calloc(1, sizeof(*t));
        if (t && diagnostics_add(&t->errors, 0, 0, NULL, NULL, "%s", message) < 0)
                t = trouble_free(t);
        if (!t)
                return;
        set_trouble(f, file, t, now);
        tell(f, file);
}

/* ---- names */

static bool same_name(const void *p, const void *key)
{
        return streq(((const struct job *)p)->name, key);
}

static struct job *holder(const struct folder *f, const char *name)
{
        return table_find(&f->names, table_hash(name), same_name, name);
}

static bool holds(const struct file *file, const struct job *job)
{
        return file->source && job->source == file->source;
}

/* Remembers a name that was given up, if anybody might want it. */
static void free_name(struct folder *f, const char *name)
{
        if (f->n_clashing == 0)
                return;
        if (f->n_freed == f->allocated_freed) {
                size_t want = f->allocated_freed ? 2 * f->allocated_freed : 16;
                char **v = reallocarray(f->freed, want, sizeof(*v));

                if (v) {
                        f->freed = v;
                        f->allocated_freed = want;
                }
        }
        if (f->n_freed < f->allocated_freed && (f->freed[f->n_freed] = strdup(name)))
                f->n_freed++;
        else
                f->rejudge_all = true;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

bool folder_rejudge(struct folder *f)
{
        bool any = false;

        if (f->n_freed == 0 && !f->rejudge_all)
                return false;
        if (f->n_freed > 1)
                qsort(f->freed, f->n_freed, sizeof(*f->freed), compare_strings);
        for (size_t i = 0; i < f->n_clashing; i++) {
                struct file *file = f->clashing[i];

                for (size_t k = 0; k < file->trouble->n_conflicts; k++)
                        if (f->rejudge_all || bsearch(&file->trouble->conflicts[k], f->freed, f->n_freed,
                                                      sizeof(*f->freed), compare_strings)) {
                                file->event = true;
                                file->trouble->has_hash = false;
                                any = file_queue(f, file, 0) == 0 || any;
                                break;
                        }
        }
        for (size_t i = 0; i < f->n_freed; i++)
                free(f->freed[i]);
        f->n_freed = 0;
        f->rejudge_all = false;
        return any;
}

/* Jobs whose names others hold become errors of `t`.  0 or -ENOMEM. */
static int find_conflicts(struct folder *f, const struct file *file, const struct jobfile *parsed, const char *text,
                          size_t size, struct trouble *t)
{
        for (size_t i = 0; i < parsed->n_jobs; i++) {
                const struct job *other = holder(f, parsed->jobs[i]->name);
                _cleanup_(freep) char *path = NULL;
                char **v;
                int r;

                if (!other || holds(file, other))
                        continue;
                path = other->source ? job_source_path(other->source) : NULL;
                r = diagnostics_add(&t->errors, parsed->jobs[i]->line, job_name_column(text, size, parsed->jobs[i]),
                                    parsed->jobs[i]->name, "rename one of them",
                                    "the name `%s` is held by line %u of %s", parsed->jobs[i]->name, other->line,
                                    path ?: "?");
                v = r < 0 ? NULL : reallocarray(t->conflicts, t->n_conflicts + 1, sizeof(*v));
                if (!v)
                        return -ENOMEM;
                t->conflicts = v;
                v[t->n_conflicts] = strdup(parsed->jobs[i]->name);
                if (!v[t->n_conflicts])
                        return -ENOMEM;
                t->n_conflicts++;
        }
        return 0;
}

/* ---- in force */

struct job *const *file_jobs(const struct file *file)
{
        return file->n_jobs == 1 ? &file->jobs.one : file->jobs.many;
}

/* Puts `jobs` in force instead of those that are; takes them and their array (malloc'ed).  Can't fail: names and
 * changes have room. */
static void replace_jobs(struct folder *f, struct file *file, struct job **jobs, size_t n)
{
        struct job *one = file->n_jobs == 1 ? file->jobs.one : NULL, **old = one ? &one : file->jobs.many;
        uint32_t n_old = file->n_jobs;

        for (uint32_t i = 0; i < n_old; i++)
                table_remove(&f->names, table_hash(old[i]->name), old[i]);
        for (size_t i = 0; i < n; i++) {
                (void)table_add(&f->names, table_hash(jobs[i]->name), jobs[i]);
                f->next.put[f->next.n_put++] = job_ref(jobs[i]);
        }
        for (uint32_t i = 0; i < n_old; i++) {
                if (!holder(f, old[i]->name)) {
                        free_name(f, old[i]->name);
                        f->next.removed[f->next.n_removed++] = job_ref(old[i]);
                }
                job_unref(old[i]);
        }
        if (n_old > 1)
                free(old);
        file->n_jobs = (uint32_t)n;
        if (n == 1) {
                file->jobs.one = jobs[0];
                free(jobs);
        } else {
                file->jobs.many = jobs;
        }
}

static bool same_calendars(const struct job_policy *a, const struct job_policy *b)
{
        for (uint32_t i = 0; a != b && i < a->n_exclude && i < b->n_exclude; i++)
                if (a->exclude[i].kind == EXCLUDE_CALENDAR && a->exclude[i].set != b->exclude[i].set)
                        return false;
        return true;
}

/* Whether what was parsed is what is in force already, in all that matters to anybody. */
static bool unchanged(const struct file *file, const struct jobfile *parsed)
{
        if (!file->source || file->n_jobs != parsed->n_jobs)
                return false;
        for (uint32_t i = 0; i < file->n_jobs; i++) {
                const struct job *a = file_jobs(file)[i], *b = parsed->jobs[i];

                if (memcmp(a->digest, b->digest, sizeof(a->digest)) != 0 || a->policy->zone != b->policy->zone ||
                    !same_calendars(a->policy, b->policy) || !streq_ptr(a->policy->blocked, b->policy->blocked) ||
                    a->line != b->line || a->policy->set_by_config != b->policy->set_by_config)
                        return false;
        }
        return true;
}

/* ---- judging a text */

struct text {
        const char *v;
        size_t size;
        uint32_t uid, mode;
        bool row; /* what is put in force is to be stored */
};

static bool has_old_zone(const struct folder *f, const struct job *j)
{
        const struct zone_source *z = f->parse.zones;
        const struct tz *now = !z ? NULL : j->policy->timezone ? z->find(z->arg, j->policy->timezone) : z->local;

        return now && now != j->policy->zone;
}

/* The file is broken, so that its text says nothing: what is in force gets the zones of now by its printed form. */
static int renew_zones(struct folder *f, struct file *file)
{
        struct job **jobs;
        bool any = false;
        int r;

        for (uint32_t i = 0; i < file->n_jobs; i++)
                any = any || has_old_zone(f, file_jobs(file)[i]);
        if (!any)
                return 0;
        jobs = calloc(file->n_jobs, sizeof(*jobs));
        r = jobs && table_reserve(&f->names, f->names.n + file->n_jobs) >= 0 ? changes_reserve(&f->next, file->n_jobs, file->n_jobs) : -ENOMEM;
        for (uint32_t i = 0; r == 0 && i < file->n_jobs; i++) {
                _cleanup_(freep) char *text = job_print(file_jobs(file)[i]);

                r = text ? job_read(text, strlen(text), f->parse.zones, f->parse.machine, file->source, &jobs[i]) : -ENOMEM;
        }
        if (r == 0) {
                replace_jobs(f, file, jobs, file->n_jobs);
                return 0;
        }
        for (uint32_t i = 0; jobs && i < file->n_jobs; i++)
                job_unref(jobs[i]);
        free(jobs);
        return r == -ENOMEM ? r : 0;
}

static int settle(struct folder *f, struct file *file, struct jobfile *parsed, struct job_source *source,
                  const struct text *t, struct trouble *trouble)
{
        bool same_text = file->source &&
                         memcmp(file->source->text_hash, source->text_hash, sizeof(source->text_hash)) == 0 &&
                         file->source->uid == t->uid;
        _cleanup_(freep) char *path = NULL;
        int r;

        if (trouble->errors.n > 0)
                return file->options != f->options ? renew_zones(f, file) : 0;
        if (same_text && unchanged(file, parsed))
                return 0;
        if (table_reserve(&f->names, f->names.n + parsed->n_jobs) < 0)
                return -ENOMEM;
        r = changes_reserve(&f->next, parsed->n_jobs, file->n_jobs);
        if (r == 0 && t->row && !same_text)
                r = (path = file_path(file)) ? 0 : -ENOMEM;
        if (path)
                r = changes_file(&f->next, path, t->v, t->size, t->uid, t->mode);
        if (r < 0)
                return r;
        replace_jobs(f, file, parsed->jobs, parsed->n_jobs);
        parsed->jobs = NULL;
        parsed->n_jobs = 0;
        job_source_unref(file->source);
        file->source = job_source_ref(source);
        return 0;
}

/* Judges `t`, puts it in force or keeps the last good version. */
static int judge(struct folder *f, struct file *file, const struct text *t, const uint64_t hash[2], struct wall now)
{
        struct job_source *source = job_source_new(file->dir->shared, file->name, t->uid);
        struct trouble *trouble = calloc(1, sizeof(*trouble));
        struct jobfile parsed = { 0 };
        bool tells;
        int r = -ENOMEM;

        if (source && trouble) {
                memcpy(source->text_hash, hash, sizeof(source->text_hash));
                f->parse.now = now;
                r = jobfile_parse(t->v, t->size, source, &f->parse, &parsed);
        }
        if (r == 0 || r == -EINVAL) {
                trouble->errors = parsed.errors;
                trouble->warnings = parsed.warnings;
                parsed.errors = parsed.warnings = (struct diagnostics){ 0 };
                r = find_conflicts(f, file, &parsed, t->v, t->size, trouble);
        }
        if (r == 0 && trouble->n_conflicts > 0)
                r = reserve_clashing(f);
        if (r == 0)
                r = settle(f, file, &parsed, source, t, trouble);
        jobfile_done(&parsed);
        job_source_unref(source);
        if (r < 0) {
                trouble_free(trouble);
                return r;
        }
        file->options = f->options;
        trouble->has_hash = trouble->errors.n > 0;
        memcpy(trouble->text_hash, hash, sizeof(trouble->text_hash));
        if (trouble->errors.n == 0 && trouble->warnings.n == 0)
                trouble = trouble_free(trouble);
        tells = trouble || file->trouble;
        set_trouble(f, file, trouble, now);
        if (tells)
                tell(f, file);
        return 0;
}

int file_remove(struct folder *f, struct file *file)
{
        if (file->source || file->restored) {
                _cleanup_(freep) char *path = file_path(file);
                int r = path ? changes_reserve(&f->next, 0, file->n_jobs) : -ENOMEM;

                if (r == 0)
                        r = changes_file(&f->next, path, NULL, 0, 0, 0);
                if (r < 0)
                        return r;
                replace_jobs(f, file, NULL, 0);
                file->source = job_source_unref(file->source);
        }
        set_trouble(f, file, NULL, (struct wall){ 0 });
        file_drop(f, file);
        return 0;
}

void file_free(struct file *file)
{
        for (uint32_t i = 0; i < file->n_jobs; i++)
                job_unref(file_jobs(file)[i]);
        if (file->n_jobs > 1)
                free(file->jobs.many);
        job_source_unref(file->source);
        trouble_free(file->trouble);
        free(file);
}

/* ---- from disk */

/* A number made of what stat says of a file's content. 0: it was changed so recently that another change might
 * look the same. */
static uint64_t look_of(const struct stat *st, struct wall now)
{
        const uint64_t v[] = { st->st_dev,
                               st->st_ino,
                               (uint64_t)st->st_size,
                               (uint64_t)st->st_mtim.tv_sec,
                               (uint64_t)st->st_mtim.tv_nsec,
                               (uint64_t)st->st_ctim.tv_sec,
                               (uint64_t)st->st_ctim.tv_nsec,
                               (uint64_t)st->st_uid << 32 | st->st_mode };
        int64_t age = now.usec - ((int64_t)st->st_ctim.tv_sec * USEC_PER_SEC + st->st_ctim.tv_nsec / 1000);
        uint64_t h = UINT64_C(14695981039346656037);

        if (age < 2 * USEC_PER_SEC)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                h = (h ^ v[i]) * UINT64_C(0x9E3779B97F4A7C15);
                h ^= h >> 29;
        }
        return h | 1;
}

/* Up to one byte more than a job file may have, into the folder's buffer. */
static int read_text_of(struct folder *f, int fd, size_t expected, size_t *ret_size)
{
        size_t want = MIN(expected, (size_t)TREE_TEXT_MAX) + 1, n = 0;

        for (;;) {
                ssize_t got;

                if (f->buffer_size < want) {
                        char *v = realloc(f->buffer, MAX(want, (size_t)16384));

                        if (!v)
                                return -ENOMEM;
                        f->buffer = v;
                        f->buffer_size = MAX(want, (size_t)16384);
                }
                got = read(fd, f->buffer + n, want - n);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                n += (size_t)got;
                if (got == 0 || n < want || n > TREE_TEXT_MAX) /* less than asked for: the end, for a plain file */
                        break;
                want = MIN(2 * want, (size_t)TREE_TEXT_MAX + 1);
        }
        f->bytes_read += n;
        *ret_size = n;
        return 0;
}

static void note_link(struct folder *f, struct file *file, bool link)
{
        char folder[PATH_MAX], target[PATH_MAX];
        struct file **v;
        char *slash;
        ssize_t n;

        if (file->link && !link) {
                for (size_t i = 0; i < f->n_links; i++)
                        if (f->links[i] == file) {
                                f->links[i] = f->links[--f->n_links];
                                break;
                        }
                file->link = false;
        }
        if (!link)
                return;
        if (!file->link) {
                v = reallocarray(f->links, f->n_links + 1, sizeof(*v));
                if (!v)
                        return;
                f->links = v;
                v[f->n_links++] = file;
                file->link = true;
        }
        n = readlinkat(file->dir->fd, file->name, target, sizeof(target) - 1);
        if (n <= 0)
                return;
        target[n] = 0;
        slash = strrchr(target, '/');
        if (slash)
                slash[1] = 0;
        n = snprintf(folder, sizeof(folder), "%s%s%s", target[0] == '/' ? "" : file->dir->path,
                     target[0] == '/' ? "" : "/", slash ? target : "");
        if (n > 0 && (size_t)n < sizeof(folder))
                watch_target(f, folder);
}

static int load_open(struct folder *f, struct file *file, int fd, const struct stat *st, struct wall now)
{
        bool again = file->options != f->options, known = file->trouble && file->trouble->has_hash;
        uint64_t look = look_of(st, now);
        char message[160];
        struct text t;
        uint64_t hash[2];
        int r;

        if (!again && !file->event && look && look == file->look)
                return 0;
        r = read_text_of(f, fd, (size_t)MAX(st->st_size, 0), &t.size);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                (void)snprintf(message, sizeof(message), "it can't be read: %s", strerror(-r));
                file_set_error(f, file, message, now);
                return 0;
        }
        t.v = f->buffer;
        t.uid = st->st_uid;
        t.mode = st->st_mode & 07777;
        t.row = true;
        text_hash(t.v, t.size, hash);
        file->look = look;
        file->event = false;
        if (!again && known && memcmp(file->trouble->text_hash, hash, sizeof(hash)) == 0)
                return 0; /* wrong as before */
        if (!again && file->source && file->state == FOLDER_FILE_OK &&
            memcmp(file->source->text_hash, hash, sizeof(hash)) == 0 && file->source->uid == t.uid)
                return 0; /* good as before */
        r = judge(f, file, &t, hash, now);
        if (r < 0)
                file->event = true;
        return r;
}

int file_load(struct folder *f, struct file *file, struct wall now)
{
        _cleanup_(closep) int fd = -1;
        struct error err = ERROR_NULL;
        struct stat st;
        bool link = false;
        int r;

        if (file->fresh) {
                file->fresh = false;
                return 0;
        }
        if (file->dir->refused) {
                file->look = 0; /* when the folder is good again the file has not changed, and is judged all the same */
                file_set_error(f, file, file->dir->refused, now);
                return 0;
        }
        if (file->dir->fd < 0)
                return file_remove(f, file);
        r = trusted_file(file->dir->fd, file->dir->path, file->name, f->own_uid, &fd, &st, &link, &err);
        if (r == -ENOENT)
                return file_remove(f, file);
        if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
                return -EMFILE;
        note_link(f, file, link || r == -ENOLINK || (r == -EPERM && file->link));
        if (r < 0) {
                file->look = 0;
                file_set_error(f, file, err.message, now);
                return 0;
        }
        return load_open(f, file, fd, &st, now);
}

int file_load_restored(struct folder *f, const struct restored *restored, struct wall now)
{
        struct file *file = restored->file;
        struct text t = { restored->text, restored->size, restored->uid, restored->mode, false };
        _cleanup_(closep) int fd = -1;
        struct error err = ERROR_NULL;
        struct stat st;
        bool link = false;
        uint64_t hash[2];
        size_t size;
        int r;

        text_hash(t.v, t.size, hash);
        if (file->dir->fd >= 0 && !file->dir->refused &&
            trusted_file(file->dir->fd, file->dir->path, file->name, f->own_uid, &fd, &st, &link, &err) == 0) {
                r = read_text_of(f, fd, (size_t)MAX(st.st_size, 0), &size);
                if (r == 0 && size == t.size && memcmp(f->buffer, t.v, size) == 0) {
                        t.row = st.st_uid != t.uid; /* the same text of another owner */
                        t.uid = st.st_uid;
                        t.mode = st.st_mode & 07777;
                        file->look = look_of(&st, now);
                        file->fresh = true;
                        note_link(f, file, link);
                }
        }
        r = judge(f, file, &t, hash, now);
        if (r == 0 && !file->fresh && file->state == FOLDER_FILE_ERROR)
                set_trouble(f, file, NULL,
                            now); /* what the store holds is no good any more; the file itself is judged next */
        return r;
}
