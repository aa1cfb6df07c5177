/* Attempts outlive runner and client: found again they end exactly as they would have; what can't be known is said
 * to be lost. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"

#define MANY 200

static uint64_t next_run = 1;

struct all {
        struct harness *h;
        uint64_t first;
        size_t n;
        int type; /* -1: any end */
};

static bool all_seen(void *arg)
{
        struct all *a = arg;
        size_t n = 0;

        for (size_t i = 0; i < a->h->n_events; i++) {
                const struct event *ev = &a->h->events[i];

                if (ev->attempt.run < a->first || ev->attempt.run >= a->first + a->n)
                        continue;
                n += a->type < 0 ? ev->type != EVENT_STARTED : (int)ev->type == a->type;
        }
        return n >= a->n;
}

static bool wait_all(struct harness *h, uint64_t first, size_t n, int type)
{
        struct all a = { h, first, n, type };

        return harness_until(h, all_seen, &a);
}

static void forget_events(struct harness *h)
{
        h->n_events = 0;
}

static int gate_fd = -1;

/* A FIFO from which each job reads a line.  Held open, so that who comes late passes too. */
static void make_gate(struct harness *h, char path[128])
{
        static unsigned n;

        (void)snprintf(path, 128, "%s/gate%u", h->dir, n++);
        gate_fd = safe_close(gate_fd);
        if (mkfifo(path, 0666) < 0)
                abort();
        gate_fd = open(path, O_RDWR | O_CLOEXEC);
        if (gate_fd < 0)
                abort();
}

static void open_gate(void)
{
        char lines[MANY + 50];

        memset(lines, '\n', sizeof(lines));
        if (write_all(gate_fd, lines, sizeof(lines)) < 0)
                abort();
}

/* Jobs that wait at the gate and then exit with their number. */
static void start_waiting(struct harness *h, uint64_t first, size_t n, const char *gate)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_(job_unrefp) struct job *j =
                        harness_shell("echo begun; read x < %s; echo over; exit %d", gate, (int)((first + i) % 256));

                harness_start(h, first + i, 1, j);
        }
}

static size_t exact_ends(struct harness *h, uint64_t first, size_t n)
{
        size_t good = 0;

        for (size_t i = 0; i < n; i++)
                good += exited_with(harness_end(h, first + i, 1), (int)((first + i) % 256)) &&
                        harness_count(h, first + i, 1, EVENT_EXITED) == 1;
        return good;
}

static void kill_runner(struct harness *h)
{
        int pid = runner_pid(h->runner);

        if (pid > 0)
                (void)kill(pid, SIGKILL);
}

static bool has_new_runner(void *arg)
{
        struct all *a = arg;

        return runner_pid(a->h->runner) > 0 && runner_pid(a->h->runner) != (int)a->first;
}

/* kill -9 of the runner: what runs goes on, what comes is started by the next one. */
static void test_runner_dies(struct harness *h)
{
        struct all other = { .h = h, .first = (uint64_t)runner_pid(h->runner) };
        uint64_t first = next_run;
        char gate[128];

        make_gate(h, gate);
        next_run += 22;
        start_waiting(h, first, 20, gate);
        ok(wait_all(h, first, 20, EVENT_STARTED), "twenty attempts run");
        kill_runner(h);
        ok(harness_until(h, has_new_runner, &other), "a new runner comes after kill -9");
        runner_stop(h->runner, first, 1, SIGKILL, 0, REASON_USER);
        ok(killed_by(harness_end(h, first, 1), SIGKILL), "it can stop what the old one started");
        start_waiting(h, first + 20, 2, gate);
        ok(wait_all(h, first + 20, 2, EVENT_STARTED), "and start more");
        open_gate();
        is_int(exact_ends(h, first + 1, 21), 21, "every status is exact");
        is_int(harness_count(h, first + 1, 1, EVENT_STARTED), 1, "nothing is told twice");
        forget_events(h);
}

