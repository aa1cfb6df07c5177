/* The methods of the control protocol, told once: name, right, parameters, help.  From these tables come the daemon's
 * dispatch and its checks, `system.describe`, and what jobctl sends.
 *
 * Rights (INTERFACES: see < read < act < admin, judged for each subject):
 *   see    names, states, instants            read   output, argv, environment
 *   act    run, cancel, pause, …              admin  force, reload; root and the admin group
 * The right in the table is the one that a subject of the call must grant; a handler may ask for more (`force`). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define PROTOCOL_VERSION 1

enum right { RIGHT_SEE, RIGHT_READ, RIGHT_ACT, RIGHT_ADMIN, RIGHT_NR };

enum param_type {
        PARAM_BOOL,
        PARAM_NUMBER,  /* a number >= 0, may have a fraction: seconds */
        PARAM_COUNT,   /* a whole number >= 1 */
        PARAM_RUN,     /* number of a run, >= 1 */
        PARAM_STRING,
        PARAM_TIME,    /* RFC 3339; without an offset the daemon's local time */
        PARAM_STRINGS, /* a list of strings, at most PARAM_LIST_MAX */
        PARAM_RUNS,    /* a list of run numbers, at most PARAM_LIST_MAX */
        PARAM_MAP,     /* an object whose values are strings */
        PARAM_TYPE_NR
};

#define PARAM_LIST_MAX 1000   /* items in one parameter */
#define PARAM_STRING_MAX 4096 /* bytes of one string */
#define PAGE_MAX 1000         /* `limit` */

/*        enum                   name               right        changes?  handler         help */
#define TBL_METHODS(X) \
        X(METHOD_SYSTEM_DESCRIBE, "system.describe", RIGHT_SEE, false, cmd_describe, \
          "The methods, their parameters and rights") \
        X(METHOD_SYSTEM_VERSION, "system.version", RIGHT_SEE, false, cmd_version, \
          "Version of the daemon and of the protocol") \
        X(METHOD_SYSTEM_STATUS, "system.status", RIGHT_SEE, false, cmd_status, \
          "Health, counts, and the job files that are wrong") \
        X(METHOD_SYSTEM_RELOAD, "system.reload", RIGHT_ADMIN, true, cmd_reload, \
          "Read configuration and job files anew; answers when they are in force") \
        X(METHOD_JOB_LIST, "job.list", RIGHT_SEE, false, cmd_job_list, "Jobs in order of their names") \
        X(METHOD_JOB_SHOW, "job.show", RIGHT_SEE, false, cmd_job_show, \
          "One job: definition, origins of its values, active runs") \
        X(METHOD_JOB_CAT, "job.cat", RIGHT_READ, false, cmd_job_cat, \
          "The text of the file that a job comes from") \
        X(METHOD_JOB_DEFINITIONS, "job.definitions", RIGHT_SEE, false, cmd_job_definitions, \
          "The definitions in force, in order of their names; those that may not be read are null") \
        X(METHOD_JOB_NEXT, "job.next", RIGHT_SEE, false, cmd_job_next, \
          "The next instants of jobs, in order of time") \
        X(METHOD_JOB_RUN, "job.run", RIGHT_ACT, true, cmd_job_run, "Run jobs now") \
        X(METHOD_JOB_BACKFILL, "job.backfill", RIGHT_ACT, true, cmd_job_backfill, \
          "Make runs of past instants of a job, in one chain") \
        X(METHOD_JOB_PAUSE, "job.pause", RIGHT_ACT, true, cmd_job_pause, \
          "Let instants of jobs pass until they are resumed") \
        X(METHOD_JOB_RESUME, "job.resume", RIGHT_ACT, true, cmd_job_resume, "End a pause") \
        X(METHOD_JOB_ENABLE, "job.enable", RIGHT_ACT, true, cmd_job_enable, \
          "Enable jobs, whatever their files say") \
        X(METHOD_JOB_DISABLE, "job.disable", RIGHT_ACT, true, cmd_job_disable, \
          "Disable jobs, whatever their files say") \
        X(METHOD_RUN_LIST, "run.list", RIGHT_SEE, false, cmd_run_list, "Runs, newest first") \
        X(METHOD_RUN_SHOW, "run.show", RIGHT_SEE, false, cmd_run_show, \
          "One run: its transitions and the definition it runs by") \
        X(METHOD_RUN_LOGS, "run.logs", RIGHT_READ, false, cmd_run_logs, \
          "The captured output of a run, streamed") \
        X(METHOD_RUN_WAIT, "run.wait", RIGHT_SEE, false, cmd_run_wait, \
          "Held until all of the runs have ended") \
        X(METHOD_RUN_CANCEL, "run.cancel", RIGHT_ACT, true, cmd_run_cancel, \
          "End runs, or only send them a signal") \
        X(METHOD_WHY, "why", RIGHT_SEE, false, cmd_why, \
          "Why a job or run is where it is, or why it did not run at an instant")

