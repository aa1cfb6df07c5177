/* Durations, instants, time words. */
#include <errno.h>

#include "../../lib/tap.h"
#include "calendar/timeparse.h"
#include "zone.h"

static struct tz *berlin;

static const struct {
        const char *text;
        int r;
        int64_t usec;
        const char *canonical;
} durations[] = {
        { "90", 0, 90 * USEC_PER_SEC, "1m30s" },
        { "0", 0, 0, "0s" },
        { "0s", 0, 0, "0s" },
        { "500ms", 0, 500 * USEC_PER_MSEC, "500ms" },
        { "90s", 0, 90 * USEC_PER_SEC, "1m30s" },
        { "15m", 0, 15 * USEC_PER_MINUTE, "15m" },
        { "1h30m", 0, 90 * USEC_PER_MINUTE, "1h30m" },
        { "90m", 0, 90 * USEC_PER_MINUTE, "1h30m" },
        { "1h90m", 0, 150 * USEC_PER_MINUTE, "2h30m" },
        { "2d", 0, 2 * USEC_PER_DAY, "2d" },
        { "10d", 0, 10 * USEC_PER_DAY, "10d" },
        { "1w", 0, 7 * USEC_PER_DAY, "1w" },
        { "14d", 0, 14 * USEC_PER_DAY, "2w" },
        { "1w2d3h4m5s6ms", 0, 9 * USEC_PER_DAY + 3 * USEC_PER_HOUR + 4 * USEC_PER_MINUTE + 5006 * USEC_PER_MSEC,
          "9d3h4m5s6ms" },
        { "1m500ms", 0, 60500 * USEC_PER_MSEC, "1m500ms" },
        { "007m", 0, 7 * USEC_PER_MINUTE, "7m" },
        { "36525d", 0, 36525 * USEC_PER_DAY, "36525d" },
        { "36525d1ms", -ERANGE, 0, NULL },
        { "5218w", -ERANGE, 0, NULL },
        { "99999999999999999999", -ERANGE, 0, NULL },
        { "9223372036854775808ms", -ERANGE, 0, NULL },
        { "18446744073709551617s", -ERANGE, 0, NULL },
        { "99999999999999999999w1d", -ERANGE, 0, NULL },
        { "", -EINVAL, 0, NULL },
        { "h", -EINVAL, 0, NULL },
        { "1.5h", -EINVAL, 0, NULL },
        { "-1h", -EINVAL, 0, NULL },
        { "+1h", -EINVAL, 0, NULL },
        { " 1h", -EINVAL, 0, NULL },
        { "1h ", -EINVAL, 0, NULL },
        { "1h 30m", -EINVAL, 0, NULL },
        { "30m1h", -EINVAL, 0, NULL },
        { "1h1h", -EINVAL, 0, NULL },
        { "1h30", -EINVAL, 0, NULL },
        { "1H", -EINVAL, 0, NULL },
        { "1min", -EINVAL, 0, NULL },
        { "1us", -EINVAL, 0, NULL },
        { "unlimited", -EINVAL, 0, NULL },
};

static void test_durations(void)
{
        for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
                int64_t usec = 4711, again = 0;
                const char *why = NULL;
                char text[64];
                size_t n;
                int r = duration_parse(durations[i].text, &usec, &why);

                ok(r == durations[i].r && (r == 0 ? usec == durations[i].usec : usec == 4711 && why) &&
                           duration_parse(durations[i].text, &again, NULL) == r,
                   "duration \"%s\"", durations[i].text);
                if (r < 0)
                        continue;
                n = duration_print(usec, text, sizeof(text));
                is_int(n, strlen(text), "its length");
                is_str(text, durations[i].canonical, durations[i].text);
                ok(duration_parse(text, &again, NULL) == 0 && again == usec, "%s is read as the same", text);
        }
}

