/* The oracle: which instants are due, by brute force.  It shares nothing with daemon/calendar: expressions are read by
 * the few lines here, offsets come from libc's localtime_r minute by minute, and the rules of daylight saving are
 * applied to what the walk sees: a local minute seen before is a repeated one, one that never came was skipped. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sim.h"

struct minute {
        int64_t utc;          /* seconds */
        int64_t local;        /* minutes since 1970 on the local clock */
        int64_t skipped_from; /* local minutes [skipped_from, local) never came; == local: none */
        uint8_t min, hour, day, month, weekday;
        bool repeated;
};

void zone_walk(struct zone *z, int64_t from_sec, int64_t to_sec)
{
        int64_t seen = INT64_MIN;
        size_t n = 0;

        from_sec -= from_sec % 60;
        z->n_minutes = (size_t)((to_sec - from_sec) / 60);
        z->minutes = calloc(z->n_minutes, sizeof(*z->minutes));
        assert(z->minutes);
        setenv("TZ", z->libc_tz, 1);
        tzset();
        for (int64_t t = from_sec; n < z->n_minutes; t += 60, n++) {
                struct minute *m = &z->minutes[n];
                time_t tt = (time_t)t;
                struct tm tm;

                localtime_r(&tt, &tm);
                assert(tm.tm_sec == 0); /* today's zones are whole minutes from UTC */
                *m = (struct minute){ .utc = t,
                                      .min = (uint8_t)tm.tm_min,
                                      .hour = (uint8_t)tm.tm_hour,
                                      .day = (uint8_t)tm.tm_mday,
                                      .month = (uint8_t)(tm.tm_mon + 1),
                                      .weekday = (uint8_t)tm.tm_wday };
                m->local = (int64_t)timegm(&tm) / 60;
                m->repeated = m->local <= seen;
                m->skipped_from = seen != INT64_MIN && m->local > seen + 1 ? seen + 1 : m->local;
                if (m->local > seen)
                        seen = m->local;
        }
        unsetenv("TZ");
        tzset();
}

/* ---- expressions */
struct expr {
        enum { E_FIELDS, E_EVERY, E_AT_LOCAL, E_AT_UTC, E_NONE } what;
        bool set[6][64]; /* second minute hour day month weekday */
        bool star[6];
        bool interval;
        int64_t value;   /* EVERY: seconds; AT: seconds or local minutes */
};

static int word_or_number(const char **p, const char *const *words, int base)
{
        if (isdigit((unsigned char)**p))
                return (int)strtol(*p, (char **)p, 10);
        for (int i = 0; words && words[i]; i++)
                if (strncasecmp(*p, words[i], 3) == 0) {
                        *p += 3;
                        return i + base;
                }
        assert(!"a number or a name");
        return 0;
}

static void read_field(const char *p, int lo, int hi, const char *const *words, int base, bool *set, bool *star)
{
        *star = *p == '*' || *p == '?';
        for (;;) {
                int a = lo, b = hi, n = 1;

                if (*p == '*' || *p == '?')
                        p++;
                else {
                        a = b = word_or_number(&p, words, base);
                        if (*p == '-') {
                                p++;
                                b = word_or_number(&p, words, base);
                                if (words && base == 0 && b < a) /* fri-sun */
                                        b += 7;
                        }
                }
                if (*p == '/')
                        n = (int)strtol(p + 1, (char **)&p, 10);
                for (int v = a; v <= b; v += n)
                        set[v] = true;
                if (*p != ',')
                        break;
                p++;
        }
        assert(*p == 0);
}

