/* Values as JSON, and the words of sentences. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "control/private.h"

/* Not yet, or unknown. */
static bool no_time(struct wall t)
{
        return wall_is_never(t) || t.usec == INT64_MIN;
}

json_t *print_time(const struct control *c, struct wall t)
{
        char buf[64];

        if (no_time(t))
                return json_null();
        wall_print_rfc3339(t, c->ctx.zone, 3, buf, sizeof(buf));
        return json_string(buf);
}

json_t *print_instant(const struct control *c, struct wall t)
{
        char buf[64];

        if (no_time(t))
                return json_null();
        wall_print_rfc3339(t, c->ctx.zone, 0, buf, sizeof(buf));
        return json_string(buf);
}

static json_t *print_number(uint64_t n)
{
        return json_integer((json_int_t)MIN(n, (uint64_t)INT64_MAX));
}

/* 0 stands for none. */
static json_t *print_ref(uint64_t run)
{
        return run > 0 ? print_number(run) : json_null();
}

static json_t *print_seconds(int64_t usec)
{
        return json_real((double)usec / USEC_PER_SEC);
}

static json_t *print_user(const struct control *c, const char *user)
{
        return json_string_or_null(user ? user : c->ctx.default_user);
}

/* What an errno means at a stage, where the system's own words would mislead.  NULL: they don't. */
static const char *stage_words(unsigned stage, int error)
{
        static const struct {
                enum spawn_stage stage;
                int error;
                const char *words;
        } words[] = {
                { STAGE_USER, ENOENT, "there is no such user" },
                { STAGE_GROUPS, ENOENT, "there is no such group" },
                { STAGE_ENV_FILE, EINVAL, "not a plain file of KEY=value lines" },
                { STAGE_ENV_FILE, EFBIG, "over 1 MiB" },
                { STAGE_ENV_FILE, ELOOP, "a symbolic link" },
                { STAGE_EXEC, ENOEXEC, "not a program (a script begins with `#!`)" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (words[i].stage == (enum spawn_stage)stage && words[i].error == error)
                        return words[i].words;
        return NULL;
}

bool print_stage(const struct run_info *r, char *buf, size_t size)
{
        const char *words = stage_words(r->stage, r->error);

        if (r->reason != REASON_SPAWN && r->reason != REASON_FAULT)
                return false;
        if (r->error == 0)
                (void)snprintf(buf, size, "%s", spawn_stage_name(r->stage));
        else
                (void)snprintf(buf, size, "%s: %s", spawn_stage_name(r->stage), words ? words : strerror(r->error));
        return true;
}

static json_t *print_flags(uint32_t flags)
{
        static const struct {
                uint32_t bit;
                const char *name;
        } names[] = {
#define X(e, bit, name) { e, name },
                TBL_RUN_FLAGS(X)
#undef X
        };
        json_t *list = json_array();

        for (size_t i = 0; list && i < ARRAY_SIZE(names); i++)
                if ((flags & names[i].bit) && json_array_append_new(list, json_string(names[i].name)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

/* One more key; a value or object that could not be made makes all of it NULL. */
static void put(json_t **object, const char *key, json_t *value)
{
        if (!*object || !value || json_object_set_new_nocheck(*object, key, value) < 0) {
                if (!*object)
                        json_decref(value);
                json_decref(*object);
                *object = NULL;
        }
}

static void put_times(json_t **o, const struct control *c, const struct run_info *r)
{
        bool both = !no_time(r->started_at) && !no_time(r->ended_at) && r->ended_at.usec >= r->started_at.usec;

        put(o, "scheduled_at", print_instant(c, r->scheduled_at));
        put(o, "scheduled_until", print_instant(c, r->scheduled_until));
        put(o, "count", print_number(r->count));
        put(o, "created_at", print_time(c, r->created_at));
        put(o, "queued_at", print_time(c, r->queued_at));
        put(o, "started_at", print_time(c, r->started_at));
        put(o, "ended_at", print_time(c, r->ended_at));
        put(o, "retry_at", r->retry_at.usec == 0 ? json_null() : print_time(c, r->retry_at));
        put(o, "duration", both ? print_seconds(r->ended_at.usec - r->started_at.usec) : json_null());
}

static void put_usage(json_t **o, const struct usage *u)
{
        put(o, "cpu_user", print_seconds(u->user_usec));
        put(o, "cpu_system", print_seconds(u->system_usec));
        put(o, "max_rss", print_number((uint64_t)MAX(u->max_rss_kib, 0) * 1024));
        put(o, "output_bytes", print_number(u->output_bytes));
        put(o, "dropped_bytes", print_number(u->dropped_bytes));
}

json_t *print_run(const struct control *c, const struct run_info *r)
{
        int code = run_exit_code(r), sig = run_signal(r);
        char error[256];
        json_t *o = json_object();

        put(&o, "id", print_number(r->id));
        put(&o, "job", json_string_or_null(r->job));
        put(&o, "state", json_string(run_state_name(r->state)));
        put(&o, "reason", r->reason == REASON_NONE ? json_null() : json_string(run_reason_name(r->reason)));
        put(&o, "trigger", json_string(run_trigger_name(r->trigger)));
        put_times(&o, c, r);
        put(&o, "attempt", print_number(r->attempt));
        put(&o, "start", print_number(r->start));
        put(&o, "exit_code", code >= 0 ? json_integer(code) : json_null());
        put(&o, "signal", sig > 0 ? json_integer(sig) : json_null());
        put(&o, "error", print_stage(r, error, sizeof(error)) ? json_string_or_null(error) : json_null());
        put(&o, "flow", json_null());
        put(&o, "retry_of", print_ref(r->retry_of));
        put(&o, "queue", json_null());
        put(&o, "priority", json_null());
        put(&o, "user", print_user(c, r->user));
        put(&o, "flags", print_flags(r->flags));
        put(&o, "cause_run", print_ref(r->cause_run));
        put(&o, "by_uid", r->by_uid == UINT32_MAX ? json_null() : print_number(r->by_uid));
        put(&o, "epoch", print_number(r->epoch));
        put_usage(&o, &r->usage);
        return o;
}

const char *say_uid(const struct control *c, uint32_t uid, char *buf, size_t size)
{
        const char *name = passwd_name(&c->passwd, uid);

        if (name)
                (void)snprintf(buf, size, "%s", name);
        else
                (void)snprintf(buf, size, "uid %u", (unsigned)uid);
        return buf;
}

json_t *print_paused(const struct control *c, const struct job_state *s)
{
        json_t *o;
        char by[64];

        if (!s->paused)
                return json_null();
        o = json_object();
        put(&o, "by", json_string_or_null(say_uid(c, s->paused_by, by, sizeof(by))));
        put(&o, "at", print_time(c, s->paused_at));
        put(&o, "until", print_time(c, s->pause_until));
        put(&o, "reason", json_string_or_null(s->pause_why));
        put(&o, "hold", json_boolean(s->pause_hold));
        return o;
}

static json_t *print_strings(char *const *v, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < n; i++)
                if (json_array_append_new(list, json_string_or_null(v[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static json_t *print_labels(const struct job *job)
{
        json_t *o = json_object();

        for (size_t i = 0; job && i < job->policy->n_labels; i++)
                put(&o, job->policy->labels[i].key, json_string_or_null(job->policy->labels[i].value));
        return o;
}

static json_t *print_path(const struct job *job)
{
        _cleanup_(freep) char *path = job && job->source ? job_source_path(job->source) : NULL;

        return json_string_or_null(path);
}

static bool has_entry(const struct job_view *v, enum calendar_kind kind)
{
        for (uint32_t i = 0; v->job && i < v->job->n_entries; i++)
                if (v->job->entries[i].kind == kind)
                        return true;
        return false;
}

bool job_waits_for_boot(const struct job_view *v)
{
        return wall_is_never(v->next) && has_entry(v, CALENDAR_REBOOT);
}

/* @after has no instant while a run is unfinished, or a pause holds it back. */
static bool waits_for_end(const struct job_view *v)
{
        return has_entry(v, CALENDAR_AFTER) && (v->active > 0 || v->state.paused);
}

bool job_is_past(const struct job_view *v)
{
        return v->job && v->job->n_entries > 0 && !v->job->policy->blocked && wall_is_never(v->next) && !job_waits_for_boot(v) &&
               !waits_for_end(v);
}

json_t *print_job(const struct control *c, const struct job_view *v, json_t *last)
{
        const struct job *j = v->job;
        json_t *o = json_object();

        put(&o, "name", json_string_or_null(v->name));
        put(&o, "description", json_string_or_null(j ? j->description : NULL));
        put(&o, "enabled", json_boolean(v->enabled));
        put(&o, "paused", print_paused(c, &v->state));
        put(&o, "blocked", json_string_or_null(j ? j->policy->blocked : NULL));
        put(&o, "schedule", print_strings(j ? j->texts : NULL, j ? j->n_entries : 0));
        put(&o, "timezone", j ? json_string_or_null(j->policy->timezone ? j->policy->timezone : tz_name(j->policy->zone)) : json_null());
        put(&o, "next", print_instant(c, v->next));
        put(&o, "next_start", print_time(c, v->next_start));
        put(&o, "past", json_boolean(job_is_past(v)));
        put(&o, "last", last ? last : json_null());
        put(&o, "running", print_number(v->running));
        put(&o, "active", print_number(v->active));
        put(&o, "user", j ? print_user(c, j->policy->user) : json_null());
        put(&o, "labels", print_labels(j));
        put(&o, "file", print_path(j));
        put(&o, "line", j && j->line > 0 ? print_number(j->line) : json_null());
        return o;
}

const char *say_time(const struct control *c, struct wall t, char *buf, size_t size)
{
        char day[64], today[64];
        size_t n;

        if (no_time(t)) {
                (void)snprintf(buf, size, "an unknown time");
                return buf;
        }
        n = wall_print_local(t, c->ctx.zone, day, sizeof(day));
        wall_print_local(clock_wall(), c->ctx.zone, today, sizeof(today));
        /* 2026-03-29 03:00:00: the seconds only where they say something. */
        if (n > 3 && streq(day + n - 3, ":00"))
                day[n - 3] = '\0';
        (void)snprintf(buf, size, "%s", n >= 11 && strncmp(day, today, 11) == 0 ? day + 11 : day);
        return buf;
}
