/* Errors and warnings of a file: made here, shown by jobctl and `status`.  Pure. */
#pragma once
#include "jobfile/jobfile.h"

#define DIAGNOSTICS_MAX 200 /* of one file; a file that is all wrong must not eat the memory */

/* Adds one; `key` and `hint` may be NULL.  0 or -ENOMEM.  Past the maximum nothing is added but a word about it. */
int diagnostics_add(struct diagnostics *d, uint32_t line, uint32_t column, const char *key, const char *hint,
                    const char *fmt, ...) __attribute__((format(printf, 6, 7)));

void diagnostics_drop_last(struct diagnostics *d);

/* In order of place; what is at no place comes first. */
void diagnostics_sort(struct diagnostics *d);

/* User's text for a message: cut to a line of at most 60 characters, line ends as \n.  Into `buf`, which it returns. */
#define CLIP_SIZE 288
const char *clip(const char *text, char buf[CLIP_SIZE]);

/* The column of a job's name in the text that it came from, for the error that the name is taken. */
uint32_t job_name_column(const char *text, size_t size, const struct job *job);
