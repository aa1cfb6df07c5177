/* jobctl: what every command shares.  A command is one row (commands.c): name, aliases, usage, help, options, handler;
 * help, dispatch and the check of the manual page come from the rows.  A handler gets the parsed words and returns the
 * exit code.
 *
 * Nothing is set up before it is needed: `jobctl version` opens no zone, no socket and no table library. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time.h"
#include "calendar/tz.h"
#include "client.h"
#include "text.h"

enum output_format {
        OUTPUT_TABLE,
        OUTPUT_WIDE,
        OUTPUT_JSON,
        OUTPUT_JSONL,
        OUTPUT_YAML,
        OUTPUT_CSV,
        OUTPUT_NAME,
};

/* Exit codes that INTERFACES fixes; the rest comes from tbl/errors.h. */
enum exit_code {
        EXIT_OK = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_NOT_FOUND = 3,
        EXIT_DENIED = 4,
        EXIT_UNREACHABLE = 5,
        EXIT_CONFLICT = 6,
        EXIT_CHECK_UNKNOWN = 3,   /* of status --check */
        EXIT_RUN_TIMED_OUT = 124, /* of waiting commands */
        EXIT_NO_STATUS = 125,     /* the run has no status of its own */
        EXIT_SELF = 126,          /* jobctl itself failed while a run's status was asked for */
};

enum option {
        OPT_NONE,
        /* global */
        OPT_SOCKET, OPT_USER_DAEMON, OPT_ROOT, OPT_JSON, OPT_OUTPUT, OPT_COLOR, OPT_YES, OPT_HELP, OPT_VERSION,
        /* filters */
        OPT_JOB, OPT_STATE, OPT_FAILED, OPT_USER, OPT_LABEL, OPT_TRIGGER, OPT_SINCE, OPT_UNTIL,
        /* the rest */
        OPT_CHECK, OPT_MAX_FAILED, OPT_WATCH, OPT_COUNT, OPT_QUIET, OPT_FROM, OPT_TO, OPT_AT, OPT_FOLLOW, OPT_ATTEMPT,
        OPT_PREVIOUS, OPT_STDERR, OPT_RAW, OPT_FORCE, OPT_WAIT, OPT_SIGNAL, OPT_TIMEOUT, OPT_MESSAGE, OPT_HOLD,
        OPT_CONFIG, OPT_HOST, OPT_TIMEZONE, OPT_JOBS_DIR, OPT_DURATION, OPT_FAIL, OPT_DOWN, OPT_SUMMARY, OPT_NO_HISTORY,
        OPT_LIMIT, OPT_DRY_RUN, OPT_AGAINST, OPT_DST,
        OPT_NR,
};

struct option_row {
        enum option id;
        const char *name; /* --name */
        char letter;      /* -x, or 0 */
        const char *arg;  /* NULL: takes none */
        const char *help;
};

struct cli;

enum command_flag {
        COMMAND_WAITS = 1,      /* always ends with a run's status: jobctl's own failures are 126 */
        COMMAND_MAY_WAIT = 2,   /* … with --wait or --follow */
        COMMAND_EXPRESSION = 4, /* words may begin with `-` and hold blanks: a schedule */
        COMMAND_PATHS = 8,      /* words are paths: any bytes */
};

struct command {
        const char *name;
        const char *aliases[3]; /* NULL-terminated */
        const char *group;      /* heading in the help */
        const char *usage;      /* what follows the name */
        const char *help;       /* one line */
        const struct option_row *options; /* ends in a row of OPT_NONE, or NULL */
        size_t args_min, args_max;
        unsigned flags;
        int (*handler)(struct cli *c);
};

struct given_option {
        enum option id;
        const char *value; /* "" where it takes none */
};

struct cli {
        const struct command *command;
        struct given_option *options; /* in the order given */
        size_t n_options;
        char **args;                  /* NULL-terminated */
        size_t n_args;

        enum output_format format;
        bool color;
        bool stdout_tty, stderr_tty;
        bool waiting;                 /* failures are EXIT_SELF */

        struct client *client;
        const struct tz *zone;        /* of this machine; use cli_zone() */
        struct zones *zones;
        struct wall now;              /* when jobctl began; use cli_now() where time passes */
};

extern const struct command commands[]; /* ends in a row without a name */
extern const struct option_row global_options[];

const struct command *command_find(const char *name);
/* "did you mean `runs`?" or NULL. */
const char *command_nearest(const char *name);

/* Parses argv into *c: 0 or an exit code, the reason being told already. */
int cli_parse(struct cli *c, int argc, char **argv);

