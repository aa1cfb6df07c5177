/* TZif (RFC 9636) into a table of spans: see tz.h.
 *
 * The footer's rule is expanded at load over one full cycle of the Gregorian calendar: 400 years are a whole number of
 * weeks, so whatever comes later is that window again, shifted.  A lookup is then one binary search, in any year, at
 * about 13 KiB for a zone with daylight saving. */
#include <errno.h>
#include <string.h>

#include "calendar/civil.h"
#include "calendar/posixtz.h"
#include "calendar/scan.h"
#include "calendar/tz.h"

#define TYPES_MAX          256
#define TRANSITIONS_MAX    2000 /* the reference reader's own limit; the largest zone there is has about 250 */
#define TRANSITION_SEC_MAX (INT64_C(1) << 59) /* RFC 9636: none before -2^59; keeps sums far from overflow */
/* The window of 400 years begins with the year after that of the last transition; some more on either side give the
 * spans that reach over its edges their true ends. */
#define CYCLE_YEARS 405

struct tz_type {
        int32_t offset_sec;
        bool is_dst;
        char abbreviation[TZ_ABBREVIATION_SIZE];
};

/* From begin_sec until the next entry's, types[type] holds. */
struct tz_entry {
        int64_t begin_sec;
        int32_t offset_sec; /* the type's, here so that a lookup touches one table */
        uint16_t type;
};

struct tz {
        const char *name;
        uint64_t digest;
        const struct tz_type *types;
        const struct tz_entry *entries; /* entries[0].begin_sec is INT64_MIN */
        size_t n;
        bool cyclic;        /* [cycle_sec, cycle_sec + SEC_PER_ERA) stands for all that comes later… */
        bool cyclic_before; /* …and, where there is nothing but the rule, for all that came before */
        int64_t cycle_sec;
        int64_t rule_sec; /* tz_rule_sec() */
};

static const struct tz_type utc_types[] = { { .abbreviation = "UTC" } };
static const struct tz_entry utc_entries[] = { { .begin_sec = INT64_MIN } };
static const struct tz utc = {
        .name = "UTC", .digest = 1, .types = utc_types, .entries = utc_entries, .n = 1, .rule_sec = INT64_MAX
};

/* What is gathered while reading. */
struct builder {
        struct tz_type types[TYPES_MAX + 2]; /* and the footer's two */
        size_t n_types;
        struct tz_entry entries[1 + TRANSITIONS_MAX + 2 * CYCLE_YEARS];
        size_t n;
        bool cyclic, cyclic_before;
        int64_t cycle_sec;
};

/* The version 2+ header and where its parts lie. */
struct tzif {
        const uint8_t *transitions, *indices, *types, *chars;
        uint32_t timecnt, typecnt, charcnt, leapcnt;
        const char *footer;
        size_t footer_size;
};

static uint32_t get32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t get64(const uint8_t *p)
{
        return (int64_t)((uint64_t)get32(p) << 32 | get32(p + 4));
}

#define HEADER_SIZE 44

/* Size of the data block behind the header at `p`, whose times have `time_size` bytes. */
static uint64_t block_size(const uint8_t *p, unsigned time_size)
{
        uint64_t isutcnt = get32(p + 20), isstdcnt = get32(p + 24), leapcnt = get32(p + 28);
        uint64_t timecnt = get32(p + 32), typecnt = get32(p + 36), charcnt = get32(p + 40);

        return timecnt * time_size + timecnt + typecnt * 6 + charcnt + leapcnt * (time_size + 4) + isstdcnt + isutcnt;
}

static bool header_ok(const uint8_t *p, size_t left)
{
        return left >= HEADER_SIZE && memcmp(p, "TZif", 4) == 0;
}

/* Finds the 64-bit block and the footer. */
static int tzif_open(const uint8_t *data, size_t size, struct tzif *ret)
{
        const uint8_t *p = data, *end = data + size, *nl;
        struct tzif z = {};
        uint64_t skip;

        if (!header_ok(p, size))
                return -EBADMSG;
        if (p[4] < '2')
                return -EOPNOTSUPP;
        skip = HEADER_SIZE + block_size(p, 4);
        if (skip > size)
                return -EBADMSG;
        p += skip;
        if (!header_ok(p, (size_t)(end - p)) || block_size(p, 8) > (uint64_t)(end - p) - HEADER_SIZE)
                return -EBADMSG;
        z.leapcnt = get32(p + 28);
        z.timecnt = get32(p + 32);
        z.typecnt = get32(p + 36);
        z.charcnt = get32(p + 40);
        if (z.leapcnt > 0)
                return -EOPNOTSUPP;
        if (z.timecnt > TRANSITIONS_MAX || z.typecnt < 1 || z.typecnt > TYPES_MAX || z.charcnt < 1)
                return -EBADMSG;
        z.transitions = p + HEADER_SIZE;
        z.indices = z.transitions + 8 * z.timecnt;
        z.types = z.indices + z.timecnt;
        z.chars = z.types + 6 * z.typecnt;
        p += HEADER_SIZE + block_size(p, 8);
        if (p == end || *p != '\n')
                return -EBADMSG;
        p++;
        nl = p == end ? NULL : memchr(p, '\n', (size_t)(end - p));
        if (!nl)
                return -EBADMSG;
        z.footer = (const char *)p;
        z.footer_size = (size_t)(nl - p);
        *ret = z;
        return 0;
}

