/* Inside calendar/: the fields of an expression, told once.  Pure. */
#pragma once
#include <stdint.h>

enum field {
        FIELD_SECOND,
        FIELD_MINUTE,
        FIELD_HOUR,
        FIELD_DOM,
        FIELD_MONTH,
        FIELD_DOW,
        FIELD_NR,
};

struct field_rule {
        const char *name;
        unsigned min, max;
        unsigned hash_max; /* the largest value that `H` alone draws: one that every month, every week has */
        const char *names; /* of three letters, one blank between them; the first is `min`'s; or NULL */
};

extern const struct field_rule field_rules[FIELD_NR];
