/* The control socket: peers, their rights, JSON-RPC, one handler for each command.
 *
 * Everything here runs on the loop's thread and never waits: history and files are read on the store's reader thread,
 * changes go to the engine through `command`, long scans are done in slices.  A client that goes away in the middle of
 * anything is let go at once; what was asked of others for it ends on its own. */
#pragma once
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "calendar/tz.h"
#include "engine/engine.h"
#include "jobfile/config.h"
#include "jobfile/folder.h"
#include "runner/client.h"
#include "store/store.h"

struct control;

/* What the handlers may use.  All borrowed; `engine` is only looked at, changes go through `command`. */
struct control_context {
        struct ev_loop *loop;
        struct engine *engine;
        struct store *store;
        struct folder *folder;
        const struct calendars *calendars; /* NULL: there are none */
        struct runner *runner;
        const struct config *config;
        const struct tz *zone;          /* the daemon's local zone: times are shown in it.  NULL: UTC */
        const char *log_dir;
        const char *socket_path;
        const char *default_user;       /* whom jobs that name no user run as */
        uint32_t own_uid;               /* with --user and --root: has every right */
        bool private_daemon;            /* --user or --root */
        /* Puts a COMMAND event into the loop's queue (strings are to be copied); its REPLY comes back through
         * control_reply(). */
        void (*command)(void *arg, const struct command *c);
        /* Starts a reload; control_reloaded() follows when it is in force. */
        void (*reload)(void *arg);
        void *arg;
        struct wall started;            /* when the daemon started */
};

/* Binds (through an O_PATH descriptor of the folder, so that long paths work) or takes `listen_fd` (>= 0: socket
 * activation; it is owned from then on, also on failure).  The context is copied.  0 or negative errno; -EADDRINUSE:
 * somebody listens there. */
int control_new(const struct control_context *ctx, int listen_fd, struct control **ret, struct error *reterr);
/* Closes every connection and removes the socket it made.  Answers of the store that still come find nobody and are
 * dropped: the store is to be closed afterwards.  NULL is fine. */
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free);

/* Something in the context changed (a reload may replace folder, config, zone): from now on this.  To be called before
 * what it replaces is freed. */
void control_update(struct control *c, const struct control_context *ctx);

/* ACTION_REPLY. */
void control_reply(struct control *c, uint64_t command, enum error_code code, const char *message, uint64_t run,
                   bool durable);
/* ACTION_PUBLISH: a run changed (waiting clients). */
void control_publish(struct control *c, const struct run_info *r);
/* A reload, whoever asked for it, is in force: those who wait for one are answered; names of groups are looked up
 * anew. */
void control_reloaded(struct control *c);
/* Stop accepting; clients that wait are told (error `unavailable`), and each connection is closed once it has read
 * that. */
void control_shutdown(struct control *c);
