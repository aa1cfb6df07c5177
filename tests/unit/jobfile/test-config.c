/* jobschedd.yaml: every key, good and bad. */
#include <errno.h>
#include <string.h>

#include "jobfile/config.h"
#include "jobfile/jobfile.h"

#include "../../lib/tap.h"
#include "zone.h"

static struct zone_source zones;
static struct config c;
static struct diagnostics errors, warnings;

static int parse(const char *text)
{
        struct jobfile_options opt = { .zones = &zones, .now = WALL_SEC(1780000000) };

        diagnostics_done(&errors);
        diagnostics_done(&warnings);
        config_init(&c);
        return config_parse(text, strlen(text), &opt, &c, &errors, &warnings);
}

static const struct {
        const char *text;
        unsigned line, column;
        const char *word;
} bad[] = {
        { "- a\n", 1, 1, "map" },
        { "max_runing: 5\n", 1, 1, "did you mean `max_running`" },
        { "max_running: 0\n", 1, 14, "range" },
        { "max_running: \"5\"\n", 1, 14, "quotes" },
        { "max_running: 5\nmax_running: 6\n", 2, 1, "line 1" },
        { "max_starting: -1\n", 1, 15, "range" },
        { "jobs_dirs: jobs\n", 1, 12, "/" },
        { "jobs_dirs: []\n", 1, 12, "empty" },
        { "jobs_dirs: [/a, b]\n", 1, 17, "/" },
        { "state_dir: var\n", 1, 12, "/" },
        { "state_dir:\n", 1, 0, "nothing" },
        { "socket: [x]\n", 1, 9, "list" },
        { "timezone: Mars/Phobos\n", 1, 11, "Mars/Phobos" },
        { "log_level: verbose\n", 1, 12, "debug" },
        { "log_level: Info\n", 1, 12, "did you mean `info`" },
        { "log_format: xml\n", 1, 13, "journal" },
        { "on_stop: keep\n", 1, 10, "leave" },
        { "shutdown_grace: 10 s\n", 1, 17, "duration" },
        { "clock_wait: unlimited\n", 1, 13, "duration" },
        { "calendars: /a.ics\n", 1, 12, "map" },
        { "calendars: {a: {b: c}}\n", 1, 16, "path" },
        { "calendars: {a: []}\n", 1, 16, "path" },
        { "calendars: {a: b.ics}\n", 1, 16, "/" },
        { "calendars: {a: 2026-13-01}\n", 1, 16, "2026-12-24" },
        { "calendars: {a: [/a.ics, 2026-12-24..2026-12-20]}\n", 1, 25, "backwards" },
        { "calendars: {2a: /a.ics}\n", 1, 13, "digit" },
        { "calendars: {a/b: /a.ics}\n", 1, 13, "a/b" },
        { "calendars: {a: /a, a: /b}\n", 1, 20, "second time" },
        { "defaults: 5\n", 1, 11, "map" },
        { "defaults: {command: x}\n", 1, 12, "defaults" },
        { "defaults: {schedule: x}\n", 1, 12, "defaults" },
        { "defaults: {nice: 99}\n", 1, 18, "range" },
        { "defaults: {timeuot: 1h}\n", 1, 12, "did you mean `timeout`" },
        { "keep: {runs: 0}\n", 1, 14, "runs" },
        { "keep: 5\n", 1, 7, "map" },
        { "access: all\n", 1, 9, "map" },
        { "access: {see: mine}\n", 1, 15, "own" },
        { "access: {sees: own}\n", 1, 10, "did you mean `see`" },
        { "access: {admin_group: a b}\n", 1, 23, "admin_group" },
        { "access: {jobs: [a]}\n", 1, 16, "map" },
        { "access: {jobs: {a: [b]}}\n", 1, 20, "map" },
        { "access: {jobs: {a: {}}}\n", 1, 20, "run" },
        { "access: {jobs: {a: {run: b}}}\n", 1, 26, "GROUP" },
        { "access: {jobs: {a: {run: []}}}\n", 1, 26, "GROUP" },
        { "access: {jobs: {a: {runs: [b]}}}\n", 1, 21, "did you mean `run`" },
        { "access: {jobs: {'a b': {run: [b]}}}\n", 1, 17, "pattern" },
        { "access: {jobs: {a: {run: [b]}, a: {run: [b]}}}\n", 1, 32, "second time" },
        { "queues: {}\n", 1, 1, "unknown key" },
        { "max_running: 5\n---\nmax_running: 6\n", 2, 1, "second document" },
};

