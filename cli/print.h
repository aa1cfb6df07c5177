/* Output in its seven forms.  A list is told by a table of columns; items come one at a time and are printed as they
 * come where the form allows it (json, jsonl, yaml, csv, name), so a long history is never held in memory but for a
 * table.
 *
 * For people (table, wide): cells are escaped, times local, on a terminal relative where that reads better; empty cells
 * are `-`. Column headings and CSV names are stable.  For machines: RFC 3339 with offset, seconds, bytes, as the daemon
 * sent them. */
#pragma once
#include "cli.h"

enum cell {
        CELL_TEXT,     /* a string, a number, or a list of strings */
        CELL_TIME,     /* local date and time */
        CELL_WHEN,     /* the same, on a terminal relative */
        CELL_DURATION, /* seconds */
        CELL_BYTES,
        CELL_STATE,    /* coloured by a run's or job's state */
};

enum column_flag {
        COLUMN_WIDE = 1,    /* only in wide (and csv) */
        COLUMN_CSV = 2,     /* only in csv */
        COLUMN_HUMAN = 4,   /* not in csv */
        COLUMN_RIGHT = 8,   /* numbers */
        COLUMN_CUT = 16,    /* may be cut to fit the terminal */
};

struct column {
        const char *name; /* heading */
        const char *key;  /* path in the item, and the name in csv */
        enum cell cell;
        unsigned flags;
        /* Composes the cell for people from the whole item; NULL: by `cell` from `key`. */
        void (*compose)(struct cli *c, const json_t *item, struct strbuf *ret);
};

struct list {
        const char *key;       /* of the array in the document */
        const char *name_key;  /* what `-o name` prints of an item */
        const struct column *columns;
        size_t n_columns;
};

struct printer;

struct printer *printer_new(struct cli *c, const struct list *list);
void printer_item(struct printer *p, const json_t *item);
/* `extra` (NULL: nothing) are further members of the document, and their order is kept. */
void printer_end(struct printer *p, const json_t *extra);
size_t printer_count(const struct printer *p); /* items so far */
/* After a failure in the middle: what was begun is left as it is. */
struct printer *printer_free(struct printer *p);
DEFINE_CLEANUP(struct printer *, printer_free);

/* Prints an object as one document (json, jsonl, yaml); "schema_version" and "host" come first.  For csv: its scalars
 * as key,value lines.  Returns false for the forms that are for people, which the caller makes. */
bool print_object(const struct cli *c, const json_t *object);

/* The same, for commands where a list of names is what `-o name` means: prints o[key], one a line. */
void print_names(const json_t *array);

/* A value as YAML at this depth; and as one CSV field or name. */
void strbuf_add_yaml(struct strbuf *t, const json_t *value, unsigned depth);
void strbuf_add_plain(struct strbuf *t, const json_t *value);

/* Pieces of text for people. */
void strbuf_add_local(struct strbuf *t, struct cli *c, struct wall at);
void strbuf_add_when(struct strbuf *t, struct cli *c, struct wall at); /* relative on a terminal, else local */
void strbuf_add_outside(struct strbuf *t, const char *s);              /* escaped */
/* "failed (exit 2)", "skipped (paused)", "running". */
void strbuf_add_state(struct strbuf *t, const json_t *run);
/* Wraps in the colour of a state where colours are on. */
void strbuf_add_colored(struct strbuf *t, const struct cli *c, const char *state, const char *text);

/* A table of ready cells, added line by line (NULL or empty: `-`), printed at the end. */
struct grid;
struct grid *grid_new(const struct cli *c, const struct column *const *columns, size_t n_columns);
void grid_add(struct grid *t, const char *cell, const char *color);
void grid_print(struct grid *t);
struct grid *grid_free(struct grid *t);
/* The colour of a state, as libsmartcols names it, or NULL. */
const char *state_color(const char *state);
