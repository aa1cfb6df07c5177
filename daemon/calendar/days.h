/* Which instants of a schedule must not run, and what becomes of them: the keys `dst`, `exclude` and `move`, and named
 * calendars.  Days are local ones, counted from 1970-01-01.  Pure.
 *
 * Everything goes by the local time that an expression names.  First `exclude` looks at it, then `move` gives it another
 * day, then daylight saving says at which instant it comes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"
#include "calendar/calendar.h"

struct day_range {
        int32_t first, last; /* both included */
};

/* A set of days, const once made.  Shared, counted references; NULL on -ENOMEM. */
struct dayset {
        uint32_t refs;
        uint32_t n;
        uint64_t digest; /* of the days: equal sets, equal digests */
        struct day_range v[]; /* in order, with a gap between any two */
};
/* Of ranges in any order that may overlap; those that run backwards are left out.  `v` is put in order. */
struct dayset *dayset_new(struct day_range *v, size_t n);
struct dayset *dayset_ref(struct dayset *set);
/* NULL is fine.  Always returns NULL. */
struct dayset *dayset_unref(struct dayset *set);
DEFINE_CLEANUP(struct dayset *, dayset_unref);
bool dayset_has(const struct dayset *set, int64_t day);

enum days_dst { DAYS_DST_ONCE, DAYS_DST_WALL, DAYS_DST_SKIP };
enum days_move { DAYS_MOVE_NONE, DAYS_MOVE_NEXT, DAYS_MOVE_PREVIOUS };
enum exclude_kind { EXCLUDE_DATES, EXCLUDE_CALENDAR, EXCLUDE_EXPRESSION };

struct exclude {
        uint8_t kind; /* enum exclude_kind */
        union {
                struct day_range dates;
                struct dayset *set;         /* a calendar's; NULL: not known here, excludes nothing */
                struct calendar expression; /* every local minute that it matches */
        };
        char *text; /* as written: a date, a range, the calendar's name, the expression */
};

/* How far `move` looks for a day: an instant with none so near is skipped where it is. */
#define DAYS_MOVE_MAX 366
/* How far ahead the next instant that runs is looked for, in days: 40 years, the longest that a weekday's 29 February
 * lets wait. */
#define DAYS_SEARCH_MAX 14610

/* The part of a schedule that most have not. */
struct schedule_days {
        const struct exclude *v; /* the entries of `exclude`, borrowed */
        uint32_t n;
        uint8_t dst;  /* enum days_dst; with WALL, calendar_set_wall() was called on the expressions */
        uint8_t move; /* enum days_move */
};

/* The excluded minutes of a local day. */
struct day_minutes {
        uint64_t hour[24]; /* bits 0 … 59 */
};
enum days_part { DAYS_NO_MINUTE, DAYS_SOME_MINUTES, DAYS_ALL_MINUTES };
enum days_part days_excluded(const struct schedule_days *x, int64_t day, struct day_minutes *ret);

/* The first entry that excludes a local time (seconds, as if UTC); NULL: none does. */
const struct exclude *days_excluded_by(const struct schedule_days *x, int64_t local);
