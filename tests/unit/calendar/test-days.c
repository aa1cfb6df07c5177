/* Instants that must not run or run on another day: dst, exclude, move. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../lib/tap.h"
#include "calendar/civil.h"
#include "calendar/schedule.h"
#include "calendar/timeparse.h"
#include "zone.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define HOWE   "LHST-10:30LHDT-11,M10.1.0,M4.1.0"
#define TROLL  "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3"
#define OPEN   ((struct wall){ INT64_MIN })

static struct calendar entries[80];
static struct exclude excludes[20];

static struct wall instant(const char *text, const struct tz *zone)
{
        struct wall t = {};

        if (instant_parse(text, zone, false, &t, NULL) < 0)
                ok(false, "%s is an instant", text);
        return t;
}

static int32_t day_of(const char *text)
{
        return (int32_t)floor_div(wall_sec(instant(text, tz_utc())), SEC_PER_DAY);
}

/* A schedule of what stands in the texts, parted by `;`. */
static struct schedule schedule_of(const char *text, const char *exclude, const struct tz *zone)
{
        struct schedule s = { .entries = entries, .zone = zone, .start = OPEN, .end = WALL_NEVER, .days.v = excludes };
        struct calendar_error error;
        char copy[2000], *save, *p;

        strcpy(copy, text);
        for (p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save))
                if (calendar_parse(p, NULL, &entries[s.n++], &error) < 0)
                        ok(false, "%s: %s", p, error.message);
        strcpy(copy, exclude);
        for (p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
                struct exclude *e = &excludes[s.days.n++];

                *e = (struct exclude){ .kind = EXCLUDE_DATES };
                if (strchr(p, ' ')) {
                        e->kind = EXCLUDE_EXPRESSION;
                        if (calendar_parse(p, NULL, &e->expression, &error) < 0)
                                ok(false, "%s: %s", p, error.message);
                        continue;
                }
                p[10] = 0;
                e->dates.first = e->dates.last = day_of(p);
                if (p[11] == '.')
                        e->dates.last = day_of(p + 12);
        }
        return s;
}

/* "29T03:00*12" … */
static size_t print_moment(const struct schedule_moment *m, const struct tz *zone, char *buf)
{
        char text[64];
        size_t n;

        wall_print_rfc3339(m->at, zone, 0, text, sizeof(text));
        n = (size_t)sprintf(buf, " %.*s", text[17] == '0' && text[18] == '0' ? 11 : 14, text + 5);
        if (m->excluded)
                n += (size_t)sprintf(buf + n, "x");
        if (m->dst > 0)
                n += (size_t)sprintf(buf + n, "%s*%llu", m->due ? "+" : "", (unsigned long long)m->dst);
        return n;
}

