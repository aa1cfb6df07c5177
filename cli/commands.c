/* The commands, one row each.  What stands here is what `jobctl help` prints, and what jobctl(1) has to have. */
#include "cli.h"

const struct option_row global_options[] = {
        { OPT_SOCKET, "socket", 0, "PATH", "the daemon's socket (default: $JOBSCHED_SOCKET, else the system's)" },
        { OPT_USER_DAEMON, "user", 0, NULL,
          "your own daemon (jobschedd --user); before the command where it has a filter of that name" },
        { OPT_ROOT, "root", 0, "DIR", "the private daemon of a folder (jobschedd --root DIR)" },
        { OPT_JSON, "json", 0, NULL, "print one JSON document" },
        { OPT_OUTPUT, "output", 'o', "FORMAT", "table, wide, json, jsonl, yaml, csv or name" },
        { OPT_COLOR, "color", 0, "WHEN", "auto, always or never" },
        { OPT_YES, "yes", 'y', NULL, "don't ask" },
        { OPT_HELP, "help", 'h', NULL, "explain the command" },
        { OPT_VERSION, "version", 0, NULL, "print the version" },
        { OPT_NONE },
};

static const struct option_row status_options[] = {
        { OPT_CHECK, "check", 0, NULL,
          "one line and an exit code for monitoring: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN" },
        { OPT_MAX_FAILED, "max-failed", 0, "N", "with --check: up to N failing jobs are a WARNING only (0)" },
        { OPT_WATCH, "watch", 'w', NULL, "again every two seconds" },
        { OPT_NONE },
};

static const struct option_row list_options[] = {
        { OPT_STATE, "state", 0, "STATE", "only jobs with a live run in this state, or whose last run ended in it" },
        { OPT_FAILED, "failed", 0, NULL, "only jobs whose last run failed, timed out, was lost or missed" },
        { OPT_USER, "user", 0, "USER", "only jobs that run as this user" },
        { OPT_LABEL, "label", 0, "K=V", "only jobs with this label; may be repeated" },
        { OPT_QUIET, "quiet", 'q', NULL, "names only" },
        { OPT_WATCH, "watch", 'w', NULL, "again every two seconds" },
        { OPT_NONE },
};

static const struct option_row next_options[] = {
        { OPT_COUNT, "count", 'n', "N", "how many instants: in all, or of each job where jobs are given (10)" },
        { OPT_FROM, "from", 0, "T", "after this time (now)" },
        { OPT_TO, "to", 0, "T", "up to this time" },
        { OPT_NONE },
};

static const struct option_row runs_options[] = {
        { OPT_JOB, "job", 0, "PATTERN", "only runs of these jobs; may be repeated" },
        { OPT_STATE, "state", 0, "STATE", "only runs in this state; may be repeated, or a list with commas" },
        { OPT_FAILED, "failed", 0, NULL, "only runs that failed, timed out, were lost or missed" },
        { OPT_USER, "user", 0, "USER", "only runs as this user" },
        { OPT_TRIGGER, "trigger", 0, "TRIGGER", "only runs of this trigger: schedule, catch_up, boot, manual, backfill" },
        { OPT_SINCE, "since", 0, "T", "only runs since this time" },
        { OPT_UNTIL, "until", 0, "T", "only runs until this time" },
        { OPT_COUNT, "count", 'n', "N", "the newest N (50 on a terminal, else all)" },
        { OPT_QUIET, "quiet", 'q', NULL, "numbers only" },
        { OPT_NONE },
};

static const struct option_row logs_options[] = {
        { OPT_FOLLOW, "follow", 'f', NULL, "go on until the run has ended" },
        { OPT_COUNT, "lines", 'n', "LINES", "the last LINES only" },
        { OPT_SINCE, "since", 0, "T", "only what was written since this time" },
        { OPT_ATTEMPT, "attempt", 0, "N", "of the run's N-th start (the last one)" },
        { OPT_PREVIOUS, "previous", 0, NULL, "of a job's run before the newest; of a run its start before the last" },
        { OPT_STDERR, "stderr", 0, NULL, "standard error only" },
        { OPT_RAW, "raw", 0, NULL, "every byte as it was written, on a terminal too" },
        { OPT_NONE },
};

static const struct option_row why_options[] = {
        { OPT_AT, "at", 0, "T", "about a job's instant at this time" },
        { OPT_NONE },
};

static const struct option_row run_options[] = {
        { OPT_FORCE, "force", 0, NULL, "whatever the job's concurrency says (administrators)" },
        { OPT_WAIT, "wait", 0, NULL, "wait for the end, and exit as the run did" },
        { OPT_FOLLOW, "follow", 'f', NULL, "show the output, and exit as the run did" },
        { OPT_QUIET, "quiet", 'q', NULL, "numbers only" },
        { OPT_NONE },
};

