/* Descriptors.  Not for pure code. */
#pragma once
#include <unistd.h>

/* Closes fd if it is one.  Always returns -1, so: fd = safe_close(fd).  errno is kept. */
int safe_close(int fd);

static inline void closep(int *fd)
{
        (void)safe_close(*fd);
}

/* Writes all of it, over EINTR and short writes.  Returns 0 or negative errno. */
int write_all(int fd, const void *data, size_t size);

/* Reads up to `size` bytes until end of file, over EINTR and short reads.  Returns the number of bytes or negative errno. */
ssize_t read_full(int fd, void *data, size_t size);
