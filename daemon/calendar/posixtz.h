/* POSIX TZ strings, as they stand in the footer of TZif data (RFC 9636): `CET-1CEST,M3.5.0,M10.5.0/3`.  Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TZ_ABBREVIATION_SIZE 16

enum posix_rule_kind {
        POSIX_RULE_JULIAN,  /* Jn: day 1 … 365, 29 February is never counted */
        POSIX_RULE_ORDINAL, /* n: day 0 … 365, 29 February is counted */
        POSIX_RULE_MONTH,   /* Mm.w.d: weekday d of week w (5: the last) of month m */
};

struct posix_rule {
        uint8_t kind; /* enum posix_rule_kind */
        uint8_t month, week, weekday;
        uint16_t day;
        int32_t time_sec; /* after local midnight; -167 h … 167 h */
};

struct posix_tz {
        char std_name[TZ_ABBREVIATION_SIZE], dst_name[TZ_ABBREVIATION_SIZE];
        int32_t std_offset_sec, dst_offset_sec; /* local time = UTC + offset (the string has it the other way round) */
        bool has_dst;
        struct posix_rule start, end; /* of daylight saving; only with has_dst */
};

/* Reads `text` of `size` bytes, all of them.  Returns 0 or -EBADMSG. */
int posix_tz_parse(const char *text, size_t size, struct posix_tz *ret);

/* UTC seconds at which daylight saving begins, and ends, by the rules of `year`.  Only with has_dst. */
int64_t posix_tz_start(const struct posix_tz *tz, int64_t year);
int64_t posix_tz_end(const struct posix_tz *tz, int64_t year);
