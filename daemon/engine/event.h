/* What goes into the engine and what comes out of it.  Plain values.
 *
 * An event carries both clocks.  The answer is a list of actions, to be carried out in order:
 *   ROW     write this down.  All rows of one step are one unit, numbered `seq`; units are committed in order, any
 *           number in one transaction.  When unit N and all before it are durable, send STORED{seq = N}.
 *   START, STOP, FORGET   to the runner.          REPLY   to the client whose command it was.
 *   PUBLISH  a run changed (for waiting clients, logs, metrics).
 * The engine itself holds back what depends on rows until their STORED has come: an action in the list is always
 * permitted now.  Pointers in actions and rows are borrowed until the next engine call. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time.h"
#include "engine/job.h"
#include "engine/run.h"

enum event_type {
        EVENT_CONFIG,       /* definitions appeared, changed, went away */
        EVENT_LOADED,       /* everything stored is restored, every file is read: begin */
        EVENT_TICK,         /* a timer fired, or the clock was set.  Early, late or for nothing: harmless */
        EVENT_COMMAND,      /* a client asks for a change */
        EVENT_STORED,       /* units up to seq are durable */
        EVENT_STORE_FAILED, /* the store can't write; nothing is lost, it goes on trying.  Ends with the next STORED */
        EVENT_STARTED,      /* the attempt's command runs */
        EVENT_START_FAILED, /* it never ran: stage and errno; or was judged as not started (stage NONE: try again) */
        EVENT_EXITED,       /* it ended: exact wait status */
        EVENT_LOST,         /* its end can't be known: reason supervisor, reboot or record */
        EVENT_SHUTDOWN,     /* no new starts from now on */
        EVENT_NR
};

/* How an attempt came to its end, as the supervisor saw it. */
enum end_cause { END_SELF, END_TIMEOUT, END_TOTAL_TIMEOUT, END_STOPPED /* we told it to */ };

enum command_type {
        COMMAND_RUN,     /* make a manual run of `job` */
        COMMAND_BACKFILL, /* make runs of `job` for past instants */
        COMMAND_CANCEL,  /* end `run` */
        COMMAND_PAUSE, COMMAND_RESUME, COMMAND_ENABLE, COMMAND_DISABLE, /* `job` */
        COMMAND_NR
};

struct command {
        uint64_t id;         /* given back in the REPLY; 0: nobody waits for one */
        enum command_type type;
        const char *job;     /* name; borrowed for the step */
        uint64_t run;
        uint32_t by_uid;
        bool force;          /* RUN: leave out concurrency */
        bool hold;           /* PAUSE: instants count as missed and catch_up decides at the resume */
        struct wall until;   /* PAUSE: resumes by itself; WALL_NEVER: does not */
        const char *why;     /* PAUSE: may be NULL */
        const struct wall *instants; /* BACKFILL: oldest first, none later than now; borrowed for the step */
        size_t n_instants;   /* 1 … BACKFILL_STEP_MAX */
};

/* A backfill comes in pieces, so that no step is long; this many runs of a job may be unfinished after one. */
#define BACKFILL_STEP_MAX 200
#define BACKFILL_RUNS_MAX 10000

/* A job file's stored form; passed through from CONFIG to the rows of the same unit, so that a text and its taking
 * effect are one transaction. */
struct file_row {
        const char *path;
        const void *text;    /* the last good version; NULL: forget this file */
        size_t size;
        uint32_t uid, mode;
};

