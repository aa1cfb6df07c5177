/* The questions about one run, one instant, one file, and the newest run of each job. */
#include <errno.h>

#include "store/internal.h"

#define INSTANT_ROWS_MAX 100u   /* rows that cover one instant: after steps of the clock more than one */
#define INSTANT_SCAN_MAX 1000000u
#define TRANSITIONS_MAX 100000u

static int step_failed(sqlite3 *db, int r, struct error *reterr)
{
        return db_error(db, r, "cannot read", reterr);
}

/* ---- one run with its story */

struct run_work {
        struct work work;
        uint64_t run;
        void (*cb)(void *arg, struct run_detail *d, const struct error *err);
        void *arg;
        struct run_detail *detail;
};

/* A detail and what its run's strings lie in. */
struct detail_box {
        struct run_detail detail;
        struct run_info *strings;
};

void run_detail_free(struct run_detail *d)
{
        struct detail_box *box = (struct detail_box *)d;

        if (!d)
                return;
        free(box->strings);
        free(d->transitions);
        free(d->definition);
        free(box);
}

static void free_run_work(struct work *work)
{
        struct run_work *w = (struct run_work *)work;

        run_detail_free(w->detail);
        free(w);
}

static void deliver_run(struct work *work, const struct error *err)
{
        struct run_work *w = (struct run_work *)work;

        w->cb(w->arg, err ? NULL : TAKE_PTR(w->detail), err);
        free_run_work(work);
}

static int read_transitions(struct run_work *w, sqlite3 *db, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        struct run_detail *d = w->detail;
        size_t allocated = 0;
        int r;

        r = sqlite3_prepare_v2(
                db,
                "SELECT at, state, reason, start, wait_status, stage, error FROM transition WHERE run = ? ORDER BY n",
                -1, &st, NULL);
        if (r != SQLITE_OK)
                return step_failed(db, r, reterr);
        (void)sqlite3_bind_int64(st, 1, (int64_t)w->run);
        while (d->n_transitions < TRANSITIONS_MAX && (r = sqlite3_step(st)) == SQLITE_ROW) {
                struct transition t;
                int e = columns_read(st, 0, &w->work.store->words, transition_columns, n_transition_columns, &t);

                if (e < 0)
                        return damaged_row(e, reterr);
                if (d->n_transitions == allocated) {
                        size_t n = MAX(2 * allocated, (size_t)8);
                        struct run_transition *v = reallocarray(d->transitions, n, sizeof(*v));

                        if (!v)
                                return -ENOMEM;
                        d->transitions = v;
                        allocated = n;
                }
                d->transitions[d->n_transitions++] = (struct run_transition){
                        .at = t.at,
                        .state = t.state,
                        .reason = t.reason,
                        .start = t.start,
                        .wait_status = t.wait_status,
                        .stage = t.stage,
                        .error = t.error,
                };
        }
        return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : step_failed(db, r, reterr);
}

static int read_definition(struct run_work *w, sqlite3 *db, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT text FROM definition WHERE digest = ?", -1, &st, NULL);
        if (r != SQLITE_OK)
                return step_failed(db, r, reterr);
        (void)sqlite3_bind_blob(st, 1, w->detail->run.digest, sizeof(w->detail->run.digest), SQLITE_STATIC);
        r = sqlite3_step(st);
        if (r == SQLITE_ROW) {
                const char *text = sqlite3_column_blob(st, 0);

                w->detail->definition = strndup(text ? text : "", (size_t)sqlite3_column_bytes(st, 0));
                return w->detail->definition ? 0 : -ENOMEM;
        }
        return r == SQLITE_DONE ? 0 : step_failed(db, r, reterr);
}

static int read_the_run(struct run_work *w, sqlite3 *db, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        struct detail_box *box = (struct detail_box *)w->detail;
        struct collector c = { 0 };
        int r;

        r = prepare_runs(db, "WHERE id = ?", &st, reterr);
        if (r < 0)
                return r;
        (void)sqlite3_bind_int64(st, 1, (int64_t)w->run);
        r = collect_runs(db, st, &w->work.store->words, 1, &c, reterr);
        if (r == 0 && c.n == 1) {
                r = collector_finish(&c, 1, &box->strings);
                if (r == 0)
                        w->detail->run = box->strings[0];
        }
        collector_done(&c);
        return r;
}

