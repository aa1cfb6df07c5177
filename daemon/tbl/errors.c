#include "tbl/errors.h"

#include <string.h>

static const struct {
        const char *name;
        int exit;
} rows[] = {
#define X(e, name, exit) [e] = { name, exit },
        TBL_ERRORS(X)
#undef X
};

const char *error_code_name(enum error_code code)
{
        return (unsigned)code < ERROR_NR ? rows[code].name : "failed";
}

enum error_code error_code_from_name(const char *name)
{
        for (int i = 0; i < ERROR_NR; i++)
                if (strcmp(rows[i].name, name) == 0)
                        return (enum error_code)i;
        return ERROR_FAILED;
}

int error_code_exit(enum error_code code)
{
        return (unsigned)code < ERROR_NR ? rows[code].exit : 1;
}
