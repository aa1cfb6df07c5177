#include "jobfile/draft.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "engine/run.h"
#include "jobfile/diag.h"

const struct job *job_built_in(void)
{
        static struct job *built_in; /* kept; the values stand in one place, job_new() */

        if (!built_in)
                built_in = job_new();
        return built_in;
}

void draft_copy(struct draft *d, const struct job *from)
{
        d->job = *from;
        d->policy = *from->policy;
        d->job.policy = &d->policy;
}

void draft_init(struct draft *d, const struct job *defaults)
{
        memset(d, 0, sizeof(*d));
        draft_copy(d, defaults ?: job_built_in());
        d->job.name = NULL;
        d->job.source = NULL;
        d->job.packed = false;
}

uint64_t job_key_bits(unsigned id)
{
        uint64_t bits = JOB_KEY_BIT(id);

        for (unsigned i = 0; i < job_keys.n; i++)
                if (job_keys.v[i].parent == id)
                        bits |= JOB_KEY_BIT(i);
        return bits;
}

static void forget_bits(struct job *j, uint64_t bits)
{
        j->policy->set_by_config &= ~bits;
        j->policy->set_by_file &= ~bits;
        j->policy->set_by_job &= ~bits;
}

void job_reset_key(struct job *j, unsigned id)
{
        const struct job *b = job_built_in();
        const struct key *k = &job_keys.v[id];

        forget_bits(j, job_key_bits(id));
        if (k->parent == JOB_KEY_LIMITS) /* one field for all of them: apply_limit() */
                return;
        memcpy(job_field(j, k), job_field(b, k), k->width);
        switch (id) {
        case JOB_KEY_SCHEDULE:
                j->texts = b->texts;
                j->n_entries = b->n_entries;
                break;
        case JOB_KEY_SHELL:
                j->policy->shell_is_path = b->policy->shell_is_path;
                break;
        case JOB_KEY_COMMAND:
                j->command_is_argv = b->command_is_argv;
                break;
        case JOB_KEY_ENV:
                j->n_env = b->n_env;
                break;
        case JOB_KEY_EXCLUDE:
                j->policy->n_exclude = b->policy->n_exclude;
                break;
        case JOB_KEY_LABELS:
                j->policy->n_labels = b->policy->n_labels;
                break;
        case JOB_KEY_NICE:
                j->policy->has_nice = b->policy->has_nice;
                break;
        case JOB_KEY_OOM_SCORE_ADJUST:
                j->policy->has_oom_score_adjust = b->policy->has_oom_score_adjust;
                break;
        case JOB_KEY_IO_CLASS:
                j->policy->io_level = b->policy->io_level;
                break;
        case JOB_KEY_LOG:
                j->policy->log_merge = b->policy->log_merge;
                break;
        case JOB_KEY_RETRY:
                j->policy->retry = b->policy->retry;
                break;
        case JOB_KEY_KEEP:
                j->policy->keep_age_usec = b->policy->keep_age_usec;
                j->policy->keep_log = b->policy->keep_log;
                break;
        default:
                break;
        }
}

static void *take(struct reading *r, size_t size)
{
        void *p = arena_alloc(&r->arena, size);

        if (!p)
                r->oom = true;
        return p;
}

/* Writes a value into its field, whatever the field's width. */
static void set_field(struct job *j, const struct key *k, int64_t v)
{
        char *at = job_field(j, k);

        switch (k->width) {
        case 1:
                *(int8_t *)at = (int8_t)v;
                break;
        case 2:
                *(int16_t *)(void *)at = (int16_t)v;
                break;
        case 4:
                *(uint32_t *)(void *)at = v == INT64_MAX ? UINT32_MAX : (uint32_t)v;
                break;
        default:
                *(int64_t *)(void *)at = v;
                break;
        }
}

