/* The queue, the drain, and what becomes of the engine's actions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ring.h"
#include "log/log.h"
#include "shell/internal.h"

void shell_queue(struct shell *s, const struct event *ev)
{
        struct queue *q = &s->queue;
        struct queued *x;

        if (!ring_reserve(&q->v, &q->head, q->n, &q->allocated, sizeof(*q->v)))
                abort(); /* an event that is lost is a run that is lost; the state on disk is whole */
        x = &q->v[(q->head + q->n++) % q->allocated];
        *x = (struct queued){ .event = *ev };
        if (ev->type == EVENT_COMMAND) {
                if (ev->command.job && !(x->job = strdup(ev->command.job)))
                        abort();
                if (ev->command.why && !(x->why = strdup(ev->command.why)))
                        abort();
                if (ev->command.n_instants > 0) {
                        x->instants = reallocarray(NULL, ev->command.n_instants, sizeof(*x->instants));
                        if (!x->instants)
                                abort();
                        memcpy(x->instants, ev->command.instants, ev->command.n_instants * sizeof(*x->instants));
                }
                x->event.command.instants = x->instants;
                x->event.command.job = x->job;
                x->event.command.why = x->why;
        }
}

void queue_done(struct queue *q)
{
        for (size_t i = 0; i < q->n; i++) {
                free(q->v[(q->head + i) % q->allocated].job);
                free(q->v[(q->head + i) % q->allocated].why);
                free(q->v[(q->head + i) % q->allocated].instants);
        }
        free(q->v);
        *q = (struct queue){ 0 };
}

static void put_row(struct shell *s, const struct action *a)
{
        _cleanup_(freep) char *definition = NULL;
        int r;

        if (a->row.type == ROW_DEFINITION) {
                definition = job_print(a->row.definition);
                if (!definition)
                        abort();
        }
        r = store_put(s->store, a->seq, &a->row, definition, definition ? strlen(definition) : 0);
        if (r < 0)
                abort(); /* out of memory: rows may not be left out */
}

static void log_change(const struct run_info *r)
{
        if (r->state != RUN_WAITING && r->state != RUN_QUEUED && r->state != RUN_STARTING)
                log_run(r);
}

static void carry_out(struct shell *s, const struct action *a)
{
        switch (a->type) {
        case ACTION_STOP:
                if (s->runner)
                        runner_stop(s->runner, a->stop.run, a->stop.start, a->stop.signal, a->stop.grace_usec, a->stop.reason);
                break;
        case ACTION_START:
                if (s->runner)
                        runner_start(s->runner, a->start.run, a->start.job, a->start.attempt, a->start.last_success,
                                     a->start.timeout_usec, a->start.timeout_is_total);
                break;
        case ACTION_REPLY:
                if (s->control)
                        control_reply(s->control, a->reply.command, a->reply.code, a->reply.message, a->reply.run, a->reply.durable);
                break;
        case ACTION_PUBLISH:
                log_change(&a->publish);
                if (s->control)
                        control_publish(s->control, &a->publish);
                break;
        case ACTION_FORGET:
                if (s->runner)
                        runner_forget(s->runner, a->forget.run, a->forget.start);
                break;
        case ACTION_ROW:
        case ACTION_NR:
        default:
                break;
        }
}

/* Rows first, then what was allowed before: signals and starts, then answers, in the order of the engine's list. */
static void apply(struct shell *s)
{
        const struct actions *a = &s->actions;
        uint64_t seq = 0;

        for (size_t i = 0; i < a->n; i++)
                if (a->v[i].type == ACTION_ROW) {
                        put_row(s, &a->v[i]);
                        seq = a->v[i].seq;
                }
        if (seq > 0)
                store_submit(s->store, seq);
        for (size_t i = 0; i < a->n; i++)
                if (a->v[i].type != ACTION_ROW)
                        carry_out(s, &a->v[i]);
}

void shell_step(struct shell *s, struct event *ev)
{
        ev->wall = clock_wall();
        ev->mono = clock_mono();
        timers_look(s, ev->wall, ev->mono);
        engine_step(s->engine, ev, &s->actions);
        apply(s);
        /* What a large reload needed for its actions is given back: the list's memory stays in proportion to a usual step. */
        if (s->actions.allocated > ACTIONS_KEPT_MAX) {
                actions_done(&s->actions);
                s->large_step = true;
        }
}

static bool tick_due(struct shell *s)
{
        struct wall wall;
        struct mono mono;

        engine_timeout(s->engine, &wall, &mono);
        return wall.usec <= clock_wall().usec || mono.usec <= clock_mono().usec;
}

/* A changed file's jobs come as one event; its pointers live until the folder is asked again, so it is stepped at once. */
static bool take_config(struct shell *s)
{
        struct event ev = { .type = EVENT_CONFIG };

        if (!s->folder || !folder_take_delta(s->folder, &ev))
                return false;
        ev.type = EVENT_CONFIG;
        shell_step(s, &ev);
        for (size_t i = 0; i < ev.config.n_put; i++) {
                const struct job *j = ev.config.put[i];
                struct job_view v;

                if (engine_job_find(s->engine, j->name, &v))
                        (void)store_set_keep(s->store, v.id, j->policy->keep_runs, j->policy->keep_age_usec, j->policy->keep_log);
        }
        return true;
}

/* Events until none is left, or until the loop should look at its descriptors again. */
void shell_drain(struct shell *s)
{
        struct queue *q = &s->queue;
        unsigned steps = 0;

        while (steps++ < DRAIN_STEPS_MAX) {
                if (take_config(s)) {
                        reload_look(s);
                } else if (q->n > 0) {
                        struct queued x = q->v[q->head];

                        q->head = (q->head + 1) % q->allocated;
                        q->n--;
                        shell_step(s, &x.event);
                        free(x.job);
                        free(x.why);
                        free(x.instants);
                } else if (tick_due(s)) {
                        struct event ev = { .type = EVENT_TICK };

                        shell_step(s, &ev);
                        s->spins = s->actions.n > 0 || s->large_step ? 0 : s->spins + 1;
                        if (s->spins > SPIN_MAX) {
                                log_error("the engine wants to be called again and again, and does nothing: this is a bug");
                                abort();
                        }
                } else {
                        s->spins = 0;
                        break;
                }
        }
        timers_arm(s);
}
