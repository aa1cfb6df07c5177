/* Getting from what is on disk to an engine that runs: the store, the job files, the runs that were alive. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "jobfile/trusted.h"
#include "log/log.h"
#include "shell/internal.h"
#include "shell/service.h"

#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define CONFIG_SIZE_MAX (1u << 20)

unsigned shell_max_starting(const struct config *c)
{
        long cores = sysconf(_SC_NPROCESSORS_ONLN);

        return c->max_starting > 0 ? c->max_starting : (unsigned)MAX(cores, 1L) * 2;
}

struct jobfile_options shell_parse_options(const struct shell *s)
{
        return (struct jobfile_options){
                .zones = &s->zone_source, .calendars = &s->calendar_source, .now = clock_wall(), .defaults = s->config.defaults,
                .own_user_only = s->own_user_only, .own_user = s->own_user, .machine = s->machine,
        };
}

/* At most so many lines for a file; `jobctl status` and `jobctl check` have them all. */
#define DIAGNOSTICS_LOGGED 10

static void log_diagnostics(const char *path, const struct diagnostics *d, int level)
{
        for (size_t i = 0; i < d->n && i < DIAGNOSTICS_LOGGED; i++) {
                const struct diagnostic *x = &d->v[i];
                char place[32] = "";

                if (x->line > 0)
                        snprintf(place, sizeof(place), ":%u:%u", x->line, x->column);
                log_message(level, "%s%s: %s%s%s%s%s%s", path, place, x->key ? x->key : "", x->key ? ": " : "",
                            x->message, x->hint ? " (" : "", x->hint ? x->hint : "", x->hint ? ")" : "");
        }
        if (d->n > DIAGNOSTICS_LOGGED)
                log_message(level, "%s: and %zu more", path, d->n - DIAGNOSTICS_LOGGED);
}

static void on_judged(void *arg, const struct folder_file *file)
{
        (void)arg;
        log_diagnostics(file->path, file->errors, LOG_ERR);
        log_diagnostics(file->path, file->warnings, LOG_WARNING);
        if (file->state == FOLDER_FILE_STALE)
                log_warning("%s: its last good version stays in force", file->path);
        else if (file->state == FOLDER_FILE_OK && file->warnings->n == 0)
                log_notice("%s: in order again", file->path);
}

struct folder_options shell_folder_options(const struct shell *s)
{
        return (struct folder_options){
                .dirs = s->places.jobs_dirs, .parse = shell_parse_options(s), .own_uid = geteuid(),
                .on_judged = on_judged,
        };
}

static int new_calendars(struct shell *s)
{
        struct calendars_options opt = { .own_uid = geteuid(), .on_judged = on_judged };
        int r = calendars_new(&opt, &s->calendars);

        if (r == 0)
                s->calendar_source = calendars_source(s->calendars);
        return r;
}

static void store_calendars(struct shell *s)
{
        struct event ev = { .type = EVENT_CONFIG };

        ev.config.n_files = calendars_rows(s->calendars, &ev.config.files);
        if (ev.config.n_files > 0)
                shell_step(s, &ev);
}

void shell_load_calendars(struct shell *s)
{
        int r = calendars_load(s->calendars, &s->config, s->local, clock_wall());

        if (r < 0) {
                log_error("the calendars are as they were: %s", strerror(-r));
                return;
        }
        store_calendars(s);
}

/* As strict as with job files: what it says runs as root.  0 with *ret_fd -1: there is none. */
static int open_config(const char *path, bool must_exist, int *ret_fd, struct stat *ret_st, struct error *reterr)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = strndup(path, slash > path ? (size_t)(slash - path) : 1);
        _cleanup_(closep) int dir = -1;
        struct error err = ERROR_NULL;
        bool link;
        int r;

        if (!folder)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        r = trusted_dir(folder, geteuid(), &dir, &err);
        if (r == 0)
                r = trusted_file(dir, folder, slash + 1, geteuid(), ret_fd, ret_st, &link, &err);
        if (r == 0 || (r == -ENOENT && !must_exist))
                return 0;
        return error_set(reterr, r, ERROR_FAILED, "%s%s", r == -ENOENT ? path : err.message,
                         r == -ENOENT ? ": there is no such file" : "");
}

