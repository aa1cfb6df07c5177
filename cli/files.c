#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "files.h"
#include "jobfile/config.h"
#include "jobfile/machine.h"
#include "jobfile/zones.h"
#include "print.h"

#define CONFIG_MAX (1 << 20)

void put_diagnostic(FILE *to, const struct cli *c, const char *path, const char *kind, const json_t *diagnostic)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const char *key = jstr(diagnostic, "key"), *message = jstr(diagnostic, "message"),
                   *hint = jstr(diagnostic, "hint");
        int64_t line = jcount(diagnostic, "line"), column = jcount(diagnostic, "column");

        strbuf_add_outside(&t, path);
        if (line > 0)
                strbuf_addf(&t, ":%lld", (long long)line);
        if (line > 0 && column > 0)
                strbuf_addf(&t, ":%lld", (long long)column);
        strbuf_add(&t, ": ");
        strbuf_add_colored(&t, c, streq(kind, "error") ? "error" : "stale", kind);
        strbuf_add(&t, ": ");
        if (key && *key) {
                strbuf_add_outside(&t, key);
                strbuf_add(&t, ": ");
        }
        strbuf_add_outside(&t, message ? message : "?");
        if (hint && *hint) {
                strbuf_add(&t, " (");
                strbuf_add_outside(&t, hint);
                strbuf_add_char(&t, ')');
        }
        (void)fprintf(to, "%s\n", strbuf_str(&t));
}

void put_file_diagnostics(FILE *to, const struct cli *c, const json_t *file)
{
        const char *path = jstr(file, "path");
        const json_t *d;
        size_t i;

        json_array_foreach(json_object_get(file, "errors"), i, d)
                put_diagnostic(to, c, path ? path : "?", "error", d);
        json_array_foreach(json_object_get(file, "warnings"), i, d)
                put_diagnostic(to, c, path ? path : "?", "warning", d);
}

/* ---- reading them */

void subjects_done(struct subjects *s)
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

json_t *check_file_json(const struct check_file *f)
{
        json_t *o = json_object();

        json_object_set_new(o, "path", outside(f->path));
        json_object_set_new(o, "jobs", json_integer((json_int_t)f->n_jobs));
        json_object_set_new(o, "errors", diagnostics_json(&f->errors));
        json_object_set_new(o, "warnings", diagnostics_json(&f->warnings));
        return o;
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

int subjects_find(struct cli *c, char *const *words, size_t n, struct subjects *ret)
{
        const char *config = opt_value(c, OPT_CONFIG);
        _cleanup_(freep) char *usual = NULL;
        char *dir;

        if (config)
                ret->config = xstrdup(config);
        if (n > 0) {
                ret->paths = xmalloc((n + 1) * sizeof(*ret->paths));
                for (size_t i = 0; i < n; i++)
                        ret->paths[i] = xstrdup(words[i]);
                ret->paths[n] = NULL;
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

int subjects_check(struct cli *c, const struct subjects *s, bool host, struct check *ret)
{
        struct zone_source zones = zones_source(cli_zones(c), cli_zone(c));
        int r = jobfile_check(s->paths,
                              &(struct check_options){ .zones = &zones,
                                                       .now = c->now,
                                                       .machine = machine_number(),
                                                       .config = s->config,
                                                       .host = host,
                                                       .own_uid = getuid() },
                              ret);

        return r < 0 ? fail(c, EXIT_FAILED, "can't check: %s", strerror(-r)) : EXIT_OK;
}

int subjects_read(struct cli *c, const struct subjects *s, struct check *ret)
{
        int r = subjects_check(c, s, false, ret);

        if (r != EXIT_OK || ret->n_errors == 0)
                return r;
        for (size_t i = 0; i < ret->n; i++) {
                _cleanup_(json_decrefp) json_t *file = check_file_json(&ret->files[i]);

                put_file_diagnostics(stderr, c, file);
        }
        r = fail(c, EXIT_FAILED, "%zu error%s in the job files", ret->n_errors, ret->n_errors == 1 ? "" : "s");
        jobfile_check_done(ret);
        return r;
}