static void apply_value(struct reading *r, struct job *j, unsigned id, const struct node *value)
{
        const struct key *k = &job_keys.v[id];
        char path[KEY_PATH_SIZE];
        int64_t v;

        if (!read_value(r, key_path(job_keys, id, path), k, value, &v))
                return;
        if (id == JOB_KEY_RETRY_FACTOR)
                j->policy->retry.factor = (double)v / 1000;
        else if (id == JOB_KEY_KEEP_LOG || id == JOB_KEY_LOG_MAX)
                *(uint64_t *)job_field(j, k) = v == INT64_MAX ? UINT64_MAX : (uint64_t)v;
        else
                set_field(j, k, id == JOB_KEY_MOVE ? v + 1 : v); /* 0: none */
        if (id == JOB_KEY_NICE)
                j->policy->has_nice = true;
        if (id == JOB_KEY_OOM_SCORE_ADJUST)
                j->policy->has_oom_score_adjust = true;
}

static void apply_limit(struct reading *r, struct job *j, unsigned id, const struct node *value)
{
        unsigned i = id - JOB_KEY_LIMITS_OPEN_FILES;
        uint64_t *copy, to = JOB_RLIMIT_UNSET;
        char path[KEY_PATH_SIZE];
        int64_t v;

        if (!node_is_null(value)) {
                if (!read_value(r, key_path(job_keys, id, path), &job_keys.v[id], value, &v))
                        return;
                to = v == INT64_MAX ? JOB_RLIMIT_UNLIMITED
                                    : (uint64_t)(job_keys.v[id].type == KEY_SECONDS ? v / USEC_PER_SEC : v);
        }
        copy = take(r, JOB_RLIMIT_NR * sizeof(*copy));
        if (!copy)
                return;
        for (unsigned k = 0; k < JOB_RLIMIT_NR; k++)
                copy[k] = j->policy->rlimits ? j->policy->rlimits[k] : JOB_RLIMIT_UNSET;
        copy[i] = to;
        j->policy->rlimits = copy;
}

static void apply_io_class(struct reading *r, struct job *j, const struct node *value)
{
        static const struct {
                const char *name;
                uint8_t class;
        } classes[] = { { "idle", IO_CLASS_IDLE },
                        { "best-effort", IO_CLASS_BEST_EFFORT },
                        { "realtime", IO_CLASS_REALTIME } };
        const char *t = read_line(r, "io_class", value, key_type_text(KEY_IO_CLASS)), *colon;
        char hint[HINT_SIZE], clipped[CLIP_SIZE];
        size_t n;

        if (!t)
                return;
        colon = strchr(t, ':');
        n = colon ? (size_t)(colon - t) : strlen(t);
        for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
                if (strlen(classes[i].name) != n || memcmp(classes[i].name, t, n) != 0)
                        continue;
                if (colon && (classes[i].class == IO_CLASS_IDLE || colon[1] < '0' || colon[1] > '7' || colon[2]))
                        break;
                j->policy->io_class = classes[i].class;
                j->policy->io_level = colon                               ? (uint8_t)(colon[1] - '0')
                              : classes[i].class == IO_CLASS_IDLE ? 0
                                                                  : 4; /* the kernel's middle */
                return;
        }
        complain(r, value, "io_class", colon ? NULL : choice_hint("idle best-effort realtime", t, hint),
                 "expected %s, found `%s`", key_type_text(KEY_IO_CLASS), clip(t, clipped));
}

/* "0-3,8": numbers under 1024 and ranges of them that run upwards. */
static bool cpus_good(const char *t, const char **ret_why)
{
        *ret_why = NULL;
        for (;;) {
                unsigned long low, high;
                char *end;

                if (!isdigit((unsigned char)*t))
                        return false;
                low = high = strtoul(t, &end, 10);
                if (*end == '-') {
                        if (!isdigit((unsigned char)end[1]))
                                return false;
                        high = strtoul(end + 1, &end, 10);
                }
                if (high < low)
                        *ret_why = "the range runs backwards";
                else if (high > 1023)
                        *ret_why = "the last processor there can be is 1023";
                if (*ret_why)
                        return false;
                if (!*end)
                        return true;
                if (*end != ',')
                        return false;
                t = end + 1;
        }
}

