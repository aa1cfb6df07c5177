/* Clients that ask too much: too long, too many, too slow, not reading. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "control/private.h"
#include "tests/lib/tap.h"
#include "tests/unit/control/harness.h"

#define ASK_VERSION "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}"

static void test_long_line(void)
{
        char *line = malloc(2 * 1024 * 1024 + 1);
        json_t *v;
        int fd;

        harness_start();
        fd = client();
        memset(line, 'x', 2 * 1024 * 1024);
        line[2 * 1024 * 1024] = '\0';
        client_send(fd, line);
        client_send(fd, "\n" ASK_VERSION "\n");
        v = client_read(fd);
        is_str(at_string(v, "error.data.code"), "invalid", "a line of 2 MiB is refused");
        is_int(json_integer_value(at(v, "error.data.position")), 1024 * 1024, "at 1 MiB");
        json_decref(v);
        v = client_read(fd);
        ok(at_string(v, "result.version"), "and the next one is read");
        json_decref(v);
        /* Just within: whitespace is fine, and so is its length. */
        memset(line, ' ', 1024 * 1024);
        memcpy(line, ASK_VERSION, strlen(ASK_VERSION));
        line[1024 * 1024 - 1] = '\0';
        is_str(ask_code(fd, line), "", "a line of 1 MiB is read");
        close(fd);
        free(line);
        harness_stop();
}

static void test_half_line(void)
{
        int fd, other;
        json_t *v;

        harness_start();
        fd = client();
        other = client();
        client_send(fd, "{\"jsonrpc\":");
        is_str(ask_code(other, ASK_VERSION), "", "half a line holds up nobody else");
        ok(!client_closed(fd), "for a while it is waited for");
        client_send(fd, "\"2.0\",\"id\":1,\"method\":\"system.version\"}\n");
        v = client_read(fd);
        ok(at_string(v, "result.version"), "when it is whole it is answered");
        json_decref(v);

        h.control->partial_sec = 0.05;
        client_send(fd, "{");
        settle();
        /* More of it does not buy more time. */
        for (struct mono begin = clock_mono(); clock_mono().usec - begin.usec < 5 * USEC_PER_SEC && !client_closed(fd);)
                client_send(fd, " ");
        ok(client_closed(fd), "a line that does not end closes the connection");
        is_str(ask_code(other, ASK_VERSION), "", "those between two lines have all the time there is");
        settle();
        ok(!client_closed(other), "and stay");
        close(fd);
        close(other);
        harness_stop();
}

static void test_connections(void)
{
        int fds[300], extra;
        unsigned served = 0, refused = 0;
        size_t before;

        harness_start();
        before = open_descriptors();
        for (unsigned i = 0; i < 300; i++) {
                fds[i] = client();
                client_send(fds[i], ASK_VERSION "\n");
                settle();
        }
        for (unsigned i = 0; i < 300; i++) {
                json_t *v = client_read(fds[i]);

                served += at_string(v, "result.version") != NULL;
                refused += streq_ptr(at_string(v, "error.data.code"), "busy");
                json_decref(v);
        }
        is_int(served, 256, "256 connections are served");
        is_int(refused, 44, "the others are told");
        ok(client_closed(fds[299]), "and closed");
        close(fds[0]);
        settle();
        extra = client();
        is_str(ask_code(extra, ASK_VERSION), "", "where one goes there is a place");
        close(extra);
        for (unsigned i = 1; i < 300; i++)
                close(fds[i]);
        settle();
        settle();
        settle();
        for (unsigned i = 0; i < 100; i++)
                turn();
        is_int(open_descriptors(), before, "no descriptor is left");
        harness_stop();
}