static const struct option_row cancel_options[] = {
        { OPT_SIGNAL, "signal", 's', "SIG", "only send this signal" },
        { OPT_JOB, "job", 0, "PATTERN", "the live runs of these jobs; may be repeated" },
        { OPT_STATE, "state", 0, "STATE", "the live runs in this state; may be repeated" },
        { OPT_USER, "user", 0, "USER", "the live runs as this user" },
        { OPT_TRIGGER, "trigger", 0, "TRIGGER", "the live runs of this trigger" },
        { OPT_SINCE, "since", 0, "T", "the live runs since this time" },
        { OPT_UNTIL, "until", 0, "T", "the live runs until this time" },
        { OPT_QUIET, "quiet", 'q', NULL, "print the runs' numbers only" },
        { OPT_NONE },
};

static const struct option_row kill_options[] = {
        { OPT_SIGNAL, "signal", 's', "SIG", "which signal (TERM)" },
        { OPT_QUIET, "quiet", 'q', NULL, "print the runs' numbers only" },
        { OPT_NONE },
};

static const struct option_row wait_options[] = {
        { OPT_TIMEOUT, "timeout", 0, "D", "give up after this long (exit code 126)" },
        { OPT_JOB, "job", 0, "PATTERN", "the live runs of these jobs; may be repeated" },
        { OPT_STATE, "state", 0, "STATE", "the live runs in this state; may be repeated" },
        { OPT_USER, "user", 0, "USER", "the live runs as this user" },
        { OPT_TRIGGER, "trigger", 0, "TRIGGER", "the live runs of this trigger" },
        { OPT_SINCE, "since", 0, "T", "the live runs since this time" },
        { OPT_UNTIL, "until", 0, "T", "the live runs until this time" },
        { OPT_QUIET, "quiet", 'q', NULL, "say nothing" },
        { OPT_NONE },
};

static const struct option_row pause_options[] = {
        { OPT_UNTIL, "until", 0, "T", "resume by itself at this time" },
        { OPT_MESSAGE, "message", 'm', "WHY", "why, for others to read" },
        { OPT_HOLD, "hold", 0, NULL, "instants meanwhile count as missed, and catch_up decides at the resume" },
        { OPT_QUIET, "quiet", 'q', NULL, "say nothing" },
        { OPT_NONE },
};

static const struct option_row backfill_options[] = {
        { OPT_FROM, "from", 0, "T", "the instants from this time on" },
        { OPT_TO, "to", 0, "T", "up to this time (now)" },
        { OPT_LIMIT, "limit", 0, "N", "more instants than N are refused (1000)" },
        { OPT_DRY_RUN, "dry-run", 0, NULL, "only print which instants it would be" },
        { OPT_QUIET, "quiet", 'q', NULL, "print the runs' numbers only" },
        { OPT_NONE },
};

static const struct option_row quiet_options[] = {
        { OPT_QUIET, "quiet", 'q', NULL, "say nothing" },
        { OPT_NONE },
};

static const struct option_row check_options[] = {
        { OPT_CONFIG, "config", 0, "FILE", "check this configuration too, and by its defaults" },
        { OPT_HOST, "host", 0, NULL, "look at this machine too: owners and modes of files, users, programs" },
        { OPT_QUIET, "quiet", 'q', NULL, "errors and warnings only" },
        { OPT_NONE },
};

static const struct option_row explain_options[] = {
        { OPT_TIMEZONE, "timezone", 0, "TZ", "an IANA zone (this machine's)" },
        { OPT_FROM, "from", 0, "T", "after this time (now)" },
        { OPT_COUNT, "count", 'n', "N", "how many instants (10)" },
        { OPT_JOB, "job", 0, "NAME", "H and ~ as this job draws them, on this machine" },
        { OPT_DST, "dst", 0, "RULE", "once, wall or skip, as in job files (once)" },
        { OPT_NONE },
};

static const struct option_row simulate_options[] = {
        { OPT_JOBS_DIR, "jobs-dir", 0, "DIR", "the job files of this folder (those of the daemon); may be repeated" },
        { OPT_CONFIG, "config", 0, "FILE", "by the defaults and limits of this configuration" },
        { OPT_FROM, "from", 0, "T", "from this time on (now)" },
        { OPT_TO, "to", 0, "T", "up to this time (a day later)" },
        { OPT_DURATION, "duration", 0, "[JOB=]D", "how long a run takes, of this job or of any other; may be repeated (0s)" },
        { OPT_NO_HISTORY, "no-history", 0, NULL, "don't ask a daemon how long runs have taken" },
        { OPT_FAIL, "fail", 0, "JOB", "every attempt of this job fails; may be repeated" },
        { OPT_DOWN, "down", 0, "T..T", "the daemon is down in between; may be repeated" },
        { OPT_SUMMARY, "summary", 0, NULL, "only the sum" },
        { OPT_QUIET, "quiet", 'q', NULL, "don't say where durations are from" },
        { OPT_NONE },
};

static const struct option_row plan_options[] = {
        { OPT_AGAINST, "against", 0, "DIR", "against these job files, not what the daemon has in force" },
        { OPT_CONFIG, "config", 0, "FILE", "by the defaults of this configuration (the daemon's)" },
        { OPT_QUIET, "quiet", 'q', NULL, "don't sum up" },
        { OPT_NONE },
};

#define SEE "See"
#define ACT "Act"
#define AHEAD "Look ahead, no daemon needed"
#define HOUSE "Keep house"
#define MANY SIZE_MAX

