/* State and history in SQLite.  WAL, synchronous=FULL, never EXCLUSIVE; nothing but SQLite ever opens state.db*.
 *
 * One writer thread commits what store_put() gathered: while one transaction is synced the next one gathers (group
 * commit). One reader thread answers questions with a connection of its own.  The loop's thread never waits for the
 * disk: it puts rows, and is told by an eventfd.  Rows are copied at store_put(), nothing is borrowed afterwards. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/event.h"

struct store;

/* Takes the lock (fcntl write lock on DIR/state.lock), opens or makes DIR/state.db, migrates it in one transaction
 * (a backup beside it before). -EWOULDBLOCK: another daemon has it, *ret_holder is its pid.  Others: *reterr says
 * what and where.  A newer schema: refused. */
int store_open(const char *dir, struct store **ret, int *ret_holder, struct error *reterr);
/* Commits what is gathered, waits for the threads (at most a few seconds), closes. NULL is fine.
 * Questions that are not answered yet get `unavailable`, from here, on the caller's thread. */
struct store *store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close);

/* ---- start-up, before store_start(); on the caller's thread */
struct store_meta {
        uint64_t next_run, next_job, next_seq; /* one over the greatest stored */
        uint64_t seed;                  /* made at creation from the kernel's random device */
        char boot[64];                  /* boot identity of the last daemon; "" */
};
int store_load_meta(struct store *s, struct store_meta *ret, struct error *reterr);
/* Each returns the first non-zero answer of the callback, or negative errno. */
int store_load_jobs(struct store *s, int (*fn)(void *arg, const struct job_state *), void *arg, struct error *reterr);
/* Unfinished runs; `definition` is the kept text of its digest, or NULL. */
int store_load_runs(struct store *s,
                    int (*fn)(void *arg, const struct run_info *, const char *definition, size_t size), void *arg,
                    struct error *reterr);
int store_load_files(struct store *s, int (*fn)(void *arg, const struct file_row *), void *arg, struct error *reterr);

/* ---- running */
struct store_options {
        const char *log_dir;  /* where log files of runs are, to remove them with their rows */
        /* In a burst, how long rows that a start waits for may wait for more of them, to share one sync (ten times
         * that for rows that only tell what happened).  Where nothing was committed in that time before, and for
         * what a person waits for: not at all.  0: 5 ms. */
        int64_t gather_usec;
};
/* Starts the threads. */
int store_start(struct store *s, const struct store_options *opt, struct error *reterr);
/* Becomes readable when store_poll() has something. */
int store_fd(const struct store *s);

/* One row of unit `seq` (units come in order).  For ROW_DEFINITION the caller gives the printed definition as well.
 * 0 or -ENOMEM. */
int store_put(struct store *s, uint64_t seq, const struct row *row, const char *definition, size_t definition_size);
/* The unit is complete: the writer may take it. */
void store_submit(struct store *s, uint64_t seq);

struct store_news {
        bool stored;       /* units up to seq are durable */
        uint64_t seq;
        bool failed;       /* writing fails (it is tried again each second, everything is kept and in order) */
        struct error error;
        uint64_t commits;  /* so far, for the benches */
};
/* What happened since the last call, at most one of `stored` and `failed`; runs the callbacks of finished queries.
 * True if *ret has news. A failure that was over before it could be told is not told. */
bool store_poll(struct store *s, struct store_news *ret);

/* How much history to keep; per job, as jobs change.  Pruned in small slices when the writer is idle. */
int store_set_keep(struct store *s, uint64_t job_id, uint32_t runs, int64_t age_usec, uint64_t log_bytes);

/* ---- questions, answered on the reader thread; the callback runs in store_poll() on the loop's thread, exactly once
 * (or, with `unavailable`, in store_close()).  0, -ENOMEM, or -EINVAL (a pattern of more than 1024 bytes): then it does
 * not run. */
struct run_filter {
        char **jobs;                 /* names or fnmatch patterns (NULL-terminated), NULL: all */
        uint32_t states;             /* bits RUN_BIT(state), 0: all */
        bool failed;                 /* failed, timed_out, lost, missed, or dead */
        int trigger;                 /* -1: all */
        char *user;                  /* NULL: all */
        bool unnamed_user;           /* with `user`: also those of jobs that name no user */
        struct wall since, until;    /* both included; of scheduled_at, or created_at where there is none.  {0}: open */
        uint64_t before;             /* paging: only runs numbered under this; 0: from the newest */
        uint64_t run;                /* only this run; 0 */
        uint32_t limit;              /* at most 1000, which is also what 0 means */
        bool see_own;                /* only runs of jobs whose definition's file is owned by `uid`, as far as known */
        uint32_t uid;
};
struct run_list {
        struct run_info *v;          /* newest first; strings owned by the list */
        size_t n;
        bool more;                   /* there are older ones that match */
};
/* Frees the list itself too.  NULL is fine. */
void run_list_free(struct run_list *l);
/* `filter` is copied.  cb gets the list (takes it) or an error. */
int store_query_runs(struct store *s, const struct run_filter *filter,
                     void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg);

struct run_transition {
        struct wall at;
        enum run_state state;
        enum run_reason reason;
        uint32_t start;
        int32_t wait_status;
        uint8_t stage;
        int32_t error;
};
struct run_detail {
        struct run_info run;         /* id 0: no such run */
        struct run_transition *transitions;
        size_t n_transitions;
        char *definition;            /* canonical JSON, or NULL */
};
void run_detail_free(struct run_detail *d); /* itself too; NULL is fine */
int store_query_run(struct store *s, uint64_t run,
                    void (*cb)(void *arg, struct run_detail *d, const struct error *err), void *arg);

/* The newest finished or range row of each of these jobs (for `list`), same order, id 0 where there is none.  names
 * are copied. */
int store_query_last(struct store *s, const char *const *names, size_t n,
                     void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg);

/* The rows of `job` that cover the instant `at`; if there are none the next one after it and the last one before it,
 * as far as there are. (for `why --at`) */
int store_query_instant(struct store *s, const char *job, struct wall at,
                        void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg);

/* Any work for the reader thread that is not SQL (reading log files): fn runs there, done on the loop's thread.  Others
 * wait behind it: no more than some milliseconds at a time.  When the store is closed before, fn does not run, done
 * does. */
int store_offload(struct store *s, void (*fn)(void *arg), void (*done)(void *arg), void *arg);

/* The text of a job file's last good version, for `cat` of a stale file; NULL text: none.  Borrowed in the callback. */
int store_query_file(struct store *s, const char *path,
                     void (*cb)(void *arg, const char *text, size_t size), void *arg);