int shell_read_config(const char *path, bool must_exist, const struct zone_source *zones, struct config *ret,
                      struct error *reterr)
{
        _cleanup_(closep) int fd = -1;
        _cleanup_(freep) char *text = NULL;
        struct diagnostics errors = { 0 }, warnings = { 0 };
        struct jobfile_options opt = { .zones = zones, .now = clock_wall() };
        struct stat st;
        ssize_t n;
        int r = open_config(path, must_exist, &fd, &st, reterr);

        if (r < 0)
                return r;
        if (fd < 0) {
                config_init(ret);
                return 0;
        }
        if (st.st_size > CONFIG_SIZE_MAX)
                return error_set(reterr, -EFBIG, ERROR_FAILED, "%s is over 1 MiB", path);
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        n = read_full(fd, text, (size_t)st.st_size);
        if (n < 0)
                return error_set(reterr, (int)n, ERROR_FAILED, "%s: %s", path, strerror(-(int)n));
        r = config_parse(text, (size_t)n, &opt, ret, &errors, &warnings);
        log_diagnostics(path, &warnings, LOG_WARNING);
        log_diagnostics(path, &errors, LOG_ERR);
        if (r < 0 && errors.n > 0)
                (void)error_set(reterr, r, ERROR_FAILED, "%s:%u:%u: %s%s%s", path, errors.v[0].line, errors.v[0].column,
                                errors.v[0].key ? errors.v[0].key : "", errors.v[0].key ? ": " : "", errors.v[0].message);
        else if (r < 0)
                (void)error_set(reterr, r, ERROR_FAILED, "%s: %s", path, strerror(-r));
        diagnostics_done(&errors);
        diagnostics_done(&warnings);
        return r;
}

int shell_open_store(struct shell *s, int *ret_holder, struct error *reterr)
{
        int r = store_open(s->places.state_dir, &s->store, ret_holder, reterr);

        if (r < 0)
                return r;
        r = store_load_meta(s->store, &s->meta, reterr);
        if (r < 0)
                return r;
        r = service_boot_identity(s->boot, sizeof(s->boot));
        if (r < 0)
                return error_set(reterr, r, ERROR_FAILED, "can't tell which boot this is (is /proc mounted?): %s", strerror(-r));
        s->new_boot = !streq(s->boot, s->meta.boot);
        return 0;
}

static int restore_job(void *arg, const struct job_state *state)
{
        return engine_restore_job(arg, state);
}

/* The text of a calendar or of a job file. */
static int restore_file(void *arg, const struct file_row *row)
{
        struct shell *s = arg;
        bool ours;
        int r = calendars_restore(s->calendars, &s->config, row, &ours);

        return r < 0 || ours ? r : folder_restore(s->folder, row);
}

struct restoring {
        struct shell *shell;
        size_t n;
};

/* The definition that a run began with is kept by its digest: a job file of one job. */
static int restore_run(void *arg, const struct run_info *info, const char *definition, size_t size)
{
        struct restoring *x = arg;
        _cleanup_(job_unrefp) struct job *job = NULL;
        int r;

        if (definition) {
                r = job_read(definition, size, &x->shell->zone_source, x->shell->machine, NULL, &job);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        log_error("run %llu: its stored definition can't be read, going on by the defaults",
                                  (unsigned long long)info->id);
        }
        x->n++;
        return engine_restore_run(x->shell->engine, info, job);
}

