/* Reads calendar expressions: see calendar.h, and jobs.d(5) for the grammar.  No allocation, linear in the length of
 * the text, which is hostile. */
#include <errno.h>

#include "calendar/civil.h"
#include "calendar/parser.h"
#include "calendar/scan.h"
#include "calendar/timeparse.h"

#define SHAPE "an expression has five (minute hour day-of-month month day-of-week) or six, with seconds first"

const struct field_rule field_rules[FIELD_NR] = {
        [FIELD_SECOND] = { "second", 0, 59, 59 },
        [FIELD_MINUTE] = { "minute", 0, 59, 59 },
        [FIELD_HOUR] = { "hour", 0, 23, 23 },
        [FIELD_DOM] = { "day-of-month", 1, 31, 28 },
        [FIELD_MONTH] = { "month", 1, 12, 12, "jan feb mar apr may jun jul aug sep oct nov dec" },
        [FIELD_DOW] = { "day-of-week", 0, 7, 6, "sun mon tue wed thu fri sat" },
};

static const struct {
        const char *name, *expression;
} macros[] = {
        { "@yearly", "0 0 1 1 *" },
        { "@annually", "0 0 1 1 *" },
        { "@monthly", "0 0 1 * *" },
        { "@weekly", "0 0 * * 0" },
        { "@daily", "0 0 * * *" },
        { "@midnight", "0 0 * * *" },
        { "@hourly", "0 * * * *" },
        { "@reboot", NULL },
        { "@every", NULL },
        { "@after", NULL },
        { "@at", NULL },
};

_Static_assert(sizeof(struct calendar) == 48, "there may be 100,000 of them");

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

/* One field from s->p to s->end, which is not empty.  *ret_star: it begins with `*`. */
static int read_field(struct parser *s, enum field field, uint64_t *ret_bits, bool *ret_star)
{
        uint64_t bits = 0;
        int r;

        s->rule = &field_rules[field];
        s->n_draws = 0;
        *ret_star = *s->p == '*' || *s->p == '?';
        for (;;) {
                r = parser_read_element(s, &bits);
                if (r < 0)
                        return r;
                if (s->p == s->end)
                        break;
                if (*s->p != ',')
                        return parser_fail_after(s);
                s->p++;
        }
        *ret_bits = bits;
        return 0;
}

/* The fields' places; their number, which may be too large. */
static unsigned split(const char *p, const char *start[FIELD_NR + 1])
{
        unsigned n = 0;

        for (; *p; n++) {
                if (n <= FIELD_NR)
                        start[n] = p;
                p = skip_blanks(word_end(p));
        }
        return n;
}

/* How many days the longest of the months has. */
static unsigned longest_of(uint64_t months)
{
        unsigned longest = 0;

        for (unsigned m = 1; m <= 12; m++)
                if (months >> m & 1)
                        longest = MAX(longest, civil_month_days(2000, m));
        return longest;
}

/* Every field is read, and once more the day of the month where what is drawn there hangs on the months. */
static int read_all(struct parser *s, const char *const start[], unsigned n, uint64_t bits[FIELD_NR],
                    bool star[FIELD_NR])
{
        bool drew_day = false;
        int r;

        for (unsigned i = 0; i < n; i++) {
                enum field f = (enum field)(i + FIELD_NR - n);

                s->p = start[i];
                s->end = word_end(start[i]);
                r = read_field(s, f, &bits[f], &star[f]);
                if (r < 0)
                        return r;
                drew_day = drew_day || (f == FIELD_DOM && s->n_draws > 0);
        }
        s->longest_day = longest_of(bits[FIELD_MONTH]);
        if (!drew_day || s->longest_day == 31)
                return 0;
        s->p = start[n - 3];
        s->end = word_end(s->p);
        return read_field(s, FIELD_DOM, &bits[FIELD_DOM], &star[FIELD_DOM]);
}

/* `H/n` makes an interval.  Where a `*` could be printed instead (in a field that holds its least value) that is enough
 * to know; else which field it was, and n. */
static void judge_interval(struct calendar *c, const char *const start[], unsigned n, const uint64_t bits[FIELD_NR],
                           const bool star[FIELD_NR])
{
        bool printable = false;

        c->interval = star[FIELD_SECOND] || star[FIELD_MINUTE] || star[FIELD_HOUR];
        for (unsigned i = 0; i < n - 3; i++) {
                unsigned f = i + FIELD_NR - n, step = 0;

                printable = printable || bits[f] & 1;
                if (scan_lower(start[i][0]) != 'h' || start[i][1] != '/')
                        continue;
                c->interval = true;
                for (const char *p = start[i] + 2; scan_is_digit(*p); p++)
                        step = step * 10 + (unsigned)(*p - '0');
                if (!c->hash_step)
                        c->hash_step = (uint8_t)(f << 6 | step);
        }
        if (printable)
                c->hash_step = 0;
        c->interval_by_text = c->interval;
}

static bool has_odd_days(const struct calendar *c)
{
        uint8_t any = c->dow_last;

        for (unsigned i = 0; i < CALENDAR_NTH_MAX; i++)
                any |= c->dow_nth[i];
        return any || c->dom_last || c->dom_workday || c->dom_last_workday;
}

