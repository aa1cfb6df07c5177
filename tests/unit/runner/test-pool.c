/* Supervisors that serve again: few of them for many attempts, and nothing of one attempt is in the next. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
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
        struct job *large = harness_shell(
                "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; head -c 60000000 /dev/zero | tail -c 50000000 | head -c 1000");
        struct job *small = harness_job("/bin/true", NULL);
        const struct event *ev = harness_run(h, next_run++, large);

        ok(exited_with(ev, 0) && ev->attempt.usage.max_rss_kib > 20000 && ev->attempt.usage.output_bytes == 1000,
           "a large job");
        for (int i = 0; i < 8; i++) {
                ev = harness_run(h, next_run++, small);
                if (!exited_with(ev, 0) || ev->attempt.usage.max_rss_kib > 20000 ||
                    ev->attempt.usage.output_bytes > 0 || ev->attempt.usage.user_usec > 50000)
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
        ok(has_ended(killed) && supervisor_of_next(h) > 0 && supervisor_of_next(h) > 0,
           "one that is killed while it waits is missed by nobody");
        pid = supervisor_of_next(h);
        idle = pidfd_open(pid, 0);
        harness_down(h);
        ok(has_ended(idle), "one that waits ends with the runner");
        harness_up(h);
        ok(supervisor_of_next(h) > 0, "the next runner has its own");
}

/* Starts a job and waits until it runs: a pidfd of its supervisor. */
static int start_and_watch(struct harness *h, uint64_t run, const struct job *job, pid_t *ret_pid)
{
        struct record record;

        harness_start(h, run, 1, job);
        if (!harness_wait(h, run, 1, EVENT_STARTED) || !harness_record(h, run, 1, &record))
                return -1;
        *ret_pid = (pid_t)record.supervisor;
        return pidfd_open(*ret_pid, 0);
}

/* Of the next attempts none is served by this one. */
static bool serves_no_more(struct harness *h, pid_t pid)
{
        for (int i = 0; i < 4; i++) {
                pid_t next = supervisor_of_next(h);

                if (next <= 0 || next == pid)
                        return false;
        }
        return true;
}

/* Runs an attempt whose end is told by nobody but the runner, who has then heard that its supervisor waits. */
static pid_t wait_idle(struct harness *h)
{
        struct job *j = harness_probe("sleep", "60", NULL);
        pid_t pid = 0;
        int pidfd = start_and_watch(h, next_run, j, &pid);

        (void)runner_signal(h->runner, next_run, 1, SIGKILL);
        if (!killed_by(harness_end(h, next_run++, 1), SIGKILL))
                pid = 0;
        safe_close(pidfd);
        job_unref(j);
        return pid;
}

/* A fresh runner that has one supervisor, which waits. */
static pid_t alone(struct harness *h)
{
        harness_make(h);
        harness_up(h);
        (void)wait_idle(h); /* it may be its last: it looks up a user */
        return wait_idle(h);
}

static void test_asked_to_end(void)
{
        struct job *j;
        struct harness h;
        pid_t before = alone(&h), pid = 0;
        _cleanup_(closep) int pidfd = -1;

        j = harness_probe("sleep", "60", NULL);
        pidfd = start_and_watch(&h, next_run, j, &pid);
        ok(pidfd >= 0 && pid == before, "one serves again");
        (void)pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
        ok(killed_by(harness_end(&h, next_run++, 1), SIGTERM), "asked to end it stops its attempt");
        ok(serves_no_more(&h, pid), "and serves no more");
        job_unref(j);
        harness_free(&h);
}

/* What is left on purpose keeps the one that would adopt it from serving others. */
static void test_leftovers(void)
{
        struct harness h;
        struct job *j;
        pid_t before = alone(&h), pid = 0;
        const struct event *ev;

        j = harness_shell("echo $PPID; (trap '' TERM; exec %s sleep 60 left-behind) >/dev/null 2>&1 & exit 3",
                          harness_probe_path);
        j->policy->leftovers = LEFTOVERS_LEAVE;
        {
                _cleanup_(freep) char *text = NULL;

                ev = harness_run_text(&h, next_run++, j, &text);
                pid = text ? (pid_t)strtol(text, NULL, 10) : 0;
        }
        ok(exited_with(ev, 3) && pid == before, "an attempt that leaves a process");
        ok(serves_no_more(&h, pid), "is the last of its supervisor");
        if (harness_processes("left-behind", &pid) == 1)
                (void)kill(pid, SIGKILL);
        else
                ok(false, "the process is left");
        job_unref(j);

        /* Daemons whose parents end late are the attempt's as long as it lasts, and the next ones' never. */
        before = wait_idle(&h);
        j = harness_shell("(sleep 0.2; %s daemon 60 stubborn late-one) >/dev/null 2>&1 & exit 4", harness_probe_path);
        j->policy->leftovers = LEFTOVERS_WAIT;
        j->policy->timeout_usec = 2 * USEC_PER_SEC;
        j->policy->kill_timeout_usec = USEC_PER_MSEC;
        ev = harness_run(&h, next_run++, j);
        ok(exited_with(ev, 4) && ev->attempt.cause == END_TIMEOUT, "an attempt with a daemon that came late");
        is_int(harness_processes("late-one", &pid), 0, "ends when that has ended");
        is_int(wait_idle(&h), before, "and another is served after it");
        job_unref(j);
        harness_free(&h);
}

