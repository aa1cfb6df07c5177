/* The keys `exclude`, `move` and `dst`: what stands there, and how it goes together. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "calendar/civil.h"
#include "calendar/timeparse.h"
#include "jobfile/diag.h"
#include "jobfile/draft.h"

#define EXCLUDES_MAX 1000

/* `2026-12-24`, of which `n` characters are the date. */
static bool read_date(const char *t, size_t n, int32_t *ret)
{
        char date[11];
        struct wall at;

        if (n != 10)
                return false;
        memcpy(date, t, n);
        date[n] = 0;
        if (instant_parse(date, tz_utc(), false, &at, NULL) < 0)
                return false;
        *ret = (int32_t)floor_div(wall_sec(at), SEC_PER_DAY);
        return true;
}

const char *dates_read(const char *t, struct day_range *ret)
{
        const char *dots = strstr(t, "..");

        if (!read_date(t, dots ? (size_t)(dots - t) : strlen(t), &ret->first) ||
            (dots && !read_date(dots + 2, strlen(dots + 2), &ret->last)))
                return "expected a date such as 2026-12-24, or a range of them such as 2026-12-24..2027-01-06";
        if (!dots)
                ret->last = ret->first;
        return ret->last < ret->first ? "the range runs backwards" : NULL;
}

/* What is drawn would be drawn for no job in particular. */
static bool is_drawn(const char *t, const struct calendar *c)
{
        struct calendar_draw draw = calendar_draw_of("another", 1);
        struct calendar other;

        return calendar_parse(t, &draw, &other, NULL) == 0 && memcmp(c, &other, sizeof(other)) != 0;
}

static bool read_expression(struct reading *r, const struct node *at, const char *t, struct calendar *ret)
{
        struct calendar_error why = { 0 };
        char clipped[CLIP_SIZE];

        if (calendar_parse(t, NULL, ret, &why) < 0)
                complain(r, at, "exclude", NULL, "`%s`, at character %zu: %s", clip(t, clipped), why.position + 1,
                         why.message);
        else if (ret->kind != CALENDAR_FIELDS || ret->has_seconds || *t == '@')
                complain(r, at, "exclude", NULL,
                         "expected an expression of five fields (minute hour day-of-month month day-of-week), found `%s`",
                         clip(t, clipped));
        else if (is_drawn(t, ret))
                complain(r, at, "exclude", NULL, "`H` and `~` can't stand here: `%s`", clip(t, clipped));
        else if (calendar_never(ret))
                complain(r, at, "exclude", NULL, "`%s` never matches any day", clip(t, clipped));
        else
                return true;
        return false;
}

static bool read_entry(struct reading *r, const struct node *at, struct exclude *ret)
{
        const char *t = read_line(r, "exclude", at, "a calendar, a date, a range or an expression"), *wrong;
        char clipped[CLIP_SIZE];

        if (!t)
                return false;
        *ret = (struct exclude){ .text = (char *)t };
        if (strchr(t, ' ') || *t == '*' || *t == '@') {
                ret->kind = EXCLUDE_EXPRESSION;
                return read_expression(r, at, t, &ret->expression);
        }
        if (isdigit((unsigned char)*t)) {
                ret->kind = EXCLUDE_DATES;
                wrong = dates_read(t, &ret->dates);
                if (wrong)
                        complain(r, at, "exclude", NULL, "%s, found `%s`", wrong, clip(t, clipped));
                return !wrong;
        }
        ret->kind = EXCLUDE_CALENDAR;
        wrong = name_wrong(t);
        if (wrong)
                complain(r, at, "exclude", NULL, "expected %s, found `%s`", key_type_text(KEY_EXCLUDE), clip(t, clipped));
        return !wrong;
}

void apply_exclude(struct reading *r, struct job *j, const struct node *value)
{
        size_t count = value->kind == NODE_LIST ? value->size : 1;
        struct exclude *v;
        uint32_t n = 0;

        if (value->kind == NODE_MAP || count == 0 || count > EXCLUDES_MAX) {
                complain(r, value, "exclude", NULL,
                         value->kind == NODE_MAP ? "expected %s, found a map" :
                         count == 0              ? "the list is empty: expected %s" :
                                                   "too many: expected at most 1000 of %s",
                         key_type_text(KEY_EXCLUDE));
                return;
        }
        v = arena_alloc(&r->arena, count * sizeof(*v));
        if (!v) {
                r->oom = true;
                return;
        }
        for (const struct node *i = value->kind == NODE_LIST ? value->first : value; i;
             i = value->kind == NODE_LIST ? i->next : NULL)
                if (read_entry(r, i, &v[n]))
                        n++;
        j->policy->exclude = v;
        j->policy->n_exclude = n;
}

