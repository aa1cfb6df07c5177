/* Schedules: several expressions, bounds, counting, the last instant, odd days. */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "../../lib/tap.h"
#include "calendar/schedule.h"
#include "calendar/timeparse.h"
#include "zone.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define OPEN   ((struct wall){ INT64_MIN })

static struct calendar entries[80];
static struct tz *berlin;

/* A schedule of the expressions in `text`, parted by `;`. */
static struct schedule schedule_of(const char *text, const struct tz *zone)
{
        struct schedule s = { .entries = entries, .zone = zone, .start = OPEN, .end = WALL_NEVER };
        struct calendar_error error;
        char copy[2000], *save, *p;

        strcpy(copy, text);
        for (p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save))
                if (calendar_parse(p, NULL, &entries[s.n++], &error) < 0)
                        ok(false, "%s: %s", p, error.message);
        return s;
}

static struct wall instant(const char *text)
{
        struct wall t = {};

        if (instant_parse(text, berlin, false, &t, NULL) < 0)
                ok(false, "%s is an instant", text);
        return t;
}

static void next_is(const struct schedule *s, const char *after, const char *fixed_after, const char *expect,
                    const char *name)
{
        char text[64] = "-";
        struct wall t;

        if (schedule_next(s, instant(after), fixed_after ? instant(fixed_after) : OPEN, &t) == 0)
                wall_print_local(t, s->zone, text, sizeof(text));
        is_str(text, expect, name);
}

static void test_next(void)
{
        struct schedule s = schedule_of("0 12 * * *;*/20 13 * * *;@every 1d", berlin);

        next_is(&s, "2026-06-01T11:00", NULL, "2026-06-01 12:00:00", "the earliest of all expressions");
        next_is(&s, "2026-06-01T12:00", NULL, "2026-06-01 13:00:00", "strictly after");
        next_is(&s, "2026-06-01T13:40", NULL, "2026-06-02 02:00:00", "@every is one of them");
        next_is(&s, "2026-06-01T11:00", "2026-06-01T12:30", "2026-06-01 13:00:00",
                "a fixed one that was done is passed over");
        next_is(&s, "2026-06-01T11:00", "2026-06-02T03:00", "2026-06-01 13:00:00",
                "an interval goes on after the clock was set back");
        next_is(&s, "2026-06-01T13:50", "2026-06-03T03:00", "2026-06-02 02:00:00", "and so does @every");
        s.start = instant("2026-06-05T12:00");
        next_is(&s, "2026-06-01T11:00", NULL, "2026-06-05 12:00:00", "the start is included");
        next_is(&s, "2026-06-06T13:45", NULL, "2026-06-07 12:00:00", "@every counts from the start");
        s.end = instant("2026-06-08T13:20");
        next_is(&s, "2026-06-08T13:00", NULL, "2026-06-08 13:20:00", "the end is included");
        next_is(&s, "2026-06-08T13:20", NULL, "-", "after the end there is nothing");
        s = schedule_of("@reboot", berlin);
        next_is(&s, "2026-06-08T13:20", NULL, "-", "@reboot has no instants");
        ok(schedule_has_reboot(&s), "@reboot is found");
        s = schedule_of("@daily;@every 1h", berlin);
        ok(!schedule_has_reboot(&s), "and is not found where it is not");
        s.n = 0;
        next_is(&s, "2026-06-08T13:20", NULL, "-", "no expressions, no instants");
}

/* What counting and looking for the last one must agree with: one after the other. */
static uint64_t walk(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                     struct wall *ret_last)
{
        struct wall t = after, found;
        uint64_t n = 0;

        /* `after` itself may lie in the second pass of an hour, so every question is asked with the same bound. */
        while (schedule_next(s, t, fixed_after, &found) == 0 && found.usec <= until.usec) {
                *ret_last = t = found;
                n++;
        }
        return n;
}

