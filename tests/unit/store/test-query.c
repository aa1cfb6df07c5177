/* Questions: what the filters mean, against a model that looks at every run; paging; and that callbacks come once,
 * on the right thread. */
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/tap.h"
#include "store-lib.h"
#include "store/internal.h"

#define N_JOBS 40u
#define N_RUNS 3000u

static struct run_info runs[N_RUNS + 1];
static char names[N_JOBS + 1][32];
static uint32_t owners[N_JOBS + 1]; /* UINT32_MAX: not known */

static void fill(struct store *s, uint64_t *rng)
{
        static const char *const users[] = { NULL, "root", "alice", "bob" };
        uint64_t seq = 1;

        for (unsigned i = 1; i <= N_JOBS; i++) {
                struct job_state j;

                (void)snprintf(names[i], sizeof(names[i]), "%s%u",
                               i % 4 == 0   ? "etl/load."
                               : i % 4 == 1 ? "dump."
                               : i % 4 == 2 ? "alice:b"
                                            : "j",
                               i);
                j = make_job(i, names[i]);
                (void)put_job(s, seq, &j);
                owners[i] = UINT32_MAX;
                if (i % 3 == 0) {
                        (void)put_definition(s, seq, names[i], (uint8_t)i, "{}");
                        owners[i] = 1000 + i % 2;
                }
        }
        for (unsigned i = 1; i <= N_RUNS; i++) {
                struct run_info *r = &runs[i];

                *r = make_run(i, 1 + random_u64(rng) % N_JOBS, (enum run_state)(random_u64(rng) % RUN_STATE_NR));
                r->trigger = (enum run_trigger)(random_u64(rng) % TRIGGER_NR);
                r->user = users[random_u64(rng) % ARRAY_SIZE(users)];
                if (random_u64(rng) % 10 == 0)
                        r->flags = RUN_DEAD | RUN_CHAINED;
                if (r->trigger == TRIGGER_MANUAL)
                        r->scheduled_at = r->scheduled_until = WALL_NEVER;
                else
                        r->scheduled_at.usec -= (int64_t)(random_u64(rng) % 1000) * USEC_PER_SEC;
                (void)put_run(s, seq, r);
        }
        store_submit(s, seq);
        if (!wait_stored(s, seq, NULL))
                abort();
}

/* ---- the model */

static bool job_wanted(const struct run_filter *f, const char *name)
{
        if (!f->jobs)
                return true;
        for (char **p = f->jobs; *p; p++)
                if (streq(*p, name) || fnmatch(*p, name, 0) == 0)
                        return true;
        return false;
}

static bool run_wanted(const struct run_filter *f, const struct run_info *r)
{
        int64_t at = wall_is_never(r->scheduled_at) ? r->created_at.usec : r->scheduled_at.usec;

        return job_wanted(f, names[r->job_id]) && (f->states == 0 || (f->states & RUN_BIT(r->state))) &&
               (!f->failed || r->state == RUN_FAILED || r->state == RUN_TIMED_OUT || r->state == RUN_LOST ||
                r->state == RUN_MISSED || (r->flags & RUN_DEAD)) &&
               (f->trigger < 0 || f->trigger == (int)r->trigger) &&
               (!f->user || (r->user && streq(f->user, r->user))) && (f->since.usec == 0 || at >= f->since.usec) &&
               (f->until.usec == 0 || at <= f->until.usec) && (f->before == 0 || r->id < f->before) &&
               (f->run == 0 || r->id == f->run) &&
               (!f->see_own || (owners[r->job_id] != UINT32_MAX && owners[r->job_id] == f->uid));
}

struct answer {
        bool done, failed;
        unsigned calls;
        pthread_t thread;
        struct run_list *list;
        struct run_detail *detail;
        char text[128];
        struct error error;
};

static void take_list(void *arg, struct run_list *list, const struct error *err)
{
        struct answer *a = arg;

        a->done = true;
        a->failed = err != NULL;
        if (err)
                a->error = *err;
        a->calls++;
        a->thread = pthread_self();
        a->list = list;
}

static bool ask(struct store *s, const struct run_filter *f, struct answer *a)
{
        *a = (struct answer){ 0 };
        return store_query_runs(s, f, take_list, a) == 0 && wait_done(s, &a->done) && !a->failed && a->list;
}

