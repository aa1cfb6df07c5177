/* Reading the clocks: for the parts that touch the world (shell, runner, jobctl).  Not for pure code. */
#pragma once
#include <time.h>

#include "base/time.h"

static inline struct wall clock_wall(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (struct wall){ (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000 };
}

static inline struct mono clock_mono(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (struct mono){ (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000 };
}
