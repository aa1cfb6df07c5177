/* Watchers, and the shell's life. */
#include "shell/shell.h"

#include <errno.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "shell/internal.h"
#include "shell/service.h"


static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
        shell_drain(w->data);
}

/* After a large reload, once all of it is on disk: what it took in passing goes back to the system. */
static void give_back(struct shell *s, uint64_t stored)
{
        struct engine_stats stats;

        if (!s->large_step)
                return;
        engine_get_stats(s->engine, &stats);
        if (stored < stats.seq_given)
                return;
        s->large_step = false;
        (void)malloc_trim(0);
}

static void on_store(struct ev_loop *loop, ev_io *w, int revents)
{
        struct shell *s = w->data;
        struct store_news news;
        struct event ev = { .type = EVENT_STORED };

        if (!store_poll(s->store, &news))
                return;
        if (news.failed) {
                if (!s->store_failing)
                        log_error("the state can't be written, nothing new is started: %s", news.error.message);
                s->store_failing = true;
                ev.type = EVENT_STORE_FAILED;
                shell_queue(s, &ev);
        } else if (news.stored) {
                if (s->store_failing)
                        log_notice("the state can be written again");
                s->store_failing = false;
                ev.stored.seq = news.seq;
                shell_queue(s, &ev);
                give_back(s, news.seq);
        }
}

static void folder_slice(struct shell *s)
{
        struct mono again, now = clock_mono();

        if (folder_process(s->folder, clock_wall(), now, &again) < 0)
                again = mono_add(now, USEC_PER_SEC);
        ev_timer_stop(s->loop, &s->folder_timer);
        if (!mono_is_never(again)) {
                ev_timer_set(&s->folder_timer, MAX((double)(again.usec - now.usec) / USEC_PER_SEC, 0.), 0.);
                ev_timer_start(s->loop, &s->folder_timer);
        }
        reload_look(s);
}

static void on_folder(struct ev_loop *loop, ev_io *w, int revents)
{
        folder_slice(w->data);
}

static void on_folder_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
        folder_slice(w->data);
}

/* A package with zones replaces many files: they are looked at when it is quiet again. */
static void on_zones(struct ev_loop *loop, ev_io *w, int revents)
{
        struct shell *s = w->data;

        if (zones_watch_read(s->zones))
                ev_timer_again(loop, &s->zones_timer);
}

static void on_zones_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct shell *s = w->data;

        ev_timer_stop(loop, &s->zones_timer);
        reload_zones(s);
}

static void on_watchdog(struct ev_loop *loop, ev_timer *w, int revents)
{
        service_notify("WATCHDOG=1");
}

static void on_reload_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct shell *s = w->data;

        ev_timer_stop(loop, w);
        reload_look(s);
}

static void on_hup(struct ev_loop *loop, ev_signal *w, int revents)
{
        reload_want(w->data);
}

/* Every so often while a stop waits for runs: are they gone? */
static void on_stop_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct shell *s = w->data;

        if (runner_watched(s->runner) == 0)
                ev_break(loop, EVBREAK_ALL);
}

static void on_grace_over(int revents, void *arg)
{
        struct shell *s = arg;

        log_warning("stopping although runs are still there: shutdown_grace is over");
        ev_break(s->loop, EVBREAK_ALL);
}

static void on_term(struct ev_loop *loop, ev_signal *w, int revents)
{
        struct shell *s = w->data;
        struct event ev = { .type = EVENT_SHUTDOWN, .shutdown = { .kill = s->config.on_stop == ON_STOP_KILL } };

        if (s->stopping) {
                ev_break(loop, EVBREAK_ALL);
                return;
        }
        s->stopping = true;
        service_notify("STOPPING=1");
        log_info("stopping");
        shell_queue(s, &ev);
        shell_drain(s);
        if (s->config.on_stop == ON_STOP_LEAVE || runner_watched(s->runner) == 0) {
                ev_break(loop, EVBREAK_ALL);
                return;
        }
        ev_timer_set(&s->stop_timer, 0.05, 0.05);
        ev_timer_start(loop, &s->stop_timer);
        if (s->config.on_stop == ON_STOP_KILL)
                ev_once(loop, -1, 0, (double)s->config.shutdown_grace_usec / USEC_PER_SEC, on_grace_over, s);
}

