#include "shell/places.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int no_memory(struct error *reterr)
{
        return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
}

/* Absolute form of a path that may not exist yet. */
static char *absolute(const char *path)
{
        char cwd[PATH_MAX], *r = NULL;

        if (path[0] == '/')
                return strdup(path);
        if (!getcwd(cwd, sizeof(cwd)) || asprintf(&r, "%s/%s", cwd, path) < 0)
                return NULL;
        return r;
}

static char *join(const char *base, const char *rest)
{
        char *r;

        return asprintf(&r, "%s/%s", base, rest) < 0 ? NULL : r;
}

/* An XDG base folder: the variable if it is absolute, else a default below the home. */
static char *xdg(const char *variable, const char *below_home, const char *rest, struct error *reterr)
{
        _cleanup_(freep) char *base = NULL;
        const char *value = getenv(variable), *home = getenv("HOME");

        if (value && value[0] == '/')
                base = strdup(value);
        else if (!below_home)
                return error_set(reterr, 0, ERROR_FAILED, "%s is not set: give the place as an option", variable), NULL;
        else if (!home || home[0] != '/')
                return error_set(reterr, 0, ERROR_FAILED, "HOME is not set: give the places as options"), NULL;
        else
                base = join(home, below_home);
        return base ? join(base, rest) : NULL;
}

struct defaults {
        char *config, *jobs_dir, *state_dir, *log_dir, *runtime_dir, *runs_dir;
};

static void defaults_done(struct defaults *d)
{
        free(d->config);
        free(d->jobs_dir);
        free(d->state_dir);
        free(d->log_dir);
        free(d->runtime_dir);
        free(d->runs_dir);
}

static int defaults_user(struct defaults *d, struct error *reterr)
{
        d->config = xdg("XDG_CONFIG_HOME", ".config", "jobschedd.yaml", reterr);
        d->jobs_dir = xdg("XDG_CONFIG_HOME", ".config", "jobs.d", reterr);
        d->state_dir = xdg("XDG_STATE_HOME", ".local/state", "jobsched", reterr);
        d->log_dir = xdg("XDG_STATE_HOME", ".local/state", "jobsched/log", reterr);
        d->runtime_dir = xdg("XDG_RUNTIME_DIR", NULL, "jobsched", reterr);
        d->runs_dir = xdg("XDG_RUNTIME_DIR", NULL, "jobsched/runs", reterr);
        return 0;
}

static int defaults_root(struct defaults *d, const char *dir, struct error *reterr)
{
        _cleanup_(freep) char *root = absolute(dir);

        if (!root)
                return no_memory(reterr);
        d->config = join(root, "etc/jobschedd.yaml");
        d->jobs_dir = join(root, "etc/jobs.d");
        d->state_dir = join(root, "var/lib/jobsched");
        d->log_dir = join(root, "var/log/jobsched");
        d->runtime_dir = join(root, "run/jobsched");
        d->runs_dir = join(root, "run/jobsched/runs");
        return 0;
}

static int defaults_get(const struct place_options *opt, struct defaults *d, struct error *reterr)
{
        int r = 0;

        switch (opt->mode) {
        case PLACES_USER:
                r = defaults_user(d, reterr);
                break;
        case PLACES_ROOT:
                r = defaults_root(d, opt->root, reterr);
                break;
        case PLACES_SYSTEM:
        default:
                d->config = strdup("/etc/jobschedd.yaml");
                d->jobs_dir = strdup("/etc/jobs.d");
                d->state_dir = strdup("/var/lib/jobsched");
                d->log_dir = strdup("/var/log/jobsched");
                d->runtime_dir = strdup("/run/jobsched");
                d->runs_dir = strdup("/run/jobsched-runs");
                break;
        }
        return r;
}

char *places_config_path(const struct place_options *opt, struct error *reterr)
{
        _cleanup_(defaults_done) struct defaults d = { 0 };

        if (opt->config)
                return absolute(opt->config);
        if (defaults_get(opt, &d, reterr) < 0)
                return NULL;
        return TAKE_PTR(d.config);
}

