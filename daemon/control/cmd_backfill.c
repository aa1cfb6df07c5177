/* job.backfill: runs of instants that have passed, in one chain, oldest first.
 *
 * The instants are found on the reader thread.  The engine gets them in pieces, each when the one before is
 * durable, so that ten thousand runs hold up nobody; then comes the answer.  Where the engine refuses a piece, those
 * before it stay: the error's `data.done` has their runs. */
#include <stdio.h>

#include "base/util.h"
#include "calendar/schedule.h"
#include "calendar/timeparse.h"
#include "control/private.h"

#define LIMIT_DEFAULT 1000

struct backfill {
        struct job *job; /* a reference: the definition whose instants these are */
        struct wall from, to;
        size_t limit;
        struct wall *instants;
        size_t n;
        const struct tz *zone; /* for a dry run: that of the answer */
        struct text dry;       /* the answer: ten thousand times are not printed on the loop's thread */
        uint64_t total;  /* all between from and to, also beyond the limit */
        size_t sent;     /* instants handed to the engine */
        uint64_t *first; /* of each piece: its first run, 0: refused */
        bool durable;
        enum error_code code;
        char message[512];
};

static void backfill_free(void *data)
{
        struct backfill *b = data;

        job_unref(b->job);
        free(b->instants);
        free(b->first);
        text_done(&b->dry);
        free(b);
}

/* ---- the answer */

static size_t pieces(const struct backfill *b)
{
        return (b->n + BACKFILL_STEP_MAX - 1) / BACKFILL_STEP_MAX;
}

/* The runs of a piece have numbers in a row. */
static json_t *print_runs(const struct backfill *b)
{
        json_t *list = json_array();

        for (size_t p = 0; list && p < pieces(b); p++)
                for (size_t i = 0; b->first[p] > 0 && i < MIN(b->n - p * BACKFILL_STEP_MAX, (size_t)BACKFILL_STEP_MAX); i++)
                        if (json_array_append_new(list, json_integer((json_int_t)(b->first[p] + i))) < 0) {
                                json_decref(list);
                                return NULL;
                        }
        return list;
}

/* "backup from 2026-11-01 02:30 to 2026-11-10 02:30, 10 instants" */
static void say_subject(const struct call *call, const struct backfill *b, char *buf, size_t size)
{
        char from[64], to[64];

        (void)snprintf(buf, size, "%s from %s to %s, %zu instants", b->job->name, say_time(call->c, b->from, from, sizeof(from)),
                       say_time(call->c, b->to, to, sizeof(to)), b->n);
}

static void answer(struct call *call)
{
        struct backfill *b = call->data;
        char subject[256], outcome[640];

        say_subject(call, b, subject, sizeof(subject));
        if (b->code != ERROR_NONE) {
                (void)snprintf(outcome, sizeof(outcome), "%s: %s", error_code_name(b->code), b->message);
                call_audit(call, subject, outcome);
                call_error_data(call, JSONRPC_ERROR, b->code, json_pack("{s:o}", "done", print_runs(b)), b->message);
                return;
        }
        call_audit(call, subject, b->durable ? "done" : "done, not yet durable");
        call_result_json(call, json_pack("{s:s, s:I, s:o, s:o, s:o, s:b}", "job", b->job->name, "count", (json_int_t)b->n, "from",
                                         print_instant(call->c, b->instants[0]), "to", print_instant(call->c, b->instants[b->n - 1]),
                                         "runs", print_runs(b), "durable", b->durable));
}

/* ---- doing it */

static void send_piece(struct call *call)
{
        struct backfill *b = call->data;
        size_t n = MIN(b->n - b->sent, (size_t)BACKFILL_STEP_MAX), index = b->sent / BACKFILL_STEP_MAX;
        struct command cmd = { .type = COMMAND_BACKFILL, .job = b->job->name, .until = WALL_NEVER, .instants = &b->instants[b->sent],
                               .n_instants = n };

        b->sent += n;
        if (command_send(call, index, &cmd) < 0)
                backfill_replied(call, index, ERROR_BUSY, "out of memory", 0, true);
}

/* One piece is durable, the next may go; also when the client has gone: what was begun is not left half done. */
void backfill_replied(struct call *call, size_t index, enum error_code code, const char *message, uint64_t run, bool durable)
{
        struct backfill *b = call->data;

        if (code == ERROR_NONE) {
                b->first[index] = run;
                b->durable &= durable;
        } else {
                b->code = code;
                (void)snprintf(b->message, sizeof(b->message), "%s", message ? message : error_code_name(code));
        }
        if (code == ERROR_NONE && b->sent < b->n)
                send_piece(call);
        else
                answer(call);
}

static void refuse(struct call *call, enum error_code code, const char *message)
{
        const struct backfill *b = call->data;

        call_audit(call, b->job->name, error_code_name(code));
        call_error(call, code, "%s", message);
}

