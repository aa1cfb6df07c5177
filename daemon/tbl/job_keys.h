/* The keys of a job, told once.  From this table come the reader of job files, its error texts and hints, the printed
 * form of a job, `jobctl schema`, the JSON Schema for editors, and the test that jobs.d(5) names every key.
 *
 * One row:
 *   enum      JOB_KEY_…: its number, the bit in struct job's set_by_*.  A group's own keys follow it.
 *   parent    the map that it stands in (JOB_KEY_NR: the job itself)
 *   name      as users write it
 *   type      KEY_…, see below
 *   field     where struct job or struct job_policy has it (the first one, if several)
 *   flags     KEY_DEFAULTS: may stand in `defaults`; KEY_UNLIMITED: takes the word; KEY_SCHEDULED: of no use without a
 *             schedule; KEY_NEEDED: its map is nothing without it
 *   min, max  of the value, in the field's unit
 *   choices   of a KEY_CHOICE, in the order of its enum
 *   built_in  what holds if nobody says anything, for people
 *   near      what other programs call it: words for "did you mean"
 *   help      one sentence */
#pragma once
#include "base/time.h"

enum key_type {
        KEY_TEXT,      /* any text */
        KEY_LINE,      /* text that must say something */
        KEY_WORD,      /* text without blanks: a user, a group */
        KEY_PATH,      /* from the root */
        KEY_PATHS,     /* one path or a list of them, each may begin with `-` */
        KEY_NUMBER,    /* whole */
        KEY_DECIMAL,   /* up to three decimals */
        KEY_DURATION,
        KEY_SECONDS,   /* a duration of whole seconds */
        KEY_SIZE,
        KEY_BOOLEAN,
        KEY_CHOICE,
        KEY_INSTANT,   /* a date or a date with time */
        KEY_ZONE,
        KEY_UMASK,
        KEY_SIGNAL,
        KEY_IO_CLASS,
        KEY_CPUS,
        KEY_CODES,     /* list of exit codes */
        KEY_REASONS,   /* list of what is retried */
        KEY_SCHEDULE,
        KEY_EXCLUDE,   /* list of calendars, dates, ranges, expressions */
        KEY_COMMAND,
        KEY_SHELL,
        KEY_ENV,       /* map of variables */
        KEY_LABELS,    /* map of words */
        KEY_MAP,       /* map of the keys whose parent it is */
        KEY_RETRY,     /* the same, or a number */
        KEY_TYPE_NR
};

enum {
        KEY_DEFAULTS = 1 << 0,
        KEY_UNLIMITED = 1 << 1,
        KEY_SCHEDULED = 1 << 2,
        KEY_NEEDED = 1 << 3,
};

#define KEY_U32_MAX INT64_C(4000000000)
#define KEY_SIZE_MAX (INT64_C(1) << 60)
#define KEY_LONG (100 * 366 * USEC_PER_DAY)

/* clang-format off */
#define TBL_JOB_KEYS(X) \
X(JOB_KEY_SCHEDULE, JOB_KEY_NR, "schedule", KEY_SCHEDULE, job.entries, 0, 0, 0, "", "no schedule: runs only when asked", \
  "cron crontab cron_expression on_calendar calendar every at when interval trigger triggers schedules expression", \
  "One expression or a list of them; the job is due at the union of their instants.") \
X(JOB_KEY_TIMEZONE, JOB_KEY_NR, "timezone", KEY_ZONE, policy.timezone, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "", "the daemon's local zone", \
  "tz time_zone zone cron_tz location", \
  "IANA name of the zone in which the schedule is read.") \
X(JOB_KEY_DST, JOB_KEY_NR, "dst", KEY_CHOICE, policy.dst, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "once wall skip", "once", \
  "daylight_saving daylight_savings summer_time dst_policy", \
  "What happens to local times that daylight saving skips or repeats: once is by the kind of expression, wall follows the clock, skip leaves them out.") \
X(JOB_KEY_EXCLUDE, JOB_KEY_NR, "exclude", KEY_EXCLUDE, policy.exclude, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "", "nothing", \
  "holidays blackout blackouts except skip_dates exclude_dates exclusions skip_on holiday_calendar calendars", \
  "Days and times at which it does not run: calendars of the configuration, dates, ranges of dates, expressions of five fields.") \
X(JOB_KEY_MOVE, JOB_KEY_NR, "move", KEY_CHOICE, policy.move, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "next previous", "excluded instants are skipped", \
  "shift roll reschedule adjust roll_forward", \
  "An excluded instant moves to the nearest day that is not excluded, in that direction, instead of being skipped.") \
