/* jobctl simulate: what would run, wait, be skipped or missed, by the daemon's own engine in virtual time. */
#include <fnmatch.h>
#include <stdio.h>

#include "calendar/timeparse.h"
#include "files.h"
#include "jobfile/machine.h"
#include "listing.h"
#include "simulate.h"

enum { HISTORY_RUNS = 10000, DOWN_MAX = 64 };

struct simulation {
        struct cli *c;
        struct check check;
        struct sim_job *jobs;
        bool *shown;
        char **quoted;        /* names as JSON */
        size_t n, name_width;
        struct wall from, to;
        const struct tz *zone; /* that of the output */
        struct sim_down down[DOWN_MAX];
        struct sim_options options;
        bool only_sum;
        struct printer *printer;
        struct strbuf line;
        struct wall said;     /* the time that is in `stamp` */
        char stamp[48];
        struct sim_sum sum;
        struct sim_instant longest; /* of the shown ones: the one that waited longest */
        uint64_t reasons[SIM_DECISION_NR][REASON_NR];
};

static void simulation_done(struct simulation *s)
{
        for (size_t i = 0; s->quoted && i < s->n; i++)
                free(s->quoted[i]);
        free(s->quoted);
        free(s->shown);
        free(s->jobs);
        printer_free(s->printer);
        strbuf_done(&s->line);
        jobfile_check_done(&s->check);
}

/* ---- options */

static bool matches(const char *pattern, const char *name)
{
        return has_glob(pattern) ? fnmatch(pattern, name, 0) == 0 : streq(pattern, name);
}

/* A pattern may match nothing; a name must be one of the jobs. */
static int check_name(const struct simulation *s, const char *name)
{
        if (has_glob(name))
                return EXIT_OK;
        for (size_t i = 0; i < s->n; i++)
                if (streq(name, s->jobs[i].job->name))
                        return EXIT_OK;
        return fail(s->c, EXIT_NOT_FOUND, "no such job in these files: %s", name);
}

static int take_span(struct simulation *s)
{
        struct cli *c = s->c;
        const char *from = opt_value(c, OPT_FROM), *to = opt_value(c, OPT_TO);

        s->from = c->now;
        if (from && timeword_parse(from, s->zone, c->now, cli_boot(), false, &s->from) < 0)
                return fail_usage(c, "--from: `%s' is no time", from);
        s->to = wall_add(s->from, USEC_PER_DAY);
        /* Words like `15:30' and `mon' go on from the beginning. */
        if (to && timeword_parse(to, s->zone, from && *to != '-' && *to != '+' && !streq(to, "now") ? s->from : c->now, cli_boot(),
                                 false, &s->to) < 0)
                return fail_usage(c, "--to: `%s' is no time", to);
        if (s->to.usec < s->from.usec)
                return fail_usage(c, "--to is before --from");
        if (s->to.usec - s->from.usec > INT64_C(400) * 366 * USEC_PER_DAY)
                return fail_usage(c, "from --from to --to is more than 400 years");
        return EXIT_OK;
}

/* "02:00..04:00": from a time to the next after it. */
static int take_down(struct simulation *s, const char *text)
{
        struct cli *c = s->c;
        const char *dots = strstr(text, "..");
        _cleanup_(freep) char *first = dots ? xasprintf("%.*s", (int)(dots - text), text) : NULL;
        struct sim_down *d = &s->down[s->options.n_down], *before = s->options.n_down > 0 ? d - 1 : NULL;

        if (s->options.n_down == DOWN_MAX)
                return fail_usage(c, "--down: at most %d times", DOWN_MAX);
        if (!dots || timeword_parse(first, s->zone, s->from, cli_boot(), false, &d->from) < 0 ||
            timeword_parse(dots + 2, s->zone, d->from, cli_boot(), false, &d->until) < 0)
                return fail_usage(c, "--down: `%s' is not T..T", text);
        if (d->until.usec <= d->from.usec)
                return fail_usage(c, "--down: `%s' ends before it begins", text);
        if (before && d->from.usec < before->until.usec)
                return fail_usage(c, "--down: `%s' is not after the one before it", text);
        s->options.n_down++;
        return EXIT_OK;
}

