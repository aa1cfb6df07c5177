/* The daemon's side of the runner, inside:
 *
 * client.c    the runner's process, its socket, the queue of messages, what the shell calls
 * judge.c     what became of an attempt: by its record and its lock
 * compose.c   START from a job's definition */
#pragma once
#include <uthash.h>

#include "proto/runnermsg.h"
#include "runner/client.h"
#include "runner/recordio.h"

enum attempt_state {
        ATTEMPT_UNKNOWN,  /* to be judged */
        ATTEMPT_HELD,     /* its START waits for the runner to be ready */
        ATTEMPT_STARTING, /* no word yet */
        ATTEMPT_VOIDING,  /* the runner is asked to judge it as not started */
        ATTEMPT_RUNNING,
        ATTEMPT_REAPING,  /* its supervisor died; the runner kills what is left */
        ATTEMPT_STRAY,    /* no run knows it; its folder goes when its lock is free */
        ATTEMPT_ENDED,    /* told; the folder stays until FORGET */
};

struct attempt_key {
        uint64_t run;
        uint64_t start; /* as wide as run, so that the key has no padding */
};

struct attempt {
        struct attempt_key key;
        struct runner *runner;
        enum attempt_state state;
        bool ours;        /* forked by the runner there is: it tells when the supervisor ends */
        bool ran;         /* its run was `running`: a missing record is a lost one */
        bool other_boot;
        bool started_told;
        bool stop_wanted; /* until it has ended: said again to a new runner */
        int stop_signal;
        int64_t stop_grace_usec;
        ev_tstamp looked; /* when it was last judged */
        ev_io watch;      /* on the supervisor's pidfd, if `watched` */
        bool watched;
        UT_hash_handle hh;
};

/* A message that waits for the socket. */
struct outgoing {
        struct outgoing *next;
        enum runnermsg_type type;
        uint64_t run;
        uint32_t start;
        uint8_t *data;
        size_t size;
};

struct told {
        struct told *next;
        struct event event;
};

struct runner {
        struct ev_loop *loop;
        struct runner_options opt;
        char *program, *runs_dir, *log_dir, *control_socket, *boot, *language, *system_zone; /* behind opt */

        int runs_fd, log_fd;
        int socket, pidfd; /* -1: there is no runner */
        int pid;
        bool ready;
        ev_io on_socket, on_exit;
        ev_timer restart, look, flush;
        ev_tstamp spawned, restart_after;

        struct outgoing *out, **out_end;
        struct told *told, **told_end; /* events made outside of a watcher: given by `flush` */
        struct attempt *attempts;      /* uthash by key */
        size_t n_live;                 /* of them neither ENDED nor STRAY */
        uint8_t *receive;
};

/* client.c */
int runner_queue(struct runner *r, const struct runnermsg *m);
struct attempt *attempt_find(struct runner *r, uint64_t run, uint32_t start);
/* NULL: no memory, or it is there already. */
struct attempt *attempt_new(struct runner *r, uint64_t run, uint32_t start, enum attempt_state state);
struct attempt *attempt_free(struct attempt *a);
void attempt_set_state(struct attempt *a, enum attempt_state state);
void runner_tell(struct runner *r, const struct event *ev);
/* Looks again after a while, where nobody will tell us. */
void runner_look_later(struct runner *r);

/* judge.c */
void attempt_judge(struct attempt *a);
void attempt_unwatch(struct attempt *a);
/* It never ran. */
void attempt_not_started(struct attempt *a, enum spawn_stage stage, int error, bool fault);
void attempt_lost(struct attempt *a, enum run_reason reason, bool kill_failed);

/* compose.c */
/* An encoded START.  0 or negative errno: -EMSGSIZE, -ENOMEM, -EINVAL. */
int compose_start(const struct runner_options *opt, const struct run_info *run, const struct job *job, uint32_t attempt,
                  struct wall last_success, int64_t timeout_usec, bool timeout_is_total, const char *log_path,
                  struct outgoing *ret);
#define RUNNER_LOG_PATH_MAX 256
/* Of the job's folder in the folder of logs.  -EINVAL, -ENAMETOOLONG. */
int compose_log_path(const char *job, char ret[static RUNNER_LOG_PATH_MAX]);