static int read_fields(struct parser *s, struct calendar_draw *draw, struct calendar *ret)
{
        struct calendar c = { .kind = CALENDAR_FIELDS };
        const char *start[FIELD_NR + 1];
        uint64_t bits[FIELD_NR] = { [FIELD_SECOND] = 1 };
        bool star[FIELD_NR] = {};
        unsigned n = split(s->p, start);
        int r;

        if (n < FIELD_NR - 1 || n > FIELD_NR)
                return parser_fail(s, n > FIELD_NR ? start[FIELD_NR] : s->p, "%u field%s; %s", n, n == 1 ? "" : "s",
                                   SHAPE);
        s->c = &c;
        s->longest_day = 31;
        r = read_all(s, start, n, bits, star);
        if (r < 0)
                return r;
        c.has_seconds = n == FIELD_NR;
        c.second = bits[FIELD_SECOND];
        c.minute = bits[FIELD_MINUTE];
        c.hour = (uint32_t)bits[FIELD_HOUR];
        c.dom = (uint32_t)bits[FIELD_DOM];
        c.month = (uint16_t)bits[FIELD_MONTH];
        c.dow = (uint8_t)((bits[FIELD_DOW] | bits[FIELD_DOW] >> 7) & 127);
        c.dom_star = star[FIELD_DOM];
        c.dow_star = star[FIELD_DOW];
        c.odd_days = has_odd_days(&c);
        judge_interval(&c, start, n, bits, star);
        if (draw)
                draw->index += s->drew;
        *ret = c;
        return 0;
}

void calendar_set_wall(struct calendar *c)
{
        if (c->kind == CALENDAR_FIELDS)
                c->interval = true;
}

static uint64_t hash_text(const char *text, uint64_t seed)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed; /* FNV-1a; what draws mixes it well */

        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        return h;
}

struct calendar_draw calendar_draw_of(const char *job_name, uint64_t machine)
{
        return (struct calendar_draw){ hash_text(job_name, 0), hash_text(job_name, machine * 2 + 1), 0 };
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

        for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
                unsigned d = distance(s->p, (size_t)(s->end - s->p), macros[i].name);

                if (d < best && d < strlen(macros[i].name) - 1) {
                        best = d;
                        near = macros[i].name;
                }
        }
        if (near)
                return parser_fail(s, s->p, "%s is unknown; did you mean %s?", parser_quote(s->p, s->end).text, near);
        return parser_fail(
                s, s->p,
                "%s is unknown; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, "
                "@reboot, @every, @after and @at",
                parser_quote(s->p, s->end).text);
}

/* The one word behind @every or @at: copied, NUL-terminated. */
static int read_argument(struct parser *s, const char *what, char *buf, size_t size)
{
        const char *p = skip_blanks(s->end), *end = word_end(p), *rest = skip_blanks(end);

        if (p == end)
                return parser_fail(s, p, "%s", what);
        if (*rest)
                return parser_fail(s, rest, "unexpected `%s` after %s; %s", parser_quote(rest, word_end(rest)).text,
                                   parser_quote(p, end).text, what);
        if ((size_t)(end - p) >= size)
                return parser_fail(s, p, "%s", what);
        memcpy(buf, p, (size_t)(end - p));
        buf[end - p] = '\0';
        s->p = p;
        return 0;
}

/* @every, @after */
static int read_period(struct parser *s, enum calendar_kind kind, struct calendar *ret)
{
        bool every = kind == CALENDAR_EVERY;
        struct calendar c = { .kind = kind, .interval = every, .interval_by_text = every };
        const char *name = every ? "@every" : "@after", *why;
        char buf[64];
        int r;

        r = read_argument(s,
                          every ? "@every needs a duration of whole seconds, as in `@every 15m`"
                                : "@after needs a duration of whole seconds, as in `@after 10m`",
                          buf, sizeof(buf));
        if (r < 0)
                return r;
        r = duration_parse(buf, &c.value_usec, &why);
        if (r < 0)
                return parser_fail(s, s->p, "%s %s: %s", name, parser_quote(buf, buf + strlen(buf)).text, why);
        if (c.value_usec < USEC_PER_SEC || c.value_usec % USEC_PER_SEC)
                return parser_fail(s, s->p, "%s %s: whole seconds, at least 1s", name,
                                   parser_quote(buf, buf + strlen(buf)).text);
        *ret = c;
        return 0;
}

static int read_at(struct parser *s, struct calendar *ret)
{
        static const char *what = "@at needs an instant without blanks, as in `@at 2026-12-24T18:00`";
        struct calendar c = { .kind = CALENDAR_AT };
        bool local;
        struct wall t;
        char buf[64];
        int r;

        r = read_argument(s, what, buf, sizeof(buf));
        if (r < 0)
                return r;
        r = instant_parse(buf, NULL, false, &t, &local);
        if (r < 0)
                return parser_fail(s, s->p,
                                   "@at %s: not an instant; expected 2026-12-24, 2026-12-24T18:00 or "
                                   "2026-12-24T18:00:00+01:00",
                                   parser_quote(buf, buf + strlen(buf)).text);
        c.value_usec = t.usec;
        c.at_local = local;
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
                        return read_period(s, CALENDAR_EVERY, ret);
                if (streq(macros[i].name, "@after"))
                        return read_period(s, CALENDAR_AFTER, ret);
                if (streq(macros[i].name, "@at"))
                        return read_at(s, ret);
                rest = skip_blanks(s->end);
                if (*rest)
                        return parser_fail(s, rest, "unexpected `%s` after %s", parser_quote(rest, word_end(rest)).text,
                                           macros[i].name);
                if (macros[i].expression)
                        return calendar_parse(macros[i].expression, NULL, ret, NULL);
                *ret = (struct calendar){ .kind = CALENDAR_REBOOT };
                return 0;
        }
        return fail_macro(s);
}

int calendar_parse(const char *text, struct calendar_draw *draw, struct calendar *ret, struct calendar_error *reterr)
{
        static const struct calendar_draw nobody;
        struct parser s = { .text = text, .p = skip_blanks(text), .draw = draw ? draw : &nobody, .reterr = reterr };

        if (!*s.p)
                return parser_fail(&s, s.p, "empty; " SHAPE);
        return *s.p == '@' ? read_macro(&s, ret) : read_fields(&s, draw, ret);
}
