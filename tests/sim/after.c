/* Jobs with `@after D`: their instants hang on what the engine does, so that no oracle knows them beforehand.  The world's own
 * account is from where they count: the row of the job must say the moment of a run's end, of an instant that did not run,
 * or now; and each instant must be D after that. */
#include "sim.h"

/* The instant that is due next, from what a job's row says. */
int64_t after_next(const struct sjob *j, int64_t base, int64_t watermark)
{
        int64_t t = base + j->force->entries[0].value_usec;

        t = (t + SECOND - 1) / SECOND * SECOND;
        t = MAX(t, j->force->policy->start.usec);
        if (t <= watermark)
                t = watermark / SECOND * SECOND + SECOND;
        return t <= j->force->policy->end.usec ? t : INT64_MAX;
}

static void begin_unit(struct sjob *j, uint64_t seq)
{
        if (j->after.seq == seq)
                return;
        j->after.seq = seq;
        j->after.base = j->em.after_base.usec;
        j->after.watermark = j->em.watermark.usec;
        j->after.ended = j->after.aside = INT64_MIN;
}

/* A run's row: `n` is the new one, r->em still the one before. */
void check_after_run(struct sim *s, struct sjob *j, const struct srun *r, const struct run_info *n, uint64_t seq)
{
        bool first = !r->has_em, grows = r->has_em && run_state_ends(r->em.state);
        int64_t due;
        char a[40], b[40];

        if (!j->is_after)
                return;
        begin_unit(j, seq);
        if (run_state_ends(n->state) && !grows && n->state != RUN_MISSED)
                j->after.ended = n->ended_at.usec;
        if (n->trigger == TRIGGER_MANUAL || n->trigger == TRIGGER_BACKFILL || n->reason == REASON_CHANGED || !(first || grows))
                return;
        if (run_state_ends(n->state))
                j->after.aside = n->scheduled_until.usec;
        if (s->in_config || !j->force)
                return;
        if (n->count != (first ? 1 : r->em.count + 1))
                fail(s, "%s: run %llu covers %llu instants of @after at once", j->name, (unsigned long long)n->id,
                     (unsigned long long)n->count);
        due = after_next(j, j->after.base, j->after.watermark);
        if (n->scheduled_until.usec != due)
                fail(s, "%s: the instant %s of @after, expected %s", j->name, when(n->scheduled_until.usec, a), when(due, b));
        for (const struct srun *o = j->first; o; o = o->job_next)
                if (o != r && o->id < r->id && !run_state_ends(o->moved))
                        fail(s, "%s: an instant of @after while run %llu is %s", j->name, (unsigned long long)o->id,
                             run_state_name(o->em.state));
}

/* The job's row, after those of its runs: from where it counts. */
void check_after_job(struct sim *s, struct sjob *j, const struct job_state *n, uint64_t seq)
{
        int64_t base = n->after_base.usec, now = s->last_wall;
        char a[40], b[40];

        if (!j->is_after || n->removed)
                return;
        begin_unit(j, seq);
        if (wall_is_never(n->after_base))
                fail(s, "%s: nothing from where @after counts", j->name);
        if (base > now + MINUTE && !s->clock_waiting && !s->restart_behind)
                fail(s, "%s: @after counts from the future, %s", j->name, when(base, a));
        if (!j->has_em || base == j->em.after_base.usec || base == now || (j->after.ended != INT64_MIN && base == MIN(j->after.ended, now)))
                return;
        if (j->after.aside == INT64_MIN || base != j->after.aside)
                fail(s, "%s: @after counts from %s, before it was %s", j->name, when(base, a), when(j->em.after_base.usec, b));
        if (now - base > ON_TIME)
                fail(s, "%s: @after counts from an instant that was missed, %s", j->name, when(base, a));
}

/* When the engine rests. */
void audit_after(struct sim *s, const struct sjob *j, const struct job_view *v)
{
        int64_t due;
        char a[40], b[40];

        if (!j->is_after || !v->enabled || v->state.paused)
                return;
        due = v->active > 0 ? INT64_MAX : after_next(j, v->state.after_base.usec, v->state.watermark.usec);
        if (v->next.usec != due)
                fail(s, "%s: @after is due next at %s, expected %s", j->name, when(v->next.usec, a), when(due, b));
        if (due <= s->last_wall)
                fail(s, "%s: the instant %s of @after is over and no decision was made", j->name, when(due, a));
}
