/* The daemon's log: text for a terminal, JSON lines, or the journal with fields and a stable MESSAGE_ID for each event
 * (tbl/log_ids.h).
 *
 * One line is one write, at most 4096 bytes, and only if the reader has room: a stuck pipe or terminal never holds up
 * the caller.  What was dropped is counted and said with the next line that gets through.  (The journal takes datagrams
 * and may hold up its clients while it restarts; systemd's own services live with that.)  Any thread may log. */
#pragma once
#include <stdint.h>
#include <syslog.h>

#include "calendar/tz.h"
#include "engine/run.h"
#include "jobfile/config.h"

/* Where the log goes, and the highest syslog level that is logged.  May be called again (reload).
 * AUTO: the journal if stderr is connected to it (JOURNAL_STREAM), else text on stderr.
 * JOURNAL without libsystemd, or without a journal: stderr with systemd's `<N>` level prefixes.
 * 0, or -EINVAL (format or level out of range: nothing changes). */
int log_open(enum log_format format, int level);
void log_set_level(int level);

/* The zone of the times in text and JSON; borrowed until another is set.  NULL, and before the first: UTC. */
void log_set_zone(const struct tz *zone);

/* "error", "warning", "notice", "info", "debug": the words of `log_level` and --log-level. */
const char *log_level_name(int level);
/* LOG_ERR … LOG_DEBUG, or -1. */
int log_level_from_name(const char *name);

/* One line.  Control characters in it are escaped, also those that come from arguments. */
void log_message(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)

/* A run came to a state, or was told to stop (the flag `stopping` while it runs): a line with the fields JOB=, RUN_ID=,
 * ATTEMPT=, EVENT=, MESSAGE_ID=.  Call it once for each change of state. */
void log_run(const struct run_info *r);
