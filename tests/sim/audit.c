/* Invariants over the whole state, looked at now and then when the engine rests: nothing is forgotten, nobody waits for
 * nothing, and the engine's own account agrees with what it wrote down. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static void audit_counts(struct sim *s)
{
        struct engine_stats st;
        size_t runs = 0, n[RUN_STATE_NR] = { 0 };
        uint64_t id = 0;

        engine_get_stats(s->e, &st);
        for (const struct srun *r = s->active; r; r = r->next) {
                const struct run_info *i;

                if (!r->has_em || run_state_ends(r->em.state))
                        continue;
                runs++;
                n[r->em.state]++;
                i = engine_run_find(s->e, r->id, NULL);
                if (!i)
                        fail(s, "run %llu (%s) is unknown to the engine", (unsigned long long)r->id,
                             run_state_name(r->em.state));
                if (i->state != r->em.state || i->start != r->em.start)
                        fail(s, "run %llu is %s.%u, its row says %s.%u", (unsigned long long)r->id,
                             run_state_name(i->state), i->start, run_state_name(r->em.state), r->em.start);
        }
        for (const struct run_info *i; (i = engine_run_after(s->e, id)); id = i->id) {
                if (i->id <= id || runs-- == 0)
                        fail(s, "the engine lists run %llu after %llu", (unsigned long long)i->id,
                             (unsigned long long)id);
                if (!srun_find(s, i->id))
                        fail(s, "the engine has run %llu, which was never written down", (unsigned long long)i->id);
        }
        if (runs)
                fail(s, "the engine lists %zu runs too few", runs);
        if (st.queued != n[RUN_QUEUED] || st.starting != n[RUN_STARTING] ||
            st.running != n[RUN_RUNNING] || st.backoff != n[RUN_BACKOFF] || st.degraded != s->degraded ||
            st.shutdown != s->shutdown)
                fail(s,
                     "the engine's counts: %zu queued, %zu starting, %zu running, %zu in backoff%s; "
                     "by the rows: %zu, %zu, %zu, %zu",
                     st.queued, st.starting, st.running, st.backoff, st.degraded ? ", degraded" : "",
                     n[RUN_QUEUED], n[RUN_STARTING], n[RUN_RUNNING], n[RUN_BACKOFF]);
}

/* No instant that is over is left without a decision, and the next one is known. */
static void audit_jobs(struct sim *s)
{
        char a[40], b[40];

        if (s->degraded || s->clock_waiting || s->shutdown)
                return;
        for (size_t i = 0; i < s->n_jobs; i++) {
                struct sjob *j = &s->jobs[i];
                struct segment g;
                struct job_view v;
                size_t k;

                if (!j->force)
                        continue;
                if (!engine_job_find(s->e, j->name, &v) || v.job != j->force)
                        fail(s, "%s is not in force as it should be", j->name);
                if (v.state.epoch != s->epoch && v.state.watermark.usec > s->last_wall + MINUTE)
                        fail(s, "%s: epoch %u with a watermark in the future", j->name, v.state.epoch);
                if (v.state.paused && v.state.pause_hold)
                        continue;
                audit_after(s, j, &v);
                if (j->is_after)
                        continue;
                g = (struct segment){ .fixed_after = v.state.fixed_after.usec };
                for (k = oracle_after(j->force_oracle, v.state.watermark.usec); k < j->force_oracle->n; k++)
                        if (cover_counts(&g, j->force_oracle, k))
                                break;
                if (k < j->force_oracle->n && j->force_oracle->sec[k] * SECOND <= s->last_wall)
                        fail(s, "%s: the instant %s is over and no decision was made, the watermark is %s", j->name,
                             when(j->force_oracle->sec[k] * SECOND, a), when(v.state.watermark.usec, b));
                while (k < j->force_oracle->n &&
                       (j->force_oracle->fate[k] != FATE_DUE || !cover_counts(&g, j->force_oracle, k)))
                        k++;
                if (!v.enabled || v.state.paused || (k == j->force_oracle->n && v.next.usec > s->oracle_to))
                        continue;
                if (k == j->force_oracle->n ? !wall_is_never(v.next) : v.next.usec != j->force_oracle->sec[k] * SECOND)
                        fail(s, "%s: its next instant is %s, expected %s", j->name, when(v.next.usec, a),
                             k == j->force_oracle->n ? "none" : when(j->force_oracle->sec[k] * SECOND, b));
        }
}

/* The oldest run of the job that waits in the queue, if nothing of its own job is in its way. */
static struct srun *next_in_line(const struct sjob *j)
{
        const struct job *d = j->force;
        struct srun *oldest = NULL;
        const struct srun *first = NULL;
        unsigned live = 0;

        for (struct srun *o = j->first; o; o = o->job_next) {
                if (stands_apart(&o->em))
                        continue;
                if (!first || o->order < first->order)
                        first = o;
                if (o->em.state == RUN_QUEUED && o->em.start == 0 && !(o->em.flags & RUN_FORCED) &&
                    (!oldest || o->order < oldest->order))
                        oldest = o;
                live += o->em.start > 0 && !(o->em.flags & RUN_FORCED); /* also in the wait before a retry */
        }
        if (!d || !oldest)
                return NULL;
        if (oldest != first &&
            (oldest->em.flags & RUN_CHAINED)) /* stays in its chain, also when a reload allows more */
                return NULL;
        if (d->policy->concurrency == CONCURRENCY_ALLOW)
                return !d->policy->max_concurrent || live < d->policy->max_concurrent ? oldest : NULL;
        return live == 0 && oldest == first ? oldest : NULL;
}

