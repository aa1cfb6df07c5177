/* The configuration, jobschedd.yaml(5): the same reader, strictness and diagnostics as job files.  Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "engine/job.h"
#include "jobfile/jobfile.h"

enum on_stop { ON_STOP_LEAVE, ON_STOP_WAIT, ON_STOP_KILL };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct access_job {
        char *name; /* job name or pattern */
        char **run; /* NULL-terminated group names that may act on it */
};

/* A named calendar: the days of files and those that stand in the configuration itself. */
struct config_calendar {
        char *name;
        char **files; /* NULL-terminated; NULL: none */
        struct day_range *dates;
        size_t n_dates;
        uint32_t line;
};

/* Strings are owned; NULL: not given. */
struct config {
        char **jobs_dirs; /* NULL-terminated, or NULL */
        char *state_dir, *runtime_dir, *log_dir, *socket, *runner;
        char *timezone;
        uint32_t max_running, max_starting; /* 0: not given */
        struct job *defaults;               /* `defaults` and `keep`: set_by_config bits say which; NULL */
        bool see_own;                       /* access.see: own */
        char *admin_group;
        struct access_job *access_jobs;
        size_t n_access_jobs;
        struct config_calendar *calendars; /* in order of name */
        size_t n_calendars;
        int log_level; /* syslog level 3…7; -1 not given */
        enum log_format log_format;
        enum on_stop on_stop;
        int64_t shutdown_grace_usec, clock_wait_usec;
};

void config_init(struct config *c); /* every default */
void config_done(struct config *c);

/* Of `opt` only zones, now and blocked_is_error are used.  An empty file is a configuration without a word.  0;
 * -EINVAL (errors filled, *ret untouched); -ENOMEM (nothing touched).  *errors and *warnings are set, not added
 * to. */
int config_parse(const char *text, size_t size, const struct jobfile_options *opt, struct config *ret,
                 struct diagnostics *errors, struct diagnostics *warnings);
