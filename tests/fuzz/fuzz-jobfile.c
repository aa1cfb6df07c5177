/* Job files: any bytes.  Never a crash; errors and jobs exclude each other; no text holds a NUL or a control
 * character but tab and line end; what is accepted prints as a file that gives an equal job. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "jobfile/jobfile.h"

static const struct tz *find(void *arg, const char *name)
{
        return strcmp(name, "UTC") == 0 || strcmp(name, "Europe/Berlin") == 0 ? tz_utc() : NULL;
}

static void check_text(const char *t)
{
        for (; t && *t; t++)
                MUST((unsigned char)*t >= 0x20 || *t == '\n' || *t == '\t');
}

static void check_job(const struct job *j, const struct zone_source *zones)
{
        char *text = job_print(j), *again;
        struct job *copy = NULL;

        MUST(j->name && *j->name && j->policy->zone && j->command && j->command[0]);
        MUST(j->policy->start.usec <= j->policy->end.usec && j->policy->timeout_usec > 0 && j->policy->kill_signal > 0);
        check_text(j->policy->stdin_text);
        check_text(j->description);
        for (char **c = j->command; *c; c++)
                check_text(*c);
        for (uint32_t i = 0; i < j->n_env; i++)
                check_text(j->env[i].value);
        MUST(text);
        MUST(job_read(text, strlen(text), zones, 0, NULL, &copy) == 0);
        MUST(memcmp(copy->digest, j->digest, sizeof(j->digest)) == 0);
        again = job_print(copy);
        MUST(again && strcmp(text, again) == 0);
        free(again);
        free(text);
        job_unref(copy);
}

static void check_diagnostics(const struct diagnostics *d)
{
        MUST(d->n < 1000);
        for (size_t i = 0; i < d->n; i++) {
                MUST(d->v[i].message && *d->v[i].message);
                check_text(d->v[i].message);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct zone_source zones = { .find = find, .local = tz_utc() };
        struct jobfile_options opt = { .zones = &zones, .now = WALL_SEC(1780000000) };
        struct jobfile f;
        int r = jobfile_parse((const char *)data, size, NULL, &opt, &f);

        MUST(r == 0 || r == -EINVAL);
        MUST(r == 0 ? f.errors.n == 0 : f.errors.n > 0 && f.n_jobs == 0);
        check_diagnostics(&f.errors);
        check_diagnostics(&f.warnings);
        for (size_t i = 0; i < f.n_jobs; i++)
                check_job(f.jobs[i], &zones);
        jobfile_done(&f);
        return 0;
}
