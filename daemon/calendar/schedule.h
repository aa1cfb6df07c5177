/* A job's schedule: the union of its expressions' instants, between start and end.  Pure.  Does not own anything:
 * the array belongs to the job, the zone to the zone table (const for the life of the process). */
#pragma once
#include <stddef.h>

#include "calendar/calendar.h"
#include "calendar/days.h"
#include "calendar/tz.h"

struct schedule {
        const struct calendar *entries;
        size_t n;
        const struct tz *zone;
        struct wall start; /* first instant that counts, included; {INT64_MIN} when open */
        struct wall end;   /* last one, included; WALL_NEVER when open */
        struct schedule_days days; /* `exclude`, `move`, `dst: skip`; all 0: none of them */
};

/* Whether an instant can have another fate than to run, at another time than the expressions say. */
static inline bool schedule_is_special(const struct schedule *s)
{
        return s->days.n > 0 || s->days.dst == DAYS_DST_SKIP;
}

/* What becomes of an instant. */
enum schedule_fate {
        SCHEDULE_DUE,      /* it runs (moved ones at the time that they moved to) */
        SCHEDULE_EXCLUDED, /* skipped (excluded) */
        SCHEDULE_DST,      /* skipped (dst) */
        SCHEDULE_FATE_NR
};
#define SCHEDULE_ANY ((1u << SCHEDULE_FATE_NR) - 1)

/* The next instant that runs.
 *
 * Two lower bounds, because after the clock was set back fixed expressions must not repeat what they have done while
 * intervals go on (crond's rule): interval expressions and @every count strictly after `after`, all others strictly
 * after the later of `after` and `fixed_after`.  Pass {INT64_MIN} as fixed_after where that does not matter.
 * Returns 0 or -ENOENT (never again; with `days` 40 years are looked through). */
int schedule_next(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall *ret_next);

/* The latest instant that runs in (after, until].  Returns 0 or -ENOENT (none).  Logarithmic in the span: it bisects
 * schedule_next(). */
int schedule_last(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                  struct wall *ret_last);

/* How many instants that run are in (after, until].  Work in proportion to days, not to instants: a year of `* * * * * *` takes
 * microseconds, one with @every among others some milliseconds.  UINT64_MAX where that is over 400 years from the first
 * instant. */
uint64_t schedule_count(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until);

/* The same for instants of every fate.  At one moment there may be many: each local time that a gap skipped, under
 * `dst: skip`, is one; and one that runs beside them. */
struct schedule_moment {
        struct wall at;
        bool due;      /* one runs */
        bool excluded; /* one is excluded; never together with `due` */
        uint64_t dst;  /* so many are skipped (dst) */
};
int schedule_next_moment(const struct schedule *s, struct wall after, struct wall fixed_after,
                         struct schedule_moment *ret_next);
int schedule_last_moment(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                         struct wall *ret_last);

/* Instants of one fate that follow each other. */
struct schedule_part {
        enum schedule_fate fate;
        struct wall first, last;
        uint64_t count;
};
typedef void schedule_part_fn(void *arg, const struct schedule_part *part);
/* All in (after, until], in order.  Work in proportion to days. */
void schedule_walk(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                   schedule_part_fn *part, void *arg);

/* Why: the entry of `exclude` that excludes the instant (NULL: none does); and for one that runs whether it was moved
 * there, and from when; and for one of the expressions' that is excluded, whether it moved away, and to when. */
const struct exclude *schedule_excluded_by(const struct schedule *s, struct wall at);
bool schedule_moved_from(const struct schedule *s, struct wall at, struct wall *ret_from);
bool schedule_moved_to(const struct schedule *s, struct wall at, struct wall *ret_to);

/* A number made of everything that makes instants: expressions, zone name and rules, start, end, and what is excluded,
 * the days of calendars included. */
uint64_t schedule_digest(const struct schedule *s);

/* True if there is an @reboot among the expressions. */
bool schedule_has_reboot(const struct schedule *s);

/* The odd days of daylight saving in (after, until]: for each offset change at which this schedule does something that
 * the plain clock would not show (an instant moved after a gap, one of a repeated hour taken once, an interval that
 * skips or repeats).  Fills at most `max`, returns how many, in order.  Looks at 400 years at most. */
struct schedule_oddity {
        struct wall at;
        char why[160]; /* "02:30 does not exist on 2026-03-29: due at 03:00+02:00 instead" */
};
size_t schedule_odd(const struct schedule *s, struct wall after, struct wall until, struct schedule_oddity *ret,
                    size_t max);
