/* An expression in English: see calendar.h.  For people: what is said is true, but only the common shapes read well. */
#include <stdio.h>

#include "calendar/calendar.h"
#include "calendar/civil.h"
#include "calendar/text.h"

#define ALL_MINUTES  ((UINT64_C(1) << 60) - 1) /* and seconds */
#define ALL_HOURS    UINT32_C(0xffffff)
#define ALL_DAYS     UINT32_C(0xfffffffe)
#define ALL_MONTHS   0x1ffe
#define ALL_WEEKDAYS 127
#define WORKING_DAYS 0x3e
#define WEEKEND      0x41
#define TIMES_MAX    6 /* so many times of day are listed one by one */

static const char *const weekdays[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const months[] = { "",     "January", "February",  "March",   "April",    "May",     "June",
                                      "July", "August",  "September", "October", "November", "December" };

static void add_number(struct text *t, unsigned v)
{
        calendar_text_add(t, "%u", v);
}

static void add_ordinal(struct text *t, unsigned v)
{
        static const char *const endings[] = { "th", "st", "nd", "rd" };

        calendar_text_add(t, "%u%s", v, v % 10 < 4 && v / 10 != 1 ? endings[v % 10] : "th");
}

static void add_weekday(struct text *t, unsigned v)
{
        calendar_text_add(t, "%s", weekdays[v]);
}

static void add_month(struct text *t, unsigned v)
{
        calendar_text_add(t, "%s", months[v]);
}

/* "1, 5 to 9 and 20" */
static void add_list(struct text *t, uint64_t bits, void (*add)(struct text *, unsigned))
{
        bool first = true;

        while (bits) {
                unsigned a = (unsigned)__builtin_ctzll(bits), b = a;

                while (bits >> (b + 1) & 1)
                        b++;
                if (b < a + 2)
                        b = a;
                bits &= ~UINT64_C(0) << (b + 1);
                calendar_text_add(t, "%s", first ? "" : bits ? ", " : " and ");
                add(t, a);
                if (b > a) {
                        calendar_text_add(t, " to ");
                        add(t, b);
                }
                first = false;
        }
}

/* n if the set is 0, n, 2n … and goes on evenly over the edge at `size`; else 0. */
static unsigned even_step(uint64_t bits, unsigned size)
{
        unsigned last, step = bits_step(bits, &last);

        return step > 1 && (bits & 1) && last + step == size ? step : 0;
}

static void add_times(struct text *t, const struct calendar *c)
{
        unsigned left = (unsigned)(__builtin_popcount(c->hour) * __builtin_popcountll(c->minute));

        calendar_text_add(t, "at ");
        for (uint32_t h = c->hour; h; h &= h - 1)
                for (uint64_t m = c->minute; m; m &= m - 1) {
                        calendar_text_add(t, "%02d:%02d", __builtin_ctz(h), __builtin_ctzll(m));
                        if (c->second != 1)
                                calendar_text_add(t, ":%02d", __builtin_ctzll(c->second));
                        left--;
                        calendar_text_add(t, "%s", left > 1 ? ", " : left == 1 ? " and " : "");
                }
}

/* "every minute", "every 5 minutes", "at minute 5" */
static void add_units(struct text *t, uint64_t bits, const char *unit)
{
        unsigned step = even_step(bits, 60);

        if (bits == ALL_MINUTES) {
                calendar_text_add(t, "every %s", unit);
        } else if (step) {
                calendar_text_add(t, "every %u %ss", step, unit);
        } else {
                calendar_text_add(t, "at %s%s ", unit, bits & (bits - 1) ? "s" : "");
                add_list(t, bits, add_number);
        }
}

/* The hours, behind minutes that are spread (`every 5 minutes`) or named (`at minute 5`). */
static void add_hours(struct text *t, uint32_t hours, bool spread)
{
        unsigned step = even_step(hours, 24), last, first = (unsigned)__builtin_ctz(hours);

        if (hours == ALL_HOURS)
                calendar_text_add(t, "%s", spread ? "" : " of every hour");
        else if (spread && (bits_step(hours, &last) == 1 || !(hours & (hours - 1))))
                calendar_text_add(t, " from %02u:00 to %02d:59", first, 31 - __builtin_clz(hours));
        else if (step)
                calendar_text_add(t, " of every %u%s hour", step, step == 2 ? "nd" : step == 3 ? "rd" : "th");
        else {
                calendar_text_add(t, " of hour%s ", hours & (hours - 1) ? "s" : "");
                add_list(t, hours, add_number);
        }
}

static void add_clock(struct text *t, const struct calendar *c)
{
        bool one_minute = !(c->minute & (c->minute - 1)), one_second = !(c->second & (c->second - 1));
        unsigned step = even_step(c->hour, 24);
        bool spread = c->minute == ALL_MINUTES || even_step(c->minute, 60);

        if (c->second != 1) {
                add_units(t, c->second, "second");
                if (c->minute == ALL_MINUTES && c->hour == ALL_HOURS) {
                        calendar_text_add(t, "%s", one_second ? " of every minute" : "");
                        return;
                }
                if (c->minute == ALL_MINUTES) {
                        add_hours(t, c->hour, true);
                        return;
                }
                calendar_text_add(t, ", ");
        } else if (one_minute && (c->hour == ALL_HOURS || step)) {
                if (step)
                        calendar_text_add(t, "every %u hours", step);
                else
                        calendar_text_add(t, "every hour");
                if (c->minute != 1)
                        calendar_text_add(t, " at minute %d", __builtin_ctzll(c->minute));
                return;
        }
        add_units(t, c->minute, "minute");
        add_hours(t, c->hour, spread);
}

static void add_weekdays(struct text *t, uint8_t dow, const char *every)
{
        if (dow == WORKING_DAYS)
                calendar_text_add(t, "on weekdays");
        else if (dow == WEEKEND)
                calendar_text_add(t, "at weekends");
        else {
                calendar_text_add(t, "on %s", every);
                add_list(t, dow, add_weekday);
        }
}

static void add_days(struct text *t, const struct calendar *c, bool daily)
{
        bool both = c->dom_star || c->dow_star, any_dom = c->dom == ALL_DAYS, any_dow = c->dow == ALL_WEEKDAYS;

        if ((any_dom && any_dow) || (!both && (any_dom || any_dow))) {
                calendar_text_add(t, "%s", daily ? " every day" : "");
        } else if (any_dom) {
                calendar_text_add(t, " ");
                add_weekdays(t, c->dow, "");
        } else if (any_dow && !(c->dom & (c->dom - 1)) && !(c->month & (c->month - 1))) {
                calendar_text_add(t, " on %d %s", __builtin_ctz(c->dom), months[__builtin_ctz(c->month)]);
                return;
        } else {
                calendar_text_add(t, " on the ");
                add_list(t, c->dom, add_ordinal);
                if (!any_dow) {
                        calendar_text_add(t, both ? " if that is " : " and ");
                        if (both)
                                add_list(t, c->dow, add_weekday);
                        else
                                add_weekdays(t, c->dow, "every ");
                }
                if (c->month == ALL_MONTHS) {
                        calendar_text_add(t, both && any_dow ? " of the month" : "");
                        return;
                }
        }
        if (c->month != ALL_MONTHS) {
                calendar_text_add(t, " in ");
                add_list(t, c->month, add_month);
        }
}

static void add_fields(struct text *t, const struct calendar *c)
{
        bool times = !(c->second & (c->second - 1)) &&
                     __builtin_popcount(c->hour) * __builtin_popcountll(c->minute) <= TIMES_MAX &&
                     !even_step(c->hour, 24);

        if (calendar_never(c)) {
                calendar_text_add(t, "never: there is no such day");
                return;
        }
        if (times)
                add_times(t, c);
        else
                add_clock(t, c);
        add_days(t, c, times);
}

static void add_every(struct text *t, int64_t usec)
{
        static const struct {
                const char *name;
                int64_t usec;
        } units[] = { { "day", USEC_PER_DAY },
                      { "hour", USEC_PER_HOUR },
                      { "minute", USEC_PER_MINUTE },
                      { "second", USEC_PER_SEC } };
        bool first = true;

        calendar_text_add(t, "every");
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                long long n = usec / units[i].usec;

                usec %= units[i].usec;
                if (n == 0)
                        continue;
                if (n == 1 && usec == 0 && first)
                        calendar_text_add(t, " %s", units[i].name);
                else
                        calendar_text_add(t, " %lld %s%s", n, units[i].name, n == 1 ? "" : "s");
                first = false;
        }
}

