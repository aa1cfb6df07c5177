/* why: where a job or run stands and what holds it there, or what became of one instant.  The engine and the store know
 * the reasons; here they are only put together. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "calendar/schedule.h"
#include "control/private.h"
#include "control/say.h"

#define LOOK_BACK_USEC (400 * USEC_PER_DAY) /* for the instant before one that is none */
#define ANSWER_SIZE    1024

struct why {
        struct wall at; /* WALL_NEVER: now */
        const char *state;
        char answer[ANSWER_SIZE];
        json_t *causes;
};

static void why_free(void *data)
{
        struct why *w = data;

        json_decref(w->causes);
        free(w);
}

struct cause {
        const char *reason;
        uint64_t run;
        uint32_t by; /* UINT32_MAX: nobody */
        struct wall since, until;
};

#define NO_CAUSE ((struct cause){ .by = UINT32_MAX, .since = WALL_NEVER, .until = WALL_NEVER })

/* Every key is there, also those of things that this daemon does not have. */
static void add_cause(struct call *call, const struct cause *x)
{
        const struct control *c = call->c;
        struct why *w = call->data;
        char by[64];
        json_t *o = json_pack("{s:s, s:o, s:n, s:n, s:n, s:o, s:o, s:o}", "reason", x->reason, "run",
                              x->run > 0 ? json_integer((json_int_t)x->run) : json_null(), "lock", "queue", "job", "by",
                              json_string_or_null(x->by != UINT32_MAX ? say_uid(c, x->by, by, sizeof(by)) : NULL),
                              "since", print_time(c, x->since), "until", print_time(c, x->until));

        if (!w->causes || json_array_append_new(w->causes, o) < 0) {
                json_decref(w->causes);
                w->causes = NULL;
        }
}

static void send_why(struct call *call, const char *subject)
{
        struct why *w = call->data;

        call_result_json(call,
                         json_pack("{s:o, s:s, s:o, s:o}", "subject", json_string_or_null(subject), "state", w->state,
                                   "answer", json_string_or_null(w->answer), "causes", TAKE_PTR(w->causes)));
}

static void cause_of_run(struct call *call, const struct run_info *r)
{
        struct cause x = { .reason = run_reason_name(r->reason),
                           .run = r->cause_run,
                           .by = r->by_uid,
                           .since = run_state_ends(r->state) ? r->ended_at : r->queued_at,
                           .until = r->retry_at };

        if (r->reason != REASON_NONE)
                add_cause(call, &x);
}

static void why_run(struct call *call, const struct run_info *r)
{
        struct why *w = call->data;
        char subject[64];

        w->state = run_state_name(r->state);
        say_run(call->c, r, w->answer, sizeof(w->answer));
        cause_of_run(call, r);
        (void)snprintf(subject, sizeof(subject), "run %llu", (unsigned long long)r->id);
        send_why(call, subject);
}

/* ---- a job now */

/* "paused by root since 02:30 (disk is full), until 06:00" */
static void say_paused(const struct control *c, const struct job_state *s, char *buf, size_t size)
{
        char by[64], since[64], until[64], why[300] = "", end[96] = "";

        if (s->pause_why)
                (void)snprintf(why, sizeof(why), " (%.290s)", s->pause_why);
        if (!wall_is_never(s->pause_until))
                (void)snprintf(end, sizeof(end), ", until %s", say_time(c, s->pause_until, until, sizeof(until)));
        (void)snprintf(buf, size, "paused by %s since %s%s%s", say_uid(c, s->paused_by, by, sizeof(by)),
                       say_time(c, s->paused_at, since, sizeof(since)), why, end);
}

/* Everything that keeps its next instant from becoming a run. */
static void causes_of_job(struct call *call, const struct job_view *v)
{
        struct cause x;

        if (v->job && v->job->policy->blocked) {
                x = NO_CAUSE;
                x.reason = run_reason_name(REASON_DEFINITION);
                add_cause(call, &x);
        }
        if (!v->enabled) {
                x = NO_CAUSE;
                x.reason = run_reason_name(REASON_DISABLED);
                add_cause(call, &x);
        }
        if (v->state.paused) {
                x = (struct cause){ .reason = run_reason_name(REASON_PAUSED),
                                    .by = v->state.paused_by,
                                    .since = v->state.paused_at,
                                    .until = v->state.pause_until };
                add_cause(call, &x);
        }
}

