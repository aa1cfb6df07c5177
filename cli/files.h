/* What is wrong in job files, as text: `path:line:column: error: key: message (hint)`. */
#pragma once
#include <stdio.h>

#include "cli.h"

/* One diagnostic ("errors" or "warnings" of a file, as in the JSON of check and status). */
void put_diagnostic(FILE *to, const struct cli *c, const char *path, const char *kind, const json_t *diagnostic);
/* All of a file: {"path","errors":[…],"warnings":[…]}. */
void put_file_diagnostics(FILE *to, const struct cli *c, const json_t *file);
