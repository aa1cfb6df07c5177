/* What changes something: job.run, job.pause, job.resume, job.enable, job.disable, run.cancel.
 *
 * Three steps: gather the targets (names, patterns, runs), checking rights and that they are there; send one command
 * for each to the engine; gather its replies, which come when the change is durable.  The first target that is refused
 * while gathering ends the call before anything is done.  What the engine refuses later (a run that ended meanwhile, a
 * job that was started meanwhile) is an error, too; its `data.done` says what was done all the same. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/util.h"
#include "control/private.h"

#define AUDIT_NAMES 5 /* targets named in one line of the audit */

struct target {
        char *job;
        uint64_t run;
        uint32_t start;
        enum run_state state;
        bool done;
};

struct act {
        struct scan scan;
        struct call *call;
        struct command command; /* what each gets */
        struct target *v;
        size_t n, allocated;
        size_t next_run; /* run.cancel: place in `runs` */
        size_t outstanding;
        int signal; /* run.cancel: only send this; 0: cancel */
        bool durable;
        enum error_code code; /* the first refusal */
        char message[512];
};

static void act_free(void *data)
{
        struct act *a = data;

        for (size_t i = 0; i < a->n; i++)
                free(a->v[i].job);
        scan_done(&a->scan);
        free(a->v);
        free(a);
}

/* "backup, dump.app and 7 more" */
static void say_targets(const struct act *a, char *buf, size_t size)
{
        size_t used = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < a->n && i < AUDIT_NAMES && used < size; i++) {
                int n = a->v[i].run > 0 && a->command.type != COMMAND_RUN
                                ? snprintf(buf + used, size - used, "%srun %llu", i > 0 ? ", " : "",
                                           (unsigned long long)a->v[i].run)
                                : snprintf(buf + used, size - used, "%s%s", i > 0 ? ", " : "", a->v[i].job);

                if (n < 0)
                        break;
                used += (size_t)n;
        }
        if (a->n > AUDIT_NAMES && used < size)
                (void)snprintf(buf + used, size - used, " and %zu more", a->n - AUDIT_NAMES);
}

/* Refused before anything was done. */
static void refuse(struct act *a, const char *subject, enum error_code code, const char *message)
{
        a->code = code;
        (void)snprintf(a->message, sizeof(a->message), "%s", message);
        call_audit(a->call, subject, error_code_name(code));
        call_error(a->call, code, "%s", message);
}

static bool add_target(struct act *a, const char *job, const struct run_info *r)
{
        struct target *more;

        if (a->n >= TARGETS_MAX) {
                refuse(a, "-", ERROR_INVALID, "that means more than 10000 jobs or runs: do it in parts");
                return false;
        }
        if (a->n == a->allocated) {
                size_t allocated = a->allocated ? a->allocated * 2 : 8;

                more = reallocarray(a->v, allocated, sizeof(*more));
                if (!more) {
                        refuse(a, "-", ERROR_BUSY, "out of memory");
                        return false;
                }
                a->v = more;
                a->allocated = allocated;
        }
        a->v[a->n] = (struct target){ .job = strdup(job),
                                      .run = r ? r->id : 0,
                                      .start = r ? r->start : 0,
                                      .state = r ? r->state : RUN_STATE_INVALID };
        if (!a->v[a->n].job) {
                refuse(a, "-", ERROR_BUSY, "out of memory");
                return false;
        }
        a->n++;
        return true;
}

static bool has_run(const struct act *a, uint64_t run)
{
        for (size_t i = 0; i < a->n; i++)
                if (a->v[i].run == run)
                        return true;
        return false;
}

/* run.cancel of a job: all its runs that have not ended. */
static bool add_runs_of(struct act *a, const char *job)
{
        const struct run_info *r = engine_job_run(a->call->c->ctx.engine, job, 0);

        for (; r; r = engine_job_run_next(r))
                if (!add_target(a, job, r))
                        return false;
        return true;
}

