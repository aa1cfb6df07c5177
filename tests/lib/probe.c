/* A program to be run as a job: shows what a job is given, or misbehaves.
 *
 *   env                      its environment, a line each, as it stands
 *   fds                      its open descriptors, `N target` a line
 *   signals                  `blocked HEX`, `ignored HEX`, `caught HEX`
 *   ids                      `uid R E S`, `gid R E S`, `groups G…`, `caps PERMITTED EFFECTIVE INHERITABLE AMBIENT`
 *   umask | cwd | nice       one line
 *   limits                   `name soft hard` a line (unlimited: -1)
 *   session                  `leader yes|no`, `tty yes|no`, `pdeathsig N`, `oom N`, `ioprio N`, `cpus N…`
 *   stdin                    copies standard input
 *   append FILE [SECONDS]    appends `JOB_RUN_ID JOB_ATTEMPT pid` with O_APPEND and fsync; then sleeps
 *   write N [BYTE]           N bytes of BYTE (x) on stdout, without a line end
 *   lines N                  N lines `line I` in turn on stdout and stderr
 *   flood SECONDS            writes for so long as fast as it can
 *   sleep SECONDS
 *   exit CODE | kill SIGNAL  ends so
 *   stubborn SECONDS         ignores TERM, INT and HUP
 *   tree DEPTH WIDTH SECONDS [stubborn]   makes a tree of processes, says `ready`, sleeps
 *   daemon SECONDS [stubborn] [MARK]      forks away twice with a session of its own (MARK is in its argv)
 *   orphans N                N children that end as orphans
 *   stop                     stops itself
 *   again CODE OTHER         ends with CODE; a process that it left behind has one end with OTHER under its number
 *                            (77 instead of CODE if that can't be done here)
 *   hold SECONDS             a forked child keeps the pipes open for so long after the end
 *
 * Several may be given, parted by `--`: `env -- fds`.  Exit code 0 unless said otherwise. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_for(double seconds)
{
        struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

        while (nanosleep(&t, &t) < 0 && errno == EINTR)
                ;
}

static void show_env(void)
{
        for (char **e = environ; *e; e++)
                printf("%s\n", *e);
}

static void show_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        struct dirent *entry;

        if (!d)
                exit(99);
        while ((entry = readdir(d))) {
                char path[300], target[300];
                ssize_t n;

                if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == dirfd(d))
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/self/fd/%.200s", entry->d_name);
                n = readlink(path, target, sizeof(target) - 1);
                target[n < 0 ? 0 : n] = 0;
                if (strncmp(target, "pipe:", 5) == 0)
                        target[4] = 0;
                printf("%s %s\n", entry->d_name, target);
        }
        (void)closedir(d);
}

/* Lines of /proc/self/status that begin with one of these. */
static void show_status(const char *const *keys, const char *const *names)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[4096];

        if (!f)
                exit(99);
        while (fgets(line, sizeof(line), f))
                for (size_t i = 0; keys[i]; i++)
                        if (strncmp(line, keys[i], strlen(keys[i])) == 0)
                                printf("%s %s", names[i], line + strlen(keys[i]) + 1);
        (void)fclose(f);
}

static void show_signals(void)
{
        static const char *const keys[] = { "SigBlk:", "SigIgn:", "SigCgt:", NULL };
        static const char *const names[] = { "blocked", "ignored", "caught", NULL };

        show_status(keys, names);
}

static void show_ids(void)
{
        static const char *const keys[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:", NULL };
        static const char *const names[] = { "inheritable", "permitted", "effective", "ambient", NULL };
        uid_t r, e, s;
        gid_t groups[1024];
        int n;

        (void)getresuid(&r, &e, &s);
        printf("uid %u %u %u\n", r, e, s);
        (void)getresgid(&r, &e, &s);
        printf("gid %u %u %u\n", r, e, s);
        n = getgroups(1024, groups);
        printf("groups");
        for (int i = 0; i < n; i++)
                printf(" %u", groups[i]);
        printf("\n");
        show_status(keys, names);
}

static void show_limits(void)
{
        static const struct {
                const char *name;
                __rlimit_resource_t resource;
        } limits[] = {
                { "open_files", RLIMIT_NOFILE }, { "file_size", RLIMIT_FSIZE },    { "core", RLIMIT_CORE },
                { "cpu_time", RLIMIT_CPU },      { "stack", RLIMIT_STACK },        { "address_space", RLIMIT_AS },
                { "processes", RLIMIT_NPROC },   { "locked_memory", RLIMIT_MEMLOCK },
        };

        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                struct rlimit l;

                (void)getrlimit(limits[i].resource, &l);
                printf("%s %lld %lld\n", limits[i].name, (long long)l.rlim_cur, (long long)l.rlim_max);
        }
}

