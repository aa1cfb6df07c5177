/* The simulator: the real engine and calendar in a world made of a seed.
 *
 * Time is virtual.  The store, the runner, the clocks, the clients and the job files are fakes that fail as often as
 * the seed says, and crashes of the daemon lose what was not durable.  Everything that the engine writes down or asks
 * for is held against what the world knows: the kernel's statuses, the instants of an oracle that shares no code with
 * the calendar, the order of durable and done.
 *
 *   world.c   clocks, the queue of what happens next, the daemon's lives     store.c   the disk
 *   super.c   the runner and its supervisors                                 chaos.c   everything that goes wrong
 *   gen.c     job definitions and their changes                              zones.c   time zones
 *   oracle.c  the expected instants                                          cover.c   each instant exactly once
 *   after.c   the instants of @after
 *   check.c   invariants of each step: rows                                  acts.c    the same: actions and ends
 *   audit.c   invariants over the whole state                                trace.c   the last lines, and failing
 *
 * All times are microseconds in int64_t: `now` of the world (never goes back); wall and boot clock derive from it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

#define SECOND USEC_PER_SEC
#define MINUTE USEC_PER_MINUTE
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define ON_TIME (5 * SECOND) /* an instant taken up so late is still on time */

/* ---- random numbers: splitmix64, one stream for each purpose so that a change here does not shift all others */
struct rng {
        uint64_t s;
};

