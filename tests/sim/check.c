/* Invariants of each step: what the engine writes down.  What it does: acts.c. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* ---- the table of runs */
struct srun *srun_find(struct sim *s, uint64_t id)
{
        return id < s->n_runs ? s->runs[id] : NULL;
}

struct srun *srun_get(struct sim *s, struct sjob *j, uint64_t id)
{
        struct srun *r = srun_find(s, id);

        if (r)
                return r;
        if (id >= s->n_runs) {
                size_t n = id + id / 2 + 1024;

                s->runs = realloc(s->runs, n * sizeof(*s->runs));
                s->settled = realloc(s->settled, n * sizeof(*s->settled));
                assert(s->runs && s->settled);
                memset(s->runs + s->n_runs, 0, (n - s->n_runs) * sizeof(*s->runs));
                memset(s->settled + s->n_runs, 0, (n - s->n_runs) * sizeof(*s->settled));
                s->n_runs = n;
        }
        r = calloc(1, sizeof(*r));
        assert(r);
        r->id = id;
        r->job = j;
        r->next = s->active;
        if (s->active)
                s->active->prev = r;
        s->active = r;
        s->runs[id] = r;
        if (s->settled[id].state) { /* a range row that grows */
                const struct settled *k = &s->settled[id];

                r->em = (struct run_info){
                        .id = id, .state = k->state - 1, .scheduled_until = { k->until }, .count = k->count
                };
                r->du = r->em;
                r->has_em = r->has_du = r->has_moved = true;
                r->moved = r->em.state;
                r->du_until = k->until;
                r->du_count = k->count;
        }
        return r;
}

void srun_unlist(struct srun *r)
{
        if (!r->in_job_list)
                return;
        r->in_job_list = false;
        if (r->job_prev)
                r->job_prev->job_next = r->job_next;
        else
                r->job->first = r->job_next;
        if (r->job_next)
                r->job_next->job_prev = r->job_prev;
        r->job_next = r->job_prev = NULL;
}

void srun_list(struct srun *r)
{
        if (r->in_job_list)
                return;
        r->in_job_list = true;
        r->job_prev = NULL;
        r->job_next = r->job->first;
        if (r->job_next)
                r->job_next->job_prev = r;
        r->job->first = r;
}

static void srun_remove(struct sim *s, struct srun *r)
{
        srun_unlist(r);
        if (r->prev)
                r->prev->next = r->next;
        else
                s->active = r->next;
        if (r->next)
                r->next->prev = r->prev;
        s->runs[r->id] = NULL;
        free(r->a);
        free(r);
}

/* Lets go of a run that is over on both sides; one that was never durable, after a crash. */
void srun_settle(struct sim *s, struct srun *r)
{
        if (!r->has_em && !r->has_du) {
                srun_remove(s, r);
                return;
        }
        if (!r->has_du || !run_state_ends(r->du.state) || r->em.state != r->du.state || r->em.count != r->du.count)
                return;
        for (size_t i = 0; i < r->n_a; i++)
                if (!r->a[i].forgotten)
                        return;
        s->settled[r->id] = (struct settled){ .until = r->du_until,
                                              .count = (uint32_t)r->du_count,
                                              .state = (uint8_t)(r->du.state + 1) };
        srun_remove(s, r);
}

static void touch(struct sim *s, struct srun *r)
{
        if (r->touched)
                return;
        r->touched = true;
        if (s->n_touched == s->allocated_touched) {
                s->allocated_touched = s->allocated_touched ? s->allocated_touched * 2 : 64;
                s->touched = realloc(s->touched, s->allocated_touched * sizeof(struct srun *));
                assert(s->touched);
        }
        s->touched[s->n_touched++] = r;
}

/* ---- rows */
static void check_transition(struct sim *s, const struct row *row)
{
        struct srun *r = srun_get(s, NULL, row->transition.run);
        enum run_state to = row->transition.state;
        bool first = to == RUN_WAITING || to == RUN_QUEUED || to == RUN_SKIPPED || to == RUN_MISSED;

        touch(s, r);
        if (r->has_moved ? !run_state_may_become(r->moved, to) && (r->moved != to || run_state_ends(to)) : !first)
                fail(s, "run %llu moves from %s (%s) to %s (%s)", (unsigned long long)r->id,
                     r->has_moved ? run_state_name(r->moved) : "nothing", run_reason_name(r->moved_reason),
                     run_state_name(to), run_reason_name(row->transition.reason));
        r->moved = to;
        r->moved_reason = row->transition.reason;
        r->has_moved = true;
}

