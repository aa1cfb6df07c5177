/* Definitions that come, change, go and come back. */
#include "story.h"

static struct job *hourly(const char *name)
{
        return job(name, "0 * * * *");
}

static void comes(void)
{
        story("2026-03-02 00:30:00");
        boot(false);
        at("02:00:00");
        put(hourly("a"));
        tells("a new job begins at the moment it is seen", "");
        at("03:00:00");
        tells("and not before", "03:00:00 a due -> starting (run 1)\n"
                                "03:00:00 start 1.1\n");
        story_end();
}

static void changes(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        runs_well(1, 1);
        skip();
        at("01:20:00");
        put(job("a", "10,40 * * * *"));
        tells("a changed schedule starts nothing", "");
        is_int(look("a").next.usec, parse_time("01:40:00"), "it counts from now");
        at("02:05:00");
        tells("the old one does not any more", "01:40:00 a due -> starting (run 2)\n"
                                               "01:40:00 start 2.1\n");
        story_end();
}

static void changes_late(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        S.wall += 31 * MINUTE;
        S.mono += 31 * MINUTE;
        put(job("a", "10,40 * * * *"));
        ok(strstr(S.text, "a caught up 01:00:00") || strstr(S.text, "a due 01:00:00"),
           "instants before a change are the old schedule's");
        ok(!strstr(S.text, "00:40"), "and none of the new one's");
        at("01:10:00");
        is_int(S.runs[2].scheduled_at.usec, parse_time("01:10:00"), "after it the new one's");
        story_end();
}

static void same_again(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        skip();
        j = hourly("a");
        j->policy->timeout_usec = MINUTE;
        put(j);
        tells("a reload touches no run", "");
        at("02:00:00");
        tells("and makes the schedule begin anew in nothing",
              "02:00:00 a due -> skipped (concurrency) by run 1 (run 2)\n");
        story_end();
}

/* Gone, the clock set back a little, and there again: what it did before is not done a second time. */
static void back_after_a_step(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        runs_well(1, 1);
        at("01:00:20");
        put(job("a", "0,30 0-23 * * *"));
        take_away("a");
        set_clock("00:59:50");
        put(job("a", "0,30 0-23 * * *"));
        skip();
        at("01:00:10");
        tells("a job that comes back after a small step repeats nothing", "");
        at("01:30:00");
        tells("and goes on", "01:30:00 a due -> starting (run 2)\n"
                             "01:30:00 start 2.1\n");
        runs_well(2, 1);
        take_away("a");
        set_clock("00:40:00");
        put(job("a", "0,30 0-23 * * *"));
        skip();
        at("01:00:00");
        tells("nor after a step in a new epoch, as it is fixed", "");
        story_end();
}

static void definition_of_a_run(void)
{
        struct job *a, *b, *c;

        story("2026-03-02 00:30:00");
        S.opt.max_running = 1;
        a = hourly("a");
        a->policy->retry.limit = 3;
        a->policy->retry.delay_usec = MINUTE;
        put(a);
        b = hourly("b");
        put(b);
        boot(false);
        at("01:00:00");
        is_int(S.runs[2].state, RUN_QUEUED, "a starts, b waits");
        c = hourly("a");
        c->policy->retry.limit = 3;
        put(c);
        b = hourly("b");
        put(b);
        started(1, 1);
        exits(1, 1, 1);
        is_int(S.runs[2].digest[0], b->digest[0], "a run takes the definition in force when its first attempt starts");
        at("01:01:00");
        ok(S.runs[1].state == RUN_QUEUED || S.runs[1].state == RUN_STARTING,
           "the wait is the one of its own definition");
        exits(2, 1, 0);
        is_int(S.runs[1].state, RUN_STARTING, "a retry");
        is_int(S.runs[1].digest[0], a->digest[0], "goes by the definition of the first attempt");
        story_end();
}

static void goes(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        put(job("q", "0,30 * * * *"));
        S.files[1]->policy->concurrency = CONCURRENCY_QUEUE;
        boot(false);
        at("01:00:00");
        started(1, 1);
        started(2, 1);
        at("01:30:00");
        skip();
        take_away("a");
        take_away("q");
        tells("removed: what runs goes on, what has not started ends", "01:30:00 run 3 -> cancelled (removed)\n");
        ok(S.jobs[1].removed && S.jobs[2].removed, "the state says so");
        at("02:00:00");
        exits(1, 1, 0);
        tells("a running run comes to its end, no new one begins", "02:00:00 run 1 -> succeeded\n"
                                                                   "02:00:00 forget 1.1\n");
        at("02:10:00");
        put(hourly("a"));
        tells("the name comes back: no catch-up", "");
        at("03:00:00");
        tells("it goes on from there", "03:00:00 a due -> starting (run 4)\n"
                                       "03:00:00 start 4.1\n");
        is_int(S.runs[4].job_id, S.runs[1].job_id, "with its history");
        story_end();
}

static void goes_before_its_turn(void)
{
        story("2026-03-02 00:30:00");
        S.opt.max_starting = 1;
        put(hourly("a"));
        put(hourly("b"));
        boot(false);
        at("01:00:00");
        skip();
        take_away("b");
        tells("written down ahead of its turn, and removed", "01:00:00 run 2 -> cancelled (removed)\n");
        started(1, 1);
        tells("it is not started", "01:00:00 run 1 -> running\n");
        story_end();
}

