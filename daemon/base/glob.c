#include "base/glob.h"

#include <string.h>

/* Matches `c` against the set that begins after `[`; *ret_next is what follows it.  Without its `]` it is no set. */
static bool set_match(const char *p, char c, const char **ret_next, bool *ret_is_set)
{
        bool invert = *p == '!' || *p == '^', found = false, first = true;

        *ret_is_set = false;
        if (invert)
                p++;
        for (; *p && (first || *p != ']'); first = false) {
                unsigned char from, to;

                if (*p == '\\' && p[1])
                        p++;
                from = to = (unsigned char)*p++;
                if (*p == '-' && p[1] && p[1] != ']') {
                        p++;
                        if (*p == '\\' && p[1])
                                p++;
                        to = (unsigned char)*p++;
                }
                if ((unsigned char)c >= from && (unsigned char)c <= to)
                        found = true;
        }
        if (*p != ']')
                return false;
        *ret_is_set = true;
        *ret_next = p + 1;
        return found != invert;
}

/* One character of the pattern (not `*`) against one of the name. */
static bool one_match(const char *p, char c, const char **ret_next)
{
        if (*p == '?') {
                *ret_next = p + 1;
                return true;
        }
        if (*p == '[') {
                bool is_set, match = set_match(p + 1, c, ret_next, &is_set);

                if (is_set)
                        return match;
        }
        if (*p == '\\' && p[1])
                p++;
        *ret_next = p + 1;
        return *p == c;
}

bool glob_match(const char *pattern, const char *name)
{
        const char *p = pattern, *n = name, *star = NULL, *mark = NULL, *next;

        /* Only the last star ever needs to give more: that is what keeps the work bounded. */
        while (*n) {
                if (*p == '*') {
                        star = ++p;
                        mark = n;
                } else if (*p && one_match(p, *n, &next)) {
                        p = next;
                        n++;
                } else if (star) {
                        p = star;
                        n = ++mark;
                } else
                        return false;
        }
        while (*p == '*')
                p++;
        return *p == '\0';
}

bool glob_is_pattern(const char *pattern)
{
        return pattern[strcspn(pattern, "*?[\\")] != '\0';
}

size_t glob_prefix(const char *pattern)
{
        return strcspn(pattern, "*?[\\");
}
