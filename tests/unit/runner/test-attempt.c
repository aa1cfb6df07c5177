/* One attempt: what a job is given, how it ends, and what does not start. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"

static uint64_t next_run = 1;

static void test_exit_codes(struct harness *h)
{
        static const char *const codes[] = { "0", "1", "2", "42", "126", "127", "128", "255" };

        for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
                _cleanup_(job_unrefp) struct job *j = harness_probe("exit", codes[i], NULL);
                const struct event *ev = harness_run(h, next_run, j);

                ok(exited_with(ev, atoi(codes[i])) && ev->attempt.cause == END_SELF, "exit code %s", codes[i]);
                is_int(harness_count(h, next_run, 1, EVENT_STARTED), 1, "started once");
                next_run++;
        }
}

static void test_signals(struct harness *h)
{
        static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV, SIGHUP, SIGABRT };

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                _cleanup_(job_unrefp) struct job *j = harness_shell("kill -%d $$; exec sleep 60", signals[i]);

                ok(killed_by(harness_run(h, next_run++, j), signals[i]), "killed by %s", strsignal(signals[i]));
        }
}

/* ---- what does not start */

static struct job *with_text(struct job *j, char **member, const char *text)
{
        *member = strdup(text);
        return j;
}

static struct job *with_env_file(struct job *j, const char *path)
{
        j->policy->env_file = calloc(2, sizeof(char *));
        j->policy->env_file[0] = strdup(path);
        return j;
}

static void expect_failure(struct harness *h, struct job *j, enum spawn_stage stage, int error, const char *what)
{
        const struct event *ev = harness_run(h, next_run++, j);

        ok(failed_at(ev, stage, error, false), "%s: %s, %s", what, spawn_stage_name(stage), strerror(error));
        is_int(harness_count(h, next_run - 1, 1, EVENT_STARTED), 0, "was never started");
        job_unref(j);
}

static void test_spawn_failures(struct harness *h)
{
        static const char script[] = "exit 0\n";
        char *huge = calloc(1, 140000);
        struct job *j;
        char *path;
        int fd;

        expect_failure(h, harness_job("/nonexistent/program", NULL), STAGE_EXEC, ENOENT, "a missing program");
        expect_failure(h, harness_job("no-such-program-anywhere", NULL), STAGE_EXEC, ENOENT, "not in PATH");
        expect_failure(h, harness_job("/etc/passwd/x", NULL), STAGE_EXEC, ENOTDIR, "a file as folder");
        expect_failure(h, harness_job("/tmp", NULL), STAGE_EXEC, EACCES, "a folder");
        expect_failure(h, harness_job(harness_file(h, "plain", script, sizeof(script) - 1, 0644), NULL), STAGE_EXEC,
                       EACCES, "not executable");
        expect_failure(h, harness_job(harness_file(h, "noexec", script, sizeof(script) - 1, 0755), NULL), STAGE_EXEC,
                       ENOEXEC, "a script without #!");
        path = strdup(harness_file(h, "busy", "#!/bin/sh\n", 10, 0755));
        fd = open(path, O_WRONLY | O_CLOEXEC);
        expect_failure(h, harness_job(path, NULL), STAGE_EXEC, ETXTBSY, "a program that is being written");
        safe_close(fd);
        free(path);
        memset(huge, 'x', 139999);
        expect_failure(h, harness_job("/bin/true", huge, NULL), STAGE_EXEC, E2BIG, "an argument that is too long");
        free(huge);

        j = harness_shell("exit 0");
        j->policy->shell = calloc(3, sizeof(char *));
        j->policy->shell[0] = strdup("/nonexistent/sh");
        j->policy->shell[1] = strdup("-c");
        expect_failure(h, j, STAGE_EXEC, ENOENT, "a missing shell");

        j = harness_job("/bin/true", NULL);
        expect_failure(h, with_text(j, &j->working_dir, "/nonexistent"), STAGE_CHDIR, ENOENT, "a missing folder");
        j = harness_job("/bin/true", NULL);
        expect_failure(h, with_text(j, &j->working_dir, "/etc/passwd"), STAGE_CHDIR, ENOTDIR, "a folder that is none");
        j = harness_job("/bin/true", NULL);
        expect_failure(h, with_text(j, &j->policy->cpu_affinity, "1000-1001"), STAGE_AFFINITY, EINVAL,
                       "CPUs that are not there");

        j = harness_job("/bin/true", NULL);
        free(j->name);
        expect_failure(h, with_text(j, &j->name, "../escape"), STAGE_LOG, EINVAL, "a name that is a path");
        j = harness_shell("exit 0");
        j->policy->stdin_text = malloc(300001);
        memset(j->policy->stdin_text, 'x', 300000);
        j->policy->stdin_text[300000] = 0;
        expect_failure(h, j, STAGE_RUNNER, EMSGSIZE, "more than a message holds");
}

