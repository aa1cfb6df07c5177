/* Users that supervisors have looked up, for the next ones: memory that the runner makes and all of them share,
 * for name services cost as much as all the rest of a start.  An entry holds for USERCACHE_USEC.  Only what was
 * found is kept, only by and for supervisors (the command's process loses it with execve). */
#pragma once
#include "base/time.h"
#include "runner/identity.h"

#define USERCACHE_USEC (60 * USEC_PER_SEC)

struct usercache;

/* Before the first supervisor is forked.  NULL: no memory, which only means that every look-up is made. */
struct usercache *usercache_new(void);
/* `group` may be NULL.  True: *ret is as identity_lookup() made it. */
bool usercache_get(const struct usercache *c, const char *user, const char *group, struct mono now,
                   struct identity *ret);
void usercache_put(struct usercache *c, const char *user, const char *group, struct mono now,
                   const struct identity *id);
