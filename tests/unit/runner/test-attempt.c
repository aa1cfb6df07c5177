/* One attempt: starts, ends, and what does not start. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"

static uint64_t next_run = 1;

static void test_exit_codes(struct harness *h)
{
        static const char *const codes[] = { "0", "1", "2", "42", "126", "127", "128", "255" };

        for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
                _cleanup_(job_unrefp) struct job *j = harness_probe("exit", codes[i], NULL);
                const struct event *ev = harness_run(h, next_run, j);

                ok(ev && ev->type == EVENT_EXITED && WIFEXITED(ev->attempt.wait_status) &&
                           WEXITSTATUS(ev->attempt.wait_status) == atoi(codes[i]) && ev->attempt.cause == END_SELF,
                   "exit code %s", codes[i]);
                is_int(harness_count(h, next_run, 1, EVENT_STARTED), 1, "started once");
                next_run++;
        }
}

static void test_signals(struct harness *h)
{
        static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV, SIGHUP, SIGABRT };

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                char text[8];
                _cleanup_(job_unrefp) struct job *j = NULL;
                const struct event *ev;

                (void)snprintf(text, sizeof(text), "%d", signals[i]);
                j = harness_probe("kill", text, NULL);
                ev = harness_run(h, next_run++, j);
                ok(ev && ev->type == EVENT_EXITED && WIFSIGNALED(ev->attempt.wait_status) &&
                           WTERMSIG(ev->attempt.wait_status) == signals[i],
                   "killed by %s", strsignal(signals[i]));
        }
}

int main(void)
{
        struct harness h;

        harness_make(&h);
        harness_up(&h);
        test_exit_codes(&h);
        test_signals(&h);
        harness_free(&h);
        return tap_done();
}
