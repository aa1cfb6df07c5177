/* The life of a run: made, let through by its job's concurrency, started when there is room, ended or tried again. */
#include "engine/internal.h"

#include <sys/wait.h>

/* ---- states */

static uint32_t *state_counter(struct engine *e, enum run_state s)
{
        switch ((int)s) {
        case RUN_QUEUED:
                return &e->n_queued;
        case RUN_STARTING:
                return &e->n_starting;
        case RUN_RUNNING:
                return &e->n_running;
        case RUN_BACKOFF:
                return &e->n_backoff;
        default:
                return NULL;
        }
}

static void count_state(struct engine *e, enum run_state s, int by)
{
        uint32_t *n = state_counter(e, s);

        if (n)
                *n += (uint32_t)by;
}

/* The only writer of a run's state. */
void run_move(struct engine *e, struct erun *r, enum run_state state, enum run_reason reason)
{
        assert(run_state_may_become(r->info.state, state));
        count_state(e, r->info.state, -1);
        if (r->info.state == RUN_STARTING && r->start_sent)
                e->n_sent--;
        r->info.state = state;
        r->info.reason = reason;
        count_state(e, state, 1);
        out_transition(e, &r->info);
        out_run(e, r);
        out_publish(e, &r->info, r->def);
}

/* Active ones stand in order of their coming, behind them those apart. */
bool run_makes_chain(const struct run_info *r)
{
        return (r->flags & RUN_CHAINED) && (r->trigger == TRIGGER_CATCH_UP || r->trigger == TRIGGER_BACKFILL);
}

static void link_run(struct ejob *ej, struct erun *r)
{
        struct erun *before = ej->last;

        if (r->apart) {
                before = ej->last ?: ej->first;
                while (before && before->next)
                        before = before->next;
        }
        r->prev = before;
        r->next = before ? before->next : ej->first;
        if (r->next)
                r->next->prev = r;
        if (before)
                before->next = r;
        else
                ej->first = r;
        if (!r->apart) {
                ej->last = r;
                ej->n_active++;
        }
        if (run_makes_chain(&r->info))
                ej->n_catch_up++;
        range_close(ej);
}

static void unlink_run(struct ejob *ej, struct erun *r)
{
        if (r->prev)
                r->prev->next = r->next;
        else
                ej->first = r->next;
        if (r->next)
                r->next->prev = r->prev;
        if (ej->last == r)
                ej->last = r->prev;
        if (!r->apart)
                ej->n_active--;
        if (r->admitted && !(r->info.flags & RUN_FORCED))
                ej->n_admitted--;
        if (r->joined)
                ej->n_joined--;
        if (run_makes_chain(&r->info))
                ej->n_catch_up--;
}

/* What the job's concurrency says to an instant that comes, or whose delay is over. */
enum run_verdict runs_judge(const struct ejob *ej)
{
        const struct job *def = ej->def;

        if (ej->n_catch_up > 0)
                return ej->n_joined >= MAX(def->policy->catch_up_limit, 1) ? VERDICT_SKIP : VERDICT_JOIN;
        if (ej->n_active > 0 &&
            (def->policy->concurrency == CONCURRENCY_FORBID || (def->policy->concurrency == CONCURRENCY_QUEUE && ej->n_active > 1)))
                return VERDICT_SKIP;
        return VERDICT_GO;
}

/* A regular instant waits at the end of a chain of catch-ups. */
void run_join(struct erun *r)
{
        r->info.flags |= RUN_CHAINED;
        r->joined = true;
        r->ej->n_joined++;
}

bool runs_delayed_full(const struct ejob *ej)
{
        unsigned n = 0;

        for (const struct erun *r = ej->last ? ej->last->next : ej->first; r && n < DELAYED_MAX; r = r->next)
                n++;
        return n >= DELAYED_MAX;
}

static void take_definition(struct engine *e, struct erun *r, struct job *def)
{
        out_hold(e, r->def);
        r->def = job_ref(def);
        r->info.user = def->policy->user;
        memcpy(r->info.digest, def->digest, sizeof(r->info.digest));
}

static struct erun *run_alloc(struct ejob *ej)
{
        struct erun *r = engine_alloc(sizeof(*r));

        r->ej = ej;
        r->ready_index = r->deadline_index = HEAP_NONE;
        r->deadline = r->fault_since = r->first_started = MONO_NEVER;
        return r;
}