X(JOB_KEY_JITTER, JOB_KEY_NR, "jitter", KEY_DURATION, policy.jitter_usec, KEY_DEFAULTS | KEY_SCHEDULED, 0, 7 * USEC_PER_DAY, "", "0", \
  "random_delay randomized_delay_sec splay random_offset spread randomize randomizeddelaysec", \
  "Each start is delayed by up to so much, by a fixed amount for each machine, job and instant.") \
X(JOB_KEY_START, JOB_KEY_NR, "start", KEY_INSTANT, policy.start, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "", "always", \
  "start_date begin from not_before start_at start_time since", \
  "The schedule's first date or instant, included; @every counts from it.") \
X(JOB_KEY_END, JOB_KEY_NR, "end", KEY_INSTANT, policy.end, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "", "never", \
  "end_date until not_after stop end_at end_time expires to", \
  "The schedule's last date or instant, included.") \
X(JOB_KEY_CATCH_UP, JOB_KEY_NR, "catch_up", KEY_CHOICE, policy.catch_up, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "latest skip all", "latest", \
  "persistent catchup misfire misfire_policy anacron missed run_missed coalesce", \
  "Which of the instants that passed while the daemon or the machine was down or asleep, or that the clock jumped over, still run.") \
X(JOB_KEY_STARTING_DEADLINE, JOB_KEY_NR, "starting_deadline", KEY_DURATION, policy.starting_deadline_usec, \
  KEY_DEFAULTS | KEY_SCHEDULED | KEY_UNLIMITED, 1, KEY_LONG, "", \
  "until the next instant; unlimited with catch_up: all, @at and @reboot; 1m with catch_up: skip", \
  "starting_deadline_seconds misfire_grace_time deadline start_deadline grace", \
  "How late an instant may be when it is taken up; past it the instant is missed.") \
X(JOB_KEY_CATCH_UP_LIMIT, JOB_KEY_NR, "catch_up_limit", KEY_NUMBER, policy.catch_up_limit, KEY_DEFAULTS | KEY_SCHEDULED, 1, KEY_U32_MAX, "", "100", \
  "catchup_limit max_catch_up", \
  "With catch_up: all, at most so many instants are made up, the newest.") \
X(JOB_KEY_ENABLED, JOB_KEY_NR, "enabled", KEY_BOOLEAN, policy.enabled, KEY_DEFAULTS | KEY_SCHEDULED, 0, 0, "", "true", \
  "disabled enable active suspend suspended paused disable", \
  "false: the job is defined and shown, its instants are skipped.") \
X(JOB_KEY_COMMAND, JOB_KEY_NR, "command", KEY_COMMAND, job.command, 0, 0, 0, "", "none: every job has one", \
  "cmd exec exec_start run script args argv program execute executable commands action task do", \
  "What to run: a string is run by the shell, a list is a program and its arguments.") \
X(JOB_KEY_SHELL, JOB_KEY_NR, "shell", KEY_SHELL, policy.shell, KEY_DEFAULTS, 0, 0, "", "/bin/sh", \
  "interpreter sh bash", \
  "A path, run as PATH -c COMMAND (-ec if the command has more than one line), or a list to which the command is appended.") \
X(JOB_KEY_USER, JOB_KEY_NR, "user", KEY_WORD, policy.user, KEY_DEFAULTS, 0, 0, "", "root in the system's daemon, else the daemon's own user", \
  "run_as username uid owner as run_as_user", \
  "Whom the command runs as; looked up at each start.") \
X(JOB_KEY_GROUP, JOB_KEY_NR, "group", KEY_WORD, policy.group, KEY_DEFAULTS, 0, 0, "", "the user's own", \
  "gid groupname run_as_group", \
  "The group it runs as; looked up at each start.") \
X(JOB_KEY_WORKING_DIR, JOB_KEY_NR, "working_dir", KEY_PATH, job.working_dir, KEY_DEFAULTS, 0, 0, "", "the user's home, else /", \
  "working_directory workdir cwd dir directory chdir workingdirectory work_dir", \
  "The folder in which the command starts.") \
X(JOB_KEY_ENV, JOB_KEY_NR, "env", KEY_ENV, job.env, KEY_DEFAULTS, 0, 0, "", "none", \
  "environment envs env_vars variables vars environment_variables", \
  "Environment variables; merged by name with those of the defaults.") \
X(JOB_KEY_ENV_FILE, JOB_KEY_NR, "env_file", KEY_PATHS, policy.env_file, KEY_DEFAULTS, 0, 0, "", "none", \
  "environment_file environmentfile dotenv env_from env_files envfile", \
  "A path or a list of paths of KEY=value lines, read at each attempt; with a leading - it may be missing.") \