/* A stop that is asked for while there is no runner is for the next one. */
static void test_stop_without_runner(struct harness *h)
{
        _cleanup_(job_unrefp) struct job *j = harness_probe("sleep", "60", NULL);
        struct all other;

        harness_start(h, next_run, 1, j);
        ok(harness_wait(h, next_run, 1, EVENT_STARTED) != NULL, "an attempt runs");
        other = (struct all){ .h = h, .first = (uint64_t)runner_pid(h->runner) };
        kill_runner(h);
        runner_stop(h->runner, next_run, 1, SIGTERM, USEC_PER_SEC, REASON_USER);
        ok(killed_by(harness_end(h, next_run, 1), SIGTERM), "a stop survives the death of the runner");
        (void)harness_until(h, has_new_runner, &other);
        next_run++;
        forget_events(h);
}

/* START without a runner is a fault, at once. */
static void test_no_runner(struct harness *h)
{
        _cleanup_(job_unrefp) struct job *j = harness_probe("exit", "0", NULL);
        struct all other = { .h = h, .first = (uint64_t)runner_pid(h->runner) };
        const struct event *ev;
        size_t faults = 0;

        kill_runner(h);
        for (int i = 0; i < 20; i++)
                harness_start(h, next_run + (uint64_t)i, 1, j);
        for (int i = 0; i < 20; i++) {
                ev = harness_end(h, next_run + (uint64_t)i, 1);
                faults += ev && (exited_with(ev, 0) || (ev->type == EVENT_START_FAILED && ev->attempt.fault));
        }
        is_int(faults, 20, "starts around the death of the runner run, or are faults of the machine");
        (void)harness_until(h, has_new_runner, &other);
        next_run += 20;
        forget_events(h);
}

/* In a child that is killed: a daemon that dies with its runs alive. */
static void die_with_attempts(struct harness *h, uint64_t first, size_t n, const char *gate)
{
        int pipes[2];
        char byte;
        pid_t pid;

        if (pipe(pipes) < 0)
                abort();
        (void)fflush(stdout);
        pid = fork();
        if (pid == 0) {
                ev_loop_fork(h->loop);
                harness_up(h);
                start_waiting(h, first, n, gate);
                (void)!write(pipes[1], wait_all(h, first, n, EVENT_STARTED) ? "y" : "n", 1);
                for (;;)
                        (void)pause();
        }
        ok(read(pipes[0], &byte, 1) == 1 && byte == 'y', "%zu attempts run", n);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        safe_close(pipes[0]);
        safe_close(pipes[1]);
}

static void adopt_all(struct harness *h, uint64_t first, size_t n, enum run_state state)
{
        for (size_t i = 0; i < n; i++)
                runner_adopt(h->runner, first + i, 1, state, true);
        runner_sweep(h->runner);
}

static void test_client_dies(struct harness *h)
{
        uint64_t first = next_run;
        struct mono begin;
        char gate[128];

        make_gate(h, gate);
        next_run += MANY;
        die_with_attempts(h, first, MANY, gate);
        harness_up(h);
        begin = clock_mono();
        adopt_all(h, first, MANY / 2, RUN_RUNNING);
        adopt_all(h, first + MANY / 2, MANY - MANY / 2, RUN_STARTING);
        ok(wait_all(h, first, MANY, EVENT_STARTED), "a new client finds them all");
        ok(clock_mono().usec - begin.usec < USEC_PER_SEC, "within a second (%lld ms)",
           (long long)(clock_mono().usec - begin.usec) / 1000);
        is_int(runner_watched(h->runner), MANY, "and watches them");
        runner_stop(h->runner, first, 1, SIGKILL, 0, REASON_USER);
        ok(killed_by(harness_end(h, first, 1), SIGKILL), "it can stop one");
        open_gate();
        is_int(exact_ends(h, first + 1, MANY - 1), MANY - 1, "every status is exact");
        is_int(runner_watched(h->runner), 0, "none is watched any more");
        {
                _cleanup_(freep) char *text = harness_text(h, "test", first + 7, 1, "stdout", NULL);

                is_str(text, "begun\nover\n", "output has no gap");
        }
        for (size_t i = 0; i < MANY; i++)
                runner_forget(h->runner, first + i, 1);
        forget_events(h);
}