static void apply_cpus(struct reading *r, struct job *j, const struct node *value)
{
        const char *t = read_line(r, "cpu_affinity", value, key_type_text(KEY_CPUS)), *why;
        char clipped[CLIP_SIZE];

        if (!t)
                return;
        if (cpus_good(t, &why))
                j->policy->cpu_affinity = (char *)t;
        else
                complain(r, value, "cpu_affinity", why, "expected %s, found `%s`", key_type_text(KEY_CPUS),
                         clip(t, clipped));
}

static struct code_set *read_codes(struct reading *r, unsigned id, const struct node *value)
{
        char path[KEY_PATH_SIZE], clipped[CLIP_SIZE];
        struct code_set *set;

        (void)key_path(job_keys, id, path);
        if (value->kind != NODE_LIST) {
                if (value->kind != NODE_BROKEN)
                        complain(r, value, path,
                                 value->kind == NODE_SCALAR && isdigit((unsigned char)*value->text)
                                         ? "put it into brackets"
                                         : NULL,
                                 "expected %s", key_type_text(KEY_CODES));
                return NULL;
        }
        if (value->size == 0 && id != JOB_KEY_SKIP_CODES)
                complain(r, value, path, NULL, "the list is empty");
        set = take(r, sizeof(*set));
        for (const struct node *i = value->first; set && i; i = i->next) {
                unsigned long code = 256;

                if (i->kind == NODE_BROKEN)
                        return NULL;
                if (i->kind == NODE_SCALAR && i->style == STYLE_PLAIN && i->size > 0 && i->size <= 3 &&
                    strspn(i->text, "0123456789") == i->size && (i->text[0] != '0' || i->size == 1))
                        code = strtoul(i->text, NULL, 10);
                if (code > 255) {
                        complain(r, value, path, NULL, "exit codes are numbers from 0 to 255, not `%s`",
                                 i->kind == NODE_SCALAR ? clip(i->text, clipped) : "a list or a map");
                        return NULL;
                }
                code_set_add(set, (unsigned)code);
        }
        return set;
}

static const struct {
        const char *name;
        uint64_t bits;
} retry_reasons[] = {
        { "exit", RETRY_BIT(REASON_EXIT) },       { "signal", RETRY_BIT(REASON_SIGNAL) },
        { "timeout", RETRY_BIT(REASON_TIMEOUT) }, { "spawn", RETRY_BIT(REASON_SPAWN) },
        { "lost", RETRY_BIT(REASON_SUPERVISOR) }, { "shutdown", RETRY_BIT(REASON_SHUTDOWN) },
};

static void apply_reasons(struct reading *r, struct job *j, const struct node *value)
{
        uint64_t bits = 0;

        if (value->kind != NODE_LIST || value->size == 0) {
                if (value->kind != NODE_BROKEN)
                        complain(r, value, "retry.reasons", NULL, "expected %s%s", key_type_text(KEY_REASONS),
                                 value->kind == NODE_LIST ? ", found an empty one" : "");
                return;
        }
        for (const struct node *i = value->first; i; i = i->next) {
                const char *t = read_line(r, "retry.reasons", i, "a reason");
                char hint[HINT_SIZE], clipped[CLIP_SIZE];
                size_t k = 0;

                if (!t)
                        continue;
                while (k < ARRAY_SIZE(retry_reasons) && !streq(retry_reasons[k].name, t))
                        k++;
                if (k < ARRAY_SIZE(retry_reasons))
                        bits |= retry_reasons[k].bits;
                else
                        complain(r, i, "retry.reasons", choice_hint("exit signal timeout spawn lost shutdown", t, hint),
                                 "expected one of exit, signal, timeout, spawn, lost, shutdown, found `%s`",
                                 clip(t, clipped));
        }
        j->policy->retry.reasons = bits;
}

