#include "proto/runnermsg.h"

#include <errno.h>

#include "base/bytes.h"

#define MAGIC UINT32_C(0x4d52534a) /* "JSRM" */
#define FIELD_HEADER 8

enum field_kind { TEXT, LIST, BYTES, NUMBER };

/* A field's key is its place in this table, from 1: entries are added at the end, never taken away. */
static const struct field {
        uint8_t kind;
        uint16_t offset;      /* in struct runnermsg */
        uint16_t size_offset; /* BYTES: of the size_t beside it */
        int64_t min, max;     /* NUMBER */
} fields[] = {
#define AT(member) offsetof(struct runnermsg, member)
        { TEXT, AT(runs_dir) },
        { TEXT, AT(boot) },
        { TEXT, AT(socket) },
        { NUMBER, AT(own_user_only), 0, 0, 1 },
        { NUMBER, AT(shutdown_grace_usec), 0, 0, INT64_MAX },
        { TEXT, AT(user) },
        { TEXT, AT(group) },
        { TEXT, AT(working_dir) },
        { LIST, AT(argv) },
        { LIST, AT(env_base) },
        { LIST, AT(env_file) },
        { LIST, AT(env) },
        { LIST, AT(env_own) },
        { BYTES, AT(stdin_text), AT(stdin_size) },
        { BYTES, AT(affinity), AT(affinity_size) },
        { NUMBER, AT(attempt), 0, 0, UINT32_MAX },
        { NUMBER, AT(umask), 0, 0, 0777 },
        { NUMBER, AT(nice), 0, -20, 19 },
        { NUMBER, AT(io_class), 0, 0, 3 },
        { NUMBER, AT(io_level), 0, 0, 7 },
        { NUMBER, AT(oom_score_adjust), 0, -1000, 1000 },
        { NUMBER, AT(rlimit[0]), 0, -1, INT64_MAX },
        { NUMBER, AT(rlimit[1]), 0, -1, INT64_MAX },
        { NUMBER, AT(rlimit[2]), 0, -1, INT64_MAX },
        { NUMBER, AT(rlimit[3]), 0, -1, INT64_MAX },
        { NUMBER, AT(rlimit[4]), 0, -1, INT64_MAX },
        { NUMBER, AT(rlimit[5]), 0, -1, INT64_MAX },
        { NUMBER, AT(timeout_usec), 0, 0, INT64_MAX },
        { NUMBER, AT(timeout_is_total), 0, 0, 1 },
        { NUMBER, AT(kill_signal), 0, 1, 64 },
        { NUMBER, AT(kill_timeout_usec), 0, 0, INT64_MAX },
        { NUMBER, AT(leftovers), 0, 0, 2 },
        { NUMBER, AT(log_max), 0, 0, INT64_MAX },
        { NUMBER, AT(log_merge), 0, 0, 1 },
        { NUMBER, AT(signal), 0, 1, 64 },
        { NUMBER, AT(grace_usec), 0, 0, INT64_MAX },
        { NUMBER, AT(stage), 0, 0, UINT16_MAX },
        { NUMBER, AT(error), 0, 0, INT32_MAX },
        { NUMBER, AT(fault), 0, 0, 1 },
        { NUMBER, AT(kill_failed), 0, 0, 1 },
        { BYTES, AT(gone), AT(gone_size) },
        { TEXT, AT(log_path) },
#undef AT
};

static void *member(struct runnermsg *m, size_t offset)
{
        return (char *)m + offset;
}

static const void *member_const(const struct runnermsg *m, size_t offset)
{
        return (const char *)m + offset;
}

struct runnermsg runnermsg_make(enum runnermsg_type type, uint64_t run, uint32_t start)
{
        struct runnermsg m = { .type = type, .run = run, .start = start };

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (fields[i].kind == NUMBER)
                        *(int64_t *)member(&m, fields[i].offset) = RUNNERMSG_UNSET;
        return m;
}

/* Encoding walks the table twice: once to measure, once to write. */
struct sink {
        uint8_t *at; /* NULL: only measure */
        size_t size;
};

