/* What is known of a run: the row that the store keeps and that people see.  A plain value but for its borrowed strings. */
#pragma once
#include <stdint.h>

#include "base/time.h"
#include "tbl/states.h"

#define RUN_NO_STATUS INT32_MIN /* no wait status: never started, or lost */

/* How far a start came that failed before the command ran.  Names are shown (`failed (spawn): chdir: …`). */
#define TBL_SPAWN_STAGES(X)                                                                                          \
        X(STAGE_NONE, "") X(STAGE_RUNNER, "runner") X(STAGE_RECORD, "record") X(STAGE_FORK, "fork")                  \
        X(STAGE_SESSION, "session") X(STAGE_LOG, "log") X(STAGE_PIPES, "pipes") X(STAGE_USER, "user")                \
        X(STAGE_GROUPS, "groups") X(STAGE_LIMITS, "limits") X(STAGE_NICE, "nice") X(STAGE_IDENTITY, "identity")      \
        X(STAGE_CHDIR, "working_dir") X(STAGE_ENV_FILE, "env_file") X(STAGE_STDIN, "stdin") X(STAGE_EXEC, "exec")    \
        X(STAGE_AFFINITY, "cpu_affinity") X(STAGE_OOM, "oom_score_adjust") X(STAGE_IO_CLASS, "io_class")

enum spawn_stage {
#define X(e, name) e,
        TBL_SPAWN_STAGES(X)
#undef X
        STAGE_NR
};
const char *spawn_stage_name(enum spawn_stage s);

/* What an attempt used. */
struct usage {
        int64_t user_usec, system_usec; /* CPU time */
        int64_t max_rss_kib;
        int64_t read_blocks, write_blocks; /* 512-byte blocks, as getrusage counts them */
        uint64_t output_bytes, dropped_bytes;
};

struct run_info {
        uint64_t id;
        uint64_t job_id;
        const char *job;        /* borrowed */
        const char *user;       /* whom it runs as, as written; NULL: default.  borrowed */
        enum run_state state;
        enum run_reason reason; /* of an end; or why it is still where it is */
        enum run_trigger trigger;
        uint32_t flags;         /* enum run_flag */
        uint32_t epoch;         /* clock epoch of its instant */
        struct wall scheduled_at;    /* the instant; of a manual run WALL_NEVER */
        struct wall scheduled_until; /* last instant of a range row; else = scheduled_at */
        uint64_t count;              /* instants covered: 1, more for a range row, 0 where unknown (`changed`) or manual */
        struct wall created_at, queued_at, started_at, ended_at; /* WALL_NEVER: not yet.  started_at: of the last attempt */
        struct wall first_started_at; /* of the first attempt: total_timeout counts from here */
        struct wall retry_at;   /* backoff: when the next attempt is due; waiting (jitter): when the first one is (wall, for
                                   people and over a reboot) */
        uint32_t start;         /* number of the last start request, 0: none yet */
        uint32_t attempt;       /* attempts so far that reached the command */
        int32_t wait_status;    /* the kernel's, of the last attempt; RUN_NO_STATUS */
        uint8_t stage;          /* enum spawn_stage, with reason spawn or fault */
        int32_t error;          /* errno of that stage */
        uint64_t cause_run;     /* the run that was in the way, or that replaced it; 0 */
        uint64_t retry_of;      /* 0 */
        uint32_t by_uid;        /* who asked (manual, cancelled, paused); UINT32_MAX: nobody */
        uint8_t digest[32];     /* of the definition it runs by */
        struct usage usage;     /* of the last attempt */
};

/* Exit code (0…255) of an exited command, else -1; signal number of a killed one, else 0. */
int run_exit_code(const struct run_info *r);
int run_signal(const struct run_info *r);
