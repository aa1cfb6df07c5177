#include "print.h"

#include <stdio.h>
#include <unistd.h>

#include "calendar/timeparse.h"

#define SCHEMA_VERSION 1

struct printer {
        struct cli *c;
        const struct list *list;
        struct grid *grid;
        const struct column *shown[32];
        size_t n_shown;
        size_t n_items;
        bool begun;
};

static const char *host(void)
{
        static char name[256];

        if (!*name && (gethostname(name, sizeof(name) - 1) < 0 || !*name))
                return "localhost";
        return name;
}

static void put(const struct strbuf *t)
{
        (void)fwrite(strbuf_str(t), 1, t->n, stdout);
}

/* A value as JSON, harmless on a terminal. */
static void put_json(const json_t *value, size_t flags)
{
        _cleanup_(freep) char *s = json_dumps(value, flags | JSON_ENCODE_ANY);
        _cleanup_(strbuf_done) struct strbuf t = { 0 };

        if (!s)
                (void)xrealloc(NULL, SIZE_MAX / 2);
        strbuf_add_json_escaped(&t, s, strlen(s));
        put(&t);
}

/* The object with what every document begins with. */
static json_t *document(const json_t *object)
{
        json_t *doc = json_object();

        json_object_set_new(doc, "schema_version", json_integer(SCHEMA_VERSION));
        json_object_set_new(doc, "host", json_string(host()));
        if (object)
                (void)json_object_update(doc, (json_t *)object);
        return doc;
}

/* ---- text for people */

void strbuf_add_outside(struct strbuf *t, const char *s)
{
        strbuf_add_escaped(t, s, strlen(s), ESCAPE_ALL);
}

void strbuf_add_local(struct strbuf *t, struct cli *c, struct wall at)
{
        char buf[48];

        wall_print_local(at, cli_zone(c), buf, sizeof(buf));
        strbuf_add(t, buf);
}

void strbuf_add_when(struct strbuf *t, struct cli *c, struct wall at)
{
        if (c->stdout_tty)
                strbuf_add_relative(t, at, c->now);
        else
                strbuf_add_local(t, c, at);
}

const char *state_color(const char *state)
{
        static const struct {
                const char *state, *color;
        } rows[] = {
                { "succeeded", "green" }, { "ok", "green" },      { "failed", "red" },       { "timed_out", "red" },
                { "lost", "red" },        { "missed", "red" },    { "error", "red" },        { "degraded", "red" },
                { "blocked", "red" },     { "running", "cyan" },  { "starting", "cyan" },    { "queued", "yellow" },
                { "waiting", "yellow" },  { "backoff", "yellow" }, { "stale", "yellow" },    { "paused", "yellow" },
                { "skipped", "yellow" },  { "cancelled", "yellow" },
        };

        for (size_t i = 0; state && i < ARRAY_SIZE(rows); i++)
                if (streq(rows[i].state, state))
                        return rows[i].color;
        return NULL;
}

void strbuf_add_colored(struct strbuf *t, const struct cli *c, const char *state, const char *text)
{
        static const struct {
                const char *color, *on;
        } codes[] = {
                { "green", "\033[32m" }, { "red", "\033[31m" }, { "cyan", "\033[36m" }, { "yellow", "\033[33m" }
        };
        const char *color = c->color ? state_color(state) : NULL;

        for (size_t i = 0; color && i < ARRAY_SIZE(codes); i++)
                if (streq(codes[i].color, color)) {
                        strbuf_add(t, codes[i].on);
                        strbuf_add(t, text);
                        strbuf_add(t, "\033[0m");
                        return;
                }
        strbuf_add(t, text);
}

void strbuf_add_state(struct strbuf *t, const json_t *run)
{
        const char *state = jstr(run, "state"), *reason = jstr(run, "reason");

        strbuf_add_outside(t, state ? state : "?");
        if (!reason || !*reason)
                return;
        strbuf_add(t, " (");
        if (streq(reason, "exit") && jcount(run, "exit_code") >= 0)
                strbuf_addf(t, "exit %lld", (long long)jcount(run, "exit_code"));
        else if (streq(reason, "signal") && jcount(run, "signal") > 0)
                strbuf_addf(t, "signal %lld", (long long)jcount(run, "signal"));
        else
                strbuf_add_outside(t, reason);
        strbuf_add_char(t, ')');
}