/* "5m" for all that nothing better is known of; "JOB=5m" for one, or for those of a pattern. */
static int take_duration(struct simulation *s, const char *text, bool of_jobs)
{
        const char *equals = strrchr(text, '='), *why = "";
        _cleanup_(freep) char *pattern = equals ? xasprintf("%.*s", (int)(equals - text), text) : NULL;
        int64_t usec;
        int r = EXIT_OK;

        if (duration_parse(equals ? equals + 1 : text, &usec, &why) < 0)
                return fail_usage(s->c, "--duration: `%s' is no duration (%s)", text, why);
        if (of_jobs != (pattern != NULL))
                return EXIT_OK;
        if (pattern)
                r = check_name(s, pattern);
        if (r != EXIT_OK)
                return r;
        for (size_t i = 0; i < s->n; i++)
                if (!pattern || matches(pattern, s->jobs[i].job->name))
                        s->jobs[i].duration_usec = usec;
        return EXIT_OK;
}

static int take_patterns(struct simulation *s)
{
        const char *pattern;
        int r = EXIT_OK;

        for (size_t k = 0; r == EXIT_OK && (pattern = opt_value_nth(s->c, OPT_FAIL, k)); k++) {
                r = check_name(s, pattern);
                for (size_t i = 0; i < s->n; i++)
                        s->jobs[i].fails |= matches(pattern, s->jobs[i].job->name);
        }
        for (size_t k = 0; r == EXIT_OK && k < s->c->n_args; k++) {
                r = check_name(s, s->c->args[k]);
                for (size_t i = 0; i < s->n; i++)
                        s->shown[i] |= matches(s->c->args[k], s->jobs[i].job->name);
        }
        for (size_t i = 0; s->c->n_args == 0 && i < s->n; i++)
                s->shown[i] = true;
        return r;
}

/* ---- durations from history: the mean of the newest successful runs, else the last one */

struct known {
        const char *name; /* borrowed from the job */
        struct sim_job *job;
        double sum;
        uint64_t n;
};

struct history {
        struct known *v;
        size_t n;
};

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static void take_run(struct history *h, const char *name, const json_t *run)
{
        struct known key = { .name = name }, *k = name ? bsearch(&key, h->v, h->n, sizeof(key), by_name) : NULL;
        const char *state = jstr(run, "state");
        struct wall began, ended;

        if (!k || !state || !streq(state, "succeeded") || !jtime(run, "started_at", &began) || !jtime(run, "ended_at", &ended) ||
            ended.usec < began.usec)
                return;
        k->sum += (double)(ended.usec - began.usec);
        k->n++;
}

static void history_run(void *arg, const json_t *run)
{
        take_run(arg, jstr(run, "job"), run);
}

/* The job's last run counts where it is not among the newest of all. */
static void history_job(void *arg, const json_t *job)
{
        struct history *h = arg;
        const char *name = jstr(job, "name");
        struct known key = { .name = name }, *k = name ? bsearch(&key, h->v, h->n, sizeof(key), by_name) : NULL;

        if (k && k->n == 0)
                take_run(h, name, json_object_get(job, "last"));
}

static int ask_history(struct cli *c, struct history *h)
{
        json_t *params = json_object(), *states = json_array();
        int r;

        json_array_append_new(states, json_string("succeeded"));
        json_object_set_new(params, "states", states);
        r = each_item(c, "run.list", params, "runs", HISTORY_RUNS, history_run, h, NULL);
        return r == EXIT_OK ? each_item(c, "job.list", json_object(), "jobs", 0, history_job, h, NULL) : r;
}

/* Where there is no daemon to ask, nothing is known. */
static int take_history(struct simulation *s)
{
        struct history h = { .v = xmalloc((s->n + 1) * sizeof(*h.v)), .n = s->n };
        struct error e = ERROR_NULL;
        size_t known = 0;
        int r = EXIT_OK;

        for (size_t i = 0; i < s->n; i++)
                h.v[i] = (struct known){ .name = s->jobs[i].job->name, .job = &s->jobs[i] };
        qsort(h.v, h.n, sizeof(*h.v), by_name);
        if (!opt_given(s->c, OPT_NO_HISTORY) && cli_connect(s->c, &e) == 0) {
                r = ask_history(s->c, &h);
                for (size_t i = 0; i < h.n; i++)
                        if (h.v[i].n > 0) {
                                h.v[i].job->duration_usec = (int64_t)(h.v[i].sum / (double)h.v[i].n);
                                known++;
                        }
                say(s->c, "Durations of %zu of %zu jobs are from the daemon's history.", known, s->n);
        }
        free(h.v);
        return r;
}

