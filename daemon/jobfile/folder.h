/* The folders of job files: what is in force, what is wrong, what changed.  Opens files and watches: not pure, but
 * no clock and no loop: the shell polls folder_fd(), calls folder_process(), and arms a timer by its answer.
 *
 * Inotify on each folder (and on the folder's parent, for folders swapped as a whole), debounced 200 ms after the
 * last event of a file; overflow means a full rescan; every 10 minutes the folders are stat'ed and rescanned if
 * changed.  Work is done in slices of at most 2 ms, so that 100,000 files never hold up the loop.  A changed file
 * costs in proportion to that file alone.
 *
 * Ownership: jobs.d(5), *Who may run as whom*: file and every folder above owned by root (or by the caller's uid),
 * not writable by group or others. */
#pragma once
#include <stdint.h>

#include "engine/event.h"
#include "jobfile/jobfile.h"

struct folder;

/* Whether a file of that name in a folder is one of ours: *.yaml, *.yml, no dot files, nothing that editors and
 * packages leave. */
bool file_name_counts(const char *name);

struct folder_file;

struct folder_options {
        char *const *dirs;            /* NULL-terminated; a missing one is waited for */
        struct jobfile_options parse; /* `now` is set anew at each call */
        uint32_t own_uid;             /* besides root, this uid may own files */

        /* May be NULL: for the log.  A file was judged and something is wrong with it, or is no longer.  `file` is
         * borrowed; no folder_…() may be called. */
        void (*on_judged)(void *arg, const struct folder_file *file);
        void *arg;
};

int folder_new(const struct folder_options *opt, struct folder **ret);
struct folder *folder_free(struct folder *f);
DEFINE_CLEANUP(struct folder *, folder_free);

/* Before the first scan, for each text that the store keeps: what was in force when the daemon last ran.  Names
 * stay with the file that holds them here; a file that is broken now keeps this version in force. */
int folder_restore(struct folder *f, const struct file_row *row);

/* First, complete scan; after it folder_take_delta() has everything.  0, or -ENOMEM, -EMFILE: not all could be
 * looked at, so that nothing may be concluded from what is missing. */
int folder_scan(struct folder *f, struct wall now);

/* To be polled for reading. */
int folder_fd(const struct folder *f);

/* Events or time passed: does one slice.  *ret_again: when to call again at the latest (MONO_NEVER: only on fd
 * events). */
int folder_process(struct folder *f, struct wall now, struct mono mono, struct mono *ret_again);

/* SIGHUP, `jobctl reload`: look at everything again (in slices).  Changed options (zones, defaults) take effect
 * for every file. */
int folder_rescan(struct folder *f, const struct folder_options *opt_or_null);
/* True while a rescan is still going on or changes wait for their debounce. */
bool folder_busy(const struct folder *f);

/* What changed since the last call, in the form of an event (type CONFIG; clocks unset).  Borrowed until the next
 * folder call.  False: nothing. */
bool folder_take_delta(struct folder *f, struct event *ret);

/* For `status` and `check`: the i-th file in order of path. */
enum folder_file_state {
        FOLDER_FILE_OK,
        FOLDER_FILE_ERROR,
        FOLDER_FILE_STALE /* broken now, its last good version is in force */
};
struct folder_file {
        const char *path;
        enum folder_file_state state;
        struct wall since; /* when it came to this state */
        size_t n_jobs;
        const struct diagnostics *errors, *warnings;
};
size_t folder_files(const struct folder *f);
/* Borrowed until the next call; false: no such file (or no memory). */
bool folder_file_at(const struct folder *f, size_t i, struct folder_file *ret);
size_t folder_broken(const struct folder *f); /* number of files not OK */
