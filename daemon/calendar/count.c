/* How many instants: see schedule.h.
 *
 * Day by day on the local clock.  A day is a bit set of its seconds, one word for each minute, into which every
 * expression is put, so that what two of them share is counted once.  Days that no offset change, bound, @every or @at
 * touches are the common case: for one expression a product of three popcounts, for several a count remembered by which
 * of them match. */
#include "calendar/count.h"
#include "calendar/civil.h"
#include "calendar/match.h"

#define MINUTES_PER_DAY 1440
#define CACHE_SIZE      16 /* sets of expressions that match the same days; weekday patterns make few of them */

struct day {
        uint64_t seconds[MINUTES_PER_DAY]; /* bits 0 … 59 */
};

struct counter {
        const struct schedule *s;
        bool interval_only;
        int64_t first, last; /* UTC seconds, both included */
        uint64_t n;
        struct {
                uint64_t key, n;
        } cache[CACHE_SIZE];
};

static bool is_used(const struct counter *k, const struct calendar *c)
{
        return c->kind != CALENDAR_REBOOT && c->kind != CALENDAR_AFTER && (c->interval || !k->interval_only);
}

/* The seconds of minute `m` of the day that lie in first … last (seconds of the day). */
static uint64_t clip(int m, int64_t first, int64_t last)
{
        int64_t a = MAX(first - m * 60, 0), b = MIN(last - m * 60, 59);

        return a > b ? 0 : (UINT64_C(2) << b) - (UINT64_C(1) << a);
}

static void put_fields(struct day *d, const struct calendar *c, int64_t first, int64_t last)
{
        for (uint32_t hours = c->hour; hours; hours &= hours - 1)
                for (uint64_t minutes = c->minute; minutes; minutes &= minutes - 1) {
                        int m = __builtin_ctz(hours) * 60 + __builtin_ctzll(minutes);

                        d->seconds[m] |= c->second & clip(m, first, last);
                }
}

/* `midnight`: the UTC second at which the day's clock would show 00:00:00. */
static void put_every(struct day *d, const struct calendar *c, int64_t origin, int64_t midnight, int64_t first,
                      int64_t last)
{
        int64_t period = c->value_usec / USEC_PER_SEC;
        uint64_t pattern = 0;

        for (int64_t v = 0; v < 60; v += period)
                pattern |= UINT64_C(1) << v;
        for (int m = 0; m < MINUTES_PER_DAY; m++) {
                int64_t since = midnight + m * 60 - origin,
                        wait = floor_div(since + period - 1, period) * period - since;

                if (wait < 60)
                        d->seconds[m] |= pattern << wait & clip(m, first, last);
        }
}

static void put_second(struct day *d, int64_t tod)
{
        d->seconds[tod / 60] |= UINT64_C(1) << tod % 60;
}

static uint64_t sum(const struct day *d)
{
        uint64_t n = 0;

        for (int m = 0; m < MINUTES_PER_DAY; m++)
                n += (uint64_t)__builtin_popcountll(d->seconds[m]);
        return n;
}

/* UTC second of an @at. */
static int64_t at_sec(const struct schedule *s, const struct calendar *c)
{
        int64_t sec = wall_sec((struct wall){ c->value_usec });

        return c->at_local ? tz_local_to_utc(s->zone, sec, NULL) : sec;
}

static int64_t origin_sec(const struct schedule *s)
{
        return s->start.usec == INT64_MIN ? 0 : wall_sec(s->start);
}

/* Part of a span of constant offset, on its local clock. */
struct stretch {
        int64_t offset;
        int64_t first, last; /* local, both included: for intervals */
        int64_t fixed_first; /* for fixed expressions, later: behind what a repeated hour has shown before */
        int64_t extra;       /* the local time at which the skipped times of a gap are due; INT64_MIN: none */
};

