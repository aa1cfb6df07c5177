/* Where things are: the system's, the caller's own (--user), or beneath a folder (--root). */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* $XDG_… or its default beneath $HOME; NULL if neither is there. */
static char *xdg(const char *variable, const char *beneath_home, const char *rest)
{
        const char *dir = getenv(variable), *home = getenv("HOME");

        if (dir && *dir == '/')
                return xasprintf("%s/%s", dir, rest);
        if (!beneath_home || !home || *home != '/')
                return NULL;
        return xasprintf("%s/%s/%s", home, beneath_home, rest);
}

static char *user_socket(void)
{
        char *path = xdg("XDG_RUNTIME_DIR", NULL, "jobsched/control.sock");

        return path ? path : xasprintf("/run/user/%u/jobsched/control.sock", (unsigned)getuid());
}

char *place_path(const struct cli *c, enum place place)
{
        static const char *const system[] = {
                [PLACE_SOCKET] = "/run/jobsched/control.sock",
                [PLACE_JOBS_DIR] = "/etc/jobs.d",
                [PLACE_CONFIG] = "/etc/jobschedd.yaml",
        };
        static const char *const root[] = {
                [PLACE_SOCKET] = "run/jobsched/control.sock",
                [PLACE_JOBS_DIR] = "etc/jobs.d",
                [PLACE_CONFIG] = "etc/jobschedd.yaml",
        };
        const char *dir = opt_value(c, OPT_ROOT);

        if (dir)
                return xasprintf("%s/%s", dir, root[place]);
        if (!opt_given(c, OPT_USER_DAEMON))
                return xstrdup(system[place]);
        if (place == PLACE_SOCKET)
                return user_socket();
        return xdg("XDG_CONFIG_HOME", ".config", place == PLACE_CONFIG ? "jobschedd.yaml" : "jobs.d");
}

char *place_socket(const struct cli *c, bool *ret_fallback)
{
        const char *given = opt_value(c, OPT_SOCKET), *env = getenv("JOBSCHED_SOCKET");
        char *path, *own;

        *ret_fallback = false;
        if (given)
                return xstrdup(given);
        if (opt_given(c, OPT_ROOT) || opt_given(c, OPT_USER_DAEMON))
                return place_path(c, PLACE_SOCKET);
        if (env && *env)
                return xstrdup(env);
        path = place_path(c, PLACE_SOCKET);
        if (getuid() == 0 || access(path, F_OK) == 0 || errno != ENOENT)
                return path;
        own = user_socket();
        if (access(own, F_OK) != 0) {
                free(own);
                return path;
        }
        free(path);
        *ret_fallback = true;
        return own;
}
