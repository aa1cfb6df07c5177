/* What is put comes back, every field of it; units in order; many units in one commit. */
#include <sqlite3.h>
#include <string.h>

#include "lib/tap.h"
#include "store-lib.h"
#include "store/internal.h"

#define N_JOBS 20u
#define N_RUNS 300u

struct expected {
        struct job_state jobs[N_JOBS + 1];
        struct run_info runs[N_RUNS + 1];
        char names[N_JOBS + 1][32];
        unsigned seen, wrong;
};

static int check_job(void *arg, const struct job_state *j)
{
        struct expected *x = arg;

        x->seen++;
        if (j->id == 0 || j->id > N_JOBS || !jobs_equal(j, &x->jobs[j->id]))
                x->wrong++;
        return 0;
}

static int check_run(void *arg, const struct run_info *r, const char *definition, size_t size)
{
        struct expected *x = arg;

        x->seen++;
        if (r->id == 0 || r->id > N_RUNS || !runs_equal(r, &x->runs[r->id]) || !streq(r->job, x->names[r->job_id]) ||
            run_state_ends(r->state))
                x->wrong++;
        return 0;
}

static void put_randomly(struct store *s, struct expected *x, uint64_t *rng, uint64_t *seq)
{
        for (unsigned i = 1; i <= N_JOBS; i++) {
                (void)snprintf(x->names[i], sizeof(x->names[i]), "group%u/job.%u", i % 3, i);
                x->jobs[i] = random_job(rng, i, x->names[i]);
                (void)put_job(s, *seq, &x->jobs[i]);
        }
        for (unsigned i = 1; i <= N_RUNS; i++) {
                x->runs[i] = random_run(rng, i, 1 + random_u64(rng) % N_JOBS);
                (void)put_run(s, *seq, &x->runs[i]);
                if (i % 7 == 0)
                        store_submit(s, (*seq)++);
        }
        /* And again: some in the same unit twice, some in a later one, one with another job. */
        for (unsigned n = 0; n < 400; n++) {
                unsigned i = 1 + (unsigned)(random_u64(rng) % N_RUNS), j = 1 + (unsigned)(random_u64(rng) % N_JOBS);

                x->runs[i] = random_run(rng, i, n % 50 == 0 ? 1 + random_u64(rng) % N_JOBS : x->runs[i].job_id);
                x->jobs[j] = random_job(rng, j, x->names[j]);
                (void)put_run(s, *seq, &x->runs[i]);
                (void)put_job(s, *seq, &x->jobs[j]);
                if (n % 9 == 0)
                        store_submit(s, (*seq)++);
        }
        store_submit(s, *seq);
}

static void test_round_trip(uint64_t seed)
{
        static struct expected x;
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct store_meta meta;
        uint64_t seq = 1;
        unsigned unfinished = 0;

        put_randomly(s, &x, &seed, &seq);
        ok(wait_stored(s, seq, NULL), "stored");
        ok(!store_close(s), "closed");

        s = open_store(dir);
        ok(store_load_meta(s, &meta, NULL) == 0, "meta is read");
        is_int(meta.next_run, N_RUNS + 1, "next run");
        is_int(meta.next_job, N_JOBS + 1, "next job");
        is_int(meta.next_seq, seq + 1, "next unit");
        x.seen = x.wrong = 0;
        is_int(store_load_jobs(s, check_job, &x, NULL), 0, "jobs are loaded");
        is_int(x.seen, N_JOBS, "all jobs");
        is_int(x.wrong, 0, "every field of every job");
        for (unsigned i = 1; i <= N_RUNS; i++)
                unfinished += !run_state_ends(x.runs[i].state);
        x.seen = x.wrong = 0;
        is_int(store_load_runs(s, check_run, &x, NULL), 0, "runs are loaded");
        is_int(x.seen, unfinished, "all unfinished runs, no other");
        is_int(x.wrong, 0, "every field of them");
        store_close(s);
        is_int(sql_number(dir, "SELECT count(*) FROM run"), N_RUNS, "finished ones are kept");
        /* The counters that pruning goes by, against the rows. */
        is_int(sql_number(
                       dir,
                       "SELECT count(*) FROM job"
                       " WHERE runs <> (SELECT count(*) FROM run WHERE run.job = job.id AND state >= 5)"
                       " OR log_bytes <> (SELECT coalesce(sum(max(output_bytes - dropped_bytes, 0)), 0) FROM run"
                       " WHERE run.job = job.id AND state >= 5)") >= 0,
               1, "counters can be compared");
}

