/* What the files of control/ share.
 *
 *   conn   one client: socket, peer, lines in, bytes out.  Owned by the control; closed only from its own timer, for
 *          another client's sake, or at the end.
 *   call   one request that is not answered yet.  Counted: its connection holds one reference until it is answered or
 *          the client goes; whoever works for it on another thread, or waits for the engine, holds one more.  A
 *          handler that comes back to a call asks call_gone() first.
 *   watch  somebody waits for changes of a run.
 *   slice  work over many jobs, done a few thousand at a time, in turn, one slice an iteration of the loop. */
#pragma once
#include <ev.h>
#include <jansson.h>
#include <sys/types.h>
#include <uthash.h>

#include "base/clock.h"
#include "control/control.h"
#include "proto/json.h"
#include "tbl/commands.h"

/* ---- limits (INTERFACES: control protocol) */
#define CONNECTIONS_MAX 256
#define CONNECTIONS_USER 32     /* of one uid, if it is no admin */
#define CONNECTIONS_RESERVED 16 /* of all, for root and admins */
#define PARTIAL_LINE_SEC 30.0
#define OUTPUT_FULL (256 * 1024) /* with so much unread nothing more is made for a connection */
#define PAGE_BYTES (512 * 1024)  /* a page ends early when it is this long */
#define CALLS_HELD 64           /* calls that wait (run.wait, logs -f, reload), of one connection */
#define CALLS_BUSY 64           /* others that are being worked on: further lines wait */
#define WATCHES_CONN 4096       /* runs waited for by one connection */
#define SLICE_JOBS 2000         /* jobs looked at in one go: about a millisecond */
#define TARGETS_MAX 10000       /* jobs or runs one call may change */
#define PATTERNS_MAX 100        /* patterns in one list: each job is held against all of them */
#define PATTERN_MAX 256         /* bytes of one */

struct conn;
struct call;

/* ---- rights */
struct access_rule {
        char *pattern; /* of job names */
        gid_t *gids;
        size_t n_gids;
};

/* `access` of the configuration with its group names looked up. */
struct access {
        bool see_own;
        bool has_admin_gid;
        gid_t admin_gid;
        struct access_rule *rules;
        size_t n_rules;
};

struct passwd_entry {
        char *name;
        uid_t uid;
};

/* /etc/passwd, read anew when it changes.  The file itself, no name service: nothing here may hang. */
struct passwd_cache {
        struct passwd_entry *v;
        size_t n;
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec mtime;
};

/* ---- a run that somebody waits for */
struct watch {
        uint64_t run;
        struct call *call;
        void (*changed)(struct watch *w, const struct run_info *r); /* may remove w, no other */
        struct watch *prev, *next; /* others of the same run */
        struct watch_list *list;
};

struct watch_list {
        uint64_t run;
        struct watch *first;
        UT_hash_handle hh;
};

/* ---- a command whose REPLY has not come */
struct pending {
        uint64_t id;
        struct call *call; /* a reference */
        size_t index;
        UT_hash_handle hh;
};

struct slice {
        struct call *call; /* a reference; NULL: not queued */
        bool (*work)(struct call *call); /* false: done (it has answered or gone on elsewhere) */
        struct slice *next;
};

struct control {
        struct control_context ctx;
        struct access access;
        struct passwd_cache passwd;
        int listen_fd, folder_fd, spare_fd;
        char *socket_name;     /* in folder_fd; NULL: not ours to remove */
        dev_t socket_dev;
        ino_t socket_ino;
        ev_io accept_io;
        ev_timer accept_pause;
        ev_timer slice_timer;
        struct slice *slice_first, *slice_last;
        struct conn *conns;
        size_t n_conns;
        struct call *calls;    /* all that are alive, also those whose client went */
        struct watch_list *watches;
        struct pending *pending;
        uint64_t next_command;
        struct call *reload_now, *reload_next; /* by call->wait_next */
        struct access_job_lookup *lookup;      /* group names being looked up */
        bool lookup_again;
        bool shutdown;
        double partial_sec;    /* PARTIAL_LINE_SEC, but in tests */
        size_t blocked;        /* jobs that are blocked, as counted at blocked_at */
        struct mono blocked_at;
};