bool stands_apart(const struct run_info *r)
{
        return r->state == RUN_WAITING && r->trigger != TRIGGER_CATCH_UP;
}

/* A run in its jitter: until when, and not an instant longer or shorter in any life of the daemon. */
static void check_jitter(struct sim *s, struct srun *r, const struct run_info *n)
{
        const struct job *d = store_definition(s, n->digest);
        const struct job *was = r->has_em ? store_definition(s, r->em.digest) : NULL;
        int64_t from = n->trigger == TRIGGER_CATCH_UP ? n->created_at.usec : n->scheduled_at.usec, delay;

        if (n->state == RUN_WAITING) {
                d = d ?: r->job->force;
                if (!d || n->reason != REASON_JITTER)
                        fail(s, "run %llu waits (%s) for nothing", (unsigned long long)r->id, run_reason_name(n->reason));
                delay = n->retry_at.usec - from;
                if (delay < (n->trigger == TRIGGER_CATCH_UP ? -DAY * 365 : 0) || delay > d->policy->jitter_usec)
                        fail(s, "run %llu is put off by %lld us, its jitter is %lld", (unsigned long long)r->id, (long long)delay,
                             (long long)d->policy->jitter_usec);
                if (r->has_em && r->em.state == RUN_WAITING && r->em.retry_at.usec != n->retry_at.usec &&
                    memcmp(r->em.digest, n->digest, 32) == 0)
                        fail(s, "run %llu is put off anew, by %lld us", (unsigned long long)r->id,
                             (long long)(n->retry_at.usec - r->em.retry_at.usec));
                if (!r->has_em || memcmp(r->em.digest, n->digest, 32) != 0)
                        r->jitter_due = s->now + n->retry_at.usec - s->last_wall;
                return;
        }
        if (!r->has_em || r->em.state != RUN_WAITING || n->state == RUN_CANCELLED)
                return;
        if (s->now < r->jitter_due - 1000 && was)
                fail(s, "run %llu (%s): its jitter ends %lld us early", (unsigned long long)r->id, run_state_name(n->state),
                     (long long)(r->jitter_due - s->now));
        if (n->scheduled_at.usec != r->em.scheduled_at.usec)
                fail(s, "run %llu: its instant moves by %lld us", (unsigned long long)r->id,
                     (long long)(n->scheduled_at.usec - r->em.scheduled_at.usec));
}

/* At the end of the jitter concurrency is judged, as if the instant came now. */
static void check_delayed(struct sim *s, const struct srun *r, const struct run_info *n)
{
        const struct job *d = r->job->force;

        if (n->state == RUN_QUEUED && d && d->policy->concurrency == CONCURRENCY_FORBID && !(n->flags & RUN_CHAINED))
                for (const struct srun *o = r->job->first; o; o = o->job_next)
                        if (o != r && !run_state_ends(o->moved) && !stands_apart(&o->em) && !(o->em.flags & RUN_CHAINED))
                                fail(s, "%s: the jitter of run %llu is over, it is queued while run %llu is %s", r->job->name,
                                     (unsigned long long)r->id, (unsigned long long)o->id, run_state_name(o->em.state));
}

static bool live(enum run_state st)
{
        return st == RUN_STARTING || st == RUN_RUNNING;
}

unsigned attempts_of(const struct srun *r)
{
        unsigned n = 0;

        for (size_t i = 0; i < r->n_a; i++)
                n += r->a[i].execs > 0 || r->a[i].state == ATT_EXECFAIL ||
                     (r->a[i].state == ATT_LOST && r->a[i].reboot);
        return n;
}

