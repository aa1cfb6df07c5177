/* Reads calendar expressions: see calendar.h, and jobs.d(5) for the grammar.  One pass, no allocation, linear in the
 * length of the text, which is hostile. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "calendar/calendar.h"
#include "calendar/fields.h"
#include "calendar/scan.h"
#include "calendar/timeparse.h"

#define SHAPE      "an expression has five (minute hour day-of-month month day-of-week) or six, with seconds first"
#define NUMBER_MAX 100000000u /* numbers stop growing here; every limit is far below */

const struct field_rule field_rules[FIELD_NR] = {
        [FIELD_SECOND] = { "second", 0, 59 },
        [FIELD_MINUTE] = { "minute", 0, 59 },
        [FIELD_HOUR] = { "hour", 0, 23 },
        [FIELD_DOM] = { "day-of-month", 1, 31 },
        [FIELD_MONTH] = { "month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec" },
        [FIELD_DOW] = { "day-of-week", 0, 7, "sun mon tue wed thu fri sat" },
};

static const struct {
        const char *name, *expression;
} macros[] = {
        { "@yearly", "0 0 1 1 *" },  { "@annually", "0 0 1 1 *" },
        { "@monthly", "0 0 1 * *" }, { "@weekly", "0 0 * * 0" },
        { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
        { "@hourly", "0 * * * *" },  { "@reboot", NULL },
        { "@every", NULL },          { "@at", NULL },
};

struct parser {
        const char *text, *p;
        const char *end; /* of the field or argument at hand */
        const struct field_rule *rule;
        struct calendar_error *reterr;
};

static int __attribute__((format(printf, 3, 4))) fail(const struct parser *s, const char *at, const char *fmt, ...)
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

/* A piece of the text for a message: short, and nothing in it that a terminal would obey. */
struct quote {
        char text[32];
};

static struct quote quote(const char *p, const char *end)
{
        struct quote q;
        size_t n = 0;

        for (; p < end && n < sizeof(q.text) - 4; p++)
                q.text[n++] = *p >= ' ' && *p <= '~' ? *p : '?';
        memcpy(q.text + n, p < end ? "..." : "", p < end ? 4 : 1);
        return q;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p)
{
        while (is_blank(*p))
                p++;
        return p;
}

static const char *word_end(const char *p)
{
        while (*p && !is_blank(*p))
                p++;
        return p;
}

/* Where what is wrong at `p` ends: a number, a word, or one character. */
static const char *piece_end(const struct parser *s, const char *p)
{
        const char *start = p;

        while (p < s->end && (scan_is_digit(*p) || scan_is_letter(*p)))
                p++;
        return p > start || p == s->end ? p : p + 1;
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

static int fail_word(const struct parser *s, const char *end)
{
        const struct field_rule *r = s->rule;
        const char *p = s->p;
        struct quote q = quote(p, end);

        if ((end - p == 1 && strchr("HhLlWw", *p)) || (end - p == 2 && scan_same(p, "LW", 2)))
                return fail(s, p, "%s: %s is not supported; a %s is a number from %u to %u%s", r->name, q.text, r->name,
                            r->min, r->max, r->names ? " or a name" : "");
        if (!r->names)
                return fail(s, p, "%s: %s is not a number (names are for month and day-of-week)", r->name, q.text);
        return fail(s, p, "%s: %s is not a name; the names are %s", r->name, q.text, r->names);
}

/* A number in range, or a name.  *ret_sunday: it was `sun`, which may also end a range. */
static int read_value(struct parser *s, unsigned *ret, bool *ret_sunday)
{
        const struct field_rule *r = s->rule;
        const char *start = s->p, *end = piece_end(s, start);

        *ret_sunday = false;
        if (start == s->end || *start == ',')
                return fail(s, start, "%s: a value is missing%s", r->name, *start == ',' ? " before `,`" : "");
        if (scan_is_digit(*start)) {
                *ret = read_number(s);
                if (*ret < r->min || *ret > r->max)
                        return fail(s, start, "%s %s is out of range %u-%u", r->name, quote(start, s->p).text, r->min,
                                    r->max);
                return 0;
        }
        if (!scan_is_letter(*start))
                return fail(s, start, "%s: unexpected `%s`; expected a number from %u to %u%s or `*`", r->name,
                            quote(start, end).text, r->min, r->max, r->names ? ", a name" : "");
        for (const char *n = r->names; n && end - start == 3; n = n[3] ? n + 4 : NULL)
                if (scan_same(start, n, 3)) {
                        *ret = (unsigned)(n - r->names) / 4 + r->min;
                        *ret_sunday = r == &field_rules[FIELD_DOW] && *ret == 0;
                        s->p = end;
                        return 0;
                }
        return fail_word(s, end);
}

static int read_step(struct parser *s, unsigned *ret)
{
        const char *start = ++s->p;

        if (start == s->end || !scan_is_digit(*start))
                return fail(s, start, "%s: a number is expected after `/`", s->rule->name);
        *ret = read_number(s);
        if (*ret == 0)
                return fail(s, start, "%s: step 0; a step is 1 or more", s->rule->name);
        return 0;
}

/* One element of the list: `*`, `a`, `a-b`, and `/n` behind a `*` or a range. */
static int read_element(struct parser *s, uint64_t *bits)
{
        const struct field_rule *r = s->rule;
        const char *start = s->p;
        unsigned first = r->min, last = r->max, step = 1;
        bool single = false, sunday;
        int e;

        if (s->p < s->end && (*s->p == '*' || *s->p == '?')) {
                s->p++;
        } else {
                e = read_value(s, &first, &sunday);
                if (e < 0)
                        return e;
                last = first;
                single = s->p == s->end || *s->p != '-';
                if (!single) {
                        s->p++;
                        e = read_value(s, &last, &sunday);
                        if (e < 0)
                                return e;
                        if (sunday && first > 0)
                                last = 7;
                }
                if (last < first)
                        return fail(s, start, "%s: range %s runs downwards; write it upwards, or as two ranges",
                                    r->name, quote(start, s->p).text);
        }
        if (s->p < s->end && *s->p == '/') {
                e = read_step(s, &step);
                if (e < 0)
                        return e;
                if (single) {
                        unsigned top = MAX(first, r == &field_rules[FIELD_DOW] ? 6u : r->max);

                        return fail(s, start, "%s: %s is read differently by other programs; write %u-%u/%u", r->name,
                                    quote(start, s->p).text, first, top, step);
                }
        }
        for (unsigned v = first; v <= last; v += step)
                *bits |= UINT64_C(1) << v;
        return 0;
}

/* One field from s->p to s->end, which is not empty.  *ret_star: it begins with `*`. */
static int read_field(struct parser *s, const struct field_rule *rule, uint64_t *ret_bits, bool *ret_star)
{
        uint64_t bits = 0;
        int r;

        s->rule = rule;
        *ret_star = *s->p == '*' || *s->p == '?';
        for (;;) {
                r = read_element(s, &bits);
                if (r < 0)
                        return r;
                if (s->p == s->end)
                        break;
                if (*s->p != ',') {
                        bool later = strchr("LlWw#~(", *s->p);

                        return fail(s, s->p, "%s: %s`%s`%s", rule->name, later ? "" : "unexpected ",
                                    quote(s->p, piece_end(s, s->p)).text,
                                    later ? " is not supported" : "; expected `,` or a blank");
                }
                s->p++;
        }
        *ret_bits = bits;
        return 0;
}

static int read_fields(struct parser *s, struct calendar *ret)
{
        struct calendar c = { .kind = CALENDAR_FIELDS, .second = 1 };
        const char *start[FIELD_NR + 1], *p = s->p;
        uint64_t bits[FIELD_NR] = { [FIELD_SECOND] = 1 };
        bool star[FIELD_NR] = {};
        unsigned n = 0;
        int r;

        for (; *p; n++) {
                if (n <= FIELD_NR)
                        start[n] = p;
                p = skip_blanks(word_end(p));
        }
        if (n < FIELD_NR - 1 || n > FIELD_NR)
                return fail(s, n > FIELD_NR ? start[FIELD_NR] : s->p, "%u field%s; %s", n, n == 1 ? "" : "s", SHAPE);
        c.has_seconds = n == FIELD_NR;
        for (unsigned i = 0; i < n; i++) {
                unsigned f = i + !c.has_seconds;

                s->p = start[i];
                s->end = word_end(start[i]);
                r = read_field(s, &field_rules[f], &bits[f], &star[f]);
                if (r < 0)
                        return r;
        }
        c.second = bits[FIELD_SECOND];
        c.minute = bits[FIELD_MINUTE];
        c.hour = (uint32_t)bits[FIELD_HOUR];
        c.dom = (uint32_t)bits[FIELD_DOM];
        c.month = (uint16_t)bits[FIELD_MONTH];
        c.dow = (uint8_t)((bits[FIELD_DOW] | bits[FIELD_DOW] >> 7) & 127);
        c.interval = star[FIELD_SECOND] || star[FIELD_MINUTE] || star[FIELD_HOUR];
        c.dom_star = star[FIELD_DOM];
        c.dow_star = star[FIELD_DOW];
        *ret = c;
        return 0;
}

/* How many letters must change; a word too long to be a macro is far from all of them. */
static unsigned distance(const char *a, size_t n, const char *b)
{
        size_t m = strlen(b);
        unsigned row[16];

        if (n >= 16 || m >= 16)
                return 16;
        for (size_t j = 0; j <= m; j++)
                row[j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned above = row[j];

                        row[j] = MIN(MIN(above, row[j - 1]) + 1, diagonal + !scan_same(a + i - 1, b + j - 1, 1));
                        diagonal = above;
                }
        }
        return row[m];
}

static int fail_macro(const struct parser *s)
{
        unsigned best = 4; /* three letters off is no longer the same word */
        const char *near = NULL;

        if (s->end - s->p == 6 && scan_same(s->p, "@after", 6))
                return fail(s, s->p, "@after is not supported");
        for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
                unsigned d = distance(s->p, (size_t)(s->end - s->p), macros[i].name);

                if (d < best && d < strlen(macros[i].name) - 1) {
                        best = d;
                        near = macros[i].name;
                }
        }
        if (near)
                return fail(s, s->p, "%s is unknown; did you mean %s?", quote(s->p, s->end).text, near);
        return fail(s, s->p,
                    "%s is unknown; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, "
                    "@reboot, @every and @at",
                    quote(s->p, s->end).text);
}

