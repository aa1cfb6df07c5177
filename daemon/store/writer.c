/* The writer's thread: takes what was submitted, writes it in one transaction, and says that it is durable.
 *
 * While a transaction is synced the next one gathers.  In a burst it may gather a little longer (store_options.gather_usec), as
 * syncs are what costs: a disk does a few hundred a second.
 *
 * When a write fails, the transaction is rolled back and the database opened anew (never: sync again and go on, as the kernel
 * may have thrown away what it could not write), then the same units are written again, in order, each second.  The new connection is
 * opened before the old one is closed, so that the log's index lives on and the failed transaction's frames, which may be
 * in the file, are overwritten and not taken for committed ones. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "store/internal.h"

enum statement {
        ST_BEGIN, ST_COMMIT, ST_ROLLBACK,
        ST_JOB_UPDATE, ST_JOB_PUT,
        ST_RUN_OLD, ST_RUN_UPDATE, ST_RUN_PUT,
        ST_TRANSITION,
        ST_DEFINITION, ST_SUPERSEDE, ST_OWNER,
        ST_FILE_PUT, ST_FILE_FORGET,
        ST_META, ST_COUNT, ST_BOOT,
        ST_NR
};

/* Counters of meta. */
struct counters {
        uint64_t seq, transition, run, job;
};

/* A job's finished runs changed. */
struct count_change {
        uint64_t job;
        int64_t runs, log_bytes;
};

