/* The next instant.  Two layers: match_next() walks an expression's bit sets on the local clock, days and months at a
 * time; calendar_next() puts a zone around it. */
#include <errno.h>

#include "calendar/match.h"

#define FEBRUARY 2

/* Days of the week, turned so that bit 0 is the weekday of the month's first day. */
static uint32_t turned(uint8_t week, unsigned first_weekday)
{
        return ((uint32_t)week >> first_weekday | (uint32_t)week << (7 - first_weekday)) & 127;
}

/* Those, laid five times side by side: days of the month, from bit 1 on. */
static uint32_t spread(uint32_t week)
{
        return (uint32_t)((uint64_t)week * UINT64_C(0x10204081) << 1);
}

/* Days by `L`, `L-n`, `nW`, `LW`, `L-nW` in a month of `n` days, which are `all`. */
static uint32_t odd_days_of_month(const struct calendar *c, unsigned n, uint32_t all, unsigned first_weekday)
{
        uint32_t last = UINT32_C(1) << n, days = c->dom_last >> (31 - n), on_sat, on_sun, work;

        work = (c->dom_workday | c->dom_last_workday >> (31 - n)) & all;
        if (!work)
                return days;
        on_sat = work & spread(turned(1 << 6, first_weekday));
        on_sun = work & spread(turned(1 << 0, first_weekday));
        /* The nearest is Friday or Monday; at the month's edge the one on the other side. */
        return days | (work & ~(on_sat | on_sun)) | (on_sat & ~UINT32_C(2)) >> 1 | (on_sat & 2) << 2 |
               (on_sun & ~last) << 1 | (on_sun & last) >> 2;
}

/* Days by `5#2` and `5L`. */
static uint32_t odd_days_of_week(const struct calendar *c, uint32_t all, unsigned first_weekday)
{
        uint32_t days = spread(turned(c->dow_last, first_weekday)) & all & ~(all >> 7);

        for (unsigned i = 0; i < CALENDAR_NTH_MAX; i++)
                days |= turned(c->dow_nth[i], first_weekday) << (7 * i + 1);
        return days;
}

uint32_t match_month_days(const struct calendar *c, int64_t year, unsigned month, unsigned first_weekday)
{
        unsigned n = civil_month_days(year, month);
        uint32_t by_dom = c->dom, by_dow = spread(turned(c->dow, first_weekday));
        uint32_t all = (uint32_t)((UINT64_C(2) << n) - 2);

        if (c->odd_days) {
                by_dom |= odd_days_of_month(c, n, all, first_weekday);
                by_dow |= odd_days_of_week(c, all, first_weekday);
        }
        /* Vixie's rule: AND where either field begins with `*`, else OR. */
        return all & (c->dom_star || c->dow_star ? by_dom & by_dow : by_dom | by_dow);
}

bool match_day(const struct calendar *c, int64_t day)
{
        int64_t year;
        unsigned month, d;

        civil_date(day, &year, &month, &d);
        if (!(c->month >> month & 1))
                return false;
        return match_month_days(c, year, month, civil_weekday(day - (d - 1))) >> d & 1;
}

bool calendar_never(const struct calendar *c)
{
        unsigned first_weekday;

        if (c->kind != CALENDAR_FIELDS)
                return false;
        /* Within the 400 years every month begins on every weekday, February in leap years and in others. */
        for (unsigned month = 1; month <= 12; month++) {
                if (!(c->month >> month & 1))
                        continue;
                for (first_weekday = 0; first_weekday < 7; first_weekday++)
                        if (match_month_days(c, 2000, month, first_weekday) ||
                            (month == FEBRUARY && match_month_days(c, 2001, month, first_weekday)))
                                return false;
        }
        return true;
}