X(JOB_KEY_STDIN, JOB_KEY_NR, "stdin", KEY_TEXT, policy.stdin_text, KEY_DEFAULTS, 0, 0, "", "/dev/null", \
  "standard_input input", \
  "A text given on standard input.") \
X(JOB_KEY_UMASK, JOB_KEY_NR, "umask", KEY_UMASK, policy.umask, KEY_DEFAULTS, 0, 0777, "", "022", \
  "mask", \
  "The file mode creation mask: three octal digits.") \
X(JOB_KEY_NICE, JOB_KEY_NR, "nice", KEY_NUMBER, policy.nice, KEY_DEFAULTS, -20, 19, "", "as the daemon's: 0", \
  "niceness", \
  "CPU scheduling priority, from -20 (first) to 19 (last).") \
X(JOB_KEY_IO_CLASS, JOB_KEY_NR, "io_class", KEY_IO_CLASS, policy.io_class, KEY_DEFAULTS, 0, 0, "", "as the daemon's", \
  "ionice io_scheduling_class io_priority io_nice", \
  "I/O scheduling: idle, best-effort[:0-7] or realtime[:0-7].") \
X(JOB_KEY_CPU_AFFINITY, JOB_KEY_NR, "cpu_affinity", KEY_CPUS, policy.cpu_affinity, KEY_DEFAULTS, 0, 1023, "", "all", \
  "cpus cpuset taskset affinity cpu", \
  "The processors it may run on, such as \"0-3,8\".") \
X(JOB_KEY_OOM_SCORE_ADJUST, JOB_KEY_NR, "oom_score_adjust", KEY_NUMBER, policy.oom_score_adjust, KEY_DEFAULTS, -1000, 1000, "", "0", \
  "oom_score_adj oom_score oom oom_adj", \
  "How readily the kernel kills it when memory runs out, from -1000 (never) to 1000 (first).") \
X(JOB_KEY_LIMITS, JOB_KEY_NR, "limits", KEY_MAP, policy.rlimits, KEY_DEFAULTS, 0, 0, "", "none", \
  "limit ulimit ulimits rlimit rlimits resources", \
  "Resource limits of the run's processes; merged by key with those of the defaults.") \
X(JOB_KEY_LIMITS_OPEN_FILES, JOB_KEY_LIMITS, "open_files", KEY_NUMBER, policy.rlimits, KEY_DEFAULTS | KEY_UNLIMITED, 1, INT64_C(1) << 30, "", "the system's", \
  "nofile limit_nofile fds files limitnofile", \
  "Open file descriptors (RLIMIT_NOFILE).") \
X(JOB_KEY_LIMITS_FILE_SIZE, JOB_KEY_LIMITS, "file_size", KEY_SIZE, policy.rlimits, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_SIZE_MAX, "", "the system's", \
  "fsize limit_fsize limitfsize filesize", \
  "The largest file it may write (RLIMIT_FSIZE).") \
X(JOB_KEY_LIMITS_CORE, JOB_KEY_LIMITS, "core", KEY_SIZE, policy.rlimits, KEY_DEFAULTS | KEY_UNLIMITED, 0, KEY_SIZE_MAX, "", "the system's", \
  "limit_core core_size coredump limitcore", \
  "The largest core dump (RLIMIT_CORE); 0: none.") \
X(JOB_KEY_LIMITS_CPU_TIME, JOB_KEY_LIMITS, "cpu_time", KEY_SECONDS, policy.rlimits, KEY_DEFAULTS | KEY_UNLIMITED, USEC_PER_SEC, KEY_LONG, "", "the system's", \
  "limit_cpu cputime limitcpu", \
  "CPU time of each process, in whole seconds (RLIMIT_CPU).") \
X(JOB_KEY_LIMITS_STACK, JOB_KEY_LIMITS, "stack", KEY_SIZE, policy.rlimits, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_SIZE_MAX, "", "the system's", \
  "limit_stack stack_size limitstack", \
  "Stack of each process (RLIMIT_STACK).") \
X(JOB_KEY_LIMITS_ADDRESS_SPACE, JOB_KEY_LIMITS, "address_space", KEY_SIZE, policy.rlimits, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_SIZE_MAX, "", "the system's", \
  "limit_as as vmem virtual_memory limitas", \
  "Address space of each process (RLIMIT_AS).") \