static void say_next(const struct control *c, const struct job_view *v, const struct run_info *last, char *buf,
                     size_t size)
{
        char next[64], sentence[ANSWER_SIZE / 2];

        if (last)
                say_run(c, last, sentence, sizeof(sentence));
        if (!wall_is_never(v->next))
                (void)snprintf(buf, size, "%s is due next at %s%s%s", v->name, say_time(c, v->next, next, sizeof(next)),
                               last ? "; " : "", last ? sentence : "; it has not run yet");
        else if (job_waits_for_boot(v))
                (void)snprintf(buf, size, "%s runs at each boot of the machine%s%s", v->name, last ? "; " : "",
                               last ? sentence : "");
        else if (job_is_past(v))
                (void)snprintf(buf, size, "%s is past: none of its schedule is still to come%s%s", v->name,
                               last ? "; " : "", last ? sentence : "");
        else
                (void)snprintf(buf, size, "%s has no schedule and runs only when it is asked to%s%s", v->name,
                               last ? "; " : "", last ? sentence : "");
}

static void why_job(struct call *call, const struct job_view *v, const struct run_info *last)
{
        const struct control *c = call->c;
        struct why *w = call->data;
        const struct run_info *active = engine_job_run(c->ctx.engine, v->name, 0);
        char paused[ANSWER_SIZE / 2];

        causes_of_job(call, v);
        if (active) {
                w->state = run_state_name(active->state);
                say_run(c, active, w->answer, sizeof(w->answer));
                cause_of_run(call, active);
        } else if (!v->job) {
                w->state = "removed";
                (void)snprintf(w->answer, sizeof(w->answer), "%s is in no job file any more", v->name);
        } else if (v->job->policy->blocked) {
                w->state = "blocked";
                (void)snprintf(w->answer, sizeof(w->answer), "%s is blocked: %.600s", v->name, v->job->policy->blocked);
        } else if (!v->enabled) {
                w->state = "disabled";
                (void)snprintf(w->answer, sizeof(w->answer), "%s is disabled %s", v->name,
                               v->state.enabled_override == 0 ? "by command" : "in its file (enabled: false)");
        } else if (v->state.paused) {
                w->state = "paused";
                say_paused(c, &v->state, paused, sizeof(paused));
                (void)snprintf(w->answer, sizeof(w->answer), "%s is %s", v->name, paused);
        } else {
                w->state = !wall_is_never(v->next) ? "scheduled" : job_is_past(v) ? "past" : "idle";
                say_next(c, v, last, w->answer, sizeof(w->answer));
        }
        send_why(call, v->name);
}

static void on_last(void *arg, struct run_list *list, const struct error *err)
{
        struct call *call = arg;
        struct job_view v;

        if (!call_gone(call)) {
                if (err)
                        call_error(call, err->code, "%s", err->message);
                else if (find_job(call, call_string(call, "job"), &v))
                        why_job(call, &v, list && list->n > 0 && list->v[0].id > 0 ? &list->v[0] : NULL);
        }
        if (list)
                run_list_free(list);
        call_unref(call);
}

/* ---- a job's instant */

/* Also one that is excluded or skipped by daylight saving: *ret_moment says which. */
static bool is_instant(const struct job *job, struct wall at, struct schedule_moment *ret_moment)
{
        struct schedule s = job_schedule(job);

        return schedule_next_moment(&s, (struct wall){ at.usec - 1 }, (struct wall){ INT64_MIN }, ret_moment) == 0 &&
               ret_moment->at.usec == at.usec;
}

static const char *exclude_word(const struct exclude *e)
{
        return e->kind == EXCLUDE_CALENDAR ? "the calendar" : e->kind == EXCLUDE_DATES ? "the date" : "the expression";
}

/* What `exclude` and `move` have to do with an instant, by the schedule of now: "; the calendar holidays excludes it".
 * Nothing, mostly. */
static const char *say_days(const struct control *c, const struct job *job, struct wall at, char *buf, size_t size)
{
        struct schedule s = job_schedule(job);
        const struct exclude *e = schedule_excluded_by(&s, at);
        struct wall from;
        char when[64];

        *buf = 0;
        if (e)
                (void)snprintf(buf, size, "; %s %.200s excludes it", exclude_word(e), e->text);
        else if (schedule_moved_from(&s, at, &from))
                (void)snprintf(buf, size, "; it was moved there from %s, which is excluded",
                               say_time(c, from, when, sizeof(when)));
        return buf;
}