static void check_backoff(struct sim *s, struct srun *r, const struct run_info *n)
{
        const struct job *d = store_definition(s, n->digest);
        const struct attempt *a = attempt_find(r, n->start);
        enum run_reason why = n->reason;
        int64_t base, wait = n->retry_at.usec - s->last_wall;

        if (!d && s->actions.n) /* its definition may be in this very unit */
                d = a ? a->definition : NULL;
        if (!d || !a)
                fail(s, "run %llu waits for a retry without having been started", (unsigned long long)r->id);
        if (r->cancel_asked)
                fail(s, "run %llu was cancelled and waits for a retry", (unsigned long long)r->id);
        if (n->attempt > d->policy->retry.limit)
                fail(s, "run %llu waits for a retry after attempt %u of %u", (unsigned long long)r->id, n->attempt,
                     d->policy->retry.limit + 1);
        /* The row may say `retry`; the attempt itself tells why. */
        if (a->state == ATT_EXECFAIL)
                why = REASON_SPAWN;
        else if (a->state == ATT_LOST || a->reboot)
                why = REASON_SUPERVISOR;
        else if (a->cause == END_TIMEOUT)
                why = REASON_TIMEOUT;
        else if (a->cause == END_SELF)
                why = (a->status & 0x7f) ? REASON_SIGNAL : REASON_EXIT;
        else
                fail(s, "run %llu is retried after it was stopped (cause %d)", (unsigned long long)r->id,
                     (int)a->cause);
        if (!(d->policy->retry.reasons & RETRY_BIT(why)))
                fail(s, "run %llu is retried after %s, which its definition does not ask for",
                     (unsigned long long)r->id, run_reason_name(why));
        base = d->policy->retry.delay_usec;
        for (uint32_t i = 1; i < n->attempt && base < d->policy->retry.max_delay_usec; i++)
                base = d->policy->retry.backoff == BACKOFF_EXPONENTIAL ? (int64_t)((double)base * d->policy->retry.factor) :
                       d->policy->retry.backoff == BACKOFF_LINEAR      ? base + d->policy->retry.delay_usec :
                                                                 base;
        base = MIN(base, d->policy->retry.max_delay_usec);
        if (wait < base - 1000 || wait > base + d->policy->retry.jitter_usec + 1000)
                fail(s, "run %llu: after attempt %u it waits %lld us, expected %lld to %lld", (unsigned long long)r->id,
                     n->attempt, (long long)wait, (long long)base, (long long)(base + d->policy->retry.jitter_usec));
        r->backoff_due = s->now + base;
}

/* Catch-ups in a row, which regular instants join (also when a reload has allowed more meanwhile). */
static bool has_chain(const struct sjob *j)
{
        for (const struct srun *o = j->first; o; o = o->job_next)
                if (o->em.flags & RUN_CHAINED)
                        return true;
        return false;
}

static bool makes_chain(const struct sjob *j, uint64_t before)
{
        for (const struct srun *o = j->first; o; o = o->job_next)
                if (o->id < before && (o->em.flags & RUN_CHAINED) && (o->em.trigger == TRIGGER_CATCH_UP || o->em.trigger == TRIGGER_BACKFILL))
                        return true;
        return false;
}

/* Asked for, of an instant that has passed, in the order asked for; in a chain unless they may overlap. */
static void check_backfill(struct sim *s, const struct srun *r, const struct run_info *n)
{
        const struct sjob *j = r->job;
        const struct command_model *m = s->command_now ? &s->commands[s->command_now - 1] : NULL;

        if (!m || m->c.type != COMMAND_BACKFILL || !streq(m->job, j->name))
                fail(s, "%s: run %llu of the past, and nobody asked for it", j->name, (unsigned long long)r->id);
        if (n->scheduled_at.usec > s->last_wall || n->scheduled_until.usec != n->scheduled_at.usec || n->count != 1)
                fail(s, "%s: run %llu is of no past instant", j->name, (unsigned long long)r->id);
        if (!j->force || !(n->flags & RUN_CHAINED) != (j->force->policy->concurrency == CONCURRENCY_ALLOW))
                fail(s, "%s: run %llu of the past is %sin a chain", j->name, (unsigned long long)r->id, n->flags & RUN_CHAINED ? "" : "not ");
        for (const struct srun *o = j->first; o; o = o->job_next)
                if (o->id < r->id && o->em.trigger == TRIGGER_BACKFILL && o->state_seq == s->store.emitted + 1 &&
                    o->em.scheduled_at.usec >= n->scheduled_at.usec)
                        fail(s, "%s: runs %llu and %llu of the past are not oldest first", j->name, (unsigned long long)o->id,
                             (unsigned long long)r->id);
}

/* With catch_up: skip, so late what passed may still run. */
static int64_t start_within(const struct job *d)
{
        int64_t within = d->policy->starting_deadline_usec >= 0 ? d->policy->starting_deadline_usec : MINUTE;

        return within == USEC_INFINITY ? within : within + d->policy->jitter_usec;
}

