/* bench-engine [JOBS...]: what the engine works for each firing, and for a step of the clock, with more and more jobs (1,000 to a
 * million by default).  The real engine, with a store that is always done and a runner whose runs end at once; one instant each
 * millisecond of virtual time, whatever the number of jobs.
 *
 *      due    the instants of jobs that are disabled: the due heap, the next instant, the row
 *      run    the whole life of a run: due, written, started, running, ended
 *      set    the clock is set back by four hours: the next instant of every job is found anew
 *
 * Beside it the due heap alone: its top moved to the end, as a firing does.  Goal: no faster growth than log n; 100,000 jobs are
 * found anew in at most 50 ms.
 *
 * A daemon is seldom asked, and finds the processor's caches full of other people's data: so they are emptied before each firing
 * that is measured, and the median is shown.  (With warm caches a thousand jobs fit, a million don't, and that is what one sees.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/heap.h"
#include "base/util.h"
#include "engine/engine.h"

#define FIRINGS    301
#define CACHE_SIZE (64 << 20) /* more than a core has */
#define CACHE_LINE 64
#define BEGIN   WALL_SEC(INT64_C(1780000000))

static struct {
        struct engine *e;
        struct actions a;
        int64_t now; /* microseconds since BEGIN */
        uint64_t seq, starts;
} S;

static double now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void empty_caches(void)
{
        static volatile char *other;

        if (!other)
                other = calloc(1, CACHE_SIZE);
        if (!other)
                abort();
        for (size_t i = 0; i < CACHE_SIZE; i += CACHE_LINE)
                other[i]++;
}

