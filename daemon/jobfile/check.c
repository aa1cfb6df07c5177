#include "jobfile/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "jobfile/calendars.h"
#include "jobfile/config.h"
#include "jobfile/diag.h"
#include "jobfile/folder.h"
#include "jobfile/table.h"
#include "jobfile/tree.h"
#include "jobfile/trusted.h"

struct checking {
        const struct check_options *opt;
        struct jobfile_options parse;
        struct zone_source zones; /* as given, but for the local zone that the configuration may name */
        struct check *check;
        size_t allocated;
        struct table names; /* the jobs so far */
        size_t allocated_jobs;
        struct calendars *calendars; /* those of the configuration; NULL: names are taken on trust */
        struct calendar_source calendar_source;
};

static struct check_file *add_file(struct checking *c, const char *path)
{
        struct check *check = c->check;

        if (check->n == c->allocated) {
                size_t want = c->allocated ? 2 * c->allocated : 8;
                struct check_file *v = reallocarray(check->files, want, sizeof(*v));

                if (!v)
                        return NULL;
                check->files = v;
                c->allocated = want;
        }
        check->files[check->n] = (struct check_file){ .path = strdup(path) };
        return check->files[check->n].path ? &check->files[check->n++] : NULL;
}

/* Opens as the daemon would with `host`, else as anybody may. */
static int open_file(const struct checking *c, const char *path, int *ret_fd, struct error *reterr)
{
        _cleanup_(closep) int dir = -1;
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        char folder[PATH_MAX];
        struct stat st;
        bool link;
        int r;

        if (c->opt->host) {
                int n = snprintf(folder, sizeof(folder), "%.*s", slash ? (int)MAX(slash - path, 1) : 1,
                                 slash ? path : ".");

                if (n < 0 || (size_t)n >= sizeof(folder))
                        return error_set(reterr, -ENAMETOOLONG, ERROR_FAILED, "the path is too long");
                r = trusted_dir(folder, c->opt->own_uid, &dir, reterr);
                return r < 0 ? r : trusted_file(dir, folder, name, c->opt->own_uid, ret_fd, &st, &link, reterr);
        }
        *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "%s", strerror(errno));
        return S_ISREG(st.st_mode) ? 0 : error_set(reterr, -EINVAL, ERROR_INVALID, "this is not a plain file");
}

/* The text, one byte more than is allowed at most.  What is wrong becomes an error of the file: *ret_text NULL.  0
 * or -ENOMEM. */
static int read_text_of(struct checking *c, struct check_file *file, char **ret_text, size_t *ret_size)
{
        _cleanup_(closep) int fd = -1;
        struct error err = ERROR_NULL;
        char *text;
        ssize_t n;
        int r = open_file(c, file->path, &fd, &err);

        *ret_text = NULL;
        if (r < 0)
                return r == -ENOMEM ? r : diagnostics_add(&file->errors, 0, 0, NULL, NULL, "%s", err.message);
        text = malloc(TREE_TEXT_MAX + 1);
        if (!text)
                return -ENOMEM;
        n = read_full(fd, text, TREE_TEXT_MAX + 1);
        if (n < 0) {
                free(text);
                return diagnostics_add(&file->errors, 0, 0, NULL, NULL, "%s", strerror((int)-n));
        }
        *ret_text = text;
        *ret_size = (size_t)n;
        return 0;
}

/* ---- this machine */