struct writer {
        struct store *store;
        sqlite3 *db;
        sqlite3_stmt *st[ST_NR];
        struct prune *prune;
        struct counters durable, now;
        struct count_change *changes; /* of this transaction */
        size_t n_changes, changes_allocated;
        struct unit *taken, *taken_last; /* being written, or to be tried again */
        int64_t last_commit_usec;
        int64_t retry_usec;      /* failing: when to try again */
        bool failing, broken;    /* broken: open anew before the next try */
        int64_t prune_again;     /* pruning failed: not before this */
        int64_t last_slice_usec; /* of pruning */
        int wal_pages;           /* not yet moved into the database */
        int64_t checkpoint_again; /* a reader was in the way: not before this */
        uint64_t commits;
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
        [ST_DEFINITION] = "INSERT INTO definition (digest, job, superseded, text)"
                          " VALUES (?1, (SELECT id FROM job WHERE name = ?2), NULL, ?3)"
                          " ON CONFLICT (digest) DO UPDATE SET job = excluded.job, superseded = NULL, text = excluded.text",
        [ST_SUPERSEDE] = "UPDATE definition SET superseded = ?3"
                         " WHERE job = (SELECT id FROM job WHERE name = ?2) AND digest <> ?1 AND superseded IS NULL",
        [ST_OWNER] = "UPDATE job SET owner = ?2 WHERE name = ?1 AND owner IS NOT ?2",
        [ST_FILE_PUT] = "INSERT INTO file (path, text, uid, mode) VALUES (?, ?, ?, ?)"
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
static int run_statement(struct writer *w, enum statement i, struct error *reterr)
{
        int r = sqlite3_step(w->st[i]);

        if (r == SQLITE_DONE) {
                (void)sqlite3_reset(w->st[i]);
                return 0;
        }
        r = db_error(w->db, r, "cannot write", reterr);
        (void)sqlite3_reset(w->st[i]);
        return r;
}

static int bind_failed(struct writer *w, struct error *reterr)
{
        return db_error(w->db, SQLITE_NOMEM, "cannot write", reterr);
}

/* ---- rows */

/* The row's update, and its insert where there is none yet. */
static int put_columns(struct writer *w, enum statement update, enum statement insert, bool is_new, const struct column *c, size_t n,
                       const void *base, struct error *reterr)
{
        const struct words *words = &w->store->words;
        int r;

        if (!is_new) {
                if (columns_bind(w->st[update], 1, words, c, n, base) != SQLITE_OK)
                        return bind_failed(w, reterr);
                r = run_statement(w, update, reterr);
                if (r < 0 || sqlite3_changes(w->db) > 0)
                        return r;
        }
        if (columns_bind(w->st[insert], 1, words, c, n, base) != SQLITE_OK)
                return bind_failed(w, reterr);
        return run_statement(w, insert, reterr);
}

static int note_change(struct writer *w, uint64_t job, int64_t runs, int64_t log_bytes)
{
        if (w->n_changes == w->changes_allocated) {
                size_t n = MAX(2 * w->changes_allocated, (size_t)256);
                struct count_change *v = reallocarray(w->changes, n, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                w->changes = v;
                w->changes_allocated = n;
        }
        w->changes[w->n_changes++] = (struct count_change){ .job = job, .runs = runs, .log_bytes = log_bytes };
        return 0;
}

static int64_t kept_output(const struct run_info *r)
{
        int64_t n = (int64_t)r->usage.output_bytes - (int64_t)r->usage.dropped_bytes;

        return MAX(n, INT64_C(0));
}

/* Counts a finished run, and takes back what was counted for it before. */
static int count_run(struct writer *w, const struct run_info *run, struct error *reterr)
{
        sqlite3_stmt *st = w->st[ST_RUN_OLD];
        int r, failed = 0;

        (void)sqlite3_bind_int64(st, 1, (int64_t)run->id);
        r = sqlite3_step(st);
        if (r == SQLITE_ROW && sqlite3_column_int(st, 0) >= CODE_FIRST_END)
                failed = note_change(w, (uint64_t)sqlite3_column_int64(st, 2), -1, -sqlite3_column_int64(st, 1));
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                failed = db_error(w->db, r, "cannot write", reterr);
        (void)sqlite3_reset(st);
        if (failed == 0)
                failed = note_change(w, run->job_id, 1, kept_output(run));
        return failed < 0 ? error_set(reterr, failed, ERROR_UNAVAILABLE, "out of memory") : 0;
}

static int put_run(struct writer *w, const struct run_info *run, bool is_new, struct error *reterr)
{
        if (run_state_ends(run->state)) {
                int r = count_run(w, run, reterr);

                if (r < 0)
                        return r;
        }
        return put_columns(w, ST_RUN_UPDATE, ST_RUN_PUT, is_new, run_columns, n_run_columns, run, reterr);
}

static int put_transition(struct writer *w, const struct record *rec, struct error *reterr)
{
        sqlite3_stmt *st = w->st[ST_TRANSITION];

        (void)sqlite3_bind_int64(st, 1, (int64_t)rec->transition.run);
        (void)sqlite3_bind_int64(st, 2, (int64_t)++w->now.transition);
        (void)columns_bind(st, 3, &w->store->words, transition_columns, n_transition_columns, &rec->transition.t);
        return run_statement(w, ST_TRANSITION, reterr);
}

static int bind_definition(sqlite3_stmt *st, const struct record_definition *d)
{
        int r = sqlite3_bind_blob(st, 1, d->digest, sizeof(d->digest), SQLITE_STATIC);

        return r != SQLITE_OK ? r : sqlite3_bind_text(st, 2, d->job, -1, SQLITE_STATIC);
}

static int put_definition(struct writer *w, const struct record_definition *d, struct error *reterr)
{
        sqlite3_stmt *st = w->st[ST_DEFINITION];
        int r;

        if (bind_definition(st, d) != SQLITE_OK || sqlite3_bind_blob(st, 3, d->text, (int)d->size, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(w, reterr);
        r = run_statement(w, ST_DEFINITION, reterr);
        if (r < 0)
                return r;

        st = w->st[ST_SUPERSEDE];
        if (bind_definition(st, d) != SQLITE_OK || sqlite3_bind_int64(st, 3, (int64_t)w->now.run) != SQLITE_OK)
                return bind_failed(w, reterr);
        r = run_statement(w, ST_SUPERSEDE, reterr);
        if (r < 0)
                return r;

        st = w->st[ST_OWNER];
        if (sqlite3_bind_text(st, 1, d->job, -1, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(w, reterr);
        (void)(d->owner == UINT32_MAX ? sqlite3_bind_null(st, 2) : sqlite3_bind_int64(st, 2, d->owner));
        return run_statement(w, ST_OWNER, reterr);
}

static int put_file(struct writer *w, const struct file_row *f, struct error *reterr)
{
        enum statement i = f->text ? ST_FILE_PUT : ST_FILE_FORGET;
        sqlite3_stmt *st = w->st[i];

        if (sqlite3_bind_text(st, 1, f->path, -1, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(w, reterr);
        if (f->text) {
                if (sqlite3_bind_blob(st, 2, f->text, (int)f->size, SQLITE_STATIC) != SQLITE_OK)
                        return bind_failed(w, reterr);
                (void)sqlite3_bind_int64(st, 3, f->uid);
                (void)sqlite3_bind_int64(st, 4, f->mode);
        }
        return run_statement(w, i, reterr);
}

static int put_boot(struct writer *w, const char *boot, struct error *reterr)
{
        if (sqlite3_bind_text(w->st[ST_BOOT], 1, boot, -1, SQLITE_STATIC) != SQLITE_OK)
                return bind_failed(w, reterr);
        return run_statement(w, ST_BOOT, reterr);
}

static int put_record(struct writer *w, struct record *rec, struct error *reterr)
{
        bool is_new;

        switch (rec->type) {
        case ROW_JOB:
                is_new = rec->job.id > w->now.job;
                w->now.job = MAX(w->now.job, rec->job.id);
                if (rec->superseded)
                        return 0;
                return put_columns(w, ST_JOB_UPDATE, ST_JOB_PUT, is_new, job_columns, n_job_columns, &rec->job, reterr);
        case ROW_RUN:
                w->now.run = MAX(w->now.run, rec->run.id);
                if (rec->superseded)
                        return 0;
                return put_run(w, &rec->run, rec->run.id > w->durable.run, reterr);
        case ROW_TRANSITION:
                return put_transition(w, rec, reterr);
        case ROW_DEFINITION:
                return put_definition(w, &rec->definition, reterr);
        case ROW_FILE:
                return put_file(w, &rec->file, reterr);
        case ROW_BOOT:
                return put_boot(w, rec->boot, reterr);
        case ROW_NR:
                break;
        }
        return 0;
}

/* ---- one transaction */

#define SEEN_SLOTS 4096u /* a power of two */

/* Of several rows of one run in a transaction only the last one needs writing; the same for jobs.  Those before it are marked. A table
 * that forgets on a collision is good enough: a row too many does no harm. */
static void mark_superseded(struct writer *w)
{
        struct record *seen[SEEN_SLOTS] = { 0 };

        for (struct unit *u = w->taken; u; u = u->next)
                for (struct record *rec = u->first; rec; rec = rec->next) {
                        uint64_t id = rec->type == ROW_RUN ? rec->run.id : rec->job.id;
                        struct record **slot;

                        if (rec->type != ROW_RUN && rec->type != ROW_JOB)
                                continue;
                        slot = &seen[(id * 2 + (rec->type == ROW_JOB)) % SEEN_SLOTS];
                        if (*slot && (*slot)->type == rec->type && (rec->type == ROW_RUN ? (*slot)->run.id : (*slot)->job.id) == id)
                                (*slot)->superseded = true;
                        *slot = rec;
                }
}

static int write_counts(struct writer *w, struct error *reterr)
{
        sqlite3_stmt *st = w->st[ST_COUNT];

        for (size_t i = 0; i < w->n_changes; i++) {
                int r;

                (void)sqlite3_bind_int64(st, 1, (int64_t)w->changes[i].job);
                (void)sqlite3_bind_int64(st, 2, w->changes[i].runs);
                (void)sqlite3_bind_int64(st, 3, w->changes[i].log_bytes);
                r = run_statement(w, ST_COUNT, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_meta(struct writer *w, struct error *reterr)
{
        sqlite3_stmt *st = w->st[ST_META];

        w->now.seq = w->taken_last->seq;
        (void)sqlite3_bind_int64(st, 1, (int64_t)w->now.seq);
        (void)sqlite3_bind_int64(st, 2, (int64_t)w->now.transition);
        (void)sqlite3_bind_int64(st, 3, (int64_t)w->now.run);
        (void)sqlite3_bind_int64(st, 4, (int64_t)w->now.job);
        return run_statement(w, ST_META, reterr);
}

static int write_taken(struct writer *w, struct error *reterr)
{
        int r;

        w->now = w->durable;
        w->n_changes = 0;
        mark_superseded(w);
        r = run_statement(w, ST_BEGIN, reterr);
        for (struct unit *u = w->taken; r == 0 && u; u = u->next)
                for (struct record *rec = u->first; r == 0 && rec; rec = rec->next)
                        r = put_record(w, rec, reterr);
        if (r == 0)
                r = write_counts(w, reterr);
        if (r == 0)
                r = write_meta(w, reterr);
        if (r == 0)
                r = run_statement(w, ST_COMMIT, reterr);
        if (r < 0) {
                if (!sqlite3_get_autocommit(w->db))
                        (void)run_statement(w, ST_ROLLBACK, NULL);
                return r;
        }
        w->durable = w->now;
        for (size_t i = 0; i < w->n_changes; i++)
                prune_add(w->prune, w->changes[i].job, w->changes[i].runs, w->changes[i].log_bytes);
        return 0;
}

/* ---- connection */

static int wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
        ((struct writer *)arg)->wal_pages = pages;
        return SQLITE_OK;
}

static int read_counters(sqlite3 *db, struct counters *ret, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT seq, transition, run, job FROM meta", -1, &st, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_step(st);
        if (r == SQLITE_DONE)
                return error_set(reterr, -EBADMSG, ERROR_FAILED, "the state database is damaged (no counters); it is left as it is");
        if (r != SQLITE_ROW)
                return db_error(db, r, "cannot read", reterr);
        *ret = (struct counters){
                .seq = (uint64_t)sqlite3_column_int64(st, 0), .transition = (uint64_t)sqlite3_column_int64(st, 1),
                .run = (uint64_t)sqlite3_column_int64(st, 2), .job = (uint64_t)sqlite3_column_int64(st, 3),
        };
        return 0;
}

static int take_connection(struct writer *w, sqlite3 *db, struct error *reterr)
{
        sqlite3_stmt *st[ST_NR] = { 0 };
        struct counters c = { 0 };
        int r;

        r = prepare_statements(db, st, reterr);
        if (r == 0)
                r = read_counters(db, &c, reterr);
        /* More than we know of: a transaction that was said to have failed was found in the log.  It counts once it is in
         * the database itself, written and synced anew. */
        if (r == 0 && w->db && c.seq > w->durable.seq) {
                int sql = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

                if (sql != SQLITE_OK)
                        r = db_error(db, sql, "cannot write", reterr);
        }
        if (r < 0) {
                drop_statements(st);
                return r;
        }
        if (w->db) {
                drop_statements(w->st);
                prune_forget_db(w->prune);
                db_close(w->db);
        }
        w->db = db;
        memcpy(w->st, st, sizeof(st));
        w->durable = c;
        sqlite3_wal_hook(db, wal_grew, w);
        return 0;
}

static int reopen(struct writer *w, struct error *reterr)
{
        sqlite3 *db = NULL;
        int r;

        r = db_open(w->store->path, DB_WRITER, &db, reterr);
        if (r < 0)
                return r;
        r = take_connection(w, db, reterr);
        if (r < 0) {
                db_close(db);
                return r;
        }
        w->broken = false;
        return 0;
}

/* Moves pages from the log into the database, as far as readers permit. */
static void checkpoint(struct writer *w)
{
        int log = 0, moved = 0;

        if (sqlite3_wal_checkpoint_v2(w->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &moved) != SQLITE_OK) {
                /* Nothing is lost: it is all in the log.  Whether writing fails, the next commit says. */
                w->broken = true;
                w->wal_pages = 0;
                return;
        }
        w->wal_pages = log - moved;
        if (w->wal_pages > 0)
                w->checkpoint_again = store_now_usec() + USEC_PER_SEC;
}

/* ---- the thread */

static void say_stored(struct writer *w)
{
        struct store *s = w->store;

        pthread_mutex_lock(&s->lock);
        if (w->taken)
                gather_release(s, w->taken_last);
        s->stored_seq = MAX(s->stored_seq, s->pending ? s->pending->seq - 1 : s->submitted_seq);
        s->failing = false;
        s->failed_news = false;
        s->commits = w->commits;
        pthread_mutex_unlock(&s->lock);
        w->taken = w->taken_last = NULL;
        store_wake(s);
}

static void say_failed(struct writer *w, const struct error *err)
{
        struct store *s = w->store;
        bool news;

        pthread_mutex_lock(&s->lock);
        news = !s->failing || !streq(s->failure.message, err->message);
        s->failing = true;
        s->failed_news |= news;
        s->failure = *err;
        pthread_mutex_unlock(&s->lock);
        if (news)
                store_wake(s);
}

/* Units that are in the database after all. */
static void skip_durable(struct writer *w)
{
        while (w->taken && w->taken != w->taken_last && w->taken->seq <= w->durable.seq)
                w->taken = w->taken->next;
}

static void try_taken(struct writer *w)
{
        struct error err = ERROR_NULL;
        int r = 0;

        if (w->broken)
                r = reopen(w, &err);
        if (r == 0) {
                skip_durable(w);
                if (w->taken_last->seq > w->durable.seq)
                        r = write_taken(w, &err);
        }
        w->last_commit_usec = store_now_usec();
        if (r == 0) {
                w->failing = false;
                w->commits++;
                say_stored(w);
                if (w->wal_pages >= STORE_CHECKPOINT_FORCED)
                        checkpoint(w);
                return;
        }
        w->failing = w->broken = true;
        w->retry_usec = w->last_commit_usec + STORE_RETRY_USEC;
        say_failed(w, &err);
}

/* When what is pending should be written. */
static int64_t commit_due(struct writer *w)
{
        const struct store *s = w->store;
        int64_t window = s->gather_usec, lazy = 5 * window;

        if (s->closing || s->pending_haste == HASTE_NOW || s->pending_rows >= STORE_TXN_ROWS)
                return 0;
        /* Not in a burst: at once. */
        if (s->pending_haste == HASTE_LAZY)
                return s->pending_since - w->last_commit_usec > lazy ? 0 : s->pending_since + lazy;
        if (s->pending_since - w->last_commit_usec > window)
                return 0;
        /* In one: until no more come, as then they wait for us. */
        return MIN(s->pending_since + window, s->pending_newest + window / 8);
}

static bool must_stop_pruning(void *arg)
{
        struct store *s = arg;
        bool stop;

        pthread_mutex_lock(&s->lock);
        stop = s->pending || s->closing;
        pthread_mutex_unlock(&s->lock);
        return stop;
}

/* Nothing to write: keep house, a little at a time.  Called without the lock. */
static void idle_work(struct writer *w, bool forced)
{
        struct wall now = clock_wall();

        w->last_slice_usec = store_now_usec();
        if (w->wal_pages >= STORE_CHECKPOINT_IDLE && store_now_usec() >= w->checkpoint_again)
                checkpoint(w);
        else if (w->broken) {
                if (reopen(w, NULL) < 0)
                        w->prune_again = store_now_usec() + USEC_PER_MINUTE;
        } else if (prune_slice(w->prune, w->db, now, forced ? NULL : must_stop_pruning, w->store, NULL) < 0) {
                /* Rows too many do no harm, and a disk that fails is told about at the next commit. */
                w->broken = true;
                w->prune_again = store_now_usec() + USEC_PER_MINUTE;
        }
}

static void take_keeps(struct writer *w)
{
        struct store *s = w->store;

        for (size_t i = 0; i < s->n_keeps; i++)
                prune_set_keep(w->prune, &s->keeps[i]);
        free(s->keeps);
        s->keeps = NULL;
        s->n_keeps = s->keeps_allocated = 0;
}

/* When idle work may begin: monotonic, INT64_MAX for none. */
static int64_t idle_due(struct writer *w, int64_t now)
{
        struct wall wall = clock_wall(), at = WALL_NEVER;
        int64_t ready = w->last_commit_usec + STORE_IDLE_USEC, due = INT64_MAX;

        if (w->wal_pages >= STORE_CHECKPOINT_IDLE)
                due = MAX(ready, w->checkpoint_again);
        if (prune_wanted(w->prune, wall, &at))
                return MIN(due, MAX(MIN(ready, w->last_slice_usec + STORE_PRUNE_USEC), w->prune_again));
        return wall_is_never(at) ? due : MIN(due, MAX(ready, now + MAX(at.usec - wall.usec, INT64_C(0))));
}

/* Sleeps until `at` or a signal.  Locked. */
static void sleep_until(struct writer *w, int64_t at, enum writer_sleep how)
{
        struct store *s = w->store;

        s->writer_sleep = how;
        s->writer_forever = at == INT64_MAX;
        s->writer_haste = s->pending_haste;
        if (at == INT64_MAX)
                pthread_cond_wait(&s->work, &s->lock);
        else {
                struct timespec ts = { .tv_sec = at / USEC_PER_SEC, .tv_nsec = at % USEC_PER_SEC * 1000 };

                pthread_cond_timedwait(&s->work, &s->lock, &ts);
        }
        s->writer_sleep = WRITER_BUSY;
}

/* Where it is never idle, a slice comes in between now and then. */
static bool must_prune(struct writer *w, int64_t now)
{
        struct wall at;

        return now > MAX(w->last_slice_usec + STORE_PRUNE_USEC, w->prune_again) && prune_wanted(w->prune, clock_wall(), &at);
}

enum todo { TODO_WRITE, TODO_IDLE, TODO_FORCED, TODO_ACK, TODO_QUIT };

/* Waits for something to do.  Locked; takes units for TODO_WRITE. */
static enum todo next_todo(struct writer *w)
{
        struct store *s = w->store;

        for (;;) {
                int64_t now = store_now_usec(), due;

                take_keeps(w);
                if (w->taken) { /* it failed before */
                        due = s->closing ? MIN(w->retry_usec, w->last_commit_usec + 100 * USEC_PER_MSEC) : w->retry_usec;
                        if (s->closing && now >= s->close_deadline)
                                return TODO_QUIT;
                        if (now >= due)
                                return TODO_WRITE;
                        /* New units must wait: only closing wakes it. */
                        sleep_until(w, due, WRITER_BUSY);
                } else if (s->pending) {
                        due = commit_due(w);
                        if (now >= due) {
                                if (!s->closing && s->pending_rows >= STORE_TXN_ROWS && must_prune(w, now))
                                        return TODO_FORCED;
                                w->taken = gather_take(s, STORE_TXN_ROWS, &w->taken_last);
                                return TODO_WRITE;
                        }
                        sleep_until(w, due, WRITER_GATHERS);
                } else if (s->stored_seq < s->submitted_seq) {
                        return TODO_ACK; /* units without rows */
                } else if (s->closing) {
                        return TODO_QUIT;
                } else {
                        due = idle_due(w, now);
                        if (now >= due)
                                return TODO_IDLE;
                        sleep_until(w, due, WRITER_IDLE);
                }
        }
}

static void writer_free(struct writer *w)
{
        drop_statements(w->st);
        prune_free(w->prune);
        db_close(w->db);
        free(w->changes);
        free(w);
}

static int writer_new(struct store *s, struct writer **ret, struct error *reterr)
{
        struct writer *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        w->store = s;
        w->last_commit_usec = store_now_usec();
        r = prune_new(s, &w->prune);
        if (r == 0)
                r = prune_load(w->prune, s->db, reterr);
        if (r == 0)
                r = take_connection(w, s->db, reterr);
        if (r < 0) {
                writer_free(w);
                return error_set(reterr, r, ERROR_FAILED, "cannot start the writer");
        }
        s->db = NULL; /* its own now */
        *ret = w;
        return 0;
}

static void *writer_main(void *arg)
{
        struct writer *w = arg;
        struct store *s = w->store;
        enum todo todo;

        pthread_mutex_lock(&s->lock);
        while ((todo = next_todo(w)) != TODO_QUIT) {
                pthread_mutex_unlock(&s->lock);
                if (todo == TODO_WRITE)
                        try_taken(w);
                else if (todo == TODO_IDLE || todo == TODO_FORCED)
                        idle_work(w, todo == TODO_FORCED);
                else
                        say_stored(w);
                pthread_mutex_lock(&s->lock);
        }
        pthread_mutex_unlock(&s->lock);
        writer_free(w);
        return NULL;
}

int writer_start(struct store *s, struct error *reterr)
{
        struct writer *w = NULL;
        int r;

        r = writer_new(s, &w, reterr);
        if (r < 0)
                return r;
        r = pthread_create(&s->writer_thread, NULL, writer_main, w);
        if (r != 0) {
                writer_free(w);
                return error_set(reterr, -r, ERROR_FAILED, "cannot start a thread: %s", strerror(r));
        }
        (void)pthread_setname_np(s->writer_thread, "store-writer");
        s->have_writer = true;
        return 0;
}
