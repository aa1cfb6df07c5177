#include "simulate.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <uthash.h>

#include "base/heap.h"
#include "engine/engine.h"
#include "text.h"

#define MAX_RUNNING 1000 /* the configuration's defaults (jobschedd.yaml(5)) */
#define MAX_STARTING 8
#define CLOCK_BEGIN USEC_PER_SEC /* what the boot clock shows at the beginning */

/* An attempt that runs. */
struct attempt {
        uint64_t run;
        uint32_t start;
        size_t job;
        struct wall began, ends;
        enum end_cause cause;
        int32_t status;
        bool told;          /* the engine knows that it runs */
        size_t index;       /* in the heap of ends */
        uint64_t nr;        /* order among those that end together */
        UT_hash_handle hh;  /* by run */
        struct attempt *next; /* unused, or not told yet */
};

/* A run that is held back, and why. */
struct waiting {
        uint64_t run;
        const char *reason;
        UT_hash_handle hh;
};

/* The newest row of a job's instants that did not run: it grows. */
struct range {
        uint64_t row, count;
};

struct sim {
        const struct sim_options *opt;
        struct sim_job *jobs;
        struct range *ranges;
        struct engine *e;
        struct actions actions;
        struct wall zero;      /* when the boot clock showed CLOCK_BEGIN */
        struct wall now;
        uint64_t seq, stored;  /* the last unit given, the last said to be durable */
        struct heap ends;
        struct attempt *attempts, *unused, *first_new, **last_new;
        struct waiting *waiting;
        uint64_t next_nr;
        uint32_t running;
        size_t down;           /* the next one, or the one that is on */
        struct sim_sum sum;
        void (*decided)(void *arg, const struct sim_instant *i);
        void *arg;
};

static bool ends_tie(const void *a, const void *b)
{
        return ((const struct attempt *)a)->nr < ((const struct attempt *)b)->nr;
}

const char *sim_decision_name(enum sim_decision d)
{
        static const char *const names[SIM_DECISION_NR] = { "run", "skipped", "missed" };

        return names[d];
}

/* ---- what the engine writes down */

static void tell(struct sim *s, const struct sim_instant *i)
{
        struct sim_job *j = &s->jobs[i->job];

        s->sum.instants += i->count;
        *(i->decision == SIM_RUN ? &j->run : i->decision == SIM_SKIPPED ? &j->skipped : &j->missed) += i->count;
        if (i->decision == SIM_RUN && i->waited_usec > j->longest_wait_usec)
                j->longest_wait_usec = i->waited_usec;
        s->decided(s->arg, i);
}

static void forget_waiting(struct sim *s, uint64_t run)
{
        struct waiting *w;

        HASH_FIND(hh, s->waiting, &run, sizeof(run), w);
        if (!w)
                return;
        HASH_DEL(s->waiting, w);
        free(w);
}

static void waits(struct sim *s, const struct run_info *r)
{
        struct waiting *w;

        HASH_FIND(hh, s->waiting, &r->id, sizeof(r->id), w);
        if (!w) {
                w = xmalloc(sizeof(*w));
                w->run = r->id;
                HASH_ADD(hh, s->waiting, run, sizeof(w->run), w);
        }
        w->reason = run_reason_name(r->reason);
}

static const char *waited_for(const struct sim *s, uint64_t run)
{
        struct waiting *w;

        HASH_FIND(hh, s->waiting, &run, sizeof(run), w);
        return w ? w->reason : "max_running";
}

static void did_not_run(struct sim *s, const struct run_info *r)
{
        struct sim_instant i = {
                .job = r->job_id - 1, .at = r->scheduled_at, .until = r->scheduled_until, .count = r->count,
                .decision = r->state == RUN_MISSED ? SIM_MISSED : SIM_SKIPPED, .reason = run_reason_name(r->reason),
                .trigger = r->trigger, .started_at = WALL_NEVER,
        };
        struct range *g = &s->ranges[i.job];

        if (g->row == r->id) { /* it grew */
                i.count -= g->count;
                if (i.count == 1)
                        i.at = i.until;
        }
        *g = (struct range){ r->id, r->count };
        forget_waiting(s, r->id);
        tell(s, &i);
}

static void row_of_run(struct sim *s, const struct run_info *r)
{
        struct sim_job *j = &s->jobs[r->job_id - 1];

        if (!run_state_ends(r->state)) {
                if ((r->state == RUN_QUEUED || r->state == RUN_WAITING) && r->start == 0 && r->reason != REASON_NONE)
                        waits(s, r);
                return;
        }
        if (r->start == 0) {
                did_not_run(s, r);
                return;
        }
        switch ((int)r->state) {
        case RUN_SUCCEEDED:
                j->succeeded++;
                break;
        case RUN_TIMED_OUT:
                j->timed_out++;
                break;
        case RUN_CANCELLED:
                j->cancelled++;
                break;
        default:
                j->failed++;
        }
}

