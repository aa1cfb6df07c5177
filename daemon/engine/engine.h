/* The engine: what is due, what waits, what starts next, and why.  Pure: no clock, file, lock, log or random device.
 *
 * Life: engine_new; engine_restore_* for what the store holds; CONFIG with the definitions of all files; LOADED; then
 * any events.  After every step the caller asks engine_timeout() and sees to it that a TICK comes then.
 *
 * One thread.  Memory in proportion to jobs and unfinished runs. */
#pragma once
#include "base/time.h"
#include "base/util.h"
#include "engine/event.h"

struct engine;

struct engine_options {
        uint32_t max_running;   /* runs at once */
        uint32_t max_starting;  /* of them starting at once: paces bursts */
        int64_t clock_wait_usec; /* how long a boot with a clock behind the state waits for it */
        uint64_t seed;          /* retry jitter */
        uint64_t machine;       /* jitter: tells machines apart, and stays the same on each */
        uint64_t next_run;      /* number of the next run, 1 in an empty state */
        uint64_t next_job;      /* the same for job ids */
        uint64_t next_seq;      /* number of the first unit of rows */
};

int engine_new(const struct engine_options *opt, struct engine **ret_engine);
/* NULL is fine.  Always returns NULL. */
struct engine *engine_free(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_free);

/* Before LOADED: what the store holds.  A run whose definition can't be had any more passes NULL: one that has
 * started is judged by the defaults and not retried, one that has not is cancelled (removed).  0 or -ENOMEM, -EEXIST, -ENOENT (a run of an unknown job). */
int engine_restore_job(struct engine *e, const struct job_state *s);
int engine_restore_run(struct engine *e, const struct run_info *r, struct job *definition);

/* One event.  `actions` is emptied first.  Never fails: what memory can't hold becomes a decision with a reason, or abort()
 * where there is none left for that. */
void engine_step(struct engine *e, const struct event *ev, struct actions *actions);

/* When the engine next wants a TICK, by each clock: NEVER if not at all, a past time for "at once". */
void engine_timeout(const struct engine *e, struct wall *ret_wall, struct mono *ret_mono);

/* What a step of the wall clock by so much, forward or (negative) back, means for the instants: half a sentence for people. */
const char *engine_step_text(int64_t by_usec);

/* Looking on.  Everything returned is borrowed until the next step. */
struct job_view {
        const struct job *job;     /* NULL if removed but with unfinished runs */
        const char *name;
        uint64_t id;
        struct wall next;          /* next instant, WALL_NEVER: none */
        struct wall next_start;    /* when its run may start: later by the jitter */
        uint32_t active;           /* unfinished runs */
        uint32_t running;          /* of them starting or running */
        bool enabled;              /* definition and override */
        struct job_state state;
};

/* Number of jobs; the i-th in order of name.  Valid until the next CONFIG step. */
size_t engine_jobs(struct engine *e);
bool engine_job_at(struct engine *e, size_t i, struct job_view *ret);
/* First index whose name is >= `name` (to go on after a page). */
size_t engine_job_lower_bound(struct engine *e, const char *name);
bool engine_job_find(struct engine *e, const char *name, struct job_view *ret);

/* An unfinished run, or NULL. */
const struct run_info *engine_run_find(struct engine *e, uint64_t run, const struct job **ret_job);
/* Unfinished runs of a job, oldest first: the i-th, or NULL. */
const struct run_info *engine_job_run(struct engine *e, const char *name, size_t i);
/* The one after it, or NULL: `r` is one that engine_job_run() or this gave in the same step. */
const struct run_info *engine_job_run_next(const struct run_info *r);
/* Any unfinished run with a number over `after`, the smallest; NULL at the end.  For listing them all. */
const struct run_info *engine_run_after(struct engine *e, uint64_t after);

struct engine_stats {
        size_t jobs, runs, queued, starting, running, backoff;
        bool degraded, shutdown, clock_waiting;
        uint32_t epoch;
        uint64_t machine; /* for job_delay() */
        uint64_t seq_given, seq_stored;
};
void engine_get_stats(const struct engine *e, struct engine_stats *ret);

/* Panics with the run table if an invariant is broken.  For the simulator and debug builds: linear work. */
void engine_check(const struct engine *e);
