/* Job definitions out of a seed, and their changes. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

struct sjob *job_by_name(struct sim *s, const char *name)
{
        unsigned i = 0;

        if (!name || sscanf(name, "job%u", &i) != 1 || i >= s->n_jobs || !streq(s->jobs[i].name, name))
                return NULL;
        return &s->jobs[i];
}

/* The expressions: `#m` `#h` … are filled in with random values, weights make most jobs rare. */
static const struct {
        const char *text;
        int weight;
} forms[] = {
        { "#m #h * * *", 30 },    { "#m #h * * 1-5", 8 },    { "#m #h,#H * * *", 8 },   { "#m 2 * * *", 14 },
        { "#m 1-3 * * *", 6 },    { "0 3 * * sun", 2 },      { "#m #h #d * *", 4 },     { "#m #h 13 * fri", 2 },
        { "#m * * * *", 12 },     { "#m */#s * * *", 6 },    { "*/15 2 * * *", 5 },     { "*/#t * * * *", 5 },
        { "#m,#M 0 * * *", 3 },   { "@daily", 2 },           { "@hourly", 3 },          { "@weekly", 1 },
        { "@every #e", 10 },      { "30 #m #h * * *", 3 },   { "*/20 #m #h * * *", 1 }, { "15 #m */#s * * *", 1 },
        { "#m #h */2 * 1-5", 2 }, { "#m 0-23/#s * * *", 3 }, { "#m 23,0 * * *", 3 },    { "@at #a", 2 },
        { "@after #e", 7 },
        { "@reboot", 3 },         { "5-55/25 12 * * *", 2 }, { "@monthly", 1 },
};

static void print_form(struct sim *s, const char *form, char *out, size_t size)
{
        struct rng *g = &s->gen;
        size_t n = 0;

        for (; *form && n + 24 < size; form++) {
                if (*form != '#') {
                        out[n++] = *form;
                        continue;
                }
                switch (*++form) {
                case 'm': n += (size_t)sprintf(out + n, "%d", (int)rng_range(g, 0, 29)); break;
                case 'M': n += (size_t)sprintf(out + n, "%d", (int)rng_range(g, 30, 59)); break;
                case 'h': n += (size_t)sprintf(out + n, "%d", (int)rng_range(g, 0, 11)); break;
                case 'H': n += (size_t)sprintf(out + n, "%d", (int)rng_range(g, 12, 23)); break;
                case 'd': n += (size_t)sprintf(out + n, "%d", (int)rng_range(g, 1, 28)); break;
                case 's': n += (size_t)sprintf(out + n, "%d", (int)rng_range(g, 3, 7)); break;
                case 't': n += (size_t)sprintf(out + n, "%d", (int)(5 * rng_range(g, 1, 4))); break;
                case 'e': n += (size_t)sprintf(out + n, "%dm", (int)(rng_range(g, 7, 700))); break;
                case 'a': {
                        time_t t = (time_t)((s->base_wall + rng_range(g, -DAY, s->end)) / SECOND);
                        struct tm tm;

                        gmtime_r(&t, &tm);
                        n += (size_t)sprintf(out + n, "%d-%02d-%02dT%02d:%02d%s", (tm.tm_year + 1900) % 10000,
                                             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                                             rng_chance(g, .5) ? "Z" : "");
                        break;
                }
                default: assert(!"a known letter");
                }
        }
        out[n] = 0;
}

static void pick_expression(struct sim *s, char *out, size_t size)
{
        int total = 0, k;

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
                total += forms[i].weight;
        k = (int)rng_range(&s->gen, 0, total - 1);
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                k -= forms[i].weight;
                if (k < 0) {
                        print_form(s, forms[i].text, out, size);
                        return;
                }
        }
}

