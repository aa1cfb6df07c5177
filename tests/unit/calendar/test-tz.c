/* Reading zones: rules, TZif data made here, and data that are broken. */
#include <errno.h>

#include "../../lib/tap.h"
#include "calendar/civil.h"
#include "calendar/posixtz.h"
#include "zone.h"

static const struct {
        const char *text;
        bool good;
} strings[] = {
        { "UTC0", true },
        { "<+03>-3", true },
        { "<-00>0", true },
        { "IST-5:30", true },
        { "LMT0:1:15", true },
        { "AAA24:59:59", true },
        { "CET-1CEST,M3.5.0,M10.5.0/3", true },
        { "IST-1GMT0,M10.5.0,M3.5.0/1", true },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true },
        { "EET-2EEST,M3.4.4/50,M10.4.4/50", true },
        { "AAA0BBB,J1/0,J365/25", true },
        { "AAA0BBB,0/-167,365/167", true },
        { "AAA0BBB+1:00:00,J60,300/+2", true },
        { "", false },
        { "U0", false },
        { "UT0", false },
        { "UTC", false },
        { "UTC0 ", false },
        { "UTC25", false },
        { "UTC0:60", false },
        { "UTC0:00:60", false },
        { "UTC1000", false },
        { "ABCDEFGHIJKLMNOP0", false },
        { "<+03-3", false },
        { "<+03>", false },
        { "<a b>0", false },
        { "\xc3\xa9\xc3\xa9\xc3\xa9"
          "0",
          false },
        { "CET-1CEST", false },
        { "CET-1CEST,", false },
        { "CET-1CEST,M3.5.0", false },
        { "CET-1CEST,M3.5.0,", false },
        { "CET-1CEST,M3.5.0,M10.5.0/3,", false },
        { "CET-1CEST,M0.5.0,M10.5.0", false },
        { "CET-1CEST,M13.5.0,M10.5.0", false },
        { "CET-1CEST,M3.0.0,M10.5.0", false },
        { "CET-1CEST,M3.6.0,M10.5.0", false },
        { "CET-1CEST,M3.5.7,M10.5.0", false },
        { "CET-1CEST,M3.5.0/168,M10.5.0", false },
        { "CET-1CEST,J0,J300", false },
        { "CET-1CEST,J366,J300", false },
        { "CET-1CEST,366,J300", false },
        { ":Europe/Berlin", false },
};

static void test_strings(void)
{
        for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
                struct posix_tz tz;

                ok((posix_tz_parse(strings[i].text, strlen(strings[i].text), &tz) == 0) == strings[i].good,
                   "\"%s\" is %s", strings[i].text, strings[i].good ? "a rule" : "refused");
        }
}

/* rule; year; days (month, day) and UTC seconds of the day at which daylight saving starts and ends */
static void test_rule_days(void)
{
        static const struct {
                const char *rule;
                int year;
                unsigned start_month, start_day;
                int start_sec;
                unsigned end_month, end_day;
                int end_sec;
        } rows[] = {
                { "CET-1CEST,M3.5.0,M10.5.0/3", 2026, 3, 29, 3600, 10, 25, 3600 },
                { "CET-1CEST,M3.5.0,M10.5.0/3", 2400, 3, 26, 3600, 10, 29, 3600 },
                { "AAA0BBB,M2.5.1/0,M2.4.1/1", 2024, 2, 26, 0, 2, 26, 0 },
                { "AAA0BBB,M2.5.4/0,M2.1.4/1", 2024, 2, 29, 0, 2, 1, 0 },
                { "AAA0BBB,J59/0,J60/1", 2024, 2, 28, 0, 3, 1, 0 },
                { "AAA0BBB,J59/0,J60/1", 2025, 2, 28, 0, 3, 1, 0 },
                { "AAA0BBB,59/0,60/1", 2024, 2, 29, 0, 3, 1, 0 },
                { "AAA0BBB,59/0,60/1", 2025, 3, 1, 0, 3, 2, 0 },
                { "AAA0BBB,0/0,365/1", 2024, 1, 1, 0, 12, 31, 0 },
                { "AAA0BBB,J100/-1,J200/25", 2025, 4, 9, 82800, 7, 20, 0 },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct posix_tz tz;

                posix_tz_parse(rows[i].rule, strlen(rows[i].rule), &tz);
                is_int(posix_tz_start(&tz, rows[i].year),
                       civil_days(rows[i].year, rows[i].start_month, rows[i].start_day) * SEC_PER_DAY +
                               rows[i].start_sec,
                       rows[i].rule);
                is_int(posix_tz_end(&tz, rows[i].year),
                       civil_days(rows[i].year, rows[i].end_month, rows[i].end_day) * SEC_PER_DAY + rows[i].end_sec,
                       rows[i].rule);
        }
}

