#include "jobfile/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "jobfile/diag.h"
#include "jobfile/prescan.h"
#include "jobfile/syntax.h"

struct open_node {
        struct node *node;
        struct node *last; /* newest child */
        bool value_next;   /* of a map: a key was read, its value comes */
};

struct builder {
        struct arena *arena;
        struct diagnostics *errors;
        const char *text;
        size_t size;
        struct node *root;
        struct open_node open[TREE_DEPTH_MAX];
        unsigned depth;
        unsigned documents;
        struct quoted last_quoted;
        const struct trap *traps; /* replaced already, and said */
        size_t n_traps;
        bool stop;
};

#define MARK(m) (uint32_t)(m).line + 1, (uint32_t)(m).column + 1

/* Hangs a new node where we are. */
static struct node *add_node(struct builder *b, enum node_kind kind, yaml_mark_t at)
{
        struct open_node *o = b->depth > 0 ? &b->open[b->depth - 1] : NULL;
        struct node *n = arena_alloc(b->arena, sizeof(*n));

        if (!n)
                return NULL;
        n->kind = kind;
        n->line = (uint32_t)at.line + 1;
        n->column = (uint32_t)at.column + 1;
        if (!o) {
                b->root = n;
                return n;
        }
        if (o->last)
                o->last->next = n;
        else
                o->node->first = n;
        o->last = n;
        if (o->node->kind == NODE_MAP) {
                o->node->size += !o->value_next;
                o->value_next = !o->value_next;
        } else {
                o->node->size++;
        }
        return n;
}

/* Anchors and tags are refused; what carries them is read on as if they were not there. */
static int look_at_properties(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t at)
{
        char clipped[CLIP_SIZE];
        int r = 0;

        if (anchor)
                r = diagnostics_add(b->errors, MARK(at), NULL, "write it out; for many jobs there is `defaults`",
                                    "anchors are refused (`&%s`)", clip((const char *)anchor, clipped));
        if (tag && r == 0)
                r = diagnostics_add(b->errors, MARK(at), NULL, "quote it, if it is meant as text",
                                    "tags are refused (`%s`)", clip((const char *)tag, clipped));
        return r;
}

static int check_escapes(struct builder *b, const yaml_event_t *e)
{
        const unsigned char *p = e->data.scalar.value;
        size_t n = e->data.scalar.length;

        for (size_t i = 0; i < n;) {
                uint32_t c = 0;
                size_t step = utf8_decode(p + i, n - i, &c);
                const char *what = step > 0 ? character_refused(c) : "not a character";

                if (what)
                        return diagnostics_add(b->errors, MARK(e->start_mark), NULL, NULL,
                                               "the escape for U+%04X (%s) is refused: control characters but \\n "
                                               "and \\t have no place here",
                                               c, what)
                                       ?: 1;
                i += step;
        }
        return 0;
}