/* ---- values for machines */

void strbuf_add_plain(struct strbuf *t, const json_t *value)
{
        const json_t *item;
        size_t i;

        switch (json_typeof(value)) {
        case JSON_STRING:
                strbuf_add(t, json_string_value(value));
                break;
        case JSON_INTEGER:
                strbuf_addf(t, "%lld", (long long)json_integer_value(value));
                break;
        case JSON_REAL:
                strbuf_addf(t, "%.15g", json_real_value(value));
                break;
        case JSON_TRUE:
                strbuf_add(t, "true");
                break;
        case JSON_FALSE:
                strbuf_add(t, "false");
                break;
        case JSON_ARRAY:
                json_array_foreach((json_t *)value, i, item) {
                        if (i > 0)
                                strbuf_add(t, "; ");
                        strbuf_add_plain(t, item);
                }
                break;
        case JSON_OBJECT:
        case JSON_NULL:
                break;
        }
}

static void add_indent(struct strbuf *t, unsigned depth)
{
        for (unsigned i = 0; i < depth; i++)
                strbuf_add(t, "  ");
}

/* Quoted as JSON: a double-quoted YAML scalar may hold every escape that the encoder makes. */
static void add_yaml_string(struct strbuf *t, const json_t *string)
{
        _cleanup_(freep) char *s = json_dumps(string, JSON_ENCODE_ANY);

        strbuf_add_json_escaped(t, s ? s : "\"\"", s ? strlen(s) : 2);
}

/* Keys of our own documents are bare words; what users name is quoted. */
static void add_yaml_key(struct strbuf *t, const char *key)
{
        bool bare = *key && strspn(key, "abcdefghijklmnopqrstuvwxyz_") == strlen(key) && strlen(key) > 1 &&
                    !streq(key, "null") && !streq(key, "true") && !streq(key, "false") && !streq(key, "yes") &&
                    !streq(key, "no") && !streq(key, "on") && !streq(key, "off");

        if (bare) {
                strbuf_add(t, key);
        } else {
                json_t *s = json_string(key);

                add_yaml_string(t, s);
                json_decref(s);
        }
}

/* A value behind `key:` or `-`: scalars on the same line, the rest below. */
void strbuf_add_yaml(struct strbuf *t, const json_t *value, unsigned depth)
{
        const json_t *item;
        const char *key;
        size_t i;

        if (json_is_object(value) && json_object_size(value) > 0) {
                json_object_foreach((json_t *)value, key, item) {
                        strbuf_add_char(t, '\n');
                        add_indent(t, depth);
                        add_yaml_key(t, key);
                        strbuf_add_char(t, ':');
                        strbuf_add_yaml(t, item, depth + 1);
                }
                return;
        }
        if (json_is_array(value) && json_array_size(value) > 0) {
                json_array_foreach((json_t *)value, i, item) {
                        strbuf_add_char(t, '\n');
                        add_indent(t, depth);
                        strbuf_add_char(t, '-');
                        strbuf_add_yaml(t, item, depth + 1);
                }
                return;
        }
        strbuf_add_char(t, ' ');
        if (json_is_string(value))
                add_yaml_string(t, value);
        else if (json_is_object(value))
                strbuf_add(t, "{}");
        else if (json_is_array(value))
                strbuf_add(t, "[]");
        else if (json_is_null(value))
                strbuf_add(t, "null");
        else
                strbuf_add_plain(t, value);
}

static void put_yaml(const json_t *object)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };

        strbuf_add_yaml(&t, object, 0);
        /* It begins with a line end, or with a blank before `{}`. */
        (void)fwrite(t.s + 1, 1, t.n - 1, stdout);
        (void)fputc('\n', stdout);
}