/* ---- what the engine wants done */

static void plan_end(struct attempt *a, const struct sim_job *j, const struct action *start)
{
        int64_t timeout = start->start.timeout_usec;

        a->ends = wall_add(a->began, j->duration_usec);
        a->cause = END_SELF;
        a->status = j->fails ? W_EXITCODE(1, 0) : 0;
        if (timeout < j->duration_usec) {
                a->ends = wall_add(a->began, timeout);
                a->cause = start->start.timeout_is_total ? END_TOTAL_TIMEOUT : END_TIMEOUT;
                a->status = j->job->policy->kill_signal;
        }
}

static void start(struct sim *s, const struct action *action)
{
        const struct run_info *r = action->start.run;
        struct attempt *a = s->unused;
        struct sim_job *j = &s->jobs[r->job_id - 1];

        if (a)
                s->unused = a->next;
        else
                a = xmalloc(sizeof(*a));
        *a = (struct attempt){ .run = r->id, .start = r->start, .job = r->job_id - 1, .began = s->now, .index = HEAP_NONE,
                               .nr = s->next_nr++ };
        plan_end(a, j, action);
        *s->last_new = a;
        s->last_new = &a->next;
        HASH_ADD(hh, s->attempts, run, sizeof(a->run), a);
        if (!heap_put(&s->ends, a->ends.usec, a))
                (void)xrealloc(NULL, SIZE_MAX / 2); /* ends jobctl */
        if (++s->running > s->sum.peak_running) {
                s->sum.peak_running = s->running;
                s->sum.peak_at = s->now;
        }
        if (r->start > 1) {
                j->retries++;
                return;
        }
        tell(s, &(struct sim_instant){
                .job = a->job, .at = r->scheduled_at, .until = r->scheduled_at, .count = 1, .decision = SIM_RUN,
                .reason = s->now.usec > r->created_at.usec ? waited_for(s, r->id) : NULL, .trigger = r->trigger,
                .started_at = s->now, .waited_usec = s->now.usec - r->created_at.usec });
        forget_waiting(s, r->id);
}

static void stop(struct sim *s, const struct action *action)
{
        struct attempt *a;

        HASH_FIND(hh, s->attempts, &action->stop.run, sizeof(action->stop.run), a);
        if (!a || a->start != action->stop.start)
                return;
        a->ends = s->now;
        a->cause = END_STOPPED;
        a->status = action->stop.signal;
        (void)heap_put(&s->ends, a->ends.usec, a);
}

static void step(struct sim *s, struct event *ev)
{
        ev->wall = s->now;
        ev->mono = (struct mono){ CLOCK_BEGIN + (s->now.usec - s->zero.usec) };
        engine_step(s->e, ev, &s->actions);
        for (size_t i = 0; i < s->actions.n; i++) {
                const struct action *a = &s->actions.v[i];

                if (a->type == ACTION_ROW) {
                        s->seq = a->seq;
                        if (a->row.type == ROW_RUN)
                                row_of_run(s, &a->row.run);
                } else if (a->type == ACTION_START) {
                        start(s, a);
                } else if (a->type == ACTION_STOP) {
                        stop(s, a);
                }
        }
}

/* ---- time */

static void ended(struct sim *s, struct attempt *a)
{
        struct event ev = {
                .type = EVENT_EXITED,
                .attempt = { .run = a->run, .start = a->start, .at = a->ends, .began = a->began, .wait_status = a->status,
                             .cause = a->cause },
        };

        heap_remove(&s->ends, a);
        HASH_DEL(s->attempts, a);
        s->running--;
        s->jobs[a->job].busy_usec += a->ends.usec - a->began.usec;
        a->next = s->unused;
        s->unused = a;
        step(s, &ev);
}

static void tell_started(struct sim *s)
{
        struct attempt *a;

        while ((a = s->first_new)) {
                struct event ev = { .type = EVENT_STARTED,
                                    .attempt = { .run = a->run, .start = a->start, .at = a->began, .began = a->began } };

                s->first_new = a->next;
                if (!s->first_new)
                        s->last_new = &s->first_new;
                a->told = true;
                step(s, &ev);
        }
}

static void stored(struct sim *s)
{
        struct event ev = { .type = EVENT_STORED, .stored = { .seq = s->seq } };

        s->stored = s->seq;
        step(s, &ev);
}

/* When the engine wants a tick, by the wall clock. */
static struct wall next_tick(const struct sim *s)
{
        struct wall wall;
        struct mono mono;

