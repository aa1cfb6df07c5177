/* Zone files: read, read again when they change, and never one outside of the folder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone.h"
#include "../../lib/tap.h"

static char dir[] = "/tmp/zones-XXXXXX";

static const char *in(const char *name)
{
        static char buf[4][4200];
        static unsigned k;
        char *b = buf[k++ % 4];

        snprintf(b, sizeof(buf[0]), "%s/%s", dir, name);
        return b;
}

/* A zone's file becomes what the system's `like` is; as a package does it: whole, by a rename. */
static void install(const char *name, const char *like)
{
        char from[200], part[4200];
        char *data;
        size_t size;
        FILE *f;

        snprintf(from, sizeof(from), "/usr/share/zoneinfo/%s", like);
        test_read_file(from, &data, &size);
        snprintf(part, sizeof(part), "%s.part", in(name));
        f = fopen(part, "wb");
        if (!data || !f || fwrite(data, 1, size, f) != size || fclose(f) != 0 || rename(part, in(name)) < 0)
                abort();
        free(data);
}

static void put_text(const char *name, const char *text)
{
        FILE *f = fopen(in(name), "wb");

        if (!f || fputs(text, f) < 0 || fclose(f) != 0)
                abort();
}

static int32_t offset(const struct tz *tz)
{
        return tz_offset_at(tz, 1700000000);
}

static void changes(void)
{
        _cleanup_(zones_freep) struct zones *z = NULL;
        const struct tz *before, *after;

        if (zones_new(in("zi"), &z) < 0)
                abort();
        install("zi/Test/Town", "Asia/Tokyo");
        before = zones_find(z, "Test/Town");
        is_int(offset(before), 9 * 3600, "a zone is read");
        is_int(zones_refresh(z), 0, "nothing has changed");
        install("zi/Test/Town", "Asia/Tokyo");
        is_int(zones_refresh(z), 0, "the same rules in another file are no change");
        ok(zones_find(z, "Test/Town") == before, "and the same value");
        install("zi/Test/Town", "Asia/Kolkata");
        ok(zones_find(z, "Test/Town") == before, "nothing changes by itself");
        is_int(zones_refresh(z), 1, "other rules are a change");
        after = zones_find(z, "Test/Town");
        is_int(offset(after), 19800, "they are in the new value");
        is_int(offset(before), 9 * 3600, "the old one is as it was, for those who hold it");
        ok(streq(tz_name(before), "Test/Town"), "its name, too");
        put_text("zi/Test/Town", "no zone at all");
        is_int(zones_refresh(z), 0, "a file that is none changes nothing");
        ok(unlink(in("zi/Test/Town")) == 0 && zones_refresh(z) == 0, "nor one that is gone");
        ok(zones_find(z, "Test/Town") == after, "what was known stays");
        install("zi/Test/Town", "Asia/Tokyo");
        is_int(zones_refresh(z), 1, "until it is back");
        is_int(offset(zones_find(z, "Test/Town")), 9 * 3600, "with its rules");

        ok(!zones_find(z, "Test/New"), "a zone that is not there");
        install("zi/Test/New", "Asia/Tokyo");
        ok(zones_find(z, "Test/New"), "is found when it is installed");

        ok(rename(in("zi"), in("old")) == 0 && mkdir(in("zi"), 0755) == 0 && mkdir(in("zi/Test"), 0755) == 0, "the folder itself is replaced");
        install("zi/Test/Town", "Asia/Kolkata");
        is_int(zones_refresh(z), 1, "which is a change too");
}

static void local(void)
{
        _cleanup_(zones_freep) struct zones *z = NULL;
        const struct tz *before;
        char path[4200];

        if (zones_new(in("zi"), &z) < 0)
                abort();
        zones_set_localtime(z, strcpy(path, in("localtime")));
        ok(symlink("/usr/share/zoneinfo/Asia/Tokyo", in("localtime")) == 0, "a local zone");
        before = zones_local(z);
        ok(streq(tz_name(before), "Asia/Tokyo") && offset(before) == 9 * 3600, "is named by its link");
        is_int(zones_refresh(z), 0, "nothing has changed");
        ok(unlink(in("localtime")) == 0 && symlink("/usr/share/zoneinfo/Europe/Berlin", in("localtime")) == 0, "another is chosen");
        is_int(zones_refresh(z), 1, "that is a change");
        ok(streq(tz_name(zones_local(z)), "Europe/Berlin"), "and the local zone is that one");
        is_int(offset(before), 9 * 3600, "who holds the old one may");
        ok(unlink(in("localtime")) == 0 && zones_refresh(z) == 0, "one that is gone stays");
}

