/* Reading and printing expressions. */
#include <errno.h>

#include "../../lib/tap.h"
#include "calendar/calendar.h"

/* text; its canonical form; in English */
static const struct {
        const char *text, *canonical, *english;
} valid[] = {
        { "* * * * *", "* * * * *", "every minute" },
        { "30 2 * * *", "30 2 * * *", "at 02:30 every day" },
        { "30 2 * * 1-5", "30 2 * * 1-5", "at 02:30 on weekdays" },
        { " \t0  0\t* * *  ", "0 0 * * *", "at 00:00 every day" },
        { "*/15 * * * *", "*/15 * * * *", "every 15 minutes" },
        { "*/15 9-17 * * mon-fri", "*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:59 on weekdays" },
        { "0,15,30,45 * * * *", "*/15 * * * *", "every 15 minutes" },
        { "0,15,30,45 9 * * *", "0-45/15 9 * * *", "at 09:00, 09:15, 09:30 and 09:45 every day" },
        { "1-59/2 2 * * *", "1-59/2 2 * * *", NULL },
        { "5,1-3,2 0 * * *", "1-3,5 0 * * *", NULL },
        { "*/2,5 1 * * *", "*/2,5 1 * * *", NULL },
        { "5,*/2 1 * * *",
          "0,2,4-6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,46,48,50,52,54,56,58 1 * * *", NULL },
        { "0-59 1 * * *", "0-59 1 * * *", NULL },
        { "0-59 0-23 1-31 1-12 0-7", "0-59 0-23 1-31 * 0-6", NULL },
        { "*/90 1 * * *", "*/60 1 * * *", NULL },
        { "*/4294967297 1 * * *", "*/60 1 * * *", NULL },
        { "1-9/4294967297 1 * * *", "1 1 * * *", NULL },
        { "05 007 * * *", "5 7 * * *", "at 07:05 every day" },
        { "? ? ? ? ?", "* * * * *", "every minute" },
        { "0 0 ? * 1", "0 0 * * 1", "at 00:00 on Monday" },
        { "0 12 * dec,JAN,Feb sun", "0 12 * 1,2,12 0", "at 12:00 on Sunday in January, February and December" },
        { "0 0 * mar-may 7", "0 0 * 3-5 0", "at 00:00 on Sunday in March to May" },
        { "0 0 * * fri-sun", "0 0 * * 0,5,6", "at 00:00 on Sunday, Friday and Saturday" },
        { "0 0 * * sun-tue", "0 0 * * 0-2", "at 00:00 on Sunday to Tuesday" },
        { "0 0 * * sun-sun", "0 0 * * 0", NULL },
        { "0 0 * * 5-7", "0 0 * * 0,5,6", NULL },
        { "0 0 * * 0-7", "0 0 * * 0-6", "at 00:00 every day" },
        { "0 0 * * */2", "0 0 * * */2", NULL },
        { "0 0 * * 0,6", "0 0 * * 0,6", "at 00:00 at weekends" },
        { "0 0 13 * 5", "0 0 13 * 5", "at 00:00 on the 13th and on every Friday" },
        { "0 0 8-14 * */7", "0 0 8-14 * */7", "at 00:00 on the 8th to 14th if that is Sunday" },
        { "0 0 1 1 *", "0 0 1 1 *", "at 00:00 on 1 January" },
        { "0 0 1,22 * *", "0 0 1,22 * *", "at 00:00 on the 1st and 22nd of the month" },
        { "0 0 L * *", "0 0 L * *", "at 00:00 on the last day of the month" },
        { "0 0 l 2 ?", "0 0 L 2 *", "at 00:00 on the last day of February" },
        { "0 0 L-0 * *", "0 0 L * *", NULL },
        { "0 0 L-3,L * *", "0 0 L,L-3 * *", "at 00:00 on the 3rd day before the last and the last day of the month" },
        { "0 0 L-1 * *", "0 0 L-1 * *", "at 00:00 on the day before the last of the month" },
        { "0 0 1,15,L * *", "0 0 1,15,L * *", "at 00:00 on the 1st, the 15th and the last day of the month" },
        { "30 2 15W * *", "30 2 15W * *", "at 02:30 on the weekday nearest to the 15th of the month" },
        { "0 0 15w,1W 3 *", "0 0 1W,15W 3 *",
          "at 00:00 on the weekday nearest to the 1st and the weekday nearest to the 15th of March" },
        { "0 0 lw * *", "0 0 LW * *", "at 00:00 on the last weekday of the month" },
        { "0 0 L-0W,L-3w * *", "0 0 LW,L-3W * *", NULL },
        { "0 0 L-3W * *", "0 0 L-3W * *",
          "at 00:00 on the weekday nearest to the 3rd day before the last of the month" },
        { "0 0 31,LW,1-3,L-30,7W * *", "0 0 1-3,31,7W,L-30,LW * *", NULL },
        { "0 0 * * 5#2", "0 0 * * 5#2", "at 00:00 on the second Friday of the month" },
        { "0 0 * * FRI#2", "0 0 * * 5#2", NULL },
        { "0 0 * * 7#1,sunL", "0 0 * * 0#1,0L", "at 00:00 on the first Sunday and the last Sunday of the month" },
        { "0 0 ? 3,10 5L", "0 0 * 3,10 5L", "at 00:00 on the last Friday of March and October" },
        { "0 0 * * fril,mon#1,wed", "0 0 * * 3,1#1,5L",
          "at 00:00 on every Wednesday, the first Monday and the last Friday of the month" },
        { "0 0 13 * fri#2", "0 0 13 * 5#2", "at 00:00 on the 13th and on the second Friday of the month" },
        { "0 0 L 2 mon", "0 0 L 2 1", "at 00:00 on the last day of February and on every Monday in February" },
        { "0 0 */2 * friL", "0 0 */2 * 5L", NULL },
        { "0 0 LW * */5", "0 0 LW * */5", "at 00:00 on the last weekday of the month if that is Sunday or Friday" },
        { "0 0 * * *,5L", "0 0 * * *,5L", "at 00:00 every day" },
        { "0 0 31W 2 *", "0 0 31W 2 *", "never: there is no such day" },
        { "0 0 30 2 *", "0 0 30 2 *", "never: there is no such day" },
        { "* * * * * *", "* * * * * *", "every second" },
        { "*/10 * * * * *", "*/10 * * * * *", "every 10 seconds" },
        { "30 * * * * *", "30 * * * * *", "at second 30 of every minute" },
        { "0 30 2 * * *", "0 30 2 * * *", "at 02:30 every day" },
        { "15 30 2 24 12 *", "15 30 2 24 12 *", "at 02:30:15 on 24 December" },
        { "0 * * * *", "0 * * * *", "every hour" },
        { "20 * * * *", "20 * * * *", "every hour at minute 20" },
        { "0 */2 * * *", "0 */2 * * *", "every 2 hours" },
        { "@yearly", "0 0 1 1 *", NULL },
        { "@Annually", "0 0 1 1 *", NULL },
        { "@MONTHLY", "0 0 1 * *", NULL },
        { "@weekly", "0 0 * * 0", NULL },
        { " @daily ", "0 0 * * *", NULL },
        { "@midnight", "0 0 * * *", NULL },
        { "@hourly", "0 * * * *", NULL },
        { "@reboot", "@reboot", "once after each boot" },
        { "@every 15m", "@every 15m", "every 15 minutes" },
        { "@EVERY 90", "@every 1m30s", "every 1 minute 30 seconds" },
        { "@every 1h", "@every 1h", "every hour" },
        { "@after 10m", "@after 10m", "10 minutes after the end of the run before" },
        { "@AFTER 3600", "@after 1h", "1 hour after the end of the run before" },
        { "@at 2026-12-24T18:00", "@at 2026-12-24T18:00:00", "at 18:00 on 24 December 2026" },
        { "@at 2026-12-24T18:00:30+01:00", "@at 2026-12-24T17:00:30Z", "at 17:00:30 UTC on 24 December 2026" },
        { "@at 2026-12-24", "@at 2026-12-24T00:00:00", "at 00:00 on 24 December 2026" },
};

