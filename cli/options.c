/* The command line: global options, the command, its own options and words, in any order after the command's name.
 *
 * Not getopt_long(): a word such as `-5 * * * *` is a schedule and not an option, a lone `-` followed by a digit is a
 * number, and an unknown option shall name the one that was probably meant. */
#include <stdio.h>
#include <unistd.h>

#include "calendar/timeparse.h"
#include "cli.h"
#include "proto/json.h"

const char *opt_value_nth(const struct cli *c, enum option id, size_t i)
{
        for (size_t k = 0; k < c->n_options; k++)
                if (c->options[k].id == id && i-- == 0)
                        return c->options[k].value;
        return NULL;
}

const char *opt_value(const struct cli *c, enum option id)
{
        for (size_t k = c->n_options; k > 0; k--)
                if (c->options[k - 1].id == id)
                        return c->options[k - 1].value;
        return NULL;
}

static const char *option_name(const struct cli *c, enum option id)
{
        for (const struct option_row *o = c->command->options; o && o->id; o++)
                if (o->id == id)
                        return o->name;
        for (const struct option_row *o = global_options; o->id; o++)
                if (o->id == id)
                        return o->name;
        return "?";
}

int opt_number(struct cli *c, enum option id, int64_t min, int64_t max, int64_t *ret)
{
        const char *text = opt_value(c, id);
        int64_t v = 0;

        if (!text)
                return EXIT_OK;
        for (const char *p = text; *p; p++)
                if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, *p - '0', &v))
                        return fail_usage(c, "--%s wants a number, not `%s'", option_name(c, id), text);
        if (!*text || v < min || v > max)
                return fail_usage(c, "--%s wants a number from %lld to %lld, not `%s'", option_name(c, id),
                                  (long long)min, (long long)max, text);
        *ret = v;
        return EXIT_OK;
}

int opt_duration(struct cli *c, enum option id, int64_t *ret_usec)
{
        const char *text = opt_value(c, id), *why = NULL;

        if (!text)
                return EXIT_OK;
        if (duration_parse(text, ret_usec, &why) < 0)
                return fail_usage(c, "--%s: `%s' is no duration (%s)", option_name(c, id), text,
                                  why ? why : "whole numbers with ms, s, m, h, d or w, largest unit first");
        return EXIT_OK;
}

int opt_time(struct cli *c, enum option id, bool past, struct wall *ret)
{
        const char *text = opt_value(c, id);

        if (!text)
                return EXIT_OK;
        if (timeword_parse(text, cli_zone(c), c->now, cli_boot(), past, ret) < 0)
                return fail_usage(
                        c,
                        "--%s: `%s' is no time (try 15:30, yesterday, tomorrow 02:00, mon 06:00, 2026-12-24T18:00, -3h, "
                        "+2d, now, boot)",
                        option_name(c, id), text);
        return EXIT_OK;
}

int opt_time_param(struct cli *c, enum option id, bool past, json_t *params, const char *key)
{
        struct wall t;
        char buf[48];
        int r;

        if (!opt_given(c, id))
                return EXIT_OK;
        r = opt_time(c, id, past, &t);
        if (r != EXIT_OK)
                return r;
        wall_print_rfc3339(t, cli_zone(c), t.usec % USEC_PER_SEC ? 3 : 0, buf, sizeof(buf));
        json_object_set_new(params, key, json_string(buf));
        return EXIT_OK;
}

/* The row of a long name (of `n` bytes) or, with name NULL, of a letter; the command's own come first, so that a filter
 * may have the name of a global option. */
static const struct option_row *find_option(const struct cli *c, const char *name, size_t n, char letter)
{
        const struct option_row *sets[] = { c->command ? c->command->options : NULL, global_options };

        for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
                for (const struct option_row *o = sets[i]; o && o->id; o++)
                        if (name ? strlen(o->name) == n && memcmp(o->name, name, n) == 0 : o->letter == letter)
                                return o;
        return NULL;
}

