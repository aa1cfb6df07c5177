#include "tbl/states.h"

#include <string.h>

static const struct {
        const char *name;
        bool ends;
        uint32_t moves;
} states[] = {
#define X(e, name, ends, moves) [e] = { name, ends, moves },
        TBL_RUN_STATES(X)
#undef X
};

static const struct {
        const char *name, *text;
} reasons[] = {
#define X(e, name, text) [e] = { name, text },
        TBL_RUN_REASONS(X)
#undef X
};

static const char *const triggers[] = {
#define X(e, name) [e] = name,
        TBL_TRIGGERS(X)
#undef X
};

const char *run_state_name(enum run_state s)
{
        return (unsigned)s < RUN_STATE_NR ? states[s].name : "invalid";
}

enum run_state run_state_from_name(const char *name)
{
        for (int i = 0; i < RUN_STATE_NR; i++)
                if (strcmp(states[i].name, name) == 0)
                        return (enum run_state)i;
        return RUN_STATE_INVALID;
}

bool run_state_ends(enum run_state s)
{
        return (unsigned)s < RUN_STATE_NR && states[s].ends;
}

bool run_state_may_become(enum run_state from, enum run_state to)
{
        return (unsigned)from < RUN_STATE_NR && (unsigned)to < RUN_STATE_NR && (states[from].moves & RUN_BIT(to));
}

const char *run_reason_name(enum run_reason r)
{
        return (unsigned)r < REASON_NR ? reasons[r].name : "invalid";
}

const char *run_reason_text(enum run_reason r)
{
        return (unsigned)r < REASON_NR ? reasons[r].text : "";
}

const char *run_trigger_name(enum run_trigger t)
{
        return (unsigned)t < TRIGGER_NR ? triggers[t] : "invalid";
}

enum run_trigger run_trigger_from_name(const char *name)
{
        for (int i = 0; i < TRIGGER_NR; i++)
                if (strcmp(triggers[i], name) == 0)
                        return (enum run_trigger)i;
        return TRIGGER_INVALID;
}
