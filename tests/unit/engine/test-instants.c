/* Instants: on time, daylight saving, what `next` shows, early and useless calls. */
#include "story.h"

#include "calendar/tz.h"

static void on_time(void)
{
        story("2026-03-02 02:59:00");
        put(job("backup", "0 3 * * *"));
        tells("a definition alone starts nothing", "");
        boot(false);
        is_int(look("backup").next.usec, parse_time("03:00:00"), "the next instant is known");
        at("02:59:59");
        tells("nothing before its time", "");
        at("03:00:00");
        tells("on time", "03:00:00 backup due -> starting (run 1)\n"
                         "03:00:00 start 1.1\n");
        at("03:00:01");
        started(1, 1);
        at("03:00:09");
        exits(1, 1, 0);
        tells("a run's life", "03:00:01 run 1 -> running\n"
                              "03:00:09 run 1 -> succeeded\n"
                              "03:00:09 forget 1.1\n");
        is_int(look("backup").state.watermark.usec, parse_time("03:00:00"), "accounted for up to its instant");
        is_int(look("backup").next.usec, parse_time("2026-03-03 03:00:00"), "tomorrow again");
        is_int(look("backup").state.last_success.usec, parse_time("03:00:09"), "its last success");
        at("2026-03-03 02:00:00");
        tells("and not before", "");
        story_end();
}

static void useless_calls(void)
{
        story("2026-03-02 02:59:00");
        put(job("backup", "0 3 * * *"));
        boot(false);
        sleep_until("02:59:59.95");
        tick();
        tick();
        tells("a timer that fires early starts nothing", "");
        is_int(wake_time(), parse_time("03:00:00"), "and the same call is asked for");
        sleep_until("03:00:00.25");
        tells("a little late is on time", "03:00:00.250 backup due 03:00:00 -> starting (run 1)\n"
                                          "03:00:00.250 start 1.1\n");
        for (int i = 0; i < 10; i++)
                tick();
        tells("called again at the same time: once", "");
        ok(wake_time() > S.wall, "it does not ask to be called at once");
        story_end();
}

static void five_seconds(void)
{
        story("2026-03-02 02:59:00");
        put(job("a", "0 3 * * *"));
        boot(false);
        sleep_until("03:00:05");
        tells("5 s late is on time", "03:00:05 a due 03:00:00 -> starting (run 1)\n"
                                     "03:00:05 start 1.1\n");
        story_end();

        story("2026-03-02 02:59:00");
        put(job("a", "0 3 * * *"));
        boot(false);
        sleep_until("03:00:05.001");
        tells("later has passed", "03:00:05.001 a caught up 03:00:00 -> starting, chained (run 1)\n"
                                  "03:00:05.001 start 1.1\n");
        story_end();
}

static void unions(void)
{
        story("2026-03-02 00:00:00");
        put(job("often", "0 1 * * *|30 1 * * *|0,30 1 2 * *|@every 45m"));
        boot(false);
        at("01:00:00");
        runs_well(1, 1);
        at("01:30:00");
        runs_well(2, 1);
        runs_well(3, 1);
        at("02:15:00");
        tells("the union of instants, each once", "00:45:00 often due -> starting (run 1)\n"
                                                   "00:45:00 start 1.1\n"
                                                   "01:00:00 often due -> skipped (concurrency) by run 1 (run 2)\n"
                                                   "01:30:00 often due -> starting (run 3)\n"
                                                   "01:30:00 start 3.1\n"
                                                   "02:15:00 often due -> starting (run 4)\n"
                                                   "02:15:00 start 4.1\n");
        story_end();
}

