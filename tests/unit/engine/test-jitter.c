/* Jitter: each start is put off, by so much as machine, job and instant say; the instant is what it is. */
#include "story.h"

static struct job *jittered(const char *name, const char *schedule, int64_t jitter)
{
        struct job *j = job(name, schedule);

        j->policy->jitter_usec = jitter;
        return j;
}

static int64_t start_of(const char *name, const char *instant)
{
        return parse_time(instant) + job_delay(look(name).job, S.opt.machine, (struct wall){ parse_time(instant) });
}

static int64_t delay_of(uint64_t machine, const char *name, int64_t jitter, int64_t at)
{
        struct job *j = job_new();
        int64_t delay;

        assert(j);
        j->name = strdup(name);
        j->policy->jitter_usec = jitter;
        delay = job_delay(j, machine, (struct wall){ at });
        job_unref(j);
        return delay;
}

static void spread(void)
{
        int64_t min = INT64_MAX, max = 0, sum = 0, hour = parse_time("2026-03-02 03:00:00");
        unsigned tenths[10] = { 0 };
        bool even = true;

        for (int i = 0; i < 10000; i++) {
                int64_t d = delay_of((uint64_t)i, "backup", HOUR, hour);

                min = MIN(min, d);
                max = MAX(max, d);
                sum += d / 10000;
                tenths[MIN(d / (HOUR / 10), 9)]++;
        }
        ok(min >= 0 && max <= HOUR, "from nothing to all of it");
        for (int i = 0; i < 10; i++)
                even = even && tenths[i] > 850 && tenths[i] < 1150;
        ok(even && sum > 29 * MINUTE && sum < 31 * MINUTE, "machines are spread evenly");
        ok(delay_of(1, "a", HOUR, hour) != delay_of(1, "b", HOUR, hour), "jobs differ");
        ok(delay_of(1, "a", HOUR, hour) != delay_of(1, "a", HOUR, hour + HOUR), "instants differ");
        ok(delay_of(1, "a", HOUR, hour) == delay_of(1, "a", HOUR, hour), "it is always the same");
        is_int(delay_of(1, "a", 0, hour), 0, "without jitter there is none");
        is_int(delay_of(1, "a", 999, hour), 0, "it is whole milliseconds");
}

static void delayed(void)
{
        struct job_view v;
        int64_t start;

        story("2026-03-02 02:59:00");
        S.opt.machine = 7;
        put(jittered("a", "0 3 * * *", 10 * MINUTE));
        boot(false);
        v = look("a");
        start = start_of("a", "03:00:00");
        is_int(v.next.usec, parse_time("03:00:00"), "next is the instant");
        is_int(v.next_start.usec, start, "and the start is told beforehand");
        at("03:00:00");
        tells("the run waits", "03:00:00 a due -> waiting (jitter) (run 1)\n");
        is_int(S.runs[1].retry_at.usec, start, "its row says until when");
        v = look("a");
        ok(v.active == 1 && v.running == 0, "it is active, not running");
        S.mono += start - S.wall - 1;
        S.wall = start - 1;
        tick();
        tells("not a microsecond early", "");
        S.mono++;
        S.wall++;
        tick();
        is_int(S.runs[1].state, RUN_STARTING, "then it starts");
        is_int(S.runs[1].scheduled_at.usec, parse_time("03:00:00"), "for the instant that it was");
        ok(wall_is_never(S.runs[1].retry_at), "and waits for nothing");
        is_int(S.jobs[1].watermark.usec, parse_time("03:00:00"), "which is accounted for");
        story_end();
}

static void restarted(void)
{
        int64_t start;

        story("2026-03-02 02:59:00");
        put(jittered("a", "0 3 * * *", HOUR));
        boot(false);
        at("03:00:00");
        start = start_of("a", "03:00:00");
        assert(start > parse_time("03:00:20"));
        skip();
        crash();
        down_until("03:00:10");
        boot(false);
        at("03:00:20");
        tells("a restart starts nothing", "");
        is_int(wake_time(), start, "nor does it change the moment");
        S.mono += start - S.wall;
        S.wall = start;
        tick();
        is_int(S.runs[1].state, RUN_STARTING, "at which it starts");
        story_end();
}

/* Down at the moment of the start: up again at `until`. */
static void late(const char *name, enum job_catch_up how, int64_t deadline, const char *until, enum run_state want)
{
        struct job *j;

        story("2026-03-02 02:59:00");
        j = jittered("a", "0 3 * * *", 10 * MINUTE);
        j->policy->catch_up = (uint8_t)how;
        j->policy->starting_deadline_usec = deadline;
        put(j);
        boot(false);
        at("03:00:00");
        crash();
        down_until(until);
        boot(false);
        tick();
        ok(S.runs[1].state == want, "%s (is %s)", name, run_state_name(S.runs[1].state));
        if (want == RUN_MISSED)
                is_int(S.runs[1].reason, REASON_DEADLINE, "as later than it may be");
        story_end();
}

