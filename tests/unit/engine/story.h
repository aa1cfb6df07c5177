/* Stories for the engine: a test sets the clocks, lets things happen, and compares what the engine did with lines like
 *
 *      03:00:00 backup due -> starting (run 1)
 *      03:00:00 start 1.1
 *
 * One line for each run whose row changed in a step (what it is when the step is over), then what the engine asks for.
 * Rows become durable at once, unless the test says store_waits.  Times are UTC; the boot clock goes with the wall
 * clock but where the test sets the clock. */
#pragma once
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "engine/engine.h"
#include "../../lib/tap.h"

#define SECOND USEC_PER_SEC
#define MINUTE USEC_PER_MINUTE
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define MAX_ROWS 4096

static struct {
        struct engine *e;
        struct engine_options opt;
        struct actions a;
        int64_t wall, mono;
        bool store_waits, failing;
        uint64_t emitted, told;
        char text[1 << 16];
        size_t n;

        struct job *files[64];      /* what the files define now */
        size_t n_files;
        struct job *made[256];      /* to be let go at the end */
        size_t n_made;
        uint8_t digests;

        /* As the rows say; by number.  `durable` follows when the unit is stored. */
        struct run_info runs[MAX_ROWS], durable_runs[MAX_ROWS];
        uint64_t run_seq[MAX_ROWS];
        struct job_state jobs[128], durable_jobs[128];
        uint64_t job_seq[128];
        const struct job *definitions[256];
        size_t n_definitions;
        bool shown[MAX_ROWS];
        unsigned rows;              /* run rows so far, for tests that count */
} S;

