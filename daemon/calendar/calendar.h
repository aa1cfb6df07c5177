/* Calendar expressions: "at which instants should this job start?"  Pure: no clock, no I/O, no allocation.
 *
 * struct calendar is a plain value, to be copied freely: one expression, compiled.  Five or six fields, the macros,
 * `@every D`, `@at T`, `@reboot`.  The grammar: jobs.d(5), *Schedule*.  Daylight saving, rule `once`: an expression
 * whose second, minute or hour field begins with `*` is an interval and follows the clock; every other is fixed: a
 * local time that a change skips is due once, at the first instant after the gap, a repeated one once, the first time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "calendar/tz.h"

enum calendar_kind {
        CALENDAR_FIELDS, /* five or six fields, or a macro that stands for them */
        CALENDAR_EVERY,  /* @every D: multiples of D from the schedule's start, or from the epoch, in UTC */
        CALENDAR_AT,     /* @at T: once */
        CALENDAR_REBOOT, /* @reboot: no clock time; the engine fires it once a boot */
};

struct calendar {
        uint8_t kind;  /* enum calendar_kind */
        bool interval; /* follows the clock through daylight saving (a time field begins with `*`), also @every */
        bool dom_star; /* day-of-month begins with `*` or `?` */
        bool dow_star; /* day-of-week begins with `*` or `?` */
        uint8_t dow;   /* bit 0 Sunday … bit 6 Saturday */
        uint8_t has_seconds;
        uint16_t month;          /* bits 1 … 12 */
        uint32_t hour;           /* bits 0 … 23 */
        uint32_t dom;            /* bits 1 … 31 */
        uint64_t minute, second; /* bits 0 … 59 */
        int64_t value_usec;      /* EVERY: the period; AT: the instant, or with at_local the local time as if UTC */
        bool at_local;
};

/* Where and why an expression is wrong. */
struct calendar_error {
        size_t position;   /* byte offset into the expression */
        char message[256]; /* one line: what is wrong and what was expected, naming the field (minute, hour,
                              day-of-month, …) */
};

/* Compiles `text`.  Returns 0, or -EINVAL with *reterr set (may be NULL).  An expression that can never match is
 * valid here: see calendar_never(). */
int calendar_parse(const char *text, struct calendar *ret, struct calendar_error *reterr);

/* True if the expression matches no day of the 400-year cycle (`0 0 30 2 *`).  Bounded work. */
bool calendar_never(const struct calendar *c);

/* Writes the canonical text (parses to the same value).  A `size` of CALENDAR_PRINT_SIZE always suffices.  Returns the
 * length of the whole text, as snprintf() does. */
#define CALENDAR_PRINT_SIZE 512
size_t calendar_print(const struct calendar *c, char *buf, size_t size);

/* Says it in English: "at 02:30 on weekdays", "every 15 minutes", "at 18:00 on 24 December 2026".  Returns the length;
 * cut off at `size` with the end marked "…". */
size_t calendar_describe(const struct calendar *c, char *buf, size_t size);

/* First instant strictly after `after` that matches, in `zone`, under `dst: once`.  @every counts from `origin`
 * (WALL_SEC(0) for the epoch), and has instants before it too.  Returns 0, or -ENOENT when it never matches again (also
 * for @reboot).  Times are whole seconds.  No allocation; well under a microsecond for common expressions, bounded (a
 * few µs) for the worst. */
int calendar_next(const struct calendar *c, const struct tz *zone, struct wall origin, struct wall after,
                  struct wall *ret_next);
