/* The store's inside.  Who may touch what:
 *
 *   loop's thread    gather (chunks being filled, units not yet submitted)
 *   writer thread    struct writer
 *   reader thread    struct reader
 *   under `lock`     what is said to be
 *
 * Submitted units are read by the writer alone, without the lock; their memory is given back under it. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/util.h"
#include "store/columns.h"
#include "store/db.h"
#include "store/store.h"

#define STORE_CHUNK_SIZE (64u << 10)
#define STORE_CHUNKS_KEPT 16u          /* free ones: 1 MiB */
#define STORE_LARGE_ROWS 4096u         /* a transaction of so many leaves no full cache behind */
#define STORE_TXN_ROWS 500u            /* one transaction takes whole units until it has that many rows */
#define STORE_GATHER_USEC 5000         /* see store_options.gather_usec */
#define STORE_RETRY_USEC USEC_PER_SEC
#define STORE_CLOSE_USEC (4 * USEC_PER_SEC)
#define STORE_CHECKPOINT_IDLE 1000     /* pages in the WAL that are moved when nothing is to be written, */
#define STORE_CHECKPOINT_FORCED 16384  /* and even if there is */
#define STORE_LOG_RESERVED (5 << 20)   /* bytes of WAL made ready at the start: somewhat over the pages of the first */
#define STORE_IDLE_USEC (500 * USEC_PER_MSEC) /* without a commit: then checkpoints and pruning may begin */

/* Pruning that waits for long gets a slice now and then even if there is something to write. */
#define STORE_PRUNE_USEC (2 * USEC_PER_SEC)

static inline int64_t store_now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* ---- gather.c: rows on their way to the writer.
 *
 * Rows lie in a chain of chunks, in order; a unit is done with in order too, so chunks are freed from the chain's
 * tail. */
struct chunk {
        struct chunk *next;
        size_t used, size;
        _Alignas(max_align_t) unsigned char data[];
};

struct record_definition {
        uint8_t digest[32];
        const char *job;
        const void *text;
        size_t size;
        uint32_t owner; /* UINT32_MAX: nobody's */
};

/* A copied row.  Allocated only as long as its type needs: keep the union last. */
struct record {
        struct record *next;
        enum row_type type;
        bool superseded; /* a later one of the same transaction has its place */
        union {
                struct job_state job;
                struct run_info run;
                struct {
                        uint64_t run;
                        struct transition t;
                } transition;
                struct record_definition definition;
                struct file_row file;
                const char *boot;
        };
};

/* How long a unit may wait for others, to share one sync with them. */
enum haste {
        HASTE_LAZY, /* only tells what happened: running, ends */
        HASTE_SOON, /* a start waits for it */
        HASTE_NOW,  /* a person waits for it */
};

struct unit {
        struct unit *next;
        uint64_t seq;
        struct record *first, *last;
        struct chunk *last_chunk; /* where its last record is */
        uint32_t rows;
        enum haste haste;
        bool has_run;
        int64_t submitted_usec;
};

struct gather {
        struct chunk *chunk;       /* being filled */
        struct unit *first, *last; /* not submitted */
        uint64_t last_run;         /* greatest number put so far */
};

struct keep_change {
        uint64_t job;
        int64_t age_usec;
        uint64_t log_bytes;
        uint32_t runs;
};

/* A question, or other work for the reader's thread. */
struct work {
        struct work *next;
        struct store *store;
        /* On the reader's thread; 0 or negative errno with *reterr set.  db is NULL for work that wants none. */
        int (*run)(struct work *w, sqlite3 *db, struct error *reterr);
        /* On the loop's thread; err is NULL if all went well.  Hands over results, then frees w. */
        void (*deliver)(struct work *w, const struct error *err);
        bool needs_db;
        struct error error;
};

struct work_queue {
        struct work *first, **last;
};

enum writer_sleep { WRITER_BUSY, WRITER_GATHERS, WRITER_IDLE };

struct store {
        char *path;                /* of state.db */
        int dir_fd, lock_fd, event_fd;
        sqlite3 *db;               /* start-up's, then the writer's */
        struct words words;
        char *log_dir;
        int64_t gather_usec;
        int64_t retry_usec, idle_usec; /* STORE_RETRY_USEC, STORE_IDLE_USEC; tests have less time */
        bool have_writer, have_reader;
        pthread_t writer_thread, reader_thread;
        struct gather gather;      /* loop's thread */

