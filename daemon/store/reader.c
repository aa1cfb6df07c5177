/* The reader's thread: one question after the other, with a connection of its own that can't write. */
#include <errno.h>

#include "store/internal.h"

#define QUESTION_USEC (10 * USEC_PER_SEC) /* then it is given up, as others wait behind it */

struct reader {
        struct store *store;
        sqlite3 *db;
        int64_t deadline;
};

/* At the end: who asked is told, so that what it keeps for its question can go. */
void work_queue_let_go(struct work_queue *q)
{
        struct error err = ERROR_NULL;

        (void)error_set(&err, 0, ERROR_UNAVAILABLE, "the daemon is shutting down");
        while (q->first) {
                struct work *w = q->first;

                q->first = w->next;
                w->deliver(w, &err);
        }
        q->last = &q->first;
}

int reader_ask(struct store *s, struct work *w)
{
        w->store = s;
        w->next = NULL;
        w->error = ERROR_NULL;
        pthread_mutex_lock(&s->lock);
        *s->asked.last = w;
        s->asked.last = &w->next;
        pthread_cond_signal(&s->questions);
        pthread_mutex_unlock(&s->lock);
        return 0;
}

static int too_late(void *arg)
{
        struct reader *r = arg;

        return store_now_usec() > r->deadline;
}

static void set_reader_db(struct reader *r, sqlite3 *db)
{
        pthread_mutex_lock(&r->store->lock);
        r->store->reader_db = db;
        pthread_mutex_unlock(&r->store->lock);
        r->db = db;
}

static void close_reader_db(struct reader *r)
{
        sqlite3 *db = r->db;

        set_reader_db(r, NULL);
        db_close(db);
}

/* All of a question's statements see the same state, and the database is locked for reading once, not for each of them: the
 * last runs of 1,000 jobs are 1,000 statements. */
static int run_in_one_view(struct reader *r, struct work *w)
{
        int e;

        e = db_exec(r->db, "BEGIN", "cannot read", &w->error);
        if (e == 0)
                e = w->run(w, r->db, &w->error);
        if (!sqlite3_get_autocommit(r->db))
                (void)sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
        return e;
}

static void answer(struct reader *r, struct work *w)
{
        int e = 0;

        if (w->needs_db && !r->db) {
                sqlite3 *db = NULL;

                e = db_open(r->store->path, DB_READER, &db, &w->error);
                if (e == 0) {
                        sqlite3_progress_handler(db, 10000, too_late, r);
                        set_reader_db(r, db);
                }
        }
        r->deadline = store_now_usec() + QUESTION_USEC;
        if (e == 0)
                e = w->needs_db ? run_in_one_view(r, w) : w->run(w, r->db, &w->error);
        if (e == -ECANCELED) {
                w->error = ERROR_NULL;
                (void)error_set(&w->error, e, ERROR_BUSY,
                                "the history is too long to answer that in time; ask for less of it");
        } else if (e < 0) {
                (void)error_set(&w->error, e, ERROR_UNAVAILABLE, "the history can't be read");
                /* Whatever it is, a new connection knows nothing of it. */
                if (r->db)
                        close_reader_db(r);
        }
}

static void *reader_main(void *arg)
{
        struct reader *r = arg;
        struct store *s = r->store;

        pthread_mutex_lock(&s->lock);
        for (;;) {
                struct work *w;

                while (!s->closing && !s->asked.first)
                        pthread_cond_wait(&s->questions, &s->lock);
                if (s->closing)
                        break;
                w = s->asked.first;
                s->asked.first = w->next;
                if (!s->asked.first)
                        s->asked.last = &s->asked.first;
                pthread_mutex_unlock(&s->lock);

                answer(r, w);

                pthread_mutex_lock(&s->lock);
                w->next = NULL;
                *s->answered.last = w;
                s->answered.last = &w->next;
                store_wake(s);
        }
        pthread_mutex_unlock(&s->lock);
        close_reader_db(r);
        free(r);
        store_thread_ends(s);
        return NULL;
}

int reader_start(struct store *s, struct error *reterr)
{
        struct reader *r = calloc(1, sizeof(*r));
        int e;

        if (!r)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        r->store = s;
        pthread_mutex_lock(&s->lock); /* the writer runs already */
        s->n_threads++;
        pthread_mutex_unlock(&s->lock);
        e = pthread_create(&s->reader_thread, NULL, reader_main, r);
        if (e != 0) {
                store_thread_ends(s);
                free(r);
                return error_set(reterr, -e, ERROR_FAILED, "cannot start a thread: %s", strerror(e));
        }
        (void)pthread_setname_np(s->reader_thread, "store-reader");
        s->have_reader = true;
        return 0;
}

/* ---- work that is not SQL */

struct offload {
        struct work work;
        void (*fn)(void *arg);
        void (*done)(void *arg);
        void *arg;
};

static int run_offload(struct work *w, sqlite3 *db, struct error *reterr)
{
        struct offload *o = (struct offload *)w;

        o->fn(o->arg);
        return 0;
}

static void deliver_offload(struct work *w, const struct error *err)
{
        struct offload *o = (struct offload *)w;

        o->done(o->arg);
        free(o);
}

int store_offload(struct store *s, void (*fn)(void *arg), void (*done)(void *arg), void *arg)
{
        struct offload *o = calloc(1, sizeof(*o));

        if (!o)
                return -ENOMEM;
        o->work = (struct work){ .run = run_offload, .deliver = deliver_offload };
        o->fn = fn;
        o->done = done;
        o->arg = arg;
        return reader_ask(s, &o->work);
}
