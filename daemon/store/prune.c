/* History that need not be kept goes, in small slices on the writer's thread while nothing is to be written.
 *
 * Each job's numbers of finished runs and their log bytes are counted as they are written (and stored in the job's
 * row), so it is known without a look at the rows whether there is something to remove.  For the age a job is looked
 * at when its oldest run may have become too old.  Removed are the oldest finished runs, with their transitions,
 * then definitions that no run uses any more, then, when all that is durable, the log files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "store/internal.h"

#define SLICE_RUNS 200u
#define SLICE_USEC 5000
#define SWEEP_USEC USEC_PER_HOUR /* how often ages are looked at */
#define UNLIMITED UINT32_MAX

/* 40 bytes a job. */
struct kept {
        uint64_t job;        /* 0: free slot */
        uint64_t log_bytes;
        uint32_t runs;       /* finished ones */
        uint32_t keep_runs;
        uint32_t keep_kib;   /* UNLIMITED */
        uint32_t keep_sec;   /* UNLIMITED */
        uint32_t look_at;    /* wall seconds: when its oldest run may be too old */
        bool has_keep, queued;
};

struct doomed {
        uint64_t run;
        uint32_t start;
};

/* What a slice does to one job, in force once it is committed. */
struct change {
        uint64_t job;
        uint32_t runs;         /* removed */
        uint64_t log_bytes;
        uint32_t look_at;
        uint32_t first;        /* of its runs in the slice's list */
};

struct slice {
        struct doomed v[SLICE_RUNS];
        struct change changes[SLICE_RUNS];
        size_t n, n_changes;
};

enum statement {
        ST_BEGIN,
        ST_COMMIT,
        ST_ROLLBACK,
        ST_OLDEST,
        ST_NAME,
        ST_TRANSITIONS,
        ST_RUN,
        ST_COUNT,
        ST_DEFINITIONS,
        ST_NR
};

static const char *const statement_sql[ST_NR] = {
        [ST_BEGIN] = "BEGIN IMMEDIATE",
        [ST_COMMIT] = "COMMIT",
        [ST_ROLLBACK] = "ROLLBACK",
        [ST_OLDEST] = ("SELECT id, max(output_bytes - dropped_bytes, 0), coalesce(ended_at, created_at, 0), start"
                       " FROM run WHERE job = ? AND NOT " SQL_UNFINISHED " ORDER BY id"),
        [ST_NAME] = "SELECT name FROM job WHERE id = ?",
        [ST_TRANSITIONS] = "DELETE FROM transition WHERE run = ?",
        [ST_RUN] = "DELETE FROM run WHERE id = ?",
        [ST_COUNT] = "UPDATE job SET runs = max(runs - ?2, 0), log_bytes = max(log_bytes - ?3, 0) WHERE id = ?1",
        [ST_DEFINITIONS] = ("DELETE FROM definition WHERE job = ?1 AND superseded <"
                            " coalesce((SELECT min(id) FROM run WHERE job = ?1), 9223372036854775807)"),
};

struct prune {
        struct store *store;
        struct kept *table;  /* open addressing; size a power of two */
        size_t size, n;
        uint64_t *queue;     /* jobs to look at: a ring */
        size_t queue_size, queue_first, queue_n;
        struct wall next_sweep;
        sqlite3 *db;         /* whose statements these are */
        sqlite3_stmt *st[ST_NR];
};

int prune_new(struct store *s, struct prune **ret)
{
        struct prune *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->store = s;
        p->next_sweep = WALL_NEVER;
        *ret = p;
        return 0;
}

void prune_forget_db(struct prune *p)
{
        for (int i = 0; i < ST_NR; i++)
                p->st[i] = db_finalize(p->st[i]);
        p->db = NULL;
}

struct prune *prune_free(struct prune *p)
{
        if (!p)
                return NULL;
        prune_forget_db(p);
        free(p->table);
        free(p->queue);
        free(p);
        return NULL;
}

/* ---- the table of jobs */

