/* A heap of elements by a number, the least first, whose elements know their place: one can be moved or taken out in log n.
 * The numbers stand in the heap itself and each place has four below it, so that with a million elements a move looks into few
 * of them.  Elements of equal numbers are told apart by `tie`.
 * An element holds a `size_t` at a fixed offset: its index, or HEAP_NONE while it is in no heap.
 * Owns only its array.  Pure. */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define HEAP_NONE SIZE_MAX
#define HEAP_WAYS 4

struct heap_place {
        int64_t key;
        void *element;
};

struct heap {
        struct heap_place *v;
        size_t n, allocated;
        size_t offset;                             /* of the index in an element */
        bool (*tie)(const void *a, const void *b); /* whether a comes before b, whose number is the same; NULL: no matter */
};

static inline size_t *heap_index(const struct heap *h, void *e)
{
        return (size_t *)(void *)((char *)e + h->offset);
}

static inline bool heap_before(const struct heap *h, struct heap_place a, struct heap_place b)
{
        if (a.key != b.key)
                return a.key < b.key;
        return h->tie && h->tie(a.element, b.element);
}

static inline void heap_set(struct heap *h, size_t i, struct heap_place p)
{
        h->v[i] = p;
        *heap_index(h, p.element) = i;
}

static inline void heap_up(struct heap *h, size_t i, struct heap_place p)
{
        while (i > 0) {
                size_t parent = (i - 1) / HEAP_WAYS;

                if (!heap_before(h, p, h->v[parent]))
                        break;
                heap_set(h, i, h->v[parent]);
                i = parent;
        }
        heap_set(h, i, p);
}

static inline void heap_down(struct heap *h, size_t i, struct heap_place p)
{
        for (;;) {
                size_t child = HEAP_WAYS * i + 1, end = child + HEAP_WAYS < h->n ? child + HEAP_WAYS : h->n, least = child;

                if (child >= h->n)
                        break;
                while (++child < end)
                        if (heap_before(h, h->v[child], h->v[least]))
                                least = child;
                if (!heap_before(h, h->v[least], p))
                        break;
                heap_set(h, i, h->v[least]);
                i = least;
        }
        heap_set(h, i, p);
}

/* To where it belongs, from place i, which is free. */
static inline void heap_settle(struct heap *h, size_t i, struct heap_place p)
{
        if (i > 0 && heap_before(h, p, h->v[(i - 1) / HEAP_WAYS]))
                heap_up(h, i, p);
        else
                heap_down(h, i, p);
}

static inline void *heap_top(const struct heap *h)
{
        return h->n > 0 ? h->v[0].element : NULL;
}

/* Makes room for `n` elements in all.  False: no memory. */
static inline bool heap_reserve(struct heap *h, size_t n)
{
        struct heap_place *v;

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
        struct heap_place last;

        if (i == HEAP_NONE)
                return;
        assert(i < h->n && h->v[i].element == e);
        *heap_index(h, e) = HEAP_NONE;
        last = h->v[--h->n];
        if (last.element != e)
                heap_settle(h, i, last);
}

/* Puts an element in, or to its new place if it is in.  False: no memory (only when it was not in). */
static inline bool heap_put(struct heap *h, int64_t key, void *e)
{
        struct heap_place p = { key, e };
        size_t i = *heap_index(h, e);

        if (i == HEAP_NONE) {
                if (!heap_reserve(h, h->n + 1))
                        return false;
                heap_up(h, h->n++, p);
                return true;
        }
        assert(i < h->n && h->v[i].element == e);
        heap_settle(h, i, p);
        return true;
}

static inline void heap_done(struct heap *h)
{
        free(h->v);
        h->v = NULL;
        h->n = h->allocated = 0;
}