/* A run comes into being (or an instant is put aside). */
static void check_new(struct sim *s, struct srun *r, const struct run_info *n)
{
        struct sjob *j = r->job;
        const struct job *d = j->force;
        int64_t late = s->last_wall - n->scheduled_at.usec;
        bool instant = n->trigger != TRIGGER_MANUAL && n->trigger != TRIGGER_BACKFILL;

        if (n->trigger == TRIGGER_BACKFILL)
                check_backfill(s, r, n);
        if (n->trigger == TRIGGER_SCHEDULE && n->state == RUN_QUEUED && !(n->flags & RUN_CHAINED) && makes_chain(j, r->id))
                fail(s, "%s: run %llu of an instant does not join the chain", j->name, (unsigned long long)r->id);
        if (!instant)
                return;
        if (s->degraded)
                fail(s, "%s: an instant is taken up while nothing can be written", j->name);
        if (s->clock_waiting && n->trigger != TRIGGER_BOOT)
                fail(s, "%s: an instant is taken up while the clock is not trusted", j->name);
        if (n->reason != REASON_EXCLUDED && n->reason != REASON_DST)
                j->unit_newest = MAX(j->unit_newest, n->scheduled_until.usec);
        if (n->trigger == TRIGGER_BOOT)
                return;
        if (late < 0)
                fail(s, "%s: an instant %lld us in the future is taken up", j->name, (long long)-late);
        if (!d) {
                if (n->reason != REASON_CHANGED && n->state != RUN_MISSED && n->state != RUN_SKIPPED && !s->in_config)
                        fail(s, "%s: a run of a removed job", j->name);
                return;
        }
        switch (n->state) {
        case RUN_MISSED:
                if (n->reason == REASON_DOWN || n->reason == REASON_CLOCK) {
                        if (d->policy->catch_up == CATCH_UP_ALL && !s->in_config)
                                fail(s, "%s: missed (%s) though all are to be caught up", j->name,
                                     run_reason_name(n->reason));
                        if (d->policy->catch_up == CATCH_UP_LATEST ||
                            (d->policy->catch_up == CATCH_UP_SKIP && s->last_wall - n->scheduled_until.usec <= start_within(d)))
                                j->unit_missed_until = MAX(j->unit_missed_until, n->scheduled_until.usec);
                } else if (n->reason == REASON_LIMIT) {
                        j->unit_limit = true;
                        if (d->policy->catch_up != CATCH_UP_ALL && !s->in_config)
                                fail(s, "%s: missed (limit) without catch_up: all", j->name);
                } else if (n->reason == REASON_DEADLINE) {
                        if (d->policy->starting_deadline_usec == USEC_INFINITY ||
                            late <= d->policy->starting_deadline_usec + d->policy->jitter_usec)
                                if (d->policy->starting_deadline_usec >= 0 && !s->in_config)
                                        fail(s, "%s: missed (deadline), %lld us late", j->name, (long long)late);
                }
                break;
        case RUN_SKIPPED:
                if (n->reason == REASON_PAUSED && !j->em.paused && !(j->paused_changed >= n->scheduled_at.usec))
                        fail(s, "%s: skipped (paused), but it isn't", j->name);
                if (n->reason == REASON_DISABLED && j->em.enabled_override == 1)
                        fail(s, "%s: skipped (disabled), but it is enabled", j->name);
                if (n->reason == REASON_CONCURRENCY) {
                        struct srun *c = srun_find(s, n->cause_run);

                        if (d->policy->concurrency == CONCURRENCY_ALLOW && !has_chain(j))
                                fail(s, "%s: skipped (concurrency) under allow", j->name);
                        if (!n->cause_run || (c && c->job != j) ||
                            (!c && n->cause_run < s->n_runs && !s->settled[n->cause_run].state))
                                fail(s, "%s: skipped (concurrency) because of run %llu", j->name,
                                     (unsigned long long)n->cause_run);
                        if (!c || run_state_ends(c->em.state))
                                fail(s, "%s: skipped (concurrency) because of run %llu, which is over", j->name,
                                     (unsigned long long)n->cause_run);
                }
                break;
        case RUN_WAITING:
        case RUN_QUEUED:
        case RUN_STARTING:
                if (j->em.paused && !j->em.pause_hold && s->step_type != EVENT_COMMAND &&
                    j->paused_changed < n->scheduled_at.usec)
                        fail(s, "%s: a run though it is paused", j->name);
                if ((j->em.enabled_override == 0 || (j->em.enabled_override < 0 && !d->policy->enabled)) &&
                    j->paused_changed != s->last_wall && !s->in_config)
                        fail(s, "%s: a run though it is disabled", j->name);
                if (n->trigger == TRIGGER_CATCH_UP) {
                        if (d->policy->catch_up == CATCH_UP_SKIP && late > start_within(d) && !s->in_config)
                                fail(s, "%s: caught up though catch_up is skip", j->name);
                        if (d->policy->starting_deadline_usec >= 0 && d->policy->starting_deadline_usec != USEC_INFINITY &&
                            late > d->policy->starting_deadline_usec + d->policy->jitter_usec && !s->in_config)
                                fail(s, "%s: caught up %lld us late, past its deadline", j->name, (long long)late);
                        j->unit_chain++;
                }
                if (d->policy->concurrency == CONCURRENCY_FORBID && n->trigger == TRIGGER_SCHEDULE && !(n->flags & RUN_CHAINED) &&
                    n->state != RUN_WAITING)
                        for (const struct srun *o = j->first; o; o = o->job_next)
                                if (o != r && o->id < r->id && !run_state_ends(o->moved) && !stands_apart(&o->em))
                                        fail(s, "%s: run %llu is made while run %llu is %s", j->name,
                                             (unsigned long long)r->id, (unsigned long long)o->id,
                                             run_state_name(o->em.state));
                break;
        case RUN_RUNNING:
        case RUN_BACKOFF:
        case RUN_SUCCEEDED:
        case RUN_FAILED:
        case RUN_TIMED_OUT:
        case RUN_LOST:
        case RUN_CANCELLED:
        case RUN_STATE_NR:
        case RUN_STATE_INVALID:
        default: fail(s, "%s: run %llu begins as %s", j->name, (unsigned long long)r->id, run_state_name(n->state));
        }
}

