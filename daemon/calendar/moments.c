/* Schedules with `exclude`, `move` or `dst: skip`: see days.h for the rule.
 *
 * Frame by frame: the part of a local day that lies within one span of constant offset.  The local times that the
 * expressions name on a day are sets of seconds; what `exclude` takes out of them, what `move` brings in from the days
 * around, and what a change of the offset skips or repeats, are set operations.  Days on which nothing is named are
 * passed over. */
#include "calendar/moments.h"

#include <errno.h>
#include <string.h>

#include "calendar/civil.h"
#include "calendar/match.h"

/* Nothing is looked for before: 1900-01-01. */
#define EARLIEST_SEC INT64_C(-2208988800)

/* Seconds of a day.  Hours whose bit is not set are empty, whatever their rows hold. */
struct bits {
        uint32_t hours;
        uint64_t second[24][60];
};

/* How an expression goes with changes of the offset. */
enum class {
        CLASS_INTERVAL, /* follows the clock */
        CLASS_FIXED,
        CLASS_EVERY, /* @every: interval, without daylight saving */
        CLASS_AT,    /* @at: fixed, whatever `dst` says */
        CLASS_NR
};

static bool class_is_fixed(unsigned class)
{
        return class == CLASS_FIXED || class == CLASS_AT;
}

/* Local times that are named on a day, by class. */
struct named {
        struct bits of[CLASS_NR];
};

/* ---- sets of seconds */

static uint64_t *bits_row(struct bits *b, unsigned hour)
{
        if (!(b->hours >> hour & 1)) {
                memset(b->second[hour], 0, sizeof(b->second[hour]));
                b->hours |= UINT32_C(1) << hour;
        }
        return b->second[hour];
}

static void bits_add(struct bits *b, int64_t tod)
{
        bits_row(b, (unsigned)(tod / 3600))[tod / 60 % 60] |= UINT64_C(1) << tod % 60;
}

static bool bits_has(const struct bits *b, int64_t tod)
{
        return b->hours >> (tod / 3600) & 1 && b->second[tod / 3600][tod / 60 % 60] >> tod % 60 & 1;
}

/* The seconds of minute `m` of the day that lie in first … last. */
static uint64_t clip(int64_t m, int64_t first, int64_t last)
{
        int64_t a = MAX(first - m * 60, 0), b = MIN(last - m * 60, 59);

        return a > b ? 0 : (UINT64_C(2) << b) - (UINT64_C(1) << a);
}

/* Adds those of `from` that lie in first … last (seconds of the day; may reach out of it). */
static void bits_add_within(struct bits *b, const struct bits *from, int64_t first, int64_t last)
{
        for (uint32_t hours = from->hours; hours; hours &= hours - 1) {
                unsigned h = (unsigned)__builtin_ctz(hours);
                uint64_t *row;

                if (first >= (h + 1) * INT64_C(3600) || last < h * INT64_C(3600))
                        continue;
                row = bits_row(b, h);
                for (unsigned m = 0; m < 60; m++)
                        if (from->second[h][m])
                                row[m] |= from->second[h][m] & clip(h * 60 + m, first, last);
        }
}

static void bits_remove(struct bits *b, const struct bits *what)
{
        for (uint32_t hours = b->hours & what->hours; hours; hours &= hours - 1) {
                unsigned h = (unsigned)__builtin_ctz(hours);

                for (unsigned m = 0; m < 60; m++)
                        b->second[h][m] &= ~what->second[h][m];
        }
}

/* Moves those in excluded minutes from one set to another. */
static void bits_part(struct bits *b, const struct day_minutes *minutes, struct bits *gone)
{
        for (uint32_t hours = b->hours; hours; hours &= hours - 1) {
                unsigned h = (unsigned)__builtin_ctz(hours);
                uint64_t *row;

                if (!minutes->hour[h])
                        continue;
                row = bits_row(gone, h);
                for (uint64_t left = minutes->hour[h]; left; left &= left - 1) {
                        unsigned m = (unsigned)__builtin_ctzll(left);

                        row[m] |= b->second[h][m];
                        b->second[h][m] = 0;
                }
        }
}

/* Minutes that have any second; false: none has. */
static bool bits_minutes(const struct bits *b, struct day_minutes *ret)
{
        bool any = false;

        memset(ret, 0, sizeof(*ret));
        for (uint32_t hours = b->hours; hours; hours &= hours - 1) {
                unsigned h = (unsigned)__builtin_ctz(hours);

                for (unsigned m = 0; m < 60; m++)
                        if (b->second[h][m]) {
                                ret->hour[h] |= UINT64_C(1) << m;
                                any = true;
                        }
        }
        return any;
}

