/* The flight recorder: the last fifty lines, kept as numbers and made into text only when something is wrong. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define LINES 50

static struct line {
        const char *fmt, *name;
        int64_t now, wall, v[4];
} lines[LINES];
static uint64_t n_lines;
static struct sim *aborting;

const char *when(int64_t wall_usec, char buf[40])
{
        time_t t = (time_t)wall_sec((struct wall){ wall_usec });
        struct tm tm;

        if (wall_usec == USEC_INFINITY) {
                snprintf(buf, 40, "never");
                return buf;
        }
        gmtime_r(&t, &tm);
        snprintf(buf, 40, "%04d-%02d-%02d %02d:%02d:%02d.%06d", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday,
                 tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_usec - (int64_t)t * USEC_PER_SEC));
        return buf;
}

static void print_line(FILE *f, const struct line *l)
{
        char buf[40];

        fprintf(f, "# %s ", when(l->wall, buf));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        /* Each format takes a name and then up to four long long; fewer are fine. */
        fprintf(f, l->fmt, l->name, (long long)l->v[0], (long long)l->v[1], (long long)l->v[2], (long long)l->v[3]);
#pragma GCC diagnostic pop
        fputc('\n', f);
}

void trace(struct sim *s, const char *fmt, const char *name, int64_t a, int64_t b, int64_t c, int64_t d)
{
        struct line *l = &lines[n_lines++ % LINES];

        *l = (struct line){ .fmt = fmt, .name = name, .now = s->now, .wall = wall_now(s), .v = { a, b, c, d } };
        if (s->opt.verbose)
                print_line(stderr, l);
}

static void dump(struct sim *s)
{
        char buf[40];

        fprintf(stderr, "# seed %llu, step %llu, %s UTC, day %lld, life %u, epoch %u; the last lines:\n",
                (unsigned long long)s->opt.seed, (unsigned long long)s->steps, when(wall_now(s), buf),
                (long long)(s->now / DAY), s->life, s->epoch);
        for (uint64_t i = n_lines > LINES ? n_lines - LINES : 0; i < n_lines; i++)
                print_line(stderr, &lines[i % LINES]);
}

void fail(struct sim *s, const char *fmt, ...)
{
        va_list ap;

        aborting = NULL;
        dump(s);
        fprintf(stderr, "# BROKEN (seed %llu, step %llu): ", (unsigned long long)s->opt.seed,
                (unsigned long long)s->steps);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fprintf(stderr, "\n# again: tests/sim/sim --seed %llu --days %d --jobs %d --verbose\n",
                (unsigned long long)s->opt.seed, s->opt.days, s->opt.jobs);
        fflush(NULL);
        _exit(1);
}

/* The engine's own asserts end here: show the story that led to it. */
static void on_abort(int sig)
{
        (void)sig;
        if (aborting) {
                struct sim *s = aborting;

                aborting = NULL;
                dump(s);
                fprintf(stderr, "# BROKEN (seed %llu, step %llu): signal %d in the engine\n",
                        (unsigned long long)s->opt.seed, (unsigned long long)s->steps, sig);
                fflush(NULL);
        }
        _exit(1);
}

void trace_abort_hook(struct sim *s)
{
        aborting = s;
        n_lines = 0;
        signal(SIGABRT, on_abort);
#ifndef JS_SANITIZED
        signal(SIGSEGV, on_abort);
        signal(SIGFPE, on_abort);
#endif
}
