/* Waiting for runs, and their output as it comes; both go on over a restart of the daemon. */
#pragma once
#include "cli.h"
#include "listing.h"

/* How long a daemon that went away is waited for. */
#define RECONNECT_USEC (30 * USEC_PER_SEC)

/* The exit code that a run stands for: its own, 128+N for a signal, 124, 125. */
int run_status(const json_t *run);

/* Waits until all of them have ended, at most `timeout_usec` (USEC_INFINITY: for ever).  0 with *ret_runs an array of
 * runs in the order asked for, owned by the caller; or an exit code (told; EXIT_SELF when the time ran out). */
int wait_runs(struct cli *c, const struct run_ids *ids, int64_t timeout_usec, json_t **ret_runs);

/* Tells how each of them ended, and returns the exit code of all: the first that is not 0. */
int tell_ends(struct cli *c, const json_t *runs);

/* Streams run.logs; `params` is stolen.  Each entry goes to `entry`; *ret (may be NULL) is the result.  0 or an exit
 * code (told). */
int stream_logs(struct cli *c, json_t *params, void (*entry)(void *arg, const json_t *entry), void *arg, json_t **ret);

/* Writes an entry as it was written: escaped on a terminal, unless `raw`. */
void put_log_entry(struct cli *c, const json_t *entry, bool raw);