static uint64_t bits_count(const struct bits *b)
{
        uint64_t n = 0;

        for (uint32_t hours = b->hours; hours; hours &= hours - 1)
                for (unsigned m = 0; m < 60; m++)
                        n += (uint64_t)__builtin_popcountll(b->second[__builtin_ctz(hours)][m]);
        return n;
}

/* The first from `tod` on, or -1. */
static int64_t bits_first(const struct bits *b, int64_t tod)
{
        for (uint32_t hours = b->hours; hours; hours &= hours - 1) {
                int64_t h = __builtin_ctz(hours);

                if (tod >= (h + 1) * 3600)
                        continue;
                for (int64_t m = MAX(tod - h * 3600, 0) / 60; m < 60; m++) {
                        uint64_t w = b->second[h][m] & clip(h * 60 + m, tod, SEC_PER_DAY);

                        if (w)
                                return h * 3600 + m * 60 + __builtin_ctzll(w);
                }
        }
        return -1;
}

/* The last, or -1. */
static int64_t bits_last(const struct bits *b)
{
        for (uint32_t hours = b->hours; hours;) {
                int64_t h = 31 - __builtin_clz(hours);

                for (int64_t m = 59; m >= 0; m--)
                        if (b->second[h][m])
                                return h * 3600 + m * 60 + 63 - __builtin_clzll(b->second[h][m]);
                hours &= ~(UINT32_C(1) << h);
        }
        return -1;
}

/* ---- what the expressions name */

static void named_clear(struct named *n)
{
        for (unsigned k = 0; k < CLASS_NR; k++)
                n->of[k].hours = 0;
}

static int64_t origin_sec(const struct schedule *s)
{
        return s->start.usec == INT64_MIN ? 0 : wall_sec(s->start);
}

static int64_t at_sec(const struct calendar *c)
{
        return wall_sec((struct wall){ c->value_usec });
}

/* Expressions by local time.  True: there is any. */
static bool name_local(const struct schedule *s, int64_t day, struct named *n)
{
        bool any = false;

        for (size_t i = 0; i < s->n; i++) {
                const struct calendar *c = &s->entries[i];
                struct bits *b = &n->of[c->interval ? CLASS_INTERVAL : CLASS_FIXED];

                if (c->kind == CALENDAR_AT && c->at_local && floor_div(at_sec(c), SEC_PER_DAY) == day) {
                        bits_add(&n->of[CLASS_AT], at_sec(c) - day * SEC_PER_DAY);
                        any = true;
                }
                if (c->kind != CALENDAR_FIELDS || !match_day(c, day))
                        continue;
                any = true;
                for (uint32_t hours = c->hour; hours; hours &= hours - 1) {
                        uint64_t *row = bits_row(b, (unsigned)__builtin_ctz(hours));

                        for (uint64_t minutes = c->minute; minutes; minutes &= minutes - 1)
                                row[__builtin_ctzll(minutes)] |= c->second;
                }
        }
        return any;
}

/* Expressions by UTC, as the local clock shows them in first … last of the day at that offset. */
static void name_utc(const struct schedule *s, int64_t day, int64_t offset, int64_t first, int64_t last, struct named *n)
{
        int64_t midnight = day * SEC_PER_DAY - offset; /* in UTC */

        for (size_t i = 0; i < s->n; i++) {
                const struct calendar *c = &s->entries[i];
                int64_t period = c->value_usec / USEC_PER_SEC, tod;

                if (c->kind == CALENDAR_AT && !c->at_local) {
                        tod = at_sec(c) - midnight;
                        if (tod >= first && tod <= last)
                                bits_add(&n->of[CLASS_AT], tod);
                }
                if (c->kind != CALENDAR_EVERY)
                        continue;
                tod = midnight + first - origin_sec(s);
                tod = floor_div(tod + period - 1, period) * period - midnight + origin_sec(s);
                for (; tod <= last; tod += period)
                        bits_add(&n->of[CLASS_EVERY], tod);
        }
}

