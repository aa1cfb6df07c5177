/* The engine in virtual time: the daemon's own decisions over any span, with runs that only take their time.  No clock, no
 * process, no file.  Memory in proportion to jobs and unfinished runs; memory that runs out ends jobctl.
 *
 * The world begins just before `from`, with nothing running, nothing paused and no instant left over; commands take their
 * duration and exit with 0, or, where a job fails, with 1; what is told to stop, or has reached its timeout, ends at
 * once.  Wall clock and boot clock go at the same pace. */
#pragma once
#include <stddef.h>

#include "base/time.h"
#include "engine/job.h"
#include "tbl/states.h"

struct sim_job {
        struct job *job;         /* borrowed */
        int64_t duration_usec;   /* of each attempt */
        bool fails;
        /* what came of it */
        uint64_t run, skipped, missed;             /* instants */
        uint64_t succeeded, failed, timed_out, cancelled; /* ends of runs */
        uint64_t retries;        /* attempts after the first */
        int64_t longest_wait_usec, busy_usec;
};

struct sim_down {
        struct wall from, until; /* nothing is taken up in between */
};

struct sim_options {
        struct wall from, to;    /* both included */
        uint32_t max_running, max_starting; /* 0: as built in */
        uint64_t machine;        /* its number (jobfile/machine.h), for jitter */
        const struct sim_down *down; /* in order of time, apart from each other */
        size_t n_down;
};

enum sim_decision { SIM_RUN, SIM_SKIPPED, SIM_MISSED, SIM_DECISION_NR };

/* What became of an instant (of several in a row, where `count` is over 1). */
struct sim_instant {
        size_t job;              /* its number in the table */
        struct wall at, until;
        uint64_t count;
        enum sim_decision decision;
        const char *reason;      /* of what did not run; of a run: what it waited for; NULL: nothing */
        enum run_trigger trigger;
        struct wall started_at;  /* of a run; WALL_NEVER: it still waits at the end */
        int64_t waited_usec;     /* from its being taken up to its start, or to the end */
};

struct sim_sum {
        uint64_t instants;
        uint32_t peak_running;
        struct wall peak_at;
        size_t running, waiting; /* at the end */
};

/* Tells each instant when it is decided.  0 or -ENOMEM. */
int simulate(struct sim_job *jobs, size_t n_jobs, const struct sim_options *opt,
             void (*decided)(void *arg, const struct sim_instant *i), void *arg, struct sim_sum *ret);
const char *sim_decision_name(enum sim_decision d);
