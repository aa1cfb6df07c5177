#include "base/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The counter lives in shared memory, so that forks count on. */
static struct {
        const char *name;
        size_t length;
        unsigned long nth;
        atomic_ulong *passed;
} point;

void failpoint_init(void)
{
        static atomic_ulong alone;
        const char *text = getenv("JOBSCHEDD_CRASH_AT");
        const char *colon = text ? strchr(text, ':') : NULL;
        void *shared;

        if (point.passed || !text || !*text)
                return;
        point.name = text;
        point.length = colon ? (size_t)(colon - text) : strlen(text);
        point.nth = colon ? strtoul(colon + 1, NULL, 10) : 1;
        shared = mmap(NULL, sizeof(atomic_ulong), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        point.passed = shared == MAP_FAILED ? &alone : shared;
}

void failpoint_pass(const char *name)
{
        if (!point.passed || strlen(name) != point.length || memcmp(name, point.name, point.length) != 0)
                return;
        if (atomic_fetch_add(point.passed, 1) + 1 == point.nth)
                (void)kill(getpid(), SIGKILL);
}
