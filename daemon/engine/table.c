/* The tables: jobs by name (a hash, and a list in order), unfinished runs by number.  They know nothing of what a job or a run does. */
#include "engine/internal.h"

void *engine_alloc(size_t size)
{
        void *p = calloc(1, size);

        if (!p)
                abort();
        return p;
}

void *engine_realloc(void *p, size_t n, size_t size)
{
        p = reallocarray(p, n, size);
        if (!p)
                abort();
        return p;
}

/* ---- jobs */

static uint32_t hash_of(const char *name)
{
        uint32_t h = 2166136261u; /* FNV-1a */

        for (; *name; name++)
                h = (h ^ (unsigned char)*name) * 16777619u;
        return h ^ h >> 15;
}

/* The slot of that name, or the free one where it would go. */
static struct job_slot *find_slot(const struct job_index *x, const char *name, uint32_t hash)
{
        size_t i = hash & (x->n_slots - 1);

        while (x->slots[i].place &&
               (x->slots[i].hash != hash || strcmp(x->v[x->slots[i].place - 1]->name, name) != 0))
                i = (i + 1) & (x->n_slots - 1);
        return &x->slots[i];
}

/* At most three quarters full. */
static void grow_slots(struct job_index *x)
{
        struct job_slot *old = x->slots;
        size_t n_old = x->n_slots;

        if (x->n < n_old / 4 * 3)
                return;
        x->n_slots = n_old ? 2 * n_old : 64;
        x->slots = engine_alloc(x->n_slots * sizeof(*x->slots));
        for (size_t k = 0; k < n_old; k++) {
                size_t i = old[k].hash & (x->n_slots - 1);

                if (!old[k].place)
                        continue;
                while (x->slots[i].place)
                        i = (i + 1) & (x->n_slots - 1);
                x->slots[i] = old[k];
        }
        free(old);
}

struct ejob *job_lookup(struct engine *e, const char *name)
{
        const struct job_slot *s = e->jobs.n > 0 ? find_slot(&e->jobs, name, hash_of(name)) : NULL;

        return s && s->place ? e->jobs.v[s->place - 1] : NULL;
}

struct ejob *job_add(struct engine *e, const char *name)
{
        size_t size = strlen(name) + 1;
        struct ejob *ej = engine_alloc(sizeof(*ej) + size);
        struct job_index *x = &e->jobs;
        uint32_t hash = hash_of(name);

        memcpy(ej->name, name, size);
        ej->due_index = HEAP_NONE;
        ej->next = ej->wake = WALL_NEVER;
        ej->fixed_after = WALL_ALWAYS;
        ej->enabled_override = -1;
        if (x->n == x->allocated) {
                x->allocated = MAX(x->allocated + x->allocated / 4, (size_t)64);
                x->v = engine_realloc(x->v, x->allocated, sizeof(*x->v));
        }
        grow_slots(x);
        x->v[x->n++] = ej;
        *find_slot(x, name, hash) = (struct job_slot){ hash, (uint32_t)x->n };
        return ej;
}

static int by_name(const void *a, const void *b)
{
        return strcmp((*(struct ejob *const *)a)->name, (*(struct ejob *const *)b)->name);
}

void sort_jobs(struct engine *e)
{
        struct ejob *ej;

        if (!e->sorted_stale)
                return;
        if (e->sorted_allocated < e->n_jobs) {
                e->sorted_allocated = e->n_jobs + e->n_jobs / 4;
                e->sorted = engine_realloc(e->sorted, e->sorted_allocated, sizeof(*e->sorted));
        }
        e->n_sorted = 0;
        EACH_JOB(e, ej)
                if (ej->def)
                        e->sorted[e->n_sorted++] = ej;
        assert(e->n_sorted == e->n_jobs);
        if (e->n_sorted > 0) /* qsort() takes no NULL */
                qsort(e->sorted, e->n_sorted, sizeof(*e->sorted), by_name);
        e->sorted_stale = false;
}

size_t sorted_place(const struct engine *e, const char *name)
{
        size_t lo = 0, hi = e->n_sorted;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (strcmp(e->sorted[mid]->name, name) < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

/* A job came into force: the list stays in order, so that one change among many jobs costs no sort. */
void sorted_add(struct engine *e, struct ejob *ej)
{
        size_t i;

        if (e->sorted_stale)
                return;
        if (e->n_sorted == e->sorted_allocated) {
                e->sorted_allocated = MAX(e->sorted_allocated + e->sorted_allocated / 4, (size_t)16);
                e->sorted = engine_realloc(e->sorted, e->sorted_allocated, sizeof(*e->sorted));
        }
        i = sorted_place(e, ej->name);
        memmove(&e->sorted[i + 1], &e->sorted[i], (e->n_sorted - i) * sizeof(*e->sorted));
        e->sorted[i] = ej;
        e->n_sorted++;
}

void sorted_remove(struct engine *e, const struct ejob *ej)
{
        size_t i;

        if (e->sorted_stale)
                return;
        i = sorted_place(e, ej->name);
        assert(i < e->n_sorted && e->sorted[i] == ej);
        e->n_sorted--;
        memmove(&e->sorted[i], &e->sorted[i + 1], (e->n_sorted - i) * sizeof(*e->sorted));
}

/* ---- unfinished runs, in order of number */

size_t slot_lower_bound(const struct engine *e, uint64_t id)
{
        size_t lo = 0, hi = e->n_slots;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (e->slots[mid].id < id)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

struct erun *run_find(struct engine *e, uint64_t id)
{
        size_t i = slot_lower_bound(e, id);

        return i < e->n_slots && e->slots[i].id == id ? e->slots[i].run : NULL;
}

void slot_add(struct engine *e, struct erun *r)
{
        size_t i;

        if (e->n_slots == e->slots_allocated) {
                e->slots_allocated = MAX(e->slots_allocated * 2, (size_t)64);
                e->slots = engine_realloc(e->slots, e->slots_allocated, sizeof(*e->slots));
        }
        i = e->n_slots > 0 && e->slots[e->n_slots - 1].id > r->info.id ? slot_lower_bound(e, r->info.id) : e->n_slots;
        memmove(&e->slots[i + 1], &e->slots[i], (e->n_slots - i) * sizeof(*e->slots));
        e->slots[i] = (struct run_slot){ .id = r->info.id, .run = r };
        e->n_slots++;
        e->n_runs++;
}

void slot_remove(struct engine *e, struct erun *r)
{
        size_t i = slot_lower_bound(e, r->info.id), kept = 0;

        assert(i < e->n_slots && e->slots[i].run == r);
        e->slots[i].run = NULL;
        e->n_runs--;
        if (e->n_slots < 64 || e->n_runs > e->n_slots / 2)
                return;
        for (i = 0; i < e->n_slots; i++)
                if (e->slots[i].run)
                        e->slots[kept++] = e->slots[i];
        e->n_slots = kept;
}
