/* Invariants of each step: what the engine starts, stops, answers and makes known, and how runs end. */
#include <string.h>

#include "sim.h"

void check_start(struct sim *s, const struct action *act)
{
        const struct run_info *n = act->start.run;
        struct srun *r = n ? srun_find(s, n->id) : NULL;
        const struct job *d = act->start.job;
        int64_t longest;

        if (!r || !d)
                fail(s, "START of an unknown run");
        trace(s, "%s START %lld.%lld", r->job->name, (int64_t)n->id, n->start, 0, 0);
        s->count.started++;
        if (!r->has_du || r->du.state != RUN_STARTING || r->du.start != n->start || r->start_seq > s->store.told)
                fail(s, "START of %llu.%u before its row is known to be durable", (unsigned long long)n->id, n->start);
        if (s->degraded || s->shutdown || s->in_config)
                fail(s, "START of %llu.%u %s", (unsigned long long)n->id, n->start,
                     s->degraded ? "while nothing can be written" : s->shutdown ? "in a shutdown" : "by a reload");
        if (r->em.state != RUN_STARTING || r->em.start != n->start)
                fail(s, "START of %llu.%u, which is %s", (unsigned long long)n->id, n->start,
                     run_state_name(r->em.state));
        if (r->cancel_asked)
                fail(s, "START of %llu.%u after it was cancelled", (unsigned long long)n->id, n->start);
        if (!r->job->force && r->n_a == 0)
                fail(s, "START of %llu.%u of a removed job", (unsigned long long)n->id, n->start);
        for (size_t i = 0; i < r->n_a; i++) {
                const struct attempt *a = &r->a[i];

                if (a->start >= n->start)
                        fail(s, "START of %llu.%u a second time", (unsigned long long)n->id, n->start);
                if (a->state == ATT_SENT || a->state == ATT_CREATED || a->state == ATT_RUNNING)
                        fail(s, "START of %llu.%u while %llu.%u lives", (unsigned long long)n->id, n->start,
                             (unsigned long long)n->id, a->start);
        }
        r->sent_start = n->start;
        if (++s->n_sent > s->options.max_starting)
                fail(s, "START of %llu.%u: %u runs are starting, %u are allowed", (unsigned long long)n->id, n->start,
                     s->n_sent, s->options.max_starting);
        if (memcmp(d->digest, r->em.digest, 32) != 0 || !store_definition(s, d->digest))
                fail(s, "START of %llu.%u by a definition that is not kept", (unsigned long long)n->id, n->start);
        if (act->start.attempt != attempts_of(r) + 1)
                fail(s, "START of %llu.%u as attempt %u after %u attempts", (unsigned long long)n->id, n->start,
                     act->start.attempt, attempts_of(r));
        longest = MIN(d->policy->timeout_usec, d->policy->total_timeout_usec);
        if (act->start.timeout_usec > longest || act->start.timeout_usec <= 0)
                fail(s, "START of %llu.%u with a timeout of %lld us, expected at most %lld", (unsigned long long)n->id,
                     n->start, (long long)act->start.timeout_usec, (long long)longest);
        if (act->start.timeout_usec < longest && !act->start.timeout_is_total)
                fail(s, "START of %llu.%u is cut short by no total_timeout", (unsigned long long)n->id, n->start);
        if (d->policy->timeout_usec < act->start.timeout_usec && act->start.timeout_is_total)
                fail(s, "START of %llu.%u calls its timeout a total one", (unsigned long long)n->id, n->start);
}

void check_stop(struct sim *s, const struct action *act)
{
        struct srun *r = srun_find(s, act->stop.run);

        if (!r)
                return;
        trace(s, "%s STOP %lld.%lld, reason %lld", r->job ? r->job->name : "?", (int64_t)r->id, act->stop.start,
              act->stop.reason, 0);
        if (s->in_config)
                fail(s, "STOP of %llu.%u by a reload", (unsigned long long)r->id, act->stop.start);
        if (act->stop.reason == REASON_USER && !r->cancel_asked)
                fail(s, "STOP of %llu.%u for a user who did not ask", (unsigned long long)r->id, act->stop.start);
        if (act->stop.reason == REASON_REPLACED && r->job->force && r->job->force->policy->concurrency != CONCURRENCY_REPLACE)
                fail(s, "STOP of %llu.%u: replaced, but its job does not replace", (unsigned long long)r->id,
                     act->stop.start);
}