static void on_command(void *arg, const struct command *c)
{
        struct event ev = { .type = EVENT_COMMAND, .command = *c };

        shell_queue(arg, &ev);
}

static void on_reload_wanted(void *arg)
{
        reload_want(arg);
}

/* LANG of the system: the daemon's own, or the file that login sessions read. */
static char *system_language(void)
{
        const char *lang = getenv("LANG");
        char line[256];
        FILE *f;
        char *found = NULL;

        if (lang && lang[0])
                return strdup(lang);
        f = fopen("/etc/default/locale", "re");
        if (!f)
                f = fopen("/etc/locale.conf", "re");
        if (!f)
                return NULL;
        while (!found && fgets(line, sizeof(line), f)) {
                char *value = line + strlen("LANG=");

                if (strncmp(line, "LANG=", strlen("LANG=")) != 0)
                        continue;
                value += *value == '"';
                value[strcspn(value, "\"\n")] = '\0';
                found = strdup(value);
        }
        (void)fclose(f);
        return found;
}

/* Many runs at once need descriptors: as many as we may have. */
static void raise_descriptors(void)
{
        struct rlimit rl;

        if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
                rl.rlim_cur = rl.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &rl);
        }
}

int shell_new(struct shell_options *opt, struct shell **ret, struct error *reterr)
{
        struct shell *s = calloc(1, sizeof(*s));
        const struct passwd *pw = getpwuid(geteuid());
        int r;

        if (!s)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        s->wall_fd = s->mono_fd = -1;
        s->places = opt->places;
        s->config = opt->config;
        opt->places = (struct places){ 0 };
        opt->config = (struct config){ 0 };
        s->given = opt->given;
        s->given_log_level = opt->log_level;
        s->listen_fd = opt->listen_fd;
        s->own_user_only = geteuid() != 0;
        s->own_user = strdup(pw ? pw->pw_name : "");
        s->language = system_language();
        s->started = clock_wall();
        raise_descriptors();
        *ret = s;

        s->loop = ev_default_loop(EVFLAG_NOENV);
        if (!s->loop)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "the event loop can't be made");
        r = zones_new(NULL, &s->zones);
        if (r < 0)
                return error_set(reterr, r, ERROR_FAILED, "out of memory");
        s->local = s->config.timezone ? zones_find(s->zones, s->config.timezone) : zones_local(s->zones);
        if (!s->local)
                return error_set(reterr, -EINVAL, ERROR_FAILED, "timezone: this system has no zone %s", s->config.timezone);
        s->zone_source = zones_source(s->zones, s->local);
        s->machine = machine_number();
        log_set_zone(s->local);
        return timers_open(s, reterr);
}

static struct control_context control_context(struct shell *s)
{
        return (struct control_context){
                .loop = s->loop, .engine = s->engine, .store = s->store, .folder = s->folder, .calendars = s->calendars, .runner = s->runner,
                .config = &s->config, .zone = s->local, .log_dir = s->places.log_dir, .socket_path = s->places.socket,
                .default_user = s->own_user, .own_uid = geteuid(), .private_daemon = s->places.mode != PLACES_SYSTEM, .command = on_command,
                .reload = on_reload_wanted, .arg = s, .started = s->started,
        };
}

int shell_listen(struct shell *s, struct error *reterr)
{
        struct control_context ctx = control_context(s);

        return control_new(&ctx, s->listen_fd, &s->control, reterr);
}

void shell_update_control(struct shell *s)
{
        struct control_context ctx = control_context(s);

        if (s->control)
                control_update(s->control, &ctx);
}