#define FIVE "an expression has five (minute hour day-of-month month day-of-week) or six, with seconds first"

/* text; where it is wrong; the message, or how it begins */
static const struct {
        const char *text;
        size_t position;
        const char *message;
} invalid[] = {
        { "", 0, "empty; " FIVE },
        { "  ", 2, "empty; " },
        { "*", 0, "1 field; " FIVE },
        { " * * * *", 1, "4 fields; " FIVE },
        { "1 2 3 4 5 6 7 8", 12, "8 fields; " FIVE },
        { "99 * * * *", 0, "minute 99 is out of range 0-59" },
        { "* 24 * * *", 2, "hour 24 is out of range 0-23" },
        { "* * 0 * *", 4, "day-of-month 0 is out of range 1-31" },
        { "* * * 1-13 *", 8, "month 13 is out of range 1-12" },
        { "* * * * 8", 8, "day-of-week 8 is out of range 0-7" },
        { "60 * * * * *", 0, "second 60 is out of range 0-59" },
        { "4294967296 * * * *", 0, "minute 4294967296 is out of range 0-59" },
        { "18446744073709551616 * * * *", 0, "minute 18446744073709551616 is out of range 0-59" },
        { "5/15 * * * *", 0, "minute: 5/15 is read differently by other programs; write 5-59/15" },
        { "* * 2,3/4 * *", 6, "day-of-month: 3/4 is read differently by other programs; write 3-31/4" },
        { "* * * * mon/2", 8, "day-of-week: mon/2 is read differently by other programs; write 1-6/2" },
        { "5/0 * * * *", 2, "minute: step 0; a step is 1 or more" },
        { "* */0 * * *", 4, "hour: step 0; a step is 1 or more" },
        { "*/ * * * *", 2, "minute: a number is expected after `/`" },
        { "*/a * * * *", 2, "minute: a number is expected after `/`" },
        { "1,,2 * * * *", 2, "minute: a value is missing before `,`" },
        { "1, * * * *", 2, "minute: a value is missing" },
        { ", * * * *", 0, "minute: a value is missing before `,`" },
        { "-5 * * * *", 0, "minute: unexpected `-`; expected a number from 0 to 59 or `*`" },
        { "5- * * * *", 2, "minute: a value is missing" },
        { "* 22-2 * * *", 2, "hour: range 22-2 runs downwards; write it upwards, or as two ranges" },
        { "* * * * 6-0", 8, "day-of-week: range 6-0 runs downwards" },
        { "* * * * sat-mon", 8, "day-of-week: range sat-mon runs downwards" },
        { "mon * * * *", 0, "minute: mon is not a number (names are for month and day-of-week)" },
        { "* * * mon *", 6, "month: mon is not a name; the names are jan feb mar" },
        { "* * * * monday", 8, "day-of-week: monday is not a name; the names are sun mon" },
        { "* * * * mo", 8, "day-of-week: mo is not a name" },
        { "*1 * * * *", 1, "minute: unexpected `1`; expected `,` or a blank" },
        { "1-5-7 * * * *", 3, "minute: unexpected `-`" },
        { "*/5/5 * * * *", 3, "minute: unexpected `/`" },
        { "1k * * * *", 1, "minute: unexpected `k`" },
        { "* * * * \xc3\xa9", 8, "day-of-week: unexpected `?`" },
        { "0 0 L15 * *", 4, "day-of-month: `L` stands alone or first: L, L-3, LW; " },
        { "0 0 5L * *", 5,
          "day-of-month: `L` stands alone or first: L, L-3, LW; the last Friday is FRIL, in day-of-week" },
        { "0 0 L-31 * *", 6, "day-of-month: L-31 is before every month; the days are L (the last) to L-30" },
        { "0 0 L- * *", 6, "day-of-month: a number of days is expected after `L-`, as in L-3" },
        { "0 0 L-3-1 * *", 7, "day-of-month: L-3 is one day of each month, and can't be in a range; list the days" },
        { "0 0 L/2 * *", 5, "day-of-month: L is one day of each month, and has no step" },
        { "0 0 1-L * *", 6, "day-of-month: `L` can't end a range; write 1-31: days that a month lacks are left out" },
        { "0 0 L-31W * *", 6, "day-of-month: L-31 is before every month" },
        { "0 0 LL * *", 4, "day-of-month: `L` stands alone or first" },
        { "0 0 W15 * *", 4, "day-of-month: `W` follows one day: 15W, LW, L-3W" },
        { "0 0 1-5W * *", 7, "day-of-month: `W` follows one day: 15W, LW, L-3W" },
        { "0 0 1W-5 * *", 6, "day-of-month: 1W is one day of each month, and can't be in a range" },
        { "0 0 15W/2 * *", 7, "day-of-month: 15W is one day of each month, and has no step" },
        { "0 0 32W * *", 4, "day-of-month 32 is out of range 1-31" },
        { "0 0 * * 5W", 9, "day-of-week: `W` is for day-of-month, as in 15W; days from Monday to Friday are mon-fri" },
        { "0 0 * * L", 8, "day-of-week: `L` follows one day, as in FRIL or 5L; the month's last day is L" },
        { "0 0 * * MON-FRIL", 15, "day-of-week: `L` follows one day" },
        { "0 0 * * MON-FRI#1", 15, "day-of-week: `#` follows one day, as in FRI#2" },
        { "0 0 * * 5#", 10, "day-of-week: a number from 1 to 5 is expected after `#`" },
        { "0 0 * * #2", 8, "day-of-week: a day is missing before `#`; the second Friday is FRI#2" },
        { "0 0 * * fri#0", 12, "day-of-week: #0; a month has a first (#1) to a fifth (#5) of a day" },
        { "0 0 * * fri#6", 12, "day-of-week: #6; a month has a first (#1) to a fifth (#5) of a day" },
        { "0 0 * * 1#4294967297", 10, "day-of-week: #4294967297; " },
        { "0 0 * * 1#-3", 10, "day-of-week: a number from 1 to 5 is expected after `#`" },
        { "0 0 * * fri#L", 12, "day-of-week: the last one is friL" },
        { "0 0 * * 5#2/2", 11, "day-of-week: 5#2 is one day of each month, and has no step" },
        { "0 0 * * 5L-6", 10, "day-of-week: 5L is one day of each month, and can't be in a range" },
        { "0 0 * * 8L", 8, "day-of-week 8 is out of range 0-7" },
        { "0 0 5#2 * *", 5, "day-of-month: `#` is for day-of-week, as in FRI#2" },
        { "L * * * *", 0, "minute: `L` is for day-of-month (L) and day-of-week (FRIL)" },
        { "0 0 * L *", 6, "month: `L` is for day-of-month (L) and day-of-week (FRIL)" },
        { "60~70 * * * *", 0, "minute 60 is out of range 0-59" },
        { "50~10 * * * *", 0, "minute: range 50~10 runs downwards" },
        { "~ * * * *", 0, "minute: a value is missing before `~`; any value of the field is 0~59" },
        { "5~ * * * *", 2, "minute: a value is missing behind `~`; any value from 5 on is 5~59" },
        { "0~59/5 * * * *", 4, "minute: a random value has no step; a range that is spread is H(0-59)/n" },
        { "*~5 * * * *", 1, "minute: `~` stands between two values, as in 0~59" },
        { "H(30-10) * * * *", 2, "minute: range 30-10 runs downwards" },
        { "H( * * * *", 2, "minute: a value is missing" },
        { "H(5) * * * *", 3, "minute: `H(` wants a range, as in H(0-59)" },
        { "H(5-9 * * * *", 5, "minute: `)` is missing: H(5-9)" },
        { "H/0 * * * *", 2, "minute: step 0; a step is 1 or more" },
        { "H/61 * * * *", 0, "minute: the step of H/61 is longer than the range, which has 60 values" },
        { "0 0 H(1-9)/10 * *", 4, "day-of-month: the step of H(1-9)/10 is longer than the range, which has 9 values" },
        { "*H * * * *", 1, "minute: `H` stands first in an element: H, H(0-59), H/15" },
        { "5(3) * * * *", 1, "minute: `(` follows `H` only, as in H(0-59)" },
        { "H5 * * * *", 1, "minute: unexpected `5`; expected `,` or a blank" },
        { "@dayly", 0, "@dayly is unknown; did you mean @daily?" },
        { "@weakly", 0, "@weakly is unknown; did you mean @weekly?" },
        { "@evry 5m", 0, "@evry is unknown; did you mean @every?" },
        { "@fortnightly", 0, "@fortnightly is unknown; there are @yearly, " },
        { "@", 0, "@ is unknown; there are " },
        { "@daily x", 7, "unexpected `x` after @daily" },
        { "@after", 6, "@after needs a duration" },
        { "@after 500ms", 7, "@after 500ms: whole seconds, at least 1s" },
        { "@aftr 5m", 0, "@aftr is unknown; did you mean @after?" },
        { "@every", 6, "@every needs a duration" },
        { "@every 500ms", 7, "@every 500ms: whole seconds, at least 1s" },
        { "@every 1500ms", 7, "@every 1500ms: whole seconds, at least 1s" },
        { "@every 0", 7, "@every 0: whole seconds, at least 1s" },
        { "@every 1.5h", 7, "@every 1.5h: whole numbers with ms, s, m, h, d or w, largest unit first" },
        { "@every 6000w", 7, "@every 6000w: longer than 100 years" },
        { "@every 1h 30m", 10, "unexpected `30m` after 1h; " },
        { "@at", 3, "@at needs an instant" },
        { "@at 2026-02-30", 4, "@at 2026-02-30: not an instant; " },
        { "@at 2026-12-24 18:00", 15, "unexpected `18:00` after 2026-12-24; " },
};

