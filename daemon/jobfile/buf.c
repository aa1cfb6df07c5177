#include "jobfile/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static bool reserve(struct buf *b, size_t more)
{
        size_t want;
        char *v;

        if (b->failed)
                return false;
        if (b->allocated - b->n > more)
                return true;
        want = MAX(b->allocated * 2, b->n + more + 256);
        v = realloc(b->v, want);
        if (!v) {
                b->failed = true;
                return false;
        }
        b->v = v;
        b->allocated = want;
        return true;
}

void buf_add(struct buf *b, const char *text, size_t size)
{
        if (!reserve(b, size))
                return;
        memcpy(b->v + b->n, text, size);
        b->n += size;
        b->v[b->n] = 0;
}

void buf_str(struct buf *b, const char *text)
{
        buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0 || !reserve(b, (size_t)n))
                return;
        va_start(ap, fmt);
        (void)vsnprintf(b->v + b->n, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->n += (size_t)n;
}

void buf_json(struct buf *b, const char *text)
{
        const char *from = text;

        buf_add(b, "\"", 1);
        for (const char *p = text;; p++) {
                unsigned char c = (unsigned char)*p;

                if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
                        continue;
                buf_add(b, from, (size_t)(p - from));
                from = p + 1;
                if (!c)
                        break;
                if (c == '"' || c == '\\')
                        buf_printf(b, "\\%c", c);
                else if (c == '\n')
                        buf_add(b, "\\n", 2);
                else if (c == '\t')
                        buf_add(b, "\\t", 2);
                else
                        buf_printf(b, "\\u%04x", c);
        }
        buf_add(b, "\"", 1);
}

char *buf_take(struct buf *b)
{
        char *v = b->failed ? NULL : TAKE_PTR(b->v);

        buf_done(b);
        return v;
}
