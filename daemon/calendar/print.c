/* The canonical text of an expression: see calendar.h.  What is kept is bit sets, so the text is made from them: equal
 * values print alike, whatever they were written as.  What `H` and `~` drew prints as the values that it is. */
#include <stdarg.h>
#include <stdio.h>

#include "calendar/calendar.h"
#include "calendar/fields.h"
#include "calendar/text.h"
#include "calendar/timeparse.h"

void calendar_text_add(struct text *t, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(t->length < t->size ? t->buf + t->length : NULL, t->length < t->size ? t->size - t->length : 0,
                      fmt, ap);
        va_end(ap);
        t->length += (size_t)n;
}

unsigned bits_step(uint64_t bits, unsigned *ret_last)
{
        unsigned first = (unsigned)__builtin_ctzll(bits), last = 63 - (unsigned)__builtin_clzll(bits), step;
        uint64_t rest = bits & (bits - 1);

        if (!rest)
                return 0;
        step = (unsigned)__builtin_ctzll(rest) - first;
        for (unsigned v = first; v <= last; v += step) {
                if (!(bits >> v & 1))
                        return 0;
                bits &= ~(UINT64_C(1) << v);
        }
        if (bits)
                return 0;
        *ret_last = last;
        return step;
}

/* `0,15-20,40`, or `1-59/2`. */
static void print_list(struct text *t, uint64_t bits)
{
        const char *comma = "";
        unsigned last, step = __builtin_popcountll(bits) > 2 ? bits_step(bits, &last) : 0;

        if (step > 1) {
                calendar_text_add(t, "%u-%u/%u", (unsigned)__builtin_ctzll(bits), last, step);
                return;
        }
        while (bits) {
                unsigned a = (unsigned)__builtin_ctzll(bits), b = a;

                while (b < 63 && bits >> (b + 1) & 1)
                        b++;
                if (b > a + 1) {
                        calendar_text_add(t, "%s%u-%u", comma, a, b);
                } else {
                        b = a;
                        calendar_text_add(t, "%s%u", comma, a);
                }
                bits &= b < 63 ? ~UINT64_C(0) << (b + 1) : 0;
                comma = ",";
        }
}

static uint64_t all_of(enum field f)
{
        unsigned max = f == FIELD_DOW ? 6 : field_rules[f].max; /* the bits of a struct calendar have no 7 */

        return (UINT64_C(2) << max) - (UINT64_C(1) << field_rules[f].min);
}

/* The smallest n for which all that `*` + `/n` stands for is in `bits` (which holds the field's least value). */
static unsigned star_step(enum field f, uint64_t bits, uint64_t *ret_rest)
{
        unsigned min = field_rules[f].min, max = f == FIELD_DOW ? 6 : field_rules[f].max;

        for (unsigned n = 1;; n++) {
                uint64_t covered = 0;

                for (unsigned v = min; v <= max; v += n)
                        covered |= UINT64_C(1) << v;
                if ((covered & ~bits) == 0) {
                        *ret_rest = bits & ~covered;
                        return n;
                }
        }
}

/* `H/n`: what it draws is among `bits`, so these follow, unless they can be nothing else. */
static void print_hash(struct text *t, enum field f, uint64_t bits, unsigned n)
{
        unsigned first = (unsigned)__builtin_ctzll(bits), last = first;
        unsigned step = bits_step(bits, &last);

        calendar_text_add(t, "H/%u", n);
        if (first < n && last + n > field_rules[f].max && (step == n || !(bits & (bits - 1))))
                return;
        calendar_text_add(t, ",");
        print_list(t, bits);
}

static void add_comma(struct text *t, const char **comma)
{
        calendar_text_add(t, "%s", *comma);
        *comma = ",";
}

/* `15W,L,L-3,LW`, in that order, behind what is there of the field. */
static void print_odd_month_days(struct text *t, const struct calendar *c, const char *comma)
{
        for (unsigned v = 1; v <= 31; v++)
                if (c->dom_workday >> v & 1) {
                        add_comma(t, &comma);
                        calendar_text_add(t, "%uW", v);
                }
        for (unsigned work = 0; work < 2; work++)
                for (unsigned n = 0; n <= 30; n++) {
                        if (!((work ? c->dom_last_workday : c->dom_last) >> (31 - n) & 1))
                                continue;
                        add_comma(t, &comma);
                        calendar_text_add(t, "L");
                        if (n > 0)
                                calendar_text_add(t, "-%u", n);
                        calendar_text_add(t, work ? "W" : "");
                }
}

