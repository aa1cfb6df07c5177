/* JSON-RPC 2.0 as one object a line: what the daemon and jobctl share.  Pure: bytes in, values out; sockets are the
 * callers'.
 *
 * `struct lines` cuts a stream into lines under a limit; json_decode() reads one line strictly; `struct text` is the
 * growing buffer that lines are composed in, piece by piece, so that a long page is never held twice. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define JSON_LINE_MAX (1024 * 1024) /* bytes of a request, its line end included */
#define JSON_DEPTH_MAX 32
#define JSON_VALUES_MAX 20000       /* values in a request: bounds what a line can cost in memory */

/* Errors of JSON-RPC itself; every other one is JSONRPC_ERROR, with data.code. */
enum {
        JSONRPC_PARSE = -32700,
        JSONRPC_REQUEST = -32600,
        JSONRPC_METHOD = -32601,
        JSONRPC_PARAMS = -32602,
        JSONRPC_ERROR = -32000,
};

/* ---- a stream of bytes as lines */
struct lines {
        char *data;
        size_t begin, end;  /* what is in it */
        size_t scanned;     /* no line end in [begin, scanned) */
        size_t allocated;
        size_t max;         /* of one line, with its line end */
        bool skipping;      /* in a line that was too long: dropped up to its end */
};

void lines_init(struct lines *l, size_t max);
void lines_done(struct lines *l);

/* Room to read into: at least one byte, at most `want`.  The buffer grows in steps, as lines turn out long.  0,
 * -ENOMEM, or -EMSGSIZE: the line is over the limit; once it is reported, lines_skip() and go on. */
int lines_space(struct lines *l, size_t want, char **ret_space, size_t *ret_size);
/* So many bytes were read into the space. */
void lines_add(struct lines *l, size_t n);
/* Drops the line that is too long, also what of it is still to come. */
void lines_skip(struct lines *l);
/* The next complete line, without its end, NUL behind it; borrowed until the next lines_space().  NULL: there is none
 * yet. */
char *lines_next(struct lines *l, size_t *ret_size);
/* True in the middle of a line. */
bool lines_partial(const struct lines *l);

/* ---- text being made */
struct text {
        char *data;
        size_t size, allocated;
        bool failed; /* out of memory; further additions do nothing */
};

void text_done(struct text *t);
void text_add(struct text *t, const char *data, size_t size);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A value, compact.  NULL counts as out of memory (that is what made it NULL). */
void text_json(struct text *t, const json_t *value);
/* The same, and drops the reference. */
void text_json_new(struct text *t, json_t *value);
/* A string as JSON.  Bytes that are not UTF-8 come out as U+FFFD. */
void text_json_string(struct text *t, const char *s, size_t size);

/* ---- values */
/* A string value, or null for NULL.  Bytes that are not UTF-8 become U+FFFD.  NULL: no memory. */
json_t *json_string_or_null(const char *s);
/* True if all of it is valid UTF-8 without NUL. */
bool utf8_valid(const char *s, size_t size);

/* Reads one line: one value, no duplicate keys, at most JSON_DEPTH_MAX deep and (unless `max_values` is 0) so many
 * values. Returns 0; -EINVAL with *ret_position (byte offset) and *reterr; -ENOMEM. */
int json_decode(const char *line, size_t size, size_t max_values, json_t **ret, size_t *ret_position,
                struct error *reterr);

/* {"jsonrpc":"2.0","id":N,"method":…,"params":…} and a line end.  `params` may be NULL. */
void json_request(struct text *t, uint64_t id, const char *method, const json_t *params);

/* A reply's "error" member: its sentence and data.code.  Anything else becomes ERROR_FAILED. */
void json_error(const json_t *reply_error, struct error *ret);
