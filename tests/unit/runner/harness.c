#include "harness.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static void die(const char *what)
{
        printf("Bail out! %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static char *__attribute__((format(printf, 1, 2))) format(const char *fmt, ...)
{
        va_list ap;
        char *text;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        va_end(ap);
        return text;
}

static const char *builddir(void)
{
        static char absolute[4096];
        const char *dir = getenv("top_builddir");

        if (!realpath(dir ? dir : ".", absolute))
                die("top_builddir");
        return absolute;
}

char harness_probe_path[128];

static void copy_probe(const char *dir)
{
        _cleanup_(freep) char *from = format("%s/tests/lib/probe", builddir());
        _cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        char chunk[65536];
        ssize_t n;

        (void)snprintf(harness_probe_path, sizeof(harness_probe_path), "%s/probe", dir);
        out = open(harness_probe_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        if (in < 0 || out < 0)
                die(from);
        while ((n = read(in, chunk, sizeof(chunk))) > 0)
                if (write_all(out, chunk, (size_t)n) < 0)
                        die(harness_probe_path);
        if (fchmod(out, 0755) < 0)
                die(harness_probe_path);
}

void harness_make(struct harness *h)
{
        const char *tmp = getenv("TMPDIR");

        *h = (struct harness){ .own_user_only = geteuid() != 0 };
        (void)snprintf(h->dir, sizeof(h->dir), "%s/js-runner-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
        if (!mkdtemp(h->dir) || chmod(h->dir, 0755) < 0)
                die(h->dir);
        (void)snprintf(h->boot, sizeof(h->boot), "this-boot");
        h->loop = ev_default_loop(0);
        h->runs_fd = -1;
        copy_probe(h->dir);
}

static void on_event(void *arg, const struct event *ev)
{
        struct harness *h = arg;

        h->events = reallocarray(h->events, h->n_events + 1, sizeof(*h->events));
        if (!h->events)
                abort();
        h->events[h->n_events++] = *ev;
}

void harness_up(struct harness *h)
{
        _cleanup_(freep) char *program = format("%s/jobsched-runner", builddir());
        _cleanup_(freep) char *runs = format("%s/runs", h->dir);
        _cleanup_(freep) char *logs = format("%s/log", h->dir);
        _cleanup_(freep) char *socket = format("%s/control.sock", h->dir);
        struct error error = ERROR_NULL;
        struct runner_options opt = {
                .program = h->program ? h->program : program,
                .runs_dir = runs,
                .log_dir = logs,
                .control_socket = socket,
                .boot = h->boot,
                .language = "C.UTF-8",
                .system_zone = "Europe/Berlin",
                .own_user_only = h->own_user_only,
                .shutdown_grace_usec = 10 * USEC_PER_SEC,
                .event = on_event,
                .arg = h,
        };

        if (runner_new(h->loop, &opt, &h->runner, &error) < 0)
                die(error.message);
        h->runs_fd = safe_close(h->runs_fd);
        h->runs_fd = open(runs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (h->runs_fd < 0)
                die(runs);
}

void harness_down(struct harness *h)
{
        h->runner = runner_free(h->runner);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

void harness_free(struct harness *h)
{
        harness_down(h);
        safe_close(h->runs_fd);
        (void)nftw(h->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(h->events);
        *h = (struct harness){ .runs_fd = -1 };
}

static struct job *make_job(const char *first, const char *word, va_list ap)
{
        struct job *j = job_new();
        size_t n = 0;

        if (!j)
                abort();
        j->name = strdup("test");
        j->command_is_argv = true;
        j->command = calloc(16, sizeof(char *));
        if (first)
                j->command[n++] = strdup(first);
        for (; word && n < 15; word = va_arg(ap, const char *))
                j->command[n++] = strdup(word);
        return j;
}

struct job *harness_job(const char *word, ...)
{
        struct job *j;
        va_list ap;

        va_start(ap, word);
        j = make_job(NULL, word, ap);
        va_end(ap);
        return j;
}

struct job *harness_shell(const char *fmt, ...)
{
        struct job *j = job_new();
        va_list ap;

        if (!j)
                abort();
        j->name = strdup("test");
        j->command = calloc(2, sizeof(char *));
        va_start(ap, fmt);
        if (vasprintf(&j->command[0], fmt, ap) < 0)
                abort();
        va_end(ap);
        return j;
}

struct job *harness_probe(const char *word, ...)
{
        struct job *j;
        va_list ap;

        va_start(ap, word);
        j = make_job(harness_probe_path, word, ap);
        va_end(ap);
        return j;
}

void harness_start(struct harness *h, uint64_t run, uint32_t start, const struct job *job)
{
        struct run_info info = {
                .id = run,
                .start = start,
                .job = job->name,
                .trigger = TRIGGER_SCHEDULE,
                .scheduled_at = WALL_SEC(1774746000), /* 2026-03-29T01:00:00Z */
        };

        runner_start(h->runner, &info, job, start, WALL_SEC(1774659600), job->policy->timeout_usec, h->timeout_is_total);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
        *(bool *)w->data = true;
}

bool harness_until(struct harness *h, bool (*fn)(void *arg), void *arg)
{
        bool over = false;
        ev_timer timer;

        ev_timer_init(&timer, on_deadline, DEADLINE, 0);
        timer.data = &over;
        ev_now_update(h->loop);
        ev_timer_start(h->loop, &timer);
        while (!over && !fn(arg))
                (void)ev_run(h->loop, EVRUN_ONCE);
        ev_timer_stop(h->loop, &timer);
        return !over;
}

struct wanted {
        struct harness *h;
        uint64_t run;
        uint32_t start;
        int type; /* -1: any end */
        const struct event *found;
};

static bool is_end(enum event_type type)
{
        return type == EVENT_EXITED || type == EVENT_START_FAILED || type == EVENT_LOST;
}

static bool find_event(void *arg)
{
        struct wanted *w = arg;

        for (size_t i = 0; i < w->h->n_events; i++) {
                const struct event *ev = &w->h->events[i];

                if (ev->attempt.run == w->run && ev->attempt.start == w->start &&
                    (w->type < 0 ? is_end(ev->type) : (int)ev->type == w->type)) {
                        w->found = ev;
                        return true;
                }
        }
        return false;
}

const struct event *harness_wait(struct harness *h, uint64_t run, uint32_t start, enum event_type type)
{
        struct wanted w = { h, run, start, (int)type, NULL };

        return harness_until(h, find_event, &w) ? w.found : NULL;
}

const struct event *harness_end(struct harness *h, uint64_t run, uint32_t start)
{
        struct wanted w = { h, run, start, -1, NULL };

        return harness_until(h, find_event, &w) ? w.found : NULL;
}

size_t harness_count(const struct harness *h, uint64_t run, uint32_t start, enum event_type type)
{
        size_t n = 0;

        for (size_t i = 0; i < h->n_events; i++)
                n += h->events[i].type == type && h->events[i].attempt.run == run &&
                     h->events[i].attempt.start == start;
        return n;
}

const struct event *harness_run(struct harness *h, uint64_t run, const struct job *job)
{
        harness_start(h, run, 1, job);
        return harness_end(h, run, 1);
}

const struct event *harness_run_text(struct harness *h, uint64_t run, const struct job *job, char **ret_text)
{
        const struct event *ev = harness_run(h, run, job);

        *ret_text = harness_text(h, job->name, run, 1, "stdout", NULL);
        return ev;
}

bool exited_with(const struct event *ev, int code)
{
        bool good = ev && ev->type == EVENT_EXITED && WIFEXITED(ev->attempt.wait_status) &&
                    WEXITSTATUS(ev->attempt.wait_status) == code;

        if (!good && ev)
                diag("event %d, status %x, stage %d, error %d, reason %d", ev->type, (unsigned)ev->attempt.wait_status,
                     ev->attempt.stage, ev->attempt.error, ev->attempt.reason);
        return good;
}

bool killed_by(const struct event *ev, int signal)
{
        bool good = ev && ev->type == EVENT_EXITED && WIFSIGNALED(ev->attempt.wait_status) &&
                    WTERMSIG(ev->attempt.wait_status) == signal;

        if (!good && ev)
                diag("event %d, status %x, stage %d, error %d, reason %d", ev->type, (unsigned)ev->attempt.wait_status,
                     ev->attempt.stage, ev->attempt.error, ev->attempt.reason);
        return good;
}

bool failed_at(const struct event *ev, enum spawn_stage stage, int error, bool fault)
{
        bool good = ev && ev->type == EVENT_START_FAILED && ev->attempt.stage == stage && ev->attempt.error == error &&
                    ev->attempt.fault == fault;

        if (!good && ev)
                diag("event %d, status %x, stage %s, error %d, fault %d", ev->type, (unsigned)ev->attempt.wait_status,
                     spawn_stage_name(ev->attempt.stage), ev->attempt.error, ev->attempt.fault);
        return good;
}

static char *read_all(const char *path, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        char *text;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return NULL;
        text = malloc((size_t)st.st_size + 1);
        n = read_full(fd, text, (size_t)st.st_size);
        if (n < 0)
                abort();
        text[n] = 0;
        if (ret_size)
                *ret_size = (size_t)n;
        return text;
}

char *harness_log(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *suffix,
                  size_t *ret_size)
{
        _cleanup_(freep) char *path =
                format("%s/log/%s/%llu.%u.log%s", h->dir, job, (unsigned long long)run, start, suffix);

        return read_all(path, ret_size);
}

static size_t take_entries(const char *log, size_t size, const char *stream, char *to)
{
        const char *end = log + size;
        size_t n = 0;

        while (log < end) {
                const char *line_end = memchr(log, '\n', (size_t)(end - log));
                const char *name = strchr(log, ' '), *tag, *text;

                if (!line_end || !name)
                        return n;
                name++;
                tag = strchr(name, ' ') + 1;
                text = tag + 2;
                if (!stream || strncmp(name, stream, strlen(stream)) == 0) {
                        memcpy(to + n, text, (size_t)(line_end - text));
                        n += (size_t)(line_end - text);
                        if (*tag == 'F')
                                to[n++] = '\n';
                }
                log = line_end + 1;
        }
        return n;
}

char *harness_text(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *stream,
                   size_t *ret_size)
{
        static const char *const suffixes[] = { "", ".1", ".2" };
        char *text = calloc(1, 1);
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                size_t size = 0;
                _cleanup_(freep) char *log = harness_log(h, job, run, start, suffixes[i], &size);

                if (!log)
                        continue;
                text = realloc(text, n + size + 1);
                if (!text)
                        abort();
                n += take_entries(log, size, stream, text + n);
        }
        text[n] = 0;
        if (ret_size)
                *ret_size = n;
        return text;
}

bool harness_wait_text(struct harness *h, const char *job, uint64_t run, uint32_t start, const char *text)
{
        /* A file has no event that libev could wait for everywhere; a supervisor writes within moments. */
        for (int i = 0; i < (int)(DEADLINE * 200); i++) {
                size_t size;
                _cleanup_(freep) char *log = harness_log(h, job, run, start, "", &size);

                if (log && memmem(log, size, text, strlen(text)))
                        return true;
                (void)ev_run(h->loop, EVRUN_NOWAIT);
                (void)usleep(5000);
        }
        return false;
}

bool harness_record(struct harness *h, uint64_t run, uint32_t start, struct record *ret)
{
        _cleanup_(closep) int fd = recordio_open(h->runs_fd, run, start, O_RDONLY);

        return fd >= 0 && recordio_read(fd, ret) == 0;
}

bool harness_has_folder(const struct harness *h, uint64_t run, uint32_t start)
{
        char name[ATTEMPT_NAME_SIZE];

        attempt_name(run, start, name);
        return faccessat(h->runs_fd, name, F_OK, 0) == 0;
}

const char *harness_file(const struct harness *h, const char *name, const void *data, size_t size, unsigned mode)
{
        static char path[256];
        _cleanup_(closep) int fd = -1;

        (void)snprintf(path, sizeof(path), "%s/%s", h->dir, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write_all(fd, data, size) < 0 || fchmod(fd, mode) < 0)
                die(path);
        return path;
}

size_t harness_lines(const struct harness *h, const char *name, const char *prefix)
{
        _cleanup_(freep) char *path = format("%s/%s", h->dir, name), *text = read_all(path, NULL);
        size_t n = 0;

        for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                n += strncmp(line, prefix, strlen(prefix)) == 0;
        return n;
}

size_t harness_processes(const char *mark, pid_t *ret_first)
{
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        size_t n = 0;

        while (proc && (entry = readdir(proc))) {
                _cleanup_(freep) char *path = NULL, *text = NULL;
                _cleanup_(closep) int fd = -1;
                ssize_t size;

                if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid())
                        continue;
                path = format("/proc/%s/cmdline", entry->d_name);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                text = malloc(65536);
                size = fd >= 0 ? read(fd, text, 65536) : -1;
                if (size <= 0 || !memmem(text, (size_t)size, mark, strlen(mark)))
                        continue;
                if (n++ == 0 && ret_first)
                        *ret_first = (pid_t)atoi(entry->d_name);
        }
        if (proc)
                (void)closedir(proc);
        return n;
}

bool harness_wait_processes(struct harness *h, const char *mark, size_t n)
{
        size_t found = 0;

        for (int i = 0; i < (int)(DEADLINE * 100); i++) {
                found = harness_processes(mark, NULL);
                if (found == n)
                        return true;
                (void)ev_run(h->loop, EVRUN_NOWAIT);
                (void)usleep(10000);
        }
        diag("%zu processes instead of %zu", found, n);
        return false;
}
