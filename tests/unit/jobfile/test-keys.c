/* Every key and every type of value: what is taken, what it prints as, what is refused and where.  Printed jobs
 * parse back to equal ones. */
#include <errno.h>
#include <string.h>

#include "jobfile/diag.h"
#include "jobfile/draft.h"
#include "jobfile/jobfile.h"
#include "jobfile/schema.h"

#include "../../lib/tap.h"
#include "zone.h"

#define NOW WALL_SEC(1780000000) /* May 2026 */

static struct zone_source zones;

static int parse(const char *text, struct jobfile *f)
{
        struct jobfile_options opt = { .zones = &zones, .now = NOW };

        return jobfile_parse(text, strlen(text), NULL, &opt, f);
}

static void show(const struct diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++)
                diag("%u:%u [%s] %s (%s)", d->v[i].line, d->v[i].column, d->v[i].key ?: "", d->v[i].message,
                     d->v[i].hint ?: "");
}

/* A text as a test's name: on one line. */
static const char *line_of(const char *text)
{
        static char buf[2][200];
        static unsigned n;
        char *b = buf[n++ % 2];

        (void)!snprintf(b, sizeof(buf[0]), "%s", text);
        for (char *p = b; *p; p++)
                if ((unsigned char)*p < 32 || (unsigned char)*p > 126 || *p == '#')
                        *p = '.';
        return b;
}

static bool has(const struct diagnostics *d, unsigned line, unsigned column, const char *word)
{
        for (size_t i = 0; i < d->n; i++)
                if ((!line || d->v[i].line == line) && (!column || d->v[i].column == column) &&
                    (strcasestr(d->v[i].message, word) || (d->v[i].hint && strcasestr(d->v[i].hint, word)) ||
                     (d->v[i].key && strcasestr(d->v[i].key, word))))
                        return true;
        return false;
}

/* A printed job is read again and is the same. */
static bool reads_back(const struct job *j)
{
        char *text = job_print(j);
        struct job *again = NULL;
        int r = text ? job_read(text, strlen(text), &zones, 0, NULL, &again) : -ENOMEM;
        bool same = r == 0 && memcmp(again->digest, j->digest, sizeof(j->digest)) == 0;

        if (!same)
                diag("does not read back (%d): %s", r, text ?: "?");
        job_unref(again);
        free(text);
        return same;
}