static int read_types(struct builder *b, const struct tzif *z)
{
        for (uint32_t i = 0; i < z->typecnt; i++) {
                const uint8_t *p = z->types + (size_t)6 * i;
                struct tz_type *t = &b->types[i];
                size_t at = p[5], n = 0;

                t->offset_sec = (int32_t)get32(p);
                if (t->offset_sec <= -TZ_OFFSET_MAX_SEC || t->offset_sec >= TZ_OFFSET_MAX_SEC || p[4] > 1 ||
                    at >= z->charcnt)
                        return -EBADMSG;
                t->is_dst = p[4];
                while (at + n < z->charcnt && z->chars[at + n]) {
                        char ch = (char)z->chars[at + n];

                        if (n + 1 == TZ_ABBREVIATION_SIZE ||
                            !(scan_is_letter(ch) || scan_is_digit(ch) || ch == '+' || ch == '-'))
                                return -EBADMSG;
                        t->abbreviation[n++] = ch;
                }
                if (at + n == z->charcnt)
                        return -EBADMSG;
        }
        b->n_types = z->typecnt;
        return 0;
}

static bool types_equal(const struct tz_type *a, const struct tz_type *b)
{
        return a->offset_sec == b->offset_sec && a->is_dst == b->is_dst && streq(a->abbreviation, b->abbreviation);
}

/* Appends a span; one that begins where the last one does replaces it, one that changes nothing is left out. */
static void add_entry(struct builder *b, int64_t begin, size_t type)
{
        if (b->n > 0 && b->entries[b->n - 1].begin_sec == begin)
                b->n--;
        if (b->n > 0 && types_equal(&b->types[b->entries[b->n - 1].type], &b->types[type]))
                return;
        b->entries[b->n++] = (struct tz_entry){ begin, b->types[type].offset_sec, (uint16_t)type };
}

static int read_transitions(struct builder *b, const struct tzif *z)
{
        int64_t last = -TRANSITION_SEC_MAX - 1;

        add_entry(b, INT64_MIN, 0);
        for (uint32_t i = 0; i < z->timecnt; i++) {
                int64_t at = get64(z->transitions + (size_t)8 * i);

                if (at <= last || at > TRANSITION_SEC_MAX || z->indices[i] >= z->typecnt)
                        return -EBADMSG;
                add_entry(b, at, z->indices[i]);
                last = at;
        }
        return 0;
}

static size_t add_type(struct builder *b, int32_t offset, bool is_dst, const char *abbreviation)
{
        struct tz_type *t = &b->types[b->n_types];

        *t = (struct tz_type){ .offset_sec = offset, .is_dst = is_dst };
        memcpy(t->abbreviation, abbreviation, TZ_ABBREVIATION_SIZE);
        return b->n_types++;
}

struct change {
        int64_t at;
        bool to_dst;
};

/* All changes by the rule in CYCLE_YEARS years from `year`, in order.  A rule may reach 167 hours into a neighbouring
 * year, so the lists of two years may overlap a little; where an end and a start fall together, the start wins (that is
 * how a zone has daylight saving all year). */
static size_t expand_rule(const struct posix_tz *rule, int64_t year, struct change *changes)
{
        size_t n = 0;

        for (int64_t y = year; y < year + CYCLE_YEARS; y++) {
                struct change two[2] = { { posix_tz_end(rule, y), false }, { posix_tz_start(rule, y), true } };

                for (size_t k = 0; k < 2; k++) {
                        size_t i = n++;

                        for (; i > 0 && (changes[i - 1].at > two[k].at ||
                                         (changes[i - 1].at == two[k].at && changes[i - 1].to_dst && !two[k].to_dst));
                             i--)
                                changes[i] = changes[i - 1];
                        changes[i] = two[k];
                }
        }
        return n;
}

