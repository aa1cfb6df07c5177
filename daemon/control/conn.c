/* Connections: accepting under limits, lines in, bytes out.
 *
 * A connection reads only while there is something it may do with what it reads: not while its output is full, nor
 * while a long answer is being made.  So what one client can hold is bounded, and a client that doesn't read waits for
 * itself alone.  Nothing is received with recvmsg(), so descriptors that a client passes are closed by the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/util.h"
#include "control/private.h"
#include "log/log.h"

#define ACCEPTS_AT_ONCE 16
#define READ_SIZE       65536
#define READS_AT_ONCE   4
#define LINES_AT_ONCE   32
#define OUTPUT_MAX      (64 * 1024 * 1024) /* never reached by what is made here: a broken invariant, not a policy */
#define IDLE_DROP_USEC  USEC_PER_SEC       /* a connection idle for less is not dropped for another */
#define HALF_CLOSED_SEC 1.0

/* ---- output */

static size_t out_size(const struct conn *conn)
{
        return conn->out_end - conn->out_begin;
}

bool conn_full(const struct conn *conn)
{
        return out_size(conn) >= OUTPUT_FULL;
}

void conn_close_soon(struct conn *conn)
{
        conn->broken = true;
        ev_io_stop(conn->c->ctx.loop, &conn->rd);
        ev_io_stop(conn->c->ctx.loop, &conn->wr);
        ev_timer_stop(conn->c->ctx.loop, &conn->partial);
        conn_resume(conn);
}

static bool out_append(struct conn *conn, const char *data, size_t size)
{
        size_t have = out_size(conn), need = have + size, allocated;
        char *p;

        if (need > OUTPUT_MAX)
                return false;
        if (conn->out_begin > 0) {
                memmove(conn->out, conn->out + conn->out_begin, have);
                conn->out_begin = 0;
                conn->out_end = have;
        }
        if (need > conn->out_allocated) {
                allocated = MAX(conn->out_allocated, (size_t)4096);
                while (allocated < need)
                        allocated *= 2;
                p = realloc(conn->out, allocated);
                if (!p)
                        return false;
                conn->out = p;
                conn->out_allocated = allocated;
        }
        memcpy(conn->out + have, data, size);
        conn->out_end += size;
        return true;
}

/* Bytes that the socket took; -1: it is broken. */
static ssize_t send_some(int fd, const char *data, size_t size)
{
        ssize_t n;

        do
                n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return 0;
        return n;
}

void conn_send(struct conn *conn, const char *data, size_t size)
{
        ssize_t n = 0;

        if (conn->broken)
                return;
        if (out_size(conn) == 0)
                n = send_some(conn->fd, data, size);
        if (n < 0 || ((size_t)n < size && !out_append(conn, data + n, size - (size_t)n))) {
                conn_close_soon(conn);
                return;
        }
        if (out_size(conn) > 0)
                ev_io_start(conn->c->ctx.loop, &conn->wr);
}

/* There is room again: who waited for it makes the next piece, in turn, until it is full again. */
static void give_room(struct conn *conn)
{
        struct call *call = conn->calls;

        while (call && !conn_full(conn) && !conn->broken) {
                struct call *next = call->next;
                void (*room)(struct call *) = call->room;

                call->room = NULL;
                if (room)
                        room(call);
                call = next;
        }
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
        struct conn *conn = w->data;
        bool was_full = conn_full(conn);
        ssize_t n;

        n = send_some(conn->fd, conn->out + conn->out_begin, out_size(conn));
        if (n < 0) {
                conn_close_soon(conn);
                return;
        }
        conn->out_begin += (size_t)n;
        conn->active_at = clock_mono();
        if (out_size(conn) == 0) {
                ev_io_stop(loop, &conn->wr);
                conn->out_begin = conn->out_end = 0;
                if (conn->out_allocated > OUTPUT_FULL) {
                        free(conn->out);
                        conn->out = NULL;
                        conn->out_allocated = 0;
                }
        }
        if (was_full && !conn_full(conn))
                give_room(conn);
        conn_resume(conn);
}

/* ---- input */

/* Nothing more is taken from it for now. */
static bool stalled(const struct conn *conn)
{
        return conn_full(conn) || conn->n_pages > 0 || conn->n_busy >= CALLS_BUSY;
}

