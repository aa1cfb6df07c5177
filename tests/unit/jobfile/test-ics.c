/* .ics files: which days they mean, and what is wrong with them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/tap.h"
#include "calendar/civil.h"
#include "jobfile/ics.h"
#include "zone.h"

static const struct tz *berlin;

/* "2026-01-01 2026-12-25..2026-12-26" of a year. */
static void print_year(const struct dayset *set, int64_t year, char *buf, size_t size)
{
        int32_t first = (int32_t)civil_days(year, 1, 1), last = (int32_t)civil_days(year, 12, 31);
        size_t n = 0;

        *buf = 0;
        for (uint32_t i = 0; i < set->n && n < size - 40; i++) {
                int32_t ends[2] = { MAX(set->v[i].first, first), MIN(set->v[i].last, last) };

                if (ends[0] > ends[1])
                        continue;
                for (int k = 0; k < (ends[0] == ends[1] ? 1 : 2); k++) {
                        unsigned m, d;
                        int64_t y;

                        civil_date(ends[k], &y, &m, &d);
                        n += (size_t)snprintf(buf + n, size - n, "%s%02u-%02u", k ? ".." : n ? " " : "", m, d);
                }
        }
}

#define EVENT(lines) "BEGIN:VEVENT\nUID:a\n" lines "END:VEVENT\n"

static const struct {
        const char *name, *events;
        int year;
        const char *days;
} good[] = {
        { "a day", EVENT("DTSTART;VALUE=DATE:20260403\n"), 2026, "04-03" },
        { "its end is not included", EVENT("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\n"), 2026, "12-25..12-26" },
        { "an end that is the beginning", EVENT("DTSTART:20261225\nDTEND:20261225\n"), 2026, "12-25" },
        { "a duration", EVENT("DTSTART;VALUE=DATE:20261225\nDURATION:P2D\n"), 2026, "12-25..12-26" },
        { "a duration of nothing", EVENT("DTSTART;VALUE=DATE:20261225\nDURATION:P0D\n"), 2026, "12-25" },
        { "a time", EVENT("DTSTART:20261224T180000\n"), 2026, "12-24" },
        { "over midnight", EVENT("DTSTART;TZID=Europe/Berlin:20261224T180000\nDTEND;TZID=Europe/Berlin:20261225T020000\n"),
          2026, "12-24..12-25" },
        { "until midnight", EVENT("DTSTART:20261224T180000\nDTEND:20261225T000000\n"), 2026, "12-24" },
        { "a time and a duration", EVENT("DTSTART:20261224T180000\nDURATION:PT6H1S\n"), 2026, "12-24..12-25" },
        { "UTC is in the given zone", EVENT("DTSTART:20261224T233000Z\nDTEND:20261225T003000Z\n"), 2026, "12-25" },
        { "a zone in quotes, with a colon", EVENT("DTSTART;TZID=\"a:b\":20261224T180000\n"), 2026, "12-24" },
        { "every year", EVENT("DTSTART;VALUE=DATE:20241225\nDTEND;VALUE=DATE:20241227\nRRULE:FREQ=YEARLY\n"), 2099,
          "12-25..12-26" },
        { "not before its beginning", EVENT("DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY\n"), 2023, "" },
        { "not behind 2099", EVENT("DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY\n"), 2100, "" },
        { "from long ago", EVENT("DTSTART;VALUE=DATE:18711225\nRRULE:FREQ=YEARLY\n"), 2026, "12-25" },
        { "leap days", EVENT("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY\n"), 2026, "" },
        { "Thanksgiving", EVENT("DTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\n"), 2026, "11-26" },
        { "so often", EVENT("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=3\n"), 2026, "01-01 02-01 03-01" },
        { "until a day", EVENT("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=WEEKLY;UNTIL=20260115\n"), 2026,
          "01-01 01-08 01-15" },
        { "until a time in UTC", EVENT("DTSTART:20260101T100000Z\nRRULE:FREQ=WEEKLY;UNTIL=20260115T100000Z\n"), 2026,
          "01-01 01-08 01-15" },
        { "the last Friday", EVENT("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=2\n"), 2026,
          "01-30 02-27" },
        { "each lasts as long",
          EVENT("DTSTART:20260101T220000\nDTEND:20260102T030000\nRRULE:FREQ=MONTHLY;COUNT=2\n"), 2026,
          "01-01..01-02 02-01..02-02" },
        { "but for", EVENT("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=3\nEXDATE;VALUE=DATE:20260201\n"), 2026,
          "01-01 03-01" },
        { "but for, by time",
          EVENT("DTSTART:20260101T100000\nRRULE:FREQ=MONTHLY;COUNT=3\nEXDATE:20260201T100000,20260301T110000\n"), 2026,
          "01-01 03-01" },
        { "and also", EVENT("DTSTART;VALUE=DATE:20260101\nRDATE;VALUE=DATE:20260305,20260310\n"), 2026, "01-01 03-05 03-10" },
        { "and also a period",
          EVENT("DTSTART:20260101T100000\nRDATE;VALUE=PERIOD:20260305T100000/20260306T100000,20260401T100000/P2D\n"), 2026,
          "01-01 03-05..03-06 04-01..04-03" },
        { "an exception stands elsewhere",
          EVENT("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=3\n")
                  EVENT("RECURRENCE-ID;VALUE=DATE:20260201\nDTSTART;VALUE=DATE:20260203\n"),
          2026, "01-01 02-03 03-01" },
        { "an exception that was cancelled",
          EVENT("RECURRENCE-ID;VALUE=DATE:20260201\nDTSTART;VALUE=DATE:20260201\nSTATUS:CANCELLED\n")
                  EVENT("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=3\n"),
          2026, "01-01 03-01" },
        { "cancelled", EVENT("DTSTART;VALUE=DATE:20260101\nSTATUS:cancelled\n"), 2026, "" },
        { "what else there is",
          "BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:19700101T000000\nRRULE:FREQ=YEARLY\nEND:STANDARD\nEND:VTIMEZONE\n"
          "BEGIN:VTODO\nDTSTART:20260501\nEND:VTODO\n" EVENT(
                  "DTSTART:20260501\nBEGIN:VALARM\nTRIGGER:-PT15M\nDTSTART:junk\nEND:VALARM\n"),
          2026, "05-01" },
        { "folded lines", EVENT("DTSTART;VALUE=DATE\n :2026\n\t0403\nSUMMARY:a\\nb\\,\n  c: d\n"), 2026, "04-03" },
        { "no event at all", "", 2026, "" },
};