static void lateness(void)
{
        late("latest: until the next instant, counted from the end of the jitter", CATCH_UP_LATEST, -1, "2026-03-03 02:59:00",
             RUN_STARTING);
        late("latest: and no longer", CATCH_UP_LATEST, -1, "2026-03-03 03:10:01", RUN_MISSED);
        late("all: at any time", CATCH_UP_ALL, -1, "2026-03-13 03:00:00", RUN_STARTING);
        late("skip: a minute after the end of the jitter", CATCH_UP_SKIP, -1, "03:11:00", RUN_STARTING);
        late("skip: not later", CATCH_UP_SKIP, -1, "03:11:01", RUN_MISSED);
        late("a deadline counts from the end of the jitter", CATCH_UP_LATEST, 30 * MINUTE, "03:40:00", RUN_STARTING);
        late("not from the instant, and to the second", CATCH_UP_LATEST, 30 * MINUTE, "03:40:01", RUN_MISSED);
}

/* Concurrency is judged when the delay is over. */
static void concurrency(void)
{
        int64_t start;

        story("2026-03-02 02:59:00");
        put(jittered("a", "0 3 * * *", 10 * MINUTE));
        boot(false);
        at("03:00:00");
        start = start_of("a", "03:00:00");
        command(1, COMMAND_RUN, "a", 0);
        ok(strstr(S.text, "reply 1: ok"), "who asks during the delay is served");
        started(2, 1);
        S.mono += start - S.wall;
        S.wall = start;
        tick();
        is_int(S.runs[1].state, RUN_SKIPPED, "at its end another run is active");
        ok(S.runs[1].reason == REASON_CONCURRENCY && S.runs[1].cause_run == 2, "and it says which");
        story_end();

        story("2026-03-02 02:59:00");
        put(jittered("a", "0 3 * * *", 10 * MINUTE));
        boot(false);
        at("02:59:30");
        command(1, COMMAND_RUN, "a", 0);
        started(1, 1);
        at("03:00:00");
        is_int(S.runs[2].state, RUN_WAITING, "a run that is active at the instant is in nobody's way");
        exits(1, 1, 0);
        S.mono += start_of("a", "03:00:00") - S.wall;
        S.wall = start_of("a", "03:00:00");
        tick();
        is_int(S.runs[2].state, RUN_STARTING, "if it has ended in time");
        story_end();

        story("2026-03-02 02:59:00");
        {
                struct job *j = jittered("a", "* * * * *", 30 * MINUTE);

                j->policy->concurrency = CONCURRENCY_REPLACE;
                put(j);
        }
        boot(false);
        at("03:10:00");
        ok(look("a").active > 5, "instants whose delays overlap wait beside each other");
        {
                unsigned n = 0;

                for (size_t i = 1; i < 20; i++)
                        n += S.runs[i].id && S.runs[i].state == RUN_SKIPPED;
                is_int(n, 0, "and none is skipped for another that waits");
        }
        story_end();
}

static void changes(void)
{
        struct job *j;

        story("2026-03-02 02:59:00");
        put(jittered("gone", "0 3 * * *", HOUR));
        put(jittered("paused", "0 3 * * *", HOUR));
        put(jittered("held", "0 3 * * *", HOUR));
        put(jittered("off", "0 3 * * *", HOUR));
        put(jittered("cancelled", "0 3 * * *", HOUR));
        put(jittered("plain", "0 3 * * *", HOUR));
        put(jittered("other", "0 3 * * *", HOUR));
        boot(false);
        at("03:00:00");
        take_away("gone");
        ok(S.runs[1].state == RUN_CANCELLED && S.runs[1].reason == REASON_REMOVED, "removed: cancelled");
        command(1, COMMAND_PAUSE, "paused", 0);
        hold(2, "held", NULL);
        command(3, COMMAND_DISABLE, "off", 0);
        command(4, COMMAND_CANCEL, NULL, 5);
        ok(S.runs[5].state == RUN_CANCELLED && S.runs[5].reason == REASON_USER, "cancelled: by whom asked");
        put(job("plain", "0 3 * * *"));
        at("03:00:01");
        is_int(S.runs[6].state, RUN_STARTING, "no jitter any more: it starts");
        j = jittered("other", "30 5 * * *", 2 * HOUR);
        put(j);
        is_int(S.runs[7].retry_at.usec, start_of("other", "03:00:00"), "another jitter: counted from the instant that it was");
        at("04:00:00");
        ok(S.runs[2].state == RUN_SKIPPED && S.runs[2].reason == REASON_PAUSED && S.runs[2].by_uid == 1000,
           "paused at the end of the delay: skipped");
        is_int(S.runs[3].state, RUN_WAITING, "held: it waits on");
        ok(S.runs[4].state == RUN_SKIPPED && S.runs[4].reason == REASON_DISABLED, "disabled: skipped");
        hold(6, "held", NULL);
        tick();
        is_int(S.runs[3].state, RUN_WAITING, "also held once more");
        command(5, COMMAND_RESUME, "held", 0);
        tick();
        is_int(S.runs[3].state, RUN_STARTING, "and starts when it is resumed");
        story_end();
}