static size_t slot_of(const struct kept *table, size_t size, uint64_t job)
{
        size_t i = (job * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (size - 1);

        while (table[i].job != 0 && table[i].job != job)
                i = (i + 1) & (size - 1);
        return i;
}

static bool grow_table(struct prune *p)
{
        size_t size = p->size ? 2 * p->size : 64;
        struct kept *table = calloc(size, sizeof(*table));

        if (!table)
                return false;
        for (size_t i = 0; i < p->size; i++)
                if (p->table[i].job != 0)
                        table[slot_of(table, size, p->table[i].job)] = p->table[i];
        free(p->table);
        p->table = table;
        p->size = size;
        return true;
}

static struct kept *find(struct prune *p, uint64_t job)
{
        struct kept *k = p->size > 0 && job != 0 ? &p->table[slot_of(p->table, p->size, job)] : NULL;

        return k && k->job == job ? k : NULL;
}

/* NULL without memory: that job is not pruned until the next start. */
static struct kept *find_or_add(struct prune *p, uint64_t job)
{
        struct kept *k = find(p, job);

        if (k || job == 0)
                return k;
        if (4 * (p->n + 1) > 3 * p->size && !grow_table(p))
                return NULL;
        k = &p->table[slot_of(p->table, p->size, job)];
        k->job = job;
        p->n++;
        return k;
}

static void enqueue(struct prune *p, struct kept *k)
{
        if (k->queued)
                return;
        if (p->queue_n == p->queue_size) {
                size_t size = p->queue_size ? 2 * p->queue_size : 64;
                uint64_t *q = calloc(size, sizeof(*q));

                if (!q)
                        return; /* the next change or sweep tries again */
                for (size_t i = 0; i < p->queue_n; i++)
                        q[i] = p->queue[(p->queue_first + i) % p->queue_size];
                free(p->queue);
                p->queue = q;
                p->queue_size = size;
                p->queue_first = 0;
        }
        p->queue[(p->queue_first + p->queue_n++) % p->queue_size] = k->job;
        k->queued = true;
}

static void dequeue(struct prune *p, struct kept *k)
{
        p->queue_first = (p->queue_first + 1) % p->queue_size;
        p->queue_n--;
        if (k)
                k->queued = false;
        if (p->queue_n == 0) { /* it may have been long */
                free(p->queue);
                p->queue = NULL;
                p->queue_size = p->queue_first = 0;
        }
}

/* More than is to be kept, by the counters?  The newest run stays, however much it wrote. */
static bool too_much(const struct kept *k)
{
        return k->runs > k->keep_runs ||
               (k->runs > 1 && k->keep_kib != UNLIMITED && k->log_bytes > (uint64_t)k->keep_kib << 10);
}

static bool may_be_too_old(const struct kept *k, struct wall now)
{
        return k->runs > 0 && k->keep_sec != UNLIMITED && wall_sec(now) >= k->look_at;
}

static void consider(struct prune *p, struct kept *k)
{
        if (k->has_keep && too_much(k))
                enqueue(p, k);
}

int prune_load(struct prune *p, sqlite3 *db, struct error *reterr)
{
        _cleanup_(db_finalizep) sqlite3_stmt *st = NULL;
        int r;

        r = sqlite3_prepare_v2(db, "SELECT id, runs, log_bytes FROM job", -1, &st, NULL);
        if (r != SQLITE_OK)
                return db_error(db, r, "cannot read", reterr);
        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                struct kept *k = find_or_add(p, (uint64_t)sqlite3_column_int64(st, 0));

                if (!k)
                        return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
                k->runs = (uint32_t)CLAMP(sqlite3_column_int64(st, 1), 0, (int64_t)UINT32_MAX);
                k->log_bytes = (uint64_t)MAX(sqlite3_column_int64(st, 2), INT64_C(0));
        }
        return r == SQLITE_DONE ? 0 : db_error(db, r, "cannot read", reterr);
}

void prune_set_keep(struct prune *p, const struct keep_change *c)
{
        struct kept *k = find_or_add(p, c->job);
        int64_t sec = c->age_usec / USEC_PER_SEC;
        uint64_t kib = c->log_bytes >> 10;
        struct kept new;

        if (!k)
                return;
        new = *k;
        new.has_keep = true;
        new.keep_runs = c->runs;
        new.keep_sec = sec >= UNLIMITED ? UNLIMITED : (uint32_t)MAX(sec, INT64_C(0));
        new.keep_kib = kib >= UNLIMITED ? UNLIMITED : (uint32_t)kib;
        if (k->has_keep && new.keep_runs == k->keep_runs && new.keep_sec == k->keep_sec && new.keep_kib == k->keep_kib)
                return;
        new.look_at = 0;
        *k = new;
        if (k->runs > 0)
                enqueue(p, k);
        if (wall_is_never(p->next_sweep))
                p->next_sweep = WALL_SEC(0);
}

void prune_add(struct prune *p, uint64_t job, int64_t runs, int64_t log_bytes)
{
        struct kept *k = find_or_add(p, job);

        if (!k)
                return;
        k->runs = (uint32_t)CLAMP((int64_t)k->runs + runs, INT64_C(0), (int64_t)UINT32_MAX);
        k->log_bytes = (uint64_t)MAX((int64_t)k->log_bytes + log_bytes, INT64_C(0));
        if (k->runs > 0 && wall_is_never(p->next_sweep))
                p->next_sweep = WALL_SEC(0);
        consider(p, k);
}

