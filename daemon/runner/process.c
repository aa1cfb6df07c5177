#include "runner/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"

int process_read(pid_t pid, struct process *ret)
{
        struct process p = { .pid = pid };
        unsigned long long ticks;
        char path[32], text[1024], *at;
        int parent, session;
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, sizeof(text) - 1);
        safe_close(fd);
        if (n <= 0)
                return -ESRCH;
        text[n] = 0;
        /* pid (name) state ppid pgrp session …; the name may hold anything, also brackets. */
        at = strrchr(text, ')');
        if (!at || sscanf(at + 1,
                          " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                          &p.state, &parent, &session, &ticks) != 4)
                return -EIO;
        p.parent = parent;
        p.session = session;
        p.since.usec = (int64_t)(ticks * (unsigned long long)USEC_PER_SEC / (unsigned long long)sysconf(_SC_CLK_TCK));
        *ret = p;
        return 0;
}

bool process_has_environment(pid_t pid, const char *const *wanted)
{
        _cleanup_(closep) int fd = -1;
        _cleanup_(freep) char *text = NULL;
        const size_t max = 256u * 1024;
        char path[32];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        text = fd < 0 ? NULL : malloc(max + 1);
        n = text ? read_full(fd, text, max) : -1;
        if (n <= 0)
                return false;
        text[n] = 0;
        for (; *wanted; wanted++) {
                const char *at = text;

                while (at < text + n && !streq(at, *wanted))
                        at += strlen(at) + 1;
                if (at >= text + n)
                        return false;
        }
        return true;
}
