#include "tests/unit/control/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "log/log.h"
#include "proto/json.h"

#define TURNS_MAX 10000 /* of them all but the first hundred may wait a millisecond */
#define FDS_MAX   4096

struct harness h;
bool harness_hold_store, harness_quiet;

/* ---- the store */

struct row_list {
        struct run_info *v;
        size_t n, allocated;
};

static struct row_list rows;

struct question {
        struct question *next;
        void (*answer)(struct question *q);
        void (*offload)(void *arg);
        void (*done)(void *arg);
        void (*cb_list)(void *arg, struct run_list *list, const struct error *err);
        void (*cb_detail)(void *arg, struct run_detail *d, const struct error *err);
        void (*cb_file)(void *arg, const char *text, size_t size);
        void *arg;
        struct run_filter filter;
        char **names;
        size_t n_names;
        struct wall at;
        char *path;
};

static struct question *questions, **questions_last = &questions;
static char *file_text;

static struct question *new_question(void (*answer)(struct question *q), void *arg)
{
        struct question *q = calloc(1, sizeof(*q));

        q->answer = answer;
        q->arg = arg;
        *questions_last = q;
        questions_last = &q->next;
        return q;
}

static char **copy_names(const char *const *names, size_t n)
{
        char **v = calloc(n + 1, sizeof(*v));

        for (size_t i = 0; i < n; i++)
                v[i] = strdup(names[i]);
        return v;
}

static void free_question(struct question *q)
{
        for (size_t i = 0; i < q->n_names; i++)
                free(q->names[i]);
        free(q->names);
        free(q->path);
        free(q->filter.user);
        free(q);
}

size_t harness_store_waiting(void)
{
        size_t n = 0;

        for (const struct question *q = questions; q; q = q->next)
                n++;
        return n;
}

static void store_answer(void)
{
        struct question *q;

        /* Only those asked before: what an answer asks comes in the next turn, as from another thread. */
        for (size_t n = harness_hold_store ? 0 : harness_store_waiting(); n > 0; n--) {
                q = questions;
                questions = q->next;
                if (!questions)
                        questions_last = &questions;
                q->answer(q);
                free_question(q);
        }
}

static struct run_info copy_run(const struct run_info *r)
{
        struct run_info copy = *r;

        copy.job = strdup(r->job);
        copy.user = r->user ? strdup(r->user) : NULL;
        return copy;
}

static void free_run(struct run_info *r)
{
        free((char *)r->job);
        free((char *)r->user);
}

static void put_run(const struct run_info *r)
{
        struct run_info copy = copy_run(r);

        for (size_t i = 0; i < rows.n; i++)
                if (rows.v[i].id == r->id) {
                        free_run(&rows.v[i]);
                        rows.v[i] = copy;
                        return;
                }
        if (rows.n == rows.allocated) {
                rows.allocated = rows.allocated ? rows.allocated * 2 : 64;
                rows.v = reallocarray(rows.v, rows.allocated, sizeof(*rows.v));
        }
        rows.v[rows.n++] = copy;
}

void harness_history(const struct run_info *r)
{
        put_run(r);
}

static struct run_list *new_list(size_t n)
{
        struct run_list *l = calloc(1, sizeof(*l));

        l->v = calloc(n + 1, sizeof(*l->v));
        return l;
}

void run_list_free(struct run_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                free_run(&l->v[i]);
        free(l->v);
        free(l);
}

void run_detail_free(struct run_detail *d)
{
        if (d->run.id > 0)
                free_run(&d->run);
        free(d->transitions);
        free(d->definition);
        free(d);
}

