/* The schema's history.  A migration that was once released is never changed: a new one is added. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/time.h"
#include "store/db.h"

#define APPLICATION_ID 0x6a6f6273 /* "jobs" */

/* Times are microseconds since the epoch; what has not happened is NULL.  States, reasons, triggers and stages are
 * codes of `word`; the states' codes are fixed here, as the indexes name them.  `transition`.n only grows.  A
 * definition is `superseded` by the job's next one: runs numbered over it don't use it.  `runs` and `log_bytes` of a
 * job are of its finished runs. */
static const char version_1[] =
        "CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, transition INTEGER NOT NULL,"
        "  run INTEGER NOT NULL, job INTEGER NOT NULL, seed INTEGER NOT NULL, boot TEXT NOT NULL) STRICT;"

        "CREATE TABLE word (kind INTEGER NOT NULL, code INTEGER NOT NULL, word TEXT NOT NULL,"
        "  PRIMARY KEY (kind, code)) STRICT, WITHOUT ROWID;"
        "INSERT INTO word VALUES (0, 0, 'waiting'), (0, 1, 'queued'), (0, 2, 'starting'), (0, 3, 'running'),"
        "  (0, 4, 'backoff'), (0, 5, 'succeeded'), (0, 6, 'failed'), (0, 7, 'timed_out'), (0, 8, 'lost'),"
        "  (0, 9, 'cancelled'), (0, 10, 'skipped'), (0, 11, 'missed');"

        "CREATE TABLE job (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner INTEGER,"
        "  watermark INTEGER, fixed_after INTEGER, epoch INTEGER NOT NULL, schedule_digest INTEGER NOT NULL,"
        "  removed INTEGER NOT NULL, last_success INTEGER, enabled_override INTEGER NOT NULL,"
        "  paused INTEGER NOT NULL, pause_hold INTEGER NOT NULL, paused_by INTEGER, paused_at INTEGER,"
        "  pause_until INTEGER, pause_why TEXT,"
        "  runs INTEGER NOT NULL DEFAULT 0, log_bytes INTEGER NOT NULL DEFAULT 0) STRICT;"

        "CREATE TABLE run (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, state INTEGER NOT NULL,"
        "  reason INTEGER NOT NULL, \"trigger\" INTEGER NOT NULL, flags INTEGER NOT NULL, epoch INTEGER NOT NULL,"
        "  scheduled_at INTEGER, scheduled_until INTEGER, count INTEGER NOT NULL, created_at INTEGER,"
        "  queued_at INTEGER, started_at INTEGER, first_started_at INTEGER, ended_at INTEGER, retry_at INTEGER,"
        "  start INTEGER NOT NULL, attempt INTEGER NOT NULL, wait_status INTEGER, stage INTEGER NOT NULL,"
        "  error INTEGER NOT NULL, cause_run INTEGER NOT NULL, retry_of INTEGER NOT NULL, by_uid INTEGER,"
        "  digest BLOB, user TEXT, user_usec INTEGER NOT NULL, system_usec INTEGER NOT NULL,"
        "  max_rss_kib INTEGER NOT NULL, read_blocks INTEGER NOT NULL, write_blocks INTEGER NOT NULL,"
        "  output_bytes INTEGER NOT NULL, dropped_bytes INTEGER NOT NULL) STRICT;"
        "CREATE INDEX run_job ON run (job);"
        "CREATE INDEX run_unfinished ON run (id) WHERE (state < 5);"
        "CREATE INDEX run_failed ON run (id) WHERE (state IN (6, 7, 8, 11) OR (flags & 4) <> 0);"

        "CREATE TABLE transition (run INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER, state INTEGER NOT NULL,"
        "  reason INTEGER NOT NULL, start INTEGER NOT NULL, wait_status INTEGER, stage INTEGER NOT NULL,"
        "  error INTEGER NOT NULL, PRIMARY KEY (run, n)) STRICT, WITHOUT ROWID;"

        "CREATE TABLE definition (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, job INTEGER,"
        "  superseded INTEGER, text BLOB NOT NULL) STRICT;"
        "CREATE INDEX definition_job ON definition (job);"

        "CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, text BLOB NOT NULL,"
        "  uid INTEGER NOT NULL, mode INTEGER NOT NULL) STRICT;";

