/* jobctl backfill: runs of instants that have passed. */
#include <stdio.h>

#include "calendar/timeparse.h"
#include "cli.h"
#include "print.h"

enum { ASK_FROM = 10, LIMIT_MAX = 10000 };

static int take_params(struct cli *c, json_t *params)
{
        int64_t limit = 0;
        int r;

        if (!opt_given(c, OPT_FROM))
                return fail_usage(c, "backfill: --from is missing: since when?");
        json_object_set_new(params, "job", json_string(c->args[0]));
        r = opt_time_param(c, OPT_FROM, true, params, "from");
        if (r == EXIT_OK)
                r = opt_time_param(c, OPT_TO, true, params, "to");
        if (r == EXIT_OK)
                r = opt_number(c, OPT_LIMIT, 1, LIMIT_MAX, &limit);
        if (r == EXIT_OK && limit > 0)
                json_object_set_new(params, "limit", json_integer(limit));
        return r;
}

static int look(struct cli *c, const json_t *params, json_t **ret)
{
        json_t *asked = json_copy((json_t *)params);

        json_object_set_new(asked, "dry_run", json_true());
        return call_or_fail(c, "job.backfill", asked, ret);
}

/* One instant a line: local time for people. */
static void put_instants(struct cli *c, const json_t *doc)
{
        const json_t *at;
        size_t i;

        json_array_foreach(json_object_get(doc, "instants"), i, at) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };
                struct wall w;

                if (c->format != OUTPUT_NAME && rfc3339_parse(json_string_value(at), &w) == 0)
                        strbuf_add_local(&t, c, w);
                else
                        strbuf_add_outside(&t, json_string_value(at));
                (void)puts(strbuf_str(&t));
        }
        if (c->format != OUTPUT_NAME)
                say(c, "%s: %lld instants; nothing was started.", c->args[0], (long long)jcount(doc, "count"));
}

static void add_when(struct cli *c, struct strbuf *t, const json_t *doc, const char *key)
{
        struct wall w;

        if (jtime(doc, key, &w))
                strbuf_add_local(t, c, w);
}

/* "backup: 10 runs, 57 to 66, of 2026-11-01 02:30:00 to 2026-11-10 02:30:00" */
static void say_done(struct cli *c, const json_t *doc)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const json_t *runs = json_object_get(doc, "runs");
        size_t n = json_array_size(runs);
        long long first = json_integer_value(json_array_get(runs, 0)), last = n > 0 ? json_integer_value(json_array_get(runs, n - 1)) : 0;

        strbuf_addf(&t, "%s: %zu run%s, ", c->args[0], n, n == 1 ? "" : "s");
        if (n > 1)
                strbuf_addf(&t, "%lld to %lld, of ", first, last);
        else
                strbuf_addf(&t, "%lld, of ", first);
        add_when(c, &t, doc, "from");
        if (n > 1) {
                strbuf_add(&t, " to ");
                add_when(c, &t, doc, "to");
        }
        say(c, "%s", strbuf_str(&t));
}

int cmd_backfill(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *params = json_object(), *dry = NULL, *doc = NULL;
        bool asks = !opt_given(c, OPT_YES) && c->stderr_tty;
        int r = take_params(c, params);

        if (r == EXIT_OK && (opt_given(c, OPT_DRY_RUN) || asks))
                r = look(c, params, &dry);
        if (r != EXIT_OK)
                return r;
        if (opt_given(c, OPT_DRY_RUN)) {
                if (!print_object(c, dry))
                        put_instants(c, dry);
                return EXIT_OK;
        }
        if (dry && jcount(dry, "count") > ASK_FROM && !ask(c, "Make %lld runs of %s?", (long long)jcount(dry, "count"), c->args[0]))
                return fail(c, EXIT_FAILED, "not confirmed, nothing was started");
        r = call_or_fail(c, "job.backfill", json_incref(params), &doc);
        if (r != EXIT_OK)
                return r;
        warn_not_durable(c, doc);
        if (print_object(c, doc))
                return EXIT_OK;
        if (opt_given(c, OPT_QUIET) || c->format == OUTPUT_NAME)
                print_names(json_object_get(doc, "runs"));
        else
                say_done(c, doc);
        return EXIT_OK;
}
