#include "jobfile/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool added; /* uthash's only word about memory that ran out */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) (added = false)
#include <uthash.h>

#include "base/fd.h"

#define ZONE_DIR      "/usr/share/zoneinfo"
#define ZONE_FILE_MAX 262144 /* the fattest one is 4 KiB */
#define ZONE_NAME_MAX 100

struct zone_entry {
        UT_hash_handle hh;
        struct tz *tz;
        char name[];
};

struct zones {
        int dir; /* -1: there is no such folder */
        struct zone_entry *by_name;
        struct tz *local; /* what /etc/localtime says; NULL: UTC */
        bool local_known;
};

int zones_new(const char *dir, struct zones **ret)
{
        struct zones *z = calloc(1, sizeof(*z));

        if (!z)
                return -ENOMEM;
        z->dir = open(dir ? dir : ZONE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
        *ret = z;
        return 0;
}

struct zones *zones_free(struct zones *z)
{
        struct zone_entry *e, *next;

        if (!z)
                return NULL;
        HASH_ITER(hh, z->by_name, e, next) {
                HASH_DEL(z->by_name, e);
                tz_free(e->tz);
                free(e);
        }
        tz_free(z->local);
        safe_close(z->dir);
        free(z);
        return NULL;
}

static bool name_is_valid(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n <= ZONE_NAME_MAX && name[0] != '/' &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/-") == n;
}

/* Beneath the folder, also where links are followed. */
static int open_beneath(int dir, const char *name)
{
        struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, .resolve = RESOLVE_BENEATH };
        long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

        if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* an old kernel, or a filter that doesn't know it */
                fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : (int)fd;
}

static int load(int fd, const char *name, struct tz **ret)
{
        _cleanup_(freep) char *data = NULL;
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > ZONE_FILE_MAX)
                return -EBADMSG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        n = read_full(fd, data, (size_t)st.st_size);
        if (n < 0)
                return (int)n;
        return tz_new(name, data, (size_t)n, ret);
}

const struct tz *zones_find(struct zones *z, const char *name)
{
        struct zone_entry *e;
        struct tz *tz = NULL;
        int fd;

        HASH_FIND_STR(z->by_name, name, e);
        if (e)
                return e->tz;
        if (!name_is_valid(name))
                return NULL;
        fd = z->dir >= 0 ? open_beneath(z->dir, name) : -ENOENT;
        if (fd >= 0) {
                if (load(fd, name, &tz) < 0)
                        tz = NULL;
                safe_close(fd);
        }
        /* What is missing is looked for again at the next reload: it may have been installed by then. */
        e = tz ? calloc(1, sizeof(*e) + strlen(name) + 1) : NULL;
        if (e) {
                memcpy(e->name, name, strlen(name) + 1);
                e->tz = tz;
                added = true;
                HASH_ADD_STR(z->by_name, name, e);
                if (added)
                        return tz;
                free(e);
        }
        tz_free(tz);
        return streq(name, "UTC") ? tz_utc() : NULL;
}

/* "Europe/Berlin" of …/zoneinfo/Europe/Berlin, or the word in /etc/timezone. */
static void local_name(char *buf, size_t size)
{
        char text[PATH_MAX];
        const char *name = NULL;
        ssize_t n = readlink("/etc/localtime", text, sizeof(text) - 1);
        int fd;

        if (n > 0) {
                text[n] = '\0';
                name = strstr(text, "zoneinfo/");
                name = name ? name + strlen("zoneinfo/") : NULL;
        }
        if (!name) {
                fd = open("/etc/timezone", O_RDONLY | O_CLOEXEC);
                n = fd >= 0 ? read_full(fd, text, sizeof(text) - 1) : -1;
                safe_close(fd);
                if (n > 0) {
                        text[n] = '\0';
                        text[strcspn(text, " \t\r\n")] = '\0';
                        name = text;
                }
        }
        if (!name || !name_is_valid(name))
                name = "localtime";
        (void)snprintf(buf, size, "%s", name);
}

const struct tz *zones_local(struct zones *z)
{
        char name[ZONE_NAME_MAX + 1];
        int fd;

        if (z->local_known)
                return z->local ? z->local : tz_utc();
        z->local_known = true;
        fd = open("/etc/localtime", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0) {
                local_name(name, sizeof(name));
                if (load(fd, name, &z->local) < 0)
                        z->local = NULL;
                safe_close(fd);
        }
        return z->local ? z->local : tz_utc();
}

static const struct tz *find(void *arg, const char *name)
{
        return zones_find(arg, name);
}

struct zone_source zones_source(struct zones *z, const struct tz *local)
{
        return (struct zone_source){ .find = find, .arg = z, .local = local ? local : zones_local(z) };
}
