/* A growing text.  Pure.  What runs out of memory is remembered in `failed`; everything appended later is dropped. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct buf {
        char *v; /* NUL-terminated once anything was appended */
        size_t n, allocated;
        bool failed;
};

void buf_add(struct buf *b, const char *text, size_t size);
void buf_str(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As a JSON string, in quotes. */
void buf_json(struct buf *b, const char *text);
/* The text, to be freed by the caller; NULL if memory ran out.  The buffer is empty afterwards. */
char *buf_take(struct buf *b);

static inline void buf_done(struct buf *b)
{
        free(b->v);
        *b = (struct buf){ 0 };
}
