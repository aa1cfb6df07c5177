/* Crashes and restarts, what must be durable before what, a store that can't write, shutdown, late answers. */
#include "story.h"

static struct job *hourly(const char *name)
{
        return job(name, "0 * * * *");
}

static void durable_first(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        S.store_waits = true;
        at("01:00:00");
        tells("no start before its row is durable", "01:00:00 a due -> starting (run 1)\n");
        tick();
        tells("whatever happens meanwhile", "");
        stored();
        tells("then at once", "01:00:00 start 1.1\n");
        started(1, 1);
        exits(1, 1, 0);
        tells("no record is forgotten before the end is durable", "01:00:00 run 1 -> running\n"
                                                                  "01:00:00 run 1 -> succeeded\n");
        stored();
        tells("then it is", "01:00:00 forget 1.1\n");
        command(7, COMMAND_RUN, "a", 0);
        tells("nobody is told what is not durable", "01:00:00 a asked for -> starting (run 2)\n");
        stored();
        tells("then start and answer", "01:00:00 reply 7: ok\n"
                                       "01:00:00 start 2.1\n");
        command(8, COMMAND_RUN, "nobody", 0);
        tells("a refusal waits for nothing", "01:00:00 reply 8: not_found\n");
        started(2, 1);
        stored();
        skip();
        command(9, COMMAND_CANCEL, NULL, 2);
        tells("a cancel is written down first", "01:00:00 run 2 -> running, stopping\n");
        stored();
        tells("and carried out", "01:00:00 stop 2.1 (user)\n"
                                 "01:00:00 reply 9: ok\n");
        story_end();
}

static void in_order(void)
{
        uint64_t first;

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        put(job("b", "0,1 * * * *"));
        boot(false);
        S.store_waits = true;
        at("01:00:00");
        first = S.emitted;
        at("01:01:00");
        ok(S.emitted > first, "units are numbered");
        skip();
        make_durable(first);
        step((struct event){ .type = EVENT_STORED, .stored = { first } });
        tells("what waits for later units waits on", "01:01:00 start 1.1\n"
                                                     "01:01:00 start 2.1\n");
        step((struct event){ .type = EVENT_STORED, .stored = { first - 1 } });
        tells("an older number changes nothing", "");
        story_end();
}

/* A crash with one run in the given state; the story after it. */
enum at_crash { QUEUED, STARTING_UNSTORED, STARTING, RUNNING, BACKOFF, STOPPING };

static void crash_in(enum at_crash how)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        S.opt.max_running = how == QUEUED ? 1 : 10;
        if (how == QUEUED)
                put(hourly("A"));
        j = hourly("a");
        j->policy->retry.limit = 1;
        j->policy->retry.delay_usec = MINUTE;
        put(j);
        boot(false);
        S.store_waits = how == STARTING_UNSTORED;
        at("01:00:00");
        if (how == RUNNING || how == BACKOFF || how == STOPPING)
                started(1, 1);
        if (how == BACKOFF)
                exits(1, 1, 1);
        if (how == STOPPING)
                command(1, COMMAND_CANCEL, NULL, 1);
        skip();
        crash();
        down_until("01:00:20");
        boot(false);
}