static inline uint64_t rng_next(struct rng *r)
{
        uint64_t z = (r->s += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static inline int64_t rng_range(struct rng *r, int64_t lo, int64_t hi) /* both included */
{
        return lo + (int64_t)(rng_next(r) % (uint64_t)(hi - lo + 1));
}

static inline bool rng_chance(struct rng *r, double p)
{
        return (double)(rng_next(r) >> 11) * 0x1p-53 < p;
}

/* ---- zones and expected instants */
struct zone {
        const char *name;
        char libc_tz[160];   /* value of TZ for libc */
        struct tz *tz;      /* the engine's */
        struct minute *minutes; /* of the oracle's walk */
        size_t other;           /* of one with other rules: the place of the zone */
        size_t n_minutes;
};

#define INSTANT_INTERVAL 1u /* an expression that follows the clock is due */
#define INSTANT_FIXED 2u    /* a fixed expression is due */

struct oracle {
        int64_t *sec;       /* UTC seconds, ascending; each once but for days' fates, of which several may be at one */
        uint8_t *kind;      /* INSTANT_ bits */
        uint8_t *fate;      /* FATE_… */
        uint16_t *number;   /* of local times that are one instant's, under dst: skip; else 1 */
        uint16_t *intervals; /* … so many of them of expressions that follow the clock */
        size_t n, allocated;
};

enum { FATE_DUE, FATE_EXCLUDED, FATE_DST };

/* What is left out of a schedule, as text. */
struct left_out {
        int dst, move;        /* 0 once, 1 wall, 2 skip; 0, +1 day, -1 day */
        size_t n;
        const char *text[3];  /* expressions of five fields, or … */
        int64_t first[3], last[3]; /* … with text NULL: local days since 1970 */
};

int zones_load(struct zone **ret, size_t *ret_n, size_t *ret_all);
void zones_free(struct zone *z, size_t n);
/* Walks [from, to) of UTC seconds minute by minute. */
void zone_walk(struct zone *z, int64_t from_sec, int64_t to_sec);
/* The instants of a set of expressions in the walked span. */
struct oracle *oracle_new(const struct zone *z, const char *const *texts, size_t n, int64_t start_sec, int64_t end_sec,
                          const struct left_out *out);
struct oracle *oracle_free(struct oracle *o);
/* Index of the first instant after `usec`. */
size_t oracle_after(const struct oracle *o, int64_t usec);

/* ---- what happens next */
enum happening_type {
        H_COMMIT, H_STORED, H_STORE_FAILED, H_STORE_HEAL, H_RUNNER, H_EXEC, H_EXIT, H_STOP, H_DELIVER, H_TICK, H_CHAOS,
        H_BOOT_DAEMON,
};

struct happening {
        int64_t at;
        uint64_t order;
        enum happening_type type;
        uint32_t life;  /* dropped if the daemon's life is another one by then; 0: always */
        uint64_t run;   /* or the seq */
        uint32_t start;
        uint32_t arg;
        struct event *event;
};

/* ---- the runner's side of an attempt */
enum attempt_state { ATT_SENT, ATT_CREATED, ATT_RUNNING, ATT_EXITED, ATT_EXECFAIL, ATT_FAULT, ATT_VOID, ATT_LOST };

struct attempt {
        uint32_t start;
        enum attempt_state state;
        uint32_t exit_number;  /* an exit that was planned before is void when this differs */
        uint32_t execs;
        int64_t timeout;
        bool timeout_is_total, stop_asked, dropped, forgotten, reboot, stubborn;
        int32_t status;
        enum end_cause cause;
        int64_t started_at;    /* wall */
        const struct job *definition;
};

/* ---- runs.  `em`: as the engine last wrote it; `du`: as it is durable. */
struct srun {
        uint64_t id;
        struct sjob *job;
        struct srun *next, *prev;           /* all that are not settled */
        struct srun *job_next, *job_prev;   /* unfinished ones of the job, by `em` */
        bool in_job_list, has_em, has_du;
        bool cancel_asked, was_told_to_stop, touched;
        struct run_info em, du;
        enum run_state moved;               /* by transition rows */
        enum run_reason moved_reason;
        bool has_moved;
        uint64_t first_seq;                 /* unit of its first row */
        uint64_t start_seq;                 /* unit of the last `starting` row */
        uint32_t sent_start;                /* the start that the runner was last told of, in this life or before */
        uint64_t state_seq;                 /* unit of the last change of state */
        int64_t untold_since;               /* to stop, running, and the runner was not asked to */
        int64_t backoff_due;                /* world time; 0: not known (another life) */
        int64_t jitter_due;                 /* the same of the end of its jitter, known in any life */
        uint64_t order;                     /* place among the runs of its job: when it came to count */
        uint8_t first_digest[32];
        bool has_first_digest, took_definition;
        struct attempt *a;
        size_t n_a;
        int64_t du_until;                   /* range rows: covered so far by durable rows */
        uint64_t du_count;
};

/* What is left of a run that is over, durable and forgotten.  Range rows may still grow. */
struct settled {
        int64_t until;
        uint32_t count;
        uint8_t state;     /* enum run_state + 1; 0: no such run */
};

/* ---- jobs */
struct entry { /* a durable row that covers instants, not yet checked */
        uint64_t run;
        uint32_t epoch;
        int64_t at, until; /* included; at_open: `at` itself not */
        bool at_open, hit_at, hit_until;
        uint8_t fates; /* of the instants that it may cover: bits */
        uint64_t count, seen;
};

struct segment { /* where instants are expected */
        bool open;
        uint32_t epoch;
        int64_t done;        /* every instant up to it was found covered once */
        int64_t fixed_after;
        const struct oracle *oracle;
};

struct sjob {
        char name[24];
        unsigned index;
        bool in_files;
        struct job *def;           /* in the files */
        struct oracle *oracle;
        struct left_out out;       /* what def's schedule leaves out */
        bool leaves_out;
        struct job *force;         /* in force in the engine: borrowed from `all_defs` */
        const struct oracle *force_oracle;
        int64_t force_since;       /* wall clock of the CONFIG */
        bool force_restart;        /* that CONFIG was the one of a start */
        int64_t run_min, run_max;
        double p_fail, p_hang, p_signal;
        struct job_state em, du;
        char em_why[32], du_why[32];
        bool has_em, has_du;
        struct srun *first;        /* unfinished runs */
        struct segment seg;
        struct entry *entries;
        size_t n_entries, allocated_entries;
        bool changed_row;          /* missed (changed) seen since the last segment */
        uint64_t unit_seq;         /* below: of rows in this unit */
        int64_t unit_missed_until, unit_newest;
        uint32_t unit_chain;
        bool unit_limit, unit_passed;
        bool is_after;             /* its schedule is @after, for all of its life */
        struct {
                uint64_t seq;      /* the unit that the rest is about */
                int64_t base, watermark; /* before it */
                int64_t ended, aside;    /* of a run that ended in it, of an instant that did not run; INT64_MIN */
        } after;
        bool has_reboot;
        uint32_t boot_runs;        /* durable, of this boot */
        uint64_t waiting_run;      /* next in line when last looked at, and since when */
        int64_t waiting_since;
        int64_t paused_changed;    /* wall: last pause or resume */
};

/* ---- store */
struct urow {
        struct row row;
        struct sjob *job;
        const struct oracle *oracle;
        int64_t since;
        bool restart;
        char why[32];
};

struct unit {
        uint64_t seq;
        struct urow *rows;
        size_t n, allocated;
};

struct store_model {
        struct unit *units;        /* not durable yet, in order */
        size_t n, allocated;
        uint64_t emitted, durable, told;
        bool failing, committing;
        struct job **definitions;
        size_t n_definitions;
};

struct command_model {
        struct command c;
        char job[24];
        uint64_t seq;     /* newest unit when its step was over */
        uint32_t life;
        int64_t at;
        bool replied, degraded;
};

struct epoch_start {
        int64_t wall;
        bool moderate;    /* fixed expressions don't repeat */
};

/* How often things go wrong; of the seed. */
struct faults {
        double zone, crash, reboot, suspend, step_small, step_mid, step_big, store_fail, reload, command, shutdown,
                never; /* a day */
        double exec_fail, start_fault, start_void, supervisor_dies, duplicate, no_started, slow_message, slow_disk,
                record;
};

struct sim {
        struct {
                uint64_t seed;
                int days, jobs;
                bool verbose, quiet;
        } opt;
        struct rng rng, gen, world, past, days, turns;
        struct faults faults;
        int64_t now, end, boot_at, wall_off, base_wall, oracle_from, oracle_to;
        struct happening *heap;
        size_t n_heap, allocated_heap;
        uint64_t order;
        uint64_t newest_run, newest_before, n_joined; /* runs that came to count at the end of their jitter */

        struct engine *e;
        struct engine_options options;
        struct actions actions;
        uint32_t life;
        bool up, calm, shutdown, degraded, clock_waiting, new_boot;
        uint64_t boot_row_seq, max_run, max_job;
        bool boot_counts;
        int64_t loaded_wall, last_wall, high_wall;
        uint32_t epoch;
        struct epoch_start *epochs;
        size_t n_epochs;
        bool restart_behind, in_config;
        enum event_type step_type;
        uint64_t steps, ticks_in_place;
        int64_t last_tick_at;
        uint64_t command_now; /* whose step this is */

        struct store_model store;
        struct zone *zones;
        size_t n_zones, n_all_zones; /* behind the first: the same zones with other rules */
        struct sjob *jobs;          /* by index */
        size_t n_jobs, allocated_jobs;
        struct sjob **by_id;        /* by job id */
        size_t n_by_id;
        struct srun **runs;         /* by number; NULL: settled or unknown */
        struct settled *settled;    /* by number */
        size_t n_runs;
        struct srun **touched;      /* in this unit */
        size_t n_touched, allocated_touched;
        bool started_some, after_reboot;
        size_t oldest_command;
        struct srun *active;        /* not settled */
        struct command_model *commands;
        size_t n_commands;
        struct job **all_defs;
        size_t n_all_defs;
        struct oracle **all_oracles;
        size_t n_all_oracles;
        uint64_t next_digest;
        uint32_t n_starting, n_running; /* by em */
        uint32_t n_sent;                /* starting, and the runner was told */
        uint32_t stopped_life;
        const struct file_row *config_file;
        bool saw_file;

        struct {
                uint64_t runs, started, succeeded, failed, timed_out, lost, cancelled, skipped, missed, retried,
                        crashes, reboots, steps, suspends, reloads, commands, store_failures, shutdowns, instants,
                        epochs, stale, stops, zones;
        } count;
};

/* world.c */
void plan(struct sim *s, int64_t at, enum happening_type type, uint32_t life, uint64_t run, uint32_t start,
          uint32_t arg);
void plan_event(struct sim *s, int64_t at, const struct event *ev);
int64_t wall_now(const struct sim *s);
void step(struct sim *s, struct event *ev);
void daemon_boot(struct sim *s);
void daemon_die(struct sim *s, bool clean);
void sim_run(struct sim *s);

/* store.c */
void store_emit(struct sim *s);
void store_commit(struct sim *s);
void store_apply(struct sim *s, size_t n_units);
void store_drop(struct sim *s);
void store_finish(struct sim *s);
struct job *store_definition(struct sim *s, const uint8_t digest[32]);

/* super.c */
void super_start(struct sim *s, const struct action *a);
void super_stop(struct sim *s, const struct action *a);
void super_forget(struct sim *s, const struct action *a);
void super_happen(struct sim *s, const struct happening *h);
void super_adopt(struct sim *s);
void super_reboot(struct sim *s);
void super_disconnect(struct sim *s);
struct attempt *attempt_find(struct srun *r, uint32_t start);

/* chaos.c */
void chaos_begin(struct sim *s);
void chaos_happen(struct sim *s, uint32_t kind, int64_t by, uint32_t part);
void chaos_disable_all(struct sim *s);
void chaos_reload(struct sim *s, unsigned changes);
void send_command(struct sim *s, struct command c);

/* gen.c */
void gen_jobs(struct sim *s, int n);
struct sjob *gen_add(struct sim *s);
void gen_change(struct sim *s, struct sjob *j);
/* The same schedule by a zone's new rules. */
void gen_rezone(struct sim *s, struct sjob *j, const struct zone *z);
void gen_free(struct sim *s);
struct sjob *job_by_name(struct sim *s, const char *name);

/* after.c */
int64_t after_next(const struct sjob *j, int64_t base, int64_t watermark);
void check_after_run(struct sim *s, struct sjob *j, const struct srun *r, const struct run_info *n, uint64_t seq);
void check_after_job(struct sim *s, struct sjob *j, const struct job_state *n, uint64_t seq);
void audit_after(struct sim *s, const struct sjob *j, const struct job_view *v);

/* check.c */
struct srun *srun_find(struct sim *s, uint64_t id);
struct srun *srun_get(struct sim *s, struct sjob *j, uint64_t id);
void srun_settle(struct sim *s, struct srun *r);
void srun_unlist(struct srun *r);
void srun_list(struct srun *r);
/* In its jitter, and in nobody's way: its place among the job's runs is given at the end of it. */
bool stands_apart(const struct run_info *r);
void check_row(struct sim *s, const struct row *row, uint64_t seq);
void check_unit_end(struct sim *s, uint64_t seq);
void check_epoch(struct sim *s, const struct event *ev);
/* Starts of this run that reached the command. */
unsigned attempts_of(const struct srun *r);

/* acts.c */
void check_start(struct sim *s, const struct action *a);
void check_stop(struct sim *s, const struct action *a);
void check_reply(struct sim *s, const struct action *a);
void check_publish(struct sim *s, const struct action *a);
void check_end(struct sim *s, const struct srun *r);

/* audit.c */
void audit(struct sim *s, bool idle);
void audit_end(struct sim *s);

/* cover.c */
void cover_run_row(struct sim *s, struct srun *r);
void cover_unit_end(struct sim *s, const struct unit *u);
/* True if the instant with index i counts for this segment. */
bool cover_counts(const struct segment *g, const struct oracle *o, size_t i);
/* How many instants that is. */
unsigned cover_number(const struct segment *g, const struct oracle *o, size_t i);

/* trace.c */
void trace(struct sim *s, const char *fmt, const char *name, int64_t a, int64_t b, int64_t c, int64_t d);
_Noreturn void fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void trace_abort_hook(struct sim *s);
const char *when(int64_t wall_usec, char buf[40]);
