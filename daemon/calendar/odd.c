/* What daylight saving does to a schedule: see schedule.h.  Each offset change is looked at from the schedule's two
 * sides, its fixed and its interval expressions. */
#include <stdio.h>

#include "calendar/civil.h"
#include "calendar/count.h"
#include "calendar/timeparse.h"

struct odd {
        const struct schedule *s;
        struct wall after, until;
        struct schedule_oddity *ret;
        size_t max, n;
};

/* "02:30", "02:30:15" of a local time. */
static const char *clock_of(int64_t local, char buf[16])
{
        int tod = (int)(local - floor_div(local, SEC_PER_DAY) * SEC_PER_DAY);

        snprintf(buf, 16, tod % 60 ? "%02d:%02d:%02d" : "%02d:%02d", tod / 3600 % 24, tod / 60 % 60, tod % 60);
        return buf;
}

/* "02:30 does", "02:00 and 3 more times do" */
static void say_times(char buf[64], int64_t local, uint64_t n, const char *one, const char *many)
{
        char clock[16];

        if (n == 1)
                snprintf(buf, 64, "%s %s", clock_of(local, clock), one);
        else
                snprintf(buf, 64, "%s and %llu more time%s %s", clock_of(local, clock), (unsigned long long)(n - 1),
                         n == 2 ? "" : "s", many);
}

/* "03:00+02:00", with the date in front where it is not `local`'s. */
static void say_instant(char buf[48], const struct tz *zone, int64_t sec, int64_t local)
{
        char text[48];
        int32_t offset = tz_offset_at(zone, sec);
        size_t n = wall_print_rfc3339(WALL_SEC(sec), zone, 0, text, sizeof(text));
        bool same_day = floor_div(sec + offset, SEC_PER_DAY) == floor_div(local, SEC_PER_DAY);
        const char *clock = strchr(text, 'T') + 1;
        int whole = clock[6] == '0' && clock[7] == '0' ? 5 : 8; /* without seconds that are 00 */

        snprintf(buf, 48, "%.*s%s%.*s%s", same_day ? 0 : (int)(clock - text - 1), text, same_day ? "" : " ", whole,
                 clock, text + n - 6);
}

static struct schedule_oddity *add(struct odd *o, int64_t sec)
{
        struct wall at = WALL_SEC(sec);

        if (at.usec <= o->after.usec || at.usec > o->until.usec || at.usec < o->s->start.usec ||
            at.usec > o->s->end.usec || o->n == o->max)
                return NULL;
        o->ret[o->n].at = at;
        return &o->ret[o->n++];
}

static void say(struct odd *o, int64_t sec, int64_t local, const char *times, const char *what, const char *where)
{
        struct schedule_oddity *r = add(o, sec);
        char date[48];

        if (!r)
                return;
        wall_print_local(WALL_SEC(local), tz_utc(), date, sizeof(date));
        snprintf(r->why, sizeof(r->why), "%s on %.*s: %s%s", times, (int)(strchr(date, ' ') - date), date, what, where);
}

/* `dst: skip`: none of them is due, whatever its expression. */
static bool look_at_skipped(struct odd *o, int64_t first, int64_t last, int64_t sec, int32_t before, const char *one, const char *many)
{
        char times[64];
        int64_t local;

        if (o->s->days.dst != DAYS_DST_SKIP)
                return false;
        for (int interval = 0; interval <= 1; interval++) {
                uint64_t n = count_local(o->s, interval, first, last, &local);

                if (n == 0)
                        continue;
                say_times(times, local, n, one, many);
                say(o, sec != INT64_MIN ? sec : local - before, local, times, "skipped (dst)", "");
        }
        return true;
}

/* Local times first … last are skipped at `sec`. */
static void look_at_gap(struct odd *o, int64_t sec, int64_t first, int64_t last)
{
        char times[64], where[64], at[48];
        int64_t local;
        uint64_t n;

        if (look_at_skipped(o, first, last, sec, 0, "does not exist", "do not exist"))
                return;
        n = count_local(o->s, false, first, last, &local);
        if (n > 0) {
                say_times(times, local, n, "does not exist", "do not exist");
                say_instant(at, o->s->zone, sec, local);
                snprintf(where, sizeof(where), n > 1 ? "once, at %s instead" : "at %s instead", at);
                say(o, sec, local, times, "due ", where);
        }
        n = count_local(o->s, true, first, last, &local);
        if (n > 0) {
                say_times(times, local, n, "does not exist", "do not exist");
                say(o, sec, local, times, "not due", "");
        }
}

/* Local times first … last come a second time from `sec` on, when the offset is `offset`; it was `before`. */
static void look_at_overlap(struct odd *o, int64_t first, int64_t last, int32_t before, int32_t offset)
{
        char times[64], at[48];
        int64_t local;
        uint64_t n;

        if (look_at_skipped(o, first, last, INT64_MIN, before, "comes twice", "come twice"))
                return;
        n = count_local(o->s, false, first, last, &local);
        if (n > 0) {
                say_times(times, local, n, "comes twice", "come twice");
                say_instant(at, o->s->zone, local - before, local);
                say(o, local - before, local, times, "due the first time only, at ", at);
        }
        n = count_local(o->s, true, first, last, &local);
        if (n > 0) {
                say_times(times, local, n, "comes twice", "come twice");
                say(o, local - offset, local, times, "due both times", "");
        }
}

size_t schedule_odd(const struct schedule *s, struct wall after, struct wall until, struct schedule_oddity *ret,
                    size_t max)
{
        struct odd o = { .s = s, .after = after, .until = until, .ret = ret, .max = max };
        struct tz_span before, span;
        int64_t limit;

        tz_span_at(s->zone, wall_sec(after) - TZ_OFFSET_MAX_SEC, &before);
        /* An oddity may lie a little before the change that makes it. */
        limit = MIN(wall_sec(until), wall_sec(after) + SEC_PER_ERA) + 2 * TZ_OFFSET_MAX_SEC;
        for (; before.end_sec <= limit && o.n < max; before = span) {
                int64_t sec = before.end_sec, old, new;

                tz_span_at(s->zone, sec, &span);
                old = sec + before.offset_sec;
                new = sec + span.offset_sec;
                if (new > old)
                        look_at_gap(&o, sec, old, new - 1);
                else if (new < old)
                        look_at_overlap(&o, new, old - 1, before.offset_sec, span.offset_sec);
        }
        return o.n;
}
