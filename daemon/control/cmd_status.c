/* system.describe, system.version, system.status, system.reload: about the daemon itself. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "control/private.h"
#include "jobfile/calendars.h"

#define FILES_LOOKED_AT   20000 /* by one call; the next page goes on */
#define FILE_ERRORS_SHOWN 100   /* of one file; `more` says how many are left out */
#define BLOCKED_AGE_USEC  (2 * USEC_PER_SEC)

/* ---- describe, version */

static json_t *describe_params(enum method m)
{
        const struct method_param *p;
        json_t *list = json_array();
        size_t n;

        p = method_params(m, &n);
        for (size_t i = 0; list && i < n; i++)
                if (json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s}", "name", p[i].name, "type",
                                                          param_type_name(p[i].type), "required", p[i].required, "help",
                                                          p[i].help)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

void cmd_describe(struct call *call)
{
        json_t *methods = json_array();

        for (unsigned m = 0; methods && m < METHOD_NR; m++)
                if (json_array_append_new(methods, json_pack("{s:s, s:o, s:s, s:s}", "name", method_name(m), "params",
                                                             describe_params(m), "right", right_name(method_right(m)),
                                                             "help", method_help(m))) < 0) {
                        json_decref(methods);
                        methods = NULL;
                }
        call_result_json(call, json_pack("{s:s, s:i, s:o}", "version", PACKAGE_VERSION, "protocol", PROTOCOL_VERSION,
                                         "methods", methods));
}

void cmd_version(struct call *call)
{
        call_result_json(call, json_pack("{s:s, s:i}", "version", PACKAGE_VERSION, "protocol", PROTOCOL_VERSION));
}

/* ---- the job files */

static json_t *print_place(const struct diagnostic *d)
{
        return json_pack("{s:o, s:o}", "line", d->line > 0 ? json_integer(d->line) : json_null(), "column",
                         d->column > 0 ? json_integer(d->column) : json_null());
}

/* What is wrong may quote the file, and that is for its owner and admins. */
static json_t *print_diagnostics(const struct diagnostics *d, bool may_read)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < d->n && i < FILE_ERRORS_SHOWN; i++) {
                json_t *o = print_place(&d->v[i]);

                if (!o || json_object_set_new(o, "key", json_string_or_null(may_read ? d->v[i].key : NULL)) < 0 ||
                    json_object_set_new(o, "message",
                                        json_string_or_null(may_read ? d->v[i].message
                                                                     : "shown to its owner and to admins only")) < 0 ||
                    json_object_set_new(o, "hint", json_string_or_null(may_read ? d->v[i].hint : NULL)) < 0 ||
                    json_array_append(list, o) < 0) {
                        json_decref(list);
                        list = NULL;
                }
                json_decref(o);
        }
        return list;
}

static const char *file_state_name(enum folder_file_state s)
{
        switch (s) {
        case FOLDER_FILE_OK:
                return "ok";
        case FOLDER_FILE_STALE:
                return "stale";
        case FOLDER_FILE_ERROR:
        default:
                return "error";
        }
}

static json_t *print_file(const struct control *c, const struct folder_file *f, bool may_read)
{
        static const struct diagnostics none = { 0 };
        const struct diagnostics *errors = f->errors ? f->errors : &none, *warnings = f->warnings ? f->warnings : &none;
        size_t left = (errors->n > FILE_ERRORS_SHOWN ? errors->n - FILE_ERRORS_SHOWN : 0) +
                      (warnings->n > FILE_ERRORS_SHOWN ? warnings->n - FILE_ERRORS_SHOWN : 0);

        return json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:I}", "path", json_string_or_null(f->path), "state",
                         file_state_name(f->state), "since", print_time(c, f->since), "jobs", (json_int_t)f->n_jobs,
                         "errors", print_diagnostics(errors, may_read), "warnings",
                         print_diagnostics(warnings, may_read), "more", (json_int_t)left);
}

