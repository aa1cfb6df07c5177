#include "store/columns.h"

#include <errno.h>
#include <string.h>

#define COL(type, name, kind, field) { name, kind, 0, offsetof(struct type, field) }
#define COLW(type, name, kind, word, field) { name, kind, word, offsetof(struct type, field) }

/* The first one is the key. */
const struct column job_columns[] = {
        COL(job_state, "id", COLUMN_INT64, id),
        COL(job_state, "name", COLUMN_TEXT, name),
        COL(job_state, "watermark", COLUMN_WALL, watermark),
        COL(job_state, "fixed_after", COLUMN_WALL, fixed_after),
        COL(job_state, "epoch", COLUMN_UINT32, epoch),
        COL(job_state, "schedule_digest", COLUMN_INT64, schedule_digest),
        COL(job_state, "removed", COLUMN_BOOL, removed),
        COL(job_state, "last_success", COLUMN_WALL, last_success),
        COL(job_state, "enabled_override", COLUMN_INT8, enabled_override),
        COL(job_state, "paused", COLUMN_BOOL, paused),
        COL(job_state, "pause_hold", COLUMN_BOOL, pause_hold),
        COL(job_state, "paused_by", COLUMN_UID, paused_by),
        COL(job_state, "paused_at", COLUMN_WALL, paused_at),
        COL(job_state, "pause_until", COLUMN_WALL, pause_until),
        COL(job_state, "pause_why", COLUMN_TEXT, pause_why),
        COL(job_state, "after_base", COLUMN_WALL, after_base),
};
const size_t n_job_columns = sizeof(job_columns) / sizeof(job_columns[0]);

/* The first two are not changed by an update: `id` is the key, and `job` is in an index. */
const struct column run_columns[] = {
        COL(run_info, "id", COLUMN_INT64, id),
        COL(run_info, "job", COLUMN_INT64, job_id),
        COLW(run_info, "state", COLUMN_ENUM, WORD_STATE, state),
        COLW(run_info, "reason", COLUMN_ENUM, WORD_REASON, reason),
        COLW(run_info, "trigger", COLUMN_ENUM, WORD_TRIGGER, trigger),
        COL(run_info, "flags", COLUMN_UINT32, flags),
        COL(run_info, "epoch", COLUMN_UINT32, epoch),
        COL(run_info, "scheduled_at", COLUMN_WALL, scheduled_at),
        COL(run_info, "scheduled_until", COLUMN_WALL, scheduled_until),
        COL(run_info, "count", COLUMN_INT64, count),
        COL(run_info, "created_at", COLUMN_WALL, created_at),
        COL(run_info, "queued_at", COLUMN_WALL, queued_at),
        COL(run_info, "started_at", COLUMN_WALL, started_at),
        COL(run_info, "first_started_at", COLUMN_WALL, first_started_at),
        COL(run_info, "ended_at", COLUMN_WALL, ended_at),
        COL(run_info, "retry_at", COLUMN_WALL, retry_at),
        COL(run_info, "start", COLUMN_UINT32, start),
        COL(run_info, "attempt", COLUMN_UINT32, attempt),
        COL(run_info, "wait_status", COLUMN_STATUS, wait_status),
        COLW(run_info, "stage", COLUMN_ENUM8, WORD_STAGE, stage),
        COL(run_info, "error", COLUMN_INT32, error),
        COL(run_info, "cause_run", COLUMN_INT64, cause_run),
        COL(run_info, "retry_of", COLUMN_INT64, retry_of),
        COL(run_info, "by_uid", COLUMN_UID, by_uid),
        COL(run_info, "digest", COLUMN_DIGEST, digest),
        COL(run_info, "user", COLUMN_TEXT, user),
        COL(run_info, "user_usec", COLUMN_INT64, usage.user_usec),
        COL(run_info, "system_usec", COLUMN_INT64, usage.system_usec),
        COL(run_info, "max_rss_kib", COLUMN_INT64, usage.max_rss_kib),
        COL(run_info, "read_blocks", COLUMN_INT64, usage.read_blocks),
        COL(run_info, "write_blocks", COLUMN_INT64, usage.write_blocks),
        COL(run_info, "output_bytes", COLUMN_INT64, usage.output_bytes),
        COL(run_info, "dropped_bytes", COLUMN_INT64, usage.dropped_bytes),
};
const size_t n_run_columns = sizeof(run_columns) / sizeof(run_columns[0]);