static void wait_until(struct engine *e, struct erun *r, struct mono when)
{
        r->deadline = when;
        if (!heap_put(&e->deadlines, r->deadline.usec, r))
                abort();
}

/* When jitter lets a run start: so long after its instant as was planned.  A catch-up whose moment has passed is delayed
 * from now on, so that machines that come up together do not start together. */
static struct wall delay_end(const struct engine *e, const struct erun *r)
{
        int64_t delay = job_delay(r->def, e->opt.machine, r->info.scheduled_at);
        struct wall end = wall_add(r->info.scheduled_at, delay);

        if (r->info.trigger == TRIGGER_CATCH_UP && end.usec < r->info.created_at.usec)
                end = wall_add(r->info.created_at, delay);
        return end;
}

static bool delay(struct engine *e, struct erun *r)
{
        struct wall end;

        if (r->def->policy->jitter_usec <= 0 || r->info.trigger == TRIGGER_MANUAL || r->info.trigger == TRIGGER_BACKFILL)
                return false;
        end = delay_end(e, r);
        if (end.usec <= e->now.usec)
                return false;
        r->info.state = RUN_WAITING;
        r->info.reason = REASON_JITTER;
        r->info.retry_at = end;
        r->apart = r->info.trigger != TRIGGER_CATCH_UP;
        wait_until(e, r, mono_add(e->mono, end.usec - e->now.usec));
        return true;
}

/* A definition came into force during the delay: its jitter counts, from the instant on. */
void run_delay_follow(struct engine *e, struct erun *r)
{
        if (r->info.state != RUN_WAITING)
                return;
        r->info.retry_at = delay_end(e, r);
        if (!e->loaded || r->held)
                return;
        wait_until(e, r, mono_add(e->mono, MAX(r->info.retry_at.usec - e->now.usec, 0)));
}

struct erun *run_create(struct engine *e, struct ejob *ej, enum run_trigger trigger, struct wall at, uint32_t flags, uint32_t by_uid)
{
        struct erun *r = run_alloc(ej);

        r->info = (struct run_info){
                .id = e->next_run++, .job_id = ej->id, .job = ej->name, .state = RUN_QUEUED, .trigger = trigger,
                .flags = flags, .epoch = ej->epoch, .scheduled_at = at, .scheduled_until = at,
                .count = wall_is_never(at) ? 0 : 1, .created_at = e->now, .queued_at = e->now, .started_at = WALL_NEVER,
                .first_started_at = WALL_NEVER, .ended_at = WALL_NEVER, .retry_at = WALL_NEVER,
                .wait_status = RUN_NO_STATUS, .by_uid = by_uid,
        };
        r->order = e->next_order++;
        take_definition(e, r, ej->def);
        (void)delay(e, r);
        slot_add(e, r);
        link_run(ej, r);
        count_state(e, r->info.state, 1);
        if (!ej->definition_stored) {
                struct row row = { .type = ROW_DEFINITION, .definition = r->def };

                ej->definition_stored = true;
                out_row(e, &row);
        }
        out_transition(e, &r->info);
        out_run(e, r);
        out_publish(e, &r->info, r->def);
        return r;
}

/* A run as the store knows it.  What it becomes is decided at LOADED, and by what the runner finds. */
struct erun *run_restore(struct engine *e, struct ejob *ej, const struct run_info *info, struct job *def)
{
        struct erun *r = run_alloc(ej);

        r->info = *info;
        r->info.job = ej->name;
        r->info.job_id = ej->id;
        r->def = def ? job_ref(def) : job_new();
        if (!r->def)
                abort();
        r->no_retry = !def;
        r->info.user = r->def->policy->user;
        r->order = e->next_order++;
        r->start_sent = info->state == RUN_STARTING || info->state == RUN_RUNNING;
        /* Who stopped it is not kept; that it was stopped is. */
        r->stop_reason = info->flags & RUN_STOPPING ? (info->cause_run ? REASON_REPLACED : REASON_USER) : REASON_NONE;
        r->admitted = r->start_sent || info->state == RUN_BACKOFF;
        r->apart = info->state == RUN_WAITING && info->trigger != TRIGGER_CATCH_UP;
        slot_add(e, r);
        link_run(ej, r);
        if (r->admitted && !(r->info.flags & RUN_FORCED))
                ej->n_admitted++;
        if (info->trigger == TRIGGER_SCHEDULE && (info->flags & RUN_CHAINED)) {
                r->joined = true;
                ej->n_joined++;
        }
        count_state(e, info->state, 1);
        if (info->state == RUN_STARTING)
                e->n_sent++;
        return r;
}

