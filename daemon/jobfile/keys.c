#include "jobfile/keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "engine/job.h"
#include "jobfile/config.h"

#define WIDTH(type, field) sizeof(((type *)0)->field)

/* What the rows' fields are named in. */
struct job_fields {
        struct job job;
        struct job_policy policy;
};

#define POLICY offsetof(struct job_fields, policy)

#define ROW(owner, base, id, in, key, what, field, bits, low, high, words, default_text, others, text)                       \
        [id] = { .name = key,                                                                                          \
                 .type = what,                                                                                         \
                 .parent = in,                                                                                         \
                 .flags = bits,                                                                                        \
                 .width = WIDTH(struct owner, field),                                                                  \
                 .offset = offsetof(struct owner, field) - (offsetof(struct owner, field) >= (base) ? (base) : 0),     \
                 .policy = offsetof(struct owner, field) >= (base),                                                    \
                 .min = low,                                                                                           \
                 .max = high,                                                                                          \
                 .choices = words,                                                                                     \
                 .built_in = default_text,                                                                             \
                 .near = others,                                                                                       \
                 .help = text },

static const struct key job_key_rows[] = {
#define X(...) ROW(job_fields, POLICY, __VA_ARGS__)
        TBL_JOB_KEYS(X)
#undef X
};

static const struct key config_key_rows[] = {
#define X(...) ROW(config, sizeof(struct config), __VA_ARGS__)
        TBL_CONFIG_KEYS(X)
#undef X
};

const struct keys job_keys = { job_key_rows, ARRAY_SIZE(job_key_rows) };
const struct keys config_keys = { config_key_rows, ARRAY_SIZE(config_key_rows) };

void *job_field(const struct job *j, const struct key *k)
{
        return (k->policy ? (char *)j->policy : (char *)j) + k->offset;
}

int keys_find(struct keys keys, unsigned parent, const char *name)
{
        for (unsigned i = 0; i < keys.n; i++)
                if (keys.v[i].parent == parent && keys.v[i].name[0] == name[0] && streq(keys.v[i].name, name))
                        return (int)i;
        return -1;
}

const char *choice_at(const char *choices, unsigned i, size_t *ret_size)
{
        while (*choices) {
                size_t n = strcspn(choices, " ");

                if (i-- == 0) {
                        *ret_size = n;
                        return choices;
                }
                choices += n + (choices[n] == ' ');
        }
        return NULL;
}

int choice_find(const char *choices, const char *word)
{
        size_t n, size = strlen(word);
        const char *c;

        for (unsigned i = 0; (c = choice_at(choices, i, &n)); i++)
                if (n == size && memcmp(c, word, n) == 0)
                        return (int)i;
        return -1;
}

unsigned word_distance(const char *a, const char *b, unsigned max)
{
        unsigned rows[3][65], *before = rows[0], *above = rows[1], *row = rows[2];
        size_t n = strlen(a), m = strlen(b);

        if (n > 64 || m > 64 || (n > m ? n - m : m - n) > max)
                return max + 1;
        for (size_t k = 0; k <= m; k++)
                above[k] = (unsigned)k;
        for (size_t i = 1; i <= n; i++) {
                unsigned *t;

                row[0] = (unsigned)i;
                for (size_t k = 1; k <= m; k++) {
                        row[k] = MIN(MIN(above[k] + 1, row[k - 1] + 1), above[k - 1] + (a[i - 1] != b[k - 1]));
                        if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                                row[k] = MIN(row[k], before[k - 2] + 1);
                }
                t = before;
                before = above;
                above = row;
                row = t;
        }
        return MIN(above[m], max + 1);
}

/* `concurrencyPolicy`, `Concurrency-Policy` -> `concurrency_policy`.  False: too long to be a slip of a key. */
static bool normalize(const char *name, char buf[65])
{
        size_t n = 0;

        for (const char *p = name; *p; p++) {
                bool hump = isupper((unsigned char)*p) && p > name && islower((unsigned char)p[-1]);

                if (n + hump >= 64)
                        return false;
                if (hump)
                        buf[n++] = '_';
                buf[n++] = *p == '-' || *p == ' ' || *p == '.' ? '_' : (char)tolower((unsigned char)*p);
        }
        buf[n] = 0;
        return n > 0;
}

/* Nearness of a normalized name to a key: 0 is the same word or a known synonym; over `worst`: not close. */
static unsigned nearness(const struct key *k, const char *name, unsigned worst)
{
        unsigned best;
        size_t n;
        const char *w;

        if (choice_find(k->near, name) >= 0)
                return 0;
        best = word_distance(k->name, name, worst);
        for (unsigned i = 0; best > 1 && worst > 1 && (w = choice_at(k->near, i, &n)); i++) {
                char word[65];

                if (n < 5 || n > 64)
                        continue;
                memcpy(word, w, n);
                word[n] = 0;
                if (word_distance(word, name, 1) <= 1)
                        best = MIN(best, 2u);
        }
        return best;
}