/* From where @after counts. */
static const char version_2[] = "ALTER TABLE job ADD COLUMN after_base INTEGER;";

const struct migration migrations[] = {
        { version_1 },
        { version_2 },
};
const unsigned n_migrations = ARRAY_SIZE(migrations);

/* A copy of all that is committed, whole or not there: made under another name first. */
static int make_backup(sqlite3 *db, const char *path, unsigned n, struct error *reterr)
{
        char target[4200], part[4300];
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        _cleanup_(closep) int fd = -1;
        int r;

        if ((size_t)snprintf(target, sizeof(target), "%s.before-v%u", path, n) >= sizeof(target))
                return error_set(reterr, -ENAMETOOLONG, ERROR_FAILED, "%s: the path is too long", path);
        (void)snprintf(part, sizeof(part), "%s.part", target);
        if (unlink(part) < 0 && errno != ENOENT)
                return error_set(reterr, -errno, ERROR_FAILED, "%s: %s", part, strerror(errno));

        r = sqlite3_prepare_v2(db, "VACUUM INTO ?", -1, &st, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(st, 1, part, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_step(st);
        if (r != SQLITE_DONE)
                return db_error(db, r, "cannot make a backup before the migration", reterr);
        fd = open(part, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fchmod(fd, 0600) < 0 || fsync(fd) < 0 || rename(part, target) < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "%s: cannot make a backup before the migration: %s",
                                 target, strerror(errno));
        return 0;
}

static int plant_seed(sqlite3 *db, struct error *reterr)
{
        char sql[128];
        uint64_t seed;

        if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
                return error_set(reterr, -EIO, ERROR_FAILED, "the kernel gives no random numbers");
        (void)snprintf(sql, sizeof(sql), "INSERT INTO meta VALUES (1, 0, 0, 0, 0, %lld, '')", (long long)(seed >> 1));
        return db_exec(db, sql, "cannot set up", reterr);
}

static int apply(sqlite3 *db, const struct migration *m, unsigned from, unsigned to, struct error *reterr)
{
        char sql[96];
        int r;

        r = db_exec(db, "BEGIN IMMEDIATE", "cannot migrate", reterr);
        for (unsigned i = from; r == 0 && i < to; i++)
                r = db_exec(db, m[i].sql, "cannot migrate", reterr);
        if (r == 0 && from == 0)
                r = plant_seed(db, reterr);
        if (r == 0) {
                (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %u; COMMIT",
                               APPLICATION_ID, to);
                r = db_exec(db, sql, "cannot migrate", reterr);
        }
        if (r < 0 && !sqlite3_get_autocommit(db))
                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return r;
}

int schema_migrate(sqlite3 *db, const char *path, const struct migration *m, unsigned n, struct error *reterr)
{
        int64_t version, id, objects;
        int r;

        r = db_number(db, "PRAGMA user_version", &version, reterr);
        if (r == 0)
                r = db_number(db, "PRAGMA application_id", &id, reterr);
        if (r == 0)
                r = db_number(db, "SELECT count(*) FROM sqlite_schema", &objects, reterr);
        if (r < 0)
                return r;
        if (id != APPLICATION_ID && (id != 0 || version != 0 || objects != 0))
                return error_set(reterr, -EINVAL, ERROR_FAILED, "%s: this is not a state database of jobschedd", path);
        if (version < 0 || version > n)
                return error_set(
                        reterr, -EPROTONOSUPPORT, ERROR_FAILED,
                        "%s: it was written by a newer jobschedd (schema version %lld, this one knows up to %u); "
                        "start the newer one, or put back a backup from before it (%s.before-v*)",
                        path, (long long)version, n, path);
        if (version == n)
                return 0;
        if (version > 0) {
                r = make_backup(db, path, n, reterr);
                if (r < 0)
                        return r;
        }
        return apply(db, m, (unsigned)version, n, reterr);
}

static int add_word(sqlite3 *db, int kind, int code, const char *word, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "INSERT INTO word VALUES (?, ?, ?)", -1, &st, NULL);
        if (r == SQLITE_OK) {
                (void)sqlite3_bind_int(st, 1, kind);
                (void)sqlite3_bind_int(st, 2, code);
                (void)sqlite3_bind_text(st, 3, word, -1, SQLITE_STATIC);
                r = sqlite3_step(st);
        }
        return r == SQLITE_DONE ? 0 : db_error(db, r, "cannot add a word", reterr);
}

static int find_member(enum word_kind kind, const char *word)
{
        for (int i = 0; i < word_members(kind); i++)
                if (streq(word_name(kind, i), word))
                        return i;
        return -1;
}

/* What is there; ret_next: the first free code of each kind. */
static int read_words(sqlite3 *db, struct words *w, bool known[WORD_KIND_NR][WORD_MAX], int *next, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT kind, code, word FROM word", -1, &st, NULL);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot read", reterr);
        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                int kind = sqlite3_column_int(st, 0), code = sqlite3_column_int(st, 1), member;
                const char *word = (const char *)sqlite3_column_text(st, 2);

                if (kind < 0 || kind >= WORD_KIND_NR || code < 0 || code >= WORD_MAX || !word)
                        return error_set(reterr, -EBADMSG, ERROR_FAILED, "the state database is damaged (its words)");
                next[kind] = MAX(next[kind], code + 1);
                member = find_member((enum word_kind)kind, word);
                if (member < 0)
                        continue;
                w->member[kind][code] = (int8_t)member;
                w->code[kind][member] = (uint8_t)code;
                known[kind][member] = true;
        }
        return r == SQLITE_DONE ? 0 : db_error(db, r, "cannot read", reterr);
}

