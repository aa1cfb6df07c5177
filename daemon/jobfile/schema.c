#include "jobfile/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "jobfile/buf.h"
#include "jobfile/keys.h"

/* ---- for people */

static void add_bound(struct buf *b, const struct key *k, int64_t v)
{
        char text[64];

        if (k->type == KEY_DURATION || k->type == KEY_SECONDS) {
                (void)duration_print(v, text, sizeof(text));
                buf_str(b, text);
        } else {
                buf_printf(b, "%lld", (long long)(k->type == KEY_DECIMAL ? v / 1000 : v));
        }
}

/* "a whole number from -20 to 19"; where the upper bound is only there to be safe it is not said. */
static void add_type(struct buf *b, const struct key *k)
{
        size_t n;
        const char *w;

        if (k->type == KEY_CHOICE) {
                for (unsigned i = 0; (w = choice_at(k->choices, i, &n)); i++)
                        buf_printf(b, "%s%.*s", i ? ", " : "", (int)n, w);
        } else {
                buf_str(b, key_type_text(k->type));
        }
        if ((k->type == KEY_NUMBER || k->type == KEY_DECIMAL) && k->max <= 1000000) {
                buf_str(b, " from ");
                add_bound(b, k, k->min);
                buf_str(b, " to ");
                add_bound(b, k, k->max);
        } else if (k->type == KEY_NUMBER ||
                   ((k->type == KEY_DURATION || k->type == KEY_SECONDS) && k->min >= USEC_PER_SEC)) {
                buf_str(b, ", at least ");
                add_bound(b, k, k->min);
        }
        if (k->flags & KEY_UNLIMITED)
                buf_str(b, ", or unlimited");
}

static void add_key(struct buf *b, struct keys keys, unsigned id)
{
        const struct key *k = &keys.v[id];

        if (b->n > 0)
                buf_str(b, "\n");
        if (k->parent < keys.n)
                buf_printf(b, "%s.", keys.v[k->parent].name);
        buf_printf(b, "%s\n    %s\n    Value: ", k->name, k->help);
        add_type(b, k);
        buf_printf(b, "\n    Default: %s\n", k->built_in);
        if (keys.v == job_keys.v && !(k->flags & KEY_DEFAULTS))
                buf_str(b, "    Not in `defaults`.\n");
}

/* `limits.core` -> its number; -1. */
static int find(struct keys keys, const char *name, const char **ret_last, unsigned *ret_parent)
{
        const char *dot = strchr(name, '.');
        char parent[65];
        int id;

        *ret_last = name;
        *ret_parent = keys.n;
        if (!dot)
                return keys_find(keys, keys.n, name);
        if ((size_t)(dot - name) >= sizeof(parent))
                return -1;
        memcpy(parent, name, (size_t)(dot - name));
        parent[dot - name] = 0;
        id = keys_find(keys, keys.n, parent);
        if (id < 0)
                return -1;
        *ret_last = dot + 1;
        *ret_parent = (unsigned)id;
        return keys_find(keys, (unsigned)id, dot + 1);
}

