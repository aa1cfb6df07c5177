/* Rows of instants that do not run: consecutive ones of one cause are one row that grows. */
#include "engine/internal.h"

void range_close(struct ejob *ej)
{
        free(ej->range);
        ej->range = NULL;
}

/* `count` instants from `from` to `until` that do not run, for one reason: extends the row before it when that has the
 * same reason, or makes a new one. */
void range_add(struct engine *e, struct ejob *ej, enum run_trigger trigger, enum run_state state, enum run_reason reason,
               struct wall from, struct wall until, uint64_t count, uint64_t cause)
{
        struct row row = { .type = ROW_RUN };
        struct erange *g = ej->range;

        if (g && g->info.state == state && g->info.reason == reason && g->info.trigger == trigger && g->info.cause_run == cause && g->info.epoch == ej->epoch &&
            g->info.scheduled_until.usec < from.usec && g->info.count > 0 && count > 0) {
                g->info.scheduled_until = until;
                g->info.count += count;
                g->info.ended_at = e->now;
                row.run = g->info;
                out_row(e, &row);
                return;
        }
        if (!g)
                g = ej->range = engine_alloc(sizeof(*g));
        g->info = (struct run_info){
                .id = e->next_run++, .job_id = ej->id, .job = ej->name, .state = state, .reason = reason,
                .trigger = trigger, .epoch = ej->epoch, .scheduled_at = from, .scheduled_until = until, .count = count,
                .created_at = e->now, .queued_at = WALL_NEVER, .started_at = WALL_NEVER, .first_started_at = WALL_NEVER,
                .ended_at = e->now, .retry_at = WALL_NEVER, .wait_status = RUN_NO_STATUS, .cause_run = cause,
                .by_uid = reason == REASON_PAUSED && ej->pause ? ej->pause->by : UINT32_MAX,
        };
        row.run = g->info;
        out_row(e, &row);
        out_transition(e, &g->info);
        out_publish(e, &g->info, NULL);
}
