/* bench-spawn N INFLIGHT PROGRAM [ARG...]: starts and reaps PROGRAM N times with vfork, INFLIGHT at a time: what the kernel
 * alone needs.  Prints seconds in all, and the children's CPU seconds.  Output of the children goes to /dev/null; one that fails ends it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static pid_t start(char **argv, int null)
{
        pid_t pid = vfork();

        if (pid == 0) {
                dup2(null, STDIN_FILENO);
                dup2(null, STDOUT_FILENO);
                execv(argv[0], argv);
                _exit(127);
        }
        return pid;
}

int main(int argc, char **argv)
{
        int n = argc > 3 ? atoi(argv[1]) : 0, in_flight = argc > 3 ? atoi(argv[2]) : 0;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), started = 0, done = 0;
        int64_t begin;

        if (n < 1 || in_flight < 1 || null < 0) {
                fprintf(stderr, "usage: bench-spawn N INFLIGHT PROGRAM [ARG...]\n");
                return 2;
        }
        begin = now_ns(CLOCK_MONOTONIC);
        while (done < n) {
                int status;

                for (; started < n && started - done < in_flight; started++)
                        if (start(argv + 3, null) < 0) {
                                perror("vfork");
                                return 1;
                        }
                if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                        fprintf(stderr, "bench-spawn: %s failed\n", argv[3]);
                        return 1;
                }
                done++;
        }
        printf("%.6f %.6f\n", (double)(now_ns(CLOCK_MONOTONIC) - begin) / 1e9, children_cpu());
        return 0;
}
