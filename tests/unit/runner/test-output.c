/* The log: its form, its cap, and that it never holds up a job. */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static uint64_t next_run = 1;

static char *run_text(struct harness *h, struct job *j, const char *stream, size_t *ret_size, const struct event **ret)
{
        const struct event *ev = harness_run(h, next_run, j);

        if (ret)
                *ret = ev;
        if (!ev || ev->type != EVENT_EXITED)
                diag("run %llu did not end well", (unsigned long long)next_run);
        job_unref(j);
        return harness_text(h, "test", next_run++, 1, stream, ret_size);
}

static size_t log_size(struct harness *h, uint64_t run, const char *suffix)
{
        size_t size = 0;
        _cleanup_(freep) char *log = harness_log(h, "test", run, 1, suffix, &size);

        return log ? size : 0;
}

static void test_form(struct harness *h)
{
        static const char pattern[] =
                "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}\\+00:00 stdout F whole\n"
                "[^ ]{35} stdout F \n"
                "[^ ]{35} stdout P without an end\n$";
        struct job *j = harness_shell("printf 'whole\\n\\nwithout an end'");
        _cleanup_(freep) char *log = NULL;
        struct stat st;
        char path[128];
        regex_t re;

        ok(exited_with(harness_run(h, next_run, j), 0), "three kinds of line");
        log = harness_log(h, "test", next_run, 1, "", NULL);
        if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                abort();
        ok(log && regexec(&re, log, 0, NULL, 0) == 0, "stand in the log in the CRI form");
        regfree(&re);
        (void)snprintf(path, sizeof(path), "%s/log/test/%llu.1.log", h->dir, (unsigned long long)next_run++);
        ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640, "its mode is 0640");
        job_unref(j);
}

static void test_streams(struct harness *h)
{
        _cleanup_(freep) char *out = run_text(h, harness_probe("lines", "10", NULL), "stdout", NULL, NULL);
        _cleanup_(freep) char *err = harness_text(h, "test", next_run - 1, 1, "stderr", NULL);
        _cleanup_(freep) char *both = NULL;
        struct job *j = harness_probe("lines", "10", NULL);

        is_str(out, "line 0\nline 2\nline 4\nline 6\nline 8\n", "stdout");
        is_str(err, "line 1\nline 3\nline 5\nline 7\nline 9\n", "stderr");
        j->policy->log_merge = true;
        both = run_text(h, j, NULL, NULL, NULL);
        is_str(both, "line 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\n",
               "merged, in true order");
}

static void test_binary(struct harness *h)
{
        size_t size = 0, n = 70000;
        _cleanup_(freep) char *path = NULL, *text = NULL;
        _cleanup_(freep) unsigned char *bytes = malloc(n);
        const struct event *ev = NULL;
        uint32_t x = 1;

        for (size_t i = 0; i < n; i++) {
                x = x * 1664525u + 1013904223u;
                bytes[i] = (unsigned char)(x >> 24);
        }
        memcpy(bytes, "\0\n\n\r\x1b[31m\xff", 10);
        path = strdup(harness_file(h, "binary", bytes, n, 0644));
        text = run_text(h, harness_job("/bin/cat", path, NULL), "stdout", &size, &ev);
        ok(size == n && memcmp(text, bytes, n) == 0, "every byte comes back as it was written");
        ok(ev && ev->attempt.usage.output_bytes == n && ev->attempt.usage.dropped_bytes == 0 &&
                   !ev->attempt.log_dropped,
           "and is counted");
        free(text);
        text = run_text(h, harness_probe("write", "1000000", NULL), "stdout", &size, &ev);
        ok(size == 1000000 && strspn(text, "x") == size, "a line of a million characters");
}

static void test_nothing(struct harness *h)
{
        struct job *j = harness_shell("exit 0");
        char path[128];

        ok(exited_with(harness_run(h, next_run, j), 0), "a job without output");
        (void)snprintf(path, sizeof(path), "%s/log/test/%llu.1.log", h->dir, (unsigned long long)next_run++);
        ok(access(path, F_OK) < 0 && errno == ENOENT, "leaves no log");
        free(j->name);
        j->name = strdup("quiet");
        ok(exited_with(harness_run(h, next_run++, j), 0), "and one in a folder of its own");
        (void)snprintf(path, sizeof(path), "%s/log/quiet", h->dir);
        ok(access(path, F_OK) < 0 && errno == ENOENT, "leaves no folder");
        job_unref(j);

        j = harness_shell("echo x");
        free(j->name);
        j->name = strdup("elsewhere/etl");
        (void)snprintf(path, sizeof(path), "%s/log/elsewhere", h->dir);
        if (symlink(h->dir, path) < 0)
                abort();
        ok(exited_with(harness_run(h, next_run++, j), 0), "a link where a level of its folder should be");
        (void)snprintf(path, sizeof(path), "%s/etl", h->dir);
        ok(access(path, F_OK) < 0 && errno == ENOENT, "is not followed");
        job_unref(j);

        j = harness_shell("echo x");
        free(j->name);
        j->name = strdup("alice:etl/extract");
        ok(exited_with(harness_run(h, next_run, j), 0), "a name of several parts");
        (void)snprintf(path, sizeof(path), "%s/log/alice/etl/extract/%llu.1.log", h->dir,
                       (unsigned long long)next_run++);
        ok(access(path, F_OK) == 0, "is levels of folders");
        job_unref(j);
}