static const struct {
        const char *name, *fields;
} macros[] = {
        { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" },
        { "@weekly", "0 0 * * 0" }, { "@daily", "0 0 * * *" },    { "@midnight", "0 0 * * *" },
        { "@hourly", "0 * * * *" },
};

static void read_at(const char *t, struct expr *e)
{
        int y, mo, d, h, mi, n = 0;
        struct tm tm;

        assert(sscanf(t, "%d-%d-%dT%d:%d%n", &y, &mo, &d, &h, &mi, &n) == 5);
        tm = (struct tm){ .tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi };
        e->value = (int64_t)timegm(&tm);
        e->what = t[n] == 'Z' ? E_AT_UTC : E_AT_LOCAL;
        if (e->what == E_AT_LOCAL)
                e->value /= 60;
}

static void read_expr(const char *text, struct expr *e)
{
        static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                              "aug", "sep", "oct", "nov", "dec", NULL };
        static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };
        static const struct {
                int lo, hi;
        } range[6] = { { 0, 59 }, { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 7 } };
        char buf[256], *field[7] = { 0 }, *save = NULL;
        int n = 0, shift;

        *e = (struct expr){ .what = E_FIELDS };
        for (size_t i = 0; i < ARRAY_SIZE(macros); i++)
                if (strcasecmp(text, macros[i].name) == 0)
                        text = macros[i].fields;
        if (strncmp(text, "@every ", 7) == 0) {
                char unit = 's';

                assert(sscanf(text + 7, "%lld%c", (long long *)&e->value, &unit) >= 1);
                e->value *= unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 1;
                e->what = E_EVERY;
                return;
        }
        if (strncmp(text, "@at ", 4) == 0) {
                read_at(text + 4, e);
                return;
        }
        if (strcmp(text, "@reboot") == 0 || strncmp(text, "@after ", 7) == 0) { /* after.c */
                e->what = E_NONE;
                return;
        }
        assert(strlen(text) < sizeof(buf));
        strcpy(buf, text);
        for (char *p = strtok_r(buf, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
                assert(n < 6);
                field[n++] = p;
        }
        assert(n == 5 || n == 6);
        shift = 6 - n;
        if (shift)
                e->set[0][0] = true;
        for (int i = 0; i < n; i++) {
                int k = i + shift;

                read_field(field[i], range[k].lo, range[k].hi,
                           k == 4   ? months
                           : k == 5 ? days
                                    : NULL,
                           k == 4, e->set[k], &e->star[k]);
        }
        for (int v = 7; v < 14; v++)
                if (e->set[5][v])
                        e->set[5][v - 7] = true;
        e->interval = e->star[0] || e->star[1] || e->star[2];
}

static bool minute_matches(const struct expr *e, int min, int hour, int day, int month, int weekday)
{
        bool d = e->set[3][day], w = e->set[5][weekday];

        return e->set[1][min] && e->set[2][hour] && e->set[4][month] && (e->star[3] || e->star[5] ? d && w : d || w);
}

static bool local_minute_matches(const struct expr *e, int64_t local)
{
        time_t t = (time_t)(local * 60);
        struct tm tm;

        gmtime_r(&t, &tm);
        return minute_matches(e, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon + 1, tm.tm_wday);
}

/* Marks the seconds of one walked minute at which the expression is due. */
static bool mark(const struct expr *e, const struct minute *m, int64_t origin, uint8_t seconds[60])
{
        bool any = false;

        switch (e->what) {
        case E_EVERY:
                for (int64_t i = (origin - m->utc) % e->value; i < 60; i += e->value)
                        if (i >= 0) {
                                seconds[i] |= INSTANT_INTERVAL;
                                any = true;
                        }
                return any;
        case E_AT_UTC:
                if (e->value >= m->utc && e->value < m->utc + 60) {
                        seconds[e->value - m->utc] |= INSTANT_FIXED;
                        any = true;
                }
                return any;
        case E_AT_LOCAL:
                if ((e->value == m->local && !m->repeated) || (e->value >= m->skipped_from && e->value < m->local)) {
                        seconds[0] |= INSTANT_FIXED;
                        any = true;
                }
                return any;
        case E_FIELDS:
                if (m->skipped_from == m->local && !e->set[1][m->min])
                        return false;
                if ((e->interval || !m->repeated) && minute_matches(e, m->min, m->hour, m->day, m->month, m->weekday))
                        for (int i = 0; i < 60; i++)
                                if (e->set[0][i]) {
                                        seconds[i] |= e->interval ? INSTANT_INTERVAL : INSTANT_FIXED;
                                        any = true;
                                }
                if (!e->interval)
                        for (int64_t l = m->skipped_from; l < m->local; l++)
                                if (local_minute_matches(e, l)) {
                                        seconds[0] |= INSTANT_FIXED;
                                        any = true;
                                        break;
                                }
                return any;
        case E_NONE:
                break;
        }
        return false;
}