void check_reply(struct sim *s, const struct action *act)
{
        struct command_model *m;
        struct srun *r;

        if (act->reply.command == 0 || act->reply.command > s->n_commands)
                fail(s, "a reply to no command (%llu)", (unsigned long long)act->reply.command);
        m = &s->commands[act->reply.command - 1];
        trace(s, "%s reply to command %lld: code %lld, run %lld, durable %lld", m->job, (int64_t)act->reply.command,
              act->reply.code, (int64_t)act->reply.run, act->reply.durable);
        if (m->replied)
                fail(s, "a second reply to command %llu", (unsigned long long)act->reply.command);
        if (m->life != s->life)
                fail(s, "a reply to a command of another life");
        m->replied = true;
        if ((act->reply.code == ERROR_NONE) == (act->reply.message != NULL))
                fail(s, "a reply with code %s and %s message", error_code_name(act->reply.code),
                     act->reply.message ? "a" : "no");
        if (act->reply.code != ERROR_NONE)
                return;
        if (s->degraded && (m->c.type == COMMAND_RUN || m->c.type == COMMAND_BACKFILL))
                fail(s, "a run is made while nothing can be written");
        if (act->reply.command == s->command_now)
                m->seq = s->store.emitted;
        if (act->reply.durable && m->seq > s->store.told)
                fail(s, "a reply before it is durable: unit %llu, told of %llu", (unsigned long long)m->seq,
                     (unsigned long long)s->store.told);
        if (!act->reply.durable && !s->degraded)
                fail(s, "a reply that is not durable though the state can be written");
        r = act->reply.run ? srun_find(s, act->reply.run) : NULL;
        if ((m->c.type == COMMAND_RUN || m->c.type == COMMAND_BACKFILL) && act->reply.durable && !(r && r->has_du) &&
            !(act->reply.run < s->n_runs && s->settled[act->reply.run].state))
                fail(s, "run %llu was promised and is not there", (unsigned long long)act->reply.run);
        if (m->c.type == COMMAND_CANCEL && act->reply.durable && (r = srun_find(s, m->c.run)) && r->has_du &&
            !run_state_ends(r->du.state) && !(r->du.flags & RUN_STOPPING))
                fail(s, "the cancel of run %llu was promised and is not there", (unsigned long long)m->c.run);
}

void check_publish(struct sim *s, const struct action *act)
{
        struct srun *r = srun_find(s, act->publish.id);

        if (r && (!r->has_du || (run_state_ends(act->publish.state) && r->du.state != act->publish.state)))
                fail(s, "run %llu is published as %s before that is durable", (unsigned long long)r->id,
                     run_state_name(act->publish.state));
        if (!r && act->publish.id < s->n_runs && !s->settled[act->publish.id].state)
                fail(s, "run %llu is published and was never seen", (unsigned long long)act->publish.id);
}

/* ---- ends: the row against the kernel */
static void check_retry_refused(struct sim *s, const struct srun *r, const struct job *d, enum run_reason why)
{
        const struct attempt *a = attempt_find((struct srun *)r, r->du.start);

        if (r->cancel_asked || r->was_told_to_stop || (r->du.flags & RUN_STOPPING) || !d ||
            d->policy->total_timeout_usec != USEC_INFINITY || !(d->policy->retry.reasons & RETRY_BIT(why)))
                return;
        if (why == REASON_EXIT && d->policy->retry.exit_codes && !code_set_has(d->policy->retry.exit_codes, (unsigned)(a->status >> 8)))
                return;
        if (r->du.attempt <= d->policy->retry.limit)
                fail(s, "run %llu ends as %s (%s) after attempt %u, %u retries are asked for",
                     (unsigned long long)r->id, run_state_name(r->du.state), run_reason_name(r->du.reason),
                     r->du.attempt, d->policy->retry.limit);
        if (d->policy->retry.limit > 0 && !(r->du.flags & RUN_DEAD))
                fail(s, "run %llu has used up its attempts and is not dead", (unsigned long long)r->id);
}

