/* One sentence about a run, or about an instant that did not become one: what happened, and why. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/util.h"
#include "control/private.h"
#include "control/say.h"

/* "exit code 3", "killed by signal KILL", "exec: No such file or directory": how the last attempt ended. */
static const char *say_end(const struct run_info *r, char *buf, size_t size)
{
        int code = run_exit_code(r), sig = run_signal(r);
        const char *abbreviation;

        if (print_stage(r, buf, size))
                return buf;
        if (code >= 0)
                (void)snprintf(buf, size, "exit code %d", code);
        else if (sig > 0) {
                abbreviation = sigabbrev_np(sig);
                if (abbreviation)
                        (void)snprintf(buf, size, "killed by SIG%s", abbreviation);
                else
                        (void)snprintf(buf, size, "killed by signal %d", sig);
        } else
                (void)snprintf(buf, size, "%s", run_reason_text(r->reason));
        return buf;
}

/* Why an unfinished run is where it is. */
static void say_waiting(const struct control *c, const struct run_info *r, const char *who, char *buf, size_t size)
{
        char since[64], end[256];

        say_time(c, r->queued_at, since, sizeof(since));
        if (r->reason == REASON_JITTER)
                (void)snprintf(buf, size, "%s starts at %s (jitter)", who, say_time(c, r->retry_at, end, sizeof(end)));
        else if (r->reason == REASON_FAULT)
                (void)snprintf(buf, size,
                               "%s waits since %s: the machine could not start it (%s); it will be tried again", who,
                               since, say_end(r, end, sizeof(end)));
        else if (r->reason == REASON_CHAIN && r->cause_run > 0)
                (void)snprintf(buf, size, "%s waits since %s: run %llu of the job comes first", who, since,
                               (unsigned long long)r->cause_run);
        else if (r->reason == REASON_CONCURRENCY && r->cause_run > 0)
                (void)snprintf(buf, size, "%s waits since %s: run %llu of the job is active", who, since,
                               (unsigned long long)r->cause_run);
        else if (r->reason == REASON_NONE || r->reason == REASON_RETRY)
                (void)snprintf(buf, size, "%s waits since %s and is about to start", who, since);
        else
                (void)snprintf(buf, size, "%s waits since %s: %s", who, since, run_reason_text(r->reason));
}

static void say_active(const struct control *c, const struct run_info *r, const char *who, char *buf, size_t size)
{
        char at[64], end[256];

        if (r->state == RUN_QUEUED || r->state == RUN_WAITING)
                say_waiting(c, r, who, buf, size);
        else if (r->flags & RUN_STOPPING)
                (void)snprintf(buf, size, "%s is being stopped%s", who,
                               r->flags & RUN_KILL_FAILED ? ", but some of its processes will not die" : "");
        else if (r->state == RUN_STARTING)
                (void)snprintf(buf, size, "%s is being started", who);
        else if (r->state == RUN_BACKOFF)
                (void)snprintf(buf, size, "attempt %u of %s failed (%s); the next one is due at %s",
                               (unsigned)r->attempt, who, say_end(r, end, sizeof(end)),
                               say_time(c, r->retry_at, at, sizeof(at)));
        else if (r->attempt > 1)
                (void)snprintf(buf, size, "%s is running since %s (attempt %u)", who,
                               say_time(c, r->started_at, at, sizeof(at)), (unsigned)r->attempt);
        else
                (void)snprintf(buf, size, "%s is running since %s", who, say_time(c, r->started_at, at, sizeof(at)));
}

/* The job did not run at all at this instant, or at these. */
static void say_not_run(const struct control *c, const struct run_info *r, const char *when, char *buf, size_t size)
{
        char by[64], why[256];

        if (r->reason == REASON_CONCURRENCY && r->cause_run > 0)
                (void)snprintf(why, sizeof(why), "run %llu was still active (concurrency: forbid)",
                               (unsigned long long)r->cause_run);
        else if (r->reason == REASON_PAUSED && r->by_uid != UINT32_MAX)
                (void)snprintf(why, sizeof(why), "it was paused by %s", say_uid(c, r->by_uid, by, sizeof(by)));
        else
                (void)snprintf(why, sizeof(why), "%s", run_reason_text(r->reason));
        (void)snprintf(buf, size, "%s did not run %s: %s", r->job, when, why);
}

static void say_cancelled(const struct control *c, const struct run_info *r, const char *who, char *buf, size_t size)
{
        char by[64], at[64];

        say_time(c, r->ended_at, at, sizeof(at));
        if (r->reason == REASON_USER && r->by_uid != UINT32_MAX)
                (void)snprintf(buf, size, "%s was cancelled by %s at %s", who, say_uid(c, r->by_uid, by, sizeof(by)),
                               at);
        else if (r->reason == REASON_REPLACED && r->cause_run > 0)
                (void)snprintf(buf, size, "%s was cancelled at %s: run %llu took its place", who, at,
                               (unsigned long long)r->cause_run);
        else
                (void)snprintf(buf, size, "%s was cancelled at %s: %s", who, at, run_reason_text(r->reason));
}

static void say_ended(const struct control *c, const struct run_info *r, const char *who, const char *when, char *buf,
                      size_t size)
{
        char at[64], end[256], attempts[64] = "";

        say_time(c, r->ended_at, at, sizeof(at));
        if (r->attempt > 1)
                (void)snprintf(attempts, sizeof(attempts), ", after %u attempts", (unsigned)r->attempt);
        switch ((int)r->state) {
        case RUN_SUCCEEDED:
                (void)snprintf(buf, size, "%s succeeded at %s%s", who, at, attempts);
                break;
        case RUN_FAILED:
                (void)snprintf(buf, size, "%s failed at %s%s: %s", who, at, attempts, say_end(r, end, sizeof(end)));
                break;
        case RUN_CANCELLED:
                say_cancelled(c, r, who, buf, size);
                break;
        case RUN_SKIPPED:
        case RUN_MISSED:
                if (r->start == 0)
                        say_not_run(c, r, when, buf, size);
                else
                        (void)snprintf(buf, size, "%s was skipped at %s: %s (%s)", who, at, run_reason_text(r->reason),
                                       say_end(r, end, sizeof(end)));
                break;
        default: /* timed_out, lost */
                (void)snprintf(buf, size, "%s %s at %s%s: %s", who,
                               r->state == RUN_TIMED_OUT ? "was stopped" : "was lost", at, attempts,
                               run_reason_text(r->reason));
        }
}

void say_run(const struct control *c, const struct run_info *r, char *buf, size_t size)
{
        char who[256], when[256], from[64], to[64];

        if (wall_is_never(r->scheduled_at)) {
                (void)snprintf(who, sizeof(who), "run %llu of %s (%s)", (unsigned long long)r->id, r->job,
                               run_trigger_name(r->trigger));
                (void)snprintf(when, sizeof(when), "when it was asked to");
        } else {
                say_time(c, r->scheduled_at, from, sizeof(from));
                (void)snprintf(who, sizeof(who), "run %llu of %s (%s %s)", (unsigned long long)r->id, r->job,
                               r->trigger == TRIGGER_BACKFILL ? "backfill of" : "due at", from);
                if (r->scheduled_until.usec > r->scheduled_at.usec)
                        (void)snprintf(when, sizeof(when), "from %s to %s (%llu instants)", from,
                                       say_time(c, r->scheduled_until, to, sizeof(to)), (unsigned long long)r->count);
                else
                        (void)snprintf(when, sizeof(when), "at %s", from);
        }
        if (run_state_ends(r->state))
                say_ended(c, r, who, when, buf, size);
        else
                say_active(c, r, who, buf, size);
}
