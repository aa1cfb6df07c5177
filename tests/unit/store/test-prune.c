/* What is kept of a job's history, and what goes: by number, by age, by the size of the logs; with everything that
 * belongs to it. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/tap.h"
#include "store-lib.h"
#include "store/internal.h"

#define ALWAYS USEC_INFINITY
#define ANY UINT64_MAX

static struct store *start(const char *dir, const char *log_dir)
{
        struct store *s = open_store(dir);

        s->idle_usec = 1000;
        if (store_start(s, &(struct store_options){ .log_dir = log_dir }, NULL) < 0)
                abort();
        return s;
}

/* Pruning is nobody's event: ask until it is so, for at most 10 s. */
static bool becomes(const char *dir, const char *sql, int64_t want)
{
        int64_t end = store_now_usec() + 10 * USEC_PER_SEC, got = 0;

        while (store_now_usec() < end) {
                got = sql_number(dir, sql);
                if (got == want)
                        return true;
                (void)poll(NULL, 0, 5);
        }
        diag("%s: %lld, not %lld", sql, (long long)got, (long long)want);
        return false;
}

/* It stays so for a while in which much could have been pruned. */
static bool stays(const char *dir, const char *sql, int64_t want)
{
        (void)poll(NULL, 0, 100);
        return sql_number(dir, sql) == want;
}

static void put_ended(struct store *s, uint64_t seq, uint64_t id, uint64_t job, uint64_t bytes, struct wall ended)
{
        struct run_info r = make_run(id, job, RUN_SUCCEEDED);

        r.ended_at = ended;
        r.usage.output_bytes = bytes + 5;
        r.usage.dropped_bytes = 5;
        r.start = 2;
        (void)put_run(s, seq, &r);
        (void)put_transition(s, seq, id, RUN_QUEUED, REASON_NONE, 1);
        (void)put_transition(s, seq, id, RUN_SUCCEEDED, REASON_NONE, 2);
}

static void test_number(void)
{
        const char *dir = scratch_folder();
        struct store *s = start(dir, NULL);
        struct job_state a = make_job(1, "a"), b = make_job(2, "b"), c = make_job(3, "c");
        struct wall now = clock_wall();
        uint64_t id = 1;

        (void)put_job(s, 1, &a);
        (void)put_job(s, 1, &b);
        (void)put_job(s, 1, &c);
        for (int i = 0; i < 1000; i++)
                for (uint64_t job = 1; job <= 3; job++)
                        put_ended(s, 1, id++, job, 10, now);
        /* Old ones that go on. */
        for (int i = 0; i < 5; i++) {
                struct run_info r = make_run(id++, 1, RUN_RUNNING);

                (void)put_run(s, 1, &r);
        }
        store_submit(s, 1);
        (void)store_set_keep(s, 1, 100, ALWAYS, ANY);
        (void)store_set_keep(s, 2, 5000, ALWAYS, ANY);
        (void)wait_stored(s, 1, NULL);
        ok(becomes(dir, "SELECT count(*) FROM run WHERE job = 1 AND state >= 5", 100), "as many as are to be kept");
        is_int(sql_number(dir, "SELECT min(id) FROM run WHERE job = 1 AND state >= 5"), 3000 - 2 - 99 * 3,
               "the newest");
        is_int(sql_number(dir, "SELECT count(*) FROM run WHERE job = 1 AND state < 5"), 5, "those that go on stay");
        is_int(sql_number(dir, "SELECT count(*) FROM run WHERE job = 2"), 1000, "of another job what it keeps");
        is_int(sql_number(dir, "SELECT count(*) FROM run WHERE job = 3"), 1000, "of one without a rule everything");
        is_int(sql_number(dir, "SELECT count(*) FROM transition WHERE run NOT IN (SELECT id FROM run)"), 0,
               "transitions went too");
        is_int(sql_number(dir, "SELECT runs = 100 AND log_bytes = 1000 FROM job WHERE id = 1"), 1,
               "counters are right");

        /* From now on each new one pushes out the oldest. */
        put_ended(s, 2, id, 1, 10, now);
        store_submit(s, 2);
        ok(becomes(dir, "SELECT min(id) FROM run WHERE job = 1 AND state >= 5", 3000 - 2 - 98 * 3), "one in, one out");
        is_int(sql_number(dir, "SELECT count(*) FROM run WHERE job = 1 AND state >= 5"), 100, "as many as before");
        /* A rule that changes. */
        (void)store_set_keep(s, 2, 3, ALWAYS, ANY);
        ok(becomes(dir, "SELECT count(*) FROM run WHERE job = 2", 3), "a rule that changes");
        (void)store_set_keep(s, 1, 0, ALWAYS, ANY);
        ok(becomes(dir, "SELECT count(*) FROM run WHERE job = 1 AND state >= 5", 0), "nothing but what goes on");
        is_int(sql_number(dir, "SELECT count(*) FROM run WHERE job = 1"), 5, "which stays");
        store_close(s);

        /* And after a restart, by the counters that were stored. */
        s = start(dir, NULL);
        (void)store_set_keep(s, 3, 10, ALWAYS, ANY);
        ok(becomes(dir, "SELECT count(*) FROM run WHERE job = 3", 10), "after a restart");
        store_close(s);
        struct store_meta meta;
        s = open_store(dir);
        ok(store_load_meta(s, &meta, NULL) == 0 && meta.next_run == id + 1, "numbers are not given again");
        store_close(s);
}

