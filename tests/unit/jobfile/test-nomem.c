/* The n-th allocation fails, for n = 1, 2, 3 … until none does: nothing crashes, nothing leaks, nothing is half
 * done. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "jobfile/check.h"
#include "jobfile/config.h"
#include "jobfile/folder.h"
#include "jobfile/jobfile.h"
#include "jobfile/schema.h"

#include "../../lib/tap.h"
#include "zone.h"

#if defined(JS_SANITIZED) || !defined(__GLIBC__)

int main(void)
{
        tap_skip("the n-th allocation", "the allocator can't be replaced here");
        return tap_done();
}

#else

/* The program's own allocator, in front of libc's. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static long left = -1; /* allocations until one fails; -1: none does */
static bool failed;
static long live;

static bool fails(void)
{
        if (left < 0 || left-- > 0)
                return false;
        failed = true;
        errno = ENOMEM;
        return true;
}

void *malloc(size_t size)
{
        void *p = fails() ? NULL : __libc_malloc(size);

        live += p != NULL;
        return p;
}

void *calloc(size_t n, size_t size)
{
        void *p = fails() ? NULL : __libc_calloc(n, size);

        live += p != NULL;
        return p;
}

void *realloc(void *old, size_t size)
{
        void *p = fails() ? NULL : __libc_realloc(old, size);

        live += p && !old;
        return p;
}

void free(void *p)
{
        live -= p != NULL;
        __libc_free(p);
}

static struct zone_source zones;
static struct jobfile_options opt;

static const char good[] =
        "defaults: {user: backup, env: {A: 1, B: 2}, limits: {core: 0}, shell: /bin/bash, start: 2026-01-01}\n"
        "jobs:\n"
        "  a: {command: [x, y2], schedule: ['@daily', 0 2 * * *], timezone: Europe/Berlin, env: {C: 3, B: null}, labels: {x: 1}}\n"
        "  b: {command: \"x\\n\\ty2\", timezone: Mars/Phobos, retry: {limit: 3, exit_codes: [1], factor: 1.5}, env_file: [/a, -/b]}\n"
        "  c: {command: x, success_codes: [0, 1], skip_codes: [2], cpu_affinity: 0-3, stdin: x, description: x, working_dir: /}\n"
        "  d: {command: x, end: 2030-01-01, keep: {runs: 1}, log: {max: 1K}, limits: {stack: 1M}, group: x, timezone: UTC}\n";
static const char bad[] =
        "defaults: &x {user: 5 5, foo: 1}\njobs:\n  a: {comand: y, nice: 99, env: {on: 1, A: 1, A: 2}, schedule: ['99 * * * *', 0 0 30 2 *]}\n"
        "  a: {command: [], timeout: 5x, retry: {delay: 1s}, x\xFF: 1}\n  2026: {command: *x}\n  b: {command: @x}\n";
static const char config[] =
        "jobs_dirs: [/a, /b]\nstate_dir: /x\ntimezone: UTC\ndefaults: {nice: 3, env: {A: 1}}\nkeep: {runs: 3}\n"
        "access: {see: own, jobs: {'etl*': {run: [a, b]}, b: {run: [c]}}, admin_group: wheel}\n";

static int run_good(void)
{
        struct jobfile f;
        int r = jobfile_parse(good, strlen(good), NULL, &opt, &f);

        if (r == 0) {
                char *text = job_print(f.jobs[1]);
                struct job *again = NULL;

                r = text ? job_read(text, strlen(text), &zones, 0, NULL, &again) : -ENOMEM;
                job_unref(again);
                free(text);
                jobfile_done(&f);
        } else if (r == -EINVAL) {
                for (size_t i = 0; i < f.errors.n; i++)
                        diag("%u:%u %s", f.errors.v[i].line, f.errors.v[i].column, f.errors.v[i].message);
                jobfile_done(&f);
        }
        return r;
}

static int run_bad(void)
{
        struct jobfile f;
        int r = jobfile_parse(bad, strlen(bad), NULL, &opt, &f);

        if (r != -ENOMEM)
                jobfile_done(&f);
        return r == -EINVAL ? 0 : r == -ENOMEM ? r : -EBADMSG;
}

static int run_config(void)
{
        struct config c;
        struct diagnostics errors = { 0 }, warnings = { 0 };
        int r = config_parse(config, strlen(config), &opt, &c, &errors, &warnings);

        if (r == 0)
                config_done(&c);
        diagnostics_done(&errors);
        diagnostics_done(&warnings);
        return r;
}

static int run_schema(void)
{
        char *json = schema_print_json(), *text = NULL;
        int r = json ? schema_print_text("retry", false, &text) : -ENOMEM;

        free(json);
        free(text);
        return r;
}