int schema_print_text(const char *key, bool config, char **ret)
{
        struct keys keys = config ? config_keys : job_keys;
        struct buf b = { 0 };
        const char *last;
        unsigned parent;
        char hint[HINT_SIZE], *text;
        int id = key ? find(keys, key, &last, &parent) : -1;

        if (key && id < 0) {
                const char *h = keys_hint(keys, parent, last, hint);

                *ret = h ? strdup(h) : NULL;
                return -ENOENT;
        }
        for (unsigned i = 0; i < keys.n; i++)
                if (!key || i == (unsigned)id || keys.v[i].parent == (unsigned)id)
                        add_key(&b, keys, i);
        text = buf_take(&b);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* ---- for editors */

#define DURATION_PATTERN "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"

static void add_properties(struct buf *b, unsigned parent, bool defaults);

static void add_map(struct buf *b, unsigned id, bool defaults)
{
        buf_str(b, "{\"type\":\"object\",\"additionalProperties\":false,");
        add_properties(b, id, defaults);
        if (id == JOB_KEY_RETRY)
                buf_str(b, ",\"required\":[\"limit\"]");
        buf_str(b, "}");
}

static void add_choices(struct buf *b, const char *choices)
{
        size_t n;
        const char *w;

        buf_str(b, "{\"enum\":[");
        for (unsigned i = 0; (w = choice_at(choices, i, &n)); i++)
                buf_printf(b, "%s\"%.*s\"", i ? "," : "", (int)n, w);
        buf_str(b, "]}");
}

static void add_number(struct buf *b, const struct key *k)
{
        if (k->type == KEY_DECIMAL)
                buf_printf(b, "{\"type\":\"number\",\"minimum\":%lld,\"maximum\":%lld}", (long long)k->min / 1000,
                           (long long)k->max / 1000);
        else
                buf_printf(b, "{\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld}", (long long)k->min,
                           (long long)k->max);
}

#define TEXT           "{\"type\":\"string\"}"
#define SAYING         "{\"type\":\"string\",\"minLength\":1}"
#define LIST_OF(items) "{\"type\":\"array\",\"minItems\":1,\"items\":" items "}"
#define ONE_OR_LIST    "{\"anyOf\":[" SAYING "," LIST_OF(SAYING) "]}"
/* Other YAML readers take an unquoted 8080 or 1.10 for a number; here it is the text that stands there. */
#define ANY_SCALAR "{\"type\":[\"string\",\"number\"]}"

static const char *const fixed_types[KEY_TYPE_NR] = {
        [KEY_TEXT] = TEXT,
        [KEY_LINE] = SAYING,
        [KEY_WORD] = SAYING,
        [KEY_PATH] = "{\"type\":\"string\",\"pattern\":\"^/\"}",
        [KEY_PATHS] = "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^-?/\"}," LIST_OF(
                "{\"type\":\"string\",\"pattern\":\"^-?/\"}") "]}",
        [KEY_DURATION] =
                "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":\"string\",\"pattern\":\"" DURATION_PATTERN
                "\"}]}",
        [KEY_SECONDS] =
                "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"string\",\"pattern\":\"" DURATION_PATTERN
                "\"}]}",
        [KEY_SIZE] =
                "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":\"string\",\"pattern\":\"^[0-9]+([KMGT]i?)?$\"}]}",
        [KEY_BOOLEAN] = "{\"type\":\"boolean\"}",
        [KEY_INSTANT] =
                "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$\"}",
        [KEY_ZONE] = "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$\"}",
        [KEY_UMASK] = "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"pattern\":\"^[0-7]{3}$\"}]}",
        [KEY_SIGNAL] = "{\"type\":\"string\",\"pattern\":\"^(SIG)?[A-Z0-9]+$\"}",
        [KEY_IO_CLASS] = "{\"type\":\"string\",\"pattern\":\"^(idle|(best-effort|realtime)(:[0-7])?)$\"}",
        [KEY_CPUS] =
                "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":\"string\",\"pattern\":\"^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$\"}]}",
        [KEY_CODES] = "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}}",
        [KEY_REASONS] = LIST_OF("{\"enum\":[\"exit\",\"signal\",\"timeout\",\"spawn\",\"lost\",\"shutdown\"]}"),
        [KEY_EXCLUDE] = ONE_OR_LIST,
        [KEY_SCHEDULE] = ONE_OR_LIST,
        [KEY_COMMAND] = "{\"anyOf\":[" SAYING "," LIST_OF(ANY_SCALAR) "]}",
        [KEY_SHELL] = ONE_OR_LIST,
        [KEY_ENV] =
                "{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]*$\"},\"additionalProperties\":{\"type\":[\"string\",\"number\",\"null\"]}}",
        [KEY_LABELS] =
                "{\"type\":\"object\",\"maxProperties\":16,\"additionalProperties\":{\"type\":[\"string\",\"number\",\"null\"]}}",
};

static void add_value(struct buf *b, unsigned id, bool defaults)
{
        const struct key *k = &job_keys.v[id];

        if (k->type == KEY_MAP) {
                add_map(b, id, defaults);
        } else if (k->type == KEY_RETRY) {
                buf_printf(b, "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0,\"maximum\":%lld},",
                           (long long)job_keys.v[JOB_KEY_RETRY_LIMIT].max);
                add_map(b, id, defaults);
                buf_str(b, "]}");
        } else if (k->type == KEY_CHOICE) {
                add_choices(b, k->choices);
        } else if (k->type == KEY_NUMBER || k->type == KEY_DECIMAL) {
                add_number(b, k);
        } else {
                buf_str(b, fixed_types[k->type] ?: "{}");
        }
}

static void add_property(struct buf *b, unsigned id, bool defaults)
{
        const struct key *k = &job_keys.v[id];

        buf_json(b, k->name);
        buf_str(b, ":{\"description\":");
        buf_json(b, k->help);
        buf_str(b, ",\"anyOf\":[");
        add_value(b, id, defaults);
        if (k->flags & KEY_UNLIMITED)
                buf_str(b, ",{\"const\":\"unlimited\"}");
        if ((k->flags & KEY_DEFAULTS) && !(k->flags & KEY_NEEDED))
                buf_str(b, ",{\"type\":\"null\"}");
        buf_str(b, "]}");
}

static void add_properties(struct buf *b, unsigned parent, bool defaults)
{
        bool comma = false;

        buf_str(b, "\"properties\":{");
        for (unsigned i = 0; i < job_keys.n; i++) {
                if (job_keys.v[i].parent != parent || (defaults && !(job_keys.v[i].flags & KEY_DEFAULTS)))
                        continue;
                if (comma)
                        buf_str(b, ",");
                comma = true;
                add_property(b, i, defaults);
        }
        buf_str(b, "}");
}

char *schema_print_json(void)
{
        struct buf b = { 0 };

        buf_str(&b,
                "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"jobschedd job file\",\"type\":\"object\","
                "\"additionalProperties\":false,\"properties\":{\"$schema\":{\"type\":\"string\"},\"defaults\":{\"type\":\"object\","
                "\"description\":\"For every job in this file.\",\"additionalProperties\":false,");
        add_properties(&b, JOB_KEY_NR, true);
        buf_str(&b,
                "},\"jobs\":{\"type\":\"object\",\"description\":\"The jobs, by name.\",\"propertyNames\":{\"pattern\":"
                "\"^(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$\"},\"additionalProperties\":{\"type\":\"object\",\"required\":[\"command\"],"
                "\"additionalProperties\":false,");
        add_properties(&b, JOB_KEY_NR, false);
        buf_str(&b, "}}}}\n");
        return buf_take(&b);
}