static void put_field(struct sink *s, size_t index, const void *data, size_t size, size_t padding)
{
        if (s->at) {
                put_u16(s->at, (uint16_t)(index + 1));
                put_u16(s->at + 2, 0);
                put_u32(s->at + 4, (uint32_t)(size + padding));
                memcpy(s->at + FIELD_HEADER, data, size);
                memset(s->at + FIELD_HEADER + size, 0, padding);
                s->at += FIELD_HEADER + size + padding;
        }
        s->size += FIELD_HEADER + size + padding;
}

static int put_member(struct sink *s, const struct runnermsg *m, size_t i)
{
        const void *at = member_const(m, fields[i].offset);
        const char *text;
        char *const *list;
        uint8_t number[8];
        int64_t v;

        switch ((enum field_kind)fields[i].kind) {
        case TEXT:
                text = *(const char *const *)at;
                if (text)
                        put_field(s, i, text, strlen(text) + 1, 0);
                break;
        case LIST:
                list = *(char *const *const *)at;
                for (; list && *list; list++)
                        put_field(s, i, *list, strlen(*list) + 1, 0);
                break;
        case BYTES:
                text = *(const char *const *)at;
                if (text)
                        put_field(s, i, text, *(const size_t *)member_const(m, fields[i].size_offset), 1);
                break;
        case NUMBER:
                v = *(const int64_t *)at;
                if (v == RUNNERMSG_UNSET)
                        break;
                if (v < fields[i].min || v > fields[i].max)
                        return -EINVAL;
                put_u64(number, (uint64_t)v);
                put_field(s, i, number, 8, 0);
                break;
        }
        return 0;
}

int runnermsg_encode(const struct runnermsg *m, uint8_t **ret_data, size_t *ret_size)
{
        struct sink s = { NULL, 0 };
        size_t size;
        uint8_t *data;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                int r = put_member(&s, m, i);

                if (r < 0)
                        return r;
                if (s.size > RUNNERMSG_MAX - RUNNERMSG_HEADER)
                        return -EMSGSIZE;
        }
        size = RUNNERMSG_HEADER + s.size;
        data = malloc(size);
        if (!data)
                return -ENOMEM;
        put_u32(data, MAGIC);
        put_u16(data + 4, RUNNERMSG_VERSION);
        put_u16(data + 6, (uint16_t)m->type);
        put_u64(data + 8, m->run);
        put_u32(data + 16, m->start);
        put_u32(data + 20, (uint32_t)s.size);
        s = (struct sink){ data + RUNNERMSG_HEADER, 0 };
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                (void)put_member(&s, m, i);
        *ret_data = data;
        *ret_size = size;
        return 0;
}

struct raw_field {
        size_t index; /* in fields[] */
        const uint8_t *data;
        size_t size;
};

/* The field at *offset of the body, checked.  1, 0 at the end, -EBADMSG. */
static int next_field(const uint8_t *body, size_t size, size_t *offset, struct raw_field *ret)
{
        const uint8_t *p = body + *offset;
        size_t left = size - *offset;
        uint16_t key;
        uint32_t length;

        if (left == 0)
                return 0;
        if (left < FIELD_HEADER)
                return -EBADMSG;
        key = get_u16(p);
        length = get_u32(p + 4);
        if (key == 0 || key > ARRAY_SIZE(fields) || get_u16(p + 2) != 0 || length > left - FIELD_HEADER)
                return -EBADMSG;
        *ret = (struct raw_field){ key - 1u, p + FIELD_HEADER, length };
        *offset += FIELD_HEADER + length;
        return 1;
}

int runnermsg_peek(const void *data, size_t size, enum runnermsg_type *ret_type, uint64_t *ret_run, uint32_t *ret_start)
{
        const uint8_t *p = data;
        struct raw_field f;
        size_t offset = 0;
        int r;

        if (size < RUNNERMSG_HEADER || size > RUNNERMSG_MAX || get_u32(p) != MAGIC)
                return -EBADMSG;
        if (get_u16(p + 4) != RUNNERMSG_VERSION)
                return -EPROTO;
        if (get_u16(p + 6) == 0 || get_u16(p + 6) >= RUNNERMSG_TYPE_NR || get_u32(p + 20) != size - RUNNERMSG_HEADER)
                return -EBADMSG;
        do
                r = next_field(p + RUNNERMSG_HEADER, size - RUNNERMSG_HEADER, &offset, &f);
        while (r > 0);
        if (r < 0)
                return r;
        *ret_type = (enum runnermsg_type)get_u16(p + 6);
        *ret_run = get_u64(p + 8);
        *ret_start = get_u32(p + 16);
        return 0;
}

