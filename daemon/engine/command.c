/* What clients ask for.  Checked, done and answered here; the answer leaves when the rows behind it are durable. */
#include "engine/internal.h"

#include <stdio.h>

static void __attribute__((format(printf, 5, 6)))
refuse(struct engine *e, const struct command *c, enum error_code code, uint64_t run, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(e->message, sizeof(e->message), fmt, ap);
        va_end(ap);
        out_reply(e, c->id, code, e->message, run, false, false);
}

static void command_run(struct engine *e, const struct command *c, struct ejob *ej)
{
        struct erun *r;
        enum job_concurrency how = ej->def->policy->concurrency;

        if (ej->def->policy->blocked) {
                refuse(e, c, ERROR_CONFLICT, 0, "%s is blocked: %s", ej->name, ej->def->policy->blocked);
                return;
        }
        if (!c->force && ej->n_active > 0 && (how == CONCURRENCY_FORBID || (how == CONCURRENCY_QUEUE && ej->n_active > 1))) {
                unsigned long long id = ej->first->info.id;

                if (how == CONCURRENCY_FORBID)
                        refuse(e, c, ERROR_CONFLICT, id, "run %llu of %s is active", id, ej->name);
                else
                        refuse(e, c, ERROR_CONFLICT, id, "a run of %s waits already, behind run %llu", ej->name, id);
                return;
        }
        r = run_create(e, ej, TRIGGER_MANUAL, WALL_NEVER, c->force ? RUN_FORCED : 0, c->by_uid);
        if (ej->after)
                instants_arm(e, ej);
        out_reply(e, c->id, ERROR_NONE, NULL, r->info.id, true, false);
        if (!c->force && how == CONCURRENCY_REPLACE)
                runs_replace(e, ej, r);
        runs_admit(e, ej);
}

/* Past instants run after all, oldest first: a manual act, so the watermark stays where it is, and pauses don't matter.
 * What is due now comes before them, what comes later joins their end. */
static void command_backfill(struct engine *e, const struct command *c, struct ejob *ej)
{
        uint32_t flags = ej->def->policy->concurrency == CONCURRENCY_ALLOW ? 0 : RUN_CHAINED;
        uint64_t first = 0;

        assert(c->n_instants > 0 && c->n_instants <= BACKFILL_STEP_MAX);
        if (ej->def->policy->blocked) {
                refuse(e, c, ERROR_CONFLICT, 0, "%s is blocked: %s", ej->name, ej->def->policy->blocked);
                return;
        }
        if (c->instants[c->n_instants - 1].usec > e->now.usec) {
                refuse(e, c, ERROR_CONFLICT, 0, "the clock was set back: the newest of these instants is still to come");
                return;
        }
        due_take_up(e, ej);
        if (ej->n_active + c->n_instants > BACKFILL_RUNS_MAX) {
                refuse(e, c, ERROR_CONFLICT, ej->first ? ej->first->info.id : 0,
                       "%s has %u unfinished runs, and %d are the most that a backfill may leave", ej->name, ej->n_active, BACKFILL_RUNS_MAX);
                return;
        }
        for (size_t i = 0; i < c->n_instants; i++) {
                const struct erun *r = run_create(e, ej, TRIGGER_BACKFILL, c->instants[i], flags, c->by_uid);

                if (first == 0)
                        first = r->info.id;
        }
        out_reply(e, c->id, ERROR_NONE, NULL, first, true, false);
        if (ej->after)
                instants_arm(e, ej);
        runs_admit(e, ej);
}

static void command_cancel(struct engine *e, const struct command *c)
{
        struct erun *r = run_find(e, c->run);

        if (!r) {
                if (c->run > 0 && c->run < e->next_run)
                        refuse(e, c, ERROR_CONFLICT, c->run, "run %llu has ended already", (unsigned long long)c->run);
                else
                        refuse(e, c, ERROR_NOT_FOUND, c->run, "there is no run %llu", (unsigned long long)c->run);
                return;
        }
        run_stop(e, r, REASON_USER, c->by_uid);
        out_reply(e, c->id, ERROR_NONE, NULL, c->run, true, true);
}

static void command_pause(struct engine *e, const struct command *c, struct ejob *ej)
{
        due_take_up(e, ej);
        if (ej->pause) {
                free(ej->pause->why);
        } else {
                range_close(ej);
                ej->pause = engine_alloc(sizeof(*ej->pause));
        }
        *ej->pause = (struct epause){ .hold = c->hold, .by = c->by_uid, .at = e->now, .until = c->until };
        if (c->why) {
                ej->pause->why = strdup(c->why);
                if (!ej->pause->why)
                        abort();
        }
        out_job(e, ej);
        runs_release(e, ej); /* what a pause with --hold kept waiting is judged by this one */
        instants_arm(e, ej);
        out_reply(e, c->id, ERROR_NONE, NULL, 0, true, false);
}

static void command_resume(struct engine *e, const struct command *c, struct ejob *ej)
{
        if (!ej->pause) {
                refuse(e, c, ERROR_CONFLICT, 0, "%s is not paused", ej->name);
                return;
        }
        due_resume(e, ej);
        out_reply(e, c->id, ERROR_NONE, NULL, 0, true, false);
}

static void command_enable(struct engine *e, const struct command *c, struct ejob *ej, bool on)
{
        due_take_up(e, ej);
        range_close(ej);
        ej->enabled_override = on;
        /* A re-enabled job begins at the moment it is seen; what a pause holds back is decided at the resume. */
        if (!(ej->pause && ej->pause->hold) && e->now.usec > ej->watermark.usec)
                ej->watermark = e->now;
        instants_begin(e, ej, e->now);
        out_job(e, ej);
        instants_arm(e, ej);
        out_reply(e, c->id, ERROR_NONE, NULL, 0, true, false);
}

void command_apply(struct engine *e, const struct command *c)
{
        struct ejob *ej = NULL;

        if (c->type == COMMAND_CANCEL) {
                command_cancel(e, c);
                return;
        }
        ej = c->job ? job_lookup(e, c->job) : NULL;
        if (!ej || !ej->def) {
                refuse(e, c, ERROR_NOT_FOUND, 0, "there is no job %.64s", c->job ? c->job : "");
                return;
        }
        if (e->shutdown || e->degraded || !e->loaded) {
                refuse(e, c, ERROR_UNAVAILABLE, 0, "%s",
                       e->shutdown ? "the daemon is shutting down" :
                       e->degraded ? "the state can't be written, nothing is changed or started until it can" : "the daemon is starting");
                return;
        }
        switch (c->type) {
        case COMMAND_RUN:
                command_run(e, c, ej);
                break;
        case COMMAND_BACKFILL:
                command_backfill(e, c, ej);
                break;
        case COMMAND_PAUSE:
                command_pause(e, c, ej);
                break;
        case COMMAND_RESUME:
                command_resume(e, c, ej);
                break;
        case COMMAND_ENABLE:
        case COMMAND_DISABLE:
                command_enable(e, c, ej, c->type == COMMAND_ENABLE);
                break;
        case COMMAND_CANCEL:
        case COMMAND_NR:
        default:
                assert(false);
        }
}