/* Queues all whose oldest run may be too old. */
static void sweep(struct prune *p, struct wall now)
{
        bool again = false;

        for (size_t i = 0; i < p->size; i++) {
                struct kept *k = &p->table[i];

                if (k->job == 0 || !k->has_keep || k->runs == 0 || k->keep_sec == UNLIMITED)
                        continue;
                again = true;
                if (may_be_too_old(k, now))
                        enqueue(p, k);
        }
        p->next_sweep = again ? wall_add(now, SWEEP_USEC) : WALL_NEVER;
}

bool prune_wanted(struct prune *p, struct wall now, struct wall *ret_at)
{
        /* A clock that was set back would keep us waiting. */
        if (!wall_is_never(p->next_sweep) && p->next_sweep.usec > now.usec + SWEEP_USEC)
                p->next_sweep = wall_add(now, SWEEP_USEC);
        if (p->queue_n == 0 && p->next_sweep.usec <= now.usec)
                sweep(p, now);
        *ret_at = p->next_sweep;
        return p->queue_n > 0;
}

/* ---- log files */

/* The folder of a job's logs, or -1.  Names were checked when they were made; here they come from the database. */
static int open_log_folder(const char *log_dir, const char *name)
{
        char part[256];
        int fd = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        while (fd >= 0 && *name) {
                size_t n = strcspn(name, "/:");
                int next = -1;

                if (n > 0 && n < sizeof(part) && name[0] != '.') {
                        memcpy(part, name, n);
                        part[n] = '\0';
                        next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                }
                safe_close(fd);
                fd = next;
                name += n;
                if (*name)
                        name++;
        }
        return fd;
}

static void remove_logs(const struct prune *p, const char *job, const struct doomed *v, size_t n)
{
        static const char *const suffixes[] = { "", ".1", ".2" };
        _cleanup_(closep) int fd = -1;
        char name[64];

        if (!p->store->log_dir)
                return;
        for (size_t i = 0; i < n; i++) {
                if (v[i].start == 0)
                        continue;
                if (fd < 0)
                        fd = open_log_folder(p->store->log_dir, job);
                if (fd < 0)
                        return;
                for (uint32_t start = 1; start <= v[i].start && start < 100000; start++)
                        for (size_t k = 0; k < ARRAY_SIZE(suffixes); k++) {
                                (void)snprintf(name, sizeof(name), "%llu.%u.log%s", (unsigned long long)v[i].run, start,
                                               suffixes[k]);
                                /* An attempt without output has none.  What can't be removed stays behind. */
                                (void)unlinkat(fd, name, 0);
                        }
        }
}

/* ---- a slice */

static int prepare(struct prune *p, sqlite3 *db, struct error *reterr)
{
        if (p->db == db)
                return 0;
        prune_forget_db(p);
        for (int i = 0; i < ST_NR; i++) {
                int r = db_prepare(db, statement_sql[i], &p->st[i], reterr);

                if (r < 0) {
                        prune_forget_db(p);
                        return r;
                }
        }
        p->db = db;
        return 0;
}

static int step(struct prune *p, enum statement i, struct error *reterr)
{
        int r = sqlite3_step(p->st[i]);

        if (r != SQLITE_DONE)
                r = db_error(p->db, r, "cannot prune", reterr);
        (void)sqlite3_reset(p->st[i]);
        return r == SQLITE_DONE ? 0 : r;
}

static int step_with(struct prune *p, enum statement i, uint64_t id, struct error *reterr)
{
        (void)sqlite3_bind_int64(p->st[i], 1, (int64_t)id);
        return step(p, i, reterr);
}

/* Removes the job's oldest runs that are to go, as many as fit into the slice.  *ret_done: no more of it are to go
 * for now. */
static int prune_job(struct prune *p, const struct kept *k, struct wall now, struct slice *slice, bool *ret_done,
                     struct error *reterr)
{
        struct change *c = &slice->changes[slice->n_changes];
        sqlite3_stmt *st = p->st[ST_OLDEST];
        struct kept left = *k;
        int r;

        *c = (struct change){ .job = k->job, .look_at = UNLIMITED, .first = (uint32_t)slice->n };
        *ret_done = true;
        (void)sqlite3_bind_int64(st, 1, (int64_t)k->job);
        while ((r = sqlite3_step(st)) == SQLITE_ROW) {
                int64_t bytes = sqlite3_column_int64(st, 1), sec = sqlite3_column_int64(st, 2) / USEC_PER_SEC;
                bool old = k->keep_sec != UNLIMITED && sec + k->keep_sec <= wall_sec(now);

                if (!old && !too_much(&left)) {
                        c->look_at = (uint32_t)CLAMP(sec + k->keep_sec, INT64_C(0), (int64_t)UNLIMITED);
                        break;
                }
                if (slice->n == SLICE_RUNS) {
                        c->look_at = 0;
                        *ret_done = false;
                        break;
                }
                slice->v[slice->n++] = (struct doomed){
                        .run = (uint64_t)sqlite3_column_int64(st, 0),
                        .start = (uint32_t)CLAMP(sqlite3_column_int64(st, 3), INT64_C(0), (int64_t)UINT32_MAX),
                };
                c->runs++;
                left.runs -= left.runs > 0;
                left.log_bytes -= MIN((uint64_t)MAX(bytes, INT64_C(0)), left.log_bytes);
        }
        c->log_bytes = k->log_bytes - left.log_bytes;
        if (r != SQLITE_ROW && r != SQLITE_DONE)
                r = db_error(p->db, r, "cannot prune", reterr);
        (void)sqlite3_reset(st);
        if (r < 0)
                return r;
        slice->n_changes++;
        return 0;
}