static const struct {
        const char *zone, *text, *exclude;
        int move, dst;
        const char *after, *until, *expect;
} rows[] = {
        /* exclude alone */
        { BERLIN, "0 9 * * *", "2026-12-24..2026-12-26", 0, 0, "2026-12-23", "2026-12-28",
          " 12-23T09:00 12-24T09:00x 12-25T09:00x 12-26T09:00x 12-27T09:00" },
        { BERLIN, "0 */8 * * *", "* 0-7 * * *", 0, 0, "2026-06-01T12:00", "2026-06-02T12:00",
          " 06-01T16:00 06-02T00:00x 06-02T08:00" },
        { BERLIN, "@every 6h", "2026-06-02", 0, 0, "2026-06-01T12:00", "2026-06-03T03:00",
          " 06-01T14:00 06-01T20:00 06-02T02:00x 06-02T08:00x 06-02T14:00x 06-02T20:00x 06-03T02:00" },
        { BERLIN, "@at 2026-12-24T18:00;@at 2026-12-24T18:00Z", "2026-12-24", 0, 0, "2026-12-01", "2027-01-01",
          " 12-24T18:00x 12-24T19:00x" },
        /* a local time that does not exist is excluded where it would have come */
        { BERLIN, "30 2 * * *", "2026-03-29", 0, 0, "2026-03-28", "2026-03-31", " 03-28T02:30 03-29T03:00x 03-30T02:30" },
        { BERLIN, "*/30 2 * * *", "2026-10-25", 0, 0, "2026-10-25", "2026-10-26",
          " 10-25T02:00x 10-25T02:30x 10-25T02:00x 10-25T02:30x" },
        { BERLIN, "30 2 * * *", "2026-10-25", 0, 0, "2026-10-25", "2026-10-26", " 10-25T02:30x" },
        /* one that stays wins over one that is excluded at the same instant */
        { BERLIN, "30 2 * * *;0 3 * * *", "30 2 * * *", 0, 0, "2026-03-29", "2026-03-30", " 03-29T03:00" },
        /* move */
        { BERLIN, "0 9 * * 4", "2026-12-24..2026-12-27", 1, 0, "2026-12-20", "2027-01-01",
          " 12-28T09:00 12-31T09:00" },
        { BERLIN, "0 9 * * 4", "2026-12-24..2026-12-27", 2, 0, "2026-12-20", "2027-01-01",
          " 12-23T09:00 12-31T09:00" },
        { BERLIN, "0 9 * * *", "2026-12-24..2026-12-27", 1, 0, "2026-12-23", "2026-12-30",
          " 12-23T09:00 12-28T09:00 12-29T09:00" },
        { BERLIN, "0 9 * * 4;0 9 * * 1", "2026-12-24..2026-12-27", 1, 0, "2026-12-20", "2026-12-30",
          " 12-21T09:00 12-28T09:00" },
        { BERLIN, "0 9 1 * *", "* * * * 0,6", 1, 0, "2026-07-15", "2026-12-15",
          " 08-03T09:00 09-01T09:00 10-01T09:00 11-02T09:00 12-01T09:00" },
        { BERLIN, "0 9 1 * *", "* * * * 0,6", 2, 0, "2026-07-15", "2026-12-15",
          " 07-31T09:00 09-01T09:00 10-01T09:00 10-30T09:00 12-01T09:00" },
        { BERLIN, "0 9,15 13 * *", "0 9 * * 5", 1, 0, "2026-11-01", "2026-11-30", " 11-13T15:00 11-14T09:00" },
        { BERLIN, "@at 2026-12-24T18:00", "2026-12-24..2026-12-26", 1, 0, "2026-12-01", "2027-01-01", " 12-27T18:00" },
        { BERLIN, "@at 2026-12-24T18:00Z", "2026-12-24..2026-12-26", 2, 0, "2026-12-01", "2027-01-01", " 12-23T19:00" },
        { BERLIN, "@every 12h", "2026-06-02", 1, 0, "2026-06-01T12:00", "2026-06-04",
          " 06-01T14:00 06-03T02:00 06-03T14:00" },
        { BERLIN, "@every 16h", "2026-06-02", 1, 0, "2026-06-01T12:00", "2026-06-04",
          " 06-03T02:00 06-03T10:00 06-03T18:00" },
        /* … onto a day on which that time does not exist, or comes twice; away from one */
        { BERLIN, "30 2 * * 6", "2026-03-28", 1, 0, "2026-03-27", "2026-04-01", " 03-29T03:00" },
        { BERLIN, "*/30 2 * * 6", "2026-03-28", 1, 0, "2026-03-27", "2026-04-01", " 03-29T03:00" },
        { BERLIN, "*/30 2 * * 6", "2026-10-24", 1, 0, "2026-10-23", "2026-10-27", " 10-25T02:00 10-25T02:30" },
        { BERLIN, "30 2 * * 0", "2026-03-29", 1, 0, "2026-03-27", "2026-04-01", " 03-30T02:30" },
        { BERLIN, "30 2 * * 0", "2026-10-25", 2, 0, "2026-10-23", "2026-10-27", " 10-24T02:30" },
        /* nowhere to go */
        { BERLIN, "0 9 24 12 *", "2026-12-01..2028-12-31", 1, 0, "2026-11-01", "2027-02-01", " 12-24T09:00x" },
        { BERLIN, "0 9 24 12 *", "* * * * *", 2, 0, "2026-11-01", "2027-02-01", " 12-24T09:00x" },
        { BERLIN, "0 9 1 6 *", "2026-06-01..2027-06-02", 1, 0, "2026-05-01", "2027-07-01", " 06-01T09:00x 06-03T09:00" },
        { BERLIN, "0 9 1 6 *", "2026-06-01..2027-06-01", 1, 0, "2026-05-01", "2027-06-15", " 06-02T09:00" },
        /* dst: skip */
        { BERLIN, "*/5 * * * *", "", 0, DAYS_DST_SKIP, "2026-03-29T01:54", "2026-03-29T03:05",
          " 03-29T01:55 03-29T03:00+*12 03-29T03:05" },
        { BERLIN, "*/15 2 * * *", "", 0, DAYS_DST_SKIP, "2026-03-28T02:44", "2026-03-30T02:00",
          " 03-28T02:45 03-29T03:00*4 03-30T02:00" },
        { BERLIN, "30 2 * * *", "", 0, DAYS_DST_SKIP, "2026-03-28", "2026-03-31",
          " 03-28T02:30 03-29T03:00*1 03-30T02:30" },
        { BERLIN, "*/20 * * * *", "", 0, DAYS_DST_SKIP, "2026-10-25T01:30", "2026-10-25T03:00",
          " 10-25T01:40 10-25T02:00*1 10-25T02:20*1 10-25T02:40*1 10-25T03:00" },
        { BERLIN, "30 2 * * *", "", 0, DAYS_DST_SKIP, "2026-10-24", "2026-10-27",
          " 10-24T02:30 10-25T02:30*1 10-26T02:30" },
        { BERLIN, "@every 30m", "", 0, DAYS_DST_SKIP, "2026-10-25T01:30", "2026-10-25T03:00",
          " 10-25T01:30 10-25T02:00 10-25T02:30 10-25T02:00 10-25T02:30 10-25T03:00" },
        { BERLIN, "@at 2026-03-29T02:30;@at 2026-10-25T02:30", "", 0, DAYS_DST_SKIP, "2026-03-01", "2027-01-01",
          " 03-29T03:00 10-25T02:30" },
        { HOWE, "*/10 * * * *", "", 0, DAYS_DST_SKIP, "2026-10-04T01:45", "2026-10-04T02:40",
          " 10-04T01:50 10-04T02:30+*3 10-04T02:40" },
        { HOWE, "*/10 1 * * *", "", 0, DAYS_DST_SKIP, "2026-04-05T01:15", "2026-04-05T03:00",
          " 04-05T01:20 04-05T01:30*1 04-05T01:40*1 04-05T01:50*1" },
        { TROLL, "*/30 * * * *", "", 0, DAYS_DST_SKIP, "2026-03-29T00:20", "2026-03-29T03:30",
          " 03-29T00:30 03-29T03:00+*4 03-29T03:30" },
        { TROLL, "0 0-5 * * *", "", 0, DAYS_DST_SKIP, "2026-10-25T00:30", "2026-10-25T05:00",
          " 10-25T01:00*1 10-25T02:00*1 10-25T03:00 10-25T04:00 10-25T05:00" },
        { "Pacific/Apia", "0 */6 * * *", "", 0, DAYS_DST_SKIP, "2011-12-29T17:00", "2011-12-31T07:00",
          " 12-29T18:00 12-31T00:00+*4 12-31T06:00" },
        { "Pacific/Apia", "0 9 * * *", "2011-12-30", 1, 0, "2011-12-28", "2012-01-02",
          " 12-28T09:00 12-29T09:00 12-31T09:00 01-01T09:00" },
        { "Pacific/Apia", "0 9 30 * *", "2011-12-31", 0, 0, "2011-12-28", "2012-01-02", " 12-31T00:00" },
        { "Pacific/Apia", "0 9 30 * *", "2011-12-30", 2, 0, "2011-12-28", "2012-01-02", " 12-29T09:00" },
        /* both: a day that is excluded first, then the clock */
        { BERLIN, "30 2 * * *", "2026-03-28", 1, DAYS_DST_SKIP, "2026-03-27", "2026-03-31",
          " 03-27T02:30 03-29T03:00*1 03-30T02:30" },
        { BERLIN, "30 2 * * 0", "2026-03-29", 1, DAYS_DST_SKIP, "2026-03-27", "2026-03-31", " 03-30T02:30" },
        { BERLIN, "*/30 2 * * *", "2026-10-25", 0, DAYS_DST_SKIP, "2026-10-25", "2026-10-26",
          " 10-25T02:00x 10-25T02:30x" },
};

