/* A job as canonical JSON: keys in the order of the table, those at their built-in value left out. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "engine/run.h"
#include "jobfile/draft.h"

struct writer {
        struct buf *b;
        bool comma;
};

static void write_key(struct writer *w, const char *name)
{
        if (w->comma)
                buf_add(w->b, ",", 1);
        w->comma = true;
        buf_add(w->b, "\"", 1);
        buf_str(w->b, name);
        buf_add(w->b, "\":", 2);
}

static void write_number(struct buf *b, int64_t v)
{
        char digits[24], *p = digits + sizeof(digits);
        uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

        do
                *--p = (char)('0' + u % 10);
        while (u /= 10);
        if (v < 0)
                *--p = '-';
        buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

static void write_duration(struct buf *b, int64_t usec)
{
        char text[64];

        if (usec == USEC_INFINITY) {
                buf_str(b, "\"unlimited\"");
        } else if (usec == 0) {
                buf_str(b, "0");
        } else {
                size_t n = duration_print(usec, text, sizeof(text));

                buf_add(b, "\"", 1);
                buf_add(b, text, n);
                buf_add(b, "\"", 1);
        }
}

static void write_size(struct buf *b, uint64_t v)
{
        static const char units[] = "KMGT";
        int unit = -1;

        while (v > 0 && v % 1024 == 0 && unit < 3) {
                v /= 1024;
                unit++;
        }
        if (unit < 0) {
                write_number(b, (int64_t)v);
                return;
        }
        buf_add(b, "\"", 1);
        write_number(b, (int64_t)v);
        buf_add(b, &units[unit], 1);
        buf_add(b, "\"", 1);
}

static void write_strings(struct buf *b, char **v, size_t n)
{
        buf_add(b, "[", 1);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        buf_add(b, ",", 1);
                buf_json(b, v[i]);
        }
        buf_add(b, "]", 1);
}

static void write_excludes(struct buf *b, const struct exclude *v, size_t n)
{
        buf_add(b, "[", 1);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        buf_add(b, ",", 1);
                buf_json(b, v[i].text);
        }
        buf_add(b, "]", 1);
}

static size_t list_length(char **v)
{
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

static void write_pairs(struct buf *b, const struct key_value *v, size_t n)
{
        buf_add(b, "{", 1);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        buf_add(b, ",", 1);
                buf_json(b, v[i].key);
                buf_add(b, ":", 1);
                buf_json(b, v[i].value);
        }
        buf_add(b, "}", 1);
}

static void write_codes(struct buf *b, const struct code_set *set)
{
        bool comma = false;

        buf_add(b, "[", 1);
        for (unsigned i = 0; i < 256; i++) {
                if (!code_set_has(set, i))
                        continue;
                if (comma)
                        buf_add(b, ",", 1);
                comma = true;
                write_number(b, i);
        }
        buf_add(b, "]", 1);
}

static void write_reasons(struct buf *b, uint64_t reasons)
{
        static const struct {
                const char *name;
                enum run_reason reason;
        } all[] = { { "exit", REASON_EXIT },   { "signal", REASON_SIGNAL },   { "timeout", REASON_TIMEOUT },
                    { "spawn", REASON_SPAWN }, { "lost", REASON_SUPERVISOR }, { "shutdown", REASON_SHUTDOWN } };
        bool comma = false;

        buf_add(b, "[", 1);
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                if (!(reasons & RETRY_BIT(all[i].reason)))
                        continue;
                if (comma)
                        buf_add(b, ",", 1);
                comma = true;
                buf_json(b, all[i].name);
        }
        buf_add(b, "]", 1);
}

static void write_word(struct buf *b, const char *words, unsigned i)
{
        size_t n = 0;
        const char *w = choice_at(words, i, &n);

        buf_add(b, "\"", 1);
        buf_add(b, w ?: "", n);
        buf_add(b, "\"", 1);
}

static void write_io_class(struct buf *b, const struct job *j)
{
        static const char *const names[] = {
                [IO_CLASS_IDLE] = "idle",
                [IO_CLASS_BEST_EFFORT] = "best-effort",
                [IO_CLASS_REALTIME] = "realtime",
        };

        buf_add(b, "\"", 1);
        buf_str(b, j->policy->io_class < ARRAY_SIZE(names) && names[j->policy->io_class] ? names[j->policy->io_class] : "");
        if (j->policy->io_class != IO_CLASS_IDLE) {
                buf_add(b, ":", 1);
                write_number(b, j->policy->io_level);
        }
        buf_add(b, "\"", 1);
}

static void write_limit(struct buf *b, unsigned id, uint64_t v)
{
        if (v == JOB_RLIMIT_UNLIMITED)
                buf_str(b, "\"unlimited\"");
        else if (job_keys.v[id].type == KEY_SIZE)
                write_size(b, v);
        else
                write_number(b, (int64_t)v); /* files, or whole seconds */
}

