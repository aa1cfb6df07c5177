/* The clocks, the queue of what happens next, and the daemon's lives: what the shell does, without a machine. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

int64_t wall_now(const struct sim *s)
{
        return s->now + s->wall_off;
}

/* ---- the queue: a binary heap by time, then by order of planning */
static bool before(const struct happening *a, const struct happening *b)
{
        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct sim *s, struct happening h)
{
        size_t i = s->n_heap++;

        if (s->n_heap > s->allocated_heap) {
                s->allocated_heap = s->allocated_heap ? s->allocated_heap * 2 : 1024;
                s->heap = realloc(s->heap, s->allocated_heap * sizeof(*s->heap));
                assert(s->heap);
        }
        h.order = ++s->order;
        for (; i > 0 && before(&h, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
                s->heap[i] = s->heap[(i - 1) / 2];
        s->heap[i] = h;
}

static struct happening heap_pop(struct sim *s)
{
        struct happening top = s->heap[0], last = s->heap[--s->n_heap];
        size_t i = 0;

        for (;;) {
                size_t c = 2 * i + 1;

                if (c >= s->n_heap)
                        break;
                if (c + 1 < s->n_heap && before(&s->heap[c + 1], &s->heap[c]))
                        c++;
                if (!before(&s->heap[c], &last))
                        break;
                s->heap[i] = s->heap[c];
                i = c;
        }
        if (s->n_heap)
                s->heap[i] = last;
        return top;
}

void plan(struct sim *s, int64_t at, enum happening_type type, uint32_t life, uint64_t run, uint32_t start,
          uint32_t arg)
{
        heap_push(s,
                  (struct happening){ .at = at, .type = type, .life = life, .run = run, .start = start, .arg = arg });
}

void plan_event(struct sim *s, int64_t at, const struct event *ev)
{
        struct event *copy = malloc(sizeof(*copy));

        assert(copy);
        *copy = *ev;
        heap_push(s, (struct happening){ .at = at, .type = H_DELIVER, .life = s->life, .event = copy });
}

/* ---- one step of the engine, and what it asks for */
static void carry_out(struct sim *s)
{
        for (size_t i = 0; i < s->actions.n; i++) {
                const struct action *a = &s->actions.v[i];

                switch (a->type) {
                case ACTION_ROW: break; /* store_emit() took them */
                case ACTION_START:
                        check_start(s, a);
                        super_start(s, a);
                        break;
                case ACTION_STOP:
                        check_stop(s, a);
                        super_stop(s, a);
                        break;
                case ACTION_FORGET: super_forget(s, a); break;
                case ACTION_REPLY: check_reply(s, a); break;
                case ACTION_PUBLISH: check_publish(s, a); break;
                case ACTION_NR: assert(!"an action");
                }
        }
}

static void boot_is_known(struct sim *s)
{
        for (size_t i = 0; s->boot_counts && i < s->n_jobs; i++) {
                const struct sjob *j = &s->jobs[i];

                if (j->has_reboot && j->force && j->force_since <= s->loaded_wall && j->force_restart &&
                    j->force->policy->enabled && j->em.enabled_override != 0 && !j->em.paused && j->boot_runs != 1)
                        fail(s, "%s: @reboot, and %u runs of this boot", j->name, j->boot_runs);
        }
        s->boot_counts = false;
}

void step(struct sim *s, struct event *ev)
{
        static const char *const names[] = { "CONFIG",  "LOADED",       "TICK",   "COMMAND", "STORED",  "STORE_FAILED",
                                             "STARTED", "START_FAILED", "EXITED", "LOST",    "SHUTDOWN" };

        bool waited;

        assert(s->up);
        ev->wall.usec = wall_now(s);
        ev->mono.usec = s->now - s->boot_at;
        s->steps++;
        s->step_type = ev->type;
        s->in_config = ev->type == EVENT_CONFIG;
        if (ev->type == EVENT_STORED) {
                s->store.told = ev->stored.seq;
                s->degraded = false;
                trace(s, "%s %lld", names[ev->type], (int64_t)ev->stored.seq, 0, 0, 0);
        } else if (ev->type >= EVENT_STARTED && ev->type <= EVENT_LOST)
                trace(s, "%s %lld.%lld stage %lld cause %lld", names[ev->type], (int64_t)ev->attempt.run,
                      ev->attempt.start, ev->attempt.stage, ev->attempt.cause);
        else
                trace(s, "%s", names[ev->type], 0, 0, 0, 0);
        if (ev->type == EVENT_STORE_FAILED)
                s->degraded = true;
        if (ev->type == EVENT_LOADED)
                s->loaded_wall = ev->wall.usec;

        waited = s->clock_waiting;

        engine_step(s->e, ev, &s->actions);
        /* The rule of the epoch needs the last event's clocks, the checks of the rows this one's. */
        check_epoch(s, ev);
        /* What was down is down up to where the daemon began, or to where the clock could be trusted again. */
        if (s->loaded_wall != INT64_MAX && (ev->wall.usec < s->loaded_wall || (waited && !s->clock_waiting)))
                s->loaded_wall = ev->wall.usec;
        s->last_wall = ev->wall.usec;
        store_emit(s);
        carry_out(s);
        if (ev->type == EVENT_STORED && s->boot_counts && s->store.told >= s->boot_row_seq)
                boot_is_known(s);
}

static void tick(struct sim *s)
{
        if (s->up)
                step(s, &(struct event){ .type = EVENT_TICK });
}

/* ---- lives */
void daemon_die(struct sim *s, bool clean)
{
        struct srun *next;

        if (!s->up)
                return;
        trace(s, clean ? "%s ends in order" : "%s dies", "the daemon", 0, 0, 0, 0);
        s->count.crashes += !clean;
        if (clean)
                store_finish(s);
        else
                store_drop(s);
        s->e = engine_free(s->e);
        s->up = s->boot_counts = s->shutdown = s->degraded = s->clock_waiting = false;
        s->life++;
        super_disconnect(s);
        s->n_starting = s->n_running = s->n_sent = 0;
        for (struct srun *r = s->active; r; r = next) {
                next = r->next;
                srun_unlist(r);
                r->has_em = r->has_moved = r->has_du;
                r->em = r->du;
                r->moved = r->du.state;
                r->backoff_due = r->untold_since = 0;
                r->start_seq = r->state_seq = 0;
                r->order = r->id << 32;
                r->cancel_asked = r->has_du && (r->du.flags & RUN_STOPPING);
                if (!r->has_du) {
                        assert(r->n_a == 0);
                        srun_settle(s, r);
                } else if (!run_state_ends(r->du.state)) {
                        srun_list(r);
                        s->n_starting += r->du.state == RUN_STARTING;
                        /* Found by the next life, and asked about: counts as told. */
                        r->sent_start = r->du.start;
                        s->n_sent += r->du.state == RUN_STARTING;
                        s->n_running += r->du.state == RUN_RUNNING;
                } else
                        srun_settle(s, r);
        }
        for (size_t i = 0; i < s->n_jobs; i++) {
                struct sjob *j = &s->jobs[i];

                j->has_em = j->has_du;
                j->em = j->du;
                j->unit_seq = j->after.seq = j->waiting_run = 0;
        }
}

static int by_number(const void *a, const void *b)
{
        const struct srun *x = *(struct srun *const *)a, *y = *(struct srun *const *)b;

        return x->id < y->id ? -1 : x->id > y->id;
}

static void restore(struct sim *s)
{
        struct srun **v = NULL;
        size_t n = 0, allocated = 0;
        int64_t newest = INT64_MIN;
        uint32_t epoch = 0;
        int r;

        for (size_t i = 0; i < s->n_jobs; i++) {
                struct sjob *j = &s->jobs[i];

                if (!j->has_du)
                        continue;
                r = engine_restore_job(s->e, &j->du);
                if (r < 0)
                        fail(s, "%s can't be restored: %d", j->name, r);
                newest = MAX(newest, j->du.watermark.usec);
                epoch = MAX(epoch, j->du.epoch);
        }
        for (struct srun *q = s->active; q; q = q->next) {
                if (run_state_ends(q->du.state))
                        continue;
                if (n == allocated) {
                        allocated = allocated ? allocated * 2 : 64;
                        v = realloc(v, allocated * sizeof(struct srun *));
                        assert(v);
                }
                v[n++] = q;
        }
        if (n)
                qsort(v, n, sizeof(struct srun *), by_number);
        for (size_t i = 0; i < n; i++) {
                r = engine_restore_run(s->e, &v[i]->du, store_definition(s, v[i]->du.digest));
                if (r < 0)
                        fail(s, "run %llu can't be restored: %d", (unsigned long long)v[i]->id, r);
        }
        free(v);
        s->restart_behind = newest != INT64_MIN && newest - wall_now(s) >= MINUTE;
        if (newest != INT64_MIN)
                s->epoch = epoch;
}

static void read_files(struct sim *s)
{
        struct job **put = calloc(s->n_jobs + 1, sizeof(struct job *));
        size_t n = 0, parts = (size_t)rng_range(&s->world, 1, 3);

        assert(put);
        for (size_t i = 0; i < s->n_jobs; i++) {
                struct sjob *j = &s->jobs[i];

                j->force = j->in_files ? j->def : NULL;
                j->force_oracle = j->in_files ? j->oracle : NULL;
                j->force_since = wall_now(s);
                j->force_restart = true;
                if (j->force)
                        put[n++] = j->force;
        }
        for (size_t i = 0; i < parts; i++) {
                size_t from = n * i / parts, to = n * (i + 1) / parts;

                step(s, &(struct event){ .type = EVENT_CONFIG, .config = { .put = put + from, .n_put = to - from } });
        }
        free(put);
}

void daemon_boot(struct sim *s)
{
        if (s->up)
                return;
        s->boot_at = MIN(s->boot_at, s->now); /* an earlier start was planned, too */
        s->options.next_run = s->max_run + 1;
        s->newest_run = s->max_run; /* numbers that were lost are given again */
        s->options.next_job = s->max_job + 1;
        s->options.next_seq = s->store.durable + 1;
        if (engine_new(&s->options, &s->e) < 0)
                fail(s, "no engine");
        s->up = true;
        s->loaded_wall = INT64_MAX;
        s->last_wall = s->high_wall = INT64_MIN;
        restore(s);
        read_files(s);
        s->boot_counts = s->new_boot;
        s->high_wall = wall_now(s);
        s->boot_row_seq = 0;
        step(s, &(struct event){ .type = EVENT_LOADED, .loaded = { .new_boot = s->new_boot, .boot = "this boot" } });
        if (s->new_boot && !s->boot_row_seq)
                fail(s, "a new boot, and no row says so");
        if (s->clock_waiting)
                s->boot_counts = false;
        for (struct srun *r = s->active; r; r = r->next) { /* the wall clock tells how much is left */
                const struct job *d = store_definition(s, r->em.digest);

                if (r->has_em && r->em.state == RUN_WAITING && d)
                        r->jitter_due = s->now + CLAMP(r->em.retry_at.usec - wall_now(s), 0, d->policy->jitter_usec);
        }
        super_adopt(s);
        if (s->store.failing)
                plan(s, s->now + 1000, H_STORE_FAILED, s->life, 0, 0, 0);
}

/* ---- the loop */
static void happen(struct sim *s, struct happening *h)
{
        if (h->life && h->life != s->life) {
                free(h->event);
                return;
        }
        switch (h->type) {
        case H_COMMIT: store_commit(s); break;
        case H_STORED:
                if (!s->store.failing)
                        step(s, &(struct event){ .type = EVENT_STORED, .stored = { h->run } });
                else if (!s->store.committing) /* its news are lost in the failure, and come after it */
                        plan(s, s->now + SECOND, H_STORED, h->life, h->run, 0, 0);
                break;
        case H_STORE_FAILED:
                if (s->store.failing)
                        step(s, &(struct event){ .type = EVENT_STORE_FAILED });
                break;
        case H_STORE_HEAL:
                s->store.failing = false;
                trace(s, "%s works again", "the store", 0, 0, 0, 0);
                if (s->up && !s->store.committing) {
                        s->store.committing = true;
                        plan(s, s->now + 1000, H_COMMIT, s->life, 0, 0, 0);
                }
                break;
        case H_RUNNER:
        case H_EXEC:
        case H_EXIT:
        case H_STOP: super_happen(s, h); break;
        case H_DELIVER:
                if (s->up)
                        step(s, h->event);
                free(h->event);
                break;
        case H_TICK: tick(s); break;
        case H_CHAOS: chaos_happen(s, h->arg, (int64_t)h->run, h->start); break;
        case H_BOOT_DAEMON: daemon_boot(s); break;
        }
}

static int64_t wake_time(struct sim *s)
{
        struct wall w;
        struct mono m;
        int64_t a, b;

        if (!s->up)
                return INT64_MAX;
        engine_timeout(s->e, &w, &m);
        a = wall_is_never(w) ? INT64_MAX : w.usec - s->wall_off;
        b = mono_is_never(m) ? INT64_MAX : m.usec + s->boot_at;
        return MIN(a, b);
}

static void wake(struct sim *s, int64_t at)
{
        if (at > s->now + 50000 && rng_chance(&s->world, .01)) { /* a timer that fires a little early */
                s->now = at - rng_range(&s->world, 1, 50000);
                tick(s);
                return;
        }
        if (at > s->now)
                s->now = at + rng_range(&s->world, 0, 300);
        if (s->now == s->last_tick_at) {
                if (++s->ticks_in_place > 50)
                        fail(s, "the engine spins: it wants a call at once, for the 50th time");
        } else
                s->ticks_in_place = 0;
        s->last_tick_at = s->now;
        tick(s);
}

static bool anything_open(const struct sim *s)
{
        return s->active || s->store.n || s->store.told != s->store.emitted;
}

static void run_until(struct sim *s, int64_t end, bool until_quiet)
{
        uint64_t audited = s->steps;
        int64_t audited_at = s->now;

        while (s->now < end && (!until_quiet || anything_open(s))) {
                int64_t at = wake_time(s);

                if (s->n_heap == 0 && at == INT64_MAX)
                        break;
                if (s->n_heap == 0 || at <= s->heap[0].at) {
                        if (at >= end) {
                                s->now = end;
                                break;
                        }
                        wake(s, at);
                } else {
                        struct happening h = heap_pop(s);

                        if (h.at > s->now)
                                s->now = h.at;
                        happen(s, &h);
                }
                if (s->up && (s->steps - audited > 500 || s->now - audited_at > 20 * MINUTE)) {
                        audit(s, wake_time(s) > s->now);
                        audited = s->steps;
                        audited_at = s->now;
                }
        }
}

void sim_run(struct sim *s)
{
        s->new_boot = true;
        s->life = 1;
        s->last_tick_at = INT64_MIN;
        chaos_begin(s);
        daemon_boot(s);
        run_until(s, s->end, false);

        /* Nothing goes wrong any more, nothing new begins: everything comes to its end. */
        s->calm = true;
        s->store.failing = false;
        if (s->shutdown)
                daemon_die(s, true);
        daemon_boot(s);
        if (!s->store.committing)
                plan(s, s->now + 1000, H_COMMIT, s->life, 0, 0, 0);
        run_until(s, s->now + 10 * MINUTE, false);
        chaos_disable_all(s);
        run_until(s, s->now + 4 * DAY, true); /* catch-ups make chains of thousands; each takes some seconds now */
        audit(s, true);
        audit_end(s);

        for (size_t i = 0; i < s->n_heap; i++)
                free(s->heap[i].event);
        s->e = engine_free(s->e);
}
