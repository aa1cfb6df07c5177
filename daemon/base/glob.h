/* Patterns for names: `*` any characters (also `/`), `?` any one, `[a-z]` and `[!a-z]` one of a set, `\` takes the next one as
 * it is.  Pure.  Unlike fnmatch(3) its work is bounded by length of pattern times length of name, whatever the pattern. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

bool glob_match(const char *pattern, const char *name);

/* True if there is anything in it but plain characters. */
bool glob_is_pattern(const char *pattern);

/* Length of the plain text that it begins with: every name that matches begins with it. */
size_t glob_prefix(const char *pattern);