static void arm(struct conn *conn)
{
        struct ev_loop *loop = conn->c->ctx.loop;
        bool want;

        conn->stuck = stalled(conn);
        want = !conn->eof && !conn->broken && !conn->closing && !conn->stuck;
        if (want)
                ev_io_start(loop, &conn->rd);
        else
                ev_io_stop(loop, &conn->rd);
        if (!want || !lines_partial(&conn->in))
                ev_timer_stop(loop, &conn->partial);
        else if (!ev_is_active(&conn->partial)) {
                ev_timer_set(&conn->partial, conn->c->partial_sec, 0.);
                ev_timer_start(loop, &conn->partial);
        }
}

static void run_again(struct conn *conn, double after)
{
        ev_timer_stop(conn->c->ctx.loop, &conn->again);
        ev_timer_set(&conn->again, after, 0.);
        ev_timer_start(conn->c->ctx.loop, &conn->again);
}

void conn_resume(struct conn *conn)
{
        if (conn->stuck || conn->eof || conn->closing || conn->broken)
                run_again(conn, 0.);
}

/* Lines that may be worked on now.  True if some are left for the loop's next turn. */
static bool take_lines(struct conn *conn)
{
        size_t size;
        char *line;

        for (unsigned i = 0; i < LINES_AT_ONCE; i++) {
                if (conn->broken || conn->closing || stalled(conn))
                        return false;
                line = lines_next(&conn->in, &size);
                if (!line)
                        return false;
                ev_timer_stop(conn->c->ctx.loop, &conn->partial); /* the next line has its own time */
                rpc_line(conn, line, size);
        }
        return true;
}

