/* What goes wrong, and what people do.  How often is drawn once per seed: most seeds leave some kinds out, so that
 * each kind is also seen without the others. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum chaos_kind {
        C_CRASH,
        C_REBOOT,
        C_SUSPEND,
        C_STEP_SMALL,
        C_STEP_MID,
        C_STEP_BIG,
        C_STEP_BACK_AGAIN,
        C_STORE,
        C_RELOAD,
        C_COMMAND,
        C_SHUTDOWN,
        C_ZONE,
        C_NR
};

/* How often a day. */
static double *rate(struct sim *s, enum chaos_kind k)
{
        double *rates[C_NR] = {
                [C_CRASH] = &s->faults.crash,           [C_REBOOT] = &s->faults.reboot,
                [C_SUSPEND] = &s->faults.suspend,       [C_STEP_SMALL] = &s->faults.step_small,
                [C_STEP_MID] = &s->faults.step_mid,     [C_STEP_BIG] = &s->faults.step_big,
                [C_STORE] = &s->faults.store_fail,      [C_RELOAD] = &s->faults.reload,
                [C_COMMAND] = &s->faults.command,       [C_SHUTDOWN] = &s->faults.shutdown,
                [C_STEP_BACK_AGAIN] = &s->faults.never, [C_ZONE] = &s->faults.zone,
        };

        return rates[k];
}

static void again(struct sim *s, enum chaos_kind k)
{
        double a_day = *rate(s, k);

        if (a_day > 0)
                plan(s, s->now + rng_range(&s->world, 1, (int64_t)(2.0 * (double)DAY / a_day)), H_CHAOS, 0, 0, 0, k);
}

static double maybe(struct sim *s, double p, double lo, double hi)
{
        double x = (double)rng_range(&s->rng, 0, 1000) / 1000;

        return rng_chance(&s->rng, p) ? lo + x * x * (hi - lo) : 0;
}

void chaos_begin(struct sim *s)
{
        s->faults = (struct faults){
                .crash = maybe(s, .7, .05, 4),
                .reboot = maybe(s, .4, .02, .5),
                .suspend = maybe(s, .5, .1, 2),
                .step_small = maybe(s, .5, .1, 8),
                .step_mid = maybe(s, .5, .05, 1),
                .step_big = maybe(s, .3, .02, .2),
                .store_fail = maybe(s, .6, .05, 3),
                .reload = maybe(s, .7, .1, 6),
                .command = maybe(s, .8, 2, 200),
                .shutdown = maybe(s, .5, .05, 1),
                .exec_fail = maybe(s, .5, 0, .02),
                .start_fault = maybe(s, .5, 0, .05),
                .start_void = maybe(s, .5, 0, .02),
                .supervisor_dies = maybe(s, .5, 0, .01),
                .duplicate = maybe(s, .7, 0, .1),
                .no_started = maybe(s, .5, 0, .05),
                .slow_message = maybe(s, .4, 0, .01),
                .slow_disk = maybe(s, .4, 0, .01),
                .zone = maybe(s, .5, .05, 1),
        };
        /* Some worlds are much worse. */
        for (enum chaos_kind k = 0; k < C_NR; k++) {
                if (rng_chance(&s->rng, .15))
                        *rate(s, k) *= 8;
                again(s, k);
        }
}

static void clock_step(struct sim *s, int64_t by)
{
        int64_t after = wall_now(s) + by;

        /* Stay inside of what the oracle has walked. */
        if (after < s->oracle_from + 3 * DAY || after > s->oracle_to - 10 * DAY)
                return;
        trace(s, "%s steps by %lld us", "the wall clock", by, 0, 0, 0);
        s->count.steps++;
        s->wall_off += by;
        if (s->up && rng_chance(&s->world, .8))
                step(s, &(struct event){ .type = EVENT_TICK });
        else
                plan(s, s->now + rng_range(&s->world, 10, 5000), H_TICK, 0, 0, 0, 0);
        if (rng_chance(&s->world, .5) && (by > MINUTE || by < -MINUTE)) /* somebody sets it right again */
                plan(s, s->now + rng_range(&s->world, 1, 8 * HOUR), H_CHAOS, 0, (uint64_t)-by, 0, C_STEP_BACK_AGAIN);
}

static int64_t either_way(struct sim *s, int64_t lo, int64_t hi)
{
        int64_t v = rng_range(&s->world, lo, hi);

        return rng_chance(&s->world, .5) ? v : -v;
}

