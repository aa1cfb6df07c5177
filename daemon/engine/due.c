/* Instants: every one that is due becomes a run, or is covered by a row that says why not. */
#include "engine/internal.h"

static void accounted(struct engine *e, struct ejob *ej, struct wall until)
{
        if (until.usec > ej->watermark.usec)
                ej->watermark = until;
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

/* Makes runs of the newest instants in (from, until], oldest first: at most as many as the limit.  The older are `missed`. */
static void catch_up_all(struct engine *e, struct ejob *ej, struct wall from, struct wall until, uint64_t total)
{
        struct schedule s = job_schedule(ej->def);
        size_t n = 0, limit = (size_t)MIN((uint64_t)ej->def->policy->catch_up_limit, total);
        struct wall *at = engine_realloc(NULL, MAX(limit, 1), sizeof(*at));
        struct wall end = until, first;
        uint32_t flags = ej->def->policy->concurrency == CONCURRENCY_ALLOW ? 0 : RUN_CHAINED;

        while (n < limit && schedule_last(&s, from, ej->fixed_after, end, &at[n]) == 0) {
                end = (struct wall){ at[n].usec - 1 };
                n++;
        }
        if (n < total && schedule_next(&s, from, ej->fixed_after, &first) == 0) {
                struct wall last = first;

                (void)schedule_last(&s, from, ej->fixed_after, end, &last);
                put_aside(e, ej, RUN_MISSED, REASON_LIMIT, first, last, total - n, 0);
        }
        while (n > 0)
                (void)run_create(e, ej, TRIGGER_CATCH_UP, at[--n], flags, UINT32_MAX);
        free(at);
}

/* Instants in (watermark, until] that passed without being taken up. */
static void passed(struct engine *e, struct ejob *ej, struct wall until)
{
        struct schedule s = job_schedule(ej->def);
        struct wall from = ej->watermark, first = ej->next, last, late = WALL_ALWAYS;
        int64_t deadline = ej->def->policy->starting_deadline_usec;
        enum run_reason cause = REASON_DOWN;
        uint64_t total, old = 0;

        if (first.usec > e->jump_from.usec && first.usec <= e->jump_to.usec)
                cause = REASON_CLOCK;
        if (schedule_last(&s, from, ej->fixed_after, until, &last) < 0)
                return;
        total = schedule_count(&s, from, ej->fixed_after, until);

        if (ej->def->policy->catch_up == CATCH_UP_SKIP) {
                put_aside(e, ej, RUN_MISSED, cause, first, last, total, 0);
                return;
        }
        if (deadline >= 0 && deadline != USEC_INFINITY)
                late = (struct wall){ wall_add(e->now, -deadline).usec - ej->def->policy->jitter_usec - 1 };

        if (ej->def->policy->catch_up == CATCH_UP_LATEST) {
                if (total > 1) {
                        struct wall before = first;

                        (void)schedule_last(&s, from, ej->fixed_after, (struct wall){ last.usec - 1 }, &before);
                        put_aside(e, ej, RUN_MISSED, cause, first, before, total - 1, 0);
                }
                if (last.usec <= late.usec)
                        put_aside(e, ej, RUN_MISSED, REASON_DEADLINE, last, last, 1, 0);
                else
                        (void)run_create(e, ej, TRIGGER_CATCH_UP, last,
                                         ej->def->policy->concurrency == CONCURRENCY_ALLOW ? 0 : RUN_CHAINED, UINT32_MAX);
                return;
        }

        if (late.usec >= first.usec) {
                struct wall bound = late.usec < until.usec ? late : until, end = first;

                old = schedule_count(&s, from, ej->fixed_after, bound);
                (void)schedule_last(&s, from, ej->fixed_after, bound, &end);
                put_aside(e, ej, RUN_MISSED, REASON_DEADLINE, first, end, old, 0);
                from = bound;
        }
        if (total > old)
                catch_up_all(e, ej, from, until, total - old);
}

/* Instants in (watermark, until] of a job that is paused or off: one row that grows. */
static void off(struct engine *e, struct ejob *ej, enum run_reason reason, struct wall until)
{
        struct schedule s = job_schedule(ej->def);
        struct wall last;

        if (schedule_last(&s, ej->watermark, ej->fixed_after, until, &last) < 0)
                return;
        put_aside(e, ej, RUN_SKIPPED, reason, ej->next, last, schedule_count(&s, ej->watermark, ej->fixed_after, until), 0);
        accounted(e, ej, last);
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
                        /* Once one was missed, so was everything up to now: `latest` is one run, not two. */
                        passed(e, ej, e->now);
                        accounted(e, ej, e->now);
                        ej->next = instants_next(ej, ej->watermark);
                }
                while (ej->next.usec <= e->now.usec) {
                        regular(e, ej, ej->next);
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
        s = job_schedule(ej->def);
        if (!schedule_has_reboot(&s))
                return;
        delayed = job_delay(ej->def, e->opt.machine, e->now) > 0;
        if (ej->pause)
                reason = REASON_PAUSED;
        else if (!job_enabled(ej))
                reason = REASON_DISABLED;
        else if (!delayed && ej->n_active > 0 && ej->def->policy->concurrency == CONCURRENCY_FORBID)
                reason = REASON_CONCURRENCY;
        if (reason == REASON_NONE) {
                (void)run_create(e, ej, TRIGGER_BOOT, e->now, 0, UINT32_MAX);
                runs_admit(e, ej);
                return;
        }
        range_add(e, ej, TRIGGER_BOOT, RUN_SKIPPED, reason, e->now, e->now, 1, reason == REASON_CONCURRENCY ? ej->first->info.id : 0);
        range_close(ej);
}

/* Instants that a pause holds back, of a schedule that goes away before anybody can decide about them: `missed`. */
void due_drop_held(struct engine *e, struct ejob *ej)
{
        struct schedule s;
        struct wall last;

        if (!ej->def || !ej->pause || !ej->pause->hold || ej->next.usec > e->now.usec)
                return;
        s = job_schedule(ej->def);
        if (schedule_last(&s, ej->watermark, ej->fixed_after, e->now, &last) < 0)
                return;
        put_aside(e, ej, RUN_MISSED, REASON_CHANGED, ej->next, last, schedule_count(&s, ej->watermark, ej->fixed_after, e->now), 0);
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