/* The client will not send any more: is there anything left to do for it? */
static bool finished(const struct conn *conn)
{
        struct pollfd p = { .fd = conn->fd };

        if (conn->broken)
                return true;
        if (!conn->eof && !conn->closing)
                return false;
        if (!conn->calls && out_size(conn) == 0 && !stalled(conn))
                return true;
        /* Shut down in one direction it may still read; closed it does not. */
        return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void proceed(struct conn *conn)
{
        bool more = take_lines(conn);

        if (!more && finished(conn)) {
                conn_destroy(conn);
                return;
        }
        arm(conn);
        if (more)
                run_again(conn, 0.);
        else if (conn->eof)
                run_again(conn, HALF_CLOSED_SEC);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct conn *conn = w->data;

        if (conn->broken)
                conn_destroy(conn);
        else
                proceed(conn);
}

static void on_partial(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct conn *conn = w->data;

        log_info("uid %u pid %d: closed, in the middle of a line for too long", (unsigned)conn->uid, (int)conn->pid);
        conn_destroy(conn);
}

/* One piece.  False: there is nothing more for now. */
static bool read_piece(struct conn *conn)
{
        char *space;
        size_t size;
        ssize_t n;
        int r;

        r = lines_space(&conn->in, READ_SIZE, &space, &size);
        if (r == -EMSGSIZE) {
                rpc_line_too_long(conn);
                lines_skip(&conn->in);
                return true;
        }
        if (r < 0) {
                conn->broken = true;
                return false;
        }
        n = recv(conn->fd, space, size, MSG_DONTWAIT);
        if (n > 0) {
                lines_add(&conn->in, (size_t)n);
                return (size_t)n == size;
        }
        if (n == 0)
                conn->eof = true;
        else if (errno != EAGAIN && errno != EINTR)
                conn->broken = true;
        return false;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
        struct conn *conn = w->data;

        conn->active_at = clock_mono();
        for (unsigned i = 0; i < READS_AT_ONCE; i++)
                if (!read_piece(conn) || take_lines(conn) || stalled(conn))
                        break;
        proceed(conn);
}

/* ---- life */

int conn_new(struct control *c, int fd, struct conn **ret)
{
        struct conn *conn = calloc(1, sizeof(*conn));
        int r;

        if (!conn)
                return -ENOMEM;
        conn->c = c;
        conn->fd = fd;
        r = peer_read(fd, &conn->pid, &conn->uid, &conn->gids, &conn->n_gids);
        if (r < 0) {
                free(conn);
                return r;
        }
        conn->active_at = clock_mono();
        lines_init(&conn->in, JSON_LINE_MAX);
        ev_io_init(&conn->rd, on_readable, fd, EV_READ);
        ev_io_init(&conn->wr, on_writable, fd, EV_WRITE);
        ev_timer_init(&conn->partial, on_partial, 0., 0.);
        ev_timer_init(&conn->again, on_again, 0., 0.);
        conn->rd.data = conn->wr.data = conn->partial.data = conn->again.data = conn;
        conn->next = c->conns;
        if (c->conns)
                c->conns->prev = conn;
        c->conns = conn;
        c->n_conns++;
        ev_io_start(c->ctx.loop, &conn->rd);
        *ret = conn;
        return 0;
}

void conn_destroy(struct conn *conn)
{
        struct control *c = conn->c;

        while (conn->calls)
                call_drop(conn->calls);
        ev_io_stop(c->ctx.loop, &conn->rd);
        ev_io_stop(c->ctx.loop, &conn->wr);
        ev_timer_stop(c->ctx.loop, &conn->partial);
        ev_timer_stop(c->ctx.loop, &conn->again);
        if (conn->prev)
                conn->prev->next = conn->next;
        else
                c->conns = conn->next;
        if (conn->next)
                conn->next->prev = conn->prev;
        c->n_conns--;
        safe_close(conn->fd);
        lines_done(&conn->in);
        free(conn->out);
        free(conn->gids);
        free(conn);
}

/* ---- accepting */

/* Says it and closes; a client that is not there any more is no matter. */
static void refuse(int fd, const char *message)
{
        struct text t = { 0 };

        rpc_refuse(&t, JSONRPC_ERROR, ERROR_BUSY, -1, message);
        if (!t.failed)
                (void)send_some(fd, t.data, t.size);
        text_done(&t);
        safe_close(fd);
}

static bool idle(const struct conn *conn, struct mono now)
{
        return !conn->calls && out_size(conn) == 0 && !lines_partial(&conn->in) &&
               now.usec - conn->active_at.usec > IDLE_DROP_USEC;
}

/* The connection idle for longest: of that uid, or (any) of no admin. */
static struct conn *oldest_idle(struct control *c, bool of_user, uid_t uid)
{
        struct mono now = clock_mono();
        struct conn *oldest = NULL;

        for (struct conn *i = c->conns; i; i = i->next)
                if ((of_user ? i->uid == uid : !peer_is_admin(i)) && idle(i, now) &&
                    (!oldest || i->active_at.usec < oldest->active_at.usec))
                        oldest = i;
        return oldest;
}

static unsigned count_user(const struct control *c, uid_t uid)
{
        unsigned n = 0;

        for (const struct conn *i = c->conns; i; i = i->next)
                n += i->uid == uid;
        return n;
}

/* Is there a place for this new one?  What is idle makes room.  NULL: yes; else why not. */
static const char *admit(struct control *c, const struct conn *conn)
{
        bool admin = peer_is_admin(conn);
        struct conn *victim;

        if (!admin && count_user(c, conn->uid) > CONNECTIONS_USER) {
                victim = oldest_idle(c, true, conn->uid);
                if (!victim)
                        return "too many connections of this user";
                conn_destroy(victim);
        }
        if (c->n_conns > CONNECTIONS_MAX - (admin ? 0U : CONNECTIONS_RESERVED)) {
                victim = oldest_idle(c, false, 0);
                if (!victim)
                        return "too many connections";
                conn_destroy(victim);
        }
        return NULL;
}

static void take_connection(struct control *c, int fd)
{
        struct conn *conn;
        const char *why;

        if (conn_new(c, fd, &conn) < 0) {
                safe_close(fd);
                return;
        }
        why = admit(c, conn);
        if (why) {
                conn->fd = -1;
                conn_destroy(conn);
                refuse(fd, why);
        }
}

/* No descriptors left: the spare one lets a client be told, then there is a pause for things to get better. */
static void out_of_descriptors(struct control *c)
{
        int fd;

        c->spare_fd = safe_close(c->spare_fd);
        fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
                refuse(fd, "the daemon is out of file descriptors");
        c->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        log_warning("no file descriptor for a new connection, waiting");
        ev_io_stop(c->ctx.loop, &c->accept_io);
        ev_timer_set(&c->accept_pause, 0.1, 0.);
        ev_timer_start(c->ctx.loop, &c->accept_pause);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
        struct control *c = w->data;

        for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
                int fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0)
                        take_connection(c, fd);
                else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        out_of_descriptors(c);
                        return;
                } else if (errno != ECONNABORTED && errno != EINTR)
                        return;
        }
}

static void on_pause_over(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct control *c = w->data;

        if (!c->shutdown)
                ev_io_start(loop, &c->accept_io);
}

void conn_accept_start(struct control *c)
{
        ev_io_init(&c->accept_io, on_accept, c->listen_fd, EV_READ);
        ev_timer_init(&c->accept_pause, on_pause_over, 0.1, 0.);
        c->accept_io.data = c->accept_pause.data = c;
        c->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ev_io_start(c->ctx.loop, &c->accept_io);
}

void conn_accept_stop(struct control *c)
{
        ev_io_stop(c->ctx.loop, &c->accept_io);
        ev_timer_stop(c->ctx.loop, &c->accept_pause);
        c->spare_fd = safe_close(c->spare_fd);
}