/* Lines of a job with `command: x` -> a part of its printed form. */
static const struct {
        const char *lines, *printed;
} good[] = {
        { "schedule: 0 2 * * *", "\"schedule\":\"0 2 * * *\"" },
        { "schedule: H 0~5 L * FRI#2", "\"schedule\":\"H 0~5 L * FRI#2\"" },
        { "schedule: \"@after 10m\"", "\"schedule\":\"@after 10m\"" },
        { "schedule: [\"@after 90\", 0 2 * * *]", "\"schedule\":[\"@after 90\",\"0 2 * * *\"]" },
        { "schedule: '@daily'", "\"schedule\":\"@daily\"" },
        { "schedule: [\"@daily\", 30 5 * * *]", "\"schedule\":[\"@daily\",\"30 5 * * *\"]" },
        { "schedule:\n    - 0 2 * * *", "\"schedule\":\"0 2 * * *\"" },
        { "timezone: Europe/Berlin", "\"timezone\":\"Europe/Berlin\"" },
        { "timezone: \"UTC\"", "\"timezone\":\"UTC\"" },
        { "start: 2026-12-24", "\"start\":\"2026-12-24T00:00:00" },
        { "start: 2026-12-24\n    timezone: Europe/Berlin", "\"start\":\"2026-12-23T23:00:00" },
        { "end: 2026-12-24", "\"end\":\"2026-12-24T23:59:59" },
        { "end: \"2026-12-24T18:00+01:00\"", "\"end\":\"2026-12-24T17:00:00" },
        { "start: 2026-01-01T00:00:00Z", "\"start\":\"2026-01-01T00:00:00" },
        { "dst: wall", "\"dst\":\"wall\"" },
        { "dst: skip\n    schedule: 30 2 * * *", "\"schedule\":\"30 2 * * *\",\"dst\":\"skip\"" },
        { "dst: once", "{\"a\":{\"command\":\"x\"}}" },
        { "exclude: [2026-12-24, 2026-12-24..2027-01-06, holidays, \"* 0-6 * * *\", 0 9 * * fri#2]",
          "\"exclude\":[\"2026-12-24\",\"2026-12-24..2027-01-06\",\"holidays\",\"* 0-6 * * *\",\"0 9 * * fri#2\"]" },
        { "exclude: holidays", "\"exclude\":[\"holidays\"]" },
        { "exclude: [2028-02-29..2028-02-29]\n    move: next", "\"exclude\":[\"2028-02-29..2028-02-29\"],\"move\":\"next\"" },
        { "exclude: [2026-12-24]\n    move: previous", "\"move\":\"previous\"" },
        { "jitter: 10m", "\"jitter\":\"10m\"" },
        { "jitter: 1500ms", "\"jitter\":\"1s500ms\"" },
        { "jitter: 7d", "\"jitter\":\"1w\"" },
        { "jitter: 0", "{\"a\":{\"command\":\"x\"}}" },
        { "catch_up: skip", "\"catch_up\":\"skip\"" },
        { "catch_up: latest", "{\"a\":{\"command\":\"x\"}}" },
        { "catch_up: all\n    catch_up_limit: 5", "\"catch_up\":\"all\",\"catch_up_limit\":5" },
        { "starting_deadline: 1h", "\"starting_deadline\":\"1h\"" },
        { "starting_deadline: unlimited", "\"starting_deadline\":\"unlimited\"" },
        { "enabled: false", "\"enabled\":false" },
        { "enabled: true", "{\"a\":{\"command\":\"x\"}}" },
        { "shell: /bin/bash", "\"shell\":[\"/bin/bash\",\"-c\"]" },
        { "shell: [/usr/bin/python3, -c]", "\"shell\":[\"/usr/bin/python3\",\"-c\"]" },
        { "user: backup", "\"user\":\"backup\"" },
        { "user: 1000", "\"user\":\"1000\"" },
        { "group: adm", "\"group\":\"adm\"" },
        { "working_dir: /srv/a b", "\"working_dir\":\"/srv/a b\"" },
        { "env: {PORT: 8080, RELEASE: 1.10, MODE: 0644}",
          "\"env\":{\"MODE\":\"0644\",\"PORT\":\"8080\",\"RELEASE\":\"1.10\"}" },
        { "env: {E: \"\", T: 'true', _x9: a: b}", NULL },
        { "env: {E: \"\", T: 'true', _x9: \"a: b\"}", "\"env\":{\"E\":\"\",\"T\":\"true\",\"_x9\":\"a: b\"}" },
        { "env: {}", "{\"a\":{\"command\":\"x\"}}" },
        { "env_file: /etc/default/x", "\"env_file\":[\"/etc/default/x\"]" },
        { "env_file: [-/etc/a, /etc/b]", "\"env_file\":[\"-/etc/a\",\"/etc/b\"]" },
        { "stdin: \"a\\tb\\n\"", "\"stdin\":\"a\\tb\\n\"" },
        { "stdin: |\n      one\n      two\n", "\"stdin\":\"one\\ntwo\\n\"" },
        { "stdin: \"\"", "\"stdin\":\"\"" },
        { "umask: 077", "\"umask\":\"077\"" },
        { "umask: \"007\"", "\"umask\":\"007\"" },
        { "nice: -20", "\"nice\":-20" },
        { "nice: 0", "\"nice\":0" },
        { "io_class: idle", "\"io_class\":\"idle\"" },
        { "io_class: realtime:0", "\"io_class\":\"realtime:0\"" },
        { "io_class: best-effort", "\"io_class\":\"best-effort:4\"" },
        { "cpu_affinity: \"0-3,8\"", "\"cpu_affinity\":\"0-3,8\"" },
        { "cpu_affinity: 3", "\"cpu_affinity\":\"3\"" },
        { "oom_score_adjust: -1000", "\"oom_score_adjust\":-1000" },
        { "limits: {open_files: 1024, file_size: 1G, core: 0, cpu_time: 1h30m, stack: 8Mi, address_space: unlimited}",
          "\"limits\":{\"open_files\":1024,\"file_size\":\"1G\",\"core\":0,\"cpu_time\":5400,\"stack\":\"8M\",\"address_space\":\"unlimited\"}" },
        { "limits: {}", "{\"a\":{\"command\":\"x\"}}" },
        { "timeout: 90", "\"timeout\":\"1m30s\"" },
        { "timeout: 500ms", "\"timeout\":\"500ms\"" },
        { "timeout: 1w", "\"timeout\":\"1w\"" },
        { "timeout: unlimited", "{\"a\":{\"command\":\"x\"}}" },
        { "timeout: null", "{\"a\":{\"command\":\"x\"}}" },
        { "total_timeout: 2h\n    timeout: 2h", "\"timeout\":\"2h\",\"total_timeout\":\"2h\"" },
        { "kill_signal: SIGUSR1", "\"kill_signal\":\"USR1\"" },
        { "kill_signal: HUP", "\"kill_signal\":\"HUP\"" },
        { "kill_timeout: 30s", "\"kill_timeout\":\"30s\"" },
        { "success_codes: [0, 3, 255]", "\"success_codes\":[0,3,255]" },
        { "skip_codes: [75]", "\"skip_codes\":[75]" },
        { "leftovers: wait", "\"leftovers\":\"wait\"" },
        { "log: {max: 512K, merge: true}", "\"log\":{\"max\":\"512K\",\"merge\":true}" },
        { "log: {max: 1}", "\"log\":{\"max\":1}" },
        { "description: \"say: \\\"ü\\\" \\u00e9\"", "\"description\":\"say: \\\"ü\\\" é\"" },
        { "labels: {team: data, tier: 1}", "\"labels\":{\"team\":\"data\",\"tier\":\"1\"}" },
        { "retry: 3", "\"retry\":3" },
        { "retry: 0", "{\"a\":{\"command\":\"x\"}}" },
        { "retry: {limit: 2, delay: 0, backoff: linear, max_delay: 1h, jitter: 5s}",
          "\"retry\":{\"limit\":2,\"delay\":0,\"backoff\":\"linear\",\"max_delay\":\"1h\",\"jitter\":\"5s\"}" },
        { "retry: {limit: 2, factor: 1.5, reasons: [lost, exit], exit_codes: [75]}",
          "\"retry\":{\"limit\":2,\"factor\":1.5,\"reasons\":[\"exit\",\"lost\"],\"exit_codes\":[75]}" },
        { "retry: {limit: 1, delay: 20m}", "\"retry\":{\"limit\":1,\"delay\":\"20m\"}" },
        { "concurrency: replace", "\"concurrency\":\"replace\"" },
        { "concurrency: allow\n    max_concurrent: 3", "\"concurrency\":\"allow\",\"max_concurrent\":3" },
        { "keep: {runs: 5, age: 1d, log: 1G}", "\"keep\":{\"runs\":5,\"age\":\"1d\",\"log\":\"1G\"}" },
        { "keep: {runs: unlimited, age: unlimited, log: unlimited}",
          "\"keep\":{\"runs\":\"unlimited\",\"age\":\"unlimited\",\"log\":\"unlimited\"}" },
        { "log: {max: 1Ti}", "\"log\":{\"max\":\"1T\"}" },
        { "\"description\": quoted key", "\"description\":\"quoted key\"" },
};

