/* YAML text -> a tree of what stands there, with places.  Pure.
 *
 * What no file of ours may hold is refused here: other encodings than UTF-8, control characters, anchors, aliases,
 * tags, a second document, nesting over 32.  libyaml's event interface only: its document loader is slow and
 * unbounded. What a scalar means is not decided here: it is the text that stands there, and how it is written. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobfile/arena.h"
#include "jobfile/jobfile.h"

#define TREE_TEXT_MAX   (1u << 20)   /* bytes of a file */
#define TREE_SCALAR_MAX (128u << 10) /* bytes of one scalar: as much as a job's command, env and stdin together */
#define TREE_DEPTH_MAX  32

enum node_kind {
        NODE_SCALAR,
        NODE_LIST,
        NODE_MAP,
        NODE_BROKEN, /* what stands there was refused already: take it for anything, say nothing more */
};

enum node_style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_BLOCK };

struct node {
        uint8_t kind;             /* enum node_kind */
        uint8_t style;            /* enum node_style, of a scalar */
        bool flow;                /* a list or map in brackets or braces */
        uint32_t line, column;    /* from 1; columns count characters */
        uint32_t size;            /* of text; of a list, its items; of a map, its pairs */
        const char *text;         /* NUL-terminated, holds no NUL */
        const struct node *first; /* children; of a map: key, value, key, value … */
        const struct node *next;
};

struct tree {
        const struct node *root; /* NULL: nothing stands there */
        bool partial;            /* a syntax error: what comes after it is missing */
};

/* 0 (with errors perhaps) or -ENOMEM.  Nodes live in the arena. */
int tree_read(const char *text, size_t size, struct arena *arena, struct diagnostics *errors, struct tree *ret);
