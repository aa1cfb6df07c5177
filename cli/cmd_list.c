/* jobctl list, next, runs: what is read from the daemon page by page. */
#include <stdio.h>
#include <unistd.h>

#include "listing.h"

#define WATCH_SECONDS 2
#define RUNS_ON_TERMINAL 50

static void print_item(void *arg, const json_t *item)
{
        printer_item(arg, item);
}

void quiet_is_names(struct cli *c)
{
        if (opt_given(c, OPT_QUIET) && (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE))
                c->format = OUTPUT_NAME;
}

static int labels_param(struct cli *c, json_t *params)
{
        json_t *labels = json_object();
        const char *value;

        json_object_set_new(params, "label", labels);
        for (size_t i = 0; (value = opt_value_nth(c, OPT_LABEL, i)); i++) {
                _cleanup_(freep) char *key = xstrdup(value);
                char *eq = strchr(key, '=');

                if (!eq || eq == key)
                        return fail_usage(c, "--label wants K=V, not `%s'", value);
                *eq = '\0';
                json_object_set_new(labels, key, json_string(eq + 1));
        }
        return EXIT_OK;
}

static int list_params(struct cli *c, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *params = json_object();
        int r = EXIT_OK;

        if (c->n_args > 0)
                json_object_set_new(params, "patterns", args_json(c->args, c->n_args));
        if (opt_given(c, OPT_STATE))
                json_object_set_new(params, "state", json_string(opt_value(c, OPT_STATE)));
        if (opt_given(c, OPT_USER))
                json_object_set_new(params, "user", json_string(opt_value(c, OPT_USER)));
        if (opt_given(c, OPT_FAILED))
                json_object_set_new(params, "failed", json_true());
        if (opt_given(c, OPT_LABEL))
                r = labels_param(c, params);
        if (r == EXIT_OK)
                *ret = TAKE_PTR(params);
        return r;
}

static int list_once(struct cli *c)
{
        bool filtered = opt_given(c, OPT_STATE) || opt_given(c, OPT_USER) || opt_given(c, OPT_FAILED) ||
                        opt_given(c, OPT_LABEL);
        _cleanup_(printer_freep) struct printer *p = NULL;
        json_t *params;
        int r;

        r = list_params(c, &params);
        if (r != EXIT_OK)
                return r;
        p = printer_new(c, &jobs_list);
        r = each_item(c, "job.list", params, "jobs", 0, print_item, p, NULL);
        if (r != EXIT_OK)
                return r;
        if (printer_count(p) == 0 && c->n_args > 0 && !filtered)
                return fail(c, EXIT_NOT_FOUND, "no job matches `%s'", c->args[0]);
        printer_end(p, NULL);
        return EXIT_OK;
}

int watch(struct cli *c, int (*once)(struct cli *c))
{
        for (;;) {
                int r;

                if (c->stdout_tty)
                        (void)fputs("\033[H\033[2J", stdout);
                c->now = cli_now();
                r = once(c);
                if (fflush(stdout) != 0)
                        return EXIT_FAILED;
                /* What is wrong in the question stays wrong; a daemon that is gone may come back. */
                if (r != EXIT_OK && r != EXIT_UNREACHABLE)
                        return r;
                if (r == EXIT_UNREACHABLE)
                        cli_disconnect(c);
                (void)sleep(WATCH_SECONDS);
        }
}

int cmd_list(struct cli *c)
{
        quiet_is_names(c);
        return opt_given(c, OPT_WATCH) ? watch(c, list_once) : list_once(c);
}

/* How far off an instant is. */
static void next_in_cell(struct cli *c, const json_t *item, struct strbuf *ret)
{
        struct wall at;

        if (jtime(item, "at", &at))
                strbuf_add_relative(ret, at, c->now);
}

/* How much later than its instant a run starts, where jitter delays it. */
static void jitter_in_cell(struct cli *c, const json_t *item, struct strbuf *ret)
{
        struct wall at, start;

        (void)c;
        if (jtime(item, "at", &at) && jtime(item, "start", &start) && start.usec > at.usec) {
                strbuf_add_char(ret, '+');
                strbuf_add_duration(ret, (double)(start.usec - at.usec) / USEC_PER_SEC);
        }
}

/* Days on which an instant is not where the clock would have it: below the table, as there are few. */
static void say_odd(struct cli *c, const json_t *next)
{
        const json_t *item;
        struct wall at;
        size_t i;

        json_array_foreach((json_t *)next, i, item) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };

                if (!jstr(item, "odd") || !jstr(item, "job") || !jtime(item, "at", &at))
                        continue;
                strbuf_add_local(&t, c, at);
                say(c, "%s of %s: %s", strbuf_str(&t), jstr(item, "job"), jstr(item, "odd"));
        }
}

