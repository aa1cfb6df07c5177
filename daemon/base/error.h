/* An error that a person will read: a stable name (tbl/errors.h, it goes over the wire and maps to jobctl's
 * exit codes) and one sentence.  Functions that explain themselves take `struct error *reterr` last; NULL is
 * allowed, the return value (negative errno) says enough for code.  Owned by the caller, no memory behind it. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "tbl/errors.h"

struct error {
        enum error_code code; /* ERROR_NONE: nothing was set */
        char message[512];    /* one line, no line end */
};

#define ERROR_NULL ((struct error){ .code = ERROR_NONE })

/* Sets *reterr, if it is not NULL and not set before (the first cause wins).  Always returns `r`, so:
 * return error_set(reterr, -EINVAL, ERROR_INVALID, "no such day: %s", word). */
int error_set(struct error *reterr, int r, enum error_code code, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
