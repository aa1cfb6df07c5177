/* The engine's life, and the step that hands each event to whom it concerns. */
#include "engine/internal.h"

#include <stdio.h>

static bool due_tie(const void *a, const void *b)
{
        return ((const struct ejob *)a)->id < ((const struct ejob *)b)->id;
}

static bool deadline_tie(const void *a, const void *b)
{
        return ((const struct erun *)a)->info.id < ((const struct erun *)b)->info.id;
}

int engine_new(const struct engine_options *opt, struct engine **ret_engine)
{
        struct engine *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->opt = *opt;
        if (e->opt.max_running == 0)
                e->opt.max_running = 1;
        if (e->opt.max_starting == 0)
                e->opt.max_starting = 1;
        e->next_run = MAX(opt->next_run, UINT64_C(1));
        e->next_job = MAX(opt->next_job, UINT64_C(1));
        e->next_seq = MAX(opt->next_seq, UINT64_C(1));
        e->stored_seq = e->next_seq - 1;
        e->due = (struct heap){ .offset = offsetof(struct ejob, due_index), .tie = due_tie };
        e->ready = (struct heap){ .offset = offsetof(struct erun, ready_index) };
        e->deadlines = (struct heap){ .offset = offsetof(struct erun, deadline_index), .tie = deadline_tie };
        *ret_engine = e;
        return 0;
}

static void job_free(struct ejob *ej)
{
        for (struct erun *r = ej->first, *next; r; r = next) {
                next = r->next;
                run_free(r);
        }
        job_unref(ej->def);
        free(ej->range);
        free(ej->after);
        if (ej->pause)
                free(ej->pause->why);
        free(ej->pause);
        free(ej);
}

struct engine *engine_free(struct engine *e)
{
        struct ejob *ej;

        if (!e)
                return NULL;
        EACH_JOB(e, ej)
                job_free(ej);
        free(e->jobs.v);
        free(e->jobs.slots);
        for (size_t i = 0; i < e->n_effects; i++)
                job_unref(e->effects[(e->effects_head + i) % e->effects_allocated].hold);
        for (size_t i = 0; i < e->n_holds; i++)
                job_unref(e->holds[i]);
        heap_done(&e->due);
        heap_done(&e->ready);
        heap_done(&e->deadlines);
        free(e->effects);
        free(e->launch);
        free(e->holds);
        free(e->sorted);
        free(e->slots);
        free(e);
        return NULL;
}

int engine_restore_job(struct engine *e, const struct job_state *s)
{
        struct ejob *ej;

        assert(!e->loaded);
        if (job_lookup(e, s->name))
                return -EEXIST;
        ej = job_add(e, s->name);
        ej->id = s->id;
        ej->watermark = s->watermark;
        ej->fixed_after = s->fixed_after;
        ej->epoch = s->epoch;
        ej->schedule_digest = s->schedule_digest;
        ej->removed = s->removed;
        ej->restored = true;
        ej->last_success = s->last_success;
        ej->enabled_override = s->enabled_override;
        if (!wall_is_never(s->after_base) && s->after_base.usec != 0) {
                ej->after = engine_alloc(sizeof(*ej->after));
                ej->after->base = s->after_base;
        }
        if (s->epoch > e->epoch)
                e->epoch = s->epoch;
        if (s->id >= e->next_job)
                e->next_job = s->id + 1;
        if (s->paused) {
                ej->pause = engine_alloc(sizeof(*ej->pause));
                *ej->pause = (struct epause){ .hold = s->pause_hold, .by = s->paused_by, .at = s->paused_at, .until = s->pause_until };
                if (s->pause_why) {
                        ej->pause->why = strdup(s->pause_why);
                        if (!ej->pause->why)
                                return -ENOMEM;
                }
        }
        return 0;
}

int engine_restore_run(struct engine *e, const struct run_info *info, struct job *definition)
{
        struct ejob *ej = info->job ? job_lookup(e, info->job) : NULL;

        assert(!e->loaded);
        if (!ej)
                return -ENOENT;
        if (run_find(e, info->id) || run_state_ends(info->state))
                return -EEXIST;
        (void)run_restore(e, ej, info, definition);
        if (info->id >= e->next_run)
                e->next_run = info->id + 1;
        return 0;
}