/* What the kernel knows of a process, as attempts see it: the same before and after others that differ in everything. */
static void test_same(struct harness *h)
{
        struct job *plain = harness_probe("fds", "--", "signals", "--", "ids", "--", "umask", "--", "cwd", "--", "nice",
                                          "--", "limits", NULL),
                   *session = harness_probe("session", NULL), *odd[6];
        char *first[2], *then[2];
        size_t good = 0, n = 0;

        (void)harness_run_text(h, next_run++, plain, &first[0]);
        (void)harness_run_text(h, next_run++, session, &first[1]);
        odd[n] = harness_shell(
                "cd /tmp; umask 0; ulimit -n 50; trap '' HUP INT PIPE CHLD; kill -s WINCH $PPID; exec 7>/dev/null");
        odd[n]->policy->umask = 077;
        odd[n]->policy->has_nice = true;
        odd[n]->policy->nice = 9;
        odd[n]->policy->cpu_affinity = strdup("0");
        odd[n]->policy->has_oom_score_adjust = true;
        odd[n]->policy->oom_score_adjust = 700;
        odd[n++]->policy->io_class = IO_CLASS_IDLE;
        odd[n] = harness_shell("kill -9 $$");
        odd[n++]->working_dir = strdup("/tmp");
        odd[n] = harness_probe("orphans", "20", NULL);
        odd[n]->policy->rlimits = malloc(JOB_RLIMIT_NR * sizeof(uint64_t));
        for (size_t i = 0; i < JOB_RLIMIT_NR; i++)
                odd[n]->policy->rlimits[i] = JOB_RLIMIT_UNSET;
        odd[n]->policy->rlimits[JOB_RLIMIT_OPEN_FILES] = 64;
        odd[n++]->policy->rlimits[JOB_RLIMIT_CORE] = 0;
        odd[n] = harness_probe("lines", "2000", NULL);
        odd[n]->policy->log_max = 4096;
        odd[n++]->policy->stdin_text = strdup("text");
        odd[n] = harness_probe("kill", "6", NULL);
        odd[n++]->policy->log_merge = true;
        if (!h->own_user_only && getpwnam("nobody")) {
                odd[n] = harness_probe("ids", NULL);
                odd[n++]->policy->user = strdup("nobody");
        }
        for (size_t i = 0; i < n; i++) {
                (void)harness_run(h, next_run++, odd[i]);
                (void)harness_run_text(h, next_run++, plain, &then[0]);
                (void)harness_run_text(h, next_run++, session, &then[1]);
                if (streq(first[0], then[0]) && streq(first[1], then[1]))
                        good++;
                else
                        diag("after %zu:\n%s%s", i, then[0], then[1]);
                free(then[0]);
                free(then[1]);
                job_unref(odd[i]);
        }
        ok(*first[0] && *first[1], "attempts that tell what they are given");
        is_int(good, n, "find the same after others");
        free(first[0]);
        free(first[1]);
        job_unref(plain);
        job_unref(session);
}

/* Users one after another; whoever let the name services look one up serves once. */
static void test_users(void)
{
        static const char *const names[] = { "root", "nobody", "daemon" };
        struct harness h;
        size_t good = 0;
        pid_t looked_up = 0;

        if (geteuid() != 0 || !getpwnam("nobody") || !getpwnam("daemon")) {
                tap_skip("users one after another", "needs root, nobody and daemon");
                return;
        }
        harness_make(&h);
        harness_up(&h);
        looked_up = supervisor_of_next(&h);
        ok(looked_up > 0 && serves_no_more(&h, looked_up), "who looked up a user serves once");
        for (size_t i = 0; i < 15; i++) {
                struct job *j = harness_shell(
                        "test $(id -u) = $(id -u %s) && test \"$(id -G)\" = \"$(id -G %s)\" && test $(whoami) = \"$USER\"",
                        names[i % 3], names[i % 3]);

                j->policy->user = strdup(names[i % 3]);
                good += exited_with(harness_run(&h, next_run++, j), 0);
                job_unref(j);
        }
        is_int(good, 15, "users one after another");
        harness_free(&h);
}