/* Runs that the store left as starting or running, noted before new ones are made: what became of them is the runner's to find out. */
static int note_unfinished(struct shell *s)
{
        const struct run_info *r;
        struct engine_stats stats;
        uint64_t after = 0;

        engine_get_stats(s->engine, &stats);
        s->found = calloc(stats.runs + 1, sizeof(*s->found));
        if (!s->found)
                return -ENOMEM;
        while ((r = engine_run_after(s->engine, after))) {
                after = r->id;
                if (r->state == RUN_STARTING || r->state == RUN_RUNNING)
                        s->found[s->n_found++] = (struct found_run){ .run = r->id, .start = r->start, .state = r->state };
        }
        return 0;
}

static void adopt(struct shell *s)
{
        for (size_t i = 0; i < s->n_found; i++)
                runner_adopt(s->runner, s->found[i].run, s->found[i].start, s->found[i].state, !s->new_boot);
        free(s->found);
        s->found = NULL;
        s->n_found = 0;
        runner_sweep(s->runner);
}

int shell_load(struct shell *s, struct error *reterr)
{
        struct engine_options opt = {
                .max_running = s->config.max_running > 0 ? s->config.max_running : 1000,
                .max_starting = shell_max_starting(&s->config),
                .clock_wait_usec = s->config.clock_wait_usec,
                .seed = s->meta.seed, .machine = s->machine, .next_run = s->meta.next_run, .next_job = s->meta.next_job, .next_seq = s->meta.next_seq,
        };
        struct folder_options folder_opt = shell_folder_options(s);
        struct store_options store_opt = { .log_dir = s->places.log_dir };
        struct event ev = { .type = EVENT_LOADED, .loaded = { .new_boot = s->new_boot, .boot = s->boot } };
        struct restoring runs = { .shell = s };
        struct engine_stats stats;
        int r;

        r = engine_new(&opt, &s->engine);
        if (r == 0)
                r = new_calendars(s);
        folder_opt.parse.calendars = &s->calendar_source;
        if (r == 0)
                r = folder_new(&folder_opt, &s->folder);
        if (r < 0)
                return error_set(reterr, r, ERROR_FAILED, "the job files' folders can't be watched: %s", strerror(-r));
        r = store_load_jobs(s->store, restore_job, s->engine, reterr);
        if (r == 0)
                r = store_load_runs(s->store, restore_run, &runs, reterr);
        if (r == 0)
                r = note_unfinished(s);
        if (r == 0)
                r = store_load_files(s->store, restore_file, s, reterr);
        if (r == 0)
                r = calendars_load(s->calendars, &s->config, s->local, clock_wall());
        if (r == 0)
                r = folder_scan(s->folder, clock_wall());
        if (r == 0)
                r = store_start(s->store, &store_opt, reterr);
        if (r < 0)
                return error_set(reterr, r, ERROR_FAILED, "loading failed: %s", strerror(-r));
        shell_drain(s);
        store_calendars(s);
        shell_step(s, &ev);
        engine_get_stats(s->engine, &stats);
        if (stats.clock_waiting)
                log_warning("the clock is more than 3 hours behind what the state has seen: nothing is scheduled until it has been set, "
                            "or clock_wait is over");
#ifdef __GLIBC__
        (void)malloc_trim(0); /* the stored texts, and what came of comparing them */
#endif
        log_info("%zu jobs, %zu unfinished runs, files with errors: %zu", engine_jobs(s->engine), runs.n,
                 folder_broken(s->folder) + calendars_broken(s->calendars));
        return 0;
}

static void on_attempt(void *arg, const struct event *ev)
{
        shell_queue(arg, ev);
}

int shell_start_runner(struct shell *s, struct error *reterr)
{
        struct runner_options opt = {
                .program = s->places.runner, .runs_dir = s->places.runs_dir, .log_dir = s->places.log_dir,
                .control_socket = s->places.socket, .boot = s->boot, .language = s->language,
                .system_zone = tz_name(zones_local(s->zones)), .own_user_only = s->own_user_only,
                .shutdown_grace_usec = s->config.shutdown_grace_usec, .event = on_attempt, .arg = s,
        };
        int r = runner_new(s->loop, &opt, &s->runner, reterr);

        if (r < 0)
                return r;
        adopt(s);
        return 0;
}
