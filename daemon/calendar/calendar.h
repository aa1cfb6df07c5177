/* Calendar expressions: "at which instants should this job start?"  Pure: no clock, no I/O, no allocation.
 *
 * struct calendar is a plain value, to be copied freely: one expression, compiled.  Five or six fields (with `L`,
 * `W`, `#`, `?`, `~`, `H`), the macros, `@every D`, `@after D`, `@at T`, `@reboot`.  The grammar: jobs.d(5),
 * *EXPRESSIONS*.  Daylight saving, rule `once`: an expression whose second, minute or hour field begins with `*`, or
 * with `H/n`, is an interval and follows the clock; every other is fixed: a local time that a change skips is due
 * once, at the first instant after the gap, a repeated one once, the first time. */
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
        CALENDAR_AFTER,  /* @after D: so long after the end of the run before; the engine makes its instants */
};

#define CALENDAR_NTH_MAX 5 /* a month has at most so many of a weekday */

/* There may be 100,000 of these: rare things share what room there is.  All bits that mean nothing are 0, so that
 * equal values have equal bytes. */
struct calendar {
        uint8_t kind;                 /* enum calendar_kind */
        uint8_t interval : 1;         /* follows the clock through daylight saving; also @every */
        uint8_t interval_by_text : 1; /* … because the expression says so, not because of calendar_set_wall() */
        uint8_t dom_star : 1;         /* day-of-month begins with `*` or `?` */
        uint8_t dow_star : 1;         /* day-of-week begins with `*` or `?` */
        uint8_t has_seconds : 1;      /* six fields */
        uint8_t at_local : 1;         /* AT without an offset */
        uint8_t odd_days : 1;         /* any of the sets of L, W and # isn't empty */
        uint8_t hash_step; /* the `H/n` that makes an interval where no `*` can say so: enum field << 6 | n */
        uint8_t dow;       /* bit 0 Sunday … bit 6 Saturday, as in the next two */
        uint8_t dow_last;  /* 5L */
        uint8_t dow_nth[CALENDAR_NTH_MAX]; /* 5#1 … 5#5 */
        uint16_t month;                    /* bits 1 … 12 */
        uint32_t hour;                     /* bits 0 … 23 */
        uint32_t dom;                      /* bits 1 … 31 */
        uint32_t dom_last_workday;         /* L-nW: bit 31 - n; LW is L-0W */
        uint64_t minute, second;           /* bits 0 … 59 */
        union {
                int64_t value_usec; /* EVERY, AFTER: the duration; AT: the instant, or with at_local the local time
                                          as if UTC */
                struct {
                        uint32_t dom_last;    /* L-n: bit 31 - n, so that a shift puts it on a month's days */
                        uint32_t dom_workday; /* nW: bits 1 … 31 */
                };
        };
};

/* What `H` and `~` are drawn from, so that they come out the same at every reading.  One for all expressions of a
 * job, in their order: each that draws does so for itself, and counts `index` up. */
struct calendar_draw {
        uint64_t job;     /* H: of the job's name, the same on every machine */
        uint64_t machine; /* ~: of machine and name */
        uint32_t index;   /* how many of the job's expressions have drawn */
};

/* `machine`: any number that stands for this machine (jobfile/machine.h). */
struct calendar_draw calendar_draw_of(const char *job_name, uint64_t machine);

/* Where and why an expression is wrong. */
struct calendar_error {
        size_t position;   /* byte offset into the expression */
        char message[256]; /* one line: what is wrong and what was expected, naming the field (minute, hour,
                              day-of-month, …) */
};

/* Compiles `text`.  `draw` NULL: an expression of no job, on no machine.  Returns 0, or -EINVAL with *reterr set
 * (may be NULL).  An expression that can never match is valid here: see calendar_never(). */
int calendar_parse(const char *text, struct calendar_draw *draw, struct calendar *ret, struct calendar_error *reterr);

/* `dst: wall`: the expression follows the clock, whatever its fields begin with.  (@at goes on by the fixed rule.) */
void calendar_set_wall(struct calendar *c);

/* True if the expression matches no day of the 400-year cycle (`0 0 30 2 *`, `0 0 31W 2 *`).  Bounded work. */
bool calendar_never(const struct calendar *c);

/* Writes the canonical text: parses to the same value, under the same draw (what was drawn is printed as the values
 * that came out, but for an `H/n` that makes an interval).  calendar_set_wall() does not show.  A `size` of
 * CALENDAR_PRINT_SIZE always suffices.  Returns the length of the whole text, as snprintf() does. */
#define CALENDAR_PRINT_SIZE 1280
size_t calendar_print(const struct calendar *c, char *buf, size_t size);

/* Says it in English: "at 02:30 on weekdays", "every 15 minutes", "at 18:00 on 24 December 2026".  Returns the length;
 * cut off at `size` with the end marked "…". */
size_t calendar_describe(const struct calendar *c, char *buf, size_t size);

/* Whose clock that is: "Berlin time", "UTC"; "" for what goes by no local clock (@every, @after, @reboot, an @at
 * with an offset).  Returns the length, cut off at `size`. */
size_t calendar_describe_zone(const struct calendar *c, const char *zone_name, char *buf, size_t size);

/* First instant strictly after `after` that matches, in `zone`, under `dst: once`.  @every counts from `origin`
 * (WALL_SEC(0) for the epoch), and has instants before it too.  Returns 0, or -ENOENT when it never matches again
 * (also for @reboot and @after).  Times are whole seconds.  No allocation; well under a microsecond for common
 * expressions, bounded (a few µs) for the worst. */
int calendar_next(const struct calendar *c, const struct tz *zone, struct wall origin, struct wall after,
                  struct wall *ret_next);
