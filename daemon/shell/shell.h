/* The shell around the engine: libev watchers make events, one drain loop steps the engine and carries out what it
 * answers.  Everything goes the same way: a tick, a changed file, a client's request, a run's end.
 *
 * A watcher's callback makes one event and queues it.  Before the loop sleeps, the drain takes events until none is left;
 * answers that arrive meanwhile join the queue's end, never recursion. */
#pragma once
#include <ev.h>

#include "base/error.h"
#include "jobfile/config.h"
#include "shell/places.h"

struct shell;

struct shell_options {
        struct places places;      /* taken over */
        struct config config;      /* taken over */
        struct place_options given; /* the command line again, for a reload; borrowed for life */
        int log_level;             /* from the command line, -1: the configuration's */
        int listen_fd;             /* of socket activation, or -1 */
};

/* Each step of setting up, in the order of main(); each returns 0 or negative errno with *reterr. */
int shell_new(struct shell_options *opt, struct shell **ret, struct error *reterr);
/* -EWOULDBLOCK: another daemon holds this state, *ret_holder is its pid. */
int shell_open_store(struct shell *s, int *ret_holder, struct error *reterr);
int shell_load(struct shell *s, struct error *reterr);
int shell_start_runner(struct shell *s, struct error *reterr);
int shell_listen(struct shell *s, struct error *reterr);
/* Runs until TERM or INT.  Tells the service manager when it is ready and when it stops. */
int shell_run(struct shell *s, struct error *reterr);
/* NULL is fine, at any stage.  Flushes the store; leaves runs to their supervisors. */
struct shell *shell_free(struct shell *s);
DEFINE_CLEANUP(struct shell *, shell_free);

/* Reads a configuration's file, which only root or the daemon's user may have written.  A missing one gives the
 * defaults, unless it must exist.  Errors are logged with their places. */
int shell_read_config(const char *path, bool must_exist, const struct zone_source *zones, struct config *ret,
                      struct error *reterr);
