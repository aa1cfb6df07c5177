#include "follow.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "tbl/commands.h"

int run_status(const json_t *run)
{
        const char *state = jstr(run, "state");
        int64_t code = jcount(run, "exit_code"), sig = jcount(run, "signal");

        if (state && streq(state, "timed_out"))
                return EXIT_RUN_TIMED_OUT;
        if (!state || streq(state, "lost") || streq(state, "missed"))
                return EXIT_NO_STATUS;
        if (sig > 0)
                return 128 + (int)MIN(sig, INT64_C(127));
        if (code >= 0)
                return (int)MIN(code, INT64_C(255));
        return streq(state, "succeeded") ? EXIT_OK : EXIT_NO_STATUS;
}

/* A daemon that goes away is waited for; one that takes connections and drops them at once is no better than none. */
struct patience {
        struct mono asked;   /* when the call began that is under way */
        struct mono give_up; /* {0}: nothing was lost yet */
};

/* A call that was held so long shows that the daemon was there again. */
#define USEFUL_USEC USEC_PER_SEC

/* 0, or negative errno with the last reason. */
static int reconnect(struct cli *c, struct mono give_up, struct error *reterr)
{
        cli_disconnect(c);
        for (;;) {
                int r;

                (void)nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
                *reterr = ERROR_NULL;
                r = cli_connect(c, reterr);
                if (r == 0 || clock_mono().usec >= give_up.usec)
                        return r;
        }
}

/* True: what went wrong was the connection, and it is there again.  A daemon that is told to end says so, where one
 * that is killed says nothing. */
static bool try_again(struct cli *c, int r, struct patience *p, struct error *reterr)
{
        struct mono now = clock_mono();

        if (r != -ECONNRESET && (r >= 0 || reterr->code != ERROR_UNAVAILABLE))
                return false;
        if (p->give_up.usec == 0 || now.usec - p->asked.usec >= USEFUL_USEC) {
                p->give_up = mono_add(now, RECONNECT_USEC);
                say(c, "The connection to the daemon was lost, trying again.");
        } else if (now.usec >= p->give_up.usec) {
                return false;
        }
        return reconnect(c, p->give_up, reterr) == 0;
}

/* One run.wait, asked again over restarts of the daemon. */
static int wait_batch(struct cli *c, const json_t *numbers, struct mono until, json_t **ret, struct error *reterr)
{
        struct patience p = { 0 };
        int r;

        do {
                json_t *params = json_object();

                p.asked = clock_mono();
                *reterr = ERROR_NULL;
                json_object_set(params, "runs", (json_t *)numbers);
                if (!mono_is_never(until))
                        json_object_set_new(
                                params, "timeout",
                                json_real((double)MAX(until.usec - p.asked.usec, INT64_C(0)) / USEC_PER_SEC));
                r = call(c, "run.wait", params, ret, reterr);
        } while (try_again(c, r, &p, reterr));
        return r;
}

static const json_t *find_run(const json_t *runs, json_int_t id)
{
        const json_t *run;
        size_t i;

        json_array_foreach((json_t *)runs, i, run)
                if (json_integer_value(json_object_get(run, "id")) == id)
                        return run;
        return NULL;
}

/* Puts the answer's runs behind *all*, in the order asked for. */
static int take_runs(struct cli *c, const json_t *answer, const json_t *numbers, json_t *all)
{
        const json_t *runs = json_object_get(answer, "runs"), *number, *run;
        struct strbuf live = { 0 };
        int r = EXIT_OK;
        size_t i;

        json_array_foreach((json_t *)numbers, i, number) {
                run = find_run(runs, json_integer_value(number));
                if (run && json_is_string(json_object_get(run, "ended_at")))
                        json_array_append(all, (json_t *)run);
                else
                        strbuf_addf(&live, "%s%lld", live.n > 0 ? ", " : "", (long long)json_integer_value(number));
        }
        if (json_is_true(json_object_get(answer, "timed_out")))
                r = fail(c, EXIT_SELF, "the time is up, not yet ended: %s", strbuf_str(&live));
        else if (live.n > 0)
                r = fail(c, EXIT_SELF, "the daemon did not say how these runs ended: %s", strbuf_str(&live));
        strbuf_done(&live);
        return r;
}

int wait_runs(struct cli *c, const struct run_ids *ids, int64_t timeout_usec, json_t **ret_runs)
{
        struct mono until = timeout_usec == USEC_INFINITY ? MONO_NEVER : mono_add(clock_mono(), timeout_usec);
        _cleanup_(json_decrefp) json_t *all = json_array();

        for (size_t from = 0; from < ids->n; from += PARAM_LIST_MAX) {
                _cleanup_(json_decrefp) json_t *numbers = run_ids_json(ids, from, PARAM_LIST_MAX), *answer = NULL;
                struct error e = ERROR_NULL;
                int r;

                if (wait_batch(c, numbers, until, &answer, &e) < 0)
                        return fail_error(c, &e);
                r = take_runs(c, answer, numbers, all);
                if (r != EXIT_OK)
                        return r;
        }
        *ret_runs = TAKE_PTR(all);
        return EXIT_OK;
}

