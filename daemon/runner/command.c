/* The command's process shares the supervisor's memory until execve, as with vfork: nothing has to be copied, and
 * what went wrong is simply left in a variable.  So everything that needs memory is prepared by the supervisor;
 * here are only system calls. It is safe to change the user in such a process only because the memory is not
 * dumpable by then: the kernel makes it so at the change of user, hence nobody can trace it. */
#include "runner/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fd.h"

#ifdef JS_SANITIZED
#define STACK_SIZE (256u * 1024)
#else
#define STACK_SIZE (32u * 1024)
#endif

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
/* The frames of the last command's process never returned: what they marked as out of bounds is so no more. */
#define stack_renew(stack) ASAN_UNPOISON_MEMORY_REGION(stack, sizeof(stack))
#else
#define stack_renew(stack) ((void)(stack))
#endif

struct child {
        const struct launch *command;
        pid_t parent;
        /* What it left for the supervisor. */
        volatile enum spawn_stage stage;
        volatile int error;
};

/* A file system that hangs in chdir or execve would hold up the supervisor, timeouts and all.  A timer ends that;
 * unlike an alarm it does not outlive execve. */
static int limit_time(void)
{
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
        struct itimerspec when = { .it_value.tv_sec = COMMAND_START_USEC / USEC_PER_SEC };
        timer_t timer;

        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
                return -errno;
        return 0;
}

static int set_limits(struct child *child)
{
        const struct launch *c = child->command;

        child->stage = STAGE_LIMITS;
        for (size_t i = 0; i < c->n_rlimits; i++)
                if (setrlimit((__rlimit_resource_t)c->rlimits[i].resource, &c->rlimits[i].value) < 0)
                        return -errno;
        return 0;
}

static int set_priorities(struct child *child)
{
        const struct launch *c = child->command;

        child->stage = STAGE_NICE;
        if (c->has_nice && setpriority(PRIO_PROCESS, 0, c->nice) < 0)
                return -errno;
        child->stage = STAGE_IO_CLASS;
        if (c->io_priority >= 0 && syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, c->io_priority) < 0)
                return -errno;
        child->stage = STAGE_AFFINITY;
        if (c->has_affinity && sched_setaffinity(0, sizeof(c->affinity), &c->affinity) < 0)
                return -errno;
        child->stage = STAGE_OOM;
        if (c->has_oom_score_adjust) {
                int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
                char text[16];
                int r;

                if (fd < 0)
                        return -errno;
                r = snprintf(text, sizeof(text), "%d", c->oom_score_adjust);
                r = write_all(fd, text, (size_t)r);
                safe_close(fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* No capability may be left to anyone but root. */
static int verify_capabilities(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 } };

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(data); i++)
                if (data[i].effective || data[i].permitted)
                        return -EPERM;
        /* What could be inherited by a program with file capabilities goes too. */
        if (data[0].inheritable || data[1].inheritable) {
                data[0].inheritable = data[1].inheritable = 0;
                if (syscall(SYS_capset, &header, data) < 0)
                        return -errno;
        }
        return 0;
}

#ifdef SYS_setresuid32
#define RAW_SETGROUPS SYS_setgroups32
#define RAW_SETRESGID SYS_setresgid32
#define RAW_SETRESUID SYS_setresuid32
#else
#define RAW_SETGROUPS SYS_setgroups
#define RAW_SETRESGID SYS_setresgid
#define RAW_SETRESUID SYS_setresuid
#endif

/* Groups, gid, uid, in this order, each checked; then what came out of it is looked at: no start as anyone else,
 * whatever failed. */
