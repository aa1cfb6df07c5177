/* run.logs: what the runner's own writer leaves is read back, byte for byte, from the end, in part, and while it is written. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "base/fd.h"
#include "control/logfile.h"
#include "proto/json.h"
#include "runner/output.h"
#include "tests/lib/tap.h"
#include "tests/unit/control/harness.h"

static void begin(struct output *o, uint64_t run, uint32_t start, uint64_t max)
{
        static int logs = -1; /* h.dir, of this test */

        safe_close(logs);
        logs = open(h.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the same number again */
        if (logs < 0)
                abort();
        output_init(o, logs, "etl/load", geteuid(), run, start, max);
}

static void put(struct output *o, enum output_stream stream, const char *text)
{
        output_add(o, stream, text, strlen(text));
}

static struct run_info history(uint64_t id, uint32_t start)
{
        return (struct run_info){ .id = id,
                                  .job = "etl/load",
                                  .state = RUN_SUCCEEDED,
                                  .trigger = TRIGGER_MANUAL,
                                  .scheduled_at = WALL_NEVER,
                                  .scheduled_until = WALL_NEVER,
                                  .created_at = WALL_SEC(1),
                                  .queued_at = WALL_SEC(1),
                                  .started_at = WALL_SEC(1),
                                  .ended_at = WALL_SEC(2),
                                  .retry_at = WALL_NEVER,
                                  .start = start,
                                  .attempt = start,
                                  .by_uid = UINT32_MAX };
}

/* ---- what was read, put together again */
static struct {
        struct text text; /* as the job wrote it */
        size_t entries, events, gaps;
        json_int_t dropped;
        bool ended, error;
        char first_at[64];
} got;

static size_t unbase64(const char *s, char *to)
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        size_t n = 0;
        uint32_t v = 0;
        unsigned bits = 0;

        for (; *s && *s != '='; s++) {
                v = v << 6 | (uint32_t)(strchr(alphabet, *s) - alphabet);
                bits += 6;
                if (bits >= 8)
                        to[n++] = (char)(v >> (bits -= 8));
        }
        return n;
}

static void take_entry(json_t *e)
{
        const char *text = at_string(e, "text"), *base64 = at_string(e, "base64");

        if (got.entries++ == 0)
                snprintf(got.first_at, sizeof(got.first_at), "%s", at_string(e, "at") ? at_string(e, "at") : "");
        if (text)
                text_add(&got.text, text, json_string_length(at(e, "text")));
        else {
                _cleanup_(freep) char *bytes = malloc(strlen(base64) + 1);

                text_add(&got.text, bytes, unbase64(base64, bytes));
        }
        if (!json_is_true(at(e, "partial")))
                text_puts(&got.text, "\n");
}

/* One message.  False: it was the answer. */
static bool take(json_t *v)
{
        size_t i;
        json_t *e;
        bool event = streq_ptr(at_string(v, "method"), "event");

        if (event) {
                got.events++;
                json_array_foreach(at(v, "params.entries"), i, e)
                        take_entry(e);
                got.dropped += json_integer_value(at(v, "params.dropped"));
                got.gaps += json_is_true(at(v, "params.gap"));
        } else {
                got.ended = json_is_true(at(v, "result.ended"));
                got.error = !at(v, "result");
        }
        json_decref(v);
        return event;
}

static void reset(void)
{
        text_done(&got.text);
        memset(&got, 0, sizeof(got));
}

static const char *read_logs(int fd, const char *params)
{
        char line[512];
        json_t *v;

        reset();
        snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"run.logs\",\"params\":{%s}}\n",
                 params);
        client_send(fd, line);
        while ((v = client_read(fd)) && take(v))
                ;
        text_add(&got.text, "", 1);
        return got.text.data;
}