static int unknown_option(const struct cli *c, const char *name, size_t n)
{
        _cleanup_(freep) char *word = xasprintf("%.*s", (int)MIN(n, (size_t)64), name);
        const struct option_row *sets[] = { c->command ? c->command->options : NULL, global_options };
        const char *names[64], *near;
        size_t k = 0;

        for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
                for (const struct option_row *o = sets[i]; o && o->id && k < ARRAY_SIZE(names) - 1; o++)
                        names[k++] = o->name;
        names[k] = NULL;
        near = nearest_word(word, names);
        if (near)
                return fail_usage(c, "unknown option --%s, did you mean --%s?", word, near);
        return fail_usage(c, "unknown option --%s", word);
}

static void add_option(struct cli *c, enum option id, const char *value)
{
        c->options[c->n_options++] = (struct given_option){ id, value };
}

/* `--name`, `--name=value`, `--name value`.  *i moves over a value taken. */
static int parse_long(struct cli *c, char **argv, int argc, int *i)
{
        const char *name = argv[*i] + 2, *eq = strchr(name, '=');
        size_t n = eq ? (size_t)(eq - name) : strlen(name);
        const struct option_row *o = find_option(c, name, n, 0);

        if (!o)
                return unknown_option(c, name, n);
        if (!o->arg && eq)
                return fail_usage(c, "--%s takes no value", o->name);
        if (!o->arg)
                add_option(c, o->id, "");
        else if (eq)
                add_option(c, o->id, eq + 1);
        else if (*i + 1 < argc)
                add_option(c, o->id, argv[++*i]);
        else
                return fail_usage(c, "--%s wants a value: %s", o->name, o->arg);
        return EXIT_OK;
}

/* `-qw`, `-n5`, `-n 5`. */
static int parse_letters(struct cli *c, char **argv, int argc, int *i)
{
        for (const char *p = argv[*i] + 1; *p; p++) {
                const struct option_row *o = find_option(c, NULL, 0, *p);

                if (!o)
                        return fail_usage(c, "unknown option -%c", *p);
                if (!o->arg) {
                        add_option(c, o->id, "");
                        continue;
                }
                if (p[1])
                        add_option(c, o->id, p + 1);
                else if (*i + 1 < argc)
                        add_option(c, o->id, argv[++*i]);
                else
                        return fail_usage(c, "-%c wants a value: %s", *p, o->arg);
                return EXIT_OK;
        }
        return EXIT_OK;
}

static bool looks_like_option(const struct cli *c, const char *word)
{
        if (word[0] != '-' ||
            !((word[1] >= 'a' && word[1] <= 'z') || (word[1] >= 'A' && word[1] <= 'Z') || word[1] == '-'))
                return false;
        if (c->command && (c->command->flags & COMMAND_EXPRESSION) && strpbrk(word, " \t"))
                return word[1] == '-' && strchr(word, '=') && strchr(word, '=') < strpbrk(word, " \t");
        return true;
}

static int take_command(struct cli *c, const char *word)
{
        const char *near;

        c->command = command_find(word);
        if (c->command) {
                c->waiting = c->command->flags & COMMAND_WAITS;
                return EXIT_OK;
        }
        near = command_nearest(word);
        if (near)
                return fail_usage(c, "unknown command `%s', did you mean `%s'?", word, near);
        return fail_usage(c, "unknown command `%s'", word);
}

static int parse_words(struct cli *c, int argc, char **argv)
{
        bool only_words = false;

        for (int i = 1; i < argc; i++) {
                char *word = argv[i];
                int r = EXIT_OK;

                if (!only_words && streq(word, "--"))
                        only_words = true;
                else if (!only_words && looks_like_option(c, word))
                        r = word[1] == '-' ? parse_long(c, argv, argc, &i) : parse_letters(c, argv, argc, &i);
                else if (!c->command)
                        r = take_command(c, word);
                else
                        c->args[c->n_args++] = word;
                if (r != EXIT_OK)
                        return r;
        }
        return EXIT_OK;
}

static int take_format(struct cli *c)
{
        static const char *const names[] = {
                [OUTPUT_TABLE] = "table", [OUTPUT_WIDE] = "wide", [OUTPUT_JSON] = "json", [OUTPUT_JSONL] = "jsonl",
                [OUTPUT_YAML] = "yaml",   [OUTPUT_CSV] = "csv",   [OUTPUT_NAME] = "name",
        };
        const char *want = opt_value(c, OPT_OUTPUT);

        if (opt_given(c, OPT_JSON)) {
                if (want && !streq(want, "json"))
                        return fail_usage(c, "--json and --output=%s exclude each other", want);
                c->format = OUTPUT_JSON;
                return EXIT_OK;
        }
        if (!want)
                return EXIT_OK;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(names[i], want)) {
                        c->format = (enum output_format)i;
                        return EXIT_OK;
                }
        return fail_usage(c, "--output wants table, wide, json, jsonl, yaml, csv or name, not `%s'", want);
}