/* Numbered lines, so that what is kept can be told from what is not. */
static void test_cap(struct harness *h)
{
        static const uint64_t max = 40000;
        struct job *j =
                harness_shell("i=0; while [ $i -lt 20000 ]; do echo \"number $i\"; i=$((i+1)); done; echo the end");
        const struct event *ev = NULL;
        _cleanup_(freep) char *text = NULL, *head = NULL, *older = NULL, *newer = NULL;
        size_t size = 0, head_size = 0, older_size = 0, newer_size = 0;

        j->policy->log_max = max;
        text = run_text(h, j, NULL, &size, &ev);
        head = harness_log(h, "test", next_run - 1, 1, "", &head_size);
        older = harness_log(h, "test", next_run - 1, 1, ".1", &older_size);
        newer = harness_log(h, "test", next_run - 1, 1, ".2", &newer_size);
        ok(head && head_size <= max / 2 && head_size > max / 2 - 100, "the head is half of it");
        ok(older && older_size <= max / 4 && older_size > max / 4 - 100, "the older segment of the tail a quarter");
        ok(newer && newer_size <= max / 4 && newer_size > 0, "the newer one at most a quarter");
        ok(strncmp(text, "number 0\nnumber 1\n", 18) == 0, "it begins with the beginning");
        ok(size > 8 && streq(text + size - 8, "the end\n"), "and ends with the end");
        ok(ev && ev->attempt.usage.output_bytes == 248890 + 8, "what was written is counted");
        ok(ev && ev->attempt.usage.output_bytes == size + ev->attempt.usage.dropped_bytes,
           "what was dropped too, exactly");
        ok(ev && ev->attempt.log_dropped, "and flagged");
        ok(older && newer && strncmp(older, newer, 35) <= 0, ".1 is the older one");
}

static void test_small_caps(struct harness *h)
{
        for (uint64_t max = 0; max < 1200; max = max * 2 + 1) {
                struct job *j = harness_probe("write", "3000", "--", "lines", "200", NULL);
                const struct event *ev = NULL;
                _cleanup_(freep) char *text = NULL;
                size_t size = 0, files;

                j->policy->log_max = max;
                text = run_text(h, j, NULL, &size, &ev);
                files = log_size(h, next_run - 1, "") + log_size(h, next_run - 1, ".1") +
                        log_size(h, next_run - 1, ".2");
                ok(ev && files <= max && ev->attempt.usage.output_bytes == 3000 + 200 * 7 + 190 + 100 &&
                           size + ev->attempt.usage.dropped_bytes == ev->attempt.usage.output_bytes,
                   "max %llu holds and every byte is accounted for (%zu kept in %zu)", (unsigned long long)max, size,
                   files);
        }
}

static void test_flood(struct harness *h)
{
        struct job *j = harness_probe("flood", "1", NULL);
        const struct event *ev = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;

        j->policy->log_max = 1u << 20;
        j->policy->timeout_usec = 60 * USEC_PER_SEC;
        text = run_text(h, j, NULL, &size, &ev);
        ok(exited_with(ev, 0), "a flood of output");
        ok(ev && ev->attempt.usage.output_bytes > 1u << 20 &&
                   ev->attempt.usage.output_bytes == size + ev->attempt.usage.dropped_bytes,
           "is counted exactly: %llu bytes, %llu dropped", ev ? (unsigned long long)ev->attempt.usage.output_bytes : 0,
           ev ? (unsigned long long)ev->attempt.usage.dropped_bytes : 0);
        j = harness_probe("flood", "60", NULL);
        j->policy->timeout_usec = 300 * USEC_PER_MSEC;
        free(text);
        text = run_text(h, j, NULL, &size, &ev);
        ok(ev && ev->attempt.cause == END_TIMEOUT, "it does not keep the timeout from firing");
}

/* No space, no folder, no right: the job does not notice. */
static void test_full_disk(struct harness *h)
{
        struct job *j = harness_probe("write", "3000000", NULL);
        const struct event *ev;
        char path[128];

        j->policy->log_max = 100u << 20;
        (void)snprintf(path, sizeof(path), "%s/log/test", h->dir);
        if (geteuid() == 0 && mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0) {
                _cleanup_(freep) char *text = NULL;
                size_t size = 0;

                ev = harness_run(h, next_run, j);
                ok(exited_with(ev, 0), "a full disk");
                text = harness_text(h, "test", next_run, 1, NULL, &size);
                ok(ev && ev->attempt.log_dropped && size > 500000 && size + ev->attempt.usage.dropped_bytes == 3000000,
                   "what could not be written is counted (%zu kept)", size);
                (void)umount(path);
        } else {
                tap_skip("a full disk", "needs root and mount");
        }
        next_run++;
        job_unref(j);

        j = harness_probe("write", "100000", NULL);
        (void)snprintf(path, sizeof(path), "%s/log/test/%llu.1.log", h->dir, (unsigned long long)next_run);
        (void)mkdir(path, 0700);
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 0) && ev->attempt.usage.dropped_bytes == 100000,
           "something that stands where the log should be");
        (void)rmdir(path);
        if (symlink("/tmp/js-runner-should-not-exist", path) < 0)
                abort();
        job_unref(j);
        j = harness_probe("write", "100", NULL);
        (void)snprintf(path, sizeof(path), "%s/log/test/%llu.1.log", h->dir, (unsigned long long)next_run);
        if (symlink("/tmp/js-runner-should-not-exist", path) < 0)
                abort();
        ev = harness_run(h, next_run++, j);
        ok(exited_with(ev, 0) && access("/tmp/js-runner-should-not-exist", F_OK) < 0,
           "a symlink there is not followed");
        job_unref(j);
}

int main(void)
{
        struct harness h;

        harness_make(&h);
        harness_up(&h);
        test_form(&h);
        test_streams(&h);
        test_binary(&h);
        test_nothing(&h);
        test_cap(&h);
        test_small_caps(&h);
        test_flood(&h);
        test_full_disk(&h);
        harness_free(&h);
        return tap_done();
}
