/* The folder watcher over real folders, in virtual time: inotify's events are there as soon as the change was
 * made, so nothing sleeps. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "jobfile/folder.h"

#include "../../lib/tap.h"
#include "zone.h"

static char base[256]; /* a new folder for each test */
static struct zone_source zones;
static struct folder *f;
static struct mono mono = { 1000 * USEC_PER_SEC };
static char news[65536]; /* what the last pump() told: "+a -b ROW:a.yaml GONE:b.yaml" in order */

static const char *path_of(const char *name)
{
        static char buf[4][PATH_MAX];
        static unsigned i;
        char *b = buf[i++ % 4];

        (void)!snprintf(b, PATH_MAX, "%s/%.200s", base, name);
        return b;
}

static void put_file(const char *name, const char *text)
{
        FILE *to = fopen(path_of(name), "w");

        if (!to || fputs(text, to) < 0 || fclose(to) != 0)
                abort();
}

static void must(int r)
{
        if (r < 0) {
                perror("must");
                abort();
        }
}

#define JOB(name)           "jobs: {" name ": {command: x}}\n"
#define JOB2(name, command) "jobs: {" name ": {command: " command "}}\n"

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void tell(const struct event *e)
{
        char *words[512];
        size_t n = 0;

        for (size_t i = 0; i < e->config.n_put && n < 512; i++)
                if (asprintf(&words[n], "+%s", e->config.put[i]->name) >= 0)
                        n++;
        for (size_t i = 0; i < e->config.n_removed && n < 512; i++)
                if (asprintf(&words[n], "-%s", e->config.removed[i]) >= 0)
                        n++;
        for (size_t i = 0; i < e->config.n_files && n < 512; i++)
                if (asprintf(&words[n], "%s:%s", e->config.files[i].text ? "ROW" : "GONE",
                             strrchr(e->config.files[i].path, '/') + 1) >= 0)
                        n++;
        qsort(words, n, sizeof(*words), compare);
        for (size_t i = 0; i < n; i++) {
                size_t at = strlen(news);

                snprintf(news + at, sizeof(news) - at, "%s%s", at ? " " : "", words[i]);
                free(words[i]);
        }
}

/* Lets it work until nothing is left to be done but to wait for events; the clock runs ahead to whatever it waits
 * for. */
static void pump(void)
{
        struct event e;
        struct mono again;

        news[0] = 0;
        for (unsigned i = 0; i < 100000; i++) {
                must(folder_process(f, clock_wall(), mono, &again));
                if (folder_take_delta(f, &e))
                        tell(&e);
                if (!folder_busy(f) && again.usec > mono.usec)
                        return;
                mono.usec = MAX(mono.usec + 1, again.usec);
        }
        ok(false, "it comes to rest");
}

static int make(bool own_only)
{
        static char jobs[PATH_MAX], second[PATH_MAX];
        char *dirs[] = { jobs, second, NULL };
        struct folder_options opt = { .dirs = dirs,
                                      .parse = { .zones = &zones, .own_user_only = own_only },
                                      .own_uid = getuid() };

        snprintf(jobs, sizeof(jobs), "%s/jobs.d", base);
        snprintf(second, sizeof(second), "%s/more.d", base);
        f = folder_free(f);
        return folder_new(&opt, &f);
}

/* A new world with an empty jobs.d. */
static void begin(const char *what)
{
        static unsigned n;

        diag("%s", what);
        snprintf(base, sizeof(base), "%s/jobfile-folder-%d-%u", getenv("TMPDIR") ?: "/tmp", (int)getpid(), n++);
        must(mkdir(base, 0755));
        must(mkdir(path_of("jobs.d"), 0755));
        must(make(false));
}

static void first_scan(void)
{
        struct event e;

        news[0] = 0;
        must(folder_scan(f, clock_wall()));
        if (folder_take_delta(f, &e))
                tell(&e);
}

static void end(void)
{
        char command[PATH_MAX + 32];

        f = folder_free(f);
        snprintf(command, sizeof(command), "rm -rf '%s'", base);
        if (system(command) != 0)
                diag("could not clean up %s", base);
}