/* All that a day names, as long as it is between start and end: what `move` may take elsewhere. */
static void name_all(const struct schedule *s, int64_t day, struct named *ret)
{
        int64_t midnight = day * SEC_PER_DAY, first = 0, last = SEC_PER_DAY - 1;
        struct tz_span span;
        struct named all;

        named_clear(ret);
        if (s->start.usec > INT64_MIN)
                first = MAX(first, wall_sec(s->start) + tz_offset_at(s->zone, wall_sec(s->start)) - midnight);
        if (!wall_is_never(s->end))
                last = MIN(last, wall_sec(s->end) + tz_offset_at(s->zone, wall_sec(s->end)) - midnight);
        if (first > last)
                return;
        named_clear(&all);
        (void)name_local(s, day, &all);
        tz_span_at(s->zone, midnight - TZ_OFFSET_MAX_SEC, &span);
        for (;;) {
                int64_t lo = MAX(first, span.begin_sec == INT64_MIN ? first : span.begin_sec + span.offset_sec - midnight);
                int64_t hi = MIN(last, span.end_sec == INT64_MAX ? last : span.end_sec - 1 + span.offset_sec - midnight);

                if (lo <= hi)
                        name_utc(s, day, span.offset_sec, lo, hi, &all);
                if (span.end_sec > midnight + SEC_PER_DAY + TZ_OFFSET_MAX_SEC)
                        break;
                tz_span_at(s->zone, span.end_sec, &span);
        }
        for (unsigned k = 0; k < CLASS_NR; k++)
                bits_add_within(&ret->of[k], &all.of[k], first, last);
}

/* ---- exclude and move */

static bool minutes_and(struct day_minutes *a, const struct day_minutes *b, bool inverted)
{
        uint64_t any = 0;

        for (unsigned h = 0; h < 24; h++) {
                a->hour[h] &= inverted ? ~b->hour[h] : b->hour[h];
                any |= a->hour[h];
        }
        return any != 0;
}

static int days_step(const struct schedule *s)
{
        return s->days.move == DAYS_MOVE_NEXT ? 1 : -1;
}

/* Adds what excluded days before (behind, with `previous`) bring to a day. */
static void bring_in(const struct schedule *s, int64_t day, const struct day_minutes *excluded, struct named *in)
{
        struct day_minutes open, there;
        struct named from;

        memset(&open, 0xff, sizeof(open));
        if (s->days.move == DAYS_MOVE_NONE || !minutes_and(&open, excluded, true))
                return;
        for (int64_t k = 1; k <= DAYS_MOVE_MAX; k++) {
                int64_t source = day - k * days_step(s);
                struct bits rest;

                if (days_excluded(&s->days, source, &there) == DAYS_NO_MINUTE || !minutes_and(&open, &there, false))
                        return;
                name_all(s, source, &from);
                for (unsigned c = 0; c < CLASS_NR; c++) {
                        rest.hours = 0;
                        bits_part(&from.of[c], &open, &rest);
                        bits_add_within(&in->of[c], &rest, 0, SEC_PER_DAY);
                }
        }
}

/* Of what is excluded on a day, leaves what no other day takes. */
static void take_away(const struct schedule *s, int64_t day, struct named *gone)
{
        struct day_minutes left, one, there;
        struct bits moved;

        if (s->days.move == DAYS_MOVE_NONE)
                return;
        memset(&left, 0, sizeof(left));
        for (unsigned c = 0; c < CLASS_NR; c++)
                if (bits_minutes(&gone->of[c], &one))
                        for (unsigned h = 0; h < 24; h++)
                                left.hour[h] |= one.hour[h];
        for (int64_t k = 1; k <= DAYS_MOVE_MAX; k++)
                if (days_excluded(&s->days, day + k * days_step(s), &there) == DAYS_NO_MINUTE ||
                    !minutes_and(&left, &there, false)) {
                        named_clear(gone);
                        return;
                }
        for (unsigned c = 0; c < CLASS_NR; c++) {
                moved.hours = 0;
                bits_part(&gone->of[c], &left, &moved);
                gone->of[c] = moved;
        }
}

/* ---- frames */

struct frame {
        struct tz_span span;
        int64_t day;
        bool only_due;                  /* nobody asks for what is excluded */
        struct bits due, excluded, dst; /* of the day */
        int64_t gap_tod;                /* where local times that the change skipped are skipped; */
        uint64_t gap_n;                 /* so many */
};

struct building {
        const struct schedule *s;
        struct frame *f;
        int64_t lo, hi;           /* seconds of the day: the frame */
        int64_t own_lo, own_hi;   /* … between start and end */
        int64_t seen;             /* the clock has shown all up to here before; may be far out of the day */
        int64_t fixed_from;       /* fixed expressions count from here */
        bool fixed_begin;         /* … also at the beginning of the span */
        bool own_begin;           /* which lies between start and end */
        struct { int64_t first, last; } again[4]; /* local times that will come once more */
        unsigned n_again;
};