/* A span that runs backwards is a slip: nothing is in it, and that would look like an answer. */
static int check_span(struct cli *c)
{
        struct wall from = c->now, to;
        int r;

        if (!opt_given(c, OPT_TO))
                return EXIT_OK;
        r = opt_time(c, OPT_FROM, false, &from);
        if (r == EXIT_OK)
                r = opt_time(c, OPT_TO, false, &to);
        if (r == EXIT_OK && to.usec < from.usec)
                return fail_usage(c, opt_given(c, OPT_FROM) ? "--to is before --from" : "--to is in the past");
        return r;
}

int cmd_next(struct cli *c)
{
        static const struct column columns[] = {
                { "AT", "at", CELL_TIME },
                { "IN", "at", CELL_TEXT, COLUMN_HUMAN, next_in_cell },
                { "JITTER", "start", CELL_TEXT, COLUMN_HUMAN, jitter_in_cell },
                { "JOB", "job", CELL_TEXT, COLUMN_CUT },
                { "START", "start", CELL_TIME, COLUMN_CSV },
                { "ODD", "odd", CELL_TEXT, COLUMN_WIDE | COLUMN_CUT },
        };
        static const struct list list = { "next", "job", columns, ARRAY_SIZE(columns) };
        _cleanup_(json_decrefp) json_t *params = json_object(), *answer = NULL;
        _cleanup_(printer_freep) struct printer *p = NULL;
        const json_t *item;
        int64_t n = 0;
        size_t i;
        int r;

        if (c->n_args > 0)
                json_object_set_new(params, "jobs", args_json(c->args, c->n_args));
        r = opt_number(c, OPT_COUNT, 1, 10000, &n);
        if (r == EXIT_OK && n > 0)
                json_object_set_new(params, "n", json_integer(n));
        if (r == EXIT_OK)
                r = opt_time_param(c, OPT_FROM, false, params, "from");
        if (r == EXIT_OK)
                r = opt_time_param(c, OPT_TO, false, params, "to");
        if (r == EXIT_OK)
                r = check_span(c);
        if (r == EXIT_OK)
                r = call_or_fail(c, "job.next", TAKE_PTR(params), &answer);
        if (r != EXIT_OK)
                return r;
        p = printer_new(c, &list);
        json_array_foreach(json_object_get(answer, "next"), i, item)
                printer_item(p, item);
        printer_end(p, NULL);
        if (c->format == OUTPUT_TABLE)
                say_odd(c, json_object_get(answer, "next"));
        return EXIT_OK;
}

/* The words of `runs`: those that no row was of are perhaps no jobs at all. */
struct asked {
        struct printer *printer;
        char **names;
        size_t n, rows;
};

static void print_run(void *arg, const json_t *run)
{
        struct asked *a = arg;
        const char *job = jstr(run, "job");

        for (size_t i = 0; job && i < a->n; i++)
                if (streq(a->names[i], job)) {
                        a->names[i] = a->names[--a->n];
                        break;
                }
        a->rows++;
        printer_item(a->printer, run);
}

int cmd_runs(struct cli *c)
{
        _cleanup_(printer_freep) struct printer *p = NULL;
        bool more, people = c->stdout_tty && (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE);
        int64_t n = people && !opt_given(c, OPT_QUIET) ? RUNS_ON_TERMINAL : 0;
        struct asked asked;
        json_t *params;
        int r, known;

        quiet_is_names(c);
        r = opt_number(c, OPT_COUNT, 1, INT64_MAX / 2, &n);
        if (r == EXIT_OK)
                r = run_filters(c, c->args, c->n_args, &params);
        if (r != EXIT_OK)
                return r;
        p = printer_new(c, &runs_list);
        asked = (struct asked){ .printer = p, .names = xmalloc((c->n_args + 1) * sizeof(char *)), .n = c->n_args };
        memcpy(asked.names, c->args, c->n_args * sizeof(char *));
        r = each_item(c, "run.list", params, "runs", (uint64_t)n, print_run, &asked, &more);
        known = r == EXIT_OK ? check_known(c, asked.names, asked.n) : r;
        free(asked.names);
        if (r != EXIT_OK || (known != EXIT_OK && asked.rows == 0))
                return known;
        printer_end(p, NULL);
        if (more && people && !opt_given(c, OPT_COUNT)) {
                (void)fflush(stdout);
                say(c, "The newest %d; there are more (-n N).", RUNS_ON_TERMINAL);
        }
        return known;
}
