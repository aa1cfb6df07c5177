/* Looking into the key tables (tbl/job_keys.h, tbl/config_keys.h).  Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tbl/config_keys.h"
#include "tbl/job_keys.h"

struct key {
        const char *name;
        uint8_t type;   /* enum key_type */
        uint8_t parent; /* number of the map it stands in; the table's size: at the top */
        uint8_t flags;
        uint8_t width; /* bytes of the field */
        uint16_t offset;
        bool policy; /* the field is in the job's policy */
        int64_t min, max;
        const char *choices, *built_in, *near, *help;
};

/* A table and its size. */
struct keys {
        const struct key *v;
        unsigned n;
};

extern const struct keys job_keys;
extern const struct keys config_keys;

/* Where a job has the field of one of job_keys. */
struct job;
void *job_field(const struct job *j, const struct key *k);

/* Number of the key of that name in that map, or -1. */
int keys_find(struct keys keys, unsigned parent, const char *name);

/* The key that was probably meant by an unknown one: in the same map by spelling or by another program's word, or a key
 * of that very name elsewhere.  NULL: nothing is close.  `buf` gets what to say: "did you mean `schedule`?" */
#define HINT_SIZE 160
const char *keys_hint(struct keys keys, unsigned parent, const char *name, char buf[HINT_SIZE]);

/* The same for a choice word out of a list of words parted by blanks. */
const char *choice_hint(const char *choices, const char *word, char buf[HINT_SIZE]);

/* Index of a word in such a list, or -1. */
int choice_find(const char *choices, const char *word);
/* The i-th word; its length in *ret_size.  NULL: no more. */
const char *choice_at(const char *choices, unsigned i, size_t *ret_size);

/* "a duration", "a whole number": what to write. */
const char *key_type_text(enum key_type type);

/* Damerau-Levenshtein distance (optimal string alignment) of two words, at most `max` + 1.  Longer than 64: max + 1. */
unsigned word_distance(const char *a, const char *b, unsigned max);
