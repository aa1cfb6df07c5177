/* The keys of the configuration, told once; columns as in tbl/job_keys.h, fields of struct config. */
#pragma once
#include "tbl/job_keys.h"

/* clang-format off */
#define TBL_CONFIG_KEYS(X) \
X(CONFIG_KEY_JOBS_DIRS, CONFIG_KEY_NR, "jobs_dirs", KEY_PATHS, jobs_dirs, 0, 0, 0, "", "/etc/jobs.d", \
  "jobs_dir job_dirs jobsdir include folders job_folders", \
  "A folder or a list of folders of job files.") \
X(CONFIG_KEY_STATE_DIR, CONFIG_KEY_NR, "state_dir", KEY_PATH, state_dir, 0, 0, 0, "", "/var/lib/jobsched", \
  "statedir state data_dir database db", \
  "Where state and history are.") \
X(CONFIG_KEY_RUNTIME_DIR, CONFIG_KEY_NR, "runtime_dir", KEY_PATH, runtime_dir, 0, 0, 0, "", "/run/jobsched-runs", \
  "run_dir rundir runtime", \
  "Where the records of attempts are; gone with a reboot.") \
X(CONFIG_KEY_LOG_DIR, CONFIG_KEY_NR, "log_dir", KEY_PATH, log_dir, 0, 0, 0, "", "/var/log/jobsched", \
  "logdir logs_dir", \
  "Where the output of runs is kept.") \
X(CONFIG_KEY_SOCKET, CONFIG_KEY_NR, "socket", KEY_PATH, socket, 0, 0, 0, "", "/run/jobsched/control.sock", \
  "control_socket listen sock", \
  "The control socket.") \
X(CONFIG_KEY_RUNNER, CONFIG_KEY_NR, "runner", KEY_PATH, runner, 0, 0, 0, "", "the jobsched-runner that was installed with the daemon", \
  "runner_path runner_socket executor", \
  "The runner's program, or the socket of a running one.") \
X(CONFIG_KEY_TIMEZONE, CONFIG_KEY_NR, "timezone", KEY_ZONE, timezone, 0, 0, 0, "", "the machine's local zone", \
  "tz time_zone zone", \
  "IANA name of the zone of jobs that name none.") \
X(CONFIG_KEY_MAX_RUNNING, CONFIG_KEY_NR, "max_running", KEY_NUMBER, max_running, 0, 1, 1000000, "", "1000", \
  "max_jobs concurrency max_concurrent max_parallel workers", \
  "How many runs at once.") \
X(CONFIG_KEY_MAX_STARTING, CONFIG_KEY_NR, "max_starting", KEY_NUMBER, max_starting, 0, 1, 1000000, "", "twice the cores", \
  "max_start", \
  "How many of them are starting at once; paces bursts.") \
X(CONFIG_KEY_CALENDARS, CONFIG_KEY_NR, "calendars", KEY_MAP, n_calendars, 0, 0, 0, "", "none", \
  "calendar holidays ical ics", \
  "Named calendars for `exclude`: each the path of an .ics file, a date, a range of dates, or a list of these.") \
X(CONFIG_KEY_DEFAULTS, CONFIG_KEY_NR, "defaults", KEY_MAP, defaults, 0, 0, 0, "", "none", \
  "default job_defaults", \
  "Keys for the jobs of all files; a file's own defaults and the job itself win.") \
X(CONFIG_KEY_ACCESS, CONFIG_KEY_NR, "access", KEY_MAP, see_own, 0, 0, 0, "", "everyone sees, the owner acts", \
  "acl permissions rights auth", \
  "Who may see and do what.") \
X(CONFIG_KEY_ACCESS_SEE, CONFIG_KEY_ACCESS, "see", KEY_CHOICE, see_own, 0, 0, 0, "all own", "all", \
  "view visible read", \
  "Whose jobs a user sees: all, or own.") \
X(CONFIG_KEY_ACCESS_JOBS, CONFIG_KEY_ACCESS, "jobs", KEY_MAP, access_jobs, 0, 0, 0, "", "none", \
  "job", \
  "Map from job names or patterns to {run: [GROUP…]}: the groups that may also act on them.") \
X(CONFIG_KEY_ACCESS_ADMIN_GROUP, CONFIG_KEY_ACCESS, "admin_group", KEY_WORD, admin_group, 0, 0, 0, "", "jobsched-admin", \
  "admin admins admin_groups wheel", \
  "The group whose members may do everything.") \
X(CONFIG_KEY_LOG_LEVEL, CONFIG_KEY_NR, "log_level", KEY_CHOICE, log_level, 0, 0, 0, "error warning notice info debug", "info", \
  "loglevel verbosity level", \
  "How much the daemon itself logs.") \
X(CONFIG_KEY_LOG_FORMAT, CONFIG_KEY_NR, "log_format", KEY_CHOICE, log_format, 0, 0, 0, "auto journal text json", "auto", \
  "logformat format", \
  "In what form: auto is the journal under systemd, else text.") \
X(CONFIG_KEY_KEEP, CONFIG_KEY_NR, "keep", KEY_MAP, defaults, 0, 0, 0, "", "{runs: 1000, age: 90d, log: 100M}", \
  "history retention", \
  "How much history and captured text of a job stays, where the job doesn't say.") \
X(CONFIG_KEY_ON_STOP, CONFIG_KEY_NR, "on_stop", KEY_CHOICE, on_stop, 0, 0, 0, "leave wait kill", "leave", \
  "onstop stop_policy on_shutdown", \
  "What becomes of runs when the daemon stops.") \
X(CONFIG_KEY_SHUTDOWN_GRACE, CONFIG_KEY_NR, "shutdown_grace", KEY_DURATION, shutdown_grace_usec, 0, 0, KEY_LONG, "", "10s", \
  "grace shutdown_timeout stop_timeout", \
  "How long runs have to end when they are stopped.") \
X(CONFIG_KEY_CLOCK_WAIT, CONFIG_KEY_NR, "clock_wait", KEY_DURATION, clock_wait_usec, 0, 0, KEY_LONG, "", "5m", \
  "time_wait ntp_wait clock_timeout", \
  "After a boot with a clock that is behind the state: how long to wait for it to be set.")
/* clang-format on */

enum config_key_id {
#define X(id, parent, name, type, field, flags, min, max, choices, built_in, near, help) id,
        TBL_CONFIG_KEYS(X)
#undef X
        CONFIG_KEY_NR
};
