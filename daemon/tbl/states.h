/* Run states, their reasons, the allowed moves, and triggers: told once.  Names are what users read and filter by.
 *
 *                 +-----------+      +--------+      +----------+      +---------+
 *   (created) --> |  waiting  | ---> | queued | ---> | starting | ---> | running | ---> an end
 *                 +-----------+      +--------+      +----------+      +---------+
 *                                      ^   ^            |    |            |
 *                                      |   +--- fault --+    |            |
 *                                      |                     v            v
 *                                      |                  +-------------------+
 *                                      +------------------|      backoff      |
 *                                                         +-------------------+
 *
 * Every state but an end may also go to an end directly (cancelled, skipped, failed, ...); see TBL_RUN_STATES. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RUN_BIT(s) (UINT32_C(1) << (s))

/*        enum              name         ends?  may become (bit set of states) */
#define TBL_RUN_STATES(X)                                                                                            \
        X(RUN_WAITING, "waiting", false, RUN_BIT(RUN_QUEUED) | RUN_BIT(RUN_CANCELLED) | RUN_BIT(RUN_SKIPPED) |       \
                                                 RUN_BIT(RUN_MISSED) | RUN_BIT(RUN_FAILED))                          \
        X(RUN_QUEUED, "queued", false, RUN_BIT(RUN_STARTING) | RUN_BIT(RUN_CANCELLED) | RUN_BIT(RUN_SKIPPED) |       \
                                               RUN_BIT(RUN_FAILED) | RUN_BIT(RUN_TIMED_OUT) | RUN_BIT(RUN_MISSED))   \
        X(RUN_STARTING, "starting", false, RUN_BIT(RUN_RUNNING) | RUN_BIT(RUN_QUEUED) | RUN_BIT(RUN_BACKOFF) |       \
                                                   RUN_BIT(RUN_SUCCEEDED) | RUN_BIT(RUN_FAILED) |                    \
                                                   RUN_BIT(RUN_TIMED_OUT) | RUN_BIT(RUN_LOST) |                      \
                                                   RUN_BIT(RUN_CANCELLED) | RUN_BIT(RUN_SKIPPED))                    \
        X(RUN_RUNNING, "running", false, RUN_BIT(RUN_BACKOFF) | RUN_BIT(RUN_SUCCEEDED) | RUN_BIT(RUN_FAILED) |       \
                                                 RUN_BIT(RUN_TIMED_OUT) | RUN_BIT(RUN_LOST) |                        \
                                                 RUN_BIT(RUN_CANCELLED) | RUN_BIT(RUN_SKIPPED))                      \
        X(RUN_BACKOFF, "backoff", false, RUN_BIT(RUN_QUEUED) | RUN_BIT(RUN_CANCELLED) | RUN_BIT(RUN_FAILED) |        \
                                                 RUN_BIT(RUN_TIMED_OUT) | RUN_BIT(RUN_LOST))                         \
        X(RUN_SUCCEEDED, "succeeded", true, 0)                                                                       \
        X(RUN_FAILED, "failed", true, 0)                                                                             \
        X(RUN_TIMED_OUT, "timed_out", true, 0)                                                                       \
        X(RUN_LOST, "lost", true, 0)                                                                                 \
        X(RUN_CANCELLED, "cancelled", true, 0)                                                                       \
        X(RUN_SKIPPED, "skipped", true, 0)                                                                           \
        X(RUN_MISSED, "missed", true, 0)

enum run_state {
#define X(e, name, ends, moves) e,
        TBL_RUN_STATES(X)
#undef X
        RUN_STATE_NR,
        RUN_STATE_INVALID = -1
};

