/* A job as a whole: zone and instants, keys that contradict each other, what is worth a warning. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "jobfile/diag.h"
#include "jobfile/draft.h"

#define TEXT_MAX (128u << 10) /* command, env and stdin together: what an exec must be able to carry */

/* Given in this layer, and not to take a default back. */
static bool own(const struct draft *d, unsigned id)
{
        return d->keys[id] && !node_is_null(d->values[id]);
}

/* The key to blame: the one of the two that stands later in this layer; NULL: neither is of this layer. */
static const struct node *blame(const struct draft *d, unsigned a, unsigned b)
{
        const struct node *x = own(d, a) ? d->keys[a] : NULL, *y = own(d, b) ? d->keys[b] : NULL;

        if (!x || !y)
                return x ?: y;
        return x->line > y->line || (x->line == y->line && x->column > y->column) ? x : y;
}

static void judge_zone(struct reading *r, struct draft *d)
{
        const struct zone_source *zones = r->opt->zones;
        struct job *j = &d->job;
        char message[CLIP_SIZE + 64], clipped[CLIP_SIZE];

        j->policy->blocked = NULL;
        j->policy->zone = zones && zones->local ? zones->local : tz_utc();
        if (!j->policy->timezone || !zones)
                return;
        j->policy->zone = zones->find(zones->arg, j->policy->timezone);
        if (j->policy->zone)
                return;
        j->policy->zone = tz_utc();
        if (r->opt->blocked_is_error) {
                if (own(d, JOB_KEY_TIMEZONE))
                        complain(r, d->values[JOB_KEY_TIMEZONE], "timezone", NULL, "this system knows no zone `%s`",
                                 clip(j->policy->timezone, clipped));
                return;
        }
        (void)snprintf(message, sizeof(message), "this system knows no time zone `%s`", clip(j->policy->timezone, clipped));
        j->policy->blocked = arena_copy(&r->arena, message, strlen(message));
        if (!j->policy->blocked)
                r->oom = true;
}

static void judge_instant(struct reading *r, const struct draft *d, const struct node *text, const char *key, bool end,
                          struct wall *ret)
{
        char clipped[CLIP_SIZE];

        if (text && instant_parse(text->text, d->job.policy->zone, end, ret, NULL) < 0)
                complain(r, text, key, NULL, "expected %s, found `%s`", key_type_text(KEY_INSTANT),
                         clip(text->text, clipped));
}

static void judge_contradictions(struct reading *r, struct draft *d, enum layer layer)
{
        struct job *j = &d->job;
        const struct node *at;

        if (j->policy->timeout_usec != USEC_INFINITY && j->policy->timeout_usec > j->policy->total_timeout_usec &&
            (at = blame(d, JOB_KEY_TIMEOUT, JOB_KEY_TOTAL_TIMEOUT)))
                complain(r, at, at == d->keys[JOB_KEY_TIMEOUT] ? "timeout" : "total_timeout", NULL,
                         "`timeout` is longer than `total_timeout`");

        if (j->policy->start.usec > j->policy->end.usec && (at = blame(d, JOB_KEY_START, JOB_KEY_END)))
                complain(r, at, at == d->keys[JOB_KEY_START] ? "start" : "end", NULL, "`end` is before `start`");

        if (own(d, JOB_KEY_MAX_CONCURRENT) && j->policy->concurrency != CONCURRENCY_ALLOW &&
            (layer == LAYER_JOB || own(d, JOB_KEY_CONCURRENCY)))
                complain(r, d->keys[JOB_KEY_MAX_CONCURRENT], "max_concurrent", NULL,
                         "`max_concurrent` needs `concurrency: allow`");

        if (own(d, JOB_KEY_CATCH_UP_LIMIT) && j->policy->catch_up != CATCH_UP_ALL &&
            (layer == LAYER_JOB || own(d, JOB_KEY_CATCH_UP)))
                complain(r, d->keys[JOB_KEY_CATCH_UP_LIMIT], "catch_up_limit", NULL,
                         "`catch_up_limit` needs `catch_up: all`");

        for (unsigned code = 0; j->policy->skip_codes && code < 256; code++) {
                bool success = j->policy->success_codes ? code_set_has(j->policy->success_codes, code) : code == 0;

                if (!success || !code_set_has(j->policy->skip_codes, code))
                        continue;
                at = blame(d, JOB_KEY_SUCCESS_CODES, JOB_KEY_SKIP_CODES);
                if (at)
                        complain(r, at, at == d->keys[JOB_KEY_SUCCESS_CODES] ? "success_codes" : "skip_codes", NULL,
                                 "exit code %u is in both `success_codes` and `skip_codes`%s", code,
                                 j->policy->success_codes ? "" : " (without `success_codes`, 0 is the success)");
                break;
        }

        if (layer == LAYER_JOB && j->command_is_argv && own(d, JOB_KEY_SHELL))
                complain(r, d->keys[JOB_KEY_SHELL], "shell", NULL,
                         "`shell` is for a `command` that is a text; a list is run without one");
}

