/* What a supervisor left behind that was killed: its attempt's processes are found by the session of the command,
 * if its leader is still the one that was started then, and by the variables that only this attempt's processes
 * have.  They are killed until none is seen any more.  The command itself has died with the supervisor
 * (PR_SET_PDEATHSIG). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "runner/process.h"
#include "runner/runner.h"

#define GIVE_UP_USEC (10 * USEC_PER_SEC)

static void answer(struct runner_state *s, uint64_t run, uint32_t start, bool kill_failed)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_REAPED, run, start);

        m.kill_failed = kill_failed;
        (void)runner_send(s->socket, &m);
}

static bool is_known(const struct runner_state *s, uint64_t run, uint32_t start)
{
        for (size_t i = 0; i < s->n_reaps; i++)
                if (s->reaps[i].run == run && s->reaps[i].start == start)
                        return true;
        return false;
}

void request_reap(struct runner_state *s, uint64_t run, uint32_t start)
{
        _cleanup_(closep) int fd = recordio_open(s->runs_fd, run, start, O_RDONLY);
        struct record record;
        pid_t pid;

        if (is_known(s, run, start))
                return;
        if (fd < 0 || recordio_read(fd, &record) < 0 || recordio_holder(fd, &pid) != 0 ||
            (record.state != RECORD_EXECING && record.state != RECORD_RUNNING) || !streq(record.boot, s->boot)) {
                answer(s, run, start, false);
                return;
        }
        if (s->n_reaps == s->reaps_allocated) {
                size_t allocated = MAX(16u, s->reaps_allocated * 2);
                struct reap *v = reallocarray(s->reaps, allocated, sizeof(*v));

                if (!v)
                        return; /* the daemon asks again */
                s->reaps = v;
                s->reaps_allocated = allocated;
        }
        s->reaps[s->n_reaps++] = (struct reap){
                .run = run,
                .start = start,
                .attempt = record.attempt,
                .session = record.command,
                .since = { record.execing_mono.usec - PROCESS_TICK_USEC },
                .begun = { record.started_mono.usec + PROCESS_TICK_USEC },
                .until = mono_add(clock_mono(), GIVE_UP_USEC),
        };
}

/* The session's leader is the command: it began while the attempt was being started. */
static bool leads_our_session(const struct reap *r)
{
        struct process leader;

        return r->session > 0 && process_read(r->session, &leader) >= 0 && leader.session == r->session &&
               leader.since.usec >= r->since.usec && leader.since.usec <= r->begun.usec;
}

static bool has_our_variables(const struct runner_state *s, const struct reap *r, pid_t pid)
{
        char run[48], attempt[48];
        _cleanup_(freep) char *socket = NULL;
        const char *const wanted[] = { run, attempt, NULL, NULL };
        const char *with_socket[] = { run, attempt, NULL, NULL };

        (void)snprintf(run, sizeof(run), "JOB_RUN_ID=%llu", (unsigned long long)r->run);
        (void)snprintf(attempt, sizeof(attempt), "JOB_ATTEMPT=%u", r->attempt);
        if (!s->socket_path)
                return process_has_environment(pid, wanted);
        if (asprintf(&socket, "JOBSCHED_SOCKET=%s", s->socket_path) < 0)
                return false;
        with_socket[2] = socket;
        return process_has_environment(pid, with_socket);
}

static void kill_process(const struct process *p)
{
        _cleanup_(closep) int pidfd = pidfd_open(p->pid, 0);
        struct process again;

        if (pidfd >= 0 && process_read(p->pid, &again) >= 0 && again.since.usec == p->since.usec)
                (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

/* One look at all processes for all REAPs together. */
static void look(struct runner_state *s)
{
        _cleanup_(freep) bool *leads = calloc(s->n_reaps, sizeof(bool));
        DIR *proc = leads ? opendir("/proc") : NULL;
        struct dirent *entry;
        struct process p;

        if (!proc) {
                for (size_t i = 0; i < s->n_reaps; i++)
                        s->reaps[i].found = true; /* nobody knows */
                return;
        }
        for (size_t i = 0; i < s->n_reaps; i++) {
                leads[i] = leads_our_session(&s->reaps[i]);
                s->reaps[i].found = false;
        }
        while ((entry = readdir(proc))) {
                pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;

                if (pid <= 1 || pid == getpid() || process_read(pid, &p) < 0 || p.state == 'Z' || p.state == 'X')
                        continue;
                for (size_t i = 0; i < s->n_reaps; i++) {
                        struct reap *r = &s->reaps[i];

                        if (p.since.usec < r->since.usec)
                                continue;
                        if (!(leads[i] && p.session == r->session) && !has_our_variables(s, r, pid))
                                continue;
                        r->found = true;
                        kill_process(&p);
                        break;
                }
        }
        (void)closedir(proc);
}

void reaps_go_on(struct runner_state *s)
{
        struct mono now = clock_mono();
        size_t kept = 0;

        if (s->n_reaps == 0)
                return;
        look(s);
        for (size_t i = 0; i < s->n_reaps; i++) {
                struct reap *r = &s->reaps[i];

                if (r->found && now.usec < r->until.usec)
                        s->reaps[kept++] = *r;
                else
                        answer(s, r->run, r->start, r->found);
        }
        s->n_reaps = kept;
}
