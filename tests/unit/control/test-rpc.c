/* Requests and their answers: what is strict, what each method says, and that nothing is left behind. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "tbl/commands.h"
#include "tests/lib/tap.h"
#include "tests/unit/control/harness.h"

static const char jobs[] =
        "jobs:\n"
        "  backup: {schedule: \"30 2 * * *\", command: \"true\", description: Nightly, labels: {team: ops}, timezone: UTC}\n"
        "  report: {schedule: \"@hourly\", command: [/bin/true], user: nobody}\n"
        "  manual: {command: \"true\", env: {SECRET: xyzzy}, concurrency: allow}\n";

static void test_strict(void)
{
        static const struct {
                const char *line;
                long code;
                const char *name;
        } rows[] = {
                { "nonsense", -32700, "invalid" },
                { "", -32700, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"system.version\"}", -32700, "invalid" },
                { "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}]", -32600, "invalid" },
                { "{\"id\":1,\"method\":\"system.version\"}", -32600, "invalid" },
                { "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"system.version\"}", -32600, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"system.version\"}", -32600, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"system.version\"}", -32600, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\",\"extra\":1}", -32600, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\",\"params\":[]}", -32600, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.versio\"}", -32601, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\",\"params\":{\"x\":1}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.show\"}", -32602, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.show\",\"params\":{\"job\":7}}", -32602, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.show\",\"params\":{\"job\":\"a\\u0007b\"}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"limit\":0}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"limit\":-5}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"state\":\"sleeping\"}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"a\",3]}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.list\",\"params\":{\"since\":\"yesterday\"}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.list\",\"params\":{\"cursor\":\"abc\"}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.wait\",\"params\":{\"runs\":[]}}", -32602,
                  "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"runs\":[1],\"jobs\":[\"a\"]}}",
                  -32602, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"runs\":[1],\"signal\":\"NOPE\"}}",
                  -32602, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"why\",\"params\":{}}", -32602, "invalid" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.show\",\"params\":{\"job\":\"nope\"}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.show\",\"params\":{\"run\":999}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.wait\",\"params\":{\"runs\":[999]}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.logs\",\"params\":{\"run\":999}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.logs\",\"params\":{\"job\":\"backup\"}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"runs\":[999]}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"jobs\":[\"backup\"]}}", -32000,
                  "conflict" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.resume\",\"params\":{\"jobs\":[\"backup\"]}}", -32000,
                  "conflict" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"backup\",\"nope\"]}}",
                  -32000, "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"nope*\"]}}", -32000,
                  "not_found" },
                { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.pause\",\"params\":{\"jobs\":[\"backup\"],\"until\":\"2001-01-01\"}}",
                  -32602, "invalid" },
        };
        uint64_t commands;
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        fd = client();
        commands = h.commands;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                json_t *v = ask(fd, rows[i].line);

                ok(json_integer_value(at(v, "error.code")) == rows[i].code &&
                           streq_ptr(at_string(v, "error.data.code"), rows[i].name),
                   "%.100s: %s", rows[i].line, v ? json_string_value(at(v, "error.message")) : "closed");
                json_decref(v);
        }
        ok(h.commands == commands + 1, "only the resume came to the engine: a list with one bad name does nothing");
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}"), "",
               "after all of that the connection still works");
        close(fd);
        harness_stop();
}

static void test_ids(void)
{
        json_t *v;
        int fd;

        harness_start();
        fd = client();
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"x\\\"y\",\"method\":\"system.version\"}");
        is_str(at_string(v, "id"), "x\"y", "a string as id comes back");
        is_str(at_string(v, "result.version"), PACKAGE_VERSION, "the version");
        is_str(at_string(v, "jsonrpc"), "2.0", "jsonrpc");
        json_decref(v);
        /* Notifications: no answer, also not to a wrong one; then the answer of the request behind them. */
        client_send(fd,
                    "{\"jsonrpc\":\"2.0\",\"method\":\"system.version\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"nope\"}\n"
                    "{\"jsonrpc\":\"2.0\",\"method\":\"job.run\",\"params\":{\"jobs\":[\"nope\"]}}\n");
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":-7,\"method\":\"system.version\"}");
        is_int(json_integer_value(at(v, "id")), -7, "a notification gets no answer");
        json_decref(v);
        /* Many in one write, and one in many writes. */
        client_send(
                fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"system.version\"}\n");
        for (int i = 1; i <= 2; i++) {
                v = client_read(fd);
                is_int(json_integer_value(at(v, "id")), i, "pipelined");
                json_decref(v);
        }
        for (const char *p = "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"system.version\"}\n"; *p; p++) {
                char one[2] = { *p, '\0' };

                client_send(fd, one);
                turn();
        }
        v = client_read(fd);
        is_int(json_integer_value(at(v, "id")), 3, "byte by byte");
        json_decref(v);
        close(fd);
        harness_stop();
}

