/* Durations, instants, time words: never a crash, and what is read must print as what is read the same. */
#include <string.h>

#include "../unit/calendar/zone.h"
#include "calendar/timeparse.h"
#include "fuzz.h"

static void check_duration(const char *text)
{
        const char *why = NULL;
        int64_t usec = -1, again;
        char printed[64];

        if (duration_parse(text, &usec, &why) < 0) {
                MUST(why && *why && usec == -1);
                return;
        }
        MUST(usec >= 0 && usec <= INT64_C(36525) * USEC_PER_DAY);
        MUST(duration_print(usec, printed, sizeof(printed)) == strlen(printed));
        MUST(duration_parse(printed, &again, NULL) == 0 && again == usec);
}

static void check_instant(const char *text, const struct tz *zone)
{
        struct wall t, again, end;
        char printed[48];
        bool local;

        if (instant_parse(text, NULL, false, &t, &local) < 0) {
                MUST(instant_parse(text, zone, false, &t, NULL) < 0);
                return;
        }
        MUST(instant_parse(text, zone, false, &again, NULL) == 0 && (local || again.usec == t.usec));
        MUST(instant_parse(text, zone, true, &end, NULL) == 0 && end.usec >= again.usec);
        MUST(wall_print_rfc3339(again, zone, 0, printed, sizeof(printed)) == strlen(printed));
        /* Years 0 and 10000 are near enough to be printed, but not read. */
        if (again.usec > INT64_C(-62135596800) * USEC_PER_SEC + USEC_PER_DAY &&
            again.usec < INT64_C(253402300800) * USEC_PER_SEC - USEC_PER_DAY)
                MUST(instant_parse(printed, NULL, false, &t, &local) == 0 && !local && t.usec == again.usec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct tz *zone;
        struct wall now = WALL_SEC(1774746000), t;
        char text[256];

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (!zone)
                zone = zone_of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        check_duration(text);
        check_instant(text, zone);
        for (int past = 0; past <= 1; past++)
                if (timeword_parse(text, zone, now, WALL_SEC(1774000000), past, &t) == 0 && *text >= '0' &&
                    *text <= '9' && !strchr(text, '-'))
                        MUST(past ? t.usec <= now.usec : t.usec > now.usec); /* a time of day, alone */
        return 0;
}
