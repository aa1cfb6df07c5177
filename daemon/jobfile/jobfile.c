/* A whole job file: its top, `defaults`, and the jobs. */
#include "jobfile/jobfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "jobfile/diag.h"
#include "jobfile/draft.h"
#include "jobfile/keys.h"

#define JOBS_MAX 10000 /* of one file */

struct top {
        const struct node *defaults, *jobs;
        bool has_defaults;
};

static void unknown_top_key(struct reading *r, const struct node *key, const char *name)
{
        static const struct key top_keys[] = {
                { .name = "defaults", .parent = 2, .near = "default", .help = "" },
                { .name = "jobs", .parent = 2, .near = "job tasks crons", .help = "" },
        };
        char hint[HINT_SIZE], clipped[CLIP_SIZE];
        const char *h = keys_hint((struct keys){ top_keys, ARRAY_SIZE(top_keys) }, ARRAY_SIZE(top_keys), name, hint);

        if (!h && (keys_find(job_keys, JOB_KEY_NR, name) >= 0 || streq(name, "name")))
                h = "a job stands under `jobs:` and its name";
        complain(r, key, name, h, "unknown key `%s`: a file holds `defaults` and `jobs`", clip(name, clipped));
}

static void read_top(struct reading *r, const struct node *root, struct top *top)
{
        const struct node *schema = NULL;

        for (const struct node *k = root ? root->first : NULL; k; k = k->next->next) {
                const char *name = key_name(r, k);
                const struct node **place;

                if (!name)
                        continue;
                place = streq(name, "defaults")  ? &top->defaults
                        : streq(name, "jobs")    ? &top->jobs
                        : streq(name, "$schema") ? &schema
                                                 : NULL;
                if (!place)
                        unknown_top_key(r, k, name);
                else if (*place)
                        complain(r, k, name, NULL, "`%s` stands here a second time", name);
                else
                        *place = k->next;
        }
        if (top->defaults && !want_map(r, "defaults", top->defaults))
                top->defaults = NULL;
        if (top->jobs && !want_map(r, "jobs", top->jobs))
                top->jobs = NULL;
        top->has_defaults = top->defaults && top->defaults->size > 0;
}

/* Job names are unique in their file; read_pairs() is not used here because jobs keep the file's order. */
static int compare_names(const void *a, const void *b)
{
        const struct node *const *x = a, *const *y = b;
        int c = strcmp((*x)->text, (*y)->text);

        return c != 0                     ? c
               : (*x)->line != (*y)->line ? ((*x)->line < (*y)->line ? -1 : 1)
                                          : ((*x)->column < (*y)->column ? -1 : 1);
}

static void refuse_duplicates(struct reading *r, const struct node **names, size_t n)
{
        char clipped[CLIP_SIZE];
        size_t first = 0;

        if (n > 1)
                qsort(names, n, sizeof(*names), compare_names);
        for (size_t i = 1; i < n; i++) {
                if (streq(names[first]->text, names[i]->text))
                        complain(r, names[i], names[i]->text, NULL,
                                 "the job `%s` stands here a second time; the first is in line %u",
                                 clip(names[i]->text, clipped), names[first]->line);
                else
                        first = i;
        }
}

/* Whether an unknown key of the job looks like the one that is missing; then that is said already. */
static bool command_misspelt(const struct node *map)
{
        char hint[HINT_SIZE];

        for (const struct node *k = map->first; k; k = k->next->next) {
                const char *h;

                if (k->kind != NODE_SCALAR)
                        return true;
                if (keys_find(job_keys, JOB_KEY_NR, k->text) >= 0)
                        continue;
                h = keys_hint(job_keys, JOB_KEY_NR, k->text, hint);
                if (h && strstr(h, "`command`"))
                        return true;
        }
        return false;
}

/* NULL: the file has errors, or memory ran out. */
static struct job *read_job(struct reading *r, const struct node *name, const struct draft *defaults, struct draft *d,
                            struct job_source *source, struct buf *scratch)
{
        const struct node *map = name->next;
        const char *wrong = name_wrong(name->text);
        char clipped[CLIP_SIZE];
        struct job *j;

