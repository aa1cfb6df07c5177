/* A line becomes a call: JSON-RPC 2.0 read strictly, the method found, its parameters checked by the table.
 *
 * Batches (arrays) are refused: a client may send the next line without waiting for the answer of the one before.  A
 * request without an id gets no answer, not even an error; where it would change nothing it is not even worked on. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "control/private.h"
#include "log/log.h"

#define ID_MAX 256 /* bytes of an id that is a string */

static void (*const handlers[METHOD_NR])(struct call *call) = {
#define X(e, name, right, changes, handler, help) [e] = handler,
        TBL_METHODS(X)
#undef X
};

void rpc_refuse(struct text *t, int rpc_code, enum error_code code, long position, const char *message)
{
        text_printf(t, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,\"message\":", rpc_code);
        text_json_string(t, message, strlen(message));
        text_printf(t, ",\"data\":{\"code\":\"%s\"", error_code_name(code));
        if (position >= 0)
                text_printf(t, ",\"position\":%ld", position);
        text_puts(t, "}}}\n");
}

static void send_refusal(struct conn *conn, int rpc_code, enum error_code code, long position, const char *message)
{
        struct text t = { 0 };

        rpc_refuse(&t, rpc_code, code, position, message);
        if (!t.failed)
                conn_send(conn, t.data, t.size);
        text_done(&t);
}

void rpc_line_too_long(struct conn *conn)
{
        send_refusal(conn, JSONRPC_REQUEST, ERROR_INVALID, JSON_LINE_MAX, "the line is over 1 MiB");
}

/* ---- one parameter */

static bool string_ok(const json_t *v)
{
        const char *s = json_string_value(v);
        size_t size = json_string_length(v);

        if (!s || size > PARAM_STRING_MAX)
                return false;
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
                        return false;
        return true;
}

static bool list_ok(const json_t *v, bool runs)
{
        size_t i;
        json_t *item;

        if (!json_is_array(v) || json_array_size(v) > PARAM_LIST_MAX)
                return false;
        json_array_foreach(v, i, item)
                if (runs ? json_integer_value(item) < 1 : !string_ok(item) || json_string_length(item) == 0)
                        return false;
        return true;
}

/* Few and short enough for a job to be held against all of them. */
static bool patterns_ok(const json_t *v)
{
        size_t i, n = 0;
        json_t *item;

        json_array_foreach(v, i, item)
                if (json_is_string(item) && is_pattern(json_string_value(item)) &&
                    (++n > PATTERNS_MAX || json_string_length(item) > PATTERN_MAX))
                        return false;
        return true;
}

static bool map_ok(json_t *v)
{
        const char *key;
        json_t *item;

        if (!json_is_object(v))
                return false;
        json_object_foreach(v, key, item)
                if (!string_ok(item))
                        return false;
        return true;
}

static bool param_ok(struct control *c, json_t *v, enum param_type type)
{
        struct wall t;

        switch (type) {
        case PARAM_BOOL:
                return json_is_boolean(v);
        case PARAM_NUMBER:
                return json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 1e12;
        case PARAM_COUNT:
        case PARAM_RUN:
                return json_is_integer(v) && json_integer_value(v) >= 1;
        case PARAM_STRING:
                return string_ok(v);
        case PARAM_TIME:
                return string_ok(v) && parse_time(json_string_value(v), c->ctx.zone, &t) == 0;
        case PARAM_STRINGS:
                return list_ok(v, false);
        case PARAM_RUNS:
                return list_ok(v, true);
        case PARAM_MAP:
                return map_ok(v);
        case PARAM_TYPE_NR:
        default:
                return false;
        }
}

static int check_params(struct control *c, enum method m, json_t *params, char *message, size_t size)
{
        const struct method_param *rows;
        const char *key;
        json_t *v;
        size_t n;

        rows = method_params(m, &n);
        json_object_foreach(params, key, v) {
                size_t i = 0;

                while (i < n && !streq(rows[i].name, key))
                        i++;
                if (i == n) {
                        (void)snprintf(message, size, "%s has no parameter `%.64s`", method_name(m), key);
                        return -EINVAL;
                }
                if (!patterns_ok(v)) {
                        (void)snprintf(message, size,
                                       "parameter `%s` of %s: at most %d patterns, each of at most %d bytes", key,
                                       method_name(m), PATTERNS_MAX, PATTERN_MAX);
                        return -EINVAL;
                }
                if (!param_ok(c, v, rows[i].type)) {
                        (void)snprintf(message, size, "parameter `%s` of %s: expected a %s", key, method_name(m),
                                       param_type_name(rows[i].type));
                        return -EINVAL;
                }
        }
        for (size_t i = 0; i < n; i++)
                if (rows[i].required && !json_object_get(params, rows[i].name)) {
                        (void)snprintf(message, size, "%s wants parameter `%s`", method_name(m), rows[i].name);
                        return -EINVAL;
                }
        return 0;
}

