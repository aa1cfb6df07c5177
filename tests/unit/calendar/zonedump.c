/* zonedump FILE FROM TO: what calendar/tz.c makes of a TZif file, for test-zones.py to compare with another reader.
 * FROM and TO are UTC seconds.  For each span of constant offset:
 *   span BEGIN END OFFSET ABBREVIATION      (BEGIN and END cut to FROM … TO)
 * and for local times around each change:
 *   local LOCAL UTC KIND */
#include <inttypes.h>

#include "zone.h"

static void dump_local(const struct tz *tz, int64_t local)
{
        int kind;
        int64_t sec = tz_local_to_utc(tz, local, &kind);

        printf("local %" PRId64 " %" PRId64 " %d\n", local, sec, kind);
}

int main(int argc, char **argv)
{
        struct tz *tz = NULL;
        struct tz_span s;
        size_t size;
        void *data;
        int r;

        if (argc != 4) {
                fprintf(stderr, "usage: zonedump FILE FROM TO\n");
                return 2;
        }
        data = zone_read(argv[1], &size);
        r = data ? tz_new("test", data, size, &tz) : -1;
        free(data);
        if (r < 0) {
                fprintf(stderr, "%s: %d\n", argv[1], r);
                return 1;
        }
        for (int64_t t = strtoll(argv[2], NULL, 10), to = strtoll(argv[3], NULL, 10); t < to; t = s.end_sec) {
                int32_t before;

                tz_span_at(tz, t, &s);
                printf("span %" PRId64 " %" PRId64 " %d %s\n", t, MIN(s.end_sec, to), s.offset_sec, s.abbreviation);
                if (s.begin_sec != t)
                        continue;
                before = tz_offset_at(tz, t - 1);
                for (int32_t around = -1; around <= 1; around++) {
                        dump_local(tz, t + before + around);
                        dump_local(tz, t + s.offset_sec + around);
                        dump_local(tz, t + (before + s.offset_sec) / 2 + around);
                }
        }
        tz_free(tz);
        return 0;
}
