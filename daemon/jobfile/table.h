/* A hash table of pointers: open addressing, 16 bytes a slot, because there are tables of 100,000.  Owns nothing
 * it points to.  Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
        uint32_t hash;
        void *p; /* NULL: free */
};

struct table {
        struct table_slot *v;
        size_t n, allocated; /* a power of two, or 0 */
};

uint32_t table_hash(const char *text);

/* 128 bits of a text, to see whether two are the same; fast, not against an adversary. */
void text_hash(const void *text, size_t size, uint64_t ret[2]);

/* The first slot with that hash for which same() says yes; NULL. */
void *table_find(const struct table *t, uint32_t hash, bool (*same)(const void *p, const void *key), const void *key);
/* 0 or -ENOMEM. */
int table_add(struct table *t, uint32_t hash, void *p);
/* Room for so many in all, so that the next additions can't fail.  0 or -ENOMEM. */
int table_reserve(struct table *t, size_t n);
/* Nothing happens if it isn't there. */
void table_remove(struct table *t, uint32_t hash, const void *p);
void table_done(struct table *t);
