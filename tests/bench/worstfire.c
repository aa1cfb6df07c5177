/* bench-worstfire [SECONDS [SEED]]: the next instant of the expressions that take longest, in several zones and from
 * several years, and of random ones made to be as bad: rare days, local times that a change skips.  Prints the
 * slowest of the list and of the search, each the best of many calls.  Goal: 5 us for the worst, also where there is
 * none at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/calendar/zone.h"
#include "base/util.h"
#include "calendar/calendar.h"

#define GOAL_NS 5000
#define CALLS   20 /* of which the fastest counts: what other programs did meanwhile is not ours */

static const char *const names[] = { "UTC",
                                     "Europe/Berlin",
                                     "America/New_York",
                                     "America/Santiago",
                                     "Africa/Casablanca",
                                     "Australia/Lord_Howe",
                                     "Antarctica/Troll",
                                     "Asia/Gaza",
                                     "Africa/Cairo",
                                     "Pacific/Apia",
                                     "Europe/Dublin",
                                     "Asia/Beirut" };
static const char *const listed[] = {
        "0 0 29 2 *",      "0 0 29 2 */7",     "0 0 30 2 *",       "0 0 */28 2 mon#5",   "0 0 31W 2,4,6,9,11 *",
        "0 0 L-30 2 *",    "0 0 LW 2 */6",     "0 0 L-28 2 */7",   "0 0 29W 2 */5",      "59 59 23 31 12 *",
        "59 59 23 29 2 *", "* 2 * 3 SUNL",     "* 2 * 3 SUN#2",    "*/10 2 */28 2,3 0L", "* * 2 * 3 SUNL",
        "* 0 * 9 SUN#1",   "* 0 * 4 FRIL",     "*/30 2 * 10 0#1",  "* 1-2 * 3 SUNL",     "*/10 2 */28,30,31 2,3 SUNL",
        "30 2 * 3 SUNL",   "0 0 */31 * mon#5", "*/59 2 25-31 3 *", "0 0 28,29,L 2 */4",
};
static struct tz *zones[ARRAY_SIZE(names)];
static volatile int64_t sink;

static double now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure(const struct calendar *c, const struct tz *zone, int64_t from)
{
        double best = 1e18;

        for (int i = 0; i < CALLS; i++) {
                struct wall t = { 0 };
                double begin = now_ns();

                (void)calendar_next(c, zone, WALL_SEC(0), WALL_SEC(from), &t);
                best = MIN(best, now_ns() - begin);
                sink += t.usec;
        }
        return best;
}

struct worst {
        double ns;
        char text[128];
        const char *zone;
        int64_t from;
};

static void try(const char *text, size_t zone, int64_t from, struct worst *w)
{
        struct calendar c;
        double ns;

        if (calendar_parse(text, NULL, &c, NULL) < 0) {
                fprintf(stderr, "%s: not an expression\n", text);
                return;
        }
        ns = measure(&c, zones[zone] ? zones[zone] : tz_utc(), from);
        /* Slow, or the machine was: asked again. */
        for (int i = 0; i < 20 && ns > w->ns; i++)
                ns = MIN(ns, measure(&c, zones[zone] ? zones[zone] : tz_utc(), from));
        if (ns <= w->ns)
                return;
        *w = (struct worst){ .ns = ns, .zone = names[zone], .from = from };
        snprintf(w->text, sizeof(w->text), "%s", text);
}

static uint64_t state;

static unsigned pick(unsigned n)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned)(state >> 20) % n;
}

static const char *one_of(const char *const *list, size_t n)
{
        return list[pick((unsigned)n)];
}

static void make_random(char *buf, size_t size)
{
        static const char *const minutes[] = { "*", "*/10", "*/59", "59", "30", "0,30" };
        static const char *const hours[] = { "0", "1", "2", "2", "3", "23", "*/23", "1-2", "0-1" };
        static const char *const days[] = { "*",     "*/28",    "*/29", "*/30",    "29",         "31",
                                            "L",     "L-28",    "L-30", "29W",     "LW",         "31W",
                                            "L-27W", "*/28,31", "28,L", "*/28,LW", "*/28,30,31", "25-31" };
        static const char *const months[] = { "2", "2,3", "3", "4", "9", "10", "11", "2,4", "2,10", "*", "2,3,4,9,10" };
        static const char *const weekdays[] = { "*",   "*/7", "*/6",   "*/5", "0L",     "5L",    "0#5", "mon#5",
                                                "0#1", "0#2", "thu#5", "5#4", "*/7,6L", "sat#5", "*/4" };

        snprintf(buf, size, "%s%s %s %s %s %s", pick(8) == 0 ? "59 " : "", one_of(minutes, ARRAY_SIZE(minutes)),
                 one_of(hours, ARRAY_SIZE(hours)), one_of(days, ARRAY_SIZE(days)), one_of(months, ARRAY_SIZE(months)),
                 one_of(weekdays, ARRAY_SIZE(weekdays)));
}

static void report(const char *what, unsigned long n, const struct worst *w)
{
        printf("%-7s %8lu cases, the slowest %6.0f ns (goal: at most %d): %s in %s from %lld\n", what, n, w->ns,
               GOAL_NS, w->text, w->zone, (long long)w->from);
}

int main(int argc, char **argv)
{
        double seconds = argc > 1 ? atof(argv[1]) : 2, end;
        struct worst worst = {}, found = {};
        unsigned long n = 0;

        state = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : UINT64_C(0x9e3779b97f4a7c15);
        for (size_t z = 1; z < ARRAY_SIZE(names); z++)
                zones[z] = zone_load(names[z]);
        for (size_t z = 0; z < ARRAY_SIZE(names); z++)
                for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
                        for (int64_t from = 0; from < INT64_C(14000000000); from += INT64_C(500000000), n++)
                                if (z == 0 || zones[z])
                                        try(listed[i], z, from, &worst);
        report("listed", n, &worst);
        end = now_ns() + seconds * 1e9;
        for (n = 0; now_ns() < end; n++) {
                size_t z = pick(ARRAY_SIZE(names));
                char text[128];

                make_random(text, sizeof(text));
                if (z == 0 || zones[z])
                        try(text, z, (int64_t)pick(14000) * 1000000, &found);
        }
        report("search", n, &found);
        for (size_t z = 1; z < ARRAY_SIZE(names); z++)
                tz_free(zones[z]);
        return 0;
}
