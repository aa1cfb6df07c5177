/* Retries, timeouts, faults of the machine, lost runs. */
#include "story.h"

static struct job *nightly(void)
{
        struct job *j = job("a", "0 1 * * *");

        j->policy->retry.limit = 3;
        j->policy->retry.delay_usec = 10 * SECOND;
        return j;
}

static void fails_all(const char *name, uint8_t backoff, const char *want)
{
        struct job *j;

        story("2026-03-02 00:59:00");
        j = nightly();
        j->policy->retry.backoff = backoff;
        j->policy->retry.max_delay_usec = 35 * SECOND;
        put(j);
        boot(false);
        at("01:00:00");
        skip();
        for (uint32_t i = 1; i <= 4; i++) {
                started(1, i);
                exits(1, i, 7);
                if (i < 4) {
                        at(clock_text(S.runs[1].retry_at.usec - SECOND));
                        is_int(S.runs[1].state, RUN_BACKOFF, "it waits to the end");
                        at(clock_text(S.runs[1].retry_at.usec));
                }
        }
        tells(name, want);
        is_int(S.runs[1].attempt, 4, "four attempts");
        is_int(run_exit_code(&S.runs[1]), 7, "with the last one's status");
        story_end();
}

static void delays(void)
{
        fails_all("exponential, capped", BACKOFF_EXPONENTIAL,
                  "01:00:00 run 1 -> running\n01:00:00 run 1 -> backoff (exit) until 01:00:10\n01:00:00 forget 1.1\n"
                  "01:00:10 run 1 -> starting\n01:00:10 start 1.2\n"
                  "01:00:10 run 1 -> running\n01:00:10 run 1 -> backoff (exit) until 01:00:30\n01:00:10 forget 1.2\n"
                  "01:00:30 run 1 -> starting\n01:00:30 start 1.3\n"
                  "01:00:30 run 1 -> running\n01:00:30 run 1 -> backoff (exit) until 01:01:05\n01:00:30 forget 1.3\n"
                  "01:01:05 run 1 -> starting\n01:01:05 start 1.4\n"
                  "01:01:05 run 1 -> running\n01:01:05 run 1 -> failed (exit), dead\n01:01:05 forget 1.4\n");
        fails_all("linear", BACKOFF_LINEAR,
                  "01:00:00 run 1 -> running\n01:00:00 run 1 -> backoff (exit) until 01:00:10\n01:00:00 forget 1.1\n"
                  "01:00:10 run 1 -> starting\n01:00:10 start 1.2\n"
                  "01:00:10 run 1 -> running\n01:00:10 run 1 -> backoff (exit) until 01:00:30\n01:00:10 forget 1.2\n"
                  "01:00:30 run 1 -> starting\n01:00:30 start 1.3\n"
                  "01:00:30 run 1 -> running\n01:00:30 run 1 -> backoff (exit) until 01:01:00\n01:00:30 forget 1.3\n"
                  "01:01:00 run 1 -> starting\n01:01:00 start 1.4\n"
                  "01:01:00 run 1 -> running\n01:01:00 run 1 -> failed (exit), dead\n01:01:00 forget 1.4\n");
        fails_all("constant", BACKOFF_CONSTANT,
                  "01:00:00 run 1 -> running\n01:00:00 run 1 -> backoff (exit) until 01:00:10\n01:00:00 forget 1.1\n"
                  "01:00:10 run 1 -> starting\n01:00:10 start 1.2\n"
                  "01:00:10 run 1 -> running\n01:00:10 run 1 -> backoff (exit) until 01:00:20\n01:00:10 forget 1.2\n"
                  "01:00:20 run 1 -> starting\n01:00:20 start 1.3\n"
                  "01:00:20 run 1 -> running\n01:00:20 run 1 -> backoff (exit) until 01:00:30\n01:00:20 forget 1.3\n"
                  "01:00:30 run 1 -> starting\n01:00:30 start 1.4\n"
                  "01:00:30 run 1 -> running\n01:00:30 run 1 -> failed (exit), dead\n01:00:30 forget 1.4\n");
}

/* The end of one attempt, and what becomes of the run. */
struct ending {
        const char *name;
        enum event_type type;
        int status;
        enum end_cause cause;
        enum spawn_stage stage;
        enum run_reason lost;
        uint64_t reasons; /* 0: the default */
        enum run_state state;
        enum run_reason reason;
};