static bool same(const struct calendar *a, const struct calendar *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

/* Prints, parses that, prints again. */
static bool round_trip(const struct calendar *c, char text[CALENDAR_PRINT_SIZE])
{
        char again[CALENDAR_PRINT_SIZE];
        struct calendar_error error = {};
        struct calendar d;

        if (calendar_print(c, text, CALENDAR_PRINT_SIZE) >= CALENDAR_PRINT_SIZE ||
            calendar_parse(text, NULL, &d, &error) < 0) {
                diag("%s: %s", text, error.message);
                return false;
        }
        calendar_print(&d, again, sizeof(again));
        return same(c, &d) && strcmp(text, again) == 0;
}

static void test_valid(void)
{
        for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
                char text[CALENDAR_PRINT_SIZE] = "", english[300];
                struct calendar_error error = {};
                struct calendar c;

                if (!ok(calendar_parse(valid[i].text, NULL, &c, &error) == 0, "\"%s\" is an expression",
                        valid[i].text)) {
                        diag("%s", error.message);
                        continue;
                }
                ok(round_trip(&c, text), "%s: what is printed is read as the same", valid[i].text);
                is_str(text, valid[i].canonical, valid[i].text);
                calendar_describe(&c, english, sizeof(english));
                if (valid[i].english)
                        is_str(english, valid[i].english, valid[i].text);
        }
}

