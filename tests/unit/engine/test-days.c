/* Instants that must not run, or run on another day: each has its row, in time and afterwards. */
#include "calendar/civil.h"
#include "story.h"

static int32_t day(const char *text)
{
        char with_time[32];

        snprintf(with_time, sizeof(with_time), "%s 00:00:00", text);
        return (int32_t)floor_div(parse_time(with_time), DAY);
}

/* `exclude` is a range of days, or an expression. */
static struct job *job_without(const char *name, const char *schedule, const char *first, const char *last)
{
        struct job *j = job(name, schedule);

        j->policy->exclude = calloc(1, sizeof(*j->policy->exclude));
        assert(j->policy->exclude);
        j->policy->n_exclude = 1;
        if (last) {
                j->policy->exclude[0].dates = (struct day_range){ day(first), day(last) };
        } else {
                j->policy->exclude[0].kind = EXCLUDE_EXPRESSION;
                assert(calendar_parse(first, NULL, &j->policy->exclude[0].expression, NULL) == 0);
        }
        return j;
}

static void in_time(void)
{
        struct job_view v;

        story("2026-12-23 08:00:00");
        put(job_without("a", "0 9 * * *", "2026-12-24", "2026-12-26"));
        boot(false);
        at("2026-12-23 09:00:00");
        runs_well(1, 1);
        v = look("a");
        is_int(v.next.usec, parse_time("2026-12-27 09:00:00"), "what is excluded is not next");
        tells("a run", "09:00:00 a due -> starting (run 1)\n09:00:00 start 1.1\n");
        at("2026-12-27 08:00:00");
        tells("three days are one row that grows",
              "09:00:00 a due -> skipped (excluded) (run 2)\n"
              "09:00:00 run 2 covers 09:00:00..09:00:00 x2\n"
              "09:00:00 run 2 covers 09:00:00..09:00:00 x3\n");
        at("2026-12-27 09:00:00");
        tells("and then it runs", "09:00:00 a due -> starting (run 3)\n09:00:00 start 3.1\n");
        story_end();
}

static void moved(void)
{
        struct job *j;

        story("2026-12-23 08:00:00");
        j = job_without("a", "0 9 * * 4|0 9 * * 1", "2026-12-24", "2026-12-27");
        j->policy->move = DAYS_MOVE_NEXT;
        put(j);
        boot(false);
        at("2026-12-28 08:00:00");
        tells("nothing is said of the day it moved from", "");
        at("2026-12-28 10:00:00");
        tells("it runs on the day that it moved to, once", "09:00:00 a due -> starting (run 1)\n09:00:00 start 1.1\n");
        runs_well(1, 1);
        at("2026-12-31 09:00:00");
        tells("then as always", "09:00:00 a due -> starting (run 2)\n09:00:00 start 2.1\n");
        story_end();
}

