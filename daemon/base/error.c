#include "base/error.h"

#include <stdio.h>

int error_set(struct error *reterr, int r, enum error_code code, const char *fmt, ...)
{
        if (reterr && reterr->code == ERROR_NONE) {
                va_list ap;

                reterr->code = code;
                va_start(ap, fmt);
                (void)vsnprintf(reterr->message, sizeof(reterr->message), fmt, ap);
                va_end(ap);
        }
        return r;
}
