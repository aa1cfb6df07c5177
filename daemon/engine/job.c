#include "engine/job.h"

#include <assert.h>
#include <signal.h>

#include "engine/run.h"

/* In the order of the struct. */
const struct job_pointer policy_pointers[POLICY_POINTERS_NR] = {
#define AT(kind, field) { offsetof(struct job_policy, field), 0, kind }
        AT(POINTER_STRING, blocked),
        AT(POINTER_STRING, timezone),
        AT(POINTER_STRINGS, shell),
        AT(POINTER_STRING, user),
        AT(POINTER_STRING, group),
        AT(POINTER_STRINGS, env_file),
        AT(POINTER_STRING, stdin_text),
        AT(POINTER_STRING, cpu_affinity),
        AT(POINTER_LIMITS, rlimits),
        AT(POINTER_CODES, success_codes),
        AT(POINTER_CODES, skip_codes),
        { offsetof(struct job_policy, labels), offsetof(struct job_policy, n_labels), POINTER_PAIRS },
        { offsetof(struct job_policy, exclude), offsetof(struct job_policy, n_exclude), POINTER_EXCLUDES },
        AT(POINTER_CODES, retry.exit_codes),
#undef AT
};

_Static_assert(offsetof(struct job_policy, retry.limit) - offsetof(struct job_policy, blocked) ==
                       POLICY_POINTERS_NR * sizeof(void *),
               "each pointer has its row");

static struct job_policy *policy_new(void)
{
        struct job_policy *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        *p = (struct job_policy){
                .refs = 1,
                .zone = tz_utc(),
                .start = { INT64_MIN },
                .end = WALL_NEVER,
                .enabled = true,
                .catch_up_limit = 100,
                .starting_deadline_usec = -1,
                .umask = 022,
                .kill_signal = SIGTERM,
                .timeout_usec = USEC_INFINITY,
                .total_timeout_usec = USEC_INFINITY,
                .kill_timeout_usec = 10 * USEC_PER_SEC,
                .log_max = 10u << 20,
                .retry = {
                        .factor = 2,
                        .delay_usec = 10 * USEC_PER_SEC,
                        .max_delay_usec = 10 * USEC_PER_MINUTE,
                        .reasons = RETRY_BIT(REASON_EXIT) | RETRY_BIT(REASON_SIGNAL) | RETRY_BIT(REASON_TIMEOUT) |
                                   RETRY_BIT(REASON_SPAWN),
                },
                .keep_runs = 1000,
                .keep_age_usec = 90 * USEC_PER_DAY,
                .keep_log = UINT64_C(100) << 20,
        };
        return p;
}

struct job *job_new(void)
{
        struct job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        j->refs = 1;
        j->policy = policy_new();
        if (!j->policy) {
                free(j);
                return NULL;
        }
        return j;
}

struct job *job_ref(struct job *j)
{
        assert(j->refs > 0);
        j->refs++;
        return j;
}

static void free_strings(char **v)
{
        for (char **p = v; p && *p; p++)
                free(*p);
        free(v);
}

static void free_pairs(struct key_value *v, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(v[i].key);
                free(v[i].value);
        }
        free(v);
}

/* References to calendars' sets, that a packed policy has too. */
static void drop_sets(struct exclude *v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (v[i].kind == EXCLUDE_CALENDAR)
                        dayset_unref(v[i].set);
}

static void free_excludes(struct exclude *v, size_t n)
{
        drop_sets(v, n);
        for (size_t i = 0; i < n; i++)
                free(v[i].text);
        free(v);
}

static void free_pointers(struct job_policy *p)
{
        for (size_t i = 0; i < POLICY_POINTERS_NR; i++) {
                const struct job_pointer *x = &policy_pointers[i];
                void *at = *(void **)(void *)((char *)p + x->at);

                if (x->kind == POINTER_STRINGS)
                        free_strings(at);
                else if (x->kind == POINTER_PAIRS)
                        free_pairs(at, *(const uint32_t *)(const void *)((const char *)p + x->count));
                else if (x->kind == POINTER_EXCLUDES)
                        free_excludes(at, p->n_exclude);
                else
                        free(at);
        }
}