/* The pairs of a map of its own keys, `parent` being the number of the map; calls back for each that is known and
 * new. */
static void apply_map(struct reading *r, struct draft *d, unsigned parent, const struct node *map, enum layer layer)
{
        char clipped[CLIP_SIZE], hint[HINT_SIZE], path[KEY_PATH_SIZE];

        for (const struct node *k = map->first; k; k = k->next->next) {
                const char *name = key_name(r, k);
                int id = name ? keys_find(job_keys, parent, name) : -1;

                if (!name)
                        continue;
                if (id < 0) {
                        complain(r, k, name, keys_hint(job_keys, parent, name, hint), "unknown key `%s`%s%s%s",
                                 clip(name, clipped), parent < job_keys.n ? " in `" : "",
                                 parent < job_keys.n ? job_keys.v[parent].name : "", parent < job_keys.n ? "`" : "");
                        continue;
                }
                if (d->keys[id]) {
                        complain(r, k, key_path(job_keys, (unsigned)id, path), NULL,
                                 "`%s` stands here a second time; the first is in line %u", name, d->keys[id]->line);
                        continue;
                }
                d->keys[id] = k;
                d->values[id] = k->next;
                if (layer != LAYER_JOB && !(job_keys.v[id].flags & KEY_DEFAULTS)) {
                        complain(r, k, name, NULL, "`%s` can't stand in `defaults`: it is each job's own", name);
                        continue;
                }
                if (node_is_null(k->next) && (job_keys.v[id].flags & KEY_DEFAULTS) &&
                    !(job_keys.v[id].flags & KEY_NEEDED)) {
                        job_reset_key(&d->job, (unsigned)id);
                        if (id == JOB_KEY_START)
                                d->start = NULL;
                        else if (id == JOB_KEY_END)
                                d->end = NULL;
                        else if (parent == JOB_KEY_LIMITS)
                                apply_limit(r, &d->job, (unsigned)id, k->next);
                        continue;
                }
                draft_apply_key(r, d, (unsigned)id, k, k->next, layer);
        }
}

static void apply_retry(struct reading *r, struct draft *d, const struct node *value, enum layer layer)
{
        struct job_retry *retry = &d->job.policy->retry;
        int64_t v;

        *retry = job_built_in()->policy->retry;
        if (value->kind == NODE_SCALAR) {
                struct key k = job_keys.v[JOB_KEY_RETRY];

                k.min = 0;
                k.max = job_keys.v[JOB_KEY_RETRY_LIMIT].max;
                if (read_value(r, "retry", &k, value, &v))
                        retry->limit = (uint32_t)v;
                return;
        }
        if (value->kind != NODE_MAP) {
                if (value->kind != NODE_BROKEN)
                        complain(r, value, "retry", NULL, "expected %s, found a list", key_type_text(KEY_RETRY));
                return;
        }
        apply_map(r, d, JOB_KEY_RETRY, value, layer);
        if (!d->keys[JOB_KEY_RETRY_LIMIT] && !r->partial)
                complain(r, value, "retry.limit", NULL, "`limit` is missing: how many retries there may be");
        if (!d->keys[JOB_KEY_RETRY_MAX_DELAY] || node_is_null(d->values[JOB_KEY_RETRY_MAX_DELAY]))
                retry->max_delay_usec = MAX(retry->max_delay_usec, retry->delay_usec);
        else if (retry->delay_usec > retry->max_delay_usec)
                complain(r, d->values[JOB_KEY_RETRY_MAX_DELAY], "retry.max_delay", NULL,
                         "`delay` is longer than `max_delay`");
        if (retry->exit_codes && !(retry->reasons & RETRY_BIT(REASON_EXIT)))
                complain(r, d->keys[JOB_KEY_RETRY_EXIT_CODES], "retry.exit_codes", "add exit to `reasons`",
                         "`exit_codes` narrows the reason exit, which `reasons` leaves out");
}