void run_free(struct erun *r)
{
        job_unref(r->def);
        free(r);
}

/* ---- the job's concurrency */

static uint32_t admit_limit(const struct ejob *ej)
{
        const struct job *def = ej->def ? ej->def : ej->first->def;

        if (def->policy->concurrency == CONCURRENCY_ALLOW)
                return def->policy->max_concurrent > 0 ? def->policy->max_concurrent : UINT32_MAX;
        return 1;
}

static void make_ready(struct engine *e, struct erun *r)
{
        if (!heap_put(&e->ready, (int64_t)r->order, r))
                abort();
}

/* Lets the oldest runs through that the job's concurrency allows; the others wait, and say for what. */
void runs_admit(struct engine *e, struct ejob *ej)
{
        bool told, held = false;
        uint32_t limit;

        if (!e->loaded || !ej->last)
                return;
        limit = admit_limit(ej);
        told = ej->last->admitted || (ej->last->info.reason != REASON_NONE && ej->last->info.state != RUN_WAITING);
        for (struct erun *r = ej->first; r && !r->apart; r = r->next) {
                bool forced = r->info.flags & RUN_FORCED, chained = r->info.flags & RUN_CHAINED;

                if (r->admitted)
                        continue;
                if (r->info.state == RUN_WAITING) { /* a catch-up: it keeps its place during the delay */
                        held = held || chained;
                        continue;
                }
                if (forced || (!held && ej->n_admitted < limit && (!chained || r == ej->first))) {
                        r->admitted = true;
                        if (!forced)
                                ej->n_admitted++;
                        r->info.reason = REASON_NONE;
                        make_ready(e, r);
                        continue;
                }
                if (held && told)
                        break; /* everything behind it has been told before */
                held = true;
                if (r->info.reason != REASON_NONE)
                        continue;
                r->info.reason = chained ? REASON_CHAIN : REASON_CONCURRENCY;
                r->info.cause_run = r->prev ? r->prev->info.id : 0;
                out_run(e, r);
        }
}

/* Its job's concurrency may have changed: one that has not started is judged again. */
void run_readmit(struct engine *e, struct erun *r)
{
        if (!r->admitted || (r->info.flags & RUN_FORCED))
                return;
        heap_remove(&e->ready, r);
        r->admitted = false;
        r->ej->n_admitted--;
}

/* `replace`: everything older makes room for `by`. */
void runs_replace(struct engine *e, struct ejob *ej, struct erun *by)
{
        struct erun *next;

        for (struct erun *r = ej->first; r && r != by; r = next) {
                next = r->next;
                r->info.cause_run = by->info.id;
                run_stop(e, r, REASON_REPLACED, UINT32_MAX);
        }
}

/* ---- starting */

/* What is left for an attempt: its timeout, cut by what is left of total_timeout. */
static int64_t attempt_timeout(const struct engine *e, const struct erun *r, bool *ret_total)
{
        int64_t timeout = r->def->policy->timeout_usec, left;

        *ret_total = false;
        if (r->def->policy->total_timeout_usec == USEC_INFINITY)
                return timeout;
        left = r->def->policy->total_timeout_usec;
        if (!mono_is_never(r->first_started))
                left -= e->mono.usec - r->first_started.usec;
        left = MAX(left, USEC_PER_MSEC);
        if (left < timeout) {
                timeout = left;
                *ret_total = true;
        }
        return timeout;
}

static void start(struct engine *e, struct erun *r)
{
        struct action a = { .type = ACTION_START, .seq = r->info.id };

        r->info.start++;
        r->info.cause_run = 0;
        r->start_sent = false;
        run_move(e, r, RUN_STARTING, REASON_NONE);
        a.start.attempt = r->info.start;
        out_after_store(e, &a, NULL, false);
}

/* Writes down the starts of what comes next, in the order of the queue. */
void runs_start(struct engine *e)
{
        struct erun *r;

        if (!e->loaded || e->degraded || e->shutdown || e->n_starting - e->n_sent > START_AHEAD / 2)
                return;
        while ((r = heap_top(&e->ready)) && e->n_starting + e->n_running < e->opt.max_running &&
               e->n_starting - e->n_sent < START_AHEAD) {
                heap_remove(&e->ready, r);
                start(e, r);
        }
}

