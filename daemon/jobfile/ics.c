#include "jobfile/ics.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "calendar/civil.h"
#include "jobfile/diag.h"
#include "jobfile/table.h"

#define LIBICAL       "libical.so.3"
#define DEPTH_MAX     8
#define LINE_SIZE_MAX 65536 /* unfolded */
#define RULE_SIZE_MAX 512
#define RULE_STEPS    100000 /* occurrences of one rule, also those before 1970 */
#define CPU_SECONDS   2      /* for all rules of a file; one step of a rule that never comes takes up to half of one */
#define FIRST_DAY     0      /* 1970-01-01 */
#define LAST_DAY      47481  /* 2099-12-31 */
#define LAST_YEAR     2099

/* A local or UTC time as it is written. */
struct stamp {
        int64_t day;
        int32_t sec; /* of the day; -1: a date */
        bool utc;
};

struct event {
        uint32_t line; /* of its BEGIN */
        uint64_t uid;  /* hash */
        bool cancelled, has_start, has_end, has_exception;
        struct stamp start, end, exception; /* exception: RECURRENCE-ID */
        int64_t duration;                   /* seconds; -1: none */
        char *rule;                         /* RRULE, NULL: none; a second one is an error */
        uint32_t rule_line;
        size_t first_date, n_dates;         /* EXDATE and RDATE, in `dates` */
};

struct extra {
        struct stamp at;
        int64_t duration; /* RDATE with a period: seconds; -1: as the event */
        bool excluded;
};

/* An instance of a recurring event that stands on its own. */
struct replaced {
        uint64_t uid;
        int64_t day;
};

struct library {
        void *handle;
        struct icalrecurrencetype (*rule)(const char *);
        icalrecur_iterator *(*begin)(struct icalrecurrencetype, struct icaltimetype);
        struct icaltimetype (*next)(icalrecur_iterator *);
        void (*end)(icalrecur_iterator *);
        struct icaldurationtype (*duration)(const char *);
        int (*seconds)(struct icaldurationtype);
};

struct ics {
        const char *p, *end;
        uint32_t line;       /* of what p points to */
        char *buf;           /* the content line, unfolded */
        size_t size, allocated;
        uint32_t at;         /* where it begins */
        const struct tz *zone;
        struct diagnostics *errors;
        struct library lib;
        clock_t began;
        struct event *events;
        size_t n_events, allocated_events;
        struct extra *dates;
        size_t n_dates, allocated_dates;
        struct day_range *days;
        size_t n_days, allocated_days;
        struct replaced *replaced;
        size_t n_replaced;
};

#define COMPLAIN(x, line, key, ...) \
        (diagnostics_add((x)->errors, line, 0, key, NULL, __VA_ARGS__) < 0 ? -ENOMEM : -EINVAL)

/* Room for one more. */
static int grow(void *v, size_t n, size_t *allocated, size_t size)
{
        void **p = v, *more;
        size_t want = *allocated ? 2 * *allocated : 64;

        if (n < *allocated)
                return 0;
        more = reallocarray(*p, want, size);
        if (!more)
                return -ENOMEM;
        *p = more;
        *allocated = want;
        return 0;
}

/* ---- libical */

static int library_open(struct ics *x, uint32_t line)
{
        struct library *lib = &x->lib;
        void (*fatal)(int);

        if (lib->handle)
                return 0;
        lib->handle = dlopen(LIBICAL, RTLD_NOW | RTLD_LOCAL);
        if (!lib->handle)
                return COMPLAIN(x, line, NULL, "libical is needed to read this, and it can't be loaded: " LIBICAL);
#define FIND(field, name) *(void **)(void *)&lib->field = dlsym(lib->handle, name)
        FIND(rule, "icalrecurrencetype_from_string");
        FIND(begin, "icalrecur_iterator_new");
        FIND(next, "icalrecur_iterator_next");
        FIND(end, "icalrecur_iterator_free");
        FIND(duration, "icaldurationtype_from_string");
        FIND(seconds, "icaldurationtype_as_int");
#undef FIND
        *(void **)(void *)&fatal = dlsym(lib->handle, "icalerror_set_errors_are_fatal");
        if (!lib->rule || !lib->begin || !lib->next || !lib->end || !lib->duration || !lib->seconds || !fatal)
                return COMPLAIN(x, line, NULL, LIBICAL " lacks a function that is needed");
        fatal(0);
        return 0;
}