X(JOB_KEY_TIMEOUT, JOB_KEY_NR, "timeout", KEY_DURATION, policy.timeout_usec, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_LONG, "", "unlimited", \
  "time_limit max_runtime runtime_max_sec max_duration active_deadline_seconds timeout_seconds max_time runtime_max timeout_sec duration", \
  "The longest one attempt may take; then kill_signal, and KILL after kill_timeout.") \
X(JOB_KEY_TOTAL_TIMEOUT, JOB_KEY_NR, "total_timeout", KEY_DURATION, policy.total_timeout_usec, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_LONG, "", "unlimited", \
  "overall_timeout max_total_time", \
  "The longest all attempts with the waits between them may take.") \
X(JOB_KEY_KILL_SIGNAL, JOB_KEY_NR, "kill_signal", KEY_SIGNAL, policy.kill_signal, KEY_DEFAULTS, 0, 0, "", "TERM", \
  "signal stop_signal killsignal term_signal", \
  "The signal that asks the run to stop, with or without SIG.") \
X(JOB_KEY_KILL_TIMEOUT, JOB_KEY_NR, "kill_timeout", KEY_DURATION, policy.kill_timeout_usec, KEY_DEFAULTS, 0, KEY_LONG, "", "10s", \
  "timeout_stop_sec kill_after grace_period termination_grace_period_seconds stop_timeout timeoutstopsec", \
  "How long after kill_signal the KILL comes.") \
X(JOB_KEY_SUCCESS_CODES, JOB_KEY_NR, "success_codes", KEY_CODES, policy.success_codes, KEY_DEFAULTS, 0, 255, "", "[0]", \
  "success_exit_status success_exit_codes ok_codes exit_codes success_code success_exit_code", \
  "Exit codes that count as success.") \
X(JOB_KEY_SKIP_CODES, JOB_KEY_NR, "skip_codes", KEY_CODES, policy.skip_codes, KEY_DEFAULTS, 0, 255, "", "none", \
  "skip_exit_codes skip_exit_code skip_on_exit_code skip_code", \
  "Exit codes that count as skipped.") \
X(JOB_KEY_LEFTOVERS, JOB_KEY_NR, "leftovers", KEY_CHOICE, policy.leftovers, KEY_DEFAULTS, 0, 0, "kill wait leave", "kill", \
  "kill_mode orphans left_overs killmode", \
  "What becomes of processes that outlive the main one.") \
X(JOB_KEY_LOG, JOB_KEY_NR, "log", KEY_MAP, policy.log_max, KEY_DEFAULTS, 0, 0, "", "{max: 10M, merge: false}", \
  "logs logging output stdout stderr", \
  "How the output is captured.") \
X(JOB_KEY_LOG_MAX, JOB_KEY_LOG, "max", KEY_SIZE, policy.log_max, KEY_DEFAULTS, 1, KEY_SIZE_MAX, "", "10M", \
  "size max_size limit maximum", \
  "Cap on captured text: head and tail are kept, the dropped middle is counted.") \
X(JOB_KEY_LOG_MERGE, JOB_KEY_LOG, "merge", KEY_BOOLEAN, policy.log_merge, KEY_DEFAULTS, 0, 0, "", "false", \
  "combine join merged", \
  "One pipe for both streams, in true order.") \
X(JOB_KEY_DESCRIPTION, JOB_KEY_NR, "description", KEY_TEXT, job.description, KEY_DEFAULTS, 0, 0, "", "none", \
  "desc comment title summary note name", \
  "A text for people.") \
X(JOB_KEY_LABELS, JOB_KEY_NR, "labels", KEY_LABELS, policy.labels, KEY_DEFAULTS, 0, 16, "", "none", \
  "label tags tag annotations metadata", \
  "Up to 16 words by name, for filters; merged by name with those of the defaults.") \
X(JOB_KEY_RETRY, JOB_KEY_NR, "retry", KEY_RETRY, policy.retry.limit, KEY_DEFAULTS, 0, 0, "", "no retries", \
  "retries restart max_retries backoff_limit attempts retry_policy max_attempts restart_policy", \
  "What follows an attempt that failed: a number of retries, or a map.") \
X(JOB_KEY_RETRY_LIMIT, JOB_KEY_RETRY, "limit", KEY_NUMBER, policy.retry.limit, KEY_DEFAULTS | KEY_NEEDED, 1, 1000000, "", "none: it must be said", \
  "max attempts retries count times max_retries number max_attempts", \
  "How many retries may follow the first attempt.") \
