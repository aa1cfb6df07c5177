#include "engine/run.h"

#include <sys/wait.h>

static const char *const stages[] = {
#define X(e, name) [e] = name,
        TBL_SPAWN_STAGES(X)
#undef X
};

const char *spawn_stage_name(enum spawn_stage s)
{
        return (unsigned)s < STAGE_NR ? stages[s] : "invalid";
}

int run_exit_code(const struct run_info *r)
{
        return r->wait_status != RUN_NO_STATUS && WIFEXITED(r->wait_status) ? WEXITSTATUS(r->wait_status) : -1;
}

int run_signal(const struct run_info *r)
{
        return r->wait_status != RUN_NO_STATUS && WIFSIGNALED(r->wait_status) ? WTERMSIG(r->wait_status) : 0;
}