static void show_session(void)
{
        int pdeathsig = 0, tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
        char oom[16] = "";
        cpu_set_t cpus;
        FILE *f = fopen("/proc/self/oom_score_adj", "re");

        (void)prctl(PR_GET_PDEATHSIG, &pdeathsig);
        if (f && !fgets(oom, sizeof(oom), f))
                oom[0] = 0;
        oom[strcspn(oom, "\n")] = 0;
        printf("leader %s\ntty %s\npdeathsig %d\noom %s\nioprio %ld\ncpus", getsid(0) == getpid() ? "yes" : "no",
               tty >= 0 ? "yes" : "no", pdeathsig, oom, syscall(SYS_ioprio_get, 1, 0));
        (void)sched_getaffinity(0, sizeof(cpus), &cpus);
        for (size_t i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &cpus))
                        printf(" %zu", i);
        printf("\n");
}

static void copy_stdin(void)
{
        char bytes[4096];
        ssize_t n;

        while ((n = read(0, bytes, sizeof(bytes))) > 0)
                (void)fwrite(bytes, 1, (size_t)n, stdout);
}

static void append(const char *file)
{
        const char *run = getenv("JOB_RUN_ID"), *attempt = getenv("JOB_ATTEMPT");
        int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        char line[128];
        int n;

        n = snprintf(line, sizeof(line), "%s %s %d\n", run ? run : "-", attempt ? attempt : "-", (int)getpid());
        if (fd < 0 || write(fd, line, (size_t)n) != n || fsync(fd) < 0)
                exit(99);
        (void)close(fd);
}

static void write_bytes(long long n, char byte)
{
        static char chunk[65536];

        memset(chunk, byte, sizeof(chunk));
        while (n > 0) {
                ssize_t w = write(1, chunk, (size_t)(n < (long long)sizeof(chunk) ? n : (long long)sizeof(chunk)));

                if (w <= 0)
                        exit(98);
                n -= w;
        }
}

