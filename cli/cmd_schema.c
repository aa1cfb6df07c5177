/* jobctl schema: the keys of job files, from the table that their reader goes by. */
#include <errno.h>
#include <stdio.h>

#include "jobfile/schema.h"
#include "print.h"

/* All of it as a JSON Schema, as editors want it: as it is, without a host. */
static int put_json_schema(struct cli *c)
{
        _cleanup_(freep) char *text = schema_print_json();
        _cleanup_(json_decrefp) json_t *doc = text ? json_loads(text, 0, NULL) : NULL;

        if (!doc)
                return fail(c, EXIT_FAILED, "out of memory");
        if (c->format == OUTPUT_JSON)
                (void)puts(text);
        else
                (void)print_object(c, doc);
        return EXIT_OK;
}

static int put_key(struct cli *c, const char *key)
{
        _cleanup_(freep) char *text = NULL, *hint = NULL, *ignored = NULL;
        _cleanup_(json_decrefp) json_t *doc = json_object();
        bool config = false;
        int r;

        r = schema_print_text(key, false, &text);
        if (r == -ENOENT) {
                /* The configuration's keys are not far. */
                hint = TAKE_PTR(text);
                config = true;
                r = schema_print_text(key, true, &text);
        }
        if (r == -ENOENT) {
                ignored = TAKE_PTR(text);
                return fail(c, EXIT_FAILED, "no such key: %s%s%s", key, hint ? ", " : "", hint ? hint : "");
        }
        if (r < 0)
                return fail(c, EXIT_FAILED, "%s", strerror(-r));
        json_object_set_new(doc, "key", json_string(key));
        json_object_set_new(doc, "file", json_string(config ? "jobschedd.yaml" : "jobs.d"));
        json_object_set_new(doc, "text", json_string(text));
        if (print_object(c, doc))
                return EXIT_OK;
        if (config)
                (void)puts("(of the configuration, jobschedd.yaml)");
        (void)fputs(text, stdout);
        return EXIT_OK;
}

int cmd_schema(struct cli *c)
{
        if (c->n_args == 0 && c->format != OUTPUT_TABLE && c->format != OUTPUT_WIDE && c->format != OUTPUT_NAME)
                return put_json_schema(c);
        if (c->n_args == 0) {
                _cleanup_(freep) char *text = NULL;

                if (schema_print_text(NULL, false, &text) < 0)
                        return fail(c, EXIT_FAILED, "out of memory");
                (void)fputs(text, stdout);
                return EXIT_OK;
        }
        return put_key(c, c->args[0]);
}
