/* Concurrency, and the limits of the whole daemon. */
#include "story.h"

static struct job *hourly(const char *name, enum job_concurrency how)
{
        struct job *j = job(name, "0 * * * *");

        j->policy->concurrency = (uint8_t)how;
        return j;
}

static void forbid(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a", CONCURRENCY_FORBID));
        boot(false);
        at("01:00:00");
        started(1, 1);
        at("04:30:00");
        exits(1, 1, 0);
        at("05:00:00");
        tells("forbid: instants during a run are one row that grows",
              "01:00:00 a due -> starting (run 1)\n"
              "01:00:00 start 1.1\n"
              "01:00:00 run 1 -> running\n"
              "02:00:00 a due -> skipped (concurrency) by run 1 (run 2)\n"
              "03:00:00 run 2 covers 02:00:00..03:00:00 x2\n"
              "04:00:00 run 2 covers 02:00:00..04:00:00 x3\n"
              "04:30:00 run 1 -> succeeded\n"
              "04:30:00 forget 1.1\n"
              "05:00:00 a due -> starting (run 3)\n"
              "05:00:00 start 3.1\n");
        started(3, 1);
        at("06:00:00");
        tells("another cause, another row", "05:00:00 run 3 -> running\n"
                                            "06:00:00 a due -> skipped (concurrency) by run 3 (run 4)\n");
        story_end();
}

static void ends_first(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a", CONCURRENCY_FORBID));
        boot(false);
        at("01:00:00");
        started(1, 1);
        S.mono += HOUR;
        S.wall += HOUR;
        exits(1, 1, 0);
        tick();
        tells("at one moment an end comes before a new instant", "01:00:00 a due -> starting (run 1)\n"
                                                                 "01:00:00 start 1.1\n"
                                                                 "01:00:00 run 1 -> running\n"
                                                                 "02:00:00 run 1 -> succeeded\n"
                                                                 "02:00:00 forget 1.1\n"
                                                                 "02:00:00 a due -> starting (run 2)\n"
                                                                 "02:00:00 start 2.1\n");
        story_end();
}

static void queue(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a", CONCURRENCY_QUEUE));
        boot(false);
        at("01:00:00");
        started(1, 1);
        at("04:00:00");
        exits(1, 1, 0);
        tells("queue: one waits, further ones are skipped", "01:00:00 a due -> starting (run 1)\n"
                                                            "01:00:00 start 1.1\n"
                                                            "01:00:00 run 1 -> running\n"
                                                            "02:00:00 a due -> queued (concurrency) (run 2)\n"
                                                            "03:00:00 a due -> skipped (concurrency) by run 1 (run 3)\n"
                                                            "04:00:00 run 3 covers 03:00:00..04:00:00 x2\n"
                                                            "04:00:00 run 1 -> succeeded\n"
                                                            "04:00:00 run 2 -> starting\n"
                                                            "04:00:00 forget 1.1\n"
                                                            "04:00:00 start 2.1\n");
        story_end();
}

static void replace(void)
{
        struct job *j = NULL;

        story("2026-03-02 00:30:00");
        j = hourly("a", CONCURRENCY_REPLACE);
        j->policy->retry.limit = 3;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        at("02:00:00");
        tells("replace: the old one is told to stop, the new one waits until it is gone",
              "01:00:00 a due -> starting (run 1)\n"
              "01:00:00 start 1.1\n"
              "01:00:00 run 1 -> running\n"
              "02:00:00 run 1 -> running, stopping\n"
              "02:00:00 a due -> queued (concurrency) (run 2)\n"
              "02:00:00 stop 1.1 (replaced)\n");
        at("02:00:07");
        dies(1, 1, 15, END_STOPPED);
        tells("it ends as cancelled, and is not tried again", "02:00:07 run 1 -> cancelled (replaced)\n"
                                                              "02:00:07 run 2 -> starting\n"
                                                              "02:00:07 forget 1.1\n"
                                                              "02:00:07 start 2.1\n");
        story_end();
}

static void replace_unstarted(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a", CONCURRENCY_REPLACE));
        boot(false);
        at("01:00:00");
        started(1, 1);
        at("03:00:00");
        tells("one that has not started ends at once", "01:00:00 a due -> starting (run 1)\n"
                                                       "01:00:00 start 1.1\n"
                                                       "01:00:00 run 1 -> running\n"
                                                       "02:00:00 run 1 -> running, stopping\n"
                                                       "02:00:00 a due -> queued (concurrency) (run 2)\n"
                                                       "02:00:00 stop 1.1 (replaced)\n"
                                                       "03:00:00 run 2 -> cancelled (replaced)\n"
                                                       "03:00:00 a due -> queued (concurrency) (run 3)\n");
        story_end();
}