static int compare(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double median(double v[static FIRINGS])
{
        qsort(v, FIRINGS, sizeof(v[0]), compare);
        return v[FIRINGS / 2];
}

struct started {
        uint64_t run;
        uint32_t start;
};

/* One event and all that follows from it: rows are durable at once, what is started ends at once. */
static void step(struct event ev)
{
        static struct started todo[4096];
        size_t n = 0;
        uint64_t seq = 0;

        for (;;) {
                ev.wall = (struct wall){ BEGIN.usec + S.now };
                ev.mono = (struct mono){ USEC_PER_DAY + S.now };
                engine_step(S.e, &ev, &S.a);
                for (size_t i = 0; i < S.a.n; i++) {
                        const struct action *a = &S.a.v[i];

                        if (a->type == ACTION_ROW)
                                seq = a->seq;
                        else if (a->type == ACTION_START && n + 2 <= ARRAY_SIZE(todo)) {
                                todo[n++] = (struct started){ a->start.run->id, a->start.run->start };
                                S.starts++;
                        }
                }
                if (seq > S.seq) {
                        S.seq = seq;
                        ev = (struct event){ .type = EVENT_STORED, .stored.seq = seq };
                } else if (n > 0) {
                        struct started *t = &todo[n - 1];

                        ev = (struct event){ .type = t->start ? EVENT_STARTED : EVENT_EXITED };
                        ev.attempt.run = t->run;
                        ev.attempt.start = t->start ? t->start : 1;
                        ev.attempt.at = ev.attempt.began = (struct wall){ BEGIN.usec + S.now };
                        if (t->start)
                                t->start = 0;
                        else
                                n--;
                } else {
                        return;
                }
        }
}

/* Jobs with an instant every `n` milliseconds each, one after the other. */
static void load(size_t n, bool enabled)
{
        struct engine_options opt = { .max_running = 1000, .max_starting = 16, .clock_wait_usec = USEC_PER_MINUTE, .next_run = 1, .next_job = 1, .next_seq = 1 };
        struct job **jobs = calloc(n, sizeof(*jobs));

        S.seq = S.starts = 0;
        S.now = 0;
        if (!jobs || engine_new(&opt, &S.e) < 0)
                abort();
        step((struct event){ .type = EVENT_LOADED });
        for (size_t i = 0; i < n; i++) {
                struct job *j = jobs[i] = job_new();
                char name[32];

                snprintf(name, sizeof(name), "job-%07zu", i);
                j->name = strdup(name);
                j->entries = calloc(1, sizeof(*j->entries));
                j->entries[0] = (struct calendar){ .kind = CALENDAR_EVERY, .interval = true, .value_usec = (int64_t)n * USEC_PER_MSEC };
                j->n_entries = 1;
                j->policy->start = (struct wall){ BEGIN.usec + (int64_t)(i + 1) * USEC_PER_MSEC };
                j->policy->enabled = enabled;
                j->policy->concurrency = CONCURRENCY_ALLOW;
        }
        step((struct event){ .type = EVENT_CONFIG, .config = { .put = jobs, .n_put = n } });
        for (size_t i = 0; i < n; i++)
                job_unref(jobs[i]);
        free(jobs);
}

static void unload(void)
{
        S.e = engine_free(S.e);
        actions_done(&S.a);
}

/* ns a firing. */
static double fire(size_t n, bool enabled)
{
        double ns[FIRINGS];

        load(n, enabled);
        for (int i = 0; i < FIRINGS; i++) {
                empty_caches();
                S.now += USEC_PER_MSEC;
                ns[i] = now_ns();
                step((struct event){ .type = EVENT_TICK });
                ns[i] = now_ns() - ns[i];
        }
        if (enabled ? S.starts != FIRINGS : S.seq < FIRINGS) {
                fprintf(stderr, "bench-engine: %llu starts, %llu units of rows\n", (unsigned long long)S.starts, (unsigned long long)S.seq);
                exit(1);
        }
        return median(ns);
}

struct item {
        int64_t at;
        size_t index;
};

static double fire_heap(size_t n)
{
        struct heap h = { .offset = offsetof(struct item, index) };
        struct item *v = calloc(n, sizeof(*v));
        double ns[FIRINGS];

        if (!v)
                abort();
        for (size_t i = 0; i < n; i++) {
                v[i] = (struct item){ (int64_t)i, HEAP_NONE };
                if (!heap_put(&h, v[i].at, &v[i]))
                        abort();
        }
        for (int i = 0; i < FIRINGS; i++) {
                struct item *top;

                empty_caches();
                ns[i] = now_ns();
                top = heap_top(&h);
                if (!top)
                        abort();
                top->at += (int64_t)n;
                heap_put(&h, top->at, top);
                ns[i] = now_ns() - ns[i];
        }
        heap_done(&h);
        free(v);
        return median(ns);
}

static double set_back(void)
{
        double begin = now_ns();
        /* The boot clock goes on. */
        struct event ev = { .type = EVENT_TICK, .wall = { BEGIN.usec + S.now - 4 * USEC_PER_HOUR }, .mono = { USEC_PER_DAY + S.now } };

        engine_step(S.e, &ev, &S.a);
        return (now_ns() - begin) / 1e6;
}

int main(int argc, char **argv)
{
        static const char *const sizes[] = { "1000", "10000", "100000", "1000000" };
        const char *const *v = argc > 1 ? (const char *const *)argv + 1 : sizes;
        size_t n_sizes = argc > 1 ? (size_t)argc - 1 : ARRAY_SIZE(sizes);

        for (size_t i = 0; i < n_sizes; i++) {
                size_t n = strtoul(v[i], NULL, 10);
                double due, run, set, heap;

                if (n < 1000 || n % 1000) {
                        fprintf(stderr, "usage: bench-engine [JOBS...], each some thousands\n");
                        return 2;
                }
                due = fire(n, false);
                unload();
                run = fire(n, true);
                set = set_back();
                unload();
                heap = fire_heap(n);
                printf("%zu jobs: due %.0f ns, run %.0f ns, set %.2f ms, heap %.0f ns\n", n, due, run, set, heap);
                fflush(stdout);
        }
        return 0;
}
