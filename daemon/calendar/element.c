/* One element of a field's list: see parser.h, and jobs.d(5) for the grammar.
 *
 *   any field      *  *-step  a  a-b  a-b/n  a~b  H  H/n  H(a-b)  H(a-b)/n
 *   day-of-month   15W  L  L-3  LW  L-3W
 *   day-of-week    5#2  5L
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "calendar/parser.h"
#include "calendar/scan.h"

#define NUMBER_MAX 100000000u /* numbers stop growing here; every limit is far below */

struct range {
        unsigned first, last, step;
};

int parser_fail(const struct parser *s, const char *at, const char *fmt, ...)
{
        va_list ap;

        if (s->reterr) {
                s->reterr->position = (size_t)(at - s->text);
                va_start(ap, fmt);
                vsnprintf(s->reterr->message, sizeof(s->reterr->message), fmt, ap);
                va_end(ap);
        }
        return -EINVAL;
}

struct quote parser_quote(const char *p, const char *end)
{
        struct quote q;
        size_t n = 0;

        for (; p < end && n < sizeof(q.text) - 4; p++)
                q.text[n++] = *p >= ' ' && *p <= '~' ? *p : '?';
        memcpy(q.text + n, p < end ? "..." : "", p < end ? 4 : 1);
        return q;
}

/* Where what is wrong at `p` ends: a number, a word, or one character. */
static const char *piece_end(const struct parser *s, const char *p)
{
        const char *start = p;

        while (p < s->end && (scan_is_digit(*p) || scan_is_letter(*p)))
                p++;
        return p > start || p == s->end ? p : p + 1;
}

/* Whether the next character is this one, a letter in either case. */
static bool at_char(const struct parser *s, char c)
{
        return s->p < s->end && scan_lower(*s->p) == c;
}

static bool in_field(const struct parser *s, enum field f)
{
        return s->rule == &field_rules[f];
}

/* Digits, which must be there.  A number that is far too large stays so. */
static unsigned read_number(struct parser *s)
{
        unsigned v = 0;

        for (; s->p < s->end && scan_is_digit(*s->p); s->p++)
                if (v < NUMBER_MAX)
                        v = v * 10 + (unsigned)(*s->p - '0');
        return v;
}

/* A letter of L, W, H that stands where it means nothing. */
static int fail_letter(const struct parser *s, const char *p)
{
        const struct field_rule *r = s->rule;

        switch (scan_lower(*p)) {
        case 'l':
                if (in_field(s, FIELD_DOM))
                        return parser_fail(s, p,
                                           "%s: `L` stands alone or first: L, L-3, LW; the last Friday is FRIL, "
                                           "in day-of-week",
                                           r->name);
                if (in_field(s, FIELD_DOW))
                        return parser_fail(s, p,
                                           "%s: `L` follows one day, as in FRIL or 5L; the month's last day is L "
                                           "in day-of-month",
                                           r->name);
                return parser_fail(s, p, "%s: `L` is for day-of-month (L) and day-of-week (FRIL)", r->name);
        case 'w':
                if (in_field(s, FIELD_DOM))
                        return parser_fail(s, p, "%s: `W` follows one day: 15W, LW, L-3W", r->name);
                return parser_fail(s, p,
                                   "%s: `W` is for day-of-month, as in 15W; days from Monday to Friday are "
                                   "mon-fri in day-of-week",
                                   r->name);
        default:
                return parser_fail(s, p, "%s: `H` stands first in an element: H, H(%u-%u), H/%u", r->name, r->min,
                                   r->hash_max, r->hash_max / 4 + 1);
        }
}

static int fail_word(const struct parser *s, const char *end)
{
        const struct field_rule *r = s->rule;
        const char *p = s->p;
        struct quote q = parser_quote(p, end);

        if (scan_lower(*p) == 'l' && (end - p <= 2 || !scan_is_letter(p[1])))
                return fail_letter(s, p);
        if (scan_lower(*p) == 'w' && (end - p < 2 || scan_is_digit(p[1])))
                return fail_letter(s, p);
        if (scan_lower(*p) == 'h' && end - p == 1)
                return fail_letter(s, p);
        if (!r->names)
                return parser_fail(s, p, "%s: %s is not a number (names are for month and day-of-week)", r->name,
                                   q.text);
        return parser_fail(s, p, "%s: %s is not a name; the names are %s", r->name, q.text, r->names);
}

