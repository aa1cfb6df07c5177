/* Inside calendar/: schedules with `exclude`, `move` or `dst: skip` (schedule_is_special()).  Pure. */
#pragma once
#include "calendar/schedule.h"

/* Those of schedule.h, without its quick way for schedules that have nothing of it.  `fates`: bits 1 << enum
 * schedule_fate of what is looked for. */
int moments_next(const struct schedule *s, struct wall after, struct wall fixed_after, unsigned fates,
                 struct schedule_moment *ret);
int moments_last(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until, unsigned fates,
                 struct wall *ret);
void moments_walk(const struct schedule *s, struct wall after, struct wall fixed_after, struct wall until,
                  schedule_part_fn *part, void *arg);
