/* jobctl status: is all well?  And `status --check`, the same question asked by a monitoring system. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "files.h"
#include "listing.h"
#include "tbl/commands.h"

#define FAILING_SHOWN 10
/* Looked through for them, of up to 1,000 jobs each: status is quick, also with 100,000 jobs. */
#define FAILING_PAGES 10
#define NEXT_SHOWN 5
#define FILES_SHOWN 10 /* with errors; and as many with warnings */
/* With errors or warnings; where there are more, those with errors are asked for apart. */
#define FILES_ASKED 100
/* Monitoring systems give up at about ten seconds themselves. */
#define CHECK_PATIENCE (8 * USEC_PER_SEC)

struct status {
        json_t *status, *next;
        json_t *page;       /* of failing jobs, the first one */
        json_t *failing;    /* an array, at most FAILING_SHOWN of them */
        bool more_failing;  /* or perhaps more: not every job was looked at */
};

static void status_done(struct status *s)
{
        json_decref(s->status);
        json_decref(s->next);
        json_decref(s->page);
        json_decref(s->failing);
}

static json_t *failing_params(void)
{
        return json_pack("{s:b,s:i}", "failed", 1, "limit", PAGE_MAX);
}

/* A page of failing jobs is what fails of so many jobs: often none, and still not the last one. */
static int gather_failing(struct cli *c, struct status *s, struct error *reterr)
{
        _cleanup_(json_decrefp) json_t *page = json_incref(s->page);

        s->failing = json_array();
        for (int i = 0;; i++) {
                json_t *params, *next = NULL, *cursor = json_object_get(page, "cursor"), *job;
                size_t k;
                int r;

                json_array_foreach(json_object_get(page, "jobs"), k, job) {
                        if (json_array_size(s->failing) == FAILING_SHOWN) {
                                s->more_failing = true;
                                return 0;
                        }
                        json_array_append(s->failing, job);
                }
                if (!json_is_string(cursor))
                        return 0;
                if (i + 1 == FAILING_PAGES) {
                        s->more_failing = true;
                        return 0;
                }
                params = failing_params();
                json_object_set(params, "cursor", cursor);
                r = call(c, "job.list", params, &next, reterr);
                if (r < 0)
                        return r;
                json_decref(page);
                page = next;
        }
}

/* Three questions in one round trip. */
static int ask_all(struct cli *c, struct status *ret, struct error *reterr)
{
        int ids[3], r;
        json_t **answers[] = { &ret->status, &ret->page, &ret->next };

        r = cli_connect(c, reterr);
        if (r == 0)
                r = client_send(c->client, "system.status",
                                json_pack("{s:s,s:i}", "files", "noted", "limit", FILES_ASKED), &ids[0], reterr);
        if (r == 0)
                r = client_send(c->client, "job.list", failing_params(), &ids[1], reterr);
        if (r == 0)
                r = client_send(c->client, "job.next", json_pack("{s:i}", "n", NEXT_SHOWN), &ids[2], reterr);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(answers); i++) {
                r = client_receive(c->client, ids[i], answers[i], reterr);
                if (r > 0)
                        r = error_set(reterr, -EPROTO, ERROR_FAILED, "the daemon streams where it should answer");
        }
        return r == 0 ? gather_failing(c, ret, reterr) : r;
}

/* Files with errors that are not among the first ones: put in front of those. */
static int ask_bad_files(struct cli *c, json_t *status, struct error *reterr)
{
        _cleanup_(json_decrefp) json_t *answer = NULL;
        int r;

        if (!json_is_string(json_object_get(status, "cursor")) || jcount(status, "files_bad") <= 0)
                return 0;
        r = call(c, "system.status", json_pack("{s:i}", "limit", FILES_SHOWN), &answer, reterr);
        if (r == 0)
                json_object_set(status, "bad", json_object_get(answer, "files"));
        return r;
}

/* ---- for people */

static void put_label(struct strbuf *t, const char *label)
{
        strbuf_addf(t, "%12s: ", label);
}