static void test_whole(void)
{
        struct run_info r = history(7, 2);
        struct output o;
        char all[256];
        int fd;

        harness_start();
        for (int i = 0; i < 256; i++)
                all[i] = (char)i;
        begin(&o, 7, 1, 1 << 20);
        put(&o, OUTPUT_STDOUT, "the first attempt\n");
        output_done(&o);
        begin(&o, 7, 2, 1 << 20);
        put(&o, OUTPUT_STDOUT, "one\ntwo\n");
        put(&o, OUTPUT_STDERR, "oops \"quoted\" \\ \xc3\xa4\n");
        put(&o, OUTPUT_STDOUT, "three");
        output_done(&o);
        harness_history(&r);
        fd = client();
        is_str(read_logs(fd, "\"run\":7"), "one\ntwo\noops \"quoted\" \\ \xc3\xa4\nthree", "all of the last start");
        ok(got.ended && got.entries == 4, "it has ended");
        ok(strlen(got.first_at) == strlen("2026-11-22T01:02:03.123+00:00"), "times have milliseconds: %s",
           got.first_at);
        is_str(read_logs(fd, "\"job\":\"etl/load\""), "one\ntwo\noops \"quoted\" \\ \xc3\xa4\nthree",
               "the job's newest run");
        (void)read_logs(fd, "\"job\":\"etl/load\",\"previous\":true");
        ok(got.error, "there is no run before it");
        is_str(read_logs(fd, "\"run\":7,\"start\":1"), "the first attempt\n", "a start by number");
        is_str(read_logs(fd, "\"run\":7,\"previous\":true"), "the first attempt\n", "the one before the last");
        is_str(read_logs(fd, "\"run\":7,\"stream\":\"stderr\""), "oops \"quoted\" \\ \xc3\xa4\n", "one stream");
        is_str(read_logs(fd, "\"run\":7,\"lines\":1"), "three", "the last line, without its end");
        is_str(read_logs(fd, "\"run\":7,\"lines\":2"), "oops \"quoted\" \\ \xc3\xa4\nthree", "the last two");
        is_str(read_logs(fd, "\"run\":7,\"lines\":1,\"stream\":\"stderr\""), "oops \"quoted\" \\ \xc3\xa4\n",
               "the last of one stream");
        is_str(read_logs(fd, "\"run\":7,\"lines\":99"), "one\ntwo\noops \"quoted\" \\ \xc3\xa4\nthree",
               "more than there are");
        is_str(read_logs(fd, "\"run\":7,\"since\":\"2199-01-01\""), "", "nothing since then");
        is_str(read_logs(fd, "\"run\":7,\"since\":\"2001-01-01\",\"lines\":1"), "three", "all of it since then");
        (void)read_logs(fd, "\"run\":7,\"start\":3");
        ok(got.error, "a start that there was not");
        (void)read_logs(fd, "\"run\":7,\"stream\":\"both\"");
        ok(got.error, "a stream that there is not");
        (void)read_logs(fd, "\"job\":\"etl/*\"");
        ok(got.error, "a pattern is no job");

        /* Every byte comes back, cut in whatever places. */
        r = history(8, 1);
        harness_history(&r);
        begin(&o, 8, 1, 1 << 20);
        for (unsigned i = 0; i < 2000; i++)
                output_add(&o, OUTPUT_STDOUT, all, i % 257);
        output_done(&o);
        {
                struct text want = { 0 };

                for (unsigned i = 0; i < 2000; i++)
                        text_add(&want, all, i % 257);
                (void)read_logs(fd, "\"run\":8");
                ok(got.text.size == want.size + 1 && memcmp(got.text.data, want.data, want.size) == 0,
                   "bytes that are no UTF-8 come back as they were");
                ok(got.events > 1, "in pieces (%zu)", got.events);
                text_done(&want);
        }
        is_str(read_logs(fd, "\"job\":\"etl/load\",\"previous\":true,\"lines\":1"), "three",
               "the run before the newest");
        close(fd);
        harness_stop();
}

