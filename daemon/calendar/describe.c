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

/* "1, 5 to 9 and 20", or "or" */
static void add_list(struct text *t, uint64_t bits, void (*add)(struct text *, unsigned), const char *and)
{
        bool first = true;

        while (bits) {
                unsigned a = (unsigned)__builtin_ctzll(bits), b = a;

                while (bits >> (b + 1) & 1)
                        b++;
                if (b < a + 2)
                        b = a;
                bits &= ~UINT64_C(0) << (b + 1);
                calendar_text_add(t, "%s", first ? "" : bits ? ", " : and);
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
                add_list(t, bits, add_number, " and ");
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
                add_list(t, hours, add_number, " and ");
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
                add_list(t, dow, add_weekday, " and ");
        }
}

static void add_in_months(struct text *t, const struct calendar *c)
{
        calendar_text_add(t, " in ");
        add_list(t, c->month, add_month, " and ");
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
                add_list(t, c->dom, add_ordinal, " and ");
                if (!any_dow) {
                        calendar_text_add(t, both ? " if that is " : " and ");
                        if (both)
                                add_list(t, c->dow, add_weekday, " or ");
                        else
                                add_weekdays(t, c->dow, "every ");
                }
                if (c->month == ALL_MONTHS) {
                        calendar_text_add(t, both && any_dow ? " of the month" : "");
                        return;
                }
        }
        if (c->month != ALL_MONTHS)
                add_in_months(t, c);
}

/* One after the other, with commas and at last " and ". */
struct phrases {
        struct text *t;
        const char *and;
        unsigned left; /* still to come */
        bool any;
};

static void next_phrase(struct phrases *p)
{
        calendar_text_add(p->t, "%s", !p->any ? "" : p->left > 1 ? ", " : p->and);
        p->any = true;
        p->left--;
}

/* Runs of three and more are one phrase: "the 1st to 7th". */
static unsigned add_runs(struct phrases *p, uint32_t days, bool count)
{
        unsigned n = 0;

        for (unsigned a = 1, b; a <= 31; a = b + 1) {
                b = a;
                if (!(days >> a & 1))
                        continue;
                while (b < 31 && days >> (b + 1) & 1)
                        b++;
                if (b < a + 2)
                        b = a;
                n++;
                if (count)
                        continue;
                next_phrase(p);
                calendar_text_add(p->t, "the ");
                add_ordinal(p->t, a);
                if (b > a) {
                        calendar_text_add(p->t, " to ");
                        add_ordinal(p->t, b);
                }
        }
        return n;
}

/* "the last day", "the weekday nearest to the 15th" */
static void add_month_days(struct text *t, const struct calendar *c)
{
        struct phrases p = { t, " and ", add_runs(NULL, c->dom, true), false };

        p.left += (unsigned)(__builtin_popcount(c->dom_last) + __builtin_popcount(c->dom_workday) +
                             __builtin_popcount(c->dom_last_workday));
        add_runs(&p, c->dom, false);
        for (unsigned v = 1; v <= 31; v++)
                if (c->dom_workday >> v & 1) {
                        next_phrase(&p);
                        calendar_text_add(t, "the weekday nearest to the ");
                        add_ordinal(t, v);
                }
        for (unsigned work = 0; work < 2; work++)
                for (unsigned n = 31; n-- > 0;) {
                        if (!((work ? c->dom_last_workday : c->dom_last) >> (31 - n) & 1))
                                continue;
                        next_phrase(&p);
                        if (n == 0) {
                                calendar_text_add(t, "the last %s", work ? "weekday" : "day");
                                continue;
                        }
                        calendar_text_add(t, "%sthe ", work ? "the weekday nearest to " : "");
                        if (n > 1)
                                add_ordinal(t, n);
                        calendar_text_add(t, "%sday before the last", n > 1 ? " " : "");
                }
}

/* "every Monday, the second Tuesday and the last Friday"; behind "if that is" without "every", and with "or". */
static void add_weekdays_of_month(struct text *t, const struct calendar *c, bool condition)
{
        static const char *const nth[] = { "first", "second", "third", "fourth", "fifth", "last" };
        struct phrases p = { t, condition ? " or " : " and ",
                             (unsigned)(__builtin_popcount(c->dow) + __builtin_popcount(c->dow_last)), false };

        for (unsigned i = 0; i < CALENDAR_NTH_MAX; i++)
                p.left += (unsigned)__builtin_popcount(c->dow_nth[i]);
        for (unsigned v = 0; v < 7; v++)
                if (c->dow >> v & 1) {
                        next_phrase(&p);
                        calendar_text_add(t, "%s%s", condition ? "" : "every ", weekdays[v]);
                }
        for (unsigned i = 0; i <= CALENDAR_NTH_MAX; i++)
                for (unsigned v = 0; v < 7; v++)
                        if ((i < CALENDAR_NTH_MAX ? c->dow_nth[i] : c->dow_last) >> v & 1) {
                                next_phrase(&p);
                                calendar_text_add(t, "the %s %s", nth[i], weekdays[v]);
                        }
}

