/* Which machine this is, for what `~` draws and for jitter.  Reads a file: not pure. */
#pragma once
#include <stdint.h>

/* A number made of /etc/machine-id, or where there is none of the host's name.  The same until that changes.
 * The id itself, which is to be kept private, can't be had from it. */
uint64_t machine_number(void);
