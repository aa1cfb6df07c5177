/* Where everything is: the system's places, a user's own, or all beneath one folder (--root).
 * Options win over the configuration, which wins over these. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "base/util.h"
#include "jobfile/config.h"

enum place_mode { PLACES_SYSTEM, PLACES_USER, PLACES_ROOT };

struct places {
        enum place_mode mode;
        char *config;          /* the configuration's file */
        char **jobs_dirs;      /* NULL-terminated */
        char *state_dir, *log_dir, *runtime_dir, *runs_dir, *socket, *runner;
};

/* What the command line said; borrowed, NULL where it said nothing. */
struct place_options {
        enum place_mode mode;
        const char *root;      /* PLACES_ROOT */
        const char *config;
        char *const *jobs_dirs; /* NULL-terminated, or NULL */
        const char *state_dir, *log_dir, *runtime_dir, *socket, *runner;
};

/* The configuration's path alone, needed before it can be read.  Caller frees; NULL with *reterr. */
char *places_config_path(const struct place_options *opt, struct error *reterr);

/* All of them, absolute.  0 or negative errno with *reterr. */
int places_resolve(const struct place_options *opt, const struct config *config, struct places *ret, struct error *reterr);
void places_done(struct places *p);

/* Makes the folders that are the daemon's own (and with --root those of the job files too). */
int places_make(const struct places *p, struct error *reterr);