/* 32 of one user, 16 of all kept for root. */
static void test_users(void)
{
        int fds[400], root, n = 0;
        unsigned served = 0;
        bool all = true;

        if (geteuid() != 0) {
                tap_skip("connections of other users", "needs root");
                return;
        }
        harness_start();
        h.ctx.private_daemon = false;
        control_update(h.control, &h.ctx);
        for (unsigned i = 0; i < 40; i++) {
                fds[n] = client_as(61001, 61001, NULL, 0);
                served += streq(ask_code(fds[n++], ASK_VERSION), "");
        }
        is_int(served, 32, "32 connections of one user");
        for (uid_t uid = 61002; uid < 61010; uid++)
                for (unsigned i = 0; i < 32; i++)
                        fds[n++] = client_as(uid, uid, NULL, 0);
        served = 0;
        for (int i = 40; i < n; i++)
                served += streq(ask_code(fds[i], ASK_VERSION), "");
        is_int(served, 240 - 32, "240 of all");
        for (unsigned i = 0; i < 16; i++) {
                root = client();
                all &= streq(ask_code(root, ASK_VERSION), "");
                fds[n++] = root;
        }
        ok(all, "16 more for root");
        for (int i = 0; i < n; i++)
                close(fds[i]);
        harness_stop();
}

/* A connection that has nothing to do makes room for a new one of its user: seen with the clock, so it takes a second. */
static void test_oldest_idle(void)
{
        int fds[33];
        struct mono begin;

        if (geteuid() != 0) {
                tap_skip("the oldest idle connection goes", "needs root");
                return;
        }
        harness_start();
        h.ctx.private_daemon = false;
        control_update(h.control, &h.ctx);
        for (unsigned i = 0; i < 32; i++) {
                fds[i] = client_as(61001, 61001, NULL, 0);
                (void)ask_code(fds[i], ASK_VERSION);
        }
        begin = clock_mono();
        while (clock_mono().usec - begin.usec < 1200000)
                ev_run(h.ctx.loop, EVRUN_NOWAIT);
        (void)ask_code(fds[0], ASK_VERSION); /* the second is the oldest now */
        fds[32] = client_as(61001, 61001, NULL, 0);
        is_str(ask_code(fds[32], ASK_VERSION), "", "the new one is served");
        ok(client_closed(fds[1]) && !client_closed(fds[0]) && !client_closed(fds[2]),
           "the one idle for longest made room");
        for (unsigned i = 0; i < 33; i++)
                close(fds[i]);
        harness_stop();
}

/* A client that asks and asks and does not read: it waits, others don't, and memory is bounded. */
static void test_not_reading(void)
{
        static const char list[] =
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"limit\":1000}}\n";
        struct rusage usage;
        long before;
        size_t sent = 0, answers = 0;
        int fd, other;

        harness_start();
        harness_many(2000, "@hourly");
        fd = client();
        other = client();
        (void)ask_code(other, ASK_VERSION);
        getrusage(RUSAGE_SELF, &usage);
        before = usage.ru_maxrss;
        for (unsigned i = 0; i < 20000; i++) {
                ssize_t n = send(fd, list, sizeof(list) - 1, MSG_NOSIGNAL);

                if (n == (ssize_t)sizeof(list) - 1)
                        sent++;
                else if (n > 0)
                        break; /* cut: the socket is full */
                turn();
        }
        getrusage(RUSAGE_SELF, &usage);
        ok(sent > 100 && sent < 20000, "after %zu requests it could send no more", sent);
        ok(usage.ru_maxrss - before < 32 * 1024, "memory grew by %ld KiB", usage.ru_maxrss - before);
        is_str(ask_code(other, ASK_VERSION), "", "others are served");
        for (unsigned i = 0; i < 50; i++) {
                json_t *v = client_read(fd);

                answers += json_array_size(at(v, "result.jobs")) == 1000;
                json_decref(v);
        }
        is_int(answers, 50, "when it reads it goes on");
        close(fd);
        close(other);
        harness_stop();
}

