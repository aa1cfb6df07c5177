/* firedump: reads questions from standard input, one a line, fields separated by tabs:
 *   FILE FROM UNTIL EXPRESSION [EXPRESSION …]
 * (`wall ` in front of an expression: under `dst: wall`),
 * and answers each in one line: the instants in (FROM, UNTIL] of the expressions' union in that zone, found one after
 * the other; then, behind a `|`, what schedule_count() and schedule_last() say.  For test-next.py. */
#include <inttypes.h>

#include "calendar/schedule.h"
#include "zone.h"

#define EXPRESSIONS_MAX 8

static struct tz *zone;
static char *zone_file;

static bool use_zone(const char *file)
{
        size_t size;
        void *data;

        if (zone_file && strcmp(zone_file, file) == 0)
                return true;
        free(zone_file);
        zone_file = strdup(file);
        zone = tz_free(zone);
        data = zone_read(file, &size);
        if (data)
                (void)tz_new(file, data, size, &zone);
        free(data);
        return zone;
}

static bool answer(char *line)
{
        struct calendar entries[EXPRESSIONS_MAX];
        struct schedule s = { .entries = entries, .start = { INT64_MIN }, .end = WALL_NEVER };
        struct calendar_error error;
        struct wall from, until, t;
        char *save, *word = strtok_r(line, "\t", &save);

        if (!word || !use_zone(word))
                return false;
        s.zone = zone;
        from = WALL_SEC(strtoll(strtok_r(NULL, "\t", &save), NULL, 10));
        until = WALL_SEC(strtoll(strtok_r(NULL, "\t", &save), NULL, 10));
        while (s.n < EXPRESSIONS_MAX && (word = strtok_r(NULL, "\t\n", &save))) {
                bool by_clock = strncmp(word, "wall ", 5) == 0;

                if (calendar_parse(by_clock ? word + 5 : word, NULL, &entries[s.n], &error) < 0) {
                        fprintf(stderr, "%s: %s\n", word, error.message);
                        return false;
                }
                if (by_clock)
                        calendar_set_wall(&entries[s.n]);
                s.n++;
        }
        t = from;
        while (schedule_next(&s, t, (struct wall){ INT64_MIN }, &t) == 0 && t.usec <= until.usec)
                printf("%" PRId64 " ", wall_sec(t));
        printf("| %" PRIu64, schedule_count(&s, from, (struct wall){ INT64_MIN }, until));
        if (schedule_last(&s, from, (struct wall){ INT64_MIN }, until, &t) == 0)
                printf(" %" PRId64, wall_sec(t));
        printf("\n");
        return true;
}

int main(void)
{
        char *line = NULL;
        size_t size = 0;
        bool good = true;

        while (good && getline(&line, &size, stdin) > 0)
                good = answer(line);
        free(line);
        free(zone_file);
        tz_free(zone);
        return good ? 0 : 1;
}
