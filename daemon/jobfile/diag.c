#include "jobfile/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void diagnostic_done(struct diagnostic *d)
{
        free(d->key);
        free(d->message);
        free(d->hint);
}

void diagnostics_done(struct diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++)
                diagnostic_done(&d->v[i]);
        free(d->v);
        *d = (struct diagnostics){ 0 };
}

/* Takes what `one` owns, also when it fails. */
static int append(struct diagnostics *d, struct diagnostic *one)
{
        if (d->n == d->allocated) {
                size_t want = d->allocated ? d->allocated * 2 : 2;
                struct diagnostic *v = reallocarray(d->v, want, sizeof(*v));

                if (!v) {
                        diagnostic_done(one);
                        return -ENOMEM;
                }
                d->v = v;
                d->allocated = want;
        }
        d->v[d->n++] = *one;
        return 0;
}

static int make(struct diagnostic *one, uint32_t line, uint32_t column, const char *key, const char *hint,
                char *message)
{
        *one = (struct diagnostic){ .line = line, .column = column, .message = message };
        if (!message || (key && !(one->key = strdup(key))) || (hint && !(one->hint = strdup(hint)))) {
                diagnostic_done(one);
                return -ENOMEM;
        }
        return 0;
}

int diagnostics_add(struct diagnostics *d, uint32_t line, uint32_t column, const char *key, const char *hint,
                    const char *fmt, ...)
{
        struct diagnostic one;
        char *message;
        va_list ap;
        int r;

        if (d->n > DIAGNOSTICS_MAX)
                return 0;
        if (d->n == DIAGNOSTICS_MAX) {
                message = strdup("there are more errors, which are not shown");
                key = hint = NULL;
        } else {
                va_start(ap, fmt);
                r = vasprintf(&message, fmt, ap);
                va_end(ap);
                if (r < 0)
                        message = NULL;
        }
        r = make(&one, line, column, key, hint, message);
        return r < 0 ? r : append(d, &one);
}

void diagnostics_drop_last(struct diagnostics *d)
{
        diagnostic_done(&d->v[--d->n]);
}

/* Insertion sort: there are few, and most come in order; equal places keep their order. */
void diagnostics_sort(struct diagnostics *d)
{
        for (size_t i = 1; i < d->n; i++) {
                struct diagnostic one = d->v[i];
                size_t k = i;

                while (k > 0 && (d->v[k - 1].line > one.line ||
                                 (d->v[k - 1].line == one.line && d->v[k - 1].column > one.column))) {
                        d->v[k] = d->v[k - 1];
                        k--;
                }
                d->v[k] = one;
        }
}

const char *clip(const char *text, char buf[CLIP_SIZE])
{
        size_t n = 0, chars = 0;

        for (const char *p = text; *p; chars++) {
                size_t step = 1;

                if (chars == 60) {
                        memcpy(buf + n, "…", strlen("…"));
                        n += strlen("…");
                        break;
                }
                if (*p == '\n' || *p == '\t' || (unsigned char)*p < 0x20) {
                        buf[n++] = '\\';
                        buf[n++] = *p == '\n' ? 'n' : *p == '\t' ? 't' : '?';
                        p++;
                        continue;
                }
                while (((unsigned char)p[step] & 0xC0) == 0x80 && step < 4)
                        step++;
                memcpy(buf + n, p, step);
                n += step;
                p += step;
        }
        buf[n] = 0;
        return buf;
}

uint32_t job_name_column(const char *text, size_t size, const struct job *job)
{
        const char *at = text, *stop = text + size, *found;
        uint32_t line = job->line, column = 1;

        while (--line > 0 && (at = memchr(at, '\n', (size_t)(stop - at))))
                at++;
        if (!at)
                return 1;
        found = memmem(at, (size_t)(stop - at), job->name, strlen(job->name));
        if (!found || memchr(at, '\n', (size_t)(found - at)))
                return 1;
        for (; at < found; at++)
                column += ((unsigned char)*at & 0xC0) != 0x80;
        return column;
}
