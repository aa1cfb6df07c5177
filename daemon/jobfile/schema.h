/* The keys for people and for editors, from the one table.  Pure. */
#pragma once
#include <stdbool.h>

/* All keys of a job, a paragraph each; or one: `timeout`, `limits.core`, `retry` with those that stand in it.
 * `config`: those of jobschedd.yaml instead.  The caller frees.  -ENOENT: no such key, and *ret is what to say
 * about it ("did you mean `timeout`?"), or NULL; -ENOMEM. */
int schema_print_text(const char *key_or_null, bool config, char **ret);

/* A JSON Schema (draft 2020-12) of a job file, for editors.  The caller frees; NULL: no memory. */
char *schema_print_json(void);