static void test_civil(void)
{
        int64_t year, expect = civil_days(-1, 3, 1);
        unsigned month, day, weekday = civil_weekday(expect), bad = 0;

        is_int(civil_days(1970, 1, 1), 0, "day 0");
        is_int(civil_days(2000, 3, 1), 11017, "1 March 2000");
        is_int(civil_weekday(0), 4, "a Thursday");
        is_int(civil_weekday(-1), 3, "after a Wednesday");
        for (int64_t y = -1; y <= 2405; y++)
                for (unsigned m = y == -1 ? 3 : 1; m <= 12; m++)
                        for (unsigned d = 1; d <= civil_month_days(y, m); d++, expect++, weekday = (weekday + 1) % 7) {
                                civil_date(expect, &year, &month, &day);
                                bad += civil_days(y, m, d) != expect || year != y || month != m || day != d ||
                                       civil_weekday(expect) != weekday;
                        }
        is_int(bad, 0, "every day from year -1 to 2405, one after the other");
}

/* The 400 years that are kept stand for all others. */
static void test_cycle(void)
{
        _cleanup_(tz_freep) struct tz *made = zone_of_rule("CET-1CEST,M3.5.0,M10.5.0/3"),
                                      *real = zone_load("Europe/Berlin");
        struct tz *zones[] = { made, real };
        struct tz_span a, b;

        for (size_t z = 0; z < 2; z++) {
                unsigned bad = 0;

                if (!zones[z]) {
                        tap_skip("the cycle of a zone with transitions", "no zone files here");
                        continue;
                }
                /* Transitions are written down up to 2037 at most, so from 2040 on the rule holds alone. */
                for (int64_t t = civil_days(2040, 1, 1) * SEC_PER_DAY, i = 0; i < 15000; i++, t += 841007)
                        for (int64_t k = 1; k <= 1000000; k *= 10) {
                                tz_span_at(zones[z], t, &a);
                                tz_span_at(zones[z], t + k * SEC_PER_ERA, &b);
                                bad += a.offset_sec != b.offset_sec || a.begin_sec + k * SEC_PER_ERA != b.begin_sec ||
                                       a.end_sec + k * SEC_PER_ERA != b.end_sec || t < a.begin_sec || t >= a.end_sec ||
                                       a.is_dst != b.is_dst || strcmp(a.abbreviation, b.abbreviation) != 0 ||
                                       tz_offset_at(zones[z], t + k * SEC_PER_ERA) != a.offset_sec;
                        }
                is_int(bad, 0, "a year and that of 400, 4,000 … 400,000,000 years later have the same changes");
        }
        is_int(tz_offset_at(made, civil_days(1000, 7, 1) * SEC_PER_DAY), 7200,
               "a rule alone holds before its time, too");
        is_int(tz_offset_at(made, civil_days(-100000, 1, 1) * SEC_PER_DAY), 3600, "and long before");
        tz_span_at(made, INT64_MAX, &a);
        tz_span_at(made, INT64_MIN, &b);
        ok(a.begin_sec < a.end_sec && b.begin_sec < b.end_sec, "the edges of time can be asked for");
}

/* Spans follow each other without a hole, each different from the one before. */
static void test_spans(void)
{
        _cleanup_(tz_freep) struct tz *tz = zone_of_rule("IST-1GMT0,M10.5.0,M3.5.0/1");
        struct tz_span s, next;
        unsigned bad = 0, n = 0;

        tz_span_at(tz, civil_days(1900, 1, 1) * SEC_PER_DAY, &s);
        for (; s.end_sec < civil_days(3000, 1, 1) * SEC_PER_DAY; s = next, n++) {
                tz_span_at(tz, s.end_sec, &next);
                bad += next.begin_sec != s.end_sec || next.offset_sec == s.offset_sec || next.is_dst == s.is_dst ||
                       next.is_dst != (next.offset_sec == 0) ||
                       strcmp(next.abbreviation, next.is_dst ? "GMT" : "IST") != 0;
        }
        is_int(bad, 0, "1,100 years of Dublin");
        is_int(n, 2200, "with two changes each");
}