struct conn {
        struct control *c;
        struct conn *prev, *next;
        int fd;
        pid_t pid;             /* for the log only */
        uid_t uid;
        gid_t *gids;
        size_t n_gids;
        ev_io rd, wr;
        ev_timer partial;      /* the line that has begun must end by then */
        ev_timer again;        /* lines are left, or it is to be closed */
        struct lines in;
        char *out;
        size_t out_begin, out_end, out_allocated;
        struct call *calls;
        unsigned n_held, n_busy, n_pages, n_follows;
        size_t n_watches;
        struct mono active_at;
        bool stuck;            /* lines may be left until a call is answered or output is read */
        bool eof;              /* the client sends nothing more */
        bool closing;          /* to be closed once the output is gone */
        bool broken;           /* to be closed now */
};

enum call_kind {
        CALL_BUSY, /* soon answered */
        CALL_PAGE, /* its answer may be long: one at a time on a connection */
        CALL_HELD, /* waits for something to happen */
};

struct call {
        unsigned refs;
        struct control *c;          /* NULL: the control is gone */
        struct conn *conn;          /* NULL: answered, or the client is gone */
        struct call *prev, *next;   /* of the connection */
        struct call *all_prev, *all_next;
        struct call *wait_next;     /* of those waiting for a reload */
        char *id;                   /* as JSON; NULL: a notification, nobody waits for an answer */
        enum method method;
        enum call_kind kind;
        json_t *params;             /* checked; never NULL */
        uid_t uid;                  /* who called: for the audit, after the client went */
        pid_t pid;
        struct slice slice;
        void *data;                 /* the handler's own */
        void (*free_data)(void *data);
        void (*gone)(struct call *call); /* about to be let go, answered or not: stop watching */
        void (*room)(struct call *call); /* output has been read: the next piece may be made */
};

/* ---- socket.c */
int socket_listen(const char *path, int *ret_folder, char **ret_name, struct error *reterr);
int socket_adopt(int fd, struct error *reterr);

/* ---- conn.c */
int conn_new(struct control *c, int fd, struct conn **ret);
void conn_destroy(struct conn *conn);
void conn_send(struct conn *conn, const char *data, size_t size);
bool conn_full(const struct conn *conn);
/* Closes it soon, from its timer: a handler never sees its connection vanish. */
void conn_close_soon(struct conn *conn);
/* A call was answered: lines that waited for it go on. */
void conn_resume(struct conn *conn);
void conn_accept_start(struct control *c);
void conn_accept_stop(struct control *c);

/* ---- rpc.c */
void rpc_line(struct conn *conn, const char *line, size_t size);
void rpc_line_too_long(struct conn *conn);
/* An error that answers no request (id null). */
void rpc_refuse(struct text *t, int rpc_code, enum error_code code, long position, const char *message);

