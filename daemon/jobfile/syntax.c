#include "jobfile/syntax.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "jobfile/diag.h"

struct line {
        const char *at;
        size_t n;
};

static struct line line_at(const char *text, size_t size, size_t number)
{
        const char *at = text, *stop = text + size, *end;

        for (; number > 0; number--) {
                end = memchr(at, '\n', (size_t)(stop - at));
                if (!end)
                        return (struct line){ stop, 0 };
                at = end + 1;
        }
        end = memchr(at, '\n', (size_t)(stop - at));
        if (!end)
                end = stop;
        return (struct line){ at, (size_t)(end - at) };
}

/* The byte of a line at which a column (of characters) begins; l.n past the end. */
static size_t byte_at(struct line l, size_t column)
{
        size_t i = 0;

        for (; i < l.n; i++)
                if (((unsigned char)l.at[i] & 0xC0) != 0x80 && column-- == 0)
                        break;
        return i;
}

static char char_at(struct line l, size_t column)
{
        size_t i = byte_at(l, column);

        return i < l.n ? l.at[i] : 0;
}

/* From byte `from` of the line to where the value ends: the line, or in brackets the next of `,]}`. */
static void set_trap(const yaml_parser_t *p, const char *text, struct line l, size_t number, size_t from,
                     struct trap *ret)
{
        size_t to = from, column = 0;

        while (to < l.n && l.at[to] != '\r' && !(p->flow_level > 0 && strchr(",]}", l.at[to])))
                to++;
        for (size_t i = 0; i < from; i++)
                column += ((unsigned char)l.at[i] & 0xC0) != 0x80;
        *ret = (struct trap){ (size_t)(l.at - text) + from, (size_t)(l.at - text) + to, (uint32_t)number + 1,
                              (uint32_t)column + 1 };
}

/* `  - key: value`: the key (in buf, "" if there is none), and where the value begins. */
static size_t split_line(struct line l, char key[65])
{
        size_t i = 0, from;

        key[0] = 0;
        while (i < l.n && (l.at[i] == ' ' || l.at[i] == '\t' || (l.at[i] == '-' && i + 1 < l.n && l.at[i + 1] == ' ')))
                i++;
        from = i;
        while (i < l.n && (isalnum((unsigned char)l.at[i]) || strchr("_-.$", l.at[i])))
                i++;
        if (i > from && i - from < 65 && i < l.n && l.at[i] == ':' &&
            (i + 1 == l.n || isspace((unsigned char)l.at[i + 1]))) {
                memcpy(key, l.at + from, i - from);
                key[i - from] = 0;
                for (i++; i < l.n && isspace((unsigned char)l.at[i]); i++)
                        ;
                return i;
        }
        return from;
}

static bool indented_with_tab(struct line l)
{
        for (size_t i = 0; i < l.n && (l.at[i] == ' ' || l.at[i] == '\t'); i++)
                if (l.at[i] == '\t')
                        return true;
        return false;
}

static bool says(const char *what, const char *part)
{
        return what && strstr(what, part);
}

/* A quote that swallowed the lines up to where the error is: the scalar is among the tokens not yet taken, or was
 * the last one taken. */
static bool swallowed(const yaml_parser_t *p, const struct quoted *last, size_t line, yaml_mark_t *ret)
{
        for (const yaml_token_t *t = p->tokens.head; t && t != p->tokens.tail; t++)
                if (t->type == YAML_SCALAR_TOKEN && t->start_mark.line < t->end_mark.line && t->end_mark.line == line &&
                    (t->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                     t->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)) {
                        *ret = t->start_mark;
                        return true;
                }
        if (last->set && last->end.line == line) {
                *ret = last->start;
                return true;
        }
        return false;
}

static int report(struct diagnostics *errors, yaml_mark_t at, const char *key, const char *hint, const char *message)
{
        return diagnostics_add(errors, (uint32_t)at.line + 1, (uint32_t)at.column + 1, key && *key ? key : NULL, hint,
                               "%s", message);
}

