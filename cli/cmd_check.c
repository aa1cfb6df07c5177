/* jobctl check: every error of job files, with its place, without a daemon. */
#include <stdio.h>

#include "files.h"
#include "print.h"

/* One file's findings as a flat list, for csv. */
static void print_rows(struct printer *p, const json_t *file, const char *key, const char *severity)
{
        json_t *d;
        size_t i;

        json_array_foreach(json_object_get(file, key), i, d) {
                _cleanup_(json_decrefp) json_t *row = json_copy(d);

                json_object_set(row, "path", json_object_get(file, "path"));
                json_object_set_new(row, "severity", json_string(severity));
                printer_item(p, row);
        }
}

static void print_check(struct cli *c, const struct check *check)
{
        static const struct column columns[] = { { "PATH", "path" },     { "LINE", "line" },
                                                 { "COLUMN", "column" }, { "SEVERITY", "severity" },
                                                 { "KEY", "key" },       { "MESSAGE", "message" },
                                                 { "HINT", "hint" } };
        static const struct list list = { "files", "path", columns, ARRAY_SIZE(columns) };
        _cleanup_(printer_freep) struct printer *p = NULL;
        bool people = c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE;

        p = people ? NULL : printer_new(c, &list);
        for (size_t i = 0; i < check->n; i++) {
                _cleanup_(json_decrefp) json_t *file = check_file_json(&check->files[i]);

                if (people) {
                        put_file_diagnostics(stdout, c, file);
                } else if (c->format == OUTPUT_CSV) {
                        print_rows(p, file, "errors", "error");
                        print_rows(p, file, "warnings", "warning");
                } else if (c->format != OUTPUT_NAME || check->files[i].errors.n > 0) {
                        printer_item(p, file);
                }
        }
        if (p)
                printer_end(p, NULL);
}

static const char *plural(size_t n)
{
        return n == 1 ? "" : "s";
}

static int sum_up(struct cli *c, const struct check *check)
{
        size_t bad = 0, jobs = 0;

        for (size_t i = 0; i < check->n; i++) {
                bad += check->files[i].errors.n > 0;
                jobs += check->files[i].n_jobs;
        }
        if (check->n_errors > 0)
                return fail(c, EXIT_FAILED, "%zu error%s in %zu of %zu file%s", check->n_errors,
                            plural(check->n_errors), bad, check->n, plural(check->n));
        if (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE)
                say(c, "%zu file%s, %zu job%s: no errors.", check->n, plural(check->n), jobs, plural(jobs));
        return EXIT_OK;
}

int cmd_check(struct cli *c)
{
        _cleanup_(subjects_done) struct subjects s = { 0 };
        struct check check;
        int r;

        r = subjects_find(c, c->args, c->n_args, &s);
        if (r == EXIT_OK)
                r = subjects_check(c, &s, opt_given(c, OPT_HOST), &check);
        if (r != EXIT_OK)
                return r;
        print_check(c, &check);
        r = sum_up(c, &check);
        jobfile_check_done(&check);
        return r;
}
