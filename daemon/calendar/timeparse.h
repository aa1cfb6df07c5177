/* Durations, dates, instants, and the time words that people type.  Pure. */
#pragma once
#include <stddef.h>

#include "calendar/tz.h"

/* Duration of job files: `90` (seconds), `500ms`, `90s`, `15m`, `1h30m`, `2d`, `1w`: whole numbers, largest unit first,
 * each unit once.  Returns 0; -EINVAL (not a duration), -ERANGE (over 100 years). `reterr`-like text in *ret_why
 * (static, may be NULL): "whole numbers with ms, s, m, h, d or w, largest unit first". */
int duration_parse(const char *text, int64_t *ret_usec, const char **ret_why);

/* "1h30m", "500ms", "90s" -> canonical, parses back to the same. size 64 suffices.  Returns the length. */
size_t duration_print(int64_t usec, char *buf, size_t size);

/* Date or instant of job files and `@at`: `2026-12-24`, `2026-12-24T18:00[:00][+01:00|Z]`.  Without an offset it is
 * local time in `zone` by the fixed rule.  `end_of_day`: a bare date means its last second (for ends) instead of its
 * first. zone may be NULL: then *ret holds the local time as if UTC and *ret_local (may be NULL) is true. */
int instant_parse(const char *text, const struct tz *zone, bool end_of_day, struct wall *ret, bool *ret_local);

/* The time grammar of jobctl: `15:30[:00]` (the next one, or with `past` the last one), `today`, `yesterday`, `tomorrow
 * [HH:MM]`, `mon [06:00]`, instants as above, `-3h`, `+2d`, `now`, `boot`.  `today` and the like
 * may be followed by a time of day.  Returns 0 or -EINVAL. */
int timeword_parse(const char *text, const struct tz *zone, struct wall now, struct wall boot, bool past,
                   struct wall *ret);

/* RFC 3339 with offset in `zone`: 2026-03-29T03:00:00+02:00; with a fraction only if `fraction_digits` > 0.  size 48
 * suffices. */
size_t wall_print_rfc3339(struct wall t, const struct tz *zone, unsigned fraction_digits, char *buf, size_t size);

/* "2026-03-29 03:00:00" in `zone`. */
size_t wall_print_local(struct wall t, const struct tz *zone, char *buf, size_t size);