/* From the last transition on, the footer's rule holds. */
static int read_footer(struct builder *b, const struct tzif *z)
{
        struct change changes[2 * CYCLE_YEARS];
        int64_t last = z->timecnt ? get64(z->transitions + (size_t)8 * (z->timecnt - 1)) : INT64_MIN;
        size_t n, std, dst, before;
        struct posix_tz rule;
        int64_t year, stop;
        unsigned month, day;
        bool now_dst;

        if (z->footer_size == 0)
                return 0;
        if (posix_tz_parse(z->footer, z->footer_size, &rule) < 0)
                return -EBADMSG;
        std = add_type(b, rule.std_offset_sec, false, rule.std_name);
        if (!rule.has_dst) {
                add_entry(b, last, std);
                return 0;
        }
        dst = add_type(b, rule.dst_offset_sec, true, rule.dst_name);
        if (z->timecnt)
                civil_date(floor_div(last, SEC_PER_DAY), &year, &month, &day);
        else
                year = 1970;
        n = expand_rule(&rule, year - 2, changes);
        /* Before the first of them nothing is known but in a zone that always has daylight saving: there its first end is
         * cancelled like the others, and nothing ever changes. */
        now_dst = changes[0].to_dst || changes[1].at == changes[0].at;
        for (size_t i = 0; i < n && changes[i].at <= last; i++)
                now_dst = changes[i].to_dst;
        add_entry(b, last, now_dst ? dst : std);
        before = b->n;
        /* Not to the end of the list, where an end of daylight saving may lack the start that cancels it. */
        stop = civil_days(year + 402, 7, 1) * SEC_PER_DAY;
        for (size_t i = 0; i < n; i++)
                if (changes[i].at > last && changes[i].at < stop)
                        add_entry(b, changes[i].at, changes[i].to_dst ? dst : std);
        b->cyclic = b->n > before;
        b->cyclic_before = b->cyclic && z->timecnt == 0;
        b->cycle_sec = civil_days(year + 1, 1, 1) * SEC_PER_DAY;
        return 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
        h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
        return h ^ h >> 32;
}

/* Abbreviations and flags make no instants, so they are left out: new names for old offsets are no change. */
static uint64_t digest_of(const struct builder *b)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);
        int32_t offset = INT32_MAX;

        for (size_t i = 0; i < b->n; i++) {
                if (b->entries[i].offset_sec == offset)
                        continue;
                offset = b->entries[i].offset_sec;
                h = mix(mix(h, (uint64_t)b->entries[i].begin_sec), (uint64_t)(int64_t)offset);
        }
        h = mix(h, b->cyclic);
        return mix(h, (uint64_t)b->cycle_sec);
}

/* Data often name changes that the rule would make as well: back from the window of 400 years, as long as each entry is
 * that of 400 years later. */
static int64_t find_rule_sec(const struct builder *b)
{
        int64_t rule_sec = b->cycle_sec;
        size_t i = 0, j;

        if (!b->cyclic)
                return INT64_MAX;
        if (b->cyclic_before)
                return INT64_MIN;
        while (i < b->n && b->entries[i].begin_sec < b->cycle_sec)
                i++;
        for (j = b->n; j > 0 && b->entries[j - 1].begin_sec >= b->cycle_sec + SEC_PER_ERA; j--)
                continue;
        while (i-- > 1 && j-- > 1 && b->entries[i].begin_sec == b->entries[j].begin_sec - SEC_PER_ERA &&
               b->entries[i].offset_sec == b->entries[j].offset_sec)
                rule_sec = b->entries[i].begin_sec;
        return rule_sec;
}

/* One block: the struct, the entries, the types, the name. */
static struct tz *build(const struct builder *b, const char *name)
{
        size_t entries = b->n * sizeof(struct tz_entry), types = b->n_types * sizeof(struct tz_type),
               length = strlen(name) + 1;
        struct tz *tz = malloc(sizeof(*tz) + entries + types + length);
        char *p = (char *)(tz + 1);

        if (!tz)
                return NULL;
        memcpy(p, b->entries, entries);
        memcpy(p + entries, b->types, types);
        memcpy(p + entries + types, name, length);
        *tz = (struct tz){
                .name = p + entries + types,
                .digest = digest_of(b),
                .types = (const void *)(p + entries),
                .entries = (const void *)p,
                .n = b->n,
                .cyclic = b->cyclic,
                .cyclic_before = b->cyclic_before,
                .cycle_sec = b->cycle_sec,
                .rule_sec = find_rule_sec(b),
        };
        return tz;
}