static void test_describe(void)
{
        json_t *v, *m;
        size_t i;
        bool whole = true;
        int fd;

        harness_start();
        fd = client();
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.describe\"}");
        is_int(json_array_size(at(v, "result.methods")), METHOD_NR, "every method");
        json_array_foreach(at(v, "result.methods"), i, m)
                whole &= at_string(m, "name") && at_string(m, "right") && at_string(m, "help") &&
                         json_is_array(at(m, "params"));
        ok(whole, "each with params, right and help");
        json_decref(v);
        close(fd);
        harness_stop();
}

static void test_jobs(void)
{
        json_t *v;
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        fd = client();
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\"}");
        is_int(json_array_size(at(v, "result.jobs")), 3, "three jobs");
        is_str(at_string(v, "result.jobs.0.name"), "backup", "in order");
        is_str(at_string(v, "result.jobs.0.schedule.0"), "30 2 * * *", "schedule as written");
        is_str(at_string(v, "result.jobs.0.labels.team"), "ops", "labels");
        is_str(at_string(v, "result.jobs.0.timezone"), "UTC", "timezone");
        is_str(at_string(v, "result.jobs.2.user"), "nobody", "user");
        ok(strstr(at_string(v, "result.jobs.0.next"), "T02:30:00+00:00") != NULL, "next: %s",
           at_string(v, "result.jobs.0.next"));
        ok(json_is_null(at(v, "result.jobs.1.next")) && json_is_null(at(v, "result.jobs.1.last")),
           "no schedule: no next; no run: no last");
        ok(json_is_true(at(v, "result.jobs.0.enabled")) && json_is_null(at(v, "result.jobs.0.paused")),
           "enabled, not paused");
        ok(json_is_null(at(v, "result.cursor")), "that is all");
        json_decref(v);

        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"re*\",\"back?p\"],\"label\":{\"team\":\"ops\"}}}");
        is_int(json_array_size(at(v, "result.jobs")), 1, "patterns and label");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"report\",\"backup\",\"nope\",\"backup\"],\"limit\":1}}");
        is_str(at_string(v, "result.jobs.0.name"), "backup", "exact names: in order");
        is_str(at_string(v, "result.cursor"), "backup", "paged");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"report\",\"backup\",\"nope\",\"backup\"],\"limit\":1,"
                "\"cursor\":\"backup\"}}");
        is_int(json_array_size(at(v, "result.jobs")), 0, "what is not there is left out");
        is_str(at_string(v, "result.cursor"), "nope", "but the end is still to come");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"user\":\"nobody\"}}");
        is_int(json_array_size(at(v, "result.jobs")), 1, "by user");
        json_decref(v);

        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.show\",\"params\":{\"job\":\"manual\"}}");
        is_str(at_string(v, "result.job.definition.env.SECRET"), "xyzzy", "definition");
        is_str(at_string(v, "result.job.origins.command"), "job", "origin: the job");
        is_str(at_string(v, "result.job.origins.umask"), "built-in", "origin: built in");
        is_str(at_string(v, "result.job.file"), "/etc/jobs.d/a.yaml", "file");
        is_int(json_integer_value(at(v, "result.job.line")), 4, "line");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.cat\",\"params\":{\"job\":\"manual\"}}");
        is_str(at_string(v, "result.text"), jobs, "cat");
        ok(json_is_false(at(v, "result.stale")), "not stale");
        json_decref(v);
        close(fd);
        harness_stop();
}