/* The one word behind @every or @at: copied, NUL-terminated. */
static int read_argument(struct parser *s, const char *what, char *buf, size_t size)
{
        const char *p = skip_blanks(s->end), *end = word_end(p), *rest = skip_blanks(end);

        if (p == end)
                return fail(s, p, "%s", what);
        if (*rest)
                return fail(s, rest, "unexpected `%s` after %s; %s", quote(rest, word_end(rest)).text,
                            quote(p, end).text, what);
        if ((size_t)(end - p) >= size)
                return fail(s, p, "%s", what);
        memcpy(buf, p, (size_t)(end - p));
        buf[end - p] = '\0';
        s->p = p;
        return 0;
}

static int read_every(struct parser *s, struct calendar *ret)
{
        static const char *what = "@every needs a duration of whole seconds, as in `@every 15m`";
        struct calendar c = { .kind = CALENDAR_EVERY, .interval = true };
        const char *why;
        char buf[64];
        int r;

        r = read_argument(s, what, buf, sizeof(buf));
        if (r < 0)
                return r;
        r = duration_parse(buf, &c.value_usec, &why);
        if (r < 0)
                return fail(s, s->p, "@every %s: %s", quote(buf, buf + strlen(buf)).text, why);
        if (c.value_usec < USEC_PER_SEC || c.value_usec % USEC_PER_SEC)
                return fail(s, s->p, "@every %s: whole seconds, at least 1s", quote(buf, buf + strlen(buf)).text);
        *ret = c;
        return 0;
}

