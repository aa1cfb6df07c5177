/* jobsched-runner: the small process that starts jobs.  It forks a supervisor for each attempt and forgets about
 * it: whatever becomes of this program or of the daemon, supervisors go on.  One runner works in a folder of
 * attempts at a time (it holds the lock on runner.lock there), so no request of an earlier daemon can come late to
 * a later one's folder. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/fd.h"
#include "runner/runner.h"

#define MESSAGES_A_TURN 64
#define PREDECESSOR_MSEC 1000 /* how long the runner before us may take to notice that its daemon is gone */
#define RETRY_MSEC 20         /* between looks at what was still locked or alive */
#define GONE_A_MESSAGE 1000

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
        va_list ap;

        (void)fputs("jobsched-runner: ", stderr);
        va_start(ap, fmt);
        (void)vfprintf(stderr, fmt, ap);
        va_end(ap);
        (void)fputc('\n', stderr);
        exit(EXIT_FAILURE);
}

static size_t child_slot(const struct runner_state *s, pid_t pid)
{
        size_t i = (size_t)pid * 2654435761u & (s->children_size - 1);

        while (s->children[i].pid && s->children[i].pid != pid)
                i = (i + 1) & (s->children_size - 1);
        return i;
}

static int children_grow(struct runner_state *s)
{
        size_t old_size = s->children_size, size = old_size ? old_size * 2 : 1024;
        struct child *old = s->children, *v;

        v = mmap(NULL, size * sizeof(*v), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (v == MAP_FAILED)
                return -ENOMEM;
        (void)madvise(v, size * sizeof(*v), MADV_DONTFORK);
        s->children = v;
        s->children_size = size;
        for (size_t i = 0; i < old_size; i++)
                if (old[i].pid)
                        v[child_slot(s, old[i].pid)] = old[i];
        if (old)
                (void)munmap(old, old_size * sizeof(*old));
        return 0;
}

int children_add(struct runner_state *s, pid_t pid, uint64_t run, uint32_t start)
{
        if ((s->n_children + 1) * 2 > s->children_size) {
                int r = children_grow(s);

                if (r < 0 && s->n_children + 1 >= s->children_size)
                        return r;
        }
        s->children[child_slot(s, pid)] = (struct child){ .pid = pid, .run = run, .start = start };
        s->n_children++;
        return 0;
}

void children_set(struct runner_state *s, pid_t pid, uint64_t run, uint32_t start)
{
        struct child *c = &s->children[child_slot(s, pid)];

        if (c->pid == pid) {
                c->run = run;
                c->start = start;
        }
}

/* Linear probing: what follows closes the gap. */
static bool children_take(struct runner_state *s, pid_t pid, struct child *ret)
{
        size_t mask = s->children_size - 1, i = child_slot(s, pid);

        if (!s->children[i].pid)
                return false;
        *ret = s->children[i];
        s->children[i].pid = 0;
        s->n_children--;
        for (i = (i + 1) & mask; s->children[i].pid; i = (i + 1) & mask) {
                struct child moved = s->children[i];

                s->children[i].pid = 0;
                s->children[child_slot(s, moved.pid)] = moved;
        }
        return true;
}

static void tell_gone(struct runner_state *s)
{
        while (s->n_gone > 0) {
                struct runnermsg m = runnermsg_make(RUNNERMSG_GONE, 0, 0);
                size_t n = MIN(s->n_gone, (size_t)GONE_A_MESSAGE);

                m.gone = s->gone;
                m.gone_size = n * RUNNERMSG_GONE_SIZE;
                if (runner_send(s->socket, &m) < 0)
                        return;
                s->n_gone -= n;
                memmove(s->gone, s->gone + m.gone_size, s->n_gone * RUNNERMSG_GONE_SIZE);
        }
}

static void add_gone(struct runner_state *s, uint64_t run, uint32_t start)
{
        if (s->n_gone == s->gone_allocated) {
                size_t allocated = MAX(64u, s->gone_allocated * 2);
                uint8_t *v = reallocarray(s->gone, allocated, RUNNERMSG_GONE_SIZE);

                if (!v)
                        return;
                s->gone = v;
                s->gone_allocated = allocated;
        }
        runnermsg_gone_put(s->gone + s->n_gone++ * RUNNERMSG_GONE_SIZE, run, start);
}

static void reap_children(struct runner_state *s)
{
        struct child c;
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
                pool_remove(s, pid);
                if (children_take(s, pid, &c) && c.run > 0)
                        add_gone(s, c.run, c.start);
        }
}

/* Attempts that are over, while their supervisors go on. */
static void hear_pool(struct runner_state *s, const struct pollfd *fds)
{
        for (size_t i = s->n_pool; i-- > 0;) {
                uint64_t run;
                uint32_t start;

                if (!fds[i].revents || !pool_hear(s, i, &run, &start))
                        continue;
                children_set(s, s->pool[i].pid, 0, 0);
                add_gone(s, run, start);
        }
}

