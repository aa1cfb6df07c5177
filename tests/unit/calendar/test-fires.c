/* The next instant of one expression, in zones made of a rule alone. */
#include <errno.h>

#include "../../lib/tap.h"
#include "calendar/calendar.h"
#include "calendar/timeparse.h"
#include "zone.h"

#define BERLIN    "CET-1CEST,M3.5.0,M10.5.0/3"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
#define TROLL     "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3"
#define SAO_PAULO "<-03>3<-02>,M11.1.0/0,M2.3.0/0"
#define DUBLIN    "IST-1GMT0,M10.5.0,M3.5.0/1"

/* Expression, zone, start; what follows, the last being "-" where nothing does. */
static const struct {
        const char *expression, *rule, *from;
        const char *expect[6];
} rows[] = {
        /* A fixed time that is skipped: once, at the first instant after the gap. */
        { "30 2 * * *",
          BERLIN,
          "2026-03-28T12:00:00+01:00",
          { "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00" } },
        { "0,30 2 * * *",
          BERLIN,
          "2026-03-28T12:00:00+01:00",
          { "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00" } },
        { "0,30 2,3 * * *",
          BERLIN,
          "2026-03-29T01:00:00+01:00",
          { "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00" } },
        { "30 2 * * *", BERLIN, "2026-03-29T03:00:00+02:00", { "2026-03-30T02:30:00+02:00" } },
        { "30 2 29 3 *",
          BERLIN,
          "2025-12-01T00:00:00+01:00",
          { "2026-03-29T03:00:00+02:00", "2027-03-29T02:30:00+02:00" } },
        { "59 59 2 * * *",
          BERLIN,
          "2026-03-28T12:00:00+01:00",
          { "2026-03-29T03:00:00+02:00", "2026-03-30T02:59:59+02:00" } },
        { "1-59/20 2 * * *",
          BERLIN,
          "2026-03-28T12:00:00+01:00",
          { "2026-03-29T03:00:00+02:00", "2026-03-30T02:01:00+02:00" } },
        /* One that comes twice: the first time. */
        { "30 2 * * *",
          BERLIN,
          "2026-10-24T12:00:00+02:00",
          { "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00" } },
        { "30 2 * * *", BERLIN, "2026-10-25T02:10:00+01:00", { "2026-10-26T02:30:00+01:00" } },
        { "30 2 * * *", BERLIN, "2026-10-25T02:45:00+02:00", { "2026-10-26T02:30:00+01:00" } },
        { "30 2 * * *",
          BERLIN,
          "2026-10-25T02:15:00+02:00",
          { "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00" } },
        { "0 2,3 * * *",
          BERLIN,
          "2026-10-25T00:00:00+02:00",
          { "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-26T02:00:00+01:00" } },
        /* An interval follows the clock. */
        { "*/30 * * * *",
          BERLIN,
          "2026-03-29T01:15:00+01:00",
          { "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00" } },
        { "*/30 2 * * *", BERLIN, "2026-03-28T12:00:00+01:00", { "2026-03-30T02:00:00+02:00" } },
        { "30 */2 * * *",
          BERLIN,
          "2026-03-29T00:00:00+01:00",
          { "2026-03-29T00:30:00+01:00", "2026-03-29T04:30:00+02:00" } },
        { "*/30 * * * *",
          BERLIN,
          "2026-10-25T01:45:00+02:00",
          { "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00" } },
        { "* 2 * * *",
          BERLIN,
          "2026-10-25T02:58:30+02:00",
          { "2026-10-25T02:59:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:01:00+01:00" } },
        { "0 */3 25 10 *",
          BERLIN,
          "2026-10-25T00:00:00+02:00",
          { "2026-10-25T03:00:00+01:00", "2026-10-25T06:00:00+01:00" } },
        { "*/20 59 1 * * *",
          BERLIN,
          "2026-03-29T01:59:30+01:00",
          { "2026-03-29T01:59:40+01:00", "2026-03-30T01:59:00+02:00" } },
        { "0 * 0 29 3 *",
          BERLIN,
          "2026-03-28T23:59:30+01:00",
          { "2026-03-29T00:00:00+01:00", "2026-03-29T00:01:00+01:00" } },
        /* Half an hour, two hours, at midnight, and the other way round. */
        { "15 2 * * *",
          LORD_HOWE,
          "2026-10-03T12:00:00+10:30",
          { "2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00" } },
        { "*/15 * * * *",
          LORD_HOWE,
          "2026-04-05T01:40:00+11:00",
          { "2026-04-05T01:45:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T01:45:00+10:30",
            "2026-04-05T02:00:00+10:30" } },
        { "30 1,2 * * *",
          TROLL,
          "2026-03-28T12:00:00+00:00",
          { "2026-03-29T03:00:00+02:00", "2026-03-30T01:30:00+02:00" } },
        { "30 1,2 * * *",
          TROLL,
          "2026-10-25T00:00:00+02:00",
          { "2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T01:30:00+00:00" } },
        { "0 0 * * *",
          SAO_PAULO,
          "2026-10-31T12:00:00-03:00",
          { "2026-11-01T01:00:00-02:00", "2026-11-02T00:00:00-02:00" } },
        { "30 23 * * 6",
          SAO_PAULO,
          "2026-02-14T12:00:00-02:00",
          { "2026-02-14T23:30:00-02:00", "2026-02-21T23:30:00-03:00" } },
        { "30 1 * * *",
          DUBLIN,
          "2026-03-28T12:00:00+00:00",
          { "2026-03-29T02:00:00+01:00", "2026-03-30T01:30:00+01:00" } },
        { "30 1 * * *",
          DUBLIN,
          "2026-10-24T12:00:00+01:00",
          { "2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00" } },
        /* Days. */
        { "0 0 29 2 *", "UTC0", "2095-01-01T00:00:00Z", { "2096-02-29T00:00:00+00:00", "2104-02-29T00:00:00+00:00" } },
        { "0 0 29 2 */7",
          "UTC0",
          "2061-01-01T00:00:00Z",
          { "2088-02-29T00:00:00+00:00", "2128-02-29T00:00:00+00:00" } },
        { "0 0 29 2 *", BERLIN, "2095-01-01T00:00:00Z", { "2096-02-29T00:00:00+01:00", "2104-02-29T00:00:00+01:00" } },
        { "30 2 29 3 */7",
          BERLIN,
          "2026-01-01T00:00:00Z",
          { "2026-03-29T03:00:00+02:00", "2037-03-29T03:00:00+02:00" } },
        { "*/30 2 */28 3 */7",
          BERLIN,
          "2026-01-01T00:00:00Z",
          { "2026-03-01T02:00:00+01:00", "2026-03-01T02:30:00+01:00", "2037-03-01T02:00:00+01:00" } },
        { "0 0 13 * 5",
          "UTC0",
          "2026-03-01T00:00:00Z",
          { "2026-03-06T00:00:00+00:00", "2026-03-13T00:00:00+00:00", "2026-03-20T00:00:00+00:00",
            "2026-03-27T00:00:00+00:00", "2026-04-03T00:00:00+00:00", "2026-04-10T00:00:00+00:00" } },
        { "0 0 */13 * 5",
          "UTC0",
          "2026-03-01T00:00:00Z",
          { "2026-03-27T00:00:00+00:00", "2026-05-01T00:00:00+00:00" } },
        { "0 0 31 * *", "UTC0", "2026-01-31T00:00:00Z", { "2026-03-31T00:00:00+00:00", "2026-05-31T00:00:00+00:00" } },
        { "59 23 31 12 *",
          BERLIN,
          "2399-12-31T23:58:59+01:00",
          { "2399-12-31T23:59:00+01:00", "2400-12-31T23:59:00+01:00" } },
        { "59 59 23 31 12 *",
          "UTC0",
          "1969-12-31T23:59:58Z",
          { "1969-12-31T23:59:59+00:00", "1970-12-31T23:59:59+00:00" } },
        { "30 2 * * *", BERLIN, "1912-03-30T12:00:00+01:00", { "1912-03-31T03:00:00+02:00" } },
        { "30 2 29 3 *", BERLIN, "9998-06-01T00:00:00Z", { "9999-03-29T02:30:00+02:00" } },
        /* Never, and never again. */
        { "0 0 30 2 *", BERLIN, "2026-01-01T00:00:00Z", { "-" } },
        { "* * 30 2 *", BERLIN, "2026-01-01T00:00:00Z", { "-" } },
        { "*/10 2 14 3 *", "AAA0BBB,J73/2,J300/3", "2026-01-01T00:00:00Z", { "-" } },
        { "10 2 14 3 *",
          "AAA0BBB,J73/2,J300/3",
          "2026-01-01T00:00:00Z",
          { "2026-03-14T03:00:00+01:00", "2027-03-14T03:00:00+01:00" } },
        { "@reboot", BERLIN, "2026-01-01T00:00:00Z", { "-" } },
        /* @at goes by the fixed rule; @every by nothing but its period. */
        { "@at 2026-03-29T02:30", BERLIN, "2026-01-01T00:00:00Z", { "2026-03-29T03:00:00+02:00", "-" } },
        { "@at 2026-10-25T02:30", BERLIN, "2026-01-01T00:00:00Z", { "2026-10-25T02:30:00+02:00", "-" } },
        { "@at 2026-10-25T02:30:00+01:00", BERLIN, "2026-01-01T00:00:00Z", { "2026-10-25T02:30:00+01:00", "-" } },
        { "@at 2026-01-01", "UTC0", "2026-01-01T00:00:00Z", { "-" } },
        { "@every 7h", BERLIN, "1970-01-01T07:00:00Z", { "1970-01-01T15:00:00+01:00", "1970-01-01T22:00:00+01:00" } },
        { "@every 1d", BERLIN, "2026-03-28T12:00:00Z", { "2026-03-29T01:00:00+01:00", "2026-03-30T02:00:00+02:00" } },
        { "@every 1d", "UTC0", "1960-01-01T12:00:00Z", { "1960-01-02T00:00:00+00:00", "1960-01-03T00:00:00+00:00" } },
};