static void check_new_start(struct sim *s, struct srun *r, const struct run_info *n)
{
        struct sjob *j = r->job;

        s->started_some = true;
        if (r->has_em && n->start <= r->em.start)
                fail(s, "run %llu: start %u after %u", (unsigned long long)r->id, n->start, r->em.start);
        if (s->degraded)
                fail(s, "run %llu is to start while nothing can be written", (unsigned long long)r->id);
        if (s->shutdown)
                fail(s, "run %llu is to start in a shutdown", (unsigned long long)r->id);
        if (r->cancel_asked)
                fail(s, "run %llu is to start though it was cancelled", (unsigned long long)r->id);
        if (!j->force && r->n_a == 0)
                fail(s, "run %llu of a removed job is to start", (unsigned long long)r->id);
        if (r->backoff_due && s->now < r->backoff_due - USEC_PER_MSEC)
                fail(s, "run %llu is retried %lld us early", (unsigned long long)r->id,
                     (long long)(r->backoff_due - s->now));
        r->backoff_due = 0;
        if (attempts_of(r) > 0 && r->has_first_digest && memcmp(r->first_digest, n->digest, 32) != 0)
                fail(s, "run %llu: its retry takes another definition", (unsigned long long)r->id);
        if (attempts_of(r) == 0 && r->n_a == 0 && j->force && memcmp(j->force->digest, n->digest, 32) != 0)
                fail(s, "run %llu starts by a definition that is not in force", (unsigned long long)r->id);
        memcpy(r->first_digest, n->digest, 32);
        r->has_first_digest = true;
        /* One that has begun goes on; a restart may have put another before it, that came to count later. */
        if (!(n->flags & RUN_CHAINED) || r->n_a > 0 || (j->force && j->force->policy->concurrency == CONCURRENCY_ALLOW))
                return;
        for (const struct srun *o = j->first; o; o = o->job_next)
                if (o != r && o->order < r->order && !run_state_ends(o->moved) && !(o->em.flags & RUN_FORCED) && !stands_apart(&o->em))
                        fail(s, "run %llu of a chain is to start before run %llu (%s) is over",
                             (unsigned long long)r->id, (unsigned long long)o->id, run_state_name(o->em.state));
}

/* What this unit says about the job's instants. */
static void unit_of(struct sim *s, struct sjob *j, const struct run_info *n, uint64_t seq)
{
        if (j->unit_seq != seq) {
                j->unit_seq = seq;
                j->unit_missed_until = j->unit_newest = INT64_MIN;
                j->unit_chain = 0;
                j->unit_limit = j->unit_passed = false;
        }
        if (n->trigger == TRIGGER_MANUAL || n->trigger == TRIGGER_BACKFILL || n->trigger == TRIGGER_BOOT || n->created_at.usec > s->last_wall ||
            n->reason == REASON_EXCLUDED || n->reason == REASON_DST)
                return;
        /* After a gap everything up to now has passed, also what would still be on time. */
        if ((n->created_at.usec == s->last_wall || n->state == RUN_MISSED) &&
            (n->scheduled_at.usec < s->last_wall - ON_TIME || n->scheduled_at.usec <= s->loaded_wall))
                j->unit_passed = true;
}

