/* Durations, dates, instants: see timeparse.h.  What is read is hostile text. */
#include <errno.h>
#include <stdio.h>

#include "calendar/civil.h"
#include "calendar/scan.h"
#include "calendar/timeparse.h"

/* 100 years of 365.25 days: longer than any machine runs, far from overflow. */
#define DURATION_MAX (INT64_C(36525) * USEC_PER_DAY)

static const struct unit {
        const char *name;
        int64_t usec;
} units[] = {
        { "w", 7 * USEC_PER_DAY }, { "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR },
        { "m", USEC_PER_MINUTE },  { "s", USEC_PER_SEC }, { "ms", USEC_PER_MSEC },
};

/* The unit that begins at *p, whose end is a digit or the end of the text; index into units, or -1. */
static int scan_unit(const char **p)
{
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                size_t n = strlen(units[i].name);

                if (strncmp(*p, units[i].name, n) == 0 && ((*p)[n] == '\0' || scan_is_digit((*p)[n]))) {
                        *p += n;
                        return (int)i;
                }
        }
        return -1;
}

/* Adds `n` units; saturates above DURATION_MAX. */
static int64_t add_units(int64_t sum, int64_t n, int64_t unit)
{
        if (n > DURATION_MAX / unit)
                return DURATION_MAX + 1;
        return MIN(sum + n * unit, DURATION_MAX + 1);
}

int duration_parse(const char *text, int64_t *ret_usec, const char **ret_why)
{
        const char *p = text, *why = "whole numbers with ms, s, m, h, d or w, largest unit first";
        int64_t sum = 0, n;
        int last = -1, unit;

        do {
                if (!scan_is_digit(*p))
                        goto invalid;
                for (n = 0; scan_is_digit(*p); p++)
                        n = n > DURATION_MAX ? n : n * 10 + (*p - '0');
                if (*p == '\0' && last < 0) {
                        sum = add_units(0, n, USEC_PER_SEC);
                        break;
                }
                unit = scan_unit(&p);
                if (unit <= last)
                        goto invalid;
                last = unit;
                sum = add_units(sum, n, units[unit].usec);
        } while (*p);
        if (sum > DURATION_MAX) {
                if (ret_why)
                        *ret_why = "longer than 100 years";
                return -ERANGE;
        }
        *ret_usec = sum;
        return 0;
invalid:
        if (ret_why)
                *ret_why = why;
        return -EINVAL;
}

size_t duration_print(int64_t usec, char *buf, size_t size)
{
        char text[64];
        size_t n = 0;

        usec = MAX(usec, 0);
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                int64_t count = usec / units[i].usec;

                /* "2w", but "10d" rather than "1w3d". */
                if (count == 0 || (i == 0 && usec % units[0].usec))
                        continue;
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%lld%s", (long long)count, units[i].name);
                usec %= units[i].usec;
        }
        return (size_t)snprintf(buf, size, "%s", n ? text : "0s");
}

/* The last second of the local day that begins at `local` (as if UTC).  Where the day's end comes round twice it is the
 * second one; where the day is skipped altogether, the instant at which its fixed times fall due. */
static int64_t last_second(const struct tz *zone, int64_t local)
{
        int64_t before_next = tz_local_to_utc(zone, local + SEC_PER_DAY, NULL) - 1;
        int64_t last = tz_local_to_utc(zone, local + SEC_PER_DAY - 1, NULL);

        return MAX(last, before_next);
}

int instant_parse(const char *text, const struct tz *zone, bool end_of_day, struct wall *ret, bool *ret_local)
{
        int64_t local;
        int32_t tod = 0, offset = 0;
        bool has_time = false, has_offset = false;

        if (!scan_date(&text, &local))
                return -EINVAL;
        if (*text == 'T') {
                has_time = true;
                text++;
                if (!scan_time(&text, &tod))
                        return -EINVAL;
                if (*text) {
                        has_offset = true;
                        if (!scan_offset(&text, &offset))
                                return -EINVAL;
                }
        }
        if (*text)
                return -EINVAL;
        if (!has_time && end_of_day)
                *ret = WALL_SEC(zone ? last_second(zone, local) : local + SEC_PER_DAY - 1);
        else if (has_offset)
                *ret = WALL_SEC(local + tod - offset);
        else
                *ret = WALL_SEC(zone ? tz_local_to_utc(zone, local + tod, NULL) : local + tod);
        if (ret_local)
                *ret_local = !has_offset && !zone;
        return 0;
}

/* "2026-03-29" + `sep` + "03:00:00" of a local time; years need not have four digits. */
static int print_civil(int64_t local, char sep, char *buf, size_t size)
{
        int64_t day = floor_div(local, SEC_PER_DAY), year;
        int tod = (int)(local - day * SEC_PER_DAY);
        unsigned month, d;

        civil_date(day, &year, &month, &d);
        return snprintf(buf, size, "%s%04lld-%02u-%02u%c%02d:%02d:%02d", year < 0 ? "-" : "",
                        (long long)(year < 0 ? -year : year), month, d, sep, tod / 3600, tod / 60 % 60, tod % 60);
}

size_t wall_print_rfc3339(struct wall t, const struct tz *zone, unsigned fraction_digits, char *buf, size_t size)
{
        int64_t sec = wall_sec(t);
        int32_t usec = (int32_t)((t.usec % USEC_PER_SEC + USEC_PER_SEC) % USEC_PER_SEC);
        /* RFC 3339 has no seconds in an offset. */
        int32_t minutes = (int32_t)floor_div(tz_offset_at(zone, sec) + 30, 60);
        char civil[40], fraction[12] = "";

        print_civil(sec + minutes * 60, 'T', civil, sizeof(civil));
        if (fraction_digits > 0)
                snprintf(fraction, MIN(fraction_digits, 6u) + 2, ".%06d", usec);
        return (size_t)snprintf(buf, size, "%s%s%c%02d:%02d", civil, fraction, minutes < 0 ? '-' : '+',
                                abs(minutes) / 60, abs(minutes) % 60);
}

size_t wall_print_local(struct wall t, const struct tz *zone, char *buf, size_t size)
{
        int64_t sec = wall_sec(t);

        return (size_t)print_civil(sec + tz_offset_at(zone, sec), ' ', buf, size);
}
