/* The conformance cases for schedules, collected from the test suites of other schedulers: every case in the `vixie`
 * and `seconds` dialects that holds for us must hold.  Reads all *.jsonl of the shared data if they are there, else the
 * copy in tests/data/schedules. */
#include <dirent.h>
#include <jansson.h>

#include "../../lib/tap.h"
#include "calendar/calendar.h"
#include "calendar/timeparse.h"
#include "zone.h"

static struct {
        unsigned all, other_dialect, not_normative, later, no_zone, held, failed;
} count;

static struct zone {
        struct tz *tz;
        struct zone *next;
} * zones;

static const struct tz *zone_get(const char *name)
{
        struct zone *z;

        if (!name || strcmp(name, "UTC") == 0)
                return tz_utc();
        for (z = zones; z; z = z->next)
                if (strcmp(tz_name(z->tz), name) == 0)
                        return z->tz;
        z = calloc(1, sizeof(*z));
        z->tz = zone_load(name);
        if (!z->tz) {
                free(z);
                return NULL;
        }
        z->next = zones;
        zones = z;
        return z->tz;
}

static bool has_policy(const json_t *row)
{
        size_t i;
        json_t *p;

        json_array_foreach(json_object_get(row, "policies"), i, p)
                if (strcmp(json_string_value(p), "any") == 0 || strcmp(json_string_value(p), "jobschedd") == 0)
                        return true;
        return false;
}

/* The part of the language that is not built yet: L W # ~ H, years. */
static bool is_later(const char *expr)
{
        unsigned fields = 0;

        if (*expr == '@')
                return strncasecmp(expr, "@after", 6) == 0;
        for (const char *p = expr; *p;) {
                size_t n = strcspn(p, " ");

                fields += n > 0;
                if (memchr(p, '#', n) || memchr(p, '~', n) || memchr(p, 'H', n) ||
                    (n > 0 && !strchr("JjMmNn", *p) &&
                     (memchr(p, 'L', n) || (memchr(p, 'W', n) && !strcasestr(p, "wed")))))
                        return true;
                p += n;
                p += strspn(p, " ");
        }
        return fields > 6;
}

static int64_t instant(const char *text)
{
        struct wall t = { -1 };

        if (instant_parse(text, tz_utc(), false, &t, NULL) < 0)
                diag("%s is not an instant", text);
        return wall_sec(t);
}

static bool fires_as_said(const json_t *row, const struct calendar *c, const struct tz *tz, const char *id)
{
        struct wall t = WALL_SEC(instant(json_string_value(json_object_get(row, "from")))), next;
        json_t *expect = json_object_get(row, "expect"), *v;
        char text[64];
        size_t i;

        json_array_foreach(json_object_get(row, "absent"), i, v)
                if (calendar_next(c, tz, WALL_SEC(0), t, &next) == 0 &&
                    wall_sec(next) == instant(json_string_value(v))) {
                        diag("%s: fires at %s", id, json_string_value(v));
                        return false;
                }
        if (json_is_array(expect) && json_array_size(expect) == 0 && calendar_next(c, tz, WALL_SEC(0), t, &next) == 0) {
                diag("%s: fires, but never should", id);
                return false;
        }
        json_array_foreach(expect, i, v) {
                if (calendar_next(c, tz, WALL_SEC(0), t, &next) < 0) {
                        diag("%s: never fires, wanted %s", id, json_string_value(v));
                        return false;
                }
                t = next;
                if (wall_sec(t) != instant(json_string_value(v))) {
                        wall_print_rfc3339(t, tz, 0, text, sizeof(text));
                        diag("%s: fire %zu is %s, wanted %s", id, i + 1, text, json_string_value(v));
                        return false;
                }
        }
        return true;
}

static void check_row(const json_t *row)
{
        const char *id = json_string_value(json_object_get(row, "id")),
                   *expr = json_string_value(json_object_get(row, "expr"));
        const char *dialect = json_string_value(json_object_get(row, "dialect"));
        bool invalid = json_is_true(json_object_get(row, "invalid")), held;
        struct calendar_error error = { .position = SIZE_MAX };
        const struct tz *tz;
        struct calendar c;
        int r;

        count.all++;
        if (!dialect || (strcmp(dialect, "vixie") != 0 && strcmp(dialect, "seconds") != 0)) {
                count.other_dialect++;
                return;
        }
        if (!invalid && !has_policy(row)) {
                count.not_normative++;
                return;
        }
        if (!invalid && is_later(expr)) {
                count.later++;
                return;
        }
        tz = zone_get(json_string_value(json_object_get(row, "tz")));
        if (!tz) {
                count.no_zone++;
                return;
        }
        r = calendar_parse(expr, NULL, &c, &error);
        if (invalid) {
                held = r < 0 && error.position <= strlen(expr) && *error.message;
                if (!held)
                        diag("%s: \"%s\" must be rejected", id, expr);
        } else if (r < 0) {
                diag("%s: \"%s\" is refused: %s", id, expr, error.message);
                held = false;
        } else {
                held = fires_as_said(row, &c, tz, id);
        }
        count.held += held;
        count.failed += !held;
}

static int is_jsonl(const struct dirent *d)
{
        size_t n = strlen(d->d_name);

        return n > 6 && strcmp(d->d_name + n - 6, ".jsonl") == 0;
}

static void check_file(const char *dir, const char *name)
{
        char path[1024];
        unsigned before = count.failed, held = count.held;
        char *line = NULL;
        size_t size = 0;
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "r");
        if (!f) {
                ok(false, "%s can be read", path);
                return;
        }
        while (getline(&line, &size, f) > 0) {
                json_error_t e;
                json_t *row = json_loads(line, 0, &e);

                if (row)
                        check_row(row);
                else
                        count.failed++;
                json_decref(row);
        }
        free(line);
        fclose(f);
        ok(count.failed == before, "%s: %u cases hold", name, count.held - held);
}

int main(void)
{
        const char *top = getenv("top_srcdir");
        struct dirent **files;
        char dir[512];
        int n;

        snprintf(dir, sizeof(dir), "%s/../shared/data/schedules", top ? top : ".");
        n = scandir(dir, &files, is_jsonl, alphasort);
        if (n <= 0) {
                snprintf(dir, sizeof(dir), "%s/tests/data/schedules", top ? top : ".");
                n = scandir(dir, &files, is_jsonl, alphasort);
        }
        diag("cases of %s", dir);
        for (int i = 0; i < n; i++) {
                check_file(dir, files[i]->d_name);
                free(files[i]);
        }
        if (n > 0)
                free(files);
        diag("%u cases: %u hold, %u fail; left out: %u in other dialects, %u that say what others do, "
             "%u of the later language, %u whose zone is missing here",
             count.all, count.held, count.failed, count.other_dialect, count.not_normative, count.later, count.no_zone);
        ok(count.held > 1000, "over a thousand cases were tried");
        ok(count.no_zone * 100 < count.held, "less than one in a hundred is left out for want of zone data");
        while (zones) {
                struct zone *next = zones->next;

                tz_free(zones->tz);
                free(zones);
                zones = next;
        }
        return tap_done();
}