void check_end(struct sim *s, const struct srun *r)
{
        const struct run_info *n = &r->du;
        const struct attempt *a = attempt_find((struct srun *)r, n->start);
        const struct job *d = a ? a->definition : NULL;
        bool self = a && a->state == ATT_EXITED && a->cause == END_SELF;
        int code = self && !(a->status & 0x7f) ? a->status >> 8 : -1;
        bool good = true;

        for (size_t i = 0; i < r->n_a; i++)
                if (r->a[i].state == ATT_CREATED || r->a[i].state == ATT_RUNNING)
                        fail(s, "run %llu is %s, and %llu.%u lives", (unsigned long long)r->id,
                             run_state_name(n->state), (unsigned long long)r->id, r->a[i].start);
        switch (n->state) {
        case RUN_SUCCEEDED:
                good = a && a->state == ATT_EXITED && a->status == n->wait_status && !(a->status & 0x7f) &&
                       (d && d->policy->success_codes ? code_set_has(d->policy->success_codes, (unsigned)(a->status >> 8))
                                              : a->status == 0);
                break;
        case RUN_FAILED:
                if (n->reason == REASON_EXIT)
                        good = code > 0 && n->wait_status == a->status;
                else if (n->reason == REASON_SIGNAL)
                        good = a && a->state == ATT_EXITED && (a->status & 0x7f) && n->wait_status == a->status;
                else if (n->reason == REASON_SPAWN)
                        good = (a && a->state == ATT_EXECFAIL && n->stage == STAGE_EXEC) ||
                               (a && a->state == ATT_FAULT && n->stage == STAGE_FORK);
                else
                        good = false;
                if (good && a->state != ATT_FAULT)
                        check_retry_refused(s, r, d, n->reason);
                break;
        case RUN_TIMED_OUT:
                good = n->reason == REASON_TOTAL_TIMEOUT ||
                       (n->reason == REASON_TIMEOUT && a && a->state == ATT_EXITED && a->cause == END_TIMEOUT &&
                        n->wait_status == a->status);
                if (good && n->reason == REASON_TIMEOUT)
                        check_retry_refused(s, r, d, n->reason);
                break;
        case RUN_LOST:
                good = a &&
                       ((n->reason == REASON_REBOOT && a->reboot) ||
                        (n->reason == REASON_SUPERVISOR && a->state == ATT_LOST)) &&
                       n->wait_status == RUN_NO_STATUS;
                break;
        case RUN_CANCELLED:
                good = n->reason == REASON_USER || n->reason == REASON_REMOVED || n->reason == REASON_REPLACED ||
                       (n->reason == REASON_SHUTDOWN && r->was_told_to_stop);
                break;
        case RUN_SKIPPED:
                good = n->reason != REASON_EXIT_CODE || (code >= 0 && d && code_set_has(d->policy->skip_codes, (unsigned)code));
                break;
        case RUN_MISSED: break;
        case RUN_WAITING:
        case RUN_QUEUED:
        case RUN_STARTING:
        case RUN_RUNNING:
        case RUN_BACKOFF:
        case RUN_STATE_NR:
        case RUN_STATE_INVALID:
        default: good = false;
        }
        if (!good)
                fail(s,
                     "run %llu: the row says %s (%s), status %d, stage %d; the kernel: state %d, status %d, cause %d",
                     (unsigned long long)r->id, run_state_name(n->state), run_reason_name(n->reason), n->wait_status,
                     n->stage, a ? (int)a->state : -1, a ? a->status : 0, a ? (int)a->cause : -1);
        if (a && n->state != RUN_LOST && a->state != ATT_LOST && !a->reboot && n->attempt != attempts_of(r))
                fail(s, "run %llu: %u attempts, the row says %u", (unsigned long long)r->id, attempts_of(r),
                     n->attempt);
}
