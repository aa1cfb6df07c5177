/* sim --seed N --days D --jobs J [--count C] [--verbose]: runs the engine through one virtual world, or C of them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

static void usage(FILE *f)
{
        fputs("usage: sim [--seed N] [--count C] [--days D] [--jobs J] [--verbose] [--quiet]\n"
              "Runs the engine for D virtual days (40) with J jobs (300), in C worlds (1) from seed N (1) on.\n",
              f);
}

/* A day in the years to come; most often shortly before clocks change somewhere. */
static int64_t pick_begin(struct rng *r)
{
        static const struct {
                int month, day;
        } near[] = { { 3, 1 }, { 3, 22 }, { 10, 5 }, { 10, 20 }, { 4, 1 }, { 9, 1 } };
        int64_t k = rng_range(r, 0, (int64_t)ARRAY_SIZE(near) - 1);
        struct tm tm = { .tm_year = (int)rng_range(r, 2024, 2040) - 1900,
                         .tm_mon = near[k].month - 1,
                         .tm_mday = near[k].day };

        if (rng_chance(r, .2)) {
                tm.tm_mon = (int)rng_range(r, 0, 11);
                tm.tm_mday = 1;
        }
        return ((int64_t)timegm(&tm) + rng_range(r, 0, 86399)) * SECOND + rng_range(r, 0, 999999);
}

static void sim_done(struct sim *s)
{
        gen_free(s);
        zones_free(s->zones, s->n_all_zones);
        while (s->active) {
                struct srun *r = s->active;

                s->active = r->next;
                free(r->a);
                free(r);
        }
        for (size_t i = 0; i < s->store.n; i++)
                free(s->store.units[i].rows);
        free(s->store.units);
        free(s->store.definitions);
        free(s->heap);
        free(s->by_id);
        free(s->runs);
        free(s->settled);
        free(s->touched);
        free(s->commands);
        free(s->epochs);
        actions_done(&s->actions);
}

static void run_seed(struct sim *s)
{
        struct timespec a, b;
        char buf[40];

        clock_gettime(CLOCK_MONOTONIC, &a);
        /* Not the seed itself: neighbours would draw the same numbers, one place apart. */
        s->rng.s = rng_next(&(struct rng){ s->opt.seed }) ^ (s->opt.seed << 32);
        s->gen.s = rng_next(&s->rng);
        s->world.s = rng_next(&s->rng);
        s->past.s = s->world.s ^ UINT64_C(0x5bd1e995);
        s->days.s = s->world.s ^ UINT64_C(0x7c3a1e2d);
        s->turns.s = s->world.s ^ UINT64_C(0x1b873593);
        s->base_wall = pick_begin(&s->rng);
        s->end = s->opt.days * DAY;
        s->wall_off = s->base_wall;
        s->boot_at = -rng_range(&s->rng, 1, 1000) * SECOND;
        s->oracle_from = s->base_wall - 16 * DAY;
        s->oracle_to = s->base_wall + s->end + 24 * DAY;
        s->options =
                (struct engine_options){ .max_running =
                                                 rng_chance(&s->rng, .3) ? (uint32_t)rng_range(&s->rng, 4, 30) : 1000,
                                         .max_starting = (uint32_t)rng_range(&s->rng, 1, 8),
                                         .clock_wait_usec = 5 * MINUTE,
                                         .seed = rng_next(&s->rng),
                                         .machine = rng_next(&s->rng) };
        trace_abort_hook(s);
        if (zones_load(&s->zones, &s->n_zones, &s->n_all_zones) < 0)
                exit(2);
        for (size_t i = 0; i < s->n_all_zones; i++)
                zone_walk(&s->zones[i], s->oracle_from / SECOND, s->oracle_to / SECOND);
        gen_jobs(s, s->opt.jobs);
        sim_run(s);
        clock_gettime(CLOCK_MONOTONIC, &b);
        if (!s->opt.quiet)
                printf("# seed %llu: %d days from %s, %d jobs, %llu runs, %llu instants, %llu steps, %.1f s; "
                       "%llu started, %llu succeeded, "
                       "%llu failed, %llu timed out, %llu lost, %llu cancelled, %llu skipped, %llu missed, %llu retries; "
                       "%llu crashes, %llu reboots, "
                       "%llu clock steps, %llu epochs, %llu sleeps, %llu reloads, %llu commands, "
                       "%llu store failures, %llu shutdowns, %llu stale\n",
                       (unsigned long long)s->opt.seed, s->opt.days, when(s->base_wall, buf), s->opt.jobs,
                       (unsigned long long)s->count.runs, (unsigned long long)s->count.instants,
                       (unsigned long long)s->steps,
                       (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9,
                       (unsigned long long)s->count.started, (unsigned long long)s->count.succeeded,
                       (unsigned long long)s->count.failed, (unsigned long long)s->count.timed_out,
                       (unsigned long long)s->count.lost, (unsigned long long)s->count.cancelled,
                       (unsigned long long)s->count.skipped, (unsigned long long)s->count.missed,
                       (unsigned long long)s->count.retried, (unsigned long long)s->count.crashes,
                       (unsigned long long)s->count.reboots, (unsigned long long)s->count.steps,
                       (unsigned long long)s->count.epochs, (unsigned long long)s->count.suspends,
                       (unsigned long long)s->count.reloads, (unsigned long long)s->count.commands,
                       (unsigned long long)s->count.store_failures, (unsigned long long)s->count.shutdowns,
                       (unsigned long long)s->count.stale);
        sim_done(s);
}

int main(int argc, char **argv)
{
        static const struct option longs[] = {
                { "seed", required_argument, NULL, 's' }, { "days", required_argument, NULL, 'd' },
                { "jobs", required_argument, NULL, 'j' }, { "count", required_argument, NULL, 'c' },
                { "verbose", no_argument, NULL, 'v' },    { "quiet", no_argument, NULL, 'q' },
                { "help", no_argument, NULL, 'h' },       { 0 },
        };
        struct sim opt = { .opt = { .seed = 1, .days = 40, .jobs = 300 } };
        uint64_t count = 1;
        int c;

        while ((c = getopt_long(argc, argv, "s:d:j:c:vqh", longs, NULL)) >= 0)
                switch (c) {
                case 's': opt.opt.seed = strtoull(optarg, NULL, 10); break;
                case 'd': opt.opt.days = atoi(optarg); break;
                case 'j': opt.opt.jobs = atoi(optarg); break;
                case 'c': count = strtoull(optarg, NULL, 10); break;
                case 'v': opt.opt.verbose = true; break;
                case 'q': opt.opt.quiet = true; break;
                case 'h': usage(stdout); return 0;
                default: usage(stderr); return 2;
                }
        if (optind != argc || opt.opt.days < 1 || opt.opt.days > 4000 || opt.opt.jobs < 1 || opt.opt.jobs > 20000) {
                usage(stderr);
                return 2;
        }
        for (uint64_t i = 0; i < count; i++) {
                struct sim *s = calloc(1, sizeof(*s));

                if (!s)
                        return 2;
                s->opt = opt.opt;
                s->opt.seed += i;
                run_seed(s);
                free(s);
                fflush(stdout);
        }
        return 0;
}
