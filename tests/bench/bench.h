/* What the bench programs share: a clock, what children used, and the middle of many numbers. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static inline int64_t now_ns(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* CPU seconds of the children that were waited for. */
static inline double children_cpu(void)
{
        struct rusage u = { 0 };

        (void)getrusage(RUSAGE_CHILDREN, &u);
        return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static inline int compare_int64(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return x < y ? -1 : x > y;
}

/* Sorts v; the value that `part` (0 … 1) of them do not exceed. */
static inline int64_t quantile(int64_t *v, size_t n, double part)
{
        size_t i = (size_t)((double)n * part);

        qsort(v, n, sizeof(*v), compare_int64);
        return v[i < n ? i : n - 1];
}
