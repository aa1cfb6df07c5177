/* Definitions: new ones begin now, changed ones go on, removed ones leave their history. */
#include "engine/internal.h"

#include <stdio.h>

/* A run takes its definition when its first attempt starts: until then it follows the job. */
static void unstarted_follow(struct engine *e, struct ejob *ej)
{
        for (struct erun *r = ej->first; r; r = r->next) {
                if (r->info.start > 0 || (r->info.state != RUN_QUEUED && r->info.state != RUN_WAITING))
                        continue;
                run_readmit(e, r);
                out_hold(e, r->def);
                r->def = job_ref(ej->def);
                r->no_retry = false;
                r->info.user = r->def->policy->user;
                memcpy(r->info.digest, r->def->digest, sizeof(r->info.digest));
                if (!ej->definition_stored) {
                        struct row row = { .type = ROW_DEFINITION, .definition = r->def };

                        ej->definition_stored = true;
                        out_row(e, &row);
                }
                run_delay_follow(e, r);
                out_run(e, r);
        }
}

/* A job that is new, or that comes back.  What it has accounted for stays so where the clock was set back meanwhile. */
static void begin_now(struct engine *e, struct ejob *ej)
{
        if (ej->epoch != e->epoch || ej->watermark.usec < e->now.usec)
                ej->watermark = e->now;
        ej->epoch = e->epoch;
}

static void set_definition(struct engine *e, struct ejob *ej, struct job *def)
{
        if (!ej->def) {
                e->n_jobs++;
                sorted_add(e, ej);
        }
        out_hold(e, ej->def);
        ej->def = job_ref(def);
        ej->definition_stored = false;
        instants_follow(e, ej);
}

/* The definition of a job that the store knew, seen for the first time in this life of the daemon. */
static void put_restored(struct engine *e, struct ejob *ej, struct job *def, uint64_t digest)
{
        bool was_removed = ej->removed;

        ej->restored = false;
        ej->removed = false;
        set_definition(e, ej, def);
        if (was_removed) {
                begin_now(e, ej);
        } else if (ej->schedule_digest != digest) {
                if (ej->watermark.usec < e->now.usec && !def->policy->blocked)
                        range_add(e, ej, TRIGGER_SCHEDULE, RUN_MISSED, REASON_CHANGED, ej->watermark, e->now, 0, 0);
                range_close(ej);
                ej->watermark = (struct wall){ MAX(ej->watermark.usec, e->now.usec) };
                instants_begin(e, ej, e->now);
        }
        if (was_removed || ej->schedule_digest != digest) {
                ej->schedule_digest = digest;
                out_job(e, ej);
        }
}

static void put(struct engine *e, struct job *def)
{
        struct schedule s = job_schedule(def);
        uint64_t digest = schedule_digest(&s);
        struct ejob *ej = job_lookup(e, def->name);

        if (!ej) {
                ej = job_add(e, def->name);
                ej->id = e->next_job++;
                begin_now(e, ej);
                ej->schedule_digest = digest;
                set_definition(e, ej, def);
                out_job(e, ej);
        } else if (ej->restored) {
                put_restored(e, ej, def, digest);
        } else if (!ej->def) {
                ej->removed = false;
                begin_now(e, ej);
                ej->schedule_digest = digest;
                set_definition(e, ej, def);
                out_job(e, ej);
        } else {
                bool was_enabled = job_enabled(ej), changed = ej->schedule_digest != digest;

                due_take_up(e, ej);
                if (changed)
                        due_drop_held(e, ej);
                set_definition(e, ej, def);
                range_close(ej);
                if (changed || was_enabled != job_enabled(ej)) {
                        ej->schedule_digest = digest;
                        if ((changed || !ej->pause || !ej->pause->hold) && e->now.usec > ej->watermark.usec)
                                ej->watermark = e->now;
                        instants_begin(e, ej, e->now);
                        out_job(e, ej);
                }
        }
        unstarted_follow(e, ej);
        if (e->loaded) {
                instants_arm(e, ej);
                runs_admit(e, ej);
        }
}

static void cancel_unstarted(struct engine *e, struct ejob *ej)
{
        struct erun *next;

        for (struct erun *r = ej->first; r; r = next) {
                next = r->next;
                if (r->info.attempt == 0 && !r->start_sent && (r->info.state == RUN_WAITING || r->info.state == RUN_QUEUED || r->info.state == RUN_STARTING))
                        run_end(e, r, RUN_CANCELLED, REASON_REMOVED);
        }
}

static void take_away(struct engine *e, struct ejob *ej)
{
        if (ej->def) {
                due_take_up(e, ej);
                due_drop_held(e, ej);
                out_hold(e, TAKE_PTR(ej->def));
                instants_follow(e, ej);
                e->n_jobs--;
                sorted_remove(e, ej);
        }
        ej->removed = true;
        ej->restored = false;
        range_close(ej);
        cancel_unstarted(e, ej);
        instants_arm(e, ej);
        out_job(e, ej);
}

void config_apply(struct engine *e, const struct event *ev)
{
        if (ev->config.max_running > 0)
                e->opt.max_running = ev->config.max_running;
        if (ev->config.max_starting > 0)
                e->opt.max_starting = ev->config.max_starting;
        if (ev->config.n_put + ev->config.n_removed > SORTED_CHANGES_MAX)
                e->sorted_stale = true;
        for (size_t i = 0; i < ev->config.n_files; i++) {
                struct row row = { .type = ROW_FILE, .file = ev->config.files[i] };

                out_row(e, &row);
        }
        for (size_t i = 0; i < ev->config.n_removed; i++) {
                struct ejob *ej = job_lookup(e, ev->config.removed[i]);

                if (ej && !ej->removed)
                        take_away(e, ej);
        }
        for (size_t i = 0; i < ev->config.n_put; i++)
                put(e, ev->config.put[i]);
}

/* Everything stored and every file is known: what has no file any more goes, what waited goes on. */
void config_loaded(struct engine *e, const struct event *ev)
{
        struct ejob *ej;

        EACH_JOB(e, ej)
                if (ej->restored && !ej->removed)
                        take_away(e, ej);
        clock_at_load(e);
        e->loaded = true;
        if (ev->loaded.new_boot && ev->loaded.boot) {
                struct row row = { .type = ROW_BOOT, .boot = ev->loaded.boot };

                out_row(e, &row);
        }
        EACH_JOB(e, ej) {
                if (ej->epoch > e->epoch)
                        e->epoch = ej->epoch;
                if (ej->after && ej->after->base.usec > e->now.usec && !e->clock_waiting)
                        instants_begin(e, ej, e->now);
                for (struct erun *r = ej->first, *next; r; r = next) {
                        next = r->next;
                        if ((r->info.state == RUN_QUEUED || r->info.state == RUN_WAITING) && r->no_retry && r->info.start == 0)
                                run_end(e, r, RUN_CANCELLED, REASON_REMOVED);
                }
                runs_admit(e, ej);
                instants_arm(e, ej);
                if (ev->loaded.new_boot)
                        due_boot(e, ej);
        }
}