/* Runs only go forward, as the engine's do: then the counters are exact. */
static void test_counters(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state a = make_job(1, "a"), b = make_job(2, "b");
        uint64_t seq = 1, rng = 5;

        (void)put_job(s, seq, &a);
        (void)put_job(s, seq, &b);
        for (unsigned i = 1; i <= 200; i++) {
                struct run_info r = make_run(i, 1 + i % 2, RUN_QUEUED);

                for (int state = RUN_QUEUED; state <= (i % 10 == 0 ? RUN_RUNNING : RUN_SUCCEEDED); state++) {
                        r.state = (enum run_state)state;
                        r.usage.output_bytes = random_u64(&rng) % 1000;
                        r.usage.dropped_bytes = random_u64(&rng) % 1000;
                        (void)put_run(s, seq, &r);
                        if (random_u64(&rng) % 3 == 0)
                                store_submit(s, seq++);
                }
                (void)put_run(s, seq, &r); /* an end told twice */
        }
        store_submit(s, seq);
        ok(wait_stored(s, seq, NULL), "stored");
        store_close(s);
        is_int(sql_number(dir, "SELECT sum(runs) FROM job"), 180, "finished runs are counted once");
        is_int(sql_number(
                       dir,
                       "SELECT count(*) FROM job"
                       " WHERE runs <> (SELECT count(*) FROM run WHERE run.job = job.id AND state >= 5)"
                       " OR log_bytes <> (SELECT sum(max(output_bytes - dropped_bytes, 0)) FROM run"
                       " WHERE run.job = job.id AND state >= 5)"),
               0, "counters agree with the rows");
}

struct files {
        unsigned n;
        char text[3][64];
        bool right;
};

static int take_file(void *arg, const struct file_row *f)
{
        struct files *x = arg;

        x->right &= f->uid == 7 && f->mode == 0644 && x->n < 3;
        if (x->n < 3)
                (void)snprintf(x->text[x->n], sizeof(x->text[0]), "%s=%.*s", f->path, (int)f->size,
                               (const char *)f->text);
        x->n++;
        return 0;
}

static int take_definition(void *arg, const struct run_info *r, const char *definition, size_t size)
{
        char *p = (char *)arg + strlen(arg);

        (void)snprintf(p, 64, "%llu:%.*s ", (unsigned long long)r->id, definition ? (int)size : 4,
                       definition ? definition : "none");
        return 0;
}

static int stop_at_second(void *arg, const struct run_info *r, const char *definition, size_t size)
{
        return ++*(int *)arg == 2 ? -77 : 0;
}

