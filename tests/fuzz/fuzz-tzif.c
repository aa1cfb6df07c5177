/* TZif data.  Whatever is taken must answer like a zone: spans that follow each other, local times that are found where
 * the local clock first shows them, and the same after 400 years. */
#include <string.h>

#include "calendar/civil.h"
#include "calendar/tz.h"
#include "fuzz.h"

#define SPANS_MAX 200

static void check_span(const struct tz *tz, const struct tz_span *s, int64_t sec)
{
        MUST(s->begin_sec <= sec && sec < s->end_sec);
        MUST(tz_offset_at(tz, sec) == s->offset_sec);
        MUST(s->offset_sec > -TZ_OFFSET_MAX_SEC && s->offset_sec < TZ_OFFSET_MAX_SEC);
        MUST(memchr(s->abbreviation, '\0', sizeof(s->abbreviation)));
}

/* The first instant at which the local clock shows `local` or more.  Not for zones whose clock has shown it long
 * before. */
static void check_local(const struct tz *tz, int64_t local)
{
        int kind = 7;
        int64_t sec = tz_local_to_utc(tz, local, &kind);

        MUST(kind >= -1 && kind <= 1);
        MUST(sec + tz_offset_at(tz, sec) >= local);
        MUST(sec - 1 + tz_offset_at(tz, sec - 1) < local);
        MUST((kind == -1) == (sec + tz_offset_at(tz, sec) > local));
        MUST(tz_local_to_utc(tz, local - 1, NULL) <= sec);
}

static void walk(const struct tz *tz, int64_t sec)
{
        struct tz_span s;

        tz_span_at(tz, sec, &s);
        for (int i = 0; i < SPANS_MAX; i++) {
                struct tz_span next;

                check_span(tz, &s, sec);
                if (s.end_sec == INT64_MAX)
                        break;
                tz_span_at(tz, s.end_sec, &next);
                MUST(next.begin_sec == s.end_sec);
                for (int k = -1; k <= 1; k++) {
                        check_local(tz, s.end_sec + s.offset_sec + k);
                        check_local(tz, s.end_sec + next.offset_sec + k);
                        check_local(tz, s.end_sec + (s.offset_sec + next.offset_sec) / 2 + k);
                }
                sec = s.end_sec;
                s = next;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int years[] = { 1, 1800, 1900, 1970, 2026, 2039, 2400, 9000 };
        struct tz *tz = NULL;

        if (tz_new("Fuzz/Zone", data, size, &tz) < 0) {
                MUST(!tz);
                return 0;
        }
        MUST(strcmp(tz_name(tz), "Fuzz/Zone") == 0);
        (void)tz_digest(tz);
        walk(tz, -TZ_SEC_MAX);
        for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++)
                walk(tz, civil_days(years[i], 1, 1) * SEC_PER_DAY);
        /* No transition can be as late as this. */
        for (int64_t t = INT64_C(1) << 60, i = 0; i < 100; i++, t += 86400 * 37)
                MUST(tz_offset_at(tz, t) == tz_offset_at(tz, t + SEC_PER_ERA));
        tz_free(tz);
        return 0;
}
