#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "calendar/civil.h"

static _Noreturn void out_of_memory(void)
{
        static const char line[] = "jobctl: out of memory\n";

        (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
        _exit(1);
}

void *xmalloc(size_t size)
{
        void *p = malloc(size ? size : 1);

        if (!p)
                out_of_memory();
        return p;
}

void *xrealloc(void *p, size_t size)
{
        p = realloc(p, size ? size : 1);
        if (!p)
                out_of_memory();
        return p;
}

char *xstrdup(const char *s)
{
        char *p = strdup(s);

        if (!p)
                out_of_memory();
        return p;
}

char *xasprintf(const char *fmt, ...)
{
        va_list ap;
        char *p;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&p, fmt, ap);
        va_end(ap);
        if (n < 0)
                out_of_memory();
        return p;
}

void strbuf_done(struct strbuf *t)
{
        free(t->s);
        *t = (struct strbuf){ 0 };
}

void strbuf_reset(struct strbuf *t)
{
        t->n = 0;
        if (t->s)
                t->s[0] = '\0';
}

const char *strbuf_str(const struct strbuf *t)
{
        return t->s ? t->s : "";
}

void strbuf_add_mem(struct strbuf *t, const void *data, size_t size)
{
        size_t need;

        if (__builtin_add_overflow(t->n, size, &need) || need > SIZE_MAX / 2)
                out_of_memory();
        if (need + 1 > t->allocated) {
                t->allocated = MAX(need + 1, MAX((size_t)64, t->allocated * 2));
                t->s = xrealloc(t->s, t->allocated);
        }
        if (size > 0)
                memcpy(t->s + t->n, data, size);
        t->n = need;
        t->s[need] = '\0';
}

void strbuf_add(struct strbuf *t, const char *s)
{
        strbuf_add_mem(t, s, strlen(s));
}

void strbuf_add_char(struct strbuf *t, char c)
{
        strbuf_add_mem(t, &c, 1);
}

void strbuf_addf(struct strbuf *t, const char *fmt, ...)
{
        _cleanup_(freep) char *p = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&p, fmt, ap);
        va_end(ap);
        if (n < 0)
                out_of_memory();
        strbuf_add_mem(t, p, (size_t)n);
}

/* Length of the UTF-8 character at p (1…4) and its code point, or 0 if there is none: overlong forms, surrogates and
 * what lies over U+10FFFF are none. */
static size_t utf8_decode(const unsigned char *p, size_t size, uint32_t *ret)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
        uint32_t c;

        if (n == 0 || n > size)
                return 0;
        if (n == 1) {
                *ret = p[0];
                return 1;
        }
        c = p[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3fu);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return 0;
        *ret = c;
        return n;
}

/* Characters that steer a terminal, or make a line read otherwise than it is. */
static bool steers(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void strbuf_add_escaped(struct strbuf *t, const char *data, size_t size, enum escape_keep keep)
{
        const unsigned char *p = (const unsigned char *)data;
        size_t plain = 0, i = 0; /* [plain, i) is to be copied as it is */

        while (i < size) {
                uint32_t c = 0;
                size_t n = utf8_decode(p + i, size - i, &c);

                if (n > 0 && (!steers(c) || (keep == ESCAPE_KEEP_LINES && (c == '\n' || c == '\t')))) {
                        i += n;
                        continue;
                }
                strbuf_add_mem(t, p + plain, i - plain);
                if (n == 0)
                        strbuf_addf(t, "\\x%02x", p[i++]);
                else if (c < 0x80)
                        strbuf_addf(t, "\\x%02x", (unsigned)c);
                else
                        strbuf_addf(t, "\\u{%x}", (unsigned)c);
                i += n;
                plain = i;
        }
        strbuf_add_mem(t, p + plain, i - plain);
}

void strbuf_add_json_escaped(struct strbuf *t, const char *json, size_t size)
{
        const unsigned char *p = (const unsigned char *)json;
        size_t plain = 0, i = 0;

        while (i < size) {
                uint32_t c = 0;
                size_t n = utf8_decode(p + i, size - i, &c);

                /* Below 0x20 only the white space between values can stand here: the encoder escapes the rest. */
                if (n == 0 || c < 0x20 || !steers(c)) {
                        i += MAX(n, (size_t)1);
                        continue;
                }
                strbuf_add_mem(t, p + plain, i - plain);
                strbuf_addf(t, "\\u%04x", (unsigned)c);
                i += n;
                plain = i;
        }
        strbuf_add_mem(t, p + plain, i - plain);
}

void strbuf_add_csv(struct strbuf *t, const char *field)
{
        size_t n = strlen(field);
        bool quote = strpbrk(field, ",\"\r\n") || (n > 0 && (field[0] == ' ' || field[n - 1] == ' '));

        if (!quote) {
                strbuf_add(t, field);
                return;
        }
        strbuf_add_char(t, '"');
        for (const char *p = field; *p; p++) {
                if (*p == '"')
                        strbuf_add_char(t, '"');
                strbuf_add_char(t, *p);
        }
        strbuf_add_char(t, '"');
}

/* The two largest units of a number of seconds, the second one only where it is not 0. */
static void add_two_units(struct strbuf *t, int64_t s)
{
        static const struct {
                int64_t seconds;
                char unit;
        } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                int64_t rest = s % units[i].seconds;

                if (s < units[i].seconds && i + 1 < ARRAY_SIZE(units))
                        continue;
                strbuf_addf(t, "%lld%c", (long long)(s / units[i].seconds), units[i].unit);
                if (i + 1 < ARRAY_SIZE(units) && rest / units[i + 1].seconds > 0)
                        strbuf_addf(t, " %lld%c", (long long)(rest / units[i + 1].seconds), units[i + 1].unit);
                return;
        }
}