/* All pages of a filter are what the model says. */
static bool pages_right(struct store *s, struct run_filter f)
{
        uint64_t next = f.before > 0 ? f.before - 1 : N_RUNS;
        bool more = true;

        while (more) {
                struct answer a;
                size_t i = 0;

                if (!ask(s, &f, &a) || a.list->n > f.limit)
                        return false;
                for (; next > 0 && i < f.limit; next--) {
                        if (!run_wanted(&f, &runs[next]))
                                continue;
                        if (i >= a.list->n || !runs_equal(&a.list->v[i], &runs[next]) ||
                            !streq(a.list->v[i].job, names[runs[next].job_id]))
                                return false;
                        i++;
                }
                if (i != a.list->n)
                        return false;
                more = a.list->more;
                if (!more)
                        while (next > 0 && !run_wanted(&f, &runs[next]))
                                next--;
                if (more && a.list->n == 0)
                        return false;
                if (a.list->n > 0)
                        f.before = a.list->v[a.list->n - 1].id;
                run_list_free(a.list);
        }
        return next == 0;
}

static struct run_filter random_filter(uint64_t *rng, char **patterns)
{
        static const char *const choice[] = {
                "dump.*", "etl/*",      "alice:*", "*",        "j3",    "j7",         "dump.1",
                "nothing", "*[13579]",  "j?",      "nothing*", "\\j3", "etl/load.4",
        };
        struct run_filter f = { .trigger = -1, .limit = 1 + (uint32_t)(random_u64(rng) % 700) };
        uint64_t x = random_u64(rng);

        if (x & 1) {
                size_t n = random_u64(rng) % 4;

                for (size_t i = 0; i < n; i++)
                        patterns[i] = (char *)(uintptr_t)choice[random_u64(rng) % ARRAY_SIZE(choice)];
                patterns[n] = NULL;
                f.jobs = patterns;
        }
        switch (x >> 1 & 7) {
        case 0:
        case 1:
                f.states = (uint32_t)random_u64(rng) & (RUN_BIT(RUN_STATE_NR) - 1);
                break;
        case 2:
                f.states = RUN_BIT(RUN_RUNNING) | RUN_BIT(RUN_QUEUED);
                break;
        case 3:
                f.states = RUN_BIT(RUN_FAILED) | RUN_BIT(RUN_MISSED);
                break;
        default:
                break;
        }
        f.failed = (x >> 4 & 3) == 0;
        if ((x >> 6 & 3) == 0)
                f.trigger = (int)(random_u64(rng) % TRIGGER_NR);
        if ((x >> 8 & 3) == 0)
                f.user = (char *)(uintptr_t)(x & 1024 ? "alice" : "nobody");
        if ((x >> 12 & 3) == 0)
                f.since = WALL_SEC(1700000000 + (int64_t)(random_u64(rng) % N_RUNS) - 200);
        if ((x >> 14 & 3) == 0)
                f.until = WALL_SEC(1700000000 + (int64_t)(random_u64(rng) % N_RUNS) - 200);
        if ((x >> 16 & 3) == 0)
                f.before = 1 + random_u64(rng) % N_RUNS;
        if ((x >> 18 & 7) == 0)
                f.run = 1 + random_u64(rng) % (N_RUNS + 10);
        if ((x >> 21 & 7) == 0) {
                f.see_own = true;
                f.uid = 999 + (uint32_t)(random_u64(rng) % 3);
        }
        return f;
}

static void test_filters(struct store *s)
{
        uint64_t rng = 42;
        unsigned bad = 0;

        for (unsigned i = 0; i < 1500; i++) {
                char *patterns[8];
                struct run_filter f = random_filter(&rng, patterns);

                if (!pages_right(s, f)) {
                        bad++;
                        diag("filter %u: jobs %s states %x failed %d trigger %d user %s limit %u before %u run %u "
                             "own %d",
                             i, f.jobs && f.jobs[0] ? f.jobs[0] : "-", f.states, f.failed, f.trigger,
                             f.user ? f.user : "-", f.limit, (unsigned)f.before, (unsigned)f.run, f.see_own);
                }
        }
        is_int(bad, 0, "1500 random filters, page by page, as the model says");
}

