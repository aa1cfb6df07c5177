/* Shared by the shell's own files. */
#pragma once
#include <ev.h>

#include "control/control.h"
#include "engine/engine.h"
#include "jobfile/calendars.h"
#include "jobfile/folder.h"
#include "jobfile/machine.h"
#include "jobfile/zones.h"
#include "runner/client.h"
#include "shell/shell.h"
#include "store/store.h"

/* Engine steps in one go before the loop looks at its descriptors again. */
#define DRAIN_STEPS_MAX 64
/* Actions whose memory is kept from step to step. */
#define ACTIONS_KEPT_MAX 4096
/* Ticks in a row that were due at once and changed nothing: the loop spins, and that is a bug worth a core. */
#define SPIN_MAX 1000000

/* Zone files are looked at so long after the last change of one, and every so often in any case. */
#define ZONES_QUIET_SEC 0.5
#define ZONES_LOOK_SEC  600.

struct queued {
        struct event event;
        char *job, *why; /* owned copies of a command's strings */
        struct wall *instants; /* and of its instants */
};

struct queue {
        struct queued *v; /* ring */
        size_t head, n, allocated;
};

/* An attempt that the store knew as starting or running. */
struct found_run {
        uint64_t run;
        uint32_t start;
        enum run_state state;
};

struct shell {
        struct ev_loop *loop;
        struct places places;
        struct config config;
        struct place_options given;
        int given_log_level, listen_fd;
        bool own_user_only;
        char *own_user, *language;
        char boot[128];
        bool new_boot;
        struct wall started;

        struct zones *zones;
        const struct tz *local;
        struct zone_source zone_source;
        uint64_t machine; /* jobfile/machine.h, read once */
        struct calendars *calendars;
        struct calendar_source calendar_source;
        struct folder *folder;
        struct store *store;
        struct store_meta meta;
        struct engine *engine;
        struct runner *runner;
        struct control *control;

        struct found_run *found; /* until the runner is there */
        size_t n_found;
        struct queue queue;
        struct actions actions;
        uint64_t spins;
        bool stopping, store_failing;
        bool large_step; /* a step was larger than usual: give memory back once it is stored */
        bool reload_running, reload_wanted;

        int wall_fd, mono_fd;
        struct wall wall_armed;
        struct mono mono_armed;
        int64_t clock_offset_usec; /* of the wall clock to the boot clock, when last looked at: a step changes it */
        ev_io wall_io, mono_io, store_io, folder_io, zones_io;
        ev_timer zones_timer, zones_look_timer, folder_timer, watchdog_timer, reload_timer, stop_timer;
        ev_signal term_signal, int_signal, hup_signal;
        ev_prepare prepare;
};

/* drain.c */
void shell_queue(struct shell *s, const struct event *ev);
void shell_drain(struct shell *s);
void shell_step(struct shell *s, struct event *ev);
void queue_done(struct queue *q);

/* timers.c */
int timers_open(struct shell *s, struct error *reterr);
void timers_arm(struct shell *s);
void timers_look(struct shell *s, struct wall wall, struct mono mono);
void timers_close(struct shell *s);

/* shell.c */
/* The control socket shows times in the daemon's zone, which a reload may change. */
void shell_update_control(struct shell *s);

/* load.c */
struct jobfile_options shell_parse_options(const struct shell *s);
struct folder_options shell_folder_options(const struct shell *s);
/* Reads the calendars' files, as the configuration now is, and sees to it that what is in force is stored. */
void shell_load_calendars(struct shell *s);
unsigned shell_max_starting(const struct config *c);

/* reload.c */
void reload_want(struct shell *s);
void reload_look(struct shell *s);
void reload_apply_limits(struct shell *s);
/* Looks whether zone files have changed; jobs get their new rules as by a reload. */
void reload_zones(struct shell *s);