static struct tz *zone_named(const char *name)
{
        return strchr(name, ',') ? zone_of_rule(name) : zone_load(name);
}

static void test_rows(void)
{
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct tz *zone = zone_named(rows[i].zone);
                struct schedule s;
                struct wall t, until;
                struct schedule_moment m;
                char got[2000] = "", name[300];
                size_t n = 0;

                if (!zone) {
                        ok(true, "%s # SKIP this system has no such zone", rows[i].zone);
                        continue;
                }
                s = schedule_of(rows[i].text, rows[i].exclude, zone);
                s.days.move = (uint8_t)rows[i].move;
                s.days.dst = (uint8_t)rows[i].dst;
                until = instant(rows[i].until, zone);
                t = instant(rows[i].after, zone);
                t.usec--;
                while (n < 1800 && schedule_next_moment(&s, t, OPEN, &m) == 0 && m.at.usec <= until.usec) {
                        n += print_moment(&m, zone, got + n);
                        t = m.at;
                }
                snprintf(name, sizeof(name), "%s without %s, move %d, dst %d, %s", rows[i].text, rows[i].exclude,
                         rows[i].move, rows[i].dst, rows[i].after);
                is_str(got, rows[i].expect, name);
                tz_free(zone);
        }
}

/* ---- with nothing that is excluded all is as without */

