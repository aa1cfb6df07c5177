/* What the daemon asks of the runner about single attempts: all of it goes by the records and their locks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "engine/run.h"
#include "runner/runner.h"
#include "runner/setup.h"

#define STOP_GRACE_BITS (sizeof(void *) * 8 - 7)

void *stop_value_pack(int signal, int64_t grace_usec)
{
        uint64_t ms = (uint64_t)(grace_usec / USEC_PER_MSEC), max = (UINT64_C(1) << STOP_GRACE_BITS) - 1;

        return (void *)((uintptr_t)signal | (uintptr_t)MIN(ms, max) << 7);
}

void stop_value_unpack(const void *value, int *ret_signal, int64_t *ret_grace_usec)
{
        uintptr_t v = (uintptr_t)value;
        int signal = (int)(v & 127);

        *ret_signal = signal >= 1 && signal <= SIGRTMAX ? signal : SIGTERM;
        if (__builtin_mul_overflow((int64_t)(v >> 7), USEC_PER_MSEC, ret_grace_usec))
                *ret_grace_usec = USEC_INFINITY;
}

int runner_send(int socket, const struct runnermsg *m)
{
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size;
        int r;

        r = runnermsg_encode(m, &data, &size);
        if (r < 0)
                return r;
        return send(socket, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void tell(struct runner_state *s, enum runnermsg_type type, uint64_t run, uint32_t start)
{
        struct runnermsg m = runnermsg_make(type, run, start);

        (void)runner_send(s->socket, &m);
}

static struct record new_record(const struct runner_state *s, uint64_t run, uint32_t start, enum record_state state)
{
        struct record r = { .sequence = 1, .run = run, .start = start, .state = state, .created = clock_wall() };

        memcpy(r.boot, s->boot, sizeof(r.boot));
        return r;
}

static void start_failed(struct runner_state *s, uint64_t run, uint32_t start, enum spawn_stage stage, int error)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_FAILED, run, start), none = runnermsg_make(RUNNERMSG_START, 0, 0);

        m.stage = stage;
        m.error = -error;
        /* EEXIST: this number was judged or used before; another number will do. */
        m.fault = error == -EEXIST || setup_is_fault(&none, stage, -error);
        (void)runner_send(s->socket, &m);
}

/* We can't remember it, so we won't see it end: the daemon has to watch it itself, as after our death. */
static void tell_unwatched(struct runner_state *s, uint64_t run, uint32_t start)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_GONE, 0, 0);
        uint8_t entry[RUNNERMSG_GONE_SIZE];

        runnermsg_gone_put(entry, run, start);
        m.gone = entry;
        m.gone_size = sizeof(entry);
        (void)runner_send(s->socket, &m);
}

void request_start(struct runner_state *s, const void *data, size_t size, uint64_t run, uint32_t start)
{
        struct record record = new_record(s, run, start, RECORD_CREATED);
        _cleanup_(closep) int fd = -1, its = -1;
        int channel, r;
        pid_t pid;

        FAILPOINT("runner.before_record");
        fd = recordio_make(s->runs_fd, &record);
        if (fd < 0) {
                start_failed(s, run, start, STAGE_RECORD, fd);
                return;
        }
        FAILPOINT("runner.after_record");
        pid = pool_start(s, data, size, fd, run, start);
        if (pid > 0) {
                children_set(s, pid, run, start);
                FAILPOINT("runner.after_fork");
                return;
        }
        channel = pool_channel(s, &its);
        pid = fork();
        if (pid == 0) {
                safe_close(channel);
                pool_forget(s);
                supervisor_main(s, data, size, TAKE_FD(fd), TAKE_FD(its));
        }
        r = pid < 0 ? -errno : children_add(s, pid, run, start);
        if (r < 0 && pid > 0)
                tell_unwatched(s, run, start);
        if (r >= 0 && channel >= 0)
                pool_add(s, TAKE_FD(channel), pid, run, start);
        safe_close(channel);
        if (pid < 0) {
                record.state = RECORD_EXECFAIL;
                record.flags = RECORD_FAULT;
                record.stage = STAGE_FORK;
                record.error = -r;
                record.ended = clock_wall();
                (void)recordio_write(fd, &record);
                start_failed(s, run, start, STAGE_FORK, r);
        }
        FAILPOINT("runner.after_fork");
}

