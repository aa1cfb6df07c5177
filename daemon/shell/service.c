#include "shell/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/fd.h"
#include "base/util.h"

/* Read once: the environment is cleared before the first child is made, sd_notify() must go on working. */
void service_notify(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
        (void)sd_notify(0, state);
#else
        (void)state;
#endif
}

int64_t service_watchdog_usec(void)
{
#ifdef HAVE_LIBSYSTEMD
        uint64_t usec;

        return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)usec : 0;
#else
        return 0;
#endif
}

int service_listen_fd(void)
{
#ifdef HAVE_LIBSYSTEMD
        int n = sd_listen_fds(1);

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0)
                        return fd;
                (void)close(fd);
        }
#endif
        return -1;
}

void service_clear_environment(void)
{
        /* NOTIFY_SOCKET stays for sd_notify(); the runner gives its children an environment made from nothing. */
        (void)unsetenv("LISTEN_FDS");
        (void)unsetenv("LISTEN_PID");
        (void)unsetenv("LISTEN_FDNAMES");
        (void)unsetenv("WATCHDOG_PID");
}

static int read_line(const char *path, char *buf, size_t size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read_full(fd, buf, size - 1);
        if (n < 0)
                return (int)n;
        buf[n] = '\0';
        buf[strcspn(buf, "\n")] = '\0';
        return 0;
}

int service_boot_identity(char *buf, size_t size)
{
        char id[64], stat[1024], *p, *save = NULL;
        int r;

        r = read_line("/proc/sys/kernel/random/boot_id", id, sizeof(id));
        if (r < 0)
                return r;
        r = read_line("/proc/1/stat", stat, sizeof(stat));
        if (r < 0)
                return r;
        /* Field 22 is the start time; the second, the name, may hold anything up to the last `)`. */
        p = strrchr(stat, ')');
        if (!p)
                return -EBADMSG;
        p = strtok_r(p + 1, " ", &save);
        for (int i = 3; p && i < 22; i++)
                p = strtok_r(NULL, " ", &save);
        if (!p)
                return -EBADMSG;
        if (snprintf(buf, size, "%s %s", id, p) >= (int)size)
                return -ENAMETOOLONG;
        return 0;
}
