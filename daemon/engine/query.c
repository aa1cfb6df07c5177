/* Looking on: jobs by name and in order, unfinished runs, sums, and the check of what must always hold. */
#include "engine/internal.h"

static void view(const struct engine *e, const struct ejob *ej, struct job_view *ret)
{
        *ret = (struct job_view){
                .job = ej->def, .name = ej->name, .id = ej->id, .next = !ej->def || (ej->pause && ej->pause->hold) ? WALL_NEVER : instants_due(e, ej),
                .next_start = WALL_NEVER, .enabled = job_enabled(ej),
                .state = {
                        .id = ej->id, .name = ej->name, .watermark = ej->watermark, .fixed_after = ej->fixed_after,
                        .epoch = ej->epoch, .schedule_digest = ej->schedule_digest, .removed = ej->removed,
                        .last_success = ej->last_success, .enabled_override = ej->enabled_override, .pause_until = WALL_NEVER,
                        .after_base = ej->after ? ej->after->base : WALL_NEVER,
                },
        };
        if (ej->def && !wall_is_never(ret->next))
                ret->next_start = wall_add(ret->next, job_delay(ej->def, e->opt.machine, ret->next));
        for (const struct erun *r = ej->first; r; r = r->next) {
                ret->active++;
                if (r->info.state == RUN_STARTING || r->info.state == RUN_RUNNING)
                        ret->running++;
        }
        if (ej->pause) {
                ret->state.paused = true;
                ret->state.pause_hold = ej->pause->hold;
                ret->state.paused_by = ej->pause->by;
                ret->state.paused_at = ej->pause->at;
                ret->state.pause_until = ej->pause->until;
                ret->state.pause_why = ej->pause->why;
        }
}

size_t engine_jobs(struct engine *e)
{
        return e->n_jobs;
}

bool engine_job_at(struct engine *e, size_t i, struct job_view *ret)
{
        sort_jobs(e);
        if (i >= e->n_sorted)
                return false;
        view(e, e->sorted[i], ret);
        return true;
}

size_t engine_job_lower_bound(struct engine *e, const char *name)
{
        sort_jobs(e);
        return sorted_place(e, name);
}

bool engine_job_find(struct engine *e, const char *name, struct job_view *ret)
{
        struct ejob *ej = job_lookup(e, name);

        if (!ej || (!ej->def && !ej->first))
                return false;
        view(e, ej, ret);
        return true;
}

const struct run_info *engine_run_find(struct engine *e, uint64_t run, const struct job **ret_job)
{
        struct erun *r = run_find(e, run);

        if (r && ret_job)
                *ret_job = r->def;
        return r ? &r->info : NULL;
}

const struct run_info *engine_job_run(struct engine *e, const char *name, size_t i)
{
        struct ejob *ej = job_lookup(e, name);
        struct erun *r = ej ? ej->first : NULL;

        while (r && i-- > 0)
                r = r->next;
        return r ? &r->info : NULL;
}

const struct run_info *engine_job_run_next(const struct run_info *r)
{
        _Static_assert(offsetof(struct erun, info) == 0, "what is looked at is the run itself");
        const struct erun *run = (const struct erun *)(const void *)r;

        return run->next ? &run->next->info : NULL;
}

const struct run_info *engine_run_after(struct engine *e, uint64_t after)
{
        size_t lo = 0, hi = e->n_slots;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (e->slots[mid].id <= after)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        for (; lo < e->n_slots; lo++)
                if (e->slots[lo].run)
                        return &e->slots[lo].run->info;
        return NULL;
}

void engine_get_stats(const struct engine *e, struct engine_stats *ret)
{
        *ret = (struct engine_stats){
                .jobs = e->n_jobs, .runs = e->n_runs, .queued = e->n_queued, .starting = e->n_starting, .running = e->n_running,
                .backoff = e->n_backoff, .degraded = e->degraded, .shutdown = e->shutdown, .clock_waiting = e->clock_waiting,
                .epoch = e->epoch, .machine = e->opt.machine, .seq_given = e->next_seq - 1, .seq_stored = e->stored_seq,
        };
}

void engine_check(const struct engine *e)
{
        uint32_t states[RUN_STATE_NR] = { 0 };
        size_t runs = 0, jobs = 0;
        uint32_t sent = 0;
        const struct ejob *ej;

        EACH_JOB(e, ej) {
                uint32_t active = 0, admitted = 0, chained = 0, joined = 0;
                bool apart = false;

                jobs += ej->def != NULL;
                for (const struct erun *r = ej->first; r; r = r->next) {
                        assert(r->ej == ej && r->def);
                        assert(r->apart >= apart && (r->apart || (r == ej->last) == (!r->next || r->next->apart)));
                        apart = r->apart;
                        assert(!run_state_ends(r->info.state));
                        assert((r->info.state == RUN_STARTING || r->info.state == RUN_RUNNING || r->info.state == RUN_BACKOFF) <= r->admitted);
                        assert((r->ready_index != HEAP_NONE) <= (r->info.state == RUN_QUEUED && r->admitted));
                        assert(r->info.state != RUN_BACKOFF || r->deadline_index != HEAP_NONE || !e->loaded);
                        assert(r->info.state != RUN_WAITING || r->deadline_index != HEAP_NONE || r->held || !e->loaded);
                        assert(!r->apart || (r->info.state == RUN_WAITING && !r->admitted));
                        states[r->info.state]++;
                        sent += r->info.state == RUN_STARTING && r->start_sent;
                        active += !r->apart;
                        admitted += r->admitted && !(r->info.flags & RUN_FORCED);
                        chained += run_makes_chain(&r->info);
                        joined += r->joined;
                        runs++;
                }
                assert(active == ej->n_active && admitted == ej->n_admitted);
                assert(chained == ej->n_catch_up && joined == ej->n_joined);
                assert(!ej->def || !e->loaded || ej->next.usec > ej->watermark.usec);
        }
        assert(runs == e->n_runs && jobs == e->n_jobs);
        assert(sent == e->n_sent);
        assert(states[RUN_QUEUED] == e->n_queued && states[RUN_STARTING] == e->n_starting);
        assert(states[RUN_RUNNING] == e->n_running && states[RUN_BACKOFF] == e->n_backoff);
}
