/* How things are said: durations, distances, sizes, escapes, CSV, YAML, RFC 3339, base64, the word that was meant. */
#include "../../../cli/print.h"
#include "../../../cli/text.h"
#include "../../lib/tap.h"

#define STR(call)                                  \
        ({                                         \
                struct strbuf t = { 0 };           \
                call;                              \
                strcpy(shown, strbuf_str(&t));     \
                strbuf_done(&t);                   \
                shown;                             \
        })
static char shown[4096];

static void test_durations(void)
{
        static const struct {
                double seconds;
                const char *want;
        } rows[] = {
                { 0, "0ms" },        { 0.0004, "0ms" },         { 0.35, "350ms" },
                { 0.9994, "999ms" }, { 0.9996, "1.0s" },        { 1.25, "1.2s" },
                { 9.94, "9.9s" },    { 9.96, "10s" },           { 59.4, "59s" },
                { 59.6, "1m" },      { 90, "1m 30s" },          { 3600, "1h" },
                { 3659, "1h" },      { 7500, "2h 5m" },         { 86400, "1d" },
                { 273600, "3d 4h" }, { 86400 * 400.0, "400d" }, { -1, "?" },
                { 1e300, "?" },      { 0.0 / 0.0, "?" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                is_str(STR(strbuf_add_duration(&t, rows[i].seconds)), rows[i].want, "a duration");
}

static void test_relative(void)
{
        static const struct {
                int64_t seconds;
                const char *want;
        } rows[] = {
                { 0, "now" },
                { 1, "in 1s" },
                { -1, "1s ago" },
                { 59, "in 59s" },
                { 60, "in 1m" },
                { -61, "1m 1s ago" },
                { 3599, "in 59m 59s" },
                { 8100, "in 2h 15m" },
                { -86399, "23h 59m ago" },
                { 86400, "in 1d" },
                { 13 * 86400, "in 13d" },
                { -14 * 86400 - 7200, "14d ago" },
                { 729 * 86400, "in 729d" },
                { 730 * 86400, "in 2y" },
                { -36500 * INT64_C(86400), "100y ago" },
        };
        struct wall now = WALL_SEC(1700000000);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                is_str(STR(strbuf_add_relative(&t, wall_add(now, rows[i].seconds * USEC_PER_SEC), now)), rows[i].want,
                       "a distance");
        is_str(STR(strbuf_add_relative(&t, (struct wall){ now.usec + 900000 }, now)), "now", "less than a second");
        ok(strlen(STR(strbuf_add_relative(&t, (struct wall){ INT64_MAX }, (struct wall){ INT64_MIN }))) > 0,
           "the widest distance");
}

static void test_bytes(void)
{
        is_str(STR(strbuf_add_bytes(&t, 0)), "0 B", "no bytes");
        is_str(STR(strbuf_add_bytes(&t, 1023)), "1023 B", "1023");
        is_str(STR(strbuf_add_bytes(&t, 1024)), "1.0 KiB", "1024");
        is_str(STR(strbuf_add_bytes(&t, 1536)), "1.5 KiB", "1536");
        is_str(STR(strbuf_add_bytes(&t, 20.0 * 1024 * 1024)), "20 MiB", "20 MiB");
        is_str(STR(strbuf_add_bytes(&t, 1e19)), "8882 PiB", "the largest unit");
}

static void test_escapes(void)
{
        static const struct {
                const char *in, *all, *lines;
        } rows[] = {
                { "plain äöü € 𝄞", "plain äöü € 𝄞", "plain äöü € 𝄞" },
                { "a\tb\nc", "a\\x09b\\x0ac", "a\tb\nc" },
                { "\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m", "\\x1b[31mred\\x1b[0m" },
                { "bell\a cr\r del\177", "bell\\x07 cr\\x0d del\\x7f", "bell\\x07 cr\\x0d del\\x7f" },
                { "c1 \xc2\x9b"
                  "31m",
                  "c1 \\u{9b}31m", "c1 \\u{9b}31m" },
                { "bidi \xe2\x80\xae"
                  "abc",
                  "bidi \\u{202e}abc", "bidi \\u{202e}abc" },
                { "sep \xe2\x80\xa8.", "sep \\u{2028}.", "sep \\u{2028}." },
                { "bad \xff\xfe", "bad \\xff\\xfe", "bad \\xff\\xfe" },
                { "cut \xe2\x82", "cut \\xe2\\x82", "cut \\xe2\\x82" },
                { "overlong \xc0\x9b \xe0\x80\x9b", "overlong \\xc0\\x9b \\xe0\\x80\\x9b",
                  "overlong \\xc0\\x9b \\xe0\\x80\\x9b" },
                { "surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80", "surrogate \\xed\\xa0\\x80" },
                { "high \xf4\x90\x80\x80", "high \\xf4\\x90\\x80\\x80", "high \\xf4\\x90\\x80\\x80" },
                { "", "", "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                is_str(STR(strbuf_add_escaped(&t, rows[i].in, strlen(rows[i].in), ESCAPE_ALL)), rows[i].all,
                       "escaped for one line");
                is_str(STR(strbuf_add_escaped(&t, rows[i].in, strlen(rows[i].in), ESCAPE_KEEP_LINES)), rows[i].lines,
                       "escaped, lines kept");
        }
        is_str(STR(strbuf_add_escaped(&t, "a\0b", 3, ESCAPE_ALL)), "a\\x00b", "NUL");
        is_str(STR(strbuf_add_json_escaped(&t, "{\"a\":\"\xc2\x9b\xe2\x80\xae\177ä\"}", 16)),
               "{\"a\":\"\\u009b\\u202e\\u007fä\"}", "escaped in JSON");
}

static void test_csv(void)
{
        is_str(STR(strbuf_add_csv(&t, "plain")), "plain", "a plain field");
        is_str(STR(strbuf_add_csv(&t, "")), "", "an empty field");
        is_str(STR(strbuf_add_csv(&t, "a,b")), "\"a,b\"", "a comma");
        is_str(STR(strbuf_add_csv(&t, "say \"hi\"")), "\"say \"\"hi\"\"\"", "quotes are doubled");
        is_str(STR(strbuf_add_csv(&t, "two\nlines")), "\"two\nlines\"", "a line end");
        is_str(STR(strbuf_add_csv(&t, " x")), "\" x\"", "a blank in front");
        is_str(STR(strbuf_add_csv(&t, "x ")), "\"x \"", "a blank behind");
}

static void test_yaml(void)
{
        static const struct {
                const char *json, *want;
        } rows[] = {
                { "{\"a_b\":1,\"cd\":\"x\"}", "\na_b: 1\ncd: \"x\"" },
                { "{\"ab\":[]}", "\nab: []" },
                { "{\"ab\":{}}", "\nab: {}" },
                { "{\"ab\":null,\"cd\":true,\"ef\":1.5}", "\nab: null\ncd: true\nef: 1.5" },
                { "{\"ab\":[1,\"no\"]}", "\nab:\n  - 1\n  - \"no\"" },
                { "{\"ab\":{\"cd\":{\"ef\":\"12:30\"}}}", "\nab:\n  cd:\n    ef: \"12:30\"" },
                { "{\"no\":1,\"null\":2,\"1e3\":3,\"a: b\":4,\"y\":5}",
                  "\n\"no\": 1\n\"null\": 2\n\"1e3\": 3\n\"a: b\": 4\n\"y\": 5" },
                { "{\"ab\":\"#not a comment\\n- nor a list\\u0007\"}",
                  "\nab: \"#not a comment\\n- nor a list\\u0007\"" },
                { "[[1],{\"ab\":2}]", "\n-\n  - 1\n-\n  ab: 2" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                json_t *v = json_loads(rows[i].json, 0, NULL);

                is_str(STR(strbuf_add_yaml(&t, v, 0)), rows[i].want, rows[i].json);
                json_decref(v);
        }
}

static void test_rfc3339(void)
{
        static const struct {
                const char *text;
                int64_t usec; /* INT64_MIN: no time */
        } rows[] = {
                { "1970-01-01T00:00:00Z", 0 },
                { "1970-01-01T01:00:00+01:00", 0 },
                { "1969-12-31T19:30:00-04:30", 0 },
                { "2000-02-29T12:00:00Z", 951825600 * USEC_PER_SEC },
                { "2026-03-29T03:00:00.123+02:00", INT64_C(1774746000123000) },
                { "1969-12-31T23:59:59.5Z", -500000 },
                { "2026-03-29T03:00:00.123456789Z", INT64_C(1774753200123456) },
                { "2026-03-29 03:00:00Z", INT64_MIN },
                { "2026-03-29T03:00:00", INT64_MIN },
                { "2026-03-29T03:00:00.Z", INT64_MIN },
                { "2026-03-29T03:00:00.1234567890Z", INT64_MIN },
                { "2026-13-29T03:00:00Z", INT64_MIN },
                { "2026-03-00T03:00:00Z", INT64_MIN },
                { "2026-03-29T24:00:00Z", INT64_MIN },
                { "2026-03-29T03:00:00+2:00", INT64_MIN },
                { "2026-03-29T03:00:00Zx", INT64_MIN },
                { "", INT64_MIN },
                { "x", INT64_MIN },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct wall at = { 42 };
                int r = rfc3339_parse(rows[i].text, &at);

                if (rows[i].usec == INT64_MIN)
                        ok(r < 0 && at.usec == 42, "no time: %s", rows[i].text);
                else
                        is_int(r == 0 ? at.usec : -1, rows[i].usec, rows[i].text);
        }
}

static void test_base64(void)
{
        static const struct {
                const char *in, *want; /* NULL: refused */
        } rows[] = {
                { "", "" },           { "Zg==", "f" },        { "Zm8=", "fo" },
                { "Zm9v", "foo" },    { "Zm9vYg==", "foob" }, { "/+8=", "\xff\xef" },
                { "Zg=", NULL },      { "Zg", NULL },         { "Z===", NULL },
                { "Zm9v!A==", NULL }, { "Zg==Zg==", NULL },   { "====", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct strbuf t = { 0 };
                int r;

                strbuf_add(&t, "-");
                r = strbuf_add_base64(&t, rows[i].in);
                if (rows[i].want)
                        ok(r == 0 && streq(strbuf_str(&t) + 1, rows[i].want), "base64 `%s'", rows[i].in);
                else
                        ok(r < 0 && t.n == 1, "no base64: `%s'", rows[i].in);
                strbuf_done(&t);
        }
}

static void test_nearest(void)
{
        static const char *const words[] = { "status", "show", "runs", "run", "pause", "history", NULL };

        is_str(nearest_word("stauts", words), "status", "two letters swapped");
        is_str(nearest_word("rn", words), "run", "one missing");
        is_str(nearest_word("histroy", words), "history", "history");
        ok(!nearest_word("frobnicate", words), "nothing near");
        ok(!nearest_word("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", words),
           "nothing near a long word");
        ok(!nearest_word("status", (const char *const[]){ NULL }), "no words");
}

static void test_state(void)
{
        static const struct {
                const char *json, *want;
        } rows[] = {
                { "{\"state\":\"failed\",\"reason\":\"exit\",\"exit_code\":2}", "failed (exit 2)" },
                { "{\"state\":\"failed\",\"reason\":\"signal\",\"signal\":9}", "failed (signal 9)" },
                { "{\"state\":\"skipped\",\"reason\":\"paused\"}", "skipped (paused)" },
                { "{\"state\":\"succeeded\",\"reason\":\"\"}", "succeeded" },
                { "{\"state\":\"running\",\"reason\":null}", "running" },
                { "{\"state\":\"a\\u001bb\",\"reason\":\"\\n\"}", "a\\x1bb (\\x0a)" },
                { "{}", "?" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                json_t *v = json_loads(rows[i].json, 0, NULL);

                is_str(STR(strbuf_add_state(&t, v)), rows[i].want, rows[i].json);
                json_decref(v);
        }
}

int main(void)
{
        test_durations();
        test_relative();
        test_bytes();
        test_escapes();
        test_csv();
        test_yaml();
        test_rfc3339();
        test_base64();
        test_nearest();
        test_state();
        return tap_done();
}