static void add(struct oracle *o, int64_t sec, uint8_t kind, int fate, unsigned number, unsigned intervals)
{
        if (o->n == o->allocated) {
                o->allocated = o->allocated ? o->allocated * 2 : 64;
                o->sec = realloc(o->sec, o->allocated * sizeof(*o->sec));
                o->kind = realloc(o->kind, o->allocated);
                o->fate = realloc(o->fate, o->allocated);
                o->number = realloc(o->number, o->allocated * sizeof(*o->number));
                o->intervals = realloc(o->intervals, o->allocated * sizeof(*o->intervals));
                assert(o->sec && o->kind && o->fate && o->number && o->intervals);
        }
        o->sec[o->n] = sec;
        o->kind[o->n] = kind;
        o->fate[o->n] = (uint8_t)fate;
        o->number[o->n] = (uint16_t)number;
        o->intervals[o->n++] = (uint16_t)intervals;
}

/* ---- dst, exclude, move: a table of all local minutes of the walk, what each names, by kind, and where that goes */
enum { BY_CLOCK, BY_RULE, BY_DATE, BY_PERIOD, BY_INSTANT, KINDS }; /* interval, fixed, @at, @every, @at in UTC */
#define OF_INTERVAL(k) ((k) == BY_CLOCK || (k) == BY_PERIOD)
#define IN_UTC(k)      ((k) >= BY_PERIOD)

struct local {
        uint64_t stay[KINDS], come[KINDS], gone[KINDS]; /* seconds */
        uint8_t times; /* how often the walk comes by */
        bool out, moves;
};

struct table {
        struct local *v;
        int64_t first; /* local minute */
        int64_t n;
};

static bool is_out(const struct left_out *out, const struct expr *e, int64_t local)
{
        int64_t day = local >= 0 ? local / 1440 : (local - 1439) / 1440;

        for (size_t i = 0; i < out->n; i++)
                if (out->text[i] ? local_minute_matches(&e[i], local) : day >= out->first[i] && day <= out->last[i])
                        return true;
        return false;
}

static struct table table_new(const struct zone *z, const struct left_out *out)
{
        int64_t last = INT64_MIN;
        struct table t = { .first = INT64_MAX };
        struct expr e[3];

        for (size_t i = 0; i < out->n; i++)
                if (out->text[i])
                        read_expr(out->text[i], &e[i]);
        for (size_t k = 0; k < z->n_minutes; k++) {
                t.first = MIN(t.first, z->minutes[k].local);
                last = MAX(last, z->minutes[k].local);
        }
        t.first -= (t.first % 1440 + 1440) % 1440; /* whole days */
        t.n = (last - t.first) / 1440 * 1440 + 1440;
        t.v = calloc((size_t)t.n, sizeof(*t.v));
        assert(t.v);
        for (int64_t i = 0; i < t.n; i++)
                t.v[i].out = is_out(out, e, t.first + i);
        for (size_t k = 0; k < z->n_minutes; k++)
                t.v[z->minutes[k].local - t.first].times++;
        return t;
}

/* What the expressions name: by local time, and @every and an @at in UTC by when they are. */
static void name_minutes(struct table *t, const struct zone *z, const struct expr *e, int64_t origin, bool wall)
{
        for (int64_t i = 0; i < t->n && e->what == E_FIELDS; i++)
                if (local_minute_matches(e, t->first + i))
                        for (int s = 0; s < 60; s++)
                                if (e->set[0][s])
                                        t->v[i].stay[e->interval || wall ? BY_CLOCK : BY_RULE] |= UINT64_C(1) << s;
        if (e->what == E_AT_LOCAL && e->value >= t->first && e->value < t->first + t->n)
                t->v[e->value - t->first].stay[BY_DATE] |= 1;
        for (size_t k = 0; k < z->n_minutes && (e->what == E_EVERY || e->what == E_AT_UTC); k++) {
                uint8_t seconds[60] = { 0 };

                if (mark(e, &z->minutes[k], origin, seconds))
                        for (int s = 0; s < 60; s++)
                                if (seconds[s])
                                        t->v[z->minutes[k].local - t->first].stay[e->what == E_EVERY ? BY_PERIOD : BY_INSTANT] |=
                                                UINT64_C(1) << s;
        }
}

