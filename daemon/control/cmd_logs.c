/* run.logs: the captured output of a run, streamed in pieces.
 *
 * Files are read on the reader thread, one piece at a time, and the next piece only when the client has room.  With
 * `follow` the files are looked at again every 150 ms while there is nothing more, from start to start of the run,
 * until it has ended and is read to its end: the supervisor is done with the log before anybody hears of the end. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "control/logfile.h"
#include "control/private.h"

#define FOLLOW_SEC    0.15
#define FOLLOWS_MAX   4   /* of one connection: each holds two descriptors */
#define LOOK_BACK     100 /* runs in one question for the newest that started */
#define LOOK_BACK_MAX 20  /* such questions */

struct logs {
        struct call *call;
        struct logfile file;
        struct logpiece piece;
        struct watch watch;
        ev_timer timer;
        char *log_dir, *job;
        bool follow, one_start; /* one_start: the caller named it */
        bool reading;           /* the reader thread has `file` and `piece` */
        bool whole;             /* what is being read will not grow any more */
        bool dropped_said;
        uint32_t newest; /* number of the run's newest start */
        bool ended;
        struct run_info run; /* strings not kept: job, user NULL */
        json_t *printed;     /* the RUN as last known */
        unsigned questions, seen;
        struct run_filter filter;
        char *jobs[2];
};

static void logs_free(void *data)
{
        struct logs *l = data;

        logfile_close(&l->file);
        text_done(&l->piece.entries);
        json_decref(l->printed);
        free(l->log_dir);
        free(l->job);
        free(l);
}

static void logs_gone(struct call *call)
{
        struct logs *l = call->data;

        watch_remove(call->c, &l->watch);
        ev_timer_stop(call->c->ctx.loop, &l->timer);
        if (l->follow)
                call->conn->n_follows--;
}

static void note_run(struct logs *l, const struct run_info *r)
{
        json_t *printed = print_run(l->call->c, r);

        if (printed) {
                json_decref(l->printed);
                l->printed = printed;
        }
        l->run = *r;
        l->run.job = l->run.user = NULL;
        l->newest = r->start;
        l->ended = run_state_ends(r->state);
}

static void finish(struct call *call)
{
        struct logs *l = call->data;

        call_result_json(call, json_pack("{s:O, s:b}", "run", l->printed, "ended", l->ended));
}

static void read_on(struct call *call);

/* ---- one piece */

static void read_piece(void *arg)
{
        struct call *call = arg;
        struct logs *l = call->data;

        logfile_read(&l->file, l->whole, &l->piece);
}

static void send_event(struct call *call, bool dropped, bool gap)
{
        struct logs *l = call->data;
        struct text t = { 0 };

        if (l->piece.entries.size == 0 && !dropped && !gap && !l->piece.entries.failed)
                return;
        text_printf(&t, "\"run\":%llu,\"start\":%u,\"entries\":[", (unsigned long long)l->file.run,
                    (unsigned)l->file.start);
        text_add(&t, l->piece.entries.data, l->piece.entries.size);
        t.failed |= l->piece.entries.failed;
        text_puts(&t, "]");
        if (dropped)
                text_printf(&t, ",\"dropped\":%llu", (unsigned long long)l->run.usage.dropped_bytes);
        if (gap)
                text_puts(&t, ",\"gap\":true");
        call_event(call, &t);
        text_done(&t);
}

/* The first and only place of this start's text that is not there, if its number is known. */
static bool say_dropped(struct logs *l, bool here)
{
        if (!here || l->dropped_said || !l->ended || l->file.start != l->run.start || l->run.usage.dropped_bytes == 0)
                return false;
        l->dropped_said = true;
        return true;
}

/* Nothing more in the files for now. */
static void at_end(struct call *call)
{
        struct logs *l = call->data;

        if (!l->whole) {
                if (!l->follow)
                        finish(call);
                else {
                        ev_timer_set(&l->timer, FOLLOW_SEC, 0.);
                        ev_timer_start(call->c->ctx.loop, &l->timer);
                }
                return;
        }
        if (!l->one_start && l->follow && l->file.start < l->newest) {
                logfile_close(&l->file);
                l->file.start++;
                read_on(call);
                return;
        }
        if (!l->follow || l->ended || l->one_start)
                finish(call);
        else { /* its next start is still to come */
                ev_timer_set(&l->timer, FOLLOW_SEC, 0.);
                ev_timer_start(call->c->ctx.loop, &l->timer);
        }
}