/* One message.  Its size, 0: the daemon is gone, -EAGAIN: none now.  Descriptors are not taken (the kernel closes them). */
static ssize_t receive(struct runner_state *s)
{
        ssize_t n;

        do
                n = recv(s->socket, s->receive, RUNNERMSG_MAX, MSG_DONTWAIT | MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n > (ssize_t)RUNNERMSG_MAX ? -EBADMSG : n;
}

/* The first message, and the descriptor that comes with it. */
static ssize_t receive_hello(struct runner_state *s, int *ret_fd)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec iov = { .iov_base = s->receive, .iov_len = RUNNERMSG_MAX };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        const struct cmsghdr *c;
        ssize_t n;

        do
                n = recvmsg(s->socket, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        c = CMSG_FIRSTHDR(&msg);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
        return msg.msg_flags & MSG_TRUNC ? -EBADMSG : n;
}

static void handle(struct runner_state *s, size_t size)
{
        struct runnermsg m;
        enum runnermsg_type type;
        uint64_t run;
        uint32_t start;

        if (runnermsg_peek(s->receive, size, &type, &run, &start) < 0) {
                return;
        }
        if (type == RUNNERMSG_START) {
                request_start(s, s->receive, size, run, start);
                if (size > 8192)
                        (void)madvise(s->receive, RUNNERMSG_MAX, MADV_DONTNEED); /* not to be carried into every fork */
                return;
        }
        if (type == RUNNERMSG_VOID) {
                request_void(s, run, start);
        } else if (type == RUNNERMSG_FORGET) {
                request_forget(s, run, start);
        } else if (type == RUNNERMSG_REAP) {
                request_reap(s, run, start);
        } else if ((type == RUNNERMSG_STOP || type == RUNNERMSG_SIGNAL) &&
                   runnermsg_decode(s->receive, size, &m) >= 0) {
                request_signal(s, &m);
                runnermsg_done(&m);
        }
}

static void on_signals(struct runner_state *s)
{
        struct signalfd_siginfo info;
        bool children = false;

        while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGTERM)
                        exit(EXIT_SUCCESS);
                children = children || info.ssi_signo == SIGCHLD;
        }
        if (children)
                reap_children(s);
}

/* What to poll: the daemon, signals, the pool. */
static size_t fill_polls(const struct runner_state *s, struct pollfd *fds)
{
        fds[0] = (struct pollfd){ .fd = s->socket, .events = (short)(POLLIN | (s->n_gone > 0 ? POLLOUT : 0)) };
        fds[1] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
        for (size_t i = 0; i < s->n_pool; i++)
                fds[2 + i] = (struct pollfd){ .fd = s->pool[i].idle ? -1 : s->pool[i].channel, .events = POLLIN };
        return 2 + s->n_pool;
}

static void run(struct runner_state *s)
{
        for (;;) {
                bool waiting = s->n_reaps > 0 || s->n_forgets > 0;
                struct pollfd fds[2 + POOL_MAX];
                int pool_msec = pool_shrink(s);
                size_t n_fds = fill_polls(s, fds), before;

                (void)poll(fds, n_fds, waiting ? RETRY_MSEC : pool_msec);
                /* What it still asked for before it went is not done: it is the next one's to decide. */
                if (fds[0].revents & (POLLHUP | POLLERR))
                        exit(EXIT_SUCCESS);
                before = s->n_gone;
                hear_pool(s, fds + 2); /* before anything changes the pool */
                if (fds[1].revents)
                        on_signals(s);
                if (s->n_gone > before)
                        requests_retry(s);
                if (s->n_gone > before || fds[0].revents & POLLOUT)
                        tell_gone(s);
                for (int i = 0; i < MESSAGES_A_TURN && fds[0].revents & POLLIN; i++) {
                        ssize_t n = receive(s);

                        if (n == 0)
                                exit(EXIT_SUCCESS);
                        if (n < 0)
                                break;
                        handle(s, (size_t)n);
                }
                reaps_go_on(s);
                if (s->n_forgets > 0)
                        requests_retry(s);
        }
}

static void set_up_signals(struct runner_state *s)
{
        /* The kernel's struct sigaction, all zero: SIG_DFL.  Asked directly, as libc keeps 32 and 33 to itself, and its
         * posix_spawn, by which we came to be, leaves them ignored. */
        static const unsigned long normal[8];
        sigset_t all;

        for (int i = 1; i <= SIGRTMAX; i++)
                (void)syscall(SYS_rt_sigaction, i, normal, NULL, 8);
        /* Blocked here and in supervisors, so a terminal's ^C reaches neither; jobs begin with none
         * blocked.  SIGALRM is the limit of a supervisor's look-ups. */
        (void)sigfillset(&all);
        (void)sigdelset(&all, SIGALRM);
        (void)sigprocmask(SIG_SETMASK, &all, NULL);
        (void)sigemptyset(&all);
        (void)sigaddset(&all, SIGCHLD);
        (void)sigaddset(&all, SIGTERM);
        (void)sigaddset(&all, SUPERVISOR_STOP);
        (void)sigaddset(&all, SUPERVISOR_SIGNAL);
        s->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->signals < 0)
                die("signalfd: %m");
}

