/* A connection to state.db as we want it, errors a person can read, and the schema with its migrations. */
#pragma once
#include <sqlite3.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/util.h"
#include "store/columns.h"

/* NULL is fine; statements must be finalized. Always returns NULL. */
sqlite3 *db_close(sqlite3 *db);
DEFINE_CLEANUP(sqlite3 *, db_close);

sqlite3_stmt *db_finalize(sqlite3_stmt *st);
DEFINE_CLEANUP(sqlite3_stmt *, db_finalize);

enum db_mode { DB_WRITER, DB_READER, DB_CREATE };

/* One connection for one thread at a time.  WAL, synchronous=FULL; checkpoints are the owner's to make. */
int db_open(const char *path, enum db_mode mode, sqlite3 **ret, struct error *reterr);

/* Makes the WAL's file at least so long, with zeros behind what is in it (they are no frames to SQLite).  A commit
 * that overwrites needs no change of the file's size on the disk: its sync takes a third of the time.  Only the writer, with no
 * transaction open.  It may fail without harm: nothing but time is lost. */
void db_reserve_log(sqlite3 *db, int64_t bytes);

/* What went wrong last: sets *reterr to "PATH: WHAT: reason" and returns negative errno (-ENOSPC full, -EBADMSG
 * damaged, -EBUSY, -EROFS, -EIO …). `sql` is the answer that the call gave. */
int db_error(sqlite3 *db, int sql, const char *what, struct error *reterr);
int db_system_error(sqlite3 *db, int sql, int system_errno, const char *what, struct error *reterr);

/* Statements without results; `what` for the error. */
int db_exec(sqlite3 *db, const char *sql, const char *what, struct error *reterr);
/* One that will be used again and again. */
int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct error *reterr);
/* First column of the first row, 0 if there is none. */
int db_number(sqlite3 *db, const char *sql, int64_t *ret, struct error *reterr);

/* One step from version i to i + 1, for the i-th of the array. */
struct migration {
        const char *sql;
};
extern const struct migration migrations[];
extern const unsigned n_migrations;

/* Brings the schema to version n in one transaction.  Before the first change of a database that has something,
 * makes a backup beside it: PATH.before-vN.  A newer version than n, or another program's database: refused.  A new
 * one gets a seed. */
int schema_migrate(sqlite3 *db, const char *path, const struct migration *m, unsigned n, struct error *reterr);

/* Loads `word`, adding what is new in this version. */
int schema_load_words(sqlite3 *db, struct words *ret, struct error *reterr);

/* Looks for damage for at most `usec` (a big database is not read to its end). */
int schema_check(sqlite3 *db, int64_t usec, struct error *reterr);

/* The ends that `--failed` means, as the schema's index has it: the text must be the same in the query. */
#define SQL_FAILED "(state IN (6, 7, 8, 11) OR (flags & 4) <> 0)"
/* Not ended. */
#define SQL_UNFINISHED "(state < 5)"
#define CODE_FIRST_END 5
