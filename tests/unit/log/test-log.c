/* The log's lines, as they come out of stderr and as they are given to the journal. */
#ifdef HAVE_LIBSYSTEMD
#include <sys/uio.h>
static int fake_sendv(const struct iovec *iov, int n);
#include <systemd/sd-journal.h>
#undef sd_journal_sendv
#define sd_journal_sendv fake_sendv
#endif
#include "log/log.c"

#include <fcntl.h>
#include <sys/mman.h>

#include "tests/lib/tap.h"

static int saved_stderr = -1, capture = -1;

static void capture_begin(void)
{
        capture = memfd_create("stderr", MFD_CLOEXEC);
        saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
        dup2(capture, STDERR_FILENO);
}

/* What was written to stderr since capture_begin(). */
static const char *capture_end(void)
{
        static char buf[8192];
        ssize_t n;

        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        n = pread(capture, buf, sizeof(buf) - 1, 0);
        close(capture);
        buf[n > 0 ? n : 0] = '\0';
        return buf;
}

static struct run_info sample(enum run_state state, enum run_reason reason)
{
        return (struct run_info){
                .id = 42, .job = "backup", .state = state, .reason = reason, .trigger = TRIGGER_SCHEDULE, .count = 1,
                .scheduled_at = WALL_SEC(1774746000), .scheduled_until = WALL_SEC(1774746000), .created_at = WALL_SEC(1774746000),
                .queued_at = WALL_SEC(1774746000), .started_at = WALL_SEC(1774746000),
                .ended_at = { INT64_C(1774746001250000) }, .retry_at = WALL_SEC(1774746060), .attempt = 2, .start = 2,
                .wait_status = 3 << 8, .by_uid = UINT32_MAX,
        };
}

static void test_sentences(void)
{
        struct run_info r = sample(RUN_RUNNING, REASON_NONE);
        char buf[512];

        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 started (schedule, attempt 2)", "started");
        r.flags = RUN_STOPPING;
        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 is told to stop (schedule, attempt 2)", "stopping");
        r = sample(RUN_SUCCEEDED, REASON_NONE);
        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 succeeded after 1.250 s", "succeeded");
        r = sample(RUN_FAILED, REASON_EXIT);
        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 failed after 1.250 s: exit code 3", "failed");
        r = sample(RUN_FAILED, REASON_SIGNAL);
        r.wait_status = 9;
        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 failed after 1.250 s: killed by signal 9 (KILL)", "killed");
        r = sample(RUN_FAILED, REASON_SPAWN);
        r.stage = STAGE_CHDIR;
        r.error = ENOENT;
        r.attempt = 0;
        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 failed: working_dir: No such file or directory", "never started");
        r = sample(RUN_BACKOFF, REASON_RETRY);
        run_text(&r, tz_utc(), buf, sizeof(buf));
        ok(strstr(buf, "backup: run 42 will be tried again at 2026-03-29T01:01:00") == buf, "backoff says when: %s", buf);
        ok(strstr(buf, ": exit code 3") != NULL, "and why");
        r = sample(RUN_MISSED, REASON_DOWN);
        r.count = 14;
        r.scheduled_until = WALL_SEC(1774749600);
        run_text(&r, tz_utc(), buf, sizeof(buf));
        ok(strstr(buf, "backup: 14 instants from 2026-03-29T01:00:00") == buf, "a range row says what it covers: %s", buf);
        r = sample(RUN_SKIPPED, REASON_CONCURRENCY);
        r.attempt = 0;
        r.cause_run = 41;
        run_text(&r, tz_utc(), buf, sizeof(buf));
        is_str(buf, "backup: run 42 skipped: another run of the job was active (run 41)", "skipped names the run in the way");
        is_int(run_text(&r, tz_utc(), buf, 20), 19, "a short buffer is kept to");
        is_int(strlen(buf), 19, "and ended");
}