static void test_special_rules(void)
{
        _cleanup_(tz_freep) struct tz *always = zone_of_rule("XXX3EDT4,0/0,J365/23"),
                                      *none = zone_of_rule("<+0545>-5:45");
        struct tz_span s;

        tz_span_at(always, 0, &s);
        ok(s.begin_sec == INT64_MIN && s.end_sec == INT64_MAX && s.offset_sec == -4 * 3600 && s.is_dst,
           "daylight saving all year is one span");
        {
                _cleanup_(tz_freep) struct tz *same = zone_of_rule("CET-1CEST,M1.5.0,M1.5.0/3");

                tz_span_at(same, -TZ_SEC_MAX, &s);
                ok(s.begin_sec == INT64_MIN && s.end_sec == INT64_MAX && s.offset_sec == 7200,
                   "also before its first year, where it begins in the instant it ends");
        }
        tz_span_at(none, 0, &s);
        ok(s.begin_sec == INT64_MIN && s.end_sec == INT64_MAX && s.offset_sec == 20700 &&
                   strcmp(s.abbreviation, "+0545") == 0,
           "no daylight saving is one span");
        tz_span_at(tz_utc(), INT64_MAX, &s);
        ok(s.begin_sec == INT64_MIN && s.end_sec == INT64_MAX && s.offset_sec == 0 &&
                   strcmp(s.abbreviation, "UTC") == 0,
           "UTC is one span");
        is_str(tz_name(tz_utc()), "UTC", "UTC has a name");
        ok(tz_digest(always) != tz_digest(none) && tz_digest(none) != tz_digest(tz_utc()), "digests differ");
        ok(tz_free(NULL) == NULL, "NULL can be freed");
}

static void test_local(void)
{
        _cleanup_(tz_freep) struct tz *tz = zone_of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        int64_t gap = civil_days(2026, 3, 29) * SEC_PER_DAY, twice = civil_days(2026, 10, 25) * SEC_PER_DAY;
        static const struct {
                bool in_gap;
                int local, utc, kind;
        } rows[] = {
                { true, 7199, 3599, 0 },   { true, 7200, 3600, -1 },  { true, 9000, 3600, -1 },
                { true, 10799, 3600, -1 }, { true, 10800, 3600, 0 },  { false, 7199, -1, 0 },
                { false, 7200, 0, 1 },     { false, 10799, 3599, 1 }, { false, 10800, 7200, 0 },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int64_t day = rows[i].in_gap ? gap : twice;
                int kind = 7;

                is_int(tz_local_to_utc(tz, day + rows[i].local, &kind) - day, rows[i].utc,
                       rows[i].in_gap ? "around the gap" : "around the repeated hour");
                is_int(kind, rows[i].kind, "and its kind");
        }
}

/* Transitions in the data, and the footer behind them. */
/* From where on a zone's changes are those of its rule: that of data which name changes until 2037 is much older. */
static void test_rule_begins(void)
{
        static const struct {
                const char *name;
                int64_t first, last;
        } rows[] = {
                { "Europe/Berlin", INT64_C(820454400), INT64_C(852076800) },     /* 1996: October since then */
                { "America/New_York", INT64_C(1167609600), INT64_C(1199145600) }, /* 2007: March, November */
        };
        _cleanup_(tz_freep) struct tz *made = zone_of_rule("CET-1CEST,M3.5.0,M10.5.0/3"),
                                      *none = zone_of_rule("CET-1");

        ok(tz_rule_sec(made) == INT64_MIN, "a zone of a rule alone goes by it always");
        ok(tz_rule_sec(none) == INT64_MAX && tz_rule_sec(tz_utc()) == INT64_MAX, "one without daylight saving has none");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(tz_freep) struct tz *tz = zone_load(rows[i].name);

                if (!tz)
                        tap_skip(rows[i].name, "no zone files here");
                else if (!ok(tz_rule_sec(tz) >= rows[i].first && tz_rule_sec(tz) <= rows[i].last,
                             "%s goes by its rule since that was made", rows[i].name))
                        diag("since %lld", (long long)tz_rule_sec(tz));
        }
}