/* Every job once, over many pages, also with a pattern that leaves few. */
static void test_paging(void)
{
        static const char *const patterns[] = { "", ",\"patterns\":[\"j0*\"]", ",\"patterns\":[\"*99\"]",
                                                ",\"patterns\":[\"x*\"]" };
        static const size_t want[] = { 9000, 9000, 90, 0 };
        int fd;

        harness_start();
        harness_many(9000, "@hourly");
        fd = client();
        for (size_t p = 0; p < ARRAY_SIZE(patterns); p++) {
                char cursor[64] = "", line[512], last[64] = "";
                size_t jobs_seen = 0, pages = 0;
                bool ordered = true, more = true;

                while (more && pages++ < 200) {
                        json_t *v;

                        snprintf(
                                line, sizeof(line),
                                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"limit\":1000%s%s%s%s}}",
                                patterns[p], *cursor ? ",\"cursor\":\"" : "", cursor, *cursor ? "\"" : "");
                        v = ask(fd, line);
                        for (size_t i = 0; i < json_array_size(at(v, "result.jobs")); i++) {
                                const char *name = at_string(json_array_get(at(v, "result.jobs"), i), "name");

                                ordered &= strcmp(last, name) < 0;
                                snprintf(last, sizeof(last), "%s", name);
                                jobs_seen++;
                        }
                        more = at_string(v, "result.cursor");
                        snprintf(cursor, sizeof(cursor), "%s", more ? at_string(v, "result.cursor") : "");
                        json_decref(v);
                }
                is_int(jobs_seen, want[p], "every job of the pattern, over the pages");
                ok(ordered && !more, "once and in order, to the end (%zu pages)", pages);
        }
        close(fd);
        harness_stop();
}

static void test_next(void)
{
        json_t *v;
        size_t n;
        bool sorted = true;
        int fd;

        harness_start();
        harness_many(5000, "0 * * * *");
        harness_jobs(
                "jobs:\n  often: {schedule: \"* * * * *\", command: x}\n  idle: {schedule: \"* * * * *\", command: x, enabled: false}\n",
                "/f", 0);
        fd = client();
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.next\",\"params\":{\"from\":\"2026-03-01T00:00:30Z\"}}");
        is_int(json_array_size(at(v, "result.next")), 10, "ten in all");
        is_str(at_string(v, "result.next.0.at"), "2026-03-01T00:01:00+00:00", "the first");
        is_str(at_string(v, "result.next.0.job"), "often", "of the one that is due first");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.next\",\"params\":{\"n\":10000,\"from\":\"2026-03-01T00:00:30Z\",\"to\":\"2026-03-01T01:00:00Z\"}}");
        n = json_array_size(at(v, "result.next"));
        is_int(n, 60 + 5000, "up to `to`, included");
        for (size_t i = 1; i < n; i++)
                sorted &= strcmp(at_string(json_array_get(at(v, "result.next"), i - 1), "at"),
                                 at_string(json_array_get(at(v, "result.next"), i), "at")) <= 0;
        ok(sorted, "in order of time");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.next\",\"params\":{\"jobs\":[\"often\",\"j00001\"],\"n\":3}}");
        is_int(json_array_size(at(v, "result.next")), 6, "with jobs: so many of each");
        json_decref(v);
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.next\",\"params\":{\"jobs\":[\"oftn\"]}}"),
               "not_found", "an unknown name");
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.next\",\"params\":{\"jobs\":[\"idle\"]}}");
        is_int(json_array_size(at(v, "result.next")), 0, "a disabled job has none");
        json_decref(v);
        close(fd);
        harness_stop();
}

