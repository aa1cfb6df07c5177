/* Job files as nearly everybody writes them, read without libyaml: several times as fast, which counts where 100,000 are
 * loaded.  Block maps with simple keys, block lists of scalars, scalars and brackets on one line, comments; ASCII outside
 * comments.  Whatever is not of that kind, and whatever might be wrong, is left to libyaml, so that there is one judge of
 * YAML only: a text that is taken here gives the very tree that libyaml's events give (tests/unit/jobfile/test-plain.c
 * compares them).  Pure. */
#pragma once
#include "jobfile/tree.h"

/* 1: *ret_root is the tree, nothing is wrong with it.  0: not of this kind.  -ENOMEM. The text was prescanned. */
int plain_read(const char *text, size_t size, struct arena *arena, const struct node **ret_root);
