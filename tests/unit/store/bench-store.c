/* Rows and commits per second of a burst: bench-store [RUNS [RUNS_PER_UNIT [GATHER_USEC]]].  Each run is put four
 * times and has four transitions, as created, starting, running, ended.  Not a test: `make check` only builds it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store-lib.h"
#include "store/internal.h"

static int64_t put_usec, rows;

static void put_states(struct store *s, uint64_t seq, uint64_t id, uint64_t n_jobs, enum run_state state)
{
        struct run_info r = make_run(id, 1 + id % n_jobs, state);
        int64_t t = store_now_usec();

        (void)put_run(s, seq, &r);
        (void)put_transition(s, seq, id, state, REASON_NONE, 1700000000);
        put_usec += store_now_usec() - t;
        rows += 2;
}

int main(int argc, char **argv)
{
        static const enum run_state states[] = { RUN_QUEUED, RUN_STARTING, RUN_RUNNING, RUN_SUCCEEDED };
        uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000,
                 per_unit = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
        int64_t gather = argc > 3 ? atoll(argv[3]) : 0;
        const char *dir = scratch_folder();
        struct store *s = start_gathering_store(dir, NULL, gather);
        uint64_t n_jobs = MIN(n, UINT64_C(1000)), seq = 1;
        struct store_news news;
        int64_t begin, end;
        uint64_t commits;

        for (uint64_t i = 1; i <= n_jobs; i++) {
                char name[32];
                struct job_state j;

                (void)snprintf(name, sizeof(name), "job%" PRIu64, i);
                j = make_job(i, name);
                (void)put_job(s, seq, &j);
        }
        store_submit(s, seq);
        (void)wait_stored(s, seq, &news);
        commits = news.commits;

        begin = store_now_usec();
        for (size_t k = 0; k < ARRAY_SIZE(states); k++)
                for (uint64_t id = 1; id <= n; id++) {
                        put_states(s, seq + 1, id, n_jobs, states[k]);
                        if (id % per_unit == 0 || id == n)
                                store_submit(s, ++seq);
                        /* As the daemon does, it takes what there is in between. */
                        if (id % per_unit == 0)
                                (void)store_poll(s, &news);
                }
        (void)wait_stored(s, seq, &news);
        end = store_now_usec();
        printf("%" PRIu64 " runs, %" PRId64 " rows in units of %" PRIu64 ": %.1f ms, %.0f rows/s, %" PRIu64
               " commits (%.1f per 1,000 runs), store_put %.0f ns\n",
               n, rows, 2 * per_unit, (double)(end - begin) / 1000, (double)rows * 1e6 / (double)(end - begin),
               news.commits - commits, (double)(news.commits - commits) * 1000 / (double)n,
               (double)put_usec * 1000 / (double)rows);
        store_close(s);
        return 0;
}