static void test_text(void)
{
        const char *out;

        is_int(log_open(LOG_FORMAT_TEXT, LOG_INFO), 0, "text");
        capture_begin();
        log_info("hello %s", "a\nb\x1b[31m");
        log_debug("not shown");
        out = capture_end();
        ok(strstr(out, " info    hello a\\nb\\x1b[31m\n") != NULL, "level and escaped message: %s", out);
        ok(strchr(out, '\n') == out + strlen(out) - 1, "one line");
        ok(strlen(out) > 25 && out[4] == '-' && out[10] == 'T' && out[19] == '.', "begins with the time");

        log_set_level(LOG_DEBUG);
        capture_begin();
        log_debug("shown");
        ok(strstr(capture_end(), " debug   shown\n") != NULL, "a level that is set counts at once");

        capture_begin();
        errno = ENOENT;
        log_error("%4000s", "x");
        is_int(errno, ENOENT, "errno is kept");
        out = capture_end();
        ok(strlen(out) > 1000 && strlen(out) < LINE_MAX_BYTES, "a long line is cut to %zu bytes", strlen(out));
}

static void test_json(void)
{
        struct run_info r = sample(RUN_FAILED, REASON_EXIT);
        json_t *o;
        const char *out;

        r.job = "a\"b\n";
        is_int(log_open(LOG_FORMAT_JSON, LOG_INFO), 0, "JSON");
        capture_begin();
        log_run(&r);
        out = capture_end();
        o = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
        ok(o && strchr(out, '\n') == out + strlen(out) - 1, "one object on one line: %s", out);
        is_str(json_string_value(json_object_get(o, "job")), "a\"b\\n", "job");
        is_int(json_integer_value(json_object_get(o, "run_id")), 42, "run_id");
        is_int(json_integer_value(json_object_get(o, "attempt")), 2, "attempt");
        is_str(json_string_value(json_object_get(o, "event")), "failed", "event");
        is_str(json_string_value(json_object_get(o, "level")), "warning", "level");
        is_str(json_string_value(json_object_get(o, "reason")), "exit", "reason");
        is_str(json_string_value(json_object_get(o, "message_id")), "0531117d53a54382bd8bdb837af6205b", "message_id");
        ok(json_is_string(json_object_get(o, "time")) && json_is_string(json_object_get(o, "message")), "time and message");
        json_decref(o);

        capture_begin();
        log_warning("not UTF-8: \xff, %3000s", "\"\"\"");
        o = json_loads(capture_end(), 0, NULL);
        ok(o != NULL, "bytes that are not UTF-8, quotes and great length still make a line of JSON");
        json_decref(o);
}

static void test_prefixed(void)
{
        writer = WRITE_PREFIXED;
        capture_begin();
        log_warning("beware");
        is_str(capture_end(), "<4>beware\n", "without a journal: systemd's level prefix");
}

static void test_auto(void)
{
        struct stat st;
        char value[64];

        capture_begin();
        unsetenv("JOURNAL_STREAM");
        log_open(LOG_FORMAT_AUTO, LOG_INFO);
        log_info("one");
        fstat(STDERR_FILENO, &st);
        snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
        setenv("JOURNAL_STREAM", value, 1);
        log_open(LOG_FORMAT_AUTO, LOG_INFO);
        log_info("two");
        ok(strstr(capture_end(), " info    two\n") != NULL, "auto: text where stderr is not the journal's");

        capture_begin();
        fstat(STDERR_FILENO, &st);
        snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        setenv("JOURNAL_STREAM", value, 1);
        log_open(LOG_FORMAT_AUTO, LOG_INFO);
        capture_end();
        ok(writer == WRITE_JOURNAL || writer == WRITE_PREFIXED, "auto: the journal where it is");
        unsetenv("JOURNAL_STREAM");
}

