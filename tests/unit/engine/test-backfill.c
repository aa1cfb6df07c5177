/* Past instants that are asked for: a chain of their own, beside what is accounted for. */
#include "story.h"

/* `n` hours of the day from `first` on. */
static void backfill(uint64_t id, const char *name, int first, size_t n)
{
        struct wall at[BACKFILL_STEP_MAX];

        for (size_t i = 0; i < n; i++)
                at[i] = (struct wall){ parse_time("00:00:00") + (first + (int)i) * HOUR };
        step((struct event){ .type = EVENT_COMMAND,
                             .command = { .id = id, .type = COMMAND_BACKFILL, .job = name, .by_uid = 1000, .until = WALL_NEVER,
                                          .instants = at, .n_instants = n } });
}

static struct job *hourly(enum job_concurrency how)
{
        struct job *j = job("a", "0 * * * *");

        j->policy->concurrency = (uint8_t)how;
        return j;
}

static void begin(struct job *j)
{
        put(j);
        boot(false);
        skip();
}

static void chain(void)
{
        int64_t mark;

        story("2026-03-02 08:30:00");
        begin(hourly(CONCURRENCY_FORBID));
        mark = look("a").state.watermark.usec;
        backfill(7, "a", 2, 3);
        tells("a chain, oldest first, and an answer when it is durable",
              "08:30:00 a backfilled 02:00:00 -> starting, chained (run 1)\n"
              "08:30:00 a backfilled 03:00:00 -> queued (chain), chained (run 2)\n"
              "08:30:00 a backfilled 04:00:00 -> queued (chain), chained (run 3)\n"
              "08:30:00 reply 7: ok\n"
              "08:30:00 start 1.1\n");
        ok(look("a").state.watermark.usec == mark, "what is accounted for is as it was");
        started(1, 1);
        at("09:00:00");
        tells("a regular instant joins its end", "08:30:00 run 1 -> running, chained\n"
                                                 "09:00:00 a due -> queued (chain), chained (run 4)\n");
        exits(1, 1, 1);
        tells("each after the end of the one before, however it ended", "09:00:00 run 1 -> failed (exit)\n"
                                                                        "09:00:00 run 2 -> starting, chained\n"
                                                                        "09:00:00 forget 1.1\n"
                                                                        "09:00:00 start 2.1\n");
        command(8, COMMAND_CANCEL, NULL, 3);
        tells("one that waits is cancelled", "09:00:00 run 3 -> cancelled (user)\n"
                                             "09:00:00 reply 8: ok\n");
        runs_well(2, 1);
        runs_well(4, 1);
        skip();
        at("10:00:00");
        tells("and then as ever", "10:00:00 a due -> starting (run 5)\n"
                                  "10:00:00 start 5.1\n");
        started(5, 1);
        skip();
        backfill(9, "a", 9, 1);
        tells("behind what is active; an instant that has run may run again", "10:00:00 a backfilled 09:00:00 -> queued (chain), chained (run 6)\n"
                                                                              "10:00:00 reply 9: ok\n");
        story_end();
}

static void overlaps(void)
{
        story("2026-03-02 08:30:00");
        begin(hourly(CONCURRENCY_ALLOW));
        backfill(1, "a", 2, 2);
        tells("allow lets them overlap", "08:30:00 a backfilled 02:00:00 -> starting (run 1)\n"
                                         "08:30:00 a backfilled 03:00:00 -> starting (run 2)\n"
                                         "08:30:00 reply 1: ok\n"
                                         "08:30:00 start 1.1\n"
                                         "08:30:00 start 2.1\n");
        story_end();

        story("2026-03-02 08:30:00");
        begin(hourly(CONCURRENCY_REPLACE));
        backfill(1, "a", 2, 2);
        started(1, 1);
        skip();
        at("09:00:00");
        tells("replace: an instant joins the chain and replaces nothing", "09:00:00 a due -> queued (chain), chained (run 3)\n");
        story_end();
}