static int report_character(struct diagnostics *errors, yaml_mark_t at, const char *key, char c)
{
        char hint[160], message[160];

        if (c == '\t')
                return report(errors, at, key, "use spaces", "a tab can't be used for indentation");
        (void)snprintf(hint, sizeof(hint), "quote it: %s\"%c…\"", strcmp(key, "schedule") == 0 ? "schedule: " : "", c);
        if (c == '*' || c == '&')
                (void)snprintf(message, sizeof(message), "an unquoted text that begins with `%c` is %s in YAML", c,
                               c == '*' ? "an alias" : "an anchor");
        else
                (void)snprintf(message, sizeof(message), "an unquoted text can't begin with `%c`", c);
        return report(errors, at, key, hint, message);
}

int syntax_report(const yaml_parser_t *p, const char *text, size_t size, const struct quoted *last,
                  struct diagnostics *errors, struct trap *ret_trap)
{
        yaml_mark_t at = p->problem_mark, opened;
        struct line line = line_at(text, size, at.line);
        char key[65], message[256], c;
        size_t value;

        *ret_trap = (struct trap){ 0 };
        if (p->error == YAML_MEMORY_ERROR)
                return -ENOMEM;
        if (p->error == YAML_READER_ERROR)
                return diagnostics_add(errors, 0, 0, NULL, "save it as UTF-8", "not UTF-8 text: %s",
                                       p->problem ? p->problem : "?");

        value = split_line(line, key);
        if (says(p->context, "quoted scalar")) {
                if (says(p->problem, "escape") || says(p->problem, "hexdecimal"))
                        return report(
                                errors, at, key,
                                "in single quotes a backslash is only a backslash; in double quotes write \\\\",
                                "unknown escape: a backslash in double quotes begins an escape such as \\n or \\\"");
                at = p->context_mark;
                (void)split_line(line_at(text, size, at.line), key);
                return report(errors, at, key, NULL, "this quote is never closed");
        }
        if (says(p->context, "scanning an alias") || says(p->context, "scanning an anchor")) {
                at = p->context_mark;
                line = line_at(text, size, at.line);
                (void)split_line(line, key);
                set_trap(p, text, line, at.line, byte_at(line, at.column), ret_trap);
                return report_character(errors, at, key, says(p->context, "alias") ? '*' : '&');
        }
        if (says(p->problem, "cannot start any token")) {
                if (char_at(line, at.column) != '\t')
                        set_trap(p, text, line, at.line, byte_at(line, at.column), ret_trap);
                return report_character(errors, at, key, char_at(line, at.column));
        }
        if (says(p->problem, "tab character") || indented_with_tab(line))
                return report_character(errors, at, key, '\t');
        if (says(p->context, "tag") || says(p->context, "%TAG") || says(p->context, "directive"))
                return diagnostics_add(errors, (uint32_t)at.line + 1, (uint32_t)at.column + 1, *key ? key : NULL,
                                       "quote it, if it is meant as text", "tags and directives are refused (%s)",
                                       p->problem ? p->problem : "?");
        if (swallowed(p, last, at.line, &opened)) {
                (void)split_line(line_at(text, size, opened.line), key);
                return report(errors, opened, key, NULL,
                              "the quote that opens here is not closed on its line, and swallows those that follow");
        }
        if (says(p->problem, "mapping values are not allowed") && *key && at.column > value) {
                set_trap(p, text, line, at.line, value, ret_trap);
                return report(errors, at, key, "quote the whole text", "`: ` in an unquoted text makes it a map");
        }

        c = *key && value < line.n ? line.at[value] : 0;
        if (c == '[' || c == '{')
                return report(errors, at, key, "quote the whole text",
                              c == '[' ? "`[` begins a list, and something else follows it"
                                       : "`{` begins a map, and something else follows it");
        if (c == '"' || c == '\'')
                return report(errors, at, key,
                              c == '"' ? "quote the whole text; \\\" is a double quote in it"
                                       : "quote the whole text; '' is a single quote in it",
                              "something follows the closing quote");
        (void)snprintf(message, sizeof(message), "not YAML: %s%s%s", p->context ? p->context : "",
                       p->context ? ", " : "", p->problem ? p->problem : "?");
        return report(errors, at, key, "look at the indentation and the quotes of this line and the one before",
                      message);
}