/* They end while nobody looks. */
static void test_end_unseen(struct harness *h)
{
        uint64_t first = next_run;
        char gate[128];

        make_gate(h, gate);
        next_run += 21;
        harness_down(h);
        die_with_attempts(h, first, 20, gate);
        open_gate();
        for (size_t i = 0; i < 20; i++) {
                struct record rec = { .state = 0 };

                for (int t = 0; t < 2000 && (!harness_record(h, first + i, 1, &rec) || !record_is_final(&rec)); t++)
                        (void)usleep(5000);
        }
        harness_up(h);
        adopt_all(h, first, 20, RUN_RUNNING);
        is_int(exact_ends(h, first, 20), 20, "ends that nobody saw are exact");
        is_int(harness_count(h, first, 1, EVENT_STARTED), 0, "a run that was known to run is not started again");
        forget_events(h);
}

/* ---- lost */

static void test_supervisor_killed(struct harness *h)
{
        _cleanup_(job_unrefp) struct job *j = harness_shell("%s daemon 60 stubborn x; %s tree 2 2 60 stubborn",
                                                            harness_probe_path, harness_probe_path);
        _cleanup_(job_unrefp) struct job *bystander = harness_probe("sleep", "60", NULL);
        struct record rec;
        const struct event *ev;

        harness_start(h, next_run, 1, j);
        harness_start(h, next_run + 1, 1, bystander);
        ok(harness_wait(h, next_run + 1, 1, EVENT_STARTED) && harness_wait_text(h, "test", next_run, 1, "ready") &&
                   harness_record(h, next_run, 1, &rec),
           "a tree with a daemon of its own, and a bystander");
        ok(harness_wait_processes(h, h->dir, 10), "ten processes: the shell, daemon, tree of 7, bystander");
        (void)kill(rec.supervisor, SIGKILL);
        ev = harness_end(h, next_run, 1);
        ok(ev && ev->type == EVENT_LOST && ev->attempt.reason == REASON_SUPERVISOR && !ev->attempt.kill_failed,
           "kill -9 of its supervisor: lost (supervisor)");
        is_int(harness_processes(h->dir, NULL), 1, "its tree is gone, the bystander's is not");
        runner_stop(h->runner, next_run + 1, 1, SIGTERM, 0, REASON_USER);
        ok(killed_by(harness_end(h, next_run + 1, 1), SIGKILL) || killed_by(harness_end(h, next_run + 1, 1), SIGTERM),
           "which can be stopped");
        next_run += 2;
        forget_events(h);
}

static void test_supervisor_killed_unseen(struct harness *h)
{
        uint64_t first = next_run;
        char gate[128];
        size_t lost = 0;

        make_gate(h, gate);
        next_run += 10;
        harness_down(h);
        die_with_attempts(h, first, 10, gate);
        for (size_t i = 0; i < 10; i++) {
                struct record rec;

                if (!harness_record(h, first + i, 1, &rec))
                        abort();
                (void)kill(rec.supervisor, SIGKILL);
        }
        harness_up(h);
        adopt_all(h, first, 10, RUN_RUNNING);
        for (size_t i = 0; i < 10; i++) {
                const struct event *ev = harness_end(h, first + i, 1);

                lost += ev && ev->type == EVENT_LOST && ev->attempt.reason == REASON_SUPERVISOR;
        }
        is_int(lost, 10, "supervisors killed together with the daemon: lost");
        is_int(harness_processes(gate, NULL), 0, "and nothing is left of them");
        forget_events(h);
}

static void flip_byte(struct harness *h, uint64_t run)
{
        _cleanup_(closep) int fd = recordio_open(h->runs_fd, run, 1, O_RDWR);
        char byte;

        if (fd < 0 || pread(fd, &byte, 1, 100) != 1)
                abort();
        byte ^= 1;
        if (pwrite(fd, &byte, 1, 100) != 1)
                abort();
}

