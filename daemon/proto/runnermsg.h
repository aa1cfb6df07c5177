/* Messages between the daemon and its runner: one datagram each on a SOCK_SEQPACKET socket.  Pure.
 *
 *     u32 magic  u16 version  u16 type  u64 run  u32 start  u32 size   then `size` bytes of fields:
 *     u16 key  u16 zero  u32 length  bytes                             all little-endian
 *
 * Texts carry their NUL (so that a reader may point into the message), numbers are 8 bytes.  Every length is checked;
 * an unknown type or key, a key twice that is no list, a number out of its range, a NUL inside a text: -EBADMSG.
 *
 * From the daemon:  HELLO first, with a descriptor of the folder of logs.  START makes the record and a supervisor.  STOP, SIGNAL reach the supervisor.  VOID:
 * judge the attempt as not started, if it is not too late.  REAP: its supervisor died, kill what it left.  FORGET:
 * remove its folder.
 *
 * To the daemon:  READY.  FAILED: a START got no supervisor.  RUNNING, EXECFAIL: hints of the
 * supervisor.  GONE: supervisors have ended (a list).  JUDGED, REAPED: VOID, REAP are done.  Hints say where to look;
 * the record says what is so. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define RUNNERMSG_VERSION 1
#define RUNNERMSG_MAX (256u * 1024)
#define RUNNERMSG_HEADER 24
#define RUNNERMSG_UNSET INT64_MIN /* a number that was not given */

enum runnermsg_type {
        RUNNERMSG_HELLO = 1, RUNNERMSG_START, RUNNERMSG_STOP, RUNNERMSG_SIGNAL, RUNNERMSG_VOID, RUNNERMSG_REAP,
        RUNNERMSG_FORGET,
        RUNNERMSG_READY, RUNNERMSG_FAILED, RUNNERMSG_RUNNING, RUNNERMSG_EXECFAIL, RUNNERMSG_GONE, RUNNERMSG_JUDGED,
        RUNNERMSG_REAPED,
        RUNNERMSG_TYPE_NR
};

#define RUNNERMSG_RLIMITS 6 /* in the order of enum job_rlimit */

/* Every field there is; a message uses those that its type is about.  Lists end with NULL.  NULL, RUNNERMSG_UNSET:
 * not there. */
struct runnermsg {
        enum runnermsg_type type;
        uint64_t run;
        uint32_t start;

        /* HELLO: what holds for every attempt */
        const char *runs_dir;    /* the attempts' folders */
        const char *boot;        /* for the records */
        const char *socket;      /* JOBSCHED_SOCKET: by it the processes of our attempts are known */
        int64_t own_user_only;   /* 1: identity is left alone */
        int64_t shutdown_grace_usec;

        /* START */
        const char *user, *group, *working_dir;
        const char *log_path;    /* of the job's folder, in the folder of logs; without: output is dropped */
        char **argv;
        char **env_base;         /* KEY=VALUE: LANG, TZ; weaker than the two below */
        char **env_file;         /* paths; a leading `-`: may be missing */
        char **env;              /* KEY=VALUE */
        char **env_own;          /* KEY=VALUE: JOB_NAME and its like; nobody overrides them */
        const char *stdin_text;
        size_t stdin_size;       /* may hold any byte; not counted in it: a NUL that follows */
        const void *affinity;    /* bits of CPUs, the first in the lowest bit of the first byte */
        size_t affinity_size;
        int64_t attempt, umask, nice, io_class, io_level, oom_score_adjust;
        int64_t rlimit[RUNNERMSG_RLIMITS]; /* JOB_RLIMIT_UNLIMITED travels as -1 */
        int64_t timeout_usec, timeout_is_total, kill_signal, kill_timeout_usec, leftovers, log_max, log_merge;

        /* STOP (signal, grace_usec), SIGNAL (signal) */
        int64_t signal, grace_usec;

        /* FAILED */
        int64_t stage, error, fault;

        /* REAPED */
        int64_t kill_failed;

        /* GONE: n_gone times u64 run, u32 start */
        const void *gone;
        size_t gone_size;

        void *owned;             /* the lists of a decoded message */
};

/* A message of this type with every number unset. */
struct runnermsg runnermsg_make(enum runnermsg_type type, uint64_t run, uint32_t start);

/* Encodes into *ret_data, to be freed by the caller.  0, -ENOMEM, -EMSGSIZE (over RUNNERMSG_MAX), -EINVAL (a number
 * out of range). */
int runnermsg_encode(const struct runnermsg *m, uint8_t **ret_data, size_t *ret_size);

/* Only the header and the framing of all fields: enough to know what it is.  0, -EBADMSG, -EPROTO (another version). */
int runnermsg_peek(const void *data, size_t size, enum runnermsg_type *ret_type, uint64_t *ret_run,
                   uint32_t *ret_start);

/* The whole.  Texts point into `data`, which must stay; lists are owned by *ret: runnermsg_done().  0, -EBADMSG,
 * -EPROTO, -ENOMEM. */
int runnermsg_decode(const void *data, size_t size, struct runnermsg *ret);
void runnermsg_done(struct runnermsg *m);

/* GONE's entries. */
#define RUNNERMSG_GONE_SIZE 12
void runnermsg_gone_put(uint8_t *at, uint64_t run, uint32_t start);
void runnermsg_gone_get(const uint8_t *at, uint64_t *ret_run, uint32_t *ret_start);
