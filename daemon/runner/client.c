#include "runner/client_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"

#define RUNNER_FD 3            /* RUNNER_SOCKET_FD of runner.h */
#define RESTART_MIN 0.05       /* seconds before a runner that died is started again … */
#define RESTART_MAX 5.0        /* … doubled each time, unless it lived for so long */
#define LOOK_AGAIN 0.25        /* seconds between looks at attempts of which nobody will tell */
#define SOCKET_BUFFER (4 * (int)RUNNERMSG_MAX)
#define MESSAGES_A_TURN 256

static void spawn_runner(struct runner *r);

/* ---- attempts */

struct attempt *attempt_find(struct runner *r, uint64_t run, uint32_t start)
{
        struct attempt_key key = { run, start };
        struct attempt *a;

        HASH_FIND(hh, r->attempts, &key, sizeof(key), a);
        return a;
}

static bool is_live(enum attempt_state state)
{
        return state != ATTEMPT_ENDED && state != ATTEMPT_STRAY;
}

struct attempt *attempt_new(struct runner *r, uint64_t run, uint32_t start, enum attempt_state state)
{
        struct attempt *a;

        if (attempt_find(r, run, start))
                return NULL;
        a = calloc(1, sizeof(*a));
        if (!a)
                return NULL;
        a->key = (struct attempt_key){ run, start };
        a->runner = r;
        a->state = state;
        HASH_ADD(hh, r->attempts, key, sizeof(a->key), a);
        r->n_live += is_live(state);
        return a;
}

struct attempt *attempt_free(struct attempt *a)
{
        if (!a)
                return NULL;
        attempt_unwatch(a);
        a->runner->n_live -= is_live(a->state);
        HASH_DEL(a->runner->attempts, a);
        free(a);
        return NULL;
}

void attempt_set_state(struct attempt *a, enum attempt_state state)
{
        a->runner->n_live -= is_live(a->state);
        a->state = state;
        a->runner->n_live += is_live(state);
}

/* ---- events */

static void on_flush(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct runner *r = w->data;

        while (r->told) {
                struct told *t = r->told;

                r->told = t->next;
                if (!r->told)
                        r->told_end = &r->told;
                r->opt.event(r->opt.arg, &t->event);
                free(t);
        }
}

/* Never from within a call of the shell's: always a little later, in the order in which they came to be. */
void runner_tell(struct runner *r, const struct event *ev)
{
        struct told *t = malloc(sizeof(*t));

        if (!t)
                abort(); /* an end that can't be told would be a run that never ends */
        *t = (struct told){ .event = *ev };
        *r->told_end = t;
        r->told_end = &t->next;
        if (!ev_is_active(&r->flush)) {
                ev_timer_set(&r->flush, 0, 0);
                ev_timer_start(r->loop, &r->flush);
        }
}

/* ---- messages out */

static void outgoing_free(struct outgoing *o)
{
        free(o->data);
        free(o);
}

