/* Steps of the wall clock, told from its progress beside the boot clock, which never jumps.
 *
 *   forward            instants in between passed without being taken up: catch_up decides (due.c)
 *   back, under 60 s   nothing repeats: the watermarks stay where they are
 *   back, up to 3 h    fixed expressions do not repeat, intervals go on at the new time, in a new epoch (as crond does)
 *   back, over 3 h     a correction: everything goes on at the new time, in a new epoch */
#include "engine/internal.h"

/* Everything from here on happens in a new epoch.  `all`: fixed expressions begin again too. */
static void new_epoch(struct engine *e, bool all)
{
        struct ejob *ej;

        e->epoch++;
        e->high = e->now;
        EACH_JOB(e, ej) {
                struct wall was = ej->watermark;

                if (ej->after && ej->after->base.usec > e->now.usec && ej->def) {
                        instants_begin(e, ej, e->now);
                        instants_arm(e, ej);
                }
                if (ej->watermark.usec <= e->now.usec)
                        continue;
                ej->epoch = e->epoch;
                ej->watermark = e->now;
                if (all)
                        ej->fixed_after = WALL_ALWAYS;
                else if (was.usec > ej->fixed_after.usec)
                        ej->fixed_after = was;
                range_close(ej);
                out_job(e, ej);
                if (ej->def)
                        instants_arm(e, ej);
        }
}

const char *engine_step_text(int64_t by_usec)
{
        if (by_usec >= 0)
                return "what it passed over is caught up as each job's catch_up says";
        if (-by_usec < BACK_SMALL_USEC)
                return "nothing repeats";
        if (-by_usec <= BACK_LARGE_USEC)
                return "fixed expressions repeat nothing, those that follow the clock go on at the new time";
        return "everything goes on at the new time";
}

static void stepped_back(struct engine *e, int64_t by_usec)
{
        if (by_usec < BACK_SMALL_USEC)
                return;
        new_epoch(e, by_usec > BACK_LARGE_USEC);
}

/* Takes note of an event's clocks.  The boot clock may come late from another thread's reading, never back. */
void clock_look(struct engine *e, struct wall wall, struct mono mono)
{
        struct wall before = e->now;
        int64_t drift;

        if (mono.usec < e->mono.usec)
                mono = e->mono;
        if (!e->seen_clock) {
                e->seen_clock = true;
                e->now = e->high = wall;
                e->mono = mono;
                return;
        }
        drift = (wall.usec - before.usec) - (mono.usec - e->mono.usec);
        if (drift > STEP_MIN_USEC) {
                e->jump_from = (struct wall){ before.usec + (mono.usec - e->mono.usec) };
                e->jump_to = wall;
        }
        e->now = wall;
        e->mono = mono;
        if (e->up_since.usec > wall.usec)
                e->up_since = wall;
        if (wall.usec >= e->high.usec) {
                e->high = wall;
                return;
        }
        if (e->loaded && !e->clock_waiting)
                stepped_back(e, e->high.usec - wall.usec);
}

static struct wall latest_watermark(struct engine *e)
{
        struct wall max = WALL_ALWAYS;
        struct ejob *ej;

        EACH_JOB(e, ej)
                if (!ej->removed && ej->watermark.usec > max.usec)
                        max = ej->watermark;
        return max;
}

/* The daemon starts: the state may know of a later time than the clock shows. */
void clock_at_load(struct engine *e)
{
        struct wall seen = latest_watermark(e);
        int64_t behind;

        e->up_since = e->now;
        e->high = e->now;
        if (seen.usec <= e->now.usec)
                return;
        behind = seen.usec - e->now.usec;
        if (behind <= BACK_LARGE_USEC) {
                if (behind < BACK_SMALL_USEC)
                        e->high = seen;
                stepped_back(e, behind);
                return;
        }
        e->clock_waiting = true;
        e->clock_wait_for = seen;
        e->clock_wait_until = mono_add(e->mono, e->opt.clock_wait_usec);
}

/* Ends the wait for a clock that was behind the state at the start, when it was set or the patience is over. */
void clock_wait_over(struct engine *e)
{
        if (!e->clock_waiting)
                return;
        if (e->now.usec >= e->clock_wait_for.usec) {
                e->clock_waiting = false;
                /* What passed while the clock was wrong passed while we were down. */
                e->up_since = e->now;
                e->high = e->now;
        } else if (e->mono.usec >= e->clock_wait_until.usec) {
                e->clock_waiting = false;
                e->up_since = e->now;
                new_epoch(e, true);
        }
}
