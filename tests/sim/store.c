/* The disk: units become durable after a while, in order; a crash loses the rest; for a while it may take nothing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static void keep_row(struct sim *s, struct unit *u, const struct row *row)
{
        struct urow *w;

        if (u->n == u->allocated) {
                u->allocated = u->allocated ? u->allocated * 2 : 4;
                u->rows = realloc(u->rows, u->allocated * sizeof(*u->rows));
                assert(u->rows);
        }
        w = &u->rows[u->n++];
        *w = (struct urow){ .row = *row };
        switch (row->type) {
        case ROW_JOB:
                w->job = job_by_name(s, row->job.name);
                w->oracle = w->job->force_oracle;
                w->since = w->job->force_since;
                w->restart = w->job->force_restart;
                w->row.job.name = w->job->name;
                if (row->job.pause_why) {
                        strncpy(w->why, row->job.pause_why, sizeof(w->why) - 1);
                        w->row.job.pause_why = ""; /* points to itself when applied */
                }
                break;
        case ROW_RUN:
                w->job = job_by_name(s, row->run.job);
                w->row.run.job = w->job->name;
                w->row.run.user = NULL;
                break;
        case ROW_DEFINITION: /* definitions live as long as the simulator */
        case ROW_TRANSITION:
        case ROW_FILE:
        case ROW_BOOT:
        case ROW_NR: break;
        }
}

/* Takes the rows of the step's actions as one unit. */
void store_emit(struct sim *s)
{
        struct store_model *m = &s->store;
        struct unit *u = NULL;

        for (size_t i = 0; i < s->actions.n; i++) {
                const struct action *a = &s->actions.v[i];

                if (a->type != ACTION_ROW)
                        continue;
                if (!u) {
                        if (a->seq != m->emitted + 1)
                                fail(s, "a unit numbered %llu after %llu", (unsigned long long)a->seq,
                                     (unsigned long long)m->emitted);
                        if (m->n == m->allocated) {
                                m->allocated = m->allocated ? m->allocated * 2 : 16;
                                m->units = realloc(m->units, m->allocated * sizeof(*m->units));
                                assert(m->units);
                        }
                        u = &m->units[m->n++];
                        *u = (struct unit){ .seq = a->seq };
                        m->emitted = a->seq;
                }
                if (a->seq != u->seq)
                        fail(s, "two units in one step: %llu and %llu", (unsigned long long)u->seq,
                             (unsigned long long)a->seq);
                check_row(s, &a->row, u->seq);
                keep_row(s, u, &a->row);
        }
        if (!u)
                return;
        check_unit_end(s, u->seq);
        if (!m->committing) {
                int64_t delay = rng_range(&s->world, 300, 8000);

                if (!s->calm && rng_chance(&s->world, s->faults.slow_disk))
                        delay = rng_range(&s->world, 100, 5000) * USEC_PER_MSEC;
                m->committing = true;
                plan(s, s->now + delay, H_COMMIT, s->life, 0, 0, 0);
        }
}

