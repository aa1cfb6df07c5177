/* run.list, run.show: history, as the store has it. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "control/private.h"

/* ---- list */

struct history {
        struct run_filter filter;
        char **jobs; /* NULL-terminated; strings of the call's params */
};

static void history_free(void *data)
{
        struct history *h = data;

        free(h->jobs);
        free(h);
}

/* A page has the runs that the caller may see, so it may be shorter than asked for and still not be the last. */
static void send_runs(struct call *call, const struct run_list *list)
{
        struct text t = { 0 };
        uint64_t last = 0;
        size_t given = 0, i;

        text_puts(&t, "{\"runs\":[");
        for (i = 0; i < list->n && t.size < PAGE_BYTES; i++) {
                last = list->v[i].id;
                if (!HAS_RIGHT(peer_rights_run(call->conn, &list->v[i]), RIGHT_SEE))
                        continue;
                text_puts(&t, given++ > 0 ? "," : "");
                text_json_new(&t, print_run(call->c, &list->v[i]));
        }
        if (last > 0 && (i < list->n || list->more))
                text_printf(&t, "],\"cursor\":\"%llu\"}", (unsigned long long)last);
        else
                text_puts(&t, "],\"cursor\":null}");
        call_result(call, &t);
}

static void on_runs(void *arg, struct run_list *list, const struct error *err)
{
        struct call *call = arg;

        if (!call_gone(call)) {
                if (err || !list)
                        call_error(call, err ? err->code : ERROR_FAILED, "%s", err ? err->message : "no answer");
                else
                        send_runs(call, list);
        }
        if (list)
                run_list_free(list);
        call_unref(call);
}

static bool read_states(struct call *call, struct run_filter *f)
{
        const json_t *list = call_list(call, "states");
        const char *trigger = call_string(call, "trigger");
        json_t *v;
        size_t i;

        json_array_foreach(list, i, v) {
                enum run_state s = run_state_from_name(json_string_value(v));

                if (s == RUN_STATE_INVALID) {
                        call_error(call, ERROR_INVALID, "no such state: %.64s", json_string_value(v));
                        return false;
                }
                f->states |= RUN_BIT(s);
        }
        f->trigger = trigger ? (int)run_trigger_from_name(trigger) : -1;
        if (trigger && f->trigger == TRIGGER_INVALID) {
                call_error(call, ERROR_INVALID, "no such trigger: %.64s", trigger);
                return false;
        }
        return true;
}

static bool read_cursor(struct call *call, struct run_filter *f)
{
        const char *cursor = call_string(call, "cursor");
        char *end;

        if (!cursor)
                return true;
        errno = 0;
        f->before = strtoull(cursor, &end, 10);
        if (errno != 0 || *end != '\0' || f->before == 0 || cursor[0] < '0' || cursor[0] > '9') {
                call_error(call, ERROR_INVALID, "that is no cursor of run.list");
                return false;
        }
        return true;
}

static bool read_jobs(struct call *call, struct history *h)
{
        const json_t *list = call_list(call, "jobs");
        size_t n = json_array_size(list);

        if (!list)
                return true;
        h->jobs = calloc(n + 1, sizeof(*h->jobs));
        if (!h->jobs) {
                call_error_memory(call);
                return false;
        }
        for (size_t i = 0; i < n; i++)
                h->jobs[i] = (char *)json_string_value(json_array_get(list, i));
        h->filter.jobs = h->jobs;
        return true;
}

void cmd_run_list(struct call *call)
{
        struct history *h = calloc(1, sizeof(*h));

        if (!h) {
                call_error_memory(call);
                return;
        }
        call->data = h;
        call->free_data = history_free;
        h->filter = (struct run_filter){
                .failed = call_bool(call, "failed"),
                .user = (char *)call_string(call, "user"),
                .since = { INT64_MIN },
                .until = WALL_NEVER,
                .limit = (uint32_t)call_limit(call, 50),
        };
        h->filter.unnamed_user = h->filter.user && streq_ptr(h->filter.user, call->c->ctx.default_user);
        (void)call_time(call, "since", &h->filter.since);
        (void)call_time(call, "until", &h->filter.until);
        if (!read_states(call, &h->filter) || !read_cursor(call, &h->filter) || !read_jobs(call, h))
                return;
        call_set_kind(call, CALL_PAGE);
        if (store_query_runs(call->c->ctx.store, &h->filter, on_runs, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}

/* ---- show */

static json_t *print_transition(const struct control *c, const struct run_transition *t)
{
        struct run_info r = { .state = t->state,
                              .reason = t->reason,
                              .wait_status = t->wait_status,
                              .stage = t->stage,
                              .error = t->error };
        int code = run_exit_code(&r), sig = run_signal(&r);
        char error[256];

        return json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:o}", "at", print_time(c, t->at), "state",
                         run_state_name(t->state), "reason",
                         t->reason == REASON_NONE ? json_null() : json_string(run_reason_name(t->reason)), "start",
                         (json_int_t)t->start, "exit_code", code >= 0 ? json_integer(code) : json_null(), "signal",
                         sig > 0 ? json_integer(sig) : json_null(), "error",
                         print_stage(&r, error, sizeof(error)) ? json_string_or_null(error) : json_null());
}

static json_t *print_transitions(const struct control *c, const struct run_detail *d)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < d->n_transitions; i++)
                if (json_array_append_new(list, print_transition(c, &d->transitions[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

/* The store keeps definitions as job files of one job: its inner object. */
static json_t *print_kept_definition(const char *text, const char *name)
{
        json_t *whole, *definition;

        if (!text)
                return json_null();
        whole = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        definition = json_incref(json_object_get(json_object_get(whole, "jobs"), name));
        json_decref(whole);
        return definition ? definition : json_null();
}

static void send_run(struct call *call, const struct run_detail *d)
{
        struct control *c = call->c;
        const struct run_info *live = engine_run_find(c->ctx.engine, d->run.id, NULL);
        unsigned rights = peer_rights_run(call->conn, &d->run);
        json_t *o;

        if (!HAS_RIGHT(rights, RIGHT_SEE)) {
                call_error(call, ERROR_NOT_FOUND, "no such run: %llu", (unsigned long long)call_count(call, "run", 0));
                return;
        }
        /* The engine may be a few milliseconds ahead of what is written. */
        o = print_run(c, live ? live : &d->run);
        if (!o || json_object_set_new(o, "transitions", print_transitions(c, d)) < 0 ||
            json_object_set_new(o, "definition",
                                HAS_RIGHT(rights, RIGHT_READ) ? print_kept_definition(d->definition, d->run.job)
                                                              : json_null()) < 0) {
                json_decref(o);
                o = NULL;
        }
        call_result_json(call, json_pack("{s:o}", "run", o));
}

static void on_run(void *arg, struct run_detail *d, const struct error *err)
{
        call_found_run(arg, d, err, send_run);
}

void cmd_run_show(struct call *call)
{
        call_set_kind(call, CALL_PAGE);
        if (store_query_run(call->c->ctx.store, call_count(call, "run", 0), on_run, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}
