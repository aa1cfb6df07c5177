/* Whom a job runs as: looked up by its supervisor alone, at each start, after the fork, so that a name service that
 * hangs holds up nobody else. */
#pragma once
#include <sys/types.h>

#include "base/util.h"

struct identity {
        bool change;        /* false: we run as this user already and leave everything as it is */
        uid_t uid;
        gid_t gid;
        gid_t *groups;      /* supplementary ones; owned */
        size_t n_groups;
        char *name, *home, *shell; /* owned */
};

/* Ourselves, for a daemon that runs jobs as its own user.  A uid without an entry is its number, home `/`.  0 or
 * -ENOMEM. */
int identity_self(struct identity *ret);

/* A user by name and, unless NULL, another primary group.  Slow: name services.  0; -ENOENT (unknown) and
 * other negative errno; *ret_group_failed says that it was the group. */
int identity_lookup(const char *user, const char *group, struct identity *ret, bool *ret_group_failed);

/* A group's number.  0 or negative errno. */
int identity_group(const char *group, gid_t *ret);

void identity_done(struct identity *id);