/* One job in twenty-five is made to meet changes of the clock, and does not go by the usual rule there. */
static bool turns_with_clock(struct sim *s, const struct zone **z, char *text, size_t size)
{
        static const char *const texts[] = { "20,50 0-3,12-14 * * *", "7,37 0-4 * * *", "*/20 0-3,12-14 * * *", "15 * * * *",
                                             "10 2 * * *", "25,45 1-2 * * *", "5 12-14 * * 2", "0,30 2 * * 0" };
        static const char *const zones[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
                                             "Europe/Dublin", "Antarctica/Troll", "Sim/Noon", "Sim/Weeks" };
        struct rng *g = &s->turns;
        const char *name;

        if (!rng_chance(g, .04))
                return false;
        name = zones[rng_range(g, 0, ARRAY_SIZE(zones) - 1)];
        for (*z = s->zones; !streq((*z)->name, name);)
                ++*z;
        snprintf(text, size, "%s", texts[rng_range(g, 0, ARRAY_SIZE(texts) - 1)]);
        return true;
}

/* One job in twenty leaves something out: days, hours, what the clock skips. */
static bool set_left_out(struct sim *s, struct job *d, struct left_out *out, bool turns)
{
        static const char *const expressions[] = { "* * * * 0,6", "* 1-3 * * *", "* * * * 3", "* 0-11 */2 * *", "* 2 * * *" };
        struct rng *g = turns ? &s->turns : &s->days;
        struct job_policy *p = d->policy;

        *out = (struct left_out){ .dst = 0 };
        if (!turns && !rng_chance(g, .05))
                return false;
        for (size_t i = 0; i < d->n_entries; i++)
                if (d->entries[i].kind == CALENDAR_AFTER) /* the oracle knows those apart */
                        return false;
        p->dst = (uint8_t)(out->dst = turns ? (rng_chance(g, .7) ? 2 : 1) : (int)rng_range(g, 0, 2));
        out->n = out->dst == 0 || rng_chance(g, turns ? .2 : .6) ? (size_t)rng_range(g, 1, ARRAY_SIZE(out->text)) : 0;
        p->exclude = calloc(out->n + 1, sizeof(*p->exclude));
        p->n_exclude = (uint32_t)out->n;
        for (size_t i = 0; i < out->n; i++) {
                struct exclude *e = &p->exclude[i];

                if (rng_chance(g, .5)) {
                        out->text[i] = expressions[rng_range(g, 0, ARRAY_SIZE(expressions) - 1)];
                        *e = (struct exclude){ .kind = EXCLUDE_EXPRESSION, .text = strdup(out->text[i]) };
                        if (calendar_parse(out->text[i], NULL, &e->expression, NULL) < 0)
                                fail(s, "the calendar refuses \"%s\"", out->text[i]);
                        continue;
                }
                out->first[i] = (s->base_wall + rng_range(g, -DAY, s->end)) / DAY;
                out->last[i] = out->first[i] + rng_range(g, 0, 3);
                *e = (struct exclude){ .kind = rng_chance(g, .5) ? EXCLUDE_DATES : EXCLUDE_CALENDAR, .text = strdup("days") };
                if (e->kind == EXCLUDE_DATES)
                        e->dates = (struct day_range){ (int32_t)out->first[i], (int32_t)out->last[i] };
                else
                        e->set = dayset_new(&(struct day_range){ (int32_t)out->first[i], (int32_t)out->last[i] }, 1);
        }
        p->move = (uint8_t)(out->n > 0 && rng_chance(g, .5) ? rng_range(g, DAYS_MOVE_NEXT, DAYS_MOVE_PREVIOUS) : DAYS_MOVE_NONE);
        out->move = p->move == DAYS_MOVE_NEXT ? 1 : p->move == DAYS_MOVE_PREVIOUS ? -1 : 0;
        /* The oracle counts minutes. */
        if (p->start.usec > INT64_MIN)
                p->start.usec -= p->start.usec % MINUTE;
        if (!wall_is_never(p->end))
                p->end.usec -= p->end.usec % MINUTE + SECOND;
        for (size_t i = 0; out->dst == 1 && i < d->n_entries; i++)
                calendar_set_wall(&d->entries[i]);
        return true;
}

