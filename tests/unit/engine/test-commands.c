/* What clients ask for: run, cancel, pause, hold, resume, enable, disable. */
#include "story.h"

static struct job *hourly(const char *name)
{
        return job(name, "0 * * * *");
}

static void cancels(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        S.opt.max_running = 1;
        put(hourly("a"));
        j = hourly("b");
        j->policy->retry.limit = 2;
        put(j);
        boot(false);
        at("01:00:00");
        skip();
        command(1, COMMAND_CANCEL, NULL, 2);
        tells("cancel of one that waits: it ends at once", "01:00:00 run 2 -> cancelled (user)\n"
                                                           "01:00:00 reply 1: ok\n");
        is_int(S.runs[2].by_uid, 1000, "and says who");
        command(2, COMMAND_CANCEL, NULL, 1);
        tells("of one that is starting: it is told when it runs", "01:00:00 run 1 -> starting, stopping\n"
                                                                  "01:00:00 reply 2: ok\n");
        started(1, 1);
        tells("now", "01:00:00 run 1 -> running, stopping\n"
                     "01:00:00 stop 1.1 (user)\n");
        command(3, COMMAND_CANCEL, NULL, 1);
        tells("a second cancel says the same", "01:00:00 reply 3: ok\n");
        dies(1, 1, 15, END_STOPPED);
        tells("it ends", "01:00:00 run 1 -> cancelled (user)\n"
                         "01:00:00 forget 1.1\n");
        command(4, COMMAND_CANCEL, NULL, 1);
        command(5, COMMAND_CANCEL, NULL, 99);
        tells("what is over can't be cancelled", "01:00:00 reply 4: conflict\n"
                                                 "01:00:00 reply 5: not_found\n");
        at("02:00:00");
        runs_well(3, 1);
        started(4, 1);
        exits(4, 1, 1);
        is_int(S.runs[4].state, RUN_BACKOFF, "a run in the wait before a retry");
        command(6, COMMAND_CANCEL, NULL, 4);
        ok(S.runs[4].state == RUN_CANCELLED && S.runs[4].reason == REASON_USER, "is cancelled at once");
        skip();
        at("02:30:00");
        tells("and not tried again", "");
        story_end();
}

static void cancel_races(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly("a");
        j->policy->retry.limit = 2;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        command(1, COMMAND_CANCEL, NULL, 1);
        exits(1, 1, 1);
        ok(S.runs[1].state != RUN_BACKOFF, "one that ends by itself just before the word arrives is not tried again");
        at("02:00:00");
        command(2, COMMAND_CANCEL, NULL, 2);
        not_started(2, 1, STAGE_NONE, 0, false);
        ok(S.runs[2].state == RUN_CANCELLED && S.runs[2].reason == REASON_USER, "one that had not begun is not begun");
        at("03:00:00");
        started(3, 1);
        command(3, COMMAND_CANCEL, NULL, 3);
        exits(3, 1, 0);
        is_int(S.runs[3].state, RUN_SUCCEEDED, "one that succeeded meanwhile has succeeded");
        story_end();
}

static void pauses(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        command(1, COMMAND_PAUSE, "a", 0);
        at("03:30:00");
        tells("pause: one row that grows", "00:30:00 reply 1: ok\n"
                                           "01:00:00 a due -> skipped (paused) (run 1)\n"
                                           "02:00:00 run 1 covers 01:00:00..02:00:00 x2\n"
                                           "03:00:00 run 1 covers 01:00:00..03:00:00 x3\n");
        is_int(S.runs[1].by_uid, 1000, "by whom");
        command(2, COMMAND_RUN, "a", 0);
        tells("a manual run does not obey it", "03:30:00 a asked for -> starting (run 2)\n"
                                               "03:30:00 reply 2: ok\n"
                                               "03:30:00 start 2.1\n");
        runs_well(2, 1);
        command(3, COMMAND_RESUME, "a", 0);
        command(4, COMMAND_RESUME, "a", 0);
        at("04:00:00");
        tells("resume", "03:30:00 reply 3: ok\n"
                        "03:30:00 reply 4: conflict\n"
                        "04:00:00 a due -> starting (run 3)\n"
                        "04:00:00 start 3.1\n");
        story_end();
}

