/* jobschedd: the options, and the ordered list of what is set up and torn down. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "jobfile/check.h"
#include "jobfile/machine.h"
#include "jobfile/zones.h"
#include "log/log.h"
#include "shell/places.h"
#include "shell/service.h"
#include "shell/shell.h"

/* Exit codes, jobschedd(8). */
enum { EXIT_USAGE = 2, EXIT_HELD = 3 };

struct arguments {
        struct place_options places;
        enum log_format log_format;
        int log_level;
        bool check;
};

static const char usage_text[] =
        "Usage: jobschedd [OPTION]...\n"
        "Runs the jobs of a folder on time.  Stays in the foreground.\n"
        "\n"
        "      --config FILE        the configuration (/etc/jobschedd.yaml)\n"
        "      --jobs-dir DIR       a folder of job files (/etc/jobs.d); may be given more than once\n"
        "      --state-dir DIR      where state and history are kept (/var/lib/jobsched)\n"
        "      --runtime-dir DIR    for the socket and the attempts' records\n"
        "      --log-dir DIR        where the output of runs is kept (/var/log/jobsched)\n"
        "      --socket PATH        the control socket (/run/jobsched/control.sock)\n"
        "      --user               a daemon of your own, below your XDG folders\n"
        "      --root DIR           a private daemon: all of its places below DIR\n"
        "      --runner PATH        the program jobsched-runner\n"
        "      --log-format FORMAT  auto, journal, text or json\n"
        "      --log-level LEVEL    error, warning, notice, info or debug\n"
        "      --check              read configuration and job files, report every error, exit 0 or 1\n"
        "      --version            print the version\n"
        "      --help               print this\n"
        "\n"
        "Exit status: 0 stopped, 1 failed to start, 2 usage, 3 another daemon holds this state.\n";

static int find_word(const char *const words[], size_t n, const char *word)
{
        for (size_t i = 0; i < n; i++)
                if (words[i] && streq(words[i], word))
                        return (int)i;
        return -1;
}

