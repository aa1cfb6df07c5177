/* run.wait: held until all of the runs have ended.
 *
 * The watch is set before anybody is asked, so an end cannot slip through in between: what the engine still has will
 * be published; what it no longer has is asked of the store; and where the store's answer is older than an end that is
 * just being written, that end is still to be published, as it is only published once it is written. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "control/private.h"

struct waited {
        struct watch watch;
        struct text text; /* the RUN as JSON, once it has ended */
        bool ended;
};

struct waiting {
        struct waited *v;
        size_t n, left;
        size_t asking;     /* questions to the store */
        size_t next_asked; /* the next one to be asked about */
        bool late;         /* the time is up; only answers of the store are still awaited */
        ev_timer timeout;
        struct call *call;
};

static void wait_free(void *data)
{
        struct waiting *w = data;

        for (size_t i = 0; i < w->n; i++)
                text_done(&w->v[i].text);
        free(w->v);
        free(w);
}

/* The client or the wait is gone; answers of the store may still come. */
static void wait_gone(struct call *call)
{
        struct waiting *w = call->data;

        for (size_t i = 0; i < w->n; i++)
                watch_remove(call->c, &w->v[i].watch);
        ev_timer_stop(call->c->ctx.loop, &w->timeout);
}

static void send_runs(struct call *call, bool timed_out)
{
        struct waiting *w = call->data;
        struct text t = { 0 };
        size_t given = 0;

        text_puts(&t, "{\"runs\":[");
        for (size_t i = 0; i < w->n; i++) {
                const struct run_info *live = NULL;

                if (!w->v[i].ended)
                        live = engine_run_find(call->c->ctx.engine, w->v[i].watch.run, NULL);
                if (!w->v[i].ended && !live)
                        continue; /* its end is being written at this moment */
                text_puts(&t, given++ > 0 ? "," : "");
                if (live) {
                        text_json_new(&t, print_run(call->c, live));
                        continue;
                }
                t.failed |= w->v[i].text.failed;
                text_add(&t, w->v[i].text.data, w->v[i].text.size);
        }
        text_printf(&t, "],\"timed_out\":%s}", timed_out ? "true" : "false");
        call_result(call, &t);
}

static void run_ended(struct call *call, struct waited *x, const struct run_info *r)
{
        struct waiting *w = call->data;

        if (x->ended)
                return;
        x->ended = true;
        text_json_new(&x->text, print_run(call->c, r));
        watch_remove(call->c, &x->watch);
        if (--w->left == 0)
                send_runs(call, false);
}

static void on_change(struct watch *watch, const struct run_info *r)
{
        struct waited *x = (struct waited *)watch; /* its first member */

        if (run_state_ends(r->state))
                run_ended(watch->call, x, r);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct waiting *w = timer->data;

        w->late = true;
        if (w->asking == 0)
                send_runs(w->call, true);
}

static struct waited *find_waited(struct waiting *w, uint64_t run)
{
        for (size_t i = 0; i < w->n; i++)
                if (w->v[i].watch.run == run)
                        return &w->v[i];
        return NULL;
}

static bool ask_store(struct call *call);

static void on_history(void *arg, struct run_detail *d, const struct error *err)
{
        struct call *call = arg;
        struct waiting *w = call->data;
        struct waited *x = &w->v[w->next_asked - 1];

        w->asking--;
        if (!call_gone(call)) {
                if (err)
                        call_error(call, err->code, "%s", err->message);
                else if (!d || d->run.id == 0 || !HAS_RIGHT(peer_rights_run(call->conn, &d->run), RIGHT_SEE))
                        call_error(call, ERROR_NOT_FOUND, "no such run: %llu", (unsigned long long)x->watch.run);
                else {
                        if (run_state_ends(d->run.state))
                                run_ended(call, x, &d->run);
                        if (!call_gone(call) && ask_store(call) && w->asking == 0 && w->late)
                                send_runs(call, true);
                }
        }
        if (d)
                run_detail_free(d);
        call_unref(call);
}

/* About the next run that the engine does not have, one question at a time.  False: the call has ended. */
static bool ask_store(struct call *call)
{
        struct waiting *w = call->data;
        const struct run_info *live;

        while (w->next_asked < w->n) {
                struct waited *x = &w->v[w->next_asked++];

                live = engine_run_find(call->c->ctx.engine, x->watch.run, NULL);
                if (live && !HAS_RIGHT(peer_rights_run(call->conn, live), RIGHT_SEE)) {
                        call_error(call, ERROR_NOT_FOUND, "no such run: %llu", (unsigned long long)x->watch.run);
                        return false;
                }
                if (live || x->ended)
                        continue;
                if (store_query_run(call->c->ctx.store, x->watch.run, on_history, call_ref(call)) < 0) {
                        call_unref(call);
                        call_error_memory(call);
                        return false;
                }
                w->asking++;
                return true;
        }
        return true;
}

/* Each run once, however often it is named. */
static int set_watches(struct call *call, struct waiting *w, const json_t *runs)
{
        size_t i;
        json_t *v;

        json_array_foreach(runs, i, v) {
                uint64_t run = (uint64_t)json_integer_value(v);
                struct waited *x;

                if (find_waited(w, run))
                        continue;
                x = &w->v[w->n];
                x->watch = (struct watch){ .run = run, .call = call, .changed = on_change };
                if (watch_add(call->c, &x->watch, run) < 0)
                        return -ENOMEM;
                w->n++;
        }
        w->left = w->n;
        return 0;
}

void cmd_run_wait(struct call *call)
{
        const json_t *runs = call_list(call, "runs"), *timeout = json_object_get(call->params, "timeout");
        struct waiting *w;

        if (!runs) {
                call_error(call, ERROR_INVALID, "run.wait wants at least one run");
                return;
        }
        if (call->conn->n_held >= CALLS_HELD || call->conn->n_watches + json_array_size(runs) > WATCHES_CONN) {
                call_error(call, ERROR_BUSY, "too many calls of this connection wait");
                return;
        }
        w = calloc(1, sizeof(*w));
        if (w)
                w->v = calloc(json_array_size(runs), sizeof(*w->v));
        if (!w || !w->v) {
                free(w);
                call_error_memory(call);
                return;
        }
        w->call = call;
        call->data = w;
        call->free_data = wait_free;
        call->gone = wait_gone;
        call_set_kind(call, CALL_HELD);
        ev_timer_init(&w->timeout, on_timeout, 0., 0.);
        w->timeout.data = w;
        if (set_watches(call, w, runs) < 0) {
                call_error_memory(call);
                return;
        }
        if (timeout) {
                ev_timer_set(&w->timeout, json_number_value(timeout), 0.);
                ev_timer_start(call->c->ctx.loop, &w->timeout);
        }
        (void)ask_store(call);
}