static void count_day_slowly(struct counter *k, const struct stretch *t, int64_t day)
{
        int64_t midnight = day * SEC_PER_DAY, last = t->last - midnight;
        struct day d = {};

        for (size_t i = 0; i < k->s->n; i++) {
                const struct calendar *c = &k->s->entries[i];
                int64_t first = (c->interval ? t->first : t->fixed_first) - midnight, sec;

                if (!is_used(k, c))
                        continue;
                switch ((enum calendar_kind)c->kind) {
                case CALENDAR_FIELDS:
                        if (match_day(c, day))
                                put_fields(&d, c, first, last);
                        break;
                case CALENDAR_EVERY:
                        put_every(&d, c, origin_sec(k->s), midnight - t->offset, first, last);
                        break;
                case CALENDAR_AT:
                        sec = at_sec(k->s, c) + t->offset;
                        if (sec >= t->first && sec <= t->last && floor_div(sec, SEC_PER_DAY) == day)
                                put_second(&d, sec - midnight);
                        break;
                case CALENDAR_REBOOT:
                case CALENDAR_AFTER:
                        break;
                }
        }
        if (t->extra >= midnight && t->extra < midnight + SEC_PER_DAY)
                put_second(&d, t->extra - midnight);
        k->n += sum(&d);
}

/* Which expressions match the day, as bits.  False: it takes more than that to count it. */
static bool day_key(const struct counter *k, const struct stretch *t, int64_t day, uint64_t *ret_key)
{
        int64_t midnight = day * SEC_PER_DAY;
        uint64_t key = 0;

        if (k->s->n > 64 || t->first > midnight || t->fixed_first > midnight || t->last < midnight + SEC_PER_DAY - 1 ||
            (t->extra >= midnight && t->extra < midnight + SEC_PER_DAY))
                return false;
        for (size_t i = 0; i < k->s->n; i++) {
                const struct calendar *c = &k->s->entries[i];

                if (!is_used(k, c))
                        continue;
                if (c->kind == CALENDAR_FIELDS)
                        key |= (uint64_t)match_day(c, day) << i;
                else if (c->kind == CALENDAR_EVERY || floor_div(at_sec(k->s, c) + t->offset, SEC_PER_DAY) == day)
                        return false;
        }
        *ret_key = key;
        return true;
}

static void count_day(struct counter *k, const struct stretch *t, int64_t day)
{
        uint64_t key, before;
        size_t slot;

        if (!day_key(k, t, day, &key)) {
                count_day_slowly(k, t, day);
                return;
        }
        if (key == 0)
                return;
        if ((key & (key - 1)) == 0) {
                const struct calendar *c = &k->s->entries[__builtin_ctzll(key)];

                k->n += (uint64_t)__builtin_popcount(c->hour) * (unsigned)__builtin_popcountll(c->minute) *
                        (unsigned)__builtin_popcountll(c->second);
                return;
        }
        slot = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 60;
        if (k->cache[slot].key != key) {
                before = k->n;
                count_day_slowly(k, t, day);
                k->cache[slot].key = key;
                k->cache[slot].n = k->n - before;
                return;
        }
        k->n += k->cache[slot].n;
}

/* The local clock up to the second before a span begins, at its latest. */
static int64_t latest_before(const struct tz *zone, int64_t begin_sec)
{
        struct tz_span before;

        tz_span_at(zone, begin_sec - 1, &before);
        return match_latest_local(zone, &before, begin_sec - 1);
}

static void count_span(struct counter *k, const struct tz_span *span)
{
        int64_t first = MAX(k->first, span->begin_sec), last = MIN(k->last, span->end_sec - 1), latest, earliest;
        struct stretch t = {
                .offset = span->offset_sec,
                .first = first + span->offset_sec,
                .last = last + span->offset_sec,
                .fixed_first = first + span->offset_sec,
                .extra = INT64_MIN,
        };

        if (span->begin_sec > first - 2 * TZ_OFFSET_MAX_SEC) {
                latest = latest_before(k->s->zone, span->begin_sec);
                t.fixed_first = MAX(t.fixed_first, latest + 1);
                if (!k->interval_only && first == span->begin_sec && latest + 1 < t.first &&
                    count_local(k->s, false, latest + 1, t.first - 1, &earliest) > 0)
                        t.extra = t.first;
        }
        for (int64_t day = floor_div(t.first, SEC_PER_DAY); day <= floor_div(t.last, SEC_PER_DAY); day++)
                count_day(k, &t, day);
}