/* ---- lines */

/* The next content line, unfolded, without its end.  1, 0 at the end of the text, or negative. */
static int next_line(struct ics *x)
{
        if (x->p == x->end)
                return 0;
        x->size = 0;
        x->at = x->line;
        for (;;) {
                const char *eol = memchr(x->p, '\n', (size_t)(x->end - x->p)), *stop = eol ? eol : x->end;
                size_t n = (size_t)(stop - x->p);

                n -= n > 0 && x->p[n - 1] == '\r';
                if (x->size + n > LINE_SIZE_MAX)
                        return COMPLAIN(x, x->at, NULL, "the line is over 64 KiB");
                if (x->size + n + 1 > x->allocated) {
                        char *more = realloc(x->buf, 2 * (x->size + n) + 128);

                        if (!more)
                                return -ENOMEM;
                        x->buf = more;
                        x->allocated = 2 * (x->size + n) + 128;
                }
                for (size_t i = 0; i < n; i++)
                        if ((unsigned char)x->p[i] < ' ' && x->p[i] != '\t')
                                return COMPLAIN(x, x->line, NULL, "a control character, U+%04X, can't stand here",
                                                (unsigned)(unsigned char)x->p[i]);
                memcpy(x->buf + x->size, x->p, n);
                x->size += n;
                x->p = eol ? eol + 1 : x->end;
                x->line++;
                if (x->p == x->end || (*x->p != ' ' && *x->p != '\t'))
                        break;
                x->p++; /* a folded line goes on */
        }
        x->buf[x->size] = 0;
        return 1;
}

/* NAME;PARAMETERS:VALUE into its parts; the parameters are passed over.  NULL: it is none. */
static char *split(char *line)
{
        char *p = line + strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
        bool quoted = false;

        if (p == line)
                return NULL;
        for (char *q = p; *q; q++) {
                quoted ^= *q == '"';
                if (*q == ':' && !quoted) {
                        char *value = q + 1;

                        if (*p != ';' && p != q)
                                return NULL;
                        *q = *p = 0;
                        return value;
                }
        }
        return NULL;
}

/* ---- values */

static bool digits(const char *t, unsigned n, int *ret)
{
        *ret = 0;
        while (n-- > 0) {
                if (!isdigit((unsigned char)*t))
                        return false;
                *ret = *ret * 10 + (*t++ - '0');
        }
        return true;
}

/* 20261225, 20261225T180000, 20261225T180000Z: `size` characters of `t`. */
static bool read_stamp(const char *t, size_t size, struct stamp *ret)
{
        int y, m, d, h, mi, s;

        if ((size != 8 && size != 15 && size != 16) || !digits(t, 4, &y) || !digits(t + 4, 2, &m) || !digits(t + 6, 2, &d) ||
            y < 1 || m < 1 || m > 12 || d < 1 || d > (int)civil_month_days(y, (unsigned)m))
                return false;
        *ret = (struct stamp){ .day = civil_days(y, (unsigned)m, (unsigned)d), .sec = -1 };
        if (size == 8)
                return true;
        if (t[8] != 'T' || !digits(t + 9, 2, &h) || !digits(t + 11, 2, &mi) || !digits(t + 13, 2, &s) || h > 23 || mi > 59 ||
            s > 60 || (size == 16 && t[15] != 'Z'))
                return false;
        ret->sec = h * 3600 + mi * 60 + MIN(s, 59);
        ret->utc = size == 16;
        return true;
}

