/* Timeouts, stops and leftovers: the whole tree goes, whatever it does. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static uint64_t next_run = 1;

static bool cause_is(const struct event *ev, enum end_cause cause)
{
        if (ev && ev->attempt.cause != cause)
                diag("cause %d", ev->attempt.cause);
        return ev && ev->attempt.cause == cause;
}

static struct job *limited(struct job *j, int64_t timeout_msec, int64_t kill_timeout_msec)
{
        if (timeout_msec > 0)
                j->policy->timeout_usec = timeout_msec * USEC_PER_MSEC;
        j->policy->kill_timeout_usec = kill_timeout_msec * USEC_PER_MSEC;
        return j;
}

static bool none_left(const struct harness *h)
{
        pid_t first = 0;
        size_t n = harness_processes(h->dir, &first);

        if (n > 0)
                diag("%zu processes are left, for instance %d", n, (int)first);
        return n == 0;
}

static void test_timeout(struct harness *h)
{
        struct job *j = limited(harness_probe("sleep", "60", NULL), 200, 10000);
        struct mono begin = clock_mono();
        const struct event *ev = harness_run(h, next_run++, j);

        ok(killed_by(ev, SIGTERM) && cause_is(ev, END_TIMEOUT), "a timeout");
        ok(clock_mono().usec - begin.usec >= 200 * USEC_PER_MSEC, "not before its time");
        ok(clock_mono().usec - begin.usec < 9 * USEC_PER_SEC, "nor long after");
        h->timeout_is_total = true;
        ev = harness_run(h, next_run++, j);
        ok(killed_by(ev, SIGTERM) && cause_is(ev, END_TOTAL_TIMEOUT), "a timeout of all attempts");
        h->timeout_is_total = false;
        job_unref(j);

        j = limited(harness_shell("trap 'exit 3' TERM; sleep 60 & wait"), 200, 10000);
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 3) && cause_is(ev, END_TIMEOUT), "its exit code after TERM is kept");
        job_unref(j);
        j = limited(harness_shell("trap 'exit 4' INT; sleep 60 & wait"), 200,
                    300); /* who is in the background ignores INT */
        j->policy->kill_signal = SIGINT;
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 4) && cause_is(ev, END_TIMEOUT), "another kill_signal");
        job_unref(j);
        j = limited(harness_probe("stop", NULL), 300, 10000);
        ev = harness_run(h, next_run++, j);
        ok(ev && ev->type == EVENT_EXITED && cause_is(ev, END_TIMEOUT), "a job that stopped itself dies too");
        job_unref(j);
        ok(none_left(h), "nothing is left");
}

static void test_stubborn(struct harness *h)
{
        struct job *j = limited(harness_probe("stubborn", "60", NULL), 300, 200);
        const struct event *ev = harness_run(h, next_run++, j);

        ok(killed_by(ev, SIGKILL) && cause_is(ev, END_TIMEOUT), "who ignores TERM is killed");
        job_unref(j);
        j = limited(harness_probe("tree", "3", "3", "60", "stubborn", NULL), 500, 200);
        ev = harness_run(h, next_run++, j);
        ok(killed_by(ev, SIGKILL) && cause_is(ev, END_TIMEOUT), "a stubborn tree with sessions of its own");
        ok(none_left(h), "is gone as a whole");
        ok(ev && !ev->attempt.kill_failed, "and is not flagged");
        job_unref(j);
        j = limited(
                harness_probe("daemon", "60", "stubborn", "x", "--", "daemon", "60", "x", "--", "sleep", "60", NULL),
                500, 200);
        ev = harness_run(h, next_run++, j);
        ok(killed_by(ev, SIGTERM) && cause_is(ev, END_TIMEOUT), "daemons that forked away twice");
        ok(none_left(h), "are gone");
        job_unref(j);
}