static void crashes(void)
{
        crash_in(QUEUED);
        is_int(S.runs[2].state, RUN_QUEUED, "queued: it waits on");
        exits(1, 1, 0);
        is_int(S.runs[2].state, RUN_STARTING, "and starts in its turn");
        story_end();

        crash_in(STARTING_UNSTORED);
        tick();
        tells("not durable: as if it had never been", "01:00:20 a caught up 01:00:00 -> starting, chained (run 1)\n"
                                                      "01:00:20 start 1.1\n");
        story_end();

        crash_in(STARTING);
        tells("starting: nothing is started before its record was judged", "");
        not_started(1, 1, STAGE_NONE, 0, false);
        tells("not started: again, under another number", "01:00:20 run 1 -> starting\n"
                                                          "01:00:20 forget 1.1\n"
                                                          "01:00:20 start 1.2\n");
        story_end();

        crash_in(STARTING);
        exits(1, 1, 0);
        tells("over already: its exact end", "01:00:20 run 1 -> succeeded\n"
                                             "01:00:20 forget 1.1\n");
        is_int(S.runs[1].attempt, 1, "of one attempt");
        story_end();

        crash_in(RUNNING);
        at("01:00:30");
        tells("running: it runs on", "");
        exits(1, 1, 1);
        ok(strstr(S.text, "run 1 -> backoff (exit) until 01:01:30"), "its end counts as any other");
        story_end();

        crash_in(RUNNING);
        lost(1, 1, REASON_REBOOT);
        tells("another boot: lost", "01:00:20 run 1 -> lost (reboot)\n"
                                    "01:00:20 forget 1.1\n");
        is_int(S.runs[1].wait_status, RUN_NO_STATUS, "without a status");
        story_end();

        crash_in(BACKOFF);
        at("01:00:59");
        is_int(S.runs[1].state, RUN_BACKOFF, "in the wait before a retry: it waits");
        at("01:01:00");
        tells("no longer than it would have", "01:01:00 run 1 -> starting\n"
                                              "01:01:00 start 1.2\n");
        story_end();

        crash_in(STOPPING);
        started(1, 1);
        tells("to be stopped: the word is said again", "01:00:20 stop 1.1 (user)\n");
        dies(1, 1, 15, END_STOPPED);
        tells("and it ends so", "01:00:20 run 1 -> cancelled (user)\n"
                                "01:00:20 forget 1.1\n");
        story_end();
}

static void total_survives(void)
{
        struct job *j;

        story("2026-03-02 00:59:00");
        j = job("a", "0 1 * * *");
        j->policy->retry.limit = 5;
        j->policy->retry.delay_usec = 10 * SECOND;
        j->policy->total_timeout_usec = 100 * SECOND;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        crash();
        down_until("01:00:40");
        boot(false);
        skip();
        exits(1, 1, 1);
        at("01:00:50");
        ok(strstr(S.text, "start 1.2, total 50s"), "total_timeout counts from the first attempt, also over a restart");
        story_end();
}

static void no_definition(void)
{
        struct run_info r;

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        crash();
        S.n_definitions = 0;
        skip();
        boot(false);
        exits(1, 1, 1);
        ok(run_state_ends(S.runs[1].state) && S.runs[1].state == RUN_FAILED,
           "a definition that is gone: judged by the defaults");
        r = S.runs[1];
        ok(!(r.flags & RUN_DEAD) && r.attempt == 1, "not tried again");
        story_end();
}

