/* When a job is due next, and when it is to be looked at. */
#include "engine/internal.h"

bool job_enabled(const struct ejob *ej)
{
        return ej->def && (ej->enabled_override >= 0 ? ej->enabled_override : ej->def->policy->enabled);
}

/* The first one after `after` that is to be accounted for, also if it does not run. */
struct wall instants_next(const struct ejob *ej, struct wall after)
{
        struct schedule s = job_schedule(ej->def);
        struct schedule_moment m;

        if (ej->def->policy->blocked || schedule_next_moment(&s, after, ej->fixed_after, &m) < 0)
                return WALL_NEVER;
        return m.at;
}

/* Of the next one of a job the first that runs, from there on. */
struct wall instants_due(const struct ejob *ej)
{
        struct schedule s = job_schedule(ej->def);
        struct wall t;

        if (!schedule_is_special(&s) || wall_is_never(ej->next))
                return ej->next;
        return schedule_next(&s, (struct wall){ ej->next.usec - 1 }, ej->fixed_after, &t) < 0 ? WALL_NEVER : t;
}

static void wake_at(struct engine *e, struct ejob *ej)
{
        ej->wake = ej->pause && ej->pause->hold ? WALL_NEVER : ej->next;
        if (ej->pause && ej->pause->until.usec < ej->wake.usec)
                ej->wake = ej->pause->until;
        if (wall_is_never(ej->wake))
                heap_remove(&e->due, ej);
        else if (!heap_put(&e->due, ej->wake.usec, ej))
                abort();
}

/* Finds the next instant after the watermark, and sees to it that the job is looked at then. */
void instants_arm(struct engine *e, struct ejob *ej)
{
        ej->next = ej->def ? instants_next(ej, ej->watermark) : WALL_NEVER;
        wake_at(e, ej);
}