/* run, wait, cancel, pause: through the engine and back. */
static void test_acts(void)
{
        json_t *v;
        int fd, fd2;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        fd = client();
        fd2 = client();
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"manual\",\"report\",\"manual\"]}}");
        is_int(json_array_size(at(v, "result.runs")), 2, "two runs: a name twice is one");
        is_int(json_integer_value(at(v, "result.runs.0")), 1, "run 1");
        ok(json_is_true(at(v, "result.durable")), "durable");
        json_decref(v);
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"report\"]}}"),
               "conflict", "it is active: conflict");
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"manual\",\"report\"]}}");
        is_str(at_string(v, "error.data.code"), "conflict", "the engine refuses the second");
        is_int(json_integer_value(at(v, "error.data.done.0")), 3, "what was done all the same is said");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"report\"],\"force\":true}}");
        is_int(json_integer_value(at(v, "result.runs.0")), 4, "force");
        json_decref(v);

        /* Waits: one that ends later, one that has ended, several, a timeout. */
        harness_started(1, 1);
        client_send(fd2, "{\"jsonrpc\":\"2.0\",\"id\":\"w\",\"method\":\"run.wait\",\"params\":{\"runs\":[1,2,1]}}\n");
        settle();
        harness_exited(1, 1, 3 << 8);
        harness_started(2, 1);
        harness_exited(2, 1, SIGKILL);
        v = client_read(fd2);
        is_str(at_string(v, "id"), "w", "the wait is answered");
        is_int(json_array_size(at(v, "result.runs")), 2, "each run once");
        is_int(json_integer_value(at(v, "result.runs.0.exit_code")), 3, "exit code");
        is_str(at_string(v, "result.runs.0.state"), "failed", "state");
        is_int(json_integer_value(at(v, "result.runs.1.signal")), SIGKILL, "signal");
        ok(json_is_false(at(v, "result.timed_out")), "not timed out");
        json_decref(v);
        v = ask(fd2,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.wait\",\"params\":{\"runs\":[2,1],\"timeout\":0}}");
        ok(json_array_size(at(v, "result.runs")) == 2 && json_is_false(at(v, "result.timed_out")),
           "those that have ended, even with no time at all");
        json_decref(v);
        v = ask(fd2,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.wait\",\"params\":{\"runs\":[1,3],\"timeout\":0.001}}");
        ok(json_is_true(at(v, "result.timed_out")), "timed out");
        is_str(at_string(v, "result.runs.1.state"), "starting", "with the state that it is in");
        json_decref(v);

        /* Signals and cancelling. */
        is_str(ask_code(
                       fd,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"runs\":[3],\"signal\":\"USR1\"}}"),
               "conflict", "a run that does not run gets no signal");
        harness_started(3, 1);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"runs\":[3],\"signal\":\"sigusr1\"}}");
        ok(json_integer_value(at(v, "result.runs.0")) == 3 && h.last_signal == SIGUSR1 && h.signalled == 3, "a signal");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"jobs\":[\"*\"]}}");
        is_int(json_array_size(at(v, "result.runs")), 2, "all that are active");
        json_decref(v);
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.cancel\",\"params\":{\"runs\":[1]}}"),
               "conflict", "one that has ended");

        /* Pauses are shown. */
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.pause\",\"params\":{\"jobs\":[\"ba*\"],\"why\":\"disk is full\",\"hold\":true}}");
        is_str(at_string(v, "result.jobs.0"), "backup", "paused");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.show\",\"params\":{\"job\":\"backup\"}}");
        is_str(at_string(v, "result.job.paused.reason"), "disk is full", "why");
        ok(json_is_true(at(v, "result.job.paused.hold")), "hold");
        json_decref(v);
        is_str(ask_code(fd,
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.disable\",\"params\":{\"jobs\":[\"backup\"]}}"),
               "", "disable");
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"backup\"]}}");
        ok(json_is_false(at(v, "result.jobs.0.enabled")), "disabled");
        json_decref(v);
        is_str(ask_code(fd,
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.enable\",\"params\":{\"jobs\":[\"backup\"]}}"),
               "", "enable");
        is_str(ask_code(fd,
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.resume\",\"params\":{\"jobs\":[\"backup\"]}}"),
               "", "resume");
        close(fd);
        close(fd2);
        harness_stop();
}