static inline const char *clock_text(int64_t usec)
{
        static char buf[4][32];
        static int k;
        char *b = buf[k++ % 4];
        time_t t = (time_t)wall_sec((struct wall){ usec });
        struct tm tm;
        int ms = (int)((usec - (int64_t)t * USEC_PER_SEC) / 1000);

        if (usec == USEC_INFINITY)
                return "never";
        gmtime_r(&t, &tm);
        if (ms)
                snprintf(b, 32, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
        else
                snprintf(b, 32, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
        return b;
}

static inline void __attribute__((format(printf, 1, 2))) tell(const char *fmt, ...)
{
        va_list ap;

        S.n += (size_t)snprintf(S.text + S.n, sizeof(S.text) - S.n, "%s ", clock_text(S.wall));
        va_start(ap, fmt);
        S.n += (size_t)vsnprintf(S.text + S.n, sizeof(S.text) - S.n, fmt, ap);
        va_end(ap);
        S.n += (size_t)snprintf(S.text + S.n, sizeof(S.text) - S.n, "\n");
        assert(S.n < sizeof(S.text));
}

/* ---- what the engine wrote down */
static inline void tell_state(char *buf, size_t size, const struct run_info *r)
{
        int n = snprintf(buf, size, "%s", run_state_name(r->state));

        if (r->reason != REASON_NONE)
                n += snprintf(buf + n, size - (size_t)n, " (%s)", run_reason_name(r->reason));
        if (r->state == RUN_BACKOFF)
                n += snprintf(buf + n, size - (size_t)n, " until %s", clock_text(r->retry_at.usec));
        if (r->flags & RUN_STOPPING && !run_state_ends(r->state))
                n += snprintf(buf + n, size - (size_t)n, ", stopping");
        if (r->flags & RUN_DEAD)
                n += snprintf(buf + n, size - (size_t)n, ", dead");
        if (r->flags & RUN_CHAINED && !run_state_ends(r->state))
                n += snprintf(buf + n, size - (size_t)n, ", chained");
        if (r->cause_run && r->state == RUN_SKIPPED)
                snprintf(buf + n, size - (size_t)n, " by run %llu", (unsigned long long)r->cause_run);
}

static inline void tell_run(const struct run_info *old, const struct run_info *r)
{
        static const char *const words[] = { "due", "caught up", "booted", "asked for", "backfilled" };
        char state[128], when[80] = "";

        tell_state(state, sizeof(state), r);
        if (!S.shown[r->id]) {
                if (r->count > 1 || r->scheduled_until.usec != r->scheduled_at.usec)
                        snprintf(when, sizeof(when), " %s..%s x%llu", clock_text(r->scheduled_at.usec),
                                 clock_text(r->scheduled_until.usec), (unsigned long long)r->count);
                else if (r->trigger != TRIGGER_MANUAL && r->trigger != TRIGGER_BOOT && r->scheduled_at.usec != S.wall)
                        snprintf(when, sizeof(when), " %s", clock_text(r->scheduled_at.usec));
                tell("%s %s%s -> %s (run %llu)", r->job, words[r->trigger], when, state, (unsigned long long)r->id);
                S.shown[r->id] = true;
        } else if (old->count != r->count)
                tell("run %llu covers %s..%s x%llu", (unsigned long long)r->id, clock_text(r->scheduled_at.usec),
                     clock_text(r->scheduled_until.usec), (unsigned long long)r->count);
        else if (old->state != r->state || old->reason != r->reason ||
                 (old->start != r->start && r->state == RUN_STARTING) ||
                 (old->flags & RUN_STOPPING) != (r->flags & RUN_STOPPING))
                tell("run %llu -> %s", (unsigned long long)r->id, state);
}

static inline struct job *definition_of(const uint8_t digest[32])
{
        for (size_t i = 0; i < S.n_definitions; i++)
                if (memcmp(S.definitions[i]->digest, digest, 32) == 0)
                        return (struct job *)S.definitions[i];
        return NULL;
}

static inline const char *name_of(const char *name)
{
        for (size_t i = 0; i < S.n_made; i++)
                if (streq(S.made[i]->name, name))
                        return S.made[i]->name;
        assert(!"a job of this story");
        return NULL;
}

static inline void take_rows(void)
{
        static struct run_info changed[MAX_ROWS];
        size_t n = 0;

        for (size_t i = 0; i < S.a.n; i++) {
                const struct action *a = &S.a.v[i];
                size_t k = 0;

                if (a->type != ACTION_ROW)
                        continue;
                S.emitted = a->seq;
                if (a->row.type == ROW_RUN) {
                        S.rows++;
                        while (k < n && changed[k].id != a->row.run.id)
                                k++;
                        changed[k] = a->row.run;
                        changed[k].job = name_of(a->row.run.job);
                        changed[k].user = NULL;
                        n = MAX(n, k + 1);
                        S.run_seq[a->row.run.id] = a->seq;
                } else if (a->row.type == ROW_JOB) {
                        S.jobs[a->row.job.id] = a->row.job;
                        S.jobs[a->row.job.id].name = name_of(a->row.job.name);
                        S.jobs[a->row.job.id].pause_why = NULL;
                        S.job_seq[a->row.job.id] = a->seq;
                } else if (a->row.type == ROW_DEFINITION)
                        S.definitions[S.n_definitions++] = a->row.definition;
        }
        for (uint64_t id = 0; id < MAX_ROWS; id++)
                for (size_t k = 0; k < n; k++)
                        if (changed[k].id == id) {
                                struct run_info old = S.runs[id];

                                S.runs[id] = changed[k];
                                tell_run(&old, &changed[k]);
                        }
}

static inline void take_actions(void)
{
        for (size_t i = 0; i < S.a.n; i++) {
                const struct action *a = &S.a.v[i];

                if (a->type == ACTION_START) {
                        assert(S.run_seq[a->start.run->id] <= S.told);
                        tell("start %llu.%u", (unsigned long long)a->start.run->id, a->start.run->start);
                        if (a->start.timeout_usec != USEC_INFINITY) {
                                S.n--;
                                S.n += (size_t)sprintf(S.text + S.n, ", %s %llds\n",
                                                       a->start.timeout_is_total ? "total" : "timeout",
                                                       (long long)(a->start.timeout_usec / SECOND));
                        }
                } else if (a->type == ACTION_STOP)
                        tell("stop %llu.%u (%s)", (unsigned long long)a->stop.run, a->stop.start,
                             run_reason_name(a->stop.reason));
                else if (a->type == ACTION_FORGET)
                        tell("forget %llu.%u", (unsigned long long)a->forget.run, a->forget.start);
                else if (a->type == ACTION_REPLY) {
                        if (a->reply.code == ERROR_NONE)
                                tell("reply %llu: ok%s", (unsigned long long)a->reply.command,
                                     a->reply.durable ? "" : ", not durable");
                        else
                                tell("reply %llu: %s", (unsigned long long)a->reply.command,
                                     error_code_name(a->reply.code));
                }
        }
}

/* ---- steps */
static inline void make_durable(uint64_t seq)
{
        for (size_t i = 0; i < MAX_ROWS; i++)
                if (S.run_seq[i] && S.run_seq[i] <= seq)
                        S.durable_runs[i] = S.runs[i];
        for (size_t i = 0; i < ARRAY_SIZE(S.jobs); i++)
                if (S.job_seq[i] && S.job_seq[i] <= seq)
                        S.durable_jobs[i] = S.jobs[i];
}

static inline void step(struct event ev)
{
        ev.wall.usec = S.wall;
        ev.mono.usec = S.mono;
        if (ev.type == EVENT_STORED)
                S.told = ev.stored.seq;
        engine_step(S.e, &ev, &S.a);
        take_rows();
        take_actions();
        engine_check(S.e);
        if (!S.store_waits && S.emitted > S.told) {
                make_durable(S.emitted);
                step((struct event){ .type = EVENT_STORED, .stored = { S.emitted } });
        }
}

/* The disk has caught up. */
static inline void stored(void)
{
        make_durable(S.emitted);
        step((struct event){ .type = EVENT_STORED, .stored = { S.emitted } });
}

static inline void tick(void)
{
        step((struct event){ .type = EVENT_TICK });
}

static inline int64_t wake_time(void) /* on the wall clock of now */
{
        struct wall w;
        struct mono m;

        engine_timeout(S.e, &w, &m);
        return MIN(w.usec, mono_is_never(m) ? USEC_INFINITY : S.wall + (m.usec - S.mono));
}

static inline int64_t parse_time(const char *text)
{
        struct tm tm = { 0 };
        time_t t = (time_t)wall_sec((struct wall){ S.wall });
        int y, mo, d, h, mi;
        double s;

        gmtime_r(&t, &tm);
        if (sscanf(text, "%d-%d-%d %d:%d:%lf", &y, &mo, &d, &h, &mi, &s) == 6) {
                tm.tm_year = y - 1900;
                tm.tm_mon = mo - 1;
                tm.tm_mday = d;
        } else
                assert(sscanf(text, "%d:%d:%lf", &h, &mi, &s) == 3);
        tm.tm_hour = h;
        tm.tm_min = mi;
        tm.tm_sec = 0;
        return (int64_t)timegm(&tm) * USEC_PER_SEC + (int64_t)(s * 1e6 + .5);
}

/* Time goes on; the engine is called whenever it wants to be, and at the end. */
static inline void at(const char *text)
{
        int64_t to = parse_time(text), next;

        assert(to >= S.wall);
        for (int guard = 0; (next = wake_time()) <= to; guard++) {
                assert(guard < 100000);
                if (next > S.wall) {
                        S.mono += next - S.wall;
                        S.wall = next;
                }
                tick();
        }
        S.mono += to - S.wall;
        S.wall = to;
        tick();
}

/* Nobody calls the engine until then: the machine sleeps. */
static inline void sleep_until(const char *text)
{
        int64_t to = parse_time(text);

        S.mono += to - S.wall;
        S.wall = to;
        tick();
}

/* Somebody sets the wall clock. */
static inline void set_clock(const char *text)
{
        S.wall = parse_time(text);
        tick();
}

/* ---- answers of the runner */
static inline void answer(enum event_type type, uint64_t run, uint32_t start, int status, enum end_cause cause,
                          enum spawn_stage stage, int error, bool fault, enum run_reason reason)
{
        step((struct event){ .type = type,
                             .attempt = { .run = run,
                                          .start = start,
                                          .at = { S.wall },
                                          .began = { S.wall },
                                          .wait_status = status,
                                          .cause = cause,
                                          .stage = stage,
                                          .error = error,
                                          .fault = fault,
                                          .reason = reason } });
}

static inline void started(uint64_t run, uint32_t start)
{
        answer(EVENT_STARTED, run, start, RUN_NO_STATUS, END_SELF, STAGE_NONE, 0, false, REASON_NONE);
}

static inline void exits(uint64_t run, uint32_t start, int code)
{
        answer(EVENT_EXITED, run, start, code << 8, END_SELF, STAGE_NONE, 0, false, REASON_NONE);
}

static inline void dies(uint64_t run, uint32_t start, int sig, enum end_cause cause)
{
        answer(EVENT_EXITED, run, start, sig, cause, STAGE_NONE, 0, false, REASON_NONE);
}

static inline void not_started(uint64_t run, uint32_t start, enum spawn_stage stage, int error, bool fault)
{
        answer(EVENT_START_FAILED, run, start, RUN_NO_STATUS, END_SELF, stage, error, fault, REASON_NONE);
}

static inline void lost(uint64_t run, uint32_t start, enum run_reason reason)
{
        answer(EVENT_LOST, run, start, RUN_NO_STATUS, END_SELF, STAGE_NONE, 0, false, reason);
}

/* Starts and runs through, without a word in the story. */
static inline void runs_well(uint64_t run, uint32_t start)
{
        size_t n = S.n;

        started(run, start);
        exits(run, start, 0);
        S.n = n;
        S.text[n] = 0;
}

static inline void command(uint64_t id, enum command_type type, const char *job, uint64_t run)
{
        step((struct event){
                .type = EVENT_COMMAND,
                .command = { .id = id, .type = type, .job = job, .run = run, .by_uid = 1000, .until = WALL_NEVER } });
}

static inline void hold(uint64_t id, const char *job, const char *until)
{
        step((struct event){ .type = EVENT_COMMAND,
                             .command = { .id = id, .type = COMMAND_PAUSE, .job = job, .by_uid = 1000, .hold = true,
                                          .until = until ? (struct wall){ parse_time(until) } : WALL_NEVER } });
}

/* ---- definitions */
/* One job; expressions are parted by `|`.  Change what else it is, then put it. */
static inline struct job *job(const char *name, const char *schedule)
{
        char buf[256], *save = NULL;
        struct job *j = job_new();

        assert(j && S.n_made < ARRAY_SIZE(S.made));
        S.made[S.n_made++] = j;
        j->name = strdup(name);
        j->digest[0] = ++S.digests;
        j->command = calloc(2, sizeof(*j->command));
        j->command[0] = strdup("true");
        j->entries = calloc(8, sizeof(*j->entries));
        j->texts = calloc(8, sizeof(*j->texts));
        snprintf(buf, sizeof(buf), "%s", schedule);
        for (char *p = strtok_r(buf, "|", &save); p; p = strtok_r(NULL, "|", &save)) {
                struct calendar_error err;

                if (calendar_parse(p, NULL, &j->entries[j->n_entries], &err) < 0) {
                        fprintf(stderr, "%s: %s\n", p, err.message);
                        abort();
                }
                j->texts[j->n_entries++] = strdup(p);
        }
        return j;
}

static inline void put(struct job *j)
{
        size_t i = 0;

        while (i < S.n_files && !streq(S.files[i]->name, j->name))
                i++;
        S.files[i] = j;
        S.n_files = MAX(S.n_files, i + 1);
        if (S.e)
                step((struct event){ .type = EVENT_CONFIG, .config = { .put = &j, .n_put = 1 } });
}

static inline void take_away(const char *name)
{
        for (size_t i = 0; i < S.n_files; i++)
                if (streq(S.files[i]->name, name)) {
                        S.files[i] = S.files[--S.n_files];
                        break;
                }
        if (S.e)
                step((struct event){ .type = EVENT_CONFIG, .config = { .removed = &name, .n_removed = 1 } });
}

/* ---- lives */
/* The daemon starts with what is durable and what the files say. */
static inline void boot(bool new_boot)
{
        S.opt.next_run = S.opt.next_job = 1;
        S.opt.next_seq = S.told + 1;
        for (size_t i = 1; i < MAX_ROWS; i++)
                if (S.durable_runs[i].id)
                        S.opt.next_run = i + 1;
        for (size_t i = 1; i < ARRAY_SIZE(S.jobs); i++)
                if (S.durable_jobs[i].id)
                        S.opt.next_job = i + 1;
        assert(engine_new(&S.opt, &S.e) == 0);
        for (size_t i = 1; i < ARRAY_SIZE(S.jobs); i++)
                if (S.durable_jobs[i].id)
                        assert(engine_restore_job(S.e, &S.durable_jobs[i]) == 0);
        for (size_t i = 1; i < MAX_ROWS; i++)
                if (S.durable_runs[i].id && !run_state_ends(S.durable_runs[i].state))
                        assert(engine_restore_run(S.e, &S.durable_runs[i], definition_of(S.durable_runs[i].digest)) ==
                               0);
        step((struct event){ .type = EVENT_CONFIG, .config = { .put = S.files, .n_put = S.n_files } });
        step((struct event){ .type = EVENT_LOADED, .loaded = { .new_boot = new_boot } });
}

/* What is not durable is gone. */
static inline void crash(void)
{
        S.e = engine_free(S.e);
        S.emitted = S.told;
        for (size_t i = 0; i < MAX_ROWS; i++) {
                S.runs[i] = S.durable_runs[i];
                S.shown[i] = S.durable_runs[i].id != 0;
                S.run_seq[i] = MIN(S.run_seq[i], S.told);
        }
        for (size_t i = 0; i < ARRAY_SIZE(S.jobs); i++) {
                S.jobs[i] = S.durable_jobs[i];
                S.job_seq[i] = MIN(S.job_seq[i], S.told);
        }
        S.store_waits = false;
}

/* Nobody there until then; the machine runs on. */
static inline void down_until(const char *text)
{
        int64_t to = parse_time(text);

        S.mono += to - S.wall;
        S.wall = to;
}

/* ---- the test's frame */
static inline void story(const char *begin)
{
        S.opt = (struct engine_options){
                .max_running = 1000, .max_starting = 100, .clock_wait_usec = 5 * MINUTE, .seed = 1
        };
        S.wall = parse_time(begin);
        S.mono = 1000 * SECOND;
}

static inline void story_end(void)
{
        engine_free(S.e);
        for (size_t i = 0; i < S.n_made; i++)
                job_unref(S.made[i]);
        actions_done(&S.a);
        memset(&S, 0, sizeof(S));
}

/* What has happened so far is not of interest. */
static inline void skip(void)
{
        S.n = 0;
        S.text[0] = 0;
}

/* Compares what happened since the last call, line for line. */
static inline void tells(const char *name, const char *want)
{
        if (!ok(streq(S.text, want), "%s", name)) {
                printf("# it went:\n");
                for (char *p = S.text, *q; *p; p = q + 1) {
                        q = strchr(p, '\n');
                        printf("#   %.*s\n", (int)(q - p), p);
                }
                printf("# expected:\n");
                for (const char *p = want, *q; *p; p = q + 1) {
                        q = strchr(p, '\n');
                        printf("#   %.*s\n", (int)(q - p), p);
                }
        }
        skip();
}

static inline struct job_view look(const char *name)
{
        struct job_view v = { 0 };

        if (!engine_job_find(S.e, name, &v))
                diag("there is no job %s", name);
        return v;
}