/* First time of day from `tod` on (seconds), or -1. */
static int32_t next_time_of_day(const struct calendar *c, int32_t tod)
{
        int32_t h = tod / 3600, m = tod / 60 % 60, s = tod % 60;
        uint32_t hours = c->hour & ~UINT32_C(0) << h;
        uint64_t minutes, seconds;
        int32_t hour;

        if (!hours)
                return -1;
        hour = __builtin_ctz(hours);
        if (hour == h) {
                minutes = c->minute & ~UINT64_C(0) << m;
                if (minutes && __builtin_ctzll(minutes) == m) {
                        seconds = c->second & ~UINT64_C(0) << s;
                        if (seconds)
                                return h * 3600 + m * 60 + __builtin_ctzll(seconds);
                        minutes &= minutes - 1;
                }
                if (minutes)
                        return h * 3600 + __builtin_ctzll(minutes) * 60 + __builtin_ctzll(c->second);
                hours &= hours - 1;
                if (!hours)
                        return -1;
                hour = __builtin_ctz(hours);
        }
        return hour * 3600 + __builtin_ctzll(c->minute) * 60 + __builtin_ctzll(c->second);
}

/* match_next(), as far as the end of the year that is so many years later. */
static inline bool next_within(const struct calendar *c, int64_t after, unsigned years, int64_t *ret_next)
{
        int64_t day = floor_div(after + 1, SEC_PER_DAY), year, last_year;
        unsigned month, d;
        uint32_t days, months;
        int32_t tod;

        civil_date(day, &year, &month, &d);
        last_year = year + years;
        if (c->month >> month & 1) {
                days = match_month_days(c, year, month, civil_weekday(day - (d - 1)));
                if (days >> d & 1) {
                        tod = next_time_of_day(c, (int32_t)(after + 1 - day * SEC_PER_DAY));
                        if (tod >= 0) {
                                *ret_next = day * SEC_PER_DAY + tod;
                                return true;
                        }
                }
                days &= (uint32_t)(~UINT64_C(1) << d);
                if (days) {
                        *ret_next = (day - d + __builtin_ctz(days)) * SEC_PER_DAY + next_time_of_day(c, 0);
                        return true;
                }
        }
        months = c->month & ~UINT32_C(1) << month;
        for (;;) {
                if (!months) {
                        /* Nothing needs longer than this but 29 February on a certain weekday; so it is time to ask. */
                        if (year == last_year || (year + 395 == last_year && calendar_never(c)))
                                return false;
                        year++;
                        months = c->month;
                }
                month = (unsigned)__builtin_ctz(months);
                months &= months - 1;
                day = civil_days(year, month, 1);
                days = match_month_days(c, year, month, civil_weekday(day));
                if (days) {
                        *ret_next = (day - 1 + __builtin_ctz(days)) * SEC_PER_DAY + next_time_of_day(c, 0);
                        return true;
                }
        }
}

bool match_next(const struct calendar *c, int64_t after, int64_t *ret_next)
{
        return next_within(c, after, 400, ret_next);
}

int64_t match_latest_local(const struct tz *zone, const struct tz_span *span, int64_t sec)
{
        struct tz_span s = *span;
        int64_t latest = sec + s.offset_sec;

        /* A span that ended two whole offsets ago showed nothing that is still to come. */
        while (s.begin_sec > sec - 2 * TZ_OFFSET_MAX_SEC) {
                tz_span_at(zone, s.begin_sec - 1, &s);
                latest = MAX(latest, s.end_sec - 1 + s.offset_sec);
        }
        return latest;
}

/* A fixed expression goes by a clock that never goes back: of a repeated hour it sees the first pass only, and after a
 * gap it finds the clock past what was skipped.  Each instant found is the first that this clock shows it. */
static bool next_fixed(const struct calendar *c, const struct tz *zone, int64_t after, int64_t *ret_next)
{
        struct tz_span s;
        int64_t local;

        tz_span_at(zone, after, &s);
        if (!match_next(c, match_latest_local(zone, &s, after), &local))
                return false;
        *ret_next = local - s.offset_sec < s.end_sec ? local - s.offset_sec : tz_local_to_utc(zone, local, NULL);
        return true;
}

#define MISSES_MAX 3 /* matches that fell into gaps, after which it is asked whether there are others */

/* True if it is proved that from tz_rule_sec() on every match falls into a gap.  A year begins on one of seven days
 * and is a leap year or not: one of each kind is looked at. */
