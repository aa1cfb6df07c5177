/* Steps of the wall clock back, while the daemon runs and while it does not. */
#include "story.h"

static void small(void)
{
        struct job *j;

        story("2026-03-02 02:59:00");
        j = job("a", "* * * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("03:00:10");
        set_clock("02:59:15");
        at("03:00:30");
        tells("back by 55 s: nothing repeats", "03:00:00 a due -> starting (run 1)\n"
                                               "03:00:00 start 1.1\n");
        at("03:01:00");
        tells("and then it goes on", "03:01:00 a due -> starting (run 2)\n"
                                     "03:01:00 start 2.1\n");
        is_int(S.runs[2].epoch, S.runs[1].epoch, "in the same epoch");
        story_end();
}

static void middle(void)
{
        struct job *j;

        story("2026-03-02 02:59:00");
        j = job("interval", "*/20 * * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        j = job("every", "@every 30m");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        j = job("fixed", "10 3 * * *|50 3 * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("03:15:00");
        skip();
        set_clock("02:15:00");
        at("03:21:00");
        tells("back by an hour: fixed ones do not repeat, intervals go on at the new time",
              "02:20:00 interval due -> starting (run 4)\n"
              "02:20:00 start 4.1\n"
              "02:30:00 every due -> starting (run 5)\n"
              "02:30:00 start 5.1\n"
              "02:40:00 interval due -> starting (run 6)\n"
              "02:40:00 start 6.1\n"
              "03:00:00 interval due -> starting (run 7)\n"
              "03:00:00 every due -> starting (run 8)\n"
              "03:00:00 start 7.1\n"
              "03:00:00 start 8.1\n"
              "03:20:00 interval due -> starting (run 9)\n"
              "03:20:00 start 9.1\n");
        is_int(S.runs[4].epoch, S.runs[1].epoch + 1, "in a new epoch");
        at("03:51:00");
        ok(strstr(S.text, "03:50:00 fixed due"), "what fixed ones have not done comes in its time");
        story_end();
}

static void large(void)
{
        struct job *j;

        story("2026-03-02 11:59:00");
        j = job("fixed", "0 12 * * *|0 15 * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("15:30:00");
        skip();
        set_clock("11:30:00");
        at("15:00:00");
        tells("back by four hours: everything again", "12:00:00 fixed due -> starting (run 3)\n"
                                                      "12:00:00 start 3.1\n"
                                                      "15:00:00 fixed due -> starting (run 4)\n"
                                                      "15:00:00 start 4.1\n");
        is_int(S.runs[3].epoch, S.runs[1].epoch + 1, "in a new epoch");
        story_end();
}

/* The state knows of a later time than the clock shows. */
static void restart(const char *name, const char *back_to, const char *until, const char *want, int epochs)
{
        struct job *j;
        uint32_t epoch;

        story("2026-03-02 11:59:00");
        j = job("fixed", "0 12 * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        j = job("interval", "0 * * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("12:00:00");
        runs_well(1, 1);
        runs_well(2, 1);
        at("12:00:10");
        epoch = S.runs[1].epoch;
        skip();
        crash();
        S.wall = parse_time(back_to);
        S.mono += SECOND;
        boot(false);
        at(until);
        tells(name, want);
        if (S.runs[3].id)
                is_int(S.runs[3].epoch, epoch + (uint32_t)epochs, "epoch");
        story_end();
}

static void restarts(void)
{
        restart("40 s behind the state: nothing repeats", "11:59:20", "12:59:00", "", 0);
        restart("an hour behind: intervals go on at the new time", "11:01:00", "12:30:00",
                "12:00:00 interval due -> starting (run 3)\n"
                "12:00:00 start 3.1\n", 1);
        restart("five hours behind: nothing before clock_wait is over, then everything", "06:58:00", "12:30:00",
                "08:00:00 interval due -> starting (run 3)\n"
                "08:00:00 start 3.1\n"
                "09:00:00 interval due -> starting (run 4)\n"
                "09:00:00 start 4.1\n"
                "10:00:00 interval due -> starting (run 5)\n"
                "10:00:00 start 5.1\n"
                "11:00:00 interval due -> starting (run 6)\n"
                "11:00:00 start 6.1\n"
                "12:00:00 fixed due -> starting (run 7)\n"
                "12:00:00 interval due -> starting (run 8)\n"
                "12:00:00 start 7.1\n"
                "12:00:00 start 8.1\n", 1);
}

static void clock_wait(void)
{
        struct engine_stats st;
        struct job *j;

        story("2026-03-02 11:59:00");
        j = job("a", "0 * * * *");
        put(j);
        boot(false);
        at("12:00:00");
        runs_well(1, 1);
        at("12:00:10");
        skip();
        crash();
        S.wall = parse_time("1970-01-01 00:59:58");
        S.mono = 10 * SECOND;
        boot(false);
        engine_get_stats(S.e, &st);
        ok(st.clock_waiting, "a boot in 1970: it waits for the clock");
        at("01:01:00");
        command(1, COMMAND_RUN, "a", 0);
        ok(strstr(S.text, "reply 1: ok"), "who asks by hand is served");
        runs_well(2, 1);
        skip();
        set_clock("2026-03-02 14:30:00");
        engine_get_stats(S.e, &st);
        ok(!st.clock_waiting, "the network has set it");
        tells("what it jumped over passed", "14:30:00 a due 13:00:00 -> missed (clock) (run 3)\n"
                                              "14:30:00 a caught up 14:00:00 -> starting, chained (run 4)\n"
                                              "14:30:00 start 4.1\n");
        is_int(S.runs[4].epoch, S.runs[1].epoch, "in the epoch it was");
        story_end();
}

static void waits_by_the_boot_clock(void)
{
        struct job *j;

        story("2026-03-02 00:59:00");
        j = job("a", "0 1 * * *");
        j->policy->retry.limit = 1;
        j->policy->retry.delay_usec = 60 * SECOND;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        exits(1, 1, 1);
        set_clock("05:00:00");
        is_int(S.runs[1].state, RUN_BACKOFF, "a wait is not over because the clock was set");
        at("05:00:59");
        is_int(S.runs[1].state, RUN_BACKOFF, "it lasts as long as it should");
        at("05:01:00");
        is_int(S.runs[1].state, RUN_STARTING, "and no longer");
        story_end();
}

static unsigned runs_of(const char *job, const char *instant)
{
        unsigned n = 0;

        for (size_t i = 1; i < MAX_ROWS; i++)
                n += S.runs[i].id && streq(S.runs[i].job, job) && S.runs[i].start > 0 && S.runs[i].scheduled_at.usec == parse_time(instant);
        return n;
}

/* The clock is set `by` just after 03:00:00, and time goes on until 03:00 has come again and is over. */
static void step_by(int64_t by, const char *name, unsigned fixed, unsigned interval, int epochs)
{
        struct job *j;
        int64_t instant;

        story("2026-03-02 02:59:50");
        j = job("fixed", "0 3 * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        j = job("interval", "*/30 * * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        instant = parse_time("03:00:00");
        S.mono += 9950 * USEC_PER_MSEC;
        S.wall = instant - 50 * USEC_PER_MSEC;
        tick();
        is_int(runs_of("fixed", "2026-03-02 03:00:00"), 0, "a timer that fires 50 ms early starts nothing");
        at("03:00:00");
        S.mono += 30 * USEC_PER_MSEC;
        S.wall += 30 * USEC_PER_MSEC;
        tick();
        S.wall += by;
        tick();
        while (S.wall < instant + 5 * MINUTE) {
                S.wall += MINUTE;
                S.mono += MINUTE;
                skip();
                tick();
        }
        ok(runs_of("fixed", "2026-03-02 03:00:00") == fixed, "set by %s: the fixed one ran %u times (%u)", name, fixed,
           runs_of("fixed", "2026-03-02 03:00:00"));
        ok(runs_of("interval", "2026-03-02 03:00:00") == interval, "set by %s: the interval ran %u times (%u)", name, interval,
           runs_of("interval", "2026-03-02 03:00:00"));
        {
                struct engine_stats st;

                engine_get_stats(S.e, &st);
                is_int(st.epoch, epochs, "so many epochs later");
        }
        story_end();
}

static void around(void)
{
        step_by(50 * USEC_PER_MSEC, "+50 ms", 1, 1, 0);
        step_by(-50 * USEC_PER_MSEC, "-50 ms", 1, 1, 0);
        step_by(59 * SECOND, "+59 s", 1, 1, 0);
        step_by(-30 * SECOND, "-30 s", 1, 1, 0);
        step_by(-59 * SECOND, "-59 s", 1, 1, 0);
        step_by(-60 * SECOND, "-60 s", 1, 2, 1);
        step_by(HOUR, "+1 h", 1, 1, 0);
        step_by(-HOUR, "-1 h", 1, 2, 1);
        step_by(-3 * HOUR, "-3 h", 1, 2, 1);
        step_by(-3 * HOUR - SECOND, "-3 h 1 s", 2, 2, 1);
        step_by(DAY, "+1 day", 1, 1, 0);
        step_by(-DAY, "-1 day", 2, 2, 1);
}

/* To 1970 and back again: what was done is not done again, what was jumped over has its rows, and the schedule lives. */
static void to_1970(void)
{
        story("2026-03-02 02:59:50");
        put(job("a", "0 3 * * *"));
        boot(false);
        at("03:00:00");
        runs_well(1, 1);
        skip();
        set_clock("1970-01-02 02:59:59");
        at("03:00:00");
        tells("in 1970: alive at once", "03:00:00 a due -> starting (run 2)\n"
                                        "03:00:00 start 2.1\n");
        runs_well(2, 1);
        is_int(S.runs[2].epoch, S.runs[1].epoch + 1, "in a new epoch");
        set_clock("2026-03-02 03:00:30");
        is_int(S.runs[3].reason, REASON_CLOCK, "back: what was jumped over is missed");
        is_int(S.runs[3].count, 20512, "each instant of it");
        is_int(S.runs[4].trigger, TRIGGER_CATCH_UP, "and the latest is caught up, of the new epoch");
        skip();
        at("2026-03-03 03:00:00");
        is_int(S.runs[5].scheduled_at.usec, parse_time("2026-03-03 03:00:00"), "it goes on");
        story_end();
}

static void resume_in_clock_wait(void)
{
        story("2026-03-02 08:30:00");
        put(job("a", "0 * * * *"));
        boot(false);
        hold(1, "a", NULL);
        at("16:30:00");
        skip();
        put(job("b", "0 * * * *"));       /* something whose watermark is 16:30 */
        crash();
        S.wall = parse_time("12:10:00");
        boot(false);
        command(2, COMMAND_RESUME, "a", 0);
        tells("while the clock is not trusted a resume decides nothing", "12:10:00 reply 2: ok\n");
        story_end();
}

int main(void)
{
        small();
        middle();
        large();
        restarts();
        clock_wait();
        waits_by_the_boot_clock();
        resume_in_clock_wait();
        around();
        to_1970();
        return tap_done();
}
