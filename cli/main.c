/* jobctl: talks to the daemon over its socket; checks and explains without one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "jobfile/zones.h"

static int run_command(struct cli *c)
{
        static const char *const exclusive[] = { "socket", "user", "root" };
        static const enum option ids[] = { OPT_SOCKET, OPT_USER_DAEMON, OPT_ROOT };
        const char *given = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                if (!opt_given(c, ids[i]))
                        continue;
                if (given)
                        return fail_usage(c, "--%s and --%s exclude each other", given, exclusive[i]);
                given = exclusive[i];
        }
        if (opt_given(c, OPT_VERSION))
                return cmd_version(c);
        if (opt_given(c, OPT_HELP))
                return cmd_help(c);
        if (!c->command)
                return fail(c, EXIT_USAGE, "which command? (see `jobctl help')");
        return c->command->handler(c);
}

/* What could not be written is a failure, however well the rest went. */
static int finish_output(const struct cli *c, int code)
{
        errno = 0;
        if (fflush(stdout) == 0 && !ferror(stdout))
                return code;
        if (errno == EPIPE)
                return code;
        return code == EXIT_OK ? fail(c, EXIT_FAILED, "can't write: %s", strerror(errno ? errno : EIO)) : code;
}

int main(int argc, char **argv)
{
        struct cli c = { .now = cli_now() };
        int r = cli_parse(&c, argc, argv);

        if (r == EXIT_OK)
                r = finish_output(&c, run_command(&c));
        cli_disconnect(&c);
        zones_free(c.zones);
        free(c.options);
        free(c.args);
        return r;
}
