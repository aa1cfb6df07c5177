/* Civil days: the proleptic Gregorian calendar as arithmetic on days since 1970-01-01, for any year.  Pure.
 * The method is the usual one of years that begin in March, in eras of 400 years (H. Hinnant, chrono-Compatible
 * Low-Level Date Algorithms). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SEC_PER_DAY  INT64_C(86400)
#define DAYS_PER_ERA INT64_C(146097) /* 400 Gregorian years, a whole number of weeks */
#define SEC_PER_ERA  (DAYS_PER_ERA * SEC_PER_DAY)

/* Quotient rounded down; b > 0. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
        int64_t q = a / b;

        return q - (a % b < 0);
}

static inline int64_t civil_days(int64_t year, unsigned month, unsigned day)
{
        int64_t y = year - (month <= 2);
        int64_t era = floor_div(y, 400);
        unsigned yoe = (unsigned)(y - era * 400);
        unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

        return era * DAYS_PER_ERA + doe - 719468;
}

static inline void civil_date(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
        int64_t z = days + 719468;
        int64_t era = floor_div(z, DAYS_PER_ERA);
        unsigned doe = (unsigned)(z - era * DAYS_PER_ERA);
        unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        unsigned mp = (5 * doy + 2) / 153;

        *ret_day = doy - (153 * mp + 2) / 5 + 1;
        *ret_month = mp < 10 ? mp + 3 : mp - 9;
        *ret_year = (int64_t)yoe + era * 400 + (*ret_month <= 2);
}

/* 0 Sunday … 6 Saturday. */
static inline unsigned civil_weekday(int64_t days)
{
        int64_t w = (days + 4) % 7;

        return (unsigned)(w < 0 ? w + 7 : w);
}

static inline bool civil_leap(int64_t year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline unsigned civil_month_days(int64_t year, unsigned month)
{
        /* 30 + (0 or 1): odd months up to July and even ones after it have 31. */
        return month == 2 ? (civil_leap(year) ? 29 : 28) : 30 + ((month ^ (month >> 3)) & 1);
}