static void print_left_out(const struct sjob *j, const struct job *d, const struct left_out *out)
{
        printf("# %s: \"%s\"%s%s%s in %s, dst %d, move %d, without", j->name, d->texts[0], d->n_entries > 1 ? ", \"" : "",
               d->n_entries > 1 ? d->texts[1] : "", d->n_entries > 1 ? "\"" : "", d->policy->timezone, out->dst, out->move);
        for (size_t i = 0; i < out->n; i++)
                if (out->text[i])
                        printf(" \"%s\"", out->text[i]);
                else
                        printf(" days %lld to %lld", (long long)out->first[i], (long long)out->last[i]);
        printf("\n");
}

static void set_schedule(struct sim *s, struct sjob *j, struct job *d)
{
        struct rng *g = &s->gen;
        const struct zone *z = &s->zones[rng_range(g, 0, (int64_t)s->n_zones - 1)];
        char texts[2][128];
        const char *v[2] = { texts[0], texts[1] };
        bool turns;

        /* @after stands alone, and whoever has it keeps it: after.c. */
        do
                pick_expression(s, texts[0], sizeof(texts[0]));
        while (j->def && j->is_after != (strncmp(texts[0], "@after", 6) == 0));
        j->is_after = strncmp(texts[0], "@after", 6) == 0;
        turns = !j->is_after && turns_with_clock(s, &z, texts[0], sizeof(texts[0]));
        d->n_entries = !j->is_after && rng_chance(g, .12) ? 2 : 1;
        while (d->n_entries == 2) {
                pick_expression(s, texts[1], sizeof(texts[1]));
                if (strncmp(texts[1], "@after", 6) != 0)
                        break;
        }
        d->entries = calloc(d->n_entries, sizeof(*d->entries));
        d->texts = calloc(d->n_entries, sizeof(*d->texts));
        j->has_reboot = false;
        for (size_t i = 0; i < d->n_entries; i++) {
                struct calendar_error err;

                if (calendar_parse(texts[i], NULL, &d->entries[i], &err) < 0)
                        fail(s, "the calendar refuses \"%s\": %s", texts[i], err.message);
                d->texts[i] = strdup(texts[i]);
                if (streq(texts[i], "@reboot"))
                        j->has_reboot = true;
        }
        d->policy->zone = z->tz;
        d->policy->timezone = strdup(z->name);
        if (rng_chance(g, .05))
                d->policy->start = WALL_SEC((s->base_wall + rng_range(g, -DAY, s->end / 2)) / SECOND);
        if (rng_chance(g, .05))
                d->policy->end = WALL_SEC((s->base_wall + rng_range(g, s->end / 3, s->end)) / SECOND);
        j->leaves_out = set_left_out(s, d, &j->out, turns);
        if (j->leaves_out && s->opt.verbose)
                print_left_out(j, d, &j->out);
        if (j->def) { /* the same by chance: no change */
                struct schedule a = job_schedule(j->def), b = job_schedule(d);

                if (schedule_digest(&a) == schedule_digest(&b))
                        return;
        }
        j->oracle = oracle_new(z, v, d->n_entries, d->policy->start.usec == INT64_MIN ? INT64_MIN : d->policy->start.usec / SECOND,
                               wall_is_never(d->policy->end) ? INT64_MAX : d->policy->end.usec / SECOND,
                               j->leaves_out ? &j->out : NULL);
        s->all_oracles = realloc(s->all_oracles, (s->n_all_oracles + 1) * sizeof(*s->all_oracles));
        s->all_oracles[s->n_all_oracles++] = j->oracle;
}

