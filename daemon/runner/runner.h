/* The runner program (jobsched-runner): what its parts share.
 *
 * main.c        the loop: messages in, children reaped
 * requests.c    START, VOID, FORGET, STOP: the records and their locks
 * pool.c        supervisors that serve again
 * reap.c        what a dead supervisor left
 * supervisor.c  one attempt, in a fork of the runner
 * setup.c       of a START: everything that command.c needs
 *
 * Everything here runs as whoever starts jobs (root, or the daemon's own user), so it trusts no length, pid or
 * descriptor that it is sent; and it links libc alone. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "proto/runnermsg.h"
#include "runner/identity.h"
#include "runner/recordio.h"
#include "runner/usercache.h"

#define RUNNER_SOCKET_FD 3 /* where the daemon puts our end of the socketpair */

struct child {
        pid_t pid; /* 0: empty */
        uint32_t start;
        uint64_t run;
};

#define POOL_MAX 8 /* more than may be starting on a small machine; beyond that supervisors serve once */

/* A supervisor that may serve again. */
struct pooled {
        pid_t pid;
        int channel;
        bool idle;
        uint32_t start; /* what it is at, or was */
        uint64_t run;
        struct mono since; /* idle */
};

/* A REAP under way. */
struct reap {
        uint64_t run;
        uint32_t start;
        uint32_t attempt;
        pid_t session;
        struct mono since, until; /* when the attempt began; when we give up */
        struct mono begun;        /* the command was executed by then */
        bool found;               /* by the last look: something of it lives */
};

struct runner_state {
        int socket, signals, runs_fd;
        int logs_fd;                  /* the folder of all logs, as the daemon opened it; -1: it sent none */
        bool own_user_only;
        uid_t daemon_uid;             /* of the other end: whose log files they are */
        char boot[64];
        char *socket_path;            /* JOBSCHED_SOCKET of our attempts */
        int64_t shutdown_grace_usec;
        struct identity self;         /* with own_user_only */
        struct usercache *users;      /* else */
        uint8_t *receive;             /* RUNNERMSG_MAX bytes */

        /* What jobs get where their definition says nothing, and we differ. */
        bool reset_nice, reset_oom_score_adjust, reset_open_files;

        /* Not seen by supervisors (MADV_DONTFORK): hash of our children by pid, a power of two in size. */
        struct child *children;
        size_t n_children, children_size;

        struct pooled pool[POOL_MAX];
        size_t n_pool;

        struct reap *reaps;
        size_t n_reaps, reaps_allocated;

        /* FORGET came while the lock was still held: tried again when a supervisor has ended, or after a moment. */
        struct child *forgets;
        size_t n_forgets, forgets_allocated;

        /* GONE that the socket did not take yet. */
        uint8_t *gone;
        size_t n_gone, gone_allocated;
};

/* Signals by which the runner asks a supervisor; both carry a value.  Blocked in runner and supervisors. */
#define SUPERVISOR_STOP (SIGRTMIN + 1)   /* stop_value_pack() */
#define SUPERVISOR_SIGNAL (SIGRTMIN + 2) /* a signal number */

/* Signal in the low 7 bits, above it the grace in ms; where that does not fit (4 hours in 32 bits) it is cut. */
void *stop_value_pack(int signal, int64_t grace_usec);
void stop_value_unpack(const void *value, int *ret_signal, int64_t *ret_grace_usec);

/* To the daemon, never waiting: 0, -EAGAIN, or negative errno (it is gone). */
int runner_send(int socket, const struct runnermsg *m);

/* requests.c */
void request_start(struct runner_state *s, const void *data, size_t size, uint64_t run, uint32_t start);
void request_void(struct runner_state *s, uint64_t run, uint32_t start);
void request_forget(struct runner_state *s, uint64_t run, uint32_t start);
void request_signal(struct runner_state *s, const struct runnermsg *m);
void requests_retry(struct runner_state *s);

/* reap.c */
void request_reap(struct runner_state *s, uint64_t run, uint32_t start);
/* Looks and kills again; answers what is done. */
void reaps_go_on(struct runner_state *s);

/* pool.c */
/* Our end of a new channel, -1: none now. */
int pool_channel(const struct runner_state *s, int *ret_its);
void pool_add(struct runner_state *s, int channel, pid_t pid, uint64_t run, uint32_t start);
void pool_forget(struct runner_state *s);
/* Hands a START to one that waits: its pid, 0: there is none. */
pid_t pool_start(struct runner_state *s, const void *data, size_t size, int record_fd, uint64_t run, uint32_t start);
/* The supervisor's side: the next message, in s->receive.  Its size, 0: no more will come, -EAGAIN: none now, negative
 * errno.  *ret_record_fd is -1 where none came with it; else it is the caller's. */
ssize_t pool_receive(const struct runner_state *s, int channel, int *ret_record_fd);
/* STOP, SIGNAL to the one that is at this attempt.  False: none is. */
bool pool_send(const struct runner_state *s, const struct runnermsg *m);
/* What the i-th has to say: true if it waits now, and what it was at.  May put the last in its place. */
bool pool_hear(struct runner_state *s, size_t i, uint64_t *ret_run, uint32_t *ret_start);
void pool_remove(struct runner_state *s, pid_t pid);
/* Lets go of those that wait for long.  Milliseconds until the next look, -1: none needed. */
int pool_shrink(struct runner_state *s);

/* main.c */
/* The attempt that a child is at; run 0: none. */
void children_set(struct runner_state *s, pid_t pid, uint64_t run, uint32_t start);
int children_add(struct runner_state *s, pid_t pid, uint64_t run, uint32_t start);

/* supervisor.c: the rest of a forked process' life.  Takes the descriptors; `channel` as in pool.c, -1: it serves once. */
void supervisor_main(const struct runner_state *s, const void *data, size_t size, int record_fd, int channel)
        __attribute__((noreturn));
