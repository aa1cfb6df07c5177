/* Text from outside, made safe for a terminal, a log line or a JSON string.  Pure. */
#pragma once
#include <stddef.h>

/* Copies `text` to `buf` so that it is valid UTF-8 on one line that no terminal takes for a command: control characters
 * (C0, DEL, C1), line and paragraph separators, bidirectional controls and bytes that are not UTF-8 come out as `\n`,
 * `\t`, `\r` or `\xNN` for each byte.  A backslash stays as it is: this is for reading, not for parsing back.
 * Always terminated (size at least 4).  What does not fit is cut between characters, the cut marked with "…".
 * Returns the length. */
size_t escape_line(const char *text, char *buf, size_t size);