/* Last value of an option, or NULL if it wasn't given.  The i-th value (from 0) of one that may be repeated. */
const char *opt_value(const struct cli *c, enum option id);
const char *opt_value_nth(const struct cli *c, enum option id, size_t i);
static inline bool opt_given(const struct cli *c, enum option id)
{
        return opt_value(c, id) != NULL;
}

/* 0, or an exit code (told). *ret is left alone where the option wasn't given. */
int opt_number(struct cli *c, enum option id, int64_t min, int64_t max, int64_t *ret);
int opt_duration(struct cli *c, enum option id, int64_t *ret_usec);
/* A point in time by jobctl's grammar; a time of day is the last one with `past`, else the next. */
int opt_time(struct cli *c, enum option id, bool past, struct wall *ret);
/* The same, put into `params` as RFC 3339 under `key`. */
int opt_time_param(struct cli *c, enum option id, bool past, json_t *params, const char *key);

/* "jobctl: …" on standard error.  Returns `code`, or EXIT_SELF where a run's status was asked for. */
int fail(const struct cli *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The failure of a call. */
int fail_error(const struct cli *c, const struct error *e);
/* Usage errors end in a pointer to the help. */
int fail_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Words for people, on standard error; not with --quiet. */
void say(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The system's zones, and that of this machine; read on first use. */
struct zones *cli_zones(struct cli *c);
const struct tz *cli_zone(struct cli *c);
/* An IANA zone, or NULL. */
const struct tz *cli_find_zone(struct cli *c, const char *name);
struct wall cli_now(void);
struct wall cli_boot(void);

/* On a terminal, and without --yes: asks.  True: go on. */
bool ask(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Where things are, by --root, --user or the system's: "etc/jobs.d", "etc/jobschedd.yaml", "run/jobsched/control.sock".
 * NULL with an error told on standard error if there is no such place ($HOME unset).  Caller frees. */
enum place { PLACE_SOCKET, PLACE_JOBS_DIR, PLACE_CONFIG };
char *place_path(const struct cli *c, enum place place);
/* The socket to talk to; *ret_fallback is set when it is the user's because the system's isn't there. */
char *place_socket(const struct cli *c, bool *ret_fallback);

/* Calls the daemon and waits for the answer.  `params` is stolen (NULL: none).  0 with *ret owned by the caller, or
 * negative errno and *reterr. The connection is made on the first call. */
int call(struct cli *c, const char *method, json_t *params, json_t **ret, struct error *reterr);
/* The same, the failure being told: 0 or an exit code. */
int call_or_fail(struct cli *c, const char *method, json_t *params, json_t **ret);
/* Connects if it isn't yet.  0, or negative errno with *reterr. */
int cli_connect(struct cli *c, struct error *reterr);
void cli_disconnect(struct cli *c);

/* What was asked for is done, but not yet safe on disk: say so. */
void warn_not_durable(const struct cli *c, const json_t *result);

/* "7" is a run, all else a job. */
bool is_run(const char *word, uint64_t *ret_id);
bool has_glob(const char *word);
/* The words as a JSON array of strings. */
json_t *args_json(char *const *args, size_t n);

static inline const char *jstr(const json_t *o, const char *key)
{
        return json_string_value(json_object_get(o, key));
}
/* By a path of keys, "last.state". */
const json_t *jpath(const json_t *o, const char *path);
bool jtime(const json_t *o, const char *path, struct wall *ret);
/* -1 if it isn't a number over or equal 0. */
int64_t jcount(const json_t *o, const char *path);

int cmd_status(struct cli *c);
int cmd_list(struct cli *c);
int cmd_show(struct cli *c);
int cmd_cat(struct cli *c);
int cmd_next(struct cli *c);
int cmd_runs(struct cli *c);
int cmd_logs(struct cli *c);
int cmd_why(struct cli *c);
int cmd_run(struct cli *c);
int cmd_cancel(struct cli *c);
int cmd_kill(struct cli *c);
int cmd_wait(struct cli *c);
int cmd_pause(struct cli *c);
int cmd_resume(struct cli *c);
int cmd_enable(struct cli *c);
int cmd_disable(struct cli *c);
int cmd_backfill(struct cli *c);
int cmd_reload(struct cli *c);
int cmd_check(struct cli *c);
int cmd_explain(struct cli *c);
int cmd_plan(struct cli *c);
int cmd_simulate(struct cli *c);
int cmd_schema(struct cli *c);
int cmd_version(struct cli *c);
int cmd_help(struct cli *c);