static char base[128];

static const char *path_of(const char *name)
{
        static char buf[8][PATH_MAX];
        static unsigned n;
        char *b = buf[n++ % 8];

        (void)!snprintf(b, PATH_MAX, "%s/%s", base, name);
        return b;
}

static void put_file(const char *name, const char *text)
{
        long saved = left;
        FILE *to;

        left = -1;
        to = fopen(path_of(name), "w");
        if (!to || fputs(text, to) < 0 || fclose(to) != 0)
                abort();
        left = saved;
}

static int run_check(void)
{
        char *paths[] = { base, NULL };
        struct check_options o = { .zones = &zones, .now = opt.now, .host = true, .own_uid = getuid() };
        struct check c;
        int r = jobfile_check(paths, &o, &c);

        if (r == 0)
                jobfile_check_done(&c);
        return r;
}

/* Names in force by what the deltas told: bit 0 x, 1 y2, 2 z. */
static unsigned told;

static void take(struct folder *f)
{
        static const char *const names[] = { "x", "y2", "z" };
        struct event e;

        if (!folder_take_delta(f, &e))
                return;
        for (unsigned i = 0; i < 3; i++) {
                for (size_t k = 0; k < e.config.n_put; k++)
                        told |= streq(e.config.put[k]->name, names[i]) ? 1u << i : 0;
                for (size_t k = 0; k < e.config.n_removed; k++)
                        told &= streq(e.config.removed[k], names[i]) ? ~(1u << i) : ~0u;
        }
}

/* A scan, a change, a clash that is settled: whatever fails on the way, in the end what was told is what is there. */
static int run_folder(void)
{
        char *dirs[] = { base, NULL };
        struct folder_options o = { .dirs = dirs, .parse = opt, .own_uid = getuid() };
        struct file_row row = { .path = path_of("a.yaml"), .text = "jobs: {x: {command: old}}", .size = 25 };
        struct folder *f = NULL;
        struct mono mono = { USEC_PER_SEC }, again;
        int r;

        told = 0;
        put_file("a.yaml", "jobs: {x: {command: x}}");
        put_file("b.yaml", "jobs: {x: {command: x}, y2: {command: x}}");
        r = folder_new(&o, &f);
        r = r == 0 ? folder_restore(f, &row) : r;
        r = r == 0 ? folder_scan(f, clock_wall()) : r;
        if (r < 0) {
                folder_free(f);
                return r;
        }
        take(f);
        put_file("a.yaml", "jobs: {z: {command: x}}");
        for (unsigned i = 0; i < 1000; i++) {
                r = folder_process(f, clock_wall(), mono, &again);
                take(f);
                if (r == 0 && !folder_busy(f) && again.usec > mono.usec + 60 * USEC_PER_SEC)
                        break;
                mono.usec = MAX(mono.usec + 1, again.usec);
        }
        left = -1;
        take(f);
        folder_free(f);
        return told == 7 ? 0 : -EBADMSG;
}

/* (Not each failure is one for the caller: vasprintf() and qsort() have a second way.) */
static void until_it_passes(const char *what, int (*fn)(void))
{
        long before, n = 0;
        bool clean = true;
        int r = -1;

        left = -1;
        if (!ok(fn() == 0, "%s", what))
                return;
        do {
                failed = false;
                before = live;
                left = n++;
                r = fn();
                left = -1;
                if (live != before || (r != -ENOMEM && r != 0)) {
                        diag("allocation %ld: answer %d, %ld blocks more than before", n, r, live - before);
                        clean = false;
                }
        } while (failed && n < 5000 && clean);
        ok(clean && !failed && r == 0, "  with each of its %ld allocations failing", n - 1);
}

int main(void)
{
        char command[256];

        setvbuf(stdout, NULL, _IOLBF, 4096);
        zones = test_zones();
        (void)zones.find(zones.arg, "Europe/Berlin");
        (void)zones.find(zones.arg, "UTC");
        (void)zones.find(zones.arg, "Mars/Phobos");
        opt = (struct jobfile_options){ .zones = &zones, .now = WALL_SEC(1780000000) };
        umask(022);
        snprintf(base, sizeof(base), "/tmp/jobfile-nomem-%d", (int)getpid());
        if (mkdir(base, 0755) < 0)
                abort();
        until_it_passes("a good file, printed and read back", run_good);
        until_it_passes("a bad one", run_bad);
        until_it_passes("the configuration", run_config);
        until_it_passes("the schema", run_schema);
        until_it_passes("a folder", run_folder);
        until_it_passes("a check", run_check);
        snprintf(command, sizeof(command), "rm -rf '%s'", base);
        return system(command) == 0 ? tap_done() : 1;
}

#endif
