/* What commands lean on: telling failures, zone and clock, asking, calling the daemon. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "calendar/timeparse.h"
#include "jobfile/zones.h"
#include "tbl/commands.h"

/* One line: whatever the message holds from outside, it is shown and not obeyed. */
static void __attribute__((format(printf, 2, 0))) print_line(const char *prefix, const char *fmt, va_list ap)
{
        _cleanup_(freep) char *message = NULL;
        struct strbuf line = { 0 };

        if (vasprintf(&message, fmt, ap) < 0)
                return;
        strbuf_add(&line, prefix);
        strbuf_add_escaped(&line, message, strlen(message), ESCAPE_ALL);
        (void)fflush(stdout);
        (void)fprintf(stderr, "%s\n", strbuf_str(&line));
        strbuf_done(&line);
}

int fail(const struct cli *c, int code, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        print_line("jobctl: ", fmt, ap);
        va_end(ap);
        return c->waiting ? EXIT_SELF : code;
}

int fail_error(const struct cli *c, const struct error *e)
{
        return fail(c, error_code_exit(e->code), "%s", e->message);
}

int fail_usage(const struct cli *c, const char *fmt, ...)
{
        _cleanup_(freep) char *message = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&message, fmt, ap);
        va_end(ap);
        if (n < 0)
                message = NULL;
        return fail(c, EXIT_USAGE, "%s (see `jobctl help%s%s')", message ? message : "wrong usage",
                    c->command ? " " : "", c->command ? c->command->name : "");
}

void say(const struct cli *c, const char *fmt, ...)
{
        va_list ap;

        if (opt_given(c, OPT_QUIET))
                return;
        va_start(ap, fmt);
        print_line("", fmt, ap);
        va_end(ap);
}

struct wall cli_now(void)
{
        return clock_wall();
}

struct wall cli_boot(void)
{
        return (struct wall){ clock_wall().usec - clock_mono().usec };
}

struct zones *cli_zones(struct cli *c)
{
        if (!c->zones && zones_new(NULL, &c->zones) < 0)
                (void)xrealloc(NULL, SIZE_MAX / 2); /* ends jobctl */
        return c->zones;
}

const struct tz *cli_zone(struct cli *c)
{
        if (!c->zone)
                c->zone = zones_local(cli_zones(c));
        return c->zone;
}

const struct tz *cli_find_zone(struct cli *c, const char *name)
{
        return zones_find(cli_zones(c), name);
}

bool ask(const struct cli *c, const char *fmt, ...)
{
        _cleanup_(freep) char *question = NULL;
        char answer[16] = "";
        va_list ap;
        int n;

        if (opt_given(c, OPT_YES) || !isatty(STDIN_FILENO) || !c->stderr_tty)
                return true;
        va_start(ap, fmt);
        n = vasprintf(&question, fmt, ap);
        va_end(ap);
        if (n < 0) {
                question = NULL;
                return false;
        }
        (void)fprintf(stderr, "%s [y/N] ", question);
        (void)fflush(stderr);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        return answer[0] == 'y' || answer[0] == 'Y';
}

int cli_connect(struct cli *c, struct error *reterr)
{
        _cleanup_(freep) char *path = NULL;
        bool fallback = false;
        int r;

        if (c->client)
                return 0;
        path = place_socket(c, &fallback);
        if (!path)
                return error_set(reterr, -ENOENT, ERROR_UNREACHABLE,
                                 "neither $XDG_RUNTIME_DIR nor $HOME says where your own daemon is");
        r = client_new(path, &c->client, reterr);
        if (r == 0 && fallback)
                (void)fprintf(stderr, "jobctl: the system's daemon is not there, asking yours at %s\n", path);
        return r;
}

void cli_disconnect(struct cli *c)
{
        c->client = client_free(c->client);
}

/* What a daemon of another protocol lacks is told as that. */
static void explain_protocol(struct cli *c, struct error *reterr)
{
        _cleanup_(json_decrefp) json_t *v = NULL;
        int id, r;

        r = client_send(c->client, "system.version", NULL, &id, NULL);
        if (r < 0 || client_receive(c->client, id, &v, NULL) != 0 || !reterr)
                return;
        if (jcount(v, "protocol") >= 0 && jcount(v, "protocol") != PROTOCOL_VERSION) {
                *reterr = ERROR_NULL;
                (void)error_set(reterr, 0, ERROR_FAILED,
                                "the daemon (%s) speaks protocol %lld, this jobctl (%s) protocol %d",
                                jstr(v, "version") ? jstr(v, "version") : "of an unknown version",
                                (long long)jcount(v, "protocol"), PACKAGE_VERSION, PROTOCOL_VERSION);
        }
}

int call(struct cli *c, const char *method, json_t *params, json_t **ret, struct error *reterr)
{
        _cleanup_(json_decrefp) json_t *answer = NULL, *stolen = params;
        int id, r;

        r = cli_connect(c, reterr);
        if (r < 0)
                return r;
        r = client_send(c->client, method, TAKE_PTR(stolen), &id, reterr);
        if (r < 0)
                return r;
        r = client_receive(c->client, id, &answer, reterr);
        if (r == -EOPNOTSUPP)
                explain_protocol(c, reterr);
        if (r > 0)
                return error_set(reterr, -EPROTO, ERROR_FAILED, "the daemon streams where it should answer");
        if (r == 0)
                *ret = TAKE_PTR(answer);
        return r;
}

int call_or_fail(struct cli *c, const char *method, json_t *params, json_t **ret)
{
        struct error e = ERROR_NULL;

        return call(c, method, params, ret, &e) < 0 ? fail_error(c, &e) : EXIT_OK;
}

void warn_not_durable(const struct cli *c, const json_t *result)
{
        if (json_is_false(json_object_get(result, "durable")))
                (void)fail(c, EXIT_OK, "warning: it is carried out, but the daemon can't write it down now");
}

bool is_run(const char *word, uint64_t *ret_id)
{
        uint64_t v = 0;

        for (const char *p = word; *p; p++)
                if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
                        return false;
        if (!*word || v == 0 || v > INT64_MAX)
                return false;
        *ret_id = v;
        return true;
}

bool has_glob(const char *word)
{
        return strpbrk(word, "*?[") != NULL;
}

json_t *args_json(char *const *args, size_t n)
{
        json_t *a = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(a, json_string(args[i]));
        return a;
}

const json_t *jpath(const json_t *o, const char *path)
{
        char key[64];

        while (o) {
                size_t n = strcspn(path, ".");

                if (n >= sizeof(key))
                        return NULL;
                memcpy(key, path, n);
                key[n] = '\0';
                o = json_object_get(o, key);
                if (!path[n])
                        break;
                path += n + 1;
        }
        return o;
}

bool jtime(const json_t *o, const char *path, struct wall *ret)
{
        const char *s = json_string_value(jpath(o, path));

        return s && rfc3339_parse(s, ret) == 0;
}

int64_t jcount(const json_t *o, const char *path)
{
        const json_t *v = jpath(o, path);

        return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : -1;
}
