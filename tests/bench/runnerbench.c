/* How fast attempts are started and their ends known: the runner driven directly, `inflight` at a time, beside a bare
 * vfork loop over as many of the same command in the same run (A B A B …), and the memory that a waiting supervisor
 * costs.
 *
 * Records stand on a tmpfs, as they do under /run.
 *
 *     bench-runner [N [INFLIGHT [PROGRAM]]]         default 1000, twice the cores, /bin/true */
#include <ev.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "runner/client.h"
#include "runner/recordio.h"

#define ROUNDS 5

static struct {
        struct ev_loop *loop;
        struct runner *runner;
        struct job *job;
        uint64_t next;
        size_t n, started, ended, running, wanted, failed;
} b;

static double now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu(int who)
{
        struct rusage r;

        (void)getrusage(who, &r);
        return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
               (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static void start_one(void)
{
        struct run_info info = { .id = b.next++, .start = 1, .job = b.job->name, .scheduled_at = WALL_SEC(0) };

        b.started++;
        runner_start(b.runner, &info, b.job, 1, (struct wall){ 0 }, USEC_INFINITY, false);
}

static void on_event(void *arg, const struct event *ev)
{
        if (ev->type == EVENT_STARTED) {
                b.running++;
                return;
        }
        if (ev->type != EVENT_EXITED || ev->attempt.wait_status != 0)
                b.failed++;
        runner_forget(b.runner, ev->attempt.run, ev->attempt.start);
        b.ended++;
        if (b.started < b.n)
                start_one();
}

static double run_runner(size_t n, size_t inflight)
{
        double begin = now();

        b.n = n;
        b.started = b.ended = 0;
        while (b.started < MIN(n, inflight))
                start_one();
        while (b.ended < n)
                (void)ev_run(b.loop, EVRUN_ONCE);
        return now() - begin;
}

static void bare_one(const char *program)
{
        pid_t pid = vfork();

        if (pid == 0) {
                (void)execl(program, program, (char *)NULL);
                _exit(127);
        }
}

static double run_bare(size_t n, size_t inflight, const char *program)
{
        double begin = now();
        size_t started = 0;

        for (; started < MIN(n, inflight); started++)
                bare_one(program);
        for (size_t ended = 0; ended < n; ended++) {
                (void)wait(NULL);
                if (started < n) {
                        bare_one(program);
                        started++;
                }
        }
        return now() - begin;
}

static int compare(const void *x, const void *y)
{
        const double *a = x, *c = y;

        return *a < *c ? -1 : *a > *c;
}

static double median(double *v)
{
        qsort(v, ROUNDS, sizeof(*v), compare);
        return v[ROUNDS / 2];
}

/* Of a supervisor that waits for a quiet job, in KiB. */
static long private_kib(pid_t pid)
{
        char path[64], line[256];
        long sum = 0, kib;
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "Private_Clean: %ld", &kib) == 1 || sscanf(line, "Private_Dirty: %ld", &kib) == 1)
                        sum += kib;
        if (f)
                (void)fclose(f);
        return sum;
}

static void memory(const char *runs, size_t n)
{
        int fd = open(runs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint64_t first = b.next;
        long sum = 0, most = 0;

        free(b.job->command[0]);
        b.job->command[0] = strdup("/bin/sleep");
        b.job->command[1] = strdup("60");
        b.n = n;
        b.started = b.ended = b.running = 0;
        while (b.started < n)
                start_one();
        while (b.running < n)
                (void)ev_run(b.loop, EVRUN_ONCE);
        for (uint64_t i = first; i < b.next; i++) {
                int record_fd = recordio_open(fd, i, 1, O_RDONLY);
                struct record r;
                long kib;

                if (record_fd < 0 || recordio_read(record_fd, &r) < 0)
                        abort();
                close(record_fd);
                kib = private_kib(r.supervisor);
                sum += kib;
                most = MAX(most, kib);
                runner_stop(b.runner, i, 1, SIGKILL, 0, REASON_USER);
        }
        printf("private memory of a supervisor, %zu waiting: mean %ld KiB, most %ld KiB\n", n, sum / (long)n, most);
        while (b.ended < n)
                (void)ev_run(b.loop, EVRUN_ONCE);
        close(fd);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

int main(int argc, char *argv[])
{
        size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
        size_t inflight = argc > 2 ? strtoul(argv[2], NULL, 10) : 2 * (size_t)sysconf(_SC_NPROCESSORS_ONLN);
        const char *program = argc > 3 ? argv[3] : "/bin/true";
        char dir[] = "/dev/shm/js-bench-XXXXXX", runs[64], logs[64];
        struct error error = ERROR_NULL;
        struct runner_options opt = { .program = "./jobsched-runner", .runs_dir = runs, .log_dir = logs,
                                      .control_socket = "/run/jobsched/control.sock", .boot = "bench",
                                      .own_user_only = geteuid() != 0, .event = on_event };
        double bare[ROUNDS], ours[ROUNDS], bare_cpu, own_cpu = 0, other_cpu, begin;
        pid_t pid;

        if (!mkdtemp(dir))
                return 1;
        (void)snprintf(runs, sizeof(runs), "%s/runs", dir);
        (void)snprintf(logs, sizeof(logs), "%s/log", dir);
        b.loop = ev_default_loop(0);
        b.next = 1;
        b.job = job_new();
        b.job->name = strdup("bench");
        b.job->command_is_argv = true;
        b.job->command = calloc(4, sizeof(char *));
        b.job->command[0] = strdup(program);
        if (runner_new(b.loop, &opt, &b.runner, &error) < 0) {
                fprintf(stderr, "%s\n", error.message);
                return 1;
        }
        (void)run_runner(1, 1);
        for (size_t i = 0; i < ROUNDS; i++) {
                bare[i] = run_bare(n, inflight, program);
                begin = cpu(RUSAGE_SELF);
                ours[i] = run_runner(n, inflight);
                own_cpu += cpu(RUSAGE_SELF) - begin;
        }
        bare_cpu = cpu(RUSAGE_CHILDREN);
        printf("%zu x %s, %zu at a time: runner %.3f s (%.0f/s), bare vfork loop %.3f s (%.0f/s), ratio %.2f, "
               "failed %zu\n",
               n, program, inflight, median(ours), (double)n / median(ours), median(bare), (double)n / median(bare),
               median(ours) / median(bare), b.failed);
        pid = runner_pid(b.runner);
        b.runner = runner_free(b.runner);
        (void)waitpid(pid, NULL, 0);
        other_cpu = cpu(RUSAGE_CHILDREN) - bare_cpu;
        printf("CPU a run: %.0f us in all, of it %.0f us the client's; bare %.0f us; ratio %.2f\n",
               (own_cpu + other_cpu) * 1e6 / (double)(n * ROUNDS), own_cpu * 1e6 / (double)(n * ROUNDS),
               bare_cpu * 1e6 / (double)(n * ROUNDS), (own_cpu + other_cpu) / bare_cpu);
        b.failed = 0;
        if (runner_new(b.loop, &opt, &b.runner, &error) < 0)
                return 1;
        memory(runs, 100);
        b.runner = runner_free(b.runner);
        job_unref(b.job);
        (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        return 0;
}
