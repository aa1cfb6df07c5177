/* The files behind proto/record.h: an attempt's folder <runs>/<run>.<start>/ and the record in it, its lock, its
 * holder. Used by the runner, its supervisors and the daemon's side alike.
 *
 * The lock is a POSIX one (F_SETLK): it is not inherited by a fork, ends with its holder whatever happens to it,
 * and names the holder to whoever asks (F_GETLK), also on a read-only descriptor.  A process that holds it must not
 * open and close the file a second time, that would drop it. */
#pragma once
#include <sys/types.h>

#include "base/util.h"
#include "proto/record.h"

#define ATTEMPT_NAME_SIZE 48

/* "<run>.<start>" */
void attempt_name(uint64_t run, uint32_t start, char ret[static ATTEMPT_NAME_SIZE]);
/* The reverse, exact: 0 or -EINVAL. */
int attempt_name_parse(const char *name, uint64_t *ret_run, uint32_t *ret_start);

/* Opens the record.  The descriptor, or -ENOENT and other negative errno. */
int recordio_open(int runs_fd, uint64_t run, uint32_t start, int flags);
/* Makes folder and record, in state CREATED or VOID, only if there is no record: -EEXIST.  The descriptor or
 * negative errno. */
int recordio_make(int runs_fd, const struct record *r);
/* Removes record and folder.  0 (also if they were not there) or negative errno. */
int recordio_remove(int runs_fd, uint64_t run, uint32_t start);

/* 0, -ENODATA (made, but its maker died before it wrote: as good as CREATED, nobody was born with it), -EBADMSG
 * (damaged: it was read several times, so not torn), -EPROTO (newer version), -EIO … */
int recordio_read(int fd, struct record *ret);
/* One pwrite of the whole, with the next sequence number.  The file is pre-written, so a full disk doesn't matter. */
int recordio_write(int fd, struct record *r);

/* Takes the lock, waiting if `wait`.  0, -EAGAIN (held by another), negative errno. */
int recordio_lock(int fd, bool wait);
/* 0: the lock is free.  1: held; *ret_pid is its holder (0 if of another pid namespace).  Negative errno. */
int recordio_holder(int fd, pid_t *ret_pid);
/* A pidfd of the holder: asked, opened, asked again, so no reused pid is taken for it.  -ESRCH: the lock is free. */
int recordio_pidfd(int fd, pid_t *ret_pid);