/* What a reload means while nothing can be decided is left out of the world's account. */
static bool may_reload(const struct sim *s)
{
        return !s->degraded && !s->store.failing && !s->clock_waiting && !s->shutdown;
}

static void suspend(struct sim *s)
{
        int64_t len = rng_chance(&s->world, .3) ? rng_range(&s->world, 1, 36 * 60) * MINUTE
                                                : rng_range(&s->world, 1, 40 * 60) * SECOND;

        if (s->now + len > s->end || wall_now(s) + len > s->oracle_to - 10 * DAY)
                return;
        trace(s, "%s sleeps for %lld s", "the machine", len / SECOND, 0, 0, 0);
        s->count.suspends++;
        s->now += len;
        /* Whoever comes first after a sleep, the timer or somebody else. */
        if (s->up && rng_chance(&s->world, .3) && may_reload(s))
                chaos_reload(s, (unsigned)rng_range(&s->world, 1, 5));
}

static void fail_store(struct sim *s)
{
        if (s->store.failing)
                return;
        trace(s, "%s fails from now on", "the store", 0, 0, 0, 0);
        s->count.store_failures++;
        s->store.failing = true;
        plan(s, s->now + rng_range(&s->world, 1, rng_chance(&s->world, .3) ? 7200 : 60) * SECOND, H_STORE_HEAL, 0, 0, 0,
             0);
        if (s->up)
                plan(s, s->now + rng_range(&s->world, 1, 1000), H_STORE_FAILED, s->life, 0, 0, 0);
}

void send_command(struct sim *s, struct command c)
{
        struct event ev = { .type = EVENT_COMMAND };
        struct command_model *m;

        if (!s->up || s->shutdown)
                return;
        s->commands = realloc(s->commands, (s->n_commands + 1) * sizeof(*s->commands));
        assert(s->commands);
        m = &s->commands[s->n_commands++];
        c.id = s->n_commands;
        *m = (struct command_model){
                .c = c, .life = s->life, .at = s->now, .degraded = s->degraded, .seq = s->store.emitted + 1
        };
        snprintf(m->job, sizeof(m->job), "%s", c.job ? c.job : "-");
        m->c.instants = NULL;
        m->c.job = NULL; /* of the model: its name is kept beside */
        s->count.commands++;
        if (c.type == COMMAND_CANCEL && srun_find(s, c.run))
                srun_find(s, c.run)->cancel_asked = true;
        trace(s, "%s command %lld, type %lld, run %lld", c.job ? c.job : "-", (int64_t)c.id, c.type, (int64_t)c.run, 0);
        ev.command = c;
        s->command_now = c.id;
        step(s, &ev);
        s->command_now = 0;
        s->commands[c.id - 1].seq = s->store.emitted;
}

/* Somebody wants some instants of the past to run after all. */
static void backfill(struct sim *s)
{
        struct sjob *j = &s->jobs[rng_range(&s->past, 0, (int64_t)s->n_jobs - 1)];
        struct wall at[4];
        size_t n = (size_t)rng_range(&s->past, 1, ARRAY_SIZE(at)), from;

        if (!j->force || !j->force_oracle || j->force_oracle->n == 0)
                return;
        from = oracle_after(j->force_oracle, wall_now(s) - rng_range(&s->past, 0, 48) * HOUR);
        for (size_t i = 0; i < n; i++) {
                if (from + i >= j->force_oracle->n || j->force_oracle->sec[from + i] * SECOND > wall_now(s) ||
                    j->force_oracle->fate[from + i] != FATE_DUE)
                        n = i;
                else
                        at[i] = WALL_SEC(j->force_oracle->sec[from + i]);
        }
        if (n > 0)
                send_command(s, (struct command){ .type = COMMAND_BACKFILL, .job = j->name, .by_uid = 1000, .until = WALL_NEVER,
                                                  .instants = at, .n_instants = n });
}