static void add_head(struct cli *c, const json_t *s, struct strbuf *t)
{
        const char *state = jstr(s, "state"), *version = jstr(s, "version");
        struct wall since;

        state = state ? state : "?";
        strbuf_add_colored(t, c, state, "●");
        strbuf_add(t, " jobschedd ");
        strbuf_add_outside(t, version ? version : "?");
        strbuf_add(t, " - ");
        {
                _cleanup_(strbuf_done) struct strbuf word = { 0 };

                strbuf_add_outside(&word, state);
                strbuf_add_colored(t, c, state, strbuf_str(&word));
        }
        strbuf_add_char(t, '\n');
        if (jtime(s, "started_at", &since)) {
                put_label(t, "Active");
                strbuf_add(t, "since ");
                strbuf_add_local(t, c, since);
                strbuf_add(t, " (");
                strbuf_add_relative(t, since, c->now);
                strbuf_add(t, ")\n");
        }
        if (jstr(s, "why")) {
                put_label(t, "Because");
                strbuf_add_outside(t, jstr(s, "why"));
                strbuf_add_char(t, '\n');
        }
        put_label(t, "Process");
        strbuf_addf(t, "%lld", (long long)jcount(s, "pid"));
        if (jcount(s, "runner_pid") > 0)
                strbuf_addf(t, ", runner %lld", (long long)jcount(s, "runner_pid"));
        strbuf_add_char(t, '\n');
}

static void add_counts(const json_t *s, struct strbuf *t)
{
        static const char *const states[] = { "running", "starting", "queued", "backoff" };
        bool any = false;

        put_label(t, "Jobs");
        strbuf_addf(t, "%lld", (long long)MAX(jcount(s, "jobs"), INT64_C(0)));
        if (jcount(s, "jobs_blocked") > 0)
                strbuf_addf(t, ", %lld blocked", (long long)jcount(s, "jobs_blocked"));
        strbuf_add_char(t, '\n');
        put_label(t, "Runs");
        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                int64_t n = jcount(json_object_get(s, "runs"), states[i]);

                if (n <= 0)
                        continue;
                strbuf_addf(t, "%s%lld %s", any ? ", " : "", (long long)n, states[i]);
                any = true;
        }
        strbuf_add(t, any ? "\n" : "none live\n");
        put_label(t, "Files");
        strbuf_addf(t, "%lld", (long long)MAX(jcount(s, "files_total"), INT64_C(0)));
        if (jcount(s, "files_bad") > 0)
                strbuf_addf(t, ", %lld with errors", (long long)jcount(s, "files_bad"));
        strbuf_add_char(t, '\n');
}

static void put_stale(struct cli *c, const json_t *file)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const char *state = jstr(file, "state"), *path = jstr(file, "path");
        struct wall since;

        if (!state || !streq(state, "stale"))
                return;
        strbuf_add_outside(&t, path ? path : "?");
        strbuf_add(&t, ": stale");
        if (jtime(file, "since", &since)) {
                strbuf_add(&t, " since ");
                strbuf_add_local(&t, c, since);
        }
        strbuf_add(&t, ": its last good version is in force");
        (void)puts(strbuf_str(&t));
}

static void put_files(struct cli *c, const json_t *s)
{
        const json_t *files = json_object_get(s, "files"), *bad = json_object_get(s, "bad"), *file;
        int64_t shown = 0, warned = 0;
        size_t i;

        json_array_foreach((json_t *)(bad ? bad : files), i, file) {
                if (json_array_size(json_object_get(file, "errors")) == 0 || shown == FILES_SHOWN)
                        continue;
                put_file_diagnostics(stdout, c, file);
                put_stale(c, file);
                shown++;
        }
        if (jcount(s, "files_bad") > shown)
                (void)printf("... and %lld more with errors: jobctl check\n",
                             (long long)(jcount(s, "files_bad") - shown));
        json_array_foreach((json_t *)files, i, file) {
                if (json_array_size(json_object_get(file, "errors")) > 0 ||
                    json_array_size(json_object_get(file, "warnings")) == 0)
                        continue;
                if (warned++ < FILES_SHOWN)
                        put_file_diagnostics(stdout, c, file);
        }
        if (warned > FILES_SHOWN)
                (void)printf("... and %lld more with warnings: jobctl check\n", (long long)(warned - FILES_SHOWN));
}

static void put_failing(struct cli *c, const struct status *s)
{
        const json_t *job;
        size_t i;

        json_array_foreach(s->failing, i, job) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 }, state = { 0 };
                const json_t *last = json_object_get(job, "last");
                const char *name = jstr(job, "name");
                struct wall at;

                if (i == 0)
                        (void)puts("\nFailing:");
                strbuf_add(&t, "  ");
                strbuf_add_outside(&t, name ? name : "?");
                strbuf_add(&t, "  ");
                strbuf_add_state(&state, last);
                strbuf_add_colored(&t, c, jstr(last, "state"), strbuf_str(&state));
                if (jtime(last, "ended_at", &at)) {
                        strbuf_add(&t, "  ");
                        strbuf_add_relative(&t, at, c->now);
                }
                if (jcount(last, "id") > 0)
                        strbuf_addf(&t, "  (run %lld)", (long long)jcount(last, "id"));
                (void)puts(strbuf_str(&t));
        }
        if (s->more_failing && i > 0)
                (void)puts("  ... `jobctl list --failed' has them all");
}

