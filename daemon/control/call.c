/* One request from its arrival to its answer, and what handlers read from it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "control/private.h"
#include "log/log.h"

struct call *call_new(struct conn *conn, enum method m, char *id, json_t *params)
{
        struct control *c = conn->c;
        struct call *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        *call = (struct call){ .refs = 1,
                               .c = c,
                               .conn = conn,
                               .id = id,
                               .method = m,
                               .params = params,
                               .uid = conn->uid,
                               .pid = conn->pid,
                               .kind = CALL_BUSY };
        conn->n_busy++;
        call->next = conn->calls;
        if (conn->calls)
                conn->calls->prev = call;
        conn->calls = call;
        call->all_next = c->calls;
        if (c->calls)
                c->calls->all_prev = call;
        c->calls = call;
        return call;
}

struct call *call_ref(struct call *call)
{
        call->refs++;
        return call;
}

void call_unref(struct call *call)
{
        if (!call || --call->refs > 0)
                return;
        if (call->c) {
                if (call->all_prev)
                        call->all_prev->all_next = call->all_next;
                else
                        call->c->calls = call->all_next;
                if (call->all_next)
                        call->all_next->all_prev = call->all_prev;
        }
        if (call->data && call->free_data)
                call->free_data(call->data);
        json_decref(call->params);
        free(call->id);
        free(call);
}

bool call_gone(const struct call *call)
{
        return !call->conn;
}

static unsigned *kind_counter(struct conn *conn, enum call_kind kind)
{
        switch (kind) {
        case CALL_HELD:
                return &conn->n_held;
        case CALL_PAGE:
                return &conn->n_pages;
        case CALL_BUSY:
        default:
                return &conn->n_busy;
        }
}

void call_set_kind(struct call *call, enum call_kind kind)
{
        if (!call->conn || call->kind == kind)
                return;
        (*kind_counter(call->conn, call->kind))--;
        (*kind_counter(call->conn, kind))++;
        call->kind = kind;
}

/* Parts call and connection.  The reference that the connection held is the caller's to drop. */
static void unlink_call(struct call *call)
{
        struct conn *conn = call->conn;

        (*kind_counter(conn, call->kind))--;
        if (call->prev)
                call->prev->next = call->next;
        else
                conn->calls = call->next;
        if (call->next)
                call->next->prev = call->prev;
        call->prev = call->next = NULL;
        call->conn = NULL;
        call->room = NULL;
}

void call_drop(struct call *call)
{
        void (*gone)(struct call *call) = call->gone;

        call->gone = NULL;
        if (gone)
                gone(call);
        unlink_call(call);
        call_unref(call);
}

static void end_call(struct call *call)
{
        struct conn *conn = call->conn;

        call_drop(call);
        conn_resume(conn);
}

static void begin_reply(struct text *t, const struct call *call)
{
        text_puts(t, "{\"jsonrpc\":\"2.0\",\"id\":");
        text_puts(t, call->id);
}

/* A reply that could not be composed becomes this one, which needs no memory but the socket's. */
static void send_reply(struct call *call, struct text *t)
{
        static const char no_memory[] =
                "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"out of memory\","
                "\"data\":{\"code\":\"busy\"}}}\n";

        if (t->failed)
                conn_send(call->conn, no_memory, sizeof(no_memory) - 1);
        else
                conn_send(call->conn, t->data, t->size);
}

void call_result(struct call *call, struct text *result)
{
        struct text t = { 0 };

        if (call_gone(call)) {
                text_done(result);
                return;
        }
        if (call->id) {
                begin_reply(&t, call);
                text_puts(&t, ",\"result\":");
                text_add(&t, result->data, result->size);
                text_puts(&t, "}\n");
                t.failed |= result->failed;
                send_reply(call, &t);
        }
        text_done(&t);
        text_done(result);
        end_call(call);
}

void call_result_json(struct call *call, json_t *result)
{
        struct text t = { 0 };

        text_json_new(&t, result);
        call_result(call, &t);
}

