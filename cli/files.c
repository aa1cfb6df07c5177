#include <stdio.h>

#include "files.h"
#include "print.h"

void put_diagnostic(FILE *to, const struct cli *c, const char *path, const char *kind, const json_t *diagnostic)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const char *key = jstr(diagnostic, "key"), *message = jstr(diagnostic, "message"),
                   *hint = jstr(diagnostic, "hint");
        int64_t line = jcount(diagnostic, "line"), column = jcount(diagnostic, "column");

        strbuf_add_outside(&t, path);
        if (line > 0)
                strbuf_addf(&t, ":%lld", (long long)line);
        if (line > 0 && column > 0)
                strbuf_addf(&t, ":%lld", (long long)column);
        strbuf_add(&t, ": ");
        strbuf_add_colored(&t, c, streq(kind, "error") ? "error" : "stale", kind);
        strbuf_add(&t, ": ");
        if (key && *key) {
                strbuf_add_outside(&t, key);
                strbuf_add(&t, ": ");
        }
        strbuf_add_outside(&t, message ? message : "?");
        if (hint && *hint) {
                strbuf_add(&t, " (");
                strbuf_add_outside(&t, hint);
                strbuf_add_char(&t, ')');
        }
        (void)fprintf(to, "%s\n", strbuf_str(&t));
}

void put_file_diagnostics(FILE *to, const struct cli *c, const json_t *file)
{
        const char *path = jstr(file, "path");
        const json_t *d;
        size_t i;

        json_array_foreach(json_object_get(file, "errors"), i, d)
                put_diagnostic(to, c, path ? path : "?", "error", d);
        json_array_foreach(json_object_get(file, "warnings"), i, d)
                put_diagnostic(to, c, path ? path : "?", "warning", d);
}