        engine_timeout(s->e, &wall, &mono);
        if (!mono_is_never(mono)) {
                int64_t at = s->zero.usec + (mono.usec - CLOCK_BEGIN);

                if (at < wall.usec)
                        wall = (struct wall){ at };
        }
        return wall;
}

/* Everything of this moment: ends come before new instants; what takes no time ends when all has started. */
static void live_through(struct sim *s)
{
        struct event tick = { .type = EVENT_TICK };
        struct attempt *a;

        for (;;) {
                a = heap_top(&s->ends);
                if (a && a->ends.usec <= s->now.usec && a->told && (a->began.usec < s->now.usec || a->cause == END_STOPPED)) {
                        ended(s, a);
                } else if (next_tick(s).usec <= s->now.usec) {
                        step(s, &tick);
                } else if (s->stored < s->seq) {
                        stored(s);
                } else if (s->first_new) {
                        tell_started(s);
                } else if (a && a->ends.usec <= s->now.usec) {
                        ended(s, a);
                } else {
                        return;
                }
        }
}

/* The next moment at which something happens; nothing is taken up while the daemon is down. */
static struct wall next_moment(struct sim *s)
{
        const struct attempt *a = heap_top(&s->ends);
        struct wall next = next_tick(s);

        if (a && a->ends.usec < next.usec)
                next = a->ends;
        while (s->down < s->opt->n_down && s->opt->down[s->down].until.usec <= s->now.usec)
                s->down++;
        if (s->down < s->opt->n_down && next.usec > s->opt->down[s->down].from.usec && next.usec < s->opt->down[s->down].until.usec)
                next = s->opt->down[s->down].until;
        return next;
}

/* What has not begun by the end. */
static void tell_waiting(struct sim *s)
{
        const struct run_info *r;

        for (uint64_t after = 0; (r = engine_run_after(s->e, after)); after = r->id) {
                if ((r->state != RUN_QUEUED && r->state != RUN_WAITING) || r->start > 0)
                        continue;
                s->sum.waiting++;
                tell(s, &(struct sim_instant){
                        .job = r->job_id - 1, .at = r->scheduled_at, .until = r->scheduled_at, .count = 1, .decision = SIM_RUN,
                        .reason = waited_for(s, r->id), .trigger = r->trigger, .started_at = WALL_NEVER,
                        .waited_usec = s->opt->to.usec - r->created_at.usec });
        }
        s->sum.running = s->running;
}

static int begin(struct sim *s, size_t n_jobs)
{
        struct engine_options opt = { .max_running = s->opt->max_running ? s->opt->max_running : MAX_RUNNING,
                                      .max_starting = s->opt->max_starting ? s->opt->max_starting : MAX_STARTING,
                                      .machine = s->opt->machine };
        struct event ev = { .type = EVENT_CONFIG };
        struct job **put;

        if (engine_new(&opt, &s->e) < 0)
                return -ENOMEM;
        put = xmalloc((n_jobs + 1) * sizeof(struct job *));
        for (size_t i = 0; i < n_jobs; i++)
                put[i] = s->jobs[i].job;
        ev.config.put = put;
        ev.config.n_put = n_jobs;
        s->zero = s->now = (struct wall){ s->opt->from.usec - 1 };
        step(s, &ev);
        free(put);
        step(s, &(struct event){ .type = EVENT_LOADED });
        return 0;
}

static void end(struct sim *s)
{
        struct attempt *a, *tmp;
        struct waiting *w, *next;

        HASH_ITER(hh, s->attempts, a, tmp) {
                HASH_DEL(s->attempts, a);
                free(a);
        }
        while ((a = s->unused)) {
                s->unused = a->next;
                free(a);
        }
        HASH_ITER(hh, s->waiting, w, next) {
                HASH_DEL(s->waiting, w);
                free(w);
        }
        heap_done(&s->ends);
        actions_done(&s->actions);
        free(s->ranges);
        engine_free(s->e);
}

int simulate(struct sim_job *jobs, size_t n_jobs, const struct sim_options *opt,
             void (*decided)(void *arg, const struct sim_instant *i), void *arg, struct sim_sum *ret)
{
        struct sim s = {
                .opt = opt, .jobs = jobs, .ranges = xmalloc((n_jobs + 1) * sizeof(struct range)), .decided = decided, .arg = arg,
                .ends = { .offset = offsetof(struct attempt, index), .tie = ends_tie }, .last_new = NULL,
        };
        int r;

        memset(s.ranges, 0, (n_jobs + 1) * sizeof(struct range));
        s.last_new = &s.first_new;
        r = begin(&s, n_jobs);
        if (r == 0) {
                for (struct wall next; live_through(&s), (next = next_moment(&s)).usec <= opt->to.usec;)
                        s.now = next;
                tell_waiting(&s);
                *ret = s.sum;
        }
        end(&s);
        return r;
}
