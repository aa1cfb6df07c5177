/* Supervisors that serve again: few of them for many attempts, and nothing of one attempt is in the next. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"

#define ATTEMPTS 40

static uint64_t next_run = 1;

/* The supervisor of an attempt that says who it is, 0: it went wrong. */
static pid_t supervisor_of_next(struct harness *h)
{
        struct job *j = harness_shell("echo $PPID");
        _cleanup_(freep) char *text = NULL;
        const struct event *ev = harness_run_text(h, next_run++, j, &text);
        pid_t pid = exited_with(ev, 0) && text ? (pid_t)strtol(text, NULL, 10) : 0;

        job_unref(j);
        return pid;
}

static void test_few(struct harness *h)
{
        pid_t seen[ATTEMPTS];
        size_t n = 0, good = 0;

        for (int i = 0; i < ATTEMPTS; i++) {
                pid_t pid = supervisor_of_next(h);
                size_t at = 0;

                good += pid > 0;
                while (at < n && seen[at] != pid)
                        at++;
                if (at == n)
                        seen[n++] = pid;
        }
        is_int(good, ATTEMPTS, "attempts one after another");
        ok(n < ATTEMPTS / 2, "have few supervisors (%zu)", n);
}

static void test_usage(struct harness *h)
{
        struct job *large = harness_shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; head -c 60000000 /dev/zero | tail -c 50000000 | head -c 1000");
        struct job *small = harness_job("/bin/true", NULL);
        const struct event *ev = harness_run(h, next_run++, large);

        ok(exited_with(ev, 0) && ev->attempt.usage.max_rss_kib > 20000 && ev->attempt.usage.output_bytes == 1000, "a large job");
        for (int i = 0; i < 8; i++) {
                ev = harness_run(h, next_run++, small);
                if (!exited_with(ev, 0) || ev->attempt.usage.max_rss_kib > 20000 || ev->attempt.usage.output_bytes > 0 ||
                    ev->attempt.usage.user_usec > 50000)
                        break;
        }
        ok(exited_with(ev, 0) && ev->attempt.usage.max_rss_kib < 20000 && ev->attempt.usage.output_bytes == 0 &&
                   ev->attempt.usage.user_usec <= 50000,
           "is not counted for those after it");
        job_unref(large);
        job_unref(small);
}

/* A stop reaches the attempt that it is for, and a start that does not fit into a channel is made otherwise. */
static void test_messages(struct harness *h)
{
        struct job *j = harness_probe("stubborn", "60", NULL);
        const struct event *ev;
        size_t good = 0;

        for (int i = 0; i < 4; i++) {
                harness_start(h, next_run, 1, j);
                runner_stop(h->runner, next_run, 1, SIGKILL, 0, REASON_USER);
                ev = harness_end(h, next_run++, 1);
                good += killed_by(ev, SIGKILL) && ev->attempt.cause == END_STOPPED;
                good += supervisor_of_next(h) > 0;
        }
        is_int(good, 8, "stopped attempts, and others between them that are not");
        job_unref(j);

        j = harness_shell("wc -c");
        j->policy->stdin_text = malloc(240001);
        memset(j->policy->stdin_text, 'x', 240000);
        j->policy->stdin_text[240000] = 0;
        {
                _cleanup_(freep) char *text = NULL;

                ev = harness_run_text(h, next_run++, j, &text);
                ok(exited_with(ev, 0), "a large start");
                is_str(text, "240000\n", "is whole");
        }
        ok(supervisor_of_next(h) > 0, "and others follow");
        job_unref(j);
}

/* True: the process has ended (waiting for it). */
static bool has_ended(int pidfd)
{
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        int r;

        do
                r = pidfd < 0 ? 1 : poll(&p, 1, (int)(DEADLINE * 1000));
        while (r < 0 && errno == EINTR);
        return r == 1;
}

static void test_deaths(struct harness *h)
{
        pid_t pid = supervisor_of_next(h);
        _cleanup_(closep) int killed = pidfd_open(pid, 0), idle = -1;

        if (killed >= 0)
                (void)pidfd_send_signal(killed, SIGKILL, NULL, 0);
        ok(has_ended(killed) && supervisor_of_next(h) > 0 && supervisor_of_next(h) > 0, "one that is killed while it waits is missed by nobody");
        pid = supervisor_of_next(h);
        idle = pidfd_open(pid, 0);
        harness_down(h);
        ok(has_ended(idle), "one that waits ends with the runner");
        harness_up(h);
        ok(supervisor_of_next(h) > 0, "the next runner has its own");
}

#ifdef JS_DEBUG
/* As test-death, but it strikes one that serves for the second time. */
static void test_points(void)
{
        static const char *const points[] = {
                "supervisor.before_lock:2",    "supervisor.after_lock:2",   "supervisor.before_execing:2",
                "supervisor.after_execing:2",  "supervisor.after_exec:2",   "supervisor.after_running:2",
                "supervisor.after_wait:2",     "supervisor.before_exited:2", "supervisor.after_exited:2",
        };

        for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
                struct harness h;
                size_t good = 0;

                harness_make(&h);
                (void)setenv("JOBSCHEDD_CRASH_AT", points[i], 1);
                harness_up(&h);
                for (uint64_t run = 1; run <= 3; run++) {
                        _cleanup_(job_unrefp) struct job *j =
                                harness_shell("%s append %s/ran && exit 7", harness_probe_path, h.dir);
                        const struct event *ev = harness_run(&h, run, j);
                        char prefix[32];
                        size_t ran;

                        (void)snprintf(prefix, sizeof(prefix), "%llu ", (unsigned long long)run);
                        ran = harness_lines(&h, "ran", prefix);
                        if (exited_with(ev, 7))
                                good += ran == 1;
                        else
                                good += run == 2 && ev && ran <= 1 && (ev->type == EVENT_LOST || (ev->type == EVENT_START_FAILED && ran == 0));
                }
                is_int(good, 3, points[i]);
                (void)unsetenv("JOBSCHEDD_CRASH_AT");
                harness_free(&h);
        }
}
#else
static void test_points(void)
{
        tap_skip("points of death", "built with --enable-debug");
}
#endif

int main(void)
{
        struct harness h;

        harness_make(&h);
        harness_up(&h);
        test_few(&h);
        test_usage(&h);
        test_messages(&h);
        test_deaths(&h);
        harness_free(&h);
        test_points();
        return tap_done();
}