/* Head, what was dropped, tail. */
static void test_dropped(void)
{
        struct run_info r = history(7, 1);
        struct output o;
        char line[64], params[64];
        const char *text;
        unsigned last = 0, seen = 0;
        bool ordered = true;
        int fd;

        harness_start();
        begin(&o, 7, 1, 40000);
        for (unsigned i = 1; i <= 5000; i++) {
                snprintf(line, sizeof(line), "line %u\n", i);
                put(&o, OUTPUT_STDOUT, line);
        }
        output_done(&o);
        r.usage.dropped_bytes = o.dropped;
        r.usage.output_bytes = o.written;
        harness_history(&r);
        fd = client();
        text = read_logs(fd, "\"run\":7");
        for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
                unsigned n = (unsigned)atoi(p + 5);

                ordered &= n > last;
                last = n;
                seen++;
        }
        ok(strncmp(text, "line 1\nline 2\n", 14) == 0 && last == 5000 && ordered,
           "head and tail, in order: %u of 5000 lines", seen);
        is_int(got.dropped, o.dropped, "what was dropped is counted");
        is_int(o.written, o.dropped + strlen(text), "to the byte");
        for (unsigned n = 1; n <= seen; n += 37) {
                unsigned lines = 0;

                snprintf(params, sizeof(params), "\"run\":7,\"lines\":%u", n);
                text = read_logs(fd, params);
                for (const char *p = text; *p; p = strchr(p, '\n') + 1)
                        lines++;
                if (lines != n || !strstr(text, "line 5000\n")) {
                        is_int(lines, n, "the last lines, over the files");
                        break;
                }
        }
        ok(true, "the last n lines, for many n");
        close(fd);
        harness_stop();
}

static uint64_t start_run(int fd)
{
        json_t *v =
                ask(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"etl/load\"]}}");
        uint64_t run = (uint64_t)json_integer_value(at(v, "result.runs.0"));

        json_decref(v);
        return run;
}

/* Reads what comes until `text` has all arrived. */
static bool follow_until(int fd, const char *text)
{
        while (got.text.size < strlen(text)) {
                json_t *v = client_read(fd);

                if (!v || !take(v))
                        return false;
        }
        return got.text.size == strlen(text) && memcmp(got.text.data, text, got.text.size) == 0;
}

/* The job's name has a level, which only a workflow's could have in a job file: here the folder is what matters. */
static void jobs_in_force(void)
{
        struct job *job = job_new();
        struct event ev = { .type = EVENT_CONFIG, .wall = clock_wall(), .mono = clock_mono() };
        struct actions actions = { 0 };

        job->name = strdup("etl/load");
        job->policy->zone = tz_utc();
        job->policy->concurrency = CONCURRENCY_ALLOW;
        job->command = calloc(2, sizeof(char *));
        job->command[0] = strdup("x");
        job->policy->retry.limit = 1;
        job->policy->retry.delay_usec = job->policy->retry.max_delay_usec = 1000;
        job->policy->retry.factor = 1;
        job->policy->retry.reasons = RETRY_BIT(REASON_EXIT);
        ev.config.put = &job;
        ev.config.n_put = 1;
        engine_step(h.ctx.engine, &ev, &actions);
        actions_done(&actions);
        job_unref(job);
}

static void test_follow(void)
{
        struct output o;
        uint64_t run;
        char line[200];
        json_t *v;
        int fd, other;

        harness_start();
        jobs_in_force();
        fd = client();
        other = client();
        run = start_run(other);
        reset();
        snprintf(line, sizeof(line),
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"run.logs\",\"params\":{\"run\":%llu,\"follow\":true}}\n",
                 (unsigned long long)run);
        client_send(fd, line);
        settle();
        harness_started(run, 1);
        settle();
        begin(&o, run, 1, 1 << 20);
        put(&o, OUTPUT_STDOUT, "first\n");
        ok(follow_until(fd, "first\n"), "a line arrives");
        put(&o, OUTPUT_STDOUT, "sec");
        ok(follow_until(fd, "first\nsec"), "half a line, too");
        put(&o, OUTPUT_STDOUT, "ond\n");
        ok(follow_until(fd, "first\nsecond\n"), "and its end");
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}"), "",
               "the connection does other things meanwhile");
        put(&o, OUTPUT_STDOUT, "last words\n");
        output_done(&o);
        harness_exited(run, 1, 0);
        while ((v = client_read(fd)) && take(v))
                ;
        text_add(&got.text, "", 1);
        is_str(got.text.data, "first\nsecond\nlast words\n", "to the last word");
        ok(got.ended && got.gaps == 0, "and then it ends");
        close(fd);
        close(other);
        harness_stop();
}