/* Puts local times on the clock by the rule of their class.  `once`: by the fixed rule also where they follow the clock,
 * as the clock of another day made them. */
static void put(const struct building *b, const struct bits *from, unsigned class, int64_t lo, int64_t hi, bool once,
                struct bits *to)
{
        bool skip = b->s->days.dst == DAYS_DST_SKIP && class <= CLASS_FIXED;

        if (class_is_fixed(class))
                lo = MAX(lo, b->fixed_from);
        if (class_is_fixed(class) || once || skip)
                lo = MAX(lo, b->seen + 1);
        if (lo > hi)
                return;
        if (skip && to == &b->f->due && b->n_again > 0) {
                struct bits plain;

                plain.hours = 0;
                bits_add_within(&plain, from, lo, hi);
                for (unsigned i = 0; i < b->n_again; i++) {
                        struct bits twice;

                        twice.hours = 0;
                        bits_add_within(&twice, &plain, b->again[i].first, b->again[i].last);
                        bits_remove(&plain, &twice);
                        bits_add_within(&b->f->dst, &twice, 0, SEC_PER_DAY);
                }
                bits_add_within(to, &plain, 0, SEC_PER_DAY);
                return;
        }
        bits_add_within(to, from, lo, hi);
}

/* What the local times of a day, first … last, that the change at the frame's beginning skipped, come to. */
static void put_gap(const struct building *b, const struct named *stay, const struct named *gone, const struct named *in,
                    int64_t first, int64_t last)
{
        struct bits skipped, due, excluded;

        skipped.hours = due.hours = excluded.hours = 0;
        for (unsigned k = 0; k < CLASS_NR; k++) {
                bool skip = b->s->days.dst == DAYS_DST_SKIP && k <= CLASS_FIXED;
                bool fixed = !class_is_fixed(k) || b->fixed_begin;

                if (fixed)
                        bits_add_within(skip ? &skipped : &due, &in->of[k], first, last);
                if (k == CLASS_EVERY || !fixed || !b->own_begin || (k == CLASS_INTERVAL && !skip))
                        continue;
                bits_add_within(skip ? &skipped : &due, &stay->of[k], first, last);
                bits_add_within(&excluded, &gone->of[k], first, last);
        }
        b->f->gap_n += bits_count(&skipped);
        if (bits_first(&due, 0) >= 0)
                bits_add(&b->f->due, b->f->gap_tod);
        if (bits_first(&excluded, 0) >= 0)
                bits_add(&b->f->excluded, b->f->gap_tod);
}

/* A day's local times, parted by what happens to them. */
static void part_day(const struct schedule *s, int64_t day, struct named *stay, struct named *gone, struct named *in,
                     struct day_minutes *excluded, bool only_due)
{
        enum days_part part = days_excluded(&s->days, day, excluded);

        named_clear(gone);
        named_clear(in);
        if (part != DAYS_NO_MINUTE)
                for (unsigned k = 0; k < CLASS_NR; k++)
                        bits_part(&stay->of[k], excluded, &gone->of[k]);
        if (only_due)
                named_clear(gone);
        else if (part != DAYS_NO_MINUTE)
                take_away(s, day, gone);
        if (part != DAYS_ALL_MINUTES)
                bring_in(s, day, excluded, in);
}

static void build_gap(const struct building *b)
{
        int64_t midnight = b->f->day * SEC_PER_DAY, from = midnight + b->seen + 1, to = midnight + b->lo - 1;
        struct named stay, gone, in;
        struct day_minutes excluded;

        for (int64_t day = floor_div(from, SEC_PER_DAY); day <= floor_div(to, SEC_PER_DAY); day++) {
                named_clear(&stay);
                (void)name_local(b->s, day, &stay);
                part_day(b->s, day, &stay, &gone, &in, &excluded, b->f->only_due);
                put_gap(b, &stay, &gone, &in, from - day * SEC_PER_DAY, to - day * SEC_PER_DAY);
        }
}

