/* START against VOID, thousands of times on the runner itself: an attempt runs or is judged as not started, never
 * both, never neither. Speaks the messages directly, so that the VOID meets the supervisor on its way to its lock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"
#include "proto/runnermsg.h"

#define BATCHES 120
#define BATCH 25

static struct harness h;
static int sock = -1, log_fd = -1;
static uint8_t received[RUNNERMSG_MAX];

static void send_message(const struct runnermsg *m, int fd)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { .bytes = { 0 } };
        struct iovec iov = { 0 };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        uint8_t *data;

        if (runnermsg_encode(m, &data, &iov.iov_len) < 0)
                abort();
        iov.iov_base = data;
        if (fd >= 0) {
                msg.msg_control = &control;
                msg.msg_controllen = sizeof(control);
                control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                                  .cmsg_type = SCM_RIGHTS,
                                                  .cmsg_len = CMSG_LEN(sizeof(int)) };
                memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
        }
        if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
                abort();
        free(data);
}

/* 0 when nothing came within the deadline. */
static enum runnermsg_type receive(struct runnermsg *ret)
{
        struct pollfd p = { .fd = sock, .events = POLLIN };
        ssize_t n;

        if (poll(&p, 1, (int)(DEADLINE * 1000)) <= 0)
                return 0;
        n = recv(sock, received, sizeof(received), 0);
        if (n <= 0 || runnermsg_decode(received, (size_t)n, ret) < 0)
                return 0;
        return ret->type;
}

static pid_t start_runner(const char *runs)
{
        char program[4200];
        struct runnermsg m = runnermsg_make(RUNNERMSG_HELLO, 0, 0);
        int fds[2];
        pid_t pid;

        (void)snprintf(program, sizeof(program), "%s/jobsched-runner",
                       getenv("top_builddir") ? getenv("top_builddir") : ".");
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                abort();
        pid = fork();
        if (pid == 0) {
                (void)dup2(fds[1], 3);
                (void)execl(program, program, (char *)NULL);
                _exit(127);
        }
        safe_close(fds[1]);
        sock = fds[0];
        m.runs_dir = runs;
        m.boot = "test";
        m.own_user_only = 1;
        send_message(&m, -1);
        ok(receive(&m) == RUNNERMSG_READY, "the runner is ready");
        return pid;
}

static void start(uint64_t run)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_START, run, 1);
        char sh[] = "/bin/sh", c[] = "-c", text[128];
        char *argv[] = { sh, c, text, NULL };

        (void)snprintf(text, sizeof(text), "echo %llu >>%s/ran", (unsigned long long)run, h.dir);
        m.argv = argv;
        send_message(&m, log_fd);
}

/* A batch: STARTs, each with its VOID a little later; then all answers are awaited.  False: one is missing. */
static bool race(uint64_t first)
{
        size_t judged = 0, gone = 0;
        struct runnermsg m;

        for (uint64_t run = first; run < first + BATCH; run++) {
                struct timespec delay = { 0, (long)((run * 7919) % 400) * 1000 };

                start(run);
                if (run % 3 != 0)
                        (void)nanosleep(&delay, NULL);
                m = runnermsg_make(RUNNERMSG_VOID, run, 1);
                send_message(&m, -1);
        }
        while (judged < BATCH || gone < BATCH) {
                enum runnermsg_type type = receive(&m);

                if (type == 0)
                        return false;
                judged += type == RUNNERMSG_JUDGED;
                if (type == RUNNERMSG_GONE)
                        gone += m.gone_size / RUNNERMSG_GONE_SIZE;
                runnermsg_done(&m);
        }
        return true;
}

/* How often each has run. */
static void count(unsigned char times[BATCHES * BATCH + 1])
{
        char path[128];
        unsigned run;
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/ran", h.dir);
        f = fopen(path, "re");
        while (f && fscanf(f, "%u", &run) == 1)
                if (run <= BATCHES * BATCH)
                        times[run]++;
        if (f)
                (void)fclose(f);
}

int main(void)
{
        static unsigned char times[BATCHES * BATCH + 1];
        size_t ran = 0, voided = 0, wrong = 0;
        uint64_t run = 1;
        bool answered = true;
        char runs[128];
        pid_t pid;

        harness_make(&h);
        (void)snprintf(runs, sizeof(runs), "%s/runs", h.dir);
        if (mkdir(runs, 0711) < 0)
                abort();
        log_fd = open(h.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        pid = start_runner(runs);
        h.runs_fd = open(runs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < BATCHES && answered; i++, run += BATCH)
                answered = race(run);
        ok(answered, "%d races of START and VOID are over, all answered", BATCHES * BATCH);
        count(times);
        for (uint64_t i = 1; i < run; i++) {
                struct record rec = { .state = 0 };

                if (!harness_record(&h, i, 1, &rec))
                        wrong++;
                else if (rec.state == RECORD_EXITED && rec.wait_status == 0 && times[i] == 1)
                        ran++;
                else if (rec.state == RECORD_VOID && times[i] == 0)
                        voided++;
                else
                        wrong++;
        }
        is_int(wrong, 0, "never both, never neither");
        ok(ran > 0 && voided > 0, "both ends were seen: %zu ran, %zu were judged as not started", ran, voided);
        safe_close(sock);
        ok(waitpid(pid, NULL, 0) == pid, "the runner ends with its socket");
        safe_close(log_fd);
        harness_free(&h);
        return tap_done();
}
