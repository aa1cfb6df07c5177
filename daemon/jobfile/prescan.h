/* Bytes that no job file may hold, looked for before libyaml sees them.  Pure. */
#pragma once
#include "jobfile/arena.h"
#include "jobfile/jobfile.h"

/* Reports what is wrong with the encoding.  *text and *size become a copy in the arena with what was refused
 * replaced by `?`, so that all else can still be judged; size 0 if there is no sense in that (UTF-16, too long).
 * 0 or -ENOMEM. */
int prescan(const char **text, size_t *size, struct arena *arena, struct diagnostics *errors);

/* Decodes one character; its length in bytes, 0 if it is not valid UTF-8. */
size_t utf8_decode(const unsigned char *p, size_t left, uint32_t *ret);

/* What a character is that is refused everywhere (a name for people), or NULL. */
const char *character_refused(uint32_t c);
/* The same for those that are refused outside quotes: the spaces that don't break. */
const char *character_no_break(uint32_t c);
