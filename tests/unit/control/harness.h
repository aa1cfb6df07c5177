/* A control socket with the real engine behind it, and stand-ins for what blocks or forks: the store is a list in memory whose answers
 * come in a later turn of the loop, the runner takes signals and notes them, the folder has what a test puts there.  Clients live in
 * the test's own process; the loop turns until they have their answer, so nothing sleeps. */
#pragma once
#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "control/control.h"
#include "jobfile/jobfile.h"

struct harness {
        struct control_context ctx;
        struct control *control;
        struct config config;
        char dir[64];            /* of the socket and the logs */
        char socket[96];
        unsigned reloads;        /* asked for; answered by harness_reloaded() */
        bool hold_replies;       /* commands are taken but not stepped until harness_step() */
        int last_signal;         /* the runner's */
        uint64_t signalled;
        uint64_t commands;
};

/* The one of this program; every start begins anew. */
extern struct harness h;

void harness_start(void);
/* After changes in h.ctx or h.config that are read at the start only. */
void harness_restart(void);
void harness_stop(void);

/* Puts the jobs of this YAML into force, as if from a file that `uid` owns.  Aborts on an error. */
void harness_jobs(const char *yaml, const char *path, uint32_t uid);
void harness_remove(const char *job);
/* n jobs named j00000, j00001, … with this schedule. */
void harness_many(unsigned n, const char *schedule);
void harness_step(void);
void harness_reloaded(void);
/* Time passes, for the engine alone. */
void harness_tick(int64_t usec);
/* What the runner would say of a run's start. */
void harness_started(uint64_t run, uint32_t start);
void harness_exited(uint64_t run, uint32_t start, int wait_status);
/* A row of history that the engine knows nothing of.  Strings are copied. */
void harness_history(const struct run_info *r);
/* Store questions that are not answered yet; answers come only while this is false. */
extern bool harness_hold_store;
/* The daemon's log is not shown. */
extern bool harness_quiet;
size_t harness_store_waiting(void);

/* Turns the loop once, without waiting. */
void turn(void);
/* Often enough for what was sent to be accepted, read and asked about. */
void settle(void);

/* A client: a socket that doesn't block. */
int client(void);
/* One that is another user's, with these groups (needs root). */
int client_as(uid_t uid, gid_t gid, const gid_t *groups, size_t n);
void client_send(int fd, const char *text);
/* The next line, parsed; turns the loop until it is there.  NULL: closed (or, after many turns, nothing). */
json_t *client_read(int fd);
/* Sends one line, returns the next that is read. */
json_t *ask(int fd, const char *line);
/* Only the error code in `data`, "" for a result, "closed". */
const char *ask_code(int fd, const char *line);
/* True once the other side has closed. */
bool client_closed(int fd);
/* A string at a path of keys and indexes "result.jobs.0.name"; NULL if it is none. */
const char *at_string(json_t *v, const char *path);
json_t *at(json_t *v, const char *path);
size_t open_descriptors(void);