static struct wall instant(const char *text)
{
        struct wall t = {};

        if (instant_parse(text, tz_utc(), false, &t, NULL) < 0)
                ok(false, "%s is an instant", text);
        return t;
}

static void test_row(size_t i)
{
        struct tz *zone = zone_of_rule(rows[i].rule);
        struct wall t = instant(rows[i].from);
        struct calendar c;
        bool good = zone && calendar_parse(rows[i].expression, NULL, &c, NULL) == 0;

        for (size_t k = 0; good && k < 6 && rows[i].expect[k]; k++) {
                char text[64] = "-";

                if (calendar_next(&c, zone, WALL_SEC(0), t, &t) == 0)
                        wall_print_rfc3339(t, zone, 0, text, sizeof(text));
                good = strcmp(text, rows[i].expect[k]) == 0;
                if (!good)
                        diag("got %s, wanted %s", text, rows[i].expect[k]);
        }
        ok(good, "%s in %s from %s", rows[i].expression, rows[i].rule, rows[i].from);
        tz_free(zone);
}

/* A whole day vanished west of the date line in 2011; one was lived twice at Kwajalein in 1969. */
static void test_skipped_day(void)
{
        _cleanup_(tz_freep) struct tz *apia = zone_load("Pacific/Apia");
        struct calendar c;
        struct wall t;
        char text[64];

        if (!apia) {
                tap_skip("a day that was skipped", "no zone files here");
                return;
        }
        calendar_parse("0 5 30 12 *", NULL, &c, NULL);
        ok(calendar_next(&c, apia, WALL_SEC(0), instant("2011-01-01T00:00:00Z"), &t) == 0,
           "Apia, 30 December 2011: due");
        wall_print_rfc3339(t, apia, 0, text, sizeof(text));
        is_str(text, "2011-12-31T00:00:00+14:00", "at the first instant of the day after");
        calendar_parse("0 */6 * * *", NULL, &c, NULL);
        ok(calendar_next(&c, apia, WALL_SEC(0), instant("2011-12-29T19:00:00-10:00"), &t) == 0, "an interval goes on");
        wall_print_rfc3339(t, apia, 0, text, sizeof(text));
        is_str(text, "2011-12-31T00:00:00+14:00", "with the clock");
}