/* A name at s->p, which `L` may follow in day-of-week. */
static bool read_name(struct parser *s, const char *end, unsigned *ret)
{
        const struct field_rule *r = s->rule;
        bool last = in_field(s, FIELD_DOW) && end - s->p == 4 && scan_lower(s->p[3]) == 'l';

        if (end - s->p != 3 && !last)
                return false;
        for (const char *n = r->names; n; n = n[3] ? n + 4 : NULL)
                if (scan_same(s->p, n, 3)) {
                        *ret = (unsigned)(n - r->names) / 4 + r->min;
                        s->p += 3;
                        return true;
                }
        return false;
}

/* A number in range, or a name.  *ret_sunday: it was `sun`, which may also end a range. */
static int read_value(struct parser *s, unsigned *ret, bool *ret_sunday)
{
        const struct field_rule *r = s->rule;
        const char *start = s->p, *end = piece_end(s, start);

        *ret_sunday = false;
        if (start == s->end || *start == ',')
                return parser_fail(s, start, "%s: a value is missing%s", r->name, start < s->end ? " before `,`" : "");
        if (scan_is_digit(*start)) {
                *ret = read_number(s);
                if (*ret < r->min || *ret > r->max)
                        return parser_fail(s, start, "%s %s is out of range %u-%u", r->name,
                                           parser_quote(start, s->p).text, r->min, r->max);
                return 0;
        }
        if (*start == '#' && in_field(s, FIELD_DOW))
                return parser_fail(s, start, "%s: a day is missing before `#`; the second Friday is FRI#2", r->name);
        if (*start == '~')
                return parser_fail(s, start, "%s: a value is missing before `~`; any value of the field is %u~%u",
                                   r->name, r->min, in_field(s, FIELD_DOW) ? 6 : r->max);
        if (!scan_is_letter(*start))
                return parser_fail(s, start, "%s: unexpected `%s`; expected a number from %u to %u%s or `*`", r->name,
                                   parser_quote(start, end).text, r->min, r->max, r->names ? ", a name" : "");
        if (!read_name(s, end, ret))
                return fail_word(s, end);
        *ret_sunday = in_field(s, FIELD_DOW) && *ret == 0;
        return 0;
}

/* The end of a range whose first value is read; s->p is behind the `-` or `~`. */
static int read_range_end(struct parser *s, const char *start, struct range *range)
{
        const struct field_rule *r = s->rule;
        const char *at = s->p;
        bool sunday;
        int e;

        if (in_field(s, FIELD_DOM) && at_char(s, 'l') && s->p[-1] == '-')
                return parser_fail(s, at,
                                   "%s: `L` can't end a range; write %u-31: days that a month lacks are left "
                                   "out",
                                   r->name, range->first);
        if (s->p[-1] == '~' && (at == s->end || *at == ',' || *at == '/'))
                return parser_fail(s, at, "%s: a value is missing behind `~`; any value from %u on is %u~%u", r->name,
                                   range->first, range->first, MAX(range->first, r->max));
        e = read_value(s, &range->last, &sunday);
        if (e < 0)
                return e;
        if (sunday && range->first > 0)
                range->last = 7;
        if (range->last < range->first)
                return parser_fail(s, start, "%s: range %s runs downwards; write it upwards, or as two ranges", r->name,
                                   parser_quote(start, s->p).text);
        return 0;
}

static int read_step(struct parser *s, unsigned *ret)
{
        const char *start = ++s->p;

        if (start == s->end || !scan_is_digit(*start))
                return parser_fail(s, start, "%s: a number is expected after `/`", s->rule->name);
        *ret = read_number(s);
        if (*ret == 0)
                return parser_fail(s, start, "%s: step 0; a step is 1 or more", s->rule->name);
        return 0;
}

/* A number from 0 to n - 1, made of the seed and of where it is drawn: what stands elsewhere in the expression does not
 * matter. */
static unsigned draw(struct parser *s, uint64_t seed, unsigned n)
{
        uint64_t h = seed;

        h += ((uint64_t)s->draw->index << 32 | (uint64_t)(s->rule - field_rules) << 16 | s->n_draws++) *
             UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
        s->drew = true;
        return (unsigned)((h ^ h >> 31) % n);
}

