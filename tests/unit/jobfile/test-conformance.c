/* The collection of good and bad job files: tests/data/jobfiles, and a larger one beside the sources where there
 * is one. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/tap.h"
#include "jobfile/config.h"
#include "jobfile/diag.h"
#include "jobfile/jobfile.h"
#include "zone.h"

#define STAGE 2                    /* what is built so far; files of later stages are judged by their own keys */
#define NOW   WALL_SEC(1780000000) /* May 2026 */

static void print_diagnostics(const char *what, const struct diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++)
                diag("%s %u:%u [%s] %s%s%s", what, d->v[i].line, d->v[i].column, d->v[i].key ?: "", d->v[i].message,
                     d->v[i].hint ? " -- " : "", d->v[i].hint ?: "");
}

static int parse(const char *path, struct jobfile *f)
{
        struct zone_source zones = test_zones();
        struct jobfile_options opt = { .zones = &zones, .now = NOW, .blocked_is_error = true };
        _cleanup_(freep) char *text = NULL;
        size_t size;

        test_read_file(path, &text, &size);
        if (!text)
                return -ENOENT;
        return jobfile_parse(text, size, NULL, &opt, f);
}

static bool place_fits(const char *place, const struct diagnostic *d)
{
        unsigned a, b;

        if (strcmp(place, "*") == 0)
                return true;
        if (sscanf(place, "%u-%u", &a, &b) == 2)
                return d->line >= a && d->line <= b;
        if (sscanf(place, "%u:%u", &a, &b) == 2)
                return d->line == a && d->column == b;
        return sscanf(place, "%u", &a) == 1 && d->line == a;
}

static bool word_fits(const char *words, const struct diagnostic *d)
{
        char copy[512];

        snprintf(copy, sizeof(copy), "%s", words);
        for (char *w = strtok(copy, "|"); w; w = strtok(NULL, "|"))
                if ((d->key && strcasestr(d->key, w)) || strcasestr(d->message, w) ||
                    (d->hint && strcasestr(d->hint, w)))
                        return true;
        return false;
}

/* -1: not listed. */
static int stage_of(const char *dir, const char *file)
{
        char path[PATH_MAX], line[512], name[256];
        int stage, found = -1;
        FILE *f;

        snprintf(path, sizeof(path), "%s/stage.tsv", dir);
        f = fopen(path, "r");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "%255s %d", name, &stage) == 2 && strcmp(name, file) == 0)
                        found = stage;
        if (f)
                fclose(f);
        return found;
}

static void test_good(const char *dir)
{
        char path[PATH_MAX], name[300];
        struct dirent *e;
        DIR *d;

        snprintf(path, sizeof(path), "%s/good", dir);
        d = opendir(path);
        while (d && (e = readdir(d))) {
                struct jobfile f = { 0 };
                int r;

                snprintf(name, sizeof(name), "good/%s", e->d_name);
                if (e->d_name[0] == '.' || stage_of(dir, name) > STAGE)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", dir, name);
                r = parse(path, &f);
                if (!ok(r == 0 && f.errors.n == 0, "%s is good", name))
                        print_diagnostics("error", &f.errors);
                if (strstr(name, "past-at"))
                        is_int(f.warnings.n, 2, "  and both of its jobs are warned about");
                else if (!ok(f.warnings.n == 0, "  no warnings"))
                        print_diagnostics("warning", &f.warnings);
                if (r != -ENOMEM)
                        jobfile_done(&f);
        }
        ok(d != NULL, "%s/good was there", dir);
        if (d)
                closedir(d);
}

static void test_bad(const char *dir)
{
        char path[PATH_MAX], line[1024], name[300];
        FILE *list;

        snprintf(path, sizeof(path), "%s/expected-bad.tsv", dir);
        list = fopen(path, "r");
        while (list && fgets(line, sizeof(line), list)) {
                char *file = strtok(line, "\t"), *place = strtok(NULL, "\t"), *words = strtok(NULL, "\t\n");
                struct jobfile f = { 0 };
                bool found = false;
                int r;

                snprintf(name, sizeof(name), "bad/%s", file);
                if (stage_of(dir, name) > STAGE)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", dir, name);
                r = parse(path, &f);
                for (size_t i = 0; i < f.errors.n; i++)
                        found = found || (place_fits(place, &f.errors.v[i]) && word_fits(words, &f.errors.v[i]));
                if (!ok(r == -EINVAL && f.n_jobs == 0 && found, "%s: %s %s", name, place, words) || getenv("SHOW"))
                        print_diagnostics("error", &f.errors);
                if (r != -ENOMEM)
                        jobfile_done(&f);
        }
        ok(list != NULL, "%s/expected-bad.tsv was there", dir);
        if (list)
                fclose(list);
}

/* The examples that we give to people. */
static void test_examples(const char *dir)
{
        struct dirent *e;
        DIR *d = opendir(dir);
        size_t n = 0;

        while (d && (e = readdir(d))) {
                struct jobfile f = { 0 };
                char path[PATH_MAX];
                int r;

                if (!strstr(e->d_name, ".yaml"))
                        continue;
                (void)!snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
                r = parse(path, &f);
                if (!ok(r == 0 && f.n_jobs > 0 && f.warnings.n == 0, "example %s", e->d_name)) {
                        print_diagnostics("error", &f.errors);
                        print_diagnostics("warning", &f.warnings);
                }
                if (r != -ENOMEM)
                        jobfile_done(&f);
                n++;
        }
        ok(n >= 3, "there are examples in %s", dir);
        if (d)
                closedir(d);
}

static void test_config(const char *path)
{
        struct zone_source zones = test_zones();
        struct jobfile_options opt = { .zones = &zones, .now = NOW };
        struct diagnostics errors = { 0 }, warnings = { 0 };
        _cleanup_(freep) char *text = NULL;
        struct config c;
        size_t size;

        test_read_file(path, &text, &size);
        if (ok(text && config_parse(text, size, &opt, &c, &errors, &warnings) == 0, "the example of a configuration"))
                config_done(&c);
        print_diagnostics("error", &errors);
        diagnostics_done(&errors);
        diagnostics_done(&warnings);
}

int main(void)
{
        const char *src = getenv("top_srcdir") ?: ".";
        char dir[PATH_MAX];

        snprintf(dir, sizeof(dir), "%s/tests/data/jobfiles", src);
        test_good(dir);
        test_bad(dir);
        snprintf(dir, sizeof(dir), "%s/etc/examples", src);
        test_examples(dir);
        snprintf(dir, sizeof(dir), "%s/etc/jobs.d/examples", src);
        test_examples(dir);
        snprintf(dir, sizeof(dir), "%s/etc/jobschedd.yaml", src);
        test_config(dir);
        snprintf(dir, sizeof(dir), "%s/../shared/data/jobfiles", src);
        if (access(dir, R_OK) == 0) {
                test_good(dir);
                test_bad(dir);
        } else {
                tap_skip("the larger collection", "it is not here");
        }
        return tap_done();
}