/* May the caller act on this job?  Answers itself if not. */
static bool may_act(struct act *a, const char *name, unsigned rights)
{
        char message[512];

        if (HAS_RIGHT(rights, RIGHT_ACT))
                return true;
        if (HAS_RIGHT(rights, RIGHT_SEE)) {
                (void)snprintf(message, sizeof(message), "%s is not yours to change", name);
                refuse(a, name, ERROR_DENIED, message);
        } else {
                (void)snprintf(message, sizeof(message), "no such job: %s", name);
                refuse(a, name, ERROR_NOT_FOUND, message);
        }
        return false;
}

/* A name must be there and ours to change; a pattern means what is ours among what it matches. */
static bool add_job(void *arg, const char *asked, const struct job_view *v)
{
        struct act *a = arg;
        bool cancel = a->call->method == METHOD_RUN_CANCEL;
        char message[512];
        size_t before = a->n;
        unsigned rights;

        if (asked && (!v->name || (!v->job && !cancel))) {
                (void)snprintf(message, sizeof(message), "no such job: %.300s", asked);
                refuse(a, asked, ERROR_NOT_FOUND, message);
                return false;
        }
        if (!v->job && !cancel)
                return true;
        rights = peer_rights_view(a->call->conn, v);
        if (!HAS_RIGHT(rights, RIGHT_ACT) && !asked)
                return true;
        if (!may_act(a, v->name, rights))
                return false;
        if (!cancel)
                return add_target(a, v->name, NULL);
        if (!add_runs_of(a, v->name))
                return false;
        if (asked && a->n == before) {
                (void)snprintf(message, sizeof(message), "no run of %.300s is active", asked);
                refuse(a, asked, ERROR_CONFLICT, message);
                return false;
        }
        return true;
}

/* ---- the answer */