static int run_run(struct work *work, sqlite3 *db, struct error *reterr)
{
        struct run_work *w = (struct run_work *)work;
        struct detail_box *box = calloc(1, sizeof(*box));
        int r;

        if (!box)
                return -ENOMEM;
        w->detail = &box->detail;
        r = read_the_run(w, db, reterr);
        if (r == 0 && w->detail->run.id != 0) {
                r = read_transitions(w, db, reterr);
                if (r == 0)
                        r = read_definition(w, db, reterr);
        }
        return r;
}

int store_query_run(struct store *s, uint64_t run, void (*cb)(void *arg, struct run_detail *d, const struct error *err),
                    void *arg)
{
        struct run_work *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->work = (struct work){ .run = run_run, .deliver = deliver_run, .needs_db = true };
        w->run = run;
        w->cb = cb;
        w->arg = arg;
        return reader_ask(s, &w->work);
}

/* ---- lists: the newest of each job, those around an instant */

struct list_work {
        struct work work;
        char *names;         /* NUL-terminated, one after the other */
        size_t n;
        struct wall at;
        void (*cb)(void *arg, struct run_list *list, const struct error *err);
        void *arg;
        struct run_list *list;
};

static void free_list_work(struct work *work)
{
        struct list_work *w = (struct list_work *)work;

        free(w->names);
        run_list_free(w->list);
        free(w);
}

static void deliver_list(struct work *work, const struct error *err)
{
        struct list_work *w = (struct list_work *)work;

        w->cb(w->arg, err ? NULL : TAKE_PTR(w->list), err);
        free_list_work(work);
}

static int finish_list(struct list_work *w, struct collector *c)
{
        w->list = calloc(1, sizeof(*w->list));
        if (!w->list)
                return -ENOMEM;
        w->list->n = c->n;
        return collector_finish(c, c->n, &w->list->v);
}

static int ask_list(struct store *s, int (*run)(struct work *w, sqlite3 *db, struct error *reterr),
                    const char *const *names, size_t n, struct wall at,
                    void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg)
{
        struct list_work *w = calloc(1, sizeof(*w));
        size_t size = 1;
        char *p;

        for (size_t i = 0; i < n; i++)
                size += strlen(names[i]) + 1;
        p = malloc(size);
        if (!w || !p) {
                free(w);
                free(p);
                return -ENOMEM;
        }
        w->work = (struct work){ .run = run, .deliver = deliver_list, .needs_db = true };
        w->names = p;
        w->n = n;
        w->at = at;
        w->cb = cb;
        w->arg = arg;
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, names[i]) + 1;
        return reader_ask(s, &w->work);
}

static int run_last(struct work *work, sqlite3 *db, struct error *reterr)
{
        struct list_work *w = (struct list_work *)work;
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        struct collector c = { 0 };
        const char *name = w->names;
        int r;

        r = prepare_runs(
                db,
                "INDEXED BY run_job WHERE run.job = (SELECT id FROM job WHERE name = ?) AND NOT " SQL_UNFINISHED
                " ORDER BY run.id DESC LIMIT 1",
                &st, reterr);
        for (size_t i = 0; r == 0 && i < w->n; i++, name += strlen(name) + 1) {
                (void)sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
                r = collect_runs(db, st, &work->store->words, i + 1, &c, reterr);
                (void)sqlite3_reset(st);
                if (r == 0 && c.n == i)
                        r = collector_add(&c, &(struct run_info){ .id = 0 });
        }
        if (r == 0)
                r = finish_list(w, &c);
        collector_done(&c);
        return r;
}

int store_query_last(struct store *s, const char *const *names, size_t n,
                     void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg)
{
        return ask_list(s, run_last, names, n, WALL_NEVER, cb, arg);
}

/* What is nearest to the instant so far. */
struct around {
        uint64_t before, after; /* runs, 0: none */
        int64_t before_at, after_at;
        uint64_t covering[INSTANT_ROWS_MAX];
        size_t n;
};

static void judge_instant(struct around *a, uint64_t id, int64_t from, int64_t to, int64_t at)
{
        if (from <= at && at <= to) {
                if (a->n < INSTANT_ROWS_MAX)
                        a->covering[a->n++] = id;
        } else if (to < at && (a->before == 0 || to > a->before_at)) {
                a->before = id;
                a->before_at = to;
        } else if (from > at && (a->after == 0 || from <= a->after_at)) {
                a->after = id;
                a->after_at = from;
        }
}