static int remove_rows(struct prune *p, const struct slice *slice, const struct change *c, struct error *reterr)
{
        int r = 0;

        if (c->runs == 0)
                return 0;
        if (sqlite3_get_autocommit(p->db))
                r = step(p, ST_BEGIN, reterr);
        for (size_t i = c->first; r == 0 && i < c->first + c->runs; i++) {
                r = step_with(p, ST_TRANSITIONS, slice->v[i].run, reterr);
                if (r == 0)
                        r = step_with(p, ST_RUN, slice->v[i].run, reterr);
        }
        if (r == 0)
                r = step_with(p, ST_DEFINITIONS, c->job, reterr);
        if (r == 0) {
                (void)sqlite3_bind_int64(p->st[ST_COUNT], 2, c->runs);
                (void)sqlite3_bind_int64(p->st[ST_COUNT], 3, (int64_t)c->log_bytes);
                r = step_with(p, ST_COUNT, c->job, reterr);
        }
        return r;
}

static int job_name(struct prune *p, uint64_t job, char *ret, size_t size)
{
        sqlite3_stmt *st = p->st[ST_NAME];
        int r = -ENOENT;

        (void)sqlite3_bind_int64(st, 1, (int64_t)job);
        if (sqlite3_step(st) == SQLITE_ROW) {
                const char *name = (const char *)sqlite3_column_text(st, 0);

                if (name && (size_t)snprintf(ret, size, "%s", name) < size)
                        r = 0;
        }
        (void)sqlite3_reset(st);
        return r;
}

/* The slice is committed: now the counters, and the files. */
static void finish_slice(struct prune *p, const struct slice *slice)
{
        char name[1024];

        for (size_t i = 0; i < slice->n_changes; i++) {
                const struct change *c = &slice->changes[i];
                struct kept *k = find(p, c->job);

                if (k) {
                        k->runs -= MIN(c->runs, k->runs);
                        k->log_bytes -= MIN(c->log_bytes, k->log_bytes);
                        k->look_at = c->look_at;
                }
                if (c->runs > 0 && job_name(p, c->job, name, sizeof(name)) == 0)
                        remove_logs(p, name, &slice->v[c->first], c->runs);
        }
}

static int fill_slice(struct prune *p, struct wall now, struct slice *slice, bool (*stop)(void *arg), void *arg,
                      struct error *reterr)
{
        int64_t end = store_now_usec() + SLICE_USEC;

        while (p->queue_n > 0 && slice->n < SLICE_RUNS && slice->n_changes < SLICE_RUNS) {
                struct kept *k = find(p, p->queue[p->queue_first]);
                bool done = true;
                int r;

                if (k && (too_much(k) || may_be_too_old(k, now))) {
                        if (store_now_usec() >= end || (stop && stop(arg)))
                                break;
                        r = prune_job(p, k, now, slice, &done, reterr);
                        if (r == 0)
                                r = remove_rows(p, slice, &slice->changes[slice->n_changes - 1], reterr);
                        if (r < 0)
                                return r;
                }
                if (!done)
                        break; /* it stays the first */
                dequeue(p, k);
        }
        return 0;
}

int prune_slice(struct prune *p, sqlite3 *db, struct wall now, bool (*stop)(void *arg), void *arg, struct error *reterr)
{
        struct slice slice;
        int r;

        slice.n = slice.n_changes = 0;
        r = prepare(p, db, reterr);
        if (r == 0)
                r = fill_slice(p, now, &slice, stop, arg, reterr);
        if (r == 0 && !sqlite3_get_autocommit(db))
                r = step(p, ST_COMMIT, reterr);
        if (r == 0) {
                finish_slice(p, &slice);
                return 0;
        }
        if (p->db && !sqlite3_get_autocommit(db))
                (void)step(p, ST_ROLLBACK, NULL);
        for (size_t i = 0; i < slice.n_changes; i++) {
                struct kept *k = find(p, slice.changes[i].job);

                if (k)
                        enqueue(p, k);
        }
        return r;
}