static unsigned tolerance(size_t n)
{
        return n < 3 ? 0 : n < 6 ? 1 : n < 9 ? 2 : 3;
}

const char *keys_hint(struct keys keys, unsigned parent, const char *name, char buf[HINT_SIZE])
{
        const struct key *best = NULL;
        unsigned distance;
        char word[65];

        if (!normalize(name, word))
                return NULL;
        distance = tolerance(strlen(word)) + 1;
        for (unsigned i = 0; i < keys.n; i++) {
                unsigned d;

                if (keys.v[i].parent != parent)
                        continue;
                d = nearness(&keys.v[i], word, distance);
                if (d < distance) {
                        distance = d;
                        best = &keys.v[i];
                }
        }
        if (best && distance < 2) {
                (void)snprintf(buf, HINT_SIZE, "did you mean `%s`?", best->name);
                return buf;
        }
        for (unsigned i = 0; i < keys.n; i++)
                if (keys.v[i].parent != parent && streq(keys.v[i].name, word)) {
                        if (keys.v[i].parent < keys.n)
                                (void)snprintf(buf, HINT_SIZE, "`%s` stands in `%s`", word,
                                               keys.v[keys.v[i].parent].name);
                        else
                                (void)snprintf(buf, HINT_SIZE, "`%s` stands beside `%s`, not in it", word,
                                               keys.v[parent].name);
                        return buf;
                }
        if (!best)
                return NULL;
        (void)snprintf(buf, HINT_SIZE, "did you mean `%s`?", best->name);
        return buf;
}

const char *choice_hint(const char *choices, const char *word, char buf[HINT_SIZE])
{
        char name[65], best[65] = "";
        unsigned distance;
        const char *c;
        size_t n;

        if (!normalize(word, name))
                return NULL;
        distance = tolerance(strlen(name)) + 1;
        for (unsigned i = 0; (c = choice_at(choices, i, &n)); i++) {
                char one[65];
                unsigned d;

                if (n > 64)
                        continue;
                memcpy(one, c, n);
                one[n] = 0;
                d = word_distance(one, name, distance);
                if (d < distance) {
                        distance = d;
                        memcpy(best, one, n + 1);
                }
        }
        if (!*best)
                return NULL;
        (void)snprintf(buf, HINT_SIZE, "did you mean `%s`?", best);
        return buf;
}

const char *key_type_text(enum key_type type)
{
        static const char *const texts[] = {
                [KEY_TEXT] = "a text",
                [KEY_LINE] = "a text",
                [KEY_WORD] = "a word",
                [KEY_PATH] = "a path that begins with `/`",
                [KEY_PATHS] = "a path or a list of paths",
                [KEY_NUMBER] = "a whole number",
                [KEY_DECIMAL] = "a number such as 2 or 1.5",
                [KEY_DURATION] = "a duration such as 90 (seconds), 15m or 1h30m",
                [KEY_SECONDS] = "a duration in whole seconds such as 90, 15m or 1h30m",
                [KEY_SIZE] = "a size such as 512K, 10M or 2G",
                [KEY_BOOLEAN] = "true or false",
                [KEY_CHOICE] = "a word",
                [KEY_INSTANT] = "a date such as 2026-12-24, or an instant such as 2026-12-24T18:00",
                [KEY_ZONE] = "the name of a time zone such as Europe/Berlin",
                [KEY_UMASK] = "three octal digits such as 022",
                [KEY_SIGNAL] = "the name of a signal such as TERM or SIGINT",
                [KEY_IO_CLASS] = "idle, best-effort[:0-7] or realtime[:0-7]",
                [KEY_CPUS] = "processors such as \"0-3,8\"",
                [KEY_CODES] = "a list of exit codes such as [0, 2]",
                [KEY_REASONS] = "a list of exit, signal, timeout, spawn, lost, shutdown",
                [KEY_EXCLUDE] = "a list of calendars' names, dates, ranges of dates and expressions of five fields",
                [KEY_SCHEDULE] = "an expression such as \"30 2 * * *\", or a list of them",
                [KEY_COMMAND] = "a text for the shell, or a list: a program and its arguments",
                [KEY_SHELL] = "the path of a shell, or a list to which the command is appended",
                [KEY_ENV] = "a map of variables",
                [KEY_LABELS] = "a map of words",
                [KEY_MAP] = "a map",
                [KEY_RETRY] = "a number of retries, or a map with `limit`",
        };

        return (unsigned)type < KEY_TYPE_NR ? texts[type] : "a value";
}