static void test_transitions(void)
{
        uint8_t data[512] = {}, *p = data;
        struct tz *tz = NULL;
        struct tz_span s;
        static const uint8_t head[44] = { 'T', 'Z', 'i', 'f', '3', [35] = 2, [39] = 3, [43] = 12 };
        static const uint8_t empty[44] = { 'T', 'Z', 'i', 'f', '3' };

        memcpy(p, empty, 44);
        memcpy(p + 44, head, 44);
        p += 88;
        p[6] = 0x03; /* 1000 = 0x3e8 */
        p[7] = 0xe8;
        p[14] = 0x07; /* 2000 = 0x7d0 */
        p[15] = 0xd0;
        p[16] = 1;
        p[17] = 2;
        memcpy(p + 18,
               "\0\0\1\0\0\0"
               "\0\0\16\20\1\4"
               "\377\377\361\360\0\10"
               "LMT\0ONE\0TWO",
               30);
        strcpy((char *)p + 48, "\nTHR-3\n");
        ok(tz_new("Test", data, 88 + 48 + 7, &tz) == 0, "a zone with two transitions and a footer");
        if (!tz)
                return;
        tz_span_at(tz, 999, &s);
        ok(s.offset_sec == 256 && s.begin_sec == INT64_MIN && s.end_sec == 1000 && strcmp(s.abbreviation, "LMT") == 0,
           "before the first: type 0");
        tz_span_at(tz, 1000, &s);
        ok(s.offset_sec == 3600 && s.begin_sec == 1000 && s.end_sec == 2000 && s.is_dst, "at the first");
        tz_span_at(tz, 2000, &s);
        ok(s.offset_sec == 3 * 3600 && s.begin_sec == 2000 && s.end_sec == INT64_MAX,
           "from the last on the footer holds");
        tz = tz_free(tz);
        strcpy((char *)p + 48, "\n\n");
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == 0 && tz_offset_at(tz, 5000) == -3600,
           "without a footer the last type holds");
        tz = tz_free(tz);
        p[15] = 0xe8;
        p[14] = 0x03;
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == -EBADMSG, "transitions out of order are refused");
        p[14] = 0x07;
        p[17] = 3;
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == -EBADMSG, "an index that is no type is refused");
        p[17] = 2;
        p[18 + 5] = 12;
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == -EBADMSG, "a name beyond the characters is refused");
        p[18 + 5] = 0;
        p[18 + 1] = 2; /* 0x20100 s */
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == -EBADMSG, "an offset of over a day is refused");
        p[18 + 1] = 0;
        p[47] = 'X';
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == -EBADMSG, "a name without an end is refused");
        p[47] = 0;
        ok(tz_new("Test", data, 88 + 48 + 2, &tz) == 0, "and put right it is read");
        tz_free(tz);
}

static void test_broken(void)
{
        uint8_t data[512], copy[512];
        size_t n = zone_bytes("CET-1CEST,M3.5.0,M10.5.0/3", data);
        struct tz *tz = NULL;
        unsigned bad = 0;

        ok(tz_new("x", data, n, &tz) == 0, "whole data are read");
        tz = tz_free(tz);
        for (size_t i = 0; i < n; i++)
                bad += tz_new("x", data, i, &tz) != -EBADMSG || tz;
        is_int(bad, 0, "cut off anywhere they are refused");
        memcpy(copy, data, n);
        copy[4] = 0;
        ok(tz_new("x", copy, n, &tz) == -EOPNOTSUPP, "version 1 is refused");
        memcpy(copy, data, n);
        copy[54 + 34] = 1;
        ok(tz_new("x", copy, n, &tz) == -EBADMSG, "a count that the data do not hold is refused");
        for (size_t i = 20; i < 44; i += 4) {
                memcpy(copy, data, n);
                memset(copy + i, 0xff, 4);
                ok(tz_new("x", copy, n, &tz) == -EBADMSG, "a count of 2^32-1 at %zu is refused", i);
                memcpy(copy, data, n);
                memset(copy + 54 + i, 0xff, 4);
                ok(tz_new("x", copy, n, &tz) == -EBADMSG, "and in the second header");
        }
        for (size_t i = 0; i < n * 255; i++) {
                memcpy(copy, data, n);
                copy[i % n] = (uint8_t)(copy[i % n] + 1 + i / n);
                if (tz_new("x", copy, n, &tz) == 0)
                        tz = tz_free(tz);
        }
        ok(tz == NULL, "any one byte changed does no harm");
}

/* Zones that count leap seconds are not for a clock that does not. */
static void test_right(void)
{
        size_t size;
        struct tz *tz = NULL;
        char path[512];
        void *data;

        snprintf(path, sizeof(path), "%s/right/Europe/Berlin", zone_dir());
        data = zone_read(path, &size);
        if (!data) {
                tap_skip("zones with leap seconds", "none here");
                return;
        }
        ok(tz_new("right", data, size, &tz) == -EOPNOTSUPP, "zones with leap seconds are refused");
        free(data);
}

int main(void)
{
        test_strings();
        test_rule_days();
        test_civil();
        test_cycle();
        test_spans();
        test_special_rules();
        test_local();
        test_rule_begins();
        test_transitions();
        test_broken();
        test_right();
        return tap_done();
}