/* ---- call.c */
struct call *call_new(struct conn *conn, enum method m, char *id, json_t *params);
struct call *call_ref(struct call *call);
void call_unref(struct call *call);
/* True: nobody waits for the answer any more. */
bool call_gone(const struct call *call);
/* The client went, or the control ends. */
void call_drop(struct call *call);
void call_set_kind(struct call *call, enum call_kind kind);
/* Answer.  Each of these ends the call (for its connection); the texts and values are taken. */
void call_result(struct call *call, struct text *result);
void call_result_json(struct call *call, json_t *result);
void call_error(struct call *call, enum error_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* `extra`: members of error.data beside code, or NULL; taken. */
void call_error_data(struct call *call, int rpc_code, enum error_code code, json_t *extra, const char *message);
void call_error_memory(struct call *call);
/* There is no run of the parameter `run`, or none that the peer may see. */
void call_error_no_run(struct call *call);
/* The store's answer to a question for the run of the parameter `run`: an error, or found() with it.  Takes `d` and the
 * question's reference to the call. */
void call_found_run(struct call *call, struct run_detail *d, const struct error *err,
                    void (*found)(struct call *call, const struct run_detail *d));
/* An event of a call that streams: the members of params after "call", as text without braces, not taken. */
void call_event(struct call *call, const struct text *members);
/* For the audit log: who did what to whom, and what came of it. */
void call_audit(const struct call *call, const char *subject, const char *outcome);

/* Parameters, as checked by rpc.c. */
const char *call_string(const struct call *call, const char *name);  /* NULL: not given */
bool call_bool(const struct call *call, const char *name);
uint64_t call_count(const struct call *call, const char *name, uint64_t def);
const json_t *call_list(const struct call *call, const char *name);  /* NULL: not given, or empty */
bool call_time(const struct call *call, const char *name, struct wall *ret); /* false: not given */
/* `limit` of a page: 1 … PAGE_MAX. */
size_t call_limit(const struct call *call, size_t def);
int parse_time(const char *text, const struct tz *zone, struct wall *ret);

/* ---- peer.c */
int peer_read(int fd, pid_t *ret_pid, uid_t *ret_uid, gid_t **ret_gids, size_t *ret_n);
bool peer_is_admin(const struct conn *conn);
/* Bits 1 << enum right that the connection has on a job (or on the runs of a job that is gone: `job` NULL).  `user`:
 * whom the run or job runs as, NULL: the default. */
unsigned peer_rights(const struct conn *conn, const char *name, const struct job *job, const char *user);
unsigned peer_rights_view(const struct conn *conn, const struct job_view *view);
unsigned peer_rights_run(const struct conn *conn, const struct run_info *r);
/* The definition's owner, or an admin. */
bool peer_owns(const struct conn *conn, const struct job *job);
#define HAS_RIGHT(mask, right) (((mask) & (1U << (right))) != 0)
int access_resolve(const struct config *config, struct access *ret);
void access_done(struct access *a);
/* Looks the groups up again, on the reader thread. */
void access_refresh(struct control *c);
void access_forget(struct control *c); /* control_free(): a lookup under way finds nobody */
void passwd_refresh(struct passwd_cache *p);
void passwd_done(struct passwd_cache *p);
bool passwd_uid(const struct passwd_cache *p, const char *name, uid_t *ret);
const char *passwd_name(const struct passwd_cache *p, uid_t uid); /* NULL: not there */

/* ---- control.c */
int watch_add(struct control *c, struct watch *w, uint64_t run);
void watch_remove(struct control *c, struct watch *w); /* one that was not added is fine */
int slice_add(struct call *call, bool (*work)(struct call *call));
/* Sends a command for `call`; its answer comes to act_replied() or backfill_replied(). */
int command_send(struct call *call, size_t index, struct command *cmd);

/* ---- scan.c: the jobs that a list of names and patterns means */
struct scan {
        char **patterns; /* n of them; none: every job */
        size_t n;
        bool exact;      /* there is no pattern among them */
        char *after;     /* patterns: where the next slice begins; NULL: at the beginning */
        char *single;    /* the prefix that every match begins with, or NULL */
};
/* `*`, `?`, `[…]`, as fnmatch(3) takes them: `/` is a character like others. */
bool is_pattern(const char *name);
int scan_init(struct scan *s, const json_t *list);
void scan_done(struct scan *s);
bool scan_match(const struct scan *s, const char *name);
/* Looks at up to `budget` jobs, from where it was.  each() gets those that match: false stops after this one.  Returns
 * true if there may be more, false at the end; -ENOMEM. Exact names are looked up one by one, in the order given;
 * each() then gets a view with name NULL for one that is not there, and `asked` is the name. */
int scan_step(struct control *c, struct scan *s, size_t budget,
              bool (*each)(void *arg, const char *asked, const struct job_view *v), void *arg);

/* ---- print.c */
json_t *print_time(const struct control *c, struct wall t);     /* with milliseconds */
json_t *print_instant(const struct control *c, struct wall t);  /* whole seconds */
json_t *print_run(const struct control *c, const struct run_info *r);
json_t *print_paused(const struct control *c, const struct job_state *s);
/* `last`: taken; NULL: null. */
/* All its instants have been: an @at, an `end`. */
bool job_is_past(const struct job_view *v);
/* It is due at the next boot, and at no instant that can be said. */
bool job_waits_for_boot(const struct job_view *v);
json_t *print_job(const struct control *c, const struct job_view *v, json_t *last);
/* What kept a start from succeeding: "chdir: No such file or directory".  False: nothing did. */
bool print_stage(const struct run_info *r, char *buf, size_t size);
/* For sentences: "02:30" today, else "2026-03-29 02:30"; with seconds where there are any. */
const char *say_time(const struct control *c, struct wall t, char *buf, size_t size);
/* A user's name for a uid; "uid 1000" where there is none. */
const char *say_uid(const struct control *c, uint32_t uid, char *buf, size_t size);

/* ---- handlers */
#define X(e, name, right, changes, handler, help) void handler(struct call *call);
TBL_METHODS(X)
#undef X
void act_replied(struct call *call, size_t index, enum error_code code, const char *message, uint64_t run,
                 bool durable);
void backfill_replied(struct call *call, size_t index, enum error_code code, const char *message, uint64_t run, bool durable);
void reload_answer(struct call *call);
/* Finds a job that the caller may see; answers `not_found` itself and returns false if there is none. */
bool find_job(struct call *call, const char *name, struct job_view *ret);
