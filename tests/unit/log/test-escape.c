/* base/escape.h: hostile text on one line. */
#include "base/escape.h"
#include "tests/lib/tap.h"

static const struct {
        const char *in, *want;
} rows[] = {
        { "", "" },
        { "plain text, \\ and \"quotes\"", "plain text, \\ and \"quotes\"" },
        { "two\nlines\r\n\tand a tab", "two\\nlines\\r\\n\\tand a tab" },
        { "\x1b[31mred\x1b[0m\x07", "\\x1b[31mred\\x1b[0m\\x07" },
        { "\x7f", "\\x7f" },
        { "C1: \xc2\x9b" "31m", "C1: \\xc2\\x9b31m" },
        { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "\xff\xfe", "\\xff\\xfe" },
        { "overlong \xc0\xaf", "overlong \\xc0\\xaf" },
        { "surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80" },
        { "over 10ffff \xf4\x90\x80\x80", "over 10ffff \\xf4\\x90\\x80\\x80" },
        { "cut off \xe2\x82", "cut off \\xe2\\x82" },
        { "line separator \xe2\x80\xa8.", "line separator \\xe2\\x80\\xa8." },
        { "bidi \xe2\x80\xae.", "bidi \\xe2\\x80\\xae." },
};

int main(void)
{
        char buf[256];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                size_t n = escape_line(rows[i].in, buf, sizeof(buf));

                ok(strcmp(buf, rows[i].want) == 0 && n == strlen(buf), "row %zu: %s", i, buf);
        }

        escape_line("0123456789", buf, 11);
        is_str(buf, "0123456789", "what just fits is whole");
        is_int(escape_line("0123456789", buf, 10), 9, "what does not fit is cut");
        is_str(buf, "012345\xe2\x80\xa6", "with a mark, inside the buffer");
        escape_line("0123\xe2\x82\xac\xe2\x82\xac", buf, 9);
        is_str(buf, "0123\xe2\x80\xa6", "never within a character");
        escape_line("ab\x1b\x1b\x1b", buf, 9);
        is_str(buf, "ab\xe2\x80\xa6", "nor within an escape");
        for (size_t size = 4; size < 64; size++) {
                memset(buf, 'X', sizeof(buf));
                escape_line("\x1b\xe2\x82\xac\n\xf0\x9f\x98\x80 and more \x1b\x1b\x1b\x1b text that is long", buf, size);
                if (buf[size] != 'X' || strlen(buf) >= size) {
                        ok(false, "size %zu is kept to", size);
                        return tap_done();
                }
        }
        ok(true, "every size is kept to");
        return tap_done();
}