void strbuf_add_duration(struct strbuf *t, double seconds)
{
        if (!(seconds >= 0) || seconds > 1e15)
                strbuf_add(t, "?");
        else if (seconds < 0.9995)
                strbuf_addf(t, "%.0fms", seconds * 1000);
        else if (seconds < 9.95)
                strbuf_addf(t, "%.1fs", seconds);
        else
                add_two_units(t, (int64_t)(seconds + 0.5));
}

void strbuf_add_relative(struct strbuf *t, struct wall then, struct wall now)
{
        int64_t d;

        if (__builtin_sub_overflow(wall_sec(then), wall_sec(now), &d)) {
                strbuf_add(t, "?");
                return;
        }
        if (d == 0) {
                strbuf_add(t, "now");
                return;
        }
        if (d > 0)
                strbuf_add(t, "in ");
        if (llabs(d) >= 2 * 365 * INT64_C(86400))
                strbuf_addf(t, "%lldy", (long long)(llabs(d) / (365 * INT64_C(86400))));
        else if (llabs(d) >= 14 * INT64_C(86400))
                strbuf_addf(t, "%lldd", (long long)(llabs(d) / 86400));
        else
                add_two_units(t, llabs(d));
        if (d < 0)
                strbuf_add(t, " ago");
}

void strbuf_add_bytes(struct strbuf *t, double bytes)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
        size_t i = 0;

        while (bytes >= 1023.5 && i + 1 < ARRAY_SIZE(units)) {
                bytes /= 1024;
                i++;
        }
        strbuf_addf(t, i > 0 && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[i]);
}

/* `n` decimal digits. */
static bool take_digits(const char **s, int n, int *ret)
{
        int v = 0;

        for (int i = 0; i < n; i++) {
                if ((*s)[i] < '0' || (*s)[i] > '9')
                        return false;
                v = v * 10 + ((*s)[i] - '0');
        }
        *s += n;
        *ret = v;
        return true;
}

static bool take_char(const char **s, char c)
{
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

int rfc3339_parse(const char *s, struct wall *ret)
{
        int y, mon, d, h, min, sec, oh = 0, om = 0, sign = 1;
        int64_t usec = 0, scale = 100000;

        if (!(take_digits(&s, 4, &y) && take_char(&s, '-') && take_digits(&s, 2, &mon) && take_char(&s, '-') &&
              take_digits(&s, 2, &d) && take_char(&s, 'T') && take_digits(&s, 2, &h) && take_char(&s, ':') &&
              take_digits(&s, 2, &min) && take_char(&s, ':') && take_digits(&s, 2, &sec)))
                return -EINVAL;
        if (take_char(&s, '.')) {
                int digits = 0, v;

                while (take_digits(&s, 1, &v)) {
                        usec += v * scale;
                        scale /= 10;
                        digits++;
                }
                if (digits < 1 || digits > 9)
                        return -EINVAL;
        }
        if (!take_char(&s, 'Z')) {
                if (*s != '+' && *s != '-')
                        return -EINVAL;
                sign = *s++ == '-' ? -1 : 1;
                if (!(take_digits(&s, 2, &oh) && take_char(&s, ':') && take_digits(&s, 2, &om)))
                        return -EINVAL;
        }
        if (*s || mon < 1 || mon > 12 || d < 1 || d > 31 || h > 23 || min > 59 || sec > 60 || oh > 23 || om > 59)
                return -EINVAL;
        ret->usec =
                (civil_days(y, mon, d) * 86400 + h * 3600 + min * 60 + sec - sign * (oh * 3600 + om * 60)) * USEC_PER_SEC +
                usec;
        return 0;
}

static int base64_value(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int strbuf_add_base64(struct strbuf *t, const char *s)
{
        size_t size = strlen(s), was = t->n;

        if (size % 4 != 0)
                return -EINVAL;
        for (size_t i = 0; i < size; i += 4) {
                size_t pad = i + 4 < size ? 0 : s[i + 3] != '=' ? 0 : s[i + 2] != '=' ? 1 : 2;
                uint32_t v = 0;

                for (size_t k = 0; k < 4; k++) {
                        int x = k >= 4 - pad ? 0 : base64_value(s[i + k]);

                        if (x < 0) {
                                t->n = was;
                                return -EINVAL;
                        }
                        v = v << 6 | (uint32_t)x;
                }
                for (size_t k = 0; k < 3 - pad; k++)
                        strbuf_add_char(t, (char)(v >> (16 - 8 * k)));
        }
        return 0;
}

/* Damerau's distance (optimal string alignment) of two short words. */
static unsigned word_distance(const char *a, const char *b)
{
        enum { WORD_MAX = 32 };
        unsigned d[WORD_MAX + 1][WORD_MAX + 1];
        size_t n = strlen(a), m = strlen(b);

        if (n > WORD_MAX || m > WORD_MAX)
                return WORD_MAX;
        for (size_t i = 0; i <= n; i++)
                d[i][0] = (unsigned)i;
        for (size_t j = 0; j <= m; j++)
                d[0][j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++)
                for (size_t j = 1; j <= m; j++) {
                        unsigned v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

                        v = MIN(v, MIN(d[i - 1][j], d[i][j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                v = MIN(v, d[i - 2][j - 2] + 1);
                        d[i][j] = v;
                }
        return d[n][m];
}

const char *nearest_word(const char *word, const char *const *words)
{
        unsigned best = (unsigned)MIN(strlen(word) / 3 + 1, (size_t)3) + 1;
        const char *found = NULL;

        for (; *words; words++) {
                unsigned v = word_distance(word, *words);

                if (v < best) {
                        best = v;
                        found = *words;
                }
        }
        return found;
}
