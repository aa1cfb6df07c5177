/* What a step lets out: rows now, and everything that rests on them once they are durable. */
#include "engine/internal.h"

void actions_clear(struct actions *a)
{
        a->n = 0;
}

void actions_done(struct actions *a)
{
        free(a->v);
        *a = (struct actions){ 0 };
}

void out_now(struct engine *e, const struct action *a)
{
        struct actions *out = e->out;

        if (out->n == out->allocated) {
                out->allocated = MAX(out->allocated * 2, (size_t)64);
                out->v = engine_realloc(out->v, out->allocated, sizeof(*out->v));
        }
        out->v[out->n++] = *a;
}

void out_row(struct engine *e, const struct row *row)
{
        struct action a = { .type = ACTION_ROW, .seq = e->next_seq, .row = *row };

        e->unit_open = true;
        out_now(e, &a);
}

/* Waits for this step's unit; if the step writes nothing, for all that was given out before it. */
void out_after_store(struct engine *e, const struct action *a, struct job *hold, bool urgent)
{
        struct effect *x;

        if (!ring_reserve(&e->effects, &e->effects_head, e->n_effects, &e->effects_allocated, sizeof(*e->effects)))
                abort();
        x = &e->effects[(e->effects_head + e->n_effects++) % e->effects_allocated];
        *x = (struct effect){ .seq = e->next_seq, .action = *a, .hold = hold ? job_ref(hold) : NULL, .urgent = urgent };
        e->n_new_effects++;
}

/* Takes over a reference until the next step begins: actions of this one may point into the job. */
void out_hold(struct engine *e, struct job *j)
{
        if (!j)
                return;
        if (e->n_holds == e->holds_allocated) {
                e->holds_allocated = MAX(e->holds_allocated * 2, (size_t)32);
                e->holds = engine_realloc(e->holds, e->holds_allocated, sizeof(*e->holds));
        }
        e->holds[e->n_holds++] = j;
}

void out_begin(struct engine *e, struct actions *out)
{
        for (size_t i = 0; i < e->n_holds; i++)
                job_unref(e->holds[i]);
        e->n_holds = 0;
        e->n_new_effects = 0;
        e->unit_open = false;
        e->out = out;
        actions_clear(out);
}

void out_job(struct engine *e, struct ejob *ej)
{
        if (ej->dirty)
                return;
        ej->dirty = true;
        ej->dirty_next = e->dirty_jobs;
        e->dirty_jobs = ej;
}

void out_run(struct engine *e, struct erun *r)
{
        if (r->dirty)
                return;
        r->dirty = true;
        r->dirty_next = e->dirty_runs;
        e->dirty_runs = r;
}

static void put_run(struct engine *e, const struct run_info *info)
{
        struct row row = { .type = ROW_RUN, .run = *info };

        out_row(e, &row);
}

/* For a run that goes away before the step ends. */
void out_run_now(struct engine *e, struct erun *r)
{
        put_run(e, &r->info);
        if (!r->dirty)
                return;
        for (struct erun **p = &e->dirty_runs; *p; p = &(*p)->dirty_next)
                if (*p == r) {
                        *p = r->dirty_next;
                        break;
                }
        r->dirty = false;
}

void out_transition(struct engine *e, const struct run_info *r)
{
        struct row row = {
                .type = ROW_TRANSITION,
                .transition = {
                        .run = r->id, .start = r->start, .at = e->now, .state = r->state, .reason = r->reason,
                        .wait_status = r->wait_status, .stage = r->stage, .error = r->error,
                },
        };

        out_row(e, &row);
}

void out_publish(struct engine *e, const struct run_info *r, struct job *hold)
{
        struct action a = { .type = ACTION_PUBLISH, .publish = *r };

        out_after_store(e, &a, hold, false);
}