static void test_age(void)
{
        const char *dir = scratch_folder();
        struct store *s = start(dir, NULL);
        struct job_state a = make_job(1, "a");
        struct wall now = clock_wall();

        (void)put_job(s, 1, &a);
        for (uint64_t i = 1; i <= 300; i++)
                put_ended(s, 1, i, 1, 0, wall_add(now, -(int64_t)(300 - i) * USEC_PER_HOUR - USEC_PER_MINUTE));
        store_submit(s, 1);
        (void)wait_stored(s, 1, NULL);
        (void)store_set_keep(s, 1, 1000, 400 * USEC_PER_HOUR, ANY);
        ok(stays(dir, "SELECT count(*) FROM run", 300), "none is too old");
        (void)store_set_keep(s, 1, 1000, 100 * USEC_PER_HOUR, ANY);
        ok(becomes(dir, "SELECT min(id) FROM run", 201), "those that are too old are gone");
        is_int(sql_number(dir, "SELECT count(*) FROM run"), 100, "no other");
        (void)store_set_keep(s, 1, 1000, ALWAYS, ANY);
        ok(stays(dir, "SELECT count(*) FROM run", 100), "for ever");
        store_close(s);
}

static bool never(void *arg)
{
        return false;
}

/* What becomes too old later is found by the sweep, each hour; here under a clock of our own. */
static void test_sweep(void)
{
        const char *dir = scratch_folder();
        struct store *s = start(dir, NULL);
        struct wall at, now = WALL_SEC(1000000);
        struct prune *p = NULL;
        struct job_state a = make_job(1, "a"), b = make_job(2, "b");

        (void)put_job(s, 1, &a);
        (void)put_job(s, 1, &b);
        for (uint64_t i = 1; i <= 10; i++)
                put_ended(s, 1, i, 1, 0, WALL_SEC(1000000 + (int64_t)i * 1000));
        put_ended(s, 1, 11, 2, 0, now);
        store_submit(s, 1);
        store_close(s);

        s = open_store(dir);
        if (prune_new(s, &p) < 0 || prune_load(p, s->db, NULL) < 0)
                abort();
        ok(!prune_wanted(p, now, &at) && wall_is_never(at), "without rules nothing is to be done, ever");
        prune_set_keep(
                p, &(struct keep_change){ .job = 1, .runs = 1000, .age_usec = 50000 * USEC_PER_SEC, .log_bytes = ANY });
        ok(prune_wanted(p, now, &at), "a rule: the job is looked at");
        is_int(prune_slice(p, s->db, now, never, NULL, NULL), 0, "a slice");
        ok(!prune_wanted(p, now, &at) && at.usec - now.usec <= USEC_PER_HOUR && at.usec > now.usec,
           "then again within an hour");
        for (int64_t t = 1000000; t < 1060000; t += 600) {
                int64_t n = 0;

                now = WALL_SEC(t);
                while (prune_wanted(p, now, &at))
                        if (prune_slice(p, s->db, now, never, NULL, NULL) < 0)
                                abort();
                (void)db_number(s->db, "SELECT count(*) FROM run WHERE job = 1", &n, NULL);
                int64_t fresh = CLAMP(INT64_C(10) - (t - 50000 - 1000000) / 1000, INT64_C(0), INT64_C(10));
                int64_t fresh_before =
                        CLAMP(INT64_C(10) - (t - 3600 - 600 - 50000 - 1000000) / 1000, INT64_C(0), INT64_C(10));
                if (n < MIN(fresh, INT64_C(10)) - (t >= 1050000) || n > fresh_before) {
                        ok(false, "at %lld: %lld runs, between %lld and %lld wanted", (long long)t, (long long)n,
                           (long long)fresh, (long long)fresh_before);
                        break;
                }
        }
        int64_t n = -1;
        now = WALL_SEC(1070000);
        while (prune_wanted(p, now, &at))
                (void)prune_slice(p, s->db, now, never, NULL, NULL);
        ok(db_number(s->db, "SELECT count(*) FROM run WHERE job = 1", &n, NULL) == 0 && n == 0,
           "in the end all are too old");
        ok(db_number(s->db, "SELECT count(*) FROM run WHERE job = 2", &n, NULL) == 0 && n == 1,
           "a job without a rule keeps its own");
        ok(wall_is_never(at) || at.usec > now.usec, "and there is no hurry");
        p = prune_free(p);
        store_close(s);
}

