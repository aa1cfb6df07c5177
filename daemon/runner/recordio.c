#include "runner/recordio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "base/fd.h"

void attempt_name(uint64_t run, uint32_t start, char ret[static ATTEMPT_NAME_SIZE])
{
        (void)snprintf(ret, ATTEMPT_NAME_SIZE, "%llu.%u", (unsigned long long)run, start);
}

int attempt_name_parse(const char *name, uint64_t *ret_run, uint32_t *ret_start)
{
        char again[ATTEMPT_NAME_SIZE], *end;
        unsigned long long run;
        unsigned long start;

        errno = 0;
        run = strtoull(name, &end, 10);
        if (errno || end == name || *end != '.')
                return -EINVAL;
        start = strtoul(end + 1, &end, 10);
        if (errno || *end || start > UINT32_MAX)
                return -EINVAL;
        attempt_name(run, (uint32_t)start, again);
        if (!streq(again, name))
                return -EINVAL; /* signs, spaces, leading zeros */
        *ret_run = run;
        *ret_start = (uint32_t)start;
        return 0;
}

static void record_path(uint64_t run, uint32_t start, char ret[static ATTEMPT_NAME_SIZE + 8])
{
        (void)snprintf(ret, ATTEMPT_NAME_SIZE + 8, "%llu.%u/record", (unsigned long long)run, start);
}

int recordio_open(int runs_fd, uint64_t run, uint32_t start, int flags)
{
        char path[ATTEMPT_NAME_SIZE + 8];
        int fd;

        record_path(run, start, path);
        fd = openat(runs_fd, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

int recordio_make(int runs_fd, const struct record *r)
{
        char path[ATTEMPT_NAME_SIZE + 8];
        _cleanup_(closep) int fd = -1;
        uint8_t bytes[RECORD_SIZE];
        ssize_t n;

        attempt_name(r->run, r->start, path);
        if (mkdirat(runs_fd, path, 0711) < 0 && errno != EEXIST)
                return -errno;
        record_path(r->run, r->start, path);
        fd = openat(runs_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
                return -errno;
        record_encode(r, bytes);
        n = pwrite(fd, bytes, sizeof(bytes), 0);
        if (n != (ssize_t)sizeof(bytes)) {
                int error = n < 0 ? errno : ENOSPC;

                (void)recordio_remove(runs_fd, r->run, r->start);
                return -error;
        }
        return TAKE_FD(fd);
}

int recordio_remove(int runs_fd, uint64_t run, uint32_t start)
{
        char path[ATTEMPT_NAME_SIZE + 8];

        record_path(run, start, path);
        if (unlinkat(runs_fd, path, 0) < 0 && errno != ENOENT)
                return -errno;
        attempt_name(run, start, path);
        if (unlinkat(runs_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

int recordio_read(int fd, struct record *ret)
{
        uint8_t bytes[RECORD_SIZE];
        int r = -EBADMSG;

        /* A read may meet a write half way; that is over in a moment. */
        for (int i = 0; i < 20 && r == -EBADMSG; i++) {
                ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                r = record_decode(bytes, (size_t)n, ret);
        }
        return r;
}

int recordio_write(int fd, struct record *r)
{
        uint8_t bytes[RECORD_SIZE];
        ssize_t n;

        r->sequence++;
        record_encode(r, bytes);
        n = pwrite(fd, bytes, sizeof(bytes), 0);
        if (n < 0)
                return -errno;
        return n == (ssize_t)sizeof(bytes) ? 0 : -EIO;
}

int recordio_lock(int fd, bool wait)
{
        struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        while (fcntl(fd, wait ? F_SETLKW : F_SETLK, &l) < 0)
                if (errno != EINTR)
                        return errno == EACCES ? -EAGAIN : -errno;
        return 0;
}

int recordio_holder(int fd, pid_t *ret_pid)
{
        struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        if (fcntl(fd, F_GETLK, &l) < 0)
                return -errno;
        if (l.l_type == F_UNLCK)
                return 0;
        *ret_pid = l.l_pid > 0 ? l.l_pid : 0;
        return 1;
}

int recordio_pidfd(int fd, pid_t *ret_pid)
{
        for (int i = 0; i < 8; i++) {
                pid_t before, after;
                int pidfd, r;

                r = recordio_holder(fd, &before);
                if (r <= 0)
                        return r < 0 ? r : -ESRCH;
                if (before == 0)
                        return -EXDEV;
                pidfd = pidfd_open(before, 0);
                if (pidfd < 0 && errno != ESRCH)
                        return -errno;
                if (pidfd < 0)
                        continue;
                r = recordio_holder(fd, &after);
                if (r > 0 && after == before) {
                        *ret_pid = before;
                        return pidfd;
                }
                safe_close(pidfd);
                if (r <= 0)
                        return r < 0 ? r : -ESRCH;
        }
        return -EAGAIN;
}
