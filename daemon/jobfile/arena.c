#include "jobfile/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define CHUNK_SIZE ((size_t)16 * 1024) /* a usual file needs one */

struct arena_chunk {
        struct arena_chunk *next;
        _Alignas(max_align_t) char data[];
};

static bool add_chunk(struct arena *a, size_t size)
{
        struct arena_chunk *c;

        if (a->failed || size > SIZE_MAX / 2)
                goto fail;
        c = malloc(sizeof(*c) + size);
        if (!c)
                goto fail;
        c->next = a->chunks;
        a->chunks = c;
        a->at = c->data;
        a->left = size;
        return true;
fail:
        a->failed = true;
        return false;
}

static char *take(struct arena *a, size_t size, size_t align)
{
        size_t pad = -(uintptr_t)a->at & (align - 1); /* align is a power of two */
        char *p;

        if (a->left < pad || a->left - pad < size) {
                if (!add_chunk(a, MAX(size, (a->chunk ?: CHUNK_SIZE) - sizeof(struct arena_chunk))))
                        return NULL;
                pad = 0;
        }
        p = a->at + pad;
        a->at = p + size;
        a->left -= pad + size;
        return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
        char *p = take(a, size, sizeof(void *));

        return p ? memset(p, 0, size) : NULL;
}

char *arena_copy(struct arena *a, const void *data, size_t size)
{
        char *p = size < SIZE_MAX ? take(a, size + 1, 1) : NULL;

        if (!p)
                return NULL;
        if (size > 0)
                memcpy(p, data, size);
        p[size] = 0;
        return p;
}

void arena_done(struct arena *a)
{
        while (a->chunks) {
                struct arena_chunk *next = a->chunks->next;

                free(a->chunks);
                a->chunks = next;
        }
        *a = (struct arena){ .chunk = a->chunk };
}
