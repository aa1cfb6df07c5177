/* START: from a definition to a message. */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

#include "calendar/timeparse.h"
#include "runner/client_internal.h"

/* NULL-terminated texts of ours; all is freed at once. */
struct texts {
        char *v[12];
        size_t n;
        bool failed;
};

static void __attribute__((format(printf, 2, 3))) texts_add(struct texts *t, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&t->v[t->n], fmt, ap);
        va_end(ap);
        if (n < 0) {
                t->v[t->n] = NULL;
                t->failed = true;
                return;
        }
        t->n++;
}

static void texts_done(struct texts *t)
{
        for (size_t i = 0; i < t->n; i++)
                free(t->v[i]);
}

static void own_variables(struct texts *t, const struct runner_options *opt, const struct run_info *run,
                          const struct job *job, uint32_t attempt, struct wall last_success)
{
        char at[64];

        texts_add(t, "JOB_NAME=%s", job->name ? job->name : run->job);
        texts_add(t, "JOB_RUN_ID=%llu", (unsigned long long)run->id);
        texts_add(t, "JOB_ATTEMPT=%u", attempt);
        texts_add(t, "JOB_MAX_ATTEMPTS=%u", job->policy->retry.limit == UINT32_MAX ? UINT32_MAX : job->policy->retry.limit + 1);
        texts_add(t, "JOB_TRIGGER=%s", run_trigger_name(run->trigger));
        if (!wall_is_never(run->scheduled_at) && run->trigger != TRIGGER_MANUAL) {
                (void)wall_print_rfc3339(run->scheduled_at, job->policy->zone, 0, at, sizeof(at));
                texts_add(t, "JOB_SCHEDULED_AT=%s", at);
        }
        if (last_success.usec != 0) {
                (void)wall_print_rfc3339(last_success, job->policy->zone, 0, at, sizeof(at));
                texts_add(t, "JOB_LAST_SUCCESS_AT=%s", at);
        }
        if (opt->control_socket)
                texts_add(t, "JOBSCHED_SOCKET=%s", opt->control_socket);
}

/* More than a line end at its end. */
static bool has_several_lines(const char *text)
{
        size_t n = strlen(text);

        while (n > 0 && text[n - 1] == '\n')
                n--;
        return memchr(text, '\n', n);
}

/* The shell and its command, or the command as it stands.  A list to be freed; its strings are borrowed. */
static int make_argv(const struct job *job, char ***ret)
{
        static char sh[] = "/bin/sh", plain[] = "-c", strict[] = "-ec";
        char *by_default[] = { sh, plain, NULL };
        char **shell = job->policy->shell ? job->policy->shell : by_default, **argv;
        size_t n = 0, words = 0;

        if (!job->command || !job->command[0])
                return -EINVAL;
        if (job->command_is_argv)
                shell = by_default + 2;
        else if (has_several_lines(job->command[0]))
                by_default[1] = strict;
        while (shell[n])
                n++;
        while (job->command[words])
                words++;
        argv = calloc(n + words + 1, sizeof(*argv));
        if (!argv)
                return -ENOMEM;
        memcpy(argv, shell, n * sizeof(*argv));
        memcpy(argv + n, job->command, words * sizeof(*argv));
        *ret = argv;
        return 0;
}

/* KEY=VALUE texts of the job's env, in one block that *ret begins. */
static int make_env(const struct job *job, char ***ret)
{
        size_t size = 0;
        char **env, *at;

        for (size_t i = 0; i < job->n_env; i++)
                size += strlen(job->env[i].key) + strlen(job->env[i].value) + 2;
        env = malloc((job->n_env + 1) * sizeof(*env) + size);
        if (!env)
                return -ENOMEM;
        at = (char *)(env + job->n_env + 1);
        for (size_t i = 0; i < job->n_env; i++) {
                env[i] = at;
                at += sprintf(at, "%s=%s", job->env[i].key, job->env[i].value) + 1;
        }
        env[job->n_env] = NULL;
        *ret = env;
        return 0;
}

/* "0-3,8" into bits.  -EINVAL, -ERANGE (more CPUs than the system's type holds). */
static int parse_affinity(const char *text, uint8_t *bits, size_t size)
{
        while (*text) {
                char *end;
                unsigned long from, to;

                if (!isdigit((unsigned char)*text))
                        return -EINVAL;
                from = to = strtoul(text, &end, 10);
                if (*end == '-') {
                        if (!isdigit((unsigned char)end[1]))
                                return -EINVAL;
                        to = strtoul(end + 1, &end, 10);
                }
                if (from > to || (*end && *end != ','))
                        return -EINVAL;
                if (to >= size * 8)
                        return -ERANGE;
                for (; from <= to; from++)
                        bits[from / 8] |= (uint8_t)(1 << from % 8);
                text = end + (*end == ',');
        }
        return 0;
}

