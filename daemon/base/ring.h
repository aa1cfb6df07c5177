/* Room in a ring: an array `v` of elements of `size` bytes, `n` of them from `head` on, wrapping round.  Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more at its end; the elements move to the front of a larger array.  False: no memory, nothing
 * has changed.  Amortised constant work. */
static inline bool ring_reserve(void *v_ptr, size_t *head, size_t n, size_t *allocated, size_t size)
{
        char *old, *v;
        size_t more = *allocated > 0 ? *allocated * 2 : 64, first;

        if (n < *allocated)
                return true;
        v = reallocarray(NULL, more, size);
        if (!v)
                return false;
        memcpy(&old, v_ptr, sizeof(old));
        first = *allocated - *head;
        if (n > 0) {
                memcpy(v, old + *head * size, first * size);
                memcpy(v + first * size, old, *head * size);
        }
        free(old);
        memcpy(v_ptr, &v, sizeof(v));
        *head = 0;
        *allocated = more;
        return true;
}