static void write_decimal(struct buf *b, double v)
{
        int64_t thousandths = (int64_t)(v * 1000 + 0.5);
        char text[32];
        int n = snprintf(text, sizeof(text), "%lld.%03lld", (long long)(thousandths / 1000),
                         (long long)(thousandths % 1000));

        while (n > 0 && text[n - 1] == '0')
                n--;
        if (n > 0 && text[n - 1] == '.')
                n--;
        buf_add(b, text, (size_t)n);
}

static int64_t field_value(const struct job *j, const struct key *k)
{
        const char *at = job_field(j, k);

        switch (k->width) {
        case 1:
                return k->min < 0 ? *(const int8_t *)at : *(const uint8_t *)at;
        case 2:
                return k->min < 0 ? *(const int16_t *)(const void *)at : *(const uint16_t *)(const void *)at;
        case 4:
                return *(const uint32_t *)(const void *)at;
        default:
                return *(const int64_t *)(const void *)at;
        }
}

static const void *field_pointer(const struct job *j, const struct key *k)
{
        const void *p;

        memcpy(&p, job_field(j, k), sizeof(p));
        return p;
}

/* Whether a key stands at its built-in value.  (A map: all its keys.) */
static bool at_default(const struct job *j, unsigned id)
{
        const struct key *k = &job_keys.v[id];
        const struct job *b = job_built_in();

        switch (id) {
        case JOB_KEY_NICE:
                return !j->policy->has_nice;
        case JOB_KEY_OOM_SCORE_ADJUST:
                return !j->policy->has_oom_score_adjust;
        case JOB_KEY_SCHEDULE:
                return j->n_entries == 0;
        case JOB_KEY_ENV:
                return j->n_env == 0;
        case JOB_KEY_EXCLUDE:
                return j->policy->n_exclude == 0;
        case JOB_KEY_LABELS:
                return j->policy->n_labels == 0;
        case JOB_KEY_LIMITS:
                for (unsigned i = 0; j->policy->rlimits && i < JOB_RLIMIT_NR; i++)
                        if (j->policy->rlimits[i] != JOB_RLIMIT_UNSET)
                                return false;
                return true;
        case JOB_KEY_LOG:
                return j->policy->log_max == b->policy->log_max && j->policy->log_merge == b->policy->log_merge;
        case JOB_KEY_KEEP:
                return j->policy->keep_runs == b->policy->keep_runs && j->policy->keep_age_usec == b->policy->keep_age_usec &&
                       j->policy->keep_log == b->policy->keep_log;
        case JOB_KEY_RETRY:
                return j->policy->retry.limit == 0; /* the rest says nothing then */
        case JOB_KEY_RETRY_MAX_DELAY:
                return j->policy->retry.max_delay_usec == MAX(b->policy->retry.max_delay_usec, j->policy->retry.delay_usec);
        default:
                break;
        }
        if (k->parent == JOB_KEY_LIMITS)
                return !j->policy->rlimits || j->policy->rlimits[id - JOB_KEY_LIMITS_OPEN_FILES] == JOB_RLIMIT_UNSET;
        return memcmp(job_field(j, k), job_field(b, k), k->width) == 0;
}

static void write_value(struct buf *b, const struct job *j, unsigned id);

static void write_map(struct buf *b, const struct job *j, unsigned parent)
{
        struct writer w = { b, false };

        buf_add(b, "{", 1);
        for (unsigned i = parent + 1; i < job_keys.n && job_keys.v[i].parent == parent; i++) {
                if (at_default(j, i))
                        continue;
                write_key(&w, job_keys.v[i].name);
                write_value(b, j, i);
        }
        buf_add(b, "}", 1);
}

