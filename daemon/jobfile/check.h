/* Job files judged as one set, without a daemon: for `jobctl check`, and for what looks ahead with them.  Opens files: not
 * pure. */
#pragma once
#include "jobfile/jobfile.h"

struct check_options {
        const struct zone_source *zones;
        struct wall now;
        uint64_t machine;   /* machine.h */
        const char *config; /* the configuration, checked too, with its calendars' files; its defaults count.  NULL: none */
        bool host;          /* look at this machine as well: owners and modes, users, programs */
        uint32_t own_uid;   /* with host: besides root, this uid may own files */
};

struct check_file {
        char *path;
        size_t n_jobs; /* 0 if there are errors */
        struct diagnostics errors, warnings;
};

struct check {
        struct check_file
                *files; /* the configuration first, then the files in the order given; folders in order of name */
        size_t n;
        size_t n_errors, n_warnings;
        struct job **jobs; /* of the files without an error, in their order; one reference each */
        size_t n_jobs;
        const struct tz *zone; /* of jobs without `timezone`: the configuration's, else the source's local one */
        uint32_t max_running, max_starting; /* of the configuration, 0: not given */
};

/* `paths` (NULL-terminated): files of any name, and folders, of which *.yaml and *.yml are taken as the daemon
 * does.  Whatever is wrong with them, not being there included, is an error in *ret.  What would block a job is an
 * error, a name that two files have too. 0 (errors or not), -ENOMEM. */
int jobfile_check(char *const *paths, const struct check_options *opt, struct check *ret);
void jobfile_check_done(struct check *c);