/* First file whose path is greater than `after`. */
static size_t file_after(const struct folder *folder, const char *after)
{
        size_t lo = 0, hi = folder_files(folder);

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;
                struct folder_file f;

                if (!folder_file_at(folder, mid, &f))
                        break;
                if (strcmp(f.path, after) <= 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

enum which_files { FILES_BAD, FILES_NOTED, FILES_ALL };

static bool is_wanted(enum which_files which, const struct folder_file *f)
{
        if (which == FILES_ALL || f->state != FOLDER_FILE_OK)
                return true;
        return which == FILES_NOTED && f->warnings && f->warnings->n > 0;
}

static size_t files_total(const struct control *c)
{
        return folder_files(c->ctx.folder) + (c->ctx.calendars ? calendars_files(c->ctx.calendars) : 0);
}

static size_t files_bad(const struct control *c)
{
        return folder_broken(c->ctx.folder) + (c->ctx.calendars ? calendars_broken(c->ctx.calendars) : 0);
}

/* The files of calendars: there are few, so all are in the first page. */
static size_t add_calendars(struct call *call, struct text *t, enum which_files which, bool may_read)
{
        const struct control *c = call->c;
        struct folder_file f;
        size_t given = 0;

        for (size_t i = 0; c->ctx.calendars && calendars_file_at(c->ctx.calendars, i, &f); i++) {
                if (!is_wanted(which, &f))
                        continue;
                text_puts(t, given++ > 0 ? "," : "");
                text_json_new(t, print_file(c, &f, may_read));
        }
        return given;
}

/* "files":[…],"cursor":… */
static void add_files(struct call *call, struct text *t, enum which_files which, const char *cursor, size_t limit)
{
        const struct control *c = call->c;
        const struct folder *folder = c->ctx.folder;
        size_t n = folder_files(folder), i = cursor ? file_after(folder, cursor) : 0, looked = 0, given = 0,
               begin = t->size, calendars = 0;
        size_t bad_left = folder_broken(folder);
        bool may_read = peer_is_admin(call->conn);
        const char *last = NULL;
        struct folder_file f;

        text_puts(t, "\"files\":[");
        if ((which == FILES_BAD && bad_left == 0) || (c->access.see_own && !may_read))
                i = n;
        if (!cursor && (may_read || !c->access.see_own))
                calendars = add_calendars(call, t, which, may_read);
        for (; i < n && given < limit && looked < FILES_LOOKED_AT && t->size - begin < PAGE_BYTES; i++, looked++) {
                if (!folder_file_at(folder, i, &f))
                        break;
                last = f.path;
                if (!is_wanted(which, &f))
                        continue;
                text_puts(t, calendars + given++ > 0 ? "," : "");
                text_json_new(t, print_file(c, &f, may_read));
                if (which == FILES_BAD && !cursor && given == bad_left) {
                        i = n;
                        break;
                }
        }
        text_puts(t, "],\"cursor\":");
        text_json_new(t, json_string_or_null(i < n ? last : NULL));
}

/* ---- status */

/* Counting them means looking at every job, so the number is kept for a moment. */
static size_t count_blocked(struct control *c)
{
        struct mono now = clock_mono();
        struct job_view v;

        if (c->blocked_at.usec > 0 && now.usec - c->blocked_at.usec < BLOCKED_AGE_USEC)
                return c->blocked;
        c->blocked = 0;
        for (size_t i = 0; engine_job_at(c->ctx.engine, i, &v); i++)
                c->blocked += v.job && v.job->policy->blocked;
        c->blocked_at = now;
        return c->blocked;
}

static const char *degraded_why(const struct control *c, const struct engine_stats *s)
{
        if (s->degraded)
                return "the state can't be written: nothing is started until it can";
        if (s->clock_waiting)
                return "the clock is behind the state: nothing is started until it is set";
        if (runner_pid(c->ctx.runner) <= 0)
                return "the runner is down: it is being started again";
        return NULL;
}

void cmd_status(struct call *call)
{
        struct control *c = call->c;
        const char *files = call_string(call, "files"), *why;
        enum which_files which = FILES_BAD;
        struct engine_stats s;
        struct text t = { 0 };
        json_t *o;

        if (files && streq(files, "all")) {
                which = FILES_ALL;
        } else if (files && streq(files, "noted")) {
                which = FILES_NOTED;
        } else if (files && !streq(files, "bad")) {
                call_error(call, ERROR_INVALID, "files: `bad`, `noted` or `all`");
                return;
        }
        engine_get_stats(c->ctx.engine, &s);
        why = degraded_why(c, &s);
        o = json_pack("{s:s, s:i, s:s, s:o, s:o, s:i, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I}", "version",
                      PACKAGE_VERSION, "pid", (int)getpid(), "state", why ? "degraded" : "ok", "why",
                      json_string_or_null(why), "started_at", print_time(c, c->ctx.started), "runner_pid",
                      runner_pid(c->ctx.runner), "jobs", (json_int_t)s.jobs, "jobs_blocked",
                      (json_int_t)count_blocked(c), "runs", "queued", (json_int_t)s.queued, "starting",
                      (json_int_t)s.starting, "running", (json_int_t)s.running, "backoff", (json_int_t)s.backoff,
                      "files_total", (json_int_t)files_total(c), "files_bad", (json_int_t)files_bad(c));
        text_json_new(&t, o);
        if (!t.failed) {
                t.size--; /* its closing brace: the files go in */
                text_puts(&t, ",");
                add_files(call, &t, which, call_string(call, "cursor"), call_limit(call, 100));
                text_puts(&t, "}");
        }
        call_result(call, &t);
}

/* ---- reload */

void cmd_reload(struct call *call)
{
        struct control *c = call->c;
        struct call **list = c->reload_now ? &c->reload_next : &c->reload_now;
        bool start = !c->reload_now;

        if (call->conn->n_held >= CALLS_HELD) {
                call_error(call, ERROR_BUSY, "too many calls of this connection wait");
                return;
        }
        call_set_kind(call, CALL_HELD);
        call_audit(call, "-", "asked");
        call->wait_next = *list;
        *list = call_ref(call);
        if (start)
                c->ctx.reload(c->ctx.arg);
}

void reload_answer(struct call *call)
{
        struct text t = { 0 };

        call_audit(call, "-", "done");
        if (call_gone(call))
                return;
        text_printf(&t, "{\"files_total\":%zu,\"files_bad\":%zu,", files_total(call->c),
                    files_bad(call->c));
        add_files(call, &t, FILES_BAD, NULL, PAGE_MAX);
        text_puts(&t, "}");
        call_result(call, &t);
}