const struct column transition_columns[] = {
        COL(transition, "at", COLUMN_WALL, at),
        COLW(transition, "state", COLUMN_ENUM, WORD_STATE, state),
        COLW(transition, "reason", COLUMN_ENUM, WORD_REASON, reason),
        COL(transition, "start", COLUMN_UINT32, start),
        COL(transition, "wait_status", COLUMN_STATUS, wait_status),
        COLW(transition, "stage", COLUMN_ENUM8, WORD_STAGE, stage),
        COL(transition, "error", COLUMN_INT32, error),
};
const size_t n_transition_columns = sizeof(transition_columns) / sizeof(transition_columns[0]);

_Static_assert(sizeof(enum run_state) == sizeof(int) && sizeof(enum run_reason) == sizeof(int) &&
                       sizeof(enum run_trigger) == sizeof(int),
               "COLUMN_ENUM is an int");
_Static_assert((int)RUN_STATE_NR <= 31 && (int)REASON_NR <= WORD_MAX && (int)TRIGGER_NR <= WORD_MAX &&
                       (int)STAGE_NR <= WORD_MAX,
               "words fit");

int word_members(enum word_kind kind)
{
        static const int n[] = { [WORD_STATE] = RUN_STATE_NR,
                                 [WORD_REASON] = REASON_NR,
                                 [WORD_TRIGGER] = TRIGGER_NR,
                                 [WORD_STAGE] = STAGE_NR };

        return n[kind];
}

const char *word_name(enum word_kind kind, int member)
{
        switch (kind) {
        case WORD_STATE:
                return run_state_name((enum run_state)member);
        case WORD_REASON:
                return run_reason_name((enum run_reason)member);
        case WORD_TRIGGER:
                return run_trigger_name((enum run_trigger)member);
        case WORD_STAGE:
                return spawn_stage_name((enum spawn_stage)member);
        case WORD_KIND_NR:
                break;
        }
        return "";
}

uint32_t words_state_bits(const struct words *w, uint32_t states)
{
        uint32_t bits = 0;

        for (int i = 0; i < RUN_STATE_NR; i++)
                if (states & RUN_BIT(i))
                        bits |= UINT32_C(1) << (w->code[WORD_STATE][i] & 31);
        return bits;
}

static const uint8_t no_digest[32];

static int bind_field(sqlite3_stmt *st, int i, const struct words *w, const struct column *c, const void *field)
{
        int64_t v64;
        uint32_t vu;
        int32_t v;

        switch ((enum column_kind)c->kind) {
        case COLUMN_INT64:
        case COLUMN_WALL:
                memcpy(&v64, field, sizeof(v64));
                return c->kind == COLUMN_WALL && v64 == USEC_INFINITY ? sqlite3_bind_null(st, i)
                                                                      : sqlite3_bind_int64(st, i, v64);
        case COLUMN_UINT32:
        case COLUMN_UID:
                memcpy(&vu, field, sizeof(vu));
                return c->kind == COLUMN_UID && vu == UINT32_MAX ? sqlite3_bind_null(st, i)
                                                                 : sqlite3_bind_int64(st, i, vu);
        case COLUMN_INT32:
        case COLUMN_STATUS:
                memcpy(&v, field, sizeof(v));
                return c->kind == COLUMN_STATUS && v == RUN_NO_STATUS ? sqlite3_bind_null(st, i)
                                                                      : sqlite3_bind_int(st, i, v);
        case COLUMN_INT8:
                return sqlite3_bind_int(st, i, *(const int8_t *)field);
        case COLUMN_BOOL:
                return sqlite3_bind_int(st, i, *(const bool *)field);
        case COLUMN_ENUM:
                memcpy(&v, field, sizeof(v));
                return sqlite3_bind_int(st, i, w->code[c->word][(unsigned)v % WORD_MAX]);
        case COLUMN_ENUM8:
                return sqlite3_bind_int(st, i, w->code[c->word][*(const uint8_t *)field % WORD_MAX]);
        case COLUMN_DIGEST:
                return memcmp(field, no_digest, sizeof(no_digest)) == 0
                               ? sqlite3_bind_null(st, i)
                               : sqlite3_bind_blob(st, i, field, sizeof(no_digest), SQLITE_STATIC);
        case COLUMN_TEXT:
                return sqlite3_bind_text(st, i, *(const char *const *)field, -1, SQLITE_STATIC);
        }
        return SQLITE_MISUSE;
}