static void piece_read(void *arg)
{
        struct call *call = arg;
        struct logs *l = call->data;
        bool end = l->piece.at_end;
        int error = l->piece.error;

        l->reading = false;
        if (!call_gone(call)) {
                send_event(call, say_dropped(l, l->piece.left_head || (end && l->whole)), l->piece.gap);
                text_done(&l->piece.entries);
                if (error != 0)
                        call_error(call, ERROR_FAILED, "can't read the log of run %llu: %s",
                                   (unsigned long long)l->file.run, strerror(error));
                else if (end)
                        at_end(call);
                else if (conn_full(call->conn))
                        call->room = read_on;
                else
                        read_on(call);
        }
        call_unref(call);
}

static void read_on(struct call *call)
{
        struct logs *l = call->data;

        if (l->reading || call_gone(call))
                return;
        /* Known before it is read: the end of this start is the end of its files. */
        l->whole = l->ended || l->file.start < l->newest;
        l->reading = true;
        if (store_offload(call->c->ctx.store, read_piece, piece_read, call_ref(call)) < 0) {
                l->reading = false;
                call_unref(call);
                call_error_memory(call);
        }
}

/* ---- following */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct logs *l = timer->data;

        read_on(l->call);
}

static void on_change(struct watch *watch, const struct run_info *r)
{
        struct logs *l = watch->call->data;
        bool started = l->newest == 0 && r->start > 0;

        note_run(l, r);
        if (started && l->file.start == 0)
                l->file.start = 1;
        if (l->ended)
                watch_remove(watch->call->c, watch);
        if (l->reading || watch->call->room)
                return; /* it goes on by itself */
        ev_timer_stop(watch->call->c->ctx.loop, &l->timer);
        if (l->ended || started)
                read_on(watch->call);
        else if (l->newest > 0) {
                ev_timer_set(&l->timer, FOLLOW_SEC, 0.);
                ev_timer_start(watch->call->c->ctx.loop, &l->timer);
        }
}

/* ---- which run, which start */

/* Which start's output: the one named, the one before the last, or the last; with `follow` from then on all that come.
 */
static void choose_start(struct logs *l, const struct run_info *r)
{
        const struct call *call = l->call;
        uint64_t named = call_count(call, "start", 0);
        bool previous = call_bool(call, "previous") && !call_string(call, "job");

        l->one_start = named > 0 || previous;
        l->file.start = named > 0 ? (uint32_t)MIN(named, (uint64_t)UINT32_MAX) : r->start;
        if (previous)
                l->file.start = r->start > 0 ? r->start - 1 : 0;
}

static void start_reading(struct call *call, const struct run_info *r)
{
        struct logs *l = call->data;
        unsigned rights = peer_rights_run(call->conn, r);

        if (!HAS_RIGHT(rights, RIGHT_SEE)) {
                call_error(call, ERROR_NOT_FOUND, "no such run: %llu", (unsigned long long)r->id);
                return;
        }
        if (!HAS_RIGHT(rights, RIGHT_READ)) {
                call_error(call, ERROR_DENIED, "the output of run %llu is not yours to read",
                           (unsigned long long)r->id);
                return;
        }
        l->job = strdup(r->job);
        l->log_dir = strdup(call->c->ctx.log_dir);
        if (!l->job || !l->log_dir) {
                call_error_memory(call);
                return;
        }
        note_run(l, r);
        choose_start(l, r);
        l->file.run = r->id;
        l->file.job = l->job;
        l->file.log_dir = l->log_dir;
        l->file.zone = call->c->ctx.zone;
        if (l->one_start && (l->file.start == 0 || l->file.start > l->newest)) {
                call_error(call, ERROR_NOT_FOUND, "run %llu has no such start", (unsigned long long)r->id);
                return;
        }
        if (l->follow && !l->ended && !l->watch.list && watch_add(call->c, &l->watch, r->id) < 0) {
                call_error_memory(call);
                return;
        }
        if (l->newest > 0 || l->ended)
                read_on(call);
        else if (!l->follow)
                finish(call);
}

static void begin_with(struct call *call, const struct run_detail *d)
{
        start_reading(call, &d->run);
}

static void on_detail(void *arg, struct run_detail *d, const struct error *err)
{
        call_found_run(arg, d, err, begin_with);
}

static void logs_of_run(struct call *call, uint64_t run)
{
        const struct run_info *live = engine_run_find(call->c->ctx.engine, run, NULL);

        if (live) {
                start_reading(call, live);
                return;
        }
        if (store_query_run(call->c->ctx.store, run, on_detail, call_ref(call)) < 0) {
                call_unref(call);
                call_error_memory(call);
        }
}

static void ask_newest(struct call *call);