/* Days that no chosen month has are not drawn, where there are others. */
static unsigned last_drawn(const struct parser *s, const struct range *r)
{
        return in_field(s, FIELD_DOM) ? MIN(r->last, MAX(r->first, s->longest_day)) : r->last;
}

/* `a~b`, s->p behind it. */
static int draw_random(struct parser *s, const struct range *r, uint64_t *bits)
{
        if (at_char(s, '/'))
                return parser_fail(s, s->p, "%s: a random value has no step; a range that is spread is H(%u-%u)/n",
                                   s->rule->name, r->first, r->last);
        *bits |= UINT64_C(1) << (r->first + draw(s, s->draw->machine, last_drawn(s, r) - r->first + 1));
        return 0;
}

/* `(a-b)` behind `H`. */
static int read_hash_range(struct parser *s, struct range *range)
{
        const struct field_rule *r = s->rule;
        const char *open = s->p++, *start = s->p;
        bool sunday;
        int e = read_value(s, &range->first, &sunday);

        if (e < 0)
                return e;
        if (!at_char(s, '-'))
                return parser_fail(s, s->p, "%s: `H(` wants a range, as in H(%u-%u)", r->name, r->min, r->hash_max);
        s->p++;
        e = read_range_end(s, start, range);
        if (e < 0)
                return e;
        if (!at_char(s, ')'))
                return parser_fail(s, s->p, "%s: `)` is missing: %s)", r->name, parser_quote(open - 1, s->p).text);
        s->p++;
        return 0;
}

static int read_hash(struct parser *s, uint64_t *bits)
{
        const struct field_rule *rule = s->rule;
        struct range r = { rule->min, rule->hash_max, 0 };
        const char *start = s->p++;
        unsigned last, size;
        int e;

        if (at_char(s, '(')) {
                e = read_hash_range(s, &r);
                if (e < 0)
                        return e;
        }
        size = r.last - r.first + 1;
        last = last_drawn(s, &r);
        if (!at_char(s, '/')) {
                *bits |= UINT64_C(1) << (r.first + draw(s, s->draw->job, last - r.first + 1));
                return 0;
        }
        e = read_step(s, &r.step);
        if (e < 0)
                return e;
        if (r.step > size)
                return parser_fail(s, start, "%s: the step of %s is longer than the range, which has %u values",
                                   rule->name, parser_quote(start, s->p).text, size);
        for (unsigned v = r.first + draw(s, s->draw->job, MIN(r.step, last - r.first + 1)); v <= r.last; v += r.step)
                *bits |= UINT64_C(1) << v;
        return 0;
}

/* What follows a day and its mark is the end of the element. */
static int end_of_day(const struct parser *s, const char *start)
{
        if (at_char(s, '-') || at_char(s, '~'))
                return parser_fail(s, s->p, "%s: %s is one day of each month, and can't be in a range; list the days",
                                   s->rule->name, parser_quote(start, s->p).text);
        if (at_char(s, '/'))
                return parser_fail(s, s->p, "%s: %s is one day of each month, and has no step", s->rule->name,
                                   parser_quote(start, s->p).text);
        return 0;
}

/* L, L-n, LW, L-nW */
static int read_last_day(struct parser *s)
{
        const char *start = s->p++, *number;
        unsigned n = 0;

        if (at_char(s, '-')) {
                number = ++s->p;
                if (number == s->end || !scan_is_digit(*number))
                        return parser_fail(s, number, "%s: a number of days is expected after `L-`, as in L-3",
                                           s->rule->name);
                n = read_number(s);
                if (n > 30)
                        return parser_fail(s, number, "%s: %s is before every month; the days are L (the last) to L-30",
                                           s->rule->name, parser_quote(start, s->p).text);
        }
        if (at_char(s, 'w')) {
                s->p++;
                s->c->dom_last_workday |= UINT32_C(1) << (31 - n);
        } else {
                if (s->p < s->end && (scan_is_digit(*s->p) || scan_is_letter(*s->p)))
                        return fail_letter(s, start);
                s->c->dom_last |= UINT32_C(1) << (31 - n);
        }
        return end_of_day(s, start);
}

