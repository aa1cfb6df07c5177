/* A draft into one block: the struct, then arrays, then strings.  There may be 100,000 of them; so what it shares with
 * others is in a block of its own, of which there is one only.  (One thread makes and frees jobs.) */
#include <string.h>

#include "base/util.h"
#include "jobfile/draft.h"
#include "jobfile/sha256.h"
#include "jobfile/table.h"

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

/* The copy has references of its own. */
static struct exclude *put_excludes(struct packer *p, const struct exclude *from, size_t n)
{
        struct exclude *to;

        if (n == 0)
                return NULL;
        to = put_array(p, from, n * sizeof(*to));
        for (size_t i = 0; i < n; i++) {
                char *text = put_string(p, from[i].text);

                if (!to)
                        continue;
                to[i].text = text;
                if (to[i].kind == EXCLUDE_CALENDAR && to[i].set)
                        dayset_ref(to[i].set);
        }
        return to;
}

static void put_job(struct packer *p, const struct job *from, const char *name, struct job *to)
{
        struct job j = *from;

        j.name = put_string(p, name);
        j.entries = from->n_entries ? put_array(p, from->entries, from->n_entries * sizeof(*from->entries)) : NULL;
        j.texts = from->n_entries ? put_strings(p, from->texts, from->n_entries, false) : NULL;
        j.command = put_list(p, from->command);
        j.working_dir = put_string(p, from->working_dir);
        j.description = put_string(p, from->description);
        j.env = put_pairs(p, from->env, from->n_env);
        if (to)
                *to = j;
}

/* ---- policies: equal ones are one */

static size_t size_of(unsigned kind)
{
        return kind == POINTER_CODES ? sizeof(struct code_set) : JOB_RLIMIT_NR * sizeof(uint64_t);
}

static bool same_strings(char *const *a, char *const *b)
{
        while (*a && *b && streq(*a, *b)) {
                a++;
                b++;
        }
        return !*a && !*b;
}

static bool same_pairs(const struct key_value *a, const struct key_value *b, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i].key, b[i].key) || !streq(a[i].value, b[i].value))
                        return false;
        return true;
}

/* What the texts say is the same, and so are the calendars. */
static bool same_excludes(const struct exclude *a, const struct exclude *b, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i].text, b[i].text) || (a[i].kind == EXCLUDE_CALENDAR && a[i].set != b[i].set))
                        return false;
        return true;
}

#define CHAINS 8192 /* a power of two.  Most installations have a few policies, the worst one for each job. */

static struct job_policy *policies[CHAINS]; /* those that are alive, by hash */

static const void *pointer_of(const struct job_policy *p, const struct job_pointer *x)
{
        return *(void *const *)(const void *)((const char *)p + x->at);
}

static uint32_t pairs_of(const struct job_policy *p, const struct job_pointer *x)
{
        return *(const uint32_t *)(const void *)((const char *)p + x->count);
}

static void put_policy(struct packer *p, const struct job_policy *from, struct job_policy *to)
{
        if (to)
                *to = *from;
        for (size_t i = 0; i < POLICY_POINTERS_NR; i++) {
                const struct job_pointer *x = &policy_pointers[i];
                void *v = (void *)pointer_of(from, x);

                if (v && x->kind == POINTER_STRING)
                        v = put_string(p, v);
                else if (v && x->kind == POINTER_STRINGS)
                        v = put_list(p, v);
                else if (v && x->kind == POINTER_PAIRS)
                        v = put_pairs(p, v, pairs_of(from, x));
                else if (v && x->kind == POINTER_EXCLUDES)
                        v = put_excludes(p, v, from->n_exclude);
                else if (v)
                        v = put_array(p, v, size_of(x->kind));
                if (to)
                        *(void **)(void *)((char *)to + x->at) = v;
        }
}

static bool same_pointers(const struct job_policy *a, const struct job_policy *b)
{
        for (size_t i = 0; i < POLICY_POINTERS_NR; i++) {
                const struct job_pointer *x = &policy_pointers[i];
                const void *v = pointer_of(a, x), *w = pointer_of(b, x);

                if (v == w)
                        continue;
                if (!v || !w)
                        return false;
                if (x->kind == POINTER_STRING ? !streq(v, w)
                    : x->kind == POINTER_STRINGS ? !same_strings(v, w)
                    : x->kind == POINTER_PAIRS ? !same_pairs(v, w, pairs_of(a, x))
                    : x->kind == POINTER_EXCLUDES ? !same_excludes(v, w, a->n_exclude)
                                               : memcmp(v, w, size_of(x->kind)) != 0)
                        return false;
        }
        return true;
}

#define PLAIN offsetof(struct job_policy, retry.limit)

/* Of the plain values, and of some texts that often differ. */
static uint64_t hash_policy(const struct job_policy *p)
{
        const char *texts[] = { p->user, p->stdin_text, p->n_labels > 0 ? p->labels[0].value : NULL, p->blocked };
        uint64_t h[2], hash;

        text_hash((const char *)p + PLAIN, sizeof(*p) - PLAIN, h);
        hash = h[0];
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                hash = (hash ^ (texts[i] ? table_hash(texts[i]) : i)) * UINT64_C(0x9E3779B97F4A7C15);
        return hash ^ hash >> 32;
}

/* The one policy with these values: a reference.  NULL: no memory. */
static struct job_policy *share_policy(const struct job_policy *from)
{
        uint64_t hash = hash_policy(from);
        struct job_policy **chain = &policies[hash % CHAINS], *to;
        struct packer p = { 0 };

        for (to = *chain; to; to = to->next)
                if (to->hash == hash && memcmp((const char *)to + PLAIN, (const char *)from + PLAIN, sizeof(*to) - PLAIN) == 0 &&
                    same_pointers(to, from))
                        return policy_ref(to);
        put_policy(&p, from, NULL);
        to = malloc(sizeof(*to) + p.n_words + p.n_chars);
        if (!to)
                return NULL;
        p.words = (char *)(to + 1);
        p.chars = p.words + p.n_words;
        put_policy(&p, from, to);
        to->refs = 1;
        to->packed = true;
        to->hash = hash;
        to->next = *chain;
        to->link = chain;
        if (to->next)
                to->next->link = &to->next;
        *chain = to;
        return to;
}

_Static_assert(sizeof(struct job) % 8 == 0 && sizeof(struct job_policy) % 8 == 0 && sizeof(struct calendar) % 8 == 0,
               "arrays behind it are aligned");

struct job *draft_pack(const struct draft *d, const char *name, struct job_source *source, uint32_t line,
                       struct buf *scratch)
{
        struct packer p = { 0 };
        struct job_policy *policy;
        struct job *j;

        put_job(&p, &d->job, name, NULL);
        j = malloc(sizeof(*j) + p.n_words + p.n_chars);
        policy = j ? share_policy(&d->policy) : NULL;
        if (!policy) {
                free(j);
                return NULL;
        }
        p.words = (char *)(j + 1);
        p.chars = p.words + p.n_words;
        put_job(&p, &d->job, name, j);
        j->refs = 1;
        j->packed = true;
        j->line = line;
        j->policy = policy;
        j->source = source ? job_source_ref(source) : NULL;

        scratch->n = 0;
        job_write(scratch, j);
        if (scratch->failed)
                return job_unref(j);
        sha256(scratch->v, scratch->n, j->digest);
        return j;
}
