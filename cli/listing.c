#include "listing.h"

#include <stdio.h>
#include <string.h>

#include "tbl/commands.h"
#include "tbl/states.h"

/* ---- the table of jobs */

static const char *job_state(const json_t *job)
{
        if (json_is_string(json_object_get(job, "blocked")))
                return "blocked";
        if (json_is_object(json_object_get(job, "paused")))
                return "paused";
        if (json_is_false(json_object_get(job, "enabled")))
                return "disabled";
        return jcount(job, "running") > 0 ? "running" : "enabled";
}

static void job_state_cell(struct cli *c, const json_t *job, struct strbuf *ret)
{
        strbuf_add(ret, job_state(job));
}

static void job_next_cell(struct cli *c, const json_t *job, struct strbuf *ret)
{
        struct wall at;

        if (jtime(job, "next", &at))
                strbuf_add_when(ret, c, at);
        else if (json_is_true(json_object_get(job, "past")))
                strbuf_add(ret, "past");
}

static void job_last_cell(struct cli *c, const json_t *job, struct strbuf *ret)
{
        const json_t *last = json_object_get(job, "last");

        if (json_is_object(last))
                strbuf_add_state(ret, last);
}

/* When it last did something: its end, or else its beginning. */
static void job_last_at_cell(struct cli *c, const json_t *job, struct strbuf *ret)
{
        struct wall at;

        if (jtime(job, "last.ended_at", &at) || jtime(job, "last.started_at", &at) ||
            jtime(job, "last.created_at", &at))
                strbuf_add_when(ret, c, at);
}

static const struct column job_columns[] = {
        { "NAME", "name", CELL_TEXT, COLUMN_CUT },
        { "STATE", "enabled", CELL_STATE, COLUMN_HUMAN, job_state_cell },
        { "SCHEDULE", "schedule", CELL_TEXT, COLUMN_CUT },
        { "NEXT", "next", CELL_WHEN, 0, job_next_cell },
        { "LAST", "last.state", CELL_STATE, COLUMN_CUT, job_last_cell },
        { "WHEN", "last.ended_at", CELL_WHEN, 0, job_last_at_cell },
        { "ACTIVE", "active", CELL_TEXT, COLUMN_RIGHT },
        { "RUN", "last.id", CELL_TEXT, COLUMN_WIDE | COLUMN_RIGHT },
        { "USER", "user", CELL_TEXT, COLUMN_WIDE },
        { "TIMEZONE", "timezone", CELL_TEXT, COLUMN_WIDE },
        { "FILE", "file", CELL_TEXT, COLUMN_WIDE },
        { "LINE", "line", CELL_TEXT, COLUMN_WIDE | COLUMN_RIGHT },
        { "DESCRIPTION", "description", CELL_TEXT, COLUMN_WIDE | COLUMN_CUT },
        { "ENABLED", "enabled", CELL_TEXT, COLUMN_CSV },
        { "BLOCKED", "blocked", CELL_TEXT, COLUMN_CSV },
        { "PAUSED_UNTIL", "paused.until", CELL_TEXT, COLUMN_CSV },
        { "RUNNING", "running", CELL_TEXT, COLUMN_CSV },
};

const struct list jobs_list = { "jobs", "name", job_columns, ARRAY_SIZE(job_columns) };

/* ---- the table of runs */

static void run_state_cell(struct cli *c, const json_t *run, struct strbuf *ret)
{
        strbuf_add_state(ret, run);
}

/* A range row stands for several instants. */
static void run_scheduled_cell(struct cli *c, const json_t *run, struct strbuf *ret)
{
        struct wall at;

        if (!jtime(run, "scheduled_at", &at))
                return;
        strbuf_add_local(ret, c, at);
        if (jcount(run, "count") > 1)
                strbuf_addf(ret, " x%lld", (long long)jcount(run, "count"));
}