/* What the runner does for VOID and FORGET. */
static bool void_and_remove(struct harness *h, uint64_t run)
{
        _cleanup_(closep) int fd = recordio_open(h->runs_fd, run, 1, O_RDWR);
        struct record record;

        if (fd < 0 || recordio_lock(fd, false) < 0 || recordio_read(fd, &record) < 0 || record.state != RECORD_CREATED)
                return false;
        record.state = RECORD_VOID;
        return recordio_write(fd, &record) == 0 && recordio_remove(h->runs_fd, run, 1) == 0;
}

/* A START that is taken late meets its own record, not what has been put in its place since. */
static void test_late(void)
{
        struct harness h;
        pid_t pid = alone(&h);
        _cleanup_(closep) int late = pidfd_open(pid, 0), fd = -1;
        struct job *j = harness_shell("echo >>%s/ran", h.dir);
        uint64_t run = next_run++;
        struct record record = { .sequence = 1, .run = run, .start = 1, .state = RECORD_CREATED };

        (void)pidfd_send_signal(late, SIGSTOP, NULL, 0);
        harness_start(&h, run, 1, j);
        ok(supervisor_of_next(&h) > 0, "one that does not answer holds up nobody else");
        ok(void_and_remove(&h, run), "its start is judged as never made");
        ok((fd = recordio_make(h.runs_fd, &record)) >= 0, "and the number is used anew");
        (void)pidfd_send_signal(late, SIGCONT, NULL, 0);
        ok(has_ended(late), "when it wakes it ends");
        ok(recordio_read(fd, &record) == 0 && record.state == RECORD_CREATED && harness_lines(&h, "ran", "") == 0,
           "and starts nothing");
        job_unref(j);
        harness_free(&h);
}

/* The command's number may come again while the attempt lasts: its status is the command's all the same. */
static void test_number_again(struct harness *h)
{
        struct job *j = harness_probe("again", "3", "9", NULL);
        const struct event *ev;

        j->policy->leftovers = LEFTOVERS_WAIT;
        ev = harness_run(h, next_run++, j);
        if (exited_with(ev, 77))
                tap_skip("a number that comes again", "processes can't be given a number here");
        else
                ok(exited_with(ev, 3), "a number that comes again");
        job_unref(j);
}

#ifdef JS_SANITIZED
#define SLACK_KIB 8192 /* what was freed is kept for a while */
#else
#define SLACK_KIB 64
#endif

/* Of descriptors and memory nothing gathers.  (With a runner of its own: a minute after its look-up a user is looked up
 * again, and by one that does not serve on.) */
static void test_steady(void)
{
        struct job *j = harness_shell(
                "echo $PPID $(ls /proc/$PPID/fd | wc -l) $(sed -n 's/VmData:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$PPID/status)");
        long pid[2] = { 0 }, files[2] = { 0 }, memory[2] = { 0 };
        struct harness h;

        (void)alone(&h);
        j->policy->stdin_text = calloc(1, 100001);
        memset(j->policy->stdin_text, 'x', 100000);
        for (int i = 0; i < 200; i++) {
                _cleanup_(freep) char *text = NULL;
                int at = i < 20 ? 0 : 1;

                if (!exited_with(harness_run_text(&h, next_run++, j, &text), 0) || !text ||
                    sscanf(text, "%ld %ld %ld", &pid[at], &files[at], &memory[at]) != 3)
                        break;
        }
        ok(pid[1] > 0 && pid[0] == pid[1], "one that served for long");
        ok(files[1] <= files[0] + 8 && memory[1] <= memory[0] + SLACK_KIB,
           "has no more than before: descriptors %ld, %ld; KiB %ld, %ld", files[0], files[1], memory[0], memory[1]);
        job_unref(j);
        harness_free(&h);
}

#ifdef JS_DEBUG
/* As test-death, but it strikes one that serves again.  (As root the first attempt looks its user up, and its
 * supervisor serves once.) */
static void test_points(void)
{
        static const char *const points[] = {
                "supervisor.before_lock:3",   "supervisor.after_lock:3",    "supervisor.before_execing:3",
                "supervisor.after_execing:3", "supervisor.after_exec:3",    "supervisor.after_running:3",
                "supervisor.after_wait:3",    "supervisor.before_exited:3", "supervisor.after_exited:3",
        };

        for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
                struct harness h;
                size_t good = 0;

                harness_make(&h);
                (void)setenv("JOBSCHEDD_CRASH_AT", points[i], 1);
                harness_up(&h);
                for (uint64_t run = 1; run <= 4; run++) {
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
                                good += run == 3 && ev && ran <= 1 &&
                                        (ev->type == EVENT_LOST || (ev->type == EVENT_START_FAILED && ran == 0));
                }
                is_int(good, 4, points[i]);
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
        test_same(&h);
        test_number_again(&h);
        test_deaths(&h);
        harness_free(&h);
        test_steady();
        test_asked_to_end();
        test_leftovers();
        test_users();
        test_late();
        test_points();
        return tap_done();
}
