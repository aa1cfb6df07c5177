/* A file system for SQLite that fails, or loses power.  It stands before the real one for every database of the
 * program.
 *
 * What may fail are the calls that change files: writes, truncations and syncs of a database and its log, counted
 * together.  The call numbered `nth` (from 1) fails, and the next ones, `times` in all.
 *
 * Losing power: while files are mirrored into another folder, a write reaches the mirror at the file's next sync
 * only.  At call `nth` the process ends at once, and of the writes since the last sync some reach the mirror, whole
 * or torn, and some don't, as the seed has it. */
#pragma once
#include <stdint.h>

void fault_vfs_install(void);
/* Begins to count anew.  nth 0: nothing fails. */
void fault_vfs_fail(unsigned nth, unsigned times);
unsigned fault_vfs_calls(void);

/* Mirrors DIR/state.db*, as they are now, into the folder `mirror`; then ends the process at call nth with status
 * 77. */
void fault_vfs_mirror(const char *dir, const char *mirror);
void fault_vfs_crash(unsigned nth, uint64_t seed);