static void test_invalid(void)
{
        for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
                struct calendar_error error = { .position = 4711 };
                struct calendar c = { .kind = 77 };
                bool good = calendar_parse(invalid[i].text, NULL, &c, &error) == -EINVAL && c.kind == 77 &&
                            calendar_parse(invalid[i].text, NULL, &c, NULL) == -EINVAL &&
                            error.position == invalid[i].position &&
                            strncmp(error.message, invalid[i].message, strlen(invalid[i].message)) == 0;

                if (!ok(good, "\"%s\" is refused: %s", invalid[i].text, invalid[i].message))
                        diag("at %zu: %s", error.position, error.message);
        }
}

static uint64_t state;

static uint64_t random_bits(void)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
}

/* Values of any bits, not only those that people write. */
static void test_random_round_trip(void)
{
        char text[CALENDAR_PRINT_SIZE] = "";
        unsigned failed = 0, longest = 0;

        state = 0x5eed;
        for (unsigned i = 0; i < 20000; i++) {
                uint64_t m = random_bits(), s = random_bits() & random_bits(), d = random_bits() | random_bits();
                struct calendar c = {
                        .kind = CALENDAR_FIELDS, .has_seconds = i & 1, .dom_star = i >> 1 & 1, .dow_star = i >> 2 & 1
                };

                c.second = c.has_seconds ? (s | 1) & ((UINT64_C(1) << 60) - 1) : 1;
                c.minute = (i & 32 ? m : m & s) & ((UINT64_C(1) << 60) - 1);
                c.minute |= UINT64_C(1) << (m >> 60);
                c.hour = (d & 0xffffff) | 4;
                c.dom = (uint32_t)((d >> 13 & 0xfffffffe) | 2);
                c.month = (uint16_t)((m >> 20 & 0x1ffe) | 8);
                c.dow = (uint8_t)((s >> 30 & 127) | 1);
                c.interval = i >> 3 & 1 && ((c.has_seconds && c.second & 1) || c.minute & 1 || c.hour & 1);
                c.interval_by_text = c.interval;
                if (i >> 4 & 1) {
                        uint64_t x = random_bits(), y = i >> 6 & 1 ? x : x & s & random_bits();

                        c.dom_last = (uint32_t)y & ~UINT32_C(1);
                        c.dom_workday = (uint32_t)(y >> 32) & ~UINT32_C(1);
                        c.dom_last_workday = (uint32_t)(y >> 16) & ~UINT32_C(1);
                        c.dow_last = x & 127;
                        for (unsigned k = 0; k < CALENDAR_NTH_MAX; k++)
                                c.dow_nth[k] = y >> (8 * k) & 127;
                        c.odd_days = c.dom_last || c.dom_workday || c.dom_last_workday || c.dow_last;
                        for (unsigned k = 0; k < CALENDAR_NTH_MAX; k++)
                                c.odd_days |= c.dow_nth[k] != 0;
                        if (c.odd_days && !c.dom_star && (c.dom_last || c.dom_workday))
                                c.dom = 0;
                        if (c.odd_days && !c.dow_star && c.dow_last)
                                c.dow = 0;
                }
                if (!round_trip(&c, text) && failed++ < 5)
                        diag("%s", text);
                longest = MAX(longest, (unsigned)strlen(text));
        }
        ok(failed == 0, "20,000 random values print as what is read as the same (the longest in %u bytes)", longest);
        ok(longest + 1 < CALENDAR_PRINT_SIZE, "CALENDAR_PRINT_SIZE suffices");
}

