/* From a list of names and patterns to jobs, in bounded pieces. */
#include <errno.h>
#include <fnmatch.h>

#include "base/util.h"
#include "control/private.h"

#define META "*?[\\" /* what makes a pattern of a name */

bool is_pattern(const char *name)
{
        return name[strcspn(name, META)] != '\0';
}

void scan_done(struct scan *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->patterns[i]);
        free(s->patterns);
        free(s->after);
        free(s->single);
        *s = (struct scan){ 0 };
}

int scan_init(struct scan *s, const json_t *list)
{
        size_t n = json_array_size(list);

        *s = (struct scan){ .exact = n > 0 };
        s->patterns = calloc(n + 1, sizeof(*s->patterns));
        if (!s->patterns)
                return -ENOMEM;
        for (; s->n < n; s->n++) {
                s->patterns[s->n] = strdup(json_string_value(json_array_get(list, s->n)));
                if (!s->patterns[s->n]) {
                        scan_done(s);
                        return -ENOMEM;
                }
                s->exact &= !is_pattern(s->patterns[s->n]);
        }
        if (n == 1 && !s->exact) {
                s->single = strndup(s->patterns[0], strcspn(s->patterns[0], META));
                if (!s->single) {
                        scan_done(s);
                        return -ENOMEM;
                }
        }
        return 0;
}

bool scan_match(const struct scan *s, const char *name)
{
        for (size_t i = 0; i < s->n; i++)
                if (fnmatch(s->patterns[i], name, 0) == 0)
                        return true;
        return s->n == 0;
}

/* Exact names: `after` is not needed, they are at most PARAM_LIST_MAX. */
static int step_exact(struct control *c, struct scan *s, bool (*each)(void *, const char *, const struct job_view *),
                      void *arg)
{
        for (size_t i = 0; i < s->n; i++) {
                struct job_view v;

                if (!engine_job_find(c->ctx.engine, s->patterns[i], &v))
                        v = (struct job_view){ 0 };
                if (!each(arg, s->patterns[i], &v))
                        break;
        }
        return 0;
}

int scan_step(struct control *c, struct scan *s, size_t budget,
              bool (*each)(void *, const char *, const struct job_view *), void *arg)
{
        size_t i, n, prefix = s->single ? strlen(s->single) : 0;
        struct job_view v;
        char *last;

        if (s->exact)
                return step_exact(c, s, each, arg);
        /* Patterns cost, too: many of them look at fewer jobs in one go. */
        budget = MAX(budget / (1 + s->n / 8), (size_t)16);
        n = engine_jobs(c->ctx.engine);
        i = s->after ? engine_job_lower_bound(c->ctx.engine, s->after)
            : prefix ? engine_job_lower_bound(c->ctx.engine, s->single)
                     : 0;
        if (i < n && s->after && engine_job_at(c->ctx.engine, i, &v) && streq(v.name, s->after))
                i++;
        for (; i < n && engine_job_at(c->ctx.engine, i, &v); i++) {
                bool more = true;

                if (prefix > 0 && strncmp(v.name, s->single, prefix) != 0)
                        return 0;
                if (scan_match(s, v.name))
                        more = each(arg, NULL, &v);
                if (--budget > 0 && more)
                        continue;
                last = strdup(v.name);
                if (!last)
                        return -ENOMEM;
                free(s->after);
                s->after = last;
                return i + 1 < n;
        }
        return 0;
}