void call_error_data(struct call *call, int rpc_code, enum error_code code, json_t *extra, const char *message)
{
        struct text t = { 0 };
        json_t *data = extra ? extra : json_object();

        if (call_gone(call)) {
                json_decref(data);
                return;
        }
        if (call->id) {
                if (!data || json_object_set_new(data, "code", json_string(error_code_name(code))) < 0)
                        t.failed = true;
                begin_reply(&t, call);
                text_printf(&t, ",\"error\":{\"code\":%d,\"message\":", rpc_code);
                text_json_string(&t, message, strlen(message));
                text_puts(&t, ",\"data\":");
                text_json(&t, data);
                text_puts(&t, "}}\n");
                send_reply(call, &t);
        }
        json_decref(data);
        text_done(&t);
        end_call(call);
}

void call_error(struct call *call, enum error_code code, const char *fmt, ...)
{
        char message[512];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        call_error_data(call, code == ERROR_INVALID ? JSONRPC_PARAMS : JSONRPC_ERROR, code, NULL, message);
}

void call_error_memory(struct call *call)
{
        call_error(call, ERROR_BUSY, "out of memory");
}

void call_error_no_run(struct call *call)
{
        call_error(call, ERROR_NOT_FOUND, "no such run: %llu", (unsigned long long)call_count(call, "run", 0));
}

void call_found_run(struct call *call, struct run_detail *d, const struct error *err,
                    void (*found)(struct call *call, const struct run_detail *d))
{
        if (!call_gone(call)) {
                if (err)
                        call_error(call, err->code, "%s", err->message);
                else if (!d || d->run.id == 0)
                        call_error_no_run(call);
                else
                        found(call, d);
        }
        if (d)
                run_detail_free(d);
        call_unref(call);
}

void call_event(struct call *call, const struct text *members)
{
        struct text t = { 0 };

        if (call_gone(call) || !call->id)
                return;
        text_puts(&t, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"call\":");
        text_puts(&t, call->id);
        text_puts(&t, ",");
        text_add(&t, members->data, members->size);
        text_puts(&t, "}}\n");
        t.failed |= members->failed;
        send_reply(call, &t);
        text_done(&t);
}

void call_audit(const struct call *call, const char *subject, const char *outcome)
{
        log_notice("audit: uid %u pid %d %s %s: %s", (unsigned)call->uid, (int)call->pid, method_name(call->method),
                   subject, outcome);
}

/* ---- parameters */

const char *call_string(const struct call *call, const char *name)
{
        return json_string_value(json_object_get(call->params, name));
}

bool call_bool(const struct call *call, const char *name)
{
        return json_is_true(json_object_get(call->params, name));
}

uint64_t call_count(const struct call *call, const char *name, uint64_t def)
{
        const json_t *v = json_object_get(call->params, name);

        return v ? (uint64_t)json_integer_value(v) : def;
}

const json_t *call_list(const struct call *call, const char *name)
{
        const json_t *v = json_object_get(call->params, name);

        return json_array_size(v) > 0 ? v : NULL;
}

size_t call_limit(const struct call *call, size_t def)
{
        return (size_t)MIN(call_count(call, "limit", def), (uint64_t)PAGE_MAX);
}

/* RFC 3339, also with the fraction that our own times have. */
int parse_time(const char *text, const struct tz *zone, struct wall *ret)
{
        const char *dot = strchr(text, '.');
        size_t digits = dot ? strspn(dot + 1, "0123456789") : 0, before;
        int64_t usec = 0, unit = USEC_PER_SEC;
        struct wall t;
        char copy[64];
        int r;

        if (strlen(text) >= sizeof(copy))
                return -EINVAL;
        strcpy(copy, text);
        if (dot) {
                if (digits == 0 || digits > 9)
                        return -EINVAL;
                for (size_t i = 0; i < digits && unit > 1; i++) {
                        unit /= 10;
                        usec += (dot[1 + i] - '0') * unit;
                }
                before = (size_t)(dot - text);
                strcpy(copy + before, dot + 1 + digits);
        }
        r = instant_parse(copy, zone, false, &t, NULL);
        if (r < 0)
                return r;
        *ret = wall_add(t, usec);
        return 0;
}

bool call_time(const struct call *call, const char *name, struct wall *ret)
{
        const char *s = call_string(call, name);

        return s && parse_time(s, call->c->ctx.zone, ret) == 0;
}
