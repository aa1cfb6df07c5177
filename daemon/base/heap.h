/* A binary heap of pointers whose elements know their place, so that one can be moved or taken out in log n.
 * The element holds a `size_t` at a fixed offset: its index, or HEAP_NONE while it is in no heap.
 * Owns only its array.  Pure. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define HEAP_NONE SIZE_MAX

struct heap {
        void **v;
        size_t n, allocated;
        size_t offset;                             /* of the index in an element */
        bool (*before)(const void *a, const void *b); /* strict order */
};

static inline size_t *heap_index(const struct heap *h, void *e)
{
        return (size_t *)(void *)((char *)e + h->offset);
}

static inline void heap_place(struct heap *h, size_t i, void *e)
{
        h->v[i] = e;
        *heap_index(h, e) = i;
}

static inline void heap_up(struct heap *h, size_t i, void *e)
{
        while (i > 0) {
                size_t parent = (i - 1) / 2;

                if (!h->before(e, h->v[parent]))
                        break;
                heap_place(h, i, h->v[parent]);
                i = parent;
        }
        heap_place(h, i, e);
}

static inline void heap_down(struct heap *h, size_t i, void *e)
{
        for (;;) {
                size_t child = 2 * i + 1;

                if (child >= h->n)
                        break;
                if (child + 1 < h->n && h->before(h->v[child + 1], h->v[child]))
                        child++;
                if (!h->before(h->v[child], e))
                        break;
                heap_place(h, i, h->v[child]);
                i = child;
        }
        heap_place(h, i, e);
}

static inline void *heap_top(const struct heap *h)
{
        return h->n > 0 ? h->v[0] : NULL;
}

/* Makes room for `n` elements in all.  False: no memory. */
static inline bool heap_reserve(struct heap *h, size_t n)
{
        void **v;

        if (n <= h->allocated)
                return true;
        if (n < h->allocated + h->allocated / 2)
                n = h->allocated + h->allocated / 2;
        if (n < 16)
                n = 16;
        v = realloc(h->v, n * sizeof(*v));
        if (!v)
                return false;
        h->v = v;
        h->allocated = n;
        return true;
}

/* Takes out an element; nothing happens if it is in no heap. */
static inline void heap_remove(struct heap *h, void *e)
{
        size_t i = *heap_index(h, e);
        void *last;

        if (i == HEAP_NONE)
                return;
        assert(i < h->n && h->v[i] == e);
        *heap_index(h, e) = HEAP_NONE;
        last = h->v[--h->n];
        if (last == e)
                return;
        if (i > 0 && h->before(last, h->v[(i - 1) / 2]))
                heap_up(h, i, last);
        else
                heap_down(h, i, last);
}

/* Puts an element in, or to its new place after its key changed.  False: no memory (only when it was not in). */
static inline bool heap_put(struct heap *h, void *e)
{
        size_t i = *heap_index(h, e);

        if (i == HEAP_NONE) {
                if (!heap_reserve(h, h->n + 1))
                        return false;
                i = h->n++;
                heap_up(h, i, e);
                return true;
        }
        assert(i < h->n && h->v[i] == e);
        if (i > 0 && h->before(e, h->v[(i - 1) / 2]))
                heap_up(h, i, e);
        else
                heap_down(h, i, e);
        return true;
}

static inline void heap_done(struct heap *h)
{
        free(h->v);
        h->v = NULL;
        h->n = h->allocated = 0;
}