static void test_patterns(void)
{
        char line[100000] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.list\",\"params\":{\"patterns\":[\"a\"";
        int fd;

        harness_start();
        fd = client();
        for (unsigned i = 0; i < 100; i++)
                strcat(line, ",\"*a*b*\"");
        strcat(line, "]}}");
        is_str(ask_code(fd, line), "", "100 patterns");
        strcpy(strstr(line, "]}}"), ",\"*\"]}}");
        is_str(ask_code(fd, line), "invalid", "one more");
        strcpy(strstr(line, "[\"a\""), "[\"");
        memset(line + strlen(line), '*', 257);
        strcat(line, "\"]}}");
        is_str(ask_code(fd, line), "invalid", "a long one");
        close(fd);
        harness_stop();
}

static void test_held(void)
{
        char line[200];
        unsigned busy = 0;
        int fd;

        harness_start();
        harness_jobs("jobs:\n  a: {command: x}\n", "/f", 0);
        fd = client();
        is_str(ask_code(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"jobs\":[\"a\"]}}"), "",
               "a run");
        for (unsigned i = 0; i < 70; i++) {
                snprintf(line, sizeof(line),
                         "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"run.wait\",\"params\":{\"runs\":[1]}}\n", i);
                client_send(fd, line);
        }
        for (unsigned i = 0; i < 6; i++) {
                json_t *v = client_read(fd);

                busy += streq_ptr(at_string(v, "error.data.code"), "busy") && json_integer_value(at(v, "id")) == 64 + i;
                json_decref(v);
        }
        is_int(busy, 6, "64 calls of a connection may wait");
        for (unsigned i = 0; i < 5; i++) {
                json_t *v;

                snprintf(
                        line, sizeof(line),
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.logs\",\"params\":{\"run\":1,\"follow\":true}}\n");
                client_send(fd, line);
                if (i < 4)
                        continue;
                v = client_read(fd);
                is_str(at_string(v, "error.data.code"), "busy", "and fewer may follow logs");
                json_decref(v);
        }
        close(fd);
        harness_stop();
}

/* No descriptors: clients are told, and served again once there are some. */
static void test_descriptors(void)
{
        struct rlimit was, low;
        int fds[64], n = 0, fd;
        json_t *v;

        harness_start();
        fd = client();
        (void)ask_code(fd, ASK_VERSION);
        fds[0] = client();
        fds[1] = client();
        getrlimit(RLIMIT_NOFILE, &was);
        n = open("/dev/null", O_RDONLY);
        low = (struct rlimit){ .rlim_cur = (rlim_t)n, .rlim_max = was.rlim_max };
        close(n);
        setrlimit(RLIMIT_NOFILE, &low);
        settle();
        setrlimit(RLIMIT_NOFILE, &was);
        v = client_read(fds[0]);
        is_str(at_string(v, "error.data.code"), "busy", "no descriptor: told and closed");
        json_decref(v);
        is_str(ask_code(fd, ASK_VERSION), "", "the others are served");
        client_send(fds[1], ASK_VERSION "\n");
        v = NULL;
        for (unsigned i = 0; !v && i < 1000; i++) {
                ev_run(h.ctx.loop, EVRUN_ONCE); /* the pause of a tenth of a second, then the client */
                v = client_read(fds[1]);
        }
        ok(at_string(v, "result.version"), "and after a pause the one that waited, too");
        json_decref(v);
        close(fds[0]);
        close(fds[1]);
        close(fd);
        harness_stop();
}

/* A descriptor that a client passes goes nowhere. */
static void test_passing(void)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        char text[] = ASK_VERSION "\n";
        struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        size_t before;
        int fd, i;
        json_t *v;

        harness_start();
        fd = client();
        (void)ask_code(fd, ASK_VERSION);
        before = open_descriptors();
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &(int){ STDIN_FILENO }, sizeof(int));
        for (i = 0; i < 100; i++) {
                if (sendmsg(fd, &m, 0) < 0)
                        break;
                v = client_read(fd);
                json_decref(v);
        }
        is_int(i, 100, "a hundred descriptors were passed");
        is_int(open_descriptors(), before, "and none arrived");
        close(fd);
        harness_stop();
}