const struct command commands[] = {
        { "status",
          {},
          SEE,
          "[--check [JOB...] [--max-failed N]]",
          "is all well: the daemon, its files, failing jobs, what is next",
          status_options,
          0,
          MANY,
          0,
          cmd_status },
        { "list",
          { "ls" },
          SEE,
          "[PATTERN...]",
          "the jobs, their last and next runs",
          list_options,
          0,
          MANY,
          0,
          cmd_list },
        { "show", {}, SEE, "JOB|RUN...", "all about a job or a run", NULL, 1, MANY, 0, cmd_show },
        { "cat", {}, SEE, "JOB...", "the file that defines a job, as it is in force", NULL, 1, MANY, 0, cmd_cat },
        { "next", {}, SEE, "[JOB...]", "what is due when", next_options, 0, MANY, 0, cmd_next },
        { "runs", { "history" }, SEE, "[JOB...]", "what ran, newest first", runs_options, 0, MANY, 0, cmd_runs },
        { "logs", {}, SEE, "RUN|JOB", "what a run, or a job's newest one, printed", logs_options, 1, 1, 0, cmd_logs },
        { "why",
          {},
          SEE,
          "JOB|RUN...",
          "why it is so: why a run waits, ended so, or why a job does not run",
          why_options,
          1,
          MANY,
          0,
          cmd_why },
        { "run", { "start" }, ACT, "JOB...", "start a run now", run_options, 1, MANY, COMMAND_MAY_WAIT, cmd_run },
        { "cancel",
          { "stop" },
          ACT,
          "RUN|JOB...",
          "stop runs, or all live runs of a job",
          cancel_options,
          0,
          MANY,
          0,
          cmd_cancel },
        { "kill", {}, ACT, "RUN|JOB...", "only send a signal", kill_options, 1, MANY, 0, cmd_kill },
        { "wait",
          {},
          ACT,
          "RUN|JOB...",
          "wait for runs to end, and exit as they did",
          wait_options,
          0,
          MANY,
          COMMAND_WAITS,
          cmd_wait },
        { "pause", {}, ACT, "JOB...", "no scheduled runs for now", pause_options, 1, MANY, 0, cmd_pause },
        { "resume", {}, ACT, "JOB...", "end a pause", quiet_options, 1, MANY, 0, cmd_resume },
        { "enable", {}, ACT, "JOB...", "switch a job on again", quiet_options, 1, MANY, 0, cmd_enable },
        { "disable",
          {},
          ACT,
          "JOB...",
          "switch a job off until it is enabled",
          quiet_options,
          1,
          MANY,
          0,
          cmd_disable },
        { "backfill",
          {},
          ACT,
          "JOB --from T [--to T]",
          "run past instants of a job, oldest first",
          backfill_options,
          1,
          1,
          0,
          cmd_backfill },
        { "reload",
          {},
          ACT,
          "",
          "read configuration and job files now, and say what is wrong",
          quiet_options,
          0,
          0,
          0,
          cmd_reload },
        { "check",
          { "validate" },
          AHEAD,
          "[FILE|DIR...]",
          "report every error of job files",
          check_options,
          0,
          MANY,
          COMMAND_PATHS,
          cmd_check },
        { "explain",
          {},
          AHEAD,
          "EXPR",
          "what a schedule means, and when it is due",
          explain_options,
          1,
          MANY,
          COMMAND_EXPRESSION,
          cmd_explain },
        { "simulate",
          {},
          AHEAD,
          "[JOB...]",
          "what would run, wait, be skipped or missed, in virtual time",
          simulate_options,
          0,
          MANY,
          0,
          cmd_simulate },
        { "plan",
          {},
          AHEAD,
          "DIR... [--against DIR]",
          "what a reload with these job files would change",
          plan_options,
          1,
          MANY,
          COMMAND_PATHS,
          cmd_plan },
        { "schema", {}, AHEAD, "[KEY]", "the keys of job files, or all about one", NULL, 0, 1, 0, cmd_schema },
        { "version", {}, HOUSE, "", "jobctl's version, and the daemon's if there is one", NULL, 0, 0, 0, cmd_version },
        { "help", {}, HOUSE, "[COMMAND]", "this, or all about a command", NULL, 0, 1, 0, cmd_help },
        { NULL },
};

const struct command *command_find(const char *name)
{
        for (const struct command *k = commands; k->name; k++) {
                if (streq(k->name, name))
                        return k;
                for (size_t i = 0; i < ARRAY_SIZE(k->aliases) && k->aliases[i]; i++)
                        if (streq(k->aliases[i], name))
                                return k;
        }
        return NULL;
}

const char *command_nearest(const char *name)
{
        const char *names[64];
        size_t n = 0;

        for (const struct command *k = commands; k->name && n < ARRAY_SIZE(names) - 4; k++) {
                names[n++] = k->name;
                for (size_t i = 0; i < ARRAY_SIZE(k->aliases) && k->aliases[i]; i++)
                        names[n++] = k->aliases[i];
        }
        names[n] = NULL;
        return nearest_word(name, names);
}