/* What surrounds the frame: local times seen before, and those that will come again. */
static void look_around(struct building *b)
{
        const struct schedule *s = b->s;
        int64_t midnight = b->f->day * SEC_PER_DAY, begin = b->f->span.begin_sec;
        struct tz_span t = b->f->span;

        b->seen = INT64_MIN / 2;
        b->n_again = 0;
        if (begin > midnight - 4 * TZ_OFFSET_MAX_SEC) {
                struct tz_span before;

                tz_span_at(s->zone, begin - 1, &before);
                b->seen = match_latest_local(s->zone, &before, begin - 1) - midnight;
        }
        while (s->days.dst == DAYS_DST_SKIP && t.end_sec < midnight + 4 * TZ_OFFSET_MAX_SEC &&
               b->n_again < ARRAY_SIZE(b->again)) {
                tz_span_at(s->zone, t.end_sec, &t);
                if (t.begin_sec + t.offset_sec - midnight <= b->hi) {
                        b->again[b->n_again].first = t.begin_sec + t.offset_sec - midnight;
                        b->again[b->n_again++].last =
                                t.end_sec == INT64_MAX ? SEC_PER_DAY : t.end_sec - 1 + t.offset_sec - midnight;
                }
        }
}

/* The part of a span that lies on the day, as seconds of the day.  False: none. */
static bool frame_bounds(const struct frame *f, int64_t *ret_lo, int64_t *ret_hi)
{
        int64_t midnight = f->day * SEC_PER_DAY, off = f->span.offset_sec;

        *ret_lo = f->span.begin_sec == INT64_MIN ? 0 : MAX(f->span.begin_sec + off - midnight, 0);
        *ret_hi = f->span.end_sec == INT64_MAX ? SEC_PER_DAY - 1 : MIN(f->span.end_sec - 1 + off - midnight, SEC_PER_DAY - 1);
        return *ret_lo <= *ret_hi;
}

static bool frame_begins_span(const struct frame *f)
{
        return f->span.begin_sec != INT64_MIN &&
               floor_div(f->span.begin_sec + f->span.offset_sec, SEC_PER_DAY) == f->day;
}

static void frame_build(const struct schedule *s, struct wall fixed_after, struct frame *f)
{
        int64_t utc = f->day * SEC_PER_DAY - f->span.offset_sec; /* when the frame's clock would show midnight */
        struct building b = { .s = s, .f = f };
        struct named stay, gone, in;
        struct day_minutes excluded;

        f->due.hours = f->excluded.hours = f->dst.hours = 0;
        f->gap_n = 0;
        if (!frame_bounds(f, &b.lo, &b.hi))
                return;
        b.own_lo = s->start.usec == INT64_MIN ? b.lo : MAX(b.lo, wall_sec((struct wall){ s->start.usec - 1 }) + 1 - utc);
        b.own_hi = wall_is_never(s->end) ? b.hi : MIN(b.hi, wall_sec(s->end) - utc);
        b.fixed_from = fixed_after.usec == INT64_MIN ? b.lo : wall_sec(fixed_after) + 1 - utc;
        look_around(&b);

        named_clear(&stay);
        (void)name_local(s, f->day, &stay);
        name_utc(s, f->day, f->span.offset_sec, b.lo, b.hi, &stay);
        part_day(s, f->day, &stay, &gone, &in, &excluded, f->only_due);
        for (unsigned k = 0; k < CLASS_NR; k++) {
                put(&b, &stay.of[k], k, b.own_lo, b.own_hi, false, &f->due);
                put(&b, &gone.of[k], k, b.own_lo, b.own_hi, false, &f->excluded);
                put(&b, &in.of[k], k, b.lo, b.hi, true, &f->due);
        }
        if (frame_begins_span(f) && b.seen + 1 < b.lo && b.seen > INT64_MIN / 2) {
                b.own_begin = b.own_lo <= b.lo && b.own_hi >= b.lo;
                b.fixed_begin = b.fixed_from <= b.lo;
                f->gap_tod = b.lo;
                build_gap(&b);
        }
        bits_remove(&f->excluded, &f->due);
}

/* Whether anything can run on a day, told quickly: an expression names a minute that is not excluded, or the day before
 * (behind, with `previous`) has excluded minutes that this one has not. */