static bool in_path(const char *program, const char *path)
{
        char file[PATH_MAX];
        struct stat st;

        if (strchr(program, '/'))
                return stat(program, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
        while (*path) {
                size_t n = strcspn(path, ":");

                if (n > 0 && snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, program) < (int)sizeof(file) &&
                    stat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
                        return true;
                path += n + (path[n] == ':');
        }
        return false;
}

static bool all_digits(const char *t)
{
        return t[strspn(t, "0123456789")] == 0;
}

static int look_at_machine(const struct job *j, struct diagnostics *warnings)
{
        const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; /* what a job gets */
        const char *program = j->command_is_argv ? j->command[0] : j->policy->shell ? j->policy->shell[0] : "/bin/sh";
        char clipped[CLIP_SIZE];
        int r = 0;

        for (uint32_t i = 0; i < j->n_env; i++)
                if (streq(j->env[i].key, "PATH"))
                        path = j->env[i].value;
        if (j->policy->user && !all_digits(j->policy->user) && !getpwnam(j->policy->user))
                r = diagnostics_add(warnings, j->line, 0, "user", NULL, "this system has no user `%s`",
                                    clip(j->policy->user, clipped));
        if (r == 0 && j->policy->group && !all_digits(j->policy->group) && !getgrnam(j->policy->group))
                r = diagnostics_add(warnings, j->line, 0, "group", NULL, "this system has no group `%s`",
                                    clip(j->policy->group, clipped));
        if (r == 0 && !in_path(program, path))
                r = diagnostics_add(warnings, j->line, 0, j->command_is_argv ? "command" : "shell", NULL,
                                    "this system has no program `%s`%s", clip(program, clipped),
                                    strchr(program, '/') ? "" : " in the job's PATH");
        return r;
}

/* ---- the set */

static bool same_name(const void *p, const void *key)
{
        return streq(((const struct job *)p)->name, key);
}

static int add_job(struct checking *c, struct check_file *file, struct job *job, const char *text, size_t size)
{
        const struct job *other = table_find(&c->names, table_hash(job->name), same_name, job->name);
        struct check *check = c->check;
        int r;

        if (other)
                return diagnostics_add(&file->errors, job->line, job_name_column(text, size, job), job->name,
                                       "rename one of them", "the name `%s` is taken by line %u of %s", job->name,
                                       other->line, other->source->name);
        if (check->n_jobs == c->allocated_jobs) {
                size_t want = c->allocated_jobs ? 2 * c->allocated_jobs : 16;
                struct job **v = reallocarray(check->jobs, want, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                check->jobs = v;
                c->allocated_jobs = want;
        }
        r = table_add(&c->names, table_hash(job->name), job);
        if (r < 0)
                return r;
        check->jobs[check->n_jobs++] = job_ref(job);
        return c->opt->host ? look_at_machine(job, &file->warnings) : 0;
}

static int check_one(struct checking *c, const char *path)
{
        struct check_file *file = add_file(c, path);
        _cleanup_(freep) char *text = NULL;
        struct job_source *source;
        struct jobfile parsed = { 0 };
        size_t size = 0;
        int r;

        if (!file)
                return -ENOMEM;
        r = read_text_of(c, file, &text, &size);
        if (r < 0 || !text)
                return r;
        source = job_source_new(NULL, path, 0);
        r = source ? jobfile_parse(text, size, source, &c->parse, &parsed) : -ENOMEM;
        if (r != -ENOMEM) {
                file->errors = parsed.errors;
                file->warnings = parsed.warnings;
                parsed.errors = parsed.warnings = (struct diagnostics){ 0 };
                r = 0;
        }
        for (size_t i = 0; i < parsed.n_jobs && r == 0; i++)
                r = add_job(c, file, parsed.jobs[i], text, size);
        file->n_jobs = file->errors.n > 0 ? 0 : parsed.n_jobs;
        jobfile_done(&parsed);
        job_source_unref(source);
        return r;
}

static int only_files(const struct dirent *e)
{
        return file_name_counts(e->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int check_folder(struct checking *c, const char *path)
{
        struct dirent **names;
        int n = scandir(path, &names, only_files, by_name), r = 0;

        if (n < 0) {
                struct check_file *file = add_file(c, path);

                return file ? diagnostics_add(&file->errors, 0, 0, NULL, NULL, "%s", strerror(errno)) : -ENOMEM;
        }
        for (int i = 0; i < n; i++) {
                char *full = NULL;

                if (r == 0 &&
                    asprintf(&full, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", names[i]->d_name) < 0) {
                        full = NULL;
                        r = -ENOMEM;
                }
                if (full)
                        r = check_one(c, full);
                free(full);
                free(names[i]);
        }
        free(names);
        return r;
}

/* The calendars' files, each as a file of the set. */
static int check_calendars(struct checking *c, const struct config *config)
{
        struct calendars_options opt = { .own_uid = c->opt->own_uid, .anybodys = !c->opt->host };
        struct folder_file of;
        int r = calendars_new(&opt, &c->calendars);

        if (r == 0)
                r = calendars_load(c->calendars, config, c->zones.local, c->opt->now);
        for (size_t i = 0; r == 0 && calendars_file_at(c->calendars, i, &of); i++) {
                struct check_file *file = add_file(c, of.path);

                r = file ? 0 : -ENOMEM;
                for (size_t k = 0; r == 0 && k < of.errors->n; k++) {
                        const struct diagnostic *d = &of.errors->v[k];

                        r = diagnostics_add(&file->errors, d->line, d->column, d->key, d->hint, "%s", d->message);
                }
        }
        if (r == 0) {
                c->calendar_source = calendars_source(c->calendars);
                c->parse.calendars = &c->calendar_source;
        }
        return r;
}

static int check_config(struct checking *c, struct config *config)
{
        struct check_file *file = add_file(c, c->opt->config);
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r;

        if (!file)
                return -ENOMEM;
        r = read_text_of(c, file, &text, &size);
        if (r < 0 || !text)
                return r;
        r = config_parse(text, size, &c->parse, config, &file->errors, &file->warnings);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        c->parse.defaults = config->defaults;
        c->check->max_running = config->max_running;
        c->check->max_starting = config->max_starting;
        if (config->timezone)
                c->zones.local = c->zones.find(c->zones.arg, config->timezone);
        return check_calendars(c, config);
}

static int check_all(struct checking *c, char *const *paths, struct config *config)
{
        int r = c->opt->config ? check_config(c, config) : 0;

        for (char *const *p = paths; *p && r == 0; p++) {
                struct stat st;

                r = **p && stat(*p, &st) == 0 && S_ISDIR(st.st_mode) ? check_folder(c, *p) : check_one(c, *p);
        }
        for (size_t i = 0; i < c->check->n && r == 0; i++) {
                diagnostics_sort(&c->check->files[i].errors);
                diagnostics_sort(&c->check->files[i].warnings);
                c->check->n_errors += c->check->files[i].errors.n;
                c->check->n_warnings += c->check->files[i].warnings.n;
        }
        return r;
}

int jobfile_check(char *const *paths, const struct check_options *opt, struct check *ret)
{
        struct check check = { 0 };
        struct checking c = {
                .opt = opt,
                .zones = *opt->zones,
                .check = &check,
                .parse = { .now = opt->now, .machine = opt->machine, .blocked_is_error = true },
        };
        struct config config;
        int r;

        config_init(&config);
        c.parse.zones = &c.zones;
        r = check_all(&c, paths, &config);
        check.zone = c.zones.local;
        table_done(&c.names);
        calendars_free(c.calendars);
        config_done(&config);
        if (r < 0) {
                jobfile_check_done(&check);
                return r;
        }
        *ret = check;
        return 0;
}

void jobfile_check_done(struct check *c)
{
        for (size_t i = 0; i < c->n; i++) {
                free(c->files[i].path);
                diagnostics_done(&c->files[i].errors);
                diagnostics_done(&c->files[i].warnings);
        }
        free(c->files);
        for (size_t i = 0; i < c->n_jobs; i++)
                job_unref(c->jobs[i]);
        free(c->jobs);
        *c = (struct check){ 0 };
}