static void test_limits(struct store *s)
{
        char big[1200], *jobs[] = { big, NULL };
        struct run_filter f = { .trigger = -1 };
        struct answer a;

        ok(ask(s, &f, &a) && a.list->n == 1000 && a.list->more && a.list->v[0].id == N_RUNS, "no limit means 1000");
        run_list_free(a.list);
        f.limit = 100000;
        ok(ask(s, &f, &a) && a.list->n == 1000, "and no more is to be had");
        run_list_free(a.list);
        ok(a.calls == 1 && pthread_equal(a.thread, pthread_self()), "told once, here");
        memset(big, '*', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        f.jobs = jobs;
        ok(store_query_runs(s, &f, take_list, &a) < 0, "a pattern that is too long is refused");
        /* A pattern that takes much backtracking. */
        (void)snprintf(big, sizeof(big), "%s", "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
        int64_t t = store_now_usec();
        ok(ask(s, &f, &a) && a.list->n == 0 && store_now_usec() - t < USEC_PER_SEC,
           "one that is made to be slow isn't");
        run_list_free(a.list);
}

static void take_detail(void *arg, struct run_detail *d, const struct error *err)
{
        struct answer *a = arg;

        a->done = true;
        a->failed = err != NULL;
        a->detail = d;
}

static bool ask_run(struct store *s, uint64_t run, struct answer *a)
{
        *a = (struct answer){ 0 };
        return store_query_run(s, run, take_detail, a) == 0 && wait_done(s, &a->done) && !a->failed && a->detail;
}

static void test_run(struct store *s)
{
        struct run_info r = make_run(N_RUNS + 1, 1, RUN_RUNNING);
        struct answer a;
        struct row row = { .type = ROW_TRANSITION,
                           .transition = { .run = r.id,
                                           .start = 3,
                                           .at = { 12345 },
                                           .state = RUN_FAILED,
                                           .reason = REASON_SPAWN,
                                           .wait_status = 256,
                                           .stage = STAGE_CHDIR,
                                           .error = 2 } };

        memset(r.digest, 3, sizeof(r.digest)); /* that of job 3, put by fill() */
        r.user = "carol";
        (void)put_run(s, 2, &r);
        for (int i = 0; i < 20; i++)
                (void)put_transition(s, 2, r.id, i % 2 ? RUN_RUNNING : RUN_BACKOFF, i % 2 ? REASON_NONE : REASON_RETRY,
                                     i);
        (void)store_put(s, 2, &row, NULL, 0);
        store_submit(s, 2);
        (void)wait_stored(s, 2, NULL);

        ok(ask_run(s, r.id, &a) && runs_equal(&a.detail->run, &r) && streq(a.detail->run.job, names[1]), "a run");
        is_int(a.detail->n_transitions, 21, "its transitions");
        bool right = true;
        for (int i = 0; i < 20; i++)
                right &= a.detail->transitions[i].at.usec == i &&
                         a.detail->transitions[i].state == (i % 2 ? RUN_RUNNING : RUN_BACKOFF);
        ok(right, "in order");
        const struct run_transition *t = &a.detail->transitions[20];
        ok(t->at.usec == 12345 && t->state == RUN_FAILED && t->reason == REASON_SPAWN && t->start == 3 &&
                   t->wait_status == 256 && t->stage == STAGE_CHDIR && t->error == 2 &&
                   a.detail->transitions[0].wait_status == RUN_NO_STATUS,
           "every field of one");
        is_str(a.detail->definition, "{}", "its definition");
        run_detail_free(a.detail);
        ok(ask_run(s, 1, &a) && a.detail->run.id == 1 && !a.detail->definition && a.detail->n_transitions == 0,
           "one without them");
        run_detail_free(a.detail);
        ok(ask_run(s, 999999, &a) && a.detail->run.id == 0, "one that there is not");
        run_detail_free(a.detail);
        run_detail_free(NULL);
        run_list_free(NULL);
}

static void test_last(struct store *s)
{
        const char *wanted[N_JOBS + 2];
        struct answer a = { 0 };
        bool right = true;

        for (unsigned i = 0; i < N_JOBS; i++)
                wanted[i] = names[N_JOBS - i];
        wanted[N_JOBS] = "no such job";
        wanted[N_JOBS + 1] = names[1];
        ok(store_query_last(s, wanted, N_JOBS + 2, take_list, &a) == 0 && wait_done(s, &a.done) && a.list,
           "the newest of each job");
        is_int(a.list->n, N_JOBS + 2, "one for each, in order");
        for (unsigned i = 0; i < N_JOBS + 2; i++) {
                uint64_t best = 0;

                for (uint64_t id = 1; id <= N_RUNS; id++)
                        if (streq(names[runs[id].job_id], wanted[i]) && run_state_ends(runs[id].state))
                                best = id;
                right &= a.list->v[i].id == best &&
                         (best == 0 || (runs_equal(&a.list->v[i], &runs[best]) && streq(a.list->v[i].job, wanted[i])));
        }
        ok(right, "the right ones, nothing where there is none");
        run_list_free(a.list);
        a = (struct answer){ 0 };
        ok(store_query_last(s, NULL, 0, take_list, &a) == 0 && wait_done(s, &a.done) && a.list && a.list->n == 0,
           "of no jobs: none");
        run_list_free(a.list);
}

static void put_at(struct store *s, uint64_t seq, uint64_t id, uint64_t job, int64_t from, int64_t to)
{
        struct run_info r = make_run(id, job, from == to ? RUN_SUCCEEDED : RUN_MISSED);

        r.scheduled_at = from < 0 ? WALL_NEVER : WALL_SEC(from);
        r.scheduled_until = to < 0 ? WALL_NEVER : WALL_SEC(to);
        (void)put_run(s, seq, &r);
}

static void test_instant(void)
{
        static const struct {
                int64_t at;
                const char *want;
        } rows[] = {
                { 50, "11" },  { 100, "11" }, { 150, "12 11" }, { 200, "12" },    { 250, "13 12" },
                { 300, "13" }, { 350, "13" }, { 400, "13" },    { 450, "15 13" }, { 500, "16 15" },
                { 501, "16" }, { 900, "16" }, { 901, "16" },
        };
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a"), other = make_job(2, "b");

        (void)put_job(s, 1, &j);
        (void)put_job(s, 1, &other);
        put_at(s, 1, 11, 1, 100, 100);
        put_at(s, 1, 12, 1, 200, 200);
        put_at(s, 1, 13, 1, 300, 400); /* a range */
        put_at(s, 1, 14, 1, -1, -1);   /* by hand */
        put_at(s, 1, 15, 1, 500, 500);
        put_at(s, 1, 16, 1, 500, 900);
        for (int64_t t = 0; t < 1000; t += 10)
                put_at(s, 1, (uint64_t)(100 + t), 2, t, t);
        store_submit(s, 1);
        (void)wait_stored(s, 1, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct answer a = { 0 };
                char got[64] = "", name[32];

                if (store_query_instant(s, "a", WALL_SEC(rows[i].at), take_list, &a) < 0 || !wait_done(s, &a.done) ||
                    !a.list)
                        abort();
                for (size_t k = 0; k < a.list->n; k++) {
                        size_t n = strlen(got);

                        (void)snprintf(got + n, sizeof(got) - n, "%s%u", k > 0 ? " " : "", (unsigned)a.list->v[k].id);
                }
                (void)snprintf(name, sizeof(name), "at %d", (int)rows[i].at);
                is_str(got, rows[i].want, name);
                run_list_free(a.list);
        }
        struct answer a = { 0 };
        ok(store_query_instant(s, "nobody", WALL_SEC(1), take_list, &a) == 0 && wait_done(s, &a.done) && a.list &&
                   a.list->n == 0,
           "of an unknown job: none");
        run_list_free(a.list);
        store_close(s);
}

static void take_text(void *arg, const char *text, size_t size)
{
        struct answer *a = arg;

        a->done = true;
        (void)snprintf(a->text, sizeof(a->text), "%s/%zu", text ? text : "(none)", size);
}

static void test_file(struct store *s)
{
        struct answer a = { 0 };

        (void)put_file(s, 3, "/etc/jobs.d/x.yaml", "jobs: {}\n");
        store_submit(s, 3);
        (void)wait_stored(s, 3, NULL);
        ok(store_query_file(s, "/etc/jobs.d/x.yaml", take_text, &a) == 0 && wait_done(s, &a.done), "a file's text");
        is_str(a.text, "jobs: {}\n/9", "as it is");
        a = (struct answer){ 0 };
        ok(store_query_file(s, "/etc/jobs.d/y.yaml", take_text, &a) == 0 && wait_done(s, &a.done), "of an unknown one");
        is_str(a.text, "(none)/0", "none");
}

static void note_thread(void *arg)
{
        struct answer *a = arg;

        a->thread = pthread_self();
        a->calls++;
}

static void note_done(void *arg)
{
        struct answer *a = arg;

        a->done = a->calls == 1 && !pthread_equal(a->thread, pthread_self());
}

static void test_offload(struct store *s)
{
        struct answer a = { 0 };

        ok(store_offload(s, note_thread, note_done, &a) == 0 && wait_done(s, &a.done),
           "other work is done elsewhere, and told here");
}

/* Questions while rows come: each answer is of one moment. */
static void test_meanwhile(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a");
        struct run_filter f = { .trigger = -1, .limit = 1000 };
        unsigned bad = 0, asked = 0;
        uint64_t seen = 0;

        (void)put_job(s, 1, &j);
        for (uint64_t seq = 1; seq <= 800; seq++) {
                struct run_info r = make_run(seq, 1, RUN_STARTING);

                (void)put_run(s, seq, &r);
                (void)put_transition(s, seq, seq, RUN_STARTING, REASON_NONE, 1);
                store_submit(s, seq);
                if (seq % 10 == 0) {
                        struct store_news news;
                        struct answer a;

                        (void)store_poll(s, &news);
                        if (!ask(s, &f, &a)) {
                                bad++;
                                continue;
                        }
                        asked++;
                        /* What was told to be stored is seen, without a gap. */
                        bad += a.list->n < news.seq || a.list->n < seen;
                        seen = a.list->n;
                        for (size_t i = 0; i < a.list->n; i++)
                                bad += a.list->v[i].id != a.list->n - i;
                        run_list_free(a.list);
                }
        }
        ok(bad == 0 && asked == 80, "questions while rows come are answered, and right");
        /* Who is not answered yet is told at the end. */
        struct answer late = { 0 };
        for (int i = 0; i < 50; i++)
                (void)store_query_runs(s, &f, take_list, &late);
        store_close(s);
        ok(late.calls == 50 && late.failed && late.error.code == ERROR_UNAVAILABLE, "who asked too late is told so");
        is_int(sql_number(dir, "SELECT count(*) FROM run"), 800, "closing with questions on their way");
}

/* The history can't be read: said, and again right when it can. */
static void test_errors(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a");
        struct run_info r = make_run(1, 1, RUN_QUEUED);
        struct run_filter f = { .trigger = -1 };
        struct answer a = { 0 };

        (void)put_job(s, 1, &j);
        (void)put_run(s, 1, &r);
        store_submit(s, 1);
        (void)wait_stored(s, 1, NULL);
        (void)sql_exec(dir, "UPDATE run SET flags = -1");
        ok(store_query_runs(s, &f, take_list, &a) == 0 && wait_done(s, &a.done) && a.failed && !a.list,
           "a damaged row: an error");
        ok(strstr(a.error.message, "damaged") != NULL, "%s", a.error.message);
        (void)sql_exec(dir, "UPDATE run SET flags = 0");
        ok(ask(s, &f, &a) && a.list->n == 1, "and an answer when it is well");
        run_list_free(a.list);
        store_close(s);
}

int main(void)
{
        const char *dir;
        struct store *s;
        uint64_t rng = 1;

        scratch_in_memory();
        dir = scratch_folder();
        s = start_store(dir, NULL);
        fill(s, &rng);
        test_filters(s);
        test_limits(s);
        test_last(s);
        test_run(s);
        test_file(s);
        test_offload(s);
        store_close(s);
        test_instant();
        test_meanwhile();
        test_errors();
        return tap_done();
}
