/* A client with its runner in a folder of its own, for tests: jobs are started, events gather, waits have a
 * deadline. */
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
        bool timeout_is_total;
        const char *program; /* instead of jobsched-runner */
        struct event *events;
        size_t n_events;
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
/* A job that runs tests/lib/probe with these words: from a copy in the harness' folder, by which its processes are
 * known. */
struct job *harness_probe(const char *word, ...) __attribute__((sentinel));
extern char harness_probe_path[128];
/* A job for /bin/sh -c. */
struct job *harness_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

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
/* The same; what it wrote on stdout goes to *ret_text, to be freed. */
const struct event *harness_run_text(struct harness *h, uint64_t run, const struct job *job, char **ret_text);

/* The log of an attempt: `suffix` "" or ".1", ".2".  NULL if there is none; to be freed. */
char *harness_log(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *suffix,
                  size_t *ret_size);
/* What the attempt wrote to a stream ("stdout", "stderr", NULL: both), put together from its log.  To be freed. */
char *harness_text(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *stream,
                   size_t *ret_size);
/* Waits until the log holds `text`. */
bool harness_wait_text(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *text);
/* The record; false if there is none. */
bool harness_record(struct harness *h, uint64_t run, uint32_t start, struct record *ret);
/* Whether the folder <run>.<start> is there. */
bool harness_has_folder(const struct harness *h, uint64_t run, uint32_t start);
/* Processes, zombies not counted, that have `mark` in their command line. */
size_t harness_processes(const char *mark, pid_t *ret_first);
/* Waits until there are so many. */
bool harness_wait_processes(struct harness *h, const char *mark, size_t n);
/* Writes a file in the harness' folder; returns its path (static, overwritten by the next call). */
const char *harness_file(const struct harness *h, const char *name, const void *data, size_t size, unsigned mode);
/* Lines of a file in the harness' folder that begin with `prefix`. */
size_t harness_lines(const struct harness *h, const char *name, const char *prefix);
bool exited_with(const struct event *ev, int code);
bool killed_by(const struct event *ev, int signal);
bool failed_at(const struct event *ev, enum spawn_stage stage, int error, bool fault);