struct sums {
        uint64_t n[SCHEDULE_FATE_NR];
        struct wall first, last;
        bool any, disordered;
};

static void add_part(void *arg, const struct schedule_part *p)
{
        struct sums *x = arg;

        if (x->any && p->first.usec < x->last.usec)
                x->disordered = true;
        if (!x->any)
                x->first = p->first;
        x->any = true;
        x->last = p->last;
        x->n[p->fate] += p->count;
}

/* What walks, counts and looks for the last one must agree with: one after the other. */
static bool agree(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until)
{
        struct wall t = after, last = {}, due = {}, got;
        struct sums one = { 0 }, all = { 0 };
        struct schedule_moment m;

        while (schedule_next_moment(s, t, fixed_after, &m) == 0 && m.at.usec <= until.usec) {
                one.n[SCHEDULE_DUE] += m.due;
                one.n[SCHEDULE_EXCLUDED] += m.excluded;
                one.n[SCHEDULE_DST] += m.dst;
                last = t = m.at;
                if (m.due)
                        due = m.at;
        }
        schedule_walk(s, after, fixed_after, until, add_part, &all);
        if (all.disordered || memcmp(one.n, all.n, sizeof(one.n)) != 0 || (all.any && all.last.usec != last.usec)) {
                diag("walk: %" PRIu64 " %" PRIu64 " %" PRIu64 ", one by one: %" PRIu64 " %" PRIu64 " %" PRIu64, all.n[0],
                     all.n[1], all.n[2], one.n[0], one.n[1], one.n[2]);
                return false;
        }
        if (schedule_count(s, after, fixed_after, until) != one.n[SCHEDULE_DUE])
                return false;
        if (schedule_last(s, after, fixed_after, until, &got) == 0 ? got.usec != due.usec : one.n[SCHEDULE_DUE] > 0)
                return false;
        return schedule_last_moment(s, after, fixed_after, until, &got) == 0 ? got.usec == last.usec : !all.any;
}

static bool same_as_plain(struct schedule *s, struct wall after, struct wall fixed_after, struct wall until)
{
        struct schedule plain = *s;
        struct wall t = after, u, v;

        plain.days = (struct schedule_days){ 0 };
        for (;;) {
                int a = schedule_next(&plain, t, fixed_after, &u), b = schedule_next(s, t, fixed_after, &v);

                if (a < 0 || u.usec > until.usec)
                        return b < 0 || v.usec > until.usec;
                if (b < 0 || u.usec != v.usec) {
                        diag("plain %" PRId64 ", got %" PRId64, wall_sec(u), b < 0 ? -1 : wall_sec(v));
                        return false;
                }
                t = u;
        }
}