/* text; as an instant in Berlin; the same for an end; as a local time without a zone */
static const struct {
        const char *text, *start, *end, *bare;
} instants[] = {
        { "2026-12-24", "2026-12-24T00:00:00+01:00", "2026-12-24T23:59:59+01:00", "local 2026-12-24 00:00:00" },
        { "2026-12-24T18:00", "2026-12-24T18:00:00+01:00", "2026-12-24T18:00:00+01:00", "local 2026-12-24 18:00:00" },
        { "2026-12-24T18:00:30", "2026-12-24T18:00:30+01:00", "2026-12-24T18:00:30+01:00",
          "local 2026-12-24 18:00:30" },
        { "2026-12-24T18:00Z", "2026-12-24T19:00:00+01:00", "2026-12-24T19:00:00+01:00", "2026-12-24 18:00:00" },
        { "2026-12-24T18:00:00-03:30", "2026-12-24T22:30:00+01:00", "2026-12-24T22:30:00+01:00",
          "2026-12-24 21:30:00" },
        { "2026-12-24T18:00+14:00", "2026-12-24T05:00:00+01:00", "2026-12-24T05:00:00+01:00", "2026-12-24 04:00:00" },
        { "2026-03-29T02:30", "2026-03-29T03:00:00+02:00", "2026-03-29T03:00:00+02:00", "local 2026-03-29 02:30:00" },
        { "2026-10-25T02:30", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "local 2026-10-25 02:30:00" },
        { "2024-02-29", "2024-02-29T00:00:00+01:00", "2024-02-29T23:59:59+01:00", "local 2024-02-29 00:00:00" },
        { "0001-01-01", "0001-01-01T00:00:00+01:00", "0001-01-01T23:59:59+01:00", "local 0001-01-01 00:00:00" },
        { "9999-12-31", "9999-12-31T00:00:00+01:00", "9999-12-31T23:59:59+01:00", "local 9999-12-31 00:00:00" },
};

static const char *const bad_instants[] = {
        "",
        "2026",
        "2026-12",
        "2026-12-24T",
        "2026-12-24T18",
        "2026-12-24T18:",
        "2026-12-24 18:00",
        "2026-12-24t18:00",
        "2026-12-24T18:00z",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-01-32",
        "2026-02-29",
        "2100-02-29",
        "0000-01-01",
        "2026-1-1",
        "26-01-01",
        "2026-12-24T24:00",
        "2026-12-24T18:60",
        "2026-12-24T18:00:60",
        "2026-12-24T18:00+1:00",
        "2026-12-24T18:00+01",
        "2026-12-24T18:00+0100",
        "2026-12-24T18:00+24:00",
        "2026-12-24T18:00+01:60",
        "2026-12-24T18:00:00.5",
        "2026-12-24Z",
        "2026-12-24+01:00",
        " 2026-12-24",
        "2026-12-24 ",
        "2026-12-24T18:00 ",
        "-2026-12-24",
        "20261224",
        "2026-12-24T1800",
        "2026-12-24T18:00:00+01:00:00",
        "tomorrow",
};

static void test_instants(void)
{
        for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
                char text[64], bare[80];
                bool local = true;
                struct wall t;

                ok(instant_parse(instants[i].text, berlin, false, &t, &local) == 0 && !local, "%s is an instant",
                   instants[i].text);
                wall_print_rfc3339(t, berlin, 0, text, sizeof(text));
                is_str(text, instants[i].start, instants[i].text);
                ok(instant_parse(instants[i].text, berlin, true, &t, NULL) == 0, "%s is an end", instants[i].text);
                wall_print_rfc3339(t, berlin, 0, text, sizeof(text));
                is_str(text, instants[i].end, instants[i].text);
                ok(instant_parse(instants[i].text, NULL, false, &t, &local) == 0, "%s without a zone",
                   instants[i].text);
                wall_print_local(t, tz_utc(), text, sizeof(text));
                snprintf(bare, sizeof(bare), "%s%s", local ? "local " : "", text);
                is_str(bare, instants[i].bare, instants[i].text);
        }
        for (size_t i = 0; i < sizeof(bad_instants) / sizeof(bad_instants[0]); i++) {
                struct wall t = { 4711 };

                ok(instant_parse(bad_instants[i], berlin, false, &t, NULL) == -EINVAL && t.usec == 4711,
                   "\"%s\" is no instant", bad_instants[i]);
        }
}

