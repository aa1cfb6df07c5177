/* A job in the making: layer over layer (built in, the configuration's defaults, the file's, the job's own keys),
 * then judged as a whole, then packed into one block.  Internal to jobfile/.  Pure. */
#pragma once
#include "jobfile/buf.h"
#include "jobfile/reading.h"

enum layer { LAYER_CONFIG, LAYER_FILE, LAYER_JOB };

struct draft {
        struct job job; /* every pointer is borrowed: from the arena, the tree, or the configuration's defaults */
        struct job_policy policy; /* job's */
        const char *name; /* NULL in a layer of defaults */
        const struct node *start,
                *end; /* instants still to be read, for they depend on the zone; NULL: job.start, job.end stand */
        /* The keys of this layer, where they stand; NULL: not given. */
        const struct node *keys[JOB_KEY_NR], *values[JOB_KEY_NR];
};

/* What is built in, or the configuration's defaults. */
void draft_init(struct draft *d, const struct job *defaults);
/* The values of another job, or draft. */
void draft_copy(struct draft *d, const struct job *from);
/* A layer over what is there; keys and values are those of this layer afterwards. */
void draft_apply(struct reading *r, struct draft *d, const struct node *map, enum layer layer);
/* One key of job_keys, not null. */
void draft_apply_key(struct reading *r, struct draft *d, unsigned id, const struct node *key, const struct node *value,
                     enum layer layer);
/* Zone and instants, contradictions, warnings.  For `defaults` as well, where only what stands there is judged. */
void draft_judge(struct reading *r, struct draft *d, const struct node *name, enum layer layer);

/* exclude.c: the list of what is excluded; and `exclude`, `move` and `dst` as a whole. */
void apply_exclude(struct reading *r, struct job *j, const struct node *value);
void judge_days(struct reading *r, struct draft *d, const struct node *name, enum layer layer);
/* A date or a range: NULL, or what is wrong with it. */
const char *dates_read(const char *text, struct day_range *ret);

/* Into one block, with digest; `scratch` is for printing.  NULL: no memory. */
struct job *draft_pack(const struct draft *d, const char *name, struct job_source *source, uint32_t line,
                       struct buf *scratch);

/* The built-in values, borrowed by everybody; no name. */
const struct job *job_built_in(void);
/* Puts a key back to its built-in value. */
void job_reset_key(struct job *j, unsigned id);
/* Bits of a key and of those that stand in it. */
uint64_t job_key_bits(unsigned id);

/* The printed form (job_print) appended. */
void job_write(struct buf *b, const struct job *j);