static bool variable_name_good(const char *name)
{
        if (!isalpha((unsigned char)*name) && *name != '_')
                return false;
        return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == 0 &&
               strlen(name) <= 255;
}

/* One pair of `env` or `labels`: the value, NULL if it takes a default back, or refused (*ret_good false). */
static const char *merged_value(struct reading *r, const char *key, const struct pair *p, const struct key_value *base,
                                size_t n_base, bool *ret_good)
{
        char path[CLIP_SIZE + 16], clipped[CLIP_SIZE], name[CLIP_SIZE];
        const char *t;

        *ret_good = true;
        if (node_is_null(p->value))
                for (size_t i = 0; i < n_base; i++)
                        if (streq(base[i].key, p->name))
                                return NULL;
        if (text_plainly_good(p->value) && streq(key, "env"))
                return p->value->text;
        (void)snprintf(path, sizeof(path), "%s.%s", key, clip(p->name, name));
        t = read_text(r, path, p->value, "a text");
        *ret_good = t;
        if (t && streq(key, "labels") && (!*t || t[strcspn(t, " \t\n")] || p->value->size > 255)) {
                complain(r, p->value, path, NULL, "expected a word, found `%s`", clip(t, clipped));
                *ret_good = false;
        }
        return t;
}

/* Both sorted by key; the new ones win. */
static struct key_value *merge(struct reading *r, const char *key, const struct key_value *base, uint32_t n_base,
                               const struct node *map, uint32_t *ret_n)
{
        size_t n_own, n = 0, b = 0;
        struct pair *own = read_pairs(r, map, streq(key, "env") ? "variable" : "label", &n_own);
        struct key_value *v = own ? take(r, (n_base + n_own + 1) * sizeof(*v)) : NULL;
        char clipped[CLIP_SIZE];

        for (size_t i = 0; v && i < n_own; i++) {
                bool good;
                const char *t;

                while (b < n_base && strcmp(base[b].key, own[i].name) < 0)
                        v[n++] = base[b++];
                if (streq(key, "env") ? !variable_name_good(own[i].name)
                                      : name_wrong(own[i].name) && !isdigit((unsigned char)*own[i].name)) {
                        complain(
                                r, own[i].key, key, NULL,
                                streq(key, "env")
                                        ? "a variable's name is made of letters, digits and `_`, and doesn't begin with a digit: `%s`"
                                        : "`%s` can't be a name: letters, digits, `.`, `_` and `-`, at most 64",
                                clip(own[i].name, clipped));
                        continue;
                }
                t = merged_value(r, key, &own[i], base, n_base, &good);
                if (b < n_base && streq(base[b].key, own[i].name))
                        b++;
                if (good && t)
                        v[n++] = (struct key_value){ (char *)own[i].name, (char *)t };
        }
        while (v && b < n_base)
                v[n++] = base[b++];
        *ret_n = (uint32_t)n;
        return v;
}

static void apply_pairs(struct reading *r, struct job *j, unsigned id, const struct node *key, const struct node *value)
{
        bool env = id == JOB_KEY_ENV;
        struct key_value **v = env ? &j->env : &j->policy->labels, *merged;
        uint32_t *n = env ? &j->n_env : &j->policy->n_labels, got = 0;

        if (!want_map(r, job_keys.v[id].name, value))
                return;
        merged = merge(r, job_keys.v[id].name, *v, *n, value, &got);
        if (!merged)
                return;
        *v = merged;
        *n = got;
        if (!env && got > (uint32_t)job_keys.v[id].max)
                complain(r, key, "labels", NULL, "%u are too many, at most %u", got, (unsigned)job_keys.v[id].max);
}

