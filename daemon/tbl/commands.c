#include "tbl/commands.h"

#include <string.h>

#include "base/util.h"

static const struct {
        const char *name, *help;
        enum right right;
        bool changes;
} methods[METHOD_NR] = {
#define X(e, n, r, c, handler, h) [e] = { .name = n, .help = h, .right = r, .changes = c },
        TBL_METHODS(X)
#undef X
};

/* Rows of one method stand together, in the order of the methods: the test sees to it. */
static const struct method_param params[] = {
#define X(m, n, t, r, h) { .method = m, .name = n, .type = t, .required = r, .help = h },
        TBL_METHOD_PARAMS(X)
#undef X
};

const char *method_name(enum method m)
{
        return methods[m].name;
}

enum right method_right(enum method m)
{
        return methods[m].right;
}

bool method_changes(enum method m)
{
        return methods[m].changes;
}

const char *method_help(enum method m)
{
        return methods[m].help;
}

enum method method_from_name(const char *name)
{
        for (unsigned i = 0; i < METHOD_NR; i++)
                if (streq(methods[i].name, name))
                        return (enum method)i;
        return METHOD_NR;
}

const struct method_param *method_params(enum method m, size_t *ret_n)
{
        size_t first = 0, n = 0;

        while (first < ARRAY_SIZE(params) && params[first].method != m)
                first++;
        while (first + n < ARRAY_SIZE(params) && params[first + n].method == m)
                n++;
        *ret_n = n;
        return n > 0 ? &params[first] : NULL;
}

const char *right_name(enum right r)
{
        static const char *const names[RIGHT_NR] = { "see", "read", "act", "admin" };

        return names[r];
}

const char *param_type_name(enum param_type t)
{
        static const char *const names[PARAM_TYPE_NR] = {
                [PARAM_BOOL] = "boolean",
                [PARAM_NUMBER] = "number, 0 or more",
                [PARAM_COUNT] = "whole number, 1 or more",
                [PARAM_RUN] = "run number",
                [PARAM_STRING] = "string",
                [PARAM_TIME] = "time (RFC 3339)",
                [PARAM_STRINGS] = "list of strings",
                [PARAM_RUNS] = "list of run numbers",
                [PARAM_MAP] = "object of strings",
        };

        return names[t];
}
