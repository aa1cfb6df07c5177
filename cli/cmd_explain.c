/* jobctl explain: what a schedule means, when it is due next, and what daylight saving does to it. */
#include <stdio.h>

#include "calendar/schedule.h"
#include "calendar/timeparse.h"
#include "jobfile/machine.h"
#include "print.h"

enum { NEXT_DEFAULT = 10, NEXT_MAX = 10000, ODD_MAX = 16 };

struct explained {
        struct calendar entry;
        struct schedule schedule;
        struct wall from;
        int64_t n;
        char description[512];
};

/* The words as one expression: `jobctl explain 30 2 '*' '*' mon` is as good as one quoted word. */
static char *join_words(const struct cli *c)
{
        struct strbuf t = { 0 };

        for (size_t i = 0; i < c->n_args; i++) {
                if (i > 0)
                        strbuf_add_char(&t, ' ');
                strbuf_add(&t, c->args[i]);
        }
        return t.s ? t.s : xstrdup("");
}

static int tell_error(struct cli *c, const char *code, const char *message, json_t *position)
{
        _cleanup_(json_decrefp) json_t *doc = json_object();
        _cleanup_(strbuf_done) struct strbuf shown = { 0 };
        json_t *e = json_object();

        strbuf_add_outside(&shown, message);
        json_object_set_new(e, "code", json_string(code));
        json_object_set_new(e, "message", json_string(strbuf_str(&shown)));
        json_object_set_new(e, "position", position ? position : json_null());
        json_object_set_new(doc, "error", e);
        if (c->format != OUTPUT_CSV)
                (void)print_object(c, doc);
        return EXIT_FAILED;
}

/* `dst` of job files: the same words. */
static int take_dst(struct cli *c, struct explained *x)
{
        const char *dst = opt_value(c, OPT_DST);

        if (!dst || streq(dst, "once"))
                return EXIT_OK;
        if (streq(dst, "wall"))
                calendar_set_wall(&x->entry);
        else if (streq(dst, "skip"))
                x->schedule.days.dst = DAYS_DST_SKIP;
        else
                return fail_usage(c, "--dst wants once, wall or skip, not `%s'", dst);
        return EXIT_OK;
}

static int parse_expression(struct cli *c, const char *text, struct explained *x)
{
        const char *job = opt_value(c, OPT_JOB);
        struct calendar_draw draw = calendar_draw_of(job ? job : "", machine_number());
        struct calendar_error e = { 0 };
        int r;

        if (calendar_parse(text, &draw, &x->entry, &e) == 0) {
                calendar_describe(&x->entry, x->description, sizeof(x->description));
                return EXIT_OK;
        }
        r = fail(c, EXIT_FAILED, "`%s', at character %zu: %s", text, e.position + 1, e.message);
        (void)tell_error(c, "invalid_expression", e.message, json_integer((json_int_t)e.position));
        return r;
}

static int take_options(struct cli *c, struct explained *x)
{
        const char *name = opt_value(c, OPT_TIMEZONE), *from = opt_value(c, OPT_FROM);
        int r;

        x->n = NEXT_DEFAULT;
        r = opt_number(c, OPT_COUNT, 1, NEXT_MAX, &x->n);
        if (r != EXIT_OK)
                return r;
        x->schedule.zone = name ? cli_find_zone(c, name) : cli_zone(c);
        if (!x->schedule.zone) {
                r = fail(c, EXIT_FAILED, "no such time zone on this machine: %s", name);
                (void)tell_error(c, "unknown_timezone", "no such time zone on this machine", NULL);
                return r;
        }
        /* A time of day means the zone that is explained. */
        x->from = c->now;
        if (from && timeword_parse(from, x->schedule.zone, c->now, cli_boot(), false, &x->from) < 0)
                return fail_usage(c, "--from: `%s' is no time", from);
        return EXIT_OK;
}

static json_t *rfc3339(struct wall at, const struct tz *zone)
{
        char buf[48];

        wall_print_rfc3339(at, zone, at.usec % USEC_PER_SEC ? 3 : 0, buf, sizeof(buf));
        return json_string(buf);
}

static json_t *find_next(const struct explained *x)
{
        json_t *next = json_array();
        struct wall at = x->from;

        for (int64_t i = 0; i < x->n; i++) {
                if (schedule_next(&x->schedule, at, (struct wall){ INT64_MIN }, &at) < 0)
                        break;
                json_array_append_new(next, rfc3339(at, x->schedule.zone));
        }
        return next;
}

