/* Rows to SQL: one transaction for the units that it is given. */
#include "store/txn.h"

#include <errno.h>

enum txn_statement {
        ST_BEGIN, ST_COMMIT, ST_ROLLBACK,
        ST_JOB_UPDATE, ST_JOB_PUT,
        ST_RUN_OLD, ST_RUN_UPDATE, ST_RUN_PUT,
        ST_TRANSITION,
        ST_DEFINITION, ST_SUPERSEDE, ST_OWNER,
        ST_FILE_PUT, ST_FILE_FORGET,
        ST_META, ST_COUNT, ST_BOOT,
        ST_NR = TXN_STATEMENTS
};

/* ---- statements */

/* "UPDATE run SET a = ?3, … WHERE id = ?1 AND job = ?2": nothing that is in an index but the state. */
static char *sql_update(const char *table, const struct column *c, size_t n)
{
        sqlite3_str *s = sqlite3_str_new(NULL);

        sqlite3_str_appendf(s, "UPDATE %s SET ", table);
        for (size_t i = 2; i < n; i++)
                sqlite3_str_appendf(s, "%s\"%w\" = ?%d", i > 2 ? ", " : "", c[i].name, (int)i + 1);
        sqlite3_str_appendf(s, " WHERE \"%w\" = ?1 AND \"%w\" = ?2", c[0].name, c[1].name);
        return sqlite3_str_finish(s);
}

static char *sql_put(const char *table, const struct column *c, size_t n)
{
        sqlite3_str *s = sqlite3_str_new(NULL);

        sqlite3_str_appendf(s, "INSERT INTO %s (", table);
        for (size_t i = 0; i < n; i++)
                sqlite3_str_appendf(s, "%s\"%w\"", i > 0 ? ", " : "", c[i].name);
        sqlite3_str_appendall(s, ") VALUES (");
        for (size_t i = 0; i < n; i++)
                sqlite3_str_appendf(s, "%s?%d", i > 0 ? ", " : "", (int)i + 1);
        sqlite3_str_appendall(s, ") ON CONFLICT (id) DO UPDATE SET ");
        for (size_t i = 1; i < n; i++)
                sqlite3_str_appendf(s, "%s\"%w\" = excluded.\"%w\"", i > 1 ? ", " : "", c[i].name, c[i].name);
        return sqlite3_str_finish(s);
}

static const char *const fixed_sql[ST_NR] = {
        [ST_BEGIN] = "BEGIN IMMEDIATE",
        [ST_COMMIT] = "COMMIT",
        [ST_ROLLBACK] = "ROLLBACK",
        [ST_RUN_OLD] = "SELECT state, max(output_bytes - dropped_bytes, 0), job FROM run WHERE id = ?",
        [ST_TRANSITION] = "INSERT INTO transition (run, n, at, state, reason, start, wait_status, stage, error)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [ST_DEFINITION] =
                "INSERT INTO definition (digest, job, superseded, text)"
                " VALUES (?1, (SELECT id FROM job WHERE name = ?2), NULL, ?3)"
                " ON CONFLICT (digest) DO UPDATE SET job = excluded.job, superseded = NULL, text = excluded.text",
        [ST_SUPERSEDE] = "UPDATE definition SET superseded = ?3"
                         " WHERE job = (SELECT id FROM job WHERE name = ?2) AND digest <> ?1 AND superseded IS NULL",
        [ST_OWNER] = "UPDATE job SET owner = ?2 WHERE name = ?1 AND owner IS NOT ?2",
        [ST_FILE_PUT] =
                "INSERT INTO file (path, text, uid, mode) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (path) DO UPDATE SET text = excluded.text, uid = excluded.uid, mode = excluded.mode",
        [ST_FILE_FORGET] = "DELETE FROM file WHERE path = ?",
        [ST_BOOT] = "UPDATE meta SET boot = ?",
        [ST_META] = "UPDATE meta SET seq = ?, transition = ?, run = ?, job = ?",
        [ST_COUNT] = "UPDATE job SET runs = max(runs + ?2, 0), log_bytes = max(log_bytes + ?3, 0) WHERE id = ?1",
};

static void drop_statements(sqlite3_stmt **st)
{
        for (int i = 0; i < ST_NR; i++)
                st[i] = db_finalize(st[i]);
}

