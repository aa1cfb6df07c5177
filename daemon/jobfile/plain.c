#include "jobfile/plain.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 16  /* deeper ones are libyaml's */
#define KEY_MAX   256 /* bytes; libyaml takes 1024 */

enum {
        KEY = 1 << 0,   /* may stand in a key */
        BEGIN = 1 << 1, /* may begin a plain scalar, or a key if it may stand in one */
        BLOCK = 1 << 2, /* may stand in a plain scalar outside brackets */
        FLOW = 1 << 3,  /* … in brackets */
        QUOTED = 1 << 4 /* may stand in quotes; what ends or escapes there is looked at apart */
};

#define ANYWHERE (BEGIN | BLOCK | FLOW | QUOTED)

static const uint8_t classes[256] = {
        [' '] = BLOCK | FLOW | QUOTED,
        ['!'] = BLOCK | QUOTED,
        ['"'] = BLOCK | QUOTED,
        ['#'] = BLOCK | QUOTED, /* unless after a blank */
        ['$'] = ANYWHERE | KEY,
        ['%'] = BLOCK | QUOTED,
        ['&'] = BLOCK | QUOTED,
        ['\''] = BLOCK | QUOTED,
        ['('] = ANYWHERE,
        [')'] = ANYWHERE,
        ['*'] = BLOCK | QUOTED,
        ['+'] = ANYWHERE,
        [','] = BLOCK | QUOTED,
        ['-'] = BLOCK | FLOW | QUOTED | KEY, /* begins one before what is no blank */
        ['.'] = ANYWHERE | KEY,
        ['/'] = ANYWHERE,
        ['0' ... '9'] = ANYWHERE | KEY,
        [':'] = BLOCK | QUOTED, /* unless before a blank */
        [';'] = ANYWHERE,
        ['<'] = ANYWHERE,
        ['='] = ANYWHERE,
        ['>'] = BLOCK | QUOTED,
        ['?'] = BLOCK | QUOTED,
        ['@'] = BLOCK | QUOTED,
        ['A' ... 'Z'] = ANYWHERE | KEY,
        ['['] = BLOCK | QUOTED,
        ['\\'] = ANYWHERE,
        [']'] = BLOCK | QUOTED,
        ['^'] = ANYWHERE,
        ['_'] = ANYWHERE | KEY,
        ['`'] = BLOCK | QUOTED,
        ['a' ... 'z'] = ANYWHERE | KEY,
        ['{'] = BLOCK | QUOTED,
        ['|'] = BLOCK | QUOTED,
        ['}'] = BLOCK | QUOTED,
        ['~'] = ANYWHERE,
};

/* Where we are.  The functions below return false when the text is not of this kind, or memory ran out. */
struct scan {
        const char *at, *end;
        const char *line; /* where this line begins */
        uint32_t number;  /* of this line, from 1 */
        uint32_t indent;  /* of this line, if we are at its first word */
        struct arena *arena;
};

static bool is(const struct scan *s, unsigned class)
{
        return s->at < s->end && classes[(unsigned char)*s->at] & class;
}

static bool is_char(const struct scan *s, char c)
{
        return s->at < s->end && *s->at == c;
}

/* At a blank or the end of a line or text, `ahead` characters on. */
static bool blank_ahead(const struct scan *s, size_t ahead)
{
        return (size_t)(s->end - s->at) <= ahead || s->at[ahead] == ' ' || s->at[ahead] == '\n';
}

static void skip_blanks(struct scan *s)
{
        while (is_char(s, ' '))
                s->at++;
}

static bool at_line_end(const struct scan *s)
{
        return s->at == s->end || *s->at == '\n';
}

static void skip_comment(struct scan *s)
{
        const char *p = memchr(s->at, '\n', (size_t)(s->end - s->at));

        s->at = p ?: s->end;
}

/* From the end of a line's content to the first word of the next line that has one, or to the end of the text.  False: what
 * stands here is neither a blank nor a comment. */
static bool next_line(struct scan *s)
{
        for (;;) {
                bool blank = s->at == s->line || is_char(s, ' ');

                skip_blanks(s);
                if (is_char(s, '#') && (blank || s->at[-1] == ' '))
                        skip_comment(s);
                if (s->at == s->end) {
                        s->indent = 0;
                        return true;
                }
                if (*s->at != '\n')
                        return false;
                s->line = ++s->at;
                s->number++;
                skip_blanks(s);
                s->indent = (uint32_t)(s->at - s->line);
                if (!at_line_end(s) && *s->at != '#')
                        return true;
        }
}

static struct node *new_node(struct scan *s, enum node_kind kind, const char *at)
{
        struct node *n = arena_alloc(s->arena, sizeof(*n));

        if (!n)
                return NULL;
        n->kind = kind;
        n->line = s->number;
        n->column = (uint32_t)(at - s->line) + 1;
        return n;
}

static struct node *new_scalar(struct scan *s, enum node_style style, const char *at, const char *text, size_t size)
{
        struct node *n = size > TREE_SCALAR_MAX ? NULL : new_node(s, NODE_SCALAR, at);

        if (!n)
                return NULL;
        n->style = style;
        n->size = (uint32_t)size;
        n->text = arena_copy(s->arena, text, size);
        return n->text ? n : NULL;
}

static void hang(struct node *parent, const struct node **last, const struct node *n)
{
        if (*last)
                ((struct node *)*last)->next = n;
        else
                parent->first = n;
        *last = n;
}

/* `name` and the colon behind it. */
static struct node *read_key(struct scan *s)
{
        const char *from = s->at;
        struct node *n;

