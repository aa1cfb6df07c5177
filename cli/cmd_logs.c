/* jobctl logs: what a run printed. */
#include <stdio.h>

#include "follow.h"

struct logs {
        struct cli *c;
        struct printer *printer; /* yaml, csv */
};

static const struct column columns[] = {
        { "AT", "at", CELL_TIME }, { "STREAM", "stream" }, { "PARTIAL", "partial" },
        { "TEXT", "text" },        { "BASE64", "base64" },
};
static const struct list entries_list = { "entries", "text", columns, ARRAY_SIZE(columns) };

static void show_entry(void *arg, const json_t *entry)
{
        struct logs *l = arg;
        const char *stream = jstr(entry, "stream");
        struct wall at;

        if (l->printer) {
                printer_item(l->printer, entry);
                return;
        }
        if (l->c->format == OUTPUT_JSON || l->c->format == OUTPUT_JSONL) {
                (void)print_object(l->c, entry);
                return;
        }
        if (l->c->format == OUTPUT_WIDE) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };

                if (jtime(entry, "at", &at))
                        strbuf_add_local(&t, l->c, at);
                strbuf_addf(&t, " %s ", stream && streq(stream, "stderr") ? "stderr" : "stdout");
                (void)fputs(strbuf_str(&t), stdout);
        }
        put_log_entry(l->c, entry, opt_given(l->c, OPT_RAW));
}

static int logs_params(struct cli *c, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *params = json_object();
        int64_t lines = 0, attempt = 0;
        uint64_t id;
        int r;

        if (is_run(c->args[0], &id))
                json_object_set_new(params, "run", json_integer((json_int_t)id));
        else
                json_object_set_new(params, "job", json_string(c->args[0]));
        r = opt_number(c, OPT_COUNT, 1, INT32_MAX, &lines);
        if (r == EXIT_OK && lines > 0)
                json_object_set_new(params, "lines", json_integer(lines));
        if (r == EXIT_OK)
                r = opt_number(c, OPT_ATTEMPT, 1, INT32_MAX, &attempt);
        if (r == EXIT_OK && attempt > 0)
                json_object_set_new(params, "start", json_integer(attempt));
        if (r == EXIT_OK)
                r = opt_time_param(c, OPT_SINCE, true, params, "since");
        if (opt_given(c, OPT_PREVIOUS))
                json_object_set_new(params, "previous", json_true());
        if (opt_given(c, OPT_FOLLOW))
                json_object_set_new(params, "follow", json_true());
        if (opt_given(c, OPT_STDERR))
                json_object_set_new(params, "stream", json_string("stderr"));
        if (r == EXIT_OK)
                *ret = TAKE_PTR(params);
        return r;
}

int cmd_logs(struct cli *c)
{
        _cleanup_(printer_freep) struct printer *p = NULL;
        struct logs l = { .c = c };
        json_t *params;
        int r;

        r = logs_params(c, &params);
        if (r != EXIT_OK)
                return r;
        if (c->format == OUTPUT_YAML || c->format == OUTPUT_CSV)
                l.printer = p = printer_new(c, &entries_list);
        r = stream_logs(c, params, show_entry, &l, NULL);
        if (r == EXIT_OK && p)
                printer_end(p, NULL);
        return r;
}