static int find_around(struct list_work *w, sqlite3 *db, struct around *a, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        unsigned n = 0;
        int r;

        r = sqlite3_prepare_v2(
                db,
                "SELECT id, scheduled_at, coalesce(scheduled_until, scheduled_at) FROM run INDEXED BY run_job"
                " WHERE job = (SELECT id FROM job WHERE name = ?) AND scheduled_at IS NOT NULL ORDER BY id DESC",
                -1, &st, NULL);
        if (r != SQLITE_OK)
                return step_failed(db, r, reterr);
        (void)sqlite3_bind_text(st, 1, w->names, -1, SQLITE_STATIC);
        while (n++ < INSTANT_SCAN_MAX && (r = sqlite3_step(st)) == SQLITE_ROW)
                judge_instant(a, (uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                              sqlite3_column_int64(st, 2), w->at.usec);
        return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : step_failed(db, r, reterr);
}

static int run_instant(struct work *work, sqlite3 *db, struct error *reterr)
{
        struct list_work *w = (struct list_work *)work;
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        struct around a = { 0 };
        struct collector c = { 0 };
        uint64_t ids[INSTANT_ROWS_MAX + 2];
        size_t n = 0;
        int r;

        r = find_around(w, db, &a, reterr);
        if (r == 0)
                r = prepare_runs(db, "WHERE id = ?", &st, reterr);
        /* Newest instant first: the one after, those that cover it, the one before. */
        if (a.after != 0 && a.n == 0)
                ids[n++] = a.after;
        for (size_t i = 0; i < a.n; i++)
                ids[n++] = a.covering[i];
        if (a.before != 0 && a.n == 0)
                ids[n++] = a.before;
        for (size_t i = 0; r == 0 && i < n; i++) {
                (void)sqlite3_bind_int64(st, 1, (int64_t)ids[i]);
                r = collect_runs(db, st, &work->store->words, c.n + 1, &c, reterr);
                (void)sqlite3_reset(st);
        }
        if (r == 0)
                r = finish_list(w, &c);
        collector_done(&c);
        return r;
}

int store_query_instant(struct store *s, const char *job, struct wall at,
                        void (*cb)(void *arg, struct run_list *list, const struct error *err), void *arg)
{
        return ask_list(s, run_instant, &job, 1, at, cb, arg);
}

/* ---- a job file's text */

struct file_work {
        struct work work;
        char *path;
        void (*cb)(void *arg, const char *text, size_t size);
        void *arg;
        char *text;
        size_t size;
};

static void free_file_work(struct work *work)
{
        struct file_work *w = (struct file_work *)work;

        free(w->path);
        free(w->text);
        free(w);
}

static void deliver_file(struct work *work, const struct error *err)
{
        struct file_work *w = (struct file_work *)work;

        w->cb(w->arg, err ? NULL : w->text, err ? 0 : w->size);
        free_file_work(work);
}

static int run_file(struct work *work, sqlite3 *db, struct error *reterr)
{
        struct file_work *w = (struct file_work *)work;
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT text FROM file WHERE path = ?", -1, &st, NULL);
        if (r != SQLITE_OK)
                return step_failed(db, r, reterr);
        (void)sqlite3_bind_text(st, 1, w->path, -1, SQLITE_STATIC);
        r = sqlite3_step(st);
        if (r == SQLITE_ROW) {
                const void *text = sqlite3_column_blob(st, 0);

                w->size = (size_t)sqlite3_column_bytes(st, 0);
                w->text = malloc(w->size + 1);
                if (!w->text)
                        return -ENOMEM;
                if (text)
                        memcpy(w->text, text, w->size);
                w->text[w->size] = '\0';
                return 0;
        }
        return r == SQLITE_DONE ? 0 : step_failed(db, r, reterr);
}

int store_query_file(struct store *s, const char *path, void (*cb)(void *arg, const char *text, size_t size), void *arg)
{
        struct file_work *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->work = (struct work){ .run = run_file, .deliver = deliver_file, .needs_db = true };
        w->path = strdup(path);
        w->cb = cb;
        w->arg = arg;
        if (!w->path) {
                free(w);
                return -ENOMEM;
        }
        return reader_ask(s, &w->work);
}