static bool has_odd_month_days(const struct calendar *c)
{
        return c->dom_last || c->dom_workday || c->dom_last_workday;
}

static bool has_odd_weekdays(const struct calendar *c)
{
        uint8_t any = c->dow_last;

        for (unsigned i = 0; i < CALENDAR_NTH_MAX; i++)
                any |= c->dow_nth[i];
        return any;
}

/* Beside all days L, W and # add nothing: with AND the other field decides, with OR none does. */
static bool odd_days_matter(const struct calendar *c)
{
        bool any_dom = c->dom == ALL_DAYS, any_dow = c->dow == ALL_WEEKDAYS;

        if (!(c->dom_star || c->dow_star) && (any_dom || any_dow))
                return false;
        return (!any_dom && has_odd_month_days(c)) || (!any_dow && has_odd_weekdays(c));
}

static void add_of_month(struct text *t, const struct calendar *c)
{
        calendar_text_add(t, " of ");
        if (c->month == ALL_MONTHS)
                calendar_text_add(t, "the month");
        else
                add_list(t, c->month, add_month, " and ");
}

/* " on the last day and on the last Friday of the month", where there are L, W or #. */
static void add_odd_days(struct text *t, const struct calendar *c)
{
        bool both = c->dom_star || c->dow_star, any_dom = c->dom == ALL_DAYS, any_dow = c->dow == ALL_WEEKDAYS;

        calendar_text_add(t, " on ");
        if (!any_dom) {
                add_month_days(t, c);
                if (any_dow || !has_odd_weekdays(c))
                        add_of_month(t, c);
        }
        if (!any_dow) {
                calendar_text_add(t, "%s", any_dom ? "" : both ? " if that is " : " and on ");
                add_weekdays_of_month(t, c, both && !any_dom);
                if (has_odd_weekdays(c))
                        add_of_month(t, c);
                else if (!both && c->month != ALL_MONTHS)
                        add_in_months(t, c);
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
        if (odd_days_matter(c))
                add_odd_days(t, c);
        else
                add_days(t, c, times);
}

/* "1 minute 30 seconds"; a single one of a unit as "minute" if `every`. */
static void add_duration(struct text *t, int64_t usec, bool every)
{
        static const struct {
                const char *name;
                int64_t usec;
        } units[] = { { "day", USEC_PER_DAY },
                      { "hour", USEC_PER_HOUR },
                      { "minute", USEC_PER_MINUTE },
                      { "second", USEC_PER_SEC } };
        const char *blank = "";

        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                long long n = usec / units[i].usec;

                usec %= units[i].usec;
                if (n == 0)
                        continue;
                if (n == 1 && usec == 0 && every && !*blank)
                        calendar_text_add(t, "%s", units[i].name);
                else
                        calendar_text_add(t, "%s%lld %s%s", blank, n, units[i].name, n == 1 ? "" : "s");
                blank = " ";
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
                calendar_text_add(&t, "every ");
                add_duration(&t, c->value_usec, true);
                break;
        case CALENDAR_AFTER:
                add_duration(&t, c->value_usec, false);
                calendar_text_add(&t, " after the end of the run before");
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

size_t calendar_describe_zone(const struct calendar *c, const char *zone_name, char *buf, size_t size)
{
        const char *city = zone_name;
        struct text t = { buf, size, 0 };

        if (size == 0)
                return 0;
        buf[0] = '\0';
        if ((c->kind != CALENDAR_FIELDS || calendar_never(c)) && !(c->kind == CALENDAR_AT && c->at_local))
                return 0;
        for (const char *p = zone_name; *p; p++)
                if (*p == '/')
                        city = p + 1;
        if (city == zone_name || strncmp(zone_name, "Etc/", 4) == 0) {
                calendar_text_add(&t, "%s", zone_name);
                return strlen(buf);
        }
        calendar_text_add(&t, "%s time", city);
        for (char *p = buf; *p; p++)
                if (*p == '_')
                        *p = ' ';
        return strlen(buf);
}