static void apply_command(struct reading *r, struct job *j, const struct node *value)
{
        size_t n = 0;

        if (value->kind == NODE_LIST && value->size == 1 && value->flow && value->first->kind == NODE_SCALAR &&
            value->first->style == STYLE_PLAIN && value->first->text[0] == '-') {
                complain(r, value, "command", "quote it: \"[ … ]\"",
                         "`[` begins a list in YAML, this is not a test for the shell");
                return;
        }
        if (value->kind == NODE_LIST && value->size == 0) {
                complain(r, value, "command", NULL, "the list is empty");
                return;
        }
        j->command = take(r, ((value->kind == NODE_LIST ? value->size : 1) + 1) * sizeof(*j->command));
        j->command_is_argv = value->kind == NODE_LIST;
        if (!j->command)
                return;
        if (value->kind != NODE_LIST) {
                j->command[0] = (char *)read_line(r, "command", value, key_type_text(KEY_COMMAND));
                return;
        }
        for (const struct node *i = value->first; i; i = i->next) {
                const char *t =
                        n == 0 ? read_line(r, "command", i, "a program") : read_text(r, "command", i, "an argument");

                j->command[n++] = (char *)(t ?: "");
        }
}

static void apply_shell(struct reading *r, struct job *j, const struct node *value)
{
        const char *t;
        size_t n = 0;

        if (value->kind == NODE_LIST && value->size == 0) {
                complain(r, value, "shell", NULL, "the list is empty");
                return;
        }
        if (value->kind != NODE_LIST && value->kind != NODE_SCALAR) {
                if (value->kind != NODE_BROKEN)
                        complain(r, value, "shell", NULL, "expected %s, found a map", key_type_text(KEY_SHELL));
                return;
        }
        j->policy->shell = take(r, ((value->kind == NODE_LIST ? value->size : 1) + 1) * sizeof(*j->policy->shell));
        j->policy->shell_is_path = value->kind == NODE_SCALAR;
        if (!j->policy->shell)
                return;
        for (const struct node *i = value->kind == NODE_LIST ? value->first : value; i;
             i = value->kind == NODE_LIST ? i->next : NULL) {
                t = n == 0 ? read_path(r, "shell", i) : read_text(r, "shell", i, "an argument");
                j->policy->shell[n++] = (char *)(t ?: "");
        }
}

static void apply_schedule(struct reading *r, struct draft *d, const struct node *value)
{
        struct calendar_draw draw = calendar_draw_of(d->name ?: "", r->opt->machine);
        struct job *j = &d->job;
        size_t count = value->kind == NODE_LIST ? value->size : 1;
        uint32_t n = 0;

        if (value->kind == NODE_MAP) {
                complain(r, value, "schedule", NULL, "expected %s, found a map", key_type_text(KEY_SCHEDULE));
                return;
        }
        if (count == 0) {
                complain(r, value, "schedule", NULL, "the list is empty");
                return;
        }
        j->texts = take(r, count * sizeof(*j->texts));
        j->entries = j->texts ? take(r, count * sizeof(*j->entries)) : NULL;
        for (const struct node *i = value->kind == NODE_LIST ? value->first : value; j->entries && i;
             i = value->kind == NODE_LIST ? i->next : NULL) {
                const char *t = read_line(r, "schedule", i, "an expression");
                struct calendar_error why = { 0 };
                char clipped[CLIP_SIZE];

                if (!t)
                        continue;
                if (calendar_parse(t, &draw, &j->entries[n], &why) < 0)
                        complain(r, i, "schedule", NULL, "`%s`, at character %zu: %s", clip(t, clipped),
                                 why.position + 1, why.message);
                else if (calendar_never(&j->entries[n]))
                        complain(r, i, "schedule", NULL, "`%s` never matches any day", clip(t, clipped));
                else
                        j->texts[n++] = (char *)t;
        }
        j->n_entries = n;
}