static void add_at(struct text *t, const struct calendar *c)
{
        int64_t sec = wall_sec((struct wall){ c->value_usec }), day = floor_div(sec, SEC_PER_DAY), year;
        int tod = (int)(sec - day * SEC_PER_DAY);
        unsigned month, d;

        civil_date(day, &year, &month, &d);
        calendar_text_add(t, "at %02d:%02d", tod / 3600, tod / 60 % 60);
        if (tod % 60)
                calendar_text_add(t, ":%02d", tod % 60);
        calendar_text_add(t, "%s on %u %s %lld", c->at_local ? "" : " UTC", d, months[month], (long long)year);
}

size_t calendar_describe(const struct calendar *c, char *buf, size_t size)
{
        static const char ellipsis[] = "…";
        struct text t = { buf, size, 0 };
        size_t end;

        if (size == 0)
                return 0;
        buf[0] = '\0';
        switch ((enum calendar_kind)c->kind) {
        case CALENDAR_FIELDS:
                add_fields(&t, c);
                break;
        case CALENDAR_EVERY:
                add_every(&t, c->value_usec);
                break;
        case CALENDAR_AT:
                add_at(&t, c);
                break;
        case CALENDAR_REBOOT:
                calendar_text_add(&t, "once after each boot");
                break;
        }
        if (t.length < size)
                return t.length;
        end = size > sizeof(ellipsis) ? size - sizeof(ellipsis) : 0;
        if (size >= sizeof(ellipsis))
                memcpy(buf + end, ellipsis, sizeof(ellipsis));
        return strlen(buf);
}
