/* jobctl show, cat, why: one job or run at a time. */
#include <stdio.h>

#include "print.h"
#include "listing.h"

static void put_field(struct strbuf *t, const char *label, const char *value)
{
        if (!value || !*value)
                return;
        strbuf_addf(t, "%12s: ", label);
        strbuf_add_outside(t, value);
        strbuf_add_char(t, '\n');
}

static void put_time(struct cli *c, struct strbuf *t, const char *label, const json_t *o, const char *key)
{
        struct wall at;

        if (!jtime(o, key, &at))
                return;
        strbuf_addf(t, "%12s: ", label);
        strbuf_add_local(t, c, at);
        strbuf_add(t, " (");
        strbuf_add_relative(t, at, c->now);
        strbuf_add(t, ")\n");
}

static void put_plain(struct strbuf *t, const char *label, const json_t *value)
{
        _cleanup_(strbuf_done) struct strbuf plain = { 0 };

        if (!value || json_is_null(value))
                return;
        strbuf_add_plain(&plain, value);
        put_field(t, label, strbuf_str(&plain));
}

/* The keys of a definition, each with where it comes from.  A definition may come as a job file of this one job. */
static void put_definition(struct strbuf *t, const json_t *definition, const json_t *origins)
{
        const json_t *jobs = json_object_get(definition, "jobs"), *value;
        const char *key;

        if (json_object_size(jobs) == 1)
                definition = json_object_iter_value(json_object_iter((json_t *)jobs));
        if (!json_is_object(definition) || json_object_size(definition) == 0)
                return;
        strbuf_add(t, "\nDefinition:\n");
        json_object_foreach((json_t *)definition, key, value) {
                const char *origin = jstr(origins, key);
                _cleanup_(freep) char *json = NULL;

                strbuf_add(t, "  ");
                strbuf_add_outside(t, key);
                strbuf_add_char(t, ':');
                if (json_is_object(value) || json_is_array(value)) {
                        json = json_dumps(value, JSON_COMPACT);
                        strbuf_add_char(t, ' ');
                        strbuf_add_json_escaped(t, json ? json : "?", strlen(json ? json : "?"));
                } else {
                        strbuf_add_yaml(t, value, 2);
                }
                if (origin && !streq(origin, "job")) {
                        strbuf_add(t, "  # ");
                        strbuf_add_outside(t, origin);
                }
                strbuf_add_char(t, '\n');
        }
}

static void put_run_line(struct cli *c, struct strbuf *t, const char *label, const json_t *run)
{
        _cleanup_(strbuf_done) struct strbuf state = { 0 };
        const json_t *duration = json_object_get(run, "duration");
        struct wall at;

        if (!json_is_object(run))
                return;
        strbuf_addf(t, "%12s: run %lld ", label, (long long)jcount(run, "id"));
        strbuf_add_state(&state, run);
        strbuf_add_colored(t, c, jstr(run, "state"), strbuf_str(&state));
        if (jtime(run, "ended_at", &at) || jtime(run, "started_at", &at) || jtime(run, "created_at", &at)) {
                strbuf_add(t, ", ");
                strbuf_add_relative(t, at, c->now);
        }
        if (json_is_number(duration)) {
                strbuf_add(t, ", took ");
                strbuf_add_duration(t, json_number_value(duration));
        }
        strbuf_add_char(t, '\n');
}