static bool only_retry_limit(const struct job *j)
{
        for (unsigned i = JOB_KEY_RETRY_LIMIT + 1; i < job_keys.n && job_keys.v[i].parent == JOB_KEY_RETRY; i++)
                if (!at_default(j, i))
                        return false;
        return true;
}

static void write_value(struct buf *b, const struct job *j, unsigned id)
{
        const struct key *k = &job_keys.v[id];
        char text[64];

        if (k->parent == JOB_KEY_LIMITS) {
                write_limit(b, id, j->policy->rlimits[id - JOB_KEY_LIMITS_OPEN_FILES]);
                return;
        }
        switch ((enum key_type)k->type) {
        case KEY_TEXT:
        case KEY_LINE:
        case KEY_WORD:
        case KEY_PATH:
        case KEY_ZONE:
        case KEY_CPUS:
                buf_json(b, field_pointer(j, k));
                break;
        case KEY_PATHS:
                write_strings(b, j->policy->env_file, list_length(j->policy->env_file));
                break;
        case KEY_NUMBER:
                if ((k->flags & KEY_UNLIMITED) && field_value(j, k) == UINT32_MAX)
                        buf_str(b, "\"unlimited\"");
                else
                        write_number(b, field_value(j, k));
                break;
        case KEY_DECIMAL:
                write_decimal(b, j->policy->retry.factor);
                break;
        case KEY_DURATION:
        case KEY_SECONDS:
                write_duration(b, field_value(j, k));
                break;
        case KEY_SIZE:
                if (field_value(j, k) == -1)
                        buf_str(b, "\"unlimited\"");
                else
                        write_size(b, (uint64_t)field_value(j, k));
                break;
        case KEY_BOOLEAN:
                buf_str(b, field_value(j, k) ? "true" : "false");
                break;
        case KEY_CHOICE:
                write_word(b, k->choices, (unsigned)field_value(j, k) - (id == JOB_KEY_MOVE)); /* 0: none */
                break;
        case KEY_INSTANT:
                (void)wall_print_rfc3339(id == JOB_KEY_START ? j->policy->start : j->policy->end, tz_utc(), 0, text, sizeof(text));
                buf_json(b, text);
                break;
        case KEY_UMASK:
                buf_printf(b, "\"%03o\"", (unsigned)j->policy->umask);
                break;
        case KEY_SIGNAL:
                buf_json(b, signal_text(j->policy->kill_signal) ?: "");
                break;
        case KEY_IO_CLASS:
                write_io_class(b, j);
                break;
        case KEY_CODES:
                write_codes(b, field_pointer(j, k));
                break;
        case KEY_REASONS:
                write_reasons(b, j->policy->retry.reasons);
                break;
        case KEY_EXCLUDE:
                write_excludes(b, j->policy->exclude, j->policy->n_exclude);
                break;
        case KEY_SCHEDULE:
                if (j->n_entries == 1)
                        buf_json(b, j->texts[0]);
                else
                        write_strings(b, j->texts, j->n_entries);
                break;
        case KEY_COMMAND:
                if (j->command_is_argv)
                        write_strings(b, j->command, list_length(j->command));
                else
                        buf_json(b, j->command[0]);
                break;
        case KEY_SHELL:
                write_strings(b, j->policy->shell, list_length(j->policy->shell));
                break;
        case KEY_ENV:
                write_pairs(b, j->env, j->n_env);
                break;
        case KEY_LABELS:
                write_pairs(b, j->policy->labels, j->policy->n_labels);
                break;
        case KEY_RETRY:
                if (only_retry_limit(j))
                        write_number(b, j->policy->retry.limit);
                else
                        write_map(b, j, id);
                break;
        case KEY_MAP:
                write_map(b, j, id);
                break;
        case KEY_TYPE_NR:
                break;
        }
}

void job_write(struct buf *b, const struct job *j)
{
        struct writer w = { b, false };

        buf_str(b, "{\"jobs\":{");
        buf_json(b, j->name ?: "");
        buf_str(b, ":{");
        for (unsigned id = 0; id < job_keys.n; id++) {
                if (job_keys.v[id].parent != JOB_KEY_NR || at_default(j, id))
                        continue;
                write_key(&w, job_keys.v[id].name);
                write_value(b, j, id);
        }
        buf_str(b, "}}}");
}

char *job_print(const struct job *j)
{
        struct buf b = { 0 };

        if (!job_built_in())
                return NULL;
        job_write(&b, j);
        return buf_take(&b);
}
