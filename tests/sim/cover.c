/* Each due instant is covered by exactly one durable row, up to the watermark and not beyond (promise 1).
 *
 * A job's expectation is a segment: from where on, in which clock epoch, by which schedule.  It is the world's own
 * account, made from when definitions came into force and when the clock was set; the rows only say how far they
 * are. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

bool cover_counts(const struct segment *g, const struct oracle *o, size_t i)
{
        return cover_number(g, o, i) > 0;
}

unsigned cover_number(const struct segment *g, const struct oracle *o, size_t i)
{
        bool fixed = o->sec[i] * SECOND > g->fixed_after;

        if (!(o->kind[i] & INSTANT_INTERVAL) && !fixed)
                return 0;
        /* What is due there runs, whatever is excluded at the same instant. */
        if (o->fate[i] == FATE_EXCLUDED && i > 0 && o->sec[i - 1] == o->sec[i] && o->fate[i - 1] == FATE_DUE &&
            (o->kind[i - 1] & INSTANT_INTERVAL || fixed))
                return 0;
        return fixed ? o->number[i] : o->intervals[i];
}

/* Which fates a row speaks of: a pause of all, what is left out of its own kind. */
static uint8_t fates_of(const struct run_info *n)
{
        if (n->state == RUN_SKIPPED && n->reason == REASON_EXCLUDED)
                return 1 << FATE_EXCLUDED;
        if (n->state == RUN_SKIPPED && n->reason == REASON_DST)
                return 1 << FATE_DST;
        if (n->state == RUN_SKIPPED && (n->reason == REASON_PAUSED || n->reason == REASON_DISABLED) && n->count > 0)
                return 1 << FATE_DUE | 1 << FATE_EXCLUDED | 1 << FATE_DST;
        return 1 << FATE_DUE;
}

static void add_entry(struct sjob *j, struct entry e)
{
        if (j->n_entries == j->allocated_entries) {
                j->allocated_entries = j->allocated_entries ? j->allocated_entries * 2 : 4;
                j->entries = realloc(j->entries, j->allocated_entries * sizeof(*j->entries));
                assert(j->entries);
        }
        j->entries[j->n_entries++] = e;
}

/* A row of a run became durable: r->du is the new one, has_du says whether there was one before. */
void cover_run_row(struct sim *s, struct srun *r)
{
        const struct run_info *n = &r->du;
        struct sjob *j = r->job;

        if (n->trigger == TRIGGER_MANUAL || n->trigger == TRIGGER_BACKFILL || j->is_after) { /* covers nothing; after.c */
                r->du_until = n->scheduled_until.usec;
                r->du_count = n->count;
                return;
        }
        if (n->trigger == TRIGGER_BOOT) {
                if (!r->has_du && ++j->boot_runs > 1)
                        fail(s, "%s: a second run for one boot", j->name);
                return;
        }
        if (!r->has_du) {
                if (n->reason == REASON_CHANGED && n->count == 0)
                        j->changed_row = true;
                else
                        add_entry(j, (struct entry){ .run = r->id, .epoch = n->epoch, .fates = fates_of(n), .at = n->scheduled_at.usec,
                                                     .until = n->scheduled_until.usec, .count = n->count });
        } else if (n->scheduled_until.usec > r->du_until) {
                if (n->reason == REASON_CHANGED && n->count == 0)
                        j->changed_row = true;
                else
                        add_entry(j, (struct entry){ .run = r->id,
                                                     .epoch = n->epoch,
                                                     .fates = fates_of(n),
                                                     .at = r->du_until,
                                                     .at_open = true,
                                                     .until = n->scheduled_until.usec,
                                                     .count = n->count - r->du_count });
        } else if (n->count != r->du_count)
                fail(s, "run %llu: its count changes from %llu to %llu", (unsigned long long)r->id,
                     (unsigned long long)r->du_count, (unsigned long long)n->count);
        r->du_until = n->scheduled_until.usec;
        r->du_count = n->count;
}

/* The one entry that covers an instant of that fate; none of another fate may lie over it. */
static struct entry *covering(struct sim *s, struct sjob *j, int64_t t, int fate)
{
        struct entry *found = NULL;
        char buf[40];

        for (size_t i = 0; i < j->n_entries; i++) {
                struct entry *e = &j->entries[i];

                if (t < e->at || (e->at_open && t == e->at) || t > e->until)
                        continue;
                if (!(e->fates >> fate & 1)) {
                        if (t > e->at && t < e->until)
                                fail(s, "%s: the instant %s is under run %llu, which speaks of others", j->name,
                                     when(t, buf), (unsigned long long)e->run);
                        continue;
                }
                if (found)
                        fail(s, "%s: the instant %s is covered by runs %llu and %llu", j->name, when(t, buf),
                             (unsigned long long)found->run, (unsigned long long)e->run);
                found = e;
        }
        return found;
}

