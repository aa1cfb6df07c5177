/* Inside calendar/: reads the pieces that dates, times and offsets are made of.  Each moves *p behind what it took; on
 * false *p and the result mean nothing.  Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline bool scan_is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* 2026-12-24: the local midnight, as if UTC. */
bool scan_date(const char **p, int64_t *ret_local_sec);

/* 18:00 or 18:00:30: seconds since midnight. */
bool scan_time(const char **p, int32_t *ret_sec);

/* Z, +01:00, -03:30: seconds east. */
bool scan_offset(const char **p, int32_t *ret_sec);
