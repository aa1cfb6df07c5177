/* Small things that every folder uses: cleanup on scope exit, handing over ownership, sizes.  Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CLAMP(v, lo, hi) ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))

/* _cleanup_(foo_freep) struct foo *f = NULL;  -- freed when f goes out of scope, unless TAKE_PTR(f). */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Hands a pointer over and leaves NULL behind. */
#define TAKE_PTR(p)                   \
        ({                            \
                typeof(p) _p = (p);   \
                (p) = NULL;           \
                _p;                   \
        })

/* The same for a descriptor: leaves -1. */
#define TAKE_FD(fd)                 \
        ({                          \
                int _fd = (fd);     \
                (fd) = -1;          \
                _fd;                \
        })

/* DEFINE_CLEANUP(type, fn): makes fn##p(), for _cleanup_.  fn takes NULL. */
#define DEFINE_CLEANUP(type, fn)                    \
        static inline void fn##p(type *p)           \
        {                                           \
                if (*p)                             \
                        fn(*p);                     \
        }                                           \
        struct fn##_cleanup_needs_semicolon

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/* Equality where either may be NULL. */
static inline bool streq_ptr(const char *a, const char *b)
{
        return a && b ? streq(a, b) : a == b;
}