/* "ok", "error", "stale", "none" of a file; *ret_message its first error. */
static const char *state_of(const char *name, const char **ret_message)
{
        static char message[1024];
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s", path_of(name));
        message[0] = 0;
        if (ret_message)
                *ret_message = message;
        for (size_t i = 0; i < folder_files(f); i++) {
                struct folder_file file;

                if (!folder_file_at(f, i, &file) || strcmp(file.path, path) != 0)
                        continue;
                if (file.errors->n > 0)
                        snprintf(message, sizeof(message), "%u:%u %s", file.errors->v[0].line, file.errors->v[0].column,
                                 file.errors->v[0].message);
                return file.state == FOLDER_FILE_OK ? "ok" : file.state == FOLDER_FILE_ERROR ? "error" : "stale";
        }
        return "none";
}

static bool says(const char *message, const char *part)
{
        if (strstr(message, part))
                return true;
        diag("`%s` does not say `%s`", message, part);
        return false;
}

static void test_life_of_a_file(void)
{
        const char *why;

        begin("a file appears, changes, breaks, is mended, goes");
        put_file("jobs.d/a.yaml", JOB("a"));
        first_scan();
        is_str(news, "+a ROW:a.yaml", "the first scan finds it");
        put_file("jobs.d/b.yaml", JOB("b"));
        pump();
        is_str(news, "+b ROW:b.yaml", "a new file comes in force");
        put_file("jobs.d/b.yaml", JOB2("b", "y2"));
        pump();
        is_str(news, "+b ROW:b.yaml", "a changed one too");
        put_file("jobs.d/b.yaml", JOB2("b", "y2"));
        pump();
        is_str(news, "", "written again with the same text: nothing");
        put_file("jobs.d/b.yaml", "jobs: {b: {comand: x}}\n");
        pump();
        is_str(news, "", "broken: nothing changes");
        is_str(state_of("jobs.d/b.yaml", &why), "stale", "the last good version stays in force");
        ok(says(why, "1:12"), "the error has its place");
        is_int(folder_broken(f), 1, "one file is broken");
        put_file("jobs.d/b.yaml", JOB2("b", "y2"));
        pump();
        is_str(news, "", "back to the good version: nothing to tell");
        is_str(state_of("jobs.d/b.yaml", NULL), "ok", "and all is well");
        put_file("jobs.d/tmp", JOB2("b", "y3"));
        must(rename(path_of("jobs.d/tmp"), path_of("jobs.d/b.yaml")));
        pump();
        is_str(news, "+b ROW:b.yaml", "renamed over it");
        must(unlink(path_of("jobs.d/b.yaml")));
        pump();
        is_str(news, "-b GONE:b.yaml", "removed");
        must(rename(path_of("jobs.d/a.yaml"), path_of("jobs.d/c.yaml")));
        pump();
        is_str(news, "+a GONE:a.yaml ROW:c.yaml", "a renamed file: the job goes on");
        is_int(folder_files(f), 1, "one file is left");
        put_file("jobs.d/d.yaml", "jobs: {}\n");
        pump();
        is_str(state_of("jobs.d/d.yaml", &why), "error", "a file without a job is an error");
        ok(says(why, "empty"), "and says so");
        put_file("jobs.d/d.yaml", "defaults: {nice: 3}\n");
        pump();
        is_str(state_of("jobs.d/d.yaml", NULL), "ok", "with a default alone it is not");
        put_file("jobs.d/d.yaml", "jobs:\n  two: {command: x}\n  three: {command: x}\n");
        pump();
        is_str(news, "+three +two ROW:d.yaml", "several jobs");
        put_file("jobs.d/d.yaml", "jobs:\n  two: {command: x}\n  four: {command: x}\n");
        pump();
        is_str(news, "+four +two -three ROW:d.yaml", "one of them gives way to another");
        end();
}