/* Hands starts to the runner, so many at a time as may be starting.  One that was cancelled meanwhile is passed over. */
void runs_launch(struct engine *e)
{
        while (e->n_launch > 0 && e->n_sent < e->opt.max_starting && !e->degraded && !e->shutdown) {
                const struct launch *l = &e->launch[e->launch_head];
                struct erun *r = run_find(e, l->run);
                uint32_t start_nr = l->start;
                struct action a = { .type = ACTION_START };

                e->launch_head = (e->launch_head + 1) % e->launch_allocated;
                e->n_launch--;
                if (!r || r->info.state != RUN_STARTING || r->start_sent || r->info.start != start_nr)
                        continue;
                r->start_sent = true;
                e->n_sent++;
                a.start.run = &r->info;
                a.start.job = r->def;
                a.start.last_success = r->ej->last_success;
                a.start.attempt = r->info.attempt + 1;
                a.start.timeout_usec = attempt_timeout(e, r, &a.start.timeout_is_total);
                out_now(e, &a);
        }
}

/* ---- ends */

static void forget(struct engine *e, const struct erun *r)
{
        struct action a = { .type = ACTION_FORGET, .forget = { .run = r->info.id, .start = r->info.start } };

        if (r->start_sent)
                out_after_store(e, &a, NULL, false);
}

/* The last unfinished run of a job is over: @after counts from there. */
static void after_end(struct engine *e, struct ejob *ej, struct wall ended)
{
        if (!ej->after || ej->first)
                return;
        instants_begin(e, ej, ended.usec < e->now.usec ? ended : e->now);
        if (e->loaded)
                instants_arm(e, ej);
}

void run_end(struct engine *e, struct erun *r, enum run_state state, enum run_reason reason)
{
        struct ejob *ej = r->ej;
        struct wall ended;

        assert(run_state_ends(state));
        heap_remove(&e->ready, r);
        heap_remove(&e->deadlines, r);
        /* An attempt's end is known from its record; a run that ends while none is alive ends now. */
        if (wall_is_never(r->info.ended_at) || r->info.state == RUN_QUEUED || r->info.state == RUN_BACKOFF)
                r->info.ended_at = e->now;
        r->info.retry_at = WALL_NEVER;
        if (state == RUN_SUCCEEDED && r->info.ended_at.usec > ej->last_success.usec) {
                ej->last_success = r->info.ended_at;
                out_job(e, ej);
        }
        run_move(e, r, state, reason);
        forget(e, r);
        out_run_now(e, r);
        unlink_run(ej, r);
        slot_remove(e, r);
        ended = r->info.ended_at;
        out_hold(e, TAKE_PTR(r->def));
        run_free(r);
        after_end(e, ej, ended);
        runs_admit(e, ej);
}

/* Seconds to wait before attempt number `attempts` + 1: retry's backoff and jitter. */
static int64_t backoff_usec(const struct engine *e, const struct erun *r)
{
        const struct job_retry *t = &r->def->policy->retry;
        int64_t max = MAX(t->max_delay_usec, t->delay_usec);
        double delay = (double)t->delay_usec;
        uint64_t x;

        if (t->backoff == BACKOFF_LINEAR)
                delay *= r->info.attempt;
        else if (t->backoff == BACKOFF_EXPONENTIAL)
                for (uint32_t i = 1; i < r->info.attempt && delay < (double)max; i++)
                        delay *= t->factor;
        if (delay > (double)max)
                delay = (double)max;
        if (t->jitter_usec <= 0)
                return (int64_t)delay;
        /* splitmix64: the same after a restart. */
        x = e->opt.seed + r->info.id * UINT64_C(0x9e3779b97f4a7c15) + r->info.attempt;
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
        return (int64_t)delay + (int64_t)(x % ((uint64_t)t->jitter_usec + 1));
}

static bool retry_wanted(const struct erun *r, enum run_state state, enum run_reason reason)
{
        const struct job_retry *t = &r->def->policy->retry;
        uint64_t bit = state == RUN_LOST ? RETRY_BIT(REASON_SUPERVISOR) : RETRY_BIT(reason);

        if (r->no_retry || (r->info.flags & RUN_STOPPING && reason != REASON_SHUTDOWN) || !(t->reasons & bit))
                return false;
        if (reason == REASON_EXIT && t->exit_codes && !code_set_has(t->exit_codes, (unsigned)run_exit_code(&r->info)))
                return false;
        return true;
}

