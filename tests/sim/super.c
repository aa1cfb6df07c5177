/* The runner, its supervisors and the kernel behind them.  They live on when the daemon dies; what they know is the
 * truth that the rows are held against. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define EXITED(code) ((code) << 8)

struct attempt *attempt_find(struct srun *r, uint32_t start)
{
        for (size_t i = 0; r && i < r->n_a; i++)
                if (r->a[i].start == start)
                        return &r->a[i];
        return NULL;
}

static bool attempt_alive(const struct attempt *a)
{
        return a->state == ATT_CREATED || a->state == ATT_RUNNING;
}

/* What the supervisor has to say about the attempt as it stands. */
static bool describe(struct srun *r, const struct attempt *a, int64_t wall, struct event *ev)
{
        *ev = (struct event){ .attempt = { .run = r->id,
                                           .start = a->start,
                                           .at = { wall },
                                           .began = WALL_NEVER,
                                           .wait_status = RUN_NO_STATUS } };
        if (a->reboot) {
                ev->type = EVENT_LOST;
                ev->attempt.reason = REASON_REBOOT;
                return true;
        }
        switch (a->state) {
        case ATT_SENT:
        case ATT_CREATED:
                return false;
        case ATT_RUNNING:
                ev->type = EVENT_STARTED;
                ev->attempt.at.usec = a->started_at;
                return true;
        case ATT_EXITED:
                ev->type = EVENT_EXITED;
                ev->attempt.wait_status = a->status;
                ev->attempt.cause = a->cause;
                ev->attempt.began.usec = a->started_at;
                ev->attempt.usage.output_bytes = r->id;
                return true;
        case ATT_EXECFAIL:
                ev->type = EVENT_START_FAILED;
                ev->attempt.stage = STAGE_EXEC;
                ev->attempt.error = ENOENT;
                return true;
        case ATT_FAULT:
                ev->type = EVENT_START_FAILED;
                ev->attempt.stage = STAGE_FORK;
                ev->attempt.error = EAGAIN;
                ev->attempt.fault = true;
                return true;
        case ATT_VOID:
                ev->type = EVENT_START_FAILED;
                ev->attempt.stage = STAGE_NONE;
                return true;
        case ATT_LOST:
                ev->type = EVENT_LOST;
                ev->attempt.reason = REASON_SUPERVISOR;
                return true;
        }
        return false;
}

/* Tells the daemon, if it lives; sometimes slowly, sometimes again much later. */
static void report(struct sim *s, struct srun *r, const struct attempt *a)
{
        struct event ev;
        int64_t delay = rng_range(&s->world, 20, 2000);

        if (!describe(r, a, wall_now(s), &ev))
                return;
        if (!s->calm && rng_chance(&s->world, s->faults.slow_message))
                delay = rng_range(&s->world, 1, 90) * SECOND;
        if (s->up)
                plan_event(s, s->now + delay, &ev);
        if (!s->calm && rng_chance(&s->world, s->faults.duplicate)) {
                s->count.stale++;
                plan_event(s, s->now + rng_range(&s->world, 0, 4) * rng_range(&s->world, 0, 30 * MINUTE), &ev);
        }
}

void super_start(struct sim *s, const struct action *act)
{
        struct srun *r = srun_find(s, act->start.run->id);
        struct attempt *a;
        int64_t delay = rng_range(&s->world, 50, 3000);

        r->a = realloc(r->a, (r->n_a + 1) * sizeof(*r->a));
        assert(r->a);
        a = &r->a[r->n_a++];
        *a = (struct attempt){ .start = act->start.run->start,
                               .state = ATT_SENT,
                               .timeout = act->start.timeout_usec,
                               .timeout_is_total = act->start.timeout_is_total,
                               .status = RUN_NO_STATUS,
                               .definition = act->start.job };
        if (!s->calm && rng_chance(&s->world, s->faults.slow_message))
                delay = rng_range(&s->world, 1, 40) * SECOND;
        plan(s, s->now + delay, H_RUNNER, 0, r->id, a->start, 0);
}