/* 0, 1 and 2 are /dev/null here and in supervisors: nothing that we outlive is held open by us. */
static void let_go_of_terminal(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
                die("/dev/null: %m");
        if (null > 2)
                safe_close(null);
}

static void look_at_ourselves(struct runner_state *s)
{
        struct rlimit files;
        char text[16] = "";
        int fd;

        errno = 0;
        s->reset_nice = getpriority(PRIO_PROCESS, 0) != 0 && geteuid() == 0;
        s->reset_open_files = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > 1024;
        fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
                s->reset_oom_score_adjust = strtol(text, NULL, 10) < 0;
        safe_close(fd);
}

/* The folder of attempts must be ours: who could put a record there could make us kill what he likes. */
static void open_runs(struct runner_state *s, const char *path)
{
        struct stat st;

        s->runs_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->runs_fd < 0 || fstat(s->runs_fd, &st) < 0)
                die("%s: %m", path);
        if (st.st_uid != geteuid() || st.st_mode & 022)
                die("%s: must be owned by uid %u and not be writable by others", path, geteuid());
}

/* Waits for the runner before us, and ends it if it does not notice that it is alone. */
static void lock_runs(struct runner_state *s)
{
        int fd = openat(s->runs_fd, "runner.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                die("runner.lock: %m");
        while (recordio_lock(fd, false) < 0) {
                pid_t pid;
                int pidfd = recordio_pidfd(fd, &pid);
                struct pollfd p = { .fd = pidfd, .events = POLLIN };

                if (pidfd < 0 && pidfd != -ESRCH && pidfd != -EAGAIN)
                        die("runner.lock: %s", strerror(-pidfd));
                if (pidfd < 0)
                        continue;
                if (poll(&p, 1, PREDECESSOR_MSEC) == 0 && pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0)
                        (void)poll(&p, 1, -1);
                safe_close(pidfd);
        }
        /* The descriptor stays open for life; supervisors don't inherit the lock. */
}

/* So that a supervisor's look-up need not load anything. */
static void load_name_services(void)
{
        gid_t groups[64];
        int n = (int)ARRAY_SIZE(groups);

        (void)getpwnam("root");
        (void)getgrnam("root");
        (void)getgrouplist("root", 0, groups, &n);
        endpwent();
        endgrent();
}

static void greet(struct runner_state *s)
{
        struct ucred peer = { 0 };
        socklen_t length = sizeof(peer);
        struct runnermsg m;
        int fd = -1, r;
        ssize_t n;

        if (getsockopt(s->socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
                die("descriptor %d is not the daemon's socket: %m (it is started by jobschedd)", s->socket);
        s->daemon_uid = peer.uid;
        n = receive_hello(s, &fd);
        if (n == 0)
                exit(EXIT_SUCCESS);
        s->logs_fd = fd;
        r = n < 0 ? (int)n : runnermsg_decode(s->receive, (size_t)n, &m);
        if (r == -EPROTO)
                die("the daemon speaks another version of our protocol: restart it");
        if (r < 0 || m.type != RUNNERMSG_HELLO || !m.runs_dir || !m.boot)
                die("the daemon's greeting is not one");
        s->own_user_only = m.own_user_only == 1;
        s->shutdown_grace_usec = m.shutdown_grace_usec == RUNNERMSG_UNSET ? 10 * USEC_PER_SEC : m.shutdown_grace_usec;
        (void)snprintf(s->boot, sizeof(s->boot), "%s", m.boot);
        s->socket_path = m.socket ? strdup(m.socket) : NULL;
        if (m.socket && !s->socket_path)
                die("%m");
        open_runs(s, m.runs_dir);
        runnermsg_done(&m);
}

int main(int argc, char *argv[])
{
        static struct runner_state s = { .socket = RUNNER_SOCKET_FD, .runs_fd = -1, .logs_fd = -1 };
        struct runnermsg ready = runnermsg_make(RUNNERMSG_READY, 0, 0);

        if (argc > 1) {
                (void)fprintf(stderr, "jobsched-runner is started by jobschedd and takes no arguments\n");
                return 2;
        }
        failpoint_init();
        (void)close_range(RUNNER_SOCKET_FD + 1, ~0u, 0);
        (void)fcntl(RUNNER_SOCKET_FD, F_SETFD, FD_CLOEXEC);
        (void)umask(022);
        /* Out of the session of a terminal that the daemon may have been started from, with every supervisor to come. */
        (void)setsid();
        if (chdir("/") < 0)
                die("/: %m");
        s.receive = mmap(NULL, RUNNERMSG_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (s.receive == MAP_FAILED || children_grow(&s) < 0)
                die("%s", strerror(ENOMEM));
        greet(&s);
        set_up_signals(&s);
        look_at_ourselves(&s);
        lock_runs(&s);
        if (s.own_user_only && identity_self(&s.self) < 0)
                die("%s", strerror(ENOMEM));
        if (!s.own_user_only) {
                load_name_services();
                s.users = usercache_new();
        }
        if (geteuid() == 0)
                (void)prctl(PR_SET_DUMPABLE, 0);
        let_go_of_terminal();
        if (runner_send(s.socket, &ready) < 0)
                return EXIT_SUCCESS;
        run(&s);
}
