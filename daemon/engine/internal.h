/* Shared by the engine's own files; nobody else includes this.
 *
 *   engine.c   life, restore, and the step that hands each event to its file
 *   command.c  what clients ask for
 *   config.c   definitions that come, change and go
 *   clock.c    what a step of the wall clock means
 *   due.c      instants: on time, passed, skipped, missed
 *   runs.c     the life of a run: creation, concurrency, starts, ends, retries
 *   instants.c when a job is due next
 *   range.c    rows of instants that do not run
 *   out.c      rows and effects, held back until they are durable
 *   query.c    looking on
 *   table.c    jobs by name, unfinished runs by number
 *
 * A file calls those below it only (query.c: table.c). */
#pragma once
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/ring.h"
#include "engine/engine.h"

/* An instant taken up this late at most is on time. */
#define LATE_MAX_USEC (5 * USEC_PER_SEC)
/* Steps of the clock: below this nobody calls it a jump. */
#define STEP_MIN_USEC (1 * USEC_PER_SEC)
/* Set back by less than this: nothing repeats and nothing else changes. */
#define BACK_SMALL_USEC (60 * USEC_PER_SEC)
/* Up to here fixed expressions do not repeat (crond's limit for a change that is no correction). */
#define BACK_LARGE_USEC (3 * USEC_PER_HOUR)
/* Changes in one step up to which the list by name is kept in order; beyond, it is sorted when next asked for. */
#define SORTED_CHANGES_MAX 64
/* The machine's faults: first and longest wait, and when to give up. */
#define FAULT_FIRST_USEC (1 * USEC_PER_SEC)
#define FAULT_MAX_USEC (60 * USEC_PER_SEC)
#define FAULT_GIVE_UP_USEC (1 * USEC_PER_HOUR)
/* Jobs taken up in one step, so that the first starts of a burst do not wait for the last row of it. */
#define DUE_BATCH 32
/* Instants of a job that may be in their jitter at once: what comes beyond is skipped. */
#define DELAYED_MAX 1000
/* starting_deadline with catch_up: skip: what passed less than that ago still runs, so that a restart of the daemon loses nothing. */
#define SKIP_DEADLINE_USEC (1 * USEC_PER_MINUTE)
/* Runs whose `starting` rows are written ahead of their turn (max_starting paces the starts themselves), so that a burst
 * needs a commit for many starts, not for each.  Filled up when half of it is used. */
#define START_AHEAD 256

#define WALL_ALWAYS ((struct wall){ INT64_MIN })

struct erun;

struct epause {
        bool hold;
        uint32_t by;
        struct wall at, until;
        char *why; /* NULL */
};

/* A job's newest range row, while the next instant may still extend it. */
struct erange {
        struct run_info info;
};

/* Of a job with `@after`: its expressions, that one standing for the instant which it makes now. */
struct eafter {
        struct wall base;        /* from where it counts */
        uint32_t i;              /* its place among the expressions; the shortest, if there are several */
        struct calendar entries[];
};

/* There may be 100,000. */
struct ejob {
        uint64_t id;
        struct job *def;         /* NULL: removed (or not seen yet, before LOADED) */
        struct wall watermark, fixed_after;
        struct wall next;        /* the next instant, run or not, WALL_NEVER: none */
        struct wall wake;        /* when to look: next, or the end of a pause */
        size_t due_index;
        uint64_t schedule_digest;
        struct wall last_success;
        uint32_t epoch;
        int8_t enabled_override;
        bool removed : 1;
        bool restored : 1;       /* from the store, definition not seen yet */
        bool definition_stored : 1; /* in this life of the daemon */
        bool dirty : 1;          /* its row is to be put at the end of the step */
        uint32_t n_active;       /* unfinished runs, but for those that stand apart */
        uint32_t n_admitted;     /* of them past the job's concurrency */
        uint32_t n_catch_up;     /* chained catch-ups and backfilled ones among the unfinished */
        uint32_t n_joined;       /* regular instants that wait at the end of that chain */
        struct erun *first, *last; /* unfinished runs, oldest first; `last` of the active ones, behind it those apart */
        struct erange *range;    /* NULL: none open */
        struct epause *pause;    /* NULL: not paused */
        struct eafter *after;    /* NULL: no @after among the expressions */
        struct ejob *dirty_next;
        char name[];
};

