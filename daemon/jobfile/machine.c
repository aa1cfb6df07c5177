/* The machine's number: see machine.h. */
#include "jobfile/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"

uint64_t machine_number(void)
{
        _cleanup_(closep) int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char id[256];
        ssize_t n = fd >= 0 ? read_full(fd, id, sizeof(id)) : -1;
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, and something to tell it from the id */

        /* Before the first boot is complete it may be empty, or the word `uninitialized`. */
        if (n < 32) {
                memset(id, 0, sizeof(id));
                n = gethostname(id, sizeof(id) - 1) == 0 ? (ssize_t)strlen(id) : 0;
        }
        for (ssize_t i = 0; i < n && id[i] != '\n'; i++)
                h = (h ^ (unsigned char)id[i]) * UINT64_C(0x100000001b3);
        return (h ^ h >> 29) * UINT64_C(0x9fb21c651e98df25);
}
