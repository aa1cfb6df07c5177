#include "runner/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/job.h"

#define LOOKUP_SECONDS 10
#define OPEN_FILES_DEFAULT 1024

static volatile sig_atomic_t looking_up;
static void (*lookup_timed_out)(void);

static void on_alarm(int signo)
{
        if (looking_up)
                lookup_timed_out();
}

void setup_on_lookup_timeout(void (*fn)(void))
{
        lookup_timed_out = fn;
}

static int find_user(const struct runner_state *s, const struct runnermsg *m, struct identity *ret, bool *ret_looked_up,
                     enum spawn_stage *ret_stage)
{
        struct sigaction on = { .sa_handler = on_alarm }, off = { .sa_handler = SIG_DFL };
        const char *user = m->user ? m->user : "root";
        bool group_failed = false;
        gid_t gid;
        int r = 0;

        *ret_stage = STAGE_USER;
        if (s->own_user_only && m->user && !streq(m->user, s->self.name))
                return -EPERM;
        if (s->own_user_only && !m->group) {
                *ret = s->self;
                return 0;
        }

        if (!s->own_user_only && usercache_get(s->users, user, m->group, clock_mono(), ret))
                return 0;
        *ret_looked_up = true;
        (void)sigaction(SIGALRM, &on, NULL);
        looking_up = 1;
        (void)alarm(LOOKUP_SECONDS);
        if (!s->own_user_only) {
                r = identity_lookup(user, m->group, ret, &group_failed);
        } else {
                *ret = s->self;
                group_failed = true;
                r = identity_group(m->group, &gid);
                if (r >= 0 && gid != s->self.gid)
                        r = -EPERM;
        }
        (void)alarm(0);
        looking_up = 0;
        (void)sigaction(SIGALRM, &off, NULL);
        if (r >= 0 && !s->own_user_only)
                usercache_put(s->users, user, m->group, clock_mono(), ret);
        if (r < 0 && group_failed)
                *ret_stage = STAGE_GROUPS;
        return r;
}

/* A file in memory: read at the job's pace, and the supervisor never waits for it. */
static int open_stdin(const struct runnermsg *m, int *ret)
{
        _cleanup_(closep) int fd = -1;
        int r;

        if (!m->stdin_text)
                return 0; /* 0 is /dev/null already */
        fd = memfd_create("stdin", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = write_all(fd, m->stdin_text, m->stdin_size);
        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

/* The job may reopen its end by /dev/stdout, so it is the job's user's; ours must never block, also where the job
 * reads from it. */
static int open_pipe(const struct identity *id, int *ret_ours, int *ret_its)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        *ret_ours = fds[0];
        *ret_its = fds[1];
        if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        if (id->change && id->uid != 0 && fchown(fds[1], id->uid, id->gid) < 0)
                return -errno;
        return 0;
}

static int open_pipes(const struct runnermsg *m, struct setup *u)
{
        int r;

        r = open_pipe(&u->identity, &u->out, &u->command.out);
        if (r < 0)
                return r;
        if (m->log_merge == 1) {
                u->command.err = u->command.out;
                return 0;
        }
        return open_pipe(&u->identity, &u->err, &u->command.err);
}

/* Every file the command may be, in order. */
static int find_paths(const struct runnermsg *m, struct setup *u)
{
        const char *program = m->argv[0], *path = environment_get(&u->environment, "PATH");
        size_t n = 1, size;
        char *text;

        if (strchr(program, '/') || !path || !*program) {
                u->paths = calloc(2, sizeof(char *));
                if (!u->paths)
                        return -ENOMEM;
                u->paths[0] = m->argv[0];
                return 0;
        }
        for (const char *p = path; *p; p++)
                n += *p == ':';
        size = strlen(path) + n * (strlen(program) + 3);
        u->paths = calloc(1, (n + 1) * sizeof(char *) + size);
        if (!u->paths)
                return -ENOMEM;
        text = (char *)(u->paths + n + 1);
        for (size_t i = 0; i < n; i++) {
                size_t length = strcspn(path, ":");

                u->paths[i] = text;
                text = mempcpy(text, length ? path : ".", length ? length : 1);
                *text++ = '/';
                text = stpcpy(text, program) + 1;
                path += length + 1;
        }
        return 0;
}

/* Even as root more open files than the system allows are refused, so unlimited means as many as that. */
static rlim_t most_open_files(void)
{
        _cleanup_(closep) int fd = open("/proc/sys/fs/nr_open", O_RDONLY | O_CLOEXEC);
        char text[32] = "";

        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strtoul(text, NULL, 10) == 0)
                return 1u << 20;
        return strtoul(text, NULL, 10);
}

