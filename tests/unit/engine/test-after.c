/* @after: so long after the end of the run before. */
#include "story.h"

static void follows(void)
{
        story("2026-03-02 03:00:00");
        put(job("a", "@after 10m"));
        boot(false);
        is_int(look("a").next.usec, parse_time("03:10:00"), "first: after the job was first seen");
        at("03:10:00");
        tells("then it is due", "03:10:00 a due -> starting (run 1)\n"
                                "03:10:00 start 1.1\n");
        ok(wall_is_never(look("a").next), "while it runs nothing is due");
        started(1, 1);
        at("03:55:00");
        exits(1, 1, 0);
        is_int(look("a").next.usec, parse_time("04:05:00"), "next: after the run's end");
        skip();
        at("04:05:00");
        tells("whatever it took", "04:05:00 a due -> starting (run 2)\n"
                                  "04:05:00 start 2.1\n");
        started(2, 1);
        S.wall += 400 * USEC_PER_MSEC;
        S.mono += 400 * USEC_PER_MSEC;
        exits(2, 1, 1);
        is_int(look("a").next.usec, parse_time("04:15:01"), "instants are whole seconds, not before the time is over");
        story_end();
}

static void manual(void)
{
        story("2026-03-02 03:00:00");
        put(job("a", "@after 10m"));
        boot(false);
        at("03:09:00");
        command(1, COMMAND_RUN, "a", 0);
        started(1, 1);
        skip();
        at("03:20:00");
        tells("a run that somebody asked for puts it off", "");
        exits(1, 1, 0);
        is_int(look("a").next.usec, parse_time("03:30:00"), "until after its end");
        command(2, COMMAND_RUN, "a", 0);
        command(3, COMMAND_CANCEL, NULL, 2);
        not_started(2, 1, STAGE_EXEC, ENOENT, false);
        is_int(look("a").next.usec, parse_time("03:30:00"), "also one that is cancelled");
        story_end();
}

static void retried(void)
{
        struct job *j;

        story("2026-03-02 03:00:00");
        j = job("a", "@after 10m");
        j->policy->retry.limit = 1;
        j->policy->retry.delay_usec = 5 * MINUTE;
        put(j);
        boot(false);
        at("03:10:00");
        started(1, 1);
        exits(1, 1, 1);
        ok(wall_is_never(look("a").next), "between attempts nothing is due");
        at("03:15:00");
        started(1, 2);
        at("03:16:00");
        exits(1, 2, 0);
        is_int(look("a").next.usec, parse_time("03:26:00"), "the end of a run is the end of its last attempt");
        story_end();
}

static void down(enum job_catch_up how, const char *name, const char *want)
{
        struct job *j;

        story("2026-03-02 03:00:00");
        j = job("a", "@after 10m");
        j->policy->catch_up = (uint8_t)how;
        put(j);
        boot(false);
        at("03:10:00");
        started(1, 1);
        at("03:11:00");
        exits(1, 1, 0);
        skip();
        crash();
        down_until("09:00:00");
        boot(false);
        tick();
        tells(name, want);
        if (how == CATCH_UP_SKIP)
                is_int(look("a").next.usec, parse_time("09:10:00"), "the next comes so long after it");
        story_end();
}

static void restarts(void)
{
        story("2026-03-02 03:00:00");
        put(job("a", "@after 10m"));
        boot(false);
        at("03:10:00");
        started(1, 1);
        at("03:11:00");
        exits(1, 1, 0);
        crash();
        down_until("03:12:00");
        boot(false);
        is_int(look("a").next.usec, parse_time("03:21:00"), "a restart does not change it");
        at("03:21:00");
        started(2, 1);
        crash();
        down_until("03:40:00");
        skip();
        boot(false);
        tick();
        tells("a run that goes on over a restart: nothing is due", "");
        S.wall = parse_time("03:35:00"); /* when it ended, by its supervisor's clock */
        {
                struct event ev = { .type = EVENT_EXITED,
                                    .attempt = { .run = 2, .start = 1, .at = { S.wall }, .began = { parse_time("03:21:00") }, .cause = END_SELF } };

                S.wall = parse_time("03:40:00");
                step(ev);
        }
        is_int(look("a").next.usec, parse_time("03:45:00"), "it counts from when it ended, not from when that was seen");
        story_end();

        down(CATCH_UP_LATEST, "down for hours: due once", "09:00:00 a caught up 03:21:00 -> starting, chained (run 2)\n"
                                                          "09:00:00 start 2.1\n");
        down(CATCH_UP_ALL, "also with catch_up: all", "09:00:00 a caught up 03:21:00 -> starting, chained (run 2)\n"
                                                      "09:00:00 start 2.1\n");
        down(CATCH_UP_SKIP, "not at all with skip", "09:00:00 a due 03:21:00 -> missed (down) (run 2)\n");
}

