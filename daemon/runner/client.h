/* The daemon's side of the runner: makes requests, watches attempts, and turns what it learns into engine events.
 * The kernel's locks and the attempts' records are the truth; messages are only hints. */
#pragma once
#include <ev.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/event.h"

struct runner;

struct runner_options {
        const char *program;       /* path of jobsched-runner */
        const char *runs_dir;      /* <runtime-dir>/runs: the attempts' folders */
        const char *log_dir;       /* logs of runs: <log-dir>/<job>/<run>.<start>.log */
        const char *control_socket; /* for JOBSCHED_SOCKET */
        const char *boot;          /* boot identity: boot id and start time of PID 1 */
        const char *language;      /* LANG of jobs, or NULL */
        const char *system_zone;   /* TZ of jobs, or NULL */
        bool own_user_only;        /* not root: jobs run as ourselves, identity is left alone */
        int64_t shutdown_grace_usec;
        /* Every answer: an event of type STARTED, START_FAILED, EXITED or LOST, `mono` and `wall` unset. */
        void (*event)(void *arg, const struct event *ev);
        void *arg;
};

/* Starts the runner as a child over a socketpair; again whenever it dies.  0 or negative errno. */
int runner_new(struct ev_loop *loop, const struct runner_options *opt, struct runner **ret, struct error *reterr);
/* TZ of the attempts to come.  Copied; a lack of memory leaves it as it was. */
void runner_set_zone(struct runner *r, const char *zone);

/* Leaves supervisors alone.  NULL is fine. */
struct runner *runner_free(struct runner *r);
DEFINE_CLEANUP(struct runner *, runner_free);

/* Carries out ACTION_START.  Never fails: what goes wrong comes back as START_FAILED. */
void runner_start(struct runner *r, const struct run_info *run, const struct job *job, uint32_t attempt,
                  struct wall last_success, int64_t timeout_usec, bool timeout_is_total);
/* ACTION_STOP: to the whole tree, then KILL after the grace. */
void runner_stop(struct runner *r, uint64_t run, uint32_t start, int signal, int64_t grace_usec,
                 enum run_reason reason);
/* Only sends a signal to the main process' tree (`jobctl cancel --signal`).  0, or -ESRCH if it does not run. */
int runner_signal(struct runner *r, uint64_t run, uint32_t start, int signal);
/* ACTION_FORGET: the end is durable, the attempt's folder may go. */
void runner_forget(struct runner *r, uint64_t run, uint32_t start);

/* After a restart, for each unfinished run in state starting or running: finds out what became of it
 * and goes on watching.  The answer comes as an event: STARTED (alive), EXITED, START_FAILED
 * (stage NONE: never ran), LOST.  `same_boot` false: lost (reboot). */
void runner_adopt(struct runner *r, uint64_t run, uint32_t start, enum run_state state, bool same_boot);
/* After all runner_adopt() calls: folders of attempts that no run knows are cleared away once their lock is free. */
void runner_sweep(struct runner *r);

/* Number of attempts watched. */
size_t runner_watched(const struct runner *r);
/* Pid of the runner, 0 if there is none now. */
int runner_pid(const struct runner *r);