static void test_user_failures(struct harness *h)
{
        struct job *j;

        if (h->own_user_only) {
                j = harness_job("/bin/true", NULL);
                expect_failure(h, with_text(j, &j->policy->user, "root"), STAGE_USER, EPERM, "another user");
                return;
        }
        j = harness_job("/bin/true", NULL);
        expect_failure(h, with_text(j, &j->policy->user, "no-such-user"), STAGE_USER, ENOENT, "an unknown user");
        j = harness_job("/bin/true", NULL);
        expect_failure(h, with_text(j, &j->policy->group, "no-such-group"), STAGE_GROUPS, ENOENT, "an unknown group");
}

static void test_env_file_failures(struct harness *h)
{
        _cleanup_(freep) char *big = calloc(1, (1u << 20) + 1);
        char path[128], link[160];

        memset(big, '\n', (1u << 20) + 1);
        expect_failure(h, with_env_file(harness_job("/bin/true", NULL), "/nonexistent/env"), STAGE_ENV_FILE, ENOENT,
                       "a missing env_file");
        expect_failure(
                h,
                with_env_file(harness_job("/bin/true", NULL), harness_file(h, "bad.env", "A=1\nno equals\n", 14, 0600)),
                STAGE_ENV_FILE, EINVAL, "a line that is not KEY=value");
        expect_failure(h,
                       with_env_file(harness_job("/bin/true", NULL), harness_file(h, "nul.env", "A=1\0B=2\n", 8, 0600)),
                       STAGE_ENV_FILE, EINVAL, "a NUL in an env_file");
        expect_failure(
                h, with_env_file(harness_job("/bin/true", NULL), harness_file(h, "big.env", big, (1u << 20) + 1, 0600)),
                STAGE_ENV_FILE, EFBIG, "an env_file over a mebibyte");
        (void)snprintf(path, sizeof(path), "%s/fifo.env", h->dir);
        (void)mkfifo(path, 0600);
        expect_failure(h, with_env_file(harness_job("/bin/true", NULL), path), STAGE_ENV_FILE, EINVAL, "a FIFO");
        (void)snprintf(link, sizeof(link), "%s/link.env", h->dir);
        if (symlink("/etc/passwd", link) < 0)
                abort();
        expect_failure(h, with_env_file(harness_job("/bin/true", NULL), link), STAGE_ENV_FILE, ELOOP, "a symlink");
}

/* ---- what a job is given */

static void expect_text(struct harness *h, struct job *j, const char *want, const char *what)
{
        _cleanup_(freep) char *text = NULL;
        const struct event *ev = harness_run_text(h, next_run++, j, &text);

        ok(exited_with(ev, 0), "%s: ran", what);
        is_str(text, want, what);
        job_unref(j);
}

static void add_env(struct job *j, const char *key, const char *value)
{
        j->env = realloc(j->env, (j->n_env + 1) * sizeof(*j->env));
        j->env[j->n_env].key = strdup(key);
        j->env[j->n_env++].value = strdup(value);
}