static void show_job_text(struct cli *c, const json_t *job)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 }, file = { 0 }, paused = { 0 };
        const json_t *pause = json_object_get(job, "paused"), *run;
        const char *name = jstr(job, "name"), *description = jstr(job, "description");
        struct wall next, start;
        size_t i;

        strbuf_add(&t, "● ");
        strbuf_add_outside(&t, name ? name : "?");
        if (description && *description) {
                strbuf_add(&t, " - ");
                strbuf_add_outside(&t, description);
        }
        strbuf_add_char(&t, '\n');
        put_field(&t, "Blocked", jstr(job, "blocked"));
        if (json_is_false(json_object_get(job, "enabled")))
                put_field(&t, "Enabled", "no");
        if (json_is_object(pause)) {
                const char *by = jstr(pause, "by"), *why = jstr(pause, "reason"), *until = jstr(pause, "until");

                strbuf_addf(&paused, "by %s%s%s%s%s%s", by ? by : "?", until ? " until " : "", until ? until : "",
                            why ? ": " : "", why ? why : "",
                            json_is_true(json_object_get(pause, "hold")) ? " (held)" : "");
                put_field(&t, "Paused", strbuf_str(&paused));
        }
        put_plain(&t, "Schedule", json_object_get(job, "schedule"));
        put_field(&t, "Timezone", jstr(job, "timezone"));
        put_time(c, &t, "Next", job, "next");
        if (jtime(job, "next", &next) && jtime(job, "next_start", &start) && start.usec > next.usec)
                put_time(c, &t, "Starts", job, "next_start");
        if (json_is_true(json_object_get(job, "past")))
                put_field(&t, "Next", "past");
        put_run_line(c, &t, "Last", json_object_get(job, "last"));
        json_array_foreach(json_object_get(job, "runs_active"), i, run)
                put_run_line(c, &t, "Active", run);
        put_field(&t, "User", jstr(job, "user"));
        if (jstr(job, "file")) {
                strbuf_addf(&file, "%s:%lld", jstr(job, "file"), (long long)jcount(job, "line"));
                put_field(&t, "File", strbuf_str(&file));
        }
        put_definition(&t, json_object_get(job, "definition"), json_object_get(job, "origins"));
        (void)fputs(strbuf_str(&t), stdout);
}

static void put_transition(struct cli *c, struct strbuf *t, const json_t *step)
{
        const char *error = jstr(step, "error");
        struct wall at;

        strbuf_add(t, "  ");
        if (jtime(step, "at", &at))
                strbuf_add_local(t, c, at);
        strbuf_add(t, "  ");
        strbuf_add_state(t, step);
        if (jcount(step, "start") > 0)
                strbuf_addf(t, " start %lld", (long long)jcount(step, "start"));
        if (error) {
                strbuf_add(t, ": ");
                strbuf_add_outside(t, error);
        }
        strbuf_add_char(t, '\n');
}

static void show_run_text(struct cli *c, const json_t *run)
{
        static const struct {
                const char *label, *key;
                enum cell cell;
        } rows[] = {
                { "Trigger", "trigger", CELL_TEXT },
                { "Scheduled", "scheduled_at", CELL_TIME },
                { "Until", "scheduled_until", CELL_TEXT },
                { "Created", "created_at", CELL_TIME },
                { "Queued", "queued_at", CELL_TIME },
                { "Started", "started_at", CELL_TIME },
                { "Ended", "ended_at", CELL_TIME },
                { "Next try", "retry_at", CELL_TIME },
                { "Duration", "duration", CELL_DURATION },
                { "Attempt", "attempt", CELL_TEXT },
                { "Exit code", "exit_code", CELL_TEXT },
                { "Signal", "signal", CELL_TEXT },
                { "Error", "error", CELL_TEXT },
                { "User", "user", CELL_TEXT },
                { "Flags", "flags", CELL_TEXT },
                { "Cause", "cause_run", CELL_TEXT },
                { "CPU user", "cpu_user", CELL_DURATION },
                { "CPU system", "cpu_system", CELL_DURATION },
                { "Memory", "max_rss", CELL_BYTES },
                { "Output", "output_bytes", CELL_BYTES },
                { "Not kept", "dropped_bytes", CELL_BYTES },
        };
        _cleanup_(strbuf_done) struct strbuf t = { 0 }, state = { 0 };
        const char *job = jstr(run, "job");
        const json_t *step;
        size_t i;

        strbuf_addf(&t, "● run %lld of ", (long long)jcount(run, "id"));
        strbuf_add_outside(&t, job ? job : "?");
        strbuf_add(&t, " - ");
        strbuf_add_state(&state, run);
        strbuf_add_colored(&t, c, jstr(run, "state"), strbuf_str(&state));
        strbuf_add_char(&t, '\n');
        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                const json_t *value = json_object_get(run, rows[i].key);
                _cleanup_(strbuf_done) struct strbuf v = { 0 };

                /* A plain instant is no range. */
                if (streq(rows[i].key, "scheduled_until") && (jcount(run, "count") <= 1 || !value))
                        continue;
                if (rows[i].cell == CELL_TIME) {
                        put_time(c, &t, rows[i].label, run, rows[i].key);
                } else if (json_is_number(value) && rows[i].cell == CELL_DURATION) {
                        strbuf_add_duration(&v, json_number_value(value));
                        put_field(&t, rows[i].label, strbuf_str(&v));
                } else if (json_is_number(value) && rows[i].cell == CELL_BYTES) {
                        if (json_number_value(value) > 0 || !streq(rows[i].key, "dropped_bytes"))
                                strbuf_add_bytes(&v, json_number_value(value));
                        put_field(&t, rows[i].label, strbuf_str(&v));
                } else {
                        put_plain(&t, rows[i].label, value);
                }
        }
        if (json_array_size(json_object_get(run, "transitions")) > 0)
                strbuf_add(&t, "\nStory:\n");
        json_array_foreach(json_object_get(run, "transitions"), i, step)
                put_transition(c, &t, step);
        put_definition(&t, json_object_get(run, "definition"), NULL);
        (void)fputs(strbuf_str(&t), stdout);
}


