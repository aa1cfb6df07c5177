/* Writes and syncs that fail: every one of a scenario in turn.  Nothing is lost, nothing is written twice, it is
 * told, and told again when it works. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fault-vfs.h"
#include "lib/tap.h"
#include "store-lib.h"
#include "store/internal.h"

#define N_UNITS 12u

/* Unit n: run n is created, the one before it ends; a file's text tells the number. */
static void put_unit(struct store *s, uint64_t seq)
{
        struct job_state j = make_job(1, "a");
        struct run_info r = make_run(seq, 1, RUN_QUEUED);
        char text[32];

        j.watermark = WALL_SEC(1700000000 + (int64_t)seq);
        (void)snprintf(text, sizeof(text), "unit %u", (unsigned)seq);
        (void)put_job(s, seq, &j);
        (void)put_run(s, seq, &r);
        (void)put_transition(s, seq, seq, RUN_QUEUED, REASON_NONE, (int64_t)seq);
        if (seq > 1) {
                r = make_run(seq - 1, 1, RUN_SUCCEEDED);
                r.usage.output_bytes = 10;
                (void)put_run(s, seq, &r);
                (void)put_transition(s, seq, seq - 1, RUN_SUCCEEDED, REASON_NONE, (int64_t)seq);
        }
        (void)put_file(s, seq, "/f", text);
        store_submit(s, seq);
}

/* Exactly the rows of units 1 … n are there. */
static bool is_after(const char *dir, int64_t n)
{
        char sql[512];

        (void)snprintf(
                sql, sizeof(sql),
                "SELECT (SELECT count(*) FROM run) = %lld AND (SELECT count(*) FROM transition) = max(2 * %lld - 1, 0)"
                " AND (SELECT count(*) FROM run WHERE state = 5) = max(%lld - 1, 0) AND (SELECT seq FROM meta) = %lld"
                " AND coalesce((SELECT runs = max(%lld - 1, 0) AND log_bytes = 10 * max(%lld - 1, 0)"
                " AND watermark = (1700000000 + %lld) * 1000000 FROM job), %lld = 0)"
                " AND coalesce((SELECT CAST(text AS TEXT) = 'unit %lld' FROM file), %lld = 0)",
                (long long)n, (long long)n, (long long)n, (long long)n, (long long)n, (long long)n, (long long)n,
                (long long)n, (long long)n, (long long)n);
        return sql_number(dir, sql) == 1;
}

struct seen {
        unsigned failures;
        bool ordered;
        uint64_t seq;
};

static bool run_units(struct store *s, struct seen *x)
{
        uint64_t given = 0;
        int64_t end = store_now_usec() + 20 * USEC_PER_SEC;

        *x = (struct seen){ .ordered = true };
        while (x->seq < N_UNITS && store_now_usec() < end) {
                struct store_news news;

                /* As the engine's: the next one when the one before is durable, or told to have failed. */
                if (given < N_UNITS && (given <= x->seq || x->failures > 0))
                        put_unit(s, ++given);
                if (store_poll(s, &news)) {
                        x->failures += news.failed;
                        x->ordered &= !(news.failed && news.stored) &&
                                      (!news.stored || (news.seq >= x->seq && news.seq <= given));
                        if (news.stored)
                                x->seq = news.seq;
                }
        }
        return x->seq == N_UNITS;
}

static void test_each_call_fails(unsigned times)
{
        unsigned n = 1, told = 0, bad = 0, calls;

        for (bool untouched = false; !untouched; n++) {
                const char *dir = scratch_folder();
                struct store *s = open_store(dir);
                struct seen x;

                s->retry_usec = 1000;
                fault_vfs_fail(n, times);
                if (store_start(s, &(struct store_options){ .gather_usec = 1 }, NULL) < 0)
                        abort();
                if (!run_units(s, &x) || !x.ordered) {
                        bad++;
                        diag("call %u, %u times: stored up to %u, %u failures told", n, times, (unsigned)x.seq,
                             x.failures);
                }
                calls = fault_vfs_calls();
                untouched = calls < n;
                told += x.failures > 0;
                fault_vfs_fail(0, 0);
                store_close(s);
                if (!is_after(dir, N_UNITS)) {
                        bad++;
                        diag("call %u, %u times: not the right rows", n, times);
                }
                remove_tree(dir);
                forget_scratch();
        }
        diag("%u calls, each failing %u times: %u failures were told", n - 2, times, told);
        ok(bad == 0, "each call in turn fails %u times, and nothing is lost or doubled", times);
        ok(n > 10 && told > 5, "and that is told");
}