static int read_at(struct parser *s, struct calendar *ret)
{
        static const char *what = "@at needs an instant without blanks, as in `@at 2026-12-24T18:00`";
        struct calendar c = { .kind = CALENDAR_AT };
        struct wall t;
        char buf[64];
        int r;

        r = read_argument(s, what, buf, sizeof(buf));
        if (r < 0)
                return r;
        r = instant_parse(buf, NULL, false, &t, &c.at_local);
        if (r < 0)
                return fail(s, s->p,
                            "@at %s: not an instant; expected 2026-12-24, 2026-12-24T18:00 or "
                            "2026-12-24T18:00:00+01:00",
                            quote(buf, buf + strlen(buf)).text);
        c.value_usec = t.usec;
        *ret = c;
        return 0;
}

static int read_macro(struct parser *s, struct calendar *ret)
{
        const char *rest;

        s->end = word_end(s->p);
        for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
                if ((size_t)(s->end - s->p) != strlen(macros[i].name) ||
                    !scan_same(s->p, macros[i].name, (size_t)(s->end - s->p)))
                        continue;
                if (streq(macros[i].name, "@every"))
                        return read_every(s, ret);
                if (streq(macros[i].name, "@at"))
                        return read_at(s, ret);
                rest = skip_blanks(s->end);
                if (*rest)
                        return fail(s, rest, "unexpected `%s` after %s", quote(rest, word_end(rest)).text,
                                    macros[i].name);
                if (macros[i].expression)
                        return calendar_parse(macros[i].expression, ret, NULL);
                *ret = (struct calendar){ .kind = CALENDAR_REBOOT };
                return 0;
        }
        return fail_macro(s);
}

int calendar_parse(const char *text, struct calendar *ret, struct calendar_error *reterr)
{
        struct parser s = { .text = text, .p = skip_blanks(text), .reterr = reterr };

        if (!*s.p)
                return fail(&s, s.p, "empty; " SHAPE);
        return *s.p == '@' ? read_macro(&s, ret) : read_fields(&s, ret);
}