static void test_history(void)
{
        struct run_info r = { .job = "backup",
                              .state = RUN_SUCCEEDED,
                              .trigger = TRIGGER_SCHEDULE,
                              .count = 1,
                              .started_at = WALL_SEC(1000),
                              .queued_at = WALL_SEC(1000),
                              .created_at = WALL_SEC(1000),
                              .retry_at = WALL_NEVER,
                              .by_uid = UINT32_MAX,
                              .start = 1,
                              .attempt = 1,
                              .wait_status = 0,
                              .ended_at = { 1000 * USEC_PER_SEC + 1500000 } };
        char cursor[64] = "", line[256];
        size_t seen = 0, pages = 0;
        uint64_t last = UINT64_MAX;
        bool ordered = true, more = true;
        json_t *v;
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        for (uint64_t i = 1; i <= 3000; i++) {
                r.id = i;
                r.scheduled_at = r.scheduled_until = WALL_SEC(100 * i);
                harness_history(&r);
        }
        fd = client();
        while (more && pages++ < 50) {
                snprintf(line, sizeof(line),
                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.list\",\"params\":{\"limit\":700%s%s%s}}",
                         *cursor ? ",\"cursor\":\"" : "", cursor, *cursor ? "\"" : "");
                v = ask(fd, line);
                for (size_t i = 0; i < json_array_size(at(v, "result.runs")); i++) {
                        uint64_t id = (uint64_t)json_integer_value(at(json_array_get(at(v, "result.runs"), i), "id"));

                        ordered &= id < last;
                        last = id;
                        seen++;
                }
                more = at_string(v, "result.cursor");
                snprintf(cursor, sizeof(cursor), "%s", more ? at_string(v, "result.cursor") : "");
                json_decref(v);
        }
        is_int(seen, 3000, "every run over the pages");
        ok(ordered && last == 1, "newest first, once (%zu pages)", pages);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.show\",\"params\":{\"run\":2}}");
        is_str(at_string(v, "result.run.scheduled_at"), "1970-01-01T00:03:20+00:00", "an instant has no fraction");
        is_str(at_string(v, "result.run.ended_at"), "1970-01-01T00:16:41.500+00:00", "a time has milliseconds");
        ok(json_real_value(at(v, "result.run.duration")) == 1.5, "duration");
        ok(json_is_null(at(v, "result.run.reason")) && json_is_null(at(v, "result.run.by_uid")) &&
                   json_is_null(at(v, "result.run.flow")),
           "null where nothing is");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"backup\"],\"state\":\"succeeded\"}}");
        is_int(json_integer_value(at(v, "result.jobs.0.last.id")), 3000, "last");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"failed\":true}}");
        is_int(json_array_size(at(v, "result.jobs")), 0, "none has failed");
        json_decref(v);
        close(fd);
        harness_stop();
}

static void test_status(void)
{
        json_t *v;
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        harness_jobs("jobs:\n  lost: {schedule: \"@daily\", command: x, timezone: No/Where}\n", "/etc/jobs.d/b.yaml",
                     0);
        fd = client();
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.status\"}");
        is_str(at_string(v, "result.state"), "ok", "ok");
        is_int(json_integer_value(at(v, "result.jobs")), 4, "jobs");
        is_int(json_integer_value(at(v, "result.jobs_blocked")), 1, "one is blocked");
        is_int(json_integer_value(at(v, "result.runner_pid")), 4242, "the runner");
        is_int(json_integer_value(at(v, "result.files_bad")), 2, "bad files");
        is_int(json_array_size(at(v, "result.files")), 2, "they are listed");
        is_str(at_string(v, "result.files.0.state"), "stale", "stale");
        is_str(at_string(v, "result.files.1.path"), "/etc/jobs.d/f1500.yaml", "path");
        is_int(json_integer_value(at(v, "result.files.1.errors.0.line")), 3, "line");
        is_str(at_string(v, "result.files.1.errors.0.hint"), "did you mean `schedule`?", "hint");
        ok(json_is_null(at(v, "result.cursor")), "no more");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.status\",\"params\":{\"files\":\"noted\"}}");
        is_int(json_array_size(at(v, "result.files")), 3, "with warnings too");
        is_str(at_string(v, "result.files.1.path"), "/etc/jobs.d/f0700.yaml", "in order");
        is_str(at_string(v, "result.files.1.state"), "ok", "which is in force");
        is_int(json_array_size(at(v, "result.files.1.warnings")), 1, "its warning");
        json_decref(v);
        v = ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.status\",\"params\":{\"files\":\"some\"}}");
        is_str(at_string(v, "error.data.code"), "invalid", "no such choice");
        json_decref(v);
        v = ask(fd,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.status\",\"params\":{\"files\":\"all\",\"limit\":1000,\"cursor\":\"/etc/jobs.d/f0999.yaml\"}}");
        is_int(json_array_size(at(v, "result.files")), 1000, "all, the second page");
        is_str(at_string(v, "result.files.0.path"), "/etc/jobs.d/f1000.yaml", "goes on where the first ended");
        ok(json_is_null(at(v, "result.cursor")), "and is the last");
        json_decref(v);
        close(fd);
        harness_stop();
}