static const char *const zones[] = { BERLIN, HOWE, TROLL, "Pacific/Apia", "Africa/Casablanca", "America/Caracas",
                                     "Antarctica/Troll", "Asia/Kathmandu", "Africa/Monrovia", "America/Scoresbysund" };
static const char *const texts[] = {
        "30 2 * * *",
        "*/30 * * * *",
        "0,30 0-3 * * *",
        "0 0 * * *",
        "0 0 29 2 *",
        "@every 37m",
        "@every 101m",
        "*/20 7 0-3 * * *",
        "@at 2026-03-29T02:30;@at 2026-10-25T02:10;@at 2026-10-25T00:10Z",
        "30 2 * * *;*/30 * * * *",
        "*/7 1-4 * * *;15 2,3 * * *;@every 90m",
        "@reboot",
};
static const char *const spans[][3] = {
        { "2026-03-27T00:00:00Z", NULL, "2026-03-31T00:00:00Z" },
        { "2026-10-24T00:00:00Z", NULL, "2026-10-27T12:34:56Z" },
        { "2026-04-04T00:00:00Z", NULL, "2026-04-06T00:00:00Z" },
        { "2026-10-03T00:00:00Z", "2026-10-03T15:40:00Z", "2026-10-05T00:00:00Z" },
        { "2011-12-28T00:00:00Z", NULL, "2012-01-02T00:00:00Z" },
        { "1972-01-06T00:00:00Z", NULL, "1972-01-09T00:00:00Z" },
        { "2026-10-24T10:00:00Z", "2026-10-25T00:40:00Z", "2026-10-26T10:00:00Z" },
        { "2026-10-24T10:00:00Z", "2026-10-27T00:40:00Z", "2026-10-26T10:00:00Z" },
        { "2026-03-28T10:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T10:00:00Z" },
        { "2024-03-31T01:00:00Z", NULL, "2024-03-31T01:00:01Z" },
        { "2026-02-14T00:00:00Z", NULL, "2026-02-24T00:00:00Z" },
};

static void test_plain(void)
{
        for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
                struct tz *zone = zone_named(zones[z]);

                for (size_t i = 0; zone && i < sizeof(texts) / sizeof(texts[0]); i++) {
                        bool good = true;

                        for (size_t k = 0; k < sizeof(spans) / sizeof(spans[0]); k++)
                                for (int bounded = 0; bounded < 2; bounded++) {
                                        struct wall a = instant(spans[k][0], zone), b = instant(spans[k][2], zone),
                                                    f = spans[k][1] ? instant(spans[k][1], zone) : OPEN;
                                        struct schedule s = schedule_of(texts[i], "1950-01-01", zone);

                                        if (bounded) {
                                                s.start = WALL_SEC(wall_sec(a) + (wall_sec(b) - wall_sec(a)) / 4);
                                                s.end = WALL_SEC(wall_sec(a) + (wall_sec(b) - wall_sec(a)) / 4 * 3);
                                        }
                                        if (!same_as_plain(&s, a, f, b)) {
                                                diag("%s from %s%s", zones[z], spans[k][0], bounded ? ", bounded" : "");
                                                good = false;
                                        }
                                }
                        ok(good, "%s in %s with nothing excluded is as without", texts[i], zones[z]);
                }
                tz_free(zone);
        }
}