/* The job's newest run that started, or with `previous` the one before it. */
static void on_newest(void *arg, struct run_list *list, const struct error *err)
{
        struct call *call = arg;
        struct logs *l = call->data;
        const struct run_info *found = NULL;
        struct job_view v;

        if (!call_gone(call)) {
                for (size_t i = 0; list && i < list->n && !found; i++)
                        if (list->v[i].start > 0 && l->seen++ == (call_bool(call, "previous") ? 1U : 0U))
                                found = &list->v[i];
                if (err)
                        call_error(call, err->code, "%s", err->message);
                else if (found) {
                        const struct run_info *live = engine_run_find(call->c->ctx.engine, found->id, NULL);

                        start_reading(call, live ? live : found);
                } else if (list && list->n > 0 && list->more && ++l->questions < LOOK_BACK_MAX) {
                        l->filter.before = list->v[list->n - 1].id;
                        ask_newest(call);
                } else if (l->seen == 0 && !engine_job_find(call->c->ctx.engine, call_string(call, "job"), &v))
                        call_error(call, ERROR_NOT_FOUND, "no such job: %.200s", call_string(call, "job"));
                else
                        call_error(call, ERROR_NOT_FOUND, "no %srun of %.200s has started",
                                   l->seen > 0 ? "earlier " : "", call_string(call, "job"));
        }
        if (list)
                run_list_free(list);
        call_unref(call);
}

static void ask_newest(struct call *call)
{
        struct logs *l = call->data;

        if (store_query_runs(call->c->ctx.store, &l->filter, on_newest, call_ref(call)) < 0) {
                call_unref(call);
                call_error_memory(call);
        }
}

static void logs_of_job(struct call *call, const char *job)
{
        struct logs *l = call->data;
        const struct run_info *r, *newest = NULL;
        struct job_view v;

        /* A name alone: it goes to the store as a pattern would. */
        if (is_pattern(job)) {
                call_error(call, ERROR_INVALID, "run.logs wants the name of one job, not a pattern");
                return;
        }
        if (engine_job_find(call->c->ctx.engine, job, &v) && !HAS_RIGHT(peer_rights_view(call->conn, &v), RIGHT_SEE)) {
                call_error(call, ERROR_NOT_FOUND, "no such job: %.200s", job);
                return;
        }
        for (size_t i = 0;
             l->follow && !call_bool(call, "previous") && (r = engine_job_run(call->c->ctx.engine, job, i)); i++)
                newest = r;
        if (newest) {
                start_reading(call, newest);
                return;
        }
        l->jobs[0] = (char *)job;
        l->filter = (struct run_filter){
                .jobs = l->jobs, .trigger = -1, .since = { INT64_MIN }, .until = WALL_NEVER, .limit = LOOK_BACK
        };
        ask_newest(call);
}

static bool read_params(struct logs *l)
{
        const struct call *call = l->call;
        const char *stream = call_string(call, "stream");

        l->follow = call_bool(call, "follow");
        l->file.lines = call_count(call, "lines", 0);
        (void)call_time(call, "since", &l->file.since);
        if (!stream)
                return true;
        l->file.stream = streq(stream, "stderr") ? LOG_STREAM_STDERR : LOG_STREAM_STDOUT;
        return streq(stream, "stderr") || streq(stream, "stdout");
}

void cmd_run_logs(struct call *call)
{
        const char *job = call_string(call, "job");
        uint64_t run = call_count(call, "run", 0);
        struct logs *l;

        if (!job == !run) {
                call_error(call, ERROR_INVALID, "run.logs wants either `run` or `job`");
                return;
        }
        if (call_bool(call, "follow") && (call->conn->n_follows >= FOLLOWS_MAX || call->conn->n_held >= CALLS_HELD)) {
                call_error(call, ERROR_BUSY, "too many calls of this connection wait");
                return;
        }
        l = calloc(1, sizeof(*l));
        if (!l) {
                call_error_memory(call);
                return;
        }
        l->call = call;
        logfile_init(&l->file);
        l->watch = (struct watch){ .call = call, .changed = on_change };
        ev_timer_init(&l->timer, on_timer, FOLLOW_SEC, 0.);
        l->timer.data = l;
        call->data = l;
        call->free_data = logs_free;
        if (!read_params(l)) {
                call_error(call, ERROR_INVALID, "stream: `stdout` or `stderr`");
                return;
        }
        call->gone = logs_gone;
        if (l->follow)
                call->conn->n_follows++;
        call_set_kind(call, l->follow ? CALL_HELD : CALL_PAGE);
        if (job)
                logs_of_job(call, job);
        else
                logs_of_run(call, run);
}