static void degraded(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        put(hourly("b"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        started(2, 1);
        skip();
        S.store_waits = true;
        step((struct event){ .type = EVENT_STORE_FAILED });
        exits(2, 1, 0);
        at("02:00:00");
        ok(!strstr(S.text, "due") && !strstr(S.text, "start"),
           "nothing can be written: nothing starts, no instant is taken up");
        ok(!strstr(S.text, "forget"), "an end stays in its record");
        skip();
        command(1, COMMAND_RUN, "b", 0);
        tells("a run is refused", "02:00:00 reply 1: unavailable\n");
        command(2, COMMAND_CANCEL, NULL, 1);
        tells("a stop is carried out, and the answer says so", "02:00:00 run 1 -> running, stopping\n"
                                                               "02:00:00 stop 1.1 (user)\n"
                                                               "02:00:00 reply 2: ok, not durable\n");
        ok(wake_time() > S.wall, "it does not ask to be called at once");
        S.store_waits = false;
        stored();
        at("02:00:01");
        ok(strstr(S.text, "forget 2.1"), "it can be written again: the end is entered");
        ok(strstr(S.text, "b due -> starting"), "what is still on time starts");
        story_end();

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("00:59:00");
        S.store_waits = true;
        step((struct event){ .type = EVENT_STORE_FAILED });
        at("01:30:00");
        S.store_waits = false;
        skip();
        stored();
        tick();
        tells("what is not has passed", "01:30:00 a caught up 01:00:00 -> starting, chained (run 1)\n"
                                        "01:30:00 start 1.1\n");
        story_end();
}

static void failing_with_a_stop_under_way(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        skip();
        S.store_waits = true;
        command(1, COMMAND_CANCEL, NULL, 1);
        step((struct event){ .type = EVENT_STORE_FAILED });
        tells("a stop that waits for a store which fails is let out", "01:00:00 run 1 -> running, stopping\n"
                                                                      "01:00:00 stop 1.1 (user)\n"
                                                                      "01:00:00 reply 1: ok, not durable\n");
        stored();
        tells("once", "");
        story_end();
}

static void shuts_down(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        put(job("b", "5 * * * *"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        skip();
        step((struct event){ .type = EVENT_SHUTDOWN });
        at("01:10:00");
        tells("shutdown: nothing starts, what runs is left alone", "");
        command(1, COMMAND_RUN, "b", 0);
        tells("commands are refused", "01:10:00 reply 1: unavailable\n");
        exits(1, 1, 0);
        tells("an end is still written down", "01:10:00 run 1 -> succeeded\n"
                                              "01:10:00 forget 1.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        skip();
        step((struct event){ .type = EVENT_SHUTDOWN, .shutdown = { .kill = true } });
        dies(1, 1, 15, END_STOPPED);
        tells("of the machine: runs are stopped, and say why", "01:00:00 run 1 -> running, stopping\n"
                                                               "01:00:00 stop 1.1 (shutdown)\n"
                                                               "01:00:00 run 1 -> cancelled (shutdown)\n"
                                                               "01:00:00 forget 1.1\n");
        story_end();

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        S.store_waits = true;
        at("01:00:00");
        step((struct event){ .type = EVENT_SHUTDOWN });
        skip();
        stored();
        tells("a start whose row is just becoming durable is not made any more", "");
        crash();
        boot(false);
        not_started(1, 1, STAGE_NONE, 0, false);
        ok(strstr(S.text, "start 1.2"), "but by the next daemon");
        story_end();

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        skip();
        step((struct event){ .type = EVENT_SHUTDOWN, .shutdown = { .kill = true } });
        tells("of the machine: what is about to start is marked", "01:00:00 run 1 -> starting, stopping\n");
        not_started(1, 1, STAGE_NONE, 0, false);
        tells("and not lost when it was not begun", "01:00:00 run 1 -> queued\n"
                                                      "01:00:00 forget 1.1\n");
        crash();
        boot(false);
        ok(strstr(S.text, "start 1.2"), "but started by the next daemon");
        story_end();
}

static void stale(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly("a");
        j->policy->retry.limit = 5;
        j->policy->retry.delay_usec = SECOND;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        exits(1, 1, 1);
        skip();
        started(1, 1);
        exits(1, 1, 0);
        lost(1, 1, REASON_SUPERVISOR);
        not_started(1, 1, STAGE_NONE, 0, false);
        tells("answers about an attempt that is over, in the wait before the next", "");
        at("01:00:01");
        skip();
        exits(1, 1, 0);
        started(1, 1);
        not_started(1, 1, STAGE_FORK, EAGAIN, true);
        lost(1, 1, REASON_REBOOT);
        tells("and while the next one is starting", "");
        started(1, 2);
        skip();
        started(1, 2);
        not_started(1, 2, STAGE_EXEC, ENOENT, false);
        exits(1, 1, 0);
        exits(1, 3, 0);
        tells("and while it runs: twice, too old, of the future", "");
        exits(1, 2, 0);
        skip();
        exits(1, 2, 1);
        lost(1, 2, REASON_SUPERVISOR);
        exits(77, 1, 0);
        started(0, 0);
        tells("after its end; of runs that never were", "");
        is_int(S.runs[1].state, RUN_SUCCEEDED, "nothing of it counts");
        story_end();
}

static void early(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        S.store_waits = true;
        at("01:00:00");
        skip();
        exits(1, 1, 0);
        started(1, 1);
        tells("an answer about a start that was not asked for yet", "");
        S.store_waits = false;
        stored();
        exits(1, 1, 3);
        tells("an end without a word that it runs", "01:00:00 start 1.1\n"
                                                    "01:00:00 run 1 -> failed (exit)\n"
                                                    "01:00:00 forget 1.1\n");
        ok(S.runs[1].attempt == 1 && run_exit_code(&S.runs[1]) == 3, "counts in full");
        story_end();
}

int main(void)
{
        durable_first();
        in_order();
        crashes();
        total_survives();
        no_definition();
        degraded();
        failing_with_a_stop_under_way();
        shuts_down();
        stale();
        early();
        return tap_done();
}