/* An instant to come: what will be, as things stand. */
static void say_future(struct call *call, const struct job_view *v, const struct schedule_moment *m, const char *at)
{
        const struct control *c = call->c;
        struct why *w = call->data;
        struct job_view then = *v;
        struct engine_stats stats;
        struct cause x = NO_CAUSE;
        struct wall start;
        char jitter[128] = "", text[64], days[300];

        engine_get_stats(c->ctx.engine, &stats);
        start = wall_add(w->at, job_delay(v->job, stats.machine, w->at));
        if (then.state.paused && then.state.pause_until.usec <= w->at.usec)
                then.state.paused = false; /* over by then */
        causes_of_job(call, &then);
        if (!m->due) {
                x.reason = run_reason_name(m->excluded ? REASON_EXCLUDED : REASON_DST);
                add_cause(call, &x);
        }
        if (start.usec > w->at.usec)
                (void)snprintf(jitter, sizeof(jitter), " (its run starts at %s: jitter)", say_time(c, start, text, sizeof(text)));
        w->state = "future";
        (void)snprintf(w->answer, sizeof(w->answer), "%s is due at %s%s, which is still to come%s%s%s", v->name, at, jitter,
                       json_array_size(w->causes) > 0 ? "; as things stand it will not run then" : "",
                       m->due ? "" : m->excluded ? ": it is excluded" : ": daylight saving skips it",
                       say_days(c, v->job, w->at, days, sizeof(days)));
}

/* " (before it: 02:30, after it: 2026-03-30 02:30)" */
static void say_neighbours(const struct control *c, const struct job *job, struct wall at, char *buf, size_t size)
{
        struct schedule s = job_schedule(job);
        const struct wall always = { INT64_MIN };
        char before[64] = "none", after[64] = "none";
        struct wall t;

        if (schedule_last(&s, wall_add(at, -LOOK_BACK_USEC), always, at, &t) == 0)
                say_time(c, t, before, sizeof(before));
        if (schedule_next(&s, at, always, &t) == 0)
                say_time(c, t, after, sizeof(after));
        (void)snprintf(buf, size, " (the one before it: %s, after it: %s)", before, after);
}

/* Why a time is no instant: " (the one before it: …)", or that `move` took one away: ": the calendar holidays excludes it,
 * and it is moved to 2030-12-27 09:00". */
static void say_no_instant(const struct control *c, const struct job *job, struct wall at, char *buf, size_t size)
{
        struct schedule s = job_schedule(job);
        const struct exclude *e = schedule_excluded_by(&s, at);
        struct wall to;
        char when[64];

        if (e && schedule_moved_to(&s, at, &to))
                (void)snprintf(buf, size, ": %s %.200s excludes it, and it is moved to %s", exclude_word(e), e->text,
                               say_time(c, to, when, sizeof(when)));
        else
                say_neighbours(c, job, at, buf, size);
}

/* No row covers it: it is to come, or is none, or nothing is known of it. */
static void why_no_row(struct call *call, const struct job_view *v)
{
        const struct control *c = call->c;
        struct why *w = call->data;
        struct schedule_moment m = { .due = true };
        char at[64], near[320];

        say_time(c, w->at, at, sizeof(at));
        if (!v->job) {
                w->state = "unknown";
                (void)snprintf(w->answer, sizeof(w->answer), "nothing is recorded of %s at %s", v->name, at);
        } else if (!is_instant(v->job, w->at, &m) && w->at.usec != v->next.usec) {
                w->state = "not_due";
                say_no_instant(c, v->job, w->at, near, sizeof(near));
                (void)snprintf(w->answer, sizeof(w->answer), "%s is no instant of the schedule of %s%s", at, v->name,
                               near);
        } else if (w->at.usec > clock_wall().usec) {
                if (w->at.usec == v->next.usec && m.at.usec != w->at.usec)
                        m = (struct schedule_moment){ .at = w->at, .due = true }; /* of @after */
                say_future(call, v, &m, at);
        } else if (w->at.usec > v->state.watermark.usec) {
                w->state = "pending";
                causes_of_job(call, v);
                (void)snprintf(w->answer, sizeof(w->answer), "%s was due at %s; that is not decided yet", v->name, at);
        } else {
                w->state = "unknown";
                (void)snprintf(
                        w->answer, sizeof(w->answer),
                        "nothing is recorded of %s at %s: it was first seen later, or its history was pruned (keep)",
                        v->name, at);
        }
        send_why(call, v->name);
}

