/* The union of expressions: see schedule.h.  Counting is in count.c, the odd days of daylight saving in odd.c. */
#include <errno.h>

#include "calendar/civil.h"
#include "calendar/moments.h"

/* The later bound of the two that hold for this entry, and the schedule's start. */
static struct wall bound_for(const struct schedule *s, const struct calendar *c, struct wall after,
                             struct wall fixed_after)
{
        if (!c->interval && fixed_after.usec > after.usec)
                after = fixed_after;
        if (s->start.usec > INT64_MIN && s->start.usec - 1 > after.usec)
                after.usec = s->start.usec - 1;
        return after;
}

static struct wall origin_of(const struct schedule *s)
{
        return s->start.usec == INT64_MIN ? WALL_SEC(0) : s->start;
}

static int next_special(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall *ret_next)
{
        struct schedule_moment m;

        if (moments_next(s, after, fixed_after, 1 << SCHEDULE_DUE, &m) < 0)
                return -ENOENT;
        *ret_next = m.at;
        return 0;
}

int schedule_next(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall *ret_next)
{
        struct wall first = WALL_NEVER, t;

        if (schedule_is_special(s))
                return next_special(s, after, fixed_after, ret_next);
        for (size_t i = 0; i < s->n; i++) {
                const struct calendar *c = &s->entries[i];
                struct wall bound = bound_for(s, c, after, fixed_after);

                if (calendar_next(c, s->zone, origin_of(s), bound, &t) == 0 && t.usec < first.usec)
                        first = t;
        }
        if (wall_is_never(first) || first.usec > s->end.usec)
                return -ENOENT;
        *ret_next = first;
        return 0;
}

/* schedule_next(), as a question: is there one after `after` that is not after `until`? */
static bool next_within(const struct schedule *s, int64_t after, struct wall fixed_after, struct wall until,
                        struct wall *ret)
{
        struct wall t;

        if (schedule_next(s, (struct wall){ after }, fixed_after, &t) < 0 || t.usec > until.usec)
                return false;
        *ret = t;
        return true;
}

int schedule_last(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                  struct wall *ret_last)
{
        struct wall found;
        int64_t high = until.usec; /* nothing in (high, until] */

        if (schedule_is_special(s))
                return moments_last(s, after, fixed_after, until, 1 << SCHEDULE_DUE, ret_last);
        if (!next_within(s, after.usec, fixed_after, until, &found))
                return -ENOENT;
        /* Backwards in strides that double, as most schedules are dense; then halving what is between. */
        for (int64_t back = USEC_PER_HOUR; back <= INT64_MAX / 2; back *= 2) {
                if ((uint64_t)high - (uint64_t)found.usec <= (uint64_t)back)
                        break;
                if (next_within(s, high - back, fixed_after, until, &found))
                        break;
                high -= back;
        }
        for (;;) {
                uint64_t span = (uint64_t)high - (uint64_t)found.usec;
                int64_t middle = found.usec + (int64_t)(span > (uint64_t)USEC_PER_SEC ? span / 2 : 0);

                if (next_within(s, middle, fixed_after, until, &found))
                        continue;
                if (middle == found.usec)
                        break;
                high = middle;
        }
        *ret_last = found;
        return 0;
}

int schedule_next_moment(const struct schedule *s, struct wall after, struct wall fixed_after,
                         struct schedule_moment *ret_next)
{
        struct wall t;

        if (schedule_is_special(s))
                return moments_next(s, after, fixed_after, SCHEDULE_ANY, ret_next);
        if (schedule_next(s, after, fixed_after, &t) < 0)
                return -ENOENT;
        *ret_next = (struct schedule_moment){ .at = t, .due = true };
        return 0;
}

int schedule_last_moment(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                         struct wall *ret_last)
{
        return schedule_is_special(s) ? moments_last(s, after, fixed_after, until, SCHEDULE_ANY, ret_last) :
                         schedule_last(s, after, fixed_after, until, ret_last);
}

void schedule_walk(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                   schedule_part_fn *part, void *arg)
{
        struct schedule_part one = { .fate = SCHEDULE_DUE };

        if (schedule_is_special(s)) {
                moments_walk(s, after, fixed_after, until, part, arg);
                return;
        }
        if (schedule_next(s, after, fixed_after, &one.first) < 0 || one.first.usec > until.usec ||
            schedule_last(s, after, fixed_after, until, &one.last) < 0)
                return;
        one.count = schedule_count(s, after, fixed_after, until);
        part(arg, &one);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
        h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
        return h ^ h >> 32;
}

static uint64_t mix_expression(uint64_t h, const struct calendar *c)
{
        /* Not has_seconds, what print needs, and the two stars as one: they make no difference to the instants. */
        h = mix(h, c->kind | (uint64_t)c->interval << 8 | (uint64_t)(c->dom_star || c->dow_star) << 9 |
                           (uint64_t)c->at_local << 10 | (uint64_t)c->dow << 16 | (uint64_t)c->month << 32);
        h = mix(mix(mix(mix(h, c->hour), c->dom), c->minute), c->second);
        h = mix(h, (uint64_t)c->value_usec); /* or the sets that share its place */
        h = mix(h, c->dom_last_workday | (uint64_t)c->dow_last << 32);
        for (unsigned k = 0; k < CALENDAR_NTH_MAX; k++)
                h = mix(h, c->dow_nth[k]);
        return h;
}

static uint64_t mix_days(uint64_t h, const struct schedule_days *x)
{
        h = mix(mix(h, x->n), (uint64_t)x->move << 8 | (x->dst == DAYS_DST_SKIP));
        for (uint32_t i = 0; i < x->n; i++) {
                const struct exclude *e = &x->v[i];

                h = mix(h, e->kind);
                if (e->kind == EXCLUDE_DATES)
                        h = mix(h, (uint32_t)e->dates.first | (uint64_t)(uint32_t)e->dates.last << 32);
                else if (e->kind == EXCLUDE_CALENDAR)
                        h = mix(h, e->set ? e->set->digest : 0);
                else
                        h = mix_expression(h, &e->expression);
        }
        return h;
}

uint64_t schedule_digest(const struct schedule *s)
{
        uint64_t h = mix(UINT64_C(0xcbf29ce484222325), s->n);

        for (size_t i = 0; i < s->n; i++)
                h = mix_expression(h, &s->entries[i]);
        if (schedule_is_special(s))
                h = mix_days(h, &s->days);
        for (const char *p = tz_name(s->zone); *p; p++)
                h = mix(h, (unsigned char)*p);
        h = mix(h, tz_digest(s->zone));
        return mix(mix(h, (uint64_t)s->start.usec), (uint64_t)s->end.usec);
}

bool schedule_has_reboot(const struct schedule *s)
{
        for (size_t i = 0; i < s->n; i++)
                if (s->entries[i].kind == CALENDAR_REBOOT)
                        return true;
        return false;
}
