/* job.next: the next instants of many jobs, merged in order of time.
 *
 * Jobs are gathered in slices on the loop's thread (their definitions are held by a reference and never change); the
 * instants are worked out and merged on the reader thread, where even a hundred thousand schedules hold up nothing but
 * other questions. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "calendar/schedule.h"
#include "calendar/timeparse.h"
#include "control/private.h"

#define INSTANTS_MAX 10000 /* in one answer */

struct candidate {
        struct job *job;
        struct wall fixed_after, paused_until;
        struct wall extra; /* the one that @after makes now; WALL_NEVER */
        struct wall at;    /* the next one to be given */
        size_t left;    /* so many more of this job; SIZE_MAX: no limit */
};

struct upcoming {
        struct wall at;
        char *odd; /* what daylight saving, or `move`, has done to it; NULL: nothing */
        size_t job;
};

struct next {
        struct scan scan;
        struct call *call;
        bool named; /* `jobs` was given: `n` is for each */
        bool no_memory;
        size_t n;
        uint64_t machine;
        struct wall from, to;
        struct candidate *v;
        size_t n_v, allocated;
        size_t *heap, n_heap;
        struct upcoming *found;
        size_t n_found;
};

static void next_free(void *data)
{
        struct next *x = data;

        for (size_t i = 0; i < x->n_v; i++)
                job_unref(x->v[i].job);
        for (size_t i = 0; i < x->n_found; i++)
                free(x->found[i].odd);
        scan_done(&x->scan);
        free(x->v);
        free(x->heap);
        free(x->found);
        free(x);
}

/* ---- on the reader thread */

static bool advance(const struct next *x, struct candidate *c, struct wall after)
{
        struct schedule s = job_schedule(c->job);

        /* Under a pause instants pass without a run. */
        if (after.usec < c->paused_until.usec)
                after = (struct wall){ c->paused_until.usec - 1 };
        if (schedule_next(&s, after, c->fixed_after, &c->at) < 0)
                c->at = WALL_NEVER;
        if (c->extra.usec > after.usec && c->extra.usec < c->at.usec)
                c->at = c->extra;
        return c->left > 0 && !wall_is_never(c->at) && c->at.usec <= x->to.usec;
}

static bool before(const struct next *x, size_t a, size_t b)
{
        const struct candidate *p = &x->v[a], *q = &x->v[b];

        return p->at.usec != q->at.usec ? p->at.usec < q->at.usec : a < b;
}

static void sift_down(struct next *x, size_t i)
{
        for (;;) {
                size_t child = 2 * i + 1, item = x->heap[i];

                if (child >= x->n_heap)
                        return;
                if (child + 1 < x->n_heap && before(x, x->heap[child + 1], x->heap[child]))
                        child++;
                if (!before(x, x->heap[child], item))
                        return;
                x->heap[i] = x->heap[child];
                x->heap[child] = item;
                i = child;
        }
}

/* NULL also where there is no memory: the instant itself is right. */
static char *say_odd(const struct job *job, struct wall at)
{
        struct schedule s = job_schedule(job);
        struct schedule_oddity odd;
        struct wall from;
        char text[64], why[80];

        if (schedule_moved_from(&s, at, &from)) {
                wall_print_local(from, s.zone, text, sizeof(text));
                (void)snprintf(why, sizeof(why), "moved from %s", text);
                return strdup(why);
        }
        return schedule_odd(&s, (struct wall){ at.usec - 1 }, at, &odd, 1) > 0 ? strdup(odd.why) : NULL;
}

static void merge(void *arg)
{
        struct call *call = arg;
        struct next *x = call->data;
        size_t max = x->named ? INSTANTS_MAX : MIN(x->n, (size_t)INSTANTS_MAX);

        for (size_t i = 0; i < x->n_v; i++) {
                x->v[i].left = x->named ? x->n : SIZE_MAX;
                if (advance(x, &x->v[i], x->from))
                        x->heap[x->n_heap++] = i;
        }
        for (size_t i = x->n_heap / 2; i-- > 0;)
                sift_down(x, i);
        while (x->n_heap > 0 && x->n_found < max) {
                struct candidate *c = &x->v[x->heap[0]];

                x->found[x->n_found++] = (struct upcoming){ .at = c->at, .odd = say_odd(c->job, c->at), .job = x->heap[0] };
                c->left -= c->left != SIZE_MAX;
                if (!advance(x, c, c->at))
                        x->heap[0] = x->heap[--x->n_heap];
                sift_down(x, 0);
        }
}

/* ---- on the loop's */