/* ---- which instants: on the reader thread */

static void print_dry(struct backfill *b)
{
        char at[64];

        text_puts(&b->dry, "{\"job\":");
        text_json_string(&b->dry, b->job->name, strlen(b->job->name));
        text_printf(&b->dry, ",\"count\":%zu,\"instants\":[", b->n);
        for (size_t i = 0; i < b->n; i++) {
                wall_print_rfc3339(b->instants[i], b->zone, 0, at, sizeof(at));
                text_printf(&b->dry, "%s\"%s\"", i > 0 ? "," : "", at);
        }
        text_puts(&b->dry, "]}");
}

static void find_instants(void *arg)
{
        struct call *call = arg;
        struct backfill *b = call->data;
        struct schedule s = job_schedule(b->job);
        const struct wall always = { INT64_MIN };
        struct wall at = { b->from.usec - 1 };

        while (b->n < b->limit && schedule_next(&s, at, always, &at) == 0 && at.usec <= b->to.usec)
                b->instants[b->n++] = at;
        b->total = b->n;
        if (b->zone)
                print_dry(b);
        if (b->n == b->limit)
                b->total = schedule_count(&s, (struct wall){ b->from.usec - 1 }, always, b->to);
}

static void found(struct call *call)
{
        struct backfill *b = call->data;
        char message[400], from[64], to[64];

        if (b->total > b->n) {
                (void)snprintf(message, sizeof(message), "that is %llu instants of %s, and the limit is %zu%s",
                               (unsigned long long)b->total, b->job->name, b->limit,
                               b->total <= BACKFILL_RUNS_MAX ? "" : " (at most 10000 at a time)");
                refuse(call, ERROR_INVALID, message);
                return;
        }
        if (b->zone) {
                call_result(call, &b->dry);
                return;
        }
        if (b->n == 0) {
                (void)snprintf(message, sizeof(message), "%s has no instant from %s to %s", b->job->name,
                               say_time(call->c, b->from, from, sizeof(from)), say_time(call->c, b->to, to, sizeof(to)));
                refuse(call, ERROR_FAILED, message);
                return;
        }
        b->first = calloc(pieces(b), sizeof(*b->first));
        if (!b->first) {
                call_error_memory(call);
                return;
        }
        b->durable = true;
        call_set_kind(call, CALL_BUSY);
        send_piece(call);
}

static void on_found(void *arg)
{
        struct call *call = arg;

        if (!call_gone(call))
                found(call);
        call_unref(call);
}

static bool take_span(struct call *call, struct backfill *b)
{
        struct wall now = clock_wall();

        b->to = now;
        (void)call_time(call, "from", &b->from);
        (void)call_time(call, "to", &b->to);
        b->limit = (size_t)call_count(call, "limit", LIMIT_DEFAULT);
        if (b->to.usec > now.usec)
                call_error(call, ERROR_INVALID, "`to` is in the future: only instants that have passed can be run now");
        else if (b->from.usec > b->to.usec)
                call_error(call, ERROR_INVALID, "`from` is after `to`");
        else if (b->limit > BACKFILL_RUNS_MAX)
                call_error(call, ERROR_INVALID, "`limit` is at most %d", BACKFILL_RUNS_MAX);
        else
                return true;
        return false;
}

static bool may_backfill(struct call *call, const struct job_view *v)
{
        if (!v->job) {
                call_error(call, ERROR_NOT_FOUND, "no such job: %.200s", v->name);
        } else if (!HAS_RIGHT(peer_rights_view(call->conn, v), RIGHT_ACT)) {
                call_audit(call, v->name, error_code_name(ERROR_DENIED));
                call_error(call, ERROR_DENIED, "%.200s is not yours to change", v->name);
        } else {
                return true;
        }
        return false;
}

void cmd_job_backfill(struct call *call)
{
        struct job_view v;
        struct backfill *b;

        if (!find_job(call, call_string(call, "job"), &v)) {
                call_audit(call, call_string(call, "job"), error_code_name(ERROR_NOT_FOUND));
                return;
        }
        if (!may_backfill(call, &v))
                return;
        b = calloc(1, sizeof(*b));
        if (!b) {
                call_error_memory(call);
                return;
        }
        b->job = job_ref((struct job *)v.job);
        call->data = b;
        call->free_data = backfill_free;
        b->zone = call_bool(call, "dry_run") ? call->c->ctx.zone : NULL;
        if (!take_span(call, b))
                return;
        b->instants = calloc(b->limit, sizeof(*b->instants));
        if (!b->instants) {
                call_error_memory(call);
                return;
        }
        call_set_kind(call, CALL_PAGE);
        if (store_offload(call->c->ctx.store, find_instants, on_found, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}