static bool frame_may_run(const struct schedule *s, int64_t day)
{
        struct day_minutes out, there;
        enum days_part part = days_excluded(&s->days, day, &out);

        if (part == DAYS_ALL_MINUTES)
                return false;
        for (size_t i = 0; i < s->n; i++) {
                const struct calendar *c = &s->entries[i];

                if (c->kind == CALENDAR_EVERY || (c->kind == CALENDAR_AT && at_sec(c) >= (day - 3) * SEC_PER_DAY &&
                                                  at_sec(c) <= (day + 3) * SEC_PER_DAY))
                        return true;
                if (c->kind != CALENDAR_FIELDS || !match_day(c, day))
                        continue;
                for (uint32_t hours = c->hour; hours; hours &= hours - 1)
                        if (c->minute & ~out.hour[__builtin_ctz(hours)])
                                return true;
        }
        return s->days.move != DAYS_MOVE_NONE &&
               days_excluded(&s->days, day - days_step(s), &there) != DAYS_NO_MINUTE && minutes_and(&there, &out, true);
}

/* Whether anything of these fates can be found in the frame, told quickly. */
static bool frame_matters(const struct schedule *s, const struct frame *f, unsigned fates)
{
        struct day_minutes unused;

        if (frame_begins_span(f))
                return true;
        if (fates == 1 << SCHEDULE_DUE)
                return frame_may_run(s, f->day);
        for (size_t i = 0; i < s->n; i++) {
                const struct calendar *c = &s->entries[i];

                if (c->kind == CALENDAR_EVERY || (c->kind == CALENDAR_FIELDS && match_day(c, f->day)) ||
                    (c->kind == CALENDAR_AT && at_sec(c) >= (f->day - 3) * SEC_PER_DAY &&
                     at_sec(c) <= (f->day + 3) * SEC_PER_DAY))
                        return true;
        }
        return s->days.move != DAYS_MOVE_NONE &&
               days_excluded(&s->days, f->day - days_step(s), &unused) != DAYS_NO_MINUTE;
}

static void frame_at(const struct schedule *s, int64_t sec, struct frame *f)
{
        sec = CLAMP(sec, -TZ_SEC_MAX, TZ_SEC_MAX); /* as zones do */
        tz_span_at(s->zone, sec, &f->span);
        f->day = floor_div(sec + f->span.offset_sec, SEC_PER_DAY);
}

/* UTC second of the frame's first and last. */
static int64_t frame_first(const struct frame *f)
{
        return MAX(f->day * SEC_PER_DAY - f->span.offset_sec, f->span.begin_sec);
}

static int64_t frame_last(const struct frame *f)
{
        return MIN((f->day + 1) * SEC_PER_DAY - f->span.offset_sec, f->span.end_sec) - 1;
}

/* The frame that holds `sec`, from *f, which is beside it. */
static void frame_to(const struct schedule *s, struct frame *f, int64_t sec)
{
        sec = CLAMP(sec, -TZ_SEC_MAX, TZ_SEC_MAX);
        if (sec >= f->span.begin_sec && sec < f->span.end_sec)
                f->day = floor_div(sec + f->span.offset_sec, SEC_PER_DAY);
        else
                frame_at(s, sec, f);
}

/* The last @at, INT64_MAX if there are expressions that come again; INT64_MIN: nothing comes at all. */
static int64_t last_entry(const struct schedule *s)
{
        int64_t last = INT64_MIN;

        for (size_t i = 0; i < s->n; i++) {
                const struct calendar *c = &s->entries[i];

                if (c->kind == CALENDAR_FIELDS || c->kind == CALENDAR_EVERY)
                        return INT64_MAX;
                if (c->kind == CALENDAR_AT)
                        last = MAX(last, at_sec(c));
        }
        return last;
}

/* Nothing of the schedule is behind this: UTC second. */
static int64_t schedule_limit(const struct schedule *s)
{
        int64_t last = last_entry(s);

        if (last == INT64_MIN)
                return last;
        if (last != INT64_MAX && (wall_is_never(s->end) || last < wall_sec(s->end)))
                return last + (DAYS_MOVE_MAX + 3) * SEC_PER_DAY;
        return wall_is_never(s->end) ? INT64_MAX / 2 :
                                       wall_sec(s->end) +
                               (s->days.move == DAYS_MOVE_NEXT ? (DAYS_MOVE_MAX + 3) * SEC_PER_DAY : 3 * SEC_PER_DAY);
}

static int64_t schedule_begin(const struct schedule *s)
{
        int64_t before = s->days.move == DAYS_MOVE_PREVIOUS ? DAYS_MOVE_MAX + 3 : 3;

        if (s->start.usec == INT64_MIN)
                return EARLIEST_SEC;
        return MAX(EARLIEST_SEC, wall_sec(s->start) - before * SEC_PER_DAY);
}