static void put_off(void)
{
        struct job *j;

        story("2026-03-02 03:00:00");
        put(job("a", "@after 10m"));
        boot(false);
        at("03:05:00");
        command(1, COMMAND_PAUSE, "a", 0);
        skip();
        at("03:30:30");
        tells("paused: each is skipped, the next comes so long after it", "03:10:00 a due -> skipped (paused) (run 1)\n"
                                                                          "03:20:00 run 1 covers 03:10:00..03:20:00 x2\n"
                                                                          "03:30:00 run 1 covers 03:10:00..03:30:00 x3\n");
        command(2, COMMAND_RESUME, "a", 0);
        is_int(look("a").next.usec, parse_time("03:40:00"), "and so it goes on");
        hold(3, "a", NULL);
        at("05:00:00");
        skip();
        command(4, COMMAND_RESUME, "a", 0);
        tells("held: one is due", "05:00:00 a caught up 03:40:00 -> starting, chained (run 2)\n"
                                  "05:00:00 reply 4: ok\n"
                                  "05:00:00 start 2.1\n");
        runs_well(2, 1);
        command(5, COMMAND_DISABLE, "a", 0);
        at("05:10:00");
        is_int(S.runs[3].reason, REASON_DISABLED, "disabled: skipped");
        at("05:15:00");
        command(6, COMMAND_ENABLE, "a", 0);
        is_int(look("a").next.usec, parse_time("05:25:00"), "enabled: counted from there");
        story_end();

        story("2026-03-02 03:00:00");
        put(job("a", "@after 10m"));
        boot(false);
        at("03:04:00");
        put(job("a", "@after 1h"));
        is_int(look("a").next.usec, parse_time("04:04:00"), "another duration counts from when it is in force");
        j = job("a", "@after 1h");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        at("03:10:00");
        put(j);
        is_int(look("a").next.usec, parse_time("04:04:00"), "another key changes nothing");
        put(job("a", "0 4 * * *"));
        at("03:20:00");
        put(job("a", "@after 1h"));
        is_int(look("a").next.usec, parse_time("04:20:00"), "it comes back: from there");
        take_away("a");
        at("03:30:00");
        put(job("a", "@after 1h"));
        is_int(look("a").next.usec, parse_time("04:30:00"), "the job comes back: from there");
        story_end();
}

static void mixed(void)
{
        struct job *j;

        story("2026-03-02 02:59:00");
        j = job("a", "@after 20m|0 * * * *|@after 2h");
        put(j);
        boot(false);
        at("03:00:00");
        runs_well(1, 1);
        skip();
        at("03:20:00");
        tells("the shortest of them, after the last run", "03:20:00 a due -> starting (run 2)\n"
                                                          "03:20:00 start 2.1\n");
        runs_well(2, 1);
        at("03:40:00");
        runs_well(3, 1);
        skip();
        at("04:00:00");
        tells("two expressions, one instant: one run", "04:00:00 a due -> starting (run 4)\n"
                                                       "04:00:00 start 4.1\n");
        started(4, 1);
        skip();
        at("05:00:00");
        exits(4, 1, 0);
        is_int(S.runs[5].reason, REASON_CONCURRENCY, "what the clock makes is skipped during a run");
        is_int(look("a").next.usec, parse_time("05:20:00"), "what comes after the run is not");
        skip();
        crash();
        down_until("06:30:00");
        boot(false);
        tick();
        tells("missed together: one row, one catch-up", "06:30:00 a due 05:20:00 -> missed (down) (run 6)\n"
                                                        "06:30:00 a caught up 06:00:00 -> starting, chained (run 7)\n"
                                                        "06:30:00 start 7.1\n");
        story_end();

        story("2026-03-02 02:59:00");
        j = job("a", "@after 20m");
        j->policy->start = (struct wall){ parse_time("04:00:00") };
        j->policy->end = (struct wall){ parse_time("04:30:00") };
        put(j);
        boot(false);
        is_int(look("a").next.usec, parse_time("04:00:00"), "not before the schedule's start");
        at("04:00:00");
        runs_well(1, 1);
        at("04:20:00");
        runs_well(2, 1);
        ok(wall_is_never(look("a").next), "nor after its end");
        story_end();
}

static void clocks(void)
{
        story("2026-03-02 03:00:00");
        put(job("a", "@after 10m"));
        boot(false);
        at("03:10:00");
        runs_well(1, 1);
        set_clock("01:10:00");
        is_int(look("a").next.usec, parse_time("01:20:00"), "the clock is set back: so long after that");
        at("01:20:00");
        runs_well(2, 1);
        skip();
        set_clock("07:00:00");
        tells("set forward: it has passed, once", "07:00:00 a caught up 01:30:00 -> starting, chained (run 3)\n"
                                                  "07:00:00 start 3.1\n");
        runs_well(3, 1);
        at("07:05:00");
        crash();
        S.wall = parse_time("06:00:00");
        boot(false);
        is_int(look("a").next.usec, parse_time("06:10:00"), "a restart with a clock that is behind: so long after that");
        story_end();
}

static void jittered(void)
{
        struct job *j;

        story("2026-03-02 03:00:00");
        j = job("a", "@after 10m");
        j->policy->jitter_usec = 5 * MINUTE;
        put(j);
        boot(false);
        at("03:10:00");
        is_int(S.runs[1].state, RUN_WAITING, "in its jitter");
        ok(wall_is_never(look("a").next), "it is the one that is pending");
        at("03:15:00");
        runs_well(1, 1);
        is_int(look("a").next.usec, parse_time("03:25:00"), "and the next counts from its end");
        story_end();
}

int main(void)
{
        follows();
        manual();
        retried();
        restarts();
        put_off();
        mixed();
        clocks();
        jittered();
        return tap_done();
}