int schema_load_words(sqlite3 *db, struct words *ret, struct error *reterr)
{
        bool known[WORD_KIND_NR][WORD_MAX] = { 0 };
        int next[WORD_KIND_NR] = { 0 };
        struct words w = { 0 };
        int r;

        memset(w.member, -1, sizeof(w.member));
        r = db_exec(db, "BEGIN IMMEDIATE", "cannot read", reterr);
        if (r == 0)
                r = read_words(db, &w, known, next, reterr);
        for (int kind = 0; r == 0 && kind < WORD_KIND_NR; kind++)
                for (int i = 0; r == 0 && i < word_members((enum word_kind)kind); i++) {
                        int code = next[kind];

                        if (known[kind][i])
                                continue;
                        if (code >= WORD_MAX)
                                r = error_set(reterr, -ENOSPC, ERROR_FAILED,
                                              "the state database has no room for more words");
                        else
                                r = add_word(db, kind, code, word_name((enum word_kind)kind, i), reterr);
                        next[kind]++;
                        w.member[kind][code % WORD_MAX] = (int8_t)i;
                        w.code[kind][i] = (uint8_t)code;
                }
        if (r == 0)
                r = db_exec(db, "COMMIT", "cannot add a word", reterr);
        if (!sqlite3_get_autocommit(db))
                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        if (r == 0)
                *ret = w;
        return r;
}

static int64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static int out_of_time(void *arg)
{
        return now_usec() > *(const int64_t *)arg;
}

int schema_check(sqlite3 *db, int64_t usec, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int64_t deadline = now_usec() + usec;
        int r;

        sqlite3_progress_handler(db, 1000, out_of_time, &deadline);
        r = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_step(st);
        if (r == SQLITE_ROW) {
                const char *text = (const char *)sqlite3_column_text(st, 0);

                r = SQLITE_OK;
                if (!text || !streq(text, "ok")) {
                        sqlite3_progress_handler(db, 0, NULL, NULL);
                        return error_set(reterr, -EBADMSG, ERROR_FAILED,
                                         "%s: the state database is damaged (%s); it is left as it is",
                                         sqlite3_db_filename(db, "main"), text ? text : "no memory");
                }
        }
        sqlite3_progress_handler(db, 0, NULL, NULL);
        return r == SQLITE_OK || r == SQLITE_DONE || r == SQLITE_INTERRUPT ? 0
                                                                           : db_error(db, r, "cannot check", reterr);
}