void out_reply(struct engine *e, uint64_t command, enum error_code code, const char *message, uint64_t run, bool changed, bool urgent)
{
        struct action a = {
                .type = ACTION_REPLY,
                .reply = { .command = command, .code = code, .message = message, .run = run, .durable = true },
        };

        if (command == 0)
                return;
        if (!changed) {
                out_now(e, &a);
        } else if (urgent && e->degraded) {
                a.reply.durable = false;
                out_now(e, &a);
        } else {
                out_after_store(e, &a, NULL, urgent);
        }
}

static void put_job(struct engine *e, const struct ejob *ej)
{
        struct row row = {
                .type = ROW_JOB,
                .job = {
                        .id = ej->id, .name = ej->name, .watermark = ej->watermark, .fixed_after = ej->fixed_after,
                        .epoch = ej->epoch, .schedule_digest = ej->schedule_digest, .removed = ej->removed,
                        .last_success = ej->last_success, .enabled_override = ej->enabled_override,
                        .pause_until = WALL_NEVER, .after_base = ej->after ? ej->after->base : WALL_NEVER,
                },
        };

        if (ej->pause) {
                row.job.paused = true;
                row.job.pause_hold = ej->pause->hold;
                row.job.paused_by = ej->pause->by;
                row.job.paused_at = ej->pause->at;
                row.job.pause_until = ej->pause->until;
                row.job.pause_why = ej->pause->why;
        }
        out_row(e, &row);
}

/* End of the step: what changed is written once, the unit is closed. */
void out_flush(struct engine *e)
{
        while (e->dirty_jobs) {
                struct ejob *ej = e->dirty_jobs;

                e->dirty_jobs = ej->dirty_next;
                ej->dirty = false;
                put_job(e, ej);
        }
        while (e->dirty_runs) {
                struct erun *r = e->dirty_runs;

                e->dirty_runs = r->dirty_next;
                r->dirty = false;
                put_run(e, &r->info);
        }
        if (e->unit_open) {
                e->unit_open = false;
                e->next_seq++;
                return;
        }
        for (size_t i = e->n_effects - MIN(e->n_new_effects, e->n_effects); i < e->n_effects; i++)
                e->effects[(e->effects_head + i) % e->effects_allocated].seq = e->next_seq - 1;
        out_release(e);
}

/* A start whose row is durable waits for its turn: max_starting paces them (runs_launch). */
static void launch_add(struct engine *e, uint64_t run, uint32_t start)
{
        if (!ring_reserve(&e->launch, &e->launch_head, e->n_launch, &e->launch_allocated, sizeof(*e->launch)))
                abort();
        e->launch[(e->launch_head + e->n_launch++) % e->launch_allocated] = (struct launch){ .run = run, .start = start };
}

/* While a start waits for its row the effect holds numbers alone: `seq` of the action is the run, `attempt` the start. */
static void let_out(struct engine *e, struct effect *x)
{
        if (x->action.type == ACTION_START)
                launch_add(e, x->action.seq, x->action.start.attempt);
        else
                out_now(e, &x->action);
}

/* Everything that waited for units which are durable now, in order. */
void out_release(struct engine *e)
{
        while (e->n_effects > 0) {
                struct effect *x = &e->effects[e->effects_head];

                if (x->seq > e->stored_seq)
                        break;
                e->effects_head = (e->effects_head + 1) % e->effects_allocated;
                e->n_effects--;
                let_out(e, x);
                out_hold(e, x->hold);
        }
}

/* The store can't be written: stops and their answers do not wait for it. */
void out_release_urgent(struct engine *e)
{
        size_t kept = 0;

        for (size_t i = 0; i < e->n_effects; i++) {
                struct effect x = e->effects[(e->effects_head + i) % e->effects_allocated];

                if (x.urgent) {
                        if (x.action.type == ACTION_REPLY)
                                x.action.reply.durable = false;
                        out_now(e, &x.action);
                        out_hold(e, x.hold);
                } else {
                        e->effects[(e->effects_head + kept++) % e->effects_allocated] = x;
                }
        }
        e->n_effects = kept;
        e->n_new_effects = MIN(e->n_new_effects, kept);
}
