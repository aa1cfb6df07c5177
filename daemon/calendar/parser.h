/* Inside calendar/: what the readers of an expression share.  parse.c reads expressions, macros and fields,
 * element.c one element of a field's list.  Pure. */
#pragma once
#include "calendar/calendar.h"
#include "calendar/fields.h"

struct parser {
        const char *text, *p;
        const char *end; /* of the field or argument at hand */
        const struct field_rule *rule;
        struct calendar *c; /* L, W and # go into its sets */
        const struct calendar_draw *draw;
        unsigned n_draws;     /* in this field, so far */
        unsigned longest_day; /* days of the longest month chosen: none after it is drawn */
        bool drew;
        struct calendar_error *reterr;
};

/* -EINVAL, with the message and the place of it set. */
int parser_fail(const struct parser *s, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A piece of the text for a message: short, and nothing in it that a terminal would obey. */
struct quote {
        char text[32];
};
struct quote parser_quote(const char *p, const char *end);

/* One element of the list at s->p: into *bits, or into the sets of s->c. */
int parser_read_element(struct parser *s, uint64_t *bits);

/* "unexpected `x`", in words that fit what follows an element. */
int parser_fail_after(const struct parser *s);