static void pauses_until(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        step((struct event){ .type = EVENT_COMMAND,
                             .command = { .id = 1,
                                          .type = COMMAND_PAUSE,
                                          .job = "a",
                                          .until = { parse_time("02:30:00") },
                                          .why = "backup" } });
        ok(S.jobs[1].paused && S.jobs[1].pause_until.usec == parse_time("02:30:00"), "paused until");
        at("02:29:59");
        ok(S.jobs[1].paused, "to the second");
        at("02:30:00");
        ok(!S.jobs[1].paused, "it resumes by itself");
        at("03:00:00");
        tells("and goes on", "00:30:00 reply 1: ok\n"
                             "01:00:00 a due -> skipped (paused) (run 1)\n"
                             "02:00:00 run 1 covers 01:00:00..02:00:00 x2\n"
                             "03:00:00 a due -> starting (run 2)\n"
                             "03:00:00 start 2.1\n");
        story_end();
}

static void holds(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        hold(1, "a", NULL);
        at("04:30:00");
        tells("hold: nothing is decided", "00:30:00 reply 1: ok\n");
        command(2, COMMAND_RESUME, "a", 0);
        tells("at the resume catch_up decides", "04:30:00 a due 01:00:00..03:00:00 x3 -> missed (down) (run 1)\n"
                                                "04:30:00 a caught up 04:00:00 -> starting, chained (run 2)\n"
                                                "04:30:00 reply 2: ok\n"
                                                "04:30:00 start 2.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        hold(1, "a", "02:30:00");
        skip();
        at("03:00:00");
        tells("hold with an end", "02:30:00 a due 01:00:00 -> missed (down) (run 1)\n"
                                  "02:30:00 a caught up 02:00:00 -> starting, chained (run 2)\n"
                                  "02:30:00 start 2.1\n"
                                  "03:00:00 a due -> queued (chain), chained (run 3)\n");
        story_end();

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        hold(1, "a", NULL);
        at("02:30:00");
        command(2, COMMAND_DISABLE, "a", 0);
        command(3, COMMAND_RESUME, "a", 0);
        tick();
        at("03:00:00");
        ok(S.runs[1].scheduled_at.usec == parse_time("01:00:00") &&
                   S.runs[1].scheduled_until.usec >= parse_time("02:00:00") && S.runs[1].count >= 2,
           "instants held back are not lost when the job is disabled meanwhile");
        story_end();
}

static void survives(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        put(hourly("b"));
        boot(false);
        command(1, COMMAND_PAUSE, "a", 0);
        command(2, COMMAND_DISABLE, "b", 0);
        skip();
        crash();
        down_until("02:30:00");
        boot(false);
        at("03:00:00");
        tells("a pause and an override survive a restart",
              "02:30:00 a due 01:00:00..02:00:00 x2 -> skipped (paused) (run 1)\n"
              "02:30:00 b due 01:00:00..02:00:00 x2 -> skipped (disabled) (run 2)\n"
              "03:00:00 run 1 covers 01:00:00..03:00:00 x3\n"
              "03:00:00 run 2 covers 01:00:00..03:00:00 x3\n");
        story_end();
}

static void disables(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly("a");
        j->policy->enabled = false;
        put(j);
        boot(false);
        at("01:00:00");
        ok(!look("a").enabled, "disabled by its definition");
        command(1, COMMAND_ENABLE, "a", 0);
        at("02:00:00");
        runs_well(2, 1);
        command(2, COMMAND_DISABLE, "a", 0);
        at("03:00:00");
        tells("enabled and disabled by command", "01:00:00 a due -> skipped (disabled) (run 1)\n"
                                                 "01:00:00 reply 1: ok\n"
                                                 "02:00:00 a due -> starting (run 2)\n"
                                                 "02:00:00 start 2.1\n"
                                                 "02:00:00 reply 2: ok\n"
                                                 "03:00:00 a due -> skipped (disabled) (run 3)\n");
        is_int(S.jobs[1].enabled_override, 0, "which is kept");
        story_end();
}

static void unknown(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        command(1, COMMAND_RUN, "nobody", 0);
        command(2, COMMAND_PAUSE, "nobody", 0);
        take_away("a");
        command(3, COMMAND_RUN, "a", 0);
        tells("of jobs that are not there", "00:30:00 reply 1: not_found\n"
                                            "00:30:00 reply 2: not_found\n"
                                            "00:30:00 reply 3: not_found\n");
        story_end();
}

static void nobody_waits(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        command(0, COMMAND_RUN, "a", 0);
        tells("a command without a number gets no reply", "00:30:00 a asked for -> starting (run 1)\n"
                                                          "00:30:00 start 1.1\n");
        story_end();
}

int main(void)
{
        cancels();
        cancel_races();
        pauses();
        pauses_until();
        holds();
        survives();
        disables();
        unknown();
        nobody_waits();
        return tap_done();
}