static void test_good(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                char text[2048];
                struct jobfile f = { 0 };
                int r;

                if (!good[i].printed)
                        continue;
                snprintf(text, sizeof(text), "jobs:\n  a:\n    command: x\n    %s\n", good[i].lines);
                r = parse(text, &f);
                if (!ok(r == 0 && f.n_jobs == 1, "%s", line_of(good[i].lines))) {
                        show(&f.errors);
                } else {
                        char *printed = job_print(f.jobs[0]);

                        if (!ok(printed && strstr(printed, good[i].printed), "  prints %s", line_of(good[i].printed)))
                                diag("%s", printed);
                        ok(reads_back(f.jobs[0]), "  and reads back");
                        free(printed);
                }
                jobfile_done(&f);
        }
}

/* Lines of a job with `command: x`, from line 4 column 5 on; where the error is, and a word of it. */
static const struct {
        const char *lines;
        unsigned line, column;
        const char *word;
} bad[] = {
        { "schedule: []", 4, 15, "empty" },
        { "schedule: \"\"", 4, 15, "schedule" },
        { "schedule:", 4, 0, "schedule" },
        { "schedule: {cron: x}", 4, 15, "map" },
        { "schedule: [[a]]", 4, 16, "schedule" },
        { "schedule: 5/15 * * * *", 4, 15, "5-59/15" },
        { "schedule: \"0 0 31 4 *\"", 4, 15, "never" },
        { "schedule: 0 0 L15 * *", 4, 15, "day-of-month" },
        { "schedule: \"0 0 * * fri#6\"", 4, 15, "#6" },
        { "schedule: \"0 0 31W 4 *\"", 4, 15, "never" },
        { "schedule: \"@after 500ms\"", 4, 15, "@after" },
        { "schedule: \"@after\"", 4, 15, "@after" },
        { "schedule: @daily", 4, 15, "quote" },
        { "schedule: * * * * *", 4, 15, "quote" },
        { "timezone: Europe/../etc/passwd", 4, 15, "timezone" },
        { "timezone: /etc/localtime", 4, 15, "timezone" },
        { "timezone: [UTC]", 4, 15, "zone" },
        { "start: tomorrow", 4, 12, "start" },
        { "start: 2026-02-30", 4, 12, "start" },
        { "end: 2026-13-01", 4, 10, "end" },
        { "dst: never", 4, 10, "once, wall, skip" },
        { "dst: Wall", 4, 10, "did you mean `wall`" },
        { "dst: [skip]", 4, 10, "dst" },
        { "exclude: []", 4, 14, "empty" },
        { "exclude: {a: b}", 4, 14, "map" },
        { "exclude: [0 12 * *]", 4, 15, "field" },
        { "exclude: [\"0 0 12 * * *\"]", 4, 15, "five" },
        { "exclude: [\"@weekly\"]", 4, 15, "five" },
        { "exclude: [\"@every 1h\"]", 4, 15, "five" },
        { "exclude: [0 9 30 2 *]", 4, 15, "never" },
        { "exclude: [H 9 * * *]", 4, 15, "`H`" },
        { "exclude: [0~5 9 * * *]", 4, 15, "`~`" },
        { "exclude: [2026-12-32]", 4, 15, "2026-12-24" },
        { "exclude: [2026-02-29]", 4, 15, "2026-12-24" },
        { "exclude: [2026-12-24..2026-12-23]", 4, 15, "backwards" },
        { "exclude: [2026-12-24..]", 4, 15, "range" },
        { "exclude: [2026-12-24..2026-12-25..2026-12-26]", 4, 15, "range" },
        { "exclude: [2026-12-24T10:00]", 4, 15, "date" },
        { "exclude: [a, b/c]", 4, 18, "calendars" },
        { "exclude: [on]", 4, 15, "quote" },
        { "exclude: [[a]]", 4, 15, "list" },
        { "move: next", 4, 5, "needs `exclude`" },
        { "exclude: [a]\n    move: nearest", 5, 11, "next, previous" },
        { "exclude: [a]\n    move: next\n    schedule: '@reboot'", 5, 5, "@reboot" },
        { "holidays: de", 4, 5, "did you mean `exclude`" },
        { "jitter: soon", 4, 13, "jitter" },
        { "jitter: -5", 4, 13, "jitter" },
        { "jitter: 8d", 4, 13, "jitter" },
        { "jitter: unlimited", 4, 13, "jitter" },
        { "jitter: [1m, 2m]", 4, 13, "jitter" },
        { "jitter:", 4, 12, "jitter" },
        { "catch_up: All", 4, 15, "all" },
        { "catch_up: yes", 4, 15, "latest" },
        { "catch_up: all\n    catch_up_limit: 0", 5, 21, "catch_up_limit" },
        { "catch_up: skip\n    catch_up_limit: 3", 5, 5, "catch_up_limit" },
        { "starting_deadline: 0", 4, 24, "starting_deadline" },
        { "starting_deadline: -5", 4, 24, "starting_deadline" },
        { "enabled: yes", 4, 14, "true or false" },
        { "enabled: True", 4, 14, "true or false" },
        { "enabled: null x", 4, 14, "enabled" },
        { "shell: bash", 4, 12, "/" },
        { "shell: []", 4, 12, "empty" },
        { "shell: {}", 4, 12, "map" },
        { "user: \"\"", 4, 11, "user" },
        { "user: a b", 4, 11, "user" },
        { "user: [root]", 4, 11, "user" },
        { "group: a:b", 4, 12, "group" },
        { "working_dir: srv", 4, 18, "working_dir" },
        { "working_dir: ~/x", 4, 18, "not expanded" },
        { "env: [A=b]", 4, 10, "map" },
        { "env: {1A: b}", 4, 11, "digit" },
        { "env: {A-B: c}", 4, 11, "A-B" },
        { "env: {A: [b]}", 4, 14, "list" },
        { "env: {A: null}", 4, 14, "quote" },
        { "env: {on: b}", 4, 11, "quote" },
        { "env: {A: b, A: c}", 4, 17, "second time" },
        { "env_file: conf", 4, 15, "env_file" },
        { "env_file: []", 4, 15, "empty" },
        { "env_file: {a: b}", 4, 15, "map" },
        { "stdin: 12:30", 4, 12, "quote" },
        { "stdin: [a]", 4, 12, "list" },
        { "stdin: \"\\0\"", 4, 12, "U+0000" },
        { "stdin: \"\\e[1m\"", 4, 12, "U+001B" },
        { "stdin: \"\\r\\n\"", 4, 12, "U+000D" },
        { "stdin: \"\\N\"", 4, 12, "U+0085" },
        { "stdin: \"\\u202e\"", 4, 12, "bidi" },
        { "umask: 0022", 4, 12, "octal" },
        { "umask: 22", 4, 12, "octal" },
        { "umask: 088", 4, 12, "octal" },
        { "nice: 20", 4, 11, "range" },
        { "nice: 1.5", 4, 11, "whole" },
        { "nice: 010", 4, 11, "zeros" },
        { "nice: +3", 4, 11, "nice" },
        { "nice: 0x10", 4, 11, "nice" },
        { "nice: 99999999999999999999999", 4, 11, "range" },
        { "nice: ten", 4, 11, "nice" },
        { "nice:", 4, 0, "nothing" },
        { "nice: ~", 4, 11, "nice" },
        { "io_class: idle:3", 4, 15, "idle" },
        { "io_class: best", 4, 15, "io_class" },
        { "io_class: \"realtime:\"", 4, 15, "io_class" },
        { "cpu_affinity: \"3-0\"", 4, 19, "backwards" },
        { "cpu_affinity: \"0,\"", 4, 19, "cpu_affinity" },
        { "cpu_affinity: [0, 1]", 4, 19, "cpu_affinity" },
        { "cpu_affinity: 4096", 4, 19, "1023" },
        { "oom_score_adjust: 1001", 4, 23, "range" },
        { "limits: 5", 4, 13, "map" },
        { "limits: {memory: 1G}", 4, 14, "memory" },
        { "limits: {open_file: 5}", 4, 14, "open_files" },
        { "limits: {open_files: 0}", 4, 26, "unlimited" },
        { "limits: {open_files: 1K}", 4, 26, "whole" },
        { "limits: {file_size: 0}", 4, 25, "unlimited" },
        { "limits: {cpu_time: 500ms}", 4, 24, "whole seconds" },
        { "limits: {stack: 1MB}", 4, 21, "MB" },
        { "limits: {stack: 1m}", 4, 21, "write `M`" },
        { "limits: {core: 1.5G}", 4, 20, "size" },
        { "limits: {core: 9999999999999T}", 4, 20, "range" },
        { "timeout: 0", 4, 14, "unlimited" },
        { "timeout: 30m1h", 4, 14, "largest" },
        { "timeout: 5 m", 4, 14, "timeout" },
        { "timeout: \"5m\"", 4, 14, "quotes" },
        { "timeout: infinity", 4, 14, "unlimited" },
        { "timeout: -1s", 4, 14, "timeout" },
        { "total_timeout: 1h\n    timeout: 1000w", 5, 5, "longer" },
        { "timeout: 2h\n    total_timeout: 1h", 5, 5, "longer" },
        { "kill_signal: term", 4, 18, "TERM" },
        { "kill_signal: 15", 4, 18, "TERM" },
        { "kill_signal: SIGFOO", 4, 18, "signal" },
        { "kill_timeout: unlimited", 4, 19, "kill_timeout" },
        { "success_codes: 0", 4, 20, "list" },
        { "success_codes: []", 4, 20, "empty" },
        { "success_codes: [256]", 4, 20, "255" },
        { "success_codes: [a]", 4, 20, "255" },
        { "success_codes: [1]\n    skip_codes: [1]", 5, 5, "both" },
        { "skip_codes: [0]", 4, 5, "both" },
        { "leftovers: kil", 4, 16, "did you mean `kill`" },
        { "log: {max: 0}", 4, 16, "log.max" },
        { "log: {merge: on}", 4, 18, "true or false" },
        { "log: {size: 1M}", 4, 11, "did you mean `max`" },
        { "description: yes", 4, 18, "quote" },
        { "description: {a: b}", 4, 18, "map" },
        { "labels: {a: two words}", 4, 17, "word" },
        { "labels: {a/b: x}", 4, 14, "a/b" },
        { "labels: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1, l: 1, m: 1, o: 1, p: 1, q: 1, r: 1}",
          4, 5, "16" },
        { "retry: {delay: 1s}", 4, 12, "limit" },
        { "retry: {limit: 0}", 4, 20, "retry.limit" },
        { "retry: -1", 4, 12, "retry" },
        { "retry: \"3\"", 4, 12, "quotes" },
        { "retry: [3]", 4, 12, "retry" },
        { "retry: {limit: 1, factor: 0.5}", 4, 31, "range" },
        { "retry: {limit: 1, factor: 1.2345}", 4, 31, "decimals" },
        { "retry: {limit: 1, backoff: expo}", 4, 32, "exponential" },
        { "retry: {limit: 1, reasons: []}", 4, 32, "empty" },
        { "retry: {limit: 1, reasons: [exit, sigal]}", 4, 39, "signal" },
        { "retry: {limit: 1, reasons: [hung]}", 4, 33, "reasons" },
        { "retry: {limit: 1, reasons: [signal], exit_codes: [1]}", 4, 42, "exit" },
        { "retry: {limit: 1, delay: 1h, max_delay: 1m}", 4, 0, "max_delay" },
        { "retry: {limit: 1, retries: 2}", 4, 23, "retries" },
        { "concurrency: Forbid", 4, 18, "did you mean `forbid`" },
        { "max_concurrent: 2", 4, 5, "allow" },
        { "concurrency: allow\n    max_concurrent: 0", 5, 21, "range" },
        { "concurrency: allow\n    max_concurrent: -1", 5, 21, "range" },
        { "keep: 5", 4, 11, "map" },
        { "keep: {runs: 0}", 4, 18, "runs" },
        { "keep: {age: 0}", 4, 17, "age" },
        { "nice: 1\n    nice: 2", 5, 5, "line 4" },
        { "? [a, b]\n    : c", 4, 0, "key" },
        { "queue: batch", 4, 5, "unknown key" },
        { "environment: {A: b}", 4, 5, "did you mean `env`" },
        { "cron: '@daily'", 4, 5, "did you mean `schedule`" },
        { "ExecStart: x", 4, 5, "did you mean `command`" },
        { "WorkingDirectory: /", 4, 5, "did you mean `working_dir`" },
        { "RandomizedDelaySec: 5", 4, 5, "did you mean `jitter`" },
        { "startingDeadlineSeconds: 5", 4, 5, "did you mean `starting_deadline`" },
        { "backoffLimit: 5", 4, 5, "did you mean `retry`" },
        { "open_files: 5", 4, 5, "stands in `limits`" },
        { "CATCH_UP: all", 4, 5, "did you mean `catch_up`" },
        { "limits: {timeout: 5}", 4, 14, "beside" },
        { "x: &a 5", 4, 8, "anchor" },
        { "stdin: !!str x", 4, 12, "tag" },
        { "stdin: a\xC2\xA0"
          "b",
          4, 12, "U+00A0" },
        { "stdin: |\n      a\xC2\xA0"
          "b",
          4, 12, "U+00A0" },
        { "\tnice: 3", 4, 0, "tab" },
        { "description: note: this", 4, 0, "quote" },
        { "description: [a] b", 4, 0, "list" },
        { "description: \"a\" b", 4, 0, "quot" },
        { "description: %x", 4, 18, "quote" },
        { "description: `x`", 4, 18, "quote" },
        { "description: 'it's'", 4, 0, "quote" },
        { "description: \"open\n    nice: 3\n    stdin: \"closed\"", 4, 18, "quote" },
        { "description: \"open\n    nice: 3", 4, 18, "never closed" },
        { "command: y2", 4, 5, "line 3" },
};

