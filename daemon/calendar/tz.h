/* Time zones as values: TZif data (RFC 9636: the 64-bit block and the footer rule) read into a const struct.
 * Pure: the bytes come from the caller (jobfile/zones.h opens the files), nobody calls tzset, localtime or mktime. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/util.h"

/* Every offset is smaller than this, both ways (RFC 9636: -25 h … 26 h). */
#define TZ_OFFSET_MAX_SEC (26 * 3600)

/* UTC and local seconds are looked up truly within these bounds (146 thousand million years); what is beyond is taken
 * for the bound. */
#define TZ_SEC_MAX (INT64_C(1) << 62)

struct tz;

/* Reads TZif bytes, version 2 and over.  `name` is copied.  Hostile bytes are fine: -EBADMSG.  -EOPNOTSUPP: version 1
 * data, or data that count leap seconds (the zones below right/), as the system's clock does not.  -ENOMEM.
 * *ret_tz is owned by the caller; it takes about 14 KiB with daylight saving, 64 KiB at the very most. */
int tz_new(const char *name, const void *data, size_t size, struct tz **ret_tz);

/* UTC, without a file. */
const struct tz *tz_utc(void);

/* NULL is fine.  Always returns NULL. */
struct tz *tz_free(struct tz *tz);
DEFINE_CLEANUP(struct tz *, tz_free);

/* IANA name, as given. */
const char *tz_name(const struct tz *tz);

/* A number made of the zone's rules (not its name): differs when the data differ. */
uint64_t tz_digest(const struct tz *tz);

/* The UTC second from which on the zone's changes are those of its rule, every 400 years alike; it may be before the
 * last change that its data name.  INT64_MAX: there is no rule, and no change after the last. */
int64_t tz_rule_sec(const struct tz *tz);

struct tz_span {
        int64_t begin_sec, end_sec; /* UTC seconds [begin, end) in which all below holds; INT64_MIN/MAX: open */
        int32_t offset_sec;         /* local time = UTC + offset */
        bool is_dst;
        char abbreviation[16];
};

/* The span of constant offset that contains the UTC second `sec`.  Any second of any year works; constant or
 * logarithmic work. */
void tz_span_at(const struct tz *tz, int64_t sec, struct tz_span *ret);

/* Only the offset at a UTC second. */
int32_t tz_offset_at(const struct tz *tz, int64_t sec);

/* UTC seconds of a local time (given as if it were UTC), by the fixed rule: the first instant at which the local clock
 * shows that time or a later one.  So a time that occurs twice gives the first, a skipped one the first instant after
 * the gap.  *ret_kind (may be NULL): 0 plain, 1 repeated, -1 skipped.  |local_sec| < TZ_SEC_MAX. */
int64_t tz_local_to_utc(const struct tz *tz, int64_t local_sec, int *ret_kind);
