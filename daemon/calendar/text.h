/* Inside calendar/: text into a caller's buffer, and what print.c and describe.c both ask of bit sets.  Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct text {
        char *buf;
        size_t size, length; /* length: of the whole text, as if there had been room */
};

/* Appends; what is too much is cut off, NUL-terminated. */
void calendar_text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* If `bits` (not 0) are a, a+n, a+2n, … z: n, and z in *ret_last; else, or for a single one, 0. */
unsigned bits_step(uint64_t bits, unsigned *ret_last);