        if (!is(s, BEGIN))
                return NULL;
        while (is(s, KEY))
                s->at++;
        if (s->at == from || s->at - from > KEY_MAX || !is_char(s, ':') || !blank_ahead(s, 1))
                return NULL;
        n = new_scalar(s, STYLE_PLAIN, from, from, (size_t)(s->at - from));
        s->at++;
        return n;
}

/* In quotes, on one line, nothing escaped. */
static struct node *read_quoted(struct scan *s)
{
        const char quote = *s->at, *from = s->at++;
        struct node *n;

        while (is(s, QUOTED) && *s->at != quote)
                s->at++;
        if (!is_char(s, quote) || (quote == '"' && memchr(from, '\\', (size_t)(s->at - from))))
                return NULL;
        n = new_scalar(s, quote == '"' ? STYLE_DOUBLE : STYLE_SINGLE, from, from + 1, (size_t)(s->at - from - 1));
        s->at++;
        if (is_char(s, quote)) /* '' is an escape, "" an error */
                return NULL;
        return n;
}

/* Up to the end of the line, a comment, or in brackets to what cannot stand there. */
static struct node *read_plain(struct scan *s, unsigned class)
{
        const char *from = s->at, *to;

        if (!is(s, BEGIN) && !(is_char(s, '-') && !blank_ahead(s, 1) && s->at[1] != ','))
                return NULL;
        while (is(s, class)) {
                if (*s->at == ':' && blank_ahead(s, 1))
                        return NULL;
                if (*s->at == '#' && s->at[-1] == ' ')
                        break;
                s->at++;
        }
        to = s->at;
        while (to > from && to[-1] == ' ')
                to--;
        s->at = to;
        return new_scalar(s, STYLE_PLAIN, from, from, (size_t)(to - from));
}

static struct node *read_brackets(struct scan *s, unsigned depth);

static struct node *read_scalar_or_brackets(struct scan *s, unsigned class, unsigned depth)
{
        if (is_char(s, '[') || is_char(s, '{'))
                return read_brackets(s, depth + 1);
        if (is_char(s, '"') || is_char(s, '\''))
                return read_quoted(s);
        return read_plain(s, class);
}

/* [a, b] or {a: b, c: d}, on one line. */
static struct node *read_brackets(struct scan *s, unsigned depth)
{
        bool map = *s->at == '{';
        struct node *n = depth < DEPTH_MAX ? new_node(s, map ? NODE_MAP : NODE_LIST, s->at) : NULL;
        const struct node *last = NULL;

        if (!n)
                return NULL;
        n->flow = true;
        s->at++;
        skip_blanks(s);
        if (is_char(s, map ? '}' : ']')) {
                s->at++;
                return n;
        }
        for (;;) {
                const struct node *k = map ? read_key(s) : NULL, *v;

                if (map && !k)
                        return NULL;
                skip_blanks(s);
                v = read_scalar_or_brackets(s, FLOW, depth);
                if (!v)
                        return NULL;
                if (k)
                        hang(n, &last, k);
                hang(n, &last, v);
                n->size++;
                skip_blanks(s);
                if (is_char(s, map ? '}' : ']')) {
                        s->at++;
                        return n;
                }
                if (!is_char(s, ',') || !blank_ahead(s, 1))
                        return NULL;
                s->at++;
                skip_blanks(s);
        }
}

/* What stands on one line behind `key:` or `-`; ends at the next line's first word. */
static struct node *read_value(struct scan *s, unsigned depth)
{
        struct node *n = read_scalar_or_brackets(s, BLOCK, depth);

        return n && next_line(s) ? n : NULL;
}

static bool at_dash(const struct scan *s)
{
        return is_char(s, '-') && blank_ahead(s, 1);
}

/* We are at the first dash. */
static struct node *read_list(struct scan *s, unsigned depth)
{
        const uint32_t indent = s->indent;
        struct node *n = new_node(s, NODE_LIST, s->at);
        const struct node *last = NULL;

        while (n && s->at < s->end && s->indent == indent && at_dash(s)) {
                const struct node *v;

                s->at++;
                skip_blanks(s);
                v = read_value(s, depth);
                if (!v || s->indent > indent)
                        return NULL;
                hang(n, &last, v);
                n->size++;
        }
        return n;
}

/* We are at the first key. */
static struct node *read_map(struct scan *s, unsigned depth)
{
        const uint32_t indent = s->indent;
        struct node *n = depth < DEPTH_MAX ? new_node(s, NODE_MAP, s->at) : NULL;
        const struct node *last = NULL;

        while (n && s->at < s->end && s->indent == indent) {
                const struct node *k = read_key(s), *v;

                if (!k)
                        return NULL;
                skip_blanks(s);
                if (!at_line_end(s) && *s->at != '#')
                        v = read_value(s, depth);
                else if (!next_line(s) || s->at == s->end || s->indent < indent)
                        return NULL;
                else if (at_dash(s))
                        v = read_list(s, depth + 1);
                else
                        v = s->indent > indent ? read_map(s, depth + 1) : NULL;
                if (!v || s->indent > indent)
                        return NULL;
                hang(n, &last, k);
                hang(n, &last, v);
                n->size++;
        }
        return n;
}

int plain_read(const char *text, size_t size, struct arena *arena, const struct node **ret_root)
{
        struct scan s = { .at = text, .end = text + size, .line = text, .number = 1, .arena = arena };
        const struct node *root;

        skip_blanks(&s);
        s.indent = (uint32_t)(s.at - text);
        if (s.at == s.end || ((*s.at == '#' || *s.at == '\n') && !next_line(&s)))
                return 0;
        root = s.at < s.end && s.indent == 0 ? read_map(&s, 0) : NULL;
        if (arena->failed)
                return -ENOMEM;
        if (!root || s.at < s.end)
                return 0;
        *ret_root = root;
        return 1;
}