/* Counts what each list will hold, and checks that texts are texts. */
static int check_fields(const uint8_t *body, size_t size, size_t counts[ARRAY_SIZE(fields)])
{
        struct raw_field f;
        size_t offset = 0;
        int r;

        while ((r = next_field(body, size, &offset, &f)) > 0) {
                counts[f.index]++;
                switch ((enum field_kind)fields[f.index].kind) {
                case TEXT:
                case LIST:
                        if (f.size == 0 || memchr(f.data, 0, f.size) != f.data + f.size - 1)
                                return -EBADMSG;
                        break;
                case BYTES:
                        if (f.size == 0 || f.data[f.size - 1] != 0)
                                return -EBADMSG;
                        break;
                case NUMBER:
                        if (f.size != 8 || (int64_t)get_u64(f.data) < fields[f.index].min ||
                            (int64_t)get_u64(f.data) > fields[f.index].max)
                                return -EBADMSG;
                        break;
                }
                if (fields[f.index].kind != LIST && counts[f.index] > 1)
                        return -EBADMSG;
        }
        return r;
}

/* Places every list in one block, each with its terminating NULL. */
static int place_lists(struct runnermsg *m, const size_t counts[ARRAY_SIZE(fields)])
{
        size_t total = 0;
        char **p;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (fields[i].kind == LIST && counts[i] > 0)
                        total += counts[i] + 1;
        if (total == 0)
                return 0;
        p = calloc(total, sizeof(*p));
        if (!p)
                return -ENOMEM;
        m->owned = p;
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (fields[i].kind == LIST && counts[i] > 0) {
                        *(char ***)member(m, fields[i].offset) = p;
                        p += counts[i] + 1;
                }
        return 0;
}

int runnermsg_decode(const void *data, size_t size, struct runnermsg *ret)
{
        const uint8_t *body = (const uint8_t *)data + RUNNERMSG_HEADER;
        size_t counts[ARRAY_SIZE(fields)] = { 0 }, filled[ARRAY_SIZE(fields)] = { 0 };
        struct raw_field f;
        struct runnermsg m;
        enum runnermsg_type type;
        uint64_t run;
        uint32_t start;
        size_t offset = 0;
        int r;

        r = runnermsg_peek(data, size, &type, &run, &start);
        if (r < 0)
                return r;
        size -= RUNNERMSG_HEADER;
        r = check_fields(body, size, counts);
        if (r < 0)
                return r;
        m = runnermsg_make(type, run, start);
        r = place_lists(&m, counts);
        if (r < 0)
                return r;
        while (next_field(body, size, &offset, &f) > 0) {
                void *at = member(&m, fields[f.index].offset);

                switch ((enum field_kind)fields[f.index].kind) {
                case TEXT:
                        *(const char **)at = (const char *)f.data;
                        break;
                case LIST:
                        /* Borrowed from the message like the rest: execve's prototype wants them without const. */
                        (*(char ***)at)[filled[f.index]++] = (char *)(uintptr_t)f.data;
                        break;
                case BYTES:
                        *(const void **)at = f.data;
                        *(size_t *)member(&m, fields[f.index].size_offset) = f.size - 1;
                        break;
                case NUMBER:
                        *(int64_t *)at = (int64_t)get_u64(f.data);
                        break;
                }
        }
        *ret = m;
        return 0;
}

void runnermsg_done(struct runnermsg *m)
{
        free(m->owned);
        m->owned = NULL;
}

void runnermsg_gone_put(uint8_t *at, uint64_t run, uint32_t start)
{
        put_u64(at, run);
        put_u32(at + 8, start);
}

void runnermsg_gone_get(const uint8_t *at, uint64_t *ret_run, uint32_t *ret_start)
{
        *ret_run = get_u64(at);
        *ret_start = get_u32(at + 8);
}
