#include "proto/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"

#define LINES_STEP 4096

/* ---- lines */

void lines_init(struct lines *l, size_t max)
{
        *l = (struct lines){ .max = max };
}

void lines_done(struct lines *l)
{
        free(l->data);
        lines_init(l, l->max);
}

/* Moves what is there to the front; gives memory back once a long line is through. */
static void lines_compact(struct lines *l)
{
        if (l->begin == 0)
                return;
        if (l->end > l->begin)
                memmove(l->data, l->data + l->begin, l->end - l->begin);
        l->end -= l->begin;
        l->scanned -= l->begin;
        l->begin = 0;
        if (l->end == 0 && l->allocated > 16 * LINES_STEP) {
                free(l->data);
                l->data = NULL;
                l->allocated = 0;
        }
}

int lines_space(struct lines *l, size_t want, char **ret_space, size_t *ret_size)
{
        size_t size;
        char *p;

        lines_compact(l);
        if (l->end >= l->max)
                return -EMSGSIZE;
        if (l->end == l->allocated) {
                size = l->allocated == 0 ? LINES_STEP : l->allocated * 2;
                size = MIN(size, l->max);
                p = realloc(l->data, size);
                if (!p)
                        return -ENOMEM;
                l->data = p;
                l->allocated = size;
        }
        *ret_space = l->data + l->end;
        *ret_size = MIN(want, l->allocated - l->end);
        return 0;
}

void lines_add(struct lines *l, size_t n)
{
        l->end += n;
}

void lines_skip(struct lines *l)
{
        l->begin = l->end = l->scanned = 0;
        l->skipping = true;
}

char *lines_next(struct lines *l, size_t *ret_size)
{
        char *line, *newline;

        for (;;) {
                newline = l->end > l->scanned ? memchr(l->data + l->scanned, '\n', l->end - l->scanned) : NULL;
                if (!newline) {
                        l->scanned = l->end;
                        if (l->skipping)
                                l->begin = l->end;
                        return NULL;
                }
                line = l->data + l->begin;
                l->begin = l->scanned = (size_t)(newline - l->data) + 1;
                if (l->skipping) {
                        l->skipping = false;
                        continue;
                }
                *newline = '\0';
                *ret_size = (size_t)(newline - line);
                return line;
        }
}

bool lines_partial(const struct lines *l)
{
        return l->end > l->begin || l->skipping;
}

/* ---- text */

void text_done(struct text *t)
{
        free(t->data);
        *t = (struct text){ 0 };
}

static bool text_reserve(struct text *t, size_t more)
{
        size_t need, size;
        char *p;

        if (t->failed || __builtin_add_overflow(t->size, more, &need)) {
                t->failed = true;
                return false;
        }
        if (need <= t->allocated)
                return true;
        size = t->allocated == 0 ? 512 : t->allocated;
        while (size < need)
                if (__builtin_mul_overflow(size, 2, &size)) {
                        t->failed = true;
                        return false;
                }
        p = realloc(t->data, size);
        if (!p) {
                t->failed = true;
                return false;
        }
        t->data = p;
        t->allocated = size;
        return true;
}

void text_add(struct text *t, const char *data, size_t size)
{
        if (size == 0 || !text_reserve(t, size))
                return;
        memcpy(t->data + t->size, data, size);
        t->size += size;
}

void text_puts(struct text *t, const char *s)
{
        text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0 || !text_reserve(t, (size_t)n + 1)) {
                t->failed = true;
                return;
        }
        va_start(ap, fmt);
        vsnprintf(t->data + t->size, (size_t)n + 1, fmt, ap);
        va_end(ap);
        t->size += (size_t)n;
}

static int text_dump(const char *data, size_t size, void *arg)
{
        struct text *t = arg;

        text_add(t, data, size);
        return t->failed ? -1 : 0;
}

void text_json(struct text *t, const json_t *value)
{
        if (!value ||
            json_dump_callback(value, text_dump, t, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) < 0)
                t->failed = true;
}

void text_json_new(struct text *t, json_t *value)
{
        text_json(t, value);
        json_decref(value);
}

/* Length of the valid UTF-8 character at s, 0 if it is none (overlong forms, surrogates and what is over U+10FFFF are
 * none). */
