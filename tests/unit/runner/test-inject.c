/* System calls that fail on the way to the command, injected by strace: a job never starts as anyone but its user,
 * with anything missing; and every such failure is told with stage and errno. */
#include <errno.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static const struct injection {
        const char *call, *how;
        enum spawn_stage stage;
        int error;
        bool fault;
} injections[] = {
        { "setgroups", "error=EAGAIN", STAGE_GROUPS, EAGAIN, true },
        { "setgroups", "error=EPERM", STAGE_GROUPS, EPERM, false },
        { "setresgid", "error=EAGAIN", STAGE_IDENTITY, EAGAIN, true },
        { "setresgid", "error=EPERM", STAGE_IDENTITY, EPERM, false },
        { "setresuid", "error=EAGAIN", STAGE_IDENTITY, EAGAIN, true },
        { "setresuid", "error=EPERM", STAGE_IDENTITY, EPERM, false },
        /* They claim to have worked and have not. */
        { "setgroups", "retval=0", STAGE_IDENTITY, EPERM, false },
        { "setresgid", "retval=0", STAGE_IDENTITY, EPERM, false },
        { "setresuid", "retval=0", STAGE_IDENTITY, EPERM, false },
        /* They fail, and it is not seen afterwards. */
        { "getresuid", "error=EFAULT", STAGE_IDENTITY, EFAULT, false },
        { "capget", "error=EINVAL", STAGE_IDENTITY, EINVAL, false },
        /* Other steps. */
        { "prctl", "error=EINVAL", STAGE_SESSION, EINVAL, false },
        { "chdir", "error=EIO:when=2+", STAGE_CHDIR, EIO, false },
        { "pipe2", "error=EMFILE", STAGE_PIPES, EMFILE, true },
        { "pipe2", "error=ENFILE", STAGE_PIPES, ENFILE, true },
        { "clone", "error=EAGAIN", STAGE_FORK, EAGAIN, true },
        { "clone", "error=ENOMEM", STAGE_FORK, ENOMEM, true },
        { "pwrite64", "error=ENOSPC:when=1", STAGE_RECORD, ENOSPC, true },
        { "mkdirat", "error=ENOSPC", STAGE_RECORD, ENOSPC, true },
};

static const char *top_builddir(void)
{
        static char absolute[4096];
        const char *dir = getenv("top_builddir");

        return realpath(dir ? dir : ".", absolute);
}

static bool can_inject(void)
{
        return system("strace -o /dev/null -e trace=getppid -e inject=getppid:error=EPERM true 2>/dev/null") == 0;
}

/* The control: without an injection the same job leaves its trace. */
static const struct injection none = { "getppid", NULL, STAGE_NONE, 0, false };

static void test_injection(const struct injection *in)
{
        char script[4096], what[128], program[128];
        const struct event *ev;
        struct harness h;
        struct job *j;
        int n;

        harness_make(&h);
        n = snprintf(script, sizeof(script),
                     "#!/bin/sh\nexec strace -f -qq -o /dev/null -e trace=%s %s%s%s%s %s/jobsched-runner\n", in->call,
                     in->how ? "-e inject=" : "", in->how ? in->call : "", in->how ? ":" : "", in->how ? in->how : "",
                     top_builddir());
        (void)snprintf(program, sizeof(program), "%s", harness_file(&h, "runner", script, (size_t)n, 0755));
        h.program = program;
        harness_up(&h);
        (void)harness_file(&h, "ran", "", 0, 0666);
        j = harness_shell("id >>%s/ran", h.dir);
        j->policy->user = strdup("nobody");
        ev = harness_run(&h, 1, j);
        (void)snprintf(what, sizeof(what), "%s: %s", in->call, in->how);
        if (!in->how) {
                ok(exited_with(ev, 0) && harness_lines(&h, "ran", "uid=") == 1, "without an injection it runs");
                job_unref(j);
                harness_free(&h);
                return;
        }
        ok(failed_at(ev, in->stage, in->error, in->fault), "%s: no start, %s", what, spawn_stage_name(in->stage));
        ok(harness_count(&h, 1, 1, EVENT_STARTED) == 0 && harness_lines(&h, "ran", "") == 0, "it has left no trace");
        job_unref(j);
        harness_free(&h);
}

int main(void)
{
        if (geteuid() != 0 || !getpwnam("nobody") || !can_inject()) {
                printf("1..0 # SKIP needs root, the user nobody, and strace that may trace\n");
                return 0;
        }
        test_injection(&none);
        for (size_t i = 0; i < ARRAY_SIZE(injections); i++)
                test_injection(&injections[i]);
        return tap_done();
}
