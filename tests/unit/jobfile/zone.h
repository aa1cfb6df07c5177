/* Zones for tests: the system's, and UTC as the local one. */
#pragma once
#include "jobfile/zones.h"

static inline struct zone_source test_zones(void)
{
        static struct zones *z;

        if (!z && zones_new(NULL, &z) < 0)
                abort();
        return zones_source(z, tz_utc());
}

static inline void test_read_file(const char *path, char **ret, size_t *ret_size)
{
        FILE *f = fopen(path, "rb");
        size_t n = 0, allocated = 1 << 16;
        char *v = malloc(allocated);

        *ret = NULL;
        *ret_size = 0;
        if (!f || !v) {
                free(v);
                if (f)
                        fclose(f);
                return;
        }
        for (size_t got; (got = fread(v + n, 1, allocated - n, f)) > 0;) {
                n += got;
                if (n == allocated && !(v = realloc(v, allocated *= 2)))
                        abort();
        }
        fclose(f);
        *ret = v;
        *ret_size = n;
}
