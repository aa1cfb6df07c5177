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
        const char *names; /* of three letters, one blank between them; the first is `min`'s; or NULL */
};

extern const struct field_rule field_rules[FIELD_NR];