        pthread_mutex_t lock;      /* all below */
        pthread_cond_t work;       /* for the writer */
        pthread_cond_t questions;  /* for the reader */
        pthread_cond_t ended;      /* for the one who closes */
        unsigned n_threads;        /* not yet at their end */
        enum writer_sleep writer_sleep;
        enum haste writer_haste;   /* what it gathers for */
        int64_t writer_until;      /* when it wakes by itself */
        bool closing;
        int64_t close_deadline;
        bool close_now;            /* tests: a disk that fails is not waited for */

        struct unit *pending, **pending_last;    /* submitted, not yet taken by the writer */
        uint32_t pending_rows;
        enum haste pending_haste;
        int64_t pending_since, pending_newest;   /* arrival of the first and the newest unit of greatest haste */
        uint64_t submitted_seq;
        struct chunk *tail, *free_chunks;
        unsigned n_free_chunks;

        struct keep_change *keeps; /* to be taken over by the writer */
        size_t n_keeps, keeps_allocated;

        uint64_t stored_seq, told_seq, commits;  /* news */
        bool failing, failed_news;
        struct error failure;

        struct work_queue asked, answered;
        sqlite3 *reader_db;        /* to interrupt it */
};

struct unit *gather_take(struct store *s, uint32_t max_rows, struct unit **ret_last); /* locked */
void gather_release(struct store *s, const struct unit *last);                        /* locked */
void gather_free(struct store *s);

/* ---- writer.c, prune.c */
int writer_start(struct store *s, struct error *reterr);
void store_thread_ends(struct store *s); /* the last thing that a thread does with it */
/* Tells the loop that there is news. */
void store_wake(struct store *s);

struct prune;
int prune_new(struct store *s, struct prune **ret);
struct prune *prune_free(struct prune *p);
DEFINE_CLEANUP(struct prune *, prune_free);
/* Counters of what jobs have, as stored. */
int prune_load(struct prune *p, sqlite3 *db, struct error *reterr);
void prune_set_keep(struct prune *p, const struct keep_change *k);
/* A committed change of what a job has finished. */
void prune_add(struct prune *p, uint64_t job, int64_t runs, int64_t log_bytes);
/* Is there something to look at?  *ret_at: when (CLOCK_REALTIME) there may be, otherwise. */
bool prune_wanted(struct prune *p, struct wall now, struct wall *ret_at);
/* A slice of work: at most one transaction, and not much longer than 5 ms.  `stop` (NULL: never) is asked in
 * between. */
int prune_slice(struct prune *p, sqlite3 *db, struct wall now, bool (*stop)(void *arg), void *arg,
                struct error *reterr);
/* Statements of the connection that goes away. */
void prune_forget_db(struct prune *p);

/* ---- reader.c */
int reader_start(struct store *s, struct error *reterr);
/* Takes `w` (also on failure). */
int reader_ask(struct store *s, struct work *w);
void work_queue_let_go(struct work_queue *q);

/* ---- collect.c */
struct collector {
        struct run_info *v;   /* job and user hold an offset into `text` plus one, 0: NULL */
        size_t n, allocated;
        char *text;
        size_t text_size, text_allocated;
        size_t job_at;        /* the last job's name: runs of one job share it */
        uint64_t job_id;
};

void collector_done(struct collector *c);
int collector_add(struct collector *c, const struct run_info *run); /* copies it */
/* The first n in one allocation; the collector is emptied. */
int collector_finish(struct collector *c, size_t n, struct run_info **ret);

/* SELECT ... FROM run `rest`: columns as in run_columns, then the job's name.  sqlite3_free() it. */
char *sql_select_runs(const char *rest);
int prepare_runs(sqlite3 *db, const char *rest, sqlite3_stmt **ret, struct error *reterr);
/* Strings are borrowed until the next step.  -EBADMSG, -ENOMEM: see damaged_row(). */
int read_run(sqlite3_stmt *st, const struct words *w, struct run_info *ret);
int damaged_row(int r, struct error *reterr);
/* Steps until the collector has `max`, or there are no more. */
int collect_runs(sqlite3 *db, sqlite3_stmt *st, const struct words *w, size_t max, struct collector *c,
                 struct error *reterr);

/* For tests: what statfs says of a folder's file system, judged.  Its name if WAL can't work there, else NULL. */
const char *store_network_filesystem(long type);