struct event {
        enum event_type type;
        struct wall wall;
        struct mono mono;
        union {
                struct {
                        struct job *const *put;     /* new or changed; the engine takes its own references */
                        size_t n_put;
                        const char *const *removed; /* names */
                        size_t n_removed;
                        const struct file_row *files;
                        size_t n_files;
                        uint32_t max_running, max_starting; /* limits now in force; 0: as before */
                } config;
                struct {
                        bool new_boot; /* the first time in this boot (boot id and start of PID 1): @reboot jobs run */
                        const char *boot; /* its identity, to be kept in the same unit; may be NULL */
                } loaded;
                struct command command;
                struct {
                        uint64_t seq;
                } stored;
                struct { /* STARTED, START_FAILED, EXITED, LOST */
                        uint64_t run;
                        uint32_t start;
                        struct wall at;       /* when it happened, by the supervisor's clock */
                        struct wall began;    /* EXITED: when its command began; WALL_NEVER: not known */
                        enum spawn_stage stage;
                        int error;            /* positive errno */
                        bool fault;           /* START_FAILED: the machine's fault (EAGAIN, ENOSPC, no runner …), not the job's */
                        int32_t wait_status;
                        enum end_cause cause;
                        enum run_reason reason; /* LOST */
                        bool kill_failed;
                        bool log_dropped;
                        struct usage usage;
                } attempt;
                struct {
                        bool kill; /* runs are stopped, and end as cancelled (shutdown) */
                } shutdown;
        };
};

/* A job's state as stored: restored by engine_restore_job(). */
struct job_state {
        uint64_t id;
        const char *name;         /* borrowed */
        struct wall watermark;    /* every instant up to it is accounted for */
        struct wall fixed_after;  /* fixed expressions: also up to here (clock was set back) */
        uint32_t epoch;
        uint64_t schedule_digest; /* of what made the instants up to the watermark */
        bool removed;             /* its file went away; history stays */
        struct wall last_success; /* end of the newest success; {0}: none */
        int8_t enabled_override;  /* -1 none, 0 disabled, 1 enabled by command */
        bool paused, pause_hold;
        uint32_t paused_by;
        struct wall paused_at, pause_until;
        const char *pause_why;    /* NULL */
        struct wall after_base;   /* from where @after counts; WALL_NEVER: the job has none */
};

enum row_type {
        ROW_JOB,        /* put job_state by id */
        ROW_RUN,        /* put run_info by id */
        ROW_TRANSITION, /* append: run `run` came to state/reason at `at` */
        ROW_DEFINITION, /* definition of this digest is in use by a run: keep its text (once) */
        ROW_FILE,       /* put or forget a job file's text */
        ROW_BOOT,       /* this boot's @reboot jobs have had their turn (in LOADED's unit, with their runs) */
        ROW_NR
};

struct row {
        enum row_type type;
        union {
                struct job_state job;
                struct run_info run;
                struct {
                        uint64_t run;
                        uint32_t start;
                        struct wall at;
                        enum run_state state;
                        enum run_reason reason;
                        int32_t wait_status;
                        uint8_t stage;
                        int32_t error;
                } transition;
                const struct job *definition;
                struct file_row file;
                const char *boot; /* identity of the boot */
        };
};

enum action_type { ACTION_ROW, ACTION_START, ACTION_STOP, ACTION_FORGET, ACTION_REPLY, ACTION_PUBLISH, ACTION_NR };

struct action {
        enum action_type type;
        uint64_t seq; /* ROW: the unit it belongs to */
        union {
                struct row row;
                struct {
                        const struct run_info *run; /* run->start is the number of this start */
                        const struct job *job;
                        struct wall last_success;   /* {0}: none */
                        uint32_t attempt;           /* what JOB_ATTEMPT will be */
                        int64_t timeout_usec;       /* the attempt's; USEC_INFINITY */
                        bool timeout_is_total;      /* it is total_timeout that cuts it short */
                } start;
                struct {
                        uint64_t run;
                        uint32_t start;
                        uint8_t signal;
                        int64_t grace_usec; /* then KILL */
                        enum run_reason reason;
                } stop;
                struct {
                        uint64_t run;
                        uint32_t start;
                } forget;
                struct {
                        uint64_t command;  /* command.id */
                        enum error_code code;
                        const char *message;   /* NULL when code is ERROR_NONE */
                        uint64_t run;          /* the run made or meant, the first of those made; 0 */
                        bool durable;
                } reply;
                struct run_info publish;
        };
};

/* A growing list of actions.  Zero-initialise; actions_done() frees. */
struct actions {
        struct action *v;
        size_t n, allocated;
};
void actions_clear(struct actions *a);
void actions_done(struct actions *a);
