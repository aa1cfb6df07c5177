/* Zones for both sides: TZif bytes for the engine, a TZ value for libc.  Where the system has no zone files, and for a
 * few zones that no country has, the bytes are made here from a POSIX rule that both sides know. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar/tz.h"
#include "sim.h"

static const struct {
        const char *name, *rule;
} list[] = {
        { "UTC", "UTC0" },
        { "Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3" },
        { "America/New_York", "EST5EDT,M3.2.0,M11.1.0" },
        { "Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" },
        { "America/Santiago", "<-04>4<-03>,M9.1.6/24,M4.1.6/24" },
        { "Asia/Kathmandu", "<+0545>-5:45" },
        { "Africa/Casablanca", "<+01>-1" },
        { "Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1" },
        { "Antarctica/Troll", "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3" },
        /* None of the system's: three hours of gap at a Tuesday's noon; changes on consecutive Sundays. */
        { "Sim/Noon", "SST-3SDT-6,M3.3.2/12,M10.3.2/12" },
        { "Sim/Weeks", "<WWW>-1<VVV>-1:30,M3.2.0/2,M3.3.0/2:30" },
};

/* What governments do: the same zones by other rules, some of the past years, too. */
static const struct {
        const char *name, *rule;
} changed[] = {
        { "Europe/Berlin", "CET-1" },
        { "America/Santiago", "<-03>3" },
        { "Asia/Kathmandu", "<+06>-6" },
        { "Africa/Casablanca", "<+00>0<+01>-1,M3.5.0/1,M10.5.0/2" },
        { "Sim/Weeks", "<WWW>-2<VVV>-3,M3.1.0/2,M3.4.0/2:30" },
};

/* A version 2 file without transitions: one type and the rule in its footer. */
static size_t make_tzif(const char *rule, uint8_t *buf)
{
        static const uint8_t header[44] = { 'T', 'Z', 'i', 'f', '2',
                                            [35] = 0, [39] = 1 /* types */, [43] = 4 /* characters */ };
        static const uint8_t block[10] = { 0, 0, 0, 0, 0, 0, 'S', 'I', 'M', 0 };
        size_t n = 0;

        for (int i = 0; i < 2; i++) {
                memcpy(buf + n, header, sizeof(header));
                n += sizeof(header);
                memcpy(buf + n, block, sizeof(block));
                n += sizeof(block);
        }
        n += (size_t)sprintf((char *)buf + n, "\n%s\n", rule);
        return n;
}

static int from_system(struct zone *z)
{
        _cleanup_(freep) uint8_t *data = NULL;
        char path[128];
        size_t n;
        FILE *f;
        int r = -ENOMEM;

        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", z->name);
        f = fopen(path, "re");
        if (!f)
                return -ENOENT;
        data = malloc(1 << 16);
        n = data ? fread(data, 1, 1 << 16, f) : 0;
        fclose(f);
        if (n)
                r = tz_new(z->name, data, n, &z->tz);
        if (r == 0)
                snprintf(z->libc_tz, sizeof(z->libc_tz), ":%s", path);
        return r;
}

static int from_rule(struct zone *z, const char *name, const char *rule)
{
        uint8_t bytes[256];
        int r = tz_new(name, bytes, make_tzif(rule, bytes), &z->tz);

        z->name = name;
        snprintf(z->libc_tz, sizeof(z->libc_tz), "%s", rule);
        if (r < 0)
                fprintf(stderr, "zone %s (%s): %s\n", name, rule, strerror(-r));
        return r;
}

int zones_load(struct zone **ret, size_t *ret_n, size_t *ret_all)
{
        const size_t all = ARRAY_SIZE(list) + ARRAY_SIZE(changed);
        struct zone *v = calloc(all, sizeof(*v));

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
                v[i].name = list[i].name;
                if (from_system(&v[i]) < 0 && from_rule(&v[i], list[i].name, list[i].rule) < 0)
                        goto fail;
        }
        for (size_t k = 0; k < ARRAY_SIZE(changed); k++) {
                struct zone *z = &v[ARRAY_SIZE(list) + k];

                if (from_rule(z, changed[k].name, changed[k].rule) < 0)
                        goto fail;
                while (!streq(v[z->other].name, z->name))
                        z->other++;
        }
        *ret = v;
        *ret_n = ARRAY_SIZE(list);
        *ret_all = all;
        return 0;
fail:
        zones_free(v, all);
        return -EINVAL;
}

void zones_free(struct zone *z, size_t n)
{
        for (size_t i = 0; z && i < n; i++) {
                tz_free(z[i].tz);
                free(z[i].minutes);
        }
        free(z);
}
