/* Memory that is given back all at once: what reading one file needs.  Pure. A failed allocation is remembered in
 * `failed`, so that the reader may go on to a convenient place before it says -ENOMEM. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
        struct arena_chunk *chunks; /* the newest first */
        char *at;
        size_t left;
        bool failed;
        size_t chunk; /* bytes of a chunk; 0: 16 KiB, which is right for reading one file */
};

/* Zeroed memory, aligned for anything; NULL: no memory. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of `size` bytes, and a NUL behind it. */
char *arena_copy(struct arena *a, const void *data, size_t size);
void arena_done(struct arena *a);