/* The first that is given, absolute.  NULL: none of them (or no memory). */
static char *first_of(const char *option, const char *config, const char *otherwise)
{
        const char *path = option ? option : config ? config : otherwise;

        return path ? absolute(path) : NULL;
}

static char **dirs_of(char *const *option, char *const *config, const char *otherwise)
{
        char *const single[] = { (char *)(uintptr_t)otherwise, NULL };
        char *const *from = option && option[0] ? option : config && config[0] ? config : single;
        size_t n = 0;
        char **v;

        while (from[n])
                n++;
        v = calloc(n + 1, sizeof(*v));
        for (size_t i = 0; v && i < n; i++)
                v[i] = from[i] ? absolute(from[i]) : NULL;
        return v;
}

int places_resolve(const struct place_options *opt, const struct config *config, struct places *ret, struct error *reterr)
{
        _cleanup_(defaults_done) struct defaults d = { 0 };
        _cleanup_(places_done) struct places p = { .mode = opt->mode };
        bool moved = opt->runtime_dir || config->runtime_dir;
        int r;

        r = defaults_get(opt, &d, reterr);
        if (r < 0)
                return r;
        p.config = first_of(opt->config, NULL, d.config);
        p.jobs_dirs = dirs_of(opt->jobs_dirs, config->jobs_dirs, d.jobs_dir);
        p.state_dir = first_of(opt->state_dir, config->state_dir, d.state_dir);
        p.log_dir = first_of(opt->log_dir, config->log_dir, d.log_dir);
        p.runtime_dir = first_of(opt->runtime_dir, config->runtime_dir, d.runtime_dir);
        if (p.runtime_dir) {
                _cleanup_(freep) char *socket = join(p.runtime_dir, "control.sock");

                p.runs_dir = moved ? join(p.runtime_dir, "runs") : first_of(NULL, NULL, d.runs_dir);
                p.socket = first_of(opt->socket, config->socket, socket);
        }
        p.runner = first_of(opt->runner, config->runner, JS_LIBEXECDIR "/jobsched-runner");
        if (!p.config || !p.jobs_dirs || !p.jobs_dirs[0] || !p.state_dir || !p.log_dir || !p.runtime_dir || !p.runs_dir ||
            !p.socket || !p.runner)
                return error_set(reterr, -EINVAL, ERROR_FAILED, "a place can't be found: out of memory");
        *ret = p;
        p = (struct places){ 0 };
        return 0;
}

void places_done(struct places *p)
{
        free(p->config);
        for (char **d = p->jobs_dirs; d && *d; d++)
                free(*d);
        free(p->jobs_dirs);
        free(p->state_dir);
        free(p->log_dir);
        free(p->runtime_dir);
        free(p->runs_dir);
        free(p->socket);
        free(p->runner);
        *p = (struct places){ 0 };
}

/* mkdir -p; folders that are there already keep their mode. */
static int make_path(const char *path, mode_t mode, struct error *reterr)
{
        _cleanup_(freep) char *copy = strdup(path);

        if (!copy)
                return no_memory(reterr);
        for (char *p = copy + 1;; p++) {
                bool last = *p == '\0';

                if (*p != '/' && !last)
                        continue;
                *p = '\0';
                if (mkdir(copy, last ? mode : 0755) < 0 && errno != EEXIST)
                        return error_set(reterr, -errno, ERROR_FAILED, "%s: can't make this folder: %s", copy, strerror(errno));
                if (last)
                        return 0;
                *p = '/';
        }
}

int places_make(const struct places *p, struct error *reterr)
{
        const struct {
                const char *path;
                mode_t mode;
        } own[] = {
                { p->state_dir, 0700 }, { p->log_dir, 0750 }, { p->runtime_dir, 0755 }, { p->runs_dir, 0711 },
        };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
                r = make_path(own[i].path, own[i].mode, reterr);
                if (r < 0)
                        return r;
        }
        if (p->mode != PLACES_SYSTEM)
                for (char **d = p->jobs_dirs; *d; d++) {
                        r = make_path(*d, 0755, reterr);
                        if (r < 0)
                                return r;
                }
        return 0;
}