static void test_records(struct harness *h)
{
        _cleanup_(job_unrefp) struct job *j = harness_probe("exit", "0", NULL);
        const struct event *ev;

        ok(exited_with(harness_run(h, next_run, j), 0), "a run");
        harness_down(h);
        flip_byte(h, next_run);
        forget_events(h);
        harness_up(h);
        runner_adopt(h->runner, next_run, 1, RUN_RUNNING, true);
        ev = harness_end(h, next_run++, 1);
        ok(ev && ev->type == EVENT_LOST && ev->attempt.reason == REASON_RECORD, "a damaged record: lost (record)");

        runner_adopt(h->runner, next_run, 1, RUN_RUNNING, true);
        ev = harness_end(h, next_run++, 1);
        ok(ev && ev->type == EVENT_LOST && ev->attempt.reason == REASON_RECORD,
           "a missing one of a running run: lost (record)");

        runner_adopt(h->runner, next_run, 1, RUN_RUNNING, false);
        ev = harness_end(h, next_run++, 1);
        ok(ev && ev->type == EVENT_LOST && ev->attempt.reason == REASON_REBOOT, "another boot: lost (reboot)");

        runner_adopt(h->runner, next_run, 1, RUN_STARTING, true);
        ev = harness_end(h, next_run, 1);
        ok(failed_at(ev, STAGE_NONE, 0, true), "a missing one of a starting run: it never was");
        forget_events(h);
        harness_down(h);
        harness_up(h);
        harness_start(h, next_run, 1, j);
        ok(failed_at(harness_end(h, next_run++, 1), STAGE_RECORD, EEXIST, true),
           "and its START that comes late is refused");
        forget_events(h);
}

static void test_failed_unseen(struct harness *h)
{
        _cleanup_(job_unrefp) struct job *j = harness_job("/nonexistent/program", NULL);

        ok(failed_at(harness_run(h, next_run, j), STAGE_EXEC, ENOENT, false), "a start that failed");
        harness_down(h);
        forget_events(h);
        harness_up(h);
        runner_adopt(h->runner, next_run, 1, RUN_STARTING, true);
        ok(failed_at(harness_end(h, next_run++, 1), STAGE_EXEC, ENOENT, false),
           "is found as failed, with stage and errno");
        forget_events(h);
}

/* ---- folders */

struct folder {
        struct harness *h;
        uint64_t run;
};

static bool folder_gone(void *arg)
{
        struct folder *f = arg;

        return !harness_has_folder(f->h, f->run, 1);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
}

static bool wait_folder_gone(struct harness *h, uint64_t run)
{
        struct folder f = { h, run };
        ev_timer tick;
        bool gone;

        ev_timer_init(&tick, on_tick, 0.01, 0.01);
        ev_timer_start(h->loop, &tick);
        gone = harness_until(h, folder_gone, &f);
        ev_timer_stop(h->loop, &tick);
        return gone;
}

static void test_folders(struct harness *h)
{
        _cleanup_(job_unrefp) struct job *j = harness_probe("exit", "0", NULL);
        uint64_t ended = next_run++, running = next_run++;
        char gate[128];

        ok(exited_with(harness_run(h, ended, j), 0) && harness_has_folder(h, ended, 1),
           "an ended attempt keeps its folder");
        runner_forget(h->runner, ended, 1);
        ok(wait_folder_gone(h, ended), "until it is forgotten");
        forget_events(h);

        ended = next_run++;
        ok(exited_with(harness_run(h, ended, j), 0), "another one");
        make_gate(h, gate);
        harness_down(h);
        die_with_attempts(h, running, 1, gate);
        harness_up(h);
        runner_sweep(h->runner);
        ok(wait_folder_gone(h, ended), "a sweep clears what no run knows");
        ok(harness_has_folder(h, running, 1), "but not while it is alive");
        is_int(runner_watched(h->runner), 0, "it is no run of ours");
        harness_start(h, running, 1, j);
        ok(failed_at(harness_end(h, running, 1), STAGE_RECORD, EEXIST, true), "and its number is not for another run");
        open_gate();
        ok(wait_folder_gone(h, running), "then it goes too");
        forget_events(h);
}

int main(void)
{
        struct harness h;

        harness_make(&h);
        harness_up(&h);
        test_runner_dies(&h);
        test_stop_without_runner(&h);
        test_no_runner(&h);
        harness_down(&h);
        test_client_dies(&h);
        test_end_unseen(&h);
        test_supervisor_killed(&h);
        test_supervisor_killed_unseen(&h);
        test_records(&h);
        test_failed_unseen(&h);
        test_folders(&h);
        safe_close(gate_fd);
        harness_free(&h);
        return tap_done();
}
