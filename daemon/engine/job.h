/* What a job is: a definition, read-only once made, counted references.  jobfile/ makes them from YAML, store/ keeps
 * them by digest, the engine schedules and starts by them, the runner's START is composed of one.  Every string is
 * owned by the job.  Durations are microseconds; USEC_INFINITY where a user wrote `unlimited`.
 *
 * There may be 100,000 of them: one that comes from a file lies in a single block of memory (`packed`), strings and arrays
 * behind the struct; one made piece by piece (tests) owns each of its pointers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/util.h"
#include "calendar/schedule.h"

enum job_concurrency { CONCURRENCY_FORBID, CONCURRENCY_QUEUE, CONCURRENCY_REPLACE, CONCURRENCY_ALLOW };
enum job_catch_up { CATCH_UP_LATEST, CATCH_UP_SKIP, CATCH_UP_ALL };
enum job_backoff { BACKOFF_EXPONENTIAL, BACKOFF_LINEAR, BACKOFF_CONSTANT };
enum job_leftovers { LEFTOVERS_KILL, LEFTOVERS_WAIT, LEFTOVERS_LEAVE };
enum job_io_class { IO_CLASS_UNSET, IO_CLASS_IDLE, IO_CLASS_BEST_EFFORT, IO_CLASS_REALTIME };

/* Rlimits, in the order of the `limits` keys. */
enum job_rlimit { JOB_RLIMIT_OPEN_FILES, JOB_RLIMIT_FILE_SIZE, JOB_RLIMIT_CORE, JOB_RLIMIT_CPU_TIME, JOB_RLIMIT_STACK,
                  JOB_RLIMIT_ADDRESS_SPACE, JOB_RLIMIT_NR };
#define JOB_RLIMIT_UNSET UINT64_MAX       /* inherit the documented default */
#define JOB_RLIMIT_UNLIMITED (UINT64_MAX - 1)

/* Which ends are retried: bits by enum run_reason (exit signal timeout spawn lost=supervisor shutdown). */
#define RETRY_BIT(reason) (UINT64_C(1) << (reason))

struct code_set {
        uint64_t bits[4]; /* exit codes 0 … 255 */
};

struct key_value {
        char *key, *value;
};

struct job_retry {
        struct code_set *exit_codes; /* NULL: every failing code */
        uint32_t limit; /* retries after the first attempt */
        uint8_t backoff; /* enum job_backoff */
        double factor;
        int64_t delay_usec, max_delay_usec, jitter_usec;
        uint64_t reasons;             /* RETRY_BITs */
};

/* A folder of job files.  Shared by its files, counted. */
struct job_folder {
        uint32_t refs;
        char path[];
};

/* The file a job came from.  Shared by its jobs, counted. */
struct job_source {
        uint32_t refs;
        uint32_t uid;         /* the file's owner: the definition's owner, for rights */
        uint64_t text_hash[2]; /* of the file's text, to see whether it is the same (not against an adversary) */
        struct job_folder *folder; /* NULL: the name is a whole path */
        char name[];
};

/* What a job says beside its schedule, its command and its texts: the same for most jobs.  Jobs that a file defined share
 * equal ones: read-only, counted, each in a single block (`packed`).  So bytes here cost nothing, bytes in struct job are
 * there 100,000 times: a new key belongs here unless nearly every job has a value of its own.  Pointers stand together, each
 * with its row in policy_pointers, by which they are copied, compared and freed. */
struct job_policy {
        uint32_t refs;
        bool packed;
        uint64_t hash;              /* of packed ones, with their place among them (jobfile/pack.c) */
        struct job_policy *next, **link;

        char *blocked;              /* why it can't be scheduled (an unknown zone), or NULL */
        char *timezone;             /* as written, or NULL: the daemon's */
        char **shell;               /* NULL-terminated, the command is appended; NULL: /bin/sh -c (or -ec) */
        char *user, *group;         /* NULL: the default */
        char **env_file;            /* NULL-terminated, or NULL; a leading `-` as written */
        char *stdin_text;           /* NULL: /dev/null */
        char *cpu_affinity;         /* "0-3,8" as written, checked; NULL: unset */
        uint64_t *rlimits;          /* JOB_RLIMIT_NR of them, in setrlimit's units (bytes, seconds, files), or NULL: none set */
        struct code_set *success_codes; /* NULL: 0 alone */
        struct code_set *skip_codes;    /* NULL: none */
        struct key_value *labels;   /* in order of key */
        struct exclude *exclude;    /* with references to the sets of calendars */
        struct job_retry retry;     /* (its pointer comes first) */