/* A list of 10 KB, and other texts that are only large. */
static void test_large(void)
{
        struct calendar_error error;
        static char text[20000];
        struct calendar c;

        strcpy(text, "0");
        while (strlen(text) < 10000)
                strcat(text, ",0-59,*/7");
        strcat(text, " * * * *");
        ok(calendar_parse(text, NULL, &c, &error) == 0 && c.minute == (UINT64_C(1) << 60) - 1,
           "a list of 10 KB is read");
        strcpy(text + 10000, "x * * * *");
        ok(calendar_parse(text, NULL, &c, &error) < 0 && error.position == 10000,
           "what is wrong at byte 10000 is found there");
        memset(text, '*', 19999);
        ok(calendar_parse(text, NULL, &c, &error) < 0 && strlen(error.message) < sizeof(error.message),
           "20 KB of stars are refused");
        memset(text, '9', 19999);
        memcpy(text + 19000, " * * * *", 9);
        ok(calendar_parse(text, NULL, &c, &error) < 0 && error.position == 0, "a number of 19,000 digits is refused");
        for (size_t i = 0; i < 19998; i += 2)
                memcpy(text + i, "1 ", 2);
        text[19998] = '\0';
        ok(calendar_parse(text, NULL, &c, &error) < 0 && error.position == 12,
           "9,999 fields are refused at the seventh");
        text[0] = '@';
        ok(calendar_parse(text, NULL, &c, &error) < 0, "a macro of 20 KB is refused");
        strcpy(text, "\x1b[31m * * * *");
        ok(calendar_parse(text, NULL, &c, &error) < 0 && !strchr(error.message, '\x1b'),
           "no escape sequence comes back in a message");
}