static int usage_error(const char *fmt, const char *what)
{
        fprintf(stderr, "jobschedd: ");
        /* The formats are ours, one %s each. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(stderr, fmt, what);
#pragma GCC diagnostic pop
        fprintf(stderr, " (see jobschedd --help)\n");
        return EXIT_USAGE;
}

/* 0: go on.  Else exit with that code less 1 … main() does: *ret_exit is set. */
static bool parse_arguments(int argc, char **argv, struct arguments *a, char **dirs, int *ret_exit)
{
        enum { CONFIG = 256, JOBS_DIR, STATE_DIR, RUNTIME_DIR, LOG_DIR, SOCKET, USER, ROOT, RUNNER, FORMAT, LEVEL, CHECK, VERSION_, HELP };
        static const struct option longs[] = {
                { "config", required_argument, NULL, CONFIG },       { "jobs-dir", required_argument, NULL, JOBS_DIR },
                { "state-dir", required_argument, NULL, STATE_DIR }, { "runtime-dir", required_argument, NULL, RUNTIME_DIR },
                { "log-dir", required_argument, NULL, LOG_DIR },     { "socket", required_argument, NULL, SOCKET },
                { "user", no_argument, NULL, USER },                 { "root", required_argument, NULL, ROOT },
                { "runner", required_argument, NULL, RUNNER },       { "log-format", required_argument, NULL, FORMAT },
                { "log-level", required_argument, NULL, LEVEL },     { "check", no_argument, NULL, CHECK },
                { "version", no_argument, NULL, VERSION_ },          { "help", no_argument, NULL, HELP },
                { NULL, 0, NULL, 0 },
        };
        static const char *const formats[] = { [LOG_FORMAT_AUTO] = "auto", [LOG_FORMAT_JOURNAL] = "journal",
                                               [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json" };
        static const char *const levels[] = { [LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
                                              [LOG_INFO] = "info", [LOG_DEBUG] = "debug" };
        size_t n_dirs = 0;
        int c, word;

        *a = (struct arguments){ .log_format = (enum log_format)-1, .log_level = -1 };
        a->places.jobs_dirs = dirs;
        *ret_exit = EXIT_USAGE;
        opterr = 0;
        while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1)
                switch (c) {
                case CONFIG:
                        a->places.config = optarg;
                        break;
                case JOBS_DIR:
                        dirs[n_dirs++] = optarg;
                        break;
                case STATE_DIR:
                        a->places.state_dir = optarg;
                        break;
                case RUNTIME_DIR:
                        a->places.runtime_dir = optarg;
                        break;
                case LOG_DIR:
                        a->places.log_dir = optarg;
                        break;
                case SOCKET:
                        a->places.socket = optarg;
                        break;
                case USER:
                        if (a->places.mode == PLACES_ROOT)
                                return *ret_exit = usage_error("%s", "--user and --root exclude each other"), false;
                        a->places.mode = PLACES_USER;
                        break;
                case ROOT:
                        if (a->places.mode == PLACES_USER)
                                return *ret_exit = usage_error("%s", "--user and --root exclude each other"), false;
                        a->places.mode = PLACES_ROOT;
                        a->places.root = optarg;
                        break;
                case RUNNER:
                        a->places.runner = optarg;
                        break;
                case FORMAT:
                        word = find_word(formats, ARRAY_SIZE(formats), optarg);
                        if (word < 0)
                                return *ret_exit = usage_error("--log-format: auto, journal, text or json, not %s", optarg), false;
                        a->log_format = (enum log_format)word;
                        break;
                case LEVEL:
                        word = find_word(levels, ARRAY_SIZE(levels), optarg);
                        if (word < 0)
                                return *ret_exit = usage_error("--log-level: error, warning, notice, info or debug, not %s", optarg), false;
                        a->log_level = word;
                        break;
                case CHECK:
                        a->check = true;
                        break;
                case VERSION_:
                        puts("jobschedd " PACKAGE_VERSION);
                        return *ret_exit = EXIT_SUCCESS, false;
                case HELP:
                        fputs(usage_text, stdout);
                        return *ret_exit = EXIT_SUCCESS, false;
                case ':':
                        return *ret_exit = usage_error("%s needs a value", argv[optind - 1]), false;
                default:
                        return *ret_exit = usage_error("unknown option %s", argv[optind - 1]), false;
                }
        if (optind < argc)
                return *ret_exit = usage_error("unexpected argument %s", argv[optind]), false;
        return true;
}

/* The reason of a failed start is the last line on stderr. */
static int failed(const struct error *err)
{
        fprintf(stderr, "jobschedd: %s\n", err->message[0] ? err->message : "failed");
        return EXIT_FAILURE;
}

static void print_diagnostics(const char *path, const char *kind, const struct diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++) {
                const struct diagnostic *x = &d->v[i];

                printf("%s:%u:%u: %s: %s%s%s%s%s%s\n", path, x->line, x->column, kind, x->key ? x->key : "", x->key ? ": " : "", x->message,
                       x->hint ? " (" : "", x->hint ? x->hint : "", x->hint ? ")" : "");
        }
}

/* --check: what the daemon would take, this machine included. */
static int check(const struct places *places, const char *config_path, const struct zone_source *source)
{
        struct check_options opt = {
                .zones = source, .now = clock_wall(), .machine = machine_number(), .host = true, .own_uid = geteuid(),
        };
        struct check c = { 0 };
        int status;

        if (access(config_path, F_OK) == 0)
                opt.config = config_path;
        if (jobfile_check(places->jobs_dirs, &opt, &c) < 0) {
                fprintf(stderr, "jobschedd: out of memory\n");
                return EXIT_FAILURE;
        }
        for (size_t i = 0; i < c.n; i++) {
                print_diagnostics(c.files[i].path, "error", &c.files[i].errors);
                print_diagnostics(c.files[i].path, "warning", &c.files[i].warnings);
        }
        status = c.n_errors > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        jobfile_check_done(&c);
        return status;
}

static int serve(struct arguments *a, struct shell_options *opt)
{
        _cleanup_(shell_freep) struct shell *shell = NULL;
        struct error err = ERROR_NULL;
        int holder = 0, r;

        opt->given = a->places;
        opt->log_level = a->log_level;
        opt->listen_fd = service_listen_fd();
        service_clear_environment();
        (void)umask(022);

        if (places_make(&opt->places, &err) < 0 || shell_new(opt, &shell, &err) < 0)
                return failed(&err);
        r = shell_open_store(shell, &holder, &err);
        if (r == -EWOULDBLOCK) {
                fprintf(stderr, "jobschedd: another daemon holds this state: pid %d\n", holder);
                return EXIT_HELD;
        }
        if (r < 0 || shell_load(shell, &err) < 0 || shell_start_runner(shell, &err) < 0 || shell_listen(shell, &err) < 0 ||
            shell_run(shell, &err) < 0)
                return failed(&err);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        _cleanup_(freep) char **dirs = calloc((size_t)argc + 1, sizeof(*dirs));
        _cleanup_(zones_freep) struct zones *zones = NULL;
        struct shell_options opt = { .listen_fd = -1 };
        _cleanup_(freep) char *config_path = NULL;
        struct error err = ERROR_NULL;
        struct zone_source source;
        struct arguments a;
        int status;

        if (!dirs || !parse_arguments(argc, argv, &a, dirs, &status))
                return dirs ? status : EXIT_FAILURE;
        (void)log_open(a.log_format == (enum log_format)-1 ? LOG_FORMAT_AUTO : a.log_format, a.log_level >= 0 ? a.log_level : LOG_INFO);

        config_path = places_config_path(&a.places, &err);
        if (!config_path || zones_new(NULL, &zones) < 0)
                return failed(&err);
        source = zones_source(zones, zones_local(zones));
        if (shell_read_config(config_path, a.places.config, &source, &opt.config, &err) < 0)
                return failed(&err);
        if (a.log_format == (enum log_format)-1 || a.log_level < 0)
                (void)log_open(a.log_format == (enum log_format)-1 ? opt.config.log_format : a.log_format,
                               a.log_level >= 0 ? a.log_level : opt.config.log_level >= 0 ? opt.config.log_level : LOG_INFO);
        if (places_resolve(&a.places, &opt.config, &opt.places, &err) < 0) {
                config_done(&opt.config);
                return failed(&err);
        }
        status = a.check ? check(&opt.places, config_path, &source) : serve(&a, &opt);
        places_done(&opt.places);
        config_done(&opt.config);
        return status;
}
