/* Test Anything Protocol for C tests, in one header.  A test program calls ok() and its kin, then
 * returns tap_done().  tap_failed() says whether anything failed so far. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failures;

static inline void __attribute__((format(printf, 1, 2))) diag(const char *fmt, ...)
{
        va_list ap;

        printf("# ");
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf("\n");
}

static inline bool __attribute__((format(printf, 4, 5)))
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
        va_list ap;

        printf("%sok %d - ", good ? "" : "not ", ++tap_count);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf("\n");
        if (!good) {
                tap_failures++;
                diag("failed at %s:%d", file, line);
        }
        fflush(stdout);
        return good;
}

/* ok(condition, format, ...): one test point. */
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

static inline bool tap_is_int(long long got, long long want, const char *file, int line, const char *name)
{
        bool good = tap_ok(got == want, file, line, "%s", name);

        if (!good)
                diag("got %lld, wanted %lld", got, want);
        return good;
}
#define is_int(got, want, name) tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, (name))

static inline bool tap_is_str(const char *got, const char *want, const char *file, int line, const char *name)
{
        bool good = got && want ? strcmp(got, want) == 0 : got == want;

        tap_ok(good, file, line, "%s", name);
        if (!good)
                diag("got \"%s\", wanted \"%s\"", got ? got : "(null)", want ? want : "(null)");
        return good;
}
#define is_str(got, want, name) tap_is_str((got), (want), __FILE__, __LINE__, (name))

static inline void tap_skip(const char *name, const char *why)
{
        printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why);
}

static inline int tap_failed(void)
{
        return tap_failures;
}

/* Prints the plan.  Returns main()'s exit status. */
static inline int tap_done(void)
{
        printf("1..%d\n", tap_count);
        return tap_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
