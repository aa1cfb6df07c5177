/* Lines out of a stream, strict JSON, text that is made piece by piece. */
#include "proto/json.h"

#include <errno.h>

#include "base/util.h"
#include "tests/lib/tap.h"

/* Feeds `s` in pieces of `step` bytes; what comes out is joined by `|`. */
static const char *cut(const char *s, size_t step, size_t max)
{
        static char out[4096];
        struct lines l;
        size_t size = strlen(s), at = 0, n, line_size;
        char *space, *line;

        out[0] = '\0';
        lines_init(&l, max);
        while (at < size) {
                int r = lines_space(&l, step, &space, &n);

                if (r == -EMSGSIZE) {
                        strcat(out, "LONG|");
                        lines_skip(&l);
                        continue;
                }
                n = MIN(MIN(n, step), size - at);
                memcpy(space, s + at, n);
                lines_add(&l, n);
                at += n;
                while ((line = lines_next(&l, &line_size))) {
                        strcat(out, line);
                        strcat(out, strlen(line) == line_size ? "|" : "?");
                }
        }
        if (lines_partial(&l))
                strcat(out, "…");
        lines_done(&l);
        return out;
}

static void test_lines(void)
{
        static const struct {
                const char *in, *want;
        } rows[] = {
                { "a\nbb\nccc\n", "a|bb|ccc|" },
                { "\n\n", "||" },
                { "a\nb", "a|…" },
                { "12345678\nx\n", "LONG|x|" }, /* nine bytes with its end: one too many */
                { "1234567\nx\n", "1234567|x|" },
                { "123456789012345678901234567890\nx\n1234567890\ny\n", "LONG|x|LONG|y|" },
                { "a\n123456789012", "a|LONG|…" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t step = 1; step <= 8; step++) {
                        char name[128];

                        snprintf(name, sizeof(name), "lines %zu in steps of %zu", i, step);
                        is_str(cut(rows[i].in, step, 8), rows[i].want, name);
                }
}

/* Memory grows with the line, not with the limit, and goes back after a long one. */
static void test_growth(void)
{
        struct lines l;
        size_t n, size, most = 0;
        char *space;
        int r;

        lines_init(&l, JSON_LINE_MAX);
        is_int(lines_space(&l, 65536, &space, &n), 0, "room");
        ok(l.allocated <= 4096, "a new connection costs a page: %zu", l.allocated);
        for (;;) {
                r = lines_space(&l, 65536, &space, &n);
                if (r < 0)
                        break;
                memset(space, 'x', n);
                lines_add(&l, n);
                most = MAX(most, l.allocated);
        }
        is_int(r, -EMSGSIZE, "a line without an end is refused");
        is_int(most, JSON_LINE_MAX, "and never takes more than the limit");
        lines_skip(&l);
        is_int(lines_space(&l, 65536, &space, &n), 0, "room again");
        ok(l.allocated <= 4096 || l.allocated == JSON_LINE_MAX, "still bounded");
        memcpy(space, "yy\nz\n", 5);
        lines_add(&l, 5);
        is_str(lines_next(&l, &size), "z", "the next line is read");
        ok(!lines_next(&l, &size), "and no more");
        lines_done(&l);
}

static void decode_row(const char *s, size_t size, int want, long position)
{
        _cleanup_(freep) char *copy =
                memcpy(malloc(size + 1), s, size); /* exact size: a sanitizer sees any step beyond */
        struct error err = ERROR_NULL;
        json_t *value = NULL;
        size_t at;
        int r = json_decode(copy, size, JSON_VALUES_MAX, &value, &at, &err);

        ok(r == want, "%.60s: %d %s", s, r, err.message);
        if (position >= 0)
                ok(at == (size_t)position, "… at %ld: %zu", position, at);
        ok((r == 0) == (err.code == ERROR_NONE), "… an error says so");
        json_decref(value);
}

static void test_decode(void)
{
        char deep[200];
        char *many;

        decode_row("{\"a\":1}", 7, 0, -1);
        decode_row("[]", 2, 0, -1);
        decode_row("", 0, -EINVAL, -1);
        decode_row("1", 1, -EINVAL, -1);
        decode_row("{\"a\":1,\"a\":2}", 13, -EINVAL, -1);
        decode_row("{\"a\":1} x", 9, -EINVAL, 9);
        decode_row("{\"a\":\"\xff\"}", 9, -EINVAL, -1);
        decode_row("{\"a\":\"\xed\xa0\x80\"}", 11, -EINVAL, -1);
        decode_row("{\"a\":\"\\u0000\"}", 14, -EINVAL, -1);
        decode_row("{\"a\":\0}", 7, -EINVAL, -1);
        decode_row("{\"a\":1e999}", 11, -EINVAL, -1);
        decode_row("{\"a\":99999999999999999999}", 26, -EINVAL, -1);
        decode_row("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", 48, 0, -1);
        decode_row("{\"a\":\"\\", 7, -EINVAL, -1);
        memset(deep, '[', 100);
        memset(deep + 100, ']', 100);
        decode_row(deep, 200, -EINVAL, 32);
        decode_row(deep + 68, 64, 0, -1);
        many = malloc(100001);
        for (size_t i = 0; i < 100000; i += 2)
                memcpy(many + i, i == 0 ? "[0" : ",0", 2);
        many[100000] = ']';
        decode_row(many, 100001, -EINVAL, -1);
        free(many);
}

static void test_text(void)
{
        struct text t = { 0 };
        json_t *value, *back;
        char all[300];
        size_t n = 0, at;

        json_request(&t, 7, "job.list", NULL);
        text_add(&t, "", 1);
        is_str(t.data, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"job.list\"}\n", "a request");
        text_done(&t);

        for (unsigned c = 1; c < 256; c++)
                all[n++] = (char)c;
        text_puts(&t, "[");
        text_json_string(&t, all, n);
        text_puts(&t, "]");
        is_int(json_decode(t.data, t.size, 0, &back, &at, NULL), 0, "every byte becomes JSON that parses");
        value = json_string_or_null("a\xff\xc3\xa4\xe2\x82");
        is_str(json_string_value(value), "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd",
               "bad bytes are replaced, one each");
        json_decref(value);
        json_decref(back);
        text_done(&t);
        ok(json_is_null(json_string_or_null(NULL)), "NULL is null");
        ok(utf8_valid("\xf4\x8f\xbf\xbf", 4) && !utf8_valid("\xf4\x90\x80\x80", 4),
           "the last character and the one after it");
        ok(!utf8_valid("\xc0\x80", 2) && !utf8_valid("\xe0\x80\xaf", 3), "overlong forms");
        text_json(&t, NULL);
        ok(t.failed, "a value that could not be made fails the text");
        text_done(&t);
}

static void test_error(void)
{
        struct error err;
        json_t *v =
                json_loads("{\"code\":-32000,\"message\":\"no such job\",\"data\":{\"code\":\"not_found\"}}", 0, NULL);

        json_error(v, &err);
        is_int(err.code, ERROR_NOT_FOUND, "data.code");
        is_str(err.message, "no such job", "message");
        json_decref(v);
        json_error(NULL, &err);
        is_int(err.code, ERROR_FAILED, "nothing at all is still an error");
}

int main(void)
{
        test_lines();
        test_growth();
        test_decode();
        test_text();
        test_error();
        return tap_done();
}
