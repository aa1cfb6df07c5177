#include "store-lib.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/internal.h"

static char scratch[64][64]; /* in use: the first n_scratch */
static unsigned n_scratch;
static pid_t scratch_owner;

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        return remove(path);
}

void remove_tree(const char *path)
{
        (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_scratch(void)
{
        if (getpid() != scratch_owner)
                return;
        for (unsigned i = 0; i < n_scratch; i++)
                remove_tree(scratch[i]);
}

const char *scratch_folder(void)
{
        const char *tmp = getenv("TMPDIR");
        char *path = scratch[n_scratch];

        if (n_scratch == ARRAY_SIZE(scratch))
                abort();
        if (scratch_owner == 0) {
                scratch_owner = getpid();
                atexit(remove_scratch);
        }
        if ((size_t)snprintf(path, sizeof(scratch[0]), "%s/store-test-XXXXXX",
                             tmp && strlen(tmp) < 40 ? tmp : "/tmp") >= sizeof(scratch[0]) ||
            !mkdtemp(path)) {
                perror("mkdtemp");
                exit(99);
        }
        n_scratch++;
        return path;
}

void scratch_in_memory(void)
{
        if (access("/dev/shm", W_OK) == 0)
                (void)setenv("TMPDIR", "/dev/shm", 0);
}

void forget_scratch(void)
{
        n_scratch--;
}

struct store *open_store(const char *dir)
{
        struct error err = ERROR_NULL;
        struct store *s = NULL;
        int holder = 0;

        if (store_open(dir, &s, &holder, &err) < 0) {
                printf("Bail out! cannot open the store: %s\n", err.message);
                exit(99);
        }
        return s;
}

struct store *start_gathering_store(const char *dir, const char *log_dir, int64_t gather_usec)
{
        struct store *s = open_store(dir);
        struct error err = ERROR_NULL;

        if (store_start(s, &(struct store_options){ .log_dir = log_dir, .gather_usec = gather_usec }, &err) < 0) {
                printf("Bail out! cannot start the store: %s\n", err.message);
                exit(99);
        }
        return s;
}

struct store *start_store(const char *dir, const char *log_dir)
{
        return start_gathering_store(dir, log_dir, 0);
}

enum awaited { STORED, FAILED, DONE };

static bool wait_for(struct store *s, enum awaited what, uint64_t seq, const bool *done, struct store_news *ret)
{
        int64_t end = store_now_usec() + 20 * USEC_PER_SEC;

        for (;;) {
                struct pollfd p = { .fd = store_fd(s), .events = POLLIN };
                struct store_news news;
                bool any = store_poll(s, &news);

                if (ret)
                        *ret = news;
                if (any && what == STORED && news.seq >= seq)
                        return true;
                if (any && what == FAILED && news.failed)
                        return true;
                if (what == DONE && *done)
                        return true;
                if (what == STORED && !any && news.seq >= seq)
                        return true;
                if (store_now_usec() > end)
                        return false;
                (void)poll(&p, 1, 1000);
        }
}

bool wait_stored(struct store *s, uint64_t seq, struct store_news *ret)
{
        return wait_for(s, STORED, seq, NULL, ret);
}

bool wait_failed(struct store *s, struct store_news *ret)
{
        return wait_for(s, FAILED, 0, NULL, ret);
}

bool wait_done(struct store *s, const bool *done)
{
        return wait_for(s, DONE, 0, done, NULL);
}

uint64_t random_u64(uint64_t *state)
{
        uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

struct job_state make_job(uint64_t id, const char *name)
{
        return (struct job_state){ .id = id,
                                   .name = name,
                                   .fixed_after = WALL_NEVER,
                                   .enabled_override = -1,
                                   .paused_by = UINT32_MAX,
                                   .paused_at = WALL_NEVER,
                                   .pause_until = WALL_NEVER,
                                   .after_base = WALL_NEVER };
}

struct run_info make_run(uint64_t id, uint64_t job, enum run_state state)
{
        struct run_info r = {
                .id = id,
                .job_id = job,
                .state = state,
                .trigger = TRIGGER_SCHEDULE,
                .scheduled_at = WALL_SEC(1700000000 + (int64_t)id),
                .scheduled_until = WALL_SEC(1700000000 + (int64_t)id),
                .count = 1,
                .created_at = WALL_SEC(1700000000 + (int64_t)id),
                .queued_at = WALL_NEVER,
                .started_at = WALL_NEVER,
                .first_started_at = WALL_NEVER,
                .ended_at = WALL_NEVER,
                .retry_at = WALL_NEVER,
                .wait_status = RUN_NO_STATUS,
                .by_uid = UINT32_MAX,
        };

        if (run_state_ends(state))
                r.ended_at = r.created_at;
        return r;
}

static struct wall random_wall(uint64_t *rng)
{
        uint64_t x = random_u64(rng);

        switch (x % 5) {
        case 0:
                return WALL_NEVER;
        case 1:
                return (struct wall){ 0 };
        case 2:
                return (struct wall){ -(int64_t)(x >> 20) };
        default:
                return (struct wall){ (int64_t)(x >> 12) };
        }
}

static uint32_t random_u32(uint64_t *rng)
{
        uint64_t x = random_u64(rng);

        return x % 4 == 0 ? UINT32_MAX : x % 4 == 1 ? 0 : (uint32_t)(x >> 32);
}

static int64_t random_i63(uint64_t *rng)
{
        uint64_t x = random_u64(rng);

        return x % 4 == 0 ? INT64_MAX : x % 4 == 1 ? 0 : (int64_t)(x >> 1 >> x % 40);
}

struct run_info random_run(uint64_t *rng, uint64_t id, uint64_t job)
{
        static const char *const users[] = { NULL, "", "root", "ein Nutzer \xc3\xa4", "nobody" };
        struct run_info r = {
                .id = id,
                .job_id = job,
                .user = users[random_u64(rng) % ARRAY_SIZE(users)],
                .state = (enum run_state)(random_u64(rng) % RUN_STATE_NR),
                .reason = (enum run_reason)(random_u64(rng) % REASON_NR),
                .trigger = (enum run_trigger)(random_u64(rng) % TRIGGER_NR),
                .flags = random_u32(rng),
                .epoch = random_u32(rng),
                .scheduled_at = random_wall(rng),
                .scheduled_until = random_wall(rng),
                .count = (uint64_t)random_i63(rng),
                .created_at = random_wall(rng),
                .queued_at = random_wall(rng),
                .started_at = random_wall(rng),
                .ended_at = random_wall(rng),
                .first_started_at = random_wall(rng),
                .retry_at = random_wall(rng),
                .start = random_u32(rng),
                .attempt = random_u32(rng),
                .wait_status = random_u64(rng) % 3 == 0 ? RUN_NO_STATUS : (int32_t)random_u32(rng),
                .stage = (uint8_t)(random_u64(rng) % STAGE_NR),
                .error = (int32_t)random_u32(rng),
                .cause_run = (uint64_t)random_i63(rng),
                .retry_of = (uint64_t)random_i63(rng),
                .by_uid = random_u32(rng),
                .usage = { random_i63(rng), random_i63(rng), random_i63(rng), random_i63(rng), random_i63(rng),
                           (uint64_t)random_i63(rng) >> 20, (uint64_t)random_i63(rng) >> 20 },
        };

        for (size_t i = 0; random_u64(rng) % 3 != 0 && i < sizeof(r.digest); i++)
                r.digest[i] = (uint8_t)random_u64(rng);
        return r;
}

struct job_state random_job(uint64_t *rng, uint64_t id, const char *name)
{
        static const char *const whys[] = { NULL, "", "maintenance", "'; DROP TABLE job; --" };

        return (struct job_state){
                .id = id,
                .name = name,
                .watermark = random_wall(rng),
                .fixed_after = random_wall(rng),
                .epoch = random_u32(rng),
                .schedule_digest = random_u64(rng),
                .removed = random_u64(rng) % 2,
                .last_success = random_wall(rng),
                .enabled_override = (int8_t)((int)(random_u64(rng) % 3) - 1),
                .paused = random_u64(rng) % 2,
                .pause_hold = random_u64(rng) % 2,
                .paused_by = random_u32(rng),
                .paused_at = random_wall(rng),
                .pause_until = random_wall(rng),
                .pause_why = whys[random_u64(rng) % ARRAY_SIZE(whys)],
                .after_base = random_wall(rng),
        };
}

#define SAME(field) (a->field == b->field)
#define SAME_WALL(field) (a->field.usec == b->field.usec)

bool runs_equal(const struct run_info *a, const struct run_info *b)
{
        return SAME(id) && SAME(job_id) && streq_ptr(a->user, b->user) && SAME(state) && SAME(reason) &&
               SAME(trigger) && SAME(flags) && SAME(epoch) && SAME_WALL(scheduled_at) && SAME_WALL(scheduled_until) &&
               SAME(count) && SAME_WALL(created_at) && SAME_WALL(queued_at) && SAME_WALL(started_at) &&
               SAME_WALL(first_started_at) && SAME_WALL(ended_at) && SAME_WALL(retry_at) && SAME(start) &&
               SAME(attempt) && SAME(wait_status) && SAME(stage) && SAME(error) && SAME(cause_run) && SAME(retry_of) &&
               SAME(by_uid) && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 &&
               memcmp(&a->usage, &b->usage, sizeof(a->usage)) == 0;
}

bool jobs_equal(const struct job_state *a, const struct job_state *b)
{
        return SAME(id) && streq(a->name, b->name) && SAME_WALL(watermark) && SAME_WALL(fixed_after) && SAME(epoch) &&
               SAME(schedule_digest) && SAME(removed) && SAME_WALL(last_success) && SAME(enabled_override) &&
               SAME(paused) && SAME(pause_hold) && SAME(paused_by) && SAME_WALL(paused_at) && SAME_WALL(pause_until) &&
               streq_ptr(a->pause_why, b->pause_why) && SAME_WALL(after_base);
}

int put_job(struct store *s, uint64_t seq, const struct job_state *j)
{
        return store_put(s, seq, &(struct row){ .type = ROW_JOB, .job = *j }, NULL, 0);
}

int put_run(struct store *s, uint64_t seq, const struct run_info *r)
{
        return store_put(s, seq, &(struct row){ .type = ROW_RUN, .run = *r }, NULL, 0);
}

int put_transition(struct store *s, uint64_t seq, uint64_t run, enum run_state state, enum run_reason reason,
                   int64_t at_usec)
{
        struct row row = { .type = ROW_TRANSITION,
                           .transition = { .run = run,
                                           .at = { at_usec },
                                           .state = state,
                                           .reason = reason,
                                           .wait_status = RUN_NO_STATUS } };

        return store_put(s, seq, &row, NULL, 0);
}

int put_file(struct store *s, uint64_t seq, const char *path, const char *text)
{
        struct row row = {
                .type = ROW_FILE,
                .file = { .path = path, .text = text, .size = text ? strlen(text) : 0, .uid = 7, .mode = 0644 }
        };

        return store_put(s, seq, &row, NULL, 0);
}

int put_definition(struct store *s, uint64_t seq, const char *job, uint8_t digest, const char *text)
{
        struct job_source source = { .refs = 1, .uid = 1000 + digest % 2u };
        struct job j = { .refs = 1, .name = (char *)(uintptr_t)job, .source = &source };
        struct row row = { .type = ROW_DEFINITION, .definition = &j };

        memset(j.digest, digest, sizeof(j.digest));
        return store_put(s, seq, &row, text, strlen(text));
}

static sqlite3 *open_sql(const char *dir)
{
        char path[256];
        sqlite3 *db = NULL;

        (void)snprintf(path, sizeof(path), "%s/state.db", dir);
        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
                printf("# cannot open %s: %s\n", path, sqlite3_errmsg(db));
                sqlite3_close(db);
                return NULL;
        }
        sqlite3_busy_timeout(db, 5000);
        return db;
}

int64_t sql_number(const char *dir, const char *sql)
{
        sqlite3 *db = open_sql(dir);
        sqlite3_stmt *st = NULL;
        int64_t v = INT64_MIN;

        if (db && sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
                v = sqlite3_column_int64(st, 0);
        else if (db)
                printf("# %s: %s\n", sql, sqlite3_errmsg(db));
        sqlite3_finalize(st);
        sqlite3_close(db);
        return v;
}

int sql_exec(const char *dir, const char *sql)
{
        sqlite3 *db = open_sql(dir);
        char *msg = NULL;
        int r = db ? sqlite3_exec(db, sql, NULL, NULL, &msg) : -1;

        if (r != SQLITE_OK)
                printf("# %s: %s\n", sql, msg ? msg : "cannot open");
        sqlite3_free(msg);
        sqlite3_close(db);
        return r;
}
