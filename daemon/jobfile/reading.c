#include "jobfile/reading.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "jobfile/diag.h"

static void __attribute__((format(printf, 6, 0))) say(struct reading *r, struct diagnostics *to, const struct node *at,
                                                      const char *key, const char *hint, const char *fmt, va_list ap)
{
        char *message = NULL;

        if (r->oom)
                return;
        if (vasprintf(&message, fmt, ap) < 0 || diagnostics_add(to, at->line, at->column, key, hint, "%s", message) < 0)
                r->oom = true;
        free(message);
}

void complain(struct reading *r, const struct node *at, const char *key, const char *hint, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        say(r, r->errors, at, key, hint, fmt, ap);
        va_end(ap);
}

void warn_about(struct reading *r, const struct node *at, const char *key, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        say(r, r->warnings, at, key, NULL, fmt, ap);
        va_end(ap);
}

int reading_open(struct reading *r, const char *text, size_t size, const struct node **ret_root)
{
        struct tree tree = { 0 };

        if (tree_read(text, size, &r->arena, r->errors, &tree) < 0) {
                r->oom = true;
                return -EINVAL;
        }
        r->partial = tree.partial;
        if (tree.root && tree.root->kind == NODE_SCALAR && tree.root->style == STYLE_PLAIN && tree.root->size == 0)
                tree.root = NULL;
        if (tree.root && tree.root->kind == NODE_SCALAR)
                complain(r, tree.root, NULL, NULL, "expected a map of keys, found a text");
        if (tree.root && tree.root->kind == NODE_LIST)
                complain(r, tree.root, NULL, "the file begins with `jobs:`", "expected a map of keys, found a list");
        if (tree.root && tree.root->kind != NODE_MAP)
                return -EINVAL;
        r->json = tree.root && tree.root->flow && tree.root->first && tree.root->first->kind == NODE_SCALAR &&
                  tree.root->first->style == STYLE_DOUBLE;
        *ret_root = tree.root;
        return 0;
}

void reading_done(struct reading *r)
{
        arena_done(&r->arena);
}

const char *key_path(struct keys keys, unsigned id, char buf[KEY_PATH_SIZE])
{
        const struct key *k = &keys.v[id];
        char *p = buf;

        if (k->parent < keys.n) {
                p = stpcpy(p, keys.v[k->parent].name);
                *p++ = '.';
        }
        (void)stpcpy(p, k->name); /* the tables' names are short */
        return buf;
}

bool node_is_null(const struct node *n)
{
        return n->kind == NODE_SCALAR && n->style == STYLE_PLAIN && streq(n->text, "null");
}

static const char *found(const struct node *n, char buf[CLIP_SIZE + 8])
{
        char clipped[CLIP_SIZE];

        if (n->kind == NODE_LIST)
                return "a list";
        if (n->kind == NODE_MAP)
                return "a map";
        if (n->size == 0)
                return n->style == STYLE_PLAIN ? "nothing at all" : "an empty text";
        if (n->style == STYLE_SINGLE || n->style == STYLE_DOUBLE)
                (void)snprintf(buf, CLIP_SIZE + 8, "\"%s\"", clip(n->text, clipped));
        else
                (void)snprintf(buf, CLIP_SIZE + 8, "`%s`", clip(n->text, clipped));
        return buf;
}

static void unexpected(struct reading *r, const char *key, const struct node *n, const char *expected, const char *hint)
{
        char buf[CLIP_SIZE + 8];

        if (n->kind != NODE_BROKEN)
                complain(r, n, key, hint, "expected %s, found %s", expected, found(n, buf));
}

bool want_map(struct reading *r, const char *key, const struct node *n)
{
        if (n->kind == NODE_MAP)
                return true;
        unexpected(r, key, n, "a map", NULL);
        return false;
}

/* Digits with colons: YAML 1.1 reads `12:30` as a number to the base of 60. */
static bool is_sexagesimal(const char *t)
{
        bool colon = false;

        t += *t == '-' || *t == '+';
        if (!isdigit((unsigned char)*t))
                return false;
        for (; *t; t++) {
                if (*t == ':') {
                        if (!isdigit((unsigned char)t[1]))
                                return false;
                        colon = true;
                } else if (!isdigit((unsigned char)*t) && *t != '_' && !(colon && *t == '.')) {
                        return false;
                }
        }
        return colon;
}

