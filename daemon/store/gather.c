/* Rows are copied here on the loop's thread, and wait for the writer. */
#include <assert.h>
#include <errno.h>

#include "store/internal.h"

/* A new chunk at the chain's head. */
static struct chunk *add_chunk(struct store *s, size_t need)
{
        struct chunk *c = NULL;
        size_t size = MAX(need, STORE_CHUNK_SIZE);

        pthread_mutex_lock(&s->lock);
        if (size == STORE_CHUNK_SIZE && s->free_chunks) {
                c = s->free_chunks;
                s->free_chunks = c->next;
                s->n_free_chunks--;
        }
        pthread_mutex_unlock(&s->lock);
        if (!c)
                c = malloc(sizeof(*c) + size);
        if (!c)
                return NULL;

        c->next = NULL;
        c->used = 0;
        c->size = size;
        pthread_mutex_lock(&s->lock);
        if (s->gather.chunk)
                s->gather.chunk->next = c;
        else
                s->tail = c;
        pthread_mutex_unlock(&s->lock);
        s->gather.chunk = c;
        return c;
}

static void *take(struct chunk *c, size_t size)
{
        void *p = c->data + c->used;

        c->used += (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
        assert(c->used <= c->size);
        return p;
}

/* Room for `size` bytes in `parts` pieces, in one chunk. */
static struct chunk *reserve(struct store *s, size_t size, unsigned parts)
{
        struct chunk *c = s->gather.chunk;
        size_t need = size + parts * _Alignof(max_align_t);

        return c && c->size - c->used >= need ? c : add_chunk(s, need);
}

static const char *copy_text(struct chunk *c, const char *text, size_t size)
{
        return text ? memcpy(take(c, size + 1), text, size + 1) : NULL;
}

static size_t text_size(const char *text)
{
        return text ? strlen(text) : 0;
}

static size_t record_size(enum row_type type)
{
#define UP_TO(member) (offsetof(struct record, member) + sizeof(((struct record *)NULL)->member))
        static const size_t sizes[ROW_NR] = {
                [ROW_JOB] = UP_TO(job),
                [ROW_RUN] = UP_TO(run),
                [ROW_TRANSITION] = UP_TO(transition),
                [ROW_DEFINITION] = UP_TO(definition),
                [ROW_FILE] = UP_TO(file),
                [ROW_BOOT] = UP_TO(boot),
        };
#undef UP_TO
        return sizes[type];
}

struct sizes {
        size_t a, b; /* of the row's texts */
};

static struct sizes measure(const struct row *row, size_t definition_size)
{
        switch (row->type) {
        case ROW_JOB:
                return (struct sizes){ text_size(row->job.name), text_size(row->job.pause_why) };
        case ROW_RUN:
                return (struct sizes){ text_size(row->run.user), 0 };
        case ROW_DEFINITION:
                return (struct sizes){ text_size(row->definition->name), definition_size };
        case ROW_FILE:
                return (struct sizes){ text_size(row->file.path), row->file.text ? row->file.size : 0 };
        case ROW_BOOT:
                return (struct sizes){ text_size(row->boot), 0 };
        case ROW_TRANSITION:
        case ROW_NR:
                break;
        }
        return (struct sizes){ 0, 0 };
}

static void *copy_bytes(struct chunk *c, const void *data, size_t size)
{
        void *p = take(c, size + 1);

        return size > 0 ? memcpy(p, data, size) : p;
}

static void copy_row(struct chunk *c, struct record *rec, const struct row *row, struct sizes size,
                     const char *definition)
{
        switch (row->type) {
        case ROW_JOB:
                rec->job = row->job;
                rec->job.name = copy_text(c, row->job.name, size.a);
                rec->job.pause_why = copy_text(c, row->job.pause_why, size.b);
                break;
        case ROW_RUN:
                rec->run = row->run;
                rec->run.job = NULL; /* the job's row has the name */
                rec->run.user = copy_text(c, row->run.user, size.a);
                break;
        case ROW_TRANSITION:
                rec->transition.run = row->transition.run;
                rec->transition.t = (struct transition){
                        .at = row->transition.at, .state = row->transition.state, .reason = row->transition.reason,
                        .start = row->transition.start, .wait_status = row->transition.wait_status,
                        .stage = row->transition.stage, .error = row->transition.error,
                };
                break;
        case ROW_DEFINITION:
                memcpy(rec->definition.digest, row->definition->digest, sizeof(rec->definition.digest));
                rec->definition.job = copy_text(c, row->definition->name, size.a);
                rec->definition.text = copy_bytes(c, definition, size.b);
                rec->definition.size = size.b;
                rec->definition.owner = row->definition->source ? row->definition->source->uid : UINT32_MAX;
                break;
        case ROW_FILE:
                rec->file = row->file;
                rec->file.path = copy_text(c, row->file.path, size.a);
                rec->file.text = row->file.text ? copy_bytes(c, row->file.text, size.b) : NULL;
                break;
        case ROW_BOOT:
                rec->boot = copy_text(c, row->boot, size.a);
                break;
        case ROW_NR:
                break;
        }
}

/* Who waits for this row? */
static enum haste row_haste(struct gather *g, const struct row *row)
{
        if (row->type == ROW_RUN) {
                bool new = row->run.id > g->last_run;

                g->last_run = MAX(g->last_run, row->run.id);
                if (row->run.trigger != TRIGGER_MANUAL && row->run.trigger != TRIGGER_BACKFILL)
                        return HASTE_LAZY;
                return new ? HASTE_NOW : run_state_ends(row->run.state) ? HASTE_SOON : HASTE_LAZY;
        }
        if (row->type == ROW_TRANSITION)
                return row->transition.state == RUN_WAITING || row->transition.state == RUN_QUEUED ||
                                       row->transition.state == RUN_STARTING
                               ? HASTE_SOON
                               : HASTE_LAZY;
        return HASTE_LAZY;
}

static struct unit *open_unit(struct store *s, struct chunk *c, uint64_t seq)
{
        struct gather *g = &s->gather;
        struct unit *u = g->last;

        if (u && u->seq == seq)
                return u;
        assert(!u || seq > u->seq);
        u = take(c, sizeof(*u));
        *u = (struct unit){ .seq = seq };
        if (g->last)
                g->last->next = u;
        else
                g->first = u;
        g->last = u;
        return u;
}

int store_put(struct store *s, uint64_t seq, const struct row *row, const char *definition, size_t definition_size)
{
        struct sizes size = measure(row, definition_size);
        struct record *rec;
        struct chunk *c;
        struct unit *u;

        assert((unsigned)row->type < ROW_NR);
        assert(row->type != ROW_DEFINITION || definition || definition_size == 0);
        if (size.a > INT32_MAX / 4 || size.b > INT32_MAX / 4)
                return -ENOMEM;
        c = reserve(s, sizeof(struct unit) + record_size(row->type) + size.a + 1 + size.b + 1, 4);
        if (!c)
                return -ENOMEM;

        u = open_unit(s, c, seq);
        rec = take(c, record_size(row->type));
        rec->next = NULL;
        rec->type = row->type;
        rec->superseded = false;
        copy_row(c, rec, row, size, definition);

        if (u->last)
                u->last->next = rec;
        else
                u->first = rec;
        u->last = rec;
        u->last_chunk = c;
        u->rows++;
        u->haste = MAX(u->haste, row_haste(&s->gather, row));
        u->has_run |= row->type == ROW_RUN;
        return 0;
}

/* Wakes the writer where it would otherwise sleep too long. */
static bool writer_must_wake(const struct store *s)
{
        switch (s->writer_sleep) {
        case WRITER_BUSY:
                return false;
        case WRITER_GATHERS:
                return s->pending_haste > s->writer_haste || s->pending_rows >= STORE_TXN_ROWS;
        case WRITER_IDLE:
                break;
        }
        return true;
}

static void submit_unit(struct store *s, struct unit *u, int64_t now)
{
        /* No run in it: a change that a client asked for, or files. */
        if (!u->has_run)
                u->haste = HASTE_NOW;
        u->submitted_usec = now;
        u->next = NULL;
        if (!s->pending || u->haste > s->pending_haste) {
                s->pending_haste = u->haste;
                s->pending_since = now;
        }
        if (u->haste == s->pending_haste)
                s->pending_newest = now;
        *s->pending_last = u;
        s->pending_last = &u->next;
        s->pending_rows += u->rows;
}

void store_submit(struct store *s, uint64_t seq)
{
        struct gather *g = &s->gather;
        int64_t now = store_now_usec();

        pthread_mutex_lock(&s->lock);
        while (g->first && g->first->seq <= seq) {
                struct unit *u = g->first;

                g->first = u->next;
                submit_unit(s, u, now);
        }
        if (!g->first)
                g->last = NULL;
        s->submitted_seq = MAX(s->submitted_seq, seq);
        if (writer_must_wake(s))
                pthread_cond_signal(&s->work);
        pthread_mutex_unlock(&s->lock);
}

/* What is left, as if it had come now.  Of a long backlog the next part is taken at once anyway, so it is not
 * walked. */
static void judge_pending(struct store *s)
{
        s->pending_haste = HASTE_LAZY;
        if (s->pending_rows >= STORE_TXN_ROWS)
                return;
        for (struct unit *u = s->pending; u; u = u->next) {
                if (u == s->pending || u->haste > s->pending_haste) {
                        s->pending_haste = u->haste;
                        s->pending_since = u->submitted_usec;
                }
                if (u->haste == s->pending_haste)
                        s->pending_newest = u->submitted_usec;
        }
}

/* Whole units, oldest first, with at most max_rows rows but at least one unit.  NULL: none. */
struct unit *gather_take(struct store *s, uint32_t max_rows, struct unit **ret_last)
{
        struct unit *first = s->pending, *last = NULL;
        uint32_t rows = 0;

        for (struct unit *u = first; u && (!last || rows + u->rows <= max_rows); u = u->next) {
                rows += u->rows;
                last = u;
        }
        if (!last)
                return NULL;
        s->pending = last->next;
        last->next = NULL;
        s->pending_rows -= rows;
        if (!s->pending)
                s->pending_last = &s->pending;
        judge_pending(s);
        *ret_last = last;
        return first;
}

/* Everything up to and including `last` is durable: its memory goes, but for the chunk it shares with what follows. */
void gather_release(struct store *s, const struct unit *last)
{
        const struct chunk *keep = last->last_chunk;

        while (s->tail != keep) {
                struct chunk *c = s->tail;

                s->tail = c->next;
                if (c->size == STORE_CHUNK_SIZE && s->n_free_chunks < STORE_CHUNKS_KEPT) {
                        c->next = s->free_chunks;
                        s->free_chunks = c;
                        s->n_free_chunks++;
                } else
                        free(c);
        }
}

static void free_chain(struct chunk *c)
{
        while (c) {
                struct chunk *next = c->next;

                free(c);
                c = next;
        }
}

void gather_free(struct store *s)
{
        free_chain(s->tail);
        free_chain(s->free_chunks);
        s->tail = s->free_chunks = NULL;
        s->gather = (struct gather){ 0 };
        free(s->keeps);
}
