/* Power fails at every write and sync of a scenario in turn: what was told to be stored is there after it, and of
 * the rest whole units in order. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault-vfs.h"
#include "lib/tap.h"
#include "store-lib.h"
#include "store/internal.h"

#define N_UNITS 10u

#ifdef __SANITIZE_THREAD__
/* A child whose power fails ends amid its threads; nor is there time to wait a second for each child's last races. */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
        return "report_thread_leaks=0:atexit_sleep_ms=50";
}
#endif

static void put_unit(struct store *s, uint64_t seq)
{
        struct job_state j = make_job(1, "a");
        struct run_info r = make_run(seq, 1, RUN_RUNNING);
        char text[6000];

        j.watermark = WALL_SEC((int64_t)seq);
        (void)put_job(s, seq, &j);
        (void)put_run(s, seq, &r);
        for (unsigned i = 0; i < 3; i++)
                (void)put_transition(s, seq, seq, RUN_RUNNING, REASON_NONE, (int64_t)seq);
        /* Pages enough for a unit to be torn. */
        memset(text, 'a' + (int)(seq % 26), sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        (void)put_file(s, seq, "/f", text);
        store_submit(s, seq);
}

/* Rows of units 1 … n and no others. */
static bool is_after(const char *dir, int64_t n)
{
        char sql[512];

        (void)snprintf(
                sql, sizeof(sql),
                "SELECT (SELECT count(*) FROM run) = %lld AND (SELECT count(*) FROM transition) = 3 * %lld"
                " AND (SELECT seq FROM meta) = %lld"
                " AND coalesce((SELECT watermark = %lld * 1000000 FROM job), %lld = 0)"
                " AND coalesce((SELECT CAST(text AS TEXT) = replace(printf('%%.5999c', 'x'), 'x',"
                " char(97 + %lld %% 26)) FROM file), %lld = 0)",
                (long long)n, (long long)n, (long long)n, (long long)n, (long long)n, (long long)n, (long long)n);
        return sql_number(dir, sql) == 1;
}

/* The child: does the scenario, and tells through the pipe what is stored. */
static void scenario(const char *dir, const char *mirror, unsigned nth, uint64_t seed, int out)
{
        struct store *s;
        uint64_t seq = 0;

        s = open_store(dir);
        fault_vfs_mirror(dir, mirror);
        fault_vfs_crash(nth, seed);
        if (store_start(s, &(struct store_options){ .gather_usec = 1 }, NULL) < 0)
                _exit(98);
        for (unsigned i = 1; i <= N_UNITS; i++) {
                struct store_news news;

                put_unit(s, i);
                /* Sometimes one at a time, sometimes several on their way. */
                if (i % 3 == 0 && !wait_stored(s, i, &news))
                        _exit(97);
                if ((i % 3 == 0 || store_poll(s, &news)) && news.seq > seq) {
                        seq = news.seq;
                        if (write(out, &seq, sizeof(seq)) != (ssize_t)sizeof(seq))
                                _exit(96);
                }
        }
        store_close(s);
        seq = N_UNITS;
        if (write(out, &seq, sizeof(seq)) != (ssize_t)sizeof(seq))
                _exit(96);
        _exit(0);
}

/* 1: power failed, 0: the scenario came to its end, -1: wrong. */
static int try(unsigned nth, uint64_t seed)
{
        const char *dir = scratch_folder(), *mirror = scratch_folder();
        uint64_t told = 0, seq;
        int64_t stored;
        int p[2], status, r;
        struct store *s;
        pid_t pid;

        if (pipe(p) < 0 || (pid = fork()) < 0)
                abort();
        if (pid == 0) {
                close(p[0]);
                scenario(dir, mirror, nth, seed, p[1]);
        }
        close(p[1]);
        while (read(p[0], &seq, sizeof(seq)) == (ssize_t)sizeof(seq))
                told = seq;
        close(p[0]);
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                abort();
        r = WEXITSTATUS(status) == 77 ? 1 : WEXITSTATUS(status) == 0 ? 0 : -1;

        s = open_store(mirror); /* looks for damage too */
        store_close(s);
        stored = sql_number(mirror, "SELECT seq FROM meta");
        if (stored < (int64_t)told || stored > N_UNITS || !is_after(mirror, stored)) {
                diag("call %u, seed %llu: told %llu, stored %lld", nth, (unsigned long long)seed,
                     (unsigned long long)told, (long long)stored);
                r = -1;
        }
        remove_tree(dir);
        remove_tree(mirror);
        forget_scratch();
        forget_scratch();
        return r;
}

int main(void)
{
        unsigned bad = 0, crashes = 0;

        scratch_in_memory();
        fault_vfs_install();
        for (uint64_t seed = 1; seed <= 3; seed++)
                for (unsigned nth = 1;; nth++) {
                        int r = try(nth, seed * 1000 + nth);

                        bad += r < 0;
                        crashes += r > 0;
                        if (r == 0)
                                break;
                        if (nth == 1000) {
                                bad++;
                                break;
                        }
                }
        ok(crashes > 60, "power failed %u times", crashes);
        is_int(bad, 0, "what was told to be stored is there, and nothing but whole units in order");
        return tap_done();
}