static void endings(void)
{
        static const struct ending v[] = {
                { "exit 0", EVENT_EXITED, 0, END_SELF, 0, 0, 0, RUN_SUCCEEDED, REASON_NONE },
                { "exit 3 is among success_codes", EVENT_EXITED, 3 << 8, END_SELF, 0, 0, 0, RUN_SUCCEEDED,
                  REASON_NONE },
                { "exit 4 is among skip_codes", EVENT_EXITED, 4 << 8, END_SELF, 0, 0, 0, RUN_SKIPPED,
                  REASON_EXIT_CODE },
                { "exit 1", EVENT_EXITED, 1 << 8, END_SELF, 0, 0, 0, RUN_BACKOFF, REASON_EXIT },
                { "exit 9 is not among exit_codes", EVENT_EXITED, 9 << 8, END_SELF, 0, 0, 0, RUN_FAILED, REASON_EXIT },
                { "exit, not asked for", EVENT_EXITED, 1 << 8, END_SELF, 0, 0, RETRY_BIT(REASON_SIGNAL), RUN_FAILED,
                  REASON_EXIT },
                { "signal", EVENT_EXITED, 11, END_SELF, 0, 0, 0, RUN_BACKOFF, REASON_SIGNAL },
                { "signal, not asked for", EVENT_EXITED, 11, END_SELF, 0, 0, RETRY_BIT(REASON_EXIT), RUN_FAILED,
                  REASON_SIGNAL },
                { "timeout", EVENT_EXITED, 15, END_TIMEOUT, 0, 0, 0, RUN_BACKOFF, REASON_TIMEOUT },
                { "timeout that exits 0 all the same", EVENT_EXITED, 0, END_TIMEOUT, 0, 0, RETRY_BIT(REASON_EXIT),
                  RUN_TIMED_OUT, REASON_TIMEOUT },
                { "total_timeout is never retried", EVENT_EXITED, 15, END_TOTAL_TIMEOUT, 0, 0, 0, RUN_TIMED_OUT,
                  REASON_TOTAL_TIMEOUT },
                { "spawn", EVENT_START_FAILED, 0, END_SELF, STAGE_CHDIR, 0, 0, RUN_BACKOFF, REASON_SPAWN },
                { "spawn, not asked for", EVENT_START_FAILED, 0, END_SELF, STAGE_EXEC, 0, RETRY_BIT(REASON_EXIT),
                  RUN_FAILED, REASON_SPAWN },
                { "lost", EVENT_LOST, 0, END_SELF, 0, REASON_SUPERVISOR, 0, RUN_LOST, REASON_SUPERVISOR },
                { "lost, asked for", EVENT_LOST, 0, END_SELF, 0, REASON_SUPERVISOR, RETRY_BIT(REASON_SUPERVISOR),
                  RUN_BACKOFF, REASON_SUPERVISOR },
                { "record gone", EVENT_LOST, 0, END_SELF, 0, REASON_RECORD, 0, RUN_LOST, REASON_RECORD },
        };

        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                const struct ending *t = &v[i];
                struct job *j;

                story("2026-03-02 00:59:00");
                j = nightly();
                if (t->reasons)
                        j->policy->retry.reasons = t->reasons;
                j->policy->success_codes = calloc(1, sizeof(*j->policy->success_codes));
                code_set_add(j->policy->success_codes, 0);
                code_set_add(j->policy->success_codes, 3);
                j->policy->skip_codes = calloc(1, sizeof(*j->policy->skip_codes));
                code_set_add(j->policy->skip_codes, 4);
                j->policy->retry.exit_codes = calloc(1, sizeof(*j->policy->retry.exit_codes));
                code_set_add(j->policy->retry.exit_codes, 1);
                put(j);
                boot(false);
                at("01:00:00");
                if (t->type != EVENT_START_FAILED)
                        started(1, 1);
                answer(t->type, 1, 1, t->type == EVENT_EXITED ? t->status : RUN_NO_STATUS, t->cause, t->stage,
                       t->stage ? ENOENT : 0, false, t->lost);
                if (!ok(S.runs[1].state == t->state && S.runs[1].reason == t->reason, "%s: %s (%s)", t->name,
                        run_state_name(t->state), run_reason_name(t->reason)))
                        diag("it is %s (%s)", run_state_name(S.runs[1].state), run_reason_name(S.runs[1].reason));
                is_int(S.runs[1].wait_status, t->type == EVENT_EXITED ? t->status : RUN_NO_STATUS,
                       "its status is the kernel's or none");
                is_int(S.runs[1].attempt, 1, "one attempt");
                if (t->stage)
                        ok(S.runs[1].stage == t->stage && S.runs[1].error == ENOENT, "with stage and errno");
                story_end();
        }
}

static void jitter(void)
{
        int64_t first = 0;
        bool same = true, inside = true;

        for (int i = 0; i < 20; i++) {
                struct job *j;
                int64_t wait;

                story("2026-03-02 00:59:00");
                S.opt.seed = (uint64_t)i * 7919;
                j = nightly();
                j->policy->retry.jitter_usec = 5 * SECOND;
                put(j);
                boot(false);
                at("01:00:00");
                started(1, 1);
                exits(1, 1, 1);
                wait = S.runs[1].retry_at.usec - S.wall;
                inside &= wait >= 10 * SECOND && wait <= 15 * SECOND;
                same &= i == 0 || wait == first;
                first = wait;
                story_end();
        }
        ok(inside, "jitter: within its bounds");
        ok(!same, "and from the seed");
}

