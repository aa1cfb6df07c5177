#include "jobfile/calendars.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "jobfile/diag.h"
#include "jobfile/ics.h"
#include "jobfile/trusted.h"

struct calendar_file {
        char *path;
        char *text; /* of the last good version, NULL: there was none */
        size_t size;
        uint32_t uid, mode;
        struct dayset *set; /* its days; NULL: none was ever good */
        struct diagnostics errors;
        enum folder_file_state state;
        struct wall since;
};

struct named {
        char *name;
        struct dayset *set; /* NULL: a file of it is broken, and has no good version */
};

struct calendars {
        struct calendars_options opt;
        struct calendar_file *files; /* in order of path */
        size_t n_files;
        struct named *names; /* in order of name */
        size_t n_names;
        struct file_row *rows; /* to be stored */
        size_t n_rows;
        char **gone; /* paths that rows name */
        size_t n_gone;
};

int calendars_new(const struct calendars_options *opt, struct calendars **ret)
{
        struct calendars *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->opt = *opt;
        *ret = c;
        return 0;
}

static void file_done(struct calendar_file *f)
{
        free(f->path);
        free(f->text);
        dayset_unref(f->set);
        diagnostics_done(&f->errors);
}

static void drop_rows(struct calendars *c)
{
        for (size_t i = 0; i < c->n_gone; i++)
                free(c->gone[i]);
        free(c->gone);
        free(c->rows);
        c->gone = NULL;
        c->rows = NULL;
        c->n_gone = c->n_rows = 0;
}

static void drop_names(struct named *v, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(v[i].name);
                dayset_unref(v[i].set);
        }
        free(v);
}

static void drop_files(struct calendar_file *v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                file_done(&v[i]);
        free(v);
}

struct calendars *calendars_free(struct calendars *c)
{
        if (!c)
                return NULL;
        drop_rows(c);
        drop_names(c->names, c->n_names);
        drop_files(c->files, c->n_files);
        free(c);
        return NULL;
}

static struct calendar_file *find_file(const struct calendars *c, const char *path)
{
        for (size_t i = 0; i < c->n_files; i++)
                if (streq(c->files[i].path, path))
                        return &c->files[i];
        return NULL;
}

/* ---- one file */

/* Opens as strictly as job files are opened. */
static int open_trusted(const char *path, uint32_t own_uid, int *ret_fd, struct stat *ret_st, struct error *reterr)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = strndup(path, slash > path ? (size_t)(slash - path) : 1);
        _cleanup_(closep) int dir = -1;
        bool link;
        int r;

        if (!folder)
                return -ENOMEM;
        r = trusted_dir(folder, own_uid, &dir, reterr);
        return r < 0 ? r : trusted_file(dir, folder, slash + 1, own_uid, ret_fd, ret_st, &link, reterr);
}

/* 0, -ENOMEM, or another error: *reterr says what. */
static int read_file(const struct calendars *c, const char *path, char **ret_text, size_t *ret_size, struct stat *ret_st,
                     struct error *reterr)
{
        _cleanup_(closep) int fd = -1;
        char *text;
        ssize_t n;
        int r = 0;

        if (!c->opt.anybodys) {
                r = open_trusted(path, c->opt.own_uid, &fd, ret_st, reterr);
                if (r == -ENOENT)
                        return error_set(reterr, r, ERROR_FAILED, "there is no such file");
                if (r < 0)
                        return r;
        } else {
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (fd < 0 || fstat(fd, ret_st) < 0)
                        return error_set(reterr, -errno, ERROR_FAILED, "%s",
                                         errno == ENOENT ? "there is no such file" : strerror(errno));
                if (!S_ISREG(ret_st->st_mode))
                        return error_set(reterr, -EINVAL, ERROR_INVALID, "this is not a plain file");
        }
        text = malloc(ICS_SIZE_MAX + 1);
        if (!text)
                return -ENOMEM;
        n = read_full(fd, text, ICS_SIZE_MAX + 1); /* one more than is allowed, so that it is refused */
        if (n < 0) {
                free(text);
                return error_set(reterr, (int)n, ERROR_FAILED, "%s", strerror((int)-n));
        }
        *ret_text = text;
        *ret_size = (size_t)n;
        return 0;
}

/* Judges a text.  The set that was stays if its days are the same, so that nobody takes it for another. */
static int parse(const char *text, size_t size, const struct tz *zone, struct dayset *was, struct diagnostics *errors,
                 struct dayset **ret)
{
        int r = ics_parse(text, size, zone, errors, ret);

        if (r == 0 && was && was->digest == (*ret)->digest) {
                dayset_unref(*ret);
                *ret = dayset_ref(was);
        }
        return r;
}