/* Given in this layer, and not to take a default back. */
static bool own(const struct draft *d, unsigned id)
{
        return d->keys[id] && !node_is_null(d->values[id]);
}

static void unknown_calendar(struct reading *r, struct draft *d, const struct node *name, const char *calendar,
                             const char *why)
{
        char message[CLIP_SIZE + 64], clipped[CLIP_SIZE];
        struct job_policy *p = d->job.policy;

        (void)snprintf(message, sizeof(message), "%s `%s`", why, clip(calendar, clipped));
        if (r->opt->blocked_is_error) {
                if (own(d, JOB_KEY_EXCLUDE))
                        complain(r, d->values[JOB_KEY_EXCLUDE], "exclude", NULL, "%s", message);
                else if (d->name && p->set_by_config & JOB_KEY_BIT(JOB_KEY_EXCLUDE))
                        complain(r, name, "exclude", "it stands in the configuration's `defaults`", "%s", message);
                return;
        }
        if (p->blocked)
                return;
        p->blocked = arena_copy(&r->arena, message, strlen(message));
        if (!p->blocked)
                r->oom = true;
}

/* The names of calendars get their days.  (The entries may be those of the defaults, which many jobs share.) */
static void find_calendars(struct reading *r, struct draft *d, const struct node *name)
{
        const struct calendar_source *calendars = r->opt->calendars;
        struct job_policy *p = d->job.policy;
        const char *why = "";
        struct exclude *v;

        if (!calendars || p->n_exclude == 0)
                return;
        v = arena_alloc(&r->arena, p->n_exclude * sizeof(*v));
        if (!v) {
                r->oom = true;
                return;
        }
        memcpy(v, p->exclude, p->n_exclude * sizeof(*v));
        for (uint32_t i = 0; i < p->n_exclude; i++) {
                if (v[i].kind != EXCLUDE_CALENDAR)
                        continue;
                v[i].set = calendars->find(calendars->arg, v[i].text, &why);
                if (!v[i].set)
                        unknown_calendar(r, d, name, v[i].text, why);
        }
        p->exclude = v;
}

static bool any_with_time(const struct job *j)
{
        for (uint32_t i = 0; i < j->n_entries; i++)
                if (j->entries[i].kind != CALENDAR_REBOOT && j->entries[i].kind != CALENDAR_AFTER)
                        return true;
        return false;
}

static void warn_about_nothing(struct reading *r, const struct draft *d)
{
        struct schedule s = job_schedule(&d->job), plain = s;
        const struct wall always = { INT64_MIN };
        struct wall t;

        plain.days = (struct schedule_days){ 0 };
        if (own(d, JOB_KEY_EXCLUDE) && !d->job.policy->blocked && schedule_next(&plain, r->opt->now, always, &t) == 0 &&
            schedule_next(&s, r->opt->now, always, &t) < 0)
                warn_about(r, d->keys[JOB_KEY_EXCLUDE], "exclude", "`exclude` leaves nothing of the schedule: it never runs");
}

void judge_days(struct reading *r, struct draft *d, const struct node *name, enum layer layer)
{
        struct job *j = &d->job;
        struct job_policy *p = j->policy;

        if (own(d, JOB_KEY_MOVE) && p->n_exclude == 0 && (layer == LAYER_JOB || own(d, JOB_KEY_EXCLUDE)) &&
            r->errors->n == 0)
                complain(r, d->keys[JOB_KEY_MOVE], "move", NULL, "`move` needs `exclude`: it says where excluded instants go");
        find_calendars(r, d, name);
        if (layer != LAYER_JOB)
                return;
        for (uint32_t i = 0; p->dst == DAYS_DST_WALL && i < j->n_entries; i++)
                calendar_set_wall(&j->entries[i]);
        if (own(d, JOB_KEY_MOVE) && j->n_entries > 0 && !any_with_time(j))
                complain(r, d->keys[JOB_KEY_MOVE], "move", NULL,
                         "`move` has nothing to move: @reboot and @after have no time of day");
        if (p->n_exclude == 0 || (j->n_entries > 0 && !any_with_time(j)))
                p->move = DAYS_MOVE_NONE;
        if (p->n_exclude > 0 && j->n_entries > 0 && r->errors->n == 0)
                warn_about_nothing(r, d);
}