static void check_lateness(struct sim *s, const struct srun *r)
{
        const struct run_info *n = &r->em;
        const struct sjob *j = r->job;

        if (n->created_at.usec != s->last_wall ||
            j->paused_changed == s->last_wall) /* what a pause held back has passed, too */
                return;
        if (n->trigger == TRIGGER_SCHEDULE && (n->state == RUN_WAITING || n->state == RUN_QUEUED || n->state == RUN_STARTING) && j->unit_passed)
                fail(s, "%s: run %llu for an instant %lld us ago, and yet on schedule", j->name,
                     (unsigned long long)r->id, (long long)(s->last_wall - n->scheduled_at.usec));
        if ((n->trigger == TRIGGER_CATCH_UP ||
             (n->state == RUN_MISSED && (n->reason == REASON_DOWN || n->reason == REASON_CLOCK))) &&
            !j->unit_passed)
                fail(s, "%s: run %llu is %s, but its instant is on time (%lld us)", j->name, (unsigned long long)r->id,
                     n->state == RUN_MISSED ? "missed" : "caught up", (long long)(s->last_wall - n->scheduled_at.usec));
}

static void check_run(struct sim *s, const struct row *row, uint64_t seq)
{
        const struct run_info *n = &row->run;
        struct sjob *j = job_by_name(s, n->job);
        struct srun *r;
        bool first, grows;

        if (!j)
                fail(s, "a run of the unknown job %s", n->job ? n->job : "(null)");
        r = srun_get(s, j, n->id);
        if (r->job && r->job != j)
                fail(s, "run %llu changes from %s to %s", (unsigned long long)n->id, r->job->name, j->name);
        r->job = j;
        touch(s, r);
        first = !r->has_em;
        grows = r->has_em && run_state_ends(r->em.state);
        if (grows && (r->em.state != n->state || (n->state != RUN_SKIPPED && n->state != RUN_MISSED) ||
                      n->count <= r->em.count || n->scheduled_until.usec <= r->em.scheduled_until.usec))
                fail(s, "run %llu: a row (%s) after its end (%s)", (unsigned long long)n->id, run_state_name(n->state),
                     run_state_name(r->em.state));
        if (first && run_state_ends(n->state) && r->has_moved && n->state != RUN_SKIPPED && n->state != RUN_MISSED &&
            n->state != RUN_CANCELLED && n->state != RUN_FAILED)
                fail(s, "run %llu is %s at once", (unsigned long long)n->id, run_state_name(n->state));
        if (n->epoch > s->epoch && n->trigger != TRIGGER_MANUAL)
                fail(s, "run %llu: epoch %u, but it is %u", (unsigned long long)n->id, n->epoch, s->epoch);
        trace(s,
              first ? "%s run %lld: new, state %lld, reason %lld, start %lld"
                    : "%s run %lld: state %lld, reason %lld, start %lld",
              j->name, (int64_t)n->id, n->state, n->reason, n->start);
        unit_of(s, j, n, seq);
        if (first)
                check_new(s, r, n);
        if (grows && s->degraded)
                fail(s, "%s: instants are put aside while nothing can be written", j->name);
        if (n->state == RUN_STARTING && (first || r->em.state != RUN_STARTING || r->em.start != n->start)) {
                check_new_start(s, r, n);
                r->start_seq = seq;
        }
        if (n->state == RUN_BACKOFF && (first || r->em.state != RUN_BACKOFF))
                check_backoff(s, r, n);
        if (n->state == RUN_CANCELLED && n->reason == REASON_REMOVED && j->force)
                fail(s, "run %llu: cancelled (removed), but its job is there", (unsigned long long)n->id);
        if (n->state == RUN_CANCELLED && n->reason == REASON_USER && !r->cancel_asked && !r->was_told_to_stop)
                fail(s, "run %llu: cancelled by nobody", (unsigned long long)n->id);
        if (r->has_em && r->in_job_list) {
                s->n_starting -= r->em.state == RUN_STARTING;
                s->n_sent -= r->em.state == RUN_STARTING && r->sent_start == r->em.start;
                s->n_running -= r->em.state == RUN_RUNNING;
        }
        check_after_run(s, j, r, n, seq);
        check_jitter(s, r, n);
        s->newest_run = MAX(s->newest_run, n->id);
        if (first) {
                r->order = r->id << 32;
                r->first_seq = seq;
        } else if (stands_apart(&r->em) && n->state == RUN_QUEUED) {
                check_delayed(s, r, n);
                r->order = (s->newest_before << 32) + s->n_joined; /* ends of waits come before new instants */
        }
        if (first || r->em.state != n->state)
                r->state_seq = seq;
        r->em = *n;
        r->em.job = j->name;
        r->em.user = NULL;
        r->has_em = true;
        if (run_state_ends(n->state))
                srun_unlist(r);
        else {
                srun_list(r);
                s->n_starting += n->state == RUN_STARTING;
                s->n_sent += n->state == RUN_STARTING && r->sent_start == n->start;
                s->n_running += n->state == RUN_RUNNING;
        }
}