static void test_agree(void)
{
        static const char *const out[] = { "", "2026-03-28..2026-03-29;2026-10-25", "* 1-2 * * 0", "30 2 * * *;* * * * 6",
                                           "2011-12-30;1972-01-07;2026-04-05;2026-10-04" };

        for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
                struct tz *zone = zone_named(zones[z]);
                bool good = true;

                for (size_t i = 0; zone && i < sizeof(texts) / sizeof(texts[0]); i++)
                        for (size_t k = i % 3; k < sizeof(spans) / sizeof(spans[0]); k += 3)
                                for (size_t x = 0; x < sizeof(out) / sizeof(out[0]); x++)
                                        for (uint8_t how = 0; how < 6; how++) {
                                                struct schedule s = schedule_of(texts[i], out[x], zone);

                                                s.days.move = how % 3;
                                                s.days.dst = how < 3 ? DAYS_DST_ONCE : DAYS_DST_SKIP;
                                                if (agree(&s, instant(spans[k][0], zone),
                                                          spans[k][1] ? instant(spans[k][1], zone) : OPEN,
                                                          instant(spans[k][2], zone)))
                                                        continue;
                                                diag("%s without %s, move %d, dst %d, from %s", texts[i], out[x],
                                                     s.days.move, s.days.dst, spans[k][0]);
                                                good = false;
                                        }
                if (zone)
                        ok(good, "next, last, count and walk agree in %s", zones[z]);
                tz_free(zone);
        }
}

static void test_long(void)
{
        struct tz *berlin = zone_of_rule(BERLIN);
        struct schedule s = schedule_of("*/5 * * * *", "* * 24-26 12 *", berlin);
        struct sums x = { 0 };
        struct wall t;
        clock_t begin;

        schedule_walk(&s, instant("2026-01-01T00:00:00", berlin), OPEN, instant("2036-01-01", berlin), add_part, &x);
        is_int(x.n[SCHEDULE_EXCLUDED], 10 * 3 * 288, "ten Christmases");
        is_int(x.n[SCHEDULE_DUE], 3652 * 288 - 10 * 3 * 288, "and the rest of ten years");
        s.days.dst = DAYS_DST_SKIP;
        x = (struct sums){ 0 };
        schedule_walk(&s, instant("2026-01-01T00:00:00", berlin), OPEN, instant("2036-01-01", berlin), add_part, &x);
        is_int(x.n[SCHEDULE_DST], 10 * 24, "ten years of changes, twelve local times each");
        is_int(x.n[SCHEDULE_DUE], 3652 * 288 - 10 * 3 * 288 - 10 * 24, "all local times are counted once");

        s = schedule_of("*/5 * * * *", "0-29 * * * *;30-59 * * * *", berlin);
        ok(schedule_next(&s, instant("2026-01-01", berlin), OPEN, &t) == -ENOENT, "all is excluded: nothing is due");
        s.days.move = DAYS_MOVE_NEXT;
        ok(schedule_next(&s, instant("2026-01-01", berlin), OPEN, &t) == -ENOENT, "nor is there a day to move to");
        s = schedule_of("* * * * * *", "* * * * *", berlin);
        begin = clock();
        ok(schedule_next(&s, instant("2026-01-01", berlin), OPEN, &t) == -ENOENT, "every second of every day");
        ok(clock() - begin < CLOCKS_PER_SEC / 4, "and that is told soon");
        s = schedule_of("0 9 25 12 *", "* * 25 12 *", berlin);
        ok(schedule_next(&s, instant("2026-01-01", berlin), OPEN, &t) == -ENOENT, "every Christmas");
        s = schedule_of("0 9 29 2 *", "2028-01-01..2060-12-31", berlin);
        ok(schedule_next(&s, instant("2026-01-01", berlin), OPEN, &t) == 0 &&
                   t.usec == instant("2064-02-29T09:00", berlin).usec,
           "it may be long until the next");
        tz_free(berlin);
}