static void test_environment(struct harness *h)
{
        static const char file[] =
                "# a comment\n\nFROM_FILE=1\n  SPACED=a b\nQUOTED=\"a 'b'\"\nSINGLE='x'\nBOTH=file\nCR=x\r\n"
                "EMPTY=\nEQUALS=a=b\nJOB_RUN_ID=666\nLAST=no line end";
        const struct passwd *pw = getpwuid(geteuid());
        _cleanup_(freep) char *want = NULL;
        struct job *j = harness_probe("env", NULL);

        (void)with_env_file(j, harness_file(h, "good.env", file, sizeof(file) - 1, 0600));
        add_env(j, "BOTH", "env");
        add_env(j, "LANG", "de_DE.UTF-8");
        add_env(j, "JOB_NAME", "forged");
        add_env(j, "JOB_SCHEDULED_AT", "forged");
        add_env(j, "JOB_MINE", "kept");
        add_env(j, "JOBSCHED_SOCKET", "forged");
        add_env(j, "LD_PRELOAD", "");
        add_env(j, "LINES", "a\nb");
        j->policy->retry.limit = 4;
        if (asprintf(
                    &want,
                    "BOTH=env\nCR=x\nEMPTY=\nEQUALS=a=b\nFROM_FILE=1\nHOME=%s\nJOBSCHED_SOCKET=%s/control.sock\n"
                     "JOB_ATTEMPT=1\n"
                    "JOB_LAST_SUCCESS_AT=2026-03-28T01:00:00+00:00\nJOB_MAX_ATTEMPTS=5\nJOB_MINE=kept\nJOB_NAME=test\n"
                    "JOB_RUN_ID=%llu\nJOB_SCHEDULED_AT=2026-03-29T01:00:00+00:00\nJOB_TRIGGER=schedule\n"
                     "LANG=de_DE.UTF-8\n"
                    "LAST=no line end\nLD_PRELOAD=\nLINES=a\nb\nLOGNAME=%s\n"
                    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nQUOTED=a 'b'\n"
                     "SHELL=%s\nSINGLE=x\n"
                    "SPACED=a b\nTZ=Europe/Berlin\nUSER=%s\n",
                    pw && *pw->pw_dir ? pw->pw_dir : "/", h->dir, (unsigned long long)next_run, pw ? pw->pw_name : "?",
                    pw && *pw->pw_shell ? pw->pw_shell : "/bin/sh", pw ? pw->pw_name : "?") < 0)
                abort();
        expect_text(h, j, want, "the environment, golden");

        j = with_env_file(harness_shell("exit 0"), "-/nonexistent/env");
        expect_text(h, j, "", "an env_file that may be missing");
        j = with_env_file(harness_shell("echo $FROM_FILE"), "good.env");
        expect_text(h, with_text(j, &j->working_dir, h->dir), "1\n", "an env_file beside the job");
}

/* A manual run has no instant, a first one no last success; nobody may forge what is not there. */
static void test_manual(struct harness *h)
{
        struct run_info info = {
                .id = next_run, .start = 1, .job = "test", .trigger = TRIGGER_MANUAL, .scheduled_at = WALL_NEVER
        };
        struct job *j = harness_shell("echo ${JOB_SCHEDULED_AT-none} ${JOB_LAST_SUCCESS_AT-none} $JOB_TRIGGER");
        _cleanup_(freep) char *text = NULL;

        add_env(j, "JOB_SCHEDULED_AT", "forged");
        runner_start(h->runner, &info, j, 1, (struct wall){ 0 }, USEC_INFINITY, false);
        ok(exited_with(harness_end(h, next_run, 1), 0), "a manual run");
        text = harness_text(h, "test", next_run++, 1, "stdout", NULL);
        is_str(text, "none none manual\n", "has no instant");
        job_unref(j);
}

static void test_golden(struct harness *h)
{
        char folder[128];
        struct job *j;

        expect_text(h, harness_probe("fds", NULL), "0 /dev/null\n1 pipe\n2 pipe\n", "descriptors");
        j = harness_probe("fds", NULL);
        j->policy->stdin_text = strdup("x");
        expect_text(h, j, "0 /memfd:stdin (deleted)\n1 pipe\n2 pipe\n", "descriptors with stdin");
#ifndef JS_SANITIZED
        expect_text(h, harness_probe("signals", NULL),
                    "blocked 0000000000000000\nignored 0000000000000000\ncaught 0000000000000000\n", "signals");
#endif
        expect_text(h, harness_probe("umask", NULL), "022\n", "umask");
        j = harness_probe("umask", NULL);
        j->policy->umask = 077;
        expect_text(h, j, "077\n", "umask as asked");
        (void)snprintf(folder, sizeof(folder), "%s\n", h->dir);
        j = harness_probe("cwd", NULL);
        expect_text(h, with_text(j, &j->working_dir, h->dir), folder, "working_dir");
        j = harness_probe("nice", NULL);
        j->policy->has_nice = true;
        j->policy->nice = 7;
        expect_text(h, j, "7\n", "nice");

        j = harness_probe("session", NULL);
        j->policy->cpu_affinity = strdup("0");
        j->policy->has_oom_score_adjust = true;
        j->policy->oom_score_adjust = 500;
        j->policy->io_class = IO_CLASS_BEST_EFFORT;
        j->policy->io_level = 6;
        expect_text(h, j, "leader yes\ntty no\npdeathsig 9\noom 500\nioprio 16390\ncpus 0\n",
                    "session, oom_score_adjust, io_class, cpu_affinity");
        j = harness_probe("session", NULL);
        j->policy->cpu_affinity = strdup("0-0,0");
        j->policy->io_class = IO_CLASS_IDLE;
        expect_text(h, j, "leader yes\ntty no\npdeathsig 9\noom 0\nioprio 24576\ncpus 0\n", "and with less");
}