static struct mono total_deadline(const struct erun *r)
{
        return mono_is_never(r->first_started) ? MONO_NEVER : mono_add(r->first_started, r->def->policy->total_timeout_usec);
}

/* An attempt ended otherwise than well: another one, or the end. */
static void attempt_failed(struct engine *e, struct erun *r, enum run_state state, enum run_reason reason)
{
        int64_t delay;
        struct mono due, total;

        if (!retry_wanted(r, state, reason)) {
                run_end(e, r, state, reason);
                return;
        }
        if (r->info.attempt > r->def->policy->retry.limit) {
                if (r->def->policy->retry.limit > 0)
                        r->info.flags |= RUN_DEAD;
                run_end(e, r, state, reason);
                return;
        }
        delay = backoff_usec(e, r);
        due = mono_add(e->mono, delay);
        total = total_deadline(r);
        r->info.flags &= ~(uint32_t)RUN_STOPPING;
        r->info.retry_at = wall_add(e->now, delay);
        forget(e, r);
        run_move(e, r, RUN_BACKOFF, reason);
        r->start_sent = false;
        wait_until(e, r, total.usec < due.usec ? total : due);
}

/* Fault of the machine: not an attempt; back into the queue for a while. */
static void fault(struct engine *e, struct erun *r)
{
        int64_t delay = FAULT_FIRST_USEC;

        if (mono_is_never(r->fault_since))
                r->fault_since = e->mono;
        if (e->mono.usec - r->fault_since.usec >= FAULT_GIVE_UP_USEC) {
                run_end(e, r, RUN_FAILED, REASON_SPAWN);
                return;
        }
        for (unsigned i = 0; i < r->faults && delay < FAULT_MAX_USEC; i++)
                delay *= 2;
        r->faults++;
        delay = MIN(delay, FAULT_MAX_USEC);
        forget(e, r);
        run_move(e, r, RUN_QUEUED, REASON_FAULT);
        r->start_sent = false;
        wait_until(e, r, mono_add(e->mono, delay));
}

/* How late a start may be that was put off, counted from the end of the jitter. */
static int64_t start_within(const struct erun *r)
{
        struct schedule s = job_schedule(r->def);
        struct wall next;

        if (r->def->policy->starting_deadline_usec >= 0)
                return r->def->policy->starting_deadline_usec;
        if (r->def->policy->catch_up == CATCH_UP_SKIP)
                return SKIP_DEADLINE_USEC;
        if (r->def->policy->catch_up == CATCH_UP_ALL || r->info.trigger != TRIGGER_SCHEDULE ||
            schedule_next(&s, r->info.scheduled_at, WALL_ALWAYS, &next) < 0)
                return USEC_INFINITY;
        return next.usec - r->info.scheduled_at.usec;
}

static bool start_is_late(const struct engine *e, const struct erun *r)
{
        struct wall from = r->info.trigger == TRIGGER_CATCH_UP ? r->info.created_at : r->info.scheduled_at;
        int64_t within = start_within(r);

        from = wall_add(from, r->def->policy->jitter_usec);
        return e->now.usec > wall_add(from, within == USEC_INFINITY ? within : MAX(within, LATE_MAX_USEC)).usec;
}

/* The jitter is over: now pause, deadline and concurrency are judged. */
static void delay_over(struct engine *e, struct erun *r)
{
        struct ejob *ej = r->ej;
        enum run_verdict verdict = r->apart ? runs_judge(ej) : VERDICT_GO;
        bool apart = r->apart;

        if (ej->pause && ej->pause->hold) {
                r->held = true;
                return;
        }
        if (ej->pause)
                r->info.by_uid = ej->pause->by;
        if (ej->pause || !job_enabled(ej) || ej->def->policy->blocked) {
                run_end(e, r, RUN_SKIPPED, ej->pause ? REASON_PAUSED : !job_enabled(ej) ? REASON_DISABLED : REASON_DEFINITION);
                return;
        }
        if (start_is_late(e, r)) {
                run_end(e, r, RUN_MISSED, REASON_DEADLINE);
                return;
        }
        if (verdict == VERDICT_SKIP) {
                r->info.cause_run = ej->first->info.id;
                run_end(e, r, RUN_SKIPPED, REASON_CONCURRENCY);
                return;
        }
        if (apart) {
                unlink_run(ej, r);
                r->apart = false;
                r->order = e->next_order++;
                link_run(ej, r);
        }
        if (verdict == VERDICT_JOIN)
                run_join(r);
        r->info.retry_at = WALL_NEVER;
        r->info.queued_at = e->now;
        run_move(e, r, RUN_QUEUED, REASON_NONE);
        if (apart && verdict == VERDICT_GO && r->def->policy->concurrency == CONCURRENCY_REPLACE)
                runs_replace(e, ej, r);
        runs_admit(e, ej);
}