static void any_command(struct sim *s)
{
        struct sjob *j = &s->jobs[rng_range(&s->world, 0, (int64_t)s->n_jobs - 1)];
        struct command c = { .job = j->name, .by_uid = 1000, .until = WALL_NEVER };
        int k = (int)rng_range(&s->world, 0, 99);

        if (k < 35) {
                c.type = COMMAND_RUN;
                c.force = rng_chance(&s->world, .2);
        } else if (k < 60) {
                struct srun *r = s->active;

                for (int64_t skip = rng_range(&s->world, 0, 30); r && skip > 0; skip--)
                        r = r->next;
                if (!r)
                        return;
                c.type = COMMAND_CANCEL;
                c.job = NULL;
                c.run = rng_chance(&s->world, .9) ? r->id : r->id + 1000000;
        } else if (k < 72) {
                c.type = COMMAND_PAUSE;
                c.hold = rng_chance(&s->world, .5);
                c.why = rng_chance(&s->world, .5) ? "maintenance" : NULL;
                if (rng_chance(&s->world, .6))
                        c.until.usec = wall_now(s) + rng_range(&s->world, -60, 86400) * SECOND;
        } else if (k < 86)
                c.type = COMMAND_RESUME;
        else if (k < 91)
                c.type = COMMAND_DISABLE;
        else if (k < 98)
                c.type = COMMAND_ENABLE;
        else {
                c.type = COMMAND_RUN;
                c.job = "no-such-job";
        }
        send_command(s, c);
        if (rng_chance(&s->past, .5))
                backfill(s);
}

/* Some files change: in force at once, or at the next start if the daemon is down. */
void chaos_reload(struct sim *s, unsigned changes)
{
        const char *removed[8];
        struct job *put[8];
        struct sjob *touched[16];
        size_t n_put = 0, n_removed = 0, n_touched = 0;
        char path[32], text[32];
        struct file_row file;
        struct event ev = { .type = EVENT_CONFIG };

        for (unsigned i = 0; i < changes && n_put < 7 && n_removed < 7; i++) {
                struct sjob *j = &s->jobs[rng_range(&s->gen, 0, (int64_t)s->n_jobs - 1)];
                int k = (int)rng_range(&s->gen, 0, 9);
                bool seen = false;

                for (size_t t = 0; t < n_touched; t++)
                        seen |= touched[t] == j;
                if (seen)
                        continue;
                touched[n_touched++] = j;
                if (!j->in_files) {
                        if (k < 5) { /* the name comes back, as it was or changed */
                                if (k < 3)
                                        j->in_files = true;
                                else
                                        gen_change(s, j);
                                put[n_put++] = j->def;
                        }
                        continue;
                }
                if (k < 6) {
                        gen_change(s, j);
                        put[n_put++] = j->def;
                } else { /* removed, or renamed: gone and a new one */
                        j->in_files = false;
                        removed[n_removed++] = j->name;
                        if (k >= 8) {
                                j = gen_add(s);
                                touched[n_touched++] = j;
                                put[n_put++] = j->def;
                        }
                }
        }
        s->count.reloads++;
        if (!s->up)
                return;
        snprintf(path, sizeof(path), "/etc/jobs.d/f%llu.yaml", (unsigned long long)s->count.reloads);
        snprintf(text, sizeof(text), "text %llu", (unsigned long long)s->count.reloads);
        file = (struct file_row){ .path = path, .text = text, .size = strlen(text), .mode = 0644 };
        ev.config.put = put;
        ev.config.n_put = n_put;
        ev.config.removed = removed;
        ev.config.n_removed = n_removed;
        ev.config.files = &file;
        ev.config.n_files = 1;
        for (size_t i = 0; i < n_touched; i++) {
                struct sjob *j = touched[i];

                if (j->in_files == (j->force != NULL) && j->def == j->force)
                        continue;
                j->force = j->in_files ? j->def : NULL;
                j->force_oracle = j->in_files ? j->oracle : NULL;
                j->force_since = wall_now(s);
                j->force_restart = false;
        }
        s->config_file = &file;
        s->saw_file = false;
        trace(s, "%s: %lld put, %lld removed", "reload", (int64_t)n_put, (int64_t)n_removed, 0, 0);
        step(s, &ev);
        s->config_file = NULL;
        if (!s->saw_file)
                fail(s, "a job file's text did not come out in the unit of its reload");
}

/* A zone gets other rules: for its jobs a changed schedule, at once or at the next start. */
static void change_zone(struct sim *s)
{
        size_t k = (size_t)rng_range(&s->world, (int64_t)s->n_zones, (int64_t)s->n_all_zones - 1), n = 0;
        struct zone *z = &s->zones[s->zones[k].other], *other = &s->zones[k], was = *z;
        struct job **put = calloc(s->n_jobs, sizeof(struct job *));
        bool in_files;

        assert(put);
        *z = *other;
        *other = was;
        other->other = (size_t)(z - s->zones);
        trace(s, "%s has other rules", z->name, 0, 0, 0, 0);
        s->count.zones++;
        for (size_t i = 0; i < s->n_jobs; i++) {
                struct sjob *j = &s->jobs[i];

                if (j->def->policy->zone != was.tz)
                        continue;
                in_files = j->in_files;
                gen_rezone(s, j, z);
                j->in_files = in_files;
                if (!s->up || !j->force)
                        continue;
                put[n++] = j->def;
                j->force = j->def;
                j->force_oracle = j->oracle;
                j->force_since = wall_now(s);
                j->force_restart = false;
        }
        if (s->up && n > 0)
                step(s, &(struct event){ .type = EVENT_CONFIG, .config = { .put = put, .n_put = n } });
        free(put);
}