/* Asks `method` about one subject, {"job": word} or {"run": number}. */
static int ask_subject(struct cli *c, const char *word, const char *run_method, const char *job_method, json_t *params,
                       json_t **ret, bool *ret_run)
{
        uint64_t id;

        *ret_run = is_run(word, &id);
        if (*ret_run)
                json_object_set_new(params, "run", json_integer((json_int_t)id));
        else
                json_object_set_new(params, "job", json_string(word));
        return call_or_fail(c, *ret_run ? run_method : job_method, params, ret);
}

/* One subject: its answer is the document.  Several: a list of answers under `key`. */
static void print_answers(const struct cli *c, const char *key, json_t *answers)
{
        _cleanup_(json_decrefp) json_t *doc = NULL;
        size_t i;

        if (c->format == OUTPUT_JSONL || json_array_size(answers) == 1) {
                for (i = 0; i < json_array_size(answers); i++)
                        (void)print_object(c, json_array_get(answers, i));
                return;
        }
        doc = json_object();
        json_object_set(doc, key, answers);
        (void)print_object(c, doc);
}

static bool for_people(const struct cli *c)
{
        return c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE;
}

int cmd_show(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *names = NULL, *answers = json_array();
        size_t i;
        int r;

        r = find_jobs(c, &names);
        for (i = 0; r == EXIT_OK && i < json_array_size(names); i++) {
                json_t *answer = NULL;
                bool run;

                r = ask_subject(c, json_string_value(json_array_get(names, i)), "run.show", "job.show", json_object(),
                                &answer, &run);
                if (r != EXIT_OK)
                        break;
                if (for_people(c)) {
                        if (i > 0)
                                (void)putchar('\n');
                        if (run)
                                show_run_text(c, json_object_get(answer, "run"));
                        else
                                show_job_text(c, json_object_get(answer, "job"));
                }
                json_array_append_new(answers, answer);
        }
        if (r == EXIT_OK && c->format == OUTPUT_NAME)
                print_names(names);
        else if (r == EXIT_OK && !for_people(c))
                print_answers(c, "shown", answers);
        return r;
}