struct job *job_unref(struct job *j)
{
        if (!j)
                return NULL;
        assert(j->refs > 0);
        if (--j->refs > 0)
                return NULL;
        policy_unref(j->policy);
        job_source_unref(j->source);
        if (!j->packed) {
                for (size_t i = 0; j->texts && i < j->n_entries; i++)
                        free(j->texts[i]);
                free(j->texts);
                free(j->entries);
                free(j->name);
                free_strings(j->command);
                free(j->working_dir);
                free(j->description);
                free_pairs(j->env, j->n_env);
        }
        free(j);
        return NULL;
}

struct job_policy *policy_ref(struct job_policy *p)
{
        assert(p->refs > 0);
        p->refs++;
        return p;
}

struct job_policy *policy_unref(struct job_policy *p)
{
        if (!p || --p->refs > 0)
                return NULL;
        if (p->packed) {
                drop_sets(p->exclude, p->n_exclude);
                *p->link = p->next;
                if (p->next)
                        p->next->link = p->link;
        } else {
                free_pointers(p);
        }
        free(p);
        return NULL;
}

struct job_folder *job_folder_new(const char *path, size_t size)
{
        struct job_folder *f = calloc(1, sizeof(*f) + size + 1);

        if (!f)
                return NULL;
        f->refs = 1;
        memcpy(f->path, path, size);
        return f;
}

struct job_folder *job_folder_unref(struct job_folder *f)
{
        if (f && --f->refs == 0)
                free(f);
        return NULL;
}

struct job_source *job_source_new(struct job_folder *folder, const char *name, uint32_t uid)
{
        size_t size = strlen(name) + 1;
        struct job_source *s = calloc(1, sizeof(*s) + size);

        if (!s)
                return NULL;
        s->refs = 1;
        s->uid = uid;
        s->folder = folder;
        if (folder)
                folder->refs++;
        memcpy(s->name, name, size);
        return s;
}

char *job_source_path(const struct job_source *s)
{
        size_t n = s->folder ? strlen(s->folder->path) : 0, k = strlen(s->name) + 1;
        char *path = malloc(n + 1 + k);

        if (!path)
                return NULL;
        if (s->folder) {
                memcpy(path, s->folder->path, n);
                path[n++] = '/';
        }
        memcpy(path + n, s->name, k);
        return path;
}

struct job_source *job_source_ref(struct job_source *s)
{
        assert(s->refs > 0);
        s->refs++;
        return s;
}

struct job_source *job_source_unref(struct job_source *s)
{
        if (s && --s->refs == 0) {
                job_folder_unref(s->folder);
                free(s);
        }
        return NULL;
}

struct schedule job_schedule(const struct job *j)
{
        return (struct schedule){
                .entries = j->entries, .n = j->n_entries,
                .zone = j->policy->zone, .start = j->policy->start, .end = j->policy->end,
                .days = { .v = j->policy->exclude, .n = j->policy->n_exclude, .dst = j->policy->dst, .move = j->policy->move },
        };
}

static uint64_t mix(uint64_t h, uint64_t v)
{
        h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
        return h ^ h >> 35;
}

int64_t job_delay(const struct job *j, uint64_t machine, struct wall at)
{
        uint64_t steps = (uint64_t)(j->policy->jitter_usec / USEC_PER_MSEC), h = mix(UINT64_C(0x9ae16a3b2f90404f), machine);

        if (j->policy->jitter_usec < USEC_PER_MSEC)
                return 0;
        for (const char *p = j->name; *p; p++)
                h = mix(h, (unsigned char)*p);
        h = mix(mix(h, (uint64_t)at.usec), 0);
        return (int64_t)(h % (steps + 1)) * USEC_PER_MSEC;
}

bool code_set_has(const struct code_set *s, unsigned code)
{
        return code < 256 && (s->bits[code / 64] >> (code % 64) & 1);
}

void code_set_add(struct code_set *s, unsigned code)
{
        assert(code < 256);
        s->bits[code / 64] |= UINT64_C(1) << (code % 64);
}
