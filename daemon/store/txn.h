/* The writer's connection: its statements, and one transaction. */
#pragma once
#include "store/internal.h"

#define TXN_STATEMENTS 17

/* Counters of meta. */
struct txn_counters {
        uint64_t seq, transition, run, job;
};

/* A job's finished runs changed. */
struct txn_change {
        uint64_t job;
        int64_t runs, log_bytes;
};

struct txn {
        const struct words *words;
        sqlite3 *db;                   /* owned */
        sqlite3_stmt *st[TXN_STATEMENTS];
        struct txn_counters durable, now;
        struct txn_change *changes;    /* of the last transaction */
        size_t n_changes, changes_allocated;
        int wal_pages;                 /* in the log after the last commit */
};

/* Takes the connection, in place of the one before, which is closed then.  On failure it stays the caller's, and all
 * is as before. */
int txn_take_db(struct txn *t, sqlite3 *db, struct error *reterr);
void txn_done(struct txn *t);

/* Writes the units of the chain, the last of them number `seq`, and commits.  On failure nothing is written. */
int txn_write(struct txn *t, struct unit *first, uint64_t seq, struct error *reterr);
