/* Calendar expressions.  What is read must print as what is read the same, under any draw; what never matches must
 * match no day of a walk; the instants must come in order, and be those that a walk over every minute (or second) of
 * some hours around an offset change finds, which shares no code with the search.  Under `dst: wall` too. */
#include <string.h>
#include <time.h>

#include "../unit/calendar/zone.h"
#include "calendar/calendar.h"
#include "calendar/civil.h"
#include "fuzz.h"

#define TEXT_MAX 4096
#define HOUR     3600

static bool same(const struct calendar *a, const struct calendar *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

static void check_text(const struct calendar *c, const struct calendar_draw *draw)
{
        char text[CALENDAR_PRINT_SIZE], again[CALENDAR_PRINT_SIZE], english[1024], whose[64];
        struct calendar_draw same_draw = *draw;
        struct calendar d;
        size_t n = calendar_print(c, text, sizeof(text));

        MUST(n > 0 && n < sizeof(text) && strlen(text) == n);
        MUST(calendar_parse(text, &same_draw, &d, NULL) == 0);
        MUST(same(c, &d));
        MUST(calendar_print(&d, again, sizeof(again)) == n && strcmp(text, again) == 0);
        MUST(calendar_describe(c, english, sizeof(english)) == strlen(english) && *english);
        MUST(calendar_describe(c, english, 24) < 24);
        MUST(calendar_describe_zone(c, "America/Argentina/Buenos_Aires", whose, sizeof(whose)) == strlen(whose));
        MUST(!*whose || strcmp(whose, "Buenos Aires time") == 0);
        MUST(calendar_never(c) == calendar_never(&d));
}

static void check_order(const struct calendar *c, const struct tz *zone, struct wall t)
{
        struct wall next;

        for (int i = 0; i < 20; i++) {
                if (calendar_next(c, zone, WALL_SEC(0), t, &next) < 0) {
                        MUST(c->kind != CALENDAR_FIELDS || calendar_never(c) || i > 0 || zone != tz_utc());
                        return;
                }
                MUST(next.usec > t.usec);
                MUST(next.usec % USEC_PER_SEC == 0);
                t = next;
        }
        MUST(!calendar_never(c));
}

static int days_of(const struct tm *tm)
{
        struct tm next = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon + 1, .tm_mday = 0 }; /* 0: the day before */

        timegm(&next);
        return next.tm_mday;
}

/* Whether `day` is the weekday nearest to `wanted`: no other of the month is nearer. */
static bool is_nearest(const struct tm *tm, int wanted, int n)
{
        for (int distance = 0;; distance++)
                for (int sign = -1; sign <= 1; sign += 2) {
                        int day = wanted + sign * distance, weekday = (tm->tm_wday + 35 + day - tm->tm_mday) % 7;

                        if (day >= 1 && day <= n && weekday >= 1 && weekday <= 5)
                                return day == tm->tm_mday;
                }
}

static bool day_of_month_matches(const struct calendar *c, const struct tm *tm)
{
        int n = days_of(tm);

        if (c->dom >> tm->tm_mday & 1)
                return true;
        for (int v = 1; v <= n; v++)
                if ((c->dom_workday >> v & 1 || c->dom_last_workday >> (31 - (n - v)) & 1) && is_nearest(tm, v, n))
                        return true;
        return c->dom_last >> (31 - (n - tm->tm_mday)) & 1;
}

static bool day_of_week_matches(const struct calendar *c, const struct tm *tm)
{
        return (c->dow | c->dow_nth[(tm->tm_mday - 1) / 7] | (tm->tm_mday + 7 > days_of(tm) ? c->dow_last : 0)) >>
                       tm->tm_wday &
               1;
}

static bool local_matches(const struct calendar *c, int64_t local)
{
        time_t t = (time_t)local;
        struct tm tm;
        bool dom, dow;

        gmtime_r(&t, &tm);
        if (!(c->second >> tm.tm_sec & 1 && c->minute >> tm.tm_min & 1 && c->hour >> tm.tm_hour & 1 &&
              c->month >> (tm.tm_mon + 1) & 1))
                return false;
        dom = day_of_month_matches(c, &tm);
        dow = day_of_week_matches(c, &tm);
        return c->dom_star || c->dow_star ? dom && dow : dom || dow;
}

/* In 28 years each month begins on each weekday, in leap years too. */
static void check_never(const struct calendar *c)
{
        struct calendar any_time = *c;

        any_time.hour = (1 << 24) - 1;
        any_time.minute = any_time.second = (UINT64_C(1) << 60) - 1;
        for (int64_t day = civil_days(2001, 1, 1); day < civil_days(2029, 1, 1); day++)
                MUST(!local_matches(&any_time, day * SEC_PER_DAY));
}

/* Hours around the change at `change`, before and after which the offset is constant for longer than that. */
static void check_walk(const struct calendar *c, const struct tz *zone, int64_t change)
{
        int64_t step = c->has_seconds ? 1 : 60, t = change - 3 * HOUR, shown = t + tz_offset_at(zone, t);
        struct wall at = WALL_SEC(t), next;

        for (t += step; t <= change + 3 * HOUR; t += step) {
                int64_t local = t + tz_offset_at(zone, t);
                bool due = false;

                if (c->interval)
                        due = local_matches(c, local);
                else
                        for (int64_t v = shown + step; v <= local && !due; v += step)
                                due = local_matches(c, v);
                shown = MAX(shown, local);
                if (!due)
                        continue;
                MUST(calendar_next(c, zone, WALL_SEC(0), at, &next) == 0);
                MUST(wall_sec(next) == t);
                at = next;
        }
        MUST(calendar_next(c, zone, WALL_SEC(0), at, &next) < 0 || wall_sec(next) > change + 3 * HOUR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct tz *zone;
        static const unsigned days[][3] = { { 2026, 3, 29 }, { 2026, 10, 25 }, { 2096, 3, 25 }, { 2500, 10, 31 } };
        struct calendar_error error = { .position = SIZE_MAX };
        struct calendar_draw draw = { 0 }, before;
        struct calendar c;
        char text[TEXT_MAX];
        uint32_t hash = 2166136261u;

        if (size >= sizeof(text))
                return 0;
        for (size_t i = 0; i < size; i++)
                hash = (hash ^ data[i]) * 16777619u;
        memcpy(text, data, size);
        text[size] = '\0';
        if (hash & 1) {
                draw.job = hash * UINT64_C(0x9e3779b97f4a7c15);
                draw.machine = draw.job + 1;
        }
        before = draw;
        if (calendar_parse(text, &draw, &c, &error) < 0) {
                MUST(error.position <= strlen(text));
                MUST(*error.message && strlen(error.message) < sizeof(error.message));
                for (const char *p = error.message; *p; p++)
                        MUST(*p >= ' ' && *p <= '~');
                return 0;
        }
        if (!zone)
                zone = zone_of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        MUST(draw.index <= 1);
        check_text(&c, &before);
        check_order(&c, tz_utc(), (struct wall){ (int64_t)hash * 1000003 });
        check_order(&c, zone, (struct wall){ (int64_t)hash * -1000003 });
        if (c.kind == CALENDAR_FIELDS) {
                const unsigned *d = days[hash % 4];

                if (hash % 16 == 0 && calendar_never(&c)) /* it takes long */
                        check_never(&c);
                check_walk(&c, zone, civil_days(d[0], d[1], d[2]) * SEC_PER_DAY + HOUR);
                calendar_set_wall(&c);
                MUST(c.interval);
                check_walk(&c, zone, civil_days(d[0], d[1], d[2]) * SEC_PER_DAY + HOUR);
        }
        return 0;
}