static void apply_text(struct reading *r, struct job *j, unsigned id, const struct node *value)
{
        const struct key *k = &job_keys.v[id];
        const char *t = NULL;
        char clipped[CLIP_SIZE];

        if (k->type == KEY_TEXT)
                t = read_text(r, k->name, value, "a text");
        else if (k->type == KEY_PATH)
                t = read_path(r, k->name, value);
        else if (k->type == KEY_ZONE)
                t = read_zone(r, k->name, value);
        else
                t = read_user(r, k->name, value);
        if (!t)
                return;
        if (id == JOB_KEY_USER && r->opt->own_user_only && !(r->opt->own_user && streq(t, r->opt->own_user)))
                complain(r, value, "user", "leave it out",
                         "this daemon can't run jobs as `%s`, only as its own user%s%s", clip(t, clipped),
                         r->opt->own_user ? ", " : "", r->opt->own_user ?: "");
        memcpy(job_field(j, k), &t, sizeof(t));
}

void draft_apply_key(struct reading *r, struct draft *d, unsigned id, const struct node *key, const struct node *value,
                     enum layer layer)
{
        const struct key *k = &job_keys.v[id];
        struct job *j = &d->job;
        uint64_t *set = layer == LAYER_CONFIG ? &j->policy->set_by_config
                        : layer == LAYER_FILE ? &j->policy->set_by_file
                                              : &j->policy->set_by_job;

        if (value->kind == NODE_BROKEN)
                return;
        switch ((enum key_type)k->type) {
        case KEY_TEXT:
        case KEY_LINE:
        case KEY_WORD:
        case KEY_PATH:
        case KEY_ZONE:
                apply_text(r, j, id, value);
                break;
        case KEY_NUMBER:
        case KEY_DECIMAL:
        case KEY_DURATION:
        case KEY_SECONDS:
        case KEY_SIZE:
        case KEY_BOOLEAN:
        case KEY_CHOICE:
        case KEY_UMASK:
        case KEY_SIGNAL:
                if (k->parent == JOB_KEY_LIMITS)
                        apply_limit(r, j, id, value);
                else
                        apply_value(r, j, id, value);
                break;
        case KEY_INSTANT:
                if (read_line(r, k->name, value, key_type_text(KEY_INSTANT)))
                        *(id == JOB_KEY_START ? &d->start : &d->end) = value;
                break;
        case KEY_PATHS:
                j->policy->env_file = read_paths(r, k->name, value, true) ?: j->policy->env_file;
                break;
        case KEY_IO_CLASS:
                apply_io_class(r, j, value);
                break;
        case KEY_CPUS:
                apply_cpus(r, j, value);
                break;
        case KEY_CODES: {
                struct code_set *codes = read_codes(r, id, value);

                memcpy(job_field(j, k), &codes, sizeof(codes));
                break;
        }
        case KEY_REASONS:
                apply_reasons(r, j, value);
                break;
        case KEY_EXCLUDE:
                apply_exclude(r, j, value);
                break;
        case KEY_SCHEDULE:
                apply_schedule(r, d, value);
                break;
        case KEY_COMMAND:
                apply_command(r, j, value);
                break;
        case KEY_SHELL:
                apply_shell(r, j, value);
                break;
        case KEY_ENV:
        case KEY_LABELS:
                apply_pairs(r, j, id, key, value);
                break;
        case KEY_RETRY:
                forget_bits(j, job_key_bits(id));
                apply_retry(r, d, value, layer);
                break;
        case KEY_MAP:
                if (!want_map(r, k->name, value))
                        return;
                if (id != JOB_KEY_LIMITS) /* limits merge by key, the others are replaced whole */
                        job_reset_key(j, id);
                apply_map(r, d, id, value, layer);
                break;
        case KEY_TYPE_NR:
                break;
        }
        *set |= JOB_KEY_BIT(id);
}

void draft_apply(struct reading *r, struct draft *d, const struct node *map, enum layer layer)
{
        memset(d->keys, 0, sizeof(d->keys));
        memset(d->values, 0, sizeof(d->values));
        apply_map(r, d, JOB_KEY_NR, map, layer);
}
