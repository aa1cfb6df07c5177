/* The questions: each is copied, run on the reader's thread, and delivered on the loop's.
 *
 * Every answer is bounded: at most LIMIT_MAX rows, found from the newest down.  Patterns are resolved to jobs first;
 * for a few jobs each one's runs are read through the index, for many of them the runs are filtered as they come. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "store/internal.h"

#define LIMIT_MAX 1000u
#define FEW_JOBS 16u           /* read each on its own */
#define PATTERN_SIZE_MAX 1024u /* a pattern costs by its length */

/* ---- runs */

struct runs_work {
        struct work work;
        struct run_filter filter;  /* owns its strings */
        void (*cb)(void *arg, struct run_list *list, const struct error *err);
        void *arg;
        uint64_t *jobs;            /* ids that the names and patterns mean, ascending */
        size_t n_jobs;
        struct run_list *list;
};

static void free_runs_work(struct work *work)
{
        struct runs_work *w = (struct runs_work *)work;

        for (char **p = w->filter.jobs; p && *p; p++)
                free(*p);
        free(w->filter.jobs);
        free(w->filter.user);
        free(w->jobs);
        run_list_free(w->list);
        free(w);
}

static void deliver_runs(struct work *work, const struct error *err)
{
        struct runs_work *w = (struct runs_work *)work;

        w->cb(w->arg, err ? NULL : TAKE_PTR(w->list), err);
        free_runs_work(work);
}

static int add_job(struct runs_work *w, uint64_t id, size_t *allocated)
{
        if (w->n_jobs == *allocated) {
                size_t n = MAX(2 * *allocated, (size_t)16);
                uint64_t *v = reallocarray(w->jobs, n, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                w->jobs = v;
                *allocated = n;
        }
        w->jobs[w->n_jobs++] = id;
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static bool is_pattern(const char *s)
{
        return strpbrk(s, "*?[\\") != NULL;
}

static bool matches(char *const *patterns, const char *name)
{
        for (char *const *p = patterns; *p; p++)
                if (is_pattern(*p) && fnmatch(*p, name, 0) == 0)
                        return true;
        return false;
}

static int find_patterns(struct runs_work *w, sqlite3 *db, size_t *allocated, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT id, name FROM job", -1, &st, NULL);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot read", reterr);
        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                const char *name = (const char *)sqlite3_column_text(st, 1);

                if (name && matches(w->filter.jobs, name) &&
                    add_job(w, (uint64_t)sqlite3_column_int64(st, 0), allocated) < 0)
                        return damaged_row(-ENOMEM, reterr);
        }
        return r == SQLITE_DONE ? 0 : db_error(db, r, "cannot read", reterr);
}

static int find_names(struct runs_work *w, sqlite3 *db, size_t *allocated, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT id FROM job WHERE name = ?", -1, &st, NULL);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot read", reterr);
        for (char **p = w->filter.jobs; *p; p++) {
                if (is_pattern(*p))
                        continue;
                (void)sqlite3_bind_text(st, 1, *p, -1, SQLITE_STATIC);
                r = sqlite3_step(st);
                if (r == SQLITE_ROW && add_job(w, (uint64_t)sqlite3_column_int64(st, 0), allocated) < 0)
                        return damaged_row(-ENOMEM, reterr);
                if (r != SQLITE_ROW && r != SQLITE_DONE)
                        return db_error(db, r, "cannot read", reterr);
                (void)sqlite3_reset(st);
        }
        return 0;
}

/* Names and patterns to ids. */
static int find_jobs(struct runs_work *w, sqlite3 *db, struct error *reterr)
{
        bool patterns = false;
        size_t allocated = 0, n = 0;
        int r;

        for (char **p = w->filter.jobs; *p; p++)
                patterns |= is_pattern(*p);
        r = find_names(w, db, &allocated, reterr);
        if (r == 0 && patterns)
                r = find_patterns(w, db, &allocated, reterr);
        if (r < 0 || w->n_jobs == 0)
                return r;
        qsort(w->jobs, w->n_jobs, sizeof(*w->jobs), compare_ids);
        for (size_t i = 0; i < w->n_jobs; i++)
                if (i == 0 || w->jobs[i] != w->jobs[n - 1])
                        w->jobs[n++] = w->jobs[i];
        w->n_jobs = n;
        return 0;
}

