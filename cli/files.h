/* Job files that are read without a daemon, and what is wrong in them as text: `path:line:column: error: key: message
 * (hint)`. */
#pragma once
#include <stdio.h>

#include "cli.h"
#include "jobfile/check.h"

/* What is read: owned strings. */
struct subjects {
        char **paths; /* NULL-terminated: files and folders */
        char *config; /* or NULL */
};
void subjects_done(struct subjects *s);

/* The words (borrowed); without any, what the daemon of --root, --user or the system would read.  The configuration is that
 * of --config, or without words the usual one if it is there.  0 or an exit code (told). */
int subjects_find(struct cli *c, char *const *words, size_t n, struct subjects *ret);

/* Judges them as one set.  0 (errors or not; the caller empties *ret), or an exit code (told). */
int subjects_check(struct cli *c, const struct subjects *s, bool host, struct check *ret);
/* The same, where there must be no error: they are told on standard error, *ret is nothing then. */
int subjects_read(struct cli *c, const struct subjects *s, struct check *ret);

/* {"path","jobs","errors":[…],"warnings":[…]}; owned by the caller. */
json_t *check_file_json(const struct check_file *f);
/* One diagnostic ("errors" or "warnings" of a file, as in the JSON of check and status). */
void put_diagnostic(FILE *to, const struct cli *c, const char *path, const char *kind, const json_t *diagnostic);
/* All of a file. */
void put_file_diagnostics(FILE *to, const struct cli *c, const json_t *file);