static void test_reload(void)
{
        json_t *v;
        int a, b;

        harness_start();
        a = client();
        b = client();
        client_send(a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.reload\"}\n");
        settle();
        is_int(h.reloads, 1, "asked for");
        client_send(b, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"system.reload\"}\n");
        settle();
        is_int(h.reloads, 1, "one at a time");
        harness_reloaded();
        v = client_read(a);
        is_int(json_integer_value(at(v, "result.files_bad")), 2, "answered with what is wrong");
        json_decref(v);
        is_int(h.reloads, 2, "who asked meanwhile gets one of their own");
        close(b);
        settle();
        harness_reloaded();
        ok(true, "somebody who went away is no matter");
        close(a);
        harness_stop();
}

static void why_is(int fd, const char *params, const char *state, const char *answer)
{
        char line[512];
        json_t *v;

        snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"why\",\"params\":{%s}}", params);
        v = ask(fd, line);
        is_str(at_string(v, "result.state"), state, params);
        ok(at_string(v, "result.answer") && strncmp(at_string(v, "result.answer"), answer, strlen(answer)) == 0, "… %s",
           at_string(v, "result.answer") ? at_string(v, "result.answer") : "(none)");
        json_decref(v);
}

static void test_why(void)
{
        struct run_info r = { .id = 900,
                              .job = "backup",
                              .state = RUN_SKIPPED,
                              .reason = REASON_CONCURRENCY,
                              .trigger = TRIGGER_SCHEDULE,
                              .count = 1,
                              .cause_run = 899,
                              .queued_at = WALL_NEVER,
                              .started_at = WALL_NEVER,
                              .created_at = WALL_SEC(1),
                              .retry_at = WALL_NEVER,
                              .by_uid = UINT32_MAX,
                              .wait_status = RUN_NO_STATUS };
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        r.scheduled_at = r.scheduled_until = r.ended_at = WALL_SEC(9000); /* 1970-01-01 02:30 */
        harness_history(&r);
        r.id = 901;
        r.reason = REASON_PAUSED;
        r.by_uid = 0;
        r.cause_run = 0;
        r.scheduled_at = WALL_SEC(9000 + 86400);
        r.scheduled_until = r.ended_at = WALL_SEC(9000 + 5 * 86400);
        r.count = 5;
        harness_history(&r);
        fd = client();
        why_is(fd, "\"job\":\"backup\",\"at\":\"1970-01-01T02:30Z\"", "skipped",
               "backup did not run at 1970-01-01 02:30: run 899 was still active (concurrency: forbid)");
        why_is(fd, "\"job\":\"backup\",\"at\":\"1970-01-03T02:30Z\"", "skipped",
               "backup did not run from 1970-01-02 02:30 to 1970-01-06 02:30 (5 instants): it was paused by root");
        why_is(fd, "\"job\":\"backup\",\"at\":\"1970-01-03T02:31Z\"", "not_due",
               "1970-01-03 02:31 is no instant of the schedule of backup as it is now;");
        why_is(fd, "\"job\":\"backup\",\"at\":\"1970-01-09T02:31Z\"", "not_due",
               "1970-01-09 02:31 is no instant of the schedule of backup (the one before it: 1970-01-09 02:30, after it: 1970-01-10 02:30)");
        why_is(fd, "\"job\":\"backup\",\"at\":\"1970-01-09T02:30Z\"", "unknown",
               "nothing is recorded of backup at 1970-01-09 02:30: it was first seen later");
        why_is(fd, "\"job\":\"backup\",\"at\":\"2199-01-09T02:30Z\"", "future",
               "backup is due at 2199-01-09 02:30, which is still to come");
        why_is(fd, "\"run\":900", "skipped", "backup did not run at 1970-01-01 02:30");
        why_is(fd, "\"job\":\"manual\"", "idle", "manual has no schedule and runs only when it is asked to");
        why_is(fd, "\"job\":\"report\"", "scheduled", "report is due next at ");
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"manual\"]}}"),
               "", "a run");
        why_is(fd, "\"job\":\"manual\"", "starting", "run 1 of manual (manual) is being started");
        harness_started(1, 1);
        why_is(fd, "\"run\":1", "running", "run 1 of manual (manual) is running since ");
        is_str(ask_code(
                       fd,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.pause\",\"params\":{\"jobs\":[\"backup\"],\"why\":\"moving\"}}"),
               "", "a pause");
        why_is(fd, "\"job\":\"backup\"", "paused", "backup is paused by ");
        why_is(fd, "\"job\":\"backup\",\"at\":\"2199-01-09T02:30Z\"", "future",
               "backup is due at 2199-01-09 02:30, which is still to come; as things stand it will not run then");
        close(fd);
        harness_stop();
}

