/* What reading one file carries along, and what its parts are told with.  Internal to jobfile/.  Pure. */
#pragma once
#include "jobfile/arena.h"
#include "jobfile/jobfile.h"
#include "jobfile/keys.h"
#include "jobfile/tree.h"

struct reading {
        struct arena arena;
        const struct jobfile_options *opt;
        struct diagnostics *errors, *warnings;
        bool partial; /* the text ends too early: what is missing may well be in the rest */
        bool json;    /* written as JSON, which has no unquoted words: durations and sizes with a unit may be quoted */
        bool oom;     /* memory ran out: nothing said here counts */
};

/* An error, a warning: at a node, about a key (NULL: none); hint may be NULL. */
void complain(struct reading *r, const struct node *at, const char *key, const char *hint, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
void warn_about(struct reading *r, const struct node *at, const char *key, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* The root of a file: 0, or -EINVAL (said why, or memory ran out). NULL in *ret_root: nothing stands there. */
int reading_open(struct reading *r, const char *text, size_t size, const struct node **ret_root);
void reading_done(struct reading *r);

/* What a map's key is, as far as it can be told without knowing the map: NULL if it was refused (and said). */
const char *key_name(struct reading *r, const struct node *key);

/* `limits.core` for people. */
#define KEY_PATH_SIZE 64
const char *key_path(struct keys keys, unsigned id, char buf[KEY_PATH_SIZE]);

/* Only the word `null` is null, and only where a default can be taken back. */
bool node_is_null(const struct node *n);

/* Expects a map; says so if it isn't one. */
bool want_map(struct reading *r, const char *key, const struct node *n);

/* A text by the rules for scalars: words that other YAML tools would change want quotes.  NULL: refused, and said. */
const char *read_text(struct reading *r, const char *key, const struct node *n, const char *expected);
/* Whether read_text() will take it; to spare the making of the key's words. */
bool text_plainly_good(const struct node *n);
/* The same, and it must say something. */
const char *read_line(struct reading *r, const char *key, const struct node *n, const char *expected);

/* A value that is a number in the end, by the key's type, within its bounds: numbers, durations (µs), sizes
 * (bytes), booleans, choices (index), umask, signals; decimals in thousandths.  INT64_MAX for `unlimited`.  False:
 * refused, and said. */
bool read_value(struct reading *r, const char *path, const struct key *k, const struct node *n, int64_t *ret);

/* Whether a name is one that jobs may have: NULL, or what is wrong with it. */
const char *name_wrong(const char *name);

/* Path from the root; a zone's name; a user's: NULL if refused, and said. */
const char *read_path(struct reading *r, const char *key, const struct node *n);
const char *read_zone(struct reading *r, const char *key, const struct node *n);
const char *read_user(struct reading *r, const char *key, const struct node *n);
/* NULL-terminated, in the arena.  `dash`: each may begin with `-`. */
char **read_paths(struct reading *r, const char *key, const struct node *n, bool dash);

const char *signal_text(unsigned number);

/* Duplicate keys of a big map: sorts pairs by name.  The array is in the arena; NULL: no memory (r->oom). */
struct pair {
        const char *name;
        const struct node *key, *value;
};
/* The pairs of a map whose keys are any words: those refused are left out and said, duplicates too.  In order of
 * name. */
struct pair *read_pairs(struct reading *r, const struct node *map, const char *what, size_t *ret_n);
