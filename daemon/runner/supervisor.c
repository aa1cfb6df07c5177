/* One attempt: a fork of the runner that starts the command, pumps its output, enforces its timeout, and leaves the
 * result in the record.  It outlives runner and daemon, and waits for neither.  Then it ends, or serves again (pool.c).
 *
 *       SETTING UP --> RUNNING --(timeout, STOP)--> STOPPING --(grace is over)--> KILLING
 *                         |                             |                            |
 *                         +---- main process ended -----+------ tree is empty -------+--> DRAINING --> EXITED
 *
 * The tree is every descendant: this process is a child subreaper, so it is empty when there is no child left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "engine/event.h"
#include "runner/output.h"
#include "runner/runner.h"
#include "runner/setup.h"
#include "runner/tree.h"

#define DRAIN_USEC          (2 * USEC_PER_SEC) /* for output after the end, where somebody still holds the pipe */
#define KILL_AGAIN_MIN_USEC (2 * USEC_PER_MSEC)
#define KILL_AGAIN_MAX_USEC (500 * USEC_PER_MSEC)
#define KILL_GIVE_UP_USEC   (10 * USEC_PER_SEC) /* who has not died of KILL by then is stuck in the kernel */
#define READ_SIZE           32768u
#define READS_A_TURN        32 /* a flood of output must not keep us from signals and timeouts */

enum phase { PHASE_RUNNING, PHASE_STOPPING, PHASE_KILLING };

/* There is one in each process, and the signal handler needs it. */
static struct supervisor {
        const struct runner_state *state;
        struct runnermsg message;
        struct record record;
        int record_fd, timer_fd;
        int channel; /* from the runner, -1: this is its only attempt */
        bool last;   /* it won't serve again */
        struct setup setup;
        struct output output;

        struct rusage used; /* by all children that have ended */
        pid_t command;
        bool main_ended, tree_empty, gave_up;
        enum phase phase;
        enum end_cause cause;
        struct mono timeout_at; /* of the attempt */
        struct mono kill_at;    /* STOPPING: then KILL.  KILLING: then KILL again */
        struct mono give_up_at; /* KILLING */
        struct mono drain_until;
        int64_t kill_again_usec;
} sv;

static void __attribute__((noreturn)) fail(enum spawn_stage stage, int error)
{
        struct runnermsg hint = runnermsg_make(RUNNERMSG_EXECFAIL, sv.record.run, sv.record.start);

        sv.record.state = RECORD_EXECFAIL;
        sv.record.stage = stage;
        sv.record.error = -error;
        if (setup_is_fault(&sv.message, stage, -error))
                sv.record.flags |= RECORD_FAULT;
        sv.record.ended = clock_wall();
        sv.record.ended_mono = clock_mono();
        (void)recordio_write(sv.record_fd, &sv.record);
        (void)runner_send(sv.state->socket, &hint);
        _exit(0);
}

/* In the signal handler: no more memory or stdio than fail() without a hint needs; the runner sees us go. */
static void on_lookup_timeout(void)
{
        sv.record.state = RECORD_EXECFAIL;
        sv.record.stage = STAGE_USER;
        sv.record.error = ETIMEDOUT;
        sv.record.flags |= RECORD_FAULT;
        sv.record.ended = clock_wall();
        sv.record.ended_mono = clock_mono();
        (void)recordio_write(sv.record_fd, &sv.record);
        _exit(0);
}

