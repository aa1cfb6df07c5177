#include "jobfile/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "jobfile/diag.h"
#include "jobfile/draft.h"
#include "jobfile/keys.h"

void config_init(struct config *c)
{
        *c = (struct config){
                .log_level = -1,
                .shutdown_grace_usec = 10 * USEC_PER_SEC,
                .clock_wait_usec = 5 * USEC_PER_MINUTE,
        };
}

static void free_strings(char **v)
{
        for (char **p = v; p && *p; p++)
                free(*p);
        free(v);
}

void config_done(struct config *c)
{
        free_strings(c->jobs_dirs);
        free(c->state_dir);
        free(c->runtime_dir);
        free(c->log_dir);
        free(c->socket);
        free(c->runner);
        free(c->timezone);
        job_unref(c->defaults);
        free(c->admin_group);
        for (size_t i = 0; i < c->n_access_jobs; i++) {
                free(c->access_jobs[i].name);
                free_strings(c->access_jobs[i].run);
        }
        free(c->access_jobs);
        for (size_t i = 0; i < c->n_calendars; i++) {
                free(c->calendars[i].name);
                free_strings(c->calendars[i].files);
                free(c->calendars[i].dates);
        }
        free(c->calendars);
        config_init(c);
}

/* What is being read: values go into `config`, which owns them. */
struct config_reading {
        struct reading *r;
        struct config *config;
        const struct node *keys[CONFIG_KEY_NR], *values[CONFIG_KEY_NR];
};

static char *copy_string(struct reading *r, const char *t)
{
        char *copy = t ? strdup(t) : NULL;

        if (t && !copy)
                r->oom = true;
        return copy;
}

/* NULL-terminated; takes nothing. */
static char **copy_strings(struct reading *r, char *const *v, size_t n)
{
        char **copy = calloc(n + 1, sizeof(*copy));

        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = strdup(v[i]);
                if (!copy[i]) {
                        free_strings(copy);
                        copy = NULL;
                }
        }
        if (!copy)
                r->oom = true;
        return copy;
}

/* The keys of one map, each known and once. */
static void collect(struct config_reading *c, unsigned parent, const struct node *map)
{
        char clipped[CLIP_SIZE], hint[HINT_SIZE], path[KEY_PATH_SIZE];

        for (const struct node *k = map->first; k; k = k->next->next) {
                const char *name = key_name(c->r, k);
                int id = name ? keys_find(config_keys, parent, name) : -1;

                if (!name || (parent == CONFIG_KEY_NR && streq(name, "$schema")))
                        continue;
                if (id < 0) {
                        complain(c->r, k, name, keys_hint(config_keys, parent, name, hint), "unknown key `%s`",
                                 clip(name, clipped));
                } else if (c->keys[id]) {
                        complain(c->r, k, key_path(config_keys, (unsigned)id, path), NULL,
                                 "`%s` stands here a second time; the first is in line %u", name, c->keys[id]->line);
                } else {
                        c->keys[id] = k;
                        c->values[id] = k->next;
                }
        }
}

/* A word for a choice's place in log_level: syslog numbers 3 error … 7 debug. */
#define LOG_LEVEL_FIRST 3

static void set_number(struct config *c, unsigned id, int64_t v)
{
        switch (id) {
        case CONFIG_KEY_MAX_RUNNING:
                c->max_running = (uint32_t)v;
                break;
        case CONFIG_KEY_MAX_STARTING:
                c->max_starting = (uint32_t)v;
                break;
        case CONFIG_KEY_ACCESS_SEE:
                c->see_own = v == 1;
                break;
        case CONFIG_KEY_LOG_LEVEL:
                c->log_level = LOG_LEVEL_FIRST + (int)v;
                break;
        case CONFIG_KEY_LOG_FORMAT:
                c->log_format = (enum log_format)v;
                break;
        case CONFIG_KEY_ON_STOP:
                c->on_stop = (enum on_stop)v;
                break;
        case CONFIG_KEY_SHUTDOWN_GRACE:
                c->shutdown_grace_usec = v;
                break;
        case CONFIG_KEY_CLOCK_WAIT:
                c->clock_wait_usec = v;
                break;
        default:
                break;
        }
}

/* Text goes to the key's own field. */
static void set_string(struct config_reading *c, unsigned id, const char *t)
{
        char *copy = copy_string(c->r, t), **field = (char **)(void *)((char *)c->config + config_keys.v[id].offset);

        free(*field);
        *field = copy;
}

static void read_dirs(struct config_reading *c, const struct node *value)
{
        char **v = read_paths(c->r, "jobs_dirs", value, false);
        size_t n = 0;

        while (v && v[n])
                n++;
        if (v)
                c->config->jobs_dirs = copy_strings(c->r, v, n);
}