enum method {
#define X(e, name, right, changes, handler, help) e,
        TBL_METHODS(X)
#undef X
        METHOD_NR
};

/*        method             name        type          required?  help */
#define TBL_METHOD_PARAMS(X) \
        X(METHOD_SYSTEM_STATUS, "files", PARAM_STRING, false, \
          "`bad` (default: with errors), `noted` (with errors or warnings) or `all`: which job files are listed") \
        X(METHOD_SYSTEM_STATUS, "limit", PARAM_COUNT, false, "files in one page, at most 1000") \
        X(METHOD_SYSTEM_STATUS, "cursor", PARAM_STRING, false, "where the last page ended") \
        X(METHOD_JOB_LIST, "patterns", PARAM_STRINGS, false, "names and patterns; none: every job") \
        X(METHOD_JOB_LIST, "state", PARAM_STRING, false, \
          "jobs with an active run in this state, or whose last run ended in it") \
        X(METHOD_JOB_LIST, "user", PARAM_STRING, false, "jobs that run as this user") \
        X(METHOD_JOB_LIST, "label", PARAM_MAP, false, "jobs that have all of these labels") \
        X(METHOD_JOB_LIST, "failed", PARAM_BOOL, false, \
          "jobs whose last run failed, timed out, was lost or missed") \
        X(METHOD_JOB_LIST, "limit", PARAM_COUNT, false, "jobs in one page, at most 1000") \
        X(METHOD_JOB_LIST, "cursor", PARAM_STRING, false, "where the last page ended") \
        X(METHOD_JOB_SHOW, "job", PARAM_STRING, true, "name") \
        X(METHOD_JOB_CAT, "job", PARAM_STRING, true, "name") \
        X(METHOD_JOB_DEFINITIONS, "limit", PARAM_COUNT, false, "jobs in one page, at most 100") \
        X(METHOD_JOB_DEFINITIONS, "cursor", PARAM_STRING, false, "where the last page ended") \
        X(METHOD_JOB_NEXT, "jobs", PARAM_STRINGS, false, \
          "names and patterns; none: every job that would run") \
        X(METHOD_JOB_NEXT, "n", PARAM_COUNT, false, \
          "how many: in all, or with `jobs` of each (10; at most 10,000 in all)") \
        X(METHOD_JOB_NEXT, "from", PARAM_TIME, false, "instants after this time; default: now") \
        X(METHOD_JOB_NEXT, "to", PARAM_TIME, false, "instants up to this time") \
        X(METHOD_JOB_RUN, "jobs", PARAM_STRINGS, true, "names and patterns") \
        X(METHOD_JOB_RUN, "force", PARAM_BOOL, false, "leave out `concurrency` (right: admin)") \
        X(METHOD_JOB_BACKFILL, "job", PARAM_STRING, true, "name") \
        X(METHOD_JOB_BACKFILL, "from", PARAM_TIME, true, "instants from this time on") \
        X(METHOD_JOB_BACKFILL, "to", PARAM_TIME, false, "… up to this time; default: now") \
        X(METHOD_JOB_BACKFILL, "limit", PARAM_COUNT, false, \
          "more instants than that are refused (1000; at most 10,000)") \
        X(METHOD_JOB_BACKFILL, "dry_run", PARAM_BOOL, false, "only tell which instants it would be") \
        X(METHOD_JOB_PAUSE, "jobs", PARAM_STRINGS, true, "names and patterns") \
        X(METHOD_JOB_PAUSE, "until", PARAM_TIME, false, "resumes by itself then") \
        X(METHOD_JOB_PAUSE, "why", PARAM_STRING, false, "a text that is shown") \
        X(METHOD_JOB_PAUSE, "hold", PARAM_BOOL, false, \
          "instants count as missed, `catch_up` decides at the resume") \
        X(METHOD_JOB_RESUME, "jobs", PARAM_STRINGS, true, "names and patterns") \
        X(METHOD_JOB_ENABLE, "jobs", PARAM_STRINGS, true, "names and patterns") \
        X(METHOD_JOB_DISABLE, "jobs", PARAM_STRINGS, true, "names and patterns") \
        X(METHOD_RUN_LIST, "jobs", PARAM_STRINGS, false, "names and patterns; none: every job's") \
        X(METHOD_RUN_LIST, "states", PARAM_STRINGS, false, "runs in one of these states") \
        X(METHOD_RUN_LIST, "failed", PARAM_BOOL, false, "failed, timed_out, lost, missed") \
        X(METHOD_RUN_LIST, "trigger", PARAM_STRING, false, "runs with this trigger") \
        X(METHOD_RUN_LIST, "user", PARAM_STRING, false, "runs as this user") \
        X(METHOD_RUN_LIST, "since", PARAM_TIME, false, \
          "instants (or creation, where there is none) from this time on") \
        X(METHOD_RUN_LIST, "until", PARAM_TIME, false, "… up to this time") \
        X(METHOD_RUN_LIST, "limit", PARAM_COUNT, false, "runs in one page, at most 1000") \
        X(METHOD_RUN_LIST, "cursor", PARAM_STRING, false, "where the last page ended") \
        X(METHOD_RUN_SHOW, "run", PARAM_RUN, true, "number") \
        X(METHOD_RUN_LOGS, "run", PARAM_RUN, false, "number; or `job`") \
        X(METHOD_RUN_LOGS, "job", PARAM_STRING, false, "name: its newest run that started") \
        X(METHOD_RUN_LOGS, "start", PARAM_COUNT, false, \
          "the start with this number within the run; default: the last") \
        X(METHOD_RUN_LOGS, "previous", PARAM_BOOL, false, \
          "with `run` the start before the last, with `job` the run before the newest") \
        X(METHOD_RUN_LOGS, "follow", PARAM_BOOL, false, "go on until the run has ended") \
        X(METHOD_RUN_LOGS, "lines", PARAM_COUNT, false, "only so many lines at the end") \
        X(METHOD_RUN_LOGS, "since", PARAM_TIME, false, "only what was written from this time on") \
        X(METHOD_RUN_LOGS, "stream", PARAM_STRING, false, "`stdout` or `stderr` alone") \
        X(METHOD_RUN_WAIT, "runs", PARAM_RUNS, true, "numbers") \
        X(METHOD_RUN_WAIT, "timeout", PARAM_NUMBER, false, "seconds to wait at most") \
        X(METHOD_RUN_CANCEL, "runs", PARAM_RUNS, false, "numbers; or `jobs`") \
        X(METHOD_RUN_CANCEL, "jobs", PARAM_STRINGS, false, \
          "names and patterns: all their runs that have not ended") \
        X(METHOD_RUN_CANCEL, "signal", PARAM_STRING, false, \
          "only send this signal (`HUP`, `SIGUSR1`, `10`)") \
        X(METHOD_WHY, "job", PARAM_STRING, false, "name; or `run`") \
        X(METHOD_WHY, "run", PARAM_RUN, false, "number") \
        X(METHOD_WHY, "at", PARAM_TIME, false, "about the job's instant at this time")

struct method_param {
        enum method method;
        const char *name;
        enum param_type type;
        bool required;
        const char *help;
};

const char *method_name(enum method m);
enum right method_right(enum method m);
bool method_changes(enum method m); /* changes something: it goes to the audit log */
const char *method_help(enum method m);
/* METHOD_NR if there is none of that name. */
enum method method_from_name(const char *name);
/* The parameters of a method: `*ret_n` rows beginning at the returned one. */
const struct method_param *method_params(enum method m, size_t *ret_n);

const char *right_name(enum right r);
const char *param_type_name(enum param_type t); /* "boolean", "list of strings", … */