/* A pipe that nobody empties: lines are dropped, never waited for, and the loss is told. */
static void test_stuck(void)
{
        char buf[65536];
        int p[2], lines = 0;
        ssize_t n;

        log_open(LOG_FORMAT_TEXT, LOG_INFO);
        if (pipe2(p, O_CLOEXEC) < 0 || fcntl(p[1], F_SETPIPE_SZ, 16384) < 0)
                abort();
        saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
        dup2(p[1], STDERR_FILENO);
        for (int i = 0; i < 200; i++)
                log_info("line %d %1000s", i, "");
        n = read(p[0], buf, sizeof(buf));
        for (ssize_t i = 0; i < n; i++)
                lines += buf[i] == '\n';
        log_info("after");
        n = read(p[0], buf, sizeof(buf) - 1);
        buf[n > 0 ? n : 0] = '\0';
        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        ok(lines > 0 && lines < 200, "%d of 200 lines went into a full pipe", lines);
        snprintf(buf + 32768, 64, "%d lines of this log were dropped", 200 - lines);
        ok(strstr(buf, buf + 32768) != NULL, "then: %s", buf + 32768);
        ok(strstr(buf, " after\n") != NULL, "and it goes on");
        close(p[0]);
        close(p[1]);
}

#ifdef HAVE_LIBSYSTEMD
static char journal[16][256];
static int n_journal;

static int fake_sendv(const struct iovec *iov, int n)
{
        n_journal = n;
        for (int i = 0; i < n && i < 16; i++)
                snprintf(journal[i], sizeof(journal[i]), "%.*s", (int)iov[i].iov_len, (const char *)iov[i].iov_base);
        return 0;
}

static bool has_field(const char *want)
{
        for (int i = 0; i < n_journal; i++)
                if (streq(journal[i], want))
                        return true;
        return false;
}

static void test_journal(void)
{
        struct run_info r = sample(RUN_FAILED, REASON_EXIT);

        log_open(LOG_FORMAT_TEXT, LOG_INFO);
        writer = WRITE_JOURNAL;
        r.job = "evil\nPRIORITY=0";
        log_run(&r);
        ok(has_field("JOB=evil\\nPRIORITY=0"), "a name can't make fields of its own");
        ok(has_field("RUN_ID=42") && has_field("ATTEMPT=2") && has_field("EVENT=failed"), "RUN_ID, ATTEMPT, EVENT");
        ok(has_field("MESSAGE_ID=0531117d53a54382bd8bdb837af6205b"), "MESSAGE_ID");
        ok(has_field("PRIORITY=4") && has_field("SYSLOG_IDENTIFIER=jobschedd"), "PRIORITY, SYSLOG_IDENTIFIER");
        ok(has_field("MESSAGE=evil\\nPRIORITY=0: run 42 failed after 1.250 s: exit code 3"), "MESSAGE");
        log_info("plain");
        is_int(n_journal, 3, "a line that is about no run has no run's fields");
        r = sample(RUN_RUNNING, REASON_NONE);
        r.flags = RUN_STOPPING;
        log_run(&r);
        ok(has_field("EVENT=stopping") && has_field("MESSAGE_ID=" LOG_ID_STOPPING), "a run that is told to stop is an event of its own");
}
#else
static void test_journal(void)
{
        tap_skip("fields of the journal", "built without libsystemd");
}
#endif

/* The numbers are promises: each state has one, none twice. */
static void test_ids(void)
{
        for (int i = 0; i < RUN_STATE_NR; i++) {
                bool good = events[i].event && events[i].id && strlen(events[i].id) == 32 &&
                            strspn(events[i].id, "0123456789abcdef") == 32 && !streq(events[i].id, LOG_ID_STOPPING);

                for (int k = 0; good && k < i; k++)
                        good = !streq(events[i].id, events[k].id) && !streq(events[i].event, events[k].event);
                ok(good, "%s has an event and an id of its own", run_state_name((enum run_state)i));
        }
        for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
                is_int(log_level_from_name(log_level_name(level)), level, log_level_name(level));
        is_int(log_level_from_name("loud"), -1, "an unknown level");
        is_int(log_open(LOG_FORMAT_TEXT, 99), -EINVAL, "a level out of range");
        is_int(log_open((enum log_format)99, LOG_INFO), -EINVAL, "a format out of range");
}

int main(void)
{
        test_sentences();
        test_text();
        test_json();
        test_prefixed();
        test_auto();
        test_stuck();
        test_journal();
        test_ids();
        return tap_done();
}