/* JOB or a pattern of names. */
static bool pattern_good(const char *t)
{
        return *t && strlen(t) <= 255 &&
               strspn(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-*?[]!/:") == strlen(t);
}

static void read_access_job(struct config_reading *c, const struct pair *p)
{
        struct access_job *job = &c->config->access_jobs[c->config->n_access_jobs];
        const struct node *run = NULL;
        char path[CLIP_SIZE + 32], clipped[CLIP_SIZE];
        char **groups;
        size_t n = 0;

        (void)snprintf(path, sizeof(path), "access.jobs.%s", clip(p->name, clipped));
        if (!pattern_good(p->name))
                complain(c->r, p->key, path, NULL, "expected the name of a job, or a pattern such as etl-*");
        if (!want_map(c->r, path, p->value))
                return;
        for (const struct node *k = p->value->first; k; k = k->next->next) {
                const char *name = key_name(c->r, k);

                if (name && streq(name, "run") && run)
                        complain(c->r, k, path, NULL, "`run` stands here a second time");
                else if (name && streq(name, "run"))
                        run = k->next;
                else if (name)
                        complain(c->r, k, name, "did you mean `run`?", "unknown key `%s` in `%s`", name, path);
        }
        if (!run || run->kind != NODE_LIST || run->size == 0) {
                if (!run || run->kind != NODE_BROKEN)
                        complain(c->r, run ? run : p->value, path, NULL, "expected {run: [GROUP…]}");
                return;
        }
        groups = arena_alloc(&c->r->arena, run->size * sizeof(*groups));
        for (const struct node *i = run->first; groups && i; i = i->next) {
                const char *t = read_user(c->r, path, i);

                if (t)
                        groups[n++] = (char *)t;
        }
        job->name = copy_string(c->r, p->name);
        job->run = groups ? copy_strings(c->r, groups, n) : NULL;
        c->config->n_access_jobs++;
}

static void read_access(struct config_reading *c, const struct node *value)
{
        struct pair *pairs;
        size_t n;

        if (!want_map(c->r, "access", value))
                return;
        collect(c, CONFIG_KEY_ACCESS, value);
        value = c->values[CONFIG_KEY_ACCESS_JOBS];
        if (!value || !want_map(c->r, "access.jobs", value))
                return;
        pairs = read_pairs(c->r, value, "job", &n);
        c->config->access_jobs = pairs && n > 0 ? calloc(n, sizeof(*c->config->access_jobs)) : NULL;
        if (!c->config->access_jobs) {
                c->r->oom = c->r->oom || !pairs || n > 0;
                return;
        }
        for (size_t i = 0; i < n; i++)
                read_access_job(c, &pairs[i]);
}

/* One calendar: a path, a date, a range, or a list of these. */
static void read_calendar(struct config_reading *c, const struct pair *p, struct config_calendar *calendar)
{
        size_t n = p->value->kind == NODE_LIST ? p->value->size : 1, n_files = 0;
        char path[CLIP_SIZE + 16], clipped[CLIP_SIZE];
        char **files = arena_alloc(&c->r->arena, (n + 1) * sizeof(*files));
        const char *t, *wrong = name_wrong(p->name);

        calendar->line = p->key->line;
        (void)snprintf(path, sizeof(path), "calendars.%s", clip(p->name, clipped));
        if (wrong || isdigit((unsigned char)*p->name))
                complain(c->r, p->key, path, NULL, "%s",
                         wrong ?: "a calendar's name begins with a letter: what begins with a digit is a date in `exclude`");
        if (p->value->kind == NODE_MAP || n == 0) {
                complain(c->r, p->value, path, NULL, "expected the path of an .ics file, a date, a range of dates, or a list of these");
                return;
        }
        calendar->name = copy_string(c->r, p->name);
        calendar->dates = calloc(n, sizeof(*calendar->dates));
        if (!files || !calendar->dates) {
                c->r->oom = true;
                return;
        }
        for (const struct node *i = p->value->kind == NODE_LIST ? p->value->first : p->value; i;
             i = p->value->kind == NODE_LIST ? i->next : NULL) {
                t = i->kind == NODE_SCALAR && isdigit((unsigned char)*i->text) ? read_line(c->r, path, i, "a date") :
                                                                                 read_path(c->r, path, i);
                if (!t)
                        continue;
                if (*t == '/') {
                        files[n_files++] = (char *)t;
                        continue;
                }
                wrong = dates_read(t, &calendar->dates[calendar->n_dates++]);
                if (wrong)
                        complain(c->r, i, path, NULL, "%s, found `%s`", wrong, clip(t, clipped));
        }
        if (n_files > 0)
                calendar->files = copy_strings(c->r, files, n_files);
}

#define CALENDARS_MAX 1000

static void read_calendars(struct config_reading *c, const struct node *value)
{
        struct pair *pairs;
        size_t n;

        if (!want_map(c->r, "calendars", value))
                return;
        pairs = read_pairs(c->r, value, "calendar", &n);
        if (n > CALENDARS_MAX) {
                complain(c->r, value, "calendars", NULL, "%zu calendars are too many: at most %u", n, CALENDARS_MAX);
                return;
        }
        c->config->calendars = pairs && n > 0 ? calloc(n, sizeof(*c->config->calendars)) : NULL;
        if (!c->config->calendars) {
                c->r->oom = c->r->oom || !pairs || n > 0;
                return;
        }
        for (; c->config->n_calendars < n; c->config->n_calendars++)
                read_calendar(c, &pairs[c->config->n_calendars], &c->config->calendars[c->config->n_calendars]);
}

/* `keep` at the top is `keep` in the defaults, which wins. */
static void read_defaults(struct config_reading *c)
{
        const struct node *defaults = c->values[CONFIG_KEY_DEFAULTS], *keep = c->values[CONFIG_KEY_KEEP];
        struct draft *d;
        struct buf scratch = { 0 };

        if (defaults && !want_map(c->r, "defaults", defaults))
                defaults = NULL;
        if (!defaults && !keep)
                return;
        d = arena_alloc(&c->r->arena, sizeof(*d));
        if (!d)
                return;
        draft_init(d, NULL);
        if (keep)
                draft_apply_key(c->r, d, JOB_KEY_KEEP, c->keys[CONFIG_KEY_KEEP], keep, LAYER_CONFIG);
        if (defaults) {
                draft_apply(c->r, d, defaults, LAYER_CONFIG);
                draft_judge(c->r, d, defaults, LAYER_CONFIG);
        }
        if (c->r->oom || c->r->errors->n > 0)
                return;
        c->config->defaults = draft_pack(d, "defaults", NULL, 0, &scratch);
        buf_done(&scratch);
        if (!c->config->defaults)
                c->r->oom = true;
}

static void read_key(struct config_reading *c, unsigned id)
{
        const struct key *k = &config_keys.v[id];
        const struct node *value = c->values[id];
        char path[KEY_PATH_SIZE];
        int64_t v;

        (void)key_path(config_keys, id, path);
        if (k->type == KEY_PATH)
                set_string(c, id, read_path(c->r, path, value));
        else if (k->type == KEY_WORD)
                set_string(c, id, read_user(c->r, path, value));
        else if (k->type == KEY_ZONE)
                set_string(c, id, read_zone(c->r, path, value));
        else if (k->type == KEY_PATHS)
                read_dirs(c, value);
        else if (k->type != KEY_MAP && read_value(c->r, path, k, value, &v)) /* maps: read_access(), read_defaults() */
                set_number(c->config, id, v);
        if (id == CONFIG_KEY_TIMEZONE && c->config->timezone && c->r->opt->zones &&
            !c->r->opt->zones->find(c->r->opt->zones->arg, c->config->timezone))
                complain(c->r, value, path, NULL, "this system knows no zone `%s`", c->config->timezone);
}

static void read_config(struct config_reading *c, const char *text, size_t size)
{
        const struct node *root = NULL;

        if (!job_built_in()) {
                c->r->oom = true;
                return;
        }
        if (reading_open(c->r, text, size, &root) < 0 || !root)
                return;
        collect(c, CONFIG_KEY_NR, root);
        if (c->values[CONFIG_KEY_ACCESS])
                read_access(c, c->values[CONFIG_KEY_ACCESS]);
        if (c->values[CONFIG_KEY_CALENDARS])
                read_calendars(c, c->values[CONFIG_KEY_CALENDARS]);
        for (unsigned id = 0; id < config_keys.n; id++)
                if (c->values[id] && c->values[id]->kind != NODE_BROKEN)
                        read_key(c, id);
        read_defaults(c);
}

int config_parse(const char *text, size_t size, const struct jobfile_options *opt, struct config *ret,
                 struct diagnostics *errors, struct diagnostics *warnings)
{
        struct diagnostics errs = { 0 }, warns = { 0 };
        struct reading r = { .opt = opt, .errors = &errs, .warnings = &warns };
        struct config config;
        struct config_reading c = { .r = &r, .config = &config };

        config_init(&config);
        read_config(&c, text, size);
        r.oom = r.oom || r.arena.failed;
        reading_done(&r);
        if (r.oom || errs.n > 0)
                config_done(&config);
        if (r.oom) {
                diagnostics_done(&errs);
                diagnostics_done(&warns);
                return -ENOMEM;
        }
        diagnostics_sort(&errs);
        diagnostics_sort(&warns);
        *errors = errs;
        *warnings = warns;
        if (errs.n > 0)
                return -EINVAL;
        *ret = config;
        return 0;
}