/* The end of a pause: what it held back is judged now. */
void runs_release(struct engine *e, struct ejob *ej)
{
        for (struct erun *r = ej->first; r; r = r->next)
                if (r->held) {
                        r->held = false;
                        wait_until(e, r, e->mono);
                }
}

/* Waits that are over.  Ends and deadlines come before new instants. */
void runs_deadlines(struct engine *e)
{
        struct erun *r;

        if (!e->loaded || e->shutdown)
                return;
        while ((r = heap_top(&e->deadlines)) && r->deadline.usec <= e->mono.usec) {
                struct mono total = total_deadline(r);

                heap_remove(&e->deadlines, r);
                r->deadline = MONO_NEVER;
                if (r->info.state == RUN_WAITING) {
                        delay_over(e, r);
                        continue;
                }
                if (r->info.state == RUN_BACKOFF) {
                        if (total.usec <= e->mono.usec) {
                                run_end(e, r, RUN_TIMED_OUT, REASON_TOTAL_TIMEOUT);
                                continue;
                        }
                        r->info.retry_at = WALL_NEVER;
                        run_move(e, r, RUN_QUEUED, REASON_RETRY);
                }
                make_ready(e, r);
        }
}

static void send_stop(struct engine *e, struct erun *r)
{
        struct action a = {
                .type = ACTION_STOP,
                .stop = { .run = r->info.id, .start = r->info.start, .signal = r->def->policy->kill_signal,
                          .grace_usec = r->def->policy->kill_timeout_usec, .reason = r->stop_reason },
        };

        if (e->degraded)
                out_now(e, &a);
        else
                out_after_store(e, &a, NULL, true);
}

/* Ends a run before its time.  One that has not been handed to the runner ends here and now (and is gone when this returns). */
void run_stop(struct engine *e, struct erun *r, enum run_reason reason, uint32_t by_uid)
{
        if (r->info.flags & RUN_STOPPING)
                return;
        if (by_uid != UINT32_MAX)
                r->info.by_uid = by_uid;
        if (!r->start_sent) {
                run_end(e, r, RUN_CANCELLED, reason);
                return;
        }
        r->info.flags |= RUN_STOPPING;
        r->stop_reason = reason;
        out_run(e, r);
        out_publish(e, &r->info, r->def);
        /* One that is starting is told when its command runs. */
        if (r->info.state == RUN_RUNNING)
                send_stop(e, r);
}

/* ---- answers of the runner.  One with an old number of start is of an attempt that is over: ignored. */

static struct erun *answered(struct engine *e, const struct event *ev)
{
        struct erun *r = run_find(e, ev->attempt.run);

        if (!r || r->info.start != ev->attempt.start || !r->start_sent ||
            (r->info.state != RUN_STARTING && r->info.state != RUN_RUNNING))
                return NULL;
        return r;
}

static void reached_command(struct engine *e, struct erun *r, struct wall at)
{
        if (r->info.state != RUN_STARTING)
                return;
        r->info.attempt++;
        r->info.started_at = wall_is_never(at) ? e->now : at;
        r->info.ended_at = WALL_NEVER;
        r->info.wait_status = RUN_NO_STATUS;
        r->info.stage = STAGE_NONE;
        r->info.error = 0;
        r->info.usage = (struct usage){ 0 };
        r->fault_since = MONO_NEVER;
        r->faults = 0;
        if (mono_is_never(r->first_started)) {
                r->first_started = e->mono;
                r->info.first_started_at = r->info.started_at;
        }
        run_move(e, r, RUN_RUNNING, REASON_NONE);
}