static int bad_date(struct ics *x, const char *name, const char *value)
{
        char clipped[CLIP_SIZE];

        return COMPLAIN(x, x->at, name, "expected a date such as 20261225 or a time such as 20261225T180000Z, found `%s`",
                        clip(value, clipped));
}

static int read_duration(struct ics *x, const char *t, int64_t *ret)
{
        char clipped[CLIP_SIZE];
        int r = library_open(x, x->at), seconds;

        if (r < 0)
                return r;
        seconds = strlen(t) <= 32 && strspn(t, "+-PTWDHMS0123456789") == strlen(t) && strspn(t, "0123456789") == 0 ?
                          x->lib.seconds(x->lib.duration(t)) :
                          -1;
        if (seconds < 0 || (seconds == 0 && !strpbrk(t, "0")))
                return COMPLAIN(x, x->at, "DURATION", "expected a duration such as P1D or PT2H30M, found `%s`",
                                clip(t, clipped));
        *ret = seconds;
        return 0;
}

/* EXDATE and RDATE: times parted by commas, RDATE's also as periods, start/end or start/duration. */
static int read_dates(struct ics *x, struct event *e, const char *name, char *value, bool excluded)
{
        char *save = NULL;

        for (char *t = strtok_r(value, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
                struct extra d = { .duration = -1, .excluded = excluded };
                char *slash = excluded ? NULL : strchr(t, '/');
                struct stamp end;
                int r = 0;

                if (x->n_dates >= ICS_DAYS_MAX)
                        return COMPLAIN(x, x->at, name, "these are too many dates");
                if (!read_stamp(t, slash ? (size_t)(slash - t) : strlen(t), &d.at))
                        return bad_date(x, name, t);
                if (slash && slash[1] == 'P')
                        r = read_duration(x, slash + 1, &d.duration);
                else if (slash && read_stamp(slash + 1, strlen(slash + 1), &end))
                        d.duration = MAX((end.day - d.at.day) * SEC_PER_DAY + end.sec - d.at.sec, 0);
                else if (slash)
                        r = bad_date(x, name, slash + 1);
                if (r == 0)
                        r = grow(&x->dates, x->n_dates, &x->allocated_dates, sizeof(*x->dates));
                if (r < 0)
                        return r;
                x->dates[x->n_dates++] = d;
                e->n_dates++;
        }
        return 0;
}

static int read_property(struct ics *x, struct event *e, const char *name, char *value)
{
        struct stamp *stamp = NULL;
        bool *has = NULL;

        if (strcasecmp(name, "DTSTART") == 0)
                stamp = &e->start, has = &e->has_start;
        else if (strcasecmp(name, "DTEND") == 0)
                stamp = &e->end, has = &e->has_end;
        else if (strcasecmp(name, "RECURRENCE-ID") == 0)
                stamp = &e->exception, has = &e->has_exception;
        if (stamp) {
                if (*has)
                        return COMPLAIN(x, x->at, name, "this event has a second one");
                *has = true;
                return read_stamp(value, strlen(value), stamp) ? 0 : bad_date(x, name, value);
        }
        if (strcasecmp(name, "UID") == 0) {
                uint64_t hash[2];

                text_hash(value, strlen(value), hash);
                e->uid = hash[0];
        } else if (strcasecmp(name, "STATUS") == 0) {
                e->cancelled = strcasecmp(value, "CANCELLED") == 0;
        } else if (strcasecmp(name, "DURATION") == 0) {
                return read_duration(x, value, &e->duration);
        } else if (strcasecmp(name, "EXDATE") == 0 || strcasecmp(name, "RDATE") == 0) {
                return read_dates(x, e, name, value, strcasecmp(name, "EXDATE") == 0);
        } else if (strcasecmp(name, "EXRULE") == 0) {
                return COMPLAIN(x, x->at, name, "this is no longer part of iCalendar; use EXDATE");
        } else if (strcasecmp(name, "RRULE") == 0) {
                if (e->rule)
                        return COMPLAIN(x, x->at, name, "this event has a second one");
                if (strlen(value) > RULE_SIZE_MAX)
                        return COMPLAIN(x, x->at, name, "this rule is too long");
                e->rule = strdup(value);
                e->rule_line = x->at;
                return e->rule ? 0 : -ENOMEM;
        }
        return 0;
}

/* ---- components */

static int begin_event(struct ics *x, struct event **ret)
{
        int r = grow(&x->events, x->n_events, &x->allocated_events, sizeof(*x->events));

        if (r < 0)
                return r;
        if (x->n_events == ICS_EVENTS_MAX)
                return COMPLAIN(x, x->at, "VEVENT", "more than %u events are too many", ICS_EVENTS_MAX);
        *ret = &x->events[x->n_events++];
        **ret = (struct event){ .line = x->at, .duration = -1, .first_date = x->n_dates };
        return 0;
}

static int end_event(struct ics *x, const struct event *e)
{
        if (!e->has_start)
                return COMPLAIN(x, e->line, "VEVENT", "this event has no DTSTART");
        if (e->has_end && (e->end.sec < 0) != (e->start.sec < 0))
                return COMPLAIN(x, e->line, "VEVENT", "DTSTART and DTEND must both be dates, or both times");
        if (e->has_end && e->end.day * SEC_PER_DAY + e->end.sec < e->start.day * SEC_PER_DAY + e->start.sec)
                return COMPLAIN(x, e->line, "VEVENT", "this event ends before it begins");
        return 0;
}

struct nesting {
        char names[DEPTH_MAX][32];
        unsigned depth;
        unsigned event_depth; /* 0: in none */
        bool done;            /* a VCALENDAR has ended */
};

static int open_component(struct ics *x, struct nesting *n, const char *name, struct event **e)
{
        if (n->depth == 0 && strcasecmp(name, "VCALENDAR") != 0)
                return COMPLAIN(x, x->at, "BEGIN", "expected BEGIN:VCALENDAR: this is no calendar");
        if (n->depth == DEPTH_MAX || strlen(name) >= sizeof(n->names[0]))
                return COMPLAIN(x, x->at, "BEGIN", "this is nested too deeply, or its name is too long");
        strcpy(n->names[n->depth++], name);
        if (n->event_depth > 0 || strcasecmp(name, "VEVENT") != 0)
                return 0;
        n->event_depth = n->depth;
        return begin_event(x, e);
}

static int close_component(struct ics *x, struct nesting *n, const char *name, struct event **e)
{
        char clipped[CLIP_SIZE];
        int r = 0;

        if (n->depth == 0 || strcasecmp(n->names[n->depth - 1], name) != 0)
                return COMPLAIN(x, x->at, "END", n->depth > 0 ? "`%s` ends here, but `%s` was begun" : "`%s` ends here",
                                clip(name, clipped), n->depth > 0 ? n->names[n->depth - 1] : "");
        if (n->event_depth == n->depth) {
                r = end_event(x, *e);
                n->event_depth = 0;
                *e = NULL;
        }
        n->depth--;
        n->done = n->depth == 0;
        return r;
}

static int read_text(struct ics *x)
{
        struct nesting n = { .depth = 0 };
        struct event *e = NULL;
        int r;

        while ((r = next_line(x)) > 0) {
                char *value;

                if (x->size == 0)
                        continue;
                value = split(x->buf);
                if (!value)
                        return COMPLAIN(x, x->at, NULL, "expected NAME:VALUE");
                if (strcasecmp(x->buf, "BEGIN") == 0)
                        r = open_component(x, &n, value, &e);
                else if (strcasecmp(x->buf, "END") == 0)
                        r = close_component(x, &n, value, &e);
                else if (n.depth == 0)
                        r = COMPLAIN(x, x->at, NULL, "expected BEGIN:VCALENDAR: this is no calendar");
                else if (e && n.depth == n.event_depth)
                        r = read_property(x, e, x->buf, value);
                if (r < 0)
                        return r;
        }
        if (r == 0 && n.depth > 0)
                return COMPLAIN(x, x->line, NULL, "the text ends within `%s`", n.names[n.depth - 1]);
        if (r == 0 && !n.done)
                return COMPLAIN(x, 0, NULL, "the file is empty: there is no calendar in it");
        return r;
}

/* ---- days */

static struct stamp in_zone(const struct ics *x, struct stamp t)
{
        int64_t sec = t.day * SEC_PER_DAY + t.sec;

        if (!t.utc)
                return t;
        sec += tz_offset_at(x->zone, sec);
        return (struct stamp){ .day = floor_div(sec, SEC_PER_DAY), .sec = (int32_t)(sec - floor_div(sec, SEC_PER_DAY) * SEC_PER_DAY) };
}

/* The days that an instance touches. */
static int add_instance(struct ics *x, const struct event *e, struct stamp start, int64_t seconds)
{
        int64_t first, last;
        int r;

        start = in_zone(x, start);
        first = last = start.day;
        if (seconds > 0)
                last = floor_div(start.day * SEC_PER_DAY + MAX(start.sec, 0) + seconds - 1, SEC_PER_DAY);
        first = MAX(first, FIRST_DAY);
        last = MIN(last, LAST_DAY);
        if (first > last)
                return 0;
        if (x->n_days >= ICS_DAYS_MAX)
                return COMPLAIN(x, e->line, "VEVENT", "with this event there are more than %u occurrences", ICS_DAYS_MAX);
        r = grow(&x->days, x->n_days, &x->allocated_days, sizeof(*x->days));
        if (r == 0)
                x->days[x->n_days++] = (struct day_range){ (int32_t)first, (int32_t)last };
        return r;
}

static int64_t seconds_of(const struct event *e)
{
        if (e->has_end)
                return (e->end.day - e->start.day) * SEC_PER_DAY + e->end.sec - e->start.sec;
        return e->duration >= 0 ? e->duration : 0;
}

static int compare_replaced(const void *a, const void *b)
{
        const struct replaced *p = a, *q = b;

        return p->uid != q->uid ? (p->uid < q->uid ? -1 : 1) : (p->day > q->day) - (p->day < q->day);
}

/* Whether an instance, that begins on `day` as written, is left out or stands elsewhere. */
static bool left_out(const struct ics *x, const struct event *e, struct stamp at)
{
        struct replaced key = { e->uid, at.day };

        for (size_t i = 0; i < e->n_dates; i++) {
                const struct extra *d = &x->dates[e->first_date + i];

                if (d->excluded && d->at.day == at.day && (d->at.sec < 0 || at.sec < 0 || d->at.sec == at.sec || d->at.utc != at.utc))
                        return true;
        }
        return e->uid && x->n_replaced > 0 && bsearch(&key, x->replaced, x->n_replaced, sizeof(key), compare_replaced);
}

static struct icaltimetype ical_of(struct stamp t)
{
        struct icaltimetype r;
        unsigned month, day;
        int64_t year;

        memset(&r, 0, sizeof(r));
        civil_date(t.day, &year, &month, &day);
        r.year = (int)year;
        r.month = (int)month;
        r.day = (int)day;
        r.is_date = t.sec < 0;
        r.hour = MAX(t.sec, 0) / 3600;
        r.minute = MAX(t.sec, 0) / 60 % 60;
        r.second = MAX(t.sec, 0) % 60;
        return r;
}

static int follow_rule(struct ics *x, const struct event *e)
{
        _cleanup_(freep) char *rscale = NULL;
        char clipped[CLIP_SIZE];
        struct icalrecurrencetype rule;
        icalrecur_iterator *it;
        int r = library_open(x, e->rule_line);

        if (r < 0)
                return r;
        rule = x->lib.rule(e->rule);
        rscale = rule.rscale; /* the one thing in it that is the caller's to free */
        if (rule.freq != ICAL_DAILY_RECURRENCE && rule.freq != ICAL_WEEKLY_RECURRENCE &&
            rule.freq != ICAL_MONTHLY_RECURRENCE && rule.freq != ICAL_YEARLY_RECURRENCE)
                return COMPLAIN(x, e->rule_line, "RRULE", "expected a rule by days, weeks, months or years, found `%s`",
                                clip(e->rule, clipped));
        it = x->lib.begin(rule, ical_of(e->start));
        if (!it)
                return COMPLAIN(x, e->rule_line, "RRULE", "this rule can't be followed: `%s`", clip(e->rule, clipped));
        for (unsigned n = 0; r == 0; n++) {
                struct icaltimetype t = x->lib.next(it);
                struct stamp at = { .sec = e->start.sec, .utc = e->start.utc };

                if (n == RULE_STEPS || (clock() - x->began) / CLOCKS_PER_SEC >= CPU_SECONDS) {
                        r = COMPLAIN(x, e->rule_line, "RRULE", "this rule takes too long to follow: `%s`",
                                     clip(e->rule, clipped));
                        break;
                }
                if (t.year == 0 || t.year > LAST_YEAR || t.month < 1 || t.month > 12)
                        break;
                at.day = civil_days(t.year, (unsigned)t.month, (unsigned)t.day);
                if (at.sec >= 0)
                        at.sec = t.hour * 3600 + t.minute * 60 + t.second;
                if (!left_out(x, e, at))
                        r = add_instance(x, e, at, seconds_of(e));
        }
        x->lib.end(it);
        return r;
}

static int add_event(struct ics *x, const struct event *e)
{
        int r = 0;

        if (e->cancelled)
                return 0;
        if (e->has_exception)
                return add_instance(x, e, e->start, seconds_of(e));
        if (e->rule)
                r = follow_rule(x, e);
        else if (!left_out(x, e, e->start))
                r = add_instance(x, e, e->start, seconds_of(e));
        for (size_t i = 0; r == 0 && i < e->n_dates; i++) {
                const struct extra *d = &x->dates[e->first_date + i];

                if (!d->excluded && !left_out(x, e, d->at))
                        r = add_instance(x, e, d->at, d->duration >= 0 ? d->duration : seconds_of(e));
        }
        return r;
}

static int add_events(struct ics *x)
{
        int r = 0;

        x->replaced = x->n_events > 0 ? calloc(x->n_events, sizeof(*x->replaced)) : NULL;
        if (x->n_events > 0 && !x->replaced)
                return -ENOMEM;
        for (size_t i = 0; i < x->n_events; i++)
                if (x->events[i].has_exception)
                        x->replaced[x->n_replaced++] =
                                (struct replaced){ x->events[i].uid, x->events[i].exception.day };
        if (x->n_replaced > 1)
                qsort(x->replaced, x->n_replaced, sizeof(*x->replaced), compare_replaced);
        for (size_t i = 0; i < x->n_events && r == 0; i++)
                r = add_event(x, &x->events[i]);
        return r;
}

static void ics_done(struct ics *x)
{
        for (size_t i = 0; i < x->n_events; i++)
                free(x->events[i].rule);
        free(x->events);
        free(x->dates);
        free(x->days);
        free(x->replaced);
        free(x->buf);
        /* libical stays loaded: it keeps things of its own, which would be lost with each unloading. */
}

int ics_parse(const char *text, size_t size, const struct tz *zone, struct diagnostics *errors, struct dayset **ret)
{
        struct ics x = { .p = text, .end = text + size, .line = 1, .zone = zone, .errors = errors, .began = clock() };
        int r;

        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                x.p += 3;
        r = size > ICS_SIZE_MAX ? COMPLAIN(&x, 0, NULL, "the file is over 1 MiB") : read_text(&x);
        if (r == 0)
                r = add_events(&x);
        if (r == 0) {
                *ret = dayset_new(x.days, x.n_days);
                r = *ret ? 0 : -ENOMEM;
        }
        ics_done(&x);
        return r;
}
