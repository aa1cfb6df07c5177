/* jobctl check: every error of job files, with its place, without a daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "files.h"
#include "jobfile/check.h"
#include "jobfile/config.h"
#include "jobfile/zones.h"
#include "print.h"

#define CONFIG_MAX (1 << 20)

/* What is checked: owned strings. */
struct subjects {
        char **paths;  /* NULL-terminated */
        char *config;  /* or NULL */
};

static void subjects_done(struct subjects *s)
{
        for (char **p = s->paths; p && *p; p++)
                free(*p);
        free(s->paths);
        free(s->config);
}

/* Zero as JSON's null: "not at any one place". */
static json_t *place(uint32_t n)
{
        return n > 0 ? json_integer(n) : json_null();
}

/* Text that may hold any bytes, as JSON. */
static json_t *outside(const char *s)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        json_t *v = s ? json_string(s) : json_null();

        if (v)
                return v;
        strbuf_add_outside(&t, s);
        return json_string(strbuf_str(&t));
}

static json_t *diagnostics_json(const struct diagnostics *d)
{
        json_t *list = json_array();

        for (size_t i = 0; i < d->n; i++) {
                json_t *o = json_object();

                json_object_set_new(o, "line", place(d->v[i].line));
                json_object_set_new(o, "column", place(d->v[i].column));
                json_object_set_new(o, "key", outside(d->v[i].key));
                json_object_set_new(o, "message", outside(d->v[i].message));
                json_object_set_new(o, "hint", outside(d->v[i].hint));
                json_array_append_new(list, o);
        }
        return list;
}

static json_t *file_json(const struct check_file *f)
{
        json_t *o = json_object();

        json_object_set_new(o, "path", outside(f->path));
        json_object_set_new(o, "jobs", json_integer((json_int_t)f->n_jobs));
        json_object_set_new(o, "errors", diagnostics_json(&f->errors));
        json_object_set_new(o, "warnings", diagnostics_json(&f->warnings));
        return o;
}

/* One file's findings as a flat list, for csv. */
static void print_rows(struct printer *p, const json_t *file, const char *key, const char *severity)
{
        json_t *d;
        size_t i;

        json_array_foreach(json_object_get(file, key), i, d) {
                _cleanup_(json_decrefp) json_t *row = json_copy(d);

                json_object_set(row, "path", json_object_get(file, "path"));
                json_object_set_new(row, "severity", json_string(severity));
                printer_item(p, row);
        }
}

static void print_check(struct cli *c, const struct check *check)
{
        static const struct column columns[] = { { "PATH", "path" },     { "LINE", "line" },
                                                 { "COLUMN", "column" }, { "SEVERITY", "severity" },
                                                 { "KEY", "key" },       { "MESSAGE", "message" },
                                                 { "HINT", "hint" } };
        static const struct list list = { "files", "path", columns, ARRAY_SIZE(columns) };
        _cleanup_(printer_freep) struct printer *p = NULL;
        bool people = c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE;

        p = people ? NULL : printer_new(c, &list);
        for (size_t i = 0; i < check->n; i++) {
                _cleanup_(json_decrefp) json_t *file = file_json(&check->files[i]);

                if (people) {
                        put_file_diagnostics(stdout, c, file);
                } else if (c->format == OUTPUT_CSV) {
                        print_rows(p, file, "errors", "error");
                        print_rows(p, file, "warnings", "warning");
                } else if (c->format != OUTPUT_NAME || check->files[i].errors.n > 0) {
                        printer_item(p, file);
                }
        }
        if (p)
                printer_end(p, NULL);
}

/* The folders of a configuration that is in order; what is wrong with it is told by the check itself. */
static char **configured_dirs(struct cli *c, const char *path)
{
        struct zone_source zones = zones_source(cli_zones(c), cli_zone(c));
        struct jobfile_options opt = { .zones = &zones, .now = c->now };
        struct diagnostics errors = { 0 }, warnings = { 0 };
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_(freep) char *text = xmalloc(CONFIG_MAX);
        struct config config;
        char **dirs = NULL;
        ssize_t n = fd >= 0 ? read_full(fd, text, CONFIG_MAX) : -1;

        if (n < 0)
                return NULL;
        config_init(&config);
        if (config_parse(text, (size_t)n, &opt, &config, &errors, &warnings) == 0)
                dirs = TAKE_PTR(config.jobs_dirs);
        diagnostics_done(&errors);
        diagnostics_done(&warnings);
        config_done(&config);
        return dirs;
}

/* The words; or what the daemon would read. */
static int find_subjects(struct cli *c, struct subjects *ret)
{
        const char *config = opt_value(c, OPT_CONFIG);
        _cleanup_(freep) char *usual = NULL;
        char *dir;

        if (config)
                ret->config = xstrdup(config);
        if (c->n_args > 0) {
                ret->paths = xmalloc((c->n_args + 1) * sizeof(*ret->paths));
                for (size_t i = 0; i < c->n_args; i++)
                        ret->paths[i] = xstrdup(c->args[i]);
                ret->paths[c->n_args] = NULL;
                return EXIT_OK;
        }
        usual = place_path(c, PLACE_CONFIG);
        if (!config && usual && access(usual, F_OK) == 0)
                ret->config = TAKE_PTR(usual);
        if (ret->config)
                ret->paths = configured_dirs(c, ret->config);
        if (ret->paths)
                return EXIT_OK;
        dir = place_path(c, PLACE_JOBS_DIR);
        if (!dir)
                return fail(c, EXIT_FAILED, "neither $XDG_CONFIG_HOME nor $HOME says where your job files are");
        ret->paths = xmalloc(2 * sizeof(*ret->paths));
        ret->paths[0] = dir;
        ret->paths[1] = NULL;
        return EXIT_OK;
}

static const char *plural(size_t n)
{
        return n == 1 ? "" : "s";
}

static int sum_up(struct cli *c, const struct check *check)
{
        size_t bad = 0, jobs = 0;

        for (size_t i = 0; i < check->n; i++) {
                bad += check->files[i].errors.n > 0;
                jobs += check->files[i].n_jobs;
        }
        if (check->n_errors > 0)
                return fail(c, EXIT_FAILED, "%zu error%s in %zu of %zu file%s", check->n_errors,
                            plural(check->n_errors), bad, check->n, plural(check->n));
        if (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE)
                say(c, "%zu file%s, %zu job%s: no errors.", check->n, plural(check->n), jobs, plural(jobs));
        return EXIT_OK;
}

int cmd_check(struct cli *c)
{
        _cleanup_(subjects_done) struct subjects s = { 0 };
        struct zone_source zones;
        struct check check;
        int r;

        r = find_subjects(c, &s);
        if (r != EXIT_OK)
                return r;
        zones = zones_source(cli_zones(c), cli_zone(c));
        r = jobfile_check(s.paths,
                          &(struct check_options){ .zones = &zones,
                                                   .now = c->now,
                                                   .config = s.config,
                                                   .host = opt_given(c, OPT_HOST),
                                                   .own_uid = getuid() },
                          &check);
        if (r < 0)
                return fail(c, EXIT_FAILED, "can't check: %s", strerror(-r));
        print_check(c, &check);
        r = sum_up(c, &check);
        jobfile_check_done(&check);
        return r;
}