static size_t utf8_length(const char *s, size_t size)
{
        const unsigned char *p = (const unsigned char *)s;
        size_t n;
        uint32_t c;

        if (p[0] < 0x80)
                return 1;
        n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
        if (p[0] < 0xc2 || p[0] > 0xf4 || n > size)
                return 0;
        c = p[0] & (0x7fU >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
                return 0;
        return n;
}

bool utf8_valid(const char *s, size_t size)
{
        size_t n;

        for (size_t i = 0; i < size; i += n) {
                n = utf8_length(s + i, size - i);
                if (n == 0 || s[i] == '\0')
                        return false;
        }
        return true;
}

void text_json_string(struct text *t, const char *s, size_t size)
{
        size_t plain = 0, n;

        text_add(t, "\"", 1);
        for (size_t i = 0; i < size; i += n ? n : 1) {
                unsigned char c = (unsigned char)s[i];

                n = utf8_length(s + i, size - i);
                if (n > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
                        continue;
                text_add(t, s + plain, i - plain);
                plain = i + 1;
                if (n == 0)
                        text_puts(t, "\xef\xbf\xbd");
                else if (c == '"' || c == '\\')
                        text_printf(t, "\\%c", c);
                else if (c == '\n')
                        text_puts(t, "\\n");
                else
                        text_printf(t, "\\u%04x", c);
        }
        text_add(t, s + plain, size - plain);
        text_add(t, "\"", 1);
}

/* ---- values */

json_t *json_string_or_null(const char *s)
{
        size_t size;
        char *clean, *to;
        json_t *value;

        if (!s)
                return json_null();
        size = strlen(s);
        if (utf8_valid(s, size))
                return json_stringn_nocheck(s, size);
        if (size > SIZE_MAX / 3 || !(clean = malloc(size * 3)))
                return NULL;
        to = clean;
        for (size_t i = 0, n; i < size; i += n) {
                n = utf8_length(s + i, size - i);
                if (n == 0) {
                        to = mempcpy(to, "\xef\xbf\xbd", 3);
                        n = 1;
                } else
                        to = mempcpy(to, s + i, n);
        }
        value = json_stringn_nocheck(clean, (size_t)(to - clean));
        free(clean);
        return value;
}

/* Depth and number of values, before the parser spends memory on them.  Only counts what stands outside of strings;
 * whether it is JSON at all is the parser's to say. */
static int check_size(const char *line, size_t size, size_t max_values, size_t *ret_position, struct error *reterr)
{
        size_t depth = 0, values = 1;
        bool string = false;

        for (size_t i = 0; i < size; i++) {
                if (string) {
                        if (line[i] == '\\')
                                i++;
                        else if (line[i] == '"')
                                string = false;
                        continue;
                }
                if (line[i] == '"')
                        string = true;
                else if (line[i] == ',' || line[i] == '[' || line[i] == '{')
                        values++;
                if (line[i] == '[' || line[i] == '{')
                        depth++;
                else if ((line[i] == ']' || line[i] == '}') && depth > 0)
                        depth--;
                if (depth > JSON_DEPTH_MAX) {
                        *ret_position = i;
                        return error_set(reterr, -EINVAL, ERROR_INVALID, "nested more than %d deep", JSON_DEPTH_MAX);
                }
                if (max_values > 0 && values > max_values) {
                        *ret_position = i;
                        return error_set(reterr, -EINVAL, ERROR_INVALID, "more than %zu values in one request",
                                         max_values);
                }
        }
        return 0;
}

int json_decode(const char *line, size_t size, size_t max_values, json_t **ret, size_t *ret_position,
                struct error *reterr)
{
        json_error_t err;
        json_t *value;
        int r;

        *ret_position = 0;
        r = check_size(line, size, max_values, ret_position, reterr);
        if (r < 0)
                return r;
        value = json_loadb(line, size, JSON_REJECT_DUPLICATES, &err);
        if (!value) {
                if (json_error_code(&err) == json_error_out_of_memory)
                        return error_set(reterr, -ENOMEM, ERROR_BUSY, "out of memory");
                *ret_position = err.position > 0 ? (size_t)err.position : 0;
                return error_set(reterr, -EINVAL, ERROR_INVALID, "not valid JSON: %s", err.text);
        }
        *ret = value;
        return 0;
}

void json_request(struct text *t, uint64_t id, const char *method, const json_t *params)
{
        text_printf(t, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":", (unsigned long long)id);
        text_json_string(t, method, strlen(method));
        if (params) {
                text_puts(t, ",\"params\":");
                text_json(t, params);
        }
        text_puts(t, "}\n");
}

void json_error(const json_t *reply_error, struct error *ret)
{
        const char *message = json_string_value(json_object_get(reply_error, "message"));
        const char *code = json_string_value(json_object_get(json_object_get(reply_error, "data"), "code"));

        *ret = ERROR_NULL;
        error_set(ret, 0, code ? error_code_from_name(code) : ERROR_FAILED, "%s",
                  message ? message : "the daemon gave no reason");
}