int main(void)
{
        zones = test_zones();

        is_int(parse(""), 0, "an empty file is a configuration");
        ok(!c.jobs_dirs && !c.state_dir && !c.defaults && c.max_running == 0 && c.log_level == -1,
           "  that says nothing");
        is_int(c.shutdown_grace_usec, 10 * USEC_PER_SEC, "  the daemon waits 10 s for its runs");
        is_int(c.clock_wait_usec, 5 * USEC_PER_MINUTE, "  and 5 minutes for the clock");
        config_done(&c);

        is_int(parse("$schema: x\njobs_dirs: [/a, /b]\nstate_dir: /s\nruntime_dir: /r\nlog_dir: /l\nsocket: /x/sock\nrunner: /usr/libexec/r\n"
                     "timezone: Europe/Berlin\nmax_running: 7\nmax_starting: 3\nlog_level: debug\nlog_format: json\non_stop: wait\n"
                     "shutdown_grace: 1m\nclock_wait: 0\n"
                     "access: {see: own, admin_group: wheel, jobs: {'etl*': {run: [dba, ops]}, one: {run: [x]}}}\n"
                     "keep: {runs: 5}\ndefaults: {user: nobody, env: {A: 1}, shell: /bin/bash}\n"),
               0, "all keys");
        ok(c.jobs_dirs && streq(c.jobs_dirs[0], "/a") && streq(c.jobs_dirs[1], "/b") && !c.jobs_dirs[2], "jobs_dirs");
        ok(streq_ptr(c.state_dir, "/s") && streq_ptr(c.runtime_dir, "/r") && streq_ptr(c.log_dir, "/l"), "folders");
        ok(streq_ptr(c.socket, "/x/sock") && streq_ptr(c.runner, "/usr/libexec/r") &&
                   streq_ptr(c.timezone, "Europe/Berlin"),
           "socket, runner, timezone");
        ok(c.max_running == 7 && c.max_starting == 3, "limits");
        ok(c.log_level == 7 && c.log_format == LOG_FORMAT_JSON && c.on_stop == ON_STOP_WAIT, "choices");
        ok(c.shutdown_grace_usec == USEC_PER_MINUTE && c.clock_wait_usec == 0, "durations");
        ok(c.see_own && streq_ptr(c.admin_group, "wheel") && c.n_access_jobs == 2 &&
                   streq(c.access_jobs[0].name, "etl*") && streq(c.access_jobs[0].run[1], "ops") &&
                   streq(c.access_jobs[1].run[0], "x"),
           "access");
        ok(c.defaults && streq_ptr(c.defaults->policy->user, "nobody") && c.defaults->policy->keep_runs == 5,
           "defaults, and keep among them");

        if (c.defaults) {
                struct jobfile_options opt = { .zones = &zones, .defaults = c.defaults };
                static const char text[] =
                        "defaults: {env: {B: 2}}\njobs:\n  a: {command: x}\n  b: {command: [x], user: null, keep: null, shell: null}\n";
                struct jobfile f;
                char *a, *b;

                is_int(jobfile_parse(text, strlen(text), NULL, &opt, &f), 0, "a job file under these defaults");
                a = f.n_jobs == 2 ? job_print(f.jobs[0]) : NULL;
                b = f.n_jobs == 2 ? job_print(f.jobs[1]) : NULL;
                is_str(a,
                       "{\"jobs\":{\"a\":{\"command\":\"x\",\"shell\":[\"/bin/bash\",\"-c\"],\"user\":\"nobody\",\"env\":{\"A\":\"1\",\"B\":\"2\"},"
                       "\"keep\":{\"runs\":5}}}}",
                       "takes them over");
                is_str(b, "{\"jobs\":{\"b\":{\"command\":[\"x\"],\"env\":{\"A\":\"1\",\"B\":\"2\"}}}}",
                       "or takes them back");
                ok(f.n_jobs == 2 && f.jobs[0]->policy->set_by_config != 0 && f.jobs[0]->policy->set_by_file != 0,
                   "and remembers where each came from");
                free(a);
                free(b);
                jobfile_done(&f);
        }
        config_done(&c);

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                int r = parse(bad[i].text);
                bool found = false;

                for (size_t k = 0; k < errors.n; k++) {
                        const struct diagnostic *d = &errors.v[k];

                        found = found || (d->line == bad[i].line && (!bad[i].column || d->column == bad[i].column) &&
                                          (strcasestr(d->message, bad[i].word) ||
                                           (d->hint && strcasestr(d->hint, bad[i].word)) ||
                                           (d->key && strcasestr(d->key, bad[i].word))));
                }
                if (!ok(r == -EINVAL && found, "refused: %.*s", (int)strcspn(bad[i].text, "\n"), bad[i].text))
                        for (size_t k = 0; k < errors.n; k++)
                                diag("%u:%u [%s] %s (%s)", errors.v[k].line, errors.v[k].column, errors.v[k].key ?: "",
                                     errors.v[k].message, errors.v[k].hint ?: "");
                if (r == 0)
                        config_done(&c);
        }
        diagnostics_done(&errors);
        diagnostics_done(&warnings);
        return tap_done();
}
