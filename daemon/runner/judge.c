/* What became of an attempt.  First the lock, then the record: what is read after the lock was found free is final.
 *
 *      lock    record               verdict
 *      any     EXITED               EXITED, exact
 *      any     EXECFAIL             START_FAILED with stage and errno
 *      any     VOID                 START_FAILED, stage NONE: it never was
 *      held    CREATED, EXECING     alive, starting
 *      held    RUNNING              alive: STARTED
 *      free    CREATED              ask for VOID, look again
 *      free    EXECING, RUNNING     its supervisor died: REAP, then LOST (supervisor)
 *      free    damaged              LOST (record)
 *      -       missing              of a running run: LOST (record); else ask for VOID, look again
 * Anything else (no descriptor, no memory) says nothing: we look again later.  Of an attempt that our own runner
 * forked or is about to fork only what is there counts, not what is missing: when its supervisor ends, the runner
 * says so, and then it is judged. */
#include <errno.h>
#include <fcntl.h>
#include <sys/pidfd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "runner/client_internal.h"

static struct event attempt_event(const struct attempt *a, enum event_type type)
{
        return (struct event){ .type = type, .attempt = { .run = a->key.run, .start = (uint32_t)a->key.start } };
}

static void end(struct attempt *a, const struct event *ev)
{
        attempt_unwatch(a);
        attempt_set_state(a, ATTEMPT_ENDED);
        runner_tell(a->runner, ev);
}

void attempt_not_started(struct attempt *a, enum spawn_stage stage, int error, bool fault)
{
        struct event ev = attempt_event(a, EVENT_START_FAILED);

        ev.attempt.at = clock_wall();
        ev.attempt.stage = stage;
        ev.attempt.error = error;
        ev.attempt.fault = fault;
        ev.attempt.wait_status = RUN_NO_STATUS;
        end(a, &ev);
}

void attempt_lost(struct attempt *a, enum run_reason reason, bool kill_failed)
{
        struct event ev = attempt_event(a, EVENT_LOST);

        ev.attempt.at = clock_wall();
        ev.attempt.reason = reason;
        ev.attempt.kill_failed = kill_failed;
        ev.attempt.wait_status = RUN_NO_STATUS;
        end(a, &ev);
}

static void tell_started(struct attempt *a, const struct record *rec)
{
        struct event ev = attempt_event(a, EVENT_STARTED);

        if (a->started_told)
                return;
        a->started_told = true;
        ev.attempt.at = rec->state == RECORD_EXECING ? rec->execing : rec->started;
        ev.attempt.wait_status = RUN_NO_STATUS;
        runner_tell(a->runner, &ev);
}

static void tell_exited(struct attempt *a, const struct record *rec)
{
        struct event ev = attempt_event(a, EVENT_EXITED);

        if (!a->ran)
                tell_started(a, rec);
        ev.attempt.at = rec->ended;
        ev.attempt.wait_status = rec->wait_status;
        ev.attempt.cause = rec->cause <= END_STOPPED ? (enum end_cause)rec->cause : END_SELF;
        ev.attempt.kill_failed = rec->flags & RECORD_KILL_FAILED;
        ev.attempt.log_dropped = rec->flags & RECORD_LOG_DROPPED;
        ev.attempt.usage = (struct usage){
                .user_usec = rec->user_usec,
                .system_usec = rec->system_usec,
                .max_rss_kib = rec->max_rss_kib,
                .read_blocks = rec->read_blocks,
                .write_blocks = rec->write_blocks,
                .output_bytes = rec->output_bytes,
                .dropped_bytes = rec->dropped_bytes,
        };
        end(a, &ev);
}

/* The runner is asked, if there is one; if not, everything is judged again when there is. */
static void ask(struct attempt *a, enum attempt_state state, enum runnermsg_type type)
{
        struct runnermsg m = runnermsg_make(type, a->key.run, (uint32_t)a->key.start);

        attempt_unwatch(a);
        attempt_set_state(a, state);
        if (a->runner->ready)
                (void)runner_queue(a->runner, &m);
        runner_look_later(a->runner);
}

static void on_supervisor_end(struct ev_loop *loop, ev_io *w, int revents)
{
        attempt_judge(w->data);
}

void attempt_unwatch(struct attempt *a)
{
        if (!a->watched)
                return;
        ev_io_stop(a->runner->loop, &a->watch);
        safe_close(a->watch.fd);
        a->watched = false;
}

