/* The conformance cases for schedules, collected from the test suites of other schedulers: every case in the `vixie`
 * and `seconds` dialects that holds for us must hold, and so must those of other dialects in which the same text means
 * the same.  Reads all *.jsonl of the shared data if they are there, else the copy in tests/data/schedules. */
#include <dirent.h>
#include <jansson.h>

#include "../../lib/tap.h"
#include "calendar/calendar.h"
#include "calendar/timeparse.h"
#include "zone.h"

static struct {
        unsigned all, other_meaning, other_daylight, exceptions, no_zone, held, held_of_others, failed;
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

/* Other languages for the same five or six fields: whether six are read as ours are, whether 0 is Sunday, and
 * whether of two restricted fields of days either may match.  (Some have a sixth field for the year, or for seconds
 * at the end.) */
static const struct {
        const char *dialect;
        bool six, sunday_is_0, either;
} dialects[] = {
        { "ccronexpr", true, true, false },      { "cron-parser", true, true, true },
        { "croner", true, true, false },         { "cronie", false, true, true },
        { "croniter", false, true, false },      { "cronos", true, true, false },
        { "dragonmantank", false, true, true },  { "fugit", true, true, true },
        { "gorhill", false, true, true },        { "gronx", false, true, true },
        { "parse-crontab", false, true, false }, { "quartz", true, false, false },
        { "robfig", true, true, true },          { "saffron", true, false, true },
};

static unsigned split(const char *expr, char buf[256], char *fields[8])
{
        unsigned n = 0;
        char *save;

        snprintf(buf, 256, "%s", expr);
        for (char *f = strtok_r(buf, " \t", &save); f && n < 8; f = strtok_r(NULL, " \t", &save))
                fields[n++] = f;
        return n;
}

static bool is_all(const char *field)
{
        return strcmp(field, "*") == 0 || strcmp(field, "?") == 0;
}

/* A number, or the number of a name, at *p; -1: neither. */
static int value_at(const char **p)
{
        static const char *const names = "sunmontuewedthufrisat janfebmaraprmayjunjulaugsepoctnovdec";
        int v = 0;

        for (const char *n = names; *n; n += n[3] == ' ' ? 4 : 3)
                if (strncasecmp(*p, n, 3) == 0) {
                        *p += 3;
                        return n < names + 21 ? (int)(n - names) / 3 : (int)(n - names - 22) / 3 + 1;
                }
        if (**p < '0' || **p > '9')
                return -1;
        for (; **p >= '0' && **p <= '9' && v < 1000; (*p)++)
                v = v * 10 + **p - '0';
        return v;
}

/* `a/n`, which we refuse because it is read in two ways; a range that runs downwards; names of more than three letters;
 * `L5` for the last Friday, `5#L`, `5#-1` and other forms that we don't have. */
static bool is_foreign(const char *field)
{
        for (const char *p = field; p; p = strchr(p, ','), p = p ? p + 1 : NULL) {
                const char *q = p;
                int a = value_at(&q), b;
                bool sunday;

                if (a < 0 && strchr("Ll", *p) && *p && p[1] >= '0' && p[1] <= '9')
                        return true;
                if (a < 0 && !strchr("*?LlHh", *p))
                        return true;
                if (a >= 0 && (*q == '/' || (*q == '#' && (q[1] < '1' || q[1] > '5'))))
                        return true;
                if (a >= 0 && *q && !strchr("-,#LlWw", *q))
                        return true;
                if (a < 0 || *q != '-')
                        continue;
                q++;
                sunday = strncasecmp(q, "sun", 3) == 0;
                b = value_at(&q);
                if ((sunday && a > 0 ? 7 : b) < a || (*q && *q != ',' && *q != '/'))
                        return true;
        }
        return false;
}

/* Whether the text means there what it means here. */
static bool means_the_same(const char *dialect, const char *expr)
{
        char buf[256], *fields[8], *dom, *dow;
        unsigned n = split(expr, buf, fields);
        size_t i = 0;

        while (i < sizeof(dialects) / sizeof(dialects[0]) && strcmp(dialects[i].dialect, dialect) != 0)
                i++;
        if (i == sizeof(dialects) / sizeof(dialects[0]) || (n != 5 && (n != 6 || !dialects[i].six)))
                return false;
        dom = fields[n - 3];
        dow = fields[n - 1];
        if (!is_all(dom) && !is_all(dow) && (!dialects[i].either || *dom == '*' || *dow == '*'))
                return false;
        if (!dialects[i].sunday_is_0 && strpbrk(dow, "01234567"))
                return false;
        for (unsigned k = 0; k < n; k++)
                if (is_foreign(fields[k]))
                        return false;
        return true;
}

/* What is the same text, and yet not ours. */
static const struct {
        const char *dialect, *part, *why;
} exceptions[] = {
        { "ccronexpr", " L", "an L alone in day-of-week, Saturday or Sunday elsewhere, is an error here" },
        { "croniter", "31W", "takes the last weekday in a month without a 31st; here such a month doesn't match" },
};

static bool is_exception(const char *dialect, const char *expr)
{
        for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
                size_t n = strlen(exceptions[i].part), length = strlen(expr);

                if (strcmp(exceptions[i].dialect, dialect) == 0 &&
                    (*exceptions[i].part == ' ' ? length > n && strcmp(expr + length - n, exceptions[i].part) == 0
                                                : strstr(expr, exceptions[i].part) != NULL))
                        return true;
        }
        return false;
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

static bool list_only;

static void check_row(const json_t *row)
{
        const char *id = json_string_value(json_object_get(row, "id")),
                   *expr = json_string_value(json_object_get(row, "expr"));
        const char *dialect = json_string_value(json_object_get(row, "dialect"));
        bool invalid = json_is_true(json_object_get(row, "invalid")), held, own;
        struct calendar_error error = { .position = SIZE_MAX };
        const struct tz *tz;
        struct calendar c;
        int r;

        count.all++;
        own = dialect && (strcmp(dialect, "vixie") == 0 || strcmp(dialect, "seconds") == 0);
        if (!own && (!dialect || !expr || invalid || !means_the_same(dialect, expr))) {
                count.other_meaning++;
                return;
        }
        if (!invalid && !has_policy(row)) {
                count.other_daylight++;
                return;
        }
        if (is_exception(dialect, expr)) {
                count.exceptions++;
                return;
        }
        if (list_only) {
                json_dumpf(row, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
                putchar('\n');
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
        count.held_of_others += held && !own;
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
        if (!list_only)
                ok(count.failed == before, "%s: %u cases hold", name, count.held - held);
}

int main(int argc, char **argv)
{
        const char *top = getenv("top_srcdir");
        struct dirent **files;
        char dir[512];
        int n;

        list_only = argc > 1 && strcmp(argv[1], "--list") == 0;
        snprintf(dir, sizeof(dir), "%s/../shared/data/schedules", top ? top : ".");
        n = getenv("JOBSCHEDD_OWN_CASES") ? 0 : scandir(dir, &files, is_jsonl, alphasort);
        if (n <= 0) {
                snprintf(dir, sizeof(dir), "%s/tests/data/schedules", top ? top : ".");
                n = scandir(dir, &files, is_jsonl, alphasort);
        }
        if (!list_only)
                diag("cases of %s", dir);
        for (int i = 0; i < n; i++) {
                check_file(dir, files[i]->d_name);
                free(files[i]);
        }
        if (n > 0)
                free(files);
        while (zones) {
                struct zone *next = zones->next;

                tz_free(zones->tz);
                free(zones);
                zones = next;
        }
        if (list_only)
                return 0;
        diag("%u cases: %u hold (%u of them of other dialects), %u fail; left out: %u that mean something else there, "
             "%u where others do something else about daylight saving, %u exceptions, %u whose zone is missing here",
             count.all, count.held, count.held_of_others, count.failed, count.other_meaning, count.other_daylight,
             count.exceptions, count.no_zone);
        ok(count.held_of_others > 200, "over two hundred of them are of other dialects");
        ok(count.exceptions * 100 < count.held, "less than one in a hundred is an exception");
        ok(count.held > 1000, "over a thousand cases were tried");
        ok(count.no_zone * 100 < count.held, "less than one in a hundred is left out for want of zone data");
        return tap_done();
}