static void test_bad(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char text[2048];
                struct jobfile f = { 0 };
                int r;

                snprintf(text, sizeof(text), "jobs:\n  a:\n    command: x\n    %s\n", bad[i].lines);
                r = parse(text, &f);
                if (!ok(r == -EINVAL && f.n_jobs == 0 && has(&f.errors, bad[i].line, bad[i].column, bad[i].word),
                        "%s: %u:%u %s", line_of(bad[i].lines), bad[i].line, bad[i].column, bad[i].word))
                        show(&f.errors);
                jobfile_done(&f);
        }
}

/* Whole files: NULL word: good, and so many jobs in `line`. */
static const struct {
        const char *text;
        unsigned line, column;
        const char *word;
} files[] = {
        { "", 0, 0, "no job" },
        { "---\n", 0, 0, "no job" },
        { "jobs: {}\n", 0, 0, "no job" },
        { "defaults: {}\n", 0, 0, "no job" },
        { "defaults: {}\njobs: {}\n", 0, 0, "no job" },
        { "defaults: {nice: 3}\n", 0, 0, NULL },
        { "$schema: https://example.org/x\njobs: {a: {command: x}}\n", 1, 0, NULL },
        { "---\njobs: {a: {command: x}}\n...\n", 1, 0, NULL },
        { "%YAML 1.1\n---\njobs: {a: {command: x}}\n", 1, 0, NULL },
        { "%TAG ! tag:x,2000:\n---\njobs: {a: {command: x}}\n", 1, 1, "tag" },
        { "jobs: {a: {command: x}}\n---\njobs: {b: {command: x}}\n", 2, 1, "second document" },
        { "{\"jobs\": {\"a\": {\"command\": \"x\", \"timeout\": \"1h30m\"}}}", 1, 0, NULL },
        { "{\"jobs\": {\"a\": {\"command\": \"x\", \"timeout\": \"90\"}}}", 1, 44, "quotes" },
        { "{\"jobs\": {\"a\": {\"command\": \"x\", \"nice\": \"3\"}}}", 1, 41, "quotes" },
        { "jobs: [a]\n", 1, 7, "map" },
        { "jobs:\n", 1, 0, "map" },
        { "jobs: {a: null}\n", 1, 11, "map" },
        { "jobs: {a: {}}\n", 1, 8, "command" },
        { "jobs: {a: {command: null}}\n", 1, 21, "command" },
        { "jobs: {a: {command: []}}\n", 1, 21, "empty" },
        { "jobs: {a: {command: [\"\"]}}\n", 1, 22, "command" },
        { "jobs: {a: {command: ' '}}\n", 1, 21, "command" },
        { "jobs: {a: {command: [ -f x ]}}\n", 1, 21, "list" },
        { "jobs: {a: {command: [x, \"\", '', 5, 1.10]}}\n", 1, 0, NULL },
        { "jobs: {a: {command: [x, on]}}\n", 1, 25, "quote" },
        { "jobs: {a: {command: [x, [y2]]}}\n", 1, 25, "list" },
        { "jobs: {on: {command: x}}\n", 1, 8, "quote" },
        { "jobs: {\"on\": {command: x}}\n", 1, 0, NULL },
        { "jobs: {a.b-c_9: {command: x}}\n", 1, 0, NULL },
        { "jobs: {.a: {command: x}}\n", 1, 8, "name" },
        { "jobs: {ä: {command: x}}\n", 1, 8, "name" },
        { "jobs: {\"\": {command: x}}\n", 1, 8, "key" },
        { "jobs: {a: {command: x}}\njobs: {b: {command: x}}\n", 2, 1, "second time" },
        { "job: {a: {command: x}}\n", 1, 1, "did you mean `jobs`" },
        { "default: {nice: 1}\n", 1, 1, "did you mean `defaults`" },
        { "schedule: x\n", 1, 1, "under `jobs:`" },
        { "templates: {}\n", 1, 1, "unknown key" },
        { "defaults: {command: x}\njobs: {a: {command: x}}\n", 1, 12, "defaults" },
        { "defaults: {timeout: 2h, total_timeout: 1h}\njobs: {a: {command: x}}\n", 1, 25, "longer" },
        { "defaults: {timeout: 2h}\njobs: {a: {command: x, total_timeout: 1h}}\n", 2, 24, "longer" },
        { "defaults: {max_concurrent: 3, concurrency: allow}\njobs: {a: {command: x, concurrency: forbid}}\n", 1, 0,
          NULL },
        { "defaults: {catch_up_limit: 3}\njobs: {a: {command: x}}\n", 1, 0, NULL },
        { "defaults: {shell: /bin/bash}\njobs: {a: {command: [x]}}\n", 1, 0, NULL },
        { "jobs: {a: {command: [x], shell: /bin/bash}}\n", 1, 26, "shell" },
        { "jobs: {a: {command: x\x01}}\n", 1, 22, "U+0001" },
        { "jobs: {a: {command: x\x7f}}\n", 1, 22, "U+007F" },
        { "jobs: {a: {command: 'x\ry2'}}\n", 1, 23, "carriage return" },
        { "jobs: {a: {command: 'x\xC2\x85'}}\n", 1, 23, "U+0085" },
        { "jobs: {a: {command: 'x\xE2\x80\xA9'}}\n", 1, 23, "U+2029" },
        { "# \xE2\x80\xAE\njobs: {a: {command: x}}\n", 1, 3, "U+202E" },
        { "jobs: {a: {command: 'x\xC2\xA0y2'}}\n", 1, 0, NULL },
        { "# caf\xE9\njobs: {a: {command: x}}\n", 1, 6, "UTF-8" },
        { "jobs: {a: {command: \xC0\xAF}}\n", 1, 21, "UTF-8" },
        { "jobs: {ü: {command: x, nice: 99}}\n", 1, 30, "range" }, /* columns count characters */
        { "\xEF\xBB\xBFjobs: {a: {command: x}}\n", 1, 0, NULL },
        { "jobs: {a: {command: x, nice: 99}, b: {nice: 98}}\n", 1, 45, "range" },
        { "jobs:\n  a:\n    command: x\n  b:\n    command: echo \"a\n    nice: 99\n", 5, 14, NULL },
        { "jobs:\n  a: {command: x, nice: 99}\n  b: {command: @x}\n", 2, 25, "range" },
        { "jobs:\n  a: {command: x, nice: 99}\n  b: {command: @x}\n", 3, 16, "quote" },
};

