#include "fault-vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "store-lib.h"

#define SECTOR 512

struct pending {
        struct pending *next;
        bool truncates;
        int64_t offset; /* or the new size */
        int size;
        unsigned char data[];
};

/* A file of the mirror: state.db or state.db-wal. */
struct mirrored {
        char *name; /* of the original */
        int fd;
        struct pending *first, **last;
};

struct fault_file {
        sqlite3_file base;
        const char *name; /* lives as long as the file is open */
        bool counted;
        sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned calls, fail_nth, fail_times, crash_nth;
static uint64_t crash_seed;
static struct mirrored mirror[2];
static bool mirroring;

/* ---- the mirror */

static struct mirrored *find_mirrored(const char *name)
{
        for (unsigned i = 0; mirroring && name && i < 2; i++)
                if (strcmp(mirror[i].name, name) == 0)
                        return &mirror[i];
        return NULL;
}

static void apply(struct mirrored *m, const struct pending *p, int from, int size)
{
        if (p->truncates ? ftruncate(m->fd, p->offset) < 0
                         : pwrite(m->fd, p->data + from, (size_t)size, p->offset + from) != size)
                abort();
}

static void forget(struct mirrored *m)
{
        while (m->first) {
                struct pending *p = m->first;

                m->first = p->next;
                free(p);
        }
        m->last = &m->first;
}

static void add(struct mirrored *m, bool truncates, const void *data, int size, int64_t offset)
{
        struct pending *p = malloc(sizeof(*p) + (size_t)size);

        if (!p)
                abort();
        *p = (struct pending){ .truncates = truncates, .offset = offset, .size = size };
        if (size > 0)
                memcpy(p->data, data, (size_t)size);
        *m->last = p;
        m->last = &p->next;
}

static void sync_mirror(struct mirrored *m)
{
        for (struct pending *p = m->first; p; p = p->next)
                apply(m, p, 0, p->size);
        forget(m);
}

/* Power fails: of what was not synced, some sectors are there. */
static void crash(void)
{
        for (unsigned i = 0; mirroring && i < 2; i++)
                for (struct pending *p = mirror[i].first; p; p = p->next) {
                        uint64_t x = random_u64(&crash_seed);

                        if (x % 3 == 0)
                                continue;
                        if (x % 3 == 1 || p->truncates) {
                                apply(&mirror[i], p, 0, p->size);
                                continue;
                        }
                        for (int at = 0; at < p->size; at += SECTOR)
                                if (random_u64(&crash_seed) % 2)
                                        apply(&mirror[i], p, at, p->size - at < SECTOR ? p->size - at : SECTOR);
                }
        _exit(77);
}

static void copy_file(const char *from, int to)
{
        char buf[65536];
        int fd = open(from, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0 && errno == ENOENT)
                return;
        while ((n = read(fd, buf, sizeof(buf))) > 0)
                if (write_all(to, buf, (size_t)n) < 0)
                        abort();
        if (n < 0)
                abort();
        close(fd);
}

void fault_vfs_mirror(const char *dir, const char *to)
{
        static const char *const names[] = { "state.db", "state.db-wal" };

        pthread_mutex_lock(&lock);
        for (unsigned i = 0; i < 2; i++) {
                char path[512];

                if (asprintf(&mirror[i].name, "%s/%s", dir, names[i]) < 0)
                        abort();
                (void)snprintf(path, sizeof(path), "%s/%s", to, names[i]);
                mirror[i].fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                mirror[i].first = NULL;
                mirror[i].last = &mirror[i].first;
                if (mirror[i].fd < 0)
                        abort();
                copy_file(mirror[i].name, mirror[i].fd);
        }
        mirroring = true;
        pthread_mutex_unlock(&lock);
}

void fault_vfs_crash(unsigned nth, uint64_t seed)
{
        pthread_mutex_lock(&lock);
        calls = 0;
        crash_nth = nth;
        crash_seed = seed;
        pthread_mutex_unlock(&lock);
}

void fault_vfs_fail(unsigned nth, unsigned times)
{
        pthread_mutex_lock(&lock);
        calls = 0;
        fail_nth = nth;
        fail_times = times;
        pthread_mutex_unlock(&lock);
}

unsigned fault_vfs_calls(void)
{
        pthread_mutex_lock(&lock);
        unsigned n = calls;
        pthread_mutex_unlock(&lock);
        return n;
}

/* ---- files.  Locked where they change something. */

static bool fails(struct fault_file *f)
{
        if (!f->counted)
                return false;
        calls++;
        if (crash_nth != 0 && calls == crash_nth)
                crash();
        return fail_nth != 0 && calls >= fail_nth && calls < fail_nth + fail_times;
}

static int file_close(sqlite3_file *file)
{
        struct fault_file *f = (struct fault_file *)file;

        return f->real->pMethods->xClose(f->real);
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
        struct fault_file *f = (struct fault_file *)file;

        return f->real->pMethods->xRead(f->real, data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
        struct fault_file *f = (struct fault_file *)file;
        int r;

        pthread_mutex_lock(&lock);
        if (fails(f)) {
                /* Half of it may have been written. */
                (void)f->real->pMethods->xWrite(f->real, data, size / 2, offset);
                r = SQLITE_FULL;
        } else {
                r = f->real->pMethods->xWrite(f->real, data, size, offset);
                if (r == SQLITE_OK && find_mirrored(f->name))
                        add(find_mirrored(f->name), false, data, size, offset);
        }
        pthread_mutex_unlock(&lock);
        return r;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        struct fault_file *f = (struct fault_file *)file;
        int r;

        pthread_mutex_lock(&lock);
        r = fails(f) ? SQLITE_IOERR_TRUNCATE : f->real->pMethods->xTruncate(f->real, size);
        if (r == SQLITE_OK && find_mirrored(f->name))
                add(find_mirrored(f->name), true, NULL, 0, size);
        pthread_mutex_unlock(&lock);
        return r;
}

static int file_sync(sqlite3_file *file, int flags)
{
        struct fault_file *f = (struct fault_file *)file;
        int r;

        pthread_mutex_lock(&lock);
        r = fails(f) ? SQLITE_IOERR_FSYNC : f->real->pMethods->xSync(f->real, flags);
        if (r == SQLITE_OK && find_mirrored(f->name))
                sync_mirror(find_mirrored(f->name));
        pthread_mutex_unlock(&lock);
        return r;
}

#define PASS(type, name, method, params, args)                            \
        static type name params                                           \
        {                                                                 \
                sqlite3_file *real = ((struct fault_file *)file)->real;   \
                return real->pMethods->method args;                       \
        }

PASS(int, file_size, xFileSize, (sqlite3_file *file, sqlite3_int64 *size), (real, size))
PASS(int, file_lock, xLock, (sqlite3_file *file, int how), (real, how))
PASS(int, file_unlock, xUnlock, (sqlite3_file *file, int how), (real, how))
PASS(int, file_check, xCheckReservedLock, (sqlite3_file *file, int *ret), (real, ret))
PASS(int, file_control, xFileControl, (sqlite3_file *file, int op, void *arg), (real, op, arg))
PASS(int, file_sector, xSectorSize, (sqlite3_file *file), (real))
PASS(int, file_shm_map, xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **ret),
     (real, page, size, extend, ret))
PASS(int, file_shm_lock, xShmLock, (sqlite3_file *file, int offset, int n, int flags), (real, offset, n, flags))
PASS(void, file_shm_barrier, xShmBarrier, (sqlite3_file *file), (real))
PASS(int, file_shm_unmap, xShmUnmap, (sqlite3_file *file, int delete_it), (real, delete_it))

/* No promise that a write of a sector is whole: a disk may tear it. */
static int file_device(sqlite3_file *file)
{
        return 0;
}

static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_check,
        .xFileControl = file_control,
        .xSectorSize = file_sector,
        .xDeviceCharacteristics = file_device,
        .xShmMap = file_shm_map,
        .xShmLock = file_shm_lock,
        .xShmBarrier = file_shm_barrier,
        .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
        struct fault_file *f = (struct fault_file *)file;
        int r;

        memset(f, 0, sizeof(*f));
        f->real = (sqlite3_file *)(f + 1);
        r = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
        if (!f->real->pMethods)
                return r;
        f->base.pMethods = &methods;
        f->counted = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL);
        f->name = name;
        return r;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
        struct mirrored *m;
        int r;

        pthread_mutex_lock(&lock);
        r = real_vfs->xDelete(real_vfs, name, sync_dir);
        m = find_mirrored(name);
        if (r == SQLITE_OK && m) {
                forget(m);
                if (ftruncate(m->fd, 0) < 0)
                        abort();
        }
        pthread_mutex_unlock(&lock);
        return r;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
        return real_vfs->xAccess(real_vfs, name, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
        return real_vfs->xFullPathname(real_vfs, name, size, ret);
}

void fault_vfs_install(void)
{
        static sqlite3_vfs vfs;

        real_vfs = sqlite3_vfs_find(NULL);
        vfs = *real_vfs;
        vfs.zName = "faults";
        vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
        vfs.xOpen = vfs_open;
        vfs.xDelete = vfs_delete;
        vfs.xAccess = vfs_access;
        vfs.xFullPathname = vfs_full_path;
        if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
                abort();
}