/* What makes a single value something else: `15W`, `5L`, `5#2`.  *ret_done: it was that. */
static int read_mark(struct parser *s, const char *start, unsigned v, bool *ret_done)
{
        const char *number;
        unsigned n;

        *ret_done = true;
        if (in_field(s, FIELD_DOM) && at_char(s, 'w')) {
                s->p++;
                s->c->dom_workday |= UINT32_C(1) << v;
                return end_of_day(s, start);
        }
        if (in_field(s, FIELD_DOW) && at_char(s, 'l')) {
                s->p++;
                s->c->dow_last |= (uint8_t)(1 << v % 7);
                return end_of_day(s, start);
        }
        if (in_field(s, FIELD_DOW) && at_char(s, '#')) {
                number = ++s->p;
                if (at_char(s, 'l'))
                        return parser_fail(s, number, "%s: the last one is %sL", s->rule->name,
                                           parser_quote(start, number - 1).text);
                if (number == s->end || !scan_is_digit(*number))
                        return parser_fail(s, number, "%s: a number from 1 to 5 is expected after `#`", s->rule->name);
                n = read_number(s);
                if (n < 1 || n > CALENDAR_NTH_MAX)
                        return parser_fail(s, number, "%s: #%s; a month has a first (#1) to a fifth (#5) of a day",
                                           s->rule->name, parser_quote(number, s->p).text);
                s->c->dow_nth[n - 1] |= (uint8_t)(1 << v % 7);
                return end_of_day(s, start);
        }
        *ret_done = false;
        return 0;
}

/* A value, a range, or what begins with a value. */
static int read_values(struct parser *s, const char *start, struct range *range, uint64_t *bits, bool *ret_done)
{
        const struct field_rule *r = s->rule;
        bool sunday;
        int e = read_value(s, &range->first, &sunday);

        if (e < 0)
                return e;
        range->last = range->first;
        if (at_char(s, '-') || at_char(s, '~')) {
                bool random = *s->p++ == '~';

                e = read_range_end(s, start, range);
                if (e < 0 || !random)
                        return e;
                *ret_done = true;
                return draw_random(s, range, bits);
        }
        e = read_mark(s, start, range->first, ret_done);
        if (e < 0 || *ret_done || !at_char(s, '/'))
                return e;
        e = read_step(s, &range->step);
        return e < 0 ? e
                     : parser_fail(s, start, "%s: %s is read differently by other programs; write %u-%u/%u", r->name,
                                   parser_quote(start, s->p).text, range->first,
                                   MAX(range->first, in_field(s, FIELD_DOW) ? 6u : r->max), range->step);
}

int parser_read_element(struct parser *s, uint64_t *bits)
{
        struct range range = { s->rule->min, s->rule->max, 1 };
        const char *start = s->p;
        bool done = false;
        int e;

        if (at_char(s, 'h') && (start + 1 == s->end || !scan_is_letter(start[1])))
                return read_hash(s, bits);
        if (in_field(s, FIELD_DOM) && at_char(s, 'l'))
                return read_last_day(s);
        if (at_char(s, '*') || at_char(s, '?')) {
                s->p++;
        } else {
                e = read_values(s, start, &range, bits, &done);
                if (e < 0 || done)
                        return e;
        }
        if (at_char(s, '/')) {
                e = read_step(s, &range.step);
                if (e < 0)
                        return e;
        }
        for (unsigned v = range.first; v <= range.last; v += range.step)
                *bits |= UINT64_C(1) << v;
        return 0;
}

int parser_fail_after(const struct parser *s)
{
        const struct field_rule *r = s->rule;
        const char *p = s->p;
        struct quote q = parser_quote(p, piece_end(s, p));

        if (scan_lower(*p) == 'l' || scan_lower(*p) == 'w' || scan_lower(*p) == 'h')
                return fail_letter(s, p);
        if (*p == '#')
                return parser_fail(s, p,
                                   in_field(s, FIELD_DOW) ? "%s: `#` follows one day, as in FRI#2"
                                                          : "%s: `#` is for day-of-week, as in FRI#2",
                                   r->name);
        if (*p == '~')
                return parser_fail(s, p, "%s: `~` stands between two values, as in %u~%u", r->name, r->min,
                                   r->hash_max);
        if (*p == '(')
                return parser_fail(s, p, "%s: `(` follows `H` only, as in H(%u-%u)", r->name, r->min, r->hash_max);
        return parser_fail(s, p, "%s: unexpected `%s`; expected `,` or a blank", r->name, q.text);
}