/* Clients that go away while the engine, the store or a reload owe them an answer. */
static void test_disconnect(void)
{
        static const char *const lines[] = {
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"manual\"]}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.wait\",\"params\":{\"runs\":[1,2,3]}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.wait\",\"params\":{\"runs\":[999]}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.logs\",\"params\":{\"run\":1,\"follow\":true}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\"}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.list\"}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.next\",\"params\":{\"n\":100}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"why\",\"params\":{\"job\":\"manual\"}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.reload\"}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.cat\",\"params\":{\"job\":\"manual\"}}\n",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"met",
        };
        size_t before;
        bool answered = true;
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        fd = client();
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}"), "", "one stays");
        before = open_descriptors();
        for (unsigned i = 0; i < 2000; i++) {
                int other = client();

                h.hold_replies = i % 3 == 0;
                harness_hold_store = i % 5 == 0;
                client_send(other, lines[i % ARRAY_SIZE(lines)]);
                for (unsigned t = 0; t < i % 4; t++)
                        turn();
                close(other);
                if (i % 97 == 0)
                        harness_reloaded();
        }
        h.hold_replies = harness_hold_store = false;
        for (unsigned i = 0; i < 5; i++)
                settle();
        harness_reloaded();
        harness_reloaded();
        is_int(open_descriptors(), before, "2,000 clients that went away left no descriptor");
        answered = streq(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}"), "");
        ok(answered, "and the one that stayed is served");
        /* At the end, with everything still owed. */
        h.hold_replies = harness_hold_store = true;
        for (size_t i = 0; i + 1 < ARRAY_SIZE(lines); i++) {
                int other = client();

                client_send(other, lines[i]);
                settle();
        }
        harness_stop();
        ok(true, "the control may end while answers are still to come");
        close(fd);
}

static void test_shutdown(void)
{
        json_t *v;
        int fd;

        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        fd = client();
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"manual\"]}}"),
               "", "a run");
        client_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"w\",\"method\":\"run.wait\",\"params\":{\"runs\":[1]}}\n");
        settle();
        control_shutdown(h.control);
        v = client_read(fd);
        is_str(at_string(v, "error.data.code"), "unavailable", "who waits is told");
        json_decref(v);
        ok(client_closed(fd), "and then the connection is closed");
        ok(access(h.socket, F_OK) == 0, "the socket is there until the end");
        close(fd);
        harness_stop();
        ok(access(h.socket, F_OK) < 0, "then it is gone");
}

int main(void)
{
        test_strict();
        test_ids();
        test_describe();
        test_jobs();
        test_paging();
        test_next();
        test_acts();
        test_history();
        test_status();
        test_reload();
        test_why();
        test_disconnect();
        test_shutdown();
        return tap_done();
}
