/* The footer's rule: see posixtz.h.  RFC 9636 section 3.3.2 widens POSIX: hours of a time run from -167 to 167. */
#include <errno.h>
#include <string.h>

#include "calendar/civil.h"
#include "calendar/posixtz.h"
#include "calendar/scan.h"

struct cursor {
        const char *p, *end;
};

static bool take(struct cursor *c, char ch)
{
        if (c->p == c->end || *c->p != ch)
                return false;
        c->p++;
        return true;
}

/* A number of at most `digits` digits that is not over `max`. */
static bool take_number(struct cursor *c, unsigned digits, unsigned max, unsigned *ret)
{
        const char *start = c->p;
        unsigned v = 0;

        while (c->p < c->end && (unsigned)(c->p - start) < digits && *c->p >= '0' && *c->p <= '9')
                v = v * 10 + (unsigned)(*c->p++ - '0');
        *ret = v;
        return c->p > start && v <= max;
}

static bool is_name_char(char ch, bool quoted)
{
        return scan_is_letter(ch) || (quoted && (scan_is_digit(ch) || ch == '+' || ch == '-'));
}

/* `CET` or `<+0330>`. */
static bool take_name(struct cursor *c, char name[TZ_ABBREVIATION_SIZE])
{
        bool quoted = take(c, '<');
        const char *start = c->p;
        size_t n;

        while (c->p < c->end && is_name_char(*c->p, quoted))
                c->p++;
        n = (size_t)(c->p - start);
        if (n < 3 || n >= TZ_ABBREVIATION_SIZE || (quoted && !take(c, '>')))
                return false;
        memcpy(name, start, n);
        name[n] = '\0';
        return true;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct cursor *c, unsigned hour_max, int32_t *ret_sec)
{
        bool negative = take(c, '-');
        unsigned h, m = 0, s = 0;

        if (!negative)
                (void)take(c, '+');
        if (!take_number(c, 3, hour_max, &h))
                return false;
        if (take(c, ':')) {
                if (!take_number(c, 2, 59, &m))
                        return false;
                if (take(c, ':') && !take_number(c, 2, 59, &s))
                        return false;
        }
        *ret_sec = (int32_t)(h * 3600 + m * 60 + s);
        if (negative)
                *ret_sec = -*ret_sec;
        return true;
}

static bool take_rule(struct cursor *c, struct posix_rule *r)
{
        unsigned month, week, weekday, day;

        *r = (struct posix_rule){ .time_sec = 2 * 3600 };
        if (!take(c, ','))
                return false;
        if (take(c, 'M')) {
                if (!take_number(c, 2, 12, &month) || month < 1 || !take(c, '.') || !take_number(c, 1, 5, &week) ||
                    week < 1 || !take(c, '.') || !take_number(c, 1, 6, &weekday))
                        return false;
                r->kind = POSIX_RULE_MONTH;
                r->month = (uint8_t)month;
                r->week = (uint8_t)week;
                r->weekday = (uint8_t)weekday;
        } else {
                r->kind = take(c, 'J') ? POSIX_RULE_JULIAN : POSIX_RULE_ORDINAL;
                if (!take_number(c, 3, 365, &day) || (r->kind == POSIX_RULE_JULIAN && day < 1))
                        return false;
                r->day = (uint16_t)day;
        }
        return !take(c, '/') || take_time(c, 167, &r->time_sec);
}

int posix_tz_parse(const char *text, size_t size, struct posix_tz *ret)
{
        struct cursor c = { text, text + size };
        struct posix_tz tz = {};
        int32_t west;

        if (!take_name(&c, tz.std_name) || !take_time(&c, 24, &west))
                return -EBADMSG;
        tz.std_offset_sec = -west;
        if (c.p < c.end) {
                tz.has_dst = true;
                if (!take_name(&c, tz.dst_name))
                        return -EBADMSG;
                tz.dst_offset_sec = tz.std_offset_sec + 3600;
                if (c.p < c.end && *c.p != ',') {
                        if (!take_time(&c, 24, &west))
                                return -EBADMSG;
                        tz.dst_offset_sec = -west;
                }
                /* POSIX leaves a missing rule to the implementation; TZif data always say it. */
                if (!take_rule(&c, &tz.start) || !take_rule(&c, &tz.end))
                        return -EBADMSG;
        }
        if (c.p != c.end)
                return -EBADMSG;
        *ret = tz;
        return 0;
}

static int64_t rule_day(const struct posix_rule *r, int64_t year)
{
        int64_t first;
        unsigned day;

        if (r->kind == POSIX_RULE_ORDINAL)
                return civil_days(year, 1, 1) + r->day;
        if (r->kind == POSIX_RULE_JULIAN)
                return civil_days(year, 1, 1) + r->day - 1 + (civil_leap(year) && r->day >= 60);
        first = civil_days(year, r->month, 1);
        day = 1 + (r->weekday + 7 - civil_weekday(first)) % 7 + 7u * (r->week - 1);
        if (day > civil_month_days(year, r->month))
                day -= 7;
        return first + day - 1;
}

int64_t posix_tz_start(const struct posix_tz *tz, int64_t year)
{
        return rule_day(&tz->start, year) * SEC_PER_DAY + tz->start.time_sec - tz->std_offset_sec;
}

int64_t posix_tz_end(const struct posix_tz *tz, int64_t year)
{
        return rule_day(&tz->end, year) * SEC_PER_DAY + tz->end.time_sec - tz->dst_offset_sec;
}