int columns_bind(sqlite3_stmt *st, int first, const struct words *w, const struct column *c, size_t n, const void *base)
{
        for (size_t i = 0; i < n; i++) {
                int r = bind_field(st, first + (int)i, w, &c[i], (const char *)base + c[i].offset);

                if (r != SQLITE_OK)
                        return r;
        }
        return SQLITE_OK;
}

/* A number between min and max, or -EBADMSG: whoever wrote it was not us. */
static int read_number(sqlite3_stmt *st, int i, int64_t min, int64_t max, int64_t *ret)
{
        int64_t v = sqlite3_column_int64(st, i);

        if (v < min || v > max)
                return -EBADMSG;
        *ret = v;
        return 0;
}

static int read_enum(sqlite3_stmt *st, int i, const struct words *w, enum word_kind kind, int *ret)
{
        int64_t code;
        int member;

        if (read_number(st, i, 0, WORD_MAX - 1, &code) < 0)
                return -EBADMSG;
        member = w->member[kind][code];
        if (member < 0 && kind == WORD_STATE)
                return -EBADMSG;
        *ret = member < 0 ? 0 : member; /* the word of another version: not shown */
        return 0;
}

static int read_digest(sqlite3_stmt *st, int i, bool null, void *field)
{
        const void *blob = null ? no_digest : sqlite3_column_blob(st, i);

        if (!null && sqlite3_column_bytes(st, i) != sizeof(no_digest))
                return -EBADMSG;
        if (!blob)
                return -ENOMEM;
        memcpy(field, blob, sizeof(no_digest));
        return 0;
}

static int read_field(sqlite3_stmt *st, int i, const struct words *w, const struct column *c, void *field)
{
        bool null = sqlite3_column_type(st, i) == SQLITE_NULL;
        int64_t n = 0;
        int r = 0, v = 0;

        switch ((enum column_kind)c->kind) {
        case COLUMN_INT64:
        case COLUMN_WALL:
                n = null && c->kind == COLUMN_WALL ? USEC_INFINITY : sqlite3_column_int64(st, i);
                memcpy(field, &n, sizeof(n));
                return 0;
        case COLUMN_UINT32:
        case COLUMN_UID:
                r = read_number(st, i, 0, UINT32_MAX, &n);
                *(uint32_t *)field = null && c->kind == COLUMN_UID ? UINT32_MAX : (uint32_t)n;
                return r;
        case COLUMN_INT32:
        case COLUMN_STATUS:
                r = read_number(st, i, INT32_MIN, INT32_MAX, &n);
                *(int32_t *)field = null && c->kind == COLUMN_STATUS ? RUN_NO_STATUS : (int32_t)n;
                return r;
        case COLUMN_INT8:
                r = read_number(st, i, INT8_MIN, INT8_MAX, &n);
                *(int8_t *)field = (int8_t)n;
                return r;
        case COLUMN_BOOL:
                r = read_number(st, i, 0, 1, &n);
                *(bool *)field = n;
                return r;
        case COLUMN_ENUM:
                r = read_enum(st, i, w, (enum word_kind)c->word, &v);
                memcpy(field, &v, sizeof(v));
                return r;
        case COLUMN_ENUM8:
                r = read_enum(st, i, w, (enum word_kind)c->word, &v);
                *(uint8_t *)field = (uint8_t)v;
                return r;
        case COLUMN_DIGEST:
                return read_digest(st, i, null, field);
        case COLUMN_TEXT:
                *(const char **)field = (const char *)sqlite3_column_text(st, i);
                return 0;
        }
        return -EBADMSG;
}

int columns_read(sqlite3_stmt *st, int first, const struct words *w, const struct column *c, size_t n, void *base)
{
        for (size_t i = 0; i < n; i++) {
                int r = read_field(st, first + (int)i, w, &c[i], (char *)base + c[i].offset);

                if (r < 0)
                        return r;
        }
        return 0;
}