static int prepare_statements(sqlite3 *db, sqlite3_stmt **st, struct error *reterr)
{
        int r = 0;

        for (int i = 0; r == 0 && i < ST_NR; i++) {
                char *sql = NULL;

                if (i == ST_JOB_UPDATE)
                        sql = sql_update("job", job_columns, n_job_columns);
                else if (i == ST_JOB_PUT)
                        sql = sql_put("job", job_columns, n_job_columns);
                else if (i == ST_RUN_UPDATE)
                        sql = sql_update("run", run_columns, n_run_columns);
                else if (i == ST_RUN_PUT)
                        sql = sql_put("run", run_columns, n_run_columns);
                if (!sql && !fixed_sql[i])
                        r = error_set(reterr, -ENOMEM, ERROR_UNAVAILABLE, "out of memory");
                else
                        r = db_prepare(db, sql ? sql : fixed_sql[i], &st[i], reterr);
                sqlite3_free(sql);
        }
        if (r < 0)
                drop_statements(st);
        return r;
}

/* Steps a statement that gives no rows. */
static int run_statement(struct txn *t, enum txn_statement i, struct error *reterr)
{
        int r;

        /* SQLite forgets to keep it when a commit fails. */
        errno = 0;
        r = sqlite3_step(t->st[i]);
        if (r == SQLITE_DONE) {
                (void)sqlite3_reset(t->st[i]);
                return 0;
        }
        r = db_system_error(t->db, r, errno, "cannot write", reterr);
        (void)sqlite3_reset(t->st[i]);
        return r;
}

static int bind_failed(struct txn *t, struct error *reterr)
{
        return db_error(t->db, SQLITE_NOMEM, "cannot write", reterr);
}

/* ---- rows */

/* The row's update, and its insert where there is none yet. */
static int put_columns(struct txn *t, enum txn_statement update, enum txn_statement insert, bool is_new,
                       const struct column *c, size_t n, const void *base, struct error *reterr)
{
        const struct words *words = t->words;
        int r;

        if (!is_new) {
                if (columns_bind(t->st[update], 1, words, c, n, base) != SQLITE_OK)
                        return bind_failed(t, reterr);
                r = run_statement(t, update, reterr);
                if (r < 0 || sqlite3_changes(t->db) > 0)
                        return r;
        }
        if (columns_bind(t->st[insert], 1, words, c, n, base) != SQLITE_OK)
                return bind_failed(t, reterr);
        return run_statement(t, insert, reterr);
}