static const struct column run_columns[] = {
        { "RUN", "id", CELL_TEXT, COLUMN_RIGHT },
        { "JOB", "job", CELL_TEXT, COLUMN_CUT },
        { "STATE", "state", CELL_STATE, COLUMN_CUT, run_state_cell },
        { "TRIGGER", "trigger", CELL_TEXT },
        { "SCHEDULED", "scheduled_at", CELL_TIME, 0, run_scheduled_cell },
        { "STARTED", "started_at", CELL_WHEN },
        { "DURATION", "duration", CELL_DURATION, COLUMN_RIGHT },
        { "ATTEMPT", "attempt", CELL_TEXT, COLUMN_WIDE | COLUMN_RIGHT },
        { "USER", "user", CELL_TEXT, COLUMN_WIDE },
        { "CREATED", "created_at", CELL_TIME, COLUMN_WIDE },
        { "ENDED", "ended_at", CELL_TIME, COLUMN_WIDE },
        { "CPU", "cpu_user", CELL_DURATION, COLUMN_WIDE | COLUMN_RIGHT },
        { "MEMORY", "max_rss", CELL_BYTES, COLUMN_WIDE | COLUMN_RIGHT },
        { "OUTPUT", "output_bytes", CELL_BYTES, COLUMN_WIDE | COLUMN_RIGHT },
        { "FLAGS", "flags", CELL_TEXT, COLUMN_WIDE },
        { "ERROR", "error", CELL_TEXT, COLUMN_WIDE | COLUMN_CUT },
        { "REASON", "reason", CELL_TEXT, COLUMN_CSV },
        { "EXIT_CODE", "exit_code", CELL_TEXT, COLUMN_CSV },
        { "SIGNAL", "signal", CELL_TEXT, COLUMN_CSV },
        { "SCHEDULED_UNTIL", "scheduled_until", CELL_TEXT, COLUMN_CSV },
        { "COUNT", "count", CELL_TEXT, COLUMN_CSV },
        { "QUEUED", "queued_at", CELL_TEXT, COLUMN_CSV },
        { "CAUSE_RUN", "cause_run", CELL_TEXT, COLUMN_CSV },
};

const struct list runs_list = { "runs", "id", run_columns, ARRAY_SIZE(run_columns) };

/* ---- pages */

int each_item(struct cli *c, const char *method, json_t *params, const char *key, uint64_t max,
              void (*item)(void *arg, const json_t *item), void *arg, bool *ret_more)
{
        _cleanup_(json_decrefp) json_t *asked = params;
        uint64_t n = 0;

        if (ret_more)
                *ret_more = false;
        for (;;) {
                _cleanup_(json_decrefp) json_t *page = NULL;
                const json_t *array, *cursor, *one;
                size_t i;
                int r;

                json_object_set_new(
                        asked, "limit",
                        json_integer((json_int_t)(max > 0 ? MIN(max - n + 1, (uint64_t)PAGE_MAX) : PAGE_MAX)));
                r = call_or_fail(c, method, json_deep_copy(asked), &page);
                if (r != EXIT_OK)
                        return r;
                array = json_object_get(page, key);
                if (!json_is_array(array))
                        return fail(c, EXIT_FAILED, "the daemon's answer to %s has no `%s'", method, key);
                json_array_foreach((json_t *)array, i, one) {
                        if (max > 0 && n == max) {
                                if (ret_more)
                                        *ret_more = true;
                                return EXIT_OK;
                        }
                        item(arg, one);
                        n++;
                }
                cursor = json_object_get(page, "cursor");
                if (!json_is_string(cursor))
                        return EXIT_OK;
                /* Pages without progress would never end. */
                if (json_equal(cursor, json_object_get(asked, "cursor")))
                        return fail(c, EXIT_FAILED, "the daemon gives the same page of %s again", method);
                json_object_set(asked, "cursor", (json_t *)cursor);
        }
}

/* ---- which runs, which jobs */