/* Cuts a frame to the UTC seconds first … last. */
static void frame_cut(struct frame *f, int64_t first, int64_t last)
{
        int64_t utc = f->day * SEC_PER_DAY - f->span.offset_sec;
        struct bits *all[] = { &f->due, &f->excluded, &f->dst };

        if (first <= frame_first(f) && last >= frame_last(f))
                return;
        for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
                struct bits within;

                within.hours = 0;
                bits_add_within(&within, all[i], first - utc, last - utc);
                *all[i] = within;
        }
        if (f->gap_n > 0 && (f->gap_tod < first - utc || f->gap_tod > last - utc))
                f->gap_n = 0;
}

static int64_t frame_find(const struct frame *f, unsigned fates, int64_t from)
{
        const struct bits *all[] = { &f->due, &f->excluded, &f->dst };
        int64_t first = fates & 1 << SCHEDULE_DST && f->gap_n > 0 && f->gap_tod >= from ? f->gap_tod : INT64_MAX, t;

        for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
                if (fates & 1u << i) {
                        t = bits_first(all[i], from);
                        if (t >= 0)
                                first = MIN(first, t);
                }
        return first;
}

int moments_next(const struct schedule *s, struct wall after, struct wall fixed_after, unsigned fates,
                 struct schedule_moment *ret)
{
        int64_t sec = MAX(wall_sec(after) + 1, schedule_begin(s)), limit = schedule_limit(s), first = sec, tod;
        struct frame f;

        f.only_due = fates == 1 << SCHEDULE_DUE;
        limit = MIN(limit, sec + DAYS_SEARCH_MAX * SEC_PER_DAY);
        for (frame_at(s, sec, &f); sec <= limit; frame_to(s, &f, sec)) {
                if (frame_matters(s, &f, fates)) {
                        frame_build(s, fixed_after, &f);
                        frame_cut(&f, first, INT64_MAX / 2);
                        tod = frame_find(&f, fates, 0);
                        if (tod != INT64_MAX) {
                                *ret = (struct schedule_moment){
                                        .at = WALL_SEC(f.day * SEC_PER_DAY - f.span.offset_sec + tod),
                                        .due = bits_has(&f.due, tod),
                                        .excluded = bits_has(&f.excluded, tod),
                                        .dst = bits_has(&f.dst, tod) + (f.gap_n > 0 && f.gap_tod == tod ? f.gap_n : 0),
                                };
                                return 0;
                        }
                }
                sec = frame_last(&f) + 1;
        }
        return -ENOENT;
}

int moments_last(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until, unsigned fates,
                 struct wall *ret)
{
        int64_t first = MAX(wall_sec(after) + 1, schedule_begin(s)), last = MIN(wall_sec(until), schedule_limit(s)),
                sec = last, tod;
        struct frame f;

        f.only_due = fates == 1 << SCHEDULE_DUE;
        for (frame_at(s, sec, &f); sec >= first; frame_to(s, &f, sec)) {
                if (frame_matters(s, &f, fates)) {
                        frame_build(s, fixed_after, &f);
                        frame_cut(&f, first, last);
                        tod = fates & 1 << SCHEDULE_DUE ? bits_last(&f.due) : -1;
                        if (fates & 1 << SCHEDULE_EXCLUDED)
                                tod = MAX(tod, bits_last(&f.excluded));
                        if (fates & 1 << SCHEDULE_DST)
                                tod = MAX(MAX(tod, bits_last(&f.dst)), f.gap_n > 0 ? f.gap_tod : -1);
                        if (tod >= 0) {
                                *ret = WALL_SEC(f.day * SEC_PER_DAY - f.span.offset_sec + tod);
                                return 0;
                        }
                }
                sec = frame_first(&f) - 1;
        }
        return -ENOENT;
}

/* ---- parts */

struct walking {
        struct schedule_part part; /* being gathered */
        schedule_part_fn *fn;
        void *arg;
};

static void gather(struct walking *w, enum schedule_fate fate, struct wall first, struct wall last, uint64_t n)
{
        if (w->part.count > 0 && w->part.fate == fate) {
                w->part.last = last;
                w->part.count += n;
                return;
        }
        if (w->part.count > 0)
                w->fn(w->arg, &w->part);
        w->part = (struct schedule_part){ .fate = fate, .first = first, .last = last, .count = n };
}

