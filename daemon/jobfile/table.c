#include "jobfile/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t table_hash(const char *text)
{
        uint32_t h = 2166136261u; /* FNV-1a */

        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * 16777619u;
        return h ^ h >> 15;
}

/* Two lanes of multiply and fold. */
void text_hash(const void *text, size_t size, uint64_t ret[2])
{
        uint64_t a = UINT64_C(0x9E3779B97F4A7C15) ^ size, b = UINT64_C(0xC2B2AE3D27D4EB4F) + size;
        const unsigned char *p = text;

        while (size > 0) {
                size_t n = size < 8 ? size : 8;
                uint64_t w = 0;

                memcpy(&w, p, n);
                a = (a ^ w) * UINT64_C(0xD6E8FEB86659FD93);
                a ^= a >> 32;
                b = (b + w) * UINT64_C(0xA0761D6478BD642F);
                b ^= b >> 29;
                p += n;
                size -= n;
        }
        ret[0] = (a ^ b >> 17) * UINT64_C(0xE7037ED1A0B428DB);
        ret[1] = (b ^ a >> 13) * UINT64_C(0x8EBC6AF09C88C6E3);
        ret[0] ^= ret[0] >> 31;
        ret[1] ^= ret[1] >> 30;
}

void *table_find(const struct table *t, uint32_t hash, bool (*same)(const void *p, const void *key), const void *key)
{
        size_t mask = t->allocated - 1;

        if (t->allocated == 0)
                return NULL;
        for (size_t i = hash & mask; t->v[i].p; i = (i + 1) & mask)
                if (t->v[i].hash == hash && same(t->v[i].p, key))
                        return t->v[i].p;
        return NULL;
}

static void put(struct table_slot *v, size_t mask, struct table_slot one)
{
        size_t i = one.hash & mask;

        while (v[i].p)
                i = (i + 1) & mask;
        v[i] = one;
}

int table_reserve(struct table *t, size_t n)
{
        size_t want = t->allocated ? t->allocated : 16;
        struct table_slot *v;

        while (want / 8 * 7 < n)
                want *= 2;
        if (want == t->allocated)
                return 0;
        v = calloc(want, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < t->allocated; i++)
                if (t->v[i].p)
                        put(v, want - 1, t->v[i]);
        free(t->v);
        t->v = v;
        t->allocated = want;
        return 0;
}

int table_add(struct table *t, uint32_t hash, void *p)
{
        int r = table_reserve(t, t->n + 1);

        if (r < 0)
                return r;
        put(t->v, t->allocated - 1, (struct table_slot){ hash, p });
        t->n++;
        return 0;
}

void table_remove(struct table *t, uint32_t hash, const void *p)
{
        size_t mask = t->allocated - 1, i, hole;

        if (t->allocated == 0)
                return;
        for (i = hash & mask; t->v[i].p != p; i = (i + 1) & mask)
                if (!t->v[i].p)
                        return;
        /* Those behind it that had to give way to it move up. */
        hole = i;
        for (i = (i + 1) & mask; t->v[i].p; i = (i + 1) & mask) {
                size_t home = t->v[i].hash & mask;

                if (((i - home) & mask) >= ((i - hole) & mask)) {
                        t->v[hole] = t->v[i];
                        hole = i;
                }
        }
        t->v[hole] = (struct table_slot){ 0 };
        t->n--;
}

void table_done(struct table *t)
{
        free(t->v);
        *t = (struct table){ 0 };
}
