/* The command's process, from its birth to execve. */
#pragma once
#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/time.h"
#include "base/util.h"
#include "engine/run.h"
#include "runner/identity.h"

#define COMMAND_RLIMITS 8

struct launch {
        char *const *argv, *const *envp;
        char *const *paths;        /* tried in turn: the program as it stands, or in each folder of PATH */
        const char *working_dir;
        const char *fallback_dir;  /* where working_dir is only the default and can't be entered; NULL */
        const struct identity *identity;
        int in, out, err;          /* become 0, 1, 2; in is -1 where 0 is right already */
        mode_t umask;
        struct {
                int resource;
                struct rlimit value;
        } rlimits[COMMAND_RLIMITS];
        size_t n_rlimits;
        bool has_nice, has_oom_score_adjust, has_affinity;
        int nice, oom_score_adjust;
        int io_priority;           /* as ioprio_set wants it; -1: leave */
        cpu_set_t affinity;
};

/* Starts it.  Returns its pid once its program is being executed, or negative errno and *ret_stage.  It holds up the
 * caller until then, at most COMMAND_START_USEC where a file system hangs (-ETIMEDOUT). */
pid_t command_start(const struct launch *c, enum spawn_stage *ret_stage);

#define COMMAND_START_USEC (30 * USEC_PER_SEC)
