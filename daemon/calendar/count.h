/* Inside calendar/: counting on the local clock. */
#pragma once
#include "calendar/schedule.h"

/* How many local times in first … last (both included, as if UTC) match one of the schedule's interval expressions,
 * or (`interval` false) one of its fixed ones, @at with a local time among them.  *ret_earliest is the first of them,
 * where there is one. */
uint64_t count_local(const struct schedule *s, bool interval, int64_t first, int64_t last, int64_t *ret_earliest);