/* Local times that are out go, to the nearest day on which they are not, or are gone. */
static void move_minutes(struct table *t, const struct left_out *out, const struct zone *z, int64_t start, int64_t end)
{
        int64_t first = INT64_MIN, last = INT64_MAX; /* local minutes between start and end */

        for (size_t k = 0; k < z->n_minutes; k++) {
                if (z->minutes[k].utc <= start)
                        first = z->minutes[k].local;
                if (z->minutes[k].utc <= end)
                        last = z->minutes[k].local;
        }
        if (end == INT64_MAX)
                last = INT64_MAX;
        for (int64_t i = 0; i < t->n; i++) {
                struct local *l = &t->v[i];
                int64_t to = i;

                if (!l->out)
                        continue;
                while (out->move && to >= 0 && to < t->n && t->v[to].out)
                        to += out->move * 1440;
                l->moves = to != i && to >= 0 && to < t->n;
                for (int k = 0; k < KINDS; k++) {
                        if (l->moves)
                                t->v[to].come[k] |= t->first + i >= first && t->first + i <= last ? l->stay[k] : 0;
                        else
                                l->gone[k] |= l->stay[k];
                        l->stay[k] = 0;
                }
        }
}

/* What one minute of the walk comes to, by seconds: which kinds are due there, which are excluded. */
struct outcome {
        uint8_t due[60], excluded[60], dst[60];
        unsigned gap, gap_intervals; /* local times that were skipped at its first second */
};

static void by_rule(const struct minute *m, const struct local *l, const struct left_out *out, bool bounded,
                    struct outcome *o)
{
        for (int k = 0; k < KINDS; k++) {
                uint8_t kind = OF_INTERVAL(k) ? INSTANT_INTERVAL : INSTANT_FIXED;
                bool skip = out->dst == 2 && k <= BY_RULE;
                bool once = k == BY_RULE || k == BY_DATE || skip;

                if (!(l->stay[k] | l->come[k] | l->gone[k]))
                        continue;
                for (int s = 0; s < 60; s++) {
                        uint64_t bit = UINT64_C(1) << s;
                        bool stays = l->stay[k] & bit && bounded && !(once && m->repeated) && !IN_UTC(k),
                             comes = l->come[k] & bit && !m->repeated;

                        if (stays || comes)
                                *(skip && l->times > 1 ? &o->dst[s] : &o->due[s]) |= kind;
                        if (l->gone[k] & bit && bounded && !(once && m->repeated) && !IN_UTC(k))
                                o->excluded[s] |= kind;
                }
        }
}

static void by_gap(const struct minute *m, const struct table *t, const struct left_out *out, bool bounded, struct outcome *o)
{
        for (int64_t l = MAX(m->skipped_from, t->first); l < m->local; l++) {
                const struct local *x = &t->v[l - t->first];
                uint64_t skipped = 0, skipped_intervals = 0;

                for (int k = 0; k < KINDS; k++) {
                        uint8_t kind = OF_INTERVAL(k) ? INSTANT_INTERVAL : INSTANT_FIXED;
                        bool skip = out->dst == 2 && k <= BY_RULE;
                        uint64_t stay = bounded && !IN_UTC(k) && (k != BY_CLOCK || skip) ? x->stay[k] : 0,
                                 gone = bounded && !IN_UTC(k) && (k != BY_CLOCK || skip) ? x->gone[k] : 0;

                        if (skip) {
                                skipped |= stay | x->come[k];
                                skipped_intervals |= OF_INTERVAL(k) ? stay | x->come[k] : 0;
                        } else if (stay | x->come[k])
                                o->due[0] |= kind;
                        if (gone)
                                o->excluded[0] |= kind;
                }
                o->gap += (unsigned)__builtin_popcountll(skipped);
                o->gap_intervals += (unsigned)__builtin_popcountll(skipped_intervals);
        }
}