static void put_csv_pairs(const json_t *object)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const json_t *value;
        const char *key;

        strbuf_add(&t, "key,value\r\n");
        json_object_foreach((json_t *)object, key, value) {
                _cleanup_(strbuf_done) struct strbuf v = { 0 };

                if (json_is_object(value) || (json_is_array(value) && json_is_object(json_array_get(value, 0))))
                        continue;
                strbuf_add_plain(&v, value);
                strbuf_add_csv(&t, key);
                strbuf_add_char(&t, ',');
                strbuf_add_csv(&t, strbuf_str(&v));
                strbuf_add(&t, "\r\n");
        }
        put(&t);
}

bool print_object(const struct cli *c, const json_t *object)
{
        _cleanup_(json_decrefp) json_t *doc = NULL;

        if (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE || c->format == OUTPUT_NAME)
                return false;
        doc = document(object);
        if (c->format == OUTPUT_YAML) {
                put_yaml(doc);
        } else if (c->format == OUTPUT_CSV) {
                put_csv_pairs(object);
        } else {
                put_json(doc, c->format == OUTPUT_JSON && c->stdout_tty ? JSON_INDENT(2) : JSON_COMPACT);
                (void)fputc('\n', stdout);
        }
        return true;
}

void print_names(const json_t *array)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)array, i, item) {
                _cleanup_(strbuf_done) struct strbuf plain = { 0 }, line = { 0 };

                strbuf_add_plain(&plain, item);
                strbuf_add_outside(&line, strbuf_str(&plain));
                strbuf_add_char(&line, '\n');
                put(&line);
        }
}

/* ---- lists */

static bool is_shown(const struct cli *c, const struct column *column)
{
        switch (c->format) {
        case OUTPUT_TABLE:
                return !(column->flags & (COLUMN_WIDE | COLUMN_CSV));
        case OUTPUT_WIDE:
                return !(column->flags & COLUMN_CSV);
        case OUTPUT_CSV:
                return !(column->flags & COLUMN_HUMAN);
        case OUTPUT_JSON:
        case OUTPUT_JSONL:
        case OUTPUT_YAML:
        case OUTPUT_NAME:
                break;
        }
        return false;
}

/* Not before there is an item or the end: a call that fails prints nothing. */
static void begin(struct printer *p)
{
        _cleanup_(json_decrefp) json_t *doc = NULL;
        _cleanup_(strbuf_done) struct strbuf t = { 0 };

        if (p->begun || p->grid)
                return;
        p->begun = true;
        doc = document(NULL);
        if (p->c->format == OUTPUT_YAML) {
                put_yaml(doc);
                (void)printf("%s:", p->list->key);
        } else if (p->c->format == OUTPUT_JSON) {
                _cleanup_(freep) char *s = json_dumps(doc, JSON_COMPACT);

                /* All but its closing brace. */
                (void)printf("%.*s,\"%s\":[", (int)strlen(s) - 1, s, p->list->key);
        } else if (p->c->format == OUTPUT_CSV) {
                for (size_t i = 0; i < p->n_shown; i++) {
                        if (i > 0)
                                strbuf_add_char(&t, ',');
                        strbuf_add_csv(&t, p->shown[i]->key);
                }
                strbuf_add(&t, "\r\n");
                put(&t);
        }
}

struct printer *printer_new(struct cli *c, const struct list *list)
{
        struct printer *p = xmalloc(sizeof(*p));

        *p = (struct printer){ .c = c, .list = list };
        for (size_t i = 0; i < list->n_columns && p->n_shown < ARRAY_SIZE(p->shown); i++)
                if (is_shown(c, &list->columns[i]))
                        p->shown[p->n_shown++] = &list->columns[i];
        if (c->format == OUTPUT_TABLE || c->format == OUTPUT_WIDE)
                p->grid = grid_new(c, p->shown, p->n_shown);
        return p;
}

