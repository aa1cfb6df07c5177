/* Death at each point of a start and of an end, of the runner, of a supervisor, of the command: each attempt has
 * one end, ran at most once, and its status is exact or said to be lost. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define ATTEMPTS 4

/* Who may be told what when it strikes there. */
static const struct point {
        const char *name;
        bool lost;          /* the attempt that meets it is lost */
        bool not_started;   /* it is judged as never started */
        bool killed;        /* it ended by SIGKILL */
} points[] = {
        { "runner.before_record:2", .not_started = true },
        { "runner.after_record:2", .not_started = true },
        { "runner.after_fork:2", .not_started = true }, /* those that it had not read yet */
        { "runner.before_void:1", .not_started = true },
        { "runner.after_void:1", .not_started = true },
        { "runner.before_forget:1", .not_started = true },
        { "supervisor.before_lock:2", .not_started = true },
        { "supervisor.after_lock:2", .not_started = true },
        { "supervisor.before_execing:2", .not_started = true },
        { "supervisor.after_execing:2", .lost = true },
        { "supervisor.after_exec:2", .lost = true },
        { "supervisor.after_running:2", .lost = true },
        { "supervisor.after_wait:2", .lost = true },
        { "supervisor.before_exited:2", .lost = true },
        { "supervisor.after_exited:2" },
        { "command.before_exec:2", .killed = true },
};

static bool is_allowed(const struct point *p, const struct event *ev, int code, size_t ran)
{
        if (!ev || ran > 1)
                return false;
        if (ev->type == EVENT_EXITED && WIFEXITED(ev->attempt.wait_status))
                return WEXITSTATUS(ev->attempt.wait_status) == code && ran == 1;
        if (ev->type == EVENT_EXITED)
                return p->killed && WTERMSIG(ev->attempt.wait_status) == SIGKILL && ran == 0;
        if (ev->type == EVENT_START_FAILED)
                return p->not_started && ev->attempt.fault && ran == 0;
        return ev->type == EVENT_LOST && p->lost && ev->attempt.reason == REASON_SUPERVISOR;
}

static void test_point(const struct point *p)
{
        bool is_forgotten = strncmp(p->name, "runner.before_forget", 20) == 0, is_void = strstr(p->name, "_void");
        size_t ends = 0, allowed = 0, struck = 0, same = 0;
        struct event before[ATTEMPTS];
        struct harness h;

        harness_make(&h);
        (void)setenv("JOBSCHEDD_CRASH_AT", p->name, 1);
        harness_up(&h);
        for (uint64_t run = 1; run <= ATTEMPTS; run++) {
                _cleanup_(job_unrefp) struct job *j =
                        harness_shell("%s append %s/ran && exit %d", harness_probe_path, h.dir, (int)run);

                harness_start(&h, run, 1, j);
        }
        if (is_void)
                runner_adopt(h.runner, ATTEMPTS + 1, 1, RUN_STARTING, true);
        if (is_forgotten && harness_end(&h, 1, 1))
                runner_forget(h.runner, 1, 1);
        for (uint64_t run = 1; run <= ATTEMPTS; run++) {
                const struct event *ev = harness_end(&h, run, 1);
                char prefix[32];
                size_t ran;

                (void)snprintf(prefix, sizeof(prefix), "%llu ", (unsigned long long)run);
                ran = harness_lines(&h, "ran", prefix);
                ends += harness_count(&h, run, 1, EVENT_EXITED) + harness_count(&h, run, 1, EVENT_START_FAILED) +
                        harness_count(&h, run, 1, EVENT_LOST);
                if (is_allowed(p, ev, (int)run, ran))
                        allowed++;
                else if (ev)
                        diag("run %llu: event %d, status %x, reason %d, stage %d, error %d, ran %zu",
                             (unsigned long long)run, ev->type, (unsigned)ev->attempt.wait_status, ev->attempt.reason,
                             ev->attempt.stage, ev->attempt.error, ran);
                struck += ev && !(ev->type == EVENT_EXITED && WIFEXITED(ev->attempt.wait_status));
        }
        is_int(allowed, ATTEMPTS, p->name);
        is_int(ends, ATTEMPTS, "one end each");
        ok(struck > 0 || !(p->lost || p->killed), "it did strike");
        (void)unsetenv("JOBSCHEDD_CRASH_AT");

        /* The next daemon, unharmed, comes to the same verdicts. */
        harness_down(&h);
        for (uint64_t run = 1; run <= ATTEMPTS; run++)
                before[run - 1] = *harness_end(&h, run, 1);
        h.n_events = 0;
        harness_up(&h);
        for (uint64_t run = 1 + is_forgotten; run <= ATTEMPTS; run++)
                runner_adopt(h.runner, run, 1, RUN_STARTING, true);
        for (uint64_t run = 1 + is_forgotten; run <= ATTEMPTS; run++) {
                const struct event *after = harness_end(&h, run, 1);

                same += after && after->type == before[run - 1].type &&
                        after->attempt.wait_status == before[run - 1].attempt.wait_status;
        }
        is_int(same, ATTEMPTS - is_forgotten, "the next daemon says the same");
        harness_free(&h);
}

int main(void)
{
#ifdef JS_DEBUG
        bool are_built = true;
#else
        bool are_built = false;
#endif

        if (!are_built) {
                printf("1..0 # SKIP points of death are built with --enable-debug\n");
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(points); i++)
                test_point(&points[i]);
        return tap_done();
}