/* ---- the request around it */

/* The id as JSON.  0: *ret is it, NULL for a notification.  -EINVAL: not one that we take. */
static int read_id(const json_t *request, char **ret)
{
        const json_t *id = json_object_get(request, "id");

        *ret = NULL;
        if (!id)
                return 0;
        if (!json_is_integer(id) && !(json_is_string(id) && json_string_length(id) <= ID_MAX))
                return -EINVAL;
        *ret = json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
        return *ret ? 0 : -ENOMEM;
}

static const char *check_request(json_t *request)
{
        static const char *const keys[] = { "jsonrpc", "id", "method", "params" };
        const char *version = json_string_value(json_object_get(request, "jsonrpc")), *key;
        const json_t *params = json_object_get(request, "params");
        json_t *v;

        json_object_foreach(request, key, v) {
                size_t i = 0;

                while (i < ARRAY_SIZE(keys) && !streq(keys[i], key))
                        i++;
                if (i == ARRAY_SIZE(keys))
                        return "a request has jsonrpc, id, method and params, nothing else";
        }
        if (!version || !streq(version, "2.0"))
                return "jsonrpc must be \"2.0\"";
        if (!json_is_string(json_object_get(request, "method")))
                return "method must be a string";
        if (params && !json_is_object(params))
                return "params must be an object";
        return NULL;
}

/* Refuses a request; without an id silently. */
static void refuse_request(struct conn *conn, const char *id, int rpc_code, const char *message)
{
        struct text t = { 0 };

        if (!id)
                return;
        text_printf(&t, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":", id, rpc_code);
        text_json_string(&t, message, strlen(message));
        text_puts(&t, ",\"data\":{\"code\":\"invalid\"}}}\n");
        if (!t.failed)
                conn_send(conn, t.data, t.size);
        text_done(&t);
}

static void dispatch(struct conn *conn, enum method m, char *id, json_t *params)
{
        struct call *call;

        call = call_new(conn, m, id, params);
        if (!call) {
                free(id);
                json_decref(params);
                send_refusal(conn, JSONRPC_ERROR, ERROR_BUSY, -1, "out of memory");
                return;
        }
        if (conn->c->shutdown && method_changes(m)) {
                call_error(call, ERROR_UNAVAILABLE, "the daemon is shutting down");
                return;
        }
        if (!peer_is_admin(conn))
                passwd_refresh(&conn->c->passwd);
        if (method_right(m) == RIGHT_ADMIN && !peer_is_admin(conn)) {
                call_audit(call, "-", "denied");
                call_error(call, ERROR_DENIED, "that is for admins only (%s)", method_name(m));
                return;
        }
        /* A handler may find that its call has ended under its hands: an answer ends it. */
        call_ref(call);
        handlers[m](call);
        call_unref(call);
}

static void read_request(struct conn *conn, json_t *request)
{
        _cleanup_(freep) char *id = NULL;
        char message[256];
        const char *name, *wrong;
        enum method m;
        json_t *params;
        int r;

        r = read_id(request, &id);
        if (r < 0) {
                send_refusal(conn, JSONRPC_REQUEST, ERROR_INVALID, -1,
                             "id must be a whole number or a string of at most 256 bytes");
                return;
        }
        wrong = check_request(request);
        if (wrong) {
                if (id)
                        refuse_request(conn, id, JSONRPC_REQUEST, wrong);
                else
                        send_refusal(conn, JSONRPC_REQUEST, ERROR_INVALID, -1, wrong);
                return;
        }
        name = json_string_value(json_object_get(request, "method"));
        m = method_from_name(name);
        if (m == METHOD_NR) {
                (void)snprintf(message, sizeof(message), "no such method: %.64s", name);
                refuse_request(conn, id, JSONRPC_METHOD, message);
                return;
        }
        params = json_object_get(request, "params");
        params = params ? json_incref(params) : json_object();
        if (!params) {
                refuse_request(conn, id, JSONRPC_ERROR, "out of memory");
                return;
        }
        if (check_params(conn->c, m, params, message, sizeof(message)) < 0) {
                refuse_request(conn, id, JSONRPC_PARAMS, message);
                json_decref(params);
                return;
        }
        if (!id && !method_changes(m)) {
                json_decref(params);
                return;
        }
        dispatch(conn, m, TAKE_PTR(id), params);
}

void rpc_line(struct conn *conn, const char *line, size_t size)
{
        struct error err = ERROR_NULL;
        json_t *request;
        size_t position;
        int r;

        r = json_decode(line, size, JSON_VALUES_MAX, &request, &position, &err);
        if (r < 0) {
                send_refusal(conn, JSONRPC_PARSE, err.code, (long)position, err.message);
                return;
        }
        if (json_is_object(request))
                read_request(conn, request);
        else
                send_refusal(conn, JSONRPC_REQUEST, ERROR_INVALID, 0, "one request a line: batches are not supported");
        json_decref(request);
}
