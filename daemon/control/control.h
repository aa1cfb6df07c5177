/* The control socket: peers, their rights, JSON-RPC, one handler for each command. */
#pragma once
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
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
        struct folder *folder;          /* may be replaced at a reload */
        struct runner *runner;
        const struct config *config;
        const char *log_dir;
        const char *socket_path;
        uint32_t own_uid;               /* with --user and --root: has every right */
        bool private_daemon;            /* --user or --root */
        /* Puts a COMMAND event into the loop's queue; its REPLY comes back through control_reply(). */
        void (*command)(void *arg, const struct command *c);
        /* Starts a reload; control_reloaded() follows when it is in force. */
        void (*reload)(void *arg);
        void *arg;
        struct wall started;            /* when the daemon started */
};

/* Binds (through an O_PATH descriptor of the folder, so that long paths work) or takes `listen_fd` (>= 0: socket activation). */
int control_new(const struct control_context *ctx, int listen_fd, struct control **ret, struct error *reterr);
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free);

/* ACTION_REPLY. */
void control_reply(struct control *c, uint64_t command, enum error_code code, const char *message, uint64_t run, bool durable);
/* ACTION_PUBLISH: a run changed (waiting clients). */
void control_publish(struct control *c, const struct run_info *r);
void control_reloaded(struct control *c);
/* Stop accepting; clients that wait are told. */
void control_shutdown(struct control *c);