/* ---- one instant */

/* Many lines in a row have the same time: it is composed once. */
static void add_time(struct simulation *s, struct strbuf *t, struct wall at)
{
        if (at.usec != s->said.usec || !*s->stamp)
                wall_print_rfc3339(at, s->zone, at.usec % USEC_PER_SEC ? 3 : 0, s->stamp, sizeof(s->stamp));
        s->said = at;
        strbuf_add(t, s->stamp);
}

static void add_seconds(struct strbuf *t, int64_t usec)
{
        strbuf_addf(t, "%lld", (long long)(usec / USEC_PER_SEC));
        if (usec % USEC_PER_SEC)
                strbuf_addf(t, ".%06lld", (long long)(usec % USEC_PER_SEC));
}

/* Written by hand: there may be millions. */
static void add_json(struct simulation *s, struct strbuf *t, const struct sim_instant *i)
{
        strbuf_add(t, "{\"at\":\"");
        add_time(s, t, i->at);
        strbuf_add(t, "\",\"job\":");
        strbuf_add(t, s->quoted[i->job]);
        strbuf_add(t, ",\"decision\":\"");
        strbuf_add(t, sim_decision_name(i->decision));
        if (i->reason) {
                strbuf_add(t, "\",\"reason\":\"");
                strbuf_add(t, i->reason);
                strbuf_add(t, "\",\"trigger\":\"");
        } else {
                strbuf_add(t, "\",\"reason\":null,\"trigger\":\"");
        }
        strbuf_add(t, run_trigger_name(i->trigger));
        strbuf_add_char(t, '"');
        if (i->decision == SIM_RUN) {
                if (wall_is_never(i->started_at)) {
                        strbuf_add(t, ",\"started_at\":null");
                } else {
                        strbuf_add(t, ",\"started_at\":\"");
                        add_time(s, t, i->started_at);
                        strbuf_add_char(t, '"');
                }
                strbuf_add(t, ",\"waited\":");
                add_seconds(t, i->waited_usec);
        } else if (i->count > 1) {
                strbuf_add(t, ",\"until\":\"");
                add_time(s, t, i->until);
                strbuf_addf(t, "\",\"count\":%llu", (unsigned long long)i->count);
        }
        strbuf_add_char(t, '}');
}

/* "2026-11-22 02:30:00  backup-db  run at 02:34:10 (waited 4m 10s: concurrency)" */
static void add_text(struct simulation *s, struct strbuf *t, const struct sim_instant *i)
{
        const char *name = s->jobs[i->job].job->name;
        char buf[48];

        if (i->at.usec != s->said.usec || !*s->stamp)
                wall_print_local(i->at, s->zone, s->stamp, sizeof(s->stamp));
        s->said = i->at;
        strbuf_add(t, s->stamp);
        strbuf_addf(t, "  %-*s  ", (int)s->name_width, name);
        strbuf_add_colored(t, s->c, i->decision == SIM_RUN ? "ok" : sim_decision_name(i->decision), sim_decision_name(i->decision));
        if (i->decision != SIM_RUN) {
                strbuf_addf(t, " (%s)", i->reason);
                if (i->count > 1) {
                        wall_print_local(i->until, s->zone, buf, sizeof(buf));
                        strbuf_addf(t, " x%llu, until %s", (unsigned long long)i->count, buf);
                }
                return;
        }
        if (i->trigger != TRIGGER_SCHEDULE)
                strbuf_addf(t, " (%s)", run_trigger_name(i->trigger));
        if (wall_is_never(i->started_at)) {
                strbuf_addf(t, ", not begun by the end: %s", i->reason);
        } else if (i->waited_usec > 0) {
                wall_print_local(i->started_at, s->zone, buf, sizeof(buf));
                strbuf_addf(t, " at %s, waited ", buf);
                strbuf_add_duration(t, (double)i->waited_usec / USEC_PER_SEC);
                strbuf_addf(t, ": %s", i->reason);
        }
}