/* SQL's wanted(job). */
static void wanted(sqlite3_context *ctx, int n, sqlite3_value **v)
{
        const struct runs_work *w = sqlite3_user_data(ctx);
        uint64_t id = (uint64_t)sqlite3_value_int64(v[0]);

        sqlite3_result_int(ctx, bsearch(&id, w->jobs, w->n_jobs, sizeof(*w->jobs), compare_ids) != NULL);
}

enum { P_BEFORE = 1, P_JOB, P_STATES, P_TRIGGER, P_USER, P_SINCE, P_UNTIL, P_RUN, P_OWNER };

#define STATES_FAILED (RUN_BIT(RUN_FAILED) | RUN_BIT(RUN_TIMED_OUT) | RUN_BIT(RUN_LOST) | RUN_BIT(RUN_MISSED))
#define STATES_UNFINISHED                                                                                              \
        (RUN_BIT(RUN_WAITING) | RUN_BIT(RUN_QUEUED) | RUN_BIT(RUN_STARTING) | RUN_BIT(RUN_RUNNING) |                   \
         RUN_BIT(RUN_BACKOFF))

/* Nothing but these: then there is an index of them. */
static bool only(uint32_t states, uint32_t of)
{
        return states != 0 && (states & ~of) == 0;
}

/* The filter's conditions; `by_job`: of one job, by the index. */
static char *filter_sql(const struct runs_work *w, bool by_job)
{
        const struct run_filter *f = &w->filter;
        sqlite3_str *s = sqlite3_str_new(NULL);
        char *rest, *sql = NULL;

        if (by_job)
                sqlite3_str_appendall(s, "INDEXED BY run_job ");
        else if (f->run == 0 && (f->failed || only(f->states, STATES_FAILED)))
                sqlite3_str_appendall(s, "INDEXED BY run_failed ");
        else if (f->run == 0 && only(f->states, STATES_UNFINISHED))
                sqlite3_str_appendall(s, "INDEXED BY run_unfinished ");
        sqlite3_str_appendall(s, "WHERE 1");
        if (f->run != 0)
                sqlite3_str_appendf(s, " AND run.id = ?%d", P_RUN);
        if (f->before != 0)
                sqlite3_str_appendf(s, " AND run.id < ?%d", P_BEFORE);
        if (by_job)
                sqlite3_str_appendf(s, " AND run.job = ?%d", P_JOB);
        else if (f->jobs)
                sqlite3_str_appendall(s, " AND wanted(run.job)");
        if (f->states != 0)
                sqlite3_str_appendf(s, " AND (?%d >> run.state & 1)", P_STATES);
        if (f->failed || only(f->states, STATES_FAILED))
                sqlite3_str_appendall(s, " AND " SQL_FAILED);
        else if (only(f->states, STATES_UNFINISHED))
                sqlite3_str_appendall(s, " AND " SQL_UNFINISHED);
        if (f->trigger >= 0)
                sqlite3_str_appendf(s, " AND run.\"trigger\" = ?%d", P_TRIGGER);
        if (f->user && f->unnamed_user)
                sqlite3_str_appendf(s, " AND (run.user = ?%d OR run.user IS NULL)", P_USER);
        else if (f->user)
                sqlite3_str_appendf(s, " AND run.user = ?%d", P_USER);
        if (f->since.usec != 0)
                sqlite3_str_appendf(s, " AND coalesce(scheduled_at, created_at) >= ?%d", P_SINCE);
        if (f->until.usec != 0 && !wall_is_never(f->until))
                sqlite3_str_appendf(s, " AND coalesce(scheduled_at, created_at) <= ?%d", P_UNTIL);
        if (f->see_own)
                sqlite3_str_appendf(s, " AND (SELECT owner FROM job WHERE id = run.job) = ?%d", P_OWNER);
        sqlite3_str_appendall(s, " ORDER BY run.id DESC");
        rest = sqlite3_str_finish(s);
        if (rest)
                sql = sql_select_runs(rest);
        sqlite3_free(rest);
        return sql;
}