/* A zone of its own: an hour skipped on 29 March at 02:00, one repeated on 25 October at 03:00 (both 01:00 UTC). */
static struct tz *central(void)
{
        static const char header[44] = { 'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4 };
        static const char block[10] = { 0, 0, 0, 0, 0, 0, 'C', 'E', 'T', 0 };
        static const char footer[] = "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
        char data[256];
        size_t n = 0;
        struct tz *tz = NULL;

        for (int i = 0; i < 2; i++) {
                memcpy(data + n, header, sizeof(header));
                memcpy(data + n + sizeof(header), block, sizeof(block));
                n += sizeof(header) + sizeof(block);
        }
        memcpy(data + n, footer, sizeof(footer) - 1);
        assert(tz_new("Test/Central", data, n + sizeof(footer) - 1, &tz) == 0);
        return tz;
}

static void daylight_saving(void)
{
        struct tz *tz = central();
        struct job *j;

        story("2026-03-29 00:00:00");
        j = job("fixed", "30 2 * * *");
        j->policy->zone = tz;
        put(j);
        j = job("interval", "30 * * * *");
        j->policy->zone = tz;
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("02:00:00");
        tells("skipped hour: the fixed one right after the gap, the interval not at all",
              "00:30:00 interval due -> starting (run 1)\n"
              "00:30:00 start 1.1\n"
              "01:00:00 fixed due -> starting (run 2)\n"
              "01:00:00 start 2.1\n"
              "01:30:00 interval due -> starting (run 3)\n"
              "01:30:00 start 3.1\n");
        story_end();

        story("2026-10-24 23:00:00");
        j = job("fixed", "30 2 * * *");
        j->policy->zone = tz;
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        j = job("interval", "30 * * * *");
        j->policy->zone = tz;
        j->policy->concurrency = CONCURRENCY_ALLOW;
        put(j);
        boot(false);
        at("2026-10-25 02:00:00");
        tells("repeated hour: the fixed one the first time, the interval both times",
              "23:30:00 interval due -> starting (run 1)\n"
              "23:30:00 start 1.1\n"
              "00:30:00 fixed due -> starting (run 2)\n"
              "00:30:00 interval due -> starting (run 3)\n"
              "00:30:00 start 2.1\n"
              "00:30:00 start 3.1\n"
              "01:30:00 interval due -> starting (run 4)\n"
              "01:30:00 start 4.1\n");
        story_end();
        tz_free(tz);
}

static void bounds(void)
{
        struct job *j;

        story("2026-03-02 00:00:00");
        j = job("bounded", "0 * * * *");
        j->policy->concurrency = CONCURRENCY_ALLOW;
        j->policy->start.usec = parse_time("02:00:00");
        j->policy->end.usec = parse_time("03:00:00");
        put(j);
        put(job("once", "@at 2026-03-02T01:30"));
        put(job("past", "@at 2026-03-01T01:30"));
        boot(false);
        ok(wall_is_never(look("past").next), "what was past when it was first seen never comes");
        at("06:00:00");
        tells("from start to end, both included; @at once", "01:30:00 once due -> starting (run 1)\n"
                                                             "01:30:00 start 1.1\n"
                                                             "02:00:00 bounded due -> starting (run 2)\n"
                                                             "02:00:00 start 2.1\n"
                                                             "03:00:00 bounded due -> starting (run 3)\n"
                                                             "03:00:00 start 3.1\n");
        ok(wall_is_never(look("once").next) && wall_is_never(look("bounded").next), "nothing is due any more");
        story_end();
}

static void at_boot(void)
{
        struct job *off;

        story("2026-03-02 08:00:00");
        put(job("mount", "@reboot"));
        off = job("off", "@reboot|0 9 * * *");
        off->policy->enabled = false;
        put(off);
        boot(true);
        tells("@reboot at the first start in a boot", "08:00:00 mount booted -> starting (run 1)\n"
                                                      "08:00:00 off booted -> skipped (disabled) (run 2)\n"
                                                      "08:00:00 start 1.1\n");
        at("09:00:00");
        tells("a scheduled instant has a row of its own", "09:00:00 off due -> skipped (disabled) (run 3)\n");
        runs_well(1, 1);
        crash();
        boot(false);
        tells("not at the next start in the same boot", "");
        story_end();
}

static void blocked(void)
{
        struct job *j;

        story("2026-03-02 08:00:00");
        j = job("blocked", "0 9 * * *");
        j->policy->blocked = strdup("the system has no zone Mars/Olympus");
        put(j);
        boot(false);
        at("10:00:00");
        ok(!strstr(S.text, "start"), "a blocked job is not run");
        skip();
        command(1, COMMAND_RUN, "blocked", 0);
        tells("nor by hand", "10:00:00 reply 1: conflict\n");
        story_end();
}

int main(void)
{
        on_time();
        useless_calls();
        five_seconds();
        unions();
        daylight_saving();
        bounds();
        at_boot();
        blocked();
        return tap_done();
}