static void count(struct simulation *s, const struct sim_instant *i)
{
        for (int r = 0; i->reason && i->decision != SIM_RUN && r < REASON_NR; r++)
                if (i->reason == run_reason_name((enum run_reason)r))
                        s->reasons[i->decision][r] += i->count;
        s->sum.instants += i->count;
        if (i->decision == SIM_RUN && i->waited_usec > s->longest.waited_usec)
                s->longest = *i;
}

static void decided(void *arg, const struct sim_instant *i)
{
        struct simulation *s = arg;
        enum output_format f = s->c->format;

        if (!s->shown[i->job])
                return;
        count(s, i);
        if (s->only_sum)
                return;
        strbuf_reset(&s->line);
        if (s->printer) {
                _cleanup_(json_decrefp) json_t *item = NULL;

                add_json(s, &s->line, i);
                item = json_loads(strbuf_str(&s->line), 0, NULL);
                printer_item(s->printer, item);
                return;
        }
        if (f == OUTPUT_TABLE || f == OUTPUT_WIDE)
                add_text(s, &s->line, i);
        else
                add_json(s, &s->line, i);
        strbuf_add_char(&s->line, '\n');
        (void)fwrite(s->line.s, 1, s->line.n, stdout);
}

/* ---- the sum */

static json_t *time_json(struct simulation *s, struct wall at)
{
        char buf[48];

        wall_print_rfc3339(at, s->zone, at.usec % USEC_PER_SEC ? 3 : 0, buf, sizeof(buf));
        return json_string(buf);
}

static json_t *seconds_json(int64_t usec)
{
        return usec % USEC_PER_SEC ? json_real((double)usec / USEC_PER_SEC) : json_integer(usec / USEC_PER_SEC);
}

struct counts {
        uint64_t run, skipped, missed, succeeded, failed, timed_out, cancelled, retries;
        int64_t busy_usec;
};

static void add_counts(struct counts *n, const struct sim_job *j)
{
        n->run += j->run;
        n->skipped += j->skipped;
        n->missed += j->missed;
        n->succeeded += j->succeeded;
        n->failed += j->failed;
        n->timed_out += j->timed_out;
        n->cancelled += j->cancelled;
        n->retries += j->retries;
        n->busy_usec += j->busy_usec;
}