static struct tz *rule(const char *text)
{
        /* TZif: no transitions, one type that is never used, and the rule. */
        static const uint8_t block[54] = { 'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4, [50] = 'X', 'X', 'X' };
        uint8_t data[300];
        size_t n = strlen(text);
        struct tz *tz = NULL;

        memcpy(data, block, 54);
        memcpy(data + 54, block, 54);
        data[108] = '\n';
        memcpy(data + 109, text, n);
        data[109 + n] = '\n';
        assert(tz_new("test", data, 110 + n, &tz) == 0);
        return tz;
}

static void clocks_change(void)
{
        struct tz *berlin = rule("CET-1CEST,M3.5.0,M10.5.0/3");
        struct job *j;

        story("2026-03-29 00:51:00");
        j = job("a", "*/5 * * * *");
        j->policy->dst = DAYS_DST_SKIP;
        j->policy->zone = berlin;
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("00:59:00");
        tells("before the gap", "00:55:00 a due -> starting (run 1)\n00:55:00 start 1.1\n");
        at("01:00:00");
        tells("twelve local times are skipped, and 03:00 is due",
              "01:00:00 a due 01:00:00..01:00:00 x12 -> skipped (dst) (run 2)\n"
              "01:00:00 a due -> starting (run 3)\n01:00:00 start 3.1\n");
        crash();
        down_until("2026-10-24 23:56:00");
        boot(false);
        tick();
        skip();
        at("2026-10-25 00:59:00");
        tells("the first pass is one row",
              "00:00:00 a due -> skipped (dst) (run 6)\n"
              "00:05:00 run 6 covers 00:00:00..00:05:00 x2\n00:10:00 run 6 covers 00:00:00..00:10:00 x3\n"
              "00:15:00 run 6 covers 00:00:00..00:15:00 x4\n00:20:00 run 6 covers 00:00:00..00:20:00 x5\n"
              "00:25:00 run 6 covers 00:00:00..00:25:00 x6\n00:30:00 run 6 covers 00:00:00..00:30:00 x7\n"
              "00:35:00 run 6 covers 00:00:00..00:35:00 x8\n00:40:00 run 6 covers 00:00:00..00:40:00 x9\n"
              "00:45:00 run 6 covers 00:00:00..00:45:00 x10\n00:50:00 run 6 covers 00:00:00..00:50:00 x11\n"
              "00:55:00 run 6 covers 00:00:00..00:55:00 x12\n");
        at("2026-10-25 01:59:00");
        tells("nothing is said of the second", "");
        at("2026-10-25 02:00:00");
        tells("then it goes on", "02:00:00 a due -> starting (run 7)\n02:00:00 start 7.1\n");
        story_end();
        tz_free(berlin);
}

/* What passed while nobody was there. */
static void passed(enum job_catch_up catch_up, int64_t deadline, const char *name, const char *story_text)
{
        struct job *j;

        story("2026-12-21 08:00:00");
        j = job_without("a", "0 9 * * *", "2026-12-24", "2026-12-26");
        j->policy->catch_up = (uint8_t)catch_up;
        j->policy->catch_up_limit = 3;
        j->policy->starting_deadline_usec = deadline;
        put(j);
        boot(false);
        crash();
        down_until("2026-12-28 12:00:00");
        boot(false);
        tick();
        tells(name, story_text);
        story_end();
}

static void afterwards(void)
{
        passed(CATCH_UP_LATEST, -1, "latest: rows in order, none over another",
               "12:00:00 a due 09:00:00..09:00:00 x3 -> missed (down) (run 1)\n"
               "12:00:00 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 2)\n"
               "12:00:00 a due 09:00:00 -> missed (down) (run 3)\n"
               "12:00:00 a caught up 09:00:00 -> starting, chained (run 4)\n"
               "12:00:00 start 4.1\n");
        passed(CATCH_UP_SKIP, -1, "skip",
               "12:00:00 a due 09:00:00..09:00:00 x3 -> missed (down) (run 1)\n"
               "12:00:00 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 2)\n"
               "12:00:00 a due 09:00:00..09:00:00 x2 -> missed (down) (run 3)\n");
        passed(CATCH_UP_ALL, -1, "all: the newest three; what is excluded is not counted among them",
               "12:00:00 a due 09:00:00..09:00:00 x2 -> missed (limit) (run 1)\n"
               "12:00:00 a caught up 09:00:00 -> starting, chained (run 2)\n"
               "12:00:00 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 3)\n"
               "12:00:00 a caught up 09:00:00 -> queued (chain), chained (run 4)\n"
               "12:00:00 a caught up 09:00:00 -> queued (chain), chained (run 5)\n"
               "12:00:00 start 2.1\n");
        passed(CATCH_UP_ALL, 30 * HOUR, "all, with a deadline",
               "12:00:00 a due 09:00:00..09:00:00 x3 -> missed (deadline) (run 1)\n"
               "12:00:00 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 2)\n"
               "12:00:00 a caught up 09:00:00 -> starting, chained (run 3)\n"
               "12:00:00 a caught up 09:00:00 -> queued (chain), chained (run 4)\n"
               "12:00:00 start 3.1\n");
        passed(CATCH_UP_LATEST, HOUR, "latest, and too late for it",
               "12:00:00 a due 09:00:00..09:00:00 x3 -> missed (down) (run 1)\n"
               "12:00:00 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 2)\n"
               "12:00:00 a due 09:00:00 -> missed (down) (run 3)\n"
               "12:00:00 a due 09:00:00 -> missed (deadline) (run 4)\n");
}

static void only_excluded(void)
{
        story("2026-12-23 10:00:00");
        put(job_without("a", "0 9 * * *", "2026-12-24", "2026-12-26"));
        boot(false);
        crash();
        down_until("2026-12-27 09:00:02");
        S.mono -= 2 * SECOND;
        boot(false);
        tick();
        tells("what was not to run anyway makes no catch-up of what is",
              "09:00:02 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 1)\n"
              "09:00:02 a caught up 09:00:00 -> starting, chained (run 2)\n09:00:02 start 2.1\n");
        runs_well(2, 1);
        sleep_until("2026-12-28 09:00:02");
        tells("nor is a late one on time", "09:00:02 a due 09:00:00 -> starting (run 3)\n09:00:02 start 3.1\n");
        story_end();
}

/* Rows are bounded, whatever the schedule. */
static void many_parts(void)
{
        struct job *j;
        uint64_t total = 0;
        unsigned rows;

        story("2026-01-01 00:30:00");
        j = job_without("a", "0,30 * * * *", "30 * * * *", NULL);
        j->policy->catch_up = CATCH_UP_SKIP;
        put(j);
        boot(false);
        crash();
        down_until("2026-02-01 00:10:00");
        rows = S.rows;
        boot(false);
        tick();
        is_int(S.rows - rows, 101, "the oldest are one row");
        for (int i = 1; i < 200; i++)
                total += S.runs[i].count;
        is_int(total, 31 * 48 - 1 + 0, "and every instant is in one");
        is_int(S.runs[1].reason, REASON_DOWN, "that says why");
        for (int i = 2; i < 102; i++)
                if (S.runs[i].scheduled_at.usec <= S.runs[i - 1].scheduled_until.usec)
                        ok(false, "run %d overlaps", i);
        story_end();
}

static void off(void)
{
        struct job *j;

        story("2026-12-23 08:00:00");
        j = job_without("a", "0 9 * * *", "2026-12-24", "2026-12-26");
        j->policy->enabled = false;
        put(j);
        boot(false);
        sleep_until("2026-12-28 10:00:00");
        tells("off is one row, whatever is excluded", "10:00:00 a due 09:00:00..09:00:00 x6 -> skipped (disabled) (run 1)\n");
        command(1, COMMAND_ENABLE, "a", 0);
        command(2, COMMAND_PAUSE, "a", 0);
        skip();
        sleep_until("2026-12-29 10:00:00");
        tells("a pause too", "10:00:00 a due 09:00:00 -> skipped (paused) (run 2)\n");
        story_end();

        story("2026-12-23 08:00:00");
        put(job_without("a", "0 9 * * *", "2026-12-24", "2026-12-26"));
        boot(false);
        hold(1, "a", NULL);
        skip();
        at("2026-12-26 10:00:00");
        put(job("a", "0 10 * * *"));
        tells("what a pause held back of a schedule that goes",
              "10:00:00 a due 09:00:00 -> missed (changed) (run 1)\n"
              "10:00:00 a due 09:00:00..09:00:00 x3 -> skipped (excluded) (run 2)\n");
        story_end();
}

/* Another calendar: before the change the old one counts, after it the new one. */
static void changed(void)
{
        story("2026-12-23 08:00:00");
        put(job_without("a", "0 9 * * *", "2026-12-24", "2026-12-25"));
        boot(false);
        at("2026-12-24 10:00:00");
        skip();
        put(job_without("a", "0 9 * * *", "2026-12-23", "2026-12-24"));
        tells("nothing happens at once", "");
        at("2026-12-25 09:00:00");
        tells("the new one", "09:00:00 a due -> skipped (concurrency) by run 1 (run 3)\n");
        story_end();
}

static void at_boot(void)
{
        story("2026-12-24 08:00:00");
        put(job_without("a", "@reboot", "2026-12-24", "2026-12-25"));
        boot(true);
        tells("a boot on an excluded day", "08:00:00 a booted -> skipped (excluded) (run 1)\n");
        story_end();
}

int main(void)
{
        in_time();
        moved();
        clocks_change();
        afterwards();
        only_excluded();
        many_parts();
        off();
        changed();
        at_boot();
        return tap_done();
}
