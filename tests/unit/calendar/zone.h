/* For tests: a zone from the system's files.  NULL if it is not there. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar/tz.h"

static inline void *zone_read(const char *path, size_t *ret_size)
{
        FILE *f = fopen(path, "rb");
        size_t room = 1 << 16, n = 0;
        char *data = malloc(room);

        if (f && data)
                n = fread(data, 1, room, f);
        if (f)
                fclose(f);
        if (n == 0 || n == room) {
                free(data);
                return NULL;
        }
        *ret_size = n;
        return data;
}

static inline const char *zone_dir(void)
{
        const char *dir = getenv("TZDIR");

        return dir && *dir ? dir : "/usr/share/zoneinfo";
}

static inline struct tz *zone_load(const char *name)
{
        char path[512];
        struct tz *tz = NULL;
        size_t size;
        void *data;

        snprintf(path, sizeof(path), "%s/%s", zone_dir(), name);
        data = zone_read(path, &size);
        if (data && tz_new(name, data, size, &tz) < 0)
                tz = NULL;
        free(data);
        return tz;
}