/* A day's last second where the day's end is odd. */
static void test_end_of_day(void)
{
        _cleanup_(tz_freep) struct tz *paulo = zone_of_rule("<-03>3<-02>,M11.1.0/0,M2.3.0/0");
        _cleanup_(tz_freep) struct tz *apia = zone_load("Pacific/Apia");
        struct wall t;
        char text[64];

        instant_parse("2026-02-14", paulo, true, &t, NULL);
        wall_print_rfc3339(t, paulo, 0, text, sizeof(text));
        is_str(text, "2026-02-14T23:59:59-03:00", "the last hour comes twice: the second one");
        instant_parse("2026-11-01", paulo, false, &t, NULL);
        wall_print_rfc3339(t, paulo, 0, text, sizeof(text));
        is_str(text, "2026-11-01T01:00:00-02:00", "a day without a midnight");
        if (!apia) {
                tap_skip("a day that was skipped", "no zone files here");
                return;
        }
        instant_parse("2011-12-30", apia, true, &t, NULL);
        wall_print_rfc3339(t, apia, 0, text, sizeof(text));
        is_str(text, "2011-12-31T00:00:00+14:00", "a day that was skipped ends where its times are due");
}

/* Now is Thursday 2026-03-26 16:00 in Berlin; the gap is on Sunday. text; going forward; looking back (NULL: not a
 * time) */
static const struct {
        const char *text, *next, *past;
} words[] = {
        { "now", "2026-03-26 16:00:00", "2026-03-26 16:00:00" },
        { "NOW", "2026-03-26 16:00:00", "2026-03-26 16:00:00" },
        { "boot", "2026-03-20 08:00:00", "2026-03-20 08:00:00" },
        { "15:30", "2026-03-27 15:30:00", "2026-03-26 15:30:00" },
        { "16:30:15", "2026-03-26 16:30:15", "2026-03-25 16:30:15" },
        { "16:00", "2026-03-27 16:00:00", "2026-03-26 16:00:00" },
        { "today", "2026-03-26 00:00:00", "2026-03-26 00:00:00" },
        { "today 17:00", "2026-03-26 17:00:00", "2026-03-26 17:00:00" },
        { "yesterday", "2026-03-25 00:00:00", "2026-03-25 00:00:00" },
        { "Tomorrow 02:00", "2026-03-27 02:00:00", "2026-03-27 02:00:00" },
        { "tomorrow \t 02:00", "2026-03-27 02:00:00", "2026-03-27 02:00:00" },
        { "mon", "2026-03-30 00:00:00", "2026-03-23 00:00:00" },
        { "mon 06:00", "2026-03-30 06:00:00", "2026-03-23 06:00:00" },
        { "thu", "2026-04-02 00:00:00", "2026-03-26 00:00:00" },
        { "thu 17:00", "2026-03-26 17:00:00", "2026-03-19 17:00:00" },
        { "THU 16:00", "2026-04-02 16:00:00", "2026-03-26 16:00:00" },
        { "sun 02:30", "2026-03-29 03:00:00", "2026-03-22 02:30:00" },
        { "fri", "2026-03-27 00:00:00", "2026-03-20 00:00:00" },
        { "-3h", "2026-03-26 13:00:00", "2026-03-26 13:00:00" },
        { "+2d", "2026-03-28 16:00:00", "2026-03-28 16:00:00" },
        { "+4d", "2026-03-30 17:00:00", "2026-03-30 17:00:00" },
        { "+90", "2026-03-26 16:01:30", "2026-03-26 16:01:30" },
        { "2026-12-24", "2026-12-24 00:00:00", "2026-12-24 00:00:00" },
        { "2026-12-24T18:00Z", "2026-12-24 19:00:00", "2026-12-24 19:00:00" },
        { "", NULL, NULL },
        { "-", NULL, NULL },
        { "3h", NULL, NULL },
        { "-3", "2026-03-26 15:59:57", "2026-03-26 15:59:57" },
        { "--3h", NULL, NULL },
        { "-3h ", NULL, NULL },
        { "+1000000000000000w", NULL, NULL },
        { "monday", NULL, NULL },
        { "today17:00", NULL, NULL },
        { "today 25:00", NULL, NULL },
        { "today 17:00 x", NULL, NULL },
        { "15", NULL, NULL },
        { "15:3", NULL, NULL },
        { "15:30 ", NULL, NULL },
        { "nowadays", NULL, NULL },
        { "2026-12-24 18:00", NULL, NULL },
};