void run_ids_done(struct run_ids *ids)
{
        free(ids->v);
        *ids = (struct run_ids){ 0 };
}

void run_ids_add(struct run_ids *ids, uint64_t id)
{
        if (ids->n == ids->allocated) {
                ids->allocated = MAX((size_t)16, ids->allocated * 2);
                ids->v = xrealloc(ids->v, ids->allocated * sizeof(*ids->v));
        }
        ids->v[ids->n++] = id;
}

json_t *run_ids_json(const struct run_ids *ids, size_t from, size_t n)
{
        json_t *a = json_array();

        for (size_t i = from; i < MIN(ids->n, from + n); i++)
                json_array_append_new(a, json_integer((json_int_t)ids->v[i]));
        return a;
}

bool has_run_filters(const struct cli *c)
{
        static const enum option filters[] = { OPT_JOB,     OPT_STATE, OPT_FAILED, OPT_USER,
                                               OPT_TRIGGER, OPT_SINCE, OPT_UNTIL };

        for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
                if (opt_given(c, filters[i]))
                        return true;
        return false;
}

/* `--state failed,lost --state running`: checked here, so that a wrong word is told with the right ones. */
static int add_states(struct cli *c, json_t *params)
{
        json_t *states = json_array();
        const char *value;

        json_object_set_new(params, "states", states);
        for (size_t i = 0; (value = opt_value_nth(c, OPT_STATE, i)); i++) {
                _cleanup_(freep) char *copy = xstrdup(value);
                char *rest = copy, *word;

                while ((word = strsep(&rest, ","))) {
                        if (run_state_from_name(word) == RUN_STATE_INVALID)
                                return fail_usage(
                                        c,
                                        "--state: no such state: `%s' (waiting, queued, starting, running, backoff, "
                                        "succeeded, failed, timed_out, lost, cancelled, skipped, missed)",
                                        word);
                        json_array_append_new(states, json_string(word));
                }
        }
        return EXIT_OK;
}

int run_filters(struct cli *c, char *const *jobs, size_t n_jobs, json_t **ret_params)
{
        _cleanup_(json_decrefp) json_t *params = json_object();
        json_t *patterns = args_json(jobs, n_jobs);
        const char *value;
        int r = EXIT_OK;

        for (size_t i = 0; (value = opt_value_nth(c, OPT_JOB, i)); i++)
                json_array_append_new(patterns, json_string(value));
        if (json_array_size(patterns) > 0)
                json_object_set(params, "jobs", patterns);
        json_decref(patterns);
        if (opt_given(c, OPT_STATE))
                r = add_states(c, params);
        if (opt_given(c, OPT_FAILED))
                json_object_set_new(params, "failed", json_true());
        if (opt_given(c, OPT_USER))
                json_object_set_new(params, "user", json_string(opt_value(c, OPT_USER)));
        if (opt_given(c, OPT_TRIGGER)) {
                if (run_trigger_from_name(opt_value(c, OPT_TRIGGER)) == TRIGGER_INVALID)
                        return fail_usage(c, "--trigger: no such trigger: `%s' (schedule, catch_up, boot, manual, backfill)",
                                          opt_value(c, OPT_TRIGGER));
                json_object_set_new(params, "trigger", json_string(opt_value(c, OPT_TRIGGER)));
        }
        if (r == EXIT_OK)
                r = opt_time_param(c, OPT_SINCE, true, params, "since");
        if (r == EXIT_OK)
                r = opt_time_param(c, OPT_UNTIL, true, params, "until");
        if (r == EXIT_OK)
                *ret_params = TAKE_PTR(params);
        return r;
}

static void take_id(void *arg, const json_t *run)
{
        if (jcount(run, "id") > 0)
                run_ids_add(arg, (uint64_t)jcount(run, "id"));
}

