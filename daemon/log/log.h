/* The daemon's log: text for a terminal, JSON lines, or the journal with fields and a stable MESSAGE_ID for each event. */
#pragma once
#include <stdint.h>
#include <syslog.h>

#include "engine/run.h"
#include "jobfile/config.h"

/* AUTO: the journal if stderr is connected to it (JOURNAL_STREAM), else text on stderr. */
int log_open(enum log_format format, int level);
void log_set_level(int level);

/* One line.  Control characters in it are escaped. */
void log_message(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)

/* A run changed: fields JOB=, RUN_ID=, ATTEMPT=, EVENT=, MESSAGE_ID=. */
void log_run(const struct run_info *r);
