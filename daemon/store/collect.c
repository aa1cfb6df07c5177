/* Runs from the database to lists whose strings lie behind them in the same allocation. */
#include <errno.h>

#include "store/internal.h"

void collector_done(struct collector *c)
{
        free(c->v);
        free(c->text);
        *c = (struct collector){ 0 };
}

static int add_text(struct collector *c, const char *text, size_t *ret_at)
{
        size_t size;

        if (!text) {
                *ret_at = 0;
                return 0;
        }
        size = strlen(text) + 1;
        if (c->text_allocated - c->text_size < size) {
                size_t n = MAX(2 * c->text_allocated, c->text_size + size + 1024);
                char *p = realloc(c->text, n);

                if (!p)
                        return -ENOMEM;
                c->text = p;
                c->text_allocated = n;
        }
        memcpy(c->text + c->text_size, text, size);
        *ret_at = c->text_size + 1;
        c->text_size += size;
        return 0;
}

int collector_add(struct collector *c, const struct run_info *run)
{
        size_t job, user;

        if (c->n == c->allocated) {
                size_t n = MAX(2 * c->allocated, (size_t)16);
                struct run_info *v = reallocarray(c->v, n, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                c->v = v;
                c->allocated = n;
        }
        if (c->job_at == 0 || c->job_id != run->job_id || !run->job) {
                if (add_text(c, run->job, &job) < 0)
                        return -ENOMEM;
                c->job_at = job;
                c->job_id = run->job_id;
        }
        if (add_text(c, run->user, &user) < 0)
                return -ENOMEM;
        c->v[c->n] = *run;
        c->v[c->n].job = (const char *)(uintptr_t)c->job_at;
        c->v[c->n].user = (const char *)(uintptr_t)user;
        c->n++;
        return 0;
}

/* One allocation with the array first; the collector is emptied. */
int collector_finish(struct collector *c, size_t n, struct run_info **ret)
{
        struct run_info *v = malloc(MAX(n * sizeof(*v) + c->text_size, (size_t)1));
        char *text = (char *)(v + n);

        if (!v)
                return -ENOMEM;
        if (n > 0)
                memcpy(v, c->v, n * sizeof(*v));
        if (c->text_size > 0)
                memcpy(text, c->text, c->text_size);
        for (size_t i = 0; i < n; i++) {
                uintptr_t job = (uintptr_t)v[i].job, user = (uintptr_t)v[i].user;

                v[i].job = job > 0 ? text + job - 1 : NULL;
                v[i].user = user > 0 ? text + user - 1 : NULL;
        }
        collector_done(c);
        *ret = v;
        return 0;
}

void run_list_free(struct run_list *l)
{
        if (!l)
                return;
        free(l->v);
        free(l);
}

/* ---- statements */

char *sql_select_runs(const char *rest)
{
        sqlite3_str *s = sqlite3_str_new(NULL);

        sqlite3_str_appendall(s, "SELECT ");
        for (size_t i = 0; i < n_run_columns; i++)
                sqlite3_str_appendf(s, "run.\"%w\", ", run_columns[i].name);
        sqlite3_str_appendf(s, "(SELECT name FROM job WHERE id = run.job) FROM run %s", rest);
        return sqlite3_str_finish(s);
}

int read_run(sqlite3_stmt *st, const struct words *w, struct run_info *ret)
{
        int r = columns_read(st, 0, w, run_columns, n_run_columns, ret);

        if (r < 0)
                return r;
        ret->job = (const char *)sqlite3_column_text(st, (int)n_run_columns);
        if (!ret->job)
                ret->job = ""; /* a run of an unknown job: somebody was at the database */
        return 0;
}

int prepare_runs(sqlite3 *db, const char *rest, sqlite3_stmt **ret, struct error *reterr)
{
        char *sql = sql_select_runs(rest);
        int r = sql ? sqlite3_prepare_v2(db, sql, -1, ret, NULL) : SQLITE_NOMEM;

        sqlite3_free(sql);
        return r == SQLITE_OK ? 0 : db_error(db, r, "cannot read", reterr);
}

int damaged_row(int r, struct error *reterr)
{
        if (r == -ENOMEM)
                return error_set(reterr, r, ERROR_UNAVAILABLE, "out of memory");
        return error_set(reterr, r, ERROR_FAILED, "the state database is damaged (a run's row)");
}

/* Steps through runs until there are `max`. */
int collect_runs(sqlite3 *db, sqlite3_stmt *st, const struct words *w, size_t max, struct collector *c,
                 struct error *reterr)
{
        int r = SQLITE_ROW;

        while (c->n < max && (r = sqlite3_step(st)) == SQLITE_ROW) {
                struct run_info run;
                int e = read_run(st, w, &run);

                if (e == 0)
                        e = collector_add(c, &run);
                if (e < 0)
                        return damaged_row(e, reterr);
        }
        return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : db_error(db, r, "cannot read", reterr);
}