static void audit_waiting(struct sim *s)
{
        bool room = s->n_sent < s->options.max_starting && s->n_starting + s->n_running < s->options.max_running;

        for (const struct srun *r = s->active; r; r = r->next) {
                if (r->has_em && r->em.state == RUN_STARTING && r->sent_start != r->em.start &&
                    r->start_seq <= s->store.told && s->n_sent < s->options.max_starting && !s->degraded &&
                    !s->shutdown)
                        fail(s, "the row of %llu.%u is durable, there is room, and it is not started",
                             (unsigned long long)r->id, r->em.start);
                if (r->has_em && r->em.state == RUN_WAITING && s->now > r->jitter_due + 70 * SECOND && !s->degraded && !s->shutdown &&
                    !(r->job->em.paused && r->job->em.pause_hold))
                        fail(s, "run %llu: its jitter is over since %lld s", (unsigned long long)r->id,
                             (long long)((s->now - r->jitter_due) / SECOND));
                if (r->has_em && r->em.state == RUN_BACKOFF && r->backoff_due &&
                    s->now > r->backoff_due + 70 * SECOND && !s->degraded && !s->shutdown)
                        fail(s, "run %llu has waited for its retry since %lld s too long", (unsigned long long)r->id,
                             (long long)((s->now - r->backoff_due) / SECOND));
        }
        for (size_t i = 0; i < s->n_jobs; i++) {
                struct sjob *j = &s->jobs[i];
                struct srun *r = j->first ? next_in_line(j) : NULL;

                if (!r || s->degraded || s->shutdown || !room)
                        j->waiting_run = 0;
                else if (j->waiting_run != r->id) {
                        j->waiting_run = r->id;
                        j->waiting_since = s->now;
                } else if (s->now - j->waiting_since > 30 * SECOND)
                        fail(s, "run %llu is queued (%s) since %lld s though nothing is in its way",
                             (unsigned long long)r->id, run_reason_name(r->em.reason),
                             (long long)((s->now - j->waiting_since) / SECOND));
        }
}

/* A run that is to stop is told, also after a crash that lost the word. */
static void audit_stops(struct sim *s)
{
        for (struct srun *r = s->active; r; r = r->next) {
                const struct attempt *a =
                        r->has_em && r->em.state == RUN_RUNNING && (r->em.flags & RUN_STOPPING) && !s->degraded
                                ? attempt_find(r, r->em.start)
                                : NULL;

                if (!a || a->state != ATT_RUNNING || a->stop_asked)
                        r->untold_since = 0;
                else if (!r->untold_since)
                        r->untold_since = s->now;
                else if (s->now - r->untold_since > 2 * MINUTE)
                        fail(s, "run %llu is to stop since %lld s and was not told", (unsigned long long)r->id,
                             (long long)((s->now - r->untold_since) / SECOND));
        }
}

static void audit_commands(struct sim *s)
{
        for (; s->oldest_command < s->n_commands; s->oldest_command++) {
                const struct command_model *m = &s->commands[s->oldest_command];

                if (m->replied || m->life != s->life)
                        continue;
                if (s->store.told >= m->seq && s->store.told == s->store.emitted && !s->degraded)
                        fail(s, "command %zu (type %d) has no reply though everything is durable",
                             s->oldest_command + 1, (int)m->c.type);
                return;
        }
}

/* `idle`: the engine wants no call now. */
void audit(struct sim *s, bool idle)
{
        engine_check(s->e);
        audit_counts(s);
        if (!idle)
                return;
        audit_jobs(s);
        audit_waiting(s);
        audit_stops(s);
        audit_commands(s);
}

/* All faults are over and every job is disabled since long: nothing is left. */
void audit_end(struct sim *s)
{
        for (const struct srun *r = s->active; r; r = r->next) {
                if (r->has_em && (r->em.state == RUN_WAITING || (r->em.flags & RUN_CHAINED)) && r->job->em.paused && r->job->em.pause_hold)
                        continue; /* until somebody resumes, and what stands behind it */
                if (r->has_em && !run_state_ends(r->em.state))
                        fail(s, "run %llu of %s is still %s (%s) at the end", (unsigned long long)r->id, r->job->name,
                             run_state_name(r->em.state), run_reason_name(r->em.reason));
                for (size_t i = 0; i < r->n_a; i++)
                        if (!r->a[i].forgotten)
                                fail(s, "the record of %llu.%u was never forgotten (state %d)",
                                     (unsigned long long)r->id, r->a[i].start, (int)r->a[i].state);
        }
        if (s->store.told != s->store.emitted)
                fail(s, "units up to %llu, durable up to %llu at the end", (unsigned long long)s->store.emitted,
                     (unsigned long long)s->store.told);
}