static void test_files_and_definitions(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a");
        struct run_info r = make_run(1, 1, RUN_RUNNING);
        struct files x = { .right = true };
        char text[256] = "";
        int n = 0;

        (void)put_job(s, 1, &j);
        (void)put_definition(s, 1, "a", 1, "{\"one\":1}");
        memset(r.digest, 1, sizeof(r.digest));
        (void)put_run(s, 1, &r);
        r.id = 2;
        memset(r.digest, 2, sizeof(r.digest));
        (void)put_run(s, 1, &r);
        (void)put_definition(s, 1, "a", 2, "{\"two\":2}");
        (void)put_job(s, 1, &j); /* once more: nothing is lost by that */
        r.id = 3;
        memset(r.digest, 3, sizeof(r.digest));
        (void)put_run(s, 1, &r);
        (void)put_file(s, 2, "/etc/jobs.d/b.yaml", "b: old");
        (void)put_file(s, 2, "/etc/jobs.d/a.yaml", "a: 1");
        (void)put_file(s, 2, "/etc/jobs.d/c.yaml", "c: 1");
        (void)put_file(s, 3, "/etc/jobs.d/b.yaml", "");
        (void)put_file(s, 4, "/etc/jobs.d/c.yaml", NULL);
        store_submit(s, 4);
        ok(wait_stored(s, 4, NULL), "stored");
        store_close(s);
        is_int(sql_number(dir, "SELECT count(*) FROM definition WHERE job = 1"), 2, "definitions know their job");
        is_int(sql_number(dir, "SELECT owner FROM job"), 1000, "the job knows its owner, the last definition's");

        s = open_store(dir);
        is_int(store_load_files(s, take_file, &x, NULL), 0, "files are loaded");
        is_int(x.n, 2, "a forgotten file is gone");
        is_str(x.text[0], "/etc/jobs.d/a.yaml=a: 1", "in order of path");
        is_str(x.text[1], "/etc/jobs.d/b.yaml=", "the last text, empty as it is");
        ok(x.right, "owner and mode");
        is_int(store_load_runs(s, take_definition, text, NULL), 0, "runs are loaded");
        is_str(text, "1:{\"one\":1} 2:{\"two\":2} 3:none ", "in order, with their definitions");
        is_int(store_load_runs(s, stop_at_second, &n, NULL), -77, "the callback's answer ends the loading");
        if (store_start(s, &(struct store_options){ 0 }, NULL) < 0)
                abort();
        (void)store_put(s, 5, &(struct row){ .type = ROW_BOOT, .boot = "another" }, NULL, 0);
        store_submit(s, 5);
        ok(wait_stored(s, 5, NULL), "stored");
        store_close(s);
        s = open_store(dir);
        struct store_meta m1, m2;
        ok(store_load_meta(s, &m1, NULL) == 0 && streq(m1.boot, "another") && m1.seed != 0,
           "the boot (a row of a unit) and the seed are read");
        store_close(s);
        s = open_store(dir);
        ok(store_load_meta(s, &m2, NULL) == 0 && m2.seed == m1.seed, "the seed stays");
        store_close(s);
}

/* Many small units while one is being written share a commit; each is told in order. */
static void test_group_commit(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a");
        struct store_news news, last = { 0 };
        uint64_t n = 2000;
        bool ordered = true;

        (void)put_job(s, 1, &j);
        for (uint64_t seq = 1; seq <= n; seq++) {
                struct run_info r = make_run(seq, 1, RUN_STARTING);

                (void)put_run(s, seq, &r);
                (void)put_transition(s, seq, seq, RUN_STARTING, REASON_NONE, (int64_t)seq);
                store_submit(s, seq);
                if (store_poll(s, &news)) {
                        ordered &= news.seq >= last.seq && news.seq <= seq && !news.failed;
                        last = news;
                }
        }
        ok(wait_stored(s, n, &news), "stored");
        ok(ordered, "told in order, and nothing that was not given");
        ok(news.commits >= 2 && news.commits <= n / 4, "%llu units in %llu commits", (unsigned long long)n,
           (unsigned long long)news.commits);
        /* Units without rows are acknowledged too. */
        store_submit(s, n + 5);
        ok(wait_stored(s, n + 5, &news) && news.seq == n + 5, "a unit without rows");
        /* A unit that is not complete is not written. */
        struct run_info r = make_run(n + 1, 1, RUN_QUEUED);
        (void)put_run(s, n + 6, &r);
        store_close(s);
        is_int(sql_number(dir, "SELECT count(*) FROM run"), (int64_t)n, "an incomplete unit is not stored");
        is_int(sql_number(dir, "SELECT count(*) FROM (SELECT run FROM transition GROUP BY run HAVING count(*) = 1)"),
               (int64_t)n, "a transition each");
        is_int(sql_number(dir, "SELECT seq FROM meta"), (int64_t)n, "the last unit with rows");
}

/* What was submitted is stored by store_close() itself. */
static void test_close(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a");
        uint64_t n = 3000;

        (void)put_job(s, 1, &j);
        for (uint64_t seq = 1; seq <= n; seq++) {
                struct run_info r = make_run(seq, 1, RUN_SUCCEEDED);

                (void)put_run(s, seq, &r);
                store_submit(s, seq);
        }
        store_close(s);
        is_int(sql_number(dir, "SELECT count(*) FROM run"), (int64_t)n, "closing stores what was submitted");
        is_int(sql_number(dir, "SELECT runs FROM job"), (int64_t)n, "and counts it");
}

int main(void)
{
        test_round_trip(1);
        test_round_trip(2);
        test_counters();
        test_files_and_definitions();
        test_group_commit();
        test_close();
        return tap_done();
}