static int newest_first(const void *a, const void *b)
{
        const struct run_info *x = a, *y = b;

        return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

static bool matches(const struct question *q, const struct run_info *r)
{
        const struct run_filter *f = &q->filter;
        bool found = q->n_names == 0;

        for (size_t i = 0; i < q->n_names; i++)
                found |= fnmatch(q->names[i], r->job, 0) == 0;
        if (f->user && (!r->user || strcmp(f->user, r->user) != 0))
                return false;
        return found && (f->before == 0 || r->id < f->before) && (f->states == 0 || (f->states & RUN_BIT(r->state))) &&
               (f->trigger < 0 || f->trigger == (int)r->trigger);
}

static void answer_runs(struct question *q)
{
        struct run_list *l = new_list(q->filter.limit);

        if (rows.n > 0)
                qsort(rows.v, rows.n, sizeof(*rows.v), newest_first);
        for (size_t i = 0; i < rows.n; i++) {
                if (!matches(q, &rows.v[i]))
                        continue;
                if (l->n == q->filter.limit) {
                        l->more = true;
                        break;
                }
                l->v[l->n++] = copy_run(&rows.v[i]);
        }
        q->cb_list(q->arg, l, NULL);
}

int store_query_runs(struct store *s, const struct run_filter *filter,
                     void (*cb)(void *, struct run_list *, const struct error *), void *arg)
{
        struct question *q = new_question(answer_runs, arg);
        size_t n = 0;

        while (filter->jobs && filter->jobs[n])
                n++;
        q->filter = *filter;
        q->filter.user = filter->user ? strdup(filter->user) : NULL;
        q->names = copy_names((const char *const *)filter->jobs, n);
        q->n_names = n;
        q->cb_list = cb;
        return 0;
}

static void answer_run(struct question *q)
{
        struct run_detail *d = calloc(1, sizeof(*d));

        for (size_t i = 0; i < rows.n; i++)
                if (rows.v[i].id == q->filter.run) {
                        d->run = copy_run(&rows.v[i]);
                        d->definition = strdup("{\"jobs\":{\"a\":{\"command\":\"true\"}}}");
                }
        q->cb_detail(q->arg, d, NULL);
}

int store_query_run(struct store *s, uint64_t run, void (*cb)(void *, struct run_detail *, const struct error *),
                    void *arg)
{
        struct question *q = new_question(answer_run, arg);

        q->filter.run = run;
        q->cb_detail = cb;
        return 0;
}

static void answer_last(struct question *q)
{
        struct run_list *l = new_list(q->n_names);

        l->n = q->n_names;
        for (size_t i = 0; i < l->n; i++) {
                const struct run_info *found = NULL;

                for (size_t k = 0; k < rows.n; k++)
                        if (strcmp(rows.v[k].job, q->names[i]) == 0 && run_state_ends(rows.v[k].state) &&
                            (!found || rows.v[k].id > found->id))
                                found = &rows.v[k];
                if (found)
                        l->v[i] = copy_run(found);
        }
        q->cb_list(q->arg, l, NULL);
}

int store_query_last(struct store *s, const char *const *names, size_t n,
                     void (*cb)(void *, struct run_list *, const struct error *), void *arg)
{
        struct question *q = new_question(answer_last, arg);

        q->names = copy_names(names, n);
        q->n_names = n;
        q->cb_list = cb;
        return 0;
}

static void answer_instant(struct question *q)
{
        struct run_list *l = new_list(rows.n);

        for (size_t i = 0; i < rows.n; i++)
                if (strcmp(rows.v[i].job, q->names[0]) == 0)
                        l->v[l->n++] = copy_run(&rows.v[i]);
        q->cb_list(q->arg, l, NULL);
}

int store_query_instant(struct store *s, const char *job, struct wall at,
                        void (*cb)(void *, struct run_list *, const struct error *), void *arg)
{
        struct question *q = new_question(answer_instant, arg);

        q->names = copy_names(&job, 1);
        q->n_names = 1;
        q->at = at;
        q->cb_list = cb;
        return 0;
}

static void answer_offload(struct question *q)
{
        q->offload(q->arg);
        q->done(q->arg);
}

int store_offload(struct store *s, void (*fn)(void *), void (*done)(void *), void *arg)
{
        struct question *q = new_question(answer_offload, arg);

        q->offload = fn;
        q->done = done;
        return 0;
}

static void answer_file(struct question *q)
{
        q->cb_file(q->arg, file_text, file_text ? strlen(file_text) : 0);
}

int store_query_file(struct store *s, const char *path, void (*cb)(void *, const char *, size_t), void *arg)
{
        struct question *q = new_question(answer_file, arg);

        q->path = strdup(path);
        q->cb_file = cb;
        return 0;
}

/* ---- runner, folder, log */

int runner_signal(struct runner *r, uint64_t run, uint32_t start, int signal)
{
        h.last_signal = signal;
        h.signalled = run;
        return 0;
}

int runner_pid(const struct runner *r)
{
        return 4242;
}

static struct diagnostic bad_error = { .line = 3,
                                       .column = 5,
                                       .key = (char *)"schedul",
                                       .message = (char *)"unknown key `schedul`",
                                       .hint = (char *)"did you mean `schedule`?" };
static const struct diagnostics bad_errors = { .v = &bad_error, .n = 1 }, no_errors;

size_t folder_files(const struct folder *f)
{
        return 2000;
}

size_t folder_broken(const struct folder *f)
{
        return 2;
}

/* Files f0000.yaml … f1999.yaml; 7 is stale, 1500 has never been good, 700 has a warning. */
bool folder_file_at(const struct folder *f, size_t i, struct folder_file *ret)
{
        static char path[64];

        if (i >= 2000)
                return false;
        snprintf(path, sizeof(path), "/etc/jobs.d/f%04zu.yaml", i);
        *ret = (struct folder_file){
                .path = path, .since = WALL_SEC(1000), .n_jobs = 1, .errors = &no_errors, .warnings = &no_errors
        };
        if (i == 7 || i == 1500) {
                ret->state = i == 7 ? FOLDER_FILE_STALE : FOLDER_FILE_ERROR;
                ret->errors = &bad_errors;
        }
        if (i == 700)
                ret->warnings = &bad_errors;
        return true;
}

void log_message(int level, const char *fmt, ...)
{
        char line[1024];
        va_list ap;

        if (harness_quiet)
                return;
        va_start(ap, fmt);
        vsnprintf(line, sizeof(line), fmt, ap);
        va_end(ap);
        printf("# log: %s\n", line);
}

/* ---- a shell in miniature: each event is stepped, its rows are durable at once */

static struct actions actions;

struct queued {
        struct event event;
        char *job, *why;
        struct queued *next;
};

static struct queued *queue, **queue_last = &queue;

static void step(struct event *ev);

static void apply(void)
{
        struct actions list = actions;
        uint64_t seq = 0;

        actions = (struct actions){ 0 };
        for (size_t i = 0; i < list.n; i++) {
                const struct action *a = &list.v[i];

                if (a->type == ACTION_ROW) {
                        seq = a->seq;
                        if (a->row.type == ROW_RUN)
                                put_run(&a->row.run);
                } else if (a->type == ACTION_REPLY)
                        control_reply(h.control, a->reply.command, a->reply.code, a->reply.message, a->reply.run,
                                      a->reply.durable);
                else if (a->type == ACTION_PUBLISH)
                        control_publish(h.control, &a->publish);
        }
        actions_done(&list);
        if (seq > 0) {
                struct event stored = { .type = EVENT_STORED, .stored = { .seq = seq } };

                step(&stored);
        }
}

static int64_t passed_usec;

static void step(struct event *ev)
{
        ev->wall = wall_add(clock_wall(), passed_usec);
        ev->mono = mono_add(clock_mono(), passed_usec);
        engine_step(h.ctx.engine, ev, &actions);
        apply();
}

void harness_step(void)
{
        struct queued *q;

        while ((q = queue)) {
                queue = q->next;
                if (!queue)
                        queue_last = &queue;
                step(&q->event);
                free(q->job);
                free(q->why);
                free(q);
        }
}

static void on_command(void *arg, const struct command *c)
{
        struct queued *q = calloc(1, sizeof(*q));

        h.commands++;
        q->job = c->job ? strdup(c->job) : NULL;
        q->why = c->why ? strdup(c->why) : NULL;
        q->event = (struct event){ .type = EVENT_COMMAND, .command = *c };
        q->event.command.job = q->job;
        q->event.command.why = q->why;
        *queue_last = q;
        queue_last = &q->next;
}

static void on_reload(void *arg)
{
        h.reloads++;
}

void harness_reloaded(void)
{
        control_reloaded(h.control);
}

void harness_tick(int64_t usec)
{
        struct event ev = { .type = EVENT_TICK };

        passed_usec += usec;
        step(&ev);
}

void harness_started(uint64_t run, uint32_t start)
{
        struct event ev = { .type = EVENT_STARTED, .attempt = { .run = run, .start = start, .at = clock_wall() } };

        step(&ev);
}

void harness_exited(uint64_t run, uint32_t start, int wait_status)
{
        struct event ev = { .type = EVENT_EXITED,
                            .attempt = { .run = run,
                                         .start = start,
                                         .at = clock_wall(),
                                         .began = WALL_NEVER,
                                         .wait_status = wait_status } };

        step(&ev);
}

static const struct tz *find_zone(void *arg, const char *name)
{
        return strcmp(name, "UTC") == 0 ? tz_utc() : NULL;
}

void harness_jobs(const char *yaml, const char *path, uint32_t uid)
{
        struct zone_source zones = { .find = find_zone, .local = tz_utc() };
        struct jobfile_options opt = { .zones = &zones, .now = clock_wall() };
        struct job_source *source = job_source_new(NULL, path, uid);
        struct event ev = { .type = EVENT_CONFIG };
        struct jobfile f;

        if (jobfile_parse(yaml, strlen(yaml), source, &opt, &f) < 0) {
                printf("Bail out! %s\n", f.errors.n > 0 ? f.errors.v[0].message : "?");
                exit(1);
        }
        ev.config.put = f.jobs;
        ev.config.n_put = f.n_jobs;
        step(&ev);
        jobfile_done(&f);
        job_source_unref(source);
        free(file_text);
        file_text = strdup(yaml);
}

void harness_remove(const char *job)
{
        struct event ev = { .type = EVENT_CONFIG, .config = { .removed = &job, .n_removed = 1 } };

        step(&ev);
}

void harness_many(unsigned n, const char *schedule)
{
        struct text t = { 0 };

        text_puts(&t, "jobs:\n");
        for (unsigned i = 0; i < n; i++)
                text_printf(&t, "  j%05u: {schedule: \"%s\", command: \"true\"}\n", i, schedule);
        text_add(&t, "", 1);
        harness_jobs(t.data, "/etc/jobs.d/many.yaml", 0);
        text_done(&t);
}

/* What was read of a line so far, by descriptor. */
static struct partial {
        char *data;
        size_t size, allocated;
} partials[FDS_MAX];

static void partial_done(struct partial *p)
{
        free(p->data);
        *p = (struct partial){ 0 };
}

static void begin_engine(void)
{
        struct engine_options opt = {
                .max_running = 1000, .max_starting = 100, .seed = 1, .next_run = 1, .next_job = 1, .next_seq = 1
        };
        struct event ev = { .type = EVENT_LOADED };

        if (engine_new(&opt, &h.ctx.engine) < 0)
                abort();
        engine_step(h.ctx.engine, &ev, &actions);
}

void harness_start(void)
{
        const char *tmp = getenv("TMPDIR");
        struct error err = ERROR_NULL;

        memset(&h, 0, sizeof(h));
        passed_usec = 0;
        config_init(&h.config);
        snprintf(h.dir, sizeof(h.dir), "%.30s/control-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(h.dir))
                abort();
        (void)chmod(h.dir, 0755);
        snprintf(h.socket, sizeof(h.socket), "%s/control.sock", h.dir);
        h.ctx = (struct control_context){ .loop = ev_loop_new(0),
                                          .config = &h.config,
                                          .zone = tz_utc(),
                                          .log_dir = h.dir,
                                          .socket_path = h.socket,
                                          .own_uid = geteuid(),
                                          .private_daemon = true,
                                          .command = on_command,
                                          .reload = on_reload,
                                          .started = clock_wall() };
        begin_engine();
        if (control_new(&h.ctx, -1, &h.control, &err) < 0) {
                printf("Bail out! %s\n", err.message);
                exit(1);
        }
        apply();
}

void harness_restart(void)
{
        struct error err = ERROR_NULL;

        h.control = control_free(h.control);
        if (control_new(&h.ctx, -1, &h.control, &err) < 0) {
                printf("Bail out! %s\n", err.message);
                exit(1);
        }
}

void harness_stop(void)
{
        char command[128];

        h.control = control_free(h.control);
        harness_hold_store = false;
        while (questions)
                store_answer(); /* they find nobody */
        h.ctx.engine = engine_free(h.ctx.engine);
        while (queue) {
                struct queued *q = queue;

                queue = q->next;
                free(q->job);
                free(q->why);
                free(q);
        }
        queue_last = &queue;
        actions_done(&actions);
        for (size_t i = 0; i < rows.n; i++)
                free_run(&rows.v[i]);
        free(rows.v);
        rows = (struct row_list){ 0 };
        free(file_text);
        file_text = NULL;
        for (unsigned i = 0; i < FDS_MAX; i++)
                partial_done(&partials[i]);
        config_done(&h.config);
        ev_loop_destroy(h.ctx.loop);
        snprintf(command, sizeof(command), "rm -rf '%s'", h.dir);
        if (system(command) != 0)
                printf("# %s failed\n", command);
}

/* ---- clients */

void turn(void)
{
        if (!h.hold_replies)
                harness_step();
        store_answer();
        ev_run(h.ctx.loop, EVRUN_NOWAIT);
}

void settle(void)
{
        for (unsigned i = 0; i < 10; i++)
                turn();
}

int client(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", h.socket);
        if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
                close(fd);
                return -1;
        }
        partial_done(&partials[fd]); /* of another, with the same number */
        return fd;
}

int client_as(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
        int fd;

        if (setgroups(n, groups) < 0 || setegid(gid) < 0 || seteuid(uid) < 0)
                abort();
        fd = client();
        if (seteuid(0) < 0 || setegid(0) < 0 || setgroups(0, NULL) < 0)
                abort();
        return fd;
}

void client_send(int fd, const char *text)
{
        size_t size = strlen(text);

        for (unsigned i = 0; size > 0 && i < TURNS_MAX; i++) {
                ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        return;
                if (n > 0) {
                        text += n;
                        size -= (size_t)n;
                }
                if (size > 0)
                        turn();
        }
}

static void partial_add(struct partial *p, const char *data, size_t size)
{
        if (p->size + size > p->allocated) {
                p->allocated = 2 * (p->size + size);
                p->data = realloc(p->data, p->allocated);
        }
        memcpy(p->data + p->size, data, size);
        p->size += size;
}

static json_t *partial_line(struct partial *p)
{
        char *newline = p->size > 0 ? memchr(p->data, '\n', p->size) : NULL;
        size_t size;
        json_t *v;

        if (!newline)
                return NULL;
        size = (size_t)(newline - p->data);
        v = json_loadb(p->data, size, 0, NULL);
        if (!v)
                printf("# not JSON: %.*s\n", (int)MIN(size, (size_t)300), p->data);
        p->size -= size + 1;
        memmove(p->data, newline + 1, p->size);
        return v ? v : json_null();
}

json_t *client_read(int fd)
{
        struct partial *p = &partials[fd];

        for (unsigned i = 0; i < TURNS_MAX; i++) {
                json_t *v = partial_line(p);
                char buf[65536];
                ssize_t n;

                if (v)
                        return v;
                turn();
                if (i > 100)
                        (void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 1);
                n = recv(fd, buf, sizeof(buf), 0);
                if (n == 0 || (n < 0 && errno != EAGAIN))
                        return NULL;
                if (n > 0)
                        partial_add(p, buf, (size_t)n);
        }
        return NULL;
}

json_t *ask(int fd, const char *line)
{
        client_send(fd, line);
        client_send(fd, "\n");
        return client_read(fd);
}

const char *ask_code(int fd, const char *line)
{
        static char code[64];
        json_t *v = ask(fd, line);
        const char *s = at_string(v, "error.data.code");

        snprintf(code, sizeof(code), "%s", !v ? "closed" : s ? s : "");
        json_decref(v);
        return code;
}

bool client_closed(int fd)
{
        char byte;

        for (unsigned i = 0; i < 100; i++) {
                ssize_t n;

                turn();
                n = recv(fd, &byte, 1, MSG_PEEK);
                if (n == 0 || (n < 0 && errno != EAGAIN))
                        return true;
        }
        return false;
}

json_t *at(json_t *v, const char *path)
{
        while (v && *path) {
                char key[64];
                size_t n = strcspn(path, ".");

                snprintf(key, sizeof(key), "%.*s", (int)n, path);
                v = json_is_array(v) ? json_array_get(v, (size_t)atoi(key)) : json_object_get(v, key);
                path += n + (path[n] == '.');
        }
        return v;
}

const char *at_string(json_t *v, const char *path)
{
        return json_string_value(at(v, path));
}

size_t open_descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}