/* *f as it is on disk now; `was`, where there was one, gives its last good version.  0 or -ENOMEM. */
static int load_file(const struct calendars *c, const struct calendar_file *was, const struct tz *zone, struct wall now,
                     struct calendar_file *f)
{
        _cleanup_(freep) char *text = NULL;
        struct error err = ERROR_NULL;
        struct stat st = { 0 };
        size_t size = 0;
        int r = read_file(c, f->path, &text, &size, &st, &err);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                r = diagnostics_add(&f->errors, 0, 0, NULL, NULL, "%s", err.message) < 0 ? -ENOMEM : -EINVAL;
        else
                r = parse(text, size, zone, was ? was->set : NULL, &f->errors, &f->set);
        if (r == 0) {
                f->text = TAKE_PTR(text);
                f->size = size;
                f->uid = st.st_uid;
                f->mode = st.st_mode & 07777;
        } else if (r == -EINVAL && was && was->text) {
                struct diagnostics unused = { 0 };

                f->text = malloc(was->size + 1);
                if (!f->text)
                        return -ENOMEM;
                memcpy(f->text, was->text, was->size);
                f->size = was->size;
                f->uid = was->uid;
                f->mode = was->mode;
                /* Anew: the zone may be another one, and a text from the store was not read yet. */
                r = parse(f->text, f->size, zone, was->set, &unused, &f->set);
                diagnostics_done(&unused);
        }
        if (r == -ENOMEM)
                return r;
        f->state = f->errors.n == 0 ? FOLDER_FILE_OK : f->set ? FOLDER_FILE_STALE : FOLDER_FILE_ERROR;
        f->since = was && was->state == f->state && was->since.usec > 0 ? was->since : now;
        return 0;
}

/* ---- all files */

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct calendar_file *)a)->path, ((const struct calendar_file *)b)->path);
}

static size_t count_files(const struct config *config)
{
        size_t n = 0;

        for (size_t i = 0; i < config->n_calendars; i++)
                for (char **p = config->calendars[i].files; p && *p; p++)
                        n++;
        return n;
}

/* Every file that is named, once. */
static int load_files(const struct calendars *c, const struct config *config, const struct tz *zone, struct wall now,
                      struct calendars *to)
{
        int r = 0;

        to->files = calloc(count_files(config) + 1, sizeof(*to->files));
        if (!to->files)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_calendars; i++)
                for (char **p = config->calendars[i].files; p && *p && r == 0; p++) {
                        struct calendar_file *f = &to->files[to->n_files];

                        if (find_file(to, *p))
                                continue;
                        f->path = strdup(*p);
                        if (!f->path)
                                return -ENOMEM;
                        to->n_files++;
                        r = load_file(c, find_file(c, *p), zone, now, f);
                }
        if (to->n_files > 1)
                qsort(to->files, to->n_files, sizeof(*to->files), compare_files);
        return r;
}

static struct dayset *was_set(const struct calendars *c, const char *name)
{
        for (size_t i = 0; i < c->n_names; i++)
                if (streq(c->names[i].name, name))
                        return c->names[i].set;
        return NULL;
}

/* The days of one calendar: all its files' and its own. */
static int make_set(const struct calendars *c, const struct calendars *to, const struct config_calendar *from,
                    struct dayset **ret)
{
        struct dayset *was = was_set(c, from->name), *set;
        size_t n = from->n_dates, k = 0;
        struct day_range *v;

        *ret = NULL;
        for (char **p = from->files; p && *p; p++) {
                const struct calendar_file *f = find_file(to, *p);

                if (!f || !f->set)
                        return 0;
                n += f->set->n;
        }
        v = calloc(n + 1, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (char **p = from->files; p && *p; p++) {
                const struct calendar_file *f = find_file(to, *p);
                const struct dayset *of = f ? f->set : NULL;

                if (!of)
                        continue;
                memcpy(v + k, of->v, of->n * sizeof(*v));
                k += of->n;
        }
        if (from->n_dates > 0)
                memcpy(v + k, from->dates, from->n_dates * sizeof(*v));
        set = dayset_new(v, n);
        free(v);
        if (!set)
                return -ENOMEM;
        *ret = set;
        if (was && was->digest == set->digest) {
                dayset_unref(set);
                *ret = dayset_ref(was);
        }
        return 0;
}

static int make_names(const struct calendars *c, const struct config *config, struct calendars *to)
{
        int r = 0;

        to->names = calloc(config->n_calendars + 1, sizeof(*to->names));
        if (!to->names)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_calendars && r == 0; i++) {
                to->names[i].name = strdup(config->calendars[i].name);
                if (!to->names[i].name)
                        return -ENOMEM;
                to->n_names++;
                r = make_set(c, to, &config->calendars[i], &to->names[i].set);
        }
        return r;
}