static void on_runner(struct sim *s, struct srun *r, struct attempt *a)
{
        if (a->state != ATT_SENT || a->dropped) /* judged as not started meanwhile: a late START meets VOID */
                return;
        trace(s, "%s run %lld.%lld: the runner has it", r->job->name, (int64_t)r->id, a->start, 0, 0);
        if (!s->calm && rng_chance(&s->world, s->faults.start_fault)) {
                a->state = ATT_FAULT;
                report(s, r, a);
                return;
        }
        if (!s->calm && rng_chance(&s->world, s->faults.start_void)) {
                a->state = ATT_VOID;
                report(s, r, a);
                return;
        }
        a->state = ATT_CREATED;
        plan(s, s->now + rng_range(&s->world, 500, 9000), H_EXEC, 0, r->id, a->start, 0);
}

static void plan_exit(struct sim *s, struct srun *r, struct attempt *a, int64_t delay, int32_t status,
                      enum end_cause cause)
{
        a->status = status;
        a->cause = cause;
        plan(s, s->now + delay, H_EXIT, 0, r->id, a->start, ++a->exit_number);
}

static void on_exec(struct sim *s, struct srun *r, struct attempt *a)
{
        const struct sjob *j = r->job;
        struct rng *w = &s->world;
        int64_t length;
        int32_t status = 0;

        if (a->state != ATT_CREATED)
                return;
        if (a->stop_asked && rng_chance(w, .5)) {
                a->state = ATT_VOID;
                report(s, r, a);
                return;
        }
        if (!s->calm && rng_chance(w, s->faults.exec_fail)) {
                a->state = ATT_EXECFAIL;
                report(s, r, a);
                return;
        }
        a->state = ATT_RUNNING;
        a->started_at = wall_now(s);
        if (++a->execs > 1)
                fail(s, "run %llu.%u was executed twice", (unsigned long long)r->id, a->start);
        trace(s, "%s run %lld.%lld: executes", j->name, (int64_t)r->id, a->start, 0, 0);
        length = s->calm                    ? rng_range(w, 1, 10000) * USEC_PER_MSEC
                 : rng_chance(w, j->p_hang) ? rng_range(w, 1, 5) * HOUR
                                            : rng_range(w, j->run_min, j->run_max);
        if (!s->calm && rng_chance(w, j->p_signal))
                status = SIGSEGV;
        else if (!s->calm && rng_chance(w, j->p_fail))
                status = EXITED((int)rng_range(w, 1, 4));
        a->stubborn = rng_chance(w, .2);
        if (length > a->timeout)
                plan_exit(s, r, a, a->timeout + rng_range(w, 0, SECOND), SIGTERM,
                          a->timeout_is_total ? END_TOTAL_TIMEOUT : END_TIMEOUT);
        else
                plan_exit(s, r, a, length, status, END_SELF);
        if (a->stop_asked)
                plan_exit(s, r, a, rng_range(w, 0, SECOND), SIGTERM, END_STOPPED);
        if (s->calm || !rng_chance(w, s->faults.no_started))
                report(s, r, a);
}

static void on_process_exit(struct sim *s, struct srun *r, struct attempt *a, uint32_t number)
{
        if (a->state != ATT_RUNNING || a->exit_number != number)
                return;
        a->state = !s->calm && rng_chance(&s->world, s->faults.supervisor_dies) ? ATT_LOST : ATT_EXITED;
        trace(s, "%s run %lld.%lld: ends, status %lld, cause %lld", r->job->name, (int64_t)r->id, a->start, a->status,
              a->cause);
        report(s, r, a);
}

void super_stop(struct sim *s, const struct action *act)
{
        struct srun *r = srun_find(s, act->stop.run);

        s->count.stops++;
        if (r)
                r->was_told_to_stop = true;
        if (!r || !attempt_find(r, act->stop.start))
                return;
        plan(s, s->now + rng_range(&s->world, 50, 3000), H_STOP, s->life, r->id, act->stop.start,
             (uint32_t)(act->stop.grace_usec / USEC_PER_MSEC));
}

static void on_stop(struct sim *s, struct srun *r, struct attempt *a, uint32_t grace_msec)
{
        bool again = a->stop_asked;

        a->stop_asked = true;
        if (a->state != ATT_RUNNING || again || a->cause == END_STOPPED)
                return;
        if (a->stubborn)
                plan_exit(s, r, a, grace_msec * USEC_PER_MSEC + rng_range(&s->world, 0, SECOND), SIGKILL, END_STOPPED);
        else
                plan_exit(s, r, a, rng_range(&s->world, 1, 900) * USEC_PER_MSEC, SIGTERM, END_STOPPED);
}

