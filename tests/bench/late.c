/* bench-late SECONDS OFFSET_MS STAMP FILE: the least lateness to be had: once a second, OFFSET_MS after it, an absolute timerfd
 * wakes us and we vfork STAMP, which writes its time into FILE.  The stamps say it; prints the CPU
 * seconds of all STAMPs. */
#include <stdio.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define SECOND INT64_C(1000000000)

int main(int argc, char **argv)
{
        int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC), n = argc == 5 ? atoi(argv[1]) : 0;
        int64_t due, offset = argc == 5 ? atoll(argv[2]) * 1000000 : 0;
        char *args[] = { argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL, NULL };

        if (n < 1 || fd < 0) {
                fprintf(stderr, "usage: bench-late SECONDS OFFSET_MS STAMP FILE\n");
                return 2;
        }
        due = (now_ns(CLOCK_REALTIME) / SECOND + 1) * SECOND + offset;
        for (int i = 0; i < n; i++, due += SECOND) {
                struct itimerspec at = { .it_value = { .tv_sec = due / SECOND, .tv_nsec = due % SECOND } };
                uint64_t fired;
                pid_t pid;

                if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL) < 0 || read(fd, &fired, sizeof(fired)) != sizeof(fired))
                        return 1;
                pid = vfork();
                if (pid == 0) {
                        execv(args[0], args);
                        _exit(127);
                }
                if (pid < 0 || waitpid(pid, NULL, 0) < 0)
                        return 1;
        }
        printf("%.6f\n", children_cpu());
        return 0;
}
