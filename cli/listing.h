/* Pages of the daemon put together, and the tables of jobs and runs that several commands print. */
#pragma once
#include "cli.h"
#include "print.h"

extern const struct list jobs_list;
extern const struct list runs_list;

/* Asks for page after page of `method` (its result has an array `key` and a `cursor`) and gives each item to `item`;
 * `max` 0: all. `params` is stolen.  Returns 0 with *ret_more (may be NULL) true if there was more than `max`, or an
 * exit code (told). */
int each_item(struct cli *c, const char *method, json_t *params, const char *key, uint64_t max,
              void (*item)(void *arg, const json_t *item), void *arg, bool *ret_more);

/* Numbers of runs, in the order found. */
struct run_ids {
        uint64_t *v;
        size_t n, allocated;
};
void run_ids_done(struct run_ids *ids);
void run_ids_add(struct run_ids *ids, uint64_t id);
json_t *run_ids_json(const struct run_ids *ids, size_t from, size_t n);

/* What the filters of the command line ask of run.list (--job --state --failed --user --trigger --since --until, and
 * `jobs`, borrowed, the words).  0 with *ret_params owned by the caller, or an exit code. */
int run_filters(struct cli *c, char *const *jobs, size_t n_jobs, json_t **ret_params);
bool has_run_filters(const struct cli *c);

/* The runs that the words and filters of `cancel` and `wait` mean: numbers as they are, jobs and filters by asking for
 * live runs. */
int find_runs(struct cli *c, struct run_ids *ret);

/* Whether there is, or was, a job of each of these names (patterns may match nothing).  0 or an exit code: told. */
int check_known(struct cli *c, char *const *jobs, size_t n);

/* The names that words with patterns stand for, as a JSON array.  Words without a pattern are taken as they are.  0 or
 * an exit code. */
int find_jobs(struct cli *c, json_t **ret_names);

/* Runs a command again and again (-w), on a terminal over the last picture, until it fails for good. */
int watch(struct cli *c, int (*once)(struct cli *c));
/* -q is `-o name`, unless another form was asked for. */
void quiet_is_names(struct cli *c);
