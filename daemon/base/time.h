/* The two clocks, as two types, so that the compiler refuses to mix them.  Pure.
 *
 * struct wall: CLOCK_REALTIME, microseconds since the Unix epoch.  Calendars go by it.  It may jump.
 * struct mono: CLOCK_BOOTTIME, microseconds since boot, suspend included.  Timeouts and backoff go by
 * it.  It never goes back, and means nothing on another boot.
 *
 * Only shell/, the runner and jobctl read a clock (base/clock.h); everything else is told the time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define USEC_PER_MSEC INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define USEC_INFINITY INT64_MAX

struct wall {
        int64_t usec;
};

struct mono {
        int64_t usec;
};

/* "Never": later than every real time. */
#define WALL_NEVER ((struct wall){ USEC_INFINITY })
#define MONO_NEVER ((struct mono){ USEC_INFINITY })
#define WALL_SEC(s) ((struct wall){ (int64_t)(s) * USEC_PER_SEC })

static inline bool wall_is_never(struct wall t)
{
        return t.usec == USEC_INFINITY;
}

static inline bool mono_is_never(struct mono t)
{
        return t.usec == USEC_INFINITY;
}

/* Whole seconds, rounded down (also before 1970). */
static inline int64_t wall_sec(struct wall t)
{
        int64_t s = t.usec / USEC_PER_SEC;

        return s - (t.usec % USEC_PER_SEC < 0);
}

/* Sum that saturates at "never". */
static inline struct wall wall_add(struct wall t, int64_t usec)
{
        struct wall r;

        if (t.usec == USEC_INFINITY || usec == USEC_INFINITY || __builtin_add_overflow(t.usec, usec, &r.usec))
                return WALL_NEVER;
        return r;
}

static inline struct mono mono_add(struct mono t, int64_t usec)
{
        struct mono r;

        if (t.usec == USEC_INFINITY || usec == USEC_INFINITY || __builtin_add_overflow(t.usec, usec, &r.usec))
                return MONO_NEVER;
        return r;
}
