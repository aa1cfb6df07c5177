/* Inside calendar/: letters and digits, and the pieces that dates, times and offsets are made of.  ASCII, whatever the
 * locale says: in a Turkish one `FRI` and `fri` would differ.  Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool scan_is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static inline char scan_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool scan_is_letter(char c)
{
        return scan_lower(c) >= 'a' && scan_lower(c) <= 'z';
}

/* Whether `text` begins with the `n` letters of `word`, upper or lower case.  An end of either is a difference. */
static inline bool scan_same(const char *text, const char *word, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!text[i] || scan_lower(text[i]) != scan_lower(word[i]))
                        return false;
        return true;
}

/* Each of these moves *p behind what it took; on false *p and the result mean nothing.
 * 2026-12-24: the local midnight, as if UTC. */
bool scan_date(const char **p, int64_t *ret_local_sec);

/* 18:00 or 18:00:30: seconds since midnight. */
bool scan_time(const char **p, int32_t *ret_sec);

/* Z, +01:00, -03:30: seconds east. */
bool scan_offset(const char **p, int32_t *ret_sec);
