/* What jobs share: equal policies are one, each key that differs makes another, and none stays when its last job goes. */
#include "jobfile/jobfile.h"

#include "../../lib/tap.h"
#include "zone.h"

static struct zone_source zones;

/* The jobs of a file whose text is made so; NULL and a diagnosis where it has errors. */
static struct job **parse(const char *text, struct jobfile *f)
{
        struct jobfile_options opt = { .zones = &zones, .now = WALL_SEC(1780000000) };
        int r = jobfile_parse(text, strlen(text), NULL, &opt, f);

        for (size_t i = 0; r < 0 && i < f->errors.n; i++)
                diag("%u: %s", f->errors.v[i].line, f->errors.v[i].message);
        return r < 0 ? NULL : f->jobs;
}

/* Each of them differs from a job without it, and from that with the other value. */
static const struct {
        const char *one, *other;
} keys[] = {
        { "timezone: Europe/Berlin", "timezone: Europe/Paris" },
        { "start: 2026-01-01", "start: 2026-01-02" },
        { "end: 2030-01-01", "end: 2030-01-02" },
        { "catch_up: all", "catch_up: skip" },
        { "starting_deadline: 5m", "starting_deadline: 6m" },
        { "enabled: false", NULL },
        { "shell: /bin/bash", "shell: [/bin/bash, -x, -c]" },
        { "user: root", "user: nobody" },
        { "group: root", "group: nogroup" },
        { "env_file: /etc/a", "env_file: [/etc/a, /etc/b]" },
        { "stdin: abc", "stdin: abd" },
        { "umask: 077", "umask: 027" },
        { "nice: 3", "nice: 4" },
        { "io_class: idle", "io_class: best-effort:3" },
        { "cpu_affinity: 0-1", "cpu_affinity: 0-2" },
        { "oom_score_adjust: 3", "oom_score_adjust: 4" },
        { "limits: {open_files: 3}", "limits: {open_files: 4}" },
        { "timeout: 1h", "timeout: 2h" },
        { "total_timeout: 1h", "total_timeout: 2h" },
        { "kill_signal: INT", "kill_signal: HUP" },
        { "kill_timeout: 1s", "kill_timeout: 2s" },
        { "success_codes: [0, 1]", "success_codes: [0, 2]" },
        { "skip_codes: [3]", "skip_codes: [4]" },
        { "leftovers: wait", "leftovers: leave" },
        { "log: {max: 1M}", "log: {merge: true}" },
        { "labels: {a: b}", "labels: {a: c}" },
        { "labels: {a: b, c: d}", "labels: {a: b, d: d}" },
        { "retry: 3", "retry: 4" },
        { "retry: {limit: 1, exit_codes: [1]}", "retry: {limit: 1, exit_codes: [2]}" },
        { "concurrency: queue", "concurrency: allow" },
        { "keep: {runs: 3}", "keep: {age: 3d}" },
        { "timezone: Nowhere/One", "timezone: Nowhere/Two" }, /* blocked, each for its own reason */
};

static void test_keys(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *other = keys[i].other ?: "description: other";
                struct jobfile f = { 0 };
                struct job **v;
                char text[1024];

                (void)snprintf(text, sizeof(text),
                               "jobs:\n"
                               "  a: {command: 'true', schedule: '@daily', %s}\n"
                               "  b: {command: 'false', schedule: '@hourly', env: {A: b}, working_dir: /tmp, %s}\n"
                               "  c: {command: 'true', schedule: '@daily', %s}\n"
                               "  d: {command: 'true', schedule: '@daily'}\n",
                               keys[i].one, keys[i].one, other);
                v = parse(text, &f);
                ok(v && f.n_jobs == 4 && v[0]->policy != v[2]->policy && v[0]->policy != v[3]->policy &&
                           v[2]->policy != v[3]->policy,
                   "%s and %s are two", keys[i].one, other);
                /* (b has given more keys than a, and where its keys come from is part of it) */
                ok(v && v[0]->policy != v[1]->policy, "  so are jobs that gave other keys");
                jobfile_done(&f);
        }
}

static void test_sharing(void)
{
        static const char text[] = "defaults: {labels: {kind: small}, retry: {limit: 2, exit_codes: [7]}}\n"
                                   "jobs:\n"
                                   "  a: {command: a, schedule: '@daily', timeout: 1h, user: root, env_file: [/a, /b]}\n"
                                   "  b: {command: b, schedule: '@hourly', timeout: 60m, user: root, env_file: [/a, /b]}\n";
        struct jobfile f = { 0 }, g = { 0 };
        struct job **v = parse(text, &f), **w;
        struct job *kept;
        char *printed;

        ok(v && v[0]->policy == v[1]->policy, "two jobs of a file share what they have in common");
        w = parse(text, &g);
        ok(v && w && v[0]->policy == w[0]->policy, "… and two files");
        kept = w ? job_ref(w[1]) : NULL;
        jobfile_done(&f);
        jobfile_done(&g);
        ok(kept && kept->policy->refs == 1, "each job that goes gives its share back");
        printed = kept ? job_print(kept) : NULL;
        ok(printed && strstr(printed, "\"labels\":{\"kind\":\"small\"}") && strstr(printed, "\"exit_codes\":[7]") &&
                   strstr(printed, "\"env_file\":[\"/a\",\"/b\"]"),
           "the last one has it whole: %s", printed ?: "");
        free(printed);
        v = parse(text, &f);
        ok(v && kept && v[0]->policy == kept->policy, "a new one finds it");
        jobfile_done(&f);
        job_unref(kept);
}

/* Many that differ in one value, put and taken in any order: each is found again as long as it is there. */
static void test_many(void)
{
        enum { N = 20000 };
        struct job **v = calloc(N, sizeof(*v));
        bool good = v;

        for (unsigned i = 0; good && i < N; i++) {
                struct jobfile f = { 0 };
                char text[128];

                (void)snprintf(text, sizeof(text), "jobs: {a: {command: 'true', timeout: %us}}", i + 1);
                good = parse(text, &f);
                v[i] = good ? job_ref(f.jobs[0]) : NULL;
                jobfile_done(&f);
        }
        for (unsigned i = 0; good && i < N; i += 1 + i % 3)
                v[i] = job_unref(v[i]);
        for (unsigned i = 0; good && i < N; i += 7) {
                struct jobfile f = { 0 };
                char text[128];

                (void)snprintf(text, sizeof(text), "jobs: {b: {command: 'false', timeout: %us}}", i + 1);
                good = parse(text, &f) && f.jobs[0]->policy->timeout_usec == (i + 1) * USEC_PER_SEC &&
                       (!v[i] || f.jobs[0]->policy == v[i]->policy);
                jobfile_done(&f);
        }
        ok(good, "%d policies, each found while it is there", N);
        for (unsigned i = 0; v && i < N; i++)
                job_unref(v[i]);
        free(v);
}

int main(void)
{
        zones = test_zones();
        test_keys();
        test_sharing();
        test_many();
        return tap_done();
}