static void pause_over_in_a_sleep(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        step((struct event){ .type = EVENT_COMMAND, .command = { .id = 1, .type = COMMAND_PAUSE, .job = "a", .until = { parse_time("01:30:00") } } });
        skip();
        S.wall += 3 * HOUR;
        S.mono += 3 * HOUR;               /* 03:30, and the first to come is a reload */
        put(job("a", "45 * * * *"));
        tick();
        ok(S.runs[1].state == RUN_SKIPPED && S.runs[1].count == 1, "01:00 was paused");
        ok(S.runs[2].id && S.runs[3].scheduled_until.usec == parse_time("03:00:00"), "02:00 and 03:00 were not, and are accounted for");
        story_end();
}

static void goes_in_backoff(void)
{
        struct job *j;

        story("2026-03-02 00:30:00");
        j = hourly("a");
        j->policy->retry.limit = 1;
        put(j);
        boot(false);
        at("01:00:00");
        started(1, 1);
        exits(1, 1, 1);
        take_away("a");
        is_int(S.runs[1].state, RUN_BACKOFF, "removed in the wait before a retry: it has started, it goes on");
        at("01:00:10");
        is_int(S.runs[1].state, RUN_STARTING, "to its next attempt");
        exits(1, 2, 0);
        is_int(S.runs[1].state, RUN_SUCCEEDED, "and its end");
        story_end();
}

static void renamed(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("old"));
        boot(false);
        at("01:00:00");
        runs_well(1, 1);
        at("02:00:10");
        take_away("old");
        put(hourly("new"));
        skip();
        at("03:00:00");
        ok(strstr(S.text, "03:00:00 new due"), "a renamed job is a new job");
        ok(S.runs[3].job_id != S.runs[1].job_id, "with a number of its own");
        story_end();
}

static void changed_while_down(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        put(hourly("b"));
        boot(false);
        at("01:00:00");
        runs_well(1, 1);
        runs_well(2, 1);
        skip();
        crash();
        S.e = NULL;
        put(job("a", "5 * * * *"));
        put(job("new", "0 * * * *"));
        down_until("03:30:00");
        boot(false);
        at("04:05:00");
        tells("changed while down: one row for what nobody knows any more, then the new schedule",
              "03:30:00 a due 01:00:00..03:30:00 x0 -> missed (changed) (run 3)\n"
              "03:30:00 b due 02:00:00 -> missed (down) (run 4)\n"
              "03:30:00 b caught up 03:00:00 -> starting, chained (run 5)\n"
              "03:30:00 start 5.1\n"
              "04:00:00 b due -> queued (chain), chained (run 6)\n"
              "04:00:00 new due -> starting (run 7)\n"
              "04:00:00 start 7.1\n"
              "04:05:00 a due -> starting (run 8)\n"
              "04:05:00 start 8.1\n");
        story_end();
}

static void removed_while_down(void)
{
        story("2026-03-02 00:30:00");
        put(hourly("a"));
        boot(false);
        at("01:00:00");
        started(1, 1);
        skip();
        crash();
        S.e = NULL;
        take_away("a");
        down_until("03:30:00");
        boot(false);
        at("05:00:00");
        tells("removed while down: no instant of it any more", "");
        ok(S.jobs[1].removed, "it is removed");
        exits(1, 1, 0);
        is_int(S.runs[1].state, RUN_SUCCEEDED, "its run is found, and ends");
        story_end();
}

static void narrower_limits(void)
{
        story("2026-03-02 00:30:00");
        for (int i = 0; i < 4; i++)
                put(hourly((const char *[]){ "a", "b", "c", "d" }[i]));
        boot(false);
        step((struct event){ .type = EVENT_CONFIG, .config = { .max_running = 2, .max_starting = 1 } });
        at("01:00:00");
        is_int(strstr(S.text, " start 1.1\n") && !strstr(S.text, " start 2.1\n"), 1, "max_starting of a reload holds");
        started(1, 1);
        started(2, 1);
        is_int(S.runs[3].state, RUN_QUEUED, "and max_running");
        step((struct event){ .type = EVENT_CONFIG, .config = { .max_running = 4, .max_starting = 4 } });
        is_int(S.runs[3].state == RUN_STARTING && S.runs[4].state == RUN_STARTING, 1, "until there is more room");
        story_end();
}

static void file_text(void)
{
        struct file_row f = { .path = "/etc/jobs.d/a.yaml", .text = "jobs: …", .size = 9, .uid = 0, .mode = 0644 };
        struct job *j;
        uint64_t job_seq = 0, file_seq = 0;

        story("2026-03-02 00:30:00");
        boot(false);
        j = hourly("a");
        S.store_waits = true;
        step((struct event){ .type = EVENT_CONFIG, .config = { .put = &j, .n_put = 1, .files = &f, .n_files = 1 } });
        for (size_t i = 0; i < S.a.n; i++) {
                if (S.a.v[i].type != ACTION_ROW)
                        continue;
                if (S.a.v[i].row.type == ROW_FILE && streq(S.a.v[i].row.file.path, f.path))
                        file_seq = S.a.v[i].seq;
                if (S.a.v[i].row.type == ROW_JOB)
                        job_seq = S.a.v[i].seq;
        }
        ok(file_seq && file_seq == job_seq, "a file's text and its taking effect are one unit");
        story_end();
}

int main(void)
{
        comes();
        changes();
        changes_late();
        same_again();
        back_after_a_step();
        definition_of_a_run();
        goes();
        goes_before_its_turn();
        pause_over_in_a_sleep();
        goes_in_backoff();
        renamed();
        changed_while_down();
        removed_while_down();
        narrower_limits();
        file_text();
        return tap_done();
}
