/* Instants that passed: while the daemon was down, the machine slept, the clock jumped over them. */
#include "story.h"

static struct job *hourly(enum job_catch_up how)
{
        struct job *j = job("a", "0 * * * *");

        j->policy->catch_up = (uint8_t)how;
        return j;
}

static void begin(struct job *j)
{
        put(j);
        boot(false);
        at("01:00:00");
        runs_well(1, 1);
        at("01:30:00");
        skip();
}

static void asleep(void)
{
        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_LATEST));
        sleep_until("05:30:00");
        tells("latest: the newest one runs, the others are one row",
              "05:30:00 a due 02:00:00..04:00:00 x3 -> missed (down) (run 2)\n"
              "05:30:00 a caught up 05:00:00 -> starting, chained (run 3)\n"
              "05:30:00 start 3.1\n");
        runs_well(3, 1);
        at("06:00:00");
        tells("and then as ever", "06:00:00 a due -> starting (run 4)\n"
                                  "06:00:00 start 4.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_SKIP));
        sleep_until("05:30:00");
        tells("skip: none runs", "05:30:00 a due 02:00:00..05:00:00 x4 -> missed (down) (run 2)\n");
        at("06:00:00");
        tells("but the next one", "06:00:00 a due -> starting (run 3)\n"
                                  "06:00:00 start 3.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_ALL));
        sleep_until("04:30:00");
        tells("all: a chain, oldest first", "04:30:00 a caught up 02:00:00 -> starting, chained (run 2)\n"
                                            "04:30:00 a caught up 03:00:00 -> queued (chain), chained (run 3)\n"
                                            "04:30:00 a caught up 04:00:00 -> queued (chain), chained (run 4)\n"
                                            "04:30:00 start 2.1\n");
        started(2, 1);
        at("05:00:00");
        tells("a regular instant joins its end", "04:30:00 run 2 -> running, chained\n"
                                                 "05:00:00 a due -> queued (chain), chained (run 5)\n");
        exits(2, 1, 1);
        tells("each after the end of the one before, however it ended", "05:00:00 run 2 -> failed (exit)\n"
                                                                        "05:00:00 run 3 -> starting, chained\n"
                                                                        "05:00:00 forget 2.1\n"
                                                                        "05:00:00 start 3.1\n");
        runs_well(3, 1);
        runs_well(4, 1);
        is_int(S.runs[5].state, RUN_STARTING, "to the last");
        story_end();
}

static void limit(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly(CATCH_UP_ALL);
        j->policy->catch_up_limit = 2;
        begin(j);
        sleep_until("06:30:00");
        tells("all, at most so many: the newest; the rest are one row",
              "06:30:00 a due 02:00:00..04:00:00 x3 -> missed (limit) (run 2)\n"
              "06:30:00 a caught up 05:00:00 -> starting, chained (run 3)\n"
              "06:30:00 a caught up 06:00:00 -> queued (chain), chained (run 4)\n"
              "06:30:00 start 3.1\n");
        story_end();
}

static void deadline(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly(CATCH_UP_ALL);
        j->policy->starting_deadline_usec = 2 * HOUR;
        begin(j);
        sleep_until("05:30:00");
        tells("all, with a deadline: what is later than that is missed",
              "05:30:00 a due 02:00:00..03:00:00 x2 -> missed (deadline) (run 2)\n"
              "05:30:00 a caught up 04:00:00 -> starting, chained (run 3)\n"
              "05:30:00 a caught up 05:00:00 -> queued (chain), chained (run 4)\n"
              "05:30:00 start 3.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        j = hourly(CATCH_UP_LATEST);
        j->policy->starting_deadline_usec = 10 * MINUTE;
        begin(j);
        sleep_until("02:10:00");
        tells("just in time", "02:10:00 a caught up 02:00:00 -> starting, chained (run 2)\n"
                              "02:10:00 start 2.1\n");
        runs_well(2, 1);
        sleep_until("04:10:01");
        tells("too late", "04:10:01 a due 03:00:00 -> missed (down) (run 3)\n"
                          "04:10:01 a due 04:00:00 -> missed (deadline) (run 4)\n");
        story_end();

        story("2026-03-02 00:30:00");
        j = hourly(CATCH_UP_LATEST);
        j->policy->starting_deadline_usec = SECOND;
        begin(j);
        sleep_until("02:00:04");
        ok(S.runs[2].state == RUN_STARTING || S.runs[2].reason == REASON_DEADLINE,
           "on time, or past a deadline of a second");
        story_end();
}

static void down(void)
{
        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_LATEST));
        crash();
        down_until("04:30:00");
        boot(false);
        tick();
        tells("down: the same", "04:30:00 a due 02:00:00..03:00:00 x2 -> missed (down) (run 2)\n"
                                "04:30:00 a caught up 04:00:00 -> starting, chained (run 3)\n"
                                "04:30:00 start 3.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_LATEST));
        crash();
        down_until("02:00:02");
        boot(false);
        tick();
        tells("what came before the start has passed, however short ago",
              "02:00:02 a caught up 02:00:00 -> starting, chained (run 2)\n"
              "02:00:02 start 2.1\n");
        story_end();
}

static void jump(void)
{
        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_LATEST));
        set_clock("04:30:00");
        tells("the clock jumped over them", "04:30:00 a due 02:00:00..03:00:00 x2 -> missed (clock) (run 2)\n"
                                            "04:30:00 a caught up 04:00:00 -> starting, chained (run 3)\n"
                                            "04:30:00 start 3.1\n");
        story_end();
}