static void test_files(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                struct jobfile f = { 0 };
                int r;

                if (!files[i].word && files[i].column)
                        continue;
                r = parse(files[i].text, &f);
                if (files[i].word ? !ok(r == -EINVAL && has(&f.errors, files[i].line, files[i].column, files[i].word),
                                        "%s: %s", line_of(files[i].text), files[i].word)
                                  : !ok(r == 0 && f.n_jobs == files[i].line, "good: %s", line_of(files[i].text)))
                        show(&f.errors);
                for (size_t k = 0; k < f.n_jobs; k++)
                        ok(reads_back(f.jobs[k]), "  reads back");
                jobfile_done(&f);
        }
}

static void test_inheritance(void)
{
        static const char text[] =
                "defaults:\n"
                "  user: backup\n  timeout: 2h\n  env: {A: 1, B: 2}\n  limits: {open_files: 5, core: 0}\n  labels: {x: 1}\n"
                "  log: {max: 1M}\n  retry: {limit: 5, delay: 1m}\n  shell: /bin/bash\n"
                "jobs:\n"
                "  a: {command: x}\n"
                "  b:\n    command: |\n      x\n      y2\n    user: null\n    timeout: null\n    env: {B: null, C: 3}\n"
                "    limits: {core: null, stack: 1M}\n    labels: null\n    log: {merge: true}\n    retry: 2\n";
        struct jobfile f;
        char *printed;

        is_int(parse(text, &f), 0, "a file with defaults");
        show(&f.errors);
        if (f.n_jobs != 2)
                return;
        printed = job_print(f.jobs[0]);
        is_str(printed,
               "{\"jobs\":{\"a\":{\"command\":\"x\",\"shell\":[\"/bin/bash\",\"-c\"],\"user\":\"backup\",\"env\":{\"A\":\"1\",\"B\":\"2\"},"
               "\"limits\":{\"open_files\":5,\"core\":0},\"timeout\":\"2h\",\"log\":{\"max\":\"1M\"},\"labels\":{\"x\":\"1\"},"
               "\"retry\":{\"limit\":5,\"delay\":\"1m\"}}}}",
               "a takes everything over");
        free(printed);
        printed = job_print(f.jobs[1]);
        is_str(printed,
               "{\"jobs\":{\"b\":{\"command\":\"x\\ny2\\n\",\"shell\":[\"/bin/bash\",\"-ec\"],\"env\":{\"A\":\"1\",\"C\":\"3\"},"
               "\"limits\":{\"open_files\":5,\"stack\":\"1M\"},\"log\":{\"merge\":true},\"retry\":2}}}",
               "b: env and limits merge by key, null takes back, the others are replaced whole");
        free(printed);
        ok(f.jobs[0]->policy->set_by_file & JOB_KEY_BIT(JOB_KEY_TIMEOUT), "a's timeout comes from the file");
        ok(!(f.jobs[0]->policy->set_by_job & JOB_KEY_BIT(JOB_KEY_TIMEOUT)), "  not from the job");
        ok(f.jobs[0]->policy->set_by_job & JOB_KEY_BIT(JOB_KEY_COMMAND), "its command does");
        ok(!((f.jobs[1]->policy->set_by_file | f.jobs[1]->policy->set_by_job) & JOB_KEY_BIT(JOB_KEY_TIMEOUT)),
           "b's timeout is built in");
        ok(!(f.jobs[1]->policy->set_by_file & JOB_KEY_BIT(JOB_KEY_LOG_MAX)), "  and so is its log.max");
        ok(f.jobs[1]->policy->set_by_job & JOB_KEY_BIT(JOB_KEY_LOG_MERGE), "  log.merge is its own");
        jobfile_done(&f);
}

