/* Supervisors that go on: a few of them wait for another START after an attempt is over, so that in a burst, or for a job of
 * each second, nothing is forked but the command.  Each has a channel of its own to the runner, a socketpair:
 *
 *     runner to supervisor    START (with its record, open), STOP, SIGNAL as they came from the daemon, in that order: what
 *                             is meant for one attempt never reaches the next one
 *     supervisor to runner    a byte: the record's lock is free, I wait
 *
 * The end of the channel is the end of waiting: the runner died, or lets it go because nothing was to be done for a while.
 * One that is at work then ends with its attempt, as all the others do that have no channel.
 *
 * Who can't be sure that nothing of an attempt is left in it ends too: who has processes left, who was asked to end
 * (SIGTERM), who let the name services look up a user (their descriptors, memory and threads are their own affair). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "runner/runner.h"

#define POOL_IDLE_USEC (5 * USEC_PER_SEC)

int pool_channel(const struct runner_state *s, int *ret_its)
{
        int fds[2];

        if (s->n_pool == POOL_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        *ret_its = fds[1];
        return fds[0];
}

void pool_add(struct runner_state *s, int channel, pid_t pid, uint64_t run, uint32_t start)
{
        s->pool[s->n_pool++] = (struct pooled){ .pid = pid, .channel = channel, .run = run, .start = start };
}

/* In a new supervisor: nobody but the runner holds these ends. */
void pool_forget(struct runner_state *s)
{
        for (size_t i = 0; i < s->n_pool; i++)
                safe_close(s->pool[i].channel);
        s->n_pool = 0;
}

static void remove_at(struct runner_state *s, size_t i)
{
        safe_close(s->pool[i].channel);
        s->pool[i] = s->pool[--s->n_pool];
}

/* The record goes with it as a descriptor, as it does with a fork: who takes the message late must meet what became of
 * this very file, not what stands in its place by then. */
static ssize_t send_start(int channel, const void *data, size_t size, int record_fd)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { .bytes = { 0 } };
        struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };

        control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS,
                                          .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(&control.align), &record_fd, sizeof(int));
        return sendmsg(channel, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t pool_receive(const struct runner_state *s, int channel, int *ret_record_fd)
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
        ssize_t n = recvmsg(channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        *ret_record_fd = -1;
        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        c = CMSG_FIRSTHDR(&msg);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_record_fd, CMSG_DATA(c), sizeof(int));
        return n;
}

pid_t pool_start(struct runner_state *s, const void *data, size_t size, int record_fd, uint64_t run, uint32_t start)
{
        for (size_t i = s->n_pool; i > 0; i--) {
                struct pooled *p = &s->pool[i - 1];

                if (!p->idle)
                        continue;
                if (send_start(p->channel, data, size, record_fd) == (ssize_t)size) {
                        p->idle = false;
                        p->run = run;
                        p->start = start;
                        return p->pid;
                }
                if (errno != EPIPE && errno != ECONNRESET)
                        return 0;    /* too large, no memory, too many descriptors on their way */
                remove_at(s, i - 1); /* it died: its end is told by SIGCHLD */
        }
        return 0;
}

bool pool_send(const struct runner_state *s, const struct runnermsg *m)
{
        for (size_t i = 0; i < s->n_pool; i++)
                if (!s->pool[i].idle && s->pool[i].run == m->run && s->pool[i].start == m->start)
                        return runner_send(s->pool[i].channel, m) >= 0;
        return false;
}

bool pool_hear(struct runner_state *s, size_t i, uint64_t *ret_run, uint32_t *ret_start)
{
        struct pooled *p = &s->pool[i];
        char word;
        ssize_t n;

        if (p->idle)
                return false;
        n = recv(p->channel, &word, 1, MSG_DONTWAIT);
        if (n != 1) {
                /* It dies, which may take it a while; its end is told by SIGCHLD. */
                if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        remove_at(s, i);
                return false;
        }
        p->idle = true;
        p->since = clock_mono();
        *ret_run = p->run;
        *ret_start = p->start;
        return true;
}

void pool_remove(struct runner_state *s, pid_t pid)
{
        for (size_t i = 0; i < s->n_pool; i++)
                if (s->pool[i].pid == pid) {
                        remove_at(s, i);
                        return;
                }
}

int pool_shrink(struct runner_state *s)
{
        struct mono now = clock_mono();
        bool waits = false;

        for (size_t i = s->n_pool; i > 0; i--)
                if (s->pool[i - 1].idle && now.usec - s->pool[i - 1].since.usec >= POOL_IDLE_USEC)
                        remove_at(s, i - 1);
                else
                        waits = waits || s->pool[i - 1].idle;
        return waits ? (int)(POOL_IDLE_USEC / USEC_PER_MSEC) : -1;
}
