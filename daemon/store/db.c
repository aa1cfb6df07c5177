#include "store/db.h"

#include <errno.h>
#include <string.h>

#define BUSY_TIMEOUT_MSEC 1000 /* somebody looks at the database with a tool */

sqlite3 *db_close(sqlite3 *db)
{
        sqlite3_close_v2(db);
        return NULL;
}

sqlite3_stmt *db_finalize(sqlite3_stmt *st)
{
        sqlite3_finalize(st);
        return NULL;
}

static int error_of(int sql, int system_errno)
{
        switch (sql & 0xff) {
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EBADMSG;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_INTERRUPT:
                return -ECANCELED;
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
                return system_errno > 0 ? -system_errno : -EIO;
        default:
                return -EIO;
        }
}

int db_error(sqlite3 *db, int sql, const char *what, struct error *reterr)
{
        return db_system_error(db, sql, db ? sqlite3_system_errno(db) : 0, what, reterr);
}

int db_system_error(sqlite3 *db, int sql, int system_errno, const char *what, struct error *reterr)
{
        const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
        const char *msg = db ? sqlite3_errmsg(db) : sqlite3_errstr(sql);
        int r = error_of(sql, system_errno);

        if (!path || !*path)
                path = "state.db";
        if (r == -EBADMSG)
                return error_set(reterr, r, ERROR_FAILED,
                                 "%s: %s: the state database is damaged (%s); it is left as it is", path, what, msg);
        if (r == -EROFS)
                return error_set(reterr, r, ERROR_UNAVAILABLE, "%s: %s: the state directory is read-only (%s)", path,
                                 what, msg);
        if (system_errno > 0 && ((sql & 0xff) == SQLITE_IOERR || (sql & 0xff) == SQLITE_CANTOPEN))
                return error_set(reterr, r, ERROR_UNAVAILABLE, "%s: %s: %s (%s)", path, what, msg,
                                 strerror(system_errno));
        return error_set(reterr, r, ERROR_UNAVAILABLE, "%s: %s: %s", path, what, msg);
}

int db_exec(sqlite3 *db, const char *sql, const char *what, struct error *reterr)
{
        int r = sqlite3_exec(db, sql, NULL, NULL, NULL);

        return r == SQLITE_OK ? 0 : db_error(db, r, what, reterr);
}

int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct error *reterr)
{
        int r = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

        return r == SQLITE_OK ? 0 : db_error(db, r, "cannot prepare a statement", reterr);
}

int db_number(sqlite3 *db, const char *sql, int64_t *ret, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_step(st);
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                return db_error(db, r, "cannot read", reterr);
        *ret = r == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
        return 0;
}

/* The pragmas of both.  journal_mode is kept in the file, and set when it is made. */
static const char both_pragmas[] = "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA mmap_size = 0;";
static const char writer_pragmas[] = "PRAGMA synchronous = FULL;"
                                     "PRAGMA wal_autocheckpoint = 0;"
                                     "PRAGMA journal_size_limit = 16777216;";

static int set_up(sqlite3 *db, enum db_mode mode, struct error *reterr)
{
        int r;

        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, BUSY_TIMEOUT_MSEC);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        r = db_exec(db, both_pragmas, "cannot open", reterr);
        if (r < 0)
                return r;
        if (mode == DB_READER)
                return db_exec(db, "PRAGMA query_only = ON", "cannot open", reterr);
        r = db_exec(db, writer_pragmas, "cannot open", reterr);
        if (r < 0)
                return r;
        return db_exec(db, "PRAGMA journal_mode = WAL", "cannot open", reterr);
}

int db_open(const char *path, enum db_mode mode, sqlite3 **ret, struct error *reterr)
{
        static const int flags[] = {
                [DB_WRITER] = SQLITE_OPEN_READWRITE,
                [DB_READER] = SQLITE_OPEN_READONLY,
                [DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        };
        _cleanup_(db_closep) sqlite3 *db = NULL;
        int r;

        /* No mutexes in it: each connection has one thread at a time. */
        r = sqlite3_open_v2(path, &db, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot open", reterr);
        r = set_up(db, mode, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(db);
        return 0;
}

void db_reserve_log(sqlite3 *db, int64_t bytes)
{
        static const char zeros[256 * 1024];
        sqlite3_file *log = NULL;
        sqlite3_int64 size;

        /* In WAL mode this is the WAL. */
        if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK || !log || !log->pMethods ||
            log->pMethods->xFileSize(log, &size) != SQLITE_OK || size >= bytes)
                return;
        for (; size < bytes; size += (int64_t)sizeof(zeros))
                if (log->pMethods->xWrite(log, zeros, (int)sizeof(zeros), size) != SQLITE_OK)
                        return;
        (void)log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
}