static void start_signals(struct shell *s)
{
        ev_signal_init(&s->term_signal, on_term, SIGTERM);
        ev_signal_init(&s->int_signal, on_term, SIGINT);
        ev_signal_init(&s->hup_signal, on_hup, SIGHUP);
        s->term_signal.data = s->int_signal.data = s->hup_signal.data = s;
        ev_signal_start(s->loop, &s->term_signal);
        ev_signal_start(s->loop, &s->int_signal);
        ev_signal_start(s->loop, &s->hup_signal);
        (void)signal(SIGPIPE, SIG_IGN);
}

static void watch_zones(struct shell *s)
{
        int fd = zones_watch(s->zones);

        ev_timer_init(&s->zones_timer, on_zones_timer, 0., ZONES_QUIET_SEC);
        ev_timer_init(&s->zones_look_timer, on_zones_timer, ZONES_LOOK_SEC, ZONES_LOOK_SEC);
        s->zones_timer.data = s->zones_look_timer.data = s;
        ev_timer_start(s->loop, &s->zones_look_timer);
        if (fd < 0) {
                log_warning("changes of time zones are noticed every %d minutes only: %s", (int)ZONES_LOOK_SEC / 60, strerror(-fd));
                return;
        }
        ev_io_init(&s->zones_io, on_zones, fd, EV_READ);
        s->zones_io.data = s;
        ev_io_start(s->loop, &s->zones_io);
}

static void start_watchers(struct shell *s)
{
        int64_t watchdog = service_watchdog_usec();

        ev_io_init(&s->store_io, on_store, store_fd(s->store), EV_READ);
        ev_io_init(&s->folder_io, on_folder, folder_fd(s->folder), EV_READ);
        ev_timer_init(&s->folder_timer, on_folder_timer, 0., 0.);
        ev_timer_init(&s->reload_timer, on_reload_timer, 0., 0.2);
        ev_timer_init(&s->stop_timer, on_stop_timer, 0., 0.);
        ev_timer_init(&s->watchdog_timer, on_watchdog, 0., (double)watchdog / 2 / USEC_PER_SEC);
        ev_prepare_init(&s->prepare, on_prepare);
        s->store_io.data = s->folder_io.data = s->folder_timer.data = s->reload_timer.data = s;
        s->stop_timer.data = s->watchdog_timer.data = s->prepare.data = s;
        ev_io_start(s->loop, &s->store_io);
        ev_io_start(s->loop, &s->folder_io);
        ev_timer_start(s->loop, &s->folder_timer);
        ev_prepare_start(s->loop, &s->prepare);
        if (watchdog > 0)
                ev_timer_again(s->loop, &s->watchdog_timer);
        watch_zones(s);
}

/* Ends of runs, answers and the last rows that are already on their way. */
static void finish(struct shell *s)
{
        if (s->control)
                control_shutdown(s->control);
        shell_drain(s);
}

int shell_run(struct shell *s, struct error *reterr)
{
        start_signals(s);
        start_watchers(s);
        service_notify("READY=1\nSTATUS=running");
        log_info("ready");
        ev_run(s->loop, 0);
        finish(s);
        return 0;
}

struct shell *shell_free(struct shell *s)
{
        if (!s)
                return NULL;
        s->control = control_free(s->control);
        s->runner = runner_free(s->runner);
        s->store = store_close(s->store);
        s->engine = engine_free(s->engine);
        s->folder = folder_free(s->folder);
        s->calendars = calendars_free(s->calendars);
        actions_done(&s->actions);
        queue_done(&s->queue);
        timers_close(s);
        if (s->loop)
                ev_loop_destroy(s->loop);
        log_set_zone(NULL);
        s->zones = zones_free(s->zones);
        config_done(&s->config);
        places_done(&s->places);
        free(s->found);
        free(s->own_user);
        free(s->language);
        free(s);
        return NULL;
}