/* Half-closed by the client: it gets its answers, then the connection ends. */
static void test_half_closed(void)
{
        json_t *v;
        int fd;

        harness_start();
        fd = client();
        client_send(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run.list\"}\n" ASK_VERSION "\n");
        shutdown(fd, SHUT_WR);
        v = client_read(fd);
        ok(at(v, "result.runs"), "the first answer");
        json_decref(v);
        v = client_read(fd);
        ok(at_string(v, "result.version"), "the second");
        json_decref(v);
        ok(client_closed(fd), "and the end");
        close(fd);
        harness_stop();
}

/* The socket's place: what is stale is replaced, what is alive or no socket is left alone. */
static void test_place(void)
{
        struct control *second = NULL;
        struct error err = ERROR_NULL;
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd, r;

        harness_start();
        r = control_new(&h.ctx, -1, &second, &err);
        ok(r == -EADDRINUSE && err.code == ERROR_CONFLICT, "a second one on the same socket is refused: %s",
           err.message);
        fd = client();
        is_str(ask_code(fd, ASK_VERSION), "", "and the first goes on");
        close(fd);
        h.control = control_free(h.control);
        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", h.socket);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        ok(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "a stale socket");
        close(fd);
        is_int(control_new(&h.ctx, -1, &h.control, NULL), 0, "is replaced");
        h.control = control_free(h.control);
        fd = open(h.socket, O_WRONLY | O_CREAT, 0600);
        close(fd);
        err = ERROR_NULL;
        r = control_new(&h.ctx, -1, &h.control, &err);
        ok(r == -EEXIST, "a file is left alone: %s", err.message);
        unlink(h.socket);
        is_int(control_new(&h.ctx, -1, &h.control, NULL), 0, "the place is free again");

        /* Passed by a service manager. */
        h.control = control_free(h.control);
        fd = open("/dev/null", O_RDONLY);
        err = ERROR_NULL;
        ok(control_new(&h.ctx, fd, &h.control, &err) < 0, "what is no listening socket is refused: %s", err.message);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 5) < 0)
                abort();
        is_int(control_new(&h.ctx, fd, &h.control, NULL), 0, "a listening one is taken");
        fd = client();
        is_str(ask_code(fd, ASK_VERSION), "", "and served");
        close(fd);
        h.control = control_free(h.control);
        ok(access(h.socket, F_OK) == 0, "but not removed: it is not ours");
        unlink(h.socket);
        is_int(control_new(&h.ctx, -1, &h.control, NULL), 0, "for the end");
        harness_stop();
}

/* A folder whose path is longer than a socket's address can be. */
static void test_long_path(void)
{
        char path[600], command[700];
        struct error err = ERROR_NULL;
        struct control *c = NULL;
        int r;

        harness_start();
        snprintf(path, sizeof(path), "%s/%0100d/%0100d/control.sock", h.dir, 1, 2);
        snprintf(command, sizeof(command), "mkdir -p '%s/%0100d/%0100d'", h.dir, 1, 2);
        if (system(command) != 0)
                abort();
        h.ctx.socket_path = path;
        r = control_new(&h.ctx, -1, &c, &err);
        ok(r == 0 && access(path, F_OK) == 0, "a long path is no hindrance %s", err.message);
        control_free(c);
        ok(access(path, F_OK) < 0, "and it is removed");
        h.ctx.socket_path = h.socket;
        harness_stop();
}

int main(void)
{
        test_long_line();
        test_half_line();
        test_connections();
        test_users();
        test_oldest_idle();
        test_not_reading();
        test_patterns();
        test_held();
        test_descriptors();
        test_passing();
        test_half_closed();
        test_place();
        test_long_path();
        return tap_done();
}