static void test_warnings(void)
{
        struct jobfile f;

        (void)parse(
                "jobs:\n  a: {command: x, timezone: UTC, enabled: false}\n  b: {command: x, schedule: ['@daily', '@at 2020-01-01T00:00']}\n"
                "  c: {command: x, schedule: '@daily', end: 2020-01-01}\n  d: {command: x, schedule: '@daily', timezone: Mars/Phobos}\n",
                &f);
        ok(has(&f.warnings, 2, 19, "schedule"), "a timezone without a schedule");
        ok(has(&f.warnings, 2, 34, "schedule"), "enabled without a schedule");
        ok(has(&f.warnings, 3, 40, "past"), "an @at in the past, at its place in the list");
        ok(has(&f.warnings, 4, 39, "past"), "an end in the past");
        is_int(f.warnings.n, 4, "no others");
        ok(f.n_jobs == 4 && f.jobs[3]->policy->blocked && strstr(f.jobs[3]->policy->blocked, "Mars/Phobos"), "an unknown zone blocks");
        ok(f.n_jobs == 4 && !f.jobs[2]->policy->blocked, "  only its job");
        jobfile_done(&f);
}

/* begin, n times before-number-after (without a number if `after` is NULL), end */
static char *repeat(const char *begin, const char *before, const char *after, size_t n, const char *end)
{
        struct buf b = { 0 };

        buf_str(&b, begin);
        for (size_t i = 0; i < n; i++)
                after ? buf_printf(&b, "%s%08u%s", before, (unsigned)i, after) : buf_str(&b, before);
        buf_str(&b, end);
        return buf_take(&b);
}

