#include "jobfile/prescan.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "jobfile/diag.h"
#include "jobfile/tree.h"

size_t utf8_decode(const unsigned char *p, size_t left, uint32_t *ret)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = p[0] < 0x80             ? 1
                   : (p[0] & 0xE0) == 0xC0 ? 2
                   : (p[0] & 0xF0) == 0xE0 ? 3
                   : (p[0] & 0xF8) == 0xF0 ? 4
                                           : 0;
        uint32_t c;

        if (n == 0 || n > left)
                return 0;
        c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xC0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3F);
        }
        if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
                return 0;
        *ret = c;
        return n;
}

const char *character_refused(uint32_t c)
{
        if (c == 0)
                return "NUL";
        if (c == 0x85)
                return "next line";
        if ((c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7F && c < 0xA0))
                return "control character";
        if (c == 0x2028)
                return "line separator";
        if (c == 0x2029)
                return "paragraph separator";
        if (c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069))
                return "bidi control";
        if (c == 0xFEFF)
                return "byte order mark";
        if (c == 0xFFFE || c == 0xFFFF)
                return "not a character";
        return NULL;
}

const char *character_no_break(uint32_t c)
{
        return c == 0xA0 ? "no-break space" : c == 0x2007 || c == 0x202F ? "no-break space" : NULL;
}

/* 1: to be looked at.  CR is one of them. */
static const uint8_t looked_at[256] = {
        [0 ... 8] = 1,
        [11 ... 31] = 1,
        [0x7F ... 0xFF] = 1,
};

/* Where we are, moved on only when there is something to report. */
struct place {
        size_t at;
        uint32_t line, column;
};

static void move_to(struct place *p, const char *text, size_t at)
{
        for (; p->at < at; p->at++) {
                if (text[p->at] == '\n') {
                        p->line++;
                        p->column = 1;
                } else if (((unsigned char)text[p->at] & 0xC0) != 0x80) {
                        p->column++;
                }
        }
}

static bool is_utf16(const char *t, size_t size)
{
        if (size < 2)
                return false;
        return memcmp(t, "\xFF\xFE", 2) == 0 || memcmp(t, "\xFE\xFF", 2) == 0 || (!t[0] && t[1]) || (t[0] && !t[1]);
}

/* `%TAG` lines make libyaml's work quadratic, and tags are refused anyway.  Directives stand before everything else. */
static int look_at_directives(char *copy, size_t size, struct diagnostics *errors)
{
        uint32_t line = 1;
        int r = 0;

        for (size_t at = 0; at < size && r == 0; line++) {
                const char *end = memchr(copy + at, '\n', size - at);
                size_t next = end ? (size_t)(end - copy) + 1 : size;

                if (copy[at] == '%') {
                        if (next - at >= 4 && memcmp(copy + at, "%TAG", 4) == 0) {
                                r = diagnostics_add(errors, line, 1, NULL, NULL,
                                                    "tags are refused, and so is a %%TAG line");
                                copy[at] = '#';
                        }
                } else if (!copy[at] || !strchr("#\r\n ", copy[at])) {
                        break;
                }
                at = next;
        }
        return r;
}

static bool may_have_directives(const char *text, size_t size)
{
        const char *at = text, *stop = text + size, *end;

        for (; at < stop && strchr("#\r\n %", *at); at = end + 1) {
                if (*at == '%')
                        return true;
                end = memchr(at, '\n', (size_t)(stop - at));
                if (!end)
                        break;
        }
        return false;
}

int prescan(const char **text, size_t *size, struct arena *arena, struct diagnostics *errors)
{
        const char *t = *text;
        const size_t n = *size;
        struct place place = { 0, 1, 1 };
        char *copy = NULL;
        size_t i = 0;
        int r;

        if (n > TREE_TEXT_MAX) {
                *size = 0;
                return diagnostics_add(errors, 0, 0, NULL, NULL, "the file has more than 1 MiB");
        }
        if (is_utf16(t, n)) {
                *size = 0;
                return diagnostics_add(errors, 1, 1, NULL, "save it as UTF-8", "the file is UTF-16, not UTF-8");
        }
        if (n >= 3 && memcmp(t, "\xEF\xBB\xBF", 3) == 0)
                place.at = i = 3;
        if (may_have_directives(t + i, n - i)) {
                copy = arena_copy(arena, t, n);
                if (!copy)
                        return -ENOMEM;
                r = look_at_directives(copy + i, n - i, errors);
                if (r < 0)
                        return r;
        }

        for (;;) {
                const unsigned char *p;
                const char *what = NULL;
                uint32_t c = 0;
                size_t step;

                while (i < n && !looked_at[(unsigned char)t[i]])
                        i++;
                if (i >= n)
                        break;
                p = (const unsigned char *)t + i;
                step = utf8_decode(p, n - i, &c);
                if (step > 0 && (c == '\r' ? i + 1 < n && t[i + 1] == '\n' : !(what = character_refused(c)))) {
                        i += step;
                        continue;
                }
                move_to(&place, t, i);
                if (step == 0)
                        r = diagnostics_add(errors, place.line, place.column, NULL, "save it as UTF-8",
                                            "the byte 0x%02X is not valid UTF-8 here", *p);
                else if (c == '\r')
                        r = diagnostics_add(errors, place.line, place.column, NULL, NULL,
                                            "a carriage return (U+000D, a control character) without a line feed");
                else
                        r = diagnostics_add(errors, place.line, place.column, NULL, NULL, "U+%04X (%s) is refused%s", c,
                                            what,
                                            c < 0xA0 ? ": control characters but tab and line end have no place here"
                                                     : ": it makes a text look like another");
                if (r < 0)
                        return r;
                if (!copy)
                        copy = arena_copy(arena, t, n);
                if (!copy)
                        return -ENOMEM;
                if (step == 0) /* once for all bytes of what should have been one character */
                        for (step = 1; i + step < n && ((unsigned char)t[i + step] & 0xC0) == 0x80; step++)
                                ;
                memset(copy + i, '?', step);
                i += step;
        }
        if (copy)
                *text = copy;
        return 0;
}