void super_forget(struct sim *s, const struct action *act)
{
        struct srun *r = srun_find(s, act->forget.run);
        struct attempt *a = attempt_find(r, act->forget.start);

        if (!r) /* forgotten by the shell at a start, and settled */
                return;
        if (!a)
                fail(s, "FORGET of %llu.%u, which was never started", (unsigned long long)act->forget.run,
                     act->forget.start);
        if (attempt_alive(a) || a->state == ATT_SENT)
                fail(s, "FORGET of %llu.%u, which is not over", (unsigned long long)r->id, a->start);
        if (!r->has_du || ((r->du.state == RUN_STARTING || r->du.state == RUN_RUNNING) && r->du.start == a->start))
                fail(s, "FORGET of %llu.%u before its end is durable: the row says %s", (unsigned long long)r->id,
                     a->start, r->has_du ? run_state_name(r->du.state) : "nothing");
        a->forgotten = true;
        srun_settle(s, r);
}

void super_happen(struct sim *s, const struct happening *h)
{
        struct srun *r = srun_find(s, h->run);
        struct attempt *a = attempt_find(r, h->start);

        if (!a)
                return;
        switch (h->type) {
        case H_RUNNER: on_runner(s, r, a); break;
        case H_EXEC: on_exec(s, r, a); break;
        case H_EXIT: on_process_exit(s, r, a, h->arg); break;
        case H_STOP: on_stop(s, r, a, h->arg); break;
        case H_COMMIT:
        case H_STORED:
        case H_STORE_FAILED:
        case H_STORE_HEAL:
        case H_DELIVER:
        case H_TICK:
        case H_CHAOS:
        case H_BOOT_DAEMON: assert(!"the runner's");
        }
}

/* After a start: what became of each attempt whose row says starting or running. */
void super_adopt(struct sim *s)
{
        for (struct srun *r = s->active, *next; r; r = next) {
                struct attempt *a;
                struct event ev = { 0 };
                int64_t delay = rng_range(&s->world, 100, 2 * SECOND);

                next = r->next;
                /* What is listed by the runner and not wanted any more is forgotten by the shell itself. */
                for (size_t i = 0; i < r->n_a; i++)
                        if (r->a[i].start < r->du.start || (r->du.state != RUN_STARTING && r->du.state != RUN_RUNNING))
                                r->a[i].forgotten = true;
                if (r->du.state != RUN_STARTING && r->du.state != RUN_RUNNING) {
                        srun_settle(s, r);
                        continue;
                }
                a = attempt_find(r, r->du.start);
                if (!a) { /* its START was never sent */
                        r->a = realloc(r->a, (r->n_a + 1) * sizeof(*r->a));
                        assert(r->a);
                        a = &r->a[r->n_a++];
                        *a = (struct attempt){ .start = r->du.start, .state = ATT_VOID, .status = RUN_NO_STATUS };
                        a->reboot = s->after_reboot;
                }
                if (a->state == ATT_SENT) /* no record yet: VOID comes first or START does, never both */
                        a->state = ATT_VOID;
                if (describe(r, a, wall_now(s), &ev))
                        plan_event(s, s->now + delay, &ev);
                if (a->reboot) /* nobody can know whether it had begun: it counts */
                        a->state = ATT_LOST;
        }
        s->after_reboot = false;
}

/* The machine goes down: nothing lives on, the records are gone. */
void super_reboot(struct sim *s)
{
        for (struct srun *r = s->active; r; r = r->next)
                for (size_t i = 0; i < r->n_a; i++) {
                        struct attempt *a = &r->a[i];

                        a->reboot = true;
                        a->exit_number++;
                        if (a->state == ATT_SENT || attempt_alive(a))
                                a->state = ATT_LOST;
                }
}

/* The daemon died: some of what it had sent was not read yet and is thrown away. */
void super_disconnect(struct sim *s)
{
        for (struct srun *r = s->active; r; r = r->next)
                for (size_t i = 0; i < r->n_a; i++)
                        if (r->a[i].state == ATT_SENT && rng_chance(&s->world, .5)) {
                                r->a[i].dropped = true;
                                r->a[i].state = ATT_VOID;
                        }
}