static int prepare_filter(struct runs_work *w, sqlite3 *db, bool by_job, sqlite3_stmt **ret, struct error *reterr)
{
        const struct run_filter *f = &w->filter;
        const struct words *words = &w->work.store->words;
        char *sql = filter_sql(w, by_job);
        sqlite3_stmt *st = NULL;
        int r = sql ? sqlite3_prepare_v2(db, sql, -1, &st, NULL) : SQLITE_NOMEM;

        sqlite3_free(sql);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot read", reterr);
        /* Parameters that the statement does not have answer SQLITE_RANGE. */
        (void)sqlite3_bind_int64(st, P_BEFORE, (int64_t)f->before);
        (void)sqlite3_bind_int64(st, P_STATES, words_state_bits(words, f->states));
        (void)sqlite3_bind_int(st, P_TRIGGER, f->trigger >= 0 ? words->code[WORD_TRIGGER][f->trigger % WORD_MAX] : 0);
        (void)sqlite3_bind_text(st, P_USER, f->user, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(st, P_SINCE, f->since.usec);
        (void)sqlite3_bind_int64(st, P_UNTIL, f->until.usec);
        (void)sqlite3_bind_int64(st, P_RUN, (int64_t)f->run);
        (void)sqlite3_bind_int64(st, P_OWNER, f->uid);
        *ret = st;
        return 0;
}

static int newest_first(const void *a, const void *b)
{
        uint64_t x = ((const struct run_info *)a)->id, y = ((const struct run_info *)b)->id;

        return (x < y) - (x > y);
}

/* Each of a few jobs by its own index, one over the limit of each, then the newest of all. */
static int select_by_job(struct runs_work *w, sqlite3 *db, struct collector *c, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = prepare_filter(w, db, true, &st, reterr);
        for (size_t i = 0; r == 0 && i < w->n_jobs; i++) {
                (void)sqlite3_bind_int64(st, P_JOB, (int64_t)w->jobs[i]);
                r = collect_runs(db, st, &w->work.store->words, c->n + w->filter.limit + 1, c, reterr);
                (void)sqlite3_reset(st);
        }
        if (r == 0 && c->n > 0)
                qsort(c->v, c->n, sizeof(*c->v), newest_first);
        return r;
}

static int select_all(struct runs_work *w, sqlite3 *db, struct collector *c, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_create_function(db, "wanted", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, w, wanted, NULL, NULL);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot read", reterr);
        r = prepare_filter(w, db, false, &st, reterr);
        return r < 0 ? r : collect_runs(db, st, &w->work.store->words, w->filter.limit + 1, c, reterr);
}

static int run_runs(struct work *work, sqlite3 *db, struct error *reterr)
{
        struct runs_work *w = (struct runs_work *)work;
        struct collector c = { 0 };
        int r = 0;

        w->list = calloc(1, sizeof(*w->list));
        if (!w->list)
                return -ENOMEM;
        if (w->filter.jobs) {
                r = find_jobs(w, db, reterr);
                if (r < 0 || w->n_jobs == 0)
                        return r;
        }
        r = w->filter.jobs && w->n_jobs <= FEW_JOBS ? select_by_job(w, db, &c, reterr) : select_all(w, db, &c, reterr);
        if (r == 0) {
                w->list->more = c.n > w->filter.limit;
                w->list->n = MIN(c.n, (size_t)w->filter.limit);
                r = collector_finish(&c, w->list->n, &w->list->v);
        }
        collector_done(&c);
        return r;
}

static char **copy_strings(char *const *v)
{
        size_t n = 0;
        char **copy;

        while (v[n])
                n++;
        copy = calloc(n + 1, sizeof(*copy));
        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = strdup(v[i]);
                if (!copy[i]) {
                        while (i-- > 0)
                                free(copy[i]);
                        free(copy);
                        return NULL;
                }
        }
        return copy;
}

int store_query_runs(struct store *s, const struct run_filter *filter,
                     void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg)
{
        struct runs_work *w;

        for (char **p = filter->jobs; p && *p; p++)
                if (strlen(*p) > PATTERN_SIZE_MAX)
                        return -EINVAL;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->work = (struct work){ .run = run_runs, .deliver = deliver_runs, .needs_db = true };
        w->filter = *filter;
        w->filter.jobs = NULL;
        w->filter.user = NULL;
        w->filter.limit = filter->limit > 0 ? MIN(filter->limit, LIMIT_MAX) : LIMIT_MAX;
        w->cb = cb;
        w->arg = arg;
        if (filter->jobs)
                w->filter.jobs = copy_strings(filter->jobs);
        if (filter->user)
                w->filter.user = strdup(filter->user);
        if ((filter->jobs && !w->filter.jobs) || (filter->user && !w->filter.user)) {
                free_runs_work(&w->work);
                return -ENOMEM;
        }
        return reader_ask(s, &w->work);
}