        /* From retry.limit on plain values: compared byte by byte. */
        const struct tz *zone;      /* never NULL: UTC where the job is blocked for its zone */
        uint32_t n_labels;

        /* Schedule */
        uint32_t n_exclude;
        uint8_t dst;                /* enum days_dst */
        uint8_t move;               /* enum days_move */
        uint32_t catch_up_limit;
        struct wall start, end;     /* {INT64_MIN} and WALL_NEVER when open */
        int64_t starting_deadline_usec; /* -1: the default of its catch_up */
        int64_t jitter_usec;        /* each start is delayed by 0 … so much */
        uint32_t max_concurrent;    /* 0: no limit */
        uint8_t catch_up;           /* enum job_catch_up */
        uint8_t concurrency;        /* enum job_concurrency */
        bool enabled;

        /* Execution */
        bool shell_is_path;         /* only in the configuration's defaults: `shell` is a path alone, `-c` still to come */
        int64_t timeout_usec, total_timeout_usec, kill_timeout_usec;
        uint64_t log_max;           /* bytes */
        int16_t oom_score_adjust;
        uint16_t umask;
        bool log_merge;
        uint8_t leftovers;          /* enum job_leftovers */
        uint8_t io_class;           /* enum job_io_class */
        uint8_t io_level;
        int8_t nice;                /* meaningful if has_nice */
        bool has_nice;
        bool has_oom_score_adjust;
        uint8_t kill_signal;

        uint32_t keep_runs;
        int64_t keep_age_usec;
        uint64_t keep_log;

        /* Which keys were given, and where: bit by the key's number in tbl/job_keys.h.  What is in none is built in. */
        uint64_t set_by_config, set_by_file, set_by_job;
};

enum job_pointer_kind { POINTER_STRING, POINTER_STRINGS, POINTER_PAIRS, POINTER_CODES, POINTER_LIMITS, POINTER_EXCLUDES };
struct job_pointer {
        uint16_t at;    /* offset in struct job_policy */
        uint16_t count; /* of PAIRS, EXCLUDES: the offset of their number */
        uint8_t kind;   /* enum job_pointer_kind; STRINGS end with a NULL */
};
#define POLICY_POINTERS_NR 14
extern const struct job_pointer policy_pointers[POLICY_POINTERS_NR];

struct job {
        uint32_t refs;
        uint32_t line;              /* where it begins in the file, from 1 */
        char *name;
        struct job_source *source;  /* NULL for jobs made by tests */
        struct job_policy *policy;  /* never NULL; a reference */
        uint8_t digest[32];         /* of the canonical definition: equal digests, equal jobs (the source aside) */
        struct calendar *entries;
        char **texts;               /* the expressions as written, n_entries of them */
        char **command;             /* NULL-terminated: argv, or one string for the shell */
        char *working_dir;          /* NULL: the user's home */
        char *description;
        struct key_value *env;      /* in order of key */
        uint32_t n_entries;
        uint32_t n_env;
        bool command_is_argv;
        bool packed;                /* everything it points to lies in its own block */
};

/* A job with every default, one reference, no name, and a policy of its own.  NULL on -ENOMEM. */
struct job *job_new(void);
struct job *job_ref(struct job *j);
/* NULL is fine.  Always returns NULL. */
struct job *job_unref(struct job *j);
DEFINE_CLEANUP(struct job *, job_unref);

struct job_policy *policy_ref(struct job_policy *p);
struct job_policy *policy_unref(struct job_policy *p);

/* One reference; the texts are copied, the folder is referenced.  NULL: no memory. */
struct job_folder *job_folder_new(const char *path, size_t size);
struct job_folder *job_folder_unref(struct job_folder *f);
struct job_source *job_source_new(struct job_folder *folder_or_null, const char *name, uint32_t uid);
/* Caller frees; NULL: no memory. */
char *job_source_path(const struct job_source *s);
struct job_source *job_source_ref(struct job_source *s);
struct job_source *job_source_unref(struct job_source *s);

/* The delay of an instant's start, 0 … jitter in whole milliseconds: of machine, job and instant alone, so that it can be
 * told beforehand and a restart does not change it. */
int64_t job_delay(const struct job *j, uint64_t machine, struct wall at);

/* The job's schedule, borrowed. */
struct schedule job_schedule(const struct job *j);

bool code_set_has(const struct code_set *s, unsigned code);
void code_set_add(struct code_set *s, unsigned code);