static void arm_timer(void)
{
        struct mono next = sv.phase == PHASE_RUNNING ? sv.timeout_at : sv.kill_at;
        struct itimerspec when = { .it_value.tv_sec = 0 };

        if (sv.drain_until.usec < next.usec)
                next = sv.drain_until;
        if (mono_is_never(next) && sv.timer_fd < 0)
                return;
        if (sv.timer_fd < 0)
                sv.timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (sv.timer_fd < 0)
                return; /* wait_for_something() looks at the clock now and then */
        if (!mono_is_never(next)) {
                when.it_value.tv_sec = (time_t)(next.usec / USEC_PER_SEC);
                when.it_value.tv_nsec = (long)(next.usec % USEC_PER_SEC * 1000 + 1);
        }
        (void)timerfd_settime(sv.timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void start_killing(struct mono now)
{
        if (sv.phase == PHASE_KILLING)
                return;
        sv.phase = PHASE_KILLING;
        sv.kill_again_usec = KILL_AGAIN_MIN_USEC;
        sv.give_up_at = mono_add(now, KILL_GIVE_UP_USEC);
        sv.kill_at = now;
}

/* To the whole tree, then KILL after the grace.  Asked again, it only ever comes sooner. */
static void start_stopping(int signal, int64_t grace_usec, struct mono now)
{
        struct mono kill_at = mono_add(now, grace_usec);

        if (sv.phase == PHASE_KILLING)
                return;
        (void)tree_signal(signal, true);
        if (sv.phase == PHASE_RUNNING || kill_at.usec < sv.kill_at.usec)
                sv.kill_at = kill_at;
        sv.phase = PHASE_STOPPING;
        if (signal == SIGKILL)
                start_killing(now);
        arm_timer();
}

/* The main process has ended and what is left, if anything, is left on purpose: only output may still be drained. */
static bool is_over(void)
{
        return sv.main_ended &&
               (sv.tree_empty || (sv.message.leftovers == LEFTOVERS_LEAVE && sv.phase == PHASE_RUNNING));
}

static int64_t kill_timeout(void)
{
        return sv.message.kill_timeout_usec == RUNNERMSG_UNSET ? 10 * USEC_PER_SEC : sv.message.kill_timeout_usec;
}

static int kill_signal(void)
{
        return sv.message.kill_signal == RUNNERMSG_UNSET ? SIGTERM : (int)sv.message.kill_signal;
}

static void check_deadlines(void)
{
        struct mono now = clock_mono();

        if (sv.phase == PHASE_RUNNING && is_over()) {
                sv.timeout_at = MONO_NEVER;
        } else if (sv.phase == PHASE_RUNNING && now.usec >= sv.timeout_at.usec) {
                sv.timeout_at = MONO_NEVER;
                sv.cause = sv.message.timeout_is_total == 1 ? END_TOTAL_TIMEOUT : END_TIMEOUT;
                start_stopping(kill_signal(), kill_timeout(), now);
        }
        if (sv.phase == PHASE_STOPPING && now.usec >= sv.kill_at.usec)
                start_killing(now);
        if (sv.phase == PHASE_KILLING && !sv.tree_empty && now.usec >= sv.kill_at.usec) {
                (void)tree_signal(SIGKILL, false);
                sv.kill_at = mono_add(now, sv.kill_again_usec);
                sv.kill_again_usec = MIN(sv.kill_again_usec * 2, KILL_AGAIN_MAX_USEC);
                if (now.usec >= sv.give_up_at.usec) {
                        sv.record.flags |= RECORD_KILL_FAILED;
                        sv.gave_up = true;
                }
        }
        if (sv.tree_empty && sv.phase != PHASE_RUNNING)
                sv.kill_at = MONO_NEVER;
        arm_timer();
}

static void on_main_end(int status)
{
        sv.main_ended = true;
        sv.record.wait_status = status;
        sv.record.ended = clock_wall();
        sv.record.ended_mono = clock_mono();
        FAILPOINT("supervisor.after_wait");
}

/* As RUSAGE_CHILDREN, but of this attempt alone. */
static void count_usage(const struct rusage *ru)
{
        timeradd(&sv.used.ru_utime, &ru->ru_utime, &sv.used.ru_utime);
        timeradd(&sv.used.ru_stime, &ru->ru_stime, &sv.used.ru_stime);
        sv.used.ru_maxrss = MAX(sv.used.ru_maxrss, ru->ru_maxrss);
        sv.used.ru_inblock += ru->ru_inblock;
        sv.used.ru_oublock += ru->ru_oublock;
}

/* Every child that has ended, ours by birth or by adoption. */
static void reap(void)
{
        struct rusage ru;
        int status;
        pid_t pid;

        for (;;) {
                pid = wait4(-1, &status, WNOHANG, &ru);
                if (pid > 0)
                        count_usage(&ru);
                if (pid <= 0)
                        break;
                /* Once: its number may be another's by now. */
                if (pid == sv.command && !sv.main_ended)
                        on_main_end(status);
        }
        sv.tree_empty = pid < 0 && errno == ECHILD;
        if (!sv.main_ended || sv.tree_empty || sv.phase != PHASE_RUNNING)
                return;
        if (sv.message.leftovers != LEFTOVERS_WAIT && sv.message.leftovers != LEFTOVERS_LEAVE)
                start_stopping(kill_signal(), kill_timeout(), clock_mono());
}

static bool from_the_runner(const struct signalfd_siginfo *info)
{
        return info->ssi_code == SI_QUEUE && (info->ssi_uid == 0 || info->ssi_uid == getuid());
}

static void on_stop(int signal, int64_t grace_usec)
{
        struct mono now = clock_mono();

        if (is_over()) {
                sv.drain_until = now;
                return;
        }
        if (sv.phase == PHASE_RUNNING)
                sv.cause = END_STOPPED;
        start_stopping(signal, grace_usec, now);
}

static void on_signals(void)
{
        struct signalfd_siginfo info;
        int64_t grace;
        int signal;

        while (read(sv.state->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGCHLD) {
                        reap();
                } else if ((int)info.ssi_signo == SUPERVISOR_STOP && from_the_runner(&info)) {
                        stop_value_unpack((const void *)(uintptr_t)info.ssi_ptr, &signal, &grace);
                        on_stop(signal, grace);
                } else if ((int)info.ssi_signo == SUPERVISOR_SIGNAL && from_the_runner(&info)) {
                        if (info.ssi_int > 0 && info.ssi_int <= SIGRTMAX)
                                (void)tree_signal(info.ssi_int, false);
                } else if (info.ssi_signo == SIGTERM) {
                        /* The machine goes down. */
                        sv.last = true;
                        start_stopping(kill_signal(), MIN(kill_timeout(), sv.state->shutdown_grace_usec), clock_mono());
                }
        }
}

/* Reads what there is.  False when the pipe has ended. */
static bool pump(int *fd, enum output_stream stream)
{
        static char bytes[READ_SIZE];

        for (int i = 0; i < READS_A_TURN; i++) {
                ssize_t n = read(*fd, bytes, sizeof(bytes));

                if (n > 0) {
                        output_add(&sv.output, stream, bytes, (size_t)n);
                        continue;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return true;
                *fd = safe_close(*fd);
                return false;
        }
        return true;
}

static bool pipes_ended(void)
{
        return sv.setup.out < 0 && sv.setup.err < 0;
}

/* Whether nothing is left to wait for. */
static bool finished(void)
{
        if (!is_over() && !(sv.main_ended && sv.gave_up))
                return false;
        /* What was written before the end is in the pipe by now. */
        if (sv.setup.out >= 0)
                (void)pump(&sv.setup.out, OUTPUT_STDOUT);
        if (sv.setup.err >= 0)
                (void)pump(&sv.setup.err, OUTPUT_STDERR);
        if (pipes_ended())
                return true;
        if (mono_is_never(sv.drain_until)) {
                sv.drain_until = mono_add(clock_mono(), DRAIN_USEC);
                arm_timer();
        }
        return clock_mono().usec >= sv.drain_until.usec;
}

/* This attempt is the last one. */
static void let_go_of_runner(void)
{
        sv.channel = safe_close(sv.channel);
        safe_close(sv.state->socket);
        safe_close(sv.state->runs_fd);
        (void)munmap(sv.state->receive, RUNNERMSG_MAX);
}

/* What the runner passes on. */
static void on_channel(void)
{
        struct runnermsg m;
        int fd;
        ssize_t n = pool_receive(sv.state, sv.channel, &fd);

        safe_close(fd); /* none is expected */
        if (n == 0 || (n < 0 && n != -EAGAIN))
                let_go_of_runner();
        if (n <= 0 || runnermsg_decode(sv.state->receive, (size_t)n, &m) < 0)
                return;
        if (m.run == sv.record.run && m.start == sv.record.start && m.signal != RUNNERMSG_UNSET) {
                if (m.type == RUNNERMSG_STOP)
                        on_stop((int)m.signal, m.grace_usec == RUNNERMSG_UNSET ? 0 : m.grace_usec);
                else if (m.type == RUNNERMSG_SIGNAL)
                        (void)tree_signal((int)m.signal, false);
        }
        runnermsg_done(&m);
}

static void wait_for_something(void)
{
        struct pollfd fds[] = {
                { .fd = sv.state->signals, .events = POLLIN }, { .fd = sv.setup.out, .events = POLLIN },
                { .fd = sv.setup.err, .events = POLLIN },      { .fd = sv.timer_fd, .events = POLLIN },
                { .fd = sv.channel, .events = POLLIN },
        };
        bool timed = !mono_is_never(sv.timeout_at) || sv.phase != PHASE_RUNNING || !mono_is_never(sv.drain_until);
        uint64_t expirations;

        (void)poll(fds, ARRAY_SIZE(fds), timed && sv.timer_fd < 0 ? 100 : -1);
        if (fds[1].revents)
                (void)pump(&sv.setup.out, OUTPUT_STDOUT);
        if (fds[2].revents)
                (void)pump(&sv.setup.err, OUTPUT_STDERR);
        if (fds[0].revents)
                on_signals();
        if (fds[4].revents)
                on_channel();
        if (sv.timer_fd >= 0 && fds[3].revents)
                (void)read_full(sv.timer_fd, &expirations, sizeof(expirations));
        if (timed || sv.phase != PHASE_RUNNING)
                check_deadlines();
}

static void finish(void)
{
        const struct rusage *ru = &sv.used;

        output_done(&sv.output);
        sv.record.user_usec = (int64_t)ru->ru_utime.tv_sec * USEC_PER_SEC + ru->ru_utime.tv_usec;
        sv.record.system_usec = (int64_t)ru->ru_stime.tv_sec * USEC_PER_SEC + ru->ru_stime.tv_usec;
        sv.record.max_rss_kib = ru->ru_maxrss;
        sv.record.read_blocks = ru->ru_inblock;
        sv.record.write_blocks = ru->ru_oublock;
        sv.record.output_bytes = sv.output.written;
        sv.record.dropped_bytes = sv.output.dropped;
        if (sv.output.dropped > 0)
                sv.record.flags |= RECORD_LOG_DROPPED;
        sv.record.cause = sv.cause;
        sv.record.state = RECORD_EXITED;
        FAILPOINT("supervisor.before_exited");
        (void)recordio_write(sv.record_fd, &sv.record);
        FAILPOINT("supervisor.after_exited");
}

/* The record is ours, or somebody has judged that this attempt never was. */
static void claim(void)
{
        FAILPOINT("supervisor.before_lock");
        if (recordio_lock(sv.record_fd, true) < 0 || recordio_read(sv.record_fd, &sv.record) < 0 ||
            sv.record.state != RECORD_CREATED)
                _exit(0);
        FAILPOINT("supervisor.after_lock");
        sv.record.supervisor = getpid();
}

static void start_command(const void *data, size_t size)
{
        enum spawn_stage stage = STAGE_RUNNER;
        pid_t pid;
        int r;

        r = runnermsg_decode(data, size, &sv.message);
        if (r < 0)
                fail(STAGE_RUNNER, r);
        sv.record.attempt = sv.message.attempt > 0 ? (uint32_t)sv.message.attempt : 0;
        /* A group of its own is enough here: the session is the command's.  (The runner has left any terminal's session.) */
        if (setpgid(0, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                fail(STAGE_SESSION, -errno);
        r = setup_make(sv.state, &sv.message, &sv.setup, &stage);
        if (r < 0)
                fail(stage, r);
        sv.last = sv.setup.looked_up;

        sv.record.state = RECORD_EXECING;
        sv.record.execing = clock_wall();
        sv.record.execing_mono = clock_mono();
        FAILPOINT("supervisor.before_execing");
        r = recordio_write(sv.record_fd, &sv.record);
        if (r < 0)
                fail(STAGE_RECORD, r);
        FAILPOINT("supervisor.after_execing");
        pid = command_start(&sv.setup.command, &stage);
        if (pid < 0)
                fail(stage, (int)pid);
        sv.command = pid;
        FAILPOINT("supervisor.after_exec");
}

static void tell_running(void)
{
        struct runnermsg hint = runnermsg_make(RUNNERMSG_RUNNING, sv.record.run, sv.record.start);

        sv.record.state = RECORD_RUNNING;
        sv.record.command = sv.command;
        sv.record.started = clock_wall();
        sv.record.started_mono = clock_mono();
        (void)recordio_write(sv.record_fd, &sv.record);
        FAILPOINT("supervisor.after_running");
        /* A hint may be lost: the daemon also looks by itself. */
        (void)runner_send(sv.state->socket, &hint);
}

/* Lets go of all that was for the start: the request, the pipes' other ends; of the runner too, if it serves once. */
static void let_go(void)
{
        setup_close(&sv.setup);
        setup_done(&sv.setup);
        runnermsg_done(&sv.message);
        if (sv.channel < 0)
                let_go_of_runner();
}

static void attempt(const void *data, size_t size)
{
        const struct runner_state *s = sv.state;

        claim();
        setup_on_lookup_timeout(on_lookup_timeout);
        start_command(data, size);
        tell_running();
        output_init(&sv.output, s->logs_fd, sv.message.log_path, s->daemon_uid, sv.record.run, sv.record.start,
                    sv.message.log_max == RUNNERMSG_UNSET ? 10u << 20 : (uint64_t)sv.message.log_max);
        if (sv.message.timeout_usec != RUNNERMSG_UNSET)
                sv.timeout_at = mono_add(sv.record.started_mono, sv.message.timeout_usec);
        let_go();
        check_deadlines();
        while (!finished())
                wait_for_something();
        finish();
}

/* Ready for the next one: nothing of the last is left, and its lock is free before the runner hears of it. */
static void become_idle(void)
{
        safe_close(sv.record_fd);
        safe_close(sv.timer_fd);
        safe_close(sv.setup.out);
        safe_close(sv.setup.err);
        if (send(sv.channel, "", 1, MSG_NOSIGNAL) != 1)
                _exit(0);
}

/* Waits for a START: its size, in the runner's buffer, and its record. */
static size_t next_start(int *ret_record_fd)
{
        const struct runner_state *s = sv.state;
        struct pollfd fds[] = { { .fd = sv.channel, .events = POLLIN }, { .fd = s->signals, .events = POLLIN } };
        struct signalfd_siginfo info;
        enum runnermsg_type type;

        for (;;) {
                _cleanup_(closep) int fd = -1;
                uint64_t run;
                uint32_t start;
                ssize_t n;

                (void)poll(fds, ARRAY_SIZE(fds), -1);
                while (fds[1].revents && read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
                        if (info.ssi_signo == SIGTERM)
                                _exit(0);
                n = pool_receive(s, sv.channel, &fd);
                if (n == 0 || (n < 0 && n != -EAGAIN))
                        _exit(0);
                /* A word for an attempt that was over when it came: passed over. */
                if (n < 0 || runnermsg_peek(s->receive, (size_t)n, &type, &run, &start) < 0 || type != RUNNERMSG_START)
                        continue;
                if (fd < 0)
                        _exit(0); /* our table of files is full: the runner sees us go, and the daemon asks again */
                *ret_record_fd = TAKE_FD(fd);
                return (size_t)n;
        }
}

static void begin(const struct runner_state *s, int record_fd, int channel)
{
        sv = (struct supervisor){
                .state = s,
                .record_fd = record_fd,
                .channel = channel,
                .timer_fd = -1,
                .timeout_at = MONO_NEVER,
                .kill_at = MONO_NEVER,
                .give_up_at = MONO_NEVER,
                .drain_until = MONO_NEVER,
        };
}

void supervisor_main(const struct runner_state *s, const void *data, size_t size, int record_fd, int channel)
{
        begin(s, record_fd, channel);
        attempt(data, size);
        /* Who has processes left is not the one to adopt others'. */
        while (sv.channel >= 0 && sv.tree_empty && !sv.gave_up && !sv.last) {
                int fd;

                become_idle();
                size = next_start(&fd);
                begin(s, fd, sv.channel);
                attempt(s->receive, size);
                if (size > 8192)
                        (void)madvise(s->receive, RUNNERMSG_MAX, MADV_DONTNEED);
        }
        _exit(0);
}
