#include "runner/environment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "engine/run.h"

#define ENV_FILE_MAX (1u << 20)

static const char *const ours[] = {
        "JOBSCHED_SOCKET", "JOB_ATTEMPT", "JOB_LAST_SUCCESS_AT", "JOB_MAX_ATTEMPTS",
        "JOB_NAME", "JOB_RUN_ID", "JOB_SCHEDULED_AT", "JOB_TRIGGER",
};

struct entry {
        char *text;
        size_t name_length;
        size_t rank; /* later ones win */
};

struct builder {
        struct entry *v;
        size_t n, allocated;
        struct environment env;
};

static bool is_ours(const char *text, size_t name_length)
{
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                if (strlen(ours[i]) == name_length && memcmp(ours[i], text, name_length) == 0)
                        return true;
        return false;
}

static bool name_is_valid(const char *text, size_t length)
{
        if (length == 0 || isdigit((unsigned char)text[0]))
                return false;
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char)text[i]) && text[i] != '_')
                        return false;
        return true;
}

static int add(struct builder *b, char *text, bool own)
{
        const char *eq = strchr(text, '=');
        struct entry e;

        if (!eq || eq == text)
                return -EINVAL;
        e = (struct entry){ text, (size_t)(eq - text), b->n };
        if (!own && is_ours(text, e.name_length))
                return 0;
        if (b->n == b->allocated) {
                size_t allocated = MAX(32u, b->allocated * 2);
                struct entry *v = reallocarray(b->v, allocated, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                b->v = v;
                b->allocated = allocated;
        }
        b->v[b->n++] = e;
        return 0;
}

/* Keeps memory for environment_done(). */
static int keep(struct builder *b, void *memory)
{
        void **owned;

        if (!memory)
                return -ENOMEM;
        owned = reallocarray(b->env.owned, b->env.n_owned + 1, sizeof(*owned));
        if (!owned) {
                free(memory);
                return -ENOMEM;
        }
        b->env.owned = owned;
        owned[b->env.n_owned++] = memory;
        return 0;
}

static int add_list(struct builder *b, char *const *list, bool own)
{
        int r = 0;

        for (; list && *list && r >= 0; list++)
                r = add(b, *list, own);
        return r;
}

/* The user's variables, in one block. */
static int add_user(struct builder *b, const struct identity *id)
{
        static const char *const names[] = { "HOME", "USER", "LOGNAME", "SHELL" };
        const char *values[] = { id->home, id->name, id->name, id->shell };
        size_t size = 0;
        char *block;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                size += strlen(names[i]) + strlen(values[i]) + 2;
        block = malloc(size);
        r = keep(b, block);
        for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
                int length = sprintf(block, "%s=%s", names[i], values[i]);

                r = add(b, block, false);
                block += length + 1;
        }
        return r;
}

/* One line of an env_file, NUL-terminated: KEY=value; a pair of quotes around the value goes; `#` and empty lines
 * are passed over. */
static int add_line(struct builder *b, char *line)
{
        char *eq;
        size_t length;

        line += strspn(line, " \t");
        length = strlen(line);
        while (length > 0 && line[length - 1] == '\r')
                line[--length] = 0;
        if (!*line || *line == '#')
                return 0;
        eq = strchr(line, '=');
        if (!eq || !name_is_valid(line, (size_t)(eq - line)))
                return -EINVAL;
        length = strlen(eq + 1);
        if (length >= 2 && (eq[1] == '"' || eq[1] == '\'') && eq[length] == eq[1]) {
                memmove(eq + 1, eq + 2, length - 2);
                eq[length - 1] = 0;
        }
        return add(b, line, false);
}