/* Where the runner won't tell: a pidfd of who holds the lock.  False: the lock is free by now. */
static bool watch(struct attempt *a, int record_fd)
{
        int pidfd;
        pid_t pid;

        if (a->ours || a->watched)
                return true;
        pidfd = recordio_pidfd(record_fd, &pid);
        if (pidfd < 0) {
                runner_look_later(a->runner);
                return pidfd != -ESRCH;
        }
        ev_io_init(&a->watch, on_supervisor_end, pidfd, EV_READ);
        a->watch.data = a;
        ev_io_start(a->runner->loop, &a->watch);
        a->watched = true;
        return true;
}

/* A held lock: alive. */
static bool judge_alive(struct attempt *a, int record_fd, const struct record *rec)
{
        if (!watch(a, record_fd))
                return false;
        if (rec && rec->state == RECORD_RUNNING) {
                attempt_set_state(a, ATTEMPT_RUNNING);
                tell_started(a, rec);
        } else {
                attempt_set_state(a, ATTEMPT_STARTING);
                runner_look_later(a->runner);
        }
        return true;
}

/* Its lock is free, its record says that it ran. */
static void judge_dead(struct attempt *a, const struct record *rec)
{
        if (!a->ran)
                tell_started(a, rec);
        ask(a, ATTEMPT_REAPING, RUNNERMSG_REAP);
}

static void judge_stray(struct attempt *a, int record_fd, bool held)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_FORGET, a->key.run, (uint32_t)a->key.start);

        if (held && watch(a, record_fd))
                return;
        (void)runner_queue(a->runner, &m);
        attempt_free(a);
}

/* True: judged.  False: what was seen does not fit together any more, look again. */
static bool judge_once(struct attempt *a)
{
        struct runner *r = a->runner;
        _cleanup_(closep) int fd = recordio_open(r->runs_fd, a->key.run, (uint32_t)a->key.start, O_RDONLY);
        struct record rec;
        bool held, damaged;
        pid_t pid;
        int e;

        if (fd == -ENOENT && a->state == ATTEMPT_STRAY) {
                judge_stray(a, -1, false);
                return true;
        }
        if (fd == -ENOENT && a->ours) {
                runner_look_later(r);
                return true;
        }
        if (fd == -ENOENT && a->ran) {
                attempt_lost(a, REASON_RECORD, false);
                return true;
        }
        if (fd == -ENOENT) {
                ask(a, ATTEMPT_VOIDING, RUNNERMSG_VOID);
                return true;
        }
        e = fd < 0 ? fd : recordio_holder(fd, &pid);
        if (e < 0) {
                runner_look_later(r);
                return true;
        }
        held = e > 0;
        if (a->state == ATTEMPT_STRAY) {
                judge_stray(a, fd, held);
                return true;
        }
        e = recordio_read(fd, &rec);
        if (e == -ENODATA) {
                rec = (struct record){ .state = RECORD_CREATED };
                (void)strcpy(rec.boot, r->boot);
                e = 0;
        }
        damaged = e == -EBADMSG || e == -EPROTO;
        if (e < 0 && !damaged) {
                runner_look_later(r);
                return true;
        }
        if (!damaged && rec.state == RECORD_EXITED)
                tell_exited(a, &rec);
        else if (!damaged && rec.state == RECORD_EXECFAIL)
                attempt_not_started(a, rec.stage < STAGE_NR ? (enum spawn_stage)rec.stage : STAGE_EXEC, rec.error,
                                    rec.flags & RECORD_FAULT);
        else if (!damaged && rec.state == RECORD_VOID)
                attempt_not_started(a, STAGE_NONE, 0, true);
        else if (held || (a->ours && !damaged && rec.state != RECORD_RUNNING))
                return judge_alive(a, fd, damaged ? NULL : &rec);
        else if (damaged)
                attempt_lost(a, REASON_RECORD, false);
        else if (!streq(rec.boot, r->boot))
                attempt_lost(a, REASON_REBOOT, false);
        else if (rec.state == RECORD_CREATED)
                ask(a, ATTEMPT_VOIDING, RUNNERMSG_VOID);
        else
                judge_dead(a, &rec);
        return true;
}

void attempt_judge(struct attempt *a)
{
        struct runner *r = a->runner;

        a->looked = ev_now(r->loop);
        if (a->other_boot) {
                attempt_lost(a, REASON_REBOOT, false);
                return;
        }
        /* A lock that was let go between two questions: once more and it is seen as free. */
        for (int i = 0; i < 3; i++)
                if (judge_once(a))
                        return;
        runner_look_later(r);
}