static void set_rest(struct sim *s, struct job *d)
{
        struct rng *g = &s->gen;

        d->policy->concurrency =
                rng_chance(g, .5) ? CONCURRENCY_FORBID : (uint8_t)rng_range(g, CONCURRENCY_QUEUE, CONCURRENCY_ALLOW);
        if (d->policy->concurrency == CONCURRENCY_ALLOW && rng_chance(g, .6))
                d->policy->max_concurrent = (uint32_t)rng_range(g, 1, 3);
        d->policy->catch_up = (uint8_t)rng_range(g, CATCH_UP_LATEST, CATCH_UP_ALL);
        d->policy->catch_up_limit = rng_chance(g, .5) ? 100 : (uint32_t)rng_range(g, 1, 6);
        if (rng_chance(g, .3))
                d->policy->starting_deadline_usec = rng_range(g, 1, 720) * MINUTE;
        else if (rng_chance(g, .1))
                d->policy->starting_deadline_usec = USEC_INFINITY;
        d->policy->enabled = !rng_chance(g, .04);
        if (rng_chance(g, .15))
                d->policy->jitter_usec = rng_range(g, 1, rng_chance(g, .3) ? 7200 : 300) * SECOND;
        if (rng_chance(g, .5))
                d->policy->timeout_usec = rng_range(g, 10, 7200) * SECOND;
        if (rng_chance(g, .15))
                d->policy->total_timeout_usec = rng_range(g, 7200, 14400) * SECOND;
        d->policy->kill_timeout_usec = rng_range(g, 1, 30) * SECOND;
        if (rng_chance(g, .6)) {
                d->policy->retry.limit = (uint32_t)rng_range(g, 1, 4);
                d->policy->retry.backoff = (uint8_t)rng_range(g, BACKOFF_EXPONENTIAL, BACKOFF_CONSTANT);
                d->policy->retry.delay_usec = rng_range(g, 1, 300) * SECOND;
                d->policy->retry.factor = rng_chance(g, .5) ? 2 : 1.5;
                d->policy->retry.max_delay_usec = MAX(d->policy->retry.delay_usec, 10 * MINUTE);
                d->policy->retry.jitter_usec = rng_chance(g, .5) ? rng_range(g, 1, 60) * SECOND : 0;
                if (rng_chance(g, .2))
                        d->policy->retry.reasons |= RETRY_BIT(REASON_SUPERVISOR);
                if (rng_chance(g, .2))
                        d->policy->retry.reasons &= ~RETRY_BIT(REASON_EXIT);
                if (rng_chance(g, .1)) {
                        d->policy->retry.exit_codes = calloc(1, sizeof(*d->policy->retry.exit_codes));
                        code_set_add(d->policy->retry.exit_codes, 1);
                }
        }
        if (rng_chance(g, .1)) {
                d->policy->success_codes = calloc(1, sizeof(*d->policy->success_codes));
                code_set_add(d->policy->success_codes, 0);
                code_set_add(d->policy->success_codes, 3);
        }
        if (rng_chance(g, .15)) {
                d->policy->skip_codes = calloc(1, sizeof(*d->policy->skip_codes));
                code_set_add(d->policy->skip_codes, 2);
        }
}

static struct job *clone(const struct job *o)
{
        struct job *d = job_new();

        assert(d);
        d->entries = calloc(o->n_entries, sizeof(*d->entries));
        d->texts = calloc(o->n_entries, sizeof(*d->texts));
        d->n_entries = o->n_entries;
        for (size_t i = 0; i < o->n_entries; i++) {
                d->entries[i] = o->entries[i];
                d->texts[i] = strdup(o->texts[i]);
        }
        d->policy->zone = o->policy->zone;
        d->policy->timezone = strdup(o->policy->timezone);
        d->policy->dst = o->policy->dst;
        d->policy->move = o->policy->move;
        d->policy->n_exclude = o->policy->n_exclude;
        d->policy->exclude = calloc(o->policy->n_exclude + 1, sizeof(*d->policy->exclude));
        for (uint32_t i = 0; i < o->policy->n_exclude; i++) {
                d->policy->exclude[i] = o->policy->exclude[i];
                d->policy->exclude[i].text = strdup(o->policy->exclude[i].text);
                if (d->policy->exclude[i].kind == EXCLUDE_CALENDAR)
                        dayset_ref(d->policy->exclude[i].set);
        }
        d->policy->start = o->policy->start;
        d->policy->end = o->policy->end;
        return d;
}