/* A frame of one fate as a whole, any other second by second. */
static void gather_frame(struct walking *w, const struct frame *f)
{
        int64_t utc = f->day * SEC_PER_DAY - f->span.offset_sec, tod = -1;
        uint64_t due = bits_count(&f->due), excluded = bits_count(&f->excluded),
                 dst = bits_count(&f->dst) + f->gap_n;
        const struct bits *only = due == 0 && dst == 0 ? &f->excluded : excluded == 0 && dst == 0 ? &f->due : NULL;

        if (only) {
                if (due + excluded > 0)
                        gather(w, due > 0 ? SCHEDULE_DUE : SCHEDULE_EXCLUDED, WALL_SEC(utc + bits_first(only, 0)),
                               WALL_SEC(utc + bits_last(only)), due + excluded);
                return;
        }
        while ((tod = frame_find(f, SCHEDULE_ANY, tod + 1)) != INT64_MAX) {
                uint64_t n = bits_has(&f->dst, tod) + (f->gap_n > 0 && f->gap_tod == tod ? f->gap_n : 0);
                struct wall at = WALL_SEC(utc + tod);

                if (n > 0)
                        gather(w, SCHEDULE_DST, at, at, n);
                if (bits_has(&f->due, tod))
                        gather(w, SCHEDULE_DUE, at, at, 1);
                else if (bits_has(&f->excluded, tod))
                        gather(w, SCHEDULE_EXCLUDED, at, at, 1);
        }
}

void moments_walk(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                  schedule_part_fn *part, void *arg)
{
        int64_t first = MAX(wall_sec(after) + 1, schedule_begin(s)), last = MIN(wall_sec(until), schedule_limit(s)),
                sec = first;
        struct walking w = { .fn = part, .arg = arg };
        struct frame f;

        f.only_due = false;
        for (frame_at(s, sec, &f); sec <= last; frame_to(s, &f, sec)) {
                if (frame_matters(s, &f, SCHEDULE_ANY)) {
                        frame_build(s, fixed_after, &f);
                        frame_cut(&f, first, last);
                        gather_frame(&w, &f);
                }
                sec = frame_last(&f) + 1;
        }
        if (w.part.count > 0)
                part(arg, &w.part);
}

bool schedule_moved_from(const struct schedule *s, struct wall at, struct wall *ret_from)
{
        int64_t local = wall_sec(at) + tz_offset_at(s->zone, wall_sec(at)), day = floor_div(local, SEC_PER_DAY),
                tod = local - day * SEC_PER_DAY;
        struct named n;

        if (!schedule_is_special(s) || s->days.move == DAYS_MOVE_NONE || days_excluded_by(&s->days, local))
                return false;
        for (int64_t k = 0; k <= DAYS_MOVE_MAX; k++) {
                int64_t source = (day - k * days_step(s)) * SEC_PER_DAY + tod;

                if (k > 0 && !days_excluded_by(&s->days, source))
                        return false;
                name_all(s, day - k * days_step(s), &n);
                for (unsigned c = 0; c < CLASS_NR; c++)
                        if (bits_has(&n.of[c], tod)) {
                                if (k > 0)
                                        *ret_from = WALL_SEC(tz_local_to_utc(s->zone, source, NULL));
                                return k > 0;
                        }
        }
        return false;
}

bool schedule_moved_to(const struct schedule *s, struct wall at, struct wall *ret_to)
{
        int64_t local = wall_sec(at) + tz_offset_at(s->zone, wall_sec(at)), day = floor_div(local, SEC_PER_DAY),
                tod = local - day * SEC_PER_DAY;
        struct named n;
        bool named = false;

        if (!schedule_is_special(s) || s->days.move == DAYS_MOVE_NONE || !days_excluded_by(&s->days, local) ||
            at.usec < s->start.usec || at.usec > s->end.usec)
                return false;
        name_all(s, day, &n);
        for (unsigned c = 0; c < CLASS_NR; c++)
                named |= bits_has(&n.of[c], tod);
        for (int64_t k = 1; named && k <= DAYS_MOVE_MAX; k++) {
                int64_t target = (day + k * days_step(s)) * SEC_PER_DAY + tod;

                if (days_excluded_by(&s->days, target))
                        continue;
                *ret_to = WALL_SEC(tz_local_to_utc(s->zone, target, NULL));
                return true;
        }
        return false;
}

const struct exclude *schedule_excluded_by(const struct schedule *s, struct wall at)
{
        return schedule_is_special(s) ? days_excluded_by(&s->days, wall_sec(at) + tz_offset_at(s->zone, wall_sec(at))) : NULL;
}