static void test_why(void)
{
        struct tz *berlin = zone_of_rule(BERLIN);
        struct schedule s = schedule_of("0 9 * * 4", "2026-12-24..2026-12-26;* * * * 0", berlin);
        struct wall from, to;

        ok(schedule_excluded_by(&s, instant("2026-12-24T09:00", berlin)) == &excludes[0], "the range excludes it");
        ok(schedule_excluded_by(&s, instant("2026-12-27T09:00", berlin)) == &excludes[1], "the expression does");
        ok(!schedule_excluded_by(&s, instant("2026-12-28T09:00", berlin)), "nothing does");
        s.days.move = DAYS_MOVE_NEXT;
        ok(schedule_moved_from(&s, instant("2026-12-28T09:00", berlin), &from) &&
                   from.usec == instant("2026-12-24T09:00", berlin).usec,
           "moved over four days");
        ok(!schedule_moved_from(&s, instant("2026-12-31T09:00", berlin), &from), "this one is its own");
        ok(!schedule_moved_from(&s, instant("2026-12-29T09:00", berlin), &from), "this one is none");
        ok(schedule_moved_to(&s, instant("2026-12-24T09:00", berlin), &to) &&
                   to.usec == instant("2026-12-28T09:00", berlin).usec,
           "away over four days");
        ok(!schedule_moved_to(&s, instant("2026-12-24T09:01", berlin), &to), "no instant, no move");
        ok(!schedule_moved_to(&s, instant("2026-12-25T09:00", berlin), &to), "nor on another day");
        ok(!schedule_moved_to(&s, instant("2026-12-31T09:00", berlin), &to), "one that stays");
        s.days.move = DAYS_MOVE_PREVIOUS;
        ok(schedule_moved_to(&s, instant("2026-12-24T09:00", berlin), &to) &&
                   to.usec == instant("2026-12-23T09:00", berlin).usec,
           "the other way");
        s.start = instant("2026-12-24T09:01", berlin);
        ok(!schedule_moved_to(&s, instant("2026-12-24T09:00", berlin), &to), "before start there is none");
        tz_free(berlin);
}

static void test_bounds(void)
{
        struct tz *berlin = zone_of_rule(BERLIN);
        struct schedule s = schedule_of("0 9 * * *", "2026-12-24..2026-12-26", berlin);
        struct wall t;

        s.days.move = DAYS_MOVE_NEXT;
        s.end = instant("2026-12-25T12:00", berlin);
        ok(schedule_last(&s, instant("2026-12-01", berlin), OPEN, instant("2027-02-01", berlin), &t) == 0 &&
                   t.usec == instant("2026-12-27T09:00", berlin).usec,
           "an instant before the end may move behind it");
        s.end = instant("2026-12-23T12:00", berlin);
        ok(schedule_last(&s, instant("2026-12-01", berlin), OPEN, instant("2027-02-01", berlin), &t) == 0 &&
                   t.usec == instant("2026-12-23T09:00", berlin).usec,
           "one behind it is none");
        s.days.move = DAYS_MOVE_PREVIOUS;
        s.end = WALL_NEVER;
        s.start = instant("2026-12-26T08:00", berlin);
        ok(schedule_next(&s, instant("2026-12-01", berlin), OPEN, &t) == 0 &&
                   t.usec == instant("2026-12-23T09:00", berlin).usec,
           "one after the start may move before it");
        tz_free(berlin);
}

static void test_digest(void)
{
        struct schedule s = schedule_of("0 9 * * *", "2026-12-24", tz_utc()), plain = s;
        uint64_t d = schedule_digest(&s), other;
        struct day_range v[] = { { 5, 9 }, { 1, 3 }, { 4, 4 }, { 20, 10 } };
        struct dayset *a = dayset_new(v, 4), *b = dayset_new(v, 1);

        plain.days = (struct schedule_days){ 0 };
        ok(schedule_digest(&plain) != d, "what is excluded is in the digest");
        s.days.move = DAYS_MOVE_NEXT;
        ok(schedule_digest(&s) != d, "and where to");
        s.days = (struct schedule_days){ .v = excludes, .n = 1 };
        excludes[0] = (struct exclude){ .kind = EXCLUDE_CALENDAR, .set = a };
        other = schedule_digest(&s);
        excludes[0].set = b;
        ok(schedule_digest(&s) != other, "and the days of a calendar");
        is_int(a->n, 1, "ranges that touch are one");
        ok(dayset_has(a, 1) && dayset_has(a, 9) && !dayset_has(a, 0) && !dayset_has(a, 10), "its bounds are included");
        dayset_unref(a);
        dayset_unref(b);
}

int main(void)
{
        test_rows();
        test_plain();
        test_agree();
        test_long();
        test_why();
        test_bounds();
        test_digest();
        return tap_done();
}