static void advance(struct sim *s, struct sjob *j, int64_t to, uint32_t epoch)
{
        struct segment *g = &j->seg;
        char a[40], b[40];
        size_t kept = 0;

        if (to <= g->done)
                return;
        for (size_t i = oracle_after(g->oracle, g->done); i < g->oracle->n && g->oracle->sec[i] * SECOND <= to; i++) {
                int64_t t = g->oracle->sec[i] * SECOND;
                struct entry *e;

                if (!cover_counts(g, g->oracle, i))
                        continue;
                e = covering(s, j, t, g->oracle->fate[i]);
                if (!e)
                        fail(s,
                             "%s: the instant %s is covered by no row, the watermark is %s (expected from %s, "
                             "fixed ones after %s)",
                             j->name, when(t, a), when(to, b), when(g->done, (char[40]){ 0 }),
                             when(g->fixed_after, (char[40]){ 0 }));
                if (e->epoch != g->epoch && e->epoch != epoch)
                        fail(s, "run %llu: epoch %u, expected %u", (unsigned long long)e->run, e->epoch, epoch);
                e->seen += cover_number(g, g->oracle, i);
                e->hit_at |= t == e->at;
                e->hit_until |= t == e->until;
                s->count.instants++;
        }
        for (size_t i = 0; i < j->n_entries; i++) {
                struct entry *e = &j->entries[i];

                if (e->until > to) {
                        j->entries[kept++] = *e;
                        continue;
                }
                if (e->seen != e->count || (!e->at_open && !e->hit_at) || !e->hit_until)
                        fail(s, "%s: run %llu covers %s to %s and says %llu instants; %llu are due there%s%s", j->name,
                             (unsigned long long)e->run, when(e->at, a), when(e->until, b),
                             (unsigned long long)e->count, (unsigned long long)e->seen,
                             e->at_open || e->hit_at ? "" : ", the first is none",
                             e->hit_until ? "" : ", the last is none");
        }
        j->n_entries = kept;
        g->done = to;
}

/* The same instants: a zone's rules were changed, and back again. */
static bool same_instants(const struct oracle *a, const struct oracle *b)
{
        return a && b && a->n == b->n && (a->n == 0 || memcmp(a->sec, b->sec, a->n * sizeof(*a->sec)) == 0) &&
               (a->n == 0 || memcmp(a->kind, b->kind, a->n) == 0);
}

static void cover_job(struct sim *s, const struct urow *u)
{
        const struct job_state *n = &u->row.job;
        struct sjob *j = u->job;
        struct segment *g = &j->seg;

        if (n->removed) {
                if (g->open && !u->restart)
                        advance(s, j, n->watermark.usec, n->epoch);
                g->open = false;
                j->n_entries = 0;
                return;
        }
        if (!g->open) {
                *g = (struct segment){
                        .open = true, .epoch = n->epoch, .done = u->since, .fixed_after = INT64_MIN, .oracle = u->oracle
                };
                j->changed_row = false;
        }
        if (n->epoch < g->epoch)
                fail(s, "%s: epoch %u after %u", j->name, n->epoch, g->epoch);
        if (u->oracle != g->oracle && u->restart && !j->changed_row && same_instants(u->oracle, g->oracle))
                g->oracle = u->oracle;
        if (u->oracle != g->oracle && !u->restart && u->since > g->done)
                advance(s, j, u->since, n->epoch); /* by the old schedule */
        /* The clock was set back over what is done (for epochs in between it was not: the job did not take part). */
        if (n->epoch > g->epoch && s->epochs[n->epoch].wall < g->done) {
                g->fixed_after = s->epochs[n->epoch].moderate ? MAX(g->fixed_after, g->done) : INT64_MIN;
                g->done = s->epochs[n->epoch].wall;
        }
        if (u->oracle != g->oracle) {
                if (u->restart) { /* nobody knows any more which instants there were */
                        size_t i = oracle_after(g->oracle, g->done);

                        if (i < g->oracle->n && g->oracle->sec[i] * SECOND <= u->since &&
                            cover_counts(g, g->oracle, i) && !j->changed_row)
                                fail(s, "%s: its schedule changed while the daemon was down, and no row says so",
                                     j->name);
                        g->done = MAX(g->done,
                                      u->since); /* a clock behind the state starts nothing before it has passed it */
                        g->fixed_after = n->fixed_after.usec;
                }
                g->oracle = u->oracle;
        }
        j->changed_row = false;
        advance(s, j, n->watermark.usec, n->epoch);
        g->epoch = n->epoch;
}

/* All rows of a unit are durable now. */
void cover_unit_end(struct sim *s, const struct unit *u)
{
        for (size_t i = 0; i < u->n; i++)
                if (u->rows[i].row.type == ROW_JOB)
                        cover_job(s, &u->rows[i]);
        for (size_t i = 0; i < u->n; i++) {
                struct sjob *j = u->rows[i].job;
                char buf[40];

                if (j && j->seg.open && j->n_entries)
                        fail(s, "%s: run %llu covers %s, and the watermark of the same unit is before that", j->name,
                             (unsigned long long)j->entries[0].run, when(j->entries[0].until, buf));
        }
}
