/* A draft into one block: the struct, then arrays, then strings.  There may be 100,000 of them. */
#include <string.h>

#include "base/util.h"
#include "jobfile/draft.h"
#include "jobfile/sha256.h"

/* Run twice: first it only counts, then it copies. */
struct packer {
        char *words, *chars; /* where the next array, the next string goes; NULL while counting */
        size_t n_words, n_chars;
};

static void *put_array(struct packer *p, const void *from, size_t size)
{
        char *to = p->words;

        size = (size + 7) & ~(size_t)7;
        p->n_words += size;
        if (!to)
                return NULL;
        if (from)
                memcpy(to, from, size);
        p->words += size;
        return to;
}

static char *put_string(struct packer *p, const char *from)
{
        size_t size = from ? strlen(from) + 1 : 0;
        char *to = p->chars;

        if (!from)
                return NULL;
        p->n_chars += size;
        if (!to)
                return NULL;
        p->chars += size;
        return memcpy(to, from, size);
}

/* An array of strings: `n` of them, and a NULL if `terminated`. */
static char **put_strings(struct packer *p, char **from, size_t n, bool terminated)
{
        char **to;

        if (!from)
                return NULL;
        to = put_array(p, NULL, (n + terminated) * sizeof(*to));
        for (size_t i = 0; i < n; i++) {
                char *s = put_string(p, from[i]);

                if (to)
                        to[i] = s;
        }
        if (to && terminated)
                to[n] = NULL;
        return to;
}

static char **put_list(struct packer *p, char **from)
{
        size_t n = 0;

        while (from && from[n])
                n++;
        return put_strings(p, from, n, true);
}

static struct key_value *put_pairs(struct packer *p, const struct key_value *from, size_t n)
{
        struct key_value *to;

        if (n == 0)
                return NULL;
        to = put_array(p, NULL, n * sizeof(*to));
        for (size_t i = 0; i < n; i++) {
                struct key_value one = { put_string(p, from[i].key), put_string(p, from[i].value) };

                if (to)
                        to[i] = one;
        }
        return to;
}

static struct code_set *put_codes(struct packer *p, const struct code_set *from)
{
        return from ? put_array(p, from, sizeof(*from)) : NULL;
}

static void put_job(struct packer *p, const struct job *from, const char *name, struct job *to)
{
        struct job j = *from;

        j.name = put_string(p, name);
        j.blocked = put_string(p, from->blocked);
        j.entries = from->n_entries ? put_array(p, from->entries, from->n_entries * sizeof(*from->entries)) : NULL;
        j.texts = from->n_entries ? put_strings(p, from->texts, from->n_entries, false) : NULL;
        /* A zone that was found lives for ever, and so does its name. */
        j.timezone = from->timezone && !from->blocked && streq(tz_name(from->zone), from->timezone)
                             ? (char *)tz_name(from->zone)
                             : put_string(p, from->timezone);
        j.command = put_list(p, from->command);
        j.shell = put_list(p, from->shell);
        j.user = put_string(p, from->user);
        j.group = put_string(p, from->group);
        j.working_dir = put_string(p, from->working_dir);
        j.env = put_pairs(p, from->env, from->n_env);
        j.env_file = put_list(p, from->env_file);
        j.stdin_text = put_string(p, from->stdin_text);
        j.cpu_affinity = put_string(p, from->cpu_affinity);
        j.rlimits = from->rlimits ? put_array(p, from->rlimits, JOB_RLIMIT_NR * sizeof(*from->rlimits)) : NULL;
        j.success_codes = put_codes(p, from->success_codes);
        j.skip_codes = put_codes(p, from->skip_codes);
        j.description = put_string(p, from->description);
        j.labels = put_pairs(p, from->labels, from->n_labels);
        j.retry.exit_codes = put_codes(p, from->retry.exit_codes);
        if (to)
                *to = j;
}

_Static_assert(sizeof(struct job) % 8 == 0 && sizeof(struct calendar) % 8 == 0, "arrays behind it are aligned");

struct job *draft_pack(const struct draft *d, const char *name, struct job_source *source, uint32_t line,
                       struct buf *scratch)
{
        struct packer p = { 0 };
        struct job *j;

        put_job(&p, &d->job, name, NULL);
        j = malloc(sizeof(*j) + p.n_words + p.n_chars);
        if (!j)
                return NULL;
        p.words = (char *)(j + 1);
        p.chars = p.words + p.n_words;
        put_job(&p, &d->job, name, j);
        j->refs = 1;
        j->packed = true;
        j->line = line;
        j->source = source ? job_source_ref(source) : NULL;

        scratch->n = 0;
        job_write(scratch, j);
        if (scratch->failed)
                return job_unref(j);
        sha256(scratch->v, scratch->n, j->digest);
        return j;
}