/* Deadlines of restored waits: stored as wall time, since the boot clock may have begun anew. */
static void restore_deadlines(struct engine *e)
{
        for (size_t i = 0; i < e->n_slots; i++) {
                struct erun *r = e->slots[i].run;
                int64_t left;

                if (!r)
                        continue;
                if (!wall_is_never(r->info.first_started_at))
                        r->first_started = (struct mono){ e->mono.usec - MAX(e->now.usec - r->info.first_started_at.usec, 0) };
                if (r->info.state == RUN_QUEUED && r->info.reason == REASON_FAULT)
                        r->info.reason = REASON_NONE;
                if (r->info.state != RUN_BACKOFF && r->info.state != RUN_WAITING)
                        continue;
                left = wall_is_never(r->info.retry_at) ? 0 : r->info.retry_at.usec - e->now.usec;
                left = CLAMP(left, 0, r->info.state == RUN_WAITING ? r->def->policy->jitter_usec :
                                      MAX(r->def->policy->retry.max_delay_usec, r->def->policy->retry.delay_usec) + r->def->policy->retry.jitter_usec);
                r->deadline = mono_add(e->mono, left);
                if (!heap_put(&e->deadlines, r->deadline.usec, r))
                        abort();
        }
}

static void stop_everything(struct engine *e)
{
        for (size_t i = 0; i < e->n_slots; i++) {
                struct erun *r = e->slots[i].run;

                if (r && r->start_sent)
                        run_stop(e, r, REASON_SHUTDOWN, UINT32_MAX);
        }
}

static void tick(struct engine *e)
{
        clock_wait_over(e);
        if (e->loaded && !e->degraded && !e->shutdown && !e->clock_waiting)
                due_process(e);
}

void engine_step(struct engine *e, const struct event *ev, struct actions *actions)
{
        out_begin(e, actions);
        clock_look(e, ev->wall, ev->mono);
        if (ev->type != EVENT_LOADED)
                runs_deadlines(e);

        switch (ev->type) {
        case EVENT_CONFIG:
                config_apply(e, ev);
                break;
        case EVENT_LOADED:
                if (e->loaded)
                        break;
                restore_deadlines(e);
                config_loaded(e, ev);
                break;
        case EVENT_TICK:
                tick(e);
                break;
        case EVENT_COMMAND:
                command_apply(e, &ev->command);
                break;
        case EVENT_STORED:
                e->degraded = false;
                if (ev->stored.seq > e->stored_seq && ev->stored.seq < e->next_seq)
                        e->stored_seq = ev->stored.seq;
                out_release(e);
                break;
        case EVENT_STORE_FAILED:
                e->degraded = true;
                out_release_urgent(e);
                break;
        case EVENT_STARTED:
                run_started(e, ev);
                break;
        case EVENT_START_FAILED:
                run_start_failed(e, ev);
                break;
        case EVENT_EXITED:
                run_exited(e, ev);
                break;
        case EVENT_LOST:
                run_lost(e, ev);
                break;
        case EVENT_SHUTDOWN:
                e->shutdown = true;
                if (ev->shutdown.kill)
                        stop_everything(e);
                break;
        case EVENT_NR:
        default:
                assert(false);
        }
        runs_start(e);
        out_flush(e);
        runs_launch(e);
}

void engine_timeout(const struct engine *e, struct wall *ret_wall, struct mono *ret_mono)
{
        const struct ejob *ej = heap_top(&e->due);
        const struct erun *r = heap_top(&e->deadlines);

        *ret_wall = WALL_NEVER;
        *ret_mono = MONO_NEVER;
        if (!e->loaded || e->shutdown)
                return;
        if (e->clock_waiting) {
                *ret_wall = e->clock_wait_for;
                *ret_mono = e->clock_wait_until;
        } else if (ej && !e->degraded) {
                *ret_wall = ej->wake;
        }
        if (r && r->deadline.usec < ret_mono->usec)
                *ret_mono = r->deadline;
}
