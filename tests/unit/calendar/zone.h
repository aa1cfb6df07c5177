/* For tests: zones from the system's files (NULL if they are not there), and made of a rule alone. */
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

/* TZif data, version 2: no transitions, one type that is never used, and the rule as footer. */
static inline size_t zone_bytes(const char *rule, uint8_t data[512])
{
        /* At 36 the number of types, at 40 that of characters; then the type {0, 0, 0} and "XXX". */
        static const uint8_t block[54] = { 'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4, [50] = 'X', 'X', 'X' };
        size_t n = sizeof(block), length = strlen(rule);

        memcpy(data, block, n);
        memcpy(data + n, block, n);
        data[2 * n] = '\n';
        memcpy(data + 2 * n + 1, rule, length);
        data[2 * n + 1 + length] = '\n';
        return 2 * n + length + 2;
}

/* A zone whose offsets are those of the POSIX TZ string in all years. */
static inline struct tz *zone_of_rule(const char *rule)
{
        uint8_t data[512];
        struct tz *tz = NULL;

        if (tz_new(rule, data, zone_bytes(rule, data), &tz) < 0)
                return NULL;
        return tz;
}