/*        enum                    name            said to people */
#define TBL_RUN_REASONS(X)                                                                                     \
        X(REASON_NONE, "", "")                                                                                 \
        /* failed, and what a retry is for */                                                                  \
        X(REASON_EXIT, "exit", "the command exited with a code that is not a success")                         \
        X(REASON_SIGNAL, "signal", "the command was killed by a signal")                                       \
        X(REASON_SPAWN, "spawn", "the command could not be started")                                           \
        /* timed_out */                                                                                        \
        X(REASON_TIMEOUT, "timeout", "the attempt took longer than its timeout")                               \
        X(REASON_TOTAL_TIMEOUT, "total_timeout", "all attempts together took longer than total_timeout")       \
        /* lost */                                                                                             \
        X(REASON_SUPERVISOR, "supervisor", "its supervisor died")                                              \
        X(REASON_REBOOT, "reboot", "the machine went down while it ran")                                       \
        X(REASON_RECORD, "record", "the record of its attempt is gone or damaged")                             \
        /* cancelled */                                                                                        \
        X(REASON_USER, "user", "somebody cancelled it")                                                        \
        X(REASON_REPLACED, "replaced", "a newer run took its place")                                           \
        X(REASON_REMOVED, "removed", "its job was removed before it started")                                  \
        X(REASON_SHUTDOWN, "shutdown", "the machine or the daemon was shut down")                              \
        /* skipped */                                                                                          \
        X(REASON_CONCURRENCY, "concurrency", "another run of the job was active")                              \
        X(REASON_EXCLUDED, "excluded", "exclude leaves it out")                                                \
        X(REASON_DST, "dst", "daylight saving skips or repeats that hour, and dst is skip")                    \
        X(REASON_PAUSED, "paused", "the job was paused")                                                       \
        X(REASON_DISABLED, "disabled", "the job was disabled")                                                 \
        X(REASON_EXIT_CODE, "exit_code", "the command exited with one of skip_codes")                          \
        X(REASON_DEFINITION, "definition", "the job was blocked by its definition")                            \
        /* missed */                                                                                           \
        X(REASON_DOWN, "down", "the daemon or the machine was down or asleep")                                 \
        X(REASON_CLOCK, "clock", "the clock jumped over it")                                                   \
        X(REASON_DEADLINE, "deadline", "it was later than starting_deadline allows")                           \
        X(REASON_LIMIT, "limit", "more instants were missed than catch_up_limit allows")                       \
        X(REASON_CHANGED, "changed", "the schedule changed before it was taken up")                         \
        /* why an unfinished run is where it is */                                                             \
        X(REASON_JITTER, "jitter", "its start is spread by jitter")                                            \
        X(REASON_CHAIN, "chain", "an earlier run of its job comes first")                                      \
        X(REASON_FAULT, "fault", "the machine could not start it; it will be tried again")                     \
        X(REASON_RETRY, "retry", "it waits for the next attempt")

enum run_reason {
#define X(e, name, text) e,
        TBL_RUN_REASONS(X)
#undef X
        REASON_NR,
        REASON_INVALID = -1
};

/* Why a run exists. */
#define TBL_TRIGGERS(X)              \
        X(TRIGGER_SCHEDULE, "schedule") \
        X(TRIGGER_CATCH_UP, "catch_up") \
        X(TRIGGER_BOOT, "boot")         \
        X(TRIGGER_MANUAL, "manual")     \
        X(TRIGGER_BACKFILL, "backfill")

enum run_trigger {
#define X(e, name) e,
        TBL_TRIGGERS(X)
#undef X
        TRIGGER_NR,
        TRIGGER_INVALID = -1
};

/* Flags beside the state. */
#define TBL_RUN_FLAGS(X)                                          \
        X(RUN_STOPPING, 0, "stopping")       /* told to stop */   \
        X(RUN_KILL_FAILED, 1, "kill_failed") /* processes of it would not die */ \
        X(RUN_DEAD, 2, "dead")               /* its attempts are used up */      \
        X(RUN_FORCED, 3, "forced")           /* started with --force */          \
        X(RUN_CHAINED, 4, "chained")         /* starts after the end of the job's run before it */ \
        X(RUN_LOG_DROPPED, 5, "log_dropped") /* some output was not kept */

enum run_flag {
#define X(e, bit, name) e = 1 << (bit),
        TBL_RUN_FLAGS(X)
#undef X
};

const char *run_state_name(enum run_state s);
enum run_state run_state_from_name(const char *name); /* RUN_STATE_INVALID if unknown */
bool run_state_ends(enum run_state s);
bool run_state_may_become(enum run_state from, enum run_state to);
const char *run_reason_name(enum run_reason r);
const char *run_reason_text(enum run_reason r);
const char *run_trigger_name(enum run_trigger t);
enum run_trigger run_trigger_from_name(const char *name);