static void merged(void *arg)
{
        struct call *call = arg;
        const struct next *x = call->data;
        struct text t = { 0 };

        if (!call_gone(call)) {
                text_puts(&t, "{\"next\":[");
                for (size_t i = 0; i < x->n_found; i++) {
                        const struct job *job = x->v[x->found[i].job].job;
                        const char *name = job->name;
                        struct wall start = wall_add(x->found[i].at, job_delay(job, x->machine, x->found[i].at));
                        char at[64], begin[64];

                        wall_print_rfc3339(x->found[i].at, call->c->ctx.zone, 0, at, sizeof(at));
                        wall_print_rfc3339(start, call->c->ctx.zone, 3, begin, sizeof(begin));
                        text_printf(&t, "%s{\"at\":\"%s\",\"start\":\"%s\",\"job\":", i > 0 ? "," : "", at, begin);
                        text_json_string(&t, name, strlen(name));
                        text_puts(&t, ",\"odd\":");
                        if (x->found[i].odd)
                                text_json_string(&t, x->found[i].odd, strlen(x->found[i].odd));
                        else
                                text_puts(&t, "null");
                        text_puts(&t, "}");
                }
                text_puts(&t, "]}");
                call_result(call, &t);
        }
        call_unref(call);
}

static bool add_job(void *arg, const char *asked, const struct job_view *v)
{
        struct next *x = arg;
        struct candidate *more;

        if (!v->name || !v->job || v->job->n_entries == 0 || !HAS_RIGHT(peer_rights_view(x->call->conn, v), RIGHT_SEE))
                return true;
        /* What would not run has no next instant: it has to be enabled, resumed, repaired first. */
        if (!v->enabled || v->job->policy->blocked || (v->state.paused && wall_is_never(v->state.pause_until)))
                return true;
        if (x->n_v == x->allocated) {
                size_t allocated = x->allocated ? x->allocated * 2 : 64;

                more = reallocarray(x->v, allocated, sizeof(*more));
                if (!more) {
                        x->no_memory = true;
                        return false;
                }
                x->v = more;
                x->allocated = allocated;
        }
        x->v[x->n_v++] = (struct candidate){
                .job = job_ref((struct job *)v->job),
                .fixed_after = v->state.fixed_after,
                .extra = wall_is_never(v->state.after_base) ? WALL_NEVER : v->next,
                .paused_until = v->state.paused ? v->state.pause_until : (struct wall){ INT64_MIN },
        };
        return true;
}

static void go_merge(struct call *call)
{
        struct next *x = call->data;

        x->heap = calloc(x->n_v + 1, sizeof(*x->heap));
        x->found = calloc(x->named ? INSTANTS_MAX : MIN(x->n, (size_t)INSTANTS_MAX), sizeof(*x->found));
        if (!x->heap || !x->found) {
                call_error_memory(call);
                return;
        }
        if (store_offload(call->c->ctx.store, merge, merged, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}

static bool gather_slice(struct call *call)
{
        struct next *x = call->data;
        int r = scan_step(call->c, &x->scan, SLICE_JOBS, add_job, x);

        if (r < 0 || x->no_memory) {
                call_error_memory(call);
                return false;
        }
        if (r == 0)
                go_merge(call);
        return r > 0;
}

/* Names that mean nothing are an error; so that a typing mistake is no empty answer. */
static bool check_names(struct call *call, const struct scan *s)
{
        struct job_view v;

        for (size_t i = 0; s->exact && i < s->n; i++)
                if (!find_job(call, s->patterns[i], &v))
                        return false;
        return true;
}

void cmd_job_next(struct call *call)
{
        struct next *x = calloc(1, sizeof(*x));
        struct engine_stats stats;

        if (!x) {
                call_error_memory(call);
                return;
        }
        call->data = x;
        call->free_data = next_free;
        x->call = call;
        x->named = call_list(call, "jobs");
        engine_get_stats(call->c->ctx.engine, &stats);
        x->machine = stats.machine;
        x->n = (size_t)MIN(call_count(call, "n", 10), (uint64_t)INSTANTS_MAX);
        x->from = clock_wall();
        x->to = WALL_NEVER;
        (void)call_time(call, "from", &x->from);
        (void)call_time(call, "to", &x->to);
        if (scan_init(&x->scan, call_list(call, "jobs")) < 0) {
                call_error_memory(call);
                return;
        }
        if (!check_names(call, &x->scan))
                return;
        call_set_kind(call, CALL_PAGE);
        if (gather_slice(call))
                slice_add(call, gather_slice);
}