static void make_folder_of(const char *path)
{
        char part[512];

        (void)snprintf(part, sizeof(part), "%s", path);
        for (char *p = part + 1; *p; p++)
                if (*p == '/') {
                        *p = '\0';
                        (void)mkdir(part, 0755);
                        *p = '/';
                }
}

static void make_log(const char *path)
{
        int fd;

        make_folder_of(path);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                abort();
        close(fd);
}

static bool exists(const char *log_dir, const char *name)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", log_dir, name);
        return access(path, F_OK) == 0;
}

static void test_logs(void)
{
        static const char *const suffixes[] = { "1.log", "1.log.1", "1.log.2", "2.log" };
        const char *dir = scratch_folder(), *log_dir = scratch_folder();
        struct store *s = start(dir, log_dir);
        struct job_state a = make_job(1, "alice:etl/load.x"), evil = make_job(2, "x/../../alice/etl"),
                         big = make_job(3, "big");
        struct wall now = clock_wall();
        char path[512], name[64];
        uint64_t id;

        (void)put_job(s, 1, &a);
        (void)put_job(s, 1, &evil);
        (void)put_job(s, 1, &big);
        for (id = 1; id <= 20; id++) {
                put_ended(s, 1, id, 1, 1 << 20, now);
                for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                        (void)snprintf(path, sizeof(path), "%s/alice/etl/load.x/%u.%s", log_dir, (unsigned)id,
                                       suffixes[i]);
                        make_log(path);
                }
        }
        (void)snprintf(path, sizeof(path), "%s/alice/etl/load.x/1.log", log_dir);
        make_log(path); /* not a run's */
        (void)snprintf(path, sizeof(path), "%s/alice/etl/21.1.log", log_dir);
        make_log(path);
        (void)snprintf(path, sizeof(path), "%s/x/none", log_dir);
        make_log(path);
        put_ended(s, 1, 21, 2, 100, now);
        put_ended(s, 1, 22, 2, 100, now);
        put_ended(s, 1, 23, 3, 100 << 20, now);
        store_submit(s, 1);
        (void)wait_stored(s, 1, NULL);
        (void)store_set_keep(s, 1, 1000, ALWAYS, 5 << 20);
        (void)store_set_keep(s, 2, 1, ALWAYS, ANY);
        (void)store_set_keep(s, 3, 1000, ALWAYS, 1024);
        ok(becomes(dir, "SELECT count(*) FROM run WHERE job = 1", 5),
           "as many as have no more output than is to be kept");
        is_int(sql_number(dir, "SELECT min(id) FROM run WHERE job = 1"), 16, "the newest");
        ok(becomes(dir, "SELECT count(*) FROM run WHERE job = 2", 1), "another");
        ok(stays(dir, "SELECT count(*) FROM run WHERE job = 3", 1), "the newest stays, however much it wrote");
        store_close(s); /* files went after the rows: now they are gone too */
        unsigned bad = 0;
        for (id = 1; id <= 20; id++)
                for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                        (void)snprintf(name, sizeof(name), "alice/etl/load.x/%u.%s", (unsigned)id, suffixes[i]);
                        bad += exists(log_dir, name) != (id > 15);
                }
        is_int(bad, 0, "log files go with their rows, of every attempt; the others stay");
        ok(exists(log_dir, "alice/etl/load.x/1.log"), "what is not a run's log stays");
        ok(exists(log_dir, "alice/etl/21.1.log"), "a name with .. leads nowhere");
}

