/* When a job is due next, and when it is to be looked at.
 *
 * `@after D` makes an instant where the calendar has none: D after the end of the job's last run, or after the job was
 * first seen, changed or enabled, or after an instant of it that did not run.  There is one of them at most, and none while
 * a run of the job is unfinished.  For everything else it is an `@at` among the expressions (struct eafter). */
#include "engine/internal.h"

bool job_enabled(const struct ejob *ej)
{
        return ej->def && (ej->enabled_override >= 0 ? ej->enabled_override : ej->def->policy->enabled);
}

/* ---- @after */

/* The one that counts: the shortest.  -1: the job has none. */
static int find_after(const struct job *def)
{
        int found = -1;

        for (uint32_t i = 0; i < def->n_entries; i++)
                if (def->entries[i].kind == CALENDAR_AFTER &&
                    (found < 0 || def->entries[i].value_usec < def->entries[found].value_usec))
                        found = (int)i;
        return found;
}

/* The definition is another: its expressions are taken over.  Who has no base yet begins now. */
void instants_follow(struct engine *e, struct ejob *ej)
{
        int i = ej->def ? find_after(ej->def) : -1;
        struct wall base = ej->after ? ej->after->base : e->now;

        if (i < 0) {
                free(ej->after);
                ej->after = NULL;
                return;
        }
        ej->after = engine_realloc(ej->after, 1, sizeof(*ej->after) + ej->def->n_entries * sizeof(*ej->after->entries));
        ej->after->base = base;
        ej->after->i = (uint32_t)i;
        memcpy(ej->after->entries, ej->def->entries, ej->def->n_entries * sizeof(*ej->after->entries));
}

/* Counts from `base`. */
void instants_begin(struct engine *e, struct ejob *ej, struct wall base)
{
        if (!ej->after)
                return;
        ej->after->base = base;
        out_job(e, ej);
}

/* A whole second after the watermark, so that it is found; not before the schedule's start. */
static struct wall after_instant(const struct ejob *ej)
{
        const struct calendar *c = &ej->def->entries[ej->after->i];
        struct wall t = wall_add(ej->after->base, c->value_usec), start = ej->def->policy->start;

        if (wall_is_never(t))
                return t;
        t = WALL_SEC(wall_sec((struct wall){ t.usec - 1 }) + 1);
        if (t.usec < start.usec)
                t = start;
        return t.usec > ej->watermark.usec ? t : WALL_SEC(wall_sec(ej->watermark) + 1);
}

struct schedule instants_schedule(const struct ejob *ej)
{
        struct schedule s = job_schedule(ej->def);
        struct eafter *a = ej->after;

        if (!a)
                return s;
        a->entries[a->i] = ej->def->entries[a->i];
        if (!ej->first) {
                struct wall t = after_instant(ej);

                if (!wall_is_never(t))
                        a->entries[a->i] = (struct calendar){ .kind = CALENDAR_AT, .interval = true, .value_usec = t.usec };
        }
        s.entries = a->entries;
        return s;
}

/* Instants up to the watermark are accounted for.  If that of @after is one of them and did not run, the next comes D after
 * it; after now, if it was late. */
void instants_accounted(struct engine *e, struct ejob *ej)
{
        const struct eafter *a = ej->after;
        const struct calendar *c = a ? &a->entries[a->i] : NULL;

        if (!a || ej->first || c->kind != CALENDAR_AT || c->value_usec > ej->watermark.usec)
                return;
        instants_begin(e, ej, e->now.usec - c->value_usec > LATE_MAX_USEC ? e->now : (struct wall){ c->value_usec });
}

/* ---- every kind */

/* The first one after `after` that is to be accounted for, also if it does not run. */
struct wall instants_next(const struct ejob *ej, struct wall after)
{
        struct schedule s = instants_schedule(ej);
        struct schedule_moment m;

        if (ej->def->policy->blocked || schedule_next_moment(&s, after, ej->fixed_after, &m) < 0)
                return WALL_NEVER;
        return m.at;
}

/* Of the next one of a job the first that runs, from there on. */
struct wall instants_due(const struct engine *e, const struct ejob *ej)
{
        struct schedule s = instants_schedule(ej);
        struct due_known *known; /* only remembered: nobody sees a difference */
        uint64_t digest;

        if (!schedule_is_special(&s) || wall_is_never(ej->next))
                return ej->next;
        digest = schedule_digest(&s);
        known = (struct due_known *)&e->due_known[digest % DUE_KNOWN];
        /* From `next` up to `due` nothing runs, so from anywhere between either. */
        if (known->digest != digest || known->next.usec > ej->next.usec || known->due.usec < ej->next.usec ||
            known->fixed_after.usec != ej->fixed_after.usec) {
                *known = (struct due_known){ digest, ej->next, ej->fixed_after, WALL_NEVER };
                (void)schedule_next(&s, (struct wall){ ej->next.usec - 1 }, ej->fixed_after, &known->due);
        }
        return known->due;
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