void run_started(struct engine *e, const struct event *ev)
{
        struct erun *r = answered(e, ev);

        if (!r)
                return;
        reached_command(e, r, ev->attempt.at);
        /* Also for one that was found running after a restart: the word to stop may have been lost. */
        if (r->info.flags & RUN_STOPPING)
                send_stop(e, r);
}

void run_start_failed(struct engine *e, const struct event *ev)
{
        struct erun *r = answered(e, ev);

        if (!r || r->info.state != RUN_STARTING)
                return;
        r->info.stage = (uint8_t)ev->attempt.stage;
        r->info.error = ev->attempt.error;
        /* A shutdown stops what runs, and nothing ran: the next daemon goes on with it, as with those in the queue. */
        if (r->stop_reason == REASON_SHUTDOWN)
                r->info.flags &= ~(uint32_t)RUN_STOPPING;
        if (r->info.flags & RUN_STOPPING) {
                run_end(e, r, RUN_CANCELLED, r->stop_reason);
        } else if (ev->attempt.fault) {
                fault(e, r);
        } else if (ev->attempt.stage == STAGE_NONE) {
                forget(e, r);
                run_move(e, r, RUN_QUEUED, REASON_NONE);
                r->start_sent = false;
                make_ready(e, r);
        } else {
                r->info.attempt++;
                r->info.started_at = WALL_NEVER;
                r->info.ended_at = wall_is_never(ev->attempt.at) ? e->now : ev->attempt.at;
                r->info.wait_status = RUN_NO_STATUS;
                r->info.usage = (struct usage){ 0 };
                if (mono_is_never(r->first_started)) {
                        r->first_started = e->mono;
                        r->info.first_started_at = r->info.ended_at;
                }
                attempt_failed(e, r, RUN_FAILED, REASON_SPAWN);
        }
}

/* What an end means: by the kernel's status, unless it came because we, or a timeout, asked for it. */
static enum run_state judge(const struct erun *r, enum end_cause cause, enum run_reason *ret_reason)
{
        int code = run_exit_code(&r->info);
        bool good = code >= 0 && (r->def->policy->success_codes ? code_set_has(r->def->policy->success_codes, (unsigned)code) : code == 0);

        if (cause == END_STOPPED) {
                *ret_reason = r->info.flags & RUN_STOPPING ? r->stop_reason : REASON_SHUTDOWN;
                return RUN_CANCELLED;
        }
        if (cause == END_TIMEOUT || cause == END_TOTAL_TIMEOUT) {
                *ret_reason = cause == END_TIMEOUT ? REASON_TIMEOUT : REASON_TOTAL_TIMEOUT;
                return RUN_TIMED_OUT;
        }
        *ret_reason = REASON_NONE;
        if (good)
                return RUN_SUCCEEDED;
        if (code >= 0 && r->def->policy->skip_codes && code_set_has(r->def->policy->skip_codes, (unsigned)code)) {
                *ret_reason = REASON_EXIT_CODE;
                return RUN_SKIPPED;
        }
        *ret_reason = code >= 0 ? REASON_EXIT : REASON_SIGNAL;
        return RUN_FAILED;
}

void run_exited(struct engine *e, const struct event *ev)
{
        struct erun *r = answered(e, ev);
        enum run_reason reason;
        enum run_state state;

        if (!r)
                return;
        reached_command(e, r, ev->attempt.began);
        r->info.wait_status = ev->attempt.wait_status;
        r->info.ended_at = wall_is_never(ev->attempt.at) ? e->now : ev->attempt.at;
        r->info.usage = ev->attempt.usage;
        if (ev->attempt.kill_failed)
                r->info.flags |= RUN_KILL_FAILED;
        if (ev->attempt.log_dropped)
                r->info.flags |= RUN_LOG_DROPPED;
        state = judge(r, ev->attempt.cause, &reason);
        if (state == RUN_FAILED || state == RUN_TIMED_OUT || reason == REASON_SHUTDOWN)
                attempt_failed(e, r, state, reason);
        else
                run_end(e, r, state, reason);
}

void run_lost(struct engine *e, const struct event *ev)
{
        struct erun *r = answered(e, ev);

        if (!r)
                return;
        r->info.wait_status = RUN_NO_STATUS;
        if (r->info.state == RUN_STARTING)
                reached_command(e, r, ev->attempt.began);
        r->info.ended_at = wall_is_never(ev->attempt.at) ? e->now : ev->attempt.at;
        attempt_failed(e, r, RUN_LOST, ev->attempt.reason);
}