static bool wants_quotes(const struct node *n)
{
        static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~" };

        if (n->style != STYLE_PLAIN || n->size > 64)
                return false;
        if (isdigit((unsigned char)n->text[0]) || n->text[0] == '-' || n->text[0] == '+')
                return is_sexagesimal(n->text);
        if (n->size > 5 || !strchr("yYnNoOtTfF~", n->text[0]))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcasecmp(n->text, words[i]) == 0)
                        return true;
        return false;
}

/* "quote it: "on"", in buf. */
static const char *quote_hint(const struct node *n, char buf[80])
{
        (void)snprintf(buf, 80, "quote it: \"%.64s\"", n->text);
        return buf;
}

const char *key_name(struct reading *r, const struct node *key)
{
        char clipped[CLIP_SIZE], hint[80];

        if (key->kind == NODE_BROKEN)
                return NULL;
        if (key->kind != NODE_SCALAR) {
                complain(r, key, NULL, "quote it, if `[` or `{` begins a text", "a key must be a word, not a %s",
                         key->kind == NODE_LIST ? "list" : "map");
                return NULL;
        }
        if (key->style == STYLE_PLAIN && streq(key->text, "<<")) {
                complain(r, key, "<<", "for many jobs there is `defaults`", "merge keys (`<<`) are refused");
                return NULL;
        }
        if (key->size == 0) {
                complain(r, key, NULL, NULL, "a key is missing here");
                return NULL;
        }
        if (wants_quotes(key)) {
                complain(r, key, key->text, quote_hint(key, hint), "other YAML tools don't read `%s` as text",
                         clip(key->text, clipped));
                return NULL;
        }
        return key->text;
}

static const char *read_string(struct reading *r, const char *key, const struct node *n, const char *expected,
                               bool may_be_empty)
{
        char clipped[CLIP_SIZE], hint[80];

        if (n->kind != NODE_SCALAR) {
                unexpected(r, key, n, expected, NULL);
                return NULL;
        }
        if (n->style == STYLE_PLAIN && n->size == 0) {
                complain(r, n, key, may_be_empty ? "an empty text is written \"\"" : NULL,
                         "expected %s, found nothing at all", expected);
                return NULL;
        }
        if (wants_quotes(n)) {
                complain(r, n, key, quote_hint(n, hint), "other YAML tools don't read `%s` as text",
                         clip(n->text, clipped));
                return NULL;
        }
        return n->text;
}

bool text_plainly_good(const struct node *n)
{
        return n->kind == NODE_SCALAR && (n->style != STYLE_PLAIN || (n->size > 0 && !wants_quotes(n)));
}

const char *read_text(struct reading *r, const char *key, const struct node *n, const char *expected)
{
        return read_string(r, key, n, expected, true);
}

const char *read_line(struct reading *r, const char *key, const struct node *n, const char *expected)
{
        const char *t = read_string(r, key, n, expected, false);

        if (t && t[strspn(t, " \t\n")] == 0) {
                complain(r, n, key, NULL, "expected %s, found an empty text", expected);
                return NULL;
        }
        return t;
}

static int compare_pairs(const void *a, const void *b)
{
        const struct pair *x = a, *y = b;
        int c = strcmp(x->name, y->name);

        if (c != 0)
                return c;
        if (x->key->line != y->key->line)
                return x->key->line < y->key->line ? -1 : 1;
        return x->key->column < y->key->column ? -1 : x->key->column > y->key->column;
}

struct pair *read_pairs(struct reading *r, const struct node *map, const char *what, size_t *ret_n)
{
        struct pair *v = arena_alloc(&r->arena, (map->size + 1) * sizeof(*v));
        char clipped[CLIP_SIZE];
        size_t n = 0, kept = 0;

        if (!v) {
                r->oom = true;
                return NULL;
        }
        for (const struct node *k = map->first; k; k = k->next->next) {
                const char *name = key_name(r, k);

                if (name)
                        v[n++] = (struct pair){ name, k, k->next };
        }
        if (n > 1)
                qsort(v, n, sizeof(*v), compare_pairs);
        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && streq(v[kept - 1].name, v[i].name)) {
                        complain(r, v[i].key, v[i].name, NULL,
                                 "the %s `%s` stands here a second time; the first is in line %u", what,
                                 clip(v[i].name, clipped), v[kept - 1].key->line);
                        continue;
                }
                v[kept++] = v[i];
        }
        *ret_n = kept;
        return v;
}