static void why_row(struct call *call, const struct job_view *v, const struct run_info *r)
{
        const struct control *c = call->c;
        struct why *w = call->data;
        struct schedule_moment m;
        bool edge = r->scheduled_at.usec == w->at.usec || r->scheduled_until.usec == w->at.usec;
        char sentence[ANSWER_SIZE / 2], at[64], days[300];

        w->state = run_state_name(r->state);
        say_run(c, r, sentence, sizeof(sentence));
        if (!edge && v->job && !is_instant(v->job, w->at, &m)) {
                w->state = "not_due";
                (void)snprintf(w->answer, sizeof(w->answer), "%s is no instant of the schedule of %s as it is now; %s",
                               say_time(c, w->at, at, sizeof(at)), v->name, sentence);
        } else
                (void)snprintf(w->answer, sizeof(w->answer), "%s%s", sentence,
                               v->job && r->trigger != TRIGGER_MANUAL ? say_days(c, v->job, w->at, days, sizeof(days)) : "");
        cause_of_run(call, r);
        send_why(call, v->name);
}

static bool covers(const struct run_info *r, struct wall at)
{
        return !wall_is_never(r->scheduled_at) && r->scheduled_at.usec <= at.usec && r->scheduled_until.usec >= at.usec;
}

/* A job that was removed has no view; its history is still there. */
static bool view_of(struct call *call, const char *name, struct job_view *ret)
{
        if (engine_job_find(call->c->ctx.engine, name, ret))
                return HAS_RIGHT(peer_rights_view(call->conn, ret), RIGHT_SEE);
        *ret = (struct job_view){ .name = name,
                                  .next = WALL_NEVER,
                                  .state = { .watermark = WALL_NEVER, .pause_until = WALL_NEVER } };
        return HAS_RIGHT(peer_rights(call->conn, name, NULL, NULL), RIGHT_SEE);
}

static void on_instant(void *arg, struct run_list *list, const struct error *err)
{
        struct call *call = arg;
        const char *name = call_string(call, "job");
        struct why *w = call->data;
        const struct run_info *row = NULL, *live;
        struct job_view v;

        if (!call_gone(call)) {
                for (size_t i = 0; list && i < list->n; i++)
                        if (list->v[i].id > 0 && covers(&list->v[i], w->at) && (!row || list->v[i].id > row->id))
                                row = &list->v[i];
                for (live = engine_job_run(call->c->ctx.engine, name, 0); live; live = engine_job_run_next(live))
                        if (covers(live, w->at))
                                row = live;
                if (err)
                        call_error(call, err->code, "%s", err->message);
                else if (!view_of(call, name, &v) || (!v.job && !row))
                        call_error(call, ERROR_NOT_FOUND, "no such job: %.200s", name);
                else if (row)
                        why_row(call, &v, row);
                else
                        why_no_row(call, &v);
        }
        if (list)
                run_list_free(list);
        call_unref(call);
}

/* ---- the call */

static void why_found(struct call *call, const struct run_detail *d)
{
        if (HAS_RIGHT(peer_rights_run(call->conn, &d->run), RIGHT_SEE))
                why_run(call, &d->run);
        else
                call_error_no_run(call);
}

static void on_run(void *arg, struct run_detail *d, const struct error *err)
{
        call_found_run(arg, d, err, why_found);
}

static int ask_about_run(struct call *call, uint64_t run)
{
        const struct run_info *live = engine_run_find(call->c->ctx.engine, run, NULL);

        if (!live)
                return store_query_run(call->c->ctx.store, run, on_run, call_ref(call));
        if (HAS_RIGHT(peer_rights_run(call->conn, live), RIGHT_SEE))
                why_run(call, live);
        else
                call_error(call, ERROR_NOT_FOUND, "no such run: %llu", (unsigned long long)run);
        return 0;
}

void cmd_why(struct call *call)
{
        const char *job = call_string(call, "job");
        uint64_t run = call_count(call, "run", 0);
        struct why *w;
        struct job_view v;
        int r;

        if (!job == !run || (run > 0 && call_string(call, "at"))) {
                call_error(call, ERROR_INVALID, "why wants either `job`, which may have `at`, or `run`");
                return;
        }
        w = calloc(1, sizeof(*w));
        if (w)
                w->causes = json_array();
        if (!w || !w->causes) {
                free(w);
                call_error_memory(call);
                return;
        }
        w->at = WALL_NEVER;
        call->data = w;
        call->free_data = why_free;
        if (run > 0)
                r = ask_about_run(call, run);
        else if (call_time(call, "at", &w->at))
                r = store_query_instant(call->c->ctx.store, job, w->at, on_instant, call_ref(call));
        else if (find_job(call, job, &v))
                r = store_query_last(call->c->ctx.store, &job, 1, on_last, call_ref(call));
        else
                return;
        if (r < 0) {
                call_unref(call);
                call_error_memory(call);
        }
}