/* @every, and what is at a time of UTC, needs no rule: it is when it is. */
static void by_utc(const struct minute *m, const struct expr *e, const struct local *l, int64_t origin, bool bounded, struct outcome *o)
{
        uint8_t seconds[60] = { 0 };

        if ((e->what != E_EVERY && e->what != E_AT_UTC) || !bounded || !mark(e, m, origin, seconds))
                return;
        for (int s = 0; s < 60; s++)
                if (!l->out)
                        o->due[s] |= seconds[s];
                else if (!l->moves)
                        o->excluded[s] |= seconds[s];
}

static void put_outcome(struct oracle *o, int64_t utc, const struct outcome *x)
{
        for (int s = 0; s < 60; s++) {
                unsigned n = (x->dst[s] ? 1 : 0) + (s == 0 ? x->gap : 0),
                         intervals = (x->dst[s] & INSTANT_INTERVAL ? 1 : 0) + (s == 0 ? x->gap_intervals : 0);

                if (n > 0)
                        add(o, utc + s, intervals > 0 ? INSTANT_INTERVAL : INSTANT_FIXED, FATE_DST, n, intervals);
                if (x->due[s])
                        add(o, utc + s, x->due[s], FATE_DUE, 1, 1);
                if (x->excluded[s])
                        add(o, utc + s, x->excluded[s], FATE_EXCLUDED, 1, 1);
        }
}

static void find_days(struct oracle *o, const struct zone *z, const struct expr *e, size_t n, int64_t start, int64_t end,
                      const struct left_out *out)
{
        struct table t = table_new(z, out);
        int64_t origin = start == INT64_MIN ? 0 : start;

        for (size_t i = 0; i < n; i++)
                name_minutes(&t, z, &e[i], origin, out->dst == 1);
        move_minutes(&t, out, z, start, end);
        for (size_t k = 0; k < z->n_minutes; k++) {
                const struct minute *m = &z->minutes[k];
                struct outcome x = { 0 };
                bool bounded = m->utc >= start && m->utc <= end;

                by_rule(m, &t.v[m->local - t.first], out, bounded, &x);
                by_gap(m, &t, out, bounded, &x);
                for (size_t i = 0; i < n; i++)
                        by_utc(m, &e[i], &t.v[m->local - t.first], origin, bounded, &x);
                put_outcome(o, m->utc, &x);
        }
        free(t.v);
}

static void find_plain(struct oracle *o, const struct zone *z, const struct expr *e, size_t n, int64_t start_sec,
                       int64_t end_sec)
{
        uint8_t seconds[60] = { 0 };

        for (size_t k = 0; k < z->n_minutes; k++) {
                const struct minute *m = &z->minutes[k];
                bool any = false;

                for (size_t i = 0; i < n; i++)
                        any |= mark(&e[i], m, start_sec == INT64_MIN ? 0 : start_sec, seconds);
                for (int i = 0; any && i < 60; i++) {
                        uint8_t kind = seconds[i];

                        seconds[i] = 0;
                        if (kind && m->utc + i >= start_sec && m->utc + i <= end_sec)
                                add(o, m->utc + i, kind, FATE_DUE, 1, 1);
                }
        }
}

struct oracle *oracle_new(const struct zone *z, const char *const *texts, size_t n, int64_t start_sec, int64_t end_sec,
                          const struct left_out *out)
{
        struct expr *e = calloc(n, sizeof(*e));
        struct oracle *o = calloc(1, sizeof(*o));

        assert(e && o);
        for (size_t i = 0; i < n; i++)
                read_expr(texts[i], &e[i]);
        if (out)
                find_days(o, z, e, n, start_sec, end_sec, out);
        else
                find_plain(o, z, e, n, start_sec, end_sec);
        free(e);
        return o;
}

struct oracle *oracle_free(struct oracle *o)
{
        if (o) {
                free(o->sec);
                free(o->kind);
                free(o->fate);
                free(o->number);
                free(o->intervals);
                free(o);
        }
        return NULL;
}

size_t oracle_after(const struct oracle *o, int64_t usec)
{
        int64_t sec = wall_sec((struct wall){ usec });
        size_t lo = 0, hi = o->n;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (o->sec[mid] > sec)
                        hi = mid;
                else
                        lo = mid + 1;
        }
        return lo;
}