static int take_color(struct cli *c)
{
        const char *when = opt_value(c, OPT_COLOR), *no = getenv("NO_COLOR"), *term = getenv("TERM");

        if (!when || streq(when, "auto"))
                c->color = c->stdout_tty && !(no && *no) && !(term && streq(term, "dumb"));
        else if (streq(when, "always"))
                c->color = true;
        else if (!streq(when, "never"))
                return fail_usage(c, "--color wants auto, always or never, not `%s'", when);
        return EXIT_OK;
}

/* Whether a word is there, also where parsing ended before it: the exit code of wrong usage hangs on some. */
static bool has_word(int argc, char **argv, const char *word)
{
        for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
                if (streq(argv[i], word))
                        return true;
        return false;
}

/* What wrong usage exits with: a number that whoever waits for a run's status, or a monitoring system, won't take for
 * an answer. */
static int usage_code(struct cli *c, int argc, char **argv)
{
        if (c->command && c->command->handler == cmd_status && has_word(argc, argv, "--check"))
                return EXIT_CHECK_UNKNOWN;
        return c->waiting ? EXIT_SELF : EXIT_USAGE;
}

static int check_args(const struct cli *c)
{
        const struct command *k = c->command;

        if (c->n_args < k->args_min)
                return fail_usage(c, "%s: something is missing: %s", k->name, k->usage);
        if (c->n_args > k->args_max)
                return fail_usage(c, "%s: `%s' is too much: %s", k->name, c->args[k->args_max],
                                  *k->usage ? k->usage : "it takes no words");
        return EXIT_OK;
}

/* What goes to the daemon or into JSON is UTF-8; a word that isn't could only be dropped on the way, and `cancel` of
 * nothing is not what was meant.  Paths may be any bytes, and explain says itself what is wrong with a schedule. */
static int check_utf8(const struct cli *c)
{
        for (size_t i = 0; i < c->n_args && !(c->command->flags & (COMMAND_EXPRESSION | COMMAND_PATHS)); i++)
                if (!utf8_valid(c->args[i], strlen(c->args[i])))
                        return fail_usage(c, "`%s' is not UTF-8", c->args[i]);
        for (size_t i = 0; i < c->n_options; i++) {
                enum option id = c->options[i].id;

                if (id != OPT_SOCKET && id != OPT_ROOT && id != OPT_CONFIG && id != OPT_JOBS_DIR && id != OPT_AGAINST &&
                    !utf8_valid(c->options[i].value, strlen(c->options[i].value)))
                        return fail_usage(c, "--%s: `%s' is not UTF-8", option_name(c, id), c->options[i].value);
        }
        return EXIT_OK;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
        int r;

        c->stdout_tty = isatty(STDOUT_FILENO);
        c->stderr_tty = isatty(STDERR_FILENO);
        /* Each word gives at most as many options as it has letters. */
        size_t room = 1;

        for (int i = 1; i < argc; i++)
                room += strlen(argv[i]) + 1;
        c->options = xmalloc(room * sizeof(*c->options));
        c->args = xmalloc(((size_t)argc + 1) * sizeof(*c->args));

        r = parse_words(c, argc, argv);
        c->args[c->n_args] = NULL;
        if (c->command && (c->command->flags & COMMAND_MAY_WAIT) &&
            (has_word(argc, argv, "--wait") || has_word(argc, argv, "--follow") || has_word(argc, argv, "-f")))
                c->waiting = true;
        if (r != EXIT_OK)
                return usage_code(c, argc, argv);
        if (!c->command || opt_given(c, OPT_HELP) || opt_given(c, OPT_VERSION))
                return EXIT_OK;
        r = take_format(c);
        if (r == EXIT_OK)
                r = take_color(c);
        if (r == EXIT_OK)
                r = check_args(c);
        if (r == EXIT_OK)
                r = check_utf8(c);
        return r == EXIT_OK ? r : usage_code(c, argc, argv);
}
