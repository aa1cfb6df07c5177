#include "engine/job.h"

#include <assert.h>
#include <signal.h>

#include "engine/run.h"

struct job *job_new(void)
{
        struct job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        j->refs = 1;
        j->zone = tz_utc();
        j->start = (struct wall){ INT64_MIN };
        j->end = WALL_NEVER;
        j->enabled = true;
        j->catch_up_limit = 100;
        j->starting_deadline_usec = -1;
        j->umask = 022;
        j->kill_signal = SIGTERM;
        j->timeout_usec = j->total_timeout_usec = USEC_INFINITY;
        j->kill_timeout_usec = 10 * USEC_PER_SEC;
        j->log_max = 10u << 20;
        j->retry = (struct job_retry){
                .factor = 2,
                .delay_usec = 10 * USEC_PER_SEC,
                .max_delay_usec = 10 * USEC_PER_MINUTE,
                .reasons = RETRY_BIT(REASON_EXIT) | RETRY_BIT(REASON_SIGNAL) | RETRY_BIT(REASON_TIMEOUT) |
                           RETRY_BIT(REASON_SPAWN),
        };
        j->keep_runs = 1000;
        j->keep_age_usec = 90 * USEC_PER_DAY;
        j->keep_log = UINT64_C(100) << 20;
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

struct job *job_unref(struct job *j)
{
        if (!j)
                return NULL;
        assert(j->refs > 0);
        if (--j->refs > 0)
                return NULL;
        if (j->packed) {
                job_source_unref(j->source);
                free(j);
                return NULL;
        }

        for (size_t i = 0; j->texts && i < j->n_entries; i++)
                free(j->texts[i]);
        free(j->texts);
        free(j->entries);
        free(j->name);
        job_source_unref(j->source);
        free(j->blocked);
        free(j->timezone);
        free_strings(j->command);
        free_strings(j->shell);
        free(j->user);
        free(j->group);
        free(j->working_dir);
        free_pairs(j->env, j->n_env);
        free_strings(j->env_file);
        free(j->stdin_text);
        free(j->cpu_affinity);
        free(j->rlimits);
        free(j->success_codes);
        free(j->skip_codes);
        free(j->description);
        free_pairs(j->labels, j->n_labels);
        free(j->retry.exit_codes);
        free(j);
        return NULL;
}

struct job_source *job_source_new(const char *path, uint32_t uid)
{
        size_t size = strlen(path) + 1;
        struct job_source *s = calloc(1, sizeof(*s) + size);

        if (!s)
                return NULL;
        s->refs = 1;
        s->uid = uid;
        s->path = memcpy(s + 1, path, size);
        return s;
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
                if (s->path != (char *)(s + 1))
                        free(s->path);
                free(s);
        }
        return NULL;
}

struct schedule job_schedule(const struct job *j)
{
        return (struct schedule){
                .entries = j->entries, .n = j->n_entries, .zone = j->zone, .start = j->start, .end = j->end,
        };
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
