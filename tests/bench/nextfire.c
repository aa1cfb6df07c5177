/* bench-nextfire EXPRS [ROUNDS]: how long the next instant of an expression takes to find, over a list of mixed ones,
 * in UTC and in a zone with daylight saving; beside it, in the same run, the usual way by libc: localtime_r(), and
 * mktime() after each field that is moved.  Goals: at most 1 us in the mean, at least 20 times faster than libc's way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "calendar/calendar.h"

#define EXPRESSIONS_MAX 1000
#define START_SEC       INT64_C(1767225600) /* 2026-01-01 */
#define STOP_SEC        INT64_C(2090000000) /* 2036: an expression that came so far begins anew */

static struct calendar expressions[EXPRESSIONS_MAX];
static size_t n_expressions;
static const struct tz *zone;
static struct tz *zone_owned;

static double now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int64_t next_ours(const struct calendar *c, int64_t sec)
{
        struct wall t;

        return calendar_next(c, zone, WALL_SEC(0), WALL_SEC(sec), &t) < 0 ? -1 : wall_sec(t);
}

static bool day_matches(const struct calendar *c, const struct tm *tm)
{
        bool dom = c->dom >> tm->tm_mday & 1, dow = c->dow >> tm->tm_wday & 1;

        return c->dom_star || c->dow_star ? dom && dow : dom || dow;
}

/* The largest field that does not match is moved on by one, those below it are set to their least, mktime() makes a
 * time of it; until all match. */
static int64_t next_libc(const struct calendar *c, int64_t sec)
{
        time_t t = (time_t)(sec - sec % 60 + 60);
        struct tm tm;

        for (int guard = 0; guard < 100000; guard++) {
                localtime_r(&t, &tm);
                if (!(c->month >> (tm.tm_mon + 1) & 1)) {
                        tm.tm_mon++;
                        tm.tm_mday = 1;
                        tm.tm_hour = tm.tm_min = 0;
                } else if (!day_matches(c, &tm)) {
                        tm.tm_mday++;
                        tm.tm_hour = tm.tm_min = 0;
                } else if (!(c->hour >> tm.tm_hour & 1)) {
                        t += 3600 - tm.tm_min * 60 - tm.tm_sec;
                        continue;
                } else if (!(c->minute >> tm.tm_min & 1)) {
                        t += 60 - tm.tm_sec;
                        continue;
                } else {
                        return t;
                }
                tm.tm_sec = 0;
                tm.tm_isdst = -1;
                t = mktime(&tm);
        }
        return -1;
}

struct result {
        double mean, p50, p90, max;
};

static int compare(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static struct result measure(int64_t (*next)(const struct calendar *, int64_t), int rounds)
{
        double ns[EXPRESSIONS_MAX], sum = 0;

        for (size_t i = 0; i < n_expressions; i++) {
                double best = 1e18;

                /* The best of three: what other programs did meanwhile is not ours. */
                for (int k = 0; k < 3; k++) {
                        int64_t t = START_SEC;
                        double from = now_ns();

                        for (int j = 0; j < rounds; j++) {
                                t = next(&expressions[i], t);
                                if (t < 0 || t > STOP_SEC)
                                        t = START_SEC;
                        }
                        best = MIN(best, (now_ns() - from) / rounds);
                }
                ns[i] = best;
                sum += best;
        }
        qsort(ns, n_expressions, sizeof(ns[0]), compare);
        return (struct result){ sum / (double)n_expressions, ns[n_expressions / 2], ns[n_expressions * 9 / 10],
                                ns[n_expressions - 1] };
}

/* In how many of the first fires of all expressions the two agree: that they search for the same thing. */
static void compare_results(const char *name)
{
        unsigned same = 0, all = 0;

        for (size_t i = 0; i < n_expressions; i++) {
                int64_t t = START_SEC;

                for (int j = 0; j < 20 && t >= 0; j++, all++) {
                        int64_t u = next_ours(&expressions[i], t);

                        same += u == next_libc(&expressions[i], t);
                        t = u;
                }
        }
        printf("%-14s %u of %u instants are the same (libc's way knows no rule for daylight saving)\n", name, same,
               all);
}

static bool use_zone(const char *name)
{
        char path[256], data[65536];
        size_t size;
        FILE *f;

        setenv("TZ", name, 1);
        tzset();
        zone_owned = tz_free(zone_owned);
        zone = tz_utc();
        if (streq(name, "UTC"))
                return true;
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
        f = fopen(path, "rb");
        if (!f)
                return false;
        size = fread(data, 1, sizeof(data), f);
        fclose(f);
        if (tz_new(name, data, size, &zone_owned) < 0)
                return false;
        zone = zone_owned;
        return true;
}

static int read_expressions(const char *path)
{
        FILE *f = fopen(path, "r");
        char line[256];

        if (!f)
                return -errno;
        while (n_expressions < EXPRESSIONS_MAX && fgets(line, sizeof(line), f)) {
                line[strcspn(line, "\n")] = '\0';
                if (calendar_parse(line, NULL, &expressions[n_expressions], NULL) < 0)
                        fprintf(stderr, "%s: not an expression\n", line);
                else
                        n_expressions++;
        }
        fclose(f);
        return n_expressions ? 0 : -ENODATA;
}

static void worst_cases(void)
{
        static const char *const worst[] = { "0 0 29 2 *", "0 0 29 2 */7", "0 0 30 2 *", "* * 30 2 *",
                                             "59 23 31 12 *" };

        for (size_t i = 0; i < ARRAY_SIZE(worst); i++) {
                struct calendar c;
                double from;
                int64_t t = START_SEC, sum = 0;

                calendar_parse(worst[i], NULL, &c, NULL);
                from = now_ns();
                for (int j = 0; j < 10000; j++) {
                        t = next_ours(&c, t);
                        if (t < 0 || t > 4 * STOP_SEC)
                                t = START_SEC;
                        sum += t;
                }
                printf("worst cases    %-14s %8.0f ns%s\n", worst[i], (now_ns() - from) / 10000, sum == 0 ? " " : "");
        }
}

int main(int argc, char **argv)
{
        static const char *const zones[] = { "UTC", "Europe/Berlin" };
        int rounds = argc > 2 ? atoi(argv[2]) : 2000;

        if (argc < 2 || rounds < 1 || read_expressions(argv[1]) < 0) {
                fprintf(stderr, "usage: bench-nextfire EXPRS [ROUNDS]\n");
                return 2;
        }
        printf("nextfire: %zu expressions, %d instants each, ns for one (best of 3)\n", n_expressions, rounds);
        for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
                struct result ours, libc;

                if (!use_zone(zones[i])) {
                        printf("%-14s not on this system\n", zones[i]);
                        continue;
                }
                ours = measure(next_ours, rounds);
                libc = measure(next_libc, MAX(rounds / 20, 1));
                printf("%-14s ours  mean %8.0f  p50 %8.0f  p90 %8.0f  max %8.0f\n", zones[i], ours.mean, ours.p50,
                       ours.p90, ours.max);
                printf("%-14s libc  mean %8.0f  p50 %8.0f  p90 %8.0f  max %8.0f\n", zones[i], libc.mean, libc.p50,
                       libc.p90, libc.max);
                printf("%-14s ratio %.0f (goal: at least 20), mean %.0f ns (goal: at most 1000)\n", zones[i],
                       libc.mean / ours.mean, ours.mean);
                compare_results(zones[i]);
                worst_cases();
        }
        tz_free(zone_owned);
        return 0;
}