/* `5#2,5L` */
static void print_odd_weekdays(struct text *t, const struct calendar *c, const char *comma)
{
        for (unsigned i = 0; i <= CALENDAR_NTH_MAX; i++)
                for (unsigned v = 0; v < 7; v++) {
                        if (!((i < CALENDAR_NTH_MAX ? c->dow_nth[i] : c->dow_last) >> v & 1))
                                continue;
                        add_comma(t, &comma);
                        if (i < CALENDAR_NTH_MAX)
                                calendar_text_add(t, "%u#%u", v, i + 1);
                        else
                                calendar_text_add(t, "%uL", v);
                }
}

static void print_field(struct text *t, enum field f, uint64_t bits, bool star)
{
        uint64_t rest;
        unsigned n;

        if (!bits)
                return;

        if (!star) {
                print_list(t, bits);
                return;
        }
        n = star_step(f, bits, &rest);
        calendar_text_add(t, n == 1 ? "*" : "*/%u", n);
        if (rest) {
                calendar_text_add(t, ",");
                print_list(t, rest);
        }
}

/* Which of the time fields print with a `*` in front, so that an interval stays one: every field for which that is the
 * short way, and one at least. */
static void choose_stars(const struct calendar *c, const uint64_t bits[FIELD_NR], bool star[FIELD_NR])
{
        int best_cost = INT32_MAX, best = -1;

        for (int f = c->has_seconds ? FIELD_SECOND : FIELD_MINUTE; f <= FIELD_HOUR; f++) {
                uint64_t rest;
                unsigned n;
                int cost;

                if (!(bits[f] & 1))
                        continue;
                n = star_step((enum field)f, bits[f], &rest);
                star[f] = rest == 0 && n <= field_rules[f].max;
                cost = (int)n + 64 * __builtin_popcountll(rest);
                if (cost < best_cost) {
                        best_cost = cost;
                        best = f;
                }
        }
        if (best >= 0)
                star[best] = true;
}

static void print_fields(struct text *t, const struct calendar *c)
{
        const uint64_t bits[FIELD_NR] = { c->second, c->minute, c->hour, c->dom, c->month, c->dow };
        bool star[FIELD_NR] = {
                [FIELD_DOM] = c->dom_star,
                [FIELD_MONTH] = c->month == all_of(FIELD_MONTH),
                [FIELD_DOW] = c->dow_star,
        };

        if (c->interval_by_text)
                choose_stars(c, bits, star);
        for (int f = c->has_seconds ? FIELD_SECOND : FIELD_MINUTE; f < FIELD_NR; f++) {
                if (t->length > 0)
                        calendar_text_add(t, " ");
                if (c->hash_step && c->hash_step >> 6 == f)
                        print_hash(t, (enum field)f, bits[f], c->hash_step & 63);
                else
                        print_field(t, (enum field)f, bits[f], star[f]);
                if (f == FIELD_DOM && c->odd_days)
                        print_odd_month_days(t, c, bits[f] ? "," : "");
                if (f == FIELD_DOW && c->odd_days)
                        print_odd_weekdays(t, c, bits[f] ? "," : "");
        }
}

size_t calendar_print(const struct calendar *c, char *buf, size_t size)
{
        struct text t = { buf, size, 0 };
        char word[64];

        if (size > 0)
                buf[0] = '\0';
        switch ((enum calendar_kind)c->kind) {
        case CALENDAR_FIELDS:
                print_fields(&t, c);
                break;
        case CALENDAR_EVERY:
        case CALENDAR_AFTER:
                duration_print(c->value_usec, word, sizeof(word));
                calendar_text_add(&t, c->kind == CALENDAR_EVERY ? "@every %s" : "@after %s", word);
                break;
        case CALENDAR_AT:
                wall_print_rfc3339((struct wall){ c->value_usec }, tz_utc(), 0, word, sizeof(word));
                calendar_text_add(&t, "@at %.19s%s", word, c->at_local ? "" : "Z");
                break;
        case CALENDAR_REBOOT:
                calendar_text_add(&t, "@reboot");
                break;
        }
        return t.length;
}
