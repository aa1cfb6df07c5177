/* Fixed-width pieces of dates and times: see scan.h. */
#include "calendar/scan.h"
#include "calendar/civil.h"

/* Exactly `digits` digits, min … max. */
static bool scan_digits(const char **p, unsigned digits, unsigned min, unsigned max, unsigned *ret)
{
        unsigned v = 0;

        for (; digits > 0; digits--, (*p)++) {
                if (!scan_is_digit(**p))
                        return false;
                v = v * 10 + (unsigned)(**p - '0');
        }
        *ret = v;
        return v >= min && v <= max;
}

static bool scan_char(const char **p, char c)
{
        if (**p != c)
                return false;
        (*p)++;
        return true;
}

bool scan_date(const char **p, int64_t *ret_local_sec)
{
        unsigned year, month, day;

        if (!scan_digits(p, 4, 1, 9999, &year) || !scan_char(p, '-') || !scan_digits(p, 2, 1, 12, &month) ||
            !scan_char(p, '-') || !scan_digits(p, 2, 1, 31, &day) || day > civil_month_days(year, month))
                return false;
        *ret_local_sec = civil_days(year, month, day) * SEC_PER_DAY;
        return true;
}

bool scan_time(const char **p, int32_t *ret_sec)
{
        unsigned h, m, s = 0;

        if (!scan_digits(p, 2, 0, 23, &h) || !scan_char(p, ':') || !scan_digits(p, 2, 0, 59, &m))
                return false;
        if (scan_char(p, ':') && !scan_digits(p, 2, 0, 59, &s))
                return false;
        *ret_sec = (int32_t)(h * 3600 + m * 60 + s);
        return true;
}

bool scan_offset(const char **p, int32_t *ret_sec)
{
        bool west = **p == '-';
        unsigned h, m;

        if (scan_char(p, 'Z')) {
                *ret_sec = 0;
                return true;
        }
        if ((!scan_char(p, '+') && !scan_char(p, '-')) || !scan_digits(p, 2, 0, 23, &h) || !scan_char(p, ':') ||
            !scan_digits(p, 2, 0, 59, &m))
                return false;
        *ret_sec = (int32_t)(h * 3600 + m * 60);
        if (west)
                *ret_sec = -*ret_sec;
        return true;
}
