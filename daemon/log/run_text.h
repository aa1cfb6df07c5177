/* What the log says of a run, in one sentence for people.  Pure. */
#pragma once
#include <stddef.h>

#include "calendar/tz.h"
#include "engine/run.h"

/* "backup: run 7 failed: exit code 3".  Cut off at `size`; returns the length. */
size_t run_text(const struct run_info *r, const struct tz *zone, char *buf, size_t size);