static int note_change(struct txn *t, uint64_t job, int64_t runs, int64_t log_bytes)
{
        if (t->n_changes == t->changes_allocated) {
                size_t n = MAX(2 * t->changes_allocated, (size_t)256);
                struct txn_change *v = reallocarray(t->changes, n, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                t->changes = v;
                t->changes_allocated = n;
        }
        t->changes[t->n_changes++] = (struct txn_change){ .job = job, .runs = runs, .log_bytes = log_bytes };
        return 0;
}

static int64_t kept_output(const struct run_info *r)
{
        int64_t n = (int64_t)r->usage.output_bytes - (int64_t)r->usage.dropped_bytes;

        return MAX(n, INT64_C(0));
}

/* Counts a finished run, and takes back what was counted for it before. */
static int count_run(struct txn *t, const struct run_info *run, struct error *reterr)
{
        sqlite3_stmt *st = t->st[ST_RUN_OLD];
        int r, failed = 0;

        (void)sqlite3_bind_int64(st, 1, (int64_t)run->id);
        r = sqlite3_step(st);
        if (r == SQLITE_ROW && sqlite3_column_int(st, 0) >= CODE_FIRST_END)
                failed = note_change(t, (uint64_t)sqlite3_column_int64(st, 2), -1, -sqlite3_column_int64(st, 1));
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                failed = db_error(t->db, r, "cannot write", reterr);
        (void)sqlite3_reset(st);
        if (failed == 0)
                failed = note_change(t, run->job_id, 1, kept_output(run));
        return failed < 0 ? error_set(reterr, failed, ERROR_UNAVAILABLE, "out of memory") : 0;
}

static int put_run(struct txn *t, const struct run_info *run, bool is_new, struct error *reterr)
{
        if (run_state_ends(run->state)) {
                int r = count_run(t, run, reterr);

                if (r < 0)
                        return r;
        }
        return put_columns(t, ST_RUN_UPDATE, ST_RUN_PUT, is_new, run_columns, n_run_columns, run, reterr);
}

static int put_transition(struct txn *t, const struct record *rec, struct error *reterr)
{
        sqlite3_stmt *st = t->st[ST_TRANSITION];

        (void)sqlite3_bind_int64(st, 1, (int64_t)rec->transition.run);
        (void)sqlite3_bind_int64(st, 2, (int64_t)++t->now.transition);
        (void)columns_bind(st, 3, t->words, transition_columns, n_transition_columns, &rec->transition.t);
        return run_statement(t, ST_TRANSITION, reterr);
}

static int bind_definition(sqlite3_stmt *st, const struct record_definition *d)
{
        int r = sqlite3_bind_blob(st, 1, d->digest, sizeof(d->digest), SQLITE_STATIC);

        return r != SQLITE_OK ? r : sqlite3_bind_text(st, 2, d->job, -1, SQLITE_STATIC);
}

static int put_definition(struct txn *t, const struct record_definition *d, struct error *reterr)
{
        sqlite3_stmt *st = t->st[ST_DEFINITION];
        int r;

        if (bind_definition(st, d) != SQLITE_OK ||
            sqlite3_bind_blob(st, 3, d->text, (int)d->size, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(t, reterr);
        r = run_statement(t, ST_DEFINITION, reterr);
        if (r < 0)
                return r;

        st = t->st[ST_SUPERSEDE];
        if (bind_definition(st, d) != SQLITE_OK || sqlite3_bind_int64(st, 3, (int64_t)t->now.run) != SQLITE_OK)
                return bind_failed(t, reterr);
        r = run_statement(t, ST_SUPERSEDE, reterr);
        if (r < 0)
                return r;

        st = t->st[ST_OWNER];
        if (sqlite3_bind_text(st, 1, d->job, -1, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(t, reterr);
        (void)(d->owner == UINT32_MAX ? sqlite3_bind_null(st, 2) : sqlite3_bind_int64(st, 2, d->owner));
        return run_statement(t, ST_OWNER, reterr);
}

static int put_file(struct txn *t, const struct file_row *f, struct error *reterr)
{
        enum txn_statement i = f->text ? ST_FILE_PUT : ST_FILE_FORGET;
        sqlite3_stmt *st = t->st[i];

        if (sqlite3_bind_text(st, 1, f->path, -1, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(t, reterr);
        if (f->text) {
                if (sqlite3_bind_blob(st, 2, f->text, (int)f->size, SQLITE_STATIC) != SQLITE_OK)
                        return bind_failed(t, reterr);
                (void)sqlite3_bind_int64(st, 3, f->uid);
                (void)sqlite3_bind_int64(st, 4, f->mode);
        }
        return run_statement(t, i, reterr);
}

static int put_boot(struct txn *t, const char *boot, struct error *reterr)
{
        if (sqlite3_bind_text(t->st[ST_BOOT], 1, boot, -1, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(t, reterr);
        return run_statement(t, ST_BOOT, reterr);
}

static int put_record(struct txn *t, struct record *rec, struct error *reterr)
{
        bool is_new;

        switch (rec->type) {
        case ROW_JOB:
                is_new = rec->job.id > t->now.job;
                t->now.job = MAX(t->now.job, rec->job.id);
                if (rec->superseded)
                        return 0;
                return put_columns(t, ST_JOB_UPDATE, ST_JOB_PUT, is_new, job_columns, n_job_columns, &rec->job, reterr);
        case ROW_RUN:
                t->now.run = MAX(t->now.run, rec->run.id);
                if (rec->superseded)
                        return 0;
                return put_run(t, &rec->run, rec->run.id > t->durable.run, reterr);
        case ROW_TRANSITION:
                return put_transition(t, rec, reterr);
        case ROW_DEFINITION:
                return put_definition(t, &rec->definition, reterr);
        case ROW_FILE:
                return put_file(t, &rec->file, reterr);
        case ROW_BOOT:
                return put_boot(t, rec->boot, reterr);
        case ROW_NR:
                break;
        }
        return 0;
}

/* ---- one transaction */

#define SEEN_SLOTS 4096u /* a power of two */

/* Of several rows of one run in a transaction only the last one needs writing; the same for jobs, but for new ones (up
 * to last_job they are not), which must be there before their definitions.  Those before it are marked.  A table that
 * forgets on a collision is good enough: a row too many does no harm. */
static void mark_superseded(struct unit *first, uint64_t last_job)
{
        struct record *seen[SEEN_SLOTS] = { 0 };

        for (struct unit *u = first; u; u = u->next)
                for (struct record *rec = u->first; rec; rec = rec->next) {
                        uint64_t id = rec->type == ROW_RUN ? rec->run.id : rec->job.id;
                        struct record **slot;

                        if (rec->type != ROW_RUN && (rec->type != ROW_JOB || id > last_job))
                                continue;
                        slot = &seen[(id * 2 + (rec->type == ROW_JOB)) % SEEN_SLOTS];
                        if (*slot && (*slot)->type == rec->type &&
                            (rec->type == ROW_RUN ? (*slot)->run.id : (*slot)->job.id) == id)
                                (*slot)->superseded = true;
                        *slot = rec;
                }
}

static int write_counts(struct txn *t, struct error *reterr)
{
        sqlite3_stmt *st = t->st[ST_COUNT];

        for (size_t i = 0; i < t->n_changes; i++) {
                int r;

                (void)sqlite3_bind_int64(st, 1, (int64_t)t->changes[i].job);
                (void)sqlite3_bind_int64(st, 2, t->changes[i].runs);
                (void)sqlite3_bind_int64(st, 3, t->changes[i].log_bytes);
                r = run_statement(t, ST_COUNT, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_meta(struct txn *t, uint64_t seq, struct error *reterr)
{
        sqlite3_stmt *st = t->st[ST_META];

        t->now.seq = seq;
        (void)sqlite3_bind_int64(st, 1, (int64_t)t->now.seq);
        (void)sqlite3_bind_int64(st, 2, (int64_t)t->now.transition);
        (void)sqlite3_bind_int64(st, 3, (int64_t)t->now.run);
        (void)sqlite3_bind_int64(st, 4, (int64_t)t->now.job);
        return run_statement(t, ST_META, reterr);
}

int txn_write(struct txn *t, struct unit *first, uint64_t seq, struct error *reterr)
{
        int r;

        t->now = t->durable;
        t->n_changes = 0;
        mark_superseded(first, t->durable.job);
        r = run_statement(t, ST_BEGIN, reterr);
        for (struct unit *u = first; r == 0 && u; u = u->next)
                for (struct record *rec = u->first; r == 0 && rec; rec = rec->next)
                        r = put_record(t, rec, reterr);
        if (r == 0)
                r = write_counts(t, reterr);
        if (r == 0)
                r = write_meta(t, seq, reterr);
        if (r == 0)
                r = run_statement(t, ST_COMMIT, reterr);
        if (r < 0) {
                if (!sqlite3_get_autocommit(t->db))
                        (void)run_statement(t, ST_ROLLBACK, NULL);
                return r;
        }
        t->durable = t->now;
        return 0;
}

/* ---- connection */

static int wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
        ((struct txn *)arg)->wal_pages = pages;
        return SQLITE_OK;
}

static int read_counters(sqlite3 *db, struct txn_counters *ret, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT seq, transition, run, job FROM meta", -1, &st, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_step(st);
        if (r == SQLITE_DONE)
                return error_set(reterr, -EBADMSG, ERROR_FAILED,
                                 "the state database is damaged (no counters); it is left as it is");
        if (r != SQLITE_ROW)
                return db_error(db, r, "cannot read", reterr);
        *ret = (struct txn_counters){
                .seq = (uint64_t)sqlite3_column_int64(st, 0), .transition = (uint64_t)sqlite3_column_int64(st, 1),
                .run = (uint64_t)sqlite3_column_int64(st, 2), .job = (uint64_t)sqlite3_column_int64(st, 3),
        };
        return 0;
}

int txn_take_db(struct txn *t, sqlite3 *db, struct error *reterr)
{
        sqlite3_stmt *st[ST_NR] = { 0 };
        struct txn_counters c = { 0 };
        int r;

        r = prepare_statements(db, st, reterr);
        if (r == 0)
                r = read_counters(db, &c, reterr);
        if (r == 0 && c.seq < t->durable.seq)
                r = error_set(reterr, -ESTALE, ERROR_FAILED,
                              "%s: the state database was replaced by an older one while it was in use",
                              sqlite3_db_filename(db, "main"));
        /* More than we know of: a transaction that was said to have failed was found in the log.  It counts once it
         * is in the database itself, written and synced anew. */
        if (r == 0 && t->db && c.seq > t->durable.seq) {
                int sql = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

                if (sql != SQLITE_OK)
                        r = db_error(db, sql, "cannot write", reterr);
        }
        if (r < 0) {
                drop_statements(st);
                return r;
        }
        drop_statements(t->st);
        db_close(t->db);
        t->db = db;
        memcpy(t->st, st, sizeof(st));
        t->durable = c;
        sqlite3_wal_hook(db, wal_grew, t);
        return 0;
}

void txn_done(struct txn *t)
{
        drop_statements(t->st);
        free(t->changes);
        t->changes = NULL;
        t->db = db_close(t->db);
}
