/* A job's environment, made from nothing.  From weak to strong: PATH, what the system gives (LANG, TZ), the user's
 * HOME USER LOGNAME SHELL; env_file; env; and what is ours alone: the names in environment.c's table are set by us
 * or are absent, whatever env_file and env say.  Other names that begin with JOB_ are the job's own. */
#pragma once
#include "base/util.h"
#include "proto/runnermsg.h"
#include "runner/identity.h"

struct environment {
        char **v;       /* NULL-terminated, sorted by name, each name once; strings may be borrowed from the message */
        void **owned;
        size_t n, n_owned;
};

/* 0; negative errno, with *ret_stage (enum spawn_stage) where it failed. */
int environment_make(const struct runnermsg *m, const struct identity *id, struct environment *ret,
                     unsigned *ret_stage);
void environment_done(struct environment *e);

/* The value of a name, or NULL. */
const char *environment_get(const struct environment *e, const char *name);