static void put_counts(json_t *o, const struct counts *n)
{
        const struct {
                const char *key;
                uint64_t value;
        } rows[] = {
                { "run", n->run }, { "skipped", n->skipped }, { "missed", n->missed }, { "succeeded", n->succeeded },
                { "failed", n->failed }, { "timed_out", n->timed_out }, { "cancelled", n->cancelled }, { "retries", n->retries },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                json_object_set_new(o, rows[i].key, json_integer((json_int_t)rows[i].value));
        json_object_set_new(o, "busy", seconds_json(n->busy_usec));
}

static json_t *jobs_json(const struct simulation *s)
{
        json_t *list = json_array();

        for (size_t i = 0; i < s->n; i++) {
                struct counts n = { 0 };
                json_t *o;

                if (!s->shown[i])
                        continue;
                o = json_object();
                add_counts(&n, &s->jobs[i]);
                json_object_set_new(o, "job", json_string(s->jobs[i].job->name));
                put_counts(o, &n);
                json_object_set_new(o, "duration", seconds_json(s->jobs[i].duration_usec));
                json_object_set_new(o, "longest_wait", seconds_json(s->jobs[i].longest_wait_usec));
                json_array_append_new(list, o);
        }
        return list;
}

static json_t *reasons_json(const struct simulation *s)
{
        json_t *o = json_object();

        for (int d = SIM_SKIPPED; d < SIM_DECISION_NR; d++) {
                json_t *by = json_object();

                for (int r = 0; r < REASON_NR; r++)
                        if (s->reasons[d][r] > 0)
                                json_object_set_new(by, run_reason_name((enum run_reason)r), json_integer((json_int_t)s->reasons[d][r]));
                json_object_set_new(o, sim_decision_name((enum sim_decision)d), by);
        }
        return o;
}

static json_t *longest_json(struct simulation *s)
{
        json_t *o;

        if (s->longest.waited_usec == 0)
                return json_null();
        o = json_object();
        json_object_set_new(o, "job", json_string(s->jobs[s->longest.job].job->name));
        json_object_set_new(o, "at", time_json(s, s->longest.at));
        json_object_set_new(o, "seconds", seconds_json(s->longest.waited_usec));
        json_object_set_new(o, "reason", json_string(s->longest.reason));
        return o;
}

static struct counts all_counts(const struct simulation *s)
{
        struct counts n = { 0 };

        for (size_t i = 0; i < s->n; i++)
                if (s->shown[i])
                        add_counts(&n, &s->jobs[i]);
        return n;
}

static json_t *sum_json(struct simulation *s, const struct sim_sum *sum)
{
        json_t *o = json_object(), *peak = json_object();
        struct counts n = all_counts(s);

        json_object_set_new(o, "from", time_json(s, s->from));
        json_object_set_new(o, "to", time_json(s, s->to));
        json_object_set_new(o, "instants", json_integer((json_int_t)s->sum.instants));
        put_counts(o, &n);
        json_object_set_new(o, "reasons", reasons_json(s));
        json_object_set_new(peak, "runs", json_integer(sum->peak_running));
        json_object_set_new(peak, "at", sum->peak_running > 0 ? time_json(s, sum->peak_at) : json_null());
        json_object_set_new(o, "peak", peak);
        json_object_set_new(o, "longest_wait", longest_json(s));
        json_object_set_new(o, "running", json_integer((json_int_t)sum->running));
        json_object_set_new(o, "waiting", json_integer((json_int_t)sum->waiting));
        json_object_set_new(o, "jobs", jobs_json(s));
        return o;
}

static void add_reasons(const struct simulation *s, struct strbuf *t, enum sim_decision d)
{
        const char *before = " (";

        for (int r = 0; r < REASON_NR; r++)
                if (s->reasons[d][r] > 0) {
                        strbuf_addf(t, "%s%s %llu", before, run_reason_name((enum run_reason)r), (unsigned long long)s->reasons[d][r]);
                        before = ", ";
                }
        if (*before == ',')
                strbuf_add_char(t, ')');
}

static void put_sum(struct simulation *s, const struct sim_sum *sum)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        struct counts n = all_counts(s);
        char buf[48];

        if (s->sum.instants > 0 && !s->only_sum)
                strbuf_add_char(&t, '\n');
        strbuf_addf(&t, "%llu instants: %llu run, %llu skipped", (unsigned long long)s->sum.instants, (unsigned long long)n.run,
                    (unsigned long long)n.skipped);
        add_reasons(s, &t, SIM_SKIPPED);
        strbuf_addf(&t, ", %llu missed", (unsigned long long)n.missed);
        add_reasons(s, &t, SIM_MISSED);
        strbuf_add_char(&t, '\n');
        if (n.failed + n.timed_out + n.cancelled + n.retries > 0)
                strbuf_addf(&t, "Ends: %llu succeeded, %llu failed, %llu timed out, %llu cancelled, after %llu retries\n",
                            (unsigned long long)n.succeeded, (unsigned long long)n.failed, (unsigned long long)n.timed_out,
                            (unsigned long long)n.cancelled, (unsigned long long)n.retries);
        if (sum->peak_running > 0) {
                wall_print_local(sum->peak_at, s->zone, buf, sizeof(buf));
                strbuf_addf(&t, "At most %u at once, first at %s\n", sum->peak_running, buf);
        }
        if (s->longest.waited_usec > 0) {
                wall_print_local(s->longest.at, s->zone, buf, sizeof(buf));
                strbuf_addf(&t, "Longest wait: ");
                strbuf_add_duration(&t, (double)s->longest.waited_usec / USEC_PER_SEC);
                strbuf_addf(&t, ", %s of %s (%s)\n", s->jobs[s->longest.job].job->name, buf, s->longest.reason);
        }
        if (sum->running + sum->waiting > 0)
                strbuf_addf(&t, "At the end %zu run and %zu wait\n", sum->running, sum->waiting);
        (void)fwrite(t.s, 1, t.n, stdout);
}