static bool told(struct zones *z, int fd, int timeout)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        while (poll(&p, 1, timeout) > 0)
                if (zones_watch_read(z))
                        return true;
        return false;
}

static void watched(void)
{
        _cleanup_(zones_freep) struct zones *z = NULL;
        char path[4200];
        int fd;

        if (zones_new(in("zi"), &z) < 0)
                abort();
        ok(mkdir(in("etc"), 0755) == 0, "a folder for the local zone");
        zones_set_localtime(z, strcpy(path, in("etc/localtime")));
        (void)zones_local(z);
        fd = zones_watch(z);
        ok(fd >= 0 && !told(z, fd, 0), "watched: nothing happens");
        ok(zones_find(z, "Test/Town"), "a zone is asked for after that");
        install("zi/Test/Town", "Asia/Tokyo");
        ok(told(z, fd, 5000), "its file is replaced: told");
        install("zi/Root", "Asia/Tokyo");
        ok(told(z, fd, 5000), "a file in the folder itself: told");
        put_text("etc/passwd", "much happens here");
        ok(!told(z, fd, 0), "other files beside the local zone are nobody's business");
        ok(symlink("/usr/share/zoneinfo/Asia/Tokyo", in("etc/localtime")) == 0 && told(z, fd, 5000), "the local zone: told");
}

static void hostile(void)
{
        static const char *const names[] = {
                "", "/", "/etc/passwd", "/usr/share/zoneinfo/UTC", "..", "../secret", "../../etc/passwd", "Test/../../secret", "Test/..",
                "./Test/Town", "Test/", "Test", "Test/Town/", "link", "escape/Town", "fifo", "Test/Town\n", "Test/Tow\xc3\xa9", "Test Town", "Test\\Town",
                "Test/Town\x7f", "%s%n", "*", "Test/T?wn",
        };
        _cleanup_(zones_freep) struct zones *z = NULL;
        char name[300];

        if (zones_new(in("zi"), &z) < 0)
                abort();
        install("secret", "Asia/Tokyo");
        ok(symlink("../secret", in("zi/link")) == 0 && symlink("..", in("zi/escape")) == 0 && mkfifo(in("zi/fifo"), 0644) == 0, "links out of the folder, and a pipe");
        install("Town", "Asia/Tokyo");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                ok(!zones_find(z, names[i]), "no zone: `%.40s`", i < 18 ? names[i] : "odd bytes");
        memset(name, 'a', sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        ok(!zones_find(z, name), "no zone: a long name");
        ok(symlink("Town", in("zi/Test/Alias")) == 0 && zones_find(z, "Test/Alias"), "a link within the folder is one");
}

static void by_environment(void)
{
        struct zones *z;

        setenv("TZDIR", in("zi"), 1);
        ok(zones_new(NULL, &z) == 0 && zones_find(z, "Test/Town") && !zones_find(z, "Europe/Berlin"), "$TZDIR names the folder");
        zones_free(z);
        setenv("TZDIR", "zi", 1);
        ok(zones_new(NULL, &z) == 0 && zones_find(z, "Europe/Berlin"), "not a relative one");
        zones_free(z);
        unsetenv("TZDIR");
}

int main(void)
{
        char command[200];

        if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
                printf("1..0 # SKIP the time zones (tzdata) are missing\n");
                return 0;
        }
        if (!mkdtemp(dir) || mkdir(in("zi"), 0755) < 0 || mkdir(in("zi/Test"), 0755) < 0)
                abort();
        changes();
        local();
        watched();
        hostile();
        by_environment();
        snprintf(command, sizeof(command), "rm -rf %s", dir);
        if (system(command) != 0)
                diag("%s is left behind", dir);
        return tap_done();
}