static void set_rlimits(const struct runner_state *s, const struct runnermsg *m, struct launch *c)
{
        static const int resources[RUNNERMSG_RLIMITS] = {
                [JOB_RLIMIT_OPEN_FILES] = RLIMIT_NOFILE, [JOB_RLIMIT_FILE_SIZE] = RLIMIT_FSIZE,
                [JOB_RLIMIT_CORE] = RLIMIT_CORE,         [JOB_RLIMIT_CPU_TIME] = RLIMIT_CPU,
                [JOB_RLIMIT_STACK] = RLIMIT_STACK,       [JOB_RLIMIT_ADDRESS_SPACE] = RLIMIT_AS,
        };

        for (size_t i = 0; i < RUNNERMSG_RLIMITS; i++) {
                rlim_t v = m->rlimit[i] < 0 ? RLIM_INFINITY : (rlim_t)m->rlimit[i];
                struct rlimit now;

                if (m->rlimit[i] == RUNNERMSG_UNSET) {
                        if (i != JOB_RLIMIT_OPEN_FILES || !s->reset_open_files || getrlimit(RLIMIT_NOFILE, &now) < 0)
                                continue;
                        now.rlim_cur = MIN((rlim_t)OPEN_FILES_DEFAULT, now.rlim_max);
                } else {
                        if (v == RLIM_INFINITY && i == JOB_RLIMIT_OPEN_FILES)
                                v = most_open_files();
                        now = (struct rlimit){ v, v };
                }
                c->rlimits[c->n_rlimits].resource = resources[i];
                c->rlimits[c->n_rlimits++].value = now;
        }
}

static void set_priorities(const struct runner_state *s, const struct runnermsg *m, struct launch *c)
{
        /* The kernel's numbers of the classes. */
        static const int classes[] = { [IO_CLASS_IDLE] = 3, [IO_CLASS_BEST_EFFORT] = 2, [IO_CLASS_REALTIME] = 1 };
        const uint8_t *bits = m->affinity;

        c->has_nice = m->nice != RUNNERMSG_UNSET || s->reset_nice;
        c->nice = m->nice != RUNNERMSG_UNSET ? (int)m->nice : 0;
        c->has_oom_score_adjust = m->oom_score_adjust != RUNNERMSG_UNSET || s->reset_oom_score_adjust;
        c->oom_score_adjust = m->oom_score_adjust != RUNNERMSG_UNSET ? (int)m->oom_score_adjust : 0;
        c->io_priority = -1;
        if (m->io_class > 0)
                c->io_priority = classes[m->io_class] << 13 | (m->io_level > 0 ? (int)m->io_level : 0);
        c->has_affinity = bits != NULL;
        CPU_ZERO(&c->affinity);
        for (size_t i = 0; i < m->affinity_size * 8 && i < CPU_SETSIZE; i++)
                if (bits[i / 8] >> i % 8 & 1)
                        CPU_SET(i, &c->affinity);
}

int setup_make(const struct runner_state *s, const struct runnermsg *m, struct setup *ret, enum spawn_stage *ret_stage)
{
        struct setup u = { .out = -1, .err = -1, .command = { .in = -1, .out = -1, .err = -1 } };
        unsigned stage = STAGE_EXEC;
        int r;

        *ret_stage = STAGE_EXEC;
        if (!m->argv)
                return -EINVAL;
        r = find_user(s, m, &u.identity, &u.looked_up, ret_stage);
        if (r < 0)
                return r;
        r = environment_make(m, &u.identity, &u.environment, &stage);
        *ret_stage = (enum spawn_stage)stage;
        if (r < 0)
                return r;
        *ret_stage = STAGE_EXEC;
        r = find_paths(m, &u);
        if (r < 0)
                return r;
        *ret_stage = STAGE_STDIN;
        r = open_stdin(m, &u.command.in);
        if (r < 0)
                return r;
        *ret_stage = STAGE_PIPES;
        r = open_pipes(m, &u);
        if (r < 0)
                return r;

        set_rlimits(s, m, &u.command);
        set_priorities(s, m, &u.command);
        u.command.argv = m->argv;
        u.command.envp = u.environment.v;
        u.command.paths = u.paths;
        u.command.working_dir = m->working_dir ? m->working_dir : u.identity.home;
        u.command.fallback_dir = m->working_dir ? NULL : "/";
        u.command.umask = m->umask == RUNNERMSG_UNSET ? 022 : (mode_t)m->umask;
        *ret = u;
        ret->command.identity = &ret->identity;
        return 0;
}

void setup_close(struct setup *u)
{
        if (u->command.err != u->command.out)
                safe_close(u->command.err);
        u->command.err = u->command.out = safe_close(u->command.out);
        u->command.in = safe_close(u->command.in);
}

void setup_done(struct setup *u)
{
        environment_done(&u->environment);
        free(u->paths);
        u->paths = NULL;
        if (u->identity.change)
                identity_done(&u->identity);
}

bool setup_is_fault(const struct runnermsg *m, enum spawn_stage stage, int error)
{
        switch (error) {
        case EAGAIN:
        case EMFILE:
        case ENFILE:
        case ENOSPC:
        case EDQUOT:
        case ETIMEDOUT:
                return true;
        case ENOMEM:
                /* A limit that the job set itself is its own affair. */
                return stage != STAGE_EXEC || (m->rlimit[JOB_RLIMIT_ADDRESS_SPACE] == RUNNERMSG_UNSET &&
                                               m->rlimit[JOB_RLIMIT_STACK] == RUNNERMSG_UNSET);
        case EIO:
                return stage == STAGE_USER || stage == STAGE_GROUPS; /* the name service */
        default:
                return false;
        }
}
