/* What the store's tests share: scratch folders, rows, waiting for news, a database that fails or loses power. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* A new folder under TMPDIR; removed at exit, by the process that made it. */
const char *scratch_folder(void);
/* Of a disk's speed these tests need nothing: where there is no TMPDIR, /dev/shm will do. */
void scratch_in_memory(void);
void remove_tree(const char *path);
void forget_scratch(void); /* the last one was removed */

/* Opens (and starts) or dies with the reason. */
struct store *open_store(const char *dir);
struct store *start_store(const char *dir, const char *log_dir);
struct store *start_gathering_store(const char *dir, const char *log_dir, int64_t gather_usec);

/* Runs store_poll() until `seq` is stored.  False after 20 s.  *ret (may be NULL): the last news. */
bool wait_stored(struct store *s, uint64_t seq, struct store_news *ret);
/* Until it says that writing fails. */
bool wait_failed(struct store *s, struct store_news *ret);
/* Until *done is set by a callback. */
bool wait_done(struct store *s, const bool *done);

/* Rows */
uint64_t random_u64(uint64_t *state); /* splitmix64 */
struct job_state make_job(uint64_t id, const char *name);
struct run_info make_run(uint64_t id, uint64_t job, enum run_state state);
struct run_info random_run(uint64_t *rng, uint64_t id, uint64_t job);
struct job_state random_job(uint64_t *rng, uint64_t id, const char *name);
bool runs_equal(const struct run_info *a, const struct run_info *b); /* the job's name aside */
bool jobs_equal(const struct job_state *a, const struct job_state *b);
int put_job(struct store *s, uint64_t seq, const struct job_state *j);
int put_run(struct store *s, uint64_t seq, const struct run_info *r);
int put_transition(struct store *s, uint64_t seq, uint64_t run, enum run_state state, enum run_reason reason,
                   int64_t at_usec);
int put_file(struct store *s, uint64_t seq, const char *path, const char *text);
int put_definition(struct store *s, uint64_t seq, const char *job, uint8_t digest, const char *text);

/* Runs of a statement on a connection of its own: the first column as a number. */
int64_t sql_number(const char *dir, const char *sql);
int sql_exec(const char *dir, const char *sql);