static void put_next(struct cli *c, const json_t *answer)
{
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(answer, "next"), i, item) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };
                const char *job = jstr(item, "job");
                struct wall at;

                if (!jtime(item, "at", &at))
                        continue;
                if (i == 0)
                        (void)puts("\nNext:");
                strbuf_add(&t, "  ");
                strbuf_add_local(&t, c, at);
                strbuf_add(&t, "  ");
                strbuf_add_outside(&t, job ? job : "?");
                strbuf_add(&t, "  (");
                strbuf_add_relative(&t, at, c->now);
                strbuf_add_char(&t, ')');
                (void)puts(strbuf_str(&t));
        }
}

static int status_for_people(struct cli *c)
{
        _cleanup_(status_done) struct status s = { 0 };
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        struct error e = ERROR_NULL;

        if (ask_all(c, &s, &e) < 0 || ask_bad_files(c, s.status, &e) < 0)
                return fail_error(c, &e);
        add_head(c, s.status, &t);
        add_counts(s.status, &t);
        (void)fputs(strbuf_str(&t), stdout);
        put_files(c, s.status);
        put_failing(c, &s);
        put_next(c, s.next);
        return EXIT_OK;
}

/* ---- for machines: every file, page by page */

static void append_item(void *arg, const json_t *item)
{
        json_array_append(arg, (json_t *)item);
}

static int status_document(struct cli *c, json_t **ret)
{
        _cleanup_(status_done) struct status s = { 0 };
        struct error e = ERROR_NULL;
        json_t *files = json_array();
        int r;

        if (ask_all(c, &s, &e) < 0) {
                json_decref(files);
                return fail_error(c, &e);
        }
        json_object_set_new(s.status, "files", files);
        r = each_item(c, "system.status", json_pack("{s:s}", "files", "all"), "files", 0, append_item, files, NULL);
        if (r != EXIT_OK)
                return r;
        (void)json_object_del(s.status, "cursor");
        json_object_set(s.status, "failing", s.failing);
        json_object_set_new(s.status, "more_failing", json_boolean(s.more_failing));
        json_object_set(s.status, "next", json_object_get(s.next, "next"));
        *ret = TAKE_PTR(s.status);
        return EXIT_OK;
}

static int status_once(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *doc = NULL;
        int r;

        if (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE)
                return status_for_people(c);
        r = status_document(c, &doc);
        if (r != EXIT_OK)
                return r;
        if (c->format == OUTPUT_NAME)
                (void)puts(jstr(doc, "state") ? jstr(doc, "state") : "?");
        else
                (void)print_object(c, doc);
        return EXIT_OK;
}

/* ---- for monitoring */

enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

struct checkup {
        int level;
        int64_t failing, paused, disabled, blocked, jobs;
        struct strbuf what; /* what is wrong, gathered */
};

static void worse(struct checkup *k, int level, const char *job, const char *what)
{
        k->level = MAX(k->level, level);
        if (k->what.n > 400) /* one line, however many jobs */
                return;
        strbuf_addf(&k->what, "%s%s%s%s", k->what.n > 0 ? ", " : "", job ? job : "", job ? " " : "", what);
}

static bool has_failed(const json_t *last)
{
        const char *state = jstr(last, "state");

        return state &&
               (streq(state, "failed") || streq(state, "timed_out") || streq(state, "lost") || streq(state, "missed"));
}

static void judge_named(void *arg, const json_t *job)
{
        struct checkup *k = arg;
        const json_t *last = json_object_get(job, "last");
        const char *name = jstr(job, "name");
        _cleanup_(strbuf_done) struct strbuf state = { 0 };

        k->jobs++;
        if (has_failed(last)) {
                k->failing++;
                strbuf_add_state(&state, last);
                worse(k, CHECK_WARNING, name, strbuf_str(&state));
        }
        if (json_is_string(json_object_get(job, "blocked"))) {
                k->blocked++;
                worse(k, CHECK_CRITICAL, name, "is blocked");
        } else if (json_is_object(json_object_get(job, "paused"))) {
                k->paused++;
                worse(k, CHECK_WARNING, name, "is paused");
        } else if (json_is_false(json_object_get(job, "enabled"))) {
                k->disabled++;
                worse(k, CHECK_WARNING, name, "is disabled");
        }
}

static void judge_failed(void *arg, const json_t *job)
{
        struct checkup *k = arg;
        _cleanup_(strbuf_done) struct strbuf state = { 0 };

        k->failing++;
        strbuf_add_state(&state, json_object_get(job, "last"));
        worse(k, CHECK_WARNING, jstr(job, "name"), strbuf_str(&state));
}

