/* What the engine is restored from, before the threads start. */
#include <errno.h>

#include "store/internal.h"

int store_load_meta(struct store *s, struct store_meta *ret, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        struct store_meta m = { 0 };
        const char *boot;
        int r;

        /* Whatever the counters say, numbers of rows that are there are not given again. */
        r = sqlite3_prepare_v2(
                s->db,
                "SELECT max(run, coalesce((SELECT max(id) FROM run), 0)) + 1,"
                " max(job, coalesce((SELECT max(id) FROM job), 0)) + 1,"
                " seq + 1, seed, boot FROM meta",
                -1, &st, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_step(st);
        if (r == SQLITE_DONE)
                return error_set(reterr, -EBADMSG, ERROR_FAILED,
                                 "%s: the state database is damaged (no counters); it is left as it is", s->path);
        if (r != SQLITE_ROW)
                return db_error(s->db, r, "cannot read", reterr);
        m.next_run = (uint64_t)sqlite3_column_int64(st, 0);
        m.next_job = (uint64_t)sqlite3_column_int64(st, 1);
        m.next_seq = (uint64_t)sqlite3_column_int64(st, 2);
        m.seed = (uint64_t)sqlite3_column_int64(st, 3);
        boot = (const char *)sqlite3_column_text(st, 4);
        if (boot && strlen(boot) < sizeof(m.boot))
                strcpy(m.boot, boot);
        *ret = m;
        return 0;
}

static int bad_row(struct store *s, int r, const char *what, struct error *reterr)
{
        if (r == -ENOMEM)
                return error_set(reterr, r, ERROR_FAILED, "out of memory");
        return error_set(reterr, r, ERROR_FAILED, "%s: the state database is damaged (a %s's row); it is left as it is",
                         s->path, what);
}

int store_load_jobs(struct store *s, int (*fn)(void *arg, const struct job_state *), void *arg, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        sqlite3_str *sql = sqlite3_str_new(NULL);
        char *text;
        int r;

        sqlite3_str_appendall(sql, "SELECT ");
        for (size_t i = 0; i < n_job_columns; i++)
                sqlite3_str_appendf(sql, "%s\"%w\"", i > 0 ? ", " : "", job_columns[i].name);
        sqlite3_str_appendall(sql, " FROM job ORDER BY id");
        text = sqlite3_str_finish(sql);
        r = text ? sqlite3_prepare_v2(s->db, text, -1, &st, NULL) : SQLITE_NOMEM;
        sqlite3_free(text);
        if (r != SQLITE_OK)
                return db_error(s->db, r, "cannot read", reterr);

        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                struct job_state j;
                int e = columns_read(st, 0, &s->words, job_columns, n_job_columns, &j);

                if (e == 0 && (!j.name || j.id == 0))
                        e = -EBADMSG;
                if (e < 0)
                        return bad_row(s, e, "job", reterr);
                e = fn(arg, &j);
                if (e != 0)
                        return e;
        }
        return r == SQLITE_DONE ? 0 : db_error(s->db, r, "cannot read", reterr);
}

/* The definition of a run; its text is borrowed until `st` is reset. */
static int find_definition(struct store *s, sqlite3_stmt *st, const struct run_info *run, const char **ret,
                           size_t *ret_size, struct error *reterr)
{
        int r;

        *ret = NULL;
        *ret_size = 0;
        (void)sqlite3_bind_blob(st, 1, run->digest, sizeof(run->digest), SQLITE_STATIC);
        r = sqlite3_step(st);
        if (r == SQLITE_ROW) {
                *ret = sqlite3_column_blob(st, 0);
                *ret_size = (size_t)sqlite3_column_bytes(st, 0);
                if (!*ret)
                        *ret = "";
                return 0;
        }
        return r == SQLITE_DONE ? 0 : db_error(s->db, r, "cannot read", reterr);
}

int store_load_runs(struct store *s, int (*fn)(void *arg, const struct run_info *, const char *definition, size_t size),
                    void *arg, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL, *def = NULL;
        int r;

        r = prepare_runs(s->db, "INDEXED BY run_unfinished WHERE " SQL_UNFINISHED " ORDER BY run.id", &st, reterr);
        if (r < 0)
                return r;
        r = db_prepare(s->db, "SELECT text FROM definition WHERE digest = ?", &def, reterr);
        if (r < 0)
                return r;

        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                const char *definition;
                struct run_info run;
                size_t size;
                int e = read_run(st, &s->words, &run);

                if (e < 0)
                        return bad_row(s, e, "run", reterr);
                e = find_definition(s, def, &run, &definition, &size, reterr);
                if (e == 0)
                        e = fn(arg, &run, definition, size);
                (void)sqlite3_reset(def);
                if (e != 0)
                        return e;
        }
        return r == SQLITE_DONE ? 0 : db_error(s->db, r, "cannot read", reterr);
}

int store_load_files(struct store *s, int (*fn)(void *arg, const struct file_row *), void *arg, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(s->db, "SELECT path, text, uid, mode FROM file ORDER BY path", -1, &st, NULL);
        if (r != SQLITE_OK)
                return db_error(s->db, r, "cannot read", reterr);
        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                struct file_row f = {
                        .path = (const char *)sqlite3_column_text(st, 0), .text = sqlite3_column_blob(st, 1),
                        .size = (size_t)sqlite3_column_bytes(st, 1), .uid = (uint32_t)sqlite3_column_int64(st, 2),
                        .mode = (uint32_t)sqlite3_column_int64(st, 3),
                };
                int e;

                if (!f.path)
                        return bad_row(s, -EBADMSG, "file", reterr);
                if (!f.text)
                        f.text = ""; /* an empty file */
                e = fn(arg, &f);
                if (e != 0)
                        return e;
        }
        return r == SQLITE_DONE ? 0 : db_error(s->db, r, "cannot read", reterr);
}
