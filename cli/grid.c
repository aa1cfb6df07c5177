/* Tables through libsmartcols.  On a terminal they fit its width; elsewhere nothing is cut, wrapped or coloured.
 *
 * What has to be cut is cut here, and libsmartcols never has to: that of util-linux 2.38 does not come back from a
 * table that can't be made narrow enough. */
#include <langinfo.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "print.h"

#define SEPARATOR "  "
#define CUT_LEAST 6 /* columns that a cut cell keeps, and never less than its heading */

struct cell_data {
        char *text;
        const char *color;
};

struct grid {
        const struct cli *c;
        const struct column *columns[32];
        size_t n_columns;
        struct cell_data *cells; /* line by line */
        size_t n, allocated;
};

static void die(void)
{
        (void)xrealloc(NULL, SIZE_MAX / 2); /* ends jobctl */
}

struct grid *grid_new(const struct cli *c, const struct column *const *columns, size_t n_columns)
{
        struct grid *t = xmalloc(sizeof(*t));

        *t = (struct grid){ .c = c, .n_columns = MIN(n_columns, ARRAY_SIZE(t->columns)) };
        for (size_t i = 0; i < t->n_columns; i++)
                t->columns[i] = columns[i];
        return t;
}

void grid_add(struct grid *t, const char *cell, const char *color)
{
        if (t->n == t->allocated) {
                t->allocated = MAX((size_t)64, t->allocated * 2);
                t->cells = xrealloc(t->cells, t->allocated * sizeof(*t->cells));
        }
        t->cells[t->n++] = (struct cell_data){ .text = xstrdup(cell && *cell ? cell : "-"), .color = color };
}

/* The next character of s: its bytes, and its columns in *ret. */
static size_t char_width(const char *s, size_t *ret)
{
        wchar_t w;
        mbstate_t state = { 0 };
        size_t n = mbrtowc(&w, s, MB_CUR_MAX, &state);
        int width = n == (size_t)-1 || n == (size_t)-2 ? -1 : wcwidth(w);

        *ret = width < 0 ? 1 : (size_t)width;
        return n == (size_t)-1 || n == (size_t)-2 || n == 0 ? 1 : n;
}

static size_t text_width(const char *s)
{
        size_t sum = 0, w;

        while (*s) {
                s += char_width(s, &w);
                sum += w;
        }
        return sum;
}

/* Cuts to so many columns, the last of them "…". */
static void cut(char **text, size_t columns)
{
        const char *p = *text;
        struct strbuf t = { 0 };
        size_t used = 0, w, n;

        if (text_width(p) <= columns)
                return;
        while ((n = char_width(p, &w)), used + w < columns) {
                used += w;
                p += n;
        }
        strbuf_add_mem(&t, *text, (size_t)(p - *text));
        strbuf_add(&t, "…");
        free(*text);
        *text = t.s;
}

static size_t terminal_width(void)
{
        struct winsize w = { 0 };
        const char *columns = getenv("COLUMNS");

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
                return w.ws_col;
        return columns && atoi(columns) > 0 ? (size_t)atoi(columns) : 80;
}

/* The widest of the columns that may be cut gives way, until all fit or none can. */
static void fit(struct grid *t)
{
        size_t width[ARRAY_SIZE(t->columns)], sum = (t->n_columns - 1) * strlen(SEPARATOR), room = terminal_width();

        for (size_t i = 0; i < t->n_columns; i++)
                width[i] = strlen(t->columns[i]->name);
        for (size_t i = 0; i < t->n; i++)
                width[i % t->n_columns] = MAX(width[i % t->n_columns], text_width(t->cells[i].text));
        for (size_t i = 0; i < t->n_columns; i++)
                sum += width[i];
        while (sum > room) {
                size_t widest = SIZE_MAX;

                for (size_t i = 0; i < t->n_columns; i++)
                        if ((t->columns[i]->flags & COLUMN_CUT) &&
                            width[i] > MAX((size_t)CUT_LEAST, strlen(t->columns[i]->name)) &&
                            (widest == SIZE_MAX || width[i] > width[widest]))
                                widest = i;
                if (widest == SIZE_MAX)
                        break;
                width[widest]--;
                sum--;
        }
        for (size_t i = 0; i < t->n; i++)
                if (t->columns[i % t->n_columns]->flags & COLUMN_CUT)
                        cut(&t->cells[i].text, width[i % t->n_columns]);
}

static struct libscols_table *build(const struct grid *t)
{
        struct libscols_table *s = scols_new_table();

        if (!s)
                die();
        (void)scols_table_enable_colors(s, t->c->color);
        (void)scols_table_enable_noencoding(s, 1); /* cells come escaped */
        (void)scols_table_enable_minout(s, 1);
        (void)scols_table_set_termforce(s, SCOLS_TERMFORCE_NEVER);
        (void)scols_table_set_column_separator(s, SEPARATOR);
        for (size_t i = 0; i < t->n_columns; i++)
                if (!scols_table_new_column(s, t->columns[i]->name, 0,
                                            t->columns[i]->flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0))
                        die();
        return s;
}

void grid_print(struct grid *t)
{
        struct libscols_table *s;
        struct libscols_line *line = NULL;

        /* Widths of characters: in the user's locale, or at least as UTF-8. */
        if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
                (void)setlocale(LC_CTYPE, "C.UTF-8");
        if (t->c->stdout_tty)
                fit(t);
        s = build(t);
        for (size_t i = 0; i < t->n; i++) {
                size_t column = i % t->n_columns;

                if (column == 0)
                        line = scols_table_new_line(s, NULL);
                if (!line || scols_line_refer_data(line, column, TAKE_PTR(t->cells[i].text)) < 0)
                        die();
                if (t->cells[i].color && t->c->color)
                        (void)scols_cell_set_color(scols_line_get_cell(line, column), t->cells[i].color);
        }
        (void)fflush(stdout);
        (void)scols_print_table(s);
        scols_unref_table(s);
}

struct grid *grid_free(struct grid *t)
{
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n; i++)
                free(t->cells[i].text);
        free(t->cells);
        free(t);
        return NULL;
}
