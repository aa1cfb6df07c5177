/* Instants: every one that is due becomes a run, or is covered by a row that says why not. */
#include "engine/internal.h"

static void accounted(struct engine *e, struct ejob *ej, struct wall until)
{
        if (until.usec > ej->watermark.usec)
                ej->watermark = until;
        instants_accounted(e, ej);
        out_job(e, ej);
}

/* Instants of the schedule that do not run. */
static void put_aside(struct engine *e, struct ejob *ej, enum run_state state, enum run_reason reason, struct wall from, struct wall until,
               uint64_t count, uint64_t cause)
{
        range_add(e, ej, TRIGGER_SCHEDULE, state, reason, from, until, count, cause);
}

/* An instant that comes in time.  With jitter concurrency is judged when the delay is over (runs.c). */
static void regular(struct engine *e, struct ejob *ej, struct wall at)
{
        const struct job *def = ej->def;
        bool delayed = wall_add(at, job_delay(def, e->opt.machine, at)).usec > e->now.usec;
        enum run_verdict verdict = !delayed ? runs_judge(ej) : runs_delayed_full(ej) ? VERDICT_SKIP : VERDICT_GO;
        struct erun *r;

        if (verdict == VERDICT_SKIP) {
                put_aside(e, ej, RUN_SKIPPED, REASON_CONCURRENCY, at, at, 1, ej->first->info.id);
                return;
        }
        r = run_create(e, ej, TRIGGER_SCHEDULE, at, verdict == VERDICT_JOIN ? RUN_CHAINED : 0, UINT32_MAX);
        if (verdict == VERDICT_JOIN)
                run_join(r);
        else if (!delayed && def->policy->concurrency == CONCURRENCY_REPLACE)
                runs_replace(e, ej, r);
}

/* All of one moment. */
static void in_time(struct engine *e, struct ejob *ej, struct wall at)
{
        struct schedule s = instants_schedule(ej);
        struct schedule_moment m;

        if (!schedule_is_special(&s) ||
            schedule_next_moment(&s, (struct wall){ at.usec - 1 }, ej->fixed_after, &m) < 0) {
                regular(e, ej, at);
                return;
        }
        if (m.dst > 0)
                put_aside(e, ej, RUN_SKIPPED, REASON_DST, at, at, m.dst, 0);
        if (m.excluded)
                put_aside(e, ej, RUN_SKIPPED, REASON_EXCLUDED, at, at, 1, 0);
        if (m.due)
                regular(e, ej, at);
}

/* Of those that passed and would have run, each from the time of a rule up to that of the next one is treated by it. */
struct passing_rule {
        struct wall from;
        enum run_reason reason; /* missed for that; REASON_NONE: a run is made */
};

/* Rows of what passed, for jobs whose instants have several fates: at most so many, before that all are one. */
#define PARTS_MAX 100

struct passing {
        struct engine *e;
        struct ejob *ej;
        struct schedule s;
        struct passing_rule rules[4]; /* in order; the last one's `from` is never */
        uint64_t n_parts, n_seen;
        struct schedule_part old; /* the oldest of too many */
};

/* The first of the newest `limit` in (from, until]. */
static struct wall newest(const struct ejob *ej, const struct schedule *s, struct wall from, struct wall until, uint64_t limit)
{
        struct wall at = WALL_NEVER, end = until;

        while (limit-- > 0 && schedule_last(s, from, ej->fixed_after, end, &at) == 0)
                end = (struct wall){ at.usec - 1 };
        return at;
}

/* Those of one rule, in first … last. */
static void passed_by_rule(struct passing *p, enum run_reason reason, struct wall first, struct wall last)
{
        const struct wall after = { first.usec - 1 };
        uint32_t flags = p->ej->def->policy->concurrency == CONCURRENCY_ALLOW ? 0 : RUN_CHAINED;
        struct wall t = after;

        while (reason == REASON_NONE && schedule_next(&p->s, t, p->ej->fixed_after, &t) == 0 && t.usec <= last.usec)
                (void)run_create(p->e, p->ej, TRIGGER_CATCH_UP, t, flags, UINT32_MAX);
        if (reason == REASON_NONE || schedule_next(&p->s, after, p->ej->fixed_after, &first) < 0 || first.usec > last.usec)
                return;
        (void)schedule_last(&p->s, after, p->ej->fixed_after, last, &last);
        put_aside(p->e, p->ej, RUN_MISSED, reason, first, last, schedule_count(&p->s, after, p->ej->fixed_after, last), 0);
}

static void passed_due(struct passing *p, const struct schedule_part *part)
{
        for (const struct passing_rule *r = p->rules; !wall_is_never(r->from); r++) {
                struct wall first = { MAX(part->first.usec, r->from.usec) },
                            last = { MIN(part->last.usec, r[1].from.usec - 1) };

                if (first.usec == part->first.usec && last.usec == part->last.usec && r->reason != REASON_NONE)
                        put_aside(p->e, p->ej, RUN_MISSED, r->reason, first, last, part->count, 0);
                else if (first.usec <= last.usec)
                        passed_by_rule(p, r->reason, first, last);
        }
}