static void test_cut_off(void)
{
        struct calendar c;
        char buf[64];

        calendar_parse("0 0 */2 * 1-5", NULL, &c, NULL);
        memset(buf, 'x', sizeof(buf));
        is_int(calendar_print(&c, buf, 6), 13, "print: the whole length is returned");
        is_str(buf, "0 0 *", "print: cut off");
        memset(buf, 'x', sizeof(buf));
        is_int(calendar_describe(&c, buf, 20), 19, "describe: what was written is returned");
        is_str(buf, "at 00:00 on the …", "describe: cut off with an ellipsis");
        for (size_t size = 0; size < 20; size++) {
                memset(buf, 'x', sizeof(buf));
                calendar_describe(&c, buf, size);
                ok(buf[size] == 'x', "describe: nothing is written behind %zu bytes", size);
        }
}

static void test_zone_words(void)
{
        static const struct {
                const char *text, *zone, *words;
        } rows[] = {
                { "30 2 * * *", "Europe/Berlin", "Berlin time" },
                { "30 2 * * *", "America/Argentina/Buenos_Aires", "Buenos Aires time" },
                { "30 2 * * *", "UTC", "UTC" },
                { "30 2 * * *", "Etc/GMT+5", "Etc/GMT+5" },
                { "@at 2026-12-24T18:00", "Europe/Berlin", "Berlin time" },
                { "@at 2026-12-24T18:00Z", "Europe/Berlin", "" },
                { "@every 15m", "Europe/Berlin", "" },
                { "@after 15m", "Europe/Berlin", "" },
                { "@reboot", "Europe/Berlin", "" },
                { "0 0 30 2 *", "Europe/Berlin", "" },
        };
        struct calendar c;
        char buf[32];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                calendar_parse(rows[i].text, NULL, &c, NULL);
                calendar_describe_zone(&c, rows[i].zone, buf, sizeof(buf));
                is_str(buf, rows[i].words, rows[i].text);
        }
        memset(buf, 'x', sizeof(buf));
        calendar_parse("30 2 * * *", NULL, &c, NULL);
        is_int(calendar_describe_zone(&c, "Europe/Berlin", buf, 5), 4, "whose clock: what was written is returned");
        ok(strcmp(buf, "Berl") == 0 && buf[5] == 'x', "cut off");
}