static void agree(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                  const char *name)
{
        struct wall last = {}, got = {};
        uint64_t n = walk(s, after, fixed_after, until, &last), counted = schedule_count(s, after, fixed_after, until);
        int r = schedule_last(s, after, fixed_after, until, &got);
        bool good = counted == n && (n ? r == 0 && got.usec == last.usec : r == -ENOENT);

        if (!ok(good, "%s: %" PRIu64 " instants", name, n))
                diag("counted %" PRIu64 "; the last is %" PRId64 " (%d), wanted %" PRId64, counted, wall_sec(got), r,
                     wall_sec(last));
}

static void test_walks(void)
{
        static const char *const texts[] = {
                "30 2 * * *",
                "*/30 * * * *",
                "0,30 2,3 * * *",
                "*/20 * * * * *",
                "0 0 29 2 *",
                "0 0 30 2 *",
                "@every 7m",
                "@every 45s",
                "@every 61s",
                "@at 2026-03-29T02:30",
                "30 2 * * *;*/30 * * * *",
                "*/7 * * * *;*/5 * * * *;@every 90s",
                "@reboot",
                "0 3 * * *;30 2 * * *;@at 2026-03-29T02:10;@at 2026-10-25T02:10",
                "15,45 * * * * *;30 2 29 3 *;30 2 25 10 *",
                "* 9-17 * * 1-5;*/10 * * * 0,6;0 0 1 * *",
                "@at 2026-03-29;@at 2026-03-29;@every 1d",
        };
        static const char *const spans[][3] = {
                { "2026-03-27T00:00", NULL, "2026-03-31T00:00" },
                { "2026-10-24T00:00", NULL, "2026-10-27T12:34:56" },
                { "2026-03-29T01:00:00Z", NULL, "2026-03-29T01:00:01Z" },
                { "2026-03-29T00:59:59Z", NULL, "2026-03-29T01:00:00Z" },
                { "2026-10-25T00:30:00Z", NULL, "2026-10-25T01:30:00Z" },
                { "2026-10-25T01:15:00Z", NULL, "2026-10-25T05:00:00Z" },
                { "2026-10-24T10:00", "2026-10-25T00:40:00Z", "2026-10-26T10:00" },
                { "2026-10-24T10:00", "2026-10-27T00:40:00Z", "2026-10-26T10:00" },
                { "2026-06-01T10:00", "2026-05-27T00:40:00Z", "2026-06-01T10:00" },
                { "2026-03-25T10:00", "2026-03-29T01:00:00Z", "2026-03-30T10:00" },
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                for (size_t k = 0; k < sizeof(spans) / sizeof(spans[0]); k++) {
                        struct schedule s = schedule_of(texts[i], berlin);
                        char name[300];

                        snprintf(name, sizeof(name), "%s, %s to %s", texts[i], spans[k][0], spans[k][2]);
                        agree(&s, instant(spans[k][0]), spans[k][1] ? instant(spans[k][1]) : OPEN, instant(spans[k][2]),
                              name);
                        if (k < 2) {
                                s.start = instant("2026-03-28T02:00");
                                s.end = instant("2026-10-25T02:30");
                                snprintf(name, sizeof(name), "%s, with start and end, to %s", texts[i], spans[k][2]);
                                agree(&s, instant(spans[k][0]), OPEN, instant(spans[k][2]), name);
                        }
                }
}

static double cpu_ms(void)
{
        return (double)clock() * 1000 / CLOCKS_PER_SEC;
}

static void test_large_counts(void)
{
        struct schedule s = schedule_of("* * * * * *", berlin);
        struct wall from = instant("2026-01-01"), to = instant("2027-01-01"), t;
        double before = cpu_ms();
        char many[2000] = "";

        /* From 00:00:00, not included, to 00:00:00, included; the clock changes take and give an hour. */
        is_int(schedule_count(&s, from, OPEN, to), 365 * 86400, "every second of a year");
        is_int(schedule_count(&s, from, OPEN, instant("2126-01-01")), INT64_C(36524) * 86400, "and of a hundred");
        s = schedule_of("* * * * * *;@every 1s", berlin);
        is_int(schedule_count(&s, from, OPEN, to), 365 * 86400, "@every 1s adds nothing to that");
        s = schedule_of("@every 1s", berlin);
        is_int(schedule_count(&s, (struct wall){ INT64_MIN }, OPEN, WALL_SEC(0)), INT64_C(9223372036855),
               "@every 1s, all that ever was");
        for (int i = 0; i < 70; i++)
                sprintf(many + strlen(many), "%s%d %d * * *", i ? ";" : "", i % 60, i / 60);
        s = schedule_of(many, berlin);
        is_int(schedule_count(&s, from, OPEN, instant("2026-01-11")), 700, "70 expressions, each once a day");
        s = schedule_of("0 0 1 1 *", berlin);
        is_int(schedule_count(&s, from, OPEN, instant("2426-01-01")), 400, "400 years");
        ok(schedule_count(&s, from, OPEN, WALL_NEVER) == UINT64_MAX, "more than that is not counted");
        ok(schedule_last(&s, from, OPEN, WALL_NEVER, &t) == 0 &&
                   t.usec > INT64_MAX - 400 * INT64_C(31622400) * USEC_PER_SEC,
           "but the last one is found");
        s = schedule_of("@at 2026-06-01;@at 1999-01-01T12:00", berlin);
        is_int(schedule_count(&s, OPEN, OPEN, instant("2030-01-01")), 2, "since ever");
        diag("%.1f ms", cpu_ms() - before);
#ifndef JS_SANITIZED
        ok(cpu_ms() - before < 2000, "all that in proportion to days, not to instants");
#endif
}

/* What the gap and the repeated hour of 2026 do to an expression. */
static void odd_is(const char *text, const char *first, const char *second, const char *third, const char *fourth)
{
        const char *expect[] = { first, second, third, fourth };
        struct schedule s = schedule_of(text, berlin);
        struct schedule_oddity odd[10];
        size_t n = schedule_odd(&s, instant("2026-01-01"), instant("2026-12-31"), odd, 10), wanted = 0;
        bool good = true;

        for (size_t i = 0; i < 4 && expect[i]; i++, wanted++) {
                char line[300], at[64];

                if (i >= n)
                        continue;
                wall_print_rfc3339(odd[i].at, berlin, 0, at, sizeof(at));
                snprintf(line, sizeof(line), "%s: %s", at, odd[i].why);
                if (strcmp(line, expect[i]) != 0) {
                        diag("got \"%s\", wanted \"%s\"", line, expect[i]);
                        good = false;
                }
        }
        ok(good && n == wanted, "the odd days of %s: %zu", text, n);
}

static void test_odd(void)
{
        struct schedule s = schedule_of("30 2 * * *", berlin);
        struct schedule_oddity odd[2];

        odd_is("30 2 * * *",
               "2026-03-29T03:00:00+02:00: 02:30 does not exist on 2026-03-29: due at 03:00+02:00 instead",
               "2026-10-25T02:30:00+02:00: 02:30 comes twice on 2026-10-25: due the first time only, at 02:30+02:00",
               NULL, NULL);
        odd_is("*/20 2 * * *", "2026-03-29T03:00:00+02:00: 02:00 and 2 more times do not exist on 2026-03-29: not due",
               "2026-10-25T02:00:00+01:00: 02:00 and 2 more times come twice on 2026-10-25: due both times", NULL,
               NULL);
        odd_is("0,30 2 * * *;30 2 29 3 *;59 59 * * * *",
               "2026-03-29T03:00:00+02:00: 02:00 and 1 more time do not exist on 2026-03-29: due once, at 03:00+02:00 instead",
               "2026-03-29T03:00:00+02:00: 02:59:59 does not exist on 2026-03-29: not due",
               "2026-10-25T02:00:00+02:00: 02:00 and 1 more time come twice on 2026-10-25: due the first time only, at 02:00+02:00",
               "2026-10-25T02:59:59+01:00: 02:59:59 comes twice on 2026-10-25: due both times");
        odd_is("0 12 * * *", NULL, NULL, NULL, NULL);
        odd_is("@every 1h", NULL, NULL, NULL, NULL);
        odd_is("@at 2026-03-29T02:30",
               "2026-03-29T03:00:00+02:00: 02:30 does not exist on 2026-03-29: due at 03:00+02:00 instead", NULL, NULL,
               NULL);
        odd_is("30 2 29 3 1",
               "2026-03-29T03:00:00+02:00: 02:30 does not exist on 2026-03-29: due at 03:00+02:00 instead", NULL, NULL,
               NULL);
        is_int(schedule_odd(&s, instant("2026-01-01"), WALL_NEVER, odd, 2), 2, "no more than there is room for");
        is_int(schedule_odd(&s, instant("2026-03-29T03:00"), instant("2026-10-25T02:29"), odd, 2), 0,
               "strictly after, up to");
        s.end = instant("2026-10-01");
        is_int(schedule_odd(&s, instant("2026-01-01"), WALL_NEVER, odd, 2), 1, "not behind the end");
        s = schedule_of("0 12 * * *", tz_utc());
        is_int(schedule_odd(&s, instant("2026-01-01"), WALL_NEVER, odd, 2), 0, "nothing in UTC, and no endless search");
        s = schedule_of("0 12 * * *", berlin);
        is_int(schedule_odd(&s, OPEN, WALL_NEVER, odd, 2), 0, "nor where nothing is odd in 400 years");
}

static uint64_t digest_of(const char *text, const struct tz *zone)
{
        struct schedule s = schedule_of(text, zone);

        return schedule_digest(&s);
}

static void test_digest(void)
{
        struct schedule s = schedule_of("0 12 * * *", berlin), same = s;
        uint64_t d = schedule_digest(&s);
        uint8_t data[512];
        struct tz *tz = NULL;

        ok(digest_of("0 12 * * *", berlin) == d, "the same schedule has the same digest");
        ok(digest_of(" 0 0 12 ? jan-dec *", berlin) == d, "however it is written");
        ok(digest_of("1 12 * * *", berlin) != d && digest_of("0 12 * * 1", berlin) != d &&
                   digest_of("0 12 1 * *", berlin) != d && digest_of("0 12 * 1 *", berlin) != d &&
                   digest_of("0 13 * * *", berlin) != d && digest_of("1 0 12 * * *", berlin) != d,
           "each field matters");
        ok(digest_of("0-59 1 * * *", berlin) != digest_of("* 1 * * *", berlin), "fixed or interval matters");
        ok(digest_of("0 0 1-31/2 * 1", berlin) != digest_of("0 0 */2 * 1", berlin), "and or or matters");
        ok(digest_of("@every 1h", berlin) != digest_of("@every 2h", berlin), "a period matters");
        ok(digest_of("@at 2026-01-01", berlin) != digest_of("@at 2026-01-01T00:00Z", berlin),
           "local time or not matters");
        ok(digest_of("0 12 * * *;0 12 * * *", berlin) != d, "the number of expressions matters");
        ok(digest_of("0 12 * * *", tz_utc()) != d, "the zone matters");
        ok(tz_new(BERLIN, data, zone_bytes("CET-1CEST,M3.4.0,M10.5.0/3", data), &tz) == 0 &&
                   digest_of("0 12 * * *", tz) != d,
           "the zone's rules matter under the same name");
        tz = tz_free(tz);
        ok(tz_new("Other", data, zone_bytes(BERLIN, data), &tz) == 0 && digest_of("0 12 * * *", tz) != d,
           "the name matters");
        tz = tz_free(tz);
        ok(tz_new(BERLIN, data, zone_bytes("MEZ-1MESZ,M3.5.0,M10.5.0/3", data), &tz) == 0 &&
                   digest_of("0 12 * * *", tz) == d,
           "abbreviations do not");
        tz_free(tz);
        schedule_of("0 12 * * *", berlin);
        same.start = WALL_SEC(0);
        ok(schedule_digest(&same) != d, "the start matters");
        same = s;
        same.end = WALL_SEC(0);
        ok(schedule_digest(&same) != d, "the end matters");
}

int main(void)
{
        berlin = zone_of_rule(BERLIN);
        test_next();
        test_walks();
        test_large_counts();
        test_odd();
        test_digest();
        tz_free(berlin);
        return tap_done();
}