/* Reads a regular file of at most ENV_FILE_MAX bytes; never hangs on a FIFO, never follows a last symlink. */
static int read_file(const char *path, char **ret, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        _cleanup_(freep) char *data = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > ENV_FILE_MAX)
                return -EFBIG;
        data = malloc(ENV_FILE_MAX + 1);
        if (!data)
                return -ENOMEM;
        n = read_full(fd, data, ENV_FILE_MAX + 1);
        if (n < 0)
                return (int)n;
        if (n > (ssize_t)ENV_FILE_MAX)
                return -EFBIG;
        data[n] = 0;
        *ret = TAKE_PTR(data);
        *ret_size = (size_t)n;
        return 0;
}

static int add_file(struct builder *b, const char *path, const char *folder)
{
        bool may_be_missing = path[0] == '-';
        char *data = NULL, *line, *rest;
        _cleanup_(freep) char *joined = NULL;
        size_t size = 0;
        int r;

        path += may_be_missing;
        if (path[0] != '/') {
                if (asprintf(&joined, "%s/%s", folder, path) < 0)
                        return -ENOMEM;
                path = joined;
        }
        r = read_file(path, &data, &size);
        if (r == -ENOENT && may_be_missing)
                return 0;
        if (r < 0)
                return r;
        r = keep(b, data);
        if (r < 0)
                return r;
        if (strlen(data) != size)
                return -EINVAL; /* a NUL */
        for (line = data; line && r >= 0; line = rest) {
                rest = strchr(line, '\n');
                if (rest)
                        *rest++ = 0;
                r = add_line(b, line);
        }
        return r;
}

static int compare(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        int c = memcmp(x->text, y->text, MIN(x->name_length, y->name_length));

        if (c == 0 && x->name_length != y->name_length)
                c = x->name_length < y->name_length ? -1 : 1;
        if (c == 0)
                c = x->rank < y->rank ? -1 : 1;
        return c;
}

/* Sorts, and of each name keeps the last. */
static int settle(struct builder *b)
{
        b->env.v = calloc(b->n + 1, sizeof(char *));
        if (!b->env.v)
                return -ENOMEM;
        qsort(b->v, b->n, sizeof(*b->v), compare);
        for (size_t i = 0; i < b->n; i++) {
                const struct entry *e = &b->v[i], *next = e + 1;

                if (i + 1 < b->n && next->name_length == e->name_length &&
                    memcmp(next->text, e->text, e->name_length) == 0)
                        continue;
                b->env.v[b->env.n++] = e->text;
        }
        return 0;
}

int environment_make(const struct runnermsg *m, const struct identity *id, struct environment *ret, unsigned *ret_stage)
{
        static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        const char *folder = m->working_dir ? m->working_dir : id->home;
        struct builder b = { .v = NULL };
        unsigned stage = STAGE_EXEC;
        int r;

        r = add(&b, path, false);
        if (r >= 0)
                r = add_user(&b, id);
        if (r >= 0)
                r = add_list(&b, m->env_base, false);
        for (char *const *file = m->env_file; file && *file && r >= 0; file++) {
                stage = STAGE_ENV_FILE;
                r = add_file(&b, *file, folder);
        }
        if (r >= 0) {
                stage = STAGE_EXEC;
                r = add_list(&b, m->env, false);
        }
        if (r >= 0)
                r = add_list(&b, m->env_own, true);
        if (r >= 0)
                r = settle(&b);
        free(b.v);
        if (r < 0) {
                *ret_stage = stage;
                environment_done(&b.env);
                return r;
        }
        *ret = b.env;
        return 0;
}

void environment_done(struct environment *e)
{
        for (size_t i = 0; i < e->n_owned; i++)
                free(e->owned[i]);
        free(e->owned);
        free(e->v);
        *e = (struct environment){ .v = NULL };
}

const char *environment_get(const struct environment *e, const char *name)
{
        size_t length = strlen(name);

        for (size_t i = 0; i < e->n; i++)
                if (strncmp(e->v[i], name, length) == 0 && e->v[i][length] == '=')
                        return e->v[i] + length + 1;
        return NULL;
}