/* Multiples of the period in first … last. */
static uint64_t count_every(const struct schedule *s, const struct calendar *c, int64_t first, int64_t last)
{
        int64_t period = c->value_usec / USEC_PER_SEC, origin = origin_sec(s);

        return (uint64_t)(floor_div(last - origin, period) - floor_div(first - 1 - origin, period));
}

static uint64_t count_between(const struct schedule *s, bool interval_only, struct wall after, struct wall until)
{
        struct counter k = { .s = s, .interval_only = interval_only, .last = wall_sec(until) };
        const struct calendar *only = NULL;
        struct wall next;
        struct tz_span span;
        size_t used = 0;

        if (schedule_next(s, after, interval_only ? WALL_NEVER : (struct wall){ INT64_MIN }, &next) < 0 ||
            next.usec > until.usec)
                return 0;
        k.first = wall_sec(next);
        for (size_t i = 0; i < s->n; i++)
                if (is_used(&k, &s->entries[i])) {
                        only = &s->entries[i];
                        used++;
                }
        if (used == 1 && only->kind == CALENDAR_EVERY)
                return count_every(s, only, k.first, k.last);
        if (used == 1 && only->kind == CALENDAR_AT)
                return 1;
        if (k.last - k.first > SEC_PER_ERA)
                return UINT64_MAX;
        tz_span_at(s->zone, k.first, &span);
        for (;;) {
                count_span(&k, &span);
                if (span.end_sec > k.last)
                        return k.n;
                tz_span_at(s->zone, span.end_sec, &span);
        }
}

static void add_due(void *arg, const struct schedule_part *part)
{
        if (part->fate == SCHEDULE_DUE)
                *(uint64_t *)arg += part->count;
}

uint64_t schedule_count(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until)
{
        uint64_t n = 0, more;

        if (schedule_is_special(s)) {
                schedule_walk(s, after, fixed_after, until, add_due, &n);
                return n;
        }
        if (until.usec > s->end.usec)
                until = s->end;
        if (fixed_after.usec > after.usec) {
                struct wall middle = fixed_after.usec < until.usec ? fixed_after : until;

                n = count_between(s, true, after, middle);
                after = fixed_after;
        }
        if (after.usec >= until.usec)
                return n;
        more = count_between(s, false, after, until);
        return __builtin_add_overflow(n, more, &n) ? UINT64_MAX : n;
}

uint64_t count_local(const struct schedule *s, bool interval, int64_t first, int64_t last, int64_t *ret_earliest)
{
        int64_t earliest = INT64_MAX, next;
        uint64_t n = 0;

        for (int64_t day = floor_div(first, SEC_PER_DAY); day <= floor_div(last, SEC_PER_DAY); day++) {
                int64_t midnight = day * SEC_PER_DAY;
                struct day d = {};

                for (size_t i = 0; i < s->n; i++) {
                        const struct calendar *c = &s->entries[i];
                        int64_t at = wall_sec((struct wall){ c->value_usec });

                        if (c->interval != interval)
                                continue;
                        if (c->kind == CALENDAR_FIELDS && match_day(c, day))
                                put_fields(&d, c, first - midnight, last - midnight);
                        else if (c->kind == CALENDAR_AT && c->at_local && at >= MAX(first, midnight) &&
                                 at <= MIN(last, midnight + SEC_PER_DAY - 1))
                                put_second(&d, at - midnight);
                }
                n += sum(&d);
                for (int m = 0; m < MINUTES_PER_DAY && earliest == INT64_MAX; m++)
                        if (d.seconds[m]) {
                                next = midnight + m * 60 + __builtin_ctzll(d.seconds[m]);
                                earliest = next;
                        }
        }
        if (n > 0)
                *ret_earliest = earliest;
        return n;
}