static void lives(void)
{
        story("2026-03-02 08:30:00");
        begin(hourly(CONCURRENCY_FORBID));
        backfill(1, "a", 2, 3);
        started(1, 1);
        crash();
        boot(false);
        started(1, 1);
        skip();
        exits(1, 1, 0);
        tells("the chain goes on in the daemon's next life", "08:30:00 run 1 -> succeeded\n"
                                                             "08:30:00 run 2 -> starting, chained\n"
                                                             "08:30:00 forget 1.1\n"
                                                             "08:30:00 start 2.1\n");
        at("09:00:00");
        tells("… and is joined as before", "09:00:00 a due -> queued (chain), chained (run 4)\n");
        take_away("a");
        tells("with the job goes what has not begun", "09:00:00 run 3 -> cancelled (removed)\n"
                                                      "09:00:00 run 4 -> cancelled (removed)\n");
        story_end();

        story("2026-03-02 08:30:00");
        begin(hourly(CONCURRENCY_FORBID));
        hold(1, "a", NULL);
        at("10:30:00");
        skip();
        backfill(2, "a", 2, 1);
        tells("a pause does not matter", "10:30:00 a backfilled 02:00:00 -> starting, chained (run 1)\n"
                                         "10:30:00 reply 2: ok\n"
                                         "10:30:00 start 1.1\n");
        runs_well(1, 1);
        skip();
        command(3, COMMAND_RESUME, "a", 0);
        tells("… and what it holds back is still decided at its end", "10:30:00 a due 09:00:00 -> missed (down) (run 2)\n"
                                                                      "10:30:00 a caught up 10:00:00 -> starting, chained (run 3)\n"
                                                                      "10:30:00 reply 3: ok\n"
                                                                      "10:30:00 start 3.1\n");
        story_end();
}

static void refused(void)
{
        struct job *j = hourly(CONCURRENCY_FORBID);
        size_t runs = 0;

        story("2026-03-02 08:30:00");
        begin(j);
        backfill(1, "b", 2, 1);
        backfill(2, "a", 8, 2);
        tells("of no job, and of instants to come", "08:30:00 reply 1: not_found\n"
                                                    "08:30:00 reply 2: conflict\n");
        j->policy->blocked = strdup("there is no such zone");
        backfill(3, "a", 2, 1);
        tells("of one that is blocked", "08:30:00 reply 3: conflict\n");
        story_end();

        /* Not as a story: that many rows are more than it holds. */
        {
                struct engine_options opt = { .max_running = 1, .max_starting = 1 };
                struct wall at[BACKFILL_STEP_MAX];
                struct actions a = { 0 };
                struct engine_stats st;
                struct engine *e;
                struct event ev = { .wall = WALL_SEC(1767225600), .mono = { 1 } };
                bool told = false;

                j = hourly(CONCURRENCY_FORBID);
                assert(engine_new(&opt, &e) == 0);
                ev.type = EVENT_CONFIG;
                ev.config.put = &j;
                ev.config.n_put = 1;
                engine_step(e, &ev, &a);
                engine_step(e, &(struct event){ .type = EVENT_LOADED, .wall = ev.wall, .mono = ev.mono }, &a);
                for (size_t i = 0; i < BACKFILL_STEP_MAX; i++)
                        at[i] = WALL_SEC(1767000000 + (int64_t)i);
                for (; runs <= BACKFILL_RUNS_MAX; runs += BACKFILL_STEP_MAX) {
                        engine_step(e, &(struct event){ .type = EVENT_COMMAND, .wall = ev.wall, .mono = ev.mono,
                                                        .command = { .id = 1 + runs, .type = COMMAND_BACKFILL, .job = "a", .until = WALL_NEVER,
                                                                     .instants = at, .n_instants = BACKFILL_STEP_MAX } }, &a);
                        for (size_t i = 0; i < a.n; i++)
                                told |= a.v[i].type == ACTION_REPLY && a.v[i].reply.code == ERROR_CONFLICT;
                }
                engine_get_stats(e, &st);
                ok(st.runs == BACKFILL_RUNS_MAX && told, "no more than %d unfinished ones", BACKFILL_RUNS_MAX);
                engine_free(e);
                actions_done(&a);
                story_end();
        }
}

int main(void)
{
        chain();
        overlaps();
        lives();
        refused();
        return tap_done();
}