static void faults(void)
{
        struct job *j;

        story("2026-03-02 00:59:00");
        j = nightly();
        j->policy->retry.limit = 0;
        put(j);
        boot(false);
        at("01:00:00");
        not_started(1, 1, STAGE_FORK, EAGAIN, true);
        at("01:00:01");
        not_started(1, 2, STAGE_FORK, EAGAIN, true);
        at("01:00:03");
        tells("the machine's faults: back to the queue, 1 s, 2 s …", "01:00:00 a due -> starting (run 1)\n"
                                                                    "01:00:00 start 1.1\n"
                                                                    "01:00:00 run 1 -> queued (fault)\n"
                                                                    "01:00:00 forget 1.1\n"
                                                                    "01:00:01 run 1 -> starting\n"
                                                                    "01:00:01 start 1.2\n"
                                                                    "01:00:01 run 1 -> queued (fault)\n"
                                                                    "01:00:01 forget 1.2\n"
                                                                    "01:00:03 run 1 -> starting\n"
                                                                    "01:00:03 start 1.3\n");
        is_int(S.runs[1].attempt, 0, "no attempt is counted");
        ok(S.runs[1].stage == STAGE_FORK && S.runs[1].error == EAGAIN, "what was wrong is shown");
        started(1, 3);
        exits(1, 3, 0);
        tells("and it runs when it can", "01:00:03 run 1 -> running\n"
                                         "01:00:03 run 1 -> succeeded\n"
                                         "01:00:03 forget 1.3\n");
        story_end();

        story("2026-03-02 00:59:00");
        put(nightly());
        boot(false);
        at("01:00:00");
        for (uint32_t i = 1; S.runs[1].state != RUN_FAILED && i < 200; i++) {
                int64_t next;

                not_started(1, i, STAGE_RUNNER, ENOTCONN, true);
                next = wake_time();
                if (i > 8 && S.runs[1].state == RUN_QUEUED)
                        assert(next - S.wall == 60 * SECOND);
                if (S.runs[1].state == RUN_QUEUED)
                        sleep_until(clock_text(next));
        }
        is_int(S.runs[1].reason, REASON_SPAWN, "for an hour, then it has failed (spawn)");
        ok(S.wall >= parse_time("02:00:00") && S.wall <= parse_time("02:02:00"), "after an hour (%s)",
           clock_text(S.wall));
        is_int(S.runs[1].attempt, 0, "without an attempt");
        story_end();
}

static void judged_not_started(void)
{
        story("2026-03-02 00:59:00");
        put(nightly());
        boot(false);
        at("01:00:00");
        not_started(1, 1, STAGE_NONE, 0, false);
        tells("judged as not started: again at once, with a number of its own", "01:00:00 a due -> starting (run 1)\n"
                                                                               "01:00:00 start 1.1\n"
                                                                               "01:00:00 run 1 -> starting\n"
                                                                               "01:00:00 forget 1.1\n"
                                                                               "01:00:00 start 1.2\n");
        story_end();
}

static void timeouts(void)
{
        struct job *j;

        story("2026-03-02 00:59:00");
        j = nightly();
        j->policy->timeout_usec = 60 * SECOND;
        j->policy->total_timeout_usec = 100 * SECOND;
        put(j);
        boot(false);
        at("01:00:00");
        tells("the supervisor is given the timeout", "01:00:00 a due -> starting (run 1)\n"
                                                     "01:00:00 start 1.1, timeout 60s\n");
        started(1, 1);
        at("01:01:00");
        dies(1, 1, 15, END_TIMEOUT);
        at("01:01:10");
        tells("of what total_timeout leaves it", "01:00:00 run 1 -> running\n"
                                                 "01:01:00 run 1 -> backoff (timeout) until 01:01:10\n"
                                                 "01:01:00 forget 1.1\n"
                                                 "01:01:10 run 1 -> starting\n"
                                                 "01:01:10 start 1.2, total 30s\n");
        started(1, 2);
        at("01:01:40");
        dies(1, 2, 15, END_TOTAL_TIMEOUT);
        tells("and that is the end", "01:01:10 run 1 -> running\n"
                                     "01:01:40 run 1 -> timed_out (total_timeout)\n"
                                     "01:01:40 forget 1.2\n");
        story_end();

        story("2026-03-02 00:59:00");
        j = nightly();
        j->policy->retry.delay_usec = j->policy->retry.max_delay_usec = HOUR;
        j->policy->total_timeout_usec = 100 * SECOND;
        put(j);
        boot(false);
        at("01:00:00");
        skip();
        started(1, 1);
        exits(1, 1, 1);
        at("01:30:00");
        ok(S.runs[1].state == RUN_TIMED_OUT && S.runs[1].reason == REASON_TOTAL_TIMEOUT,
           "total_timeout also ends a wait");
        ok(S.runs[1].ended_at.usec >= parse_time("01:00:00"), "and says when");
        story_end();
}

int main(void)
{
        delays();
        endings();
        jitter();
        faults();
        judged_not_started();
        timeouts();
        return tap_done();
}