static void test_edges(void)
{
        struct calendar c, every;
        struct wall t;

        calendar_parse("*/5 * * * * *", NULL, &c, NULL);
        calendar_parse("@every 10s", NULL, &every, NULL);
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), (struct wall){ 4999999 }, &t) == 0 && t.usec == 5000000,
           "just before: that one");
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), (struct wall){ 5000000 }, &t) == 0 && t.usec == 10000000,
           "exactly then: the next");
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), (struct wall){ 5000001 }, &t) == 0 && t.usec == 10000000,
           "just after: the next");
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), (struct wall){ -1 }, &t) == 0 && t.usec == 0, "across the epoch");
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), (struct wall){ -5000001 }, &t) == 0 && t.usec == -5000000,
           "before the epoch");
        ok(calendar_next(&every, tz_utc(), WALL_SEC(3), WALL_SEC(3), &t) == 0 && t.usec == 13000000,
           "@every from its origin");
        ok(calendar_next(&every, tz_utc(), WALL_SEC(3), WALL_SEC(-8), &t) == 0 && t.usec == -7000000,
           "@every before its origin");
        ok(calendar_next(&every, tz_utc(), WALL_SEC(3), (struct wall){ 2999999 }, &t) == 0 && t.usec == 3000000,
           "@every: the origin");
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), WALL_NEVER, &t) == -ENOENT, "after never: none");
        ok(calendar_next(&every, tz_utc(), WALL_SEC(0), WALL_NEVER, &t) == -ENOENT, "@every after never: none");
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), (struct wall){ INT64_MIN }, &t) == 0 && t.usec < INT64_MIN / 2,
           "from the beginning");
        ok(calendar_next(&every, tz_utc(), WALL_SEC(0), (struct wall){ INT64_MIN }, &t) == 0 && t.usec < INT64_MIN / 2,
           "@every too");
        t.usec = 4711;
        calendar_parse("0 0 30 2 *", NULL, &c, NULL);
        ok(calendar_next(&c, tz_utc(), WALL_SEC(0), WALL_SEC(0), &t) == -ENOENT && t.usec == 4711,
           "no result where there is none");
}

int main(void)
{
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                test_row(i);
        test_skipped_day();
        test_edges();
        return tap_done();
}
