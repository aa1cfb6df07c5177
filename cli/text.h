/* Text that grows, and how things are said to people: durations, sizes, distances in time, and bytes from outside
 * made harmless for a terminal.  Memory that runs out ends jobctl (exit 1); nothing here returns an error. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/util.h"

/* Owned by whoever declares it; {} is empty.  `s` is NULL or ends in NUL. */
struct strbuf {
        char *s;
        size_t n, allocated;
};

void strbuf_done(struct strbuf *t);
void strbuf_add(struct strbuf *t, const char *s);
void strbuf_add_mem(struct strbuf *t, const void *data, size_t size);
void strbuf_add_char(struct strbuf *t, char c);
void strbuf_addf(struct strbuf *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Empties it and keeps the memory. */
void strbuf_reset(struct strbuf *t);
/* The string, "" if nothing was added. */
const char *strbuf_str(const struct strbuf *t);

void *xmalloc(size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What may stay as it is besides printable characters. */
enum escape_keep { ESCAPE_ALL, ESCAPE_KEEP_LINES /* tab and line end */ };

/* Adds `size` bytes so that a terminal only ever shows them: control characters (C0, DEL, C1), bidirectional controls,
 * U+2028/2029, byte order marks and bytes that are not UTF-8 come as \xNN or \u{NNNN}. */
void strbuf_add_escaped(struct strbuf *t, const char *data, size_t size, enum escape_keep keep);

/* A JSON text made harmless for terminals too: what strbuf_add_escaped() escapes, as \uNNNN.  The meaning stays. */
void strbuf_add_json_escaped(struct strbuf *t, const char *json, size_t size);

/* One CSV field by RFC 4180: quoted where it has to be. */
void strbuf_add_csv(struct strbuf *t, const char *field);

/* "350ms", "1.5s", "45s", "1m 30s", "2h 5m", "3d 4h". */
void strbuf_add_duration(struct strbuf *t, double seconds);

/* "in 2h 5m", "3m ago", "now": `then` seen from `now`. */
void strbuf_add_relative(struct strbuf *t, struct wall then, struct wall now);

/* "512 B", "1.5 KiB", "20 MiB". */
void strbuf_add_bytes(struct strbuf *t, double bytes);

/* RFC 3339 with an offset, up to nine digits of fraction: what daemons send.  0 or -EINVAL. */
int rfc3339_parse(const char *s, struct wall *ret);

/* Decodes base64 (RFC 4648, padded) to *t.  0 or -EINVAL (nothing added). */
int strbuf_add_base64(struct strbuf *t, const char *s);

/* Of `words` (NULL-terminated) the one that was probably meant by `word`, or NULL when none is close. */
const char *nearest_word(const char *word, const char *const *words);