static bool same_text(const struct calendar_file *a, const struct calendar_file *b)
{
        return a && a->text && a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static int make_rows(const struct calendars *c, struct calendars *to)
{
        to->rows = calloc(to->n_files + c->n_files + 1, sizeof(*to->rows));
        to->gone = calloc(c->n_files + 1, sizeof(*to->gone));
        if (!to->rows || !to->gone)
                return -ENOMEM;
        for (size_t i = 0; i < to->n_files; i++) {
                const struct calendar_file *f = &to->files[i];

                if (f->text && !same_text(find_file(c, f->path), f))
                        to->rows[to->n_rows++] = (struct file_row){
                                .path = f->path, .text = f->text, .size = f->size, .uid = f->uid, .mode = f->mode
                        };
        }
        for (size_t i = 0; i < c->n_files; i++) {
                if (!c->files[i].text || find_file(to, c->files[i].path))
                        continue;
                to->gone[to->n_gone] = strdup(c->files[i].path);
                if (!to->gone[to->n_gone])
                        return -ENOMEM;
                to->rows[to->n_rows++] = (struct file_row){ .path = to->gone[to->n_gone++] };
        }
        return 0;
}

static void describe(const struct calendar_file *f, struct folder_file *ret)
{
        static const struct diagnostics none;

        *ret = (struct folder_file){ .path = f->path, .state = f->state, .since = f->since, .errors = &f->errors, .warnings = &none };
}

static bool same_errors(const struct diagnostics *a, const struct diagnostics *b)
{
        return a->n == b->n && (a->n == 0 || (streq(a->v[0].message, b->v[0].message) && a->v[0].line == b->v[0].line));
}

static void tell(const struct calendars *was, const struct calendars *is)
{
        for (size_t i = 0; is->opt.on_judged && i < is->n_files; i++) {
                const struct calendar_file *f = &is->files[i], *old = find_file(was, f->path);
                struct folder_file file;

                if (old && old->since.usec > 0 ? same_errors(&old->errors, &f->errors) : f->errors.n == 0)
                        continue;
                describe(f, &file);
                is->opt.on_judged(is->opt.arg, &file);
        }
}

int calendars_load(struct calendars *c, const struct config *config, const struct tz *zone, struct wall now)
{
        struct calendars to = { .opt = c->opt };
        int r = load_files(c, config, zone, now, &to);

        if (r == 0)
                r = make_names(c, config, &to);
        if (r == 0)
                r = make_rows(c, &to);
        if (r == 0) {
                struct calendars was = *c;

                tell(c, &to);
                *c = to;
                to = was;
        }
        drop_rows(&to);
        drop_names(to.names, to.n_names);
        drop_files(to.files, to.n_files);
        return r;
}

int calendars_restore(struct calendars *c, const struct config *config, const struct file_row *row, bool *ret_ours)
{
        struct calendar_file f = { .size = row->size, .uid = row->uid, .mode = row->mode }, *v;
        bool ours = false;

        for (size_t i = 0; i < config->n_calendars; i++)
                for (char **p = config->calendars[i].files; p && *p; p++)
                        ours = ours || streq(*p, row->path);
        *ret_ours = ours;
        if (!ours || !row->text)
                return 0;
        v = reallocarray(c->files, c->n_files + 1, sizeof(*v));
        if (!v)
                return -ENOMEM;
        c->files = v;
        f.path = strdup(row->path);
        f.text = malloc(row->size + 1);
        if (!f.path || !f.text) {
                file_done(&f);
                return -ENOMEM;
        }
        memcpy(f.text, row->text, row->size);
        v[c->n_files++] = f;
        return 0;
}

static struct dayset *find(void *arg, const char *name, const char **ret_why)
{
        const struct calendars *c = arg;

        *ret_why = "the configuration has no calendar";
        for (size_t i = 0; i < c->n_names; i++)
                if (streq(c->names[i].name, name)) {
                        *ret_why = "no version of a file was good that makes the calendar";
                        return c->names[i].set;
                }
        return NULL;
}

struct calendar_source calendars_source(struct calendars *c)
{
        return (struct calendar_source){ .find = find, .arg = c };
}

size_t calendars_rows(struct calendars *c, const struct file_row **ret)
{
        size_t n = c->n_rows;

        *ret = c->rows;
        c->n_rows = 0;
        return n;
}

size_t calendars_files(const struct calendars *c)
{
        return c->n_files;
}

bool calendars_file_at(const struct calendars *c, size_t i, struct folder_file *ret)
{
        if (i >= c->n_files)
                return false;
        describe(&c->files[i], ret);
        return true;
}

size_t calendars_broken(const struct calendars *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_files; i++)
                n += c->files[i].state != FOLDER_FILE_OK;
        return n;
}
