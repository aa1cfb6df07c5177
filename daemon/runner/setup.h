/* From a START to what command.c needs: user, environment, descriptors, limits.  In the supervisor. */
#pragma once
#include "runner/command.h"
#include "runner/environment.h"
#include "runner/runner.h"

struct setup {
        struct identity identity;
        struct environment environment;
        struct launch command;
        int out, err;         /* our ends of the pipes, not blocking; err is -1 where both are one */
        char **paths;
        bool looked_up;       /* the name services were asked, and are in this process now */
};

/* What to do (it must not return) when the name services do not answer in time.  Called from a signal handler. */
void setup_on_lookup_timeout(void (*fn)(void));

/* 0; negative errno, with the stage.  On failure only _exit is left. */
int setup_make(const struct runner_state *s, const struct runnermsg *m, struct setup *ret, enum spawn_stage *ret_stage);
/* After the command was started: the ends of the pipes that are its alone. */
void setup_close(struct setup *u);
void setup_done(struct setup *u);

/* Whether a failed start is a fault of the machine: tried again, no attempt of the job. */
bool setup_is_fault(const struct runnermsg *m, enum spawn_stage stage, int error);