static void check_job(struct sim *s, const struct row *row, uint64_t seq)
{
        const struct job_state *n = &row->job;
        struct sjob *j = job_by_name(s, n->name);

        if (!j)
                fail(s, "a row of the unknown job %s", n->name ? n->name : "(null)");
        if (n->epoch > s->epoch)
                fail(s, "%s: epoch %u, but it is %u", j->name, n->epoch, s->epoch);
        if (j->has_em && n->epoch == j->em.epoch && n->watermark.usec < j->em.watermark.usec)
                fail(s, "%s: its watermark goes back by %lld us", j->name,
                     (long long)(j->em.watermark.usec - n->watermark.usec));
        if (n->watermark.usec > s->last_wall + 3 * HOUR && !s->clock_waiting && !s->restart_behind)
                fail(s, "%s: its watermark is in the future", j->name);
        if (n->removed != (j->force == NULL) && s->loaded_wall != INT64_MAX)
                fail(s, "%s: the row says %s", j->name, n->removed ? "removed" : "not removed");
        if (j->has_em && (j->em.paused != n->paused || j->em.enabled_override != n->enabled_override)) {
                bool asked = s->command_now && streq(s->commands[s->command_now - 1].job, j->name);

                if (!asked && (j->em.enabled_override != n->enabled_override || n->paused ||
                               s->last_wall < j->em.pause_until.usec))
                        fail(s, "%s: %s, and nobody asked for it", j->name,
                             j->em.enabled_override != n->enabled_override ? "disabled or enabled"
                             : n->paused                                   ? "paused"
                                                                           : "resumed");
                j->paused_changed = s->last_wall;
        }
        check_after_job(s, j, n, seq);
        trace(s, "%s: row, watermark %lld, epoch %lld, paused %lld, after %lld", j->name, n->watermark.usec / SECOND, n->epoch,
              n->paused, wall_is_never(n->after_base) ? 0 : n->after_base.usec / SECOND);
        j->em = *n;
        j->em.name = j->name;
        if (n->pause_why) {
                strncpy(j->em_why, n->pause_why, sizeof(j->em_why) - 1);
                j->em.pause_why = j->em_why;
        }
        j->has_em = true;
}

void check_row(struct sim *s, const struct row *row, uint64_t seq)
{
        switch (row->type) {
        case ROW_JOB: check_job(s, row, seq); break;
        case ROW_RUN: check_run(s, row, seq); break;
        case ROW_TRANSITION: check_transition(s, row); break;
        case ROW_DEFINITION: break;
        case ROW_FILE:
                if (!s->config_file || !streq(row->file.path, s->config_file->path) ||
                    row->file.size != s->config_file->size ||
                    memcmp(row->file.text, s->config_file->text, row->file.size) != 0)
                        fail(s, "a row of a file that the step did not bring");
                s->saw_file = true;
                break;
        case ROW_BOOT:
                if (!s->new_boot || s->step_type != EVENT_LOADED || !streq(row->boot, "this boot"))
                        fail(s, "a boot is written down that is none");
                s->boot_row_seq = seq;
                break;
        case ROW_NR: fail(s, "a row of no type");
        }
}

static unsigned limit_of(const struct job *d)
{
        return !d ? 0 : d->policy->concurrency != CONCURRENCY_ALLOW ? 1 : d->policy->max_concurrent ? d->policy->max_concurrent : UINT32_MAX;
}

/* By the definition in force, or, for a retry after a reload, by the one it runs by. */
static void check_concurrency(struct sim *s, const struct srun *r)
{
        unsigned others = 0, limit = limit_of(r->job->force), own = limit_of(store_definition(s, r->em.digest));

        if (r->em.flags & RUN_FORCED)
                return;
        for (const struct srun *o = r->job->first; o; o = o->job_next)
                others += o != r && live(o->em.state) && !(o->em.flags & RUN_FORCED);
        if (limit == 0 || (own > limit && r->n_a > 0))
                limit = own;
        if (limit > 0 && others >= limit)
                fail(s, "run %llu is to start beside %u others of %s, %u at once are allowed",
                     (unsigned long long)r->id, others, r->job->name, limit);
}

