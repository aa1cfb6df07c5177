/* Tables through libsmartcols.  On a terminal they fit its width; elsewhere nothing is cut, wrapped or coloured. */
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

#include "print.h"

struct table {
        struct libscols_table *scols;
        struct libscols_line *line;
        bool color;
};

static void die(void)
{
        (void)xrealloc(NULL, SIZE_MAX / 2); /* ends jobctl */
}

struct table *table_new(const struct cli *c, const struct column *const *columns, size_t n_columns)
{
        struct table *t = xmalloc(sizeof(*t));

        *t = (struct table){ .color = c->color };
        t->scols = scols_new_table();
        if (!t->scols)
                die();
        (void)scols_table_enable_colors(t->scols, c->color);
        (void)scols_table_enable_nowrap(t->scols, 1);
        (void)scols_table_enable_minout(t->scols, 1);
        (void)scols_table_set_termforce(t->scols, c->stdout_tty ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
        (void)scols_table_set_column_separator(t->scols, "  ");
        for (size_t i = 0; i < n_columns; i++) {
                unsigned f = columns[i]->flags;
                int flags = (f & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0) | (c->stdout_tty && (f & COLUMN_CUT) ? SCOLS_FL_TRUNC : 0);

                if (!scols_table_new_column(t->scols, columns[i]->name, f & COLUMN_CUT && c->stdout_tty ? 0.1 : 0, flags))
                        die();
        }
        return t;
}

void table_add(struct table *t, size_t column, const char *cell, const char *color)
{
        struct libscols_cell *ce;

        if (!t->line)
                t->line = scols_table_new_line(t->scols, NULL);
        if (!t->line || scols_line_set_data(t->line, column, cell && *cell ? cell : "-") < 0)
                die();
        ce = scols_line_get_cell(t->line, column);
        if (color && t->color && ce)
                (void)scols_cell_set_color(ce, color);
}

void table_line(struct table *t)
{
        t->line = NULL;
}

void table_print(struct table *t)
{
        (void)fflush(stdout);
        (void)scols_print_table(t->scols);
}

struct table *table_free(struct table *t)
{
        if (!t)
                return NULL;
        scols_unref_table(t->scols);
        free(t);
        return NULL;
}