struct erun {
        struct run_info info;
        struct ejob *ej;
        struct job *def;
        struct erun *prev, *next;  /* in ej's list */
        size_t ready_index;        /* in the ready queue */
        size_t deadline_index;
        struct mono deadline;      /* of a wait: jitter, backoff or fault */
        uint64_t order;            /* place in the queue, given once */
        struct mono fault_since;   /* MONO_NEVER: no fault */
        unsigned faults;
        struct mono first_started; /* MONO_NEVER: not yet */
        enum run_reason stop_reason;
        bool admitted;
        bool joined;               /* counted in n_joined */
        bool apart;                /* in its jitter: not in anybody's way, concurrency is judged afterwards */
        bool held;                 /* its jitter is over, a pause holds it back */
        bool start_sent;           /* the runner knows of info.start */
        bool dirty, no_retry;
        struct erun *dirty_next;
};

/* An action that waits for unit `seq` to be durable. */
struct effect {
        uint64_t seq;
        struct action action;
        struct job *hold; /* reference that keeps borrowed strings alive; NULL */
        bool urgent;      /* goes out without its row when the store can't be written */
};

/* All jobs ever seen, in the order in which they came; none is taken out.  By name: open addressing. */
struct job_slot {
        uint32_t hash;
        uint32_t place; /* in v, from 1; 0: free */
};
struct job_index {
        struct ejob **v;
        size_t n, allocated;
        struct job_slot *slots;
        size_t n_slots; /* a power of two, or 0 */
};
#define EACH_JOB(e, ej) for (size_t i_ = 0; i_ < (e)->jobs.n && ((ej) = (e)->jobs.v[i_]); i_++)

struct run_slot {
        uint64_t id;
        struct erun *run; /* NULL: ended, awaits compaction */
};

/* What was worked out of a special schedule, which may take long: the first instant from `next` on that runs. */
struct due_known {
        uint64_t digest; /* of the schedule */
        struct wall next, fixed_after, due;
};
#define DUE_KNOWN 64 /* a power of two */

struct launch {
        uint64_t run;
        uint32_t start;
};

struct engine {
        struct engine_options opt;
        struct wall now;
        struct mono mono;
        bool seen_clock, loaded, degraded, shutdown, clock_waiting, kill_on_shutdown;
        struct wall high;       /* the latest wall time seen in this epoch */
        struct wall jump_from, jump_to; /* the last jump forward */
        struct mono clock_wait_until;
        struct wall clock_wait_for;
        struct wall up_since;
        uint32_t epoch;

        struct job_index jobs;  /* by name, and in order of coming */
        struct heap due;        /* ejobs by wake */
        struct ejob **sorted;   /* jobs in force by name, when !sorted_stale */
        size_t n_sorted, sorted_allocated;
        bool sorted_stale;
        size_t n_jobs;          /* in force */

        struct run_slot *slots; /* unfinished runs by number */
        size_t n_slots, slots_allocated, n_runs;
        struct heap ready;      /* eruns that may start, by order */
        struct heap deadlines;  /* eruns by deadline */
        uint64_t next_run, next_job, next_order;
        uint32_t n_starting, n_running, n_backoff, n_queued;
        uint32_t n_sent;        /* of the starting ones: those the runner was told of */
        struct launch *launch;  /* ring of starts that are durable and wait for their turn */
        size_t launch_head, n_launch, launch_allocated;

        uint64_t next_seq;      /* unit of this step */
        uint64_t stored_seq;
        bool unit_open;
        struct effect *effects; /* ring */
        size_t effects_head, n_effects, effects_allocated, n_new_effects;
        struct job **holds;     /* references let go when the next step begins */
        size_t n_holds, holds_allocated;
        struct ejob *dirty_jobs;
        struct erun *dirty_runs;
        struct actions *out;    /* only inside a step */
        char message[256];      /* of the reply in this step */
        struct due_known due_known[DUE_KNOWN];
};