        if (wrong)
                complain(r, name, name->text, NULL, "%s", wrong);
        if (!want_map(r, clip(name->text, clipped), map))
                return NULL;
        draft_copy(d, &defaults->job);
        d->name = name->text;
        d->start = defaults->start;
        d->end = defaults->end;
        draft_apply(r, d, map, LAYER_JOB);
        if (!d->keys[JOB_KEY_COMMAND] && !r->partial && !command_misspelt(map))
                complain(r, name, "command", NULL, "the job `%s` has no `command`", clip(name->text, clipped));
        draft_judge(r, d, name, LAYER_JOB);
        if (r->oom || r->errors->n > 0) /* of this job or another: the file gives none */
                return NULL;
        j = draft_pack(d, name->text, source, name->line, scratch);
        if (!j)
                r->oom = true;
        return j;
}

static void read_jobs(struct reading *r, const struct node *map, const struct draft *defaults,
                      struct job_source *source, struct jobfile *f)
{
        struct draft *d = arena_alloc(&r->arena, sizeof(*d));
        const struct node **names = arena_alloc(&r->arena, (map->size + 1) * sizeof(*names));
        struct buf scratch = { 0 };
        size_t n = 0;

        if (map->size > JOBS_MAX) {
                complain(r, map, "jobs", "divide them over several files",
                         "%u jobs are too many for a file: at most %u", map->size, JOBS_MAX);
                return;
        }
        f->jobs = map->size > 0 ? calloc(map->size, sizeof(*f->jobs)) : NULL;
        if (!d || !names || (map->size > 0 && !f->jobs)) {
                r->oom = true;
                return;
        }
        for (const struct node *k = map->first; k && !r->oom; k = k->next->next) {
                const char *name = key_name(r, k);
                struct job *j;

                if (!name)
                        continue;
                names[n++] = k;
                j = read_job(r, k, defaults, d, source, &scratch);
                if (j)
                        f->jobs[f->n_jobs++] = j;
        }
        refuse_duplicates(r, names, n);
        buf_done(&scratch);
}

static int read_file(struct reading *r, const char *text, size_t size, struct job_source *source, struct jobfile *f)
{
        const struct node *root = NULL;
        struct top top = { 0 };
        struct draft *defaults;
        int k = reading_open(r, text, size, &root);

        if (k < 0)
                return k;
        read_top(r, root, &top);
        defaults = arena_alloc(&r->arena, sizeof(*defaults));
        if (!defaults || !job_built_in()) {
                r->oom = true;
                return -ENOMEM;
        }
        draft_init(defaults, r->opt->defaults);
        if (top.defaults) {
                draft_apply(r, defaults, top.defaults, LAYER_FILE);
                draft_judge(r, defaults, top.defaults, LAYER_FILE);
        }
        if (top.jobs)
                read_jobs(r, top.jobs, defaults, source, f);
        if ((!top.jobs || top.jobs->size == 0) && !top.has_defaults && r->errors->n == 0 && !r->oom &&
            diagnostics_add(r->errors, 0, 0, "jobs", NULL, "the file is empty: there is no job in it, and no default") <
                    0)
                r->oom = true;
        return 0;
}

int jobfile_parse(const char *text, size_t size, struct job_source *source, const struct jobfile_options *opt,
                  struct jobfile *ret)
{
        struct jobfile f = { 0 };
        struct reading r = { .opt = opt, .errors = &f.errors, .warnings = &f.warnings };

        (void)read_file(&r, text, size, source, &f);
        r.oom = r.oom || r.arena.failed;
        reading_done(&r);
        if (r.oom) {
                jobfile_done(&f);
                return -ENOMEM;
        }
        if (f.errors.n > 0) {
                for (size_t i = 0; i < f.n_jobs; i++)
                        job_unref(f.jobs[i]);
                free(f.jobs);
                f.jobs = NULL;
                f.n_jobs = 0;
        }
        diagnostics_sort(&f.errors);
        diagnostics_sort(&f.warnings);
        *ret = f;
        return f.errors.n > 0 ? -EINVAL : 0;
}

void jobfile_done(struct jobfile *f)
{
        for (size_t i = 0; i < f->n_jobs; i++)
                job_unref(f->jobs[i]);
        free(f->jobs);
        diagnostics_done(&f->errors);
        diagnostics_done(&f->warnings);
        *f = (struct jobfile){ 0 };
}

int job_read(const char *text, size_t size, const struct zone_source *zones, uint64_t machine,
             struct job_source *source, struct job **ret)
{
        struct jobfile_options opt = { .zones = zones, .machine = machine };
        struct jobfile f;
        int r = jobfile_parse(text, size, source, &opt, &f);

        if (r == 0 && f.n_jobs != 1)
                r = -EINVAL;
        if (r == 0)
                *ret = job_ref(f.jobs[0]);
        if (r != -ENOMEM)
                jobfile_done(&f);
        return r;
}