static json_t *find_odd(const struct explained *x)
{
        struct schedule_oddity odd[ODD_MAX];
        size_t n = schedule_odd(&x->schedule, x->from, wall_add(x->from, 365 * USEC_PER_DAY), odd, ODD_MAX);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *o = json_object();

                json_object_set_new(o, "at", rfc3339(odd[i].at, x->schedule.zone));
                json_object_set_new(o, "why", json_string(odd[i].why));
                json_array_append_new(list, o);
        }
        return list;
}

/* An instant as people read it: local there, and how far from now. */
static void put_instant(struct cli *c, const char *label, const char *at, const struct tz *zone, const char *why)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        char local[48];
        struct tz_span span;
        struct wall w;

        if (rfc3339_parse(at, &w) < 0)
                return;
        wall_print_local(w, zone, local, sizeof(local));
        tz_span_at(zone, wall_sec(w), &span);
        strbuf_addf(&t, "%12s  %s %s", label, local, span.abbreviation);
        if (why) {
                strbuf_add(&t, "  ");
                strbuf_add_outside(&t, why);
        } else if (c->stdout_tty) {
                strbuf_add(&t, "  ");
                strbuf_add_relative(&t, w, c->now);
        }
        (void)puts(strbuf_str(&t));
}

static void put_text(struct cli *c, const char *expression, const struct explained *x, const json_t *next,
                     const json_t *odd)
{
        const struct tz *zone = x->schedule.zone;
        const json_t *item;
        char whose[96];
        size_t i;

        calendar_describe_zone(&x->entry, tz_name(zone), whose, sizeof(whose));
        (void)printf("%12s  %s\n%12s  %s%s%s\n%12s  %s\n", "expression", expression, "means", x->description,
                     *whose ? ", " : "", whose, "timezone", tz_name(zone));
        if (json_array_size(next) == 0)
                (void)printf("%12s  %s\n", "next", x->entry.kind == CALENDAR_REBOOT  ? "at each boot"
                                               : x->entry.kind == CALENDAR_AFTER ? "after each run"
                                                                                 : "never");
        json_array_foreach((json_t *)next, i, item)
                put_instant(c, i == 0 ? "next" : "", json_string_value(item), zone, NULL);
        json_array_foreach((json_t *)odd, i, item)
                put_instant(c, i == 0 ? "odd" : "", jstr(item, "at"), zone, jstr(item, "why"));
}

/* One instant a line, for the forms that are lists. */
static void put_list(struct cli *c, const json_t *next)
{
        static const struct column columns[] = { { "AT", "at" } };
        static const struct list list = { "next", "at", columns, ARRAY_SIZE(columns) };
        _cleanup_(printer_freep) struct printer *p = printer_new(c, &list);
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)next, i, item) {
                _cleanup_(json_decrefp) json_t *o = json_object();

                json_object_set(o, "at", (json_t *)item);
                printer_item(p, o);
        }
        printer_end(p, NULL);
}

int cmd_explain(struct cli *c)
{
        _cleanup_(freep) char *text = join_words(c);
        _cleanup_(json_decrefp) json_t *doc = NULL;
        struct explained x = { 0 };
        json_t *next, *odd;
        int r;

        r = take_options(c, &x);
        if (r == EXIT_OK)
                r = parse_expression(c, text, &x);
        if (r == EXIT_OK)
                r = take_dst(c, &x);
        if (r != EXIT_OK)
                return r;
        x.schedule.entries = &x.entry;
        x.schedule.n = 1;
        x.schedule.start = (struct wall){ INT64_MIN };
        x.schedule.end = WALL_NEVER;
        doc = json_object();
        next = find_next(&x);
        odd = find_odd(&x);
        json_object_set_new(doc, "expression", json_string(text));
        json_object_set_new(doc, "timezone", json_string(tz_name(x.schedule.zone)));
        json_object_set_new(doc, "from", rfc3339(x.from, x.schedule.zone));
        json_object_set_new(doc, "description", json_string(x.description));
        json_object_set_new(doc, "next", next);
        json_object_set_new(doc, "odd", odd);
        if (c->format == OUTPUT_CSV || c->format == OUTPUT_JSONL || c->format == OUTPUT_NAME)
                put_list(c, next);
        else if (!print_object(c, doc))
                put_text(c, text, &x, next, odd);
        return EXIT_OK;
}
