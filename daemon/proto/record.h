/* The record of an attempt: RECORD_SIZE bytes in <runs>/<run>.<start>/record, the truth of what became of it.
 * Pure: encoding only; runner/recordio.h does the files and locks.
 *
 *      (made) --> CREATED --> EXECING --> RUNNING --> EXITED
 *                    |           |
 *                    v           v
 *                  VOID       EXECFAIL         (CREATED may also become EXECFAIL)
 *
 * It is written whole, in one pwrite, by whoever holds its fcntl write lock: the supervisor for as long as it lives.
 * VOID: judged as not started, a supervisor that comes late goes no further.  EXITED, EXECFAIL and VOID are final. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

#define RECORD_SIZE 512
#define RECORD_VERSION 1

enum record_state {
        RECORD_CREATED = 1,
        RECORD_VOID,
        RECORD_EXECING,  /* written before the command is forked: from here on it may have run */
        RECORD_RUNNING,  /* the command's program was executed */
        RECORD_EXECFAIL, /* it could not be: stage, error, fault */
        RECORD_EXITED,
        RECORD_STATE_NR
};

enum record_flag {
        RECORD_FAULT = 1,       /* EXECFAIL: the machine's fault, not the job's */
        RECORD_KILL_FAILED = 2, /* processes of the attempt would not die */
        RECORD_LOG_DROPPED = 4, /* some output was not kept */
};

struct record {
        uint64_t sequence;       /* of writes, from 1 */
        uint64_t run;
        uint32_t start;
        uint32_t attempt;        /* JOB_ATTEMPT */
        enum record_state state;
        uint32_t flags;          /* enum record_flag */
        char boot[64];           /* the boot it was made in */
        int32_t supervisor;      /* pid; for people, the lock names the holder */
        int32_t command;         /* pid and session of the command; 0: not yet known */
        struct wall created, execing, started, ended;
        struct mono execing_mono, started_mono, ended_mono;
        uint32_t stage;          /* EXECFAIL: enum spawn_stage */
        int32_t error;           /* EXECFAIL: positive errno */
        int32_t wait_status;     /* EXITED: the kernel's */
        uint32_t cause;          /* EXITED: enum end_cause */
        int64_t user_usec, system_usec, max_rss_kib, read_blocks, write_blocks; /* EXITED: getrusage's */
        uint64_t output_bytes, dropped_bytes;                                   /* EXITED: what the command wrote */
};

void record_encode(const struct record *r, uint8_t ret[static RECORD_SIZE]);

/* 0; -EBADMSG: not a record, damaged or torn (read again: a write may be under way); -EPROTO: of a newer version. */
int record_decode(const void *data, size_t size, struct record *ret);

/* Nothing more will be written to it. */
bool record_is_final(const struct record *r);
