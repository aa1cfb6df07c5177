/* The connection to the daemon: JSON-RPC 2.0, one object a line.  Blocks; there is nothing else to do meanwhile.
 *
 * Errors: -ECONNREFUSED, -ENOENT, -EACCES … where there is no connection (code ERROR_UNREACHABLE); -ECONNRESET where it
 * was lost in the middle (ERROR_UNREACHABLE too); -EPROTO where the answer is none (ERROR_FAILED); -EREMOTEIO where the
 * daemon refused (its own code); -EOPNOTSUPP where it doesn't know the method (ERROR_FAILED); -ETIMEDOUT when the
 * deadline passed. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time.h"
#include "base/util.h"

struct client;

/* A long path is connected to through an O_PATH descriptor of its folder. */
int client_new(const char *path, struct client **ret, struct error *reterr);
struct client *client_free(struct client *c);
DEFINE_CLEANUP(struct client *, client_free);

/* Answers must come until then; MONO_NEVER (the default): however long it takes. */
void client_set_deadline(struct client *c, struct mono deadline);

/* Sends one request, at the latest when an answer is waited for; `params` is stolen.  Several may be under way.  Returns 0 and its id, or negative errno. */
int client_send(struct client *c, const char *method, json_t *params, int *ret_id, struct error *reterr);

/* Waits for what comes next for the request `id`.  1: an event of a stream (its params); 0: the result, and the end of
 * it; negative errno: the end too.  *ret is owned by the caller.  What comes for other requests is kept for them. */
int client_receive(struct client *c, int id, json_t **ret, struct error *reterr);
