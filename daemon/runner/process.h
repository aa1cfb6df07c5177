/* What /proc says of a process. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/time.h"

struct process {
        pid_t pid, parent, session;
        char state;          /* R S D Z … */
        struct mono since;   /* when it began; the kernel counts in ticks of 10 ms, rounded down */
};

/* How much a process may seem to have begun too early. */
#define PROCESS_TICK_USEC (10 * USEC_PER_MSEC)

/* 0, -ESRCH, negative errno. */
int process_read(pid_t pid, struct process *ret);

/* Whether its environment holds all of these KEY=VALUE texts (NULL-terminated list).  False if it can't be read. */
bool process_has_environment(pid_t pid, const char *const *wanted);