X(JOB_KEY_RETRY_DELAY, JOB_KEY_RETRY, "delay", KEY_DURATION, policy.retry.delay_usec, KEY_DEFAULTS, 0, KEY_LONG, "", "10s", \
  "wait interval initial_delay pause sleep base_delay", \
  "The wait before the first retry.") \
X(JOB_KEY_RETRY_BACKOFF, JOB_KEY_RETRY, "backoff", KEY_CHOICE, policy.retry.backoff, KEY_DEFAULTS, 0, 0, "exponential linear constant", "exponential", \
  "strategy policy mode", \
  "How the wait grows from retry to retry.") \
X(JOB_KEY_RETRY_FACTOR, JOB_KEY_RETRY, "factor", KEY_DECIMAL, policy.retry.factor, KEY_DEFAULTS, 1000, 1000000, "", "2", \
  "multiplier base exponent", \
  "What an exponential wait is multiplied with each time, from 1 to 1000.") \
X(JOB_KEY_RETRY_MAX_DELAY, JOB_KEY_RETRY, "max_delay", KEY_DURATION, policy.retry.max_delay_usec, KEY_DEFAULTS, 1, KEY_LONG, "", "10m, or delay if that is longer", \
  "max_wait cap max_interval maximum_delay max_backoff", \
  "The longest wait.") \
X(JOB_KEY_RETRY_JITTER, JOB_KEY_RETRY, "jitter", KEY_DURATION, policy.retry.jitter_usec, KEY_DEFAULTS, 0, KEY_LONG, "", "0", \
  "random randomize random_delay", \
  "Up to so much is added to each wait, at random.") \
X(JOB_KEY_RETRY_REASONS, JOB_KEY_RETRY, "reasons", KEY_REASONS, policy.retry.reasons, KEY_DEFAULTS, 0, 0, "", "[exit, signal, timeout, spawn]", \
  "on retry_on when conditions reason", \
  "Which ends are retried: exit, signal, timeout, spawn, lost, shutdown.") \
X(JOB_KEY_RETRY_EXIT_CODES, JOB_KEY_RETRY, "exit_codes", KEY_CODES, policy.retry.exit_codes, KEY_DEFAULTS, 0, 255, "", "every code that is not a success", \
  "codes exit_code on_exit_codes exit_status", \
  "Narrows exit to these codes.") \
X(JOB_KEY_CONCURRENCY, JOB_KEY_NR, "concurrency", KEY_CHOICE, policy.concurrency, KEY_DEFAULTS, 0, 0, "forbid queue replace allow", "forbid", \
  "concurrency_policy overlap overlap_policy on_overlap parallel singleton allow_overlap concurrent", \
  "What happens when an instant comes while a run of the job is active.") \
X(JOB_KEY_MAX_CONCURRENT, JOB_KEY_NR, "max_concurrent", KEY_NUMBER, policy.max_concurrent, KEY_DEFAULTS, 1, 1000000, "", "no limit", \
  "max_instances max_parallel max_active_runs parallelism max_running max_concurrency", \
  "With concurrency: allow, how many runs at once.") \
X(JOB_KEY_KEEP, JOB_KEY_NR, "keep", KEY_MAP, policy.keep_runs, KEY_DEFAULTS, 0, 0, "", "{runs: 1000, age: 90d, log: 100M}", \
  "history retention history_limit successful_jobs_history_limit failed_jobs_history_limit log_retention ttl_seconds_after_finished", \
  "How much history and captured text stays.") \
X(JOB_KEY_KEEP_RUNS, JOB_KEY_KEEP, "runs", KEY_NUMBER, policy.keep_runs, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_U32_MAX, "", "1000", \
  "count number max max_runs", \
  "At most so many runs.") \
X(JOB_KEY_KEEP_AGE, JOB_KEY_KEEP, "age", KEY_DURATION, policy.keep_age_usec, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_LONG, "", "90d", \
  "days max_age ttl for duration", \
  "None older than this.") \
X(JOB_KEY_KEEP_LOG, JOB_KEY_KEEP, "log", KEY_SIZE, policy.keep_log, KEY_DEFAULTS | KEY_UNLIMITED, 1, KEY_SIZE_MAX, "", "100M", \
  "logs size log_size", \
  "At most so much captured text.")
/* clang-format on */

enum job_key_id {
#define X(id, parent, name, type, field, flags, min, max, choices, built_in, near, help) id,
        TBL_JOB_KEYS(X)
#undef X
        JOB_KEY_NR
};

_Static_assert(JOB_KEY_NR <= 64, "struct job's set_by_* have 64 bits");

#define JOB_KEY_BIT(id) (UINT64_C(1) << (id))