static void test_leftovers(struct harness *h)
{
        struct job *j = limited(harness_probe("daemon", "60", "stubborn", "x", NULL), 0, 200);
        struct mono begin = clock_mono();
        const struct event *ev = harness_run(h, next_run++, j);
        pid_t left = 0;

        ok(exited_with(ev, 0) && cause_is(ev, END_SELF), "leftovers: kill; the main process' status counts");
        ok(none_left(h), "what it left is gone");
        job_unref(j);

        begin = clock_mono();
        j = limited(harness_probe("daemon", "1.5", "x", "--", "exit", "7", NULL), 0, 200);
        j->policy->leftovers = LEFTOVERS_WAIT;
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 7) && cause_is(ev, END_SELF) && clock_mono().usec - begin.usec >= 1400 * USEC_PER_MSEC,
           "leftovers: wait");
        job_unref(j);
        j = limited(harness_probe("daemon", "60", "x", NULL), 500, 200);
        j->policy->leftovers = LEFTOVERS_WAIT;
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 0) && cause_is(ev, END_TIMEOUT), "but not beyond the timeout");
        ok(none_left(h), "then they are gone");
        job_unref(j);

        j = harness_shell("%s sleep 60 >/dev/null 2>&1 & exit 5", harness_probe_path);
        j->policy->leftovers = LEFTOVERS_LEAVE;
        begin = clock_mono();
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 5) && clock_mono().usec - begin.usec < 1900 * USEC_PER_MSEC,
           "leftovers: leave, and at once");
        ok(harness_wait_processes(h, h->dir, 1), "it lives on");
        (void)harness_processes(h->dir, &left);
        if (left > 0)
                (void)kill(left, SIGKILL);
        job_unref(j);

        j = harness_shell("%s sleep 60 & echo before; exit 6", harness_probe_path);
        j->policy->leftovers = LEFTOVERS_LEAVE;
        begin = clock_mono();
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 6) && clock_mono().usec - begin.usec >= 1900 * USEC_PER_MSEC &&
                   clock_mono().usec - begin.usec < 10 * USEC_PER_SEC,
           "who holds the pipe holds up the end for two seconds, not more");
        if (harness_processes(h->dir, &left) == 1)
                (void)kill(left, SIGKILL);
        job_unref(j);

        j = harness_probe("orphans", "2000", "--", "exit", "9", NULL);
        ok(exited_with(harness_run(h, next_run++, j), 9), "two thousand orphans");
        job_unref(j);
}

static void test_stop(struct harness *h)
{
        struct job *j = harness_probe("stubborn", "60", NULL);
        const struct event *ev;

        harness_start(h, next_run, 1, j);
        ok(harness_wait_text(h, "test", next_run, 1, "ready"), "a job that ignores TERM");
        runner_stop(h->runner, next_run, 1, SIGTERM, 200 * USEC_PER_MSEC, REASON_USER);
        ev = harness_end(h, next_run++, 1);
        ok(killed_by(ev, SIGKILL) && cause_is(ev, END_STOPPED), "is stopped");

        harness_start(h, next_run, 1, j);
        ok(harness_wait_text(h, "test", next_run, 1, "ready"), "another one");
        runner_stop(h->runner, next_run, 1, SIGTERM, USEC_INFINITY, REASON_USER);
        runner_stop(h->runner, next_run, 1, SIGTERM, 100 * USEC_PER_MSEC, REASON_USER);
        ev = harness_end(h, next_run++, 1);
        ok(killed_by(ev, SIGKILL) && cause_is(ev, END_STOPPED), "a second stop comes sooner");

        harness_start(h, next_run, 1, j);
        runner_stop(h->runner, next_run, 1, SIGKILL, 0, REASON_USER);
        ev = harness_end(h, next_run++, 1);
        ok(killed_by(ev, SIGKILL) && cause_is(ev, END_STOPPED), "a stop right behind the start");
        ok(none_left(h), "nothing is left");
        runner_stop(h->runner, next_run - 1, 1, SIGTERM, 0, REASON_USER);
        runner_stop(h->runner, 999999, 1, SIGTERM, 0, REASON_USER);
        is_int(runner_watched(h->runner), 0, "stopping what is over or unknown is nothing");
        job_unref(j);
}

static void test_signal(struct harness *h)
{
        struct job *j = harness_shell("trap 'echo got it' USR1; echo ready; while :; do sleep 0.05; done");

        is_int(runner_signal(h->runner, 4711, 1, SIGUSR1), -ESRCH, "a signal to nobody");
        harness_start(h, next_run, 1, j);
        ok(harness_wait(h, next_run, 1, EVENT_STARTED) && harness_wait_text(h, "test", next_run, 1, "ready"),
           "a job with a trap");
        is_int(runner_signal(h->runner, next_run, 1, SIGUSR1), 0, "is sent a signal");
        ok(harness_wait_text(h, "test", next_run, 1, "got it"), "and gets it");
        runner_stop(h->runner, next_run, 1, SIGKILL, 0, REASON_USER);
        ok(cause_is(harness_end(h, next_run, 1), END_STOPPED), "and is stopped");
        next_run++;
        job_unref(j);
}

/* A supervisor told to end by the system gives its job the same time as a stop. */
static void test_term(struct harness *h)
{
        struct job *j = limited(harness_probe("sleep", "60", NULL), 0, 10000);
        struct record rec;
        const struct event *ev;

        harness_start(h, next_run, 1, j);
        ok(harness_wait(h, next_run, 1, EVENT_STARTED) && harness_record(h, next_run, 1, &rec), "a running job");
        (void)kill(rec.supervisor, SIGINT);
        (void)kill(rec.supervisor, SIGHUP);
        (void)kill(rec.supervisor, SIGTERM);
        ev = harness_end(h, next_run++, 1);
        ok(killed_by(ev, SIGTERM) && cause_is(ev, END_SELF), "its supervisor passes TERM on");
        job_unref(j);
}

int main(void)
{
        struct harness h;

        harness_make(&h);
        harness_up(&h);
        test_timeout(&h);
        test_stubborn(&h);
        test_leftovers(&h);
        test_stop(&h);
        test_signal(&h);
        test_term(&h);
        harness_free(&h);
        return tap_done();
}