static void limit(const char *what, char *text, const char *word)
{
        struct jobfile f = { 0 };
        int r = text ? parse(text, &f) : -ENOMEM;

        if (!ok(word ? r == -EINVAL && has(&f.errors, 0, 0, word) : r == 0, "%s", what))
                show(&f.errors);
        ok(f.errors.n <= DIAGNOSTICS_MAX + 1, "  a bounded number of errors");
        jobfile_done(&f);
        free(text);
}

static void test_limits(void)
{
        limit("10,000 jobs", repeat("jobs:\n", "  j", ": {command: x}\n", 10000, ""), NULL);
        limit("10,001 jobs", repeat("jobs:\n", "  j", ": {command: x}\n", 10001, ""), "too many");
        limit("over 1 MiB", repeat("jobs: {a: {command: x}}\n", "# comment ", "\n", 60000, ""), "1 MiB");
        limit("a text of nearly 128 KiB", repeat("jobs: {a: {command: x, stdin: '", "", "", 16383, "'}}"), NULL);
        limit("a text of 128 KiB, and a command", repeat("jobs: {a: {command: x, stdin: '", "", "", 16384, "'}}"),
              "128 KiB");
        limit("a text over 128 KiB", repeat("jobs: {a: {command: x, stdin: '", "", "", 16385, "'}}"), "128 KiB");
        limit("env over 128 KiB",
              repeat("jobs:\n  a:\n    command: x\n    env:\n", "      V",
                     ": 0123456789012345678901234567890123456789\n", 3000, ""),
              "128 KiB");
        limit("nested 31 deep", repeat("jobs: {a: {command: x, stdin: ", "[", NULL, 28, "'}}"), "list");
        limit("nested too deep", repeat("jobs: {a: {command: x, stdin: ", "[", NULL, 100, ""), "32 levels");
        limit("nested much too deep", repeat("", "[", NULL, 500000, ""), "32 levels");
        limit("nested by dashes", repeat("", "- ", NULL, 500000, ""), "32 levels");
        limit("a million bad bytes", repeat("jobs: {a: {command: '", "\x01\x02", NULL, 500000, "'}}"), "control");
        limit("50,000 keys that are no words", repeat("jobs:\n", "  ? [", "]\n", 50000, ""), "too many");
        limit("many equal names", repeat("jobs:\n", "  a: {command: x}\n", NULL, 9000, ""), "second time");
        limit("many equal variables",
              repeat("jobs:\n  a:\n    command: x\n    env:\n", "      A: x\n", NULL, 50000, ""), "second time");
        limit("many tag lines", repeat("", "%TAG !a", "! tag:x\n", 40000, "---\njobs: {a: {command: x}}\n"), "tag");
}

