/* bench-instants N: so many jobs' instants of the year 2026 in order of time, by a plain heap of schedules: what any
 * simulation has to do at least.  Prints how many there were.  With --file: a job file of these jobs instead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/util.h"
#include "calendar/calendar.h"

struct item {
        struct calendar expression;
        struct wall next;
        size_t index;
};

/* Most are nightly, some weekly or monthly, a tenth hourly. */
static void expression(size_t i, char *buf, size_t size)
{
        unsigned minute = (unsigned)(i * 7919 % 60), hour = (unsigned)(i * 104729 % 24), kind = (unsigned)(i % 10);

        if (kind < 6)
                (void)snprintf(buf, size, "%u %u * * *", minute, hour);
        else if (kind < 8)
                (void)snprintf(buf, size, "%u %u * * %u", minute, hour, (unsigned)(i / 10 % 7));
        else if (kind < 9)
                (void)snprintf(buf, size, "%u %u 1 * *", minute, hour);
        else
                (void)snprintf(buf, size, "%u * * * *", minute);
}

static void write_file(size_t n)
{
        char text[64];

        (void)puts("defaults: {timezone: UTC}\njobs:");
        for (size_t i = 0; i < n; i++) {
                expression(i, text, sizeof(text));
                (void)printf("  job%zu: {schedule: \"%s\", command: \"true\"}\n", i, text);
        }
}

int main(int argc, char **argv)
{
        struct heap heap = { .offset = offsetof(struct item, index) };
        const struct wall to = WALL_SEC(1798761600); /* 2027 */
        size_t n = argc > 1 ? strtoul(argv[argc - 1], NULL, 10) : 0;
        struct item *v, *i;
        uint64_t count = 0;
        char text[64];

        if (n == 0 || argc > 3)
                return 2;
        if (argc == 3) {
                write_file(n);
                return 0;
        }
        v = calloc(n, sizeof(*v));
        if (!v)
                return 1;
        for (size_t k = 0; k < n; k++) {
                v[k].index = HEAP_NONE;
                expression(k, text, sizeof(text));
                if (calendar_parse(text, NULL, &v[k].expression, NULL) < 0 ||
                    calendar_next(&v[k].expression, tz_utc(), WALL_SEC(0), WALL_SEC(1767225599), &v[k].next) < 0 ||
                    !heap_put(&heap, v[k].next.usec, &v[k]))
                        return 1;
        }
        while ((i = heap_top(&heap)) && i->next.usec <= to.usec) {
                count++;
                if (calendar_next(&i->expression, tz_utc(), WALL_SEC(0), i->next, &i->next) < 0)
                        return 1;
                (void)heap_put(&heap, i->next.usec, i);
        }
        (void)printf("%llu\n", (unsigned long long)count);
        heap_done(&heap);
        free(v);
        return 0;
}