static void test_limits(struct harness *h)
{
        struct job *j = harness_shell("ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -St; ulimit -Hs; ulimit -Sf");
        struct rlimit files;
        char want[64];

        j->policy->rlimits = calloc(JOB_RLIMIT_NR, sizeof(uint64_t));
        for (size_t i = 0; i < JOB_RLIMIT_NR; i++)
                j->policy->rlimits[i] = JOB_RLIMIT_UNSET;
        j->policy->rlimits[JOB_RLIMIT_OPEN_FILES] = 100;
        j->policy->rlimits[JOB_RLIMIT_CORE] = 0;
        j->policy->rlimits[JOB_RLIMIT_CPU_TIME] = 77;
        j->policy->rlimits[JOB_RLIMIT_STACK] = 4u << 20;
        j->policy->rlimits[JOB_RLIMIT_FILE_SIZE] = 1u << 20;
        expect_text(h, j, "100\n100\n0\n77\n4096\n2048\n", "limits as asked");

        (void)getrlimit(RLIMIT_NOFILE, &files);
        (void)snprintf(want, sizeof(want), "%llu\n%llu\n", (unsigned long long)MIN(files.rlim_cur, (rlim_t)1024),
                       (unsigned long long)files.rlim_max);
        expect_text(h, harness_shell("ulimit -Sn; ulimit -Hn"), want, "open files by default");

        j = harness_shell("exec %s write 100000", harness_probe_path);
        j->policy->rlimits = malloc(JOB_RLIMIT_NR * sizeof(uint64_t));
        for (size_t i = 0; i < JOB_RLIMIT_NR; i++)
                j->policy->rlimits[i] = JOB_RLIMIT_UNSET;
        j->policy->rlimits[JOB_RLIMIT_FILE_SIZE] = 1;
        ok(exited_with(harness_run(h, next_run++, j), 0), "file_size does not bind what the supervisor writes");
        job_unref(j);
        files.rlim_max++;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
                tap_skip("unlimited", "limits can't be raised here");
                return;
        }
        j = harness_shell("test $(ulimit -Hn) -gt 1024 && ulimit -Sc");
        j->policy->rlimits = malloc(JOB_RLIMIT_NR * sizeof(uint64_t));
        for (size_t i = 0; i < JOB_RLIMIT_NR; i++)
                j->policy->rlimits[i] = JOB_RLIMIT_UNLIMITED;
        expect_text(h, j, "unlimited\n", "unlimited");
}

static void test_stdin_and_shell(struct harness *h)
{
        struct job *j = harness_probe("stdin", NULL);

        expect_text(h, with_text(j, &j->policy->stdin_text, "one\ntwo\xc3\xa9 no end"), "one\ntwo\xc3\xa9 no end", "stdin");
        expect_text(h, harness_shell("cat; echo over"), "over\n", "an empty stdin");
        expect_text(h, harness_shell("false; echo $-; echo \"$0\""), "\n/bin/sh\n", "one line goes on after a failure");
        expect_text(h, harness_shell("echo $-\n"), "\n", "a line end at the end is not a second line");
        j = harness_shell("echo one\nfalse\necho two\n");
        ok(exited_with(harness_run(h, next_run++, j), 1), "several lines stop at a failure");
        job_unref(j);
        j = harness_shell("it is $0");
        j->policy->shell = calloc(3, sizeof(char *));
        j->policy->shell[0] = strdup("printf");
        j->policy->shell[1] = strdup("%s!\n");
        expect_text(h, j, "it is $0!\n", "another shell, found in PATH");
        expect_text(h, harness_job("echo", "a  b", "*", "$HOME", "", NULL), "a  b * $HOME \n", "argv has no shell");
        expect_text(h, harness_shell("echo out > /dev/stdout"), "out\n", "/dev/stdout can be reopened");
}