static int check_no_break(struct builder *b, const yaml_event_t *e)
{
        const unsigned char *p = e->data.scalar.value;
        size_t n = e->data.scalar.length;

        for (size_t i = 0; i < n;) {
                uint32_t c = 0;
                size_t step = p[i] < 0x80 ? 1 : utf8_decode(p + i, n - i, &c);
                const char *what = p[i] < 0x80 || step == 0 ? NULL : character_no_break(c);

                if (what)
                        return diagnostics_add(b->errors, MARK(e->start_mark), NULL,
                                               "write a plain space, or quote the text if it is meant",
                                               "a U+%04X (%s) outside quotes", c, what)
                                       ?: 1;
                i += step > 0 ? step : 1;
        }
        return 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *e)
{
        static const uint8_t styles[] = {
                [YAML_ANY_SCALAR_STYLE] = STYLE_PLAIN,
                [YAML_PLAIN_SCALAR_STYLE] = STYLE_PLAIN,
                [YAML_SINGLE_QUOTED_SCALAR_STYLE] = STYLE_SINGLE,
                [YAML_DOUBLE_QUOTED_SCALAR_STYLE] = STYLE_DOUBLE,
                [YAML_LITERAL_SCALAR_STYLE] = STYLE_BLOCK,
                [YAML_FOLDED_SCALAR_STYLE] = STYLE_BLOCK,
        };
        uint8_t style = styles[e->data.scalar.style];
        bool quoted = style == STYLE_SINGLE || style == STYLE_DOUBLE;
        struct node *n = add_node(b, NODE_SCALAR, e->start_mark);
        int r;

        if (!n)
                return -ENOMEM;
        if (quoted && e->start_mark.line < e->end_mark.line)
                b->last_quoted = (struct quoted){ true, e->start_mark, e->end_mark };
        for (size_t i = 0; i < b->n_traps; i++)
                if (b->traps[i].line == n->line && b->traps[i].column == n->column) {
                        n->kind = NODE_BROKEN;
                        return 0;
                }
        if (e->data.scalar.length > TREE_SCALAR_MAX) {
                n->kind = NODE_BROKEN;
                return diagnostics_add(b->errors, MARK(e->start_mark), NULL, NULL, "a text of more than 128 KiB");
        }
        r = look_at_properties(b, e->data.scalar.anchor, e->data.scalar.tag, e->start_mark);
        if (r == 0 && style == STYLE_DOUBLE)
                r = check_escapes(b, e);
        else if (r == 0 && !quoted)
                r = check_no_break(b, e);
        if (r != 0) {
                n->kind = NODE_BROKEN;
                return r < 0 ? r : 0;
        }
        n->style = style;
        n->size = (uint32_t)e->data.scalar.length;
        n->text = arena_copy(b->arena, e->data.scalar.value, n->size);
        return n->text ? 0 : -ENOMEM;
}

static int on_start(struct builder *b, enum node_kind kind, const yaml_event_t *e)
{
        bool map = kind == NODE_MAP;
        struct node *n;
        int r;

        if (b->depth == TREE_DEPTH_MAX) {
                b->stop = true;
                return diagnostics_add(b->errors, MARK(e->start_mark), NULL, NULL, "nested deeper than %d levels",
                                       TREE_DEPTH_MAX);
        }
        n = add_node(b, kind, e->start_mark);
        if (!n)
                return -ENOMEM;
        r = look_at_properties(b, map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor,
                               map ? e->data.mapping_start.tag : e->data.sequence_start.tag, e->start_mark);
        if (r < 0)
                return r;
        n->flow = map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                      : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        b->open[b->depth++] = (struct open_node){ .node = n };
        return 0;
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
        char clipped[CLIP_SIZE];

        switch (e->type) {
        case YAML_DOCUMENT_START_EVENT:
                if (b->documents++ == 0)
                        return 0;
                b->stop = true;
                return diagnostics_add(b->errors, MARK(e->start_mark), NULL, "put it into a file of its own",
                                       "a second document begins here");
        case YAML_SCALAR_EVENT:
                return on_scalar(b, e);
        case YAML_ALIAS_EVENT:
                if (!add_node(b, NODE_BROKEN, e->start_mark))
                        return -ENOMEM;
                return diagnostics_add(b->errors, MARK(e->start_mark), NULL, "quote it, if it is meant as text",
                                       "aliases are refused (`*%s`)",
                                       clip((const char *)e->data.alias.anchor, clipped));
        case YAML_SEQUENCE_START_EVENT:
                return on_start(b, NODE_LIST, e);
        case YAML_MAPPING_START_EVENT:
                return on_start(b, NODE_MAP, e);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                b->depth--;
                return 0;
        case YAML_STREAM_END_EVENT:
                b->stop = true;
                return 0;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                return 0;
        }
        return 0;
}

/* A text that ends in the middle of a pair: the value is whatever was wrong. */
static int close_all(struct builder *b)
{
        yaml_mark_t nowhere = { 0 };

        for (; b->depth > 0; b->depth--)
                if (b->open[b->depth - 1].node->kind == NODE_MAP && b->open[b->depth - 1].value_next &&
                    !add_node(b, NODE_BROKEN, nowhere))
                        return -ENOMEM;
        return 0;
}