static int change_user(struct child *child)
{
        const struct identity *id = child->command->identity;
        uid_t ruid, euid, suid;
        gid_t rgid, egid, sgid;

        if (!id->change)
                return 0;
        child->stage = STAGE_GROUPS;
        if (syscall(RAW_SETGROUPS, id->n_groups, id->groups) < 0)
                return -errno;
        child->stage = STAGE_IDENTITY;
        if (syscall(RAW_SETRESGID, id->gid, id->gid, id->gid) < 0 ||
            syscall(RAW_SETRESUID, id->uid, id->uid, id->uid) < 0)
                return -errno;
        if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
                return -errno;
        if (ruid != id->uid || euid != id->uid || suid != id->uid || rgid != id->gid || egid != id->gid ||
            sgid != id->gid)
                return -EPERM;
        if (getgroups(0, NULL) != (int)id->n_groups)
                return -EPERM;
        if (id->uid == 0)
                return 0;
        if (syscall(RAW_SETRESUID, 0, 0, 0) >= 0)
                return -EPERM;
        return verify_capabilities();
}

/* From here on the death of the supervisor is the command's.  (The change of user clears it, hence after; execve of
 * a set-user-id program clears it too.) */
static int follow_parent(struct child *child)
{
        child->stage = STAGE_IDENTITY;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return getppid() == child->parent ? 0 : -ESRCH;
}

static int enter_folder(struct child *child)
{
        const struct launch *c = child->command;

        child->stage = STAGE_CHDIR;
        if (chdir(c->working_dir) == 0)
                return 0;
        if (c->fallback_dir && chdir(c->fallback_dir) == 0)
                return 0;
        return -errno;
}

static int take_descriptors(struct child *child)
{
        const struct launch *c = child->command;

        child->stage = STAGE_PIPES;
        if ((c->in >= 0 && dup2(c->in, 0) < 0) || dup2(c->out, 1) < 0 || dup2(c->err, 2) < 0)
                return -errno;
        /* Every descriptor of ours closes on execve; this is for what a library might have opened otherwise. */
        if (close_range(3, ~0u, 0) < 0 && errno != ENOSYS)
                return -errno;
        return 0;
}

static int execute(struct child *child)
{
        const struct launch *c = child->command;
        int error = ENOENT;
        sigset_t none;

        child->stage = STAGE_EXEC;
        (void)sigemptyset(&none);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                return -errno;
        for (char *const *path = c->paths; *path; path++) {
                (void)execve(*path, c->argv, c->envp);
                /* As a shell: a folder of PATH that lacks it is passed over, one that denies it is remembered. */
                if (errno == EACCES)
                        error = EACCES;
                else if (errno != ENOENT && errno != ENOTDIR)
                        return -errno;
                else if (errno == ENOTDIR && !path[1] && error == ENOENT)
                        error = ENOTDIR;
        }
        return -error;
}

static int child_main(void *arg)
{
        struct child *child = arg;
        int r;

        child->stage = STAGE_SESSION;
        r = setsid() < 0 ? -errno : limit_time();
        if (r >= 0)
                r = set_limits(child);
        if (r >= 0)
                r = set_priorities(child);
        if (r >= 0)
                r = change_user(child);
        if (r >= 0)
                r = follow_parent(child);
        if (r >= 0) {
                (void)umask(child->command->umask);
                r = enter_folder(child);
        }
        if (r >= 0)
                r = take_descriptors(child);
        if (r >= 0) {
                FAILPOINT("command.before_exec");
                r = execute(child);
        }
        child->error = -r;
        return 127; /* clone() makes it this process' exit code */
}

pid_t command_start(const struct launch *c, enum spawn_stage *ret_stage)
{
        static char stack[STACK_SIZE] __attribute__((aligned(64)));
        struct child child = { .command = c, .parent = getpid(), .stage = STAGE_FORK };
        struct mono begin = clock_mono();
        int status;
        pid_t pid;

        stack_renew(stack);
        pid = clone(child_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
        if (pid < 0) {
                *ret_stage = STAGE_FORK;
                return -errno;
        }
        if (child.error == 0 && clock_mono().usec - begin.usec < COMMAND_START_USEC)
                return pid;
        if (child.error == 0) {
                /* It took so long that its timer may have ended it; if it lives, it was executed at the last moment. */
                if (waitpid(pid, &status, WNOHANG) != pid)
                        return pid;
                child.error = ETIMEDOUT;
        } else {
                (void)waitpid(pid, &status, 0);
        }
        *ret_stage = child.stage;
        return -child.error;
}
