/* The whole: made and freed here; replies and changes of the engine find those who wait for them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/util.h"
#include "control/private.h"
#include "log/log.h"

static void on_slice(struct ev_loop *loop, ev_timer *w, int revents);

static void take_context(struct control *c, const struct control_context *ctx)
{
        c->ctx = *ctx;
        if (!c->ctx.zone)
                c->ctx.zone = tz_utc();
}

/* Remembers which file the socket is, to remove that one and no other. */
static void note_socket(struct control *c)
{
        struct stat st;

        if (fstatat(c->folder_fd, c->socket_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        c->socket_dev = st.st_dev;
        c->socket_ino = st.st_ino;
}

int control_new(const struct control_context *ctx, int listen_fd, struct control **ret, struct error *reterr)
{
        _cleanup_(control_freep) struct control *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                safe_close(listen_fd);
                return error_set(reterr, -ENOMEM, ERROR_BUSY, "out of memory");
        }
        c->listen_fd = listen_fd;
        c->folder_fd = c->spare_fd = -1;
        c->next_command = 1;
        c->partial_sec = PARTIAL_LINE_SEC;
        take_context(c, ctx);
        ev_timer_init(&c->slice_timer, on_slice, 0., 0.);
        c->slice_timer.data = c;
        r = access_resolve(ctx->config, &c->access);
        if (r < 0)
                return error_set(reterr, r, ERROR_BUSY, "out of memory");
        passwd_refresh(&c->passwd);
        if (listen_fd >= 0)
                r = socket_adopt(listen_fd, reterr);
        else {
                r = socket_listen(ctx->socket_path, &c->folder_fd, &c->socket_name, reterr);
                c->listen_fd = r < 0 ? -1 : r;
        }
        if (r < 0)
                return r;
        if (c->socket_name)
                note_socket(c);
        conn_accept_start(c);
        *ret = TAKE_PTR(c);
        return 0;
}

static void remove_socket(struct control *c)
{
        struct stat st;

        if (c->socket_name && fstatat(c->folder_fd, c->socket_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_dev == c->socket_dev && st.st_ino == c->socket_ino)
                (void)unlinkat(c->folder_fd, c->socket_name, 0);
}

/* Calls whose answer is still to come from elsewhere outlive us: they are told that nobody is there. */
static void let_calls_go(struct control *c)
{
        struct call *next_call;

        for (struct call *call = c->calls; call; call = next_call) {
                next_call = call->all_next;
                call->c = NULL;
                call->all_prev = call->all_next = NULL;
        }
        c->calls = NULL;
}

static void drop_waiting(struct call **list)
{
        struct call *call;

        while ((call = *list)) {
                *list = call->wait_next;
                call_unref(call);
        }
}

struct control *control_free(struct control *c)
{
        struct pending *p, *tmp;
        struct slice *s;

        if (!c)
                return NULL;
        if (c->listen_fd >= 0 && c->accept_io.data)
                conn_accept_stop(c);
        while (c->conns)
                conn_destroy(c->conns);
        ev_timer_stop(c->ctx.loop, &c->slice_timer);
        while ((s = c->slice_first)) {
                struct call *call = s->call;

                c->slice_first = s->next;
                s->call = NULL;
                call_unref(call);
        }
        HASH_ITER(hh, c->pending, p, tmp) {
                HASH_DEL(c->pending, p);
                call_unref(p->call);
                free(p);
        }
        drop_waiting(&c->reload_now);
        drop_waiting(&c->reload_next);
        access_forget(c);
        let_calls_go(c);
        remove_socket(c);
        free(c->socket_name);
        safe_close(c->folder_fd);
        safe_close(c->listen_fd);
        safe_close(c->spare_fd);
        access_done(&c->access);
        passwd_done(&c->passwd);
        free(c);
        return NULL;
}

void control_update(struct control *c, const struct control_context *ctx)
{
        take_context(c, ctx);
}

/* ---- waiting for runs */

int watch_add(struct control *c, struct watch *w, uint64_t run)
{
        struct watch_list *l;

        HASH_FIND(hh, c->watches, &run, sizeof(run), l);
        if (!l) {
                l = calloc(1, sizeof(*l));
                if (!l)
                        return -ENOMEM;
                l->run = run;
                HASH_ADD(hh, c->watches, run, sizeof(run), l);
        }
        w->run = run;
        w->list = l;
        w->prev = NULL;
        w->next = l->first;
        if (l->first)
                l->first->prev = w;
        l->first = w;
        if (w->call->conn)
                w->call->conn->n_watches++;
        return 0;
}

void watch_remove(struct control *c, struct watch *w)
{
        struct watch_list *l = w->list;

        if (!l)
                return;
        if (w->prev)
                w->prev->next = w->next;
        else
                l->first = w->next;
        if (w->next)
                w->next->prev = w->prev;
        w->list = NULL;
        w->prev = w->next = NULL;
        if (w->call->conn)
                w->call->conn->n_watches--;
        if (!l->first) {
                HASH_DEL(c->watches, l);
                free(l);
        }
}

void control_publish(struct control *c, const struct run_info *r)
{
        struct watch_list *l;
        struct watch *w, *next;

        if (!c->watches)
                return;
        HASH_FIND(hh, c->watches, &r->id, sizeof(r->id), l);
        for (w = l ? l->first : NULL; w; w = next) {
                next = w->next;
                w->changed(w, r);
        }
}

/* ---- work in slices: one an iteration of the loop, in turn */

static void slice_append(struct control *c, struct slice *s)
{
        s->next = NULL;
        if (c->slice_first)
                c->slice_last->next = s;
        else
                c->slice_first = s;
        c->slice_last = s;
        if (!ev_is_active(&c->slice_timer)) {
                ev_timer_set(&c->slice_timer, 0., 0.);
                ev_timer_start(c->ctx.loop, &c->slice_timer);
        }
}

static void on_slice(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct control *c = w->data;
        struct slice *s = c->slice_first;
        struct call *call;

        if (!s)
                return;
        c->slice_first = s->next;
        call = s->call;
        if (!call_gone(call) && s->work(call))
                slice_append(c, s);
        else {
                s->call = NULL;
                call_unref(call);
        }
        if (c->slice_first && !ev_is_active(&c->slice_timer)) {
                ev_timer_set(&c->slice_timer, 0., 0.);
                ev_timer_start(loop, &c->slice_timer);
        }
}

int slice_add(struct call *call, bool (*work)(struct call *call))
{
        call->slice.call = call_ref(call);
        call->slice.work = work;
        slice_append(call->c, &call->slice);
        return 0;
}

/* ---- commands and their replies */

int command_send(struct call *call, size_t index, struct command *cmd)
{
        struct control *c = call->c;
        struct pending *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->id = c->next_command++;
        p->call = call_ref(call);
        p->index = index;
        HASH_ADD(hh, c->pending, id, sizeof(p->id), p);
        cmd->id = p->id;
        cmd->by_uid = call->uid;
        c->ctx.command(c->ctx.arg, cmd);
        return 0;
}

void control_reply(struct control *c, uint64_t command, enum error_code code, const char *message, uint64_t run,
                   bool durable)
{
        struct pending *p;

        HASH_FIND(hh, c->pending, &command, sizeof(command), p);
        if (!p)
                return;
        HASH_DEL(c->pending, p);
        if (p->call->method == METHOD_JOB_BACKFILL)
                backfill_replied(p->call, p->index, code, message, run, durable);
        else
                act_replied(p->call, p->index, code, message, run, durable);
        call_unref(p->call);
        free(p);
}

/* ---- reload, shutdown */

void control_reloaded(struct control *c)
{
        struct call *call = c->reload_now, *next;

        access_refresh(c);
        c->blocked_at = (struct mono){ 0 };
        c->reload_now = c->reload_next;
        c->reload_next = NULL;
        for (; call; call = next) {
                next = call->wait_next;
                call->wait_next = NULL;
                reload_answer(call);
                call_unref(call);
        }
        /* Those who asked while it was under way may have meant what came too late for it. */
        if (c->reload_now)
                c->ctx.reload(c->ctx.arg);
}

void control_shutdown(struct control *c)
{
        struct call *call, *next;

        if (c->shutdown)
                return;
        c->shutdown = true;
        conn_accept_stop(c);
        for (struct conn *conn = c->conns; conn; conn = conn->next) {
                for (call = conn->calls; call; call = next) {
                        next = call->next;
                        if (call->kind == CALL_HELD)
                                call_error(call, ERROR_UNAVAILABLE, "the daemon is shutting down");
                }
                conn->closing = true;
                conn_resume(conn);
        }
}