static void test_writers(void)
{
        int fd;

        begin("half-written files");
        first_scan();
        fd = open(path_of("jobs.d/a.yaml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        must(fd);
        must((int)write(fd, "jobs:\n  a: {command: x}\n", 24));
        for (int i = 0; i < 3; i++) {
                struct mono again;

                must(folder_process(f, clock_wall(), mono, &again));
                mono.usec += USEC_PER_SEC;
        }
        is_str(state_of("jobs.d/a.yaml", NULL), "none", "not looked at while it is open for writing");
        must((int)write(fd, "  b: {command: x}\n", 18));
        must(close(fd));
        pump();
        is_str(news, "+a +b ROW:a.yaml", "after it was closed all of it is in force");

        fd = open(path_of("jobs.d/a.yaml"), O_WRONLY | O_TRUNC | O_CLOEXEC);
        must(fd);
        pump();
        is_str(state_of("jobs.d/a.yaml", NULL), "stale",
               "truncated and left open: after a while it is looked at, and is empty");
        is_str(news, "", "its jobs stay");
        must((int)write(fd, JOB("c"), strlen(JOB("c"))));
        must(close(fd));
        pump();
        is_str(news, "+c -a -b ROW:a.yaml", "written at last");

        {
                struct mono again;

                fd = open(path_of("jobs.d/b.yaml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
                must(fd);
                must((int)write(fd, JOB("b"), strlen(JOB("b"))));
                must(folder_process(f, clock_wall(), mono, &again));
                must(close(fd));
                must(folder_process(f, clock_wall(), mono, &again));
                ok(again.usec - mono.usec == 200 * USEC_PER_MSEC, "what was closed is taken up within its debounce");
                must(unlink(path_of("jobs.d/b.yaml")));
                pump();
        }

        for (int i = 0; i < 50; i++) {
                struct mono again;

                put_file("jobs.d/a.yaml", i % 2 ? JOB("odd") : JOB("even"));
                must(folder_process(f, clock_wall(), mono, &again));
                mono.usec += 100 * USEC_PER_MSEC;
        }
        is_str(state_of("jobs.d/a.yaml", NULL), "ok", "while it changes every 100 ms");
        pump();
        is_str(news, "+odd -c ROW:a.yaml", "only the last version is taken");
        end();
}

static void test_names(void)
{
        begin("names that are not looked at");
        first_scan();
        static const char *const others[] = {
                ".a.yaml",         "a.yaml~",        ".#a.yaml", "a.yaml.swp", ".a.yaml.swp", "a.yaml.dpkg-new",
                "a.dpkg-old.yaml", "a.yaml.rpmsave", "a.txt",    "yaml",       ".yaml",       "README"
        };

        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                char name[64];

                snprintf(name, sizeof(name), "jobs.d/%s", others[i]);
                put_file(name, JOB("hidden"));
        }
        put_file("jobs.d/b.yml", JOB("b"));
        pump();
        is_str(news, "+b ROW:b.yml", "only *.yaml and *.yml without a dot in front");
        is_int(folder_files(f), 1, "the others are not even listed");
        end();
}

static void test_odd_files(void)
{
        const char *why;

        begin("what is no plain file");
        put_file("jobs.d/a.yaml", JOB("a"));
        must(mkdir(path_of("jobs.d/dir.yaml"), 0755));
        must(mkfifo(path_of("jobs.d/fifo.yaml"), 0644));
        must(symlink("nowhere", path_of("jobs.d/dangling.yaml")));
        first_scan();
        is_str(news, "+a ROW:a.yaml", "the good one is in force");
        is_str(state_of("jobs.d/dir.yaml", &why), "error", "a folder");
        ok(says(why, "a folder, not a plain file"), "says so");
        is_str(state_of("jobs.d/fifo.yaml", &why), "error", "a FIFO, without waiting for a writer");
        ok(says(why, "FIFO"), "says so");
        is_str(state_of("jobs.d/dangling.yaml", &why), "error", "a link to nowhere");
        ok(says(why, "nowhere"), "says so");
        must(unlink(path_of("jobs.d/a.yaml")));
        must(mkfifo(path_of("jobs.d/a.yaml"), 0644));
        pump();
        is_str(news, "", "a file becomes a FIFO: its last good version stays");
        is_str(state_of("jobs.d/a.yaml", NULL), "stale", "as stale");
        must(unlink(path_of("jobs.d/fifo.yaml")));
        must(rmdir(path_of("jobs.d/dir.yaml")));
        must(unlink(path_of("jobs.d/dangling.yaml")));
        must(unlink(path_of("jobs.d/a.yaml")));
        pump();
        is_str(news, "-a GONE:a.yaml", "all of them go");
        is_int(folder_files(f), 0, "nothing is left");
        is_int(folder_broken(f), 0, "nothing is broken");
        end();
}

static void test_links(void)
{
        const char *why;

        begin("symlinks");
        must(mkdir(path_of("v1"), 0755));
        must(mkdir(path_of("v2"), 0755));
        put_file("v1/job", JOB("one"));
        put_file("v2/job", JOB("two"));
        must(symlink("../v1/job", path_of("jobs.d/a.yaml")));
        first_scan();
        is_str(news, "+one ROW:a.yaml", "a link is followed");
        put_file("v1/job", JOB("uno"));
        pump();
        is_str(news, "+uno -one ROW:a.yaml", "its target's change is seen");
        must(symlink("../v2/job", path_of("jobs.d/tmp")));
        must(rename(path_of("jobs.d/tmp"), path_of("jobs.d/a.yaml")));
        pump();
        is_str(news, "+two -uno ROW:a.yaml", "the link itself is swapped");
        must(symlink("a.yaml", path_of("jobs.d/b.yaml")));
        pump();
        is_str(state_of("jobs.d/b.yaml", &why), "error", "a link to a link");
        ok(says(why, "only one is followed"), "is one too many");
        must(unlink(path_of("jobs.d/b.yaml")));
        must(unlink(path_of("jobs.d/a.yaml")));
        pump();

        /* As Kubernetes mounts them: a.yaml -> ..data/a.yaml, ..data -> ..v1 */
        must(mkdir(path_of("jobs.d/..v1"), 0755));
        must(mkdir(path_of("jobs.d/..v2"), 0755));
        put_file("jobs.d/..v1/k.yaml", JOB("k1"));
        put_file("jobs.d/..v2/k.yaml", JOB("k2"));
        must(symlink("..v1", path_of("jobs.d/..data")));
        must(symlink("..data/k.yaml", path_of("jobs.d/k.yaml")));
        pump();
        is_str(news, "+k1 ROW:k.yaml", "through a folder that is a link");
        must(symlink("..v2", path_of("jobs.d/..tmp")));
        must(rename(path_of("jobs.d/..tmp"), path_of("jobs.d/..data")));
        pump();
        is_str(news, "+k2 -k1 ROW:k.yaml", "which is swapped");
        end();
}

static void test_clashes(void)
{
        const char *why;

        begin("names that two files want");
        put_file("jobs.d/a.yaml", "jobs:\n  x: {command: one}\n");
        put_file("jobs.d/b.yaml", "# b\njobs:\n  v: {command: x}\n  x: {command: two}\n");
        first_scan();
        is_str(news, "+x ROW:a.yaml", "of new files the first in order has it");
        is_str(state_of("jobs.d/b.yaml", &why), "error", "the other is an error as a whole");
        ok(says(why, "4:3") && says(why, "line 2 of") && says(why, "a.yaml"), "that names the first, and both places");
        put_file("jobs.d/0.yaml", JOB2("x", "three"));
        pump();
        is_str(state_of("jobs.d/0.yaml", NULL), "error", "the file in force keeps it, whatever the order");
        must(unlink(path_of("jobs.d/a.yaml")));
        pump();
        is_str(news, "+x GONE:a.yaml ROW:0.yaml", "when it goes the next in order has its chance, in one change");
        is_str(state_of("jobs.d/b.yaml", &why), "error", "the other waits on");
        ok(says(why, "0.yaml"), "for the new holder");
        put_file("jobs.d/0.yaml", JOB("z"));
        pump();
        is_str(news, "+v +x +z ROW:0.yaml ROW:b.yaml", "the name is given up by a change");
        is_int(folder_broken(f), 0, "and all is well");
        put_file("jobs.d/c.yaml", JOB("v"));
        put_file("jobs.d/b.yaml", JOB("x"));
        pump();
        is_str(news, "+v +x ROW:b.yaml ROW:c.yaml", "a job moves to another file");
        put_file("jobs.d/c.yaml", "jobs: {v: {command: x}, x: {command: x}}\n");
        pump();
        is_str(state_of("jobs.d/c.yaml", NULL), "stale",
               "a good file that takes another's name keeps its last version");
        end();
}

static void restore(const char *name, const char *text)
{
        struct file_row row = {
                .path = path_of(name), .text = text, .size = strlen(text), .uid = getuid(), .mode = 0644
        };

        must(folder_restore(f, &row));
}

static void test_restart(void)
{
        begin("over a restart");
        put_file("jobs.d/a.yaml", JOB2("x", "thief"));
        put_file("jobs.d/same.yaml", JOB("same"));
        put_file("jobs.d/broken.yaml", "jobs: {broken: {comand: x}}\n");
        put_file("jobs.d/changed.yaml", JOB2("changed", "new"));
        put_file("jobs.d/x.yaml", JOB2("x", "holder"));
        restore("jobs.d/same.yaml", JOB("same"));
        restore("jobs.d/broken.yaml", JOB("broken"));
        restore("jobs.d/changed.yaml", JOB2("changed", "old"));
        restore("jobs.d/gone.yaml", JOB("gone"));
        restore("jobs.d/x.yaml", JOB2("x", "before"));
        restore("elsewhere/y.yaml", JOB("elsewhere"));
        restore("jobs.d/bad.yaml", "nonsense");
        put_file("jobs.d/bad.yaml", JOB("bad"));
        first_scan();
        is_str(news,
               "+bad +broken +changed +same +x GONE:gone.yaml GONE:y.yaml ROW:bad.yaml ROW:changed.yaml ROW:x.yaml",
               "what was in force is, or its new version; rows only for what changed");
        is_str(state_of("jobs.d/broken.yaml", NULL), "stale",
               "a file that is broken now has its last good version in force");
        is_str(state_of("jobs.d/a.yaml", NULL), "error", "a name stays with the file that held it");
        is_str(state_of("jobs.d/x.yaml", NULL), "ok", "  though that one changed");
        pump();
        is_str(news, "", "nothing follows");
        put_file("jobs.d/broken.yaml", JOB("broken"));
        pump();
        is_str(state_of("jobs.d/broken.yaml", NULL), "ok", "mended");
        end();
}

static void exchange(const char *a, const char *b)
{
        must((int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */));
}

static void test_whole_folders(void)
{
        begin("whole folders");
        put_file("jobs.d/a.yaml", JOB("a"));
        put_file("jobs.d/b.yaml", JOB("b"));
        must(mkdir(path_of("new"), 0755));
        put_file("new/b.yaml", JOB("a"));
        put_file("new/c.yaml", JOB("c"));
        first_scan();
        exchange(path_of("new"), path_of("jobs.d"));
        pump();
        is_str(news, "+a +c -b GONE:a.yaml ROW:b.yaml ROW:c.yaml", "swapped as a whole: one change");
        put_file("jobs.d/d.yaml", JOB("d"));
        pump();
        is_str(news, "+d ROW:d.yaml", "the new folder is watched");
        put_file("new/e.yaml", JOB("e"));
        pump();
        is_str(news, "", "the old one is not");
        must(rename(path_of("jobs.d"), path_of("away")));
        must(rename(path_of("new"), path_of("jobs.d")));
        pump();
        is_str(news, "+a +b +e -c -d GONE:c.yaml GONE:d.yaml ROW:a.yaml ROW:b.yaml ROW:e.yaml",
               "moved away and another one into its place");
        must(rename(path_of("jobs.d"), path_of("old")));
        pump();
        is_str(news, "-a -b -e GONE:a.yaml GONE:b.yaml GONE:e.yaml", "gone");
        must(mkdir(path_of("jobs.d"), 0755));
        put_file("jobs.d/a.yaml", JOB("a"));
        pump();
        is_str(news, "+a ROW:a.yaml", "there again");
        must(mkdir(path_of("more.d"), 0755));
        put_file("more.d/m.yaml", JOB("m"));
        put_file("more.d/a.yaml", JOB("a"));
        pump();
        is_str(news, "+m ROW:m.yaml", "the second folder appears");
        is_str(state_of("more.d/a.yaml", NULL), "error", "and has to respect the first one's names");
        end();

        begin("a folder that is a link");
        must(rmdir(path_of("jobs.d")));
        must(mkdir(path_of("v1"), 0755));
        must(mkdir(path_of("v2"), 0755));
        put_file("v1/a.yaml", JOB("a"));
        put_file("v2/a.yaml", JOB("b"));
        must(symlink("v1", path_of("jobs.d")));
        first_scan();
        is_str(news, "+a ROW:a.yaml", "is read");
        must(symlink("v2", path_of("tmp")));
        must(rename(path_of("tmp"), path_of("jobs.d")));
        pump();
        is_str(news, "+b -a ROW:a.yaml", "and swapped");
        end();
}

static void test_options(void)
{
        static char jobs[PATH_MAX];
        char *dirs[] = { jobs, NULL };
        struct folder_options opt = { .dirs = dirs, .parse = { .zones = &zones }, .own_uid = getuid() };
        struct job *defaults = job_new();

        begin("changed options");
        snprintf(jobs, sizeof(jobs), "%s/jobs.d", base);
        must(mkdir(path_of("more.d"), 0755));
        put_file("jobs.d/a.yaml", JOB("a"));
        put_file("jobs.d/b.yaml", "jobs: {b: {command: x, nice: 1}}\n");
        put_file("more.d/m.yaml", JOB("m"));
        first_scan();
        is_str(news, "+a +b +m ROW:a.yaml ROW:b.yaml ROW:m.yaml", "two folders");
        must(folder_rescan(f, NULL));
        pump();
        is_str(news, "", "a reload of the same");
        defaults->policy->has_nice = true;
        defaults->policy->nice = 7;
        defaults->policy->set_by_config = 1;
        opt.parse.defaults = defaults;
        must(folder_rescan(f, &opt));
        job_unref(defaults);
        pump();
        is_str(news, "+a +b -m GONE:m.yaml", "new defaults, and a folder less");
        put_file("more.d/m.yaml", JOB("mm"));
        pump();
        is_str(news, "", "which is not watched any more");
        put_file("jobs.d/c.yaml", JOB("c"));
        pump();
        is_str(news, "+c ROW:c.yaml", "the other one is");
        end();
}

static void test_owners(void)
{
        const char *why;

        begin("owners and modes");
        put_file("jobs.d/a.yaml", JOB("a"));
        put_file("jobs.d/b.yaml", JOB("b"));
        must(chmod(path_of("jobs.d/b.yaml"), 0664));
        first_scan();
        is_str(news, "+a ROW:a.yaml", "a file that its group may write is refused");
        is_str(state_of("jobs.d/b.yaml", &why), "error", "as an error");
        ok(says(why, "written by its group (mode 0664)"), "that says why");
        must(chmod(path_of("jobs.d/b.yaml"), 0640));
        pump();
        is_str(news, "+b ROW:b.yaml", "mended by chmod");
        must(chmod(path_of("jobs.d/a.yaml"), 0646));
        pump();
        is_str(news, "", "spoilt by chmod: its last good version stays");
        is_str(state_of("jobs.d/a.yaml", NULL), "stale", "as stale");
        must(chmod(path_of("jobs.d/a.yaml"), 0644));
        pump();
        is_int(folder_broken(f), 0, "mended");
        must(chmod(path_of("jobs.d"), 0777));
        pump();
        is_str(news, "", "a folder that everybody may write: nothing changes");
        is_str(state_of("jobs.d/a.yaml", &why), "stale", "its files say so");
        ok(says(why, "written by everybody"), "why");
        is_str(state_of("jobs.d", NULL), "error", "and the folder is in the list itself");
        put_file("jobs.d/c.yaml", JOB("c"));
        pump();
        is_str(news, "", "nothing new is taken from it");
        must(chmod(path_of("jobs.d"), 0755));
        pump();
        is_str(news, "+c ROW:c.yaml", "mended");
        is_int(folder_broken(f), 0, "nothing is broken");
        must(chmod(base, 0777));
        must(folder_rescan(f, NULL));
        pump();
        is_str(state_of("jobs.d/a.yaml", &why), "stale", "a folder above");
        ok(says(why, base), "is named");
        must(chmod(base, 01777));
        must(folder_rescan(f, NULL));
        pump();
        if (getuid() == 0)
                is_str(state_of("jobs.d/a.yaml", NULL), "ok", "sticky and root's: fine");
        else
                tap_skip("sticky and root's", "not root");
        must(chmod(base, 0755));
        if (getuid() == 0) {
                must(chown(path_of("jobs.d/a.yaml"), 12345, 0));
                pump();
                is_str(state_of("jobs.d/a.yaml", &why), "stale", "somebody else's file");
                ok(says(why, "uid 12345"), "says whose");
                must(chown(path_of("jobs.d/a.yaml"), 0, 0));
                must(symlink("/dev/null", path_of("jobs.d/null.yaml")));
                pump();
                is_str(state_of("jobs.d/null.yaml", &why), "error", "a device");
                must(lchown(path_of("jobs.d/null.yaml"), 12345, 0));
                must(folder_rescan(f, NULL));
                pump();
                is_str(state_of("jobs.d/null.yaml", &why), "error", "somebody else's link");
                ok(says(why, "uid 12345"), "is not followed");
        } else {
                tap_skip("owners", "not root");
        }
        end();
}

static void test_storm(void)
{
        struct folder_file file;
        bool sorted = true;
        char last[PATH_MAX] = "";
        size_t jobs = 0;

        begin("many files at once");
        first_scan();
        for (int round = 0; round < 3; round++)
                for (int i = 0; i < 500; i++) {
                        char name[64], text[128];

                        snprintf(name, sizeof(name), "jobs.d/j%03d.yaml", (i * 7) % 500);
                        snprintf(text, sizeof(text), "jobs: {j%03d: {command: x%d}}\n", (i * 7) % 500, round);
                        put_file(name, text);
                }
        pump();
        for (size_t i = 0; i < folder_files(f) && folder_file_at(f, i, &file); i++) {
                sorted = sorted && strcmp(last, file.path) < 0;
                snprintf(last, sizeof(last), "%s", file.path);
                jobs += file.n_jobs;
        }
        is_int(folder_files(f), 500, "all of them are there");
        is_int(jobs, 500, "with their jobs");
        ok(sorted, "listed in order of path");
        for (int i = 0; i < 500; i += 2) {
                char name[64];

                snprintf(name, sizeof(name), "jobs.d/j%03d.yaml", i);
                must(unlink(path_of(name)));
        }
        pump();
        is_int(folder_files(f), 250, "half of them go");
        end();

        begin("more events than the kernel keeps");
        first_scan();
        for (int i = 0; i < 20000; i++) { /* max_queued_events is 16384 */
                char name[64];

                snprintf(name, sizeof(name), "jobs.d/x%d.yaml", i % 2);
                if (i % 2)
                        put_file(name, JOB("x"));
                else
                        (void)unlink(path_of("jobs.d/x1.yaml"));
        }
        put_file("jobs.d/late.yaml", JOB("late"));
        pump();
        ok(strstr(news, "+late") && strstr(news, "+x"), "all is looked through again");
        end();
}

static void test_look(void)
{
        struct mono again;

        begin("nothing to do");
        put_file("jobs.d/a.yaml", JOB("a"));
        first_scan();
        pump();
        must(folder_process(f, clock_wall(), mono, &again));
        ok(again.usec > mono.usec + 500 * USEC_PER_SEC && again.usec <= mono.usec + 600 * USEC_PER_SEC,
           "sleeps up to 10 minutes");
        mono = again;
        must(folder_process(f, clock_wall(), mono, &again));
        ok(!folder_busy(f), "finds the folders as they were");
        end();
}

int main(void)
{
        umask(022);
        zones = test_zones();
        test_life_of_a_file();
        test_writers();
        test_names();
        test_odd_files();
        test_links();
        test_clashes();
        test_restart();
        test_whole_folders();
        test_options();
        test_owners();
        test_storm();
        test_look();
        return tap_done();
}