int tell_ends(struct cli *c, const json_t *runs)
{
        const json_t *run;
        int code = EXIT_OK;
        size_t i;

        json_array_foreach((json_t *)runs, i, run) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };
                const json_t *duration = json_object_get(run, "duration");
                const char *job = jstr(run, "job"), *error = jstr(run, "error");

                strbuf_addf(&t, "Run %lld of %s: ", (long long)jcount(run, "id"), job ? job : "?");
                strbuf_add_state(&t, run);
                if (error)
                        strbuf_addf(&t, ": %s", error);
                if (json_is_number(duration)) {
                        strbuf_add(&t, ", ");
                        strbuf_add_duration(&t, json_number_value(duration));
                }
                say(c, "%s", strbuf_str(&t));
                if (code == EXIT_OK)
                        code = run_status(run);
        }
        return code;
}

/* Where a stream stood when the connection was lost: `seen` entries bear the time `at` and are not shown again. */
struct resume {
        char at[48];
        uint64_t seen, skip;
};

static void take_entries(struct resume *s, const json_t *event, void (*entry)(void *arg, const json_t *entry),
                         void *arg)
{
        const json_t *e;
        size_t i;

        json_array_foreach(json_object_get(event, "entries"), i, e) {
                const char *at = jstr(e, "at");

                if (at && s->skip > 0 && streq(at, s->at)) {
                        s->skip--;
                        continue;
                }
                if (at && streq(at, s->at)) {
                        s->seen++;
                } else if (at && strlen(at) < sizeof(s->at)) {
                        strcpy(s->at, at);
                        s->seen = 1;
                }
                entry(arg, e);
        }
}

/* What is missing from the text: cut by `log.max`, or no longer there. */
static void tell_dropped(struct cli *c, const json_t *event)
{
        const json_t *dropped = json_object_get(event, "dropped");
        _cleanup_(strbuf_done) struct strbuf t = { 0 };

        if (json_is_true(json_object_get(event, "gap")))
                say(c, "(some output is missing here)");
        if (!json_is_number(dropped) || json_number_value(dropped) <= 0)
                return;
        strbuf_add_bytes(&t, json_number_value(dropped));
        say(c, "(%s of output were not kept)", strbuf_str(&t));
}

static int stream_once(struct cli *c, const json_t *params, struct resume *s,
                       void (*entry)(void *arg, const json_t *entry), void *arg, json_t **ret, struct error *reterr)
{
        int id, r;

        r = cli_connect(c, reterr);
        if (r < 0)
                return r;
        r = client_send(c->client, "run.logs", json_deep_copy(params), &id, reterr);
        if (r < 0)
                return r;
        for (;;) {
                _cleanup_(json_decrefp) json_t *message = NULL;

                r = client_receive(c->client, id, &message, reterr);
                if (r < 0)
                        return r;
                if (r == 0) {
                        if (ret)
                                *ret = TAKE_PTR(message);
                        return 0;
                }
                take_entries(s, message, entry, arg);
                tell_dropped(c, message);
                (void)fflush(stdout);
        }
}

int stream_logs(struct cli *c, json_t *params, void (*entry)(void *arg, const json_t *entry), void *arg, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *asked = params;
        struct resume s = { 0 };
        struct patience p = { 0 };
        struct error e;
        int r;

        for (;;) {
                p.asked = clock_mono();
                e = ERROR_NULL;
                r = stream_once(c, asked, &s, entry, arg, ret, &e);
                if (!try_again(c, r, &p, &e))
                        break;
                if (*s.at) {
                        json_object_set_new(asked, "since", json_string(s.at));
                        (void)json_object_del(asked, "lines");
                        s.skip = s.seen;
                }
        }
        return r < 0 ? fail_error(c, &e) : EXIT_OK;
}

void put_log_entry(struct cli *c, const json_t *entry, bool raw)
{
        const char *text = jstr(entry, "text"), *base64 = jstr(entry, "base64");
        _cleanup_(strbuf_done) struct strbuf bytes = { 0 }, shown = { 0 };
        const struct strbuf *out = &bytes;

        if (text)
                strbuf_add_mem(&bytes, text, json_string_length(json_object_get(entry, "text")));
        else if (base64 && strbuf_add_base64(&bytes, base64) < 0)
                strbuf_add(&bytes, "(what the daemon sent is not base64)");
        if (!json_is_true(json_object_get(entry, "partial")))
                strbuf_add_char(&bytes, '\n');
        if (c->stdout_tty && !raw) {
                strbuf_add_escaped(&shown, strbuf_str(&bytes), bytes.n, ESCAPE_KEEP_LINES);
                out = &shown;
        }
        (void)fwrite(strbuf_str(out), 1, out->n, stdout);
}