/* The end: nothing new, so that everything can come to an end. */
void chaos_disable_all(struct sim *s)
{
        for (size_t i = 0; i < s->n_jobs; i++)
                if (s->jobs[i].force)
                        send_command(s, (struct command){
                                                .type = COMMAND_DISABLE, .job = s->jobs[i].name, .until = WALL_NEVER });
}

/* `by`: of a step that sets the clock right again.  `part`: the second half of a shutdown. */
void chaos_happen(struct sim *s, uint32_t kind, int64_t by, uint32_t part)
{
        int64_t down = rng_chance(&s->world, .2) ? rng_range(&s->world, 1, 30 * 60) * MINUTE
                                                 : rng_range(&s->world, 1, 60000) * USEC_PER_MSEC;

        if (s->calm)
                return;
        switch ((enum chaos_kind)kind) {
        case C_CRASH:
                if (s->up) {
                        daemon_die(s, false);
                        plan(s, s->now + down, H_BOOT_DAEMON, 0, 0, 0, 0);
                }
                break;
        case C_REBOOT:
                if (s->up) {
                        daemon_die(s, rng_chance(&s->world, .3));
                        super_reboot(s);
                        s->count.reboots++;
                        s->new_boot = s->after_reboot = true;
                        for (size_t i = 0; i < s->n_jobs; i++)
                                s->jobs[i].boot_runs = 0;
                        s->boot_at = s->now + down - rng_range(&s->world, 1, 30) * SECOND;
                        if (s->boot_at < s->now)
                                s->boot_at = s->now;
                        if (rng_chance(&s->world,
                                       .3)) { /* no clock of its own: it comes up in the past, the network helps */
                                int64_t behind = rng_range(&s->world, 1, 40) * HOUR;

                                clock_step(s, -behind);
                                plan(s, s->now + down + rng_range(&s->world, 0, 8 * MINUTE), H_CHAOS, 0,
                                     (uint64_t)behind, 0, C_STEP_BACK_AGAIN);
                        }
                        plan(s, s->now + down, H_BOOT_DAEMON, 0, 0, 0, 0);
                }
                break;
        case C_SUSPEND: suspend(s); break;
        case C_STEP_SMALL:
                clock_step(s, rng_chance(&s->world, .5) ? either_way(s, 1, 50000) : either_way(s, 1, 50) * SECOND);
                break;
        case C_STEP_MID: clock_step(s, either_way(s, 65, 10700) * SECOND); break;
        case C_STEP_BIG: clock_step(s, either_way(s, 185, 4000) * MINUTE); break;
        case C_STEP_BACK_AGAIN: clock_step(s, by); break;
        case C_STORE: fail_store(s); break;
        case C_RELOAD:
                if (may_reload(s))
                        chaos_reload(s, (unsigned)rng_range(&s->world, 1, 5));
                break;
        case C_COMMAND: any_command(s); break;
        case C_ZONE:
                if (may_reload(s))
                        change_zone(s);
                break;
        case C_SHUTDOWN:
                if (part) { /* it has ended in order, and comes again */
                        daemon_die(s, true);
                        plan(s, s->now + down, H_BOOT_DAEMON, 0, 0, 0, 0);
                        return;
                }
                if (s->up && !s->store.failing) {
                        s->shutdown = true;
                        s->count.shutdowns++;
                        trace(s, "%s", "shutdown", 0, 0, 0, 0);
                        step(s, &(struct event){ .type = EVENT_SHUTDOWN,
                                                 .shutdown = { .kill = rng_chance(&s->world, .3) } });
                        plan(s, s->now + rng_range(&s->world, 1, 5000) * USEC_PER_MSEC, H_CHAOS, s->life, 0, 1,
                             C_SHUTDOWN);
                }
                break;
        case C_NR: break;
        }
        again(s, (enum chaos_kind)kind);
}
