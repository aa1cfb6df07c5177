/* Opening what root or the daemon's user alone could have written: jobs.d(5), *Who may run as whom*. Judged on the
 * opened descriptors, folder by folder from the root, so that nothing can be swapped in between.  Touches the file
 * system. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

/* Opens a folder (O_PATH | O_DIRECTORY) after a look at every folder on the way, symlinks' folders too.  -ENOENT:
 * there is none; -EPERM: refused, *reterr says which folder and why; others: *reterr says what failed. */
int trusted_dir(const char *path, uint32_t own_uid, int *ret_fd, struct error *reterr);

/* Opens a plain file in a folder that was opened so (`dir_path` is for a relative link and for the words).  A
 * symlink is followed
 * once.  -ENOENT: no such name (a link that leads nowhere is -ENOLINK); -EPERM: refused; -EISDIR, -EINVAL: not a
 * plain file. */
int trusted_file(int dir_fd, const char *dir_path, const char *name, uint32_t own_uid, int *ret_fd, struct stat *ret_st,
                 bool *ret_link, struct error *reterr);
