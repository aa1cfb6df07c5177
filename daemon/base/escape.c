/* Escaping of text that may be hostile; see the header for what is escaped. */
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char ellipsis[] = "\xe2\x80\xa6";

/* Length of the UTF-8 character at p and its code point; 0 if it is none (overlong, surrogate, cut off, too large). */
static size_t utf8_char(const unsigned char *p, uint32_t *ret_code)
{
        static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
        uint32_t c;

        if (n == 0)
                return 0;
        c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80) /* the terminating NUL too */
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret_code = c;
        return n;
}

static bool harmless(uint32_t c)
{
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
                return false;
        /* separators, and what reorders the text around it (CVE-2021-42574) */
        return !(c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f || c == 0x061c || (c >= 0x202a && c <= 0x202e) ||
                 (c >= 0x2066 && c <= 0x2069));
}

/* Writes one byte's escape, returns its length (at most 4). */
static size_t escape_byte(unsigned char b, char *out)
{
        static const char hex[] = "0123456789abcdef";
        const char *letter = b == '\n' ? "n" : b == '\t' ? "t" : b == '\r' ? "r" : NULL;

        out[0] = '\\';
        if (letter) {
                out[1] = *letter;
                return 2;
        }
        out[1] = 'x';
        out[2] = hex[b >> 4];
        out[3] = hex[b & 15];
        return 4;
}

size_t escape_line(const char *text, char *buf, size_t size)
{
        const unsigned char *p = (const unsigned char *)text;
        size_t len = 0, cut = 0; /* cut: where the mark of a cut would still fit */
        char piece[16];

        while (*p) {
                uint32_t code = 0;
                size_t n = utf8_char(p, &code), out = 0;

                if (n > 0 && harmless(code)) {
                        memcpy(piece, p, n);
                        out = n;
                } else {
                        n = n > 0 ? n : 1;
                        for (size_t i = 0; i < n; i++)
                                out += escape_byte(p[i], piece + out);
                }
                if (len + out >= size) {
                        memcpy(buf + cut, ellipsis, sizeof(ellipsis));
                        return cut + sizeof(ellipsis) - 1;
                }
                memcpy(buf + len, piece, out);
                len += out;
                p += n;
                if (len + sizeof(ellipsis) <= size)
                        cut = len;
        }
        buf[len] = '\0';
        return len;
}