int tz_new(const char *name, const void *data, size_t size, struct tz **ret_tz)
{
        _cleanup_(freep) struct builder *b = NULL;
        struct tzif z;
        struct tz *tz;
        int r;

        r = tzif_open(data, size, &z);
        if (r < 0)
                return r;
        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        r = read_types(b, &z);
        if (r == 0)
                r = read_transitions(b, &z);
        if (r == 0)
                r = read_footer(b, &z);
        if (r < 0)
                return r;
        tz = build(b, name);
        if (!tz)
                return -ENOMEM;
        *ret_tz = tz;
        return 0;
}

const struct tz *tz_utc(void)
{
        return &utc;
}

struct tz *tz_free(struct tz *tz)
{
        if (tz != &utc)
                free(tz);
        return NULL;
}

const char *tz_name(const struct tz *tz)
{
        return tz->name;
}

uint64_t tz_digest(const struct tz *tz)
{
        return tz->digest;
}

int64_t tz_rule_sec(const struct tz *tz)
{
        return tz->rule_sec;
}

/* Moves `sec` into the table; what was taken off is returned, to be added again. */
static int64_t into_window(const struct tz *tz, int64_t *sec)
{
        int64_t shift = 0;

        *sec = CLAMP(*sec, -TZ_SEC_MAX, TZ_SEC_MAX);
        if (tz->cyclic && (*sec >= tz->cycle_sec + SEC_PER_ERA || (tz->cyclic_before && *sec < tz->cycle_sec))) {
                int64_t eras = floor_div(*sec, SEC_PER_ERA) - floor_div(tz->cycle_sec, SEC_PER_ERA);

                shift = eras * SEC_PER_ERA;
                if (*sec - shift < tz->cycle_sec)
                        shift -= SEC_PER_ERA;
                *sec -= shift;
        }
        return shift;
}

/* The last entry that begins at or before `sec`. */
static size_t find(const struct tz *tz, int64_t sec)
{
        const struct tz_entry *base = tz->entries;
        size_t n = tz->n;

        /* Written so that the compiler makes conditional moves of it: the branches could not be predicted. */
        while (n > 1) {
                size_t half = n / 2;

                base = base[half].begin_sec <= sec ? base + half : base;
                n -= half;
        }
        return (size_t)(base - tz->entries);
}

void tz_span_at(const struct tz *tz, int64_t sec, struct tz_span *ret)
{
        int64_t shift = into_window(tz, &sec);
        size_t i = find(tz, sec);
        const struct tz_type *type = &tz->types[tz->entries[i].type];
        int64_t begin = tz->entries[i].begin_sec, end = i + 1 < tz->n ? tz->entries[i + 1].begin_sec : INT64_MAX;

        if (shift && __builtin_add_overflow(begin, shift, &begin))
                begin = INT64_MIN;
        if (shift && __builtin_add_overflow(end, shift, &end))
                end = INT64_MAX;
        ret->begin_sec = begin;
        ret->end_sec = end;
        ret->offset_sec = type->offset_sec;
        ret->is_dst = type->is_dst;
        memcpy(ret->abbreviation, type->abbreviation, sizeof(ret->abbreviation));
}

int32_t tz_offset_at(const struct tz *tz, int64_t sec)
{
        (void)into_window(tz, &sec);
        return tz->entries[find(tz, sec)].offset_sec;
}

/* Whether `local_sec` comes round again after `found`. */
static bool is_repeated(const struct tz *tz, int64_t local_sec, const struct tz_span *found)
{
        struct tz_span s = *found;

        while (s.end_sec != INT64_MAX && s.end_sec - TZ_OFFSET_MAX_SEC <= local_sec) {
                tz_span_at(tz, s.end_sec, &s);
                if (local_sec - s.offset_sec >= s.begin_sec && local_sec - s.offset_sec < s.end_sec)
                        return true;
        }
        return false;
}

int64_t tz_local_to_utc(const struct tz *tz, int64_t local_sec, int *ret_kind)
{
        struct tz_span s;

        /* No local clock is a whole TZ_OFFSET_MAX_SEC ahead of UTC, so the search begins before any answer, and walks
         * to the first instant at which the local clock shows `local_sec` or more. */
        tz_span_at(tz, local_sec - TZ_OFFSET_MAX_SEC, &s);
        for (;;) {
                int64_t sec = local_sec - s.offset_sec;

                if (s.begin_sec != INT64_MIN && sec < s.begin_sec) {
                        if (ret_kind)
                                *ret_kind = -1;
                        return s.begin_sec;
                }
                if (sec < s.end_sec) {
                        if (ret_kind)
                                *ret_kind = is_repeated(tz, local_sec, &s);
                        return sec;
                }
                tz_span_at(tz, s.end_sec, &s);
        }
}