static void finish(struct sim *s, struct sjob *j, struct job *d)
{
        s->next_digest++;
        memcpy(d->digest, &s->next_digest, sizeof(s->next_digest));
        d->digest[31] = 1;
        d->name = strdup(j->name);
        d->command = calloc(2, sizeof(*d->command));
        d->command[0] = strdup("true");
        s->all_defs = realloc(s->all_defs, (s->n_all_defs + 1) * sizeof(*s->all_defs));
        s->all_defs[s->n_all_defs++] = d;
        j->def = d;
        j->in_files = true;
}

void gen_rezone(struct sim *s, struct sjob *j, const struct zone *z)
{
        struct job *d = clone(j->def);

        d->policy->zone = z->tz;
        set_rest(s, d);
        j->oracle = oracle_new(z, (const char *const *)d->texts, d->n_entries,
                               d->policy->start.usec == INT64_MIN ? INT64_MIN : d->policy->start.usec / SECOND,
                               wall_is_never(d->policy->end) ? INT64_MAX : d->policy->end.usec / SECOND,
                               j->leaves_out ? &j->out : NULL);
        s->all_oracles = realloc(s->all_oracles, (s->n_all_oracles + 1) * sizeof(*s->all_oracles));
        s->all_oracles[s->n_all_oracles++] = j->oracle;
        finish(s, j, d);
}

static void set_profile(struct sim *s, struct sjob *j)
{
        struct rng *g = &s->gen;

        j->run_min = rng_range(g, 1, 2000) * USEC_PER_MSEC;
        j->run_max = j->run_min + (rng_chance(g, .3) ? rng_range(g, 0, 90) * MINUTE : rng_range(g, 0, 60) * SECOND);
        j->p_fail = rng_chance(g, .5) ? 0.02 : 0.3;
        j->p_hang = rng_chance(g, .2) ? 0.05 : 0.001;
        j->p_signal = 0.02;
}

struct sjob *gen_add(struct sim *s)
{
        struct sjob *j;
        struct job *d = job_new();

        assert(d);
        if (s->n_jobs == s->allocated_jobs) /* pointers to jobs are kept everywhere */
                fail(s, "more jobs than the simulator has room for");
        j = &s->jobs[s->n_jobs];
        *j = (struct sjob){ .index = (unsigned)s->n_jobs };
        snprintf(j->name, sizeof(j->name), "job%u", j->index);
        s->n_jobs++;
        set_schedule(s, j, d);
        set_rest(s, d);
        set_profile(s, j);
        finish(s, j, d);
        return j;
}

/* Another schedule, or the same schedule with other keys. */
void gen_change(struct sim *s, struct sjob *j)
{
        struct job *d;

        if (rng_chance(&s->gen, .5)) {
                d = job_new();
                assert(d);
                set_schedule(s, j, d);
        } else
                d = clone(j->def);
        set_rest(s, d);
        finish(s, j, d);
}

void gen_jobs(struct sim *s, int n)
{
        s->allocated_jobs = (size_t)n * 4 + 4000;
        s->jobs = calloc(s->allocated_jobs, sizeof(*s->jobs));
        assert(s->jobs);
        for (int i = 0; i < n; i++)
                gen_add(s);
}

void gen_free(struct sim *s)
{
        for (size_t i = 0; i < s->n_all_defs; i++)
                job_unref(s->all_defs[i]);
        for (size_t i = 0; i < s->n_all_oracles; i++)
                oracle_free(s->all_oracles[i]);
        for (size_t i = 0; i < s->n_jobs; i++)
                free(s->jobs[i].entries);
        free(s->all_defs);
        free(s->all_oracles);
        free(s->jobs);
}