/* Definitions go when their last run goes, but for the one in force. */
static void test_definitions(void)
{
        const char *dir = scratch_folder();
        struct store *s = start(dir, NULL);
        struct job_state a = make_job(1, "a"), b = make_job(2, "b");
        struct wall now = clock_wall();
        uint64_t id = 1;

        (void)put_job(s, 1, &a);
        (void)put_job(s, 1, &b);
        (void)put_definition(s, 1, "b", 100, "b");
        for (uint8_t d = 1; d <= 4; d++) {
                (void)put_definition(s, 1, "a", d, "text");
                for (int i = 0; i < 10; i++, id++) {
                        struct run_info r = make_run(id, 1, RUN_SUCCEEDED);

                        memset(r.digest, d, sizeof(r.digest));
                        r.ended_at = now;
                        (void)put_run(s, 1, &r);
                }
        }
        store_submit(s, 1);
        (void)wait_stored(s, 1, NULL);
        (void)store_set_keep(s, 1, 25, ALWAYS, ANY);
        ok(becomes(dir, "SELECT count(*) FROM run", 25), "25 runs are kept");
        is_int(sql_number(dir, "SELECT count(*) FROM run WHERE digest NOT IN (SELECT digest FROM definition)"), 0,
               "each with its definition");
        is_int(sql_number(dir, "SELECT count(*) FROM definition WHERE job = 1"), 3,
               "the one that none uses any more is gone");
        (void)store_set_keep(s, 1, 0, ALWAYS, ANY);
        ok(becomes(dir, "SELECT count(*) FROM run", 0), "no run is kept");
        is_int(sql_number(dir, "SELECT count(*) FROM definition WHERE job = 1"), 1, "the one in force stays");
        is_int(sql_number(
                       dir,
                       "SELECT hex(digest) = replace(printf('%.32c', 'x'), 'x', '04') FROM definition WHERE job = 1"),
               1, "it is the last one");
        is_int(sql_number(dir, "SELECT count(*) FROM definition WHERE job = 2"), 1, "another job's too");
        /* The job goes back to one that it had: it is in force again. */
        (void)put_definition(s, 2, "a", 2, "text");
        store_submit(s, 2);
        (void)wait_stored(s, 2, NULL);
        is_int(sql_number(dir, "SELECT count(*) FROM definition WHERE job = 1 AND superseded IS NULL"), 1,
               "one is in force");
        store_close(s);
}

/* Under load that never ends it is pruned too. */
static void test_never_idle(void)
{
        const char *dir = scratch_folder();
        struct store *s = open_store(dir);
        struct job_state a = make_job(1, "a");
        int64_t end = store_now_usec() + 15 * USEC_PER_SEC;
        struct store_news news;
        uint64_t id = 1, seq = 1;

        s->idle_usec = USEC_PER_HOUR; /* a load that never leaves it so long */
        if (store_start(s, &(struct store_options){ 0 }, NULL) < 0)
                abort();
        (void)put_job(s, 1, &a);
        (void)store_set_keep(s, 1, 10, ALWAYS, ANY);
        do {
                put_ended(s, seq, id++, 1, 0, clock_wall());
                store_submit(s, seq++);
                (void)poll(&(struct pollfd){ .fd = store_fd(s), .events = POLLIN }, 1, 10);
                (void)store_poll(s, &news);
        } while (store_now_usec() < end && sql_number(dir, "SELECT min(id) FROM run") <= 1);
        ok(store_now_usec() < end, "a store that is never idle is pruned too");
        store_close(s);
}

int main(void)
{
        scratch_in_memory();
        test_number();
        test_age();
        test_sweep();
        test_logs();
        test_definitions();
        test_never_idle();
        return tap_done();
}