static void test_good(void)
{
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                for (int crlf = 0; crlf < 2; crlf++) {
                        struct diagnostics errors = { 0 };
                        struct dayset *set = NULL;
                        char text[4000], wire[8000], days[2000] = "?";
                        size_t n = 0;

                        snprintf(text, sizeof(text), "%sBEGIN:VCALENDAR\nVERSION:2.0\n%sEND:VCALENDAR\n",
                                 crlf ? "\xef\xbb\xbf" : "", good[i].events);
                        for (const char *p = text; *p; p++) {
                                if (*p == '\n' && crlf)
                                        wire[n++] = '\r';
                                wire[n++] = *p;
                        }
                        if (ics_parse(wire, n, berlin, &errors, &set) == 0)
                                print_year(set, good[i].year, days, sizeof(days));
                        else
                                diag("line %u: %s: %s", errors.v[0].line, errors.v[0].key ?: "", errors.v[0].message);
                        is_str(days, good[i].days, good[i].name);
                        dayset_unref(set);
                        diagnostics_done(&errors);
                }
}

/* The lines of a whole file, a blank one for its first. */
static const struct {
        const char *text;
        unsigned line;
        const char *word;
} bad[] = {
        { "", 0, "empty" },
        { "\n\n", 0, "empty" },
        { "hello\n", 1, "NAME:VALUE" },
        { "A:b\n", 1, "VCALENDAR" },
        { "BEGIN:VCARD\nEND:VCARD\n", 1, "VCALENDAR" },
        { "BEGIN:VCALENDAR\n", 2, "ends within `VCALENDAR`" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n", 4, "ends within `VEVENT`" },
        { "BEGIN:VCALENDAR\nEND:VEVENT\n", 2, "`VCALENDAR` was begun" },
        { "END:VCALENDAR\n", 1, "ends here" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n", 2, "no DTSTART" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260230\nEND:VEVENT\nEND:VCALENDAR\n", 3, "20260230" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101T250000\nEND:VEVENT\nEND:VCALENDAR\n", 3, "20260101T250000" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2026-01-01\nEND:VEVENT\nEND:VCALENDAR\n", 3, "2026-01-01" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nDTSTART:20260101\nEND:VEVENT\nEND:VCALENDAR\n", 4, "second" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nDTEND:20260101\nEND:VEVENT\nEND:VCALENDAR\n", 2, "before" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nDTEND:20260103T100000\nEND:VEVENT\nEND:VCALENDAR\n", 2, "both" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nDURATION:2 days\nEND:VEVENT\nEND:VCALENDAR\n", 4, "2 days" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nDURATION:-P1D\nEND:VEVENT\nEND:VCALENDAR\n", 4, "-P1D" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nEXDATE:20260102,never\nEND:VEVENT\nEND:VCALENDAR\n", 4, "never" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nRDATE:20260102T100000/x\nEND:VEVENT\nEND:VCALENDAR\n", 4, "`x`" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\n\nRRULE:EVERY YEAR\nEND:VEVENT\nEND:VCALENDAR\n", 5, "EVERY YEAR" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nRRULE:FREQ=SECONDLY\nEND:VEVENT\nEND:VCALENDAR\n", 4, "by days" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nRRULE:FREQ=HOURLY\nEND:VEVENT\nEND:VCALENDAR\n", 4, "by days" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260102\nEXRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n", 4, "EXDATE" },
        { "BEGIN:VCALENDAR\nX:a\001b\nEND:VCALENDAR\n", 2, "U+0001" },
        { "BEGIN:VCALENDAR\nnonsense\nEND:VCALENDAR\n", 2, "NAME:VALUE" },
        { "BEGIN:VCALENDAR\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\n", 9, "deeply" },
};

static void refused(const char *text, size_t size, unsigned line, const char *word, const char *name)
{
        struct diagnostics errors = { 0 };
        struct dayset *set = NULL;
        bool right = ics_parse(text, size, berlin, &errors, &set) == -EINVAL && errors.n == 1 &&
                     errors.v[0].line == line && strstr(errors.v[0].message, word);

        if (!ok(right, "%s", name) && errors.n > 0)
                diag("line %u: %s", errors.v[0].line, errors.v[0].message);
        dayset_unref(set);
        diagnostics_done(&errors);
}

static void test_bad(void)
{
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                char name[100];

                snprintf(name, sizeof(name), "refused, line %u: %s", bad[i].line, bad[i].word);
                refused(bad[i].text, strlen(bad[i].text), bad[i].line, bad[i].word, name);
        }
}

/* Everything has its bound. */
static void test_hostile(void)
{
        size_t room = 3u << 20, n;
        char *text = malloc(room);

        memset(text, 'A', room);
        refused(text, ICS_SIZE_MAX + 1, 0, "1 MiB", "too large");
        refused(text, 100000, 1, "64 KiB", "a line that is too long");
        for (n = 0; n + 3 < 200000; n += 3)
                memcpy(text + n, "A\n ", 3);
        refused(text, n, 1, "64 KiB", "also when it is folded");

        n = (size_t)sprintf(text, "BEGIN:VCALENDAR\n");
        for (int i = 0; i <= ICS_EVENTS_MAX; i++)
                n += (size_t)sprintf(text + n, "BEGIN:VEVENT\nDTSTART:20260101\nEND:VEVENT\n");
        refused(text, n, 30002, "10000", "too many events");

        n = (size_t)sprintf(text, "BEGIN:VCALENDAR\n");
        for (int i = 0; i < 20; i++)
                n += (size_t)sprintf(text + n, "BEGIN:VEVENT\nDTSTART:19700101\nRRULE:FREQ=DAILY\nEND:VEVENT\n");
        n += (size_t)sprintf(text + n, "END:VCALENDAR\n");
        refused(text, n, 18, "occurrences", "too many occurrences");

        n = (size_t)sprintf(text, "BEGIN:VCALENDAR\n");
        for (int i = 0; i < 1000; i++)
                n += (size_t)sprintf(text + n,
                                     "BEGIN:VEVENT\nDTSTART:19700101\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\n");
        n += (size_t)sprintf(text + n, "END:VCALENDAR\n");
        {
                struct diagnostics errors = { 0 };
                struct dayset *set = NULL;

                ok(ics_parse(text, n, berlin, &errors, &set) == -EINVAL && strstr(errors.v[0].message, "too long"),
                   "rules that never come are given up");
                diagnostics_done(&errors);
        }
        free(text);
}

int main(void)
{
        struct zone_source zones = test_zones();

        berlin = zones.find(zones.arg, "Europe/Berlin");
        if (!berlin) {
                printf("1..0 # SKIP no zone Europe/Berlin\n");
                return 0;
        }
        test_good();
        test_bad();
        test_hostile();
        return tap_done();
}
