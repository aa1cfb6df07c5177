/* Sentences about runs, for `why`. */
#pragma once
#include "control/private.h"

/* What became of a run or of an instant's row, and why: "backup did not run at 02:30: run 4711 was still active
 * (concurrency: forbid)". */
void say_run(const struct control *c, const struct run_info *r, char *buf, size_t size);
