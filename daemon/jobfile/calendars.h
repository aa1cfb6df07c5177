/* The named calendars of the configuration: their files read and kept, for the life of the process.  Opens files: not
 * pure.
 *
 * A file that is broken keeps its last good version in force, over a restart too: its text is given to be stored as job
 * files' texts are (calendars_rows()), and comes back by calendars_restore().  Files are owned and looked at as job
 * files are: jobs.d(5), *Who may run as whom*. */
#pragma once
#include "engine/event.h"
#include "jobfile/config.h"
#include "jobfile/folder.h"

struct calendars;

struct calendars_options {
        uint32_t own_uid; /* besides root, this uid may own files */
        bool anybodys;    /* jobctl: whoever owns them */

        /* May be NULL: for the log.  A file was judged and something is wrong with it, or is no longer. */
        void (*on_judged)(void *arg, const struct folder_file *file);
        void *arg;
};

int calendars_new(const struct calendars_options *opt, struct calendars **ret);
struct calendars *calendars_free(struct calendars *c);
DEFINE_CLEANUP(struct calendars *, calendars_free);

/* Before the first calendars_load(), for a text that the store keeps.  *ret_ours false: no calendar of this configuration
 * is made of a file of that name.  0 or -ENOMEM. */
int calendars_restore(struct calendars *c, const struct config *config, const struct file_row *row, bool *ret_ours);

/* Reads every file that the configuration names.  `zone`: whose days events in UTC fall on.  0, or -ENOMEM: all is as it
 * was. */
int calendars_load(struct calendars *c, const struct config *config, const struct tz *zone, struct wall now);

/* For jobfile_options; lives as long as `c`. */
struct calendar_source calendars_source(struct calendars *c);

/* What is to be stored since the last call: new good texts, and files that are no calendar's any more.  Borrowed until the
 * next calendars_load(). */
size_t calendars_rows(struct calendars *c, const struct file_row **ret);

/* For `status` and `check`: the i-th file, in order of path, as folder_file_at(). */
size_t calendars_files(const struct calendars *c);
bool calendars_file_at(const struct calendars *c, size_t i, struct folder_file *ret);
size_t calendars_broken(const struct calendars *c);
