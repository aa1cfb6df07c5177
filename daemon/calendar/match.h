/* Inside calendar/: the local side of an expression, without zones.  Local times are seconds "as if UTC".  Pure. */
#pragma once
#include "calendar/calendar.h"
#include "calendar/civil.h"

/* Days (bits 1 … 31) of the month that match, for a month whose first day is a `first_weekday`. */
uint32_t match_month_days(const struct calendar *c, int64_t year, unsigned month, unsigned first_weekday);

/* True if the day (since 1970-01-01) matches. */
bool match_day(const struct calendar *c, int64_t day);

/* First local time strictly after `after` that matches.  False: none in the 400 years to come, thus none ever.
 * Only for CALENDAR_FIELDS, as is all in this file.  |after| < TZ_SEC_MAX. */
bool match_next(const struct calendar *c, int64_t after, int64_t *ret_next);

/* The latest local time that the zone's clock has shown up to and including the UTC second `sec`, which lies in *span:
 * the clock of fixed expressions, that never goes back. */
int64_t match_latest_local(const struct tz *zone, const struct tz_span *span, int64_t sec);