static void test_never(void)
{
        static const struct {
                const char *text;
                bool never;
        } rows[] = {
                { "0 0 30 2 *", true },     { "0 0 31 2,4,6,9,11 *", true },
                { "0 0 31 4 */2", true },   { "* * 30-31 feb *", true },
                { "0 0 29 2 *", false },    { "0 0 29 2 */7", false },
                { "0 0 30 2 1", false },    { "0 0 31 2-3 *", false },
                { "0 0 */31 2 *", false },  { "@every 1s", false },
                { "@reboot", false },       { "0 0 30 2 0-7", false },
                { "@after 1s", false },     { "0 0 31W 2 *", true },
                { "0 0 30W 2 *", true },    { "0 0 29W 2 *", false },
                { "0 0 L-30 2 *", true },   { "0 0 L-29 2 *", true },
                { "0 0 L-28 2 *", false },  { "0 0 L-30 4,6,9,11 *", true },
                { "0 0 L-30 * *", false },  { "0 0 31W 4,6,9,11,2 *", true },
                { "0 0 */31 * 1#5", true }, { "0 0 */28 2 1#5", false },
                { "0 0 LW * */6", true },   { "0 0 L * */6", false },
                { "0 0 LW * sun", false },  { "0 0 31W 2 5L", false },
                { "0 0 */31 * 5L", true },  { "0 0 */30 2 5#2", true },
                { "0 0 L-29W 2 *", true },  { "0 0 L-28W 2 *", false },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct calendar c;

                calendar_parse(rows[i].text, NULL, &c, NULL);
                ok(calendar_never(&c) == rows[i].never, "%s %s match", rows[i].text,
                   rows[i].never ? "can never" : "can");
        }
}

int main(void)
{
        test_valid();
        test_invalid();
        test_random_round_trip();
        test_large();
        test_cut_off();
        test_zone_words();
        test_never();
        return tap_done();
}