static void apply_row(struct sim *s, struct urow *w)
{
        struct store_model *m = &s->store;
        struct srun *r;

        switch (w->row.type) {
        case ROW_JOB:
                if (w->row.job.id >= s->n_by_id) {
                        size_t n = w->row.job.id + 64;

                        s->by_id = realloc(s->by_id, n * sizeof(*s->by_id));
                        assert(s->by_id);
                        memset(s->by_id + s->n_by_id, 0, (n - s->n_by_id) * sizeof(*s->by_id));
                        s->n_by_id = n;
                }
                if (s->by_id[w->row.job.id] && s->by_id[w->row.job.id] != w->job)
                        fail(s, "job id %llu has two names", (unsigned long long)w->row.job.id);
                if (w->job->has_du && w->job->du.id != w->row.job.id)
                        fail(s, "%s changed its id", w->job->name);
                s->by_id[w->row.job.id] = w->job;
                s->max_job = MAX(s->max_job, w->row.job.id);
                w->job->du = w->row.job;
                w->job->has_du = true;
                if (w->row.job.pause_why) {
                        memcpy(w->job->du_why, w->why, sizeof(w->why));
                        w->job->du.pause_why = w->job->du_why;
                }
                break;
        case ROW_RUN:
                r = srun_find(s, w->row.run.id);
                if (!r)
                        fail(s, "a durable row of the unknown run %llu", (unsigned long long)w->row.run.id);
                if (!r->has_du || run_state_ends(w->row.run.state)) {
                        s->count.runs += !r->has_du;
                        if (run_state_ends(w->row.run.state) && !(r->has_du && run_state_ends(r->du.state))) {
                                s->count.succeeded += w->row.run.state == RUN_SUCCEEDED;
                                s->count.failed += w->row.run.state == RUN_FAILED;
                                s->count.timed_out += w->row.run.state == RUN_TIMED_OUT;
                                s->count.lost += w->row.run.state == RUN_LOST;
                                s->count.cancelled += w->row.run.state == RUN_CANCELLED;
                                s->count.skipped += w->row.run.state == RUN_SKIPPED;
                                s->count.missed += w->row.run.state == RUN_MISSED;
                        }
                }
                s->count.retried += w->row.run.state == RUN_BACKOFF;
                r->du = w->row.run;
                s->max_run = MAX(s->max_run, r->id);
                cover_run_row(s, r);
                r->has_du = true;
                break;
        case ROW_DEFINITION:
                m->definitions = realloc(m->definitions, (m->n_definitions + 1) * sizeof(*m->definitions));
                assert(m->definitions);
                m->definitions[m->n_definitions++] = (struct job *)w->row.definition;
                break;
        case ROW_BOOT: s->new_boot = false; break;
        case ROW_TRANSITION:
        case ROW_FILE:
        case ROW_NR: break;
        }
}

/* Makes the first units durable. */
void store_apply(struct sim *s, size_t n_units)
{
        struct store_model *m = &s->store;

        for (size_t i = 0; i < n_units; i++) {
                struct unit *u = &m->units[i];

                for (size_t k = 0; k < u->n; k++)
                        apply_row(s, &u->rows[k]);
                cover_unit_end(s, u);
                for (size_t k = 0; k < u->n; k++)
                        if (u->rows[k].row.type == ROW_RUN) {
                                struct srun *r = srun_find(s, u->rows[k].row.run.id);

                                if (run_state_ends(r->du.state))
                                        check_end(s, r);
                                srun_settle(s, r);
                        }
                m->durable = u->seq;
                free(u->rows);
        }
        m->n -= n_units;
        memmove(m->units, m->units + n_units, m->n * sizeof(*m->units));
}

void store_commit(struct sim *s)
{
        struct store_model *m = &s->store;

        m->committing = false;
        if (m->failing) {
                plan(s, s->now + 10, H_STORE_FAILED, s->life, 0, 0, 0);
                plan(s, s->now + SECOND, H_COMMIT, s->life, 0, 0, 0);
                m->committing = true;
                return;
        }
        store_apply(s, m->n);
        plan(s, s->now + rng_range(&s->world, 10, 300), H_STORED, s->life, m->durable, 0, 0);
}

/* The daemon died: of what was being written a first part may have reached the disk. */
void store_drop(struct sim *s)
{
        struct store_model *m = &s->store;

        if (m->n && !m->failing && rng_chance(&s->world, .5))
                store_apply(s, (size_t)rng_range(&s->world, 0, (int64_t)m->n));
        for (size_t i = 0; i < m->n; i++)
                free(m->units[i].rows);
        m->n = 0;
        m->emitted = m->told = m->durable;
        m->committing = false;
}

/* A clean end: everything is written. */
void store_finish(struct sim *s)
{
        store_apply(s, s->store.n);
        s->store.emitted = s->store.told = s->store.durable;
        s->store.committing = false;
}

struct job *store_definition(struct sim *s, const uint8_t digest[32])
{
        for (size_t i = s->store.n_definitions; i-- > 0;)
                if (memcmp(s->store.definitions[i]->digest, digest, 32) == 0)
                        return s->store.definitions[i];
        return NULL;
}