static void allow(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly("a", CONCURRENCY_ALLOW);
        j->policy->max_concurrent = 2;
        put(j);
        boot(false);
        at("04:00:00");
        started(1, 1);
        tells("allow: as many at once as max_concurrent says, all others wait",
              "01:00:00 a due -> starting (run 1)\n"
              "01:00:00 start 1.1\n"
              "02:00:00 a due -> starting (run 2)\n"
              "02:00:00 start 2.1\n"
              "03:00:00 a due -> queued (concurrency) (run 3)\n"
              "04:00:00 a due -> queued (concurrency) (run 4)\n"
              "04:00:00 run 1 -> running\n");
        exits(1, 1, 0);
        tells("one ends, the next one starts", "04:00:00 run 1 -> succeeded\n"
                                               "04:00:00 run 3 -> starting\n"
                                               "04:00:00 forget 1.1\n"
                                               "04:00:00 start 3.1\n");
        story_end();
}

static void backoff_counts(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly("a", CONCURRENCY_FORBID);
        j->policy->retry.limit = 1;
        j->policy->retry.delay_usec = 2 * HOUR;
        j->policy->retry.max_delay_usec = 2 * HOUR;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        exits(1, 1, 1);
        at("02:00:00");
        tells("an instant in the wait before a retry meets an active run",
              "01:00:00 a due -> starting (run 1)\n"
              "01:00:00 start 1.1\n"
              "01:00:00 run 1 -> running\n"
              "01:00:00 run 1 -> backoff (exit) until 03:00:00\n"
              "01:00:00 forget 1.1\n"
              "02:00:00 a due -> skipped (concurrency) by run 1 (run 2)\n");
        story_end();
}

/* The runner was told to start it. */
static int given_out(unsigned run)
{
        char line[32];

        (void)snprintf(line, sizeof(line), " start %u.1\n", run);
        return strstr(S.text, line) != NULL;
}

static void starting_limit(void)
{
        story("2026-03-02 00:30:00");
        S.opt.max_starting = 2;
        S.opt.max_running = 3;
        for (int i = 0; i < 5; i++)
                put(hourly((const char *[]){ "a", "b", "c", "d", "e" }[i], CONCURRENCY_FORBID));
        boot(false);
        at("01:00:00");
        is_int(given_out(1) && given_out(2), 1, "two start");
        is_int(given_out(3) || given_out(4) || given_out(5), 0, "three wait");
        is_int(S.runs[3].state, RUN_STARTING, "the next one is written down ahead of its turn");
        started(1, 1);
        is_int(given_out(3), 1, "one runs, the next one starts");
        started(2, 1);
        is_int(S.runs[4].state, RUN_QUEUED, "but no more than max_running");
        exits(1, 1, 0);
        is_int(given_out(4), 1, "one ends, the next one starts");
        exits(2, 1, 0);
        is_int(given_out(5), 0, "and no more than max_starting");
        started(3, 1);
        is_int(given_out(5), 1, "in the order of queueing");
        story_end();
}

static void by_hand(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a", CONCURRENCY_FORBID));
        put(hourly("q", CONCURRENCY_QUEUE));
        boot(false);
        command(1, COMMAND_RUN, "a", 0);
        command(2, COMMAND_RUN, "a", 0);
        tells("a manual run under forbid gets a conflict", "00:30:00 a asked for -> starting (run 1)\n"
                                                           "00:30:00 reply 1: ok\n"
                                                           "00:30:00 start 1.1\n"
                                                           "00:30:00 reply 2: conflict\n");
        step((struct event){
                .type = EVENT_COMMAND,
                .command = { .id = 3, .type = COMMAND_RUN, .job = "a", .force = true, .until = WALL_NEVER } });
        tells("--force leaves out concurrency", "00:30:00 a asked for -> starting (run 2)\n"
                                                "00:30:00 reply 3: ok\n"
                                                "00:30:00 start 2.1\n");
        ok(S.runs[2].flags & RUN_FORCED, "and is recorded");
        is_int(S.runs[2].by_uid, 0, "with who asked");
        command(4, COMMAND_RUN, "q", 0);
        command(5, COMMAND_RUN, "q", 0);
        command(6, COMMAND_RUN, "q", 0);
        is_int(S.runs[4].state, RUN_QUEUED, "a manual run under queue waits");
        ok(strstr(S.text, "reply 6: conflict"), "and the next one gets a conflict");
        skip();
        at("01:00:00");
        ok(strstr(S.text, "a due -> skipped (concurrency)") && strstr(S.text, "q due -> skipped (concurrency)"),
           "an instant meets a manual run as any other");
        story_end();
}

static void narrowed(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        S.opt.max_running = 1;
        j = job("a", "0 1 * * *|0 2 * * *|0 3 * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("03:00:00");
        skip();
        j = job("a", "0 1 * * *|0 2 * * *|0 3 * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        j->policy->max_concurrent = 1;
        put(j);
        step((struct event){ .type = EVENT_CONFIG, .config = { .max_running = 4 } });
        started(1, 1);
        is_int(S.runs[2].state, RUN_QUEUED, "a reload that allows less holds for what waits");
        exits(1, 1, 0);
        is_int(S.runs[2].state, RUN_STARTING, "which starts when there is room");
        is_int(S.runs[3].state, RUN_QUEUED, "one by one");
        story_end();
}

int main(void)
{
        forbid();
        ends_first();
        queue();
        replace();
        replace_unstarted();
        allow();
        backoff_counts();
        starting_limit();
        by_hand();
        narrowed();
        return tap_done();
}
