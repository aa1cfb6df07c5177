#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "proto/json.h"
#include "tbl/commands.h"

/* A page of 1,000 runs or 64 KiB of a log is far under this; what is longer is no answer of ours. */
#define ANSWER_MAX ((size_t)64 << 20)
#define READ_SIZE ((size_t)64 << 10)
#define SEND_SIZE ((size_t)64 << 10) /* requests gather up to here; they go out when an answer is waited for */

struct message {
        int id;
        json_t *json;
        struct message *next;
};

struct client {
        int fd;
        int last_id;
        struct mono deadline;
        struct text out; /* requests that have not been sent */
        struct lines in;
        struct message *kept, **kept_end; /* came while another one was waited for, oldest first */
};

struct client *client_free(struct client *c)
{
        if (!c)
                return NULL;
        while (c->kept) {
                struct message *m = c->kept;

                c->kept = m->next;
                json_decref(m->json);
                free(m);
        }
        safe_close(c->fd);
        text_done(&c->out);
        lines_done(&c->in);
        free(c);
        return NULL;
}

/* sun_path holds 108 bytes, paths may be longer: then the folder is opened (*ret_dir), and named through /proc. */
static int fill_address(struct sockaddr_un *sa, const char *path, int *ret_dir)
{
        _cleanup_(freep) char *dir_copy = NULL, *base_copy = NULL;
        int n;

        if (strlen(path) < sizeof(sa->sun_path)) {
                (void)stpcpy(sa->sun_path, path);
                return 0;
        }
        dir_copy = strdup(path);
        base_copy = strdup(path);
        if (!dir_copy || !base_copy)
                return -ENOMEM;
        *ret_dir = open(dirname(dir_copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_dir < 0)
                return -errno;
        n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", *ret_dir, basename(base_copy));
        return n < 0 || (size_t)n >= sizeof(sa->sun_path) ? -ENAMETOOLONG : 0;
}

static int connect_path(const char *path)
{
        _cleanup_(closep) int dir = -1, fd = -1;
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int r = fill_address(&sa, path, &dir);

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                if (errno != EINTR)
                        return -errno;
        return TAKE_FD(fd);
}

int client_new(const char *path, struct client **ret, struct error *reterr)
{
        struct client *c;
        int fd = connect_path(path);

        if (fd == -ENOENT || fd == -ECONNREFUSED)
                return error_set(reterr, fd, ERROR_UNREACHABLE, "can't reach the daemon at %s: %s", path,
                                 fd == -ENOENT ? "no such socket; is jobschedd running?"
                                               : "nobody listens; is jobschedd running?");
        if (fd < 0)
                return error_set(reterr, fd, ERROR_UNREACHABLE, "can't reach the daemon at %s: %s", path,
                                 strerror(-fd));
        c = malloc(sizeof(*c));
        if (!c) {
                safe_close(fd);
                return -ENOMEM;
        }
        *c = (struct client){ .fd = fd, .deadline = MONO_NEVER };
        lines_init(&c->in, ANSWER_MAX);
        c->kept_end = &c->kept;
        *ret = c;
        return 0;
}

void client_set_deadline(struct client *c, struct mono deadline)
{
        c->deadline = deadline;
}

static int lost(struct error *reterr)
{
        return error_set(reterr, -ECONNRESET, ERROR_UNREACHABLE,
                         "the connection to the daemon was lost before its answer came");
}

/* What waits to be sent. */
static int flush(struct client *c, struct error *reterr)
{
        for (size_t done = 0; done < c->out.size;) {
                ssize_t n = send(c->fd, c->out.data + done, c->out.size - done, MSG_NOSIGNAL);

                if (n >= 0)
                        done += (size_t)n;
                else if (errno != EINTR)
                        return lost(reterr);
        }
        c->out.size = 0;
        return 0;
}

int client_send(struct client *c, const char *method, json_t *params, int *ret_id, struct error *reterr)
{
        _cleanup_(json_decrefp) json_t *stolen = params;
        size_t before = c->out.size;
        int id = ++c->last_id;

        json_request(&c->out, (uint64_t)id, method, stolen);
        if (c->out.failed)
                return error_set(reterr, -EINVAL, ERROR_INVALID, "an argument is not UTF-8 text");
        if (c->out.size - before > JSON_LINE_MAX) {
                c->out.size = before;
                return error_set(reterr, -E2BIG, ERROR_INVALID, "the request is over %d bytes", JSON_LINE_MAX);
        }
        *ret_id = id;
        return c->out.size > SEND_SIZE ? flush(c, reterr) : 0;
}

/* Milliseconds until the deadline, for poll(). */
static int wait_msec(const struct client *c)
{
        int64_t left;

        if (mono_is_never(c->deadline))
                return -1;
        left = c->deadline.usec - clock_mono().usec;
        return left <= 0 ? 0 : (int)MIN((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC, INT64_C(1000000));
}

/* Waits until there is something to read. */
static int wait_readable(const struct client *c, struct error *reterr)
{
        struct pollfd p = { .fd = c->fd, .events = POLLIN };

        for (;;) {
                int r = poll(&p, 1, wait_msec(c));

                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return lost(reterr);
                if (clock_mono().usec >= c->deadline.usec)
                        return error_set(reterr, -ETIMEDOUT, ERROR_UNREACHABLE, "the daemon does not answer");
        }
}

/* The next line, without its end; good until the next call. */
static int next_line(struct client *c, const char **ret, size_t *ret_size, struct error *reterr)
{
        for (;;) {
                char *space;
                size_t size;
                ssize_t n;
                int r = flush(c, reterr);

                if (r < 0)
                        return r;

                *ret = lines_next(&c->in, ret_size);
                if (*ret)
                        return 0;
                r = lines_space(&c->in, READ_SIZE, &space, &size);
                if (r < 0)
                        return error_set(reterr, -EPROTO, ERROR_FAILED, "an answer of over %zu MiB", ANSWER_MAX >> 20);
                if (!mono_is_never(c->deadline))
                        r = wait_readable(c, reterr);
                if (r < 0)
                        return r;
                n = recv(c->fd, space, size, 0);
                if (n > 0)
                        lines_add(&c->in, (size_t)n);
                else if (n == 0 || errno != EINTR)
                        return lost(reterr);
        }
}

static int garbage(struct error *reterr, const char *why)
{
        return error_set(reterr, -EPROTO, ERROR_FAILED,
                         "the answer makes no sense (%s); is it jobschedd that listens there?", why);
}

/* Which request a message is about: 0 for none. */
static int message_id(const json_t *m)
{
        const json_t *id = json_object_get(m, "id");

        if (!id)
                id = json_object_get(json_object_get(m, "params"), "call");
        return json_is_integer(id) && json_integer_value(id) > 0 && json_integer_value(id) <= INT32_MAX
                       ? (int)json_integer_value(id)
                       : 0;
}

/* Takes a message apart.  As client_receive(). */
static int open_message(const json_t *m, json_t **ret, struct error *reterr)
{
        const json_t *e = json_object_get(m, "error");
        json_t *result = json_object_get(m, "result"), *event = json_object_get(m, "params");
        struct error told = ERROR_NULL;

        if (json_object_get(m, "method") && json_is_object(event)) {
                *ret = json_incref(event);
                return 1;
        }
        if (json_is_object(result)) {
                *ret = json_incref(result);
                return 0;
        }
        if (!json_is_object(e))
                return garbage(reterr, "neither result nor error");
        json_error(e, &told);
        if (json_integer_value(json_object_get(e, "code")) == JSONRPC_METHOD)
                return error_set(reterr, -EOPNOTSUPP, ERROR_FAILED, "this daemon does not know that: %s", told.message);
        return error_set(reterr, -EREMOTEIO, told.code, "%s", told.message);
}

int client_receive(struct client *c, int id, json_t **ret, struct error *reterr)
{
        for (struct message **p = &c->kept; *p; p = &(*p)->next) {
                struct message *m = *p;
                int r;

                if (m->id != id)
                        continue;
                *p = m->next;
                if (!m->next)
                        c->kept_end = p;
                r = open_message(m->json, ret, reterr);
                json_decref(m->json);
                free(m);
                return r;
        }
        for (;;) {
                _cleanup_(json_decrefp) json_t *json = NULL;
                struct message *m;
                const char *line;
                size_t size, position;
                int r, about;

                r = next_line(c, &line, &size, reterr);
                if (r < 0)
                        return r;
                r = json_decode(line, size, 0, &json, &position, NULL);
                if (r == -ENOMEM)
                        return error_set(reterr, r, ERROR_FAILED, "out of memory");
                if (r < 0 || !json_is_object(json))
                        return garbage(reterr, "not a JSON object");
                about = message_id(json);
                /* An error without an id is about a line that the daemon could not read. */
                if (about == id || (about == 0 && json_object_get(json, "error")))
                        return open_message(json, ret, reterr);
                if (about <= 0 || about > c->last_id)
                        return garbage(reterr, "it answers what was not asked");
                m = malloc(sizeof(*m));
                if (!m)
                        return -ENOMEM;
                *m = (struct message){ .id = about, .json = TAKE_PTR(json) };
                *c->kept_end = m;
                c->kept_end = &m->next;
        }
}
