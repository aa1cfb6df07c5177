/* jobctl reload: everything is read anew; what is wrong is told as `check` would. */
#include <stdio.h>

#include "files.h"
#include "print.h"

int cmd_reload(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *answer = NULL;
        const json_t *file;
        size_t i;
        int r;

        r = call_or_fail(c, "system.reload", NULL, &answer);
        if (r != EXIT_OK)
                return r;
        if (!print_object(c, answer)) {
                json_array_foreach(json_object_get(answer, "files"), i, file)
                        put_file_diagnostics(stderr, c, file);
        }
        if (jcount(answer, "files_bad") > 0)
                return fail(c, EXIT_FAILED, "reloaded, but %lld of %lld files have errors",
                            (long long)jcount(answer, "files_bad"), (long long)jcount(answer, "files_total"));
        say(c, "Reloaded, files: %lld.", (long long)MAX(jcount(answer, "files_total"), INT64_C(0)));
        return EXIT_OK;
}
