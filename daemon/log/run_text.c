/* A run's change of state as a sentence. */
#include "log/run_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "calendar/timeparse.h"
#include "tbl/log_ids.h"

struct text {
        char *buf;
        size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
        va_list ap;
        int n;

        if (t->len + 1 >= t->size)
                return;
        va_start(ap, fmt);
        n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
        va_end(ap);
        if (n > 0)
                t->len += (size_t)n < t->size - t->len ? (size_t)n : t->size - t->len - 1;
}

static void add_time(struct text *t, const char *word, struct wall at, const struct tz *zone)
{
        char buf[64];

        wall_print_rfc3339(at, zone, 0, buf, sizeof(buf));
        add(t, "%s%s", word, buf);
}

static void add_duration(struct text *t, const struct run_info *r)
{
        int64_t usec;

        if (wall_is_never(r->started_at) || wall_is_never(r->ended_at))
                return;
        usec = r->ended_at.usec - r->started_at.usec; /* negative if the clock was set back: then it says nothing */
        if (usec >= 0)
                add(t, " after %" PRId64 ".%03" PRId64 " s", usec / USEC_PER_SEC, usec % USEC_PER_SEC / 1000);
}

static const char *signal_name(int sig)
{
        const char *name = sigabbrev_np(sig);

        return name ? name : "?";
}

/* The kernel's status, where there is one. */
static void add_status(struct text *t, const struct run_info *r)
{
        int code = run_exit_code(r), sig = run_signal(r);

        if (sig)
                add(t, ": killed by signal %d (%s)", sig, signal_name(sig));
        else if (code >= 0)
                add(t, ": exit code %d", code);
}

/* Why it is so: the exact status if that is the reason, else the reason's words. */
static void add_cause(struct text *t, const struct run_info *r)
{
        if (r->reason == REASON_EXIT || r->reason == REASON_EXIT_CODE || r->reason == REASON_SIGNAL || r->reason == REASON_RETRY) {
                add_status(t, r);
        } else if (r->reason == REASON_SPAWN || r->reason == REASON_FAULT) {
                const char *text = strerrordesc_np(r->error);

                add(t, ": %s: %s", spawn_stage_name(r->stage), text ? text : "unknown error");
        } else if (r->reason != REASON_NONE) {
                add(t, ": %s", run_reason_text(r->reason));
                if (r->cause_run)
                        add(t, " (run %" PRIu64 ")", r->cause_run);
        }
}

/* "backup: run 7", or for a row that covers many instants their number and range. */
static void add_subject(struct text *t, const struct run_info *r, const struct tz *zone)
{
        add(t, "%s: ", r->job);
        if (r->count > 1 && !wall_is_never(r->scheduled_at)) {
                add(t, "%" PRIu64 " instants", r->count);
                add_time(t, " from ", r->scheduled_at, zone);
                add_time(t, " to ", r->scheduled_until, zone);
                return;
        }
        add(t, "run %" PRIu64, r->id);
}

static const char *state_words(const struct run_info *r)
{
        static const char *const words[RUN_STATE_NR] = {
                [RUN_RUNNING] = "started",
                [RUN_TIMED_OUT] = "timed out",
                [RUN_BACKOFF] = "will be tried again",
        };

        if (r->state == RUN_RUNNING && (r->flags & RUN_STOPPING))
                return "is told to stop";
        return words[r->state] ? words[r->state] : run_state_name(r->state);
}

size_t run_text(const struct run_info *r, const struct tz *zone, char *buf, size_t size)
{
        struct text t = { .buf = buf, .size = size };

        buf[0] = '\0';
        add_subject(&t, r, zone);
        add(&t, " %s", state_words(r));
        if (r->state == RUN_BACKOFF && !wall_is_never(r->retry_at))
                add_time(&t, " at ", r->retry_at, zone);
        else if (r->state == RUN_RUNNING)
                add(&t, " (%s, attempt %" PRIu32 ")", run_trigger_name(r->trigger), r->attempt);
        else if (r->state == RUN_QUEUED || r->state == RUN_STARTING)
                add(&t, " (%s)", run_trigger_name(r->trigger));
        else if (run_state_ends(r->state) && r->attempt > 0)
                add_duration(&t, r);
        add_cause(&t, r);
        if (r->flags & RUN_KILL_FAILED)
                add(&t, "; some of its processes would not die");
        return t.len;
}