static void count_part(void *arg, const struct schedule_part *part)
{
        (void)part;
        ((struct passing *)arg)->n_parts++;
}

static void passed_part(void *arg, const struct schedule_part *part)
{
        struct passing *p = arg;
        struct wall runs_from = WALL_NEVER;
        enum run_reason reason = REASON_NONE;

        for (const struct passing_rule *r = p->rules; !wall_is_never(r->from); r++)
                if (r->reason == REASON_NONE)
                        runs_from = r->from;
                else
                        reason = r->reason;
        p->n_seen++;
        if (p->n_parts > PARTS_MAX && p->n_seen <= p->n_parts - PARTS_MAX && part->last.usec < runs_from.usec) {
                if (p->old.count == 0)
                        p->old.first = part->first;
                p->old.last = part->last;
                p->old.count += part->count;
                return;
        }
        if (p->old.count > 0)
                put_aside(p->e, p->ej, RUN_MISSED, reason, p->old.first, p->old.last, p->old.count, 0);
        p->old.count = 0;
        if (part->fate == SCHEDULE_DUE)
                passed_due(p, part);
        else
                put_aside(p->e, p->ej, RUN_SKIPPED, part->fate == SCHEDULE_DST ? REASON_DST : REASON_EXCLUDED, part->first,
                          part->last, part->count, 0);
}

/* Every instant in (watermark, until], by those rules. */
static void pass(struct passing *p, struct wall until)
{
        if (schedule_is_special(&p->s))
                schedule_walk(&p->s, p->ej->watermark, p->ej->fixed_after, until, count_part, p);
        schedule_walk(&p->s, p->ej->watermark, p->ej->fixed_after, until, passed_part, p);
        assert(p->old.count == 0);
}

static void pass_all(struct engine *e, struct ejob *ej, enum run_reason reason, struct wall until)
{
        struct passing p = { .e = e, .ej = ej, .s = instants_schedule(ej),
                             .rules = { { WALL_ALWAYS, reason }, { WALL_NEVER, REASON_NONE } } };

        pass(&p, until);
}

/* Instants in (watermark, until] that passed without being taken up: catch_up decides about those that would have run. */
static void passed(struct engine *e, struct ejob *ej, struct wall until)
{
        struct passing p = { .e = e, .ej = ej, .s = instants_schedule(ej) };
        const struct job_policy *policy = ej->def->policy;
        int64_t deadline = policy->starting_deadline_usec;
        struct wall from = ej->watermark, last, late = WALL_ALWAYS;
        enum run_reason cause = REASON_DOWN;

        if (ej->next.usec > e->jump_from.usec && ej->next.usec <= e->jump_to.usec)
                cause = REASON_CLOCK;
        if (deadline >= 0 && deadline != USEC_INFINITY)
                late = (struct wall){ wall_add(e->now, -deadline).usec - policy->jitter_usec - 1 };
        else if (deadline < 0 && policy->catch_up == CATCH_UP_SKIP)
                late = (struct wall){ wall_add(e->now, -SKIP_DEADLINE_USEC).usec - policy->jitter_usec - 1 };
        if (schedule_last(&p.s, from, ej->fixed_after, until, &last) < 0 ||
            (policy->catch_up == CATCH_UP_SKIP && last.usec <= late.usec)) {
                pass_all(e, ej, cause, until);
                return;
        }
        if (policy->catch_up != CATCH_UP_ALL) {
                p.rules[0] = (struct passing_rule){ WALL_ALWAYS, cause };
                p.rules[1] = (struct passing_rule){ last, last.usec <= late.usec ? REASON_DEADLINE : REASON_NONE };
                p.rules[2].from = WALL_NEVER;
        } else {
                struct wall after = { MAX(late.usec, from.usec) };

                p.rules[0] = (struct passing_rule){ WALL_ALWAYS, REASON_DEADLINE };
                p.rules[1] = (struct passing_rule){ { after.usec + 1 }, REASON_LIMIT };
                p.rules[2] = (struct passing_rule){ newest(ej, &p.s, after, until, policy->catch_up_limit), REASON_NONE };
                p.rules[3].from = WALL_NEVER;
        }
        pass(&p, until);
}

static void sum_part(void *arg, const struct schedule_part *part)
{
        struct schedule_part *all = arg;

        all->last = part->last;
        all->count += part->count;
}