static void finish(struct simulation *s, const struct sim_sum *sum)
{
        _cleanup_(json_decrefp) json_t *doc = NULL;
        enum output_format f = s->c->format;

        if (f == OUTPUT_TABLE || f == OUTPUT_WIDE) {
                put_sum(s, sum);
                return;
        }
        doc = json_object();
        json_object_set_new(doc, "summary", sum_json(s, sum));
        if (s->printer) {
                printer_end(s->printer, doc);
        } else {
                _cleanup_(freep) char *text = json_dumps(doc, JSON_COMPACT);

                (void)puts(text ? text : "{}");
        }
}

/* ---- */

static int prepare(struct simulation *s)
{
        struct cli *c = s->c;
        const char *text;
        int r;

        s->zone = s->check.zone;
        s->n = s->check.n_jobs;
        s->jobs = xmalloc((s->n + 1) * sizeof(*s->jobs));
        s->shown = xmalloc(s->n + 1);
        s->quoted = xmalloc((s->n + 1) * sizeof(*s->quoted));
        for (size_t i = 0; i < s->n; i++) {
                struct job *j = s->check.jobs[i];

                s->jobs[i] = (struct sim_job){ .job = j };
                s->shown[i] = false;
                s->quoted[i] = xasprintf("\"%s\"", j->name); /* the characters of a name need no escape */
                s->name_width = MAX(s->name_width, strlen(j->name));
        }
        r = take_span(s);
        for (size_t k = 0; r == EXIT_OK && (text = opt_value_nth(c, OPT_DOWN, k)); k++)
                r = take_down(s, text);
        for (size_t k = 0; r == EXIT_OK && (text = opt_value_nth(c, OPT_DURATION, k)); k++)
                r = take_duration(s, text, false);
        if (r == EXIT_OK)
                r = take_history(s);
        for (size_t k = 0; r == EXIT_OK && (text = opt_value_nth(c, OPT_DURATION, k)); k++)
                r = take_duration(s, text, true);
        return r == EXIT_OK ? take_patterns(s) : r;
}

static int read_files(struct simulation *s)
{
        _cleanup_(subjects_done) struct subjects subjects = { 0 };
        const char *dirs[64];
        size_t n = 0;
        int r;

        while (n < ARRAY_SIZE(dirs) && (dirs[n] = opt_value_nth(s->c, OPT_JOBS_DIR, n)))
                n++;
        r = subjects_find(s->c, (char *const *)dirs, n, &subjects);
        return r == EXIT_OK ? subjects_read(s->c, &subjects, &s->check) : r;
}

int cmd_simulate(struct cli *c)
{
        static const struct column columns[] = { { "AT", "at" },         { "UNTIL", "until" },   { "COUNT", "count" },
                                                 { "JOB", "job" },       { "DECISION", "decision" }, { "REASON", "reason" },
                                                 { "TRIGGER", "trigger" }, { "STARTED", "started_at" }, { "WAITED", "waited" } };
        static const struct list list = { "instants", "job", columns, ARRAY_SIZE(columns) };
        _cleanup_(simulation_done) struct simulation s = { .c = c, .only_sum = opt_given(c, OPT_SUMMARY) };
        struct sim_sum sum;
        int r = read_files(&s);

        if (r == EXIT_OK)
                r = prepare(&s);
        if (r != EXIT_OK)
                return r;
        s.options.from = s.from;
        s.options.to = s.to;
        s.options.max_running = s.check.max_running;
        s.options.max_starting = s.check.max_starting;
        s.options.machine = machine_number();
        s.options.down = s.down;
        if (c->format == OUTPUT_YAML || c->format == OUTPUT_CSV || c->format == OUTPUT_NAME)
                s.printer = printer_new(c, &list);
        if (simulate(s.jobs, s.n, &s.options, decided, &s, &sum) < 0)
                return fail(c, EXIT_FAILED, "out of memory");
        finish(&s, &sum);
        return EXIT_OK;
}