/* The delay lasts as long as it should, whatever is done to the clock. */
static void held_no_more(void)
{
        story("2026-03-02 02:59:00");
        put(jittered("a", "0 3 * * *", HOUR));
        boot(false);
        at("03:00:00");
        hold(1, "a", NULL);
        at("04:00:00");
        is_int(S.runs[1].state, RUN_WAITING, "held over the end of its delay");
        command(2, COMMAND_PAUSE, "a", 0);
        tick();
        ok(S.runs[1].state == RUN_SKIPPED && S.runs[1].reason == REASON_PAUSED, "a pause that holds nothing: skipped");
        story_end();
}

static void steps(void)
{
        static const char *const to[] = { "02:10:00", "03:00:40", "2026-03-01 03:00:30", "2026-03-02 02:59:50" };

        for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
                int64_t left;

                story("2026-03-02 02:59:00");
                put(jittered("a", "0 3 * * *", HOUR));
                boot(false);
                at("03:00:30");
                left = start_of("a", "03:00:00") - S.wall;
                set_clock(to[i]);
                S.mono += left - 1;
                S.wall += left - 1;
                tick();
                ok(S.runs[1].state == RUN_WAITING, "the clock is set to %s: not early", to[i]);
                S.mono++;
                S.wall++;
                tick();
                is_int(S.runs[1].state, RUN_STARTING, "not late");
                story_end();
        }
}

static void catch_ups(void)
{
        struct job *j;
        bool in_order = true;

        story("2026-03-02 00:59:00");
        j = jittered("a", "0 * * * *", 10 * MINUTE);
        j->policy->catch_up = CATCH_UP_ALL;
        put(j);
        boot(false);
        crash();
        down_until("05:30:00");
        boot(false);
        tick();
        for (size_t i = 1; i <= 5; i++) {
                is_int(S.runs[i].state, RUN_WAITING, "a catch-up is delayed too");
                ok(S.runs[i].retry_at.usec > parse_time("05:30:00") && S.runs[i].retry_at.usec <= parse_time("05:40:00"),
                   "from when it is caught up");
        }
        at("05:40:00");
        for (size_t i = 1; i <= 5; i++) {
                runs_well(i, 1);
                at(i == 1 ? "05:40:01" : i == 2 ? "05:40:02" : i == 3 ? "05:40:03" : "05:40:04");
                for (size_t k = i + 2; k <= 5; k++)
                        in_order = in_order && S.runs[k].state == RUN_QUEUED;
        }
        ok(in_order, "and the chain stays a chain");
        story_end();

        story("2026-03-02 02:50:00");
        put(jittered("a", "0 3 * * *", HOUR));
        boot(false);
        crash();
        down_until("03:00:10");
        boot(false);
        tick();
        is_int(S.runs[1].trigger, TRIGGER_CATCH_UP, "down at the instant");
        is_int(S.runs[1].retry_at.usec, start_of("a", "03:00:00"), "up again before the start: it is when it was to be");
        story_end();

        story("2026-03-02 02:50:00");
        put(jittered("a", "@reboot", HOUR));
        boot(true);
        is_int(S.runs[1].state, RUN_WAITING, "a boot's run is delayed");
        command(1, COMMAND_RUN, "a", 0);
        is_int(S.runs[2].state, RUN_STARTING, "one that is asked for is not");
        story_end();
}

static void bounded(void)
{
        unsigned waiting = 0;

        story("2026-03-02 02:59:59");
        put(jittered("a", "* * * * * *", 6 * HOUR));
        boot(false);
        at("03:14:00");
        skip();
        at("03:25:00");
        waiting = look("a").active;
        ok(waiting <= 1000 + 1, "at most a thousand wait, beside the one that runs");
        ok(strstr(S.text, "skipped (concurrency)"), "what comes beyond is skipped, and says so");
        story_end();
}

int main(void)
{
        story("2026-03-02 00:00:00");
        spread();
        story_end();
        delayed();
        restarted();
        lateness();
        concurrency();
        changes();
        held_no_more();
        steps();
        catch_ups();
        bounded();
        return tap_done();
}