/* Instants in (watermark, until] of a job that is paused or off: one row that grows. */
static void off(struct engine *e, struct ejob *ej, enum run_reason reason, struct wall until)
{
        struct schedule s = instants_schedule(ej);
        struct schedule_part all = { .count = 0 };

        schedule_walk(&s, ej->watermark, ej->fixed_after, until, sum_part, &all);
        if (all.count == 0)
                return;
        put_aside(e, ej, RUN_SKIPPED, reason, ej->next, all.last, all.count, 0);
        accounted(e, ej, all.last);
}

/* The end of a pause: its instants are accounted for up to there; what was held back passed, and catch_up decides about it. */
void due_resume(struct engine *e, struct ejob *ej)
{
        bool hold = ej->pause->hold, due = ej->next.usec <= e->now.usec && !e->clock_waiting;

        if (!hold && due)
                off(e, ej, REASON_PAUSED, ej->pause->until.usec < e->now.usec ? ej->pause->until : e->now);
        free(ej->pause->why);
        free(ej->pause);
        ej->pause = NULL;
        range_close(ej);
        out_job(e, ej);
        runs_release(e, ej);
        if (hold && due && job_enabled(ej)) {
                passed(e, ej, e->now);
                accounted(e, ej, e->now);
                runs_admit(e, ej);
        }
        instants_arm(e, ej);
}

/* Everything of this job that is due at `now`. */
void due_take_up(struct engine *e, struct ejob *ej)
{
        struct wall late = { e->now.usec - LATE_MAX_USEC - 1 };

        if (ej->def && ej->pause && ej->pause->until.usec <= e->now.usec && !e->clock_waiting)
                due_resume(e, ej);
        if (!ej->def || ej->next.usec > e->now.usec || e->clock_waiting || (ej->pause && ej->pause->hold))
                return;
        if (ej->pause) {
                off(e, ej, REASON_PAUSED, e->now);
        } else if (!job_enabled(ej)) {
                off(e, ej, REASON_DISABLED, e->now);
        } else {
                if (late.usec < e->up_since.usec)
                        late = e->up_since.usec < e->now.usec ? e->up_since : e->now;
                if (ej->next.usec <= late.usec) {
                        /* Once one was missed, so was everything up to now: `latest` is one run, not two.  What was not
                         * to run anyway is no such miss. */
                        struct wall until = instants_due(e, ej).usec <= late.usec ? e->now : late;

                        passed(e, ej, until);
                        accounted(e, ej, until);
                        ej->next = instants_next(ej, ej->watermark);
                }
                while (ej->next.usec <= e->now.usec) {
                        in_time(e, ej, ej->next);
                        accounted(e, ej, ej->next);
                        ej->next = instants_next(ej, ej->watermark);
                }
        }
        instants_arm(e, ej);
        runs_admit(e, ej);
}

/* @reboot: its instant is the moment of the start, its trigger a kind of its own; no other instant joins its row. */
void due_boot(struct engine *e, struct ejob *ej)
{
        enum run_reason reason = REASON_NONE;
        struct schedule s;
        bool delayed;

        if (!ej->def || ej->def->policy->blocked)
                return;
        s = instants_schedule(ej);
        if (!schedule_has_reboot(&s))
                return;
        delayed = job_delay(ej->def, e->opt.machine, e->now) > 0;
        if (ej->pause)
                reason = REASON_PAUSED;
        else if (!job_enabled(ej))
                reason = REASON_DISABLED;
        else if (schedule_excluded_by(&s, e->now))
                reason = REASON_EXCLUDED;
        else if (!delayed && ej->n_active > 0 && ej->def->policy->concurrency == CONCURRENCY_FORBID)
                reason = REASON_CONCURRENCY;
        if (reason == REASON_NONE) {
                (void)run_create(e, ej, TRIGGER_BOOT, e->now, 0, UINT32_MAX);
                instants_arm(e, ej);
                runs_admit(e, ej);
                return;
        }
        range_add(e, ej, TRIGGER_BOOT, RUN_SKIPPED, reason, e->now, e->now, 1, reason == REASON_CONCURRENCY ? ej->first->info.id : 0);
        range_close(ej);
}

/* Instants that a pause holds back, of a schedule that goes away before anybody can decide about them: `missed`. */
void due_drop_held(struct engine *e, struct ejob *ej)
{
        if (!ej->def || !ej->pause || !ej->pause->hold || ej->next.usec > e->now.usec)
                return;
        pass_all(e, ej, REASON_CHANGED, e->now);
        range_close(ej);
        accounted(e, ej, e->now);
}

/* Takes up what is due, at most a batch: the caller sees from engine_timeout() that there is more. */
void due_process(struct engine *e)
{
        for (unsigned n = 0; n < DUE_BATCH; n++) {
                struct ejob *ej = heap_top(&e->due);

                if (!ej || ej->wake.usec > e->now.usec)
                        return;
                if (ej->pause && ej->pause->until.usec <= e->now.usec)
                        due_resume(e, ej);
                else
                        due_take_up(e, ej);
        }
}