static void with_active(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly(CATCH_UP_LATEST);
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        skip();
        sleep_until("04:30:00");
        tells("a run that is active is waited for, also under forbid",
              "04:30:00 a due 02:00:00..03:00:00 x2 -> missed (down) (run 2)\n"
              "04:30:00 a caught up 04:00:00 -> queued (chain), chained (run 3)\n");
        exits(1, 1, 0);
        is_int(S.runs[3].state, RUN_STARTING, "and then it starts");
        story_end();

        story("2026-03-02 00:30:00");
        j = hourly(CATCH_UP_ALL);
        j->policy->concurrency = CONCURRENCY_ALLOW;
        begin(j);
        sleep_until("03:30:00");
        tells("allow lets them overlap", "03:30:00 a caught up 02:00:00 -> starting (run 2)\n"
                                         "03:30:00 a caught up 03:00:00 -> starting (run 3)\n"
                                         "03:30:00 start 2.1\n"
                                         "03:30:00 start 3.1\n");
        story_end();
}

static void twice(void)
{
        story("2026-03-02 00:30:00");
        begin(hourly(CATCH_UP_SKIP));
        sleep_until("03:30:00");
        sleep_until("05:30:00");
        tells("the same cause again: the row grows", "03:30:00 a due 02:00:00..03:00:00 x2 -> missed (down) (run 2)\n"
                                                     "05:30:00 run 2 covers 02:00:00..05:00:00 x4\n");
        at("06:00:00");
        runs_well(3, 1);
        sleep_until("07:30:00");
        tells("but not over a run in between", "06:00:00 a due -> starting (run 3)\n"
                                               "06:00:00 start 3.1\n"
                                               "07:30:00 a due 07:00:00 -> missed (down) (run 4)\n");
        story_end();
}

/* With skip, what is at most a minute late (or starting_deadline) when it can be taken up is no loss. */
static void skip_late(int64_t deadline, const char *until, bool runs)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = job("a", "0 * * * *");
        j->policy->catch_up = CATCH_UP_SKIP;
        j->policy->starting_deadline_usec = deadline;
        put(j);
        boot(false);
        at("00:59:59");
        crash();
        down_until(until);
        boot(false);
        tick();
        ok(runs ? S.runs[1].state == RUN_STARTING && S.runs[1].trigger == TRIGGER_CATCH_UP
                : S.runs[1].state == RUN_MISSED && S.runs[1].reason == REASON_DOWN,
           "skip: down over the instant until %s: %s", until, runs ? "it runs" : "missed");
        story_end();
}

static void skipped(void)
{
        skip_late(-1, "01:00:00.5", true);
        skip_late(-1, "01:00:59", true);
        skip_late(-1, "01:01:00", true);
        skip_late(-1, "01:01:00.001", false);
        skip_late(10 * SECOND, "01:00:10", true);
        skip_late(10 * SECOND, "01:00:11", false);
        skip_late(30 * MINUTE, "01:30:00", true);
        skip_late(USEC_INFINITY, "01:59:59", true);
}

static void many(void)
{
        struct job *j;

        story("2026-03-02 00:00:00");
        j = job("a", "* * * * * *");
        j->policy->catch_up = CATCH_UP_SKIP;
        put(j);
        boot(false);
        at("00:00:01");
        sleep_until("2027-03-02 00:00:01");
        is_int(S.runs[2].count, 365 * 86400 - 1, "a year of every second, counted without a walk");
        is_int(S.runs[3].trigger, TRIGGER_CATCH_UP, "but for the last, which is not late");
        story_end();
}

int main(void)
{
        asleep();
        limit();
        deadline();
        down();
        jump();
        with_active();
        twice();
        many();
        skipped();
        return tap_done();
}
