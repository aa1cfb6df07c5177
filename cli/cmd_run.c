/* jobctl run, wait, cancel, kill. */
#include <stdio.h>

#include "follow.h"
#include "tbl/commands.h"

/* ---- run */

static void follow_entry(void *arg, const json_t *entry)
{
        put_log_entry(arg, entry, false);
}

static int follow_runs(struct cli *c, const struct run_ids *ids)
{
        for (size_t i = 0; i < ids->n; i++) {
                json_t *params = json_object();
                int r;

                json_object_set_new(params, "run", json_integer((json_int_t)ids->v[i]));
                json_object_set_new(params, "follow", json_true());
                r = stream_logs(c, params, follow_entry, c, NULL);
                if (r != EXIT_OK)
                        return r;
        }
        return EXIT_OK;
}

static void take_numbers(const json_t *answer, struct run_ids *ids)
{
        const json_t *number;
        size_t i;

        json_array_foreach(json_object_get(answer, "runs"), i, number)
                if (json_is_integer(number) && json_integer_value(number) > 0)
                        run_ids_add(ids, (uint64_t)json_integer_value(number));
}

/* The numbers alone on standard output; words elsewhere. */
static void tell_started(struct cli *c, const json_t *names, const struct run_ids *ids, bool numbers)
{
        for (size_t i = 0; i < ids->n; i++) {
                const char *name =
                        json_array_size(names) == ids->n ? json_string_value(json_array_get(names, i)) : NULL;

                if (numbers)
                        (void)printf("%llu\n", (unsigned long long)ids->v[i]);
                if (name)
                        say(c, "Run %llu of %s", (unsigned long long)ids->v[i], name);
                else
                        say(c, "Run %llu", (unsigned long long)ids->v[i]);
        }
        (void)fflush(stdout);
}

/* What --wait and --follow add. */
static int see_runs_end(struct cli *c, const struct run_ids *ids, json_t *doc)
{
        _cleanup_(json_decrefp) json_t *runs = NULL;
        int r = EXIT_OK;

        if (opt_given(c, OPT_FOLLOW) && (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE))
                r = follow_runs(c, ids);
        if (r == EXIT_OK)
                r = wait_runs(c, ids, USEC_INFINITY, &runs);
        if (r != EXIT_OK)
                return r;
        json_object_set(doc, "ended", runs);
        return tell_ends(c, runs);
}

static int start_jobs(struct cli *c, const json_t *names, json_t **ret_doc)
{
        json_t *params = json_object();

        json_object_set(params, "jobs", (json_t *)names);
        if (opt_given(c, OPT_FORCE))
                json_object_set_new(params, "force", json_true());
        return call_or_fail(c, "job.run", params, ret_doc);
}

int cmd_run(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *names = NULL, *doc = NULL;
        _cleanup_(run_ids_done) struct run_ids ids = { 0 };
        bool people, follow = opt_given(c, OPT_FOLLOW);
        int r;

        r = find_jobs(c, &names);
        if (r != EXIT_OK)
                return r;
        if (json_array_size(names) > c->n_args && !ask(c, "Run %zu jobs?", json_array_size(names)))
                return fail(c, EXIT_FAILED, "not confirmed, nothing was started");
        r = start_jobs(c, names, &doc);
        if (r != EXIT_OK)
                return r;
        take_numbers(doc, &ids);
        warn_not_durable(c, doc);
        people = c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE || c->format == OUTPUT_NAME;
        if (people)
                tell_started(c, names, &ids, !follow);
        if (opt_given(c, OPT_WAIT) || follow)
                r = see_runs_end(c, &ids, doc);
        if (!people)
                (void)print_object(c, doc);
        return r;
}

/* ---- wait */

