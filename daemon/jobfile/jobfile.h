/* YAML text -> jobs.  Pure: bytes in, values out; no file is opened here (jobfile/folder.h does that).
 *
 * The language is jobs.d(5).  One key table (tbl/job_keys.h) drives parsing, error texts, `jobctl schema` and printing.
 * All errors of a file are reported together, each with its place; a file with an error gives no jobs at all. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"
#include "calendar/tz.h"
#include "engine/job.h"

struct diagnostic {
        uint32_t line, column; /* from 1; 0: not at any one place */
        char *key;             /* the key it is about, or NULL */
        char *message;         /* what is wrong, what was expected */
        char *hint;            /* "did you mean `schedule`?", "quote it: …", or NULL */
};

struct diagnostics {
        struct diagnostic *v;
        size_t n, allocated;
};
void diagnostics_done(struct diagnostics *d);

/* Where zones come from: returns the zone of that IANA name, or NULL if there is none.  A zone lives as long as the
 * process (jobfile/zones.h); tests give their own. */
struct zone_source {
        const struct tz *(*find)(void *arg, const char *name);
        void *arg;
        const struct tz *local; /* the zone of jobs without `timezone` */
};

/* Where named calendars come from: the days of the one of that name, borrowed; or NULL, and *ret_why, in static words,
 * what is with it ("the configuration has no calendar"). */
struct calendar_source {
        struct dayset *(*find)(void *arg, const char *name, const char **ret_why);
        void *arg;
};

struct jobfile_options {
        const struct zone_source *zones;
        const struct calendar_source *calendars; /* NULL: their names are taken on trust */
        struct wall now;            /* for the warnings about the past */
        uint64_t machine;           /* this machine's number (machine.h): what `~` draws hangs on it */
        const struct job *defaults; /* of the configuration: a job whose set_by_config bits count; NULL */
        bool own_user_only;         /* --user and --root of an ordinary user: `user` other than it is an error */
        const char *own_user;       /* name of that user */
        bool blocked_is_error;      /* `jobctl check`: what would block a job (an unknown zone, an unknown calendar) is an error */
};

struct jobfile {
        struct job **jobs; /* in order of the file; each with one reference owned by this */
        size_t n_jobs;
        struct diagnostics errors, warnings;
};

/* Parses.  `source` (may be NULL) is referenced by every job.  Returns 0 (jobs, perhaps warnings), -EINVAL
 * (errors, no jobs), -ENOMEM. *ret is to be emptied with jobfile_done() in every case but -ENOMEM. */
int jobfile_parse(const char *text, size_t size, struct job_source *source, const struct jobfile_options *opt,
                  struct jobfile *ret);
void jobfile_done(struct jobfile *f);

/* A job as canonical JSON, itself a job file of one job: {"jobs":{"NAME":{…}}} with every key that is not at its
 * built-in default, fixed key order.  Parses back to an equal job.  The digest is its SHA-256.  Caller frees.
 * NULL: no memory. (In a file written as JSON, a duration or size with a unit may stand in quotes.) */
char *job_print(const struct job *j);

/* Reads what job_print() wrote: without the configuration's defaults, in any daemon.  `source` may be NULL.  0,
 * -EINVAL, -ENOMEM. */
int job_read(const char *text, size_t size, const struct zone_source *zones, uint64_t machine,
             struct job_source *source, struct job **ret);