/* When all rows of the unit were seen. */
void check_unit_end(struct sim *s, uint64_t seq)
{
        for (size_t i = 0; i < s->n_touched; i++) {
                struct srun *r = s->touched[i];
                struct sjob *j = r->job;

                r->touched = false;
                if (!r->has_em)
                        fail(s, "run %llu has a transition and no row", (unsigned long long)r->id);
                if (!r->has_moved || r->moved != r->em.state)
                        fail(s, "run %llu: the row says %s, its transitions say %s", (unsigned long long)r->id,
                             run_state_name(r->em.state), r->has_moved ? run_state_name(r->moved) : "nothing");
                if (r->em.state == RUN_STARTING && r->start_seq == seq)
                        check_concurrency(s, r);
                if (j->unit_seq != seq)
                        continue;
                if (r->first_seq == seq || r->em.state == RUN_MISSED)
                        check_lateness(s, r);
                if (j->unit_missed_until != INT64_MIN && j->unit_newest <= j->unit_missed_until && j->force &&
                    !s->in_config)
                        fail(s, "%s: the newest of the instants that passed is not caught up (catch_up: latest)",
                             j->name);
                if (j->force && j->force->policy->catch_up == CATCH_UP_ALL && j->unit_chain > j->force->policy->catch_up_limit &&
                    !s->in_config)
                        fail(s, "%s: %u are caught up, the limit is %u", j->name, j->unit_chain,
                             j->force->policy->catch_up_limit);
                if (j->unit_limit && j->force && j->unit_chain < j->force->policy->catch_up_limit && !s->in_config)
                        fail(s, "%s: missed (limit) after %u of %u", j->name, j->unit_chain, j->force->policy->catch_up_limit);
        }
        s->n_touched = 0;
        s->newest_before = s->newest_run;
        s->n_joined++;
        if (s->started_some) {
                if (s->n_starting + s->n_running > s->options.max_running)
                        fail(s, "%u runs are running, %u are allowed", s->n_starting + s->n_running,
                             s->options.max_running);
        }
        s->started_some = false;
}

/* ---- the epoch: +1 exactly where the clock was set back by a minute or more */
void check_epoch(struct sim *s, const struct event *ev)
{
        struct engine_stats st;
        /* What was not seen can't repeat: only how far it is behind the latest time that the engine was told counts. */
        int64_t jump = s->high_wall == INT64_MIN ? 0 : ev->wall.usec - s->high_wall;
        bool waited = s->clock_waiting, may = false, must = false, moderate = true;

        engine_get_stats(s->e, &st);
        s->clock_waiting = st.clock_waiting;
        if (jump <= -MINUTE) {
                may = true;
                must = !waited;
                moderate = jump >= -3 * HOUR;
        }
        if (waited && !st.clock_waiting) {
                may = true;
                moderate = false;
        }
        if (ev->type == EVENT_LOADED && s->restart_behind)
                may = true;
        if (s->loaded_wall == INT64_MAX || ev->type == EVENT_LOADED) {
                may = true;
                must = false;
        }
        s->high_wall = MAX(s->high_wall, ev->wall.usec);
        if (st.epoch != s->epoch && !may)
                fail(s, "epoch %u after %u, and the clock is behind by %lld us", st.epoch, s->epoch, (long long)jump);
        if (st.epoch == s->epoch && must)
                fail(s, "the clock was set back by %lld us, and the epoch is still %u", (long long)-jump, st.epoch);
        if (st.epoch == s->epoch)
                return;
        s->count.epochs++;
        s->high_wall = ev->wall.usec;
        trace(s, "%s %lld after %lld, the clock went by %lld", "epoch", st.epoch, s->epoch, jump, 0);
        if (st.epoch >= s->n_epochs) {
                s->epochs = realloc(s->epochs, (st.epoch + 16) * sizeof(*s->epochs));
                assert(s->epochs);
                memset(s->epochs + s->n_epochs, 0, (st.epoch + 16 - s->n_epochs) * sizeof(*s->epochs));
                s->n_epochs = st.epoch + 16;
        }
        s->epoch = st.epoch;
        s->epochs[st.epoch] = (struct epoch_start){ .wall = ev->wall.usec, .moderate = moderate };
}