/* Under the lock: CREATED becomes VOID.  What is later stays. */
static int void_record(const struct runner_state *s, int fd, uint64_t run, uint32_t start)
{
        struct record record;
        int r;

        r = recordio_lock(fd, false);
        if (r >= 0)
                r = recordio_read(fd, &record);
        if (r == -ENODATA) {
                record = new_record(s, run, start, RECORD_CREATED);
                r = 0;
        }
        if (r >= 0 && record.state == RECORD_CREATED) {
                record.state = RECORD_VOID;
                r = recordio_write(fd, &record);
        }
        return r;
}

void request_void(struct runner_state *s, uint64_t run, uint32_t start)
{
        struct record record = new_record(s, run, start, RECORD_VOID);
        int fd;

        FAILPOINT("runner.before_void");
        fd = recordio_make(s->runs_fd, &record);
        if (fd == -EEXIST) {
                fd = recordio_open(s->runs_fd, run, start, O_RDWR);
                if (fd >= 0)
                        (void)void_record(s, fd, run, start);
        }
        safe_close(fd);
        FAILPOINT("runner.after_void");
        /* Whatever came of it: the record says it. */
        tell(s, RUNNERMSG_JUDGED, run, start);
}

/* 0, or -EAGAIN while its supervisor lives. */
static int forget(struct runner_state *s, uint64_t run, uint32_t start)
{
        _cleanup_(closep) int fd = recordio_open(s->runs_fd, run, start, O_RDWR);
        int r;

        if (fd >= 0) {
                /* A supervisor that has not come to its lock yet must still meet VOID in the file that it has open. */
                r = void_record(s, fd, run, start);
                if (r == -EAGAIN)
                        return r;
        }
        FAILPOINT("runner.before_forget");
        (void)recordio_remove(s->runs_fd, run, start);
        return 0;
}

void request_forget(struct runner_state *s, uint64_t run, uint32_t start)
{
        if (forget(s, run, start) != -EAGAIN)
                return;
        if (s->n_forgets == s->forgets_allocated) {
                size_t allocated = MAX(16u, s->forgets_allocated * 2);
                struct child *v = reallocarray(s->forgets, allocated, sizeof(*v));

                if (!v)
                        return; /* it goes with the next sweep */
                s->forgets = v;
                s->forgets_allocated = allocated;
        }
        s->forgets[s->n_forgets++] = (struct child){ .run = run, .start = start };
}

void requests_retry(struct runner_state *s)
{
        size_t kept = 0;

        for (size_t i = 0; i < s->n_forgets; i++)
                if (forget(s, s->forgets[i].run, s->forgets[i].start) == -EAGAIN)
                        s->forgets[kept++] = s->forgets[i];
        s->n_forgets = kept;
}

/* A child of ours that has not been reaped keeps its pid, so this is safe also before it holds its lock. */
static pid_t find_child(const struct runner_state *s, uint64_t run, uint32_t start)
{
        for (size_t i = 0; i < s->children_size; i++)
                if (s->children[i].pid && s->children[i].run == run && s->children[i].start == start)
                        return s->children[i].pid;
        return 0;
}

void request_signal(struct runner_state *s, const struct runnermsg *m)
{
        bool stop = m->type == RUNNERMSG_STOP;
        siginfo_t info = { .si_code = SI_QUEUE };
        _cleanup_(closep) int pidfd = -1, fd = -1;
        pid_t pid = 0;

        if (m->signal == RUNNERMSG_UNSET || pool_send(s, m))
                return;
        info.si_signo = stop ? SUPERVISOR_STOP : SUPERVISOR_SIGNAL;
        info.si_pid = getpid();
        info.si_uid = getuid();
        if (stop)
                info.si_value.sival_ptr =
                        stop_value_pack((int)m->signal, m->grace_usec == RUNNERMSG_UNSET ? 0 : m->grace_usec);
        else
                info.si_value.sival_int = (int)m->signal;

        fd = recordio_open(s->runs_fd, m->run, m->start, O_RDONLY);
        if (fd >= 0)
                pidfd = recordio_pidfd(fd, &pid);
        if (pidfd < 0) {
                pid = find_child(s, m->run, m->start);
                pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
        }
        if (pidfd >= 0)
                (void)pidfd_send_signal(pidfd, info.si_signo, &info, 0);
}