/* It fails until it is closed: what was told to be stored is there, and nothing but whole units in order. */
static void test_fails_for_good(void)
{
        unsigned bad = 0;

        for (unsigned n = 1; n < 40; n += 3) {
                const char *dir = scratch_folder();
                struct store *s = open_store(dir);
                struct store_news news;
                uint64_t seq = 0;
                int64_t stored;
                bool failed = false;

                s->retry_usec = 1000;
                fault_vfs_fail(n, 1000000);
                if (store_start(s, &(struct store_options){ .gather_usec = 1 }, NULL) < 0)
                        abort();
                for (unsigned i = 1; i <= 200 && !failed; i++) {
                        put_unit(s, i);
                        if (i % 3 == 0)
                                (void)poll(&(struct pollfd){ .fd = store_fd(s), .events = POLLIN }, 1, 1000);
                        if (store_poll(s, &news) && news.stored)
                                seq = news.seq;
                        failed |= news.failed;
                }
                if (!failed && !wait_failed(s, &news))
                        bad++;
                /* Time is short: the deadline of closing is for disks. */
                pthread_mutex_lock(&s->lock);
                s->close_now = true;
                pthread_mutex_unlock(&s->lock);
                store_close(s);
                fault_vfs_fail(0, 0);
                s = open_store(dir);
                store_close(s);
                stored = sql_number(dir, "SELECT seq FROM meta");
                if (stored < (int64_t)seq || !is_after(dir, stored))
                        bad++;
                remove_tree(dir);
                forget_scratch();
        }
        is_int(bad, 0, "a disk that fails for good: what was told to be stored is there");
}

/* Opening: each call fails in turn.  An error with a text, then it works. */
static void test_opening_fails(void)
{
        unsigned bad = 0, refused = 0, n = 1;

        for (bool untouched = false; !untouched; n++) {
                const char *dir = scratch_folder();
                struct error err = ERROR_NULL;
                struct store *s = NULL;
                int r;

                fault_vfs_fail(n, 1);
                r = store_open(dir, &s, NULL, &err);
                untouched = fault_vfs_calls() < n;
                refused += r < 0;
                if (r < 0 && (s || err.code == ERROR_NONE || !strstr(err.message, "state.db"))) {
                        bad++;
                        diag("call %u: %s", n, err.message);
                }
                store_close(s);
                fault_vfs_fail(0, 0);
                s = open_store(dir);
                store_close(s);
                if (!is_after(dir, 0))
                        bad++;
                remove_tree(dir);
                forget_scratch();
        }
        is_int(bad, 0, "each call of opening a new one fails in turn: told, and it works the next time");
        ok(refused > 5, "%u of %u were refused", refused, n - 2);
}

/* A real full disk, as far as an unprivileged test can have one: a limit on the size of files. */
static void test_file_size_limit(void)
{
        const char *dir = scratch_folder();
        struct store *s = open_store(dir);
        struct rlimit before, limit;
        struct store_news news;
        static char text[200000];

        (void)signal(SIGXFSZ, SIG_IGN);
        s->retry_usec = 1000;
        if (getrlimit(RLIMIT_FSIZE, &before) < 0)
                abort();
        limit = before;
        limit.rlim_cur = 150000;
        memset(text, 'x', sizeof(text) - 1);
        if (store_start(s, &(struct store_options){ .gather_usec = 1 }, NULL) < 0)
                abort();
        put_unit(s, 1);
        ok(wait_stored(s, 1, NULL), "it works");
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
                abort();
        (void)put_file(s, 2, "/big", text);
        store_submit(s, 2);
        ok(wait_failed(s, &news), "a file that may not grow: told");
        diag("%s", news.error.message);
        ok(strstr(news.error.message, "state.db") != NULL && news.error.code == ERROR_UNAVAILABLE, "with a message");
        is_int(sql_number(dir, "SELECT count(*) FROM file"), 1,
               "the transaction is rolled back, and can be read meanwhile");
        (void)setrlimit(RLIMIT_FSIZE, &before);
        ok(wait_stored(s, 2, NULL), "and when it may, it is stored");
        store_close(s);
        is_int(sql_number(dir, "SELECT sum(length(text)) FROM file"), 199999 + 6, "whole");
}

/* Somebody puts another database in its place. */
static void test_replaced(void)
{
        const char *dir = scratch_folder(), *old = scratch_folder();
        struct store *s = start_store(old, NULL);
        char from[128], to[128], wal[128];
        struct store_news news;

        put_unit(s, 1);
        (void)wait_stored(s, 1, NULL);
        store_close(s);
        s = open_store(dir);
        s->retry_usec = 1000;
        if (store_start(s, &(struct store_options){ .gather_usec = 1 }, NULL) < 0)
                abort();
        for (unsigned i = 1; i <= 5; i++)
                put_unit(s, i);
        (void)wait_stored(s, 5, NULL);
        (void)snprintf(from, sizeof(from), "%s/state.db", old);
        (void)snprintf(to, sizeof(to), "%s/state.db", dir);
        (void)snprintf(wal, sizeof(wal), "%s/state.db-wal", dir);
        if (rename(from, to) < 0 || remove(wal) < 0)
                abort();
        fault_vfs_fail(1, 1);
        put_unit(s, 6);
        ok(wait_failed(s, &news), "a write fails");
        while (!strstr(news.error.message, "replaced") && wait_failed(s, &news))
                ;
        ok(strstr(news.error.message, "replaced") != NULL, "an older database in its place is not taken for ours");
        pthread_mutex_lock(&s->lock);
        s->close_now = true;
        pthread_mutex_unlock(&s->lock);
        store_close(s);
        fault_vfs_fail(0, 0);
}

int main(void)
{
        scratch_in_memory();
        fault_vfs_install();
        test_each_call_fails(1);
        test_each_call_fails(2);
        test_each_call_fails(5);
        test_fails_for_good();
        test_opening_fails();
        test_file_size_limit();
        test_replaced();
        return tap_done();
}