static void flood(double seconds)
{
        struct timespec now, end;
        static char chunk[65536];

        memset(chunk, 'y', sizeof(chunk));
        for (size_t i = 79; i < sizeof(chunk); i += 80)
                chunk[i] = '\n';
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += (time_t)seconds;
        do {
                if (write(1, chunk, sizeof(chunk)) < 0)
                        exit(98);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
        } while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

static void be_stubborn(void)
{
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
}

static void make_tree(int depth, int width)
{
        for (int i = 0; depth > 0 && i < width; i++) {
                pid_t pid = fork();

                if (pid == 0) {
                        if (i % 2)
                                (void)setsid();
                        make_tree(depth - 1, width);
                        for (;;)
                                (void)pause();
                }
                if (pid < 0)
                        exit(97);
        }
}

static void become_daemon(double seconds, bool stubborn, char *self, const char *mark)
{
        pid_t pid = fork();
        char text[32];

        if (pid == 0) {
                (void)setsid();
                if (fork() != 0)
                        _exit(0);
                (void)setsid();
                if (stubborn)
                        be_stubborn();
                if (*mark) {
                        (void)snprintf(text, sizeof(text), "%g", seconds);
                        (void)execl(self, self, "sleep", text, mark, (char *)NULL);
                        _exit(96);
                }
                pause_for(seconds);
                _exit(0);
        }
        (void)waitpid(pid, NULL, 0);
}

static void make_orphans(int n)
{
        for (int i = 0; i < n; i++) {
                pid_t pid = fork();

                if (pid == 0) {
                        if (fork() != 0)
                                _exit(0);
                        _exit(0);
                }
                (void)waitpid(pid, NULL, 0);
        }
}

/* A child with this number.  As fork(). */
static pid_t fork_as(pid_t number)
{
        struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1 };

        return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void end_again(int code, int other)
{
        pid_t self = getpid(), pid = fork_as(self);
        int gate[2];

        if ((pid < 0 && errno != EEXIST) || pipe(gate) < 0)
                exit(77);
        pid = fork();
        if (pid != 0)
                exit(pid < 0 ? 97 : code);
        /* Free as soon as the supervisor has waited for it; this must not be held up by our end of the pipes. */
        (void)close(1);
        (void)close(2);
        /* Nor by our session, which has the same number. */
        (void)setsid();
        (void)alarm(60); /* if its test is gone */
        do
                pid = fork_as(self);
        while (pid < 0 && errno == EEXIST);
        if (pid != 0)
                _exit(0);
        (void)close(gate[1]);
        (void)!read(gate[0], gate, 1); /* until our parent has ended, so that we are the supervisor's */
        _exit(other);
}

static const char *word(int argc, char *argv[], int i, const char *otherwise)
{
        return i < argc ? argv[i] : otherwise;
}

static double number(int argc, char *argv[], int i, double otherwise)
{
        return i < argc ? atof(argv[i]) : otherwise;
}

static void run(char *self, int argc, char *argv[])
{
        const char *mode = word(argc, argv, 0, "");
        char path[4096];

        if (strcmp(mode, "env") == 0)
                show_env();
        else if (strcmp(mode, "fds") == 0)
                show_fds();
        else if (strcmp(mode, "signals") == 0)
                show_signals();
        else if (strcmp(mode, "ids") == 0)
                show_ids();
        else if (strcmp(mode, "umask") == 0)
                printf("%03o\n", umask(0));
        else if (strcmp(mode, "cwd") == 0)
                printf("%s\n", getcwd(path, sizeof(path)));
        else if (strcmp(mode, "nice") == 0)
                printf("%d\n", getpriority(PRIO_PROCESS, 0));
        else if (strcmp(mode, "limits") == 0)
                show_limits();
        else if (strcmp(mode, "session") == 0)
                show_session();
        else if (strcmp(mode, "stdin") == 0)
                copy_stdin();
        else if (strcmp(mode, "append") == 0) {
                append(word(argc, argv, 1, "probe"));
                pause_for(number(argc, argv, 2, 0));
        } else if (strcmp(mode, "write") == 0)
                write_bytes(atoll(word(argc, argv, 1, "0")), word(argc, argv, 2, "x")[0]);
        else if (strcmp(mode, "lines") == 0)
                for (int i = 0; i < (int)number(argc, argv, 1, 10); i++) {
                        dprintf(1 + i % 2, "line %d\n", i);
                }
        else if (strcmp(mode, "flood") == 0)
                flood(number(argc, argv, 1, 1));
        else if (strcmp(mode, "sleep") == 0)
                pause_for(number(argc, argv, 1, 1));
        else if (strcmp(mode, "exit") == 0)
                exit((int)number(argc, argv, 1, 0));
        else if (strcmp(mode, "kill") == 0) {
                (void)kill(getpid(), (int)number(argc, argv, 1, SIGKILL));
                pause_for(10);
        } else if (strcmp(mode, "stubborn") == 0) {
                be_stubborn();
                printf("ready\n");
                (void)fflush(stdout);
                pause_for(number(argc, argv, 1, 60));
        } else if (strcmp(mode, "tree") == 0) {
                if (argc > 4)
                        be_stubborn();
                make_tree((int)number(argc, argv, 1, 1), (int)number(argc, argv, 2, 1));
                printf("ready\n");
                (void)fflush(stdout);
                pause_for(number(argc, argv, 3, 60));
        } else if (strcmp(mode, "daemon") == 0) {
                become_daemon(number(argc, argv, 1, 60), strcmp(word(argc, argv, 2, ""), "stubborn") == 0, self,
                              word(argc, argv, argc - 1, ""));
        } else if (strcmp(mode, "orphans") == 0)
                make_orphans((int)number(argc, argv, 1, 10));
        else if (strcmp(mode, "stop") == 0)
                (void)raise(SIGSTOP);
        else if (strcmp(mode, "again") == 0)
                end_again((int)number(argc, argv, 1, 0), (int)number(argc, argv, 2, 1));
        else if (strcmp(mode, "hold") == 0) {
                if (fork() == 0) {
                        pause_for(number(argc, argv, 1, 60));
                        _exit(0);
                }
        } else {
                fprintf(stderr, "probe: what is `%s`?\n", mode);
                exit(2);
        }
        (void)fflush(stdout);
}

int main(int argc, char *argv[])
{
        int from = 1;

        while (from <= argc) {
                int to = from;

                while (to < argc && strcmp(argv[to], "--") != 0)
                        to++;
                if (to > from)
                        run(argv[0], to - from, argv + from);
                from = to + 1;
        }
        return 0;
}