static ssize_t send_one(struct runner *r, const struct outgoing *o)
{
        ssize_t n;

        do
                n = send(r->socket, o->data, o->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

static void set_socket_events(struct runner *r)
{
        int want = EV_READ | (r->out && r->ready ? EV_WRITE : 0);

        if (r->socket < 0 || (r->on_socket.events & (EV_READ | EV_WRITE)) == want)
                return;
        ev_io_stop(r->loop, &r->on_socket);
        ev_io_set(&r->on_socket, r->socket, want);
        ev_io_start(r->loop, &r->on_socket);
}

/* Sends what the socket takes.  A START that can't be sent at all was never started. */
static void send_queued(struct runner *r)
{
        while (r->ready && r->out) {
                struct outgoing *o = r->out;
                struct attempt *a = attempt_find(r, o->run, o->start);
                ssize_t n = send_one(r, o);

                if (n == -EAGAIN || n == -ENOBUFS || n == -EPIPE || n == -ECONNRESET || n == -ENOTCONN)
                        break; /* full, or dead: that is told by its pidfd */
                if (o->type == RUNNERMSG_START && a && a->state == ATTEMPT_HELD) {
                        if (n < 0) {
                                attempt_not_started(a, STAGE_RUNNER, (int)-n, n != -EMSGSIZE);
                        } else {
                                a->ours = true;
                                a->looked = ev_now(r->loop);
                                attempt_set_state(a, ATTEMPT_STARTING);
                                runner_look_later(r);
                        }
                }
                r->out = o->next;
                if (!r->out)
                        r->out_end = &r->out;
                outgoing_free(o);
        }
        set_socket_events(r);
}

static void enqueue(struct runner *r, struct outgoing *o)
{
        o->next = NULL;
        *r->out_end = o;
        r->out_end = &o->next;
        send_queued(r);
}

int runner_queue(struct runner *r, const struct runnermsg *m)
{
        struct outgoing *o = calloc(1, sizeof(*o));
        int e;

        if (!o)
                return -ENOMEM;
        *o = (struct outgoing){ .type = m->type, .run = m->run, .start = m->start };
        e = runnermsg_encode(m, &o->data, &o->size);
        if (e < 0) {
                outgoing_free(o);
                return e;
        }
        enqueue(r, o);
        return 0;
}

/* The runner died.  STARTs that never left are told as such; VOID and REAP are asked again after a new look; what was
 * never sent of the rest waits for the next one. */
static void sort_out_queue(struct runner *r)
{
        struct outgoing **at = &r->out;

        while (*at) {
                struct outgoing *o = *at;
                struct attempt *a = attempt_find(r, o->run, o->start);

                if (o->type == RUNNERMSG_FORGET || o->type == RUNNERMSG_SIGNAL) {
                        at = &o->next;
                        continue;
                }
                if (o->type == RUNNERMSG_START && a)
                        attempt_not_started(a, STAGE_RUNNER, ESRCH, true);
                *at = o->next;
                outgoing_free(o);
        }
        r->out_end = at;
}

/* ---- messages in */

static void on_gone(struct runner *r, const uint8_t *entries, size_t size)
{
        for (; size >= RUNNERMSG_GONE_SIZE; entries += RUNNERMSG_GONE_SIZE, size -= RUNNERMSG_GONE_SIZE) {
                struct attempt *a;
                uint64_t run;
                uint32_t start;

                runnermsg_gone_get(entries, &run, &start);
                a = attempt_find(r, run, start);
                if (!a || a->state == ATTEMPT_ENDED)
                        continue;
                a->ours = false; /* nobody will tell any more: what is there now is the verdict */
                attempt_judge(a);
        }
}

static void on_ready(struct runner *r)
{
        struct attempt *a, *tmp;

        r->ready = true;
        HASH_ITER(hh, r->attempts, a, tmp) {
                if (a->state != ATTEMPT_HELD && a->state != ATTEMPT_ENDED)
                        attempt_judge(a);
        }
        HASH_ITER(hh, r->attempts, a, tmp) {
                if (a->stop_wanted && is_live(a->state) && a->state != ATTEMPT_HELD)
                        runner_stop(r, a->key.run, (uint32_t)a->key.start, a->stop_signal, a->stop_grace_usec,
                                    REASON_NONE);
        }
        send_queued(r);
}

static void on_message(struct runner *r, size_t size)
{
        struct runnermsg m;
        struct attempt *a;

        if (runnermsg_decode(r->receive, size, &m) < 0)
                return;
        a = m.run ? attempt_find(r, m.run, m.start) : NULL;
        if (m.type == RUNNERMSG_READY) {
                on_ready(r);
        } else if (m.type == RUNNERMSG_GONE && m.gone) {
                on_gone(r, m.gone, m.gone_size);
        } else if (!a || a->state == ATTEMPT_ENDED) {
                /* An end that was seen in the record before. */
        } else if (m.type == RUNNERMSG_FAILED) {
                attempt_not_started(a, m.stage >= 0 && m.stage < STAGE_NR ? (enum spawn_stage)m.stage : STAGE_RUNNER,
                                    m.error > 0 ? (int)m.error : 0, m.fault == 1);
        } else if (m.type == RUNNERMSG_REAPED && a->state == ATTEMPT_REAPING) {
                attempt_lost(a, REASON_SUPERVISOR, m.kill_failed == 1);
        } else if (m.type == RUNNERMSG_RUNNING || m.type == RUNNERMSG_EXECFAIL || m.type == RUNNERMSG_JUDGED) {
                attempt_judge(a);
        }
        runnermsg_done(&m);
}

static void on_socket(struct ev_loop *loop, ev_io *w, int revents)
{
        struct runner *r = w->data;

        if (revents & EV_WRITE)
                send_queued(r);
        for (int i = 0; i < MESSAGES_A_TURN && r->socket >= 0; i++) {
                ssize_t n = recv(r->socket, r->receive, RUNNERMSG_MAX, MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        break;
                if (n == 0) {
                        /* Supervisors hold the other end for a moment; only the runner's own end counts, by its
                         * pidfd. */
                        ev_io_stop(loop, &r->on_socket);
                        break;
                }
                on_message(r, (size_t)n);
        }
}

/* ---- the runner's life */

static void on_restart(struct ev_loop *loop, ev_timer *w, int revents)
{
        spawn_runner(w->data);
}

static void restart_later(struct runner *r)
{
        bool lived = r->ready && ev_now(r->loop) - r->spawned > RESTART_MAX;

        r->restart_after = lived || r->restart_after <= 0 ? RESTART_MIN : MIN(r->restart_after * 2, RESTART_MAX);
        ev_timer_stop(r->loop, &r->restart);
        ev_timer_set(&r->restart, r->restart_after, 0);
        ev_timer_start(r->loop, &r->restart);
}

static void drop_connection(struct runner *r)
{
        if (r->socket >= 0)
                ev_io_stop(r->loop, &r->on_socket);
        if (r->pidfd >= 0)
                ev_io_stop(r->loop, &r->on_exit);
        r->socket = safe_close(r->socket);
        r->pidfd = safe_close(r->pidfd);
        r->pid = 0;
        r->ready = false;
}

static void on_exit_of_runner(struct ev_loop *loop, ev_io *w, int revents)
{
        struct runner *r = w->data;
        struct attempt *a, *tmp;

        /* What it and its supervisors said before counts. */
        for (int i = 0; i < 1000 && r->ready && ev_is_active(&r->on_socket); i++) {
                ssize_t n = recv(r->socket, r->receive, RUNNERMSG_MAX, MSG_DONTWAIT);

                if (n <= 0)
                        break;
                on_message(r, (size_t)n);
        }
        restart_later(r);
        (void)waitid(P_PIDFD, (id_t)r->pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
        drop_connection(r);
        sort_out_queue(r);
        HASH_ITER(hh, r->attempts, a, tmp) {
                a->ours = false;
                if (is_live(a->state))
                        attempt_judge(a);
        }
}

static int make_socketpair(int *ret_ours, int *ret_its)
{
        int fds[2], size = SOCKET_BUFFER;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        for (int i = 0; i < 2; i++)
                if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        *ret_ours = fds[0];
        *ret_its = fds[1];
        return 0;
}

static int spawn_program(const struct runner *r, int its, pid_t *ret_pid)
{
        static char name[] = "jobsched-runner";
        char *argv[] = { name, NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t all, none;
        int e;

        (void)sigfillset(&all);
        (void)sigemptyset(&none);
        (void)posix_spawnattr_init(&attr);
        (void)posix_spawnattr_setsigdefault(&attr, &all);
        (void)posix_spawnattr_setsigmask(&attr, &none);
        (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        (void)posix_spawn_file_actions_init(&actions);
        e = posix_spawn_file_actions_adddup2(&actions, its, RUNNER_FD);
        if (e == 0)
                e = posix_spawn_file_actions_addclosefrom_np(&actions, RUNNER_FD + 1);
        if (e == 0)
                e = posix_spawn(ret_pid, r->program, &actions, &attr, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        (void)posix_spawnattr_destroy(&attr);
        return -e;
}

/* HELLO, and with it the folder of logs. */
static int greet(struct runner *r)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { .bytes = { 0 } };
        struct runnermsg m = runnermsg_make(RUNNERMSG_HELLO, 0, 0);
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size;
        int e;

        m.runs_dir = r->runs_dir;
        m.boot = r->boot;
        m.socket = r->control_socket;
        m.own_user_only = r->opt.own_user_only;
        m.shutdown_grace_usec = MAX(r->opt.shutdown_grace_usec, 0);
        e = runnermsg_encode(&m, &data, &size);
        if (e < 0)
                return e;
        control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(&control.align), &r->log_fd, sizeof(int));
        return sendmsg(r->socket,
                       &(struct msghdr){ .msg_iov = &(struct iovec){ .iov_base = data, .iov_len = size }, .msg_iovlen = 1,
                                         .msg_control = &control, .msg_controllen = sizeof(control) },
                       MSG_NOSIGNAL) < 0
                       ? -errno
                       : 0;
}

static int try_spawn(struct runner *r)
{
        int its = -1, e;
        pid_t pid = 0;

        e = make_socketpair(&r->socket, &its);
        if (e < 0)
                return e;
        e = spawn_program(r, its, &pid);
        safe_close(its);
        if (e < 0) {
                r->socket = safe_close(r->socket);
                return e;
        }
        r->pidfd = pidfd_open(pid, 0);
        e = r->pidfd < 0 ? -errno : greet(r);
        if (e < 0) {
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
                r->pidfd = safe_close(r->pidfd);
                r->socket = safe_close(r->socket);
                return e;
        }
        r->pid = pid;
        r->spawned = ev_now(r->loop);
        ev_io_init(&r->on_socket, on_socket, r->socket, EV_READ);
        r->on_socket.data = r;
        ev_io_start(r->loop, &r->on_socket);
        ev_io_init(&r->on_exit, on_exit_of_runner, r->pidfd, EV_READ);
        r->on_exit.data = r;
        ev_io_start(r->loop, &r->on_exit);
        return 0;
}

static void spawn_runner(struct runner *r)
{
        if (try_spawn(r) < 0)
                restart_later(r);
}

/* ---- looking without being told */

static bool wants_look(const struct attempt *a)
{
        switch (a->state) {
        case ATTEMPT_UNKNOWN:
        case ATTEMPT_STARTING:
        case ATTEMPT_VOIDING:
        case ATTEMPT_REAPING:
                return true;
        case ATTEMPT_RUNNING:
        case ATTEMPT_STRAY:
                return !a->ours && !a->watched;
        case ATTEMPT_HELD:
        case ATTEMPT_ENDED:
        default:
                return false;
        }
}

static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct runner *r = w->data;
        struct attempt *a, *tmp;
        bool more = false;

        HASH_ITER(hh, r->attempts, a, tmp) {
                if (!wants_look(a))
                        continue;
                more = true;
                if (ev_now(loop) - a->looked >= LOOK_AGAIN)
                        attempt_judge(a);
        }
        if (!more)
                ev_timer_stop(loop, w);
}

void runner_look_later(struct runner *r)
{
        if (ev_is_active(&r->look))
                return;
        ev_timer_set(&r->look, LOOK_AGAIN, LOOK_AGAIN);
        ev_timer_start(r->loop, &r->look);
}

/* ---- what the shell calls */

static char *copy(const char *text, bool *failed)
{
        char *c = text ? strdup(text) : NULL;

        if (text && !c)
                *failed = true;
        return c;
}

static int open_folder(const char *path, mode_t mode, int *ret, struct error *reterr)
{
        int fd;

        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return error_set(reterr, -errno, ERROR_FAILED, "%s: %s", path, strerror(errno));
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "%s: %s", path, strerror(errno));
        *ret = fd;
        return 0;
}

int runner_new(struct ev_loop *loop, const struct runner_options *opt, struct runner **ret, struct error *reterr)
{
        _cleanup_(runner_freep) struct runner *r = calloc(1, sizeof(*r));
        bool failed = false;
        int e;

        if (!r)
                return -ENOMEM;
        r->loop = loop;
        r->opt = *opt;
        r->runs_fd = r->log_fd = r->socket = r->pidfd = -1;
        r->out_end = &r->out;
        r->told_end = &r->told;
        ev_init(&r->restart, on_restart);
        ev_init(&r->look, on_look);
        ev_init(&r->flush, on_flush);
        r->restart.data = r->look.data = r->flush.data = r;
        r->program = copy(opt->program, &failed);
        r->runs_dir = copy(opt->runs_dir, &failed);
        r->log_dir = copy(opt->log_dir, &failed);
        r->control_socket = copy(opt->control_socket, &failed);
        r->boot = copy(opt->boot, &failed);
        r->language = copy(opt->language, &failed);
        r->system_zone = copy(opt->system_zone, &failed);
        r->opt.control_socket = r->control_socket;
        r->opt.language = r->language;
        r->opt.system_zone = r->system_zone;
        r->receive = malloc(RUNNERMSG_MAX);
        if (failed || !r->receive)
                return -ENOMEM;
        if (strlen(r->boot) >= sizeof(((struct record *)0)->boot))
                return error_set(reterr, -EINVAL, ERROR_FAILED, "the boot's identity is too long");
        e = open_folder(r->runs_dir, 0711, &r->runs_fd, reterr);
        if (e >= 0)
                e = open_folder(r->log_dir, 0750, &r->log_fd, reterr);
        if (e < 0)
                return e;
        e = try_spawn(r);
        if (e < 0)
                return error_set(reterr, e, ERROR_FAILED, "%s: %s", r->program, strerror(-e));
        *ret = TAKE_PTR(r);
        return 0;
}

void runner_set_zone(struct runner *r, const char *zone)
{
        char *copied = strdup(zone);

        if (!copied)
                return;
        free(r->system_zone);
        r->system_zone = copied;
        r->opt.system_zone = copied;
}

struct runner *runner_free(struct runner *r)
{
        struct attempt *a, *tmp;

        if (!r)
                return NULL;
        HASH_ITER(hh, r->attempts, a, tmp)
                attempt_free(a);
        ev_timer_stop(r->loop, &r->restart);
        ev_timer_stop(r->loop, &r->look);
        ev_timer_stop(r->loop, &r->flush);
        drop_connection(r);
        while (r->out) {
                struct outgoing *o = r->out;

                r->out = o->next;
                outgoing_free(o);
        }
        while (r->told) {
                struct told *t = r->told;

                r->told = t->next;
                free(t);
        }
        safe_close(r->runs_fd);
        safe_close(r->log_fd);
        free(r->program);
        free(r->runs_dir);
        free(r->log_dir);
        free(r->control_socket);
        free(r->boot);
        free(r->language);
        free(r->system_zone);
        free(r->receive);
        free(r);
        return NULL;
}

/* An attempt of an earlier state's run, with the same number, is still alive: another number will do. */
static void refuse_number(struct runner *r, const struct run_info *run)
{
        struct event ev = { .type = EVENT_START_FAILED, .attempt = { .run = run->id, .start = run->start } };

        ev.attempt.at = clock_wall();
        ev.attempt.stage = STAGE_RECORD;
        ev.attempt.error = EEXIST;
        ev.attempt.fault = true;
        ev.attempt.wait_status = RUN_NO_STATUS;
        runner_tell(r, &ev);
}

void runner_start(struct runner *r, const struct run_info *run, const struct job *job, uint32_t attempt,
                  struct wall last_success, int64_t timeout_usec, bool timeout_is_total)
{
        struct attempt *a = attempt_find(r, run->id, run->start);
        char log_path[RUNNER_LOG_PATH_MAX];
        struct outgoing *o;
        int e;

        if (a) {
                refuse_number(r, run);
                return;
        }
        a = attempt_new(r, run->id, run->start, ATTEMPT_HELD);
        if (!a)
                abort(); /* no memory for a run that would never end */
        if (r->socket < 0) {
                attempt_not_started(a, STAGE_RUNNER, ESRCH, true);
                return;
        }
        e = compose_log_path(job->name ? job->name : run->job, log_path);
        if (e < 0) {
                attempt_not_started(a, STAGE_LOG, -e, false);
                return;
        }
        o = calloc(1, sizeof(*o));
        e = o ? compose_start(&r->opt, run, job, attempt, last_success, timeout_usec, timeout_is_total, log_path, o) : -ENOMEM;
        if (e < 0) {
                free(o);
                attempt_not_started(a, STAGE_RUNNER, -e, e == -ENOMEM);
                return;
        }
        enqueue(r, o);
}

static bool is_reachable(const struct attempt *a)
{
        return a && is_live(a->state) && a->state != ATTEMPT_REAPING;
}

static int send_signal(struct runner *r, enum runnermsg_type type, uint64_t run, uint32_t start, int signal,
                       int64_t grace_usec)
{
        struct runnermsg m = runnermsg_make(type, run, start);

        m.signal = signal;
        if (type == RUNNERMSG_STOP)
                m.grace_usec = MAX(grace_usec, 0);
        return runner_queue(r, &m);
}

void runner_stop(struct runner *r, uint64_t run, uint32_t start, int signal, int64_t grace_usec, enum run_reason reason)
{
        struct attempt *a = attempt_find(r, run, start);

        if (!is_reachable(a))
                return;
        a->stop_wanted = true;
        a->stop_signal = signal;
        a->stop_grace_usec = grace_usec;
        /* Without a runner it is said to the next one. */
        if (r->ready || a->state == ATTEMPT_HELD)
                (void)send_signal(r, RUNNERMSG_STOP, run, start, signal, grace_usec);
}

int runner_signal(struct runner *r, uint64_t run, uint32_t start, int signal)
{
        const struct attempt *a = attempt_find(r, run, start);

        if (!a || a->state != ATTEMPT_RUNNING)
                return -ESRCH;
        return send_signal(r, RUNNERMSG_SIGNAL, run, start, signal, 0);
}

void runner_forget(struct runner *r, uint64_t run, uint32_t start)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_FORGET, run, start);
        struct attempt *a = attempt_find(r, run, start);

        if (a && a->state != ATTEMPT_ENDED)
                return; /* not an end that we told */
        attempt_free(a);
        (void)runner_queue(r, &m);
}

void runner_adopt(struct runner *r, uint64_t run, uint32_t start, enum run_state state, bool same_boot)
{
        struct attempt *a = attempt_find(r, run, start);

        if (a && a->state != ATTEMPT_STRAY)
                return;
        if (a)
                attempt_set_state(a, ATTEMPT_UNKNOWN);
        else
                a = attempt_new(r, run, start, ATTEMPT_UNKNOWN);
        if (!a)
                abort(); /* no memory for a run that would never end */
        a->ran = state == RUN_RUNNING;
        a->other_boot = !same_boot;
        attempt_judge(a);
}

void runner_sweep(struct runner *r)
{
        int fd = openat(r->runs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        uint64_t run;
        uint32_t start;

        if (!dir) {
                safe_close(fd);
                return;
        }
        while ((entry = readdir(dir))) {
                struct attempt *a;

                if (attempt_name_parse(entry->d_name, &run, &start) < 0)
                        continue;
                a = attempt_new(r, run, start, ATTEMPT_STRAY);
                if (a)
                        attempt_judge(a);
        }
        (void)closedir(dir);
}

size_t runner_watched(const struct runner *r)
{
        return r->n_live;
}

int runner_pid(const struct runner *r)
{
        return r->pid;
}