static void judge_size(struct reading *r, const struct draft *d, const struct node *name)
{
        const struct job *j = &d->job;
        size_t n = 0;

        for (char **c = j->command; c && *c; c++)
                n += strlen(*c) + 1;
        for (uint32_t i = 0; i < j->n_env; i++)
                n += strlen(j->env[i].key) + strlen(j->env[i].value) + 2;
        n += j->policy->stdin_text ? strlen(j->policy->stdin_text) : 0;
        if (n > TEXT_MAX)
                complain(r, name, "command", NULL, "`command`, `env` and `stdin` together have more than 128 KiB");
}

static void judge_warnings(struct reading *r, const struct draft *d)
{
        const struct job *j = &d->job;
        const struct node *text = d->values[JOB_KEY_SCHEDULE];

        for (unsigned id = 0; id < job_keys.n; id++)
                if (!d->keys[JOB_KEY_SCHEDULE] && (job_keys.v[id].flags & KEY_SCHEDULED) && own(d, id))
                        warn_about(r, d->keys[id], job_keys.v[id].name, "`%s` is of no use without a `schedule`",
                                   job_keys.v[id].name);

        if (d->end && own(d, JOB_KEY_END) && j->policy->end.usec < r->opt->now.usec)
                warn_about(r, d->keys[JOB_KEY_END], "end", "`end` is in the past: there is no next instant");

        for (uint32_t i = 0; i < j->n_entries; i++) {
                const struct node *at = text->kind == NODE_LIST ? text->first : text;
                struct wall next;

                for (uint32_t k = 0; text->kind == NODE_LIST && k < i && at->next; k++)
                        at = at->next;
                if (j->entries[i].kind == CALENDAR_AT && !j->policy->blocked &&
                    calendar_next(&j->entries[i], j->policy->zone, WALL_SEC(0), r->opt->now, &next) < 0)
                        warn_about(r, at, "schedule", "`%s` is in the past", j->texts[i]);
        }
}

/* What was inherited and does not apply, so that the printed form holds no contradiction either. */
static void drop_idle(struct job *j)
{
        uint64_t set = j->policy->set_by_config | j->policy->set_by_file | j->policy->set_by_job;

        if (j->policy->concurrency != CONCURRENCY_ALLOW && (set & JOB_KEY_BIT(JOB_KEY_MAX_CONCURRENT)))
                job_reset_key(j, JOB_KEY_MAX_CONCURRENT);
        if (j->policy->catch_up != CATCH_UP_ALL && (set & JOB_KEY_BIT(JOB_KEY_CATCH_UP_LIMIT)))
                job_reset_key(j, JOB_KEY_CATCH_UP_LIMIT);
        if (j->command_is_argv && (set & JOB_KEY_BIT(JOB_KEY_SHELL)))
                job_reset_key(j, JOB_KEY_SHELL);
}

/* More than one line of command: the shell stops at the first that fails. */
static bool has_lines(const char *command)
{
        const char *end = strchr(command, '\n');

        return end && end[strspn(end, " \t\n")] != 0;
}

static void resolve_shell(struct reading *r, struct job *j)
{
        char **v;

        if (!j->policy->shell || !j->policy->shell_is_path || !j->command || !j->command[0])
                return;
        v = arena_alloc(&r->arena, 3 * sizeof(*v));
        if (!v) {
                r->oom = true;
                return;
        }
        v[0] = j->policy->shell[0];
        v[1] = has_lines(j->command[0]) ? (char *)"-ec" : (char *)"-c";
        j->policy->shell = v;
        j->policy->shell_is_path = false;
}

void draft_judge(struct reading *r, struct draft *d, const struct node *name, enum layer layer)
{
        judge_zone(r, d);
        judge_instant(r, d, d->start, "start", false, &d->job.policy->start);
        judge_instant(r, d, d->end, "end", true, &d->job.policy->end);
        judge_contradictions(r, d, layer);
        judge_days(r, d, name, layer);
        if (layer != LAYER_JOB)
                return;
        judge_size(r, d, name);
        judge_warnings(r, d);
        drop_idle(&d->job);
        resolve_shell(r, &d->job);
}
