/* The writer's thread: takes what was submitted, writes it in one transaction, and says that it is durable.
 *
 * While a transaction is synced the next one gathers.  In a burst it may gather a little longer
 * (store_options.gather_usec), as syncs are what costs: a disk does a few hundred a second.
 *
 * When a write fails, the transaction is rolled back and the database opened anew (never: sync again and go on, as
 * the kernel may have thrown away what it could not write), then the same units are written again, in order, each
 * second.  The new connection is opened before the old one is closed, so that the log's index lives on and the
 * failed transaction's frames, which may be in the file, are overwritten and not taken for committed ones. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "store/internal.h"
#include "store/txn.h"

struct writer {
        struct store *store;
        struct txn txn;
        struct prune *prune;
        struct unit *taken, *taken_last; /* being written, or to be tried again */
        int64_t last_commit_usec;
        int64_t retry_usec;       /* failing: when to try again */
        bool large;               /* many rows are being written */
        bool broken;              /* open anew before the next try */
        int64_t prune_again;      /* pruning failed: not before this */
        int64_t last_slice_usec;  /* of pruning */
        int64_t checkpoint_again; /* a reader was in the way: not before this */
        uint64_t commits;
};

static int reopen(struct writer *w, struct error *reterr)
{
        sqlite3 *db = NULL;
        int r;

        r = db_open(w->store->path, DB_WRITER, &db, reterr);
        if (r < 0)
                return r;
        prune_forget_db(w->prune);
        r = txn_take_db(&w->txn, db, reterr);
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

        if (sqlite3_wal_checkpoint_v2(w->txn.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &moved) != SQLITE_OK) {
                /* Nothing is lost: it is all in the log.  Whether writing fails, the next commit says. */
                w->broken = true;
                w->txn.wal_pages = 0;
                return;
        }
        w->txn.wal_pages = log - moved;
        if (w->txn.wal_pages > 0)
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
        while (w->taken && w->taken != w->taken_last && w->taken->seq <= w->txn.durable.seq)
                w->taken = w->taken->next;
}

static void count_changes(struct writer *w)
{
        for (size_t i = 0; i < w->txn.n_changes; i++)
                prune_add(w->prune, w->txn.changes[i].job, w->txn.changes[i].runs, w->txn.changes[i].log_bytes);
        w->txn.n_changes = 0;
}

static void try_taken(struct writer *w)
{
        struct error err = ERROR_NULL;
        int r = 0;

        if (w->broken)
                r = reopen(w, &err);
        if (r == 0) {
                skip_durable(w);
                if (w->taken_last->seq > w->txn.durable.seq)
                        r = txn_write(&w->txn, w->taken, w->taken_last->seq, &err);
        }
        w->last_commit_usec = store_now_usec();
        if (r == 0) {
                w->commits++;
                count_changes(w);
                if (w->large) /* the pages that it needed are of no use to those that follow */
                        (void)sqlite3_db_release_memory(w->txn.db);
                say_stored(w);
                if (w->txn.wal_pages >= STORE_CHECKPOINT_FORCED)
                        checkpoint(w);
                return;
        }
        w->broken = true;
        w->retry_usec = w->last_commit_usec + w->store->retry_usec;
        say_failed(w, &err);
}

/* When what is pending should be written. */
static int64_t commit_due(struct writer *w)
{
        const struct store *s = w->store;
        int64_t window = s->gather_usec, lazy = 10 * window;

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
        if (w->txn.wal_pages >= STORE_CHECKPOINT_IDLE && store_now_usec() >= w->checkpoint_again)
                checkpoint(w);
        else if (w->broken) {
                if (reopen(w, NULL) < 0)
                        w->prune_again = store_now_usec() + USEC_PER_MINUTE;
        } else if (prune_slice(w->prune, w->txn.db, now, forced ? NULL : must_stop_pruning, w->store, NULL) < 0) {
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
        int64_t ready = w->last_commit_usec + w->store->idle_usec, due = INT64_MAX;

        if (w->txn.wal_pages >= STORE_CHECKPOINT_IDLE)
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
        s->writer_until = at;
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

        return now > MAX(w->last_slice_usec + STORE_PRUNE_USEC, w->prune_again) &&
               prune_wanted(w->prune, clock_wall(), &at);
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
                        due = s->closing ? MIN(w->retry_usec, w->last_commit_usec + 100 * USEC_PER_MSEC)
                                         : w->retry_usec;
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
                                w->large = s->pending_rows >= STORE_LARGE_ROWS;
                                w->taken = gather_take(s, STORE_TXN_ROWS, &w->taken_last);
                                return TODO_WRITE;
                        }
                        sleep_until(w, due, WRITER_GATHERS);
                } else if (s->stored_seq < s->submitted_seq) {
                        return TODO_ACK; /* units without rows */
                } else if (s->closing) {
                        return TODO_QUIT;
                } else if (must_prune(w, now)) {
                        return TODO_FORCED; /* commits come too often for an idle moment, but just now there is nothing to write */
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
        prune_free(w->prune);
        txn_done(&w->txn);
        free(w);
}

static int writer_new(struct store *s, struct writer **ret, struct error *reterr)
{
        struct writer *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        w->store = s;
        w->txn.words = &s->words;
        w->last_commit_usec = store_now_usec();
        r = prune_new(s, &w->prune);
        if (r == 0)
                r = prune_load(w->prune, s->db, reterr);
        (void)sqlite3_db_release_memory(s->db); /* what loading has left in the cache */
        if (r == 0)
                r = txn_take_db(&w->txn, s->db, reterr);
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

        db_reserve_log(w->txn.db, STORE_LOG_RESERVED);
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
        store_thread_ends(s);
        return NULL;
}

int writer_start(struct store *s, struct error *reterr)
{
        struct writer *w = NULL;
        int r;

        r = writer_new(s, &w, reterr);
        if (r < 0)
                return r;
        s->n_threads++;
        r = pthread_create(&s->writer_thread, NULL, writer_main, w);
        if (r != 0) {
                s->n_threads--;
                writer_free(w);
                return error_set(reterr, -r, ERROR_FAILED, "cannot start a thread: %s", strerror(r));
        }
        (void)pthread_setname_np(s->writer_thread, "store-writer");
        s->have_writer = true;
        return 0;
}