int cmd_cat(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *names = NULL, *answers = json_array();
        int r;

        r = find_jobs(c, &names);
        for (size_t i = 0; r == EXIT_OK && i < json_array_size(names); i++) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };
                json_t *answer = NULL;
                const char *text, *path;
                bool run;

                r = ask_subject(c, json_string_value(json_array_get(names, i)), "job.cat", "job.cat", json_object(),
                                &answer, &run);
                if (r != EXIT_OK)
                        break;
                json_array_append_new(answers, answer);
                text = jstr(answer, "text");
                path = jstr(answer, "path");
                if (!for_people(c) && c->format != OUTPUT_NAME)
                        continue;
                if (c->format == OUTPUT_NAME) {
                        strbuf_add_outside(&t, path ? path : "?");
                        (void)puts(strbuf_str(&t));
                        continue;
                }
                say(c, "# %s%s", path ? path : "?",
                    json_is_true(json_object_get(answer, "stale"))
                            ? " (the file has errors now; this version is in force)"
                            : "");
                if (c->stdout_tty)
                        strbuf_add_escaped(&t, text ? text : "", strlen(text ? text : ""), ESCAPE_KEEP_LINES);
                else
                        strbuf_add(&t, text ? text : "");
                (void)fwrite(strbuf_str(&t), 1, t.n, stdout);
        }
        if (r == EXIT_OK && !for_people(c) && c->format != OUTPUT_NAME)
                print_answers(c, "files", answers);
        return r;
}

static void put_cause(struct cli *c, const json_t *cause)
{
        static const char *const keys[] = { "run", "job", "lock", "queue", "by" };
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const char *reason = jstr(cause, "reason");
        struct wall at;

        strbuf_add(&t, "  ");
        strbuf_add_outside(&t, reason ? reason : "?");
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const json_t *v = json_object_get(cause, keys[i]);
                _cleanup_(strbuf_done) struct strbuf plain = { 0 };

                if (!v || json_is_null(v))
                        continue;
                strbuf_add_plain(&plain, v);
                strbuf_addf(&t, ", %s ", keys[i]);
                strbuf_add_outside(&t, strbuf_str(&plain));
        }
        if (jtime(cause, "since", &at)) {
                strbuf_add(&t, ", since ");
                strbuf_add_local(&t, c, at);
        }
        if (jtime(cause, "until", &at)) {
                strbuf_add(&t, ", until ");
                strbuf_add_local(&t, c, at);
        }
        (void)puts(strbuf_str(&t));
}

static void why_text(struct cli *c, const json_t *answer)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const json_t *cause, *subject = json_object_get(answer, "subject");
        const char *sentence = jstr(answer, "answer"), *state = jstr(answer, "state");
        size_t i;

        if (subject) {
                _cleanup_(strbuf_done) struct strbuf plain = { 0 };

                strbuf_add_plain(&plain, subject);
                strbuf_add_outside(&t, strbuf_str(&plain));
                strbuf_add(&t, ": ");
        }
        if (state) {
                strbuf_add_outside(&t, state);
                strbuf_add(&t, ": ");
        }
        strbuf_add_outside(&t, sentence ? sentence : "?");
        (void)puts(strbuf_str(&t));
        json_array_foreach(json_object_get(answer, "causes"), i, cause)
                put_cause(c, cause);
}

int cmd_why(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *names = NULL, *answers = json_array();
        int r;

        r = find_jobs(c, &names);
        for (size_t i = 0; r == EXIT_OK && i < json_array_size(names); i++) {
                json_t *answer = NULL, *params = json_object();
                bool run;

                r = opt_time_param(c, OPT_AT, true, params, "at");
                if (r != EXIT_OK) {
                        json_decref(params);
                        break;
                }
                r = ask_subject(c, json_string_value(json_array_get(names, i)), "why", "why", params, &answer, &run);
                if (r != EXIT_OK)
                        break;
                if (for_people(c))
                        why_text(c, answer);
                json_array_append_new(answers, answer);
        }
        if (r == EXIT_OK && c->format == OUTPUT_NAME)
                print_names(names);
        else if (r == EXIT_OK && !for_people(c))
                print_answers(c, "subjects", answers);
        return r;
}