static int64_t limit_number(uint64_t v)
{
        if (v == JOB_RLIMIT_UNSET)
                return RUNNERMSG_UNSET;
        return v == JOB_RLIMIT_UNLIMITED ? -1 : (int64_t)MIN(v, (uint64_t)INT64_MAX);
}

static void set_numbers(struct runnermsg *m, const struct job *job, uint32_t attempt, int64_t timeout_usec,
                        bool timeout_is_total)
{
        m->attempt = attempt;
        m->umask = job->policy->umask & 0777;
        if (job->policy->has_nice)
                m->nice = job->policy->nice;
        m->io_class = job->policy->io_class;
        m->io_level = job->policy->io_level;
        if (job->policy->has_oom_score_adjust)
                m->oom_score_adjust = job->policy->oom_score_adjust;
        for (size_t i = 0; i < RUNNERMSG_RLIMITS && job->policy->rlimits; i++)
                m->rlimit[i] = limit_number(job->policy->rlimits[i]);
        if (timeout_usec != USEC_INFINITY)
                m->timeout_usec = MAX(timeout_usec, 0);
        m->timeout_is_total = timeout_is_total;
        m->kill_signal = job->policy->kill_signal;
        m->kill_timeout_usec = MAX(job->policy->kill_timeout_usec, 0);
        m->leftovers = job->policy->leftovers;
        m->log_max = (int64_t)MIN(job->policy->log_max, (uint64_t)INT64_MAX);
        m->log_merge = job->policy->log_merge;
}

int compose_start(const struct runner_options *opt, const struct run_info *run, const struct job *job, uint32_t attempt,
                  struct wall last_success, int64_t timeout_usec, bool timeout_is_total, const char *log_path,
                  struct outgoing *ret)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_START, run->id, run->start);
        struct texts own = { .n = 0 }, base = { .n = 0 };
        _cleanup_(freep) char **argv = NULL, **env = NULL;
        uint8_t affinity[CPU_SETSIZE / 8] = { 0 };
        int r;

        _Static_assert((int)RUNNERMSG_RLIMITS == (int)JOB_RLIMIT_NR, "a START carries every limit there is");
        own_variables(&own, opt, run, job, attempt, last_success);
        if (opt->language)
                texts_add(&base, "LANG=%s", opt->language);
        if (opt->system_zone)
                texts_add(&base, "TZ=%s", opt->system_zone);
        r = own.failed || base.failed ? -ENOMEM : make_argv(job, &argv);
        if (r >= 0)
                r = make_env(job, &env);
        if (r >= 0 && job->policy->cpu_affinity) {
                r = parse_affinity(job->policy->cpu_affinity, affinity, sizeof(affinity));
                m.affinity = affinity;
                m.affinity_size = sizeof(affinity);
        }
        if (r >= 0) {
                m.user = job->policy->user;
                m.group = job->policy->group;
                m.working_dir = job->working_dir;
                m.argv = argv;
                m.env_base = base.v;
                m.env = env;
                m.env_own = own.v;
                m.env_file = job->policy->env_file;
                m.log_path = log_path;
                m.stdin_text = job->policy->stdin_text;
                m.stdin_size = job->policy->stdin_text ? strlen(job->policy->stdin_text) : 0;
                set_numbers(&m, job, attempt, timeout_usec, timeout_is_total);
                *ret = (struct outgoing){ .type = m.type, .run = m.run, .start = m.start };
                r = runnermsg_encode(&m, &ret->data, &ret->size);
        }
        texts_done(&own);
        texts_done(&base);
        return r;
}

/* The name with `:` as `/`.  Job names have no empty or dotted parts; this does not rely on it. */
int compose_log_path(const char *job, char ret[static RUNNER_LOG_PATH_MAX])
{
        char before = '/';
        size_t n = 0;

        for (; job[n]; n++) {
                if (n + 1 >= RUNNER_LOG_PATH_MAX)
                        return -ENAMETOOLONG;
                ret[n] = job[n] == ':' ? '/' : job[n];
                if (before == '/' && (ret[n] == '/' || ret[n] == '.'))
                        return -EINVAL;
                before = ret[n];
        }
        ret[n] = 0;
        return before == '/' ? -EINVAL : 0;
}