static void compose_cell(struct cli *c, const struct column *column, const json_t *item, struct strbuf *ret)
{
        const json_t *value = jpath(item, column->key);
        _cleanup_(strbuf_done) struct strbuf plain = { 0 };
        struct wall at;

        if (column->compose) {
                column->compose(c, item, ret);
                return;
        }
        if (!value || json_is_null(value))
                return;
        if ((column->cell == CELL_TIME || column->cell == CELL_WHEN) && jtime(item, column->key, &at)) {
                if (column->cell == CELL_TIME)
                        strbuf_add_local(ret, c, at);
                else
                        strbuf_add_when(ret, c, at);
        } else if (column->cell == CELL_DURATION && json_is_number(value)) {
                strbuf_add_duration(ret, json_number_value(value));
        } else if (column->cell == CELL_BYTES && json_is_number(value)) {
                strbuf_add_bytes(ret, json_number_value(value));
        } else {
                strbuf_add_plain(&plain, value);
                strbuf_add_outside(ret, strbuf_str(&plain));
        }
}

static void add_table_line(struct printer *p, const json_t *item)
{
        for (size_t i = 0; i < p->n_shown; i++) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };
                const struct column *column = p->shown[i];
                const char *color = NULL;

                compose_cell(p->c, column, item, &t);
                if (column->cell == CELL_STATE) {
                        const char *state = json_string_value(jpath(item, column->key));

                        color = state_color(state ? state : strbuf_str(&t));
                }
                grid_add(p->grid, strbuf_str(&t), color);
        }
}

static void put_csv_line(const struct printer *p, const json_t *item)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };

        for (size_t i = 0; i < p->n_shown; i++) {
                _cleanup_(strbuf_done) struct strbuf v = { 0 };
                const json_t *value = jpath(item, p->shown[i]->key);

                if (value)
                        strbuf_add_plain(&v, value);
                if (i > 0)
                        strbuf_add_char(&t, ',');
                strbuf_add_csv(&t, strbuf_str(&v));
        }
        strbuf_add(&t, "\r\n");
        put(&t);
}

void printer_item(struct printer *p, const json_t *item)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        _cleanup_(json_decrefp) json_t *doc = NULL;

        begin(p);
        switch (p->c->format) {
        case OUTPUT_TABLE:
        case OUTPUT_WIDE:
                add_table_line(p, item);
                break;
        case OUTPUT_JSON:
                (void)fputs(p->n_items > 0 ? ",\n" : "\n", stdout);
                put_json(item, JSON_COMPACT);
                break;
        case OUTPUT_JSONL:
                doc = document(item);
                put_json(doc, JSON_COMPACT);
                (void)fputc('\n', stdout);
                break;
        case OUTPUT_YAML:
                strbuf_add(&t, "\n-");
                strbuf_add_yaml(&t, item, 1);
                put(&t);
                break;
        case OUTPUT_CSV:
                put_csv_line(p, item);
                break;
        case OUTPUT_NAME: {
                const json_t *name = jpath(item, p->list->name_key);
                _cleanup_(json_decrefp) json_t *one = json_array();

                json_array_append(one, (json_t *)(name ? name : json_null()));
                print_names(one);
                break;
        }
        }
        p->n_items++;
}

void printer_end(struct printer *p, const json_t *extra)
{
        const json_t *value;
        const char *key;

        begin(p);
        if (p->grid) {
                if (p->n_items > 0)
                        grid_print(p->grid);
        } else if (p->c->format == OUTPUT_JSON) {
                (void)fputs(p->n_items > 0 ? "\n]" : "]", stdout);
                json_object_foreach((json_t *)extra, key, value) {
                        _cleanup_(json_decrefp) json_t *k = json_string(key);

                        (void)fputs(",", stdout);
                        put_json(k, 0);
                        (void)fputs(":", stdout);
                        put_json(value, JSON_COMPACT);
                }
                (void)fputs("}\n", stdout);
        } else if (p->c->format == OUTPUT_YAML) {
                (void)fputs(p->n_items > 0 ? "\n" : " []\n", stdout);
                if (extra && json_object_size(extra) > 0)
                        put_yaml(extra);
        }
}

size_t printer_count(const struct printer *p)
{
        return p->n_items;
}

struct printer *printer_free(struct printer *p)
{
        if (!p)
                return NULL;
        grid_free(p->grid);
        free(p);
        return NULL;
}
