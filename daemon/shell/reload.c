/* SIGHUP and `jobctl reload`: the configuration and every job file are looked at again.  Storms are gathered. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "shell/internal.h"
#include "shell/service.h"

/* Reloads at most this often. */
#define RELOAD_PAUSE_SEC 0.2

static void warn_fixed(const char *key, const char *was, const char *is)
{
        if (!streq_ptr(was, is))
                log_warning("%s can't change under a running daemon: restart it to apply the new value", key);
}

/* What the new configuration would have put elsewhere stays where it is, and is said. */
static void warn_about_places(const struct config *was, const struct config *is)
{
        warn_fixed("state_dir", was->state_dir, is->state_dir);
        warn_fixed("runtime_dir", was->runtime_dir, is->runtime_dir);
        warn_fixed("log_dir", was->log_dir, is->log_dir);
        warn_fixed("socket", was->socket, is->socket);
        warn_fixed("runner", was->runner, is->runner);
        for (size_t i = 0; was->jobs_dirs || is->jobs_dirs; i++) {
                const char *a = was->jobs_dirs ? was->jobs_dirs[i] : NULL, *b = is->jobs_dirs ? is->jobs_dirs[i] : NULL;

                if (!streq_ptr(a, b)) {
                        log_warning("jobs_dirs can't change under a running daemon: restart it to apply the new value");
                        break;
                }
                if (!a)
                        break;
        }
}

/* The limits that may change at any time. */
void reload_apply_limits(struct shell *s)
{
        struct event ev = {
                .type = EVENT_CONFIG,
                .config = { .max_running = s->config.max_running > 0 ? s->config.max_running : 1000,
                            .max_starting = shell_max_starting(&s->config) },
        };

        log_set_level(s->given_log_level >= 0 ? s->given_log_level : s->config.log_level >= 0 ? s->config.log_level : LOG_INFO);
        shell_step(s, &ev);
}

static bool refresh_zones(struct shell *s)
{
        int n = zones_refresh(s->zones);

        if (n < 0)
                log_error("time zones can't be read again: %s", strerror(-n));
        else if (n > 0)
                log_notice("time zones with new rules: %d; their jobs' schedules count anew from now on", n);
        return n > 0;
}

/* Files are read again, so that their jobs have the zones and calendars of now. */
static void rescan(struct shell *s, const struct tz *local)
{
        struct folder_options opt;

        s->local = local;
        s->zone_source = zones_source(s->zones, local);
        log_set_zone(local);
        shell_load_calendars(s);
        opt = shell_folder_options(s);
        (void)folder_rescan(s->folder, &opt);
        shell_update_control(s);
        runner_set_zone(s->runner, tz_name(zones_local(s->zones)));
}

void reload_zones(struct shell *s)
{
        const struct tz *local;

        if (!refresh_zones(s))
                return;
        local = s->config.timezone ? zones_find(s->zones, s->config.timezone) : zones_local(s->zones);
        rescan(s, local ?: s->local);
        ev_feed_event(s->loop, &s->folder_timer, EV_TIMER);
}

static void reload_config(struct shell *s)
{
        struct config fresh;
        struct error err = ERROR_NULL;
        const struct tz *local;

        (void)refresh_zones(s);
        if (shell_read_config(s->places.config, s->given.config, &s->zone_source, &fresh, &err) < 0) {
                log_error("the configuration is as it was: %s", err.message);
                rescan(s, s->local);
                return;
        }
        local = fresh.timezone ? zones_find(s->zones, fresh.timezone) : zones_local(s->zones);
        if (!local) {
                log_error("the configuration is as it was: there is no time zone %s", fresh.timezone);
                config_done(&fresh);
                rescan(s, s->local);
                return;
        }
        warn_about_places(&s->config, &fresh);
        /* The folder, the control socket and the log borrow from s->config: its strings go only after they were told. */
        {
                struct config old = s->config;

                s->config = fresh;
                rescan(s, local);
                config_done(&old);
        }
        reload_apply_limits(s);
}

static void begin(struct shell *s)
{
        char state[64];

        s->reload_wanted = false;
        s->reload_running = true;
        snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono().usec);
        service_notify(state);
        log_info("reloading");
        reload_config(s);
        ev_timer_again(s->loop, &s->reload_timer);
        ev_feed_event(s->loop, &s->folder_timer, EV_TIMER);
}

void reload_want(struct shell *s)
{
        s->reload_wanted = true;
        if (!s->reload_running && !ev_is_active(&s->reload_timer))
                begin(s);
}

/* Is the reload through?  Called when the folder has done something, and when the pause between two is over. */
void reload_look(struct shell *s)
{
        if (s->reload_running && !folder_busy(s->folder)) {
                s->reload_running = false;
                service_notify("READY=1");
                if (folder_broken(s->folder) + calendars_broken(s->calendars) > 0)
                        log_warning("reloaded; files with errors: %zu",
                                    folder_broken(s->folder) + calendars_broken(s->calendars));
                else
                        log_info("reloaded");
                if (s->control)
                        control_reloaded(s->control);
        }
        if (s->reload_wanted && !s->reload_running && !ev_is_active(&s->reload_timer))
                begin(s);
}
