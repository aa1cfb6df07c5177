/* jobctl help and version: from the table of commands. */
#include <stdio.h>

#include "print.h"
#include "tbl/commands.h"

static void put_options(const struct option_row *o)
{
        for (; o && o->id; o++) {
                char left[40];

                (void)snprintf(left, sizeof(left), "%c%c%c --%s%s%s", o->letter ? '-' : ' ',
                               o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name, o->arg ? " " : "",
                               o->arg ? o->arg : "");
                (void)printf("  %-26s %s\n", left, o->help);
        }
}

static void put_command(const struct command *k)
{
        (void)printf("jobctl %s%s%s - %s\n", k->name, *k->usage ? " " : "", k->usage, k->help);
        for (size_t i = 0; i < ARRAY_SIZE(k->aliases) && k->aliases[i]; i++)
                (void)printf("%s%s", i == 0 ? "also: " : ", ", k->aliases[i]);
        if (k->aliases[0])
                (void)putchar('\n');
        if (k->options) {
                (void)puts("\nOptions:");
                put_options(k->options);
        }
        (void)puts("\nGlobal options:");
        put_options(global_options);
}

static void put_all(void)
{
        const char *group = "";

        (void)puts("jobctl [OPTION...] COMMAND ...");
        for (const struct command *k = commands; k->name; k++) {
                char left[40];

                if (!streq(group, k->group))
                        (void)printf("\n%s:\n", k->group);
                group = k->group;
                (void)snprintf(left, sizeof(left), "%s%s%s", k->name, k->aliases[0] ? ", " : "",
                               k->aliases[0] ? k->aliases[0] : "");
                (void)printf("  %-18s %s\n", left, k->help);
        }
        (void)puts("\nGlobal options:");
        put_options(global_options);
        (void)puts("\n`jobctl help COMMAND' explains a command; jobctl(1) explains all.");
}

static json_t *options_json(const struct option_row *o)
{
        json_t *list = json_array();

        for (; o && o->id; o++) {
                json_t *row = json_object();
                char letter[2] = { o->letter, '\0' };

                json_object_set_new(row, "name", json_string(o->name));
                json_object_set_new(row, "letter", o->letter ? json_string(letter) : json_null());
                json_object_set_new(row, "value", o->arg ? json_string(o->arg) : json_null());
                json_object_set_new(row, "help", json_string(o->help));
                json_array_append_new(list, row);
        }
        return list;
}

static json_t *command_json(const struct command *k)
{
        json_t *row = json_object(), *aliases = json_array();

        for (size_t i = 0; i < ARRAY_SIZE(k->aliases) && k->aliases[i]; i++)
                json_array_append_new(aliases, json_string(k->aliases[i]));
        json_object_set_new(row, "name", json_string(k->name));
        json_object_set_new(row, "aliases", aliases);
        json_object_set_new(row, "usage", json_string(k->usage));
        json_object_set_new(row, "help", json_string(k->help));
        json_object_set_new(row, "options", options_json(k->options));
        return row;
}

int cmd_help(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *doc = json_object();
        const struct command *one = c->command;
        json_t *list = json_array();

        if (one && one->handler == cmd_help && (c->n_args > 0 || !opt_given(c, OPT_HELP)))
                one = c->n_args > 0 ? command_find(c->args[0]) : NULL;
        if (c->command && c->command->handler == cmd_help && c->n_args > 0 && !one) {
                const char *near = command_nearest(c->args[0]);

                json_decref(list);
                if (near)
                        return fail(c, EXIT_USAGE, "unknown command `%s', did you mean `%s'?", c->args[0], near);
                return fail(c, EXIT_USAGE, "unknown command `%s'", c->args[0]);
        }
        for (const struct command *k = commands; k->name; k++)
                if (!one || one == k)
                        json_array_append_new(list, command_json(k));
        json_object_set_new(doc, "commands", list);
        json_object_set_new(doc, "options", options_json(global_options));
        if (print_object(c, doc))
                return EXIT_OK;
        if (one)
                put_command(one);
        else
                put_all();
        return EXIT_OK;
}

/* The daemon's version belongs to the answer where there is a daemon; none is no error. */
int cmd_version(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *doc = json_object(), *daemon = NULL;

        json_object_set_new(doc, "version", json_string(PACKAGE_VERSION));
        json_object_set_new(doc, "protocol", json_integer(PROTOCOL_VERSION));
        if (call(c, "system.version", NULL, &daemon, NULL) < 0)
                daemon = json_null();
        json_object_set(doc, "daemon", daemon);
        if (print_object(c, doc))
                return EXIT_OK;
        (void)printf("jobctl %s (protocol %d)\n", PACKAGE_VERSION, PROTOCOL_VERSION);
        if (json_is_object(daemon)) {
                _cleanup_(strbuf_done) struct strbuf t = { 0 };

                strbuf_add_outside(&t, jstr(daemon, "version") ? jstr(daemon, "version") : "?");
                (void)printf("jobschedd %s (protocol %lld)\n", strbuf_str(&t), (long long)jcount(daemon, "protocol"));
        }
        return EXIT_OK;
}