static void test_usage(struct harness *h)
{
        struct job *j = harness_shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo 12345");
        const struct event *ev = harness_run(h, next_run++, j);

        ok(exited_with(ev, 0) && ev->attempt.usage.user_usec + ev->attempt.usage.system_usec > 1000 &&
                   ev->attempt.usage.max_rss_kib > 100 && ev->attempt.usage.output_bytes == 6 &&
                   ev->attempt.usage.dropped_bytes == 0,
           "usage: CPU time, memory, output");
        ok(ev && ev->attempt.at.usec > WALL_SEC(1600000000).usec, "and when it ended");
        job_unref(j);
}

/* ---- as another user */

static void test_users(struct harness *h)
{
        static const char no_caps[] =
                "inheritable 0000000000000000\npermitted 0000000000000000\neffective 0000000000000000\n"
                "ambient 0000000000000000\n";
        const struct passwd *pw = getpwnam("nobody");
        const struct group *gr = getgrnam("daemon");
        char want[1024], ids[128];
        struct job *j;

        if (h->own_user_only || !pw || !gr) {
                tap_skip("another user", "needs root and the user nobody");
                return;
        }
        (void)snprintf(ids, sizeof(ids), "uid %u %u %u\n", pw->pw_uid, pw->pw_uid, pw->pw_uid);
        (void)snprintf(want, sizeof(want), "%sgid %u %u %u\ngroups %u\n%s", ids, pw->pw_gid, pw->pw_gid, pw->pw_gid,
                       pw->pw_gid, no_caps);
        j = harness_probe("ids", NULL);
        expect_text(h, with_text(j, &j->policy->user, "nobody"), want, "user: ids, groups and capabilities");
        (void)snprintf(want, sizeof(want), "%sgid %u %u %u\ngroups %u\n%s", ids, gr->gr_gid, gr->gr_gid, gr->gr_gid,
                       gr->gr_gid, no_caps);
        j = harness_probe("ids", NULL);
        (void)with_text(j, &j->policy->user, "nobody");
        expect_text(h, with_text(j, &j->policy->group, "daemon"), want, "group");
        j = harness_probe("session", NULL);
        j->policy->cpu_affinity = strdup("0");
        expect_text(h, with_text(j, &j->policy->user, "nobody"), "leader yes\ntty no\npdeathsig 9\noom 0\nioprio 0\ncpus 0\n",
                    "the command dies with its supervisor as another user too");
        j = harness_probe("cwd", NULL);
        expect_text(h, with_text(j, &j->policy->user, "nobody"), access(pw->pw_dir, X_OK) < 0 ? "/\n" : pw->pw_dir,
                    "a home that is missing");
        j = harness_shell("echo $HOME $USER $LOGNAME $SHELL");
        (void)snprintf(want, sizeof(want), "%s %s %s %s\n", pw->pw_dir, pw->pw_name, pw->pw_name, pw->pw_shell);
        expect_text(h, with_text(j, &j->policy->user, "nobody"), want, "the user's variables");
        j = harness_shell("echo out > /dev/stdout; echo err > /dev/stderr");
        expect_text(h, with_text(j, &j->policy->user, "nobody"), "out\n", "/dev/stdout can be reopened by another user");

        j = harness_job("/bin/true", NULL);
        (void)chmod(h->dir, 0700);
        (void)with_text(j, &j->working_dir, h->dir);
        expect_failure(h, with_text(j, &j->policy->user, "nobody"), STAGE_CHDIR, EACCES, "a folder that only root may enter");
        j = harness_job(harness_probe_path, NULL);
        expect_failure(h, with_text(j, &j->policy->user, "nobody"), STAGE_EXEC, EACCES, "a program in it");
        (void)chmod(h->dir, 0755);
}

int main(void)
{
        struct harness h;

        harness_make(&h);
        harness_up(&h);
        test_exit_codes(&h);
        test_signals(&h);
        test_spawn_failures(&h);
        test_user_failures(&h);
        test_env_file_failures(&h);
        test_environment(&h);
        test_manual(&h);
        test_golden(&h);
        test_limits(&h);
        test_stdin_and_shell(&h);
        test_usage(&h);
        test_users(&h);
        harness_free(&h);
        return tap_done();
}
