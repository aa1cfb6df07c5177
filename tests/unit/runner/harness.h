/* A client with its runner in a folder of its own, for tests: jobs are started, events gather, waits have a deadline. */
#pragma once
#include <ev.h>

#include "../../lib/tap.h"
#include "base/clock.h"
#include "base/util.h"
#include "runner/client.h"
#include "runner/recordio.h"

#define DEADLINE 30.0 /* seconds that anything may take */

struct harness {
        char dir[64];
        struct ev_loop *loop;
        struct runner *runner;
        int runs_fd;
        char boot[32];
        bool own_user_only;
        struct event *events;
        size_t n_events;
        char *wait_for_file; /* see harness_wait_line() */
};

/* In a new folder under $TMPDIR; aborts where it can't. */
void harness_make(struct harness *h);
/* Starts client and runner; stops them (supervisors go on). */
void harness_up(struct harness *h);
void harness_down(struct harness *h);
/* And removes the folder. */
void harness_free(struct harness *h);

/* A job that runs `argv` (NULL-terminated list of words). */
struct job *harness_job(const char *word, ...) __attribute__((sentinel));
/* A job that runs tests/lib/probe with these words. */
struct job *harness_probe(const char *word, ...) __attribute__((sentinel));
const char *harness_probe_path(void);

void harness_start(struct harness *h, uint64_t run, uint32_t start, const struct job *job);
/* The first event of this type of the attempt, waiting for it; NULL after the deadline. */
const struct event *harness_wait(struct harness *h, uint64_t run, uint32_t start, enum event_type type);
/* Its end: EXITED, START_FAILED or LOST. */
const struct event *harness_end(struct harness *h, uint64_t run, uint32_t start);
/* Events seen so far of the attempt and type. */
size_t harness_count(const struct harness *h, uint64_t run, uint32_t start, enum event_type type);
/* Runs the loop until fn(arg) is true; false after the deadline. */
bool harness_until(struct harness *h, bool (*fn)(void *arg), void *arg);
/* start, wait for the end. */
const struct event *harness_run(struct harness *h, uint64_t run, const struct job *job);

/* The log of an attempt: `suffix` "" or ".1", ".2".  NULL if there is none; to be freed. */
char *harness_log(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *suffix, size_t *ret_size);
/* What the attempt wrote to a stream ("stdout", "stderr", NULL: both), put together from its log.  To be freed. */
char *harness_text(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *stream, size_t *ret_size);
/* Waits until the log holds `text`. */
bool harness_wait_text(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *text);
/* The record; false if there is none. */
bool harness_record(struct harness *h, uint64_t run, uint32_t start, struct record *ret);
/* Processes that have `mark` in their command line. */
size_t harness_processes(const char *mark, pid_t *ret_first);