static int judge_daemon(struct cli *c, struct checkup *k)
{
        _cleanup_(json_decrefp) json_t *s = NULL;
        const char *state;
        int r;

        r = call_or_fail(c, "system.status", json_pack("{s:i}", "limit", 1), &s);
        if (r != EXIT_OK)
                return r;
        state = jstr(s, "state");
        if (!state || !streq(state, "ok"))
                worse(k, CHECK_CRITICAL, "jobschedd", "can't write its state");
        if (c->n_args > 0)
                return EXIT_OK;
        k->jobs = jcount(s, "jobs");
        k->blocked = jcount(s, "jobs_blocked");
        if (k->blocked > 0)
                worse(k, CHECK_WARNING, NULL, "jobs are blocked");
        if (jcount(s, "files_bad") > 0)
                worse(k, CHECK_WARNING, NULL, "job files have errors");
        return EXIT_OK;
}

static int judge(struct cli *c, struct checkup *k)
{
        struct error e = ERROR_NULL;
        json_t *params;
        int r;

        if (cli_connect(c, &e) < 0)
                return fail_error(c, &e);
        client_set_deadline(c->client, mono_add(clock_mono(), CHECK_PATIENCE));
        r = judge_daemon(c, k);
        if (r != EXIT_OK)
                return r;
        params = c->n_args > 0 ? json_pack("{s:o}", "patterns", args_json(c->args, c->n_args))
                               : json_pack("{s:b}", "failed", 1);
        r = each_item(c, "job.list", params, "jobs", 0, c->n_args > 0 ? judge_named : judge_failed, k, NULL);
        if (r == EXIT_OK && c->n_args > 0 && k->jobs == 0)
                r = fail(c, EXIT_NOT_FOUND, "no job matches `%s'", c->args[0]);
        return r;
}

/* One line: `OK: …|jobs=12 failing=0`, as monitoring plugins do; or the same in another form. */
static void put_verdict(struct cli *c, const struct checkup *k, const char *what, const char *numbers)
{
        static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
        _cleanup_(json_decrefp) json_t *doc = json_object();

        json_object_set_new(doc, "check", json_string(words[k->level]));
        json_object_set_new(doc, "answer", json_string(what));
        json_object_set_new(doc, "jobs", json_integer(MAX(k->jobs, INT64_C(0))));
        json_object_set_new(doc, "failing", json_integer(k->failing));
        json_object_set_new(doc, "blocked", json_integer(MAX(k->blocked, INT64_C(0))));
        if (c->format == OUTPUT_NAME)
                (void)puts(words[k->level]);
        else if (!print_object(c, doc))
                (void)printf("JOBSCHEDD %s: %s%s\n", words[k->level], what, numbers);
}

static int status_check(struct cli *c)
{
        _cleanup_(strbuf_done) struct strbuf shown = { 0 }, numbers = { 0 };
        struct checkup k = { 0 };
        int64_t max_failed = 0;
        int r;

        r = opt_number(c, OPT_MAX_FAILED, 0, INT64_MAX / 2, &max_failed);
        if (r == EXIT_OK)
                r = judge(c, &k);
        if (r != EXIT_OK) {
                k.level = r == EXIT_UNREACHABLE ? CHECK_CRITICAL : CHECK_UNKNOWN;
                put_verdict(c, &k, r == EXIT_UNREACHABLE ? "the daemon can't be reached" : "can't tell", "");
                strbuf_done(&k.what);
                return k.level;
        }
        if (k.failing > max_failed)
                k.level = MAX(k.level, CHECK_CRITICAL);
        strbuf_add_outside(&shown, strbuf_str(&k.what));
        for (size_t i = 0; i < shown.n; i++)
                if (shown.s[i] == '|') /* parts the words from the numbers */
                        shown.s[i] = '/';
        strbuf_addf(&numbers, "|jobs=%lld failing=%lld;0;%lld blocked=%lld", (long long)MAX(k.jobs, INT64_C(0)),
                    (long long)k.failing, (long long)max_failed, (long long)MAX(k.blocked, INT64_C(0)));
        put_verdict(c, &k, k.what.n > 0 ? strbuf_str(&shown) : "all is well", strbuf_str(&numbers));
        strbuf_done(&k.what);
        return k.level;
}

int cmd_status(struct cli *c)
{
        if (opt_given(c, OPT_CHECK))
                return status_check(c);
        if (c->n_args > 0)
                return fail_usage(c, "status takes jobs only with --check; `jobctl show %s' shows one", c->args[0]);
        if (opt_given(c, OPT_MAX_FAILED))
                return fail_usage(c, "--max-failed goes with --check");
        return opt_given(c, OPT_WATCH) ? watch(c, status_once) : status_once(c);
}