/* One trap does not hide what stands behind it. */
static void test_traps(void)
{
        struct jobfile f;

        is_int(parse("jobs:\n  a:\n    schedule: */5 * * * *\n    command: echo foo: bar\n    nice: 99\n"
                     "  b: {schedule: @daily, command: x, timeout: 5x}\n  c:\n    schedule: * * * * *\n    comand: x\n",
                     &f),
               -EINVAL, "several traps in a file");
        ok(has(&f.errors, 3, 15, "alias") && has(&f.errors, 4, 22, "quote") && has(&f.errors, 5, 11, "range") &&
                   has(&f.errors, 6, 17, "quote") && has(&f.errors, 6, 46, "duration") &&
                   has(&f.errors, 8, 15, "alias") && has(&f.errors, 9, 5, "command"),
           "  all are reported, and what is behind them");
        if (!is_int(f.errors.n, 7, "  each once"))
                show(&f.errors);
        jobfile_done(&f);
}

static void test_own_user(void)
{
        struct jobfile_options opt = { .zones = &zones, .now = NOW, .own_user_only = true, .own_user = "alice" };
        static const char text[] = "defaults: {user: alice}\njobs: {a: {command: x, user: root}}\n";
        struct jobfile f;

        is_int(jobfile_parse(text, strlen(text), NULL, &opt, &f), -EINVAL, "another user in an ordinary user's daemon");
        ok(f.errors.n == 1 && has(&f.errors, 2, 30, "alice"), "  is an error, its own is not");
        jobfile_done(&f);
}

/* What `H` and `~` draw goes by the job's name, wherever the job stands; `~` also by the machine. */
static void test_draws(void)
{
        static const char *const texts[] = {
                "jobs:\n  b: {command: x, schedule: H H * * *}\n  a: {command: x, schedule: [H H * * *, 0~59 1~5 * * *]}\n",
                "defaults: {timezone: UTC}\njobs:\n  a: {schedule: [H H * * *, 0~59 1~5 * * *], command: x}\n"
                "  b: {command: z, schedule: [H H * * *]}\n",
        };
        struct calendar hashed[4], random[3];

        for (unsigned i = 0; i < 3; i++) {
                struct jobfile_options opt = { .zones = &zones, .now = NOW, .machine = i / 2 };
                const char *text = texts[i % 2];
                unsigned a = i == 1 ? 0 : 1;
                struct jobfile f;

                if (!is_int(jobfile_parse(text, strlen(text), NULL, &opt, &f), 0, "a file with H and ~"))
                        show(&f.errors);
                else
                        hashed[i] = f.jobs[a]->entries[0], random[i] = f.jobs[a]->entries[1],
                        hashed[3] = f.jobs[1 - a]->entries[0];
                if (i == 2 && f.n_jobs == 2) {
                        char *printed = job_print(f.jobs[a]);
                        struct job *again = NULL;

                        ok(printed && job_read(printed, strlen(printed), &zones, opt.machine, NULL, &again) == 0 &&
                                   memcmp(again->entries, f.jobs[a]->entries, 2 * sizeof(struct calendar)) == 0,
                           "a stored definition draws the same");
                        job_unref(again);
                        free(printed);
                }
                jobfile_done(&f);
        }
        ok(memcmp(&hashed[0], &hashed[1], sizeof(hashed[0])) == 0 &&
                   memcmp(&random[0], &random[1], sizeof(random[0])) == 0,
           "the same job draws the same in another file");
        ok(memcmp(&hashed[0], &hashed[3], sizeof(hashed[0])) != 0, "another job draws something else");
        ok(memcmp(&hashed[0], &hashed[2], sizeof(hashed[0])) == 0, "H is the same on another machine");
        ok(memcmp(&random[0], &random[2], sizeof(random[0])) != 0, "~ is not");
}

static void test_schema(void)
{
        char *json = schema_print_json(), *text = NULL;

        ok(json && json[0] == '{', "the JSON Schema");
        for (unsigned i = 0; i < job_keys.n; i++) {
                char quoted[80];

                snprintf(quoted, sizeof(quoted), "\"%s\":{\"description\":", job_keys.v[i].name);
                if (!json || !strstr(json, quoted))
                        ok(false, "  has %s", job_keys.v[i].name);
                if (!*job_keys.v[i].help || !*job_keys.v[i].built_in || job_keys.v[i].type >= KEY_TYPE_NR)
                        ok(false, "  %s has its words", job_keys.v[i].name);
        }
        free(json);
        is_int(schema_print_text("retry.delay", false, &text), 0, "one key as text");
        ok(text && strstr(text, "Default: 10s"), "  with its default");
        free(text);
        text = NULL;
        is_int(schema_print_text("retry.dealy", false, &text), -ENOENT, "an unknown one");
        ok(text && strstr(text, "`delay`"), "  with a hint");
        free(text);
        text = NULL;
        is_int(schema_print_text(NULL, true, &text), 0, "the configuration's keys");
        ok(text && strstr(text, "access.admin_group"), "  with those inside");
        free(text);
}

int main(void)
{
        zones = test_zones();
        test_good();
        test_bad();
        test_files();
        test_inheritance();
        test_warnings();
        test_limits();
        test_traps();
        test_own_user();
        test_draws();
        test_schema();
        return tap_done();
}
