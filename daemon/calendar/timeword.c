/* The time words of jobctl: see timeparse.h.  Local days are counted on the calendar, not as 24 hours. */
#include <errno.h>

#include "calendar/civil.h"
#include "calendar/scan.h"
#include "calendar/timeparse.h"

static const char *const weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static int64_t instant_on(const struct tz *zone, int64_t day, int32_t tod)
{
        return tz_local_to_utc(zone, day * SEC_PER_DAY + tod, NULL);
}

/* The time of day that follows a word, behind blanks; midnight if there is none. */
static bool time_behind(const char *p, int32_t *ret_tod)
{
        *ret_tod = 0;
        if (*p == '\0')
                return true;
        if (*p != ' ' && *p != '\t')
                return false;
        while (*p == ' ' || *p == '\t')
                p++;
        return scan_time(&p, ret_tod) && *p == '\0';
}

/* Of the instants at `tod` on every `step`-th day from `day` on, the first after `now`, or with `past` the last that is
 * not after it. */
static int64_t nearest(const struct tz *zone, int64_t day, int step, int32_t tod, int64_t now, bool past)
{
        int64_t t = instant_on(zone, day, tod);

        if (past && t > now)
                t = instant_on(zone, day - step, tod);
        else if (!past && t <= now)
                t = instant_on(zone, day + step, tod);
        return t;
}

static int relative_parse(const char *text, struct wall now, struct wall *ret)
{
        int64_t usec;

        if (duration_parse(text + 1, &usec, NULL) < 0)
                return -EINVAL;
        if (__builtin_add_overflow(now.usec, *text == '-' ? -usec : usec, &now.usec))
                return -EINVAL;
        *ret = now;
        return 0;
}

/* `today`, `mon` and the like, and a time of day behind. */
static int day_parse(const char *text, const struct tz *zone, struct wall now, bool past, struct wall *ret)
{
        static const char *const days[] = { "yesterday", "today", "tomorrow" };
        int64_t sec = wall_sec(now), today = floor_div(sec + tz_offset_at(zone, sec), SEC_PER_DAY);
        int32_t tod;

        for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
                size_t n = strlen(days[i]);

                if (scan_same(text, days[i], n) && time_behind(text + n, &tod)) {
                        *ret = WALL_SEC(instant_on(zone, today + (int64_t)i - 1, tod));
                        return 0;
                }
        }
        for (unsigned i = 0; i < ARRAY_SIZE(weekdays); i++) {
                if (!scan_same(text, weekdays[i], 3) || !time_behind(text + 3, &tod))
                        continue;
                /* The one of the last seven days, or of the next seven. */
                today += past ? -(int)((civil_weekday(today) + 7 - i) % 7) : (int)((i + 7 - civil_weekday(today)) % 7);
                *ret = WALL_SEC(nearest(zone, today, 7, tod, sec, past));
                return 0;
        }
        return -EINVAL;
}

int timeword_parse(const char *text, const struct tz *zone, struct wall now, struct wall boot, bool past,
                   struct wall *ret)
{
        const char *p = text;
        int64_t sec = wall_sec(now);
        int32_t tod;

        if (scan_same(text, "now", 3) && !text[3]) {
                *ret = now;
                return 0;
        }
        if (scan_same(text, "boot", 4) && !text[4]) {
                *ret = boot;
                return 0;
        }
        if (*text == '-' || *text == '+')
                return relative_parse(text, now, ret);
        if (scan_time(&p, &tod) && *p == '\0') {
                int64_t today = floor_div(sec + tz_offset_at(zone, sec), SEC_PER_DAY);

                *ret = WALL_SEC(nearest(zone, today, 1, tod, sec, past));
                return 0;
        }
        if (instant_parse(text, zone, false, ret, NULL) == 0)
                return 0;
        return day_parse(text, zone, now, past, ret);
}