static json_t *print_targets(const struct act *a, bool only_done)
{
        bool runs = a->command.type == COMMAND_RUN || a->command.type == COMMAND_CANCEL;
        json_t *list = json_array();

        for (size_t i = 0; list && i < a->n; i++) {
                if (only_done && !a->v[i].done)
                        continue;
                if (json_array_append_new(list, runs ? json_integer((json_int_t)a->v[i].run)
                                                     : json_string_or_null(a->v[i].job)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static void answer(struct call *call)
{
        struct act *a = call->data;
        bool runs = a->command.type == COMMAND_RUN || a->command.type == COMMAND_CANCEL;
        char subject[512], outcome[640];

        say_targets(a, subject, sizeof(subject));
        if (a->code != ERROR_NONE) {
                (void)snprintf(outcome, sizeof(outcome), "%s: %s", error_code_name(a->code), a->message);
                call_audit(call, subject, outcome);
                call_error_data(call, JSONRPC_ERROR, a->code, json_pack("{s:o}", "done", print_targets(a, true)),
                                a->message);
                return;
        }
        call_audit(call, subject, a->durable ? "done" : "done, not yet durable");
        call_result_json(
                call, json_pack("{s:o, s:b}", runs ? "runs" : "jobs", print_targets(a, false), "durable", a->durable));
}

void act_replied(struct call *call, size_t index, enum error_code code, const char *message, uint64_t run, bool durable)
{
        struct act *a = call->data;
        struct target *t = &a->v[index];

        if (code == ERROR_NONE) {
                t->done = true;
                if (run > 0)
                        t->run = run;
                a->durable &= durable;
        } else if (a->code == ERROR_NONE) {
                a->code = code;
                (void)snprintf(a->message, sizeof(a->message), "%s", message ? message : error_code_name(code));
        }
        if (--a->outstanding == 0)
                answer(call);
}

/* ---- doing it */

static void send_signals(struct act *a)
{
        struct control *c = a->call->c;
        char message[128];

        a->durable = true;
        for (size_t i = 0; i < a->n; i++) {
                struct target *t = &a->v[i];
                int r = t->state == RUN_RUNNING ? runner_signal(c->ctx.runner, t->run, t->start, a->signal) : -ESRCH;

                if (r == 0)
                        t->done = true;
                else if (a->code == ERROR_NONE) {
                        (void)snprintf(message, sizeof(message), "run %llu is not running", (unsigned long long)t->run);
                        a->code = r == -ESRCH ? ERROR_CONFLICT : ERROR_FAILED;
                        (void)snprintf(a->message, sizeof(a->message), "%s", r == -ESRCH ? message : strerror(-r));
                }
        }
        answer(a->call);
}

static void send_commands(struct act *a)
{
        struct call *call = call_ref(a->call);

        a->durable = true;
        a->outstanding = a->n + 1; /* one for ourselves: replies may come at once */
        for (size_t i = 0; i < a->n; i++) {
                struct command cmd = a->command;

                cmd.job = a->v[i].job;
                cmd.run = a->command.type == COMMAND_CANCEL ? a->v[i].run : 0;
                if (command_send(call, i, &cmd) < 0)
                        act_replied(call, i, ERROR_BUSY, "out of memory", 0, true);
        }
        if (--a->outstanding == 0)
                answer(call);
        call_unref(call);
}

/* All targets are known and allowed. */
static void act_on(struct act *a)
{
        if (a->n == 0) {
                refuse(a, "-", ERROR_NOT_FOUND,
                       a->command.type == COMMAND_CANCEL ? "no active run that is yours to change matches"
                                                         : "no job that is yours to change matches");
                return;
        }
        if (a->signal > 0)
                send_signals(a);
        else
                send_commands(a);
}

static bool gather_slice(struct call *call)
{
        struct act *a = call->data;
        int r = scan_step(call->c, &a->scan, SLICE_JOBS, add_job, a);

        if (r < 0)
                refuse(a, "-", ERROR_BUSY, "out of memory");
        else if (r == 0 && a->code == ERROR_NONE)
                act_on(a);
        return r > 0 && a->code == ERROR_NONE;
}

static void gather(struct act *a)
{
        if (gather_slice(a->call))
                slice_add(a->call, gather_slice);
}

static struct act *act_new(struct call *call, enum command_type type)
{
        struct act *a = calloc(1, sizeof(*a));

        if (!a) {
                call_error_memory(call);
                return NULL;
        }
        a->call = call;
        a->command = (struct command){ .type = type, .until = WALL_NEVER };
        call->data = a;
        call->free_data = act_free;
        return a;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A name that is given twice is one target. */
static void drop_doubles(struct scan *s)
{
        size_t kept = 0;

        if (!s->exact || s->n < 2)
                return;
        for (size_t i = 0; i < s->n; i++) {
                bool seen = false;

                for (size_t k = 0; k < kept && !seen; k++)
                        seen = compare_strings(&s->patterns[k], &s->patterns[i]) == 0;
                if (seen)
                        free(s->patterns[i]);
                else
                        s->patterns[kept++] = s->patterns[i];
        }
        s->n = kept;
}

static bool take_jobs(struct act *a)
{
        const json_t *jobs = call_list(a->call, "jobs");

        if (!jobs) {
                call_error(a->call, ERROR_INVALID, "%s wants at least one job", method_name(a->call->method));
                return false;
        }
        if (scan_init(&a->scan, jobs) < 0) {
                call_error_memory(a->call);
                return false;
        }
        drop_doubles(&a->scan);
        return true;
}

static void act_on_jobs(struct call *call, enum command_type type)
{
        struct act *a = act_new(call, type);

        if (a && take_jobs(a))
                gather(a);
}

void cmd_job_run(struct call *call)
{
        struct act *a = act_new(call, COMMAND_RUN);

        if (!a || !take_jobs(a))
                return;
        a->command.force = call_bool(call, "force");
        if (a->command.force && !peer_is_admin(call->conn)) {
                refuse(a, a->scan.patterns[0], ERROR_DENIED, "`force` is for admins only");
                return;
        }
        gather(a);
}

void cmd_job_pause(struct call *call)
{
        struct act *a = act_new(call, COMMAND_PAUSE);

        if (!a || !take_jobs(a))
                return;
        a->command.hold = call_bool(call, "hold");
        a->command.why = call_string(call, "why"); /* lives as long as the call */
        if (call_time(call, "until", &a->command.until) && a->command.until.usec <= clock_wall().usec) {
                call_error(call, ERROR_INVALID, "`until` is in the past");
                return;
        }
        gather(a);
}

void cmd_job_resume(struct call *call)
{
        act_on_jobs(call, COMMAND_RESUME);
}

void cmd_job_enable(struct call *call)
{
        act_on_jobs(call, COMMAND_ENABLE);
}

void cmd_job_disable(struct call *call)
{
        act_on_jobs(call, COMMAND_DISABLE);
}

/* ---- run.cancel */

/* "TERM", "SIGTERM", "15": its number, -EINVAL. */
static int signal_number(const char *text)
{
        const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text, *abbreviation;
        char *end;
        long n;

        if (text[0] >= '0' && text[0] <= '9') {
                n = strtol(text, &end, 10);
                return *end == '\0' && n >= 1 && n <= 64 ? (int)n : -EINVAL;
        }
        for (int i = 1; i < 32; i++) {
                abbreviation = sigabbrev_np(i);
                if (abbreviation && strcasecmp(abbreviation, name) == 0)
                        return i;
        }
        return -EINVAL;
}

static void refuse_run(struct act *a, uint64_t run, enum error_code code, const char *fmt)
{
        char subject[64], message[128];

        (void)snprintf(subject, sizeof(subject), "run %llu", (unsigned long long)run);
        (void)snprintf(message, sizeof(message), "%s%llu%s", code == ERROR_NOT_FOUND ? "no such run: " : "run ",
                       (unsigned long long)run, fmt);
        refuse(a, subject, code, message);
}

/* A run that the engine doesn't have: it has ended, or never was. */
static void on_ended(void *arg, struct run_detail *d, const struct error *err)
{
        struct call *call = arg;
        struct act *a = call->data;
        uint64_t run = (uint64_t)json_integer_value(json_array_get(call_list(call, "runs"), a->next_run));
        unsigned rights;

        if (!call_gone(call)) {
                rights = d && d->run.id > 0 ? peer_rights_run(call->conn, &d->run) : 0;
                if (err)
                        refuse(a, "-", err->code, err->message);
                else if (!HAS_RIGHT(rights, RIGHT_SEE))
                        refuse_run(a, run, ERROR_NOT_FOUND, "");
                else if (!HAS_RIGHT(rights, RIGHT_ACT))
                        refuse_run(a, run, ERROR_DENIED, " is not yours to change");
                else
                        refuse_run(a, run, ERROR_CONFLICT, " has ended already");
        }
        if (d)
                run_detail_free(d);
        call_unref(call);
}

static bool add_run(struct act *a, uint64_t run)
{
        struct call *call = a->call;
        const struct run_info *r = engine_run_find(call->c->ctx.engine, run, NULL);
        unsigned rights;

        if (!r) {
                if (store_query_run(call->c->ctx.store, run, on_ended, call_ref(call)) < 0) {
                        call_unref(call);
                        refuse(a, "-", ERROR_BUSY, "out of memory");
                }
                return false;
        }
        rights = peer_rights_run(call->conn, r);
        if (!HAS_RIGHT(rights, RIGHT_SEE)) {
                refuse_run(a, run, ERROR_NOT_FOUND, "");
                return false;
        }
        if (!HAS_RIGHT(rights, RIGHT_ACT)) {
                refuse_run(a, run, ERROR_DENIED, " is not yours to change");
                return false;
        }
        return has_run(a, run) || add_target(a, r->job, r);
}

void cmd_run_cancel(struct call *call)
{
        const json_t *runs = call_list(call, "runs"), *jobs = call_list(call, "jobs");
        const char *signal = call_string(call, "signal");
        struct act *a = act_new(call, COMMAND_CANCEL);

        if (!a)
                return;
        if (!runs == !jobs) {
                call_error(call, ERROR_INVALID, "run.cancel wants either `runs` or `jobs`");
                return;
        }
        a->signal = signal ? signal_number(signal) : 0;
        if (a->signal < 0) {
                call_error(call, ERROR_INVALID, "no such signal: %.64s", signal);
                return;
        }
        if (jobs) {
                if (take_jobs(a))
                        gather(a);
                return;
        }
        for (; a->next_run < json_array_size(runs); a->next_run++)
                if (!add_run(a, (uint64_t)json_integer_value(json_array_get(runs, a->next_run))))
                        return;
        act_on(a);
}