/* Whether job.list or run.list has anything of that name: 0, EXIT_NOT_FOUND (not told), or another exit code (told). */
static int find_any(struct cli *c, const char *method, const char *key, const char *found, const char *job)
{
        _cleanup_(json_decrefp) json_t *answer = NULL;
        json_t *params = json_object(), *words = json_array();
        struct error e = ERROR_NULL;

        json_array_append_new(words, json_string(job));
        json_object_set_new(params, key, words);
        json_object_set_new(params, "limit", json_integer(1));
        if (call(c, method, params, &answer, &e) < 0)
                return e.code == ERROR_NOT_FOUND ? EXIT_NOT_FOUND : fail_error(c, &e);
        return json_array_size(json_object_get(answer, found)) > 0 ? EXIT_OK : EXIT_NOT_FOUND;
}

int check_known(struct cli *c, char *const *jobs, size_t n)
{
        int r = EXIT_OK;

        for (size_t i = 0; i < n && r == EXIT_OK; i++) {
                if (has_glob(jobs[i]))
                        continue;
                r = find_any(c, "job.list", "patterns", "jobs", jobs[i]);
                if (r == EXIT_NOT_FOUND)
                        r = find_any(c, "run.list", "jobs", "runs", jobs[i]);
                if (r == EXIT_NOT_FOUND)
                        r = fail(c, EXIT_NOT_FOUND, "no such job: %s", jobs[i]);
        }
        return r;
}

static int find_live(struct cli *c, char *const *jobs, size_t n, struct run_ids *ret)
{
        json_t *params;
        int r;

        r = run_filters(c, jobs, n, &params);
        if (r != EXIT_OK)
                return r;
        if (!json_object_get(params, "states")) {
                json_t *states = json_array();

                for (int s = 0; s < RUN_STATE_NR; s++)
                        if (!run_state_ends((enum run_state)s))
                                json_array_append_new(states, json_string(run_state_name((enum run_state)s)));
                json_object_set_new(params, "states", states);
        }
        return each_item(c, "run.list", params, "runs", 0, take_id, ret, NULL);
}

int find_runs(struct cli *c, struct run_ids *ret)
{
        _cleanup_(freep) char **jobs = xmalloc((c->n_args + 1) * sizeof(*jobs));
        size_t n = 0;
        uint64_t id;
        int r;

        for (size_t i = 0; i < c->n_args; i++) {
                if (is_run(c->args[i], &id))
                        run_ids_add(ret, id);
                else
                        jobs[n++] = c->args[i];
        }
        if (ret->n > 0 && has_run_filters(c))
                return fail_usage(c, "numbers of runs and filters exclude each other");
        if (c->n_args == 0 && !has_run_filters(c))
                return fail_usage(c, "which run? numbers, jobs, or a filter");
        r = n > 0 || c->n_args == 0 ? find_live(c, jobs, n, ret) : EXIT_OK;
        return r == EXIT_OK && ret->n == 0 ? check_known(c, jobs, n) : r;
}

static void take_name(void *arg, const json_t *job)
{
        json_array_append(arg, json_object_get(job, "name"));
}

int find_jobs(struct cli *c, json_t **ret_names)
{
        _cleanup_(json_decrefp) json_t *names = json_array();

        for (size_t i = 0; i < c->n_args; i++) {
                json_t *params, *patterns;
                size_t before = json_array_size(names);
                int r;

                if (!has_glob(c->args[i])) {
                        json_array_append_new(names, json_string(c->args[i]));
                        continue;
                }
                params = json_object();
                patterns = args_json(c->args + i, 1);
                json_object_set_new(params, "patterns", patterns);
                r = each_item(c, "job.list", params, "jobs", 0, take_name, names, NULL);
                if (r != EXIT_OK)
                        return r;
                if (json_array_size(names) == before)
                        return fail(c, EXIT_NOT_FOUND, "no job matches `%s'", c->args[i]);
        }
        *ret_names = TAKE_PTR(names);
        return EXIT_OK;
}