/* *ret_trap: what made the parser give up, if it can be replaced. */
static int run_parser(struct builder *b, yaml_parser_t *parser, bool *ret_partial, struct trap *ret_trap)
{
        bool partial = false;
        int r;

        *ret_trap = (struct trap){ 0 };
        while (!b->stop) {
                yaml_event_t e;

                if (!yaml_parser_parse(parser, &e)) {
                        partial = true;
                        r = syntax_report(parser, b->text, b->size, &b->last_quoted, b->errors, ret_trap);
                        if (r < 0)
                                return r;
                        break;
                }
                r = on_event(b, &e);
                yaml_event_delete(&e);
                if (r < 0)
                        return r;
        }
        *ret_partial = partial || b->depth > 0;
        return close_all(b);
}

#define TRAPS_MAX 16
/* Bytes to be read again at most: a big file that is all traps takes no more than twice the time of a good one. */
#define TRAPS_WORK (1u << 20)

/* The text, read as often as there are traps in it: each is reported, and replaced by a harmless text of the same
 * length. */
struct attempts {
        struct trap traps[TRAPS_MAX];
        size_t n;
        size_t work;
        char *copy;
};

static bool defuse(struct attempts *a, const char **text, size_t size, struct trap t)
{
        if (t.to <= t.from || a->n == TRAPS_MAX || a->work + size > TRAPS_WORK)
                return false;
        if (!a->copy) {
                a->copy = malloc(size);
                if (!a->copy)
                        return false;
                memcpy(a->copy, *text, size);
                *text = a->copy;
        }
        memset(a->copy + t.from, 'x', t.to - t.from);
        if (t.to - t.from > 1)
                a->copy[t.from] = a->copy[t.to - 1] = '"';
        a->traps[a->n++] = t;
        a->work += size;
        return true;
}

/* One attempt.  *ret_trap: what stopped it; it is the last of `errors` then. */
static int attempt(const char *text, size_t size, const struct attempts *a, struct arena *arena,
                   struct diagnostics *errors, struct tree *ret, struct trap *ret_trap)
{
        struct builder b = {
                .arena = arena, .errors = errors, .text = text, .size = size, .traps = a->traps, .n_traps = a->n
        };
        yaml_parser_t parser;
        bool partial = false;
        int r;

        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        r = run_parser(&b, &parser, &partial, ret_trap);
        yaml_parser_delete(&parser);
        if (r == 0)
                *ret = (struct tree){ .root = b.root, .partial = partial };
        return r;
}

/* Only the last of the errors from `first` on stays: the others will be found again. */
static void keep_last(struct diagnostics *errors, size_t first)
{
        while (errors->n > first + 1) {
                struct diagnostic t = errors->v[errors->n - 1];

                errors->v[errors->n - 1] = errors->v[errors->n - 2];
                errors->v[errors->n - 2] = t;
                diagnostics_drop_last(errors);
        }
}

int tree_read(const char *text, size_t size, struct arena *arena, struct diagnostics *errors, struct tree *ret)
{
        struct attempts a = { 0 };
        struct trap trap;
        size_t first;
        int r;

        r = prescan(&text, &size, arena, errors);
        if (r < 0)
                return r;
        if (size >= 3 &&
            memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* the encoding is settled, so libyaml won't look for it */
                text += 3;
                size -= 3;
        }
        if (size == 0) {
                *ret = (struct tree){ .partial = errors->n > 0 };
                return 0;
        }
        first = errors->n;
        while ((r = attempt(text, size, &a, arena, errors, ret, &trap)) == 0 && errors->n < DIAGNOSTICS_MAX &&
               defuse(&a, &text, size, trap)) {
                keep_last(errors, first++);
                arena_done(arena);
        }
        free(a.copy);
        return r;
}