/* table.c */
void *engine_alloc(size_t size);
void *engine_realloc(void *p, size_t n, size_t size);
struct ejob *job_lookup(struct engine *e, const char *name);
struct ejob *job_add(struct engine *e, const char *name);
void sort_jobs(struct engine *e);
size_t sorted_place(const struct engine *e, const char *name);
void sorted_add(struct engine *e, struct ejob *ej);
void sorted_remove(struct engine *e, const struct ejob *ej);
size_t slot_lower_bound(const struct engine *e, uint64_t id);
struct erun *run_find(struct engine *e, uint64_t id);
void slot_add(struct engine *e, struct erun *r);
void slot_remove(struct engine *e, struct erun *r);

/* out.c */
void out_begin(struct engine *e, struct actions *out);
void out_hold(struct engine *e, struct job *j);
void out_row(struct engine *e, const struct row *row);
void out_now(struct engine *e, const struct action *a);
void out_after_store(struct engine *e, const struct action *a, struct job *hold, bool urgent);
void out_job(struct engine *e, struct ejob *ej);
void out_run(struct engine *e, struct erun *r);
void out_run_now(struct engine *e, struct erun *r);
void out_transition(struct engine *e, const struct run_info *r);
void out_publish(struct engine *e, const struct run_info *r, struct job *hold);
void out_reply(struct engine *e, uint64_t command, enum error_code code, const char *message, uint64_t run, bool changed, bool urgent);
void out_flush(struct engine *e);
void out_release(struct engine *e);
void out_release_urgent(struct engine *e);

/* clock.c */
void clock_look(struct engine *e, struct wall wall, struct mono mono);
void clock_at_load(struct engine *e);
void clock_wait_over(struct engine *e);

/* instants.c */
bool job_enabled(const struct ejob *ej);
void instants_follow(struct engine *e, struct ejob *ej);
void instants_begin(struct engine *e, struct ejob *ej, struct wall base);
struct schedule instants_schedule(const struct ejob *ej);
void instants_accounted(struct engine *e, struct ejob *ej);
struct wall instants_next(const struct ejob *ej, struct wall after);
struct wall instants_due(const struct engine *e, const struct ejob *ej);
void instants_arm(struct engine *e, struct ejob *ej);

/* range.c */
void range_add(struct engine *e, struct ejob *ej, enum run_trigger trigger, enum run_state state, enum run_reason reason,
               struct wall from, struct wall until, uint64_t count, uint64_t cause);
void range_close(struct ejob *ej);

/* due.c */
void due_take_up(struct engine *e, struct ejob *ej);
void due_process(struct engine *e);
void due_boot(struct engine *e, struct ejob *ej);
void due_resume(struct engine *e, struct ejob *ej);
void due_drop_held(struct engine *e, struct ejob *ej);

/* runs.c */
struct erun *run_create(struct engine *e, struct ejob *ej, enum run_trigger trigger, struct wall at, uint32_t flags, uint32_t by_uid);
struct erun *run_restore(struct engine *e, struct ejob *ej, const struct run_info *info, struct job *def);
void run_free(struct erun *r);
void run_move(struct engine *e, struct erun *r, enum run_state state, enum run_reason reason);
void run_end(struct engine *e, struct erun *r, enum run_state state, enum run_reason reason);
void run_stop(struct engine *e, struct erun *r, enum run_reason reason, uint32_t by_uid);
void runs_admit(struct engine *e, struct ejob *ej);
void run_readmit(struct engine *e, struct erun *r);
void runs_replace(struct engine *e, struct ejob *ej, struct erun *by);
void runs_start(struct engine *e);
void runs_launch(struct engine *e);
void runs_deadlines(struct engine *e);
void run_started(struct engine *e, const struct event *ev);
void run_start_failed(struct engine *e, const struct event *ev);
void run_exited(struct engine *e, const struct event *ev);
void run_lost(struct engine *e, const struct event *ev);
enum run_verdict { VERDICT_GO, VERDICT_JOIN, VERDICT_SKIP };
/* Part of a chain by itself, not for having joined one. */
bool run_makes_chain(const struct run_info *r);
enum run_verdict runs_judge(const struct ejob *ej);
void run_join(struct erun *r);
bool runs_delayed_full(const struct ejob *ej);
void run_delay_follow(struct engine *e, struct erun *r);
void runs_release(struct engine *e, struct ejob *ej);

/* config.c, command.c */
void config_apply(struct engine *e, const struct event *ev);
void config_loaded(struct engine *e, const struct event *ev);
void command_apply(struct engine *e, const struct command *c);