/* A writer that turns its segments over while somebody reads: nothing comes twice or out of order, and what is missed is said. */
static void test_follow_turning(void)
{
        struct output o;
        uint64_t run;
        char line[200];
        unsigned last = 0, seen = 0;
        bool ordered = true;
        json_t *v;
        int fd, other;

        harness_start();
        jobs_in_force();
        fd = client();
        other = client();
        run = start_run(other);
        harness_started(run, 1);
        reset();
        begin(&o, run, 1, 40000);
        put(&o, OUTPUT_STDOUT, "line 0\n");
        snprintf(line, sizeof(line),
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"run.logs\",\"params\":{\"run\":%llu,\"follow\":true}}\n",
                 (unsigned long long)run);
        client_send(fd, line);
        ok(follow_until(fd, "line 0\n"), "it follows");
        for (unsigned round = 0, i = 1; round < 12; round++) {
                unsigned burst = round == 8 ? 2000 : 100; /* once much faster than anybody reads */
                char want[32];

                for (unsigned k = 0; k < burst; k++, i++) {
                        snprintf(line, sizeof(line), "line %u\n", i);
                        put(&o, OUTPUT_STDOUT, line);
                }
                snprintf(want, sizeof(want), "line %u\n", i - 1);
                for (;;) {
                        size_t n = strlen(want);

                        if (got.text.size >= n && memcmp(got.text.data + got.text.size - n, want, n) == 0)
                                break;
                        v = client_read(fd);
                        if (!v || !take(v))
                                break;
                }
        }
        output_done(&o);
        harness_exited(run, 1, 0);
        while ((v = client_read(fd)) && take(v))
                ;
        text_add(&got.text, "", 1);
        for (const char *p = got.text.data; *p; p = strchr(p, '\n') + 1) {
                unsigned n = (unsigned)atoi(p + 5);

                ordered &= seen == 0 || n > last;
                last = n;
                seen++;
        }
        ok(ordered && last == 3100, "in order, to the end: %u of 3101 lines", seen);
        ok(seen < 3101 && got.gaps >= 1, "what came and went unread is said (%zu)", got.gaps);
        ok(seen >= 3101 - 2000, "and nothing else is missing");
        close(fd);
        close(other);
        harness_stop();
}

/* From one attempt of a run to the next, and a client that does not read. */
static void test_follow_attempts(void)
{
        struct output o;
        uint64_t run;
        char line[200];
        json_t *v;
        int fd, other;

        harness_start();
        jobs_in_force();
        fd = client();
        other = client();
        run = start_run(other);
        harness_started(run, 1);
        begin(&o, run, 1, 1 << 20);
        put(&o, OUTPUT_STDOUT, "first try\n");
        reset();
        snprintf(line, sizeof(line),
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"run.logs\",\"params\":{\"run\":%llu,\"follow\":true}}\n",
                 (unsigned long long)run);
        client_send(fd, line);
        ok(follow_until(fd, "first try\n"), "the first attempt");
        output_done(&o);
        harness_exited(run, 1, 1 << 8);
        harness_tick(60 * USEC_PER_SEC); /* the backoff is over */
        settle();
        begin(&o, run, 2, 1 << 20);
        put(&o, OUTPUT_STDOUT, "second try\n");
        output_done(&o);
        harness_started(run, 2);
        harness_exited(run, 2, 0);
        while ((v = client_read(fd)) && take(v))
                ;
        text_add(&got.text, "", 1);
        is_str(got.text.data, "first try\nsecond try\n", "the second is followed, too");
        close(fd);

        /* Much text for somebody who doesn't read: made only as far as it is taken. */
        run = start_run(other);
        harness_started(run, 1);
        begin(&o, run, 1, 64 << 20);
        memset(line, 'x', 99);
        line[99] = '\n';
        line[100] = '\0';
        for (unsigned i = 0; i < 60000; i++)
                put(&o, OUTPUT_STDOUT, line);
        output_done(&o);
        harness_exited(run, 1, 0);
        fd = client();
        snprintf(line, sizeof(line),
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"run.logs\",\"params\":{\"run\":%llu}}\n",
                 (unsigned long long)run);
        client_send(fd, line);
        for (unsigned i = 0; i < 50; i++)
                settle();
        ok(harness_store_waiting() == 0, "a client that does not read asks for no more");
        is_str(ask_code(other, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.show\",\"params\":{\"run\":1}}"), "",
               "others are served");
        reset();
        while ((v = client_read(fd)) && take(v))
                ;
        is_int(got.text.size, 60000 * 100, "and gets all of it when it reads");
        close(fd);
        close(other);
        harness_stop();
}