int cmd_wait(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *runs = NULL, *doc = json_object();
        _cleanup_(run_ids_done) struct run_ids ids = { 0 };
        int64_t timeout = USEC_INFINITY;
        int r;

        r = opt_duration(c, OPT_TIMEOUT, &timeout);
        if (r == EXIT_OK)
                r = find_runs(c, &ids);
        if (r != EXIT_OK)
                return r;
        if (ids.n == 0)
                return fail(c, EXIT_SELF, "there is no live run to wait for");
        r = wait_runs(c, &ids, timeout, &runs);
        if (r != EXIT_OK)
                return r;
        r = tell_ends(c, runs);
        json_object_set(doc, "runs", runs);
        if (c->format != OUTPUT_TABLE && c->format != OUTPUT_WIDE)
                (void)print_object(c, doc);
        return r;
}

/* ---- cancel and kill */

/* One call's worth: `key` is "runs" or "jobs".  What was done joins *ids and *durable. */
static int cancel_call(struct cli *c, const char *key, json_t *subjects, struct run_ids *ids, bool *durable)
{
        _cleanup_(json_decrefp) json_t *answer = NULL;
        json_t *params = json_object();
        const char *sig = opt_value(c, OPT_SIGNAL);
        int r;

        if (!sig && c->command->handler == cmd_kill)
                sig = "TERM";
        json_object_set_new(params, key, subjects);
        if (sig)
                json_object_set_new(params, "signal", json_string(sig));
        r = call_or_fail(c, "run.cancel", params, &answer);
        if (r != EXIT_OK)
                return r;
        take_numbers(answer, ids);
        if (json_is_false(json_object_get(answer, "durable")))
                *durable = false;
        return EXIT_OK;
}

/* Sorts the words: numbers, names, and what has to be looked up first (patterns, filters). */
static int cancel_subjects(struct cli *c, struct run_ids *numbers, json_t *names)
{
        _cleanup_(json_decrefp) json_t *found = NULL;
        const json_t *name;
        uint64_t id;
        size_t i;
        int r;

        if (has_run_filters(c) || c->n_args == 0) {
                r = find_runs(c, numbers);
                if (r == EXIT_OK && numbers->n > 1 && !ask(c, "Cancel %zu runs?", numbers->n))
                        r = fail(c, EXIT_FAILED, "not confirmed, nothing was cancelled");
                return r;
        }
        r = find_jobs(c, &found);
        if (r != EXIT_OK)
                return r;
        if (json_array_size(found) > c->n_args && !ask(c, "Cancel the runs of %zu jobs?", json_array_size(found)))
                return fail(c, EXIT_FAILED, "not confirmed, nothing was cancelled");
        json_array_foreach(found, i, name) {
                if (is_run(json_string_value(name), &id))
                        run_ids_add(numbers, id);
                else
                        json_array_append(names, (json_t *)name);
        }
        return EXIT_OK;
}

int cmd_cancel(struct cli *c)
{
        _cleanup_(run_ids_done) struct run_ids numbers = { 0 }, done = { 0 };
        _cleanup_(json_decrefp) json_t *names = json_array(), *doc = json_object();
        bool durable = true;
        int r;

        r = cancel_subjects(c, &numbers, names);
        for (size_t i = 0; r == EXIT_OK && i < numbers.n; i += PARAM_LIST_MAX)
                r = cancel_call(c, "runs", run_ids_json(&numbers, i, PARAM_LIST_MAX), &done, &durable);
        if (r == EXIT_OK && json_array_size(names) > 0)
                r = cancel_call(c, "jobs", json_incref(names), &done, &durable);
        if (r != EXIT_OK)
                return r;
        json_object_set_new(doc, "runs", run_ids_json(&done, 0, done.n));
        json_object_set_new(doc, "durable", json_boolean(durable));
        warn_not_durable(c, doc);
        if (print_object(c, doc))
                return EXIT_OK;
        if (opt_given(c, OPT_QUIET) || c->format == OUTPUT_NAME)
                print_names(json_object_get(doc, "runs"));
        else
                for (size_t i = 0; i < done.n; i++)
                        say(c, "Run %llu: %s", (unsigned long long)done.v[i],
                            opt_given(c, OPT_SIGNAL) || c->command->handler == cmd_kill ? "signalled" : "cancelled");
        if (done.n == 0)
                return fail(c, EXIT_CONFLICT, "there is no live run of that");
        return EXIT_OK;
}

int cmd_kill(struct cli *c)
{
        return cmd_cancel(c);
}
