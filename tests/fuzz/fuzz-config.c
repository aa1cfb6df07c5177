/* The configuration: any bytes.  Never a crash; an error leaves nothing behind; what is accepted is within its
 * bounds. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "jobfile/config.h"

static const struct tz *find(void *arg, const char *name)
{
        return strcmp(name, "UTC") == 0 ? tz_utc() : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct zone_source zones = { .find = find, .local = tz_utc() };
        struct jobfile_options opt = { .zones = &zones, .now = WALL_SEC(1780000000) };
        struct diagnostics errors = { 0 }, warnings = { 0 };
        struct config c;
        int r = config_parse((const char *)data, size, &opt, &c, &errors, &warnings);

        MUST(r == 0 ? errors.n == 0 : r == -EINVAL && errors.n > 0);
        if (r == 0) {
                MUST(c.shutdown_grace_usec >= 0 && c.clock_wait_usec >= 0 &&
                     (c.log_level == -1 || (c.log_level >= 3 && c.log_level <= 7)));
                MUST(!c.state_dir || c.state_dir[0] == '/');
                MUST(!c.defaults || !c.defaults->command);
                for (char **d = c.jobs_dirs; d && *d; d++)
                        MUST(**d == '/');
                for (size_t i = 0; i < c.n_access_jobs; i++)
                        MUST(c.access_jobs[i].name && c.access_jobs[i].run && c.access_jobs[i].run[0]);
                config_done(&c);
        }
        diagnostics_done(&errors);
        diagnostics_done(&warnings);
        return 0;
}