static void test_words(void)
{
        struct wall now, boot, t;

        instant_parse("2026-03-26T16:00", berlin, false, &now, NULL);
        instant_parse("2026-03-20T08:00", berlin, false, &boot, NULL);
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                for (int past = 0; past <= 1; past++) {
                        const char *expect = past ? words[i].past : words[i].next;
                        char text[64] = "";

                        t.usec = 4711;
                        if (timeword_parse(words[i].text, berlin, now, boot, past, &t) < 0) {
                                ok(!expect && t.usec == 4711, "\"%s\" is no time", words[i].text);
                        } else {
                                wall_print_local(t, berlin, text, sizeof(text));
                                is_str(text, expect, words[i].text);
                        }
                }
        ok(timeword_parse("+1d", berlin, (struct wall){ INT64_MAX - 1 }, boot, false, &t) == -EINVAL,
           "a sum too large is refused");
        ok(timeword_parse("-1d", berlin, (struct wall){ INT64_MIN + 1 }, boot, false, &t) == -EINVAL,
           "and one too small");
}

static void test_print(void)
{
        _cleanup_(tz_freep) struct tz *india = zone_of_rule("IST-5:30"), *old = zone_of_rule("LMT-0:53:28"),
                                      *west = zone_of_rule("<-0330>3:30");
        struct wall t = { INT64_C(1774746000123456) };
        char text[64];

        wall_print_rfc3339(t, berlin, 0, text, sizeof(text));
        is_str(text, "2026-03-29T03:00:00+02:00", "without a fraction");
        wall_print_rfc3339(t, tz_utc(), 3, text, sizeof(text));
        is_str(text, "2026-03-29T01:00:00.123+00:00", "milliseconds, in UTC");
        wall_print_rfc3339(t, berlin, 6, text, sizeof(text));
        is_str(text, "2026-03-29T03:00:00.123456+02:00", "microseconds");
        wall_print_rfc3339(t, berlin, 9, text, sizeof(text));
        is_str(text, "2026-03-29T03:00:00.123456+02:00", "there is no more than that");
        wall_print_rfc3339(t, india, 0, text, sizeof(text));
        is_str(text, "2026-03-29T06:30:00+05:30", "half an hour east");
        wall_print_rfc3339(t, west, 0, text, sizeof(text));
        is_str(text, "2026-03-28T21:30:00-03:30", "half an hour west");
        wall_print_rfc3339(t, old, 0, text, sizeof(text));
        is_str(text, "2026-03-29T01:53:00+00:53", "an offset with seconds is rounded, and the time with it");
        wall_print_local(t, old, text, sizeof(text));
        is_str(text, "2026-03-29 01:53:28", "while the local time is that of the clock");
        wall_print_rfc3339((struct wall){ -1 }, tz_utc(), 6, text, sizeof(text));
        is_str(text, "1969-12-31T23:59:59.999999+00:00", "before the epoch");
        is_int(wall_print_rfc3339((struct wall){ INT64_MAX }, berlin, 6, text, sizeof(text)), 34,
               "the last instant fits");
        is_int(wall_print_rfc3339((struct wall){ INT64_MIN }, berlin, 6, text, sizeof(text)), 35, "and the first one");
}

int main(void)
{
        berlin = zone_of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        test_durations();
        test_instants();
        test_end_of_day();
        test_words();
        test_print();
        tz_free(berlin);
        return tap_done();
}