static bool only_in_gaps(const struct calendar *c, const struct tz *zone)
{
        static const uint8_t kinds[] = {
                1, 2, 3, 5, 6, 9, 10, 4, 8, 12, 16, 20, 24, 28
        }; /* years after 2000 + 400 n */
        int64_t rule_sec = tz_rule_sec(zone), era;

        if (rule_sec == INT64_MAX)
                return false;
        era = 2000 + 400 * (MAX(rule_sec, 0) / SEC_PER_ERA + 1);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                int64_t at = civil_days(era + kinds[i], 1, 1) * SEC_PER_DAY - 1,
                        end = civil_days(era + kinds[i] + 1, 1, 1) * SEC_PER_DAY, local, sec;
                int kind;

                while (next_within(c, at, 0, &local)) {
                        sec = tz_local_to_utc(zone, local, &kind);
                        /* Near its edges a year hangs on the kind of its neighbour. */
                        if (kind >= 0 || sec < at + 3 * SEC_PER_DAY || sec > end - 3 * SEC_PER_DAY)
                                return false;
                        at = sec + tz_offset_at(zone, sec) - 1;
                }
        }
        return true;
}

/* An interval is due at exactly the instants whose local time matches.  Span by span; but `local`, the next match of a
 * clock that runs on, is only searched anew where a change makes the clock pass it over or go back before the search's
 * start, and spans that lie wholly before it are jumped over. */
static bool next_interval(const struct calendar *c, const struct tz *zone, int64_t after, int64_t *ret_next)
{
        struct tz_span s;
        int64_t start, local, begin, limit;
        unsigned misses = 0;

        tz_span_at(zone, after, &s);
        start = after + s.offset_sec; /* nothing in (start, local) matches */
        if (!match_next(c, start, &local))
                return false;
        limit = start + 2 * SEC_PER_ERA;
        while (local - s.offset_sec >= s.end_sec) {
                int64_t sec = s.end_sec;

                /* From here on no change leads back before `start`, so nothing is due while the clock is before
                 * `local`. */
                if (sec >= start + TZ_OFFSET_MAX_SEC)
                        sec = MAX(sec, local - TZ_OFFSET_MAX_SEC);
                tz_span_at(zone, sec, &s);
                begin = sec + s.offset_sec;
                if (begin > start && begin <= local)
                        continue;
                /* An expression whose every match falls into some gap is given up where the rule begins, if that can be
                 * proved in a few of its years; else after a whole cycle of it, which may begin later than `after`. */
                start = begin - 1;
                if (++misses == MISSES_MAX && only_in_gaps(c, zone))
                        limit = MIN(limit, tz_rule_sec(zone) + TZ_OFFSET_MAX_SEC);
                if (start > limit || !match_next(c, start, &local))
                        return false;
        }
        *ret_next = local - s.offset_sec;
        return true;
}

/* Multiples of the period from the origin. */
static int next_every(const struct calendar *c, struct wall origin, struct wall after, struct wall *ret_next)
{
        __int128 since = (__int128)after.usec - origin.usec;
        __int128 k = since / c->value_usec - (since % c->value_usec < 0);
        __int128 next = origin.usec + (k + 1) * c->value_usec;

        if (next >= USEC_INFINITY)
                return -ENOENT;
        ret_next->usec = (int64_t)next;
        return 0;
}

static struct wall instant_of(const struct calendar *c, const struct tz *zone)
{
        struct wall t = { c->value_usec };

        return c->at_local ? WALL_SEC(tz_local_to_utc(zone, wall_sec(t), NULL)) : t;
}

int calendar_next(const struct calendar *c, const struct tz *zone, struct wall origin, struct wall after,
                  struct wall *ret_next)
{
        struct wall t;
        int64_t sec;

        switch ((enum calendar_kind)c->kind) {
        case CALENDAR_FIELDS:
                if (c->interval ? !next_interval(c, zone, wall_sec(after), &sec)
                                : !next_fixed(c, zone, wall_sec(after), &sec))
                        return -ENOENT;
                if (sec >= USEC_INFINITY / USEC_PER_SEC)
                        return -ENOENT;
                *ret_next = WALL_SEC(sec);
                return 0;
        case CALENDAR_EVERY:
                return next_every(c, origin, after, ret_next);
        case CALENDAR_AT:
                t = instant_of(c, zone);
                if (t.usec <= after.usec)
                        return -ENOENT;
                *ret_next = t;
                return 0;
        case CALENDAR_REBOOT:
        case CALENDAR_AFTER:
                break;
        }
        return -ENOENT;
}