/* Files that are none of ours. */
static void test_hostile(void)
{
        struct logfile l;
        struct logpiece piece;
        char path[200];
        int fd;

        harness_start();
        snprintf(path, sizeof(path), "%s/etl", h.dir);
        (void)mkdir(path, 0755);
        snprintf(path, sizeof(path), "%s/etl/load", h.dir);
        (void)mkdir(path, 0755);
        snprintf(path, sizeof(path), "%s/etl/load/1.1.log", h.dir);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        {
                static const char text[] =
                        "not an entry\n2026-13-22T01:02:03.123456789+00:00 stdout F bad month\n"
                        "2026-11-22T01:02:03.123456789+00:00 stdout F \n2026-11-22T01:02:03.123456789+00:00 stdouX F x\n"
                        "2026-11-22T01:02:03.123456789+00:00 stderr F ok\n2026-11-22T01:02:03.1234";

                if (write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1)
                        abort();
        }
        close(fd);
        logfile_init(&l);
        l.log_dir = h.dir;
        l.job = "etl:load";
        l.run = 1;
        l.start = 1;
        l.zone = tz_utc();
        logfile_read(&l, false, &piece);
        text_add(&piece.entries, "", 1);
        is_str(piece.entries.data,
               "{\"at\":null,\"stream\":null,\"partial\":false,\"text\":\"not an entry\"},"
               "{\"at\":null,\"stream\":null,\"partial\":false,\"text\":\"2026-13-22T01:02:03.123456789+00:00 stdout F bad month\"},"
               "{\"at\":\"2026-11-22T01:02:03.123+00:00\",\"stream\":\"stdout\",\"partial\":false,\"text\":\"\"},"
               "{\"at\":null,\"stream\":null,\"partial\":false,\"text\":\"2026-11-22T01:02:03.123456789+00:00 stdouX F x\"},"
               "{\"at\":\"2026-11-22T01:02:03.123+00:00\",\"stream\":\"stderr\",\"partial\":false,\"text\":\"ok\"}",
               "what is no entry is shown as it stands");
        ok(piece.at_end && piece.error == 0, "and the end");
        text_done(&piece.entries);
        logfile_read(&l, true, &piece);
        ok(piece.entries.size > 0 && piece.at_end, "the torn last line, once nothing more will come");
        text_done(&piece.entries);
        logfile_close(&l);
        for (unsigned i = 0; i < 4; i++) {
                static const char *const jobs[] = { "../etl/load", "etl/../etl/load", "/etl/load", "etl//load" };

                l.job = jobs[i];
                logfile_read(&l, true, &piece);
                ok(piece.error != 0 && piece.entries.size == 0, "%s is no job", jobs[i]);
                text_done(&piece.entries);
                logfile_close(&l);
        }
        unlink(path);
        if (symlink("/etc/passwd", path) < 0)
                abort();
        l.job = "etl/load";
        logfile_read(&l, true, &piece);
        ok(piece.entries.size == 0, "no link is followed");
        text_done(&piece.entries);
        logfile_close(&l);
        unlink(path);
        if (mkfifo(path, 0600) < 0)
                abort();
        logfile_read(&l, true, &piece);
        ok(piece.entries.size == 0 && piece.error != 0, "a fifo holds up nobody");
        text_done(&piece.entries);
        logfile_close(&l);
        harness_stop();
}

int main(void)
{
        test_whole();
        test_dropped();
        test_follow();
        test_follow_turning();
        test_follow_attempts();
        test_hostile();
        reset();
        return tap_done();
}
