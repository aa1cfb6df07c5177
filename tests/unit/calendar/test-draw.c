/* What `H` and `~` draw: within their range, spread evenly, the same at every reading, and each for itself. */
#include "../../lib/tap.h"
#include "calendar/calendar.h"

#define MACHINE 4711

static struct calendar read_as(const char *text, const char *job, uint64_t machine)
{
        struct calendar_draw draw = calendar_draw_of(job, machine);
        struct calendar_error error = {};
        struct calendar c = {};

        if (calendar_parse(text, &draw, &c, &error) < 0)
                diag("%s: %s", text, error.message);
        return c;
}

static bool equal(const struct calendar *a, const struct calendar *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

static const char *name_of(unsigned i)
{
        static char name[32];

        snprintf(name, sizeof(name), "job-%u", i);
        return name;
}

/* The bits that 2,000 jobs draw, together; how often the most frequent one came in *ret_most. */
static uint64_t drawn(const char *text, size_t offset, size_t width, unsigned *ret_most)
{
        unsigned count[64] = {};
        uint64_t all = 0;

        *ret_most = 0;
        for (unsigned i = 0; i < 2000; i++) {
                struct calendar c = read_as(text, name_of(i), MACHINE);
                uint64_t bits = 0;

                memcpy(&bits, (const char *)&c + offset, width);
                all |= bits;
                for (unsigned v = 0; v < 64; v++)
                        count[v] += bits >> v & 1;
        }
        for (unsigned v = 0; v < 64; v++)
                *ret_most = MAX(*ret_most, count[v]);
        return all;
}

static void test_ranges(void)
{
#define AT(field) offsetof(struct calendar, field), sizeof(((struct calendar *)NULL)->field)
        static const struct {
                const char *text;
                size_t offset, width;
                uint64_t bits;
                unsigned most; /* 2,000 by the number of values, and something */
        } rows[] = {
                { "H * * * *", AT(minute), (UINT64_C(1) << 60) - 1, 60 },
                { "h * * * * *", AT(second), (UINT64_C(1) << 60) - 1, 60 },
                { "0 H * * *", AT(hour), 0xffffff, 120 },
                { "0 0 H * *", AT(dom), 0x1ffffffe, 110 },
                { "0 0 1 H *", AT(month), 0x1ffe, 220 },
                { "0 0 * * H", AT(dow), 0x7f, 340 },
                { "H(10-19) * * * *", AT(minute), UINT64_C(0x3ff) << 10, 250 },
                { "0 0 H(20-31) * *", AT(dom), 0xfff00000, 220 },
                { "0 0 H(25-31) 2 *", AT(dom), 0x3e000000, 470 },
                { "0 0 * * H(mon-fri)", AT(dow), 0x3e, 470 },
                { "0 0 * * H(fri-sun)", AT(dow), 0x61, 750 },
                { "0~59 * * * *", AT(minute), (UINT64_C(1) << 60) - 1, 60 },
                { "0 9~17 * * *", AT(hour), 0x3fe00, 280 },
                { "0 0 1~31 * *", AT(dom), 0xfffffffe, 110 },
                { "0 0 1~31 2 *", AT(dom), 0x3ffffffe, 110 },
                { "0 0 1~31 4,6 *", AT(dom), 0x7ffffffe, 110 },
                { "0 0 * * sat~sun", AT(dow), 0x41, 1100 },
                { "5~5 * * * *", AT(minute), 32, 2000 },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                unsigned most;
                uint64_t all = drawn(rows[i].text, rows[i].offset, rows[i].width, &most);

                ok(all == rows[i].bits, "%s: 2,000 jobs draw every value of the range, and no other", rows[i].text);
                if (!ok(most <= rows[i].most, "%s: evenly", rows[i].text))
                        diag("%u drew the same", most);
        }
}

/* `H/n`: from a value below n on, to the end. */
static void test_steps(void)
{
        unsigned bad = 0;
        uint32_t starts = 0, starts_of_range = 0;

        for (unsigned i = 0; i < 500; i++) {
                struct calendar c = read_as("H/15 2 * * *", name_of(i), MACHINE),
                                d = read_as("H(0-29)/10 2 * * *", name_of(i), MACHINE);
                unsigned first = (unsigned)__builtin_ctzll(c.minute), first_d = (unsigned)__builtin_ctzll(d.minute);

                bad += first >= 15 || c.minute != UINT64_C(0x200040008001) << first || !c.interval;
                bad += first_d >= 10 || d.minute != UINT64_C(0x100401) << first_d || d.interval;
                starts |= 1u << first;
                starts_of_range |= 1u << first_d;
        }
        ok(bad == 0, "H/15 and H(0-29)/10 are four and three minutes; the first alone makes an interval");
        ok(starts == 0x7fff && starts_of_range == 0x3ff, "their first minute is any below the step");
}

static void test_independence(void)
{
        unsigned same_fields = 0, same_expressions = 0, same_machines = 0, same_jobs = 0, moved = 0, twice = 0;

        for (unsigned i = 0; i < 1000; i++) {
                struct calendar_draw draw = calendar_draw_of(name_of(i), MACHINE);
                struct calendar c, d, x;

                c = read_as("H H * * *", name_of(i), MACHINE);
                same_fields += (uint32_t)c.minute == c.hour;
                /* One after the other, a plain one between them. */
                calendar_parse("H * * * *", &draw, &c, NULL);
                calendar_parse("7 7 * * *", &draw, &x, NULL);
                calendar_parse("H * * * *", &draw, &d, NULL);
                same_expressions += c.minute == d.minute;
                draw = calendar_draw_of(name_of(i), MACHINE);
                calendar_parse("7 7 * * *", &draw, &x, NULL);
                calendar_parse("H * * * *", &draw, &x, NULL);
                moved += x.minute != c.minute;
                calendar_parse("H * * * *", &draw, &x, NULL);
                moved += x.minute != d.minute;
                /* More values, other fields, six fields: what was drawn stays. */
                d = read_as("0,H 3,H 1 * mon", name_of(i), MACHINE);
                moved += (d.minute | 1) != (c.minute | 1);
                d = read_as("H,59 H/2 * * *", name_of(i), MACHINE);
                moved += (d.minute | c.minute) != d.minute;
                d = read_as("H H * * * *", name_of(i), MACHINE);
                moved += d.minute != c.minute;
                d = read_as("H,H * * * *", name_of(i), MACHINE);
                moved += (d.minute | c.minute) != d.minute;
                twice += __builtin_popcountll(d.minute) == 1;
                /* Another machine, another job. */
                d = read_as("H * * * *", name_of(i), MACHINE + 1);
                moved += d.minute != c.minute;
                c = read_as("0~59 * * * *", name_of(i), MACHINE);
                d = read_as("0~59 * * * *", name_of(i), MACHINE + 1);
                same_machines += c.minute == d.minute;
                d = read_as("0~59 * * * *", name_of(i + 1000), MACHINE);
                same_jobs += c.minute == d.minute;
        }
        is_int(moved, 0,
               "what an H draws hangs on nothing but the job, the expression's place among those that draw, "
               "the field, and its place there");
        ok(same_fields < 40, "two fields draw each for itself (%u of 1,000 the same, by chance)", same_fields);
        ok(same_expressions < 40, "two expressions of a job too (%u)", same_expressions);
        ok(twice < 40, "and two in one field (%u)", twice);
        ok(same_machines < 40, "~ differs from machine to machine (%u)", same_machines);
        ok(same_jobs < 40, "and from job to job (%u)", same_jobs);
}

/* These never change: jobs stay at their times over an upgrade. */
static void test_stable(void)
{
        static const struct {
                const char *job, *text, *canonical;
        } rows[] = {
                { "backup-db", "H H * * *", "39 1 * * *" },
                { "etl/extract", "H/15 * * * *", "11-56/15 * * * *" },
                { "dump.app", "H(0-29)/10 H(1-5) H * *", "8-28/10 5 25 * *" },
                { "backup-db", "0~59 1~5 * * *", "12 5 * * *" },
                { "", "H * * * *", "35 * * * *" },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct calendar c = read_as(rows[i].text, rows[i].job, MACHINE);
                char text[CALENDAR_PRINT_SIZE];

                calendar_print(&c, text, sizeof(text));
                is_str(text, rows[i].canonical, rows[i].text);
        }
        for (unsigned i = 0; i < 2; i++) {
                struct calendar nobody, c;
                struct calendar_draw none = {};

                calendar_parse("H 0~9 * * *", NULL, &nobody, NULL);
                calendar_parse("H 0~9 * * *", &none, &c, NULL);
                ok(equal(&nobody, &c), "without a job there is a draw as well");
        }
}

/* Printed and read again under the same draw. */
static void test_print(void)
{
        static const char *const texts[] = {
                "H/15 2 * * *",           "H/15 0 * * *",    "H/7 3-5 * * *",      "H/60 2 * * *",
                "H/59,7 2 * * *",         "H/2,H/3 2 * * *", "5 H/5 * * *",        "5 H/24 * * *",
                "H/7 H/5 H/13 * * *",     "H/7 5 5 * * *",   "H(0-29)/10 2 * * *", "H 2 * * *",
                "0~59 1~5 1~28 1~12 0~6", "H H H H H H",     "H/1 3 * * *",        "H,H/15 2 * * *",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                unsigned bad = 0;

                for (unsigned k = 0; k < 200; k++) {
                        struct calendar c = read_as(texts[i], name_of(k), MACHINE), d;
                        char text[CALENDAR_PRINT_SIZE];

                        if (calendar_print(&c, text, sizeof(text)) < sizeof(text))
                                d = read_as(text, name_of(k), MACHINE);
                        if (!equal(&c, &d) && bad++ == 0)
                                diag("%s is printed as %s", texts[i], text);
                }
                ok(bad == 0, "%s: what is printed is read as the same", texts[i]);
        }
}

static void test_wall(void)
{
        struct calendar c = read_as("30 2 * * *", "", MACHINE), before = c;
        char text[CALENDAR_PRINT_SIZE];

        calendar_set_wall(&c);
        ok(c.interval && !before.interval, "dst: wall makes an interval of any expression");
        calendar_print(&c, text, sizeof(text));
        is_str(text, "30 2 * * *", "that does not show in its text");
        c = before = read_as("@at 2026-12-24T18:00", "", MACHINE);
        calendar_set_wall(&c);
        ok(equal(&c, &before), "@at stays fixed");
}

int main(void)
{
        test_ranges();
        test_steps();
        test_independence();
        test_stable();
        test_print();
        test_wall();
        return tap_done();
}
