/* Users that were looked up: shared over forks, for a minute, never half of one and half of another. */
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/tap.h"
#include "runner/usercache.h"

static const struct mono now = { 1000 * USEC_PER_SEC };

static struct identity make(unsigned number)
{
        static gid_t groups[40];
        static char name[32], home[64], shell[] = "/bin/sh";
        struct identity id = {
                .change = true, .uid = number, .gid = number, .groups = groups, .n_groups = 1 + number % 8
        };

        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                groups[i] = number;
        (void)snprintf(name, sizeof(name), "user%u", number);
        (void)snprintf(home, sizeof(home), "/home/user%u", number);
        id.name = name;
        id.home = home;
        id.shell = shell;
        return id;
}

static bool is_whole(const struct identity *id)
{
        char home[64], name[32];
        bool good = id->change && id->gid == id->uid && id->n_groups == 1 + id->uid % 8;

        (void)snprintf(name, sizeof(name), "user%u", id->uid);
        (void)snprintf(home, sizeof(home), "/home/user%u", id->uid);
        for (size_t i = 0; i < id->n_groups; i++)
                good = good && id->groups[i] == id->uid;
        return good && streq(id->name, name) && streq(id->home, home) && streq(id->shell, "/bin/sh");
}

static bool has(struct usercache *c, const char *user, const char *group, struct mono at)
{
        struct identity got = { .change = false };
        bool found = usercache_get(c, user, group, at, &got);
        bool good = found && is_whole(&got);

        if (found && !good)
                diag("%s: not what was put", user);
        identity_done(&got);
        return good;
}

static void test_keeping(struct usercache *c)
{
        struct identity id = make(3);
        char long_name[100];

        ok(!has(c, "backup", NULL, now), "nothing is there at first");
        usercache_put(c, "backup", NULL, now, &id);
        ok(has(c, "backup", NULL, now), "what was put is there");
        ok(has(c, "backup", NULL, mono_add(now, USERCACHE_USEC - 1)), "for a minute");
        ok(!has(c, "backup", NULL, mono_add(now, USERCACHE_USEC)), "and no longer");
        ok(!has(c, "backup", "adm", now), "another group is another question");
        ok(!has(c, "Backup", NULL, now), "so is another name");
        id = make(5);
        usercache_put(c, "backup", NULL, mono_add(now, USERCACHE_USEC), &id);
        ok(has(c, "backup", NULL, mono_add(now, USERCACHE_USEC)), "it can be put again");

        memset(long_name, 'x', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = 0;
        usercache_put(c, long_name, NULL, now, &id);
        ok(!has(c, long_name, NULL, now), "a name that does not fit is not kept");
        id.n_groups = 40;
        usercache_put(c, "many", NULL, now, &id);
        ok(!has(c, "many", NULL, now), "nor are more groups than fit");
        ok(!usercache_get(NULL, "backup", NULL, now, &id), "without memory nothing is kept");
        usercache_put(NULL, "backup", NULL, now, &id);
}

/* Four processes write different users into the same slot, one reads. */
static void test_sharing(struct usercache *c)
{
        size_t found = 0, whole = 0;
        pid_t writers[4];

        for (unsigned i = 0; i < 4; i++) {
                writers[i] = fork();
                if (writers[i] == 0) {
                        for (unsigned n = 0; n < 50000; n++) {
                                struct identity id = make(100 + i * 1000 + n % 1000);

                                usercache_put(c, "shared", NULL, now, &id);
                        }
                        _exit(0);
                }
        }
        for (unsigned ended = 0; ended < 4;) {
                struct identity got;

                if (usercache_get(c, "shared", NULL, now, &got)) {
                        found++;
                        whole += is_whole(&got);
                        identity_done(&got);
                }
                if (found % 64 == 0 && waitpid(-1, NULL, WNOHANG) > 0)
                        ended++;
        }
        ok(found > 0 && whole == found, "%zu reads among writers: each is whole", found);
        ok(has(c, "shared", NULL, now), "what forks put is seen by all");
}

int main(void)
{
        struct usercache *c = usercache_new();

        test_keeping(c);
        test_sharing(c);
        return tap_done();
}
