/* The inside of struct folder, shared by folder*.c alone.
 *
 * folder.c        what others may ask; what changed since they last asked
 * folder_file.c   one file: read, judged, put in force or not
 * folder_watch.c  inotify, and what follows from its events
 * folder_scan.c   looking through whole folders, slice by slice
 *
 * One thing is to be done at a time, in this order: files that are gone give up their names (sweep); files that
 * may have changed are judged in order of folder and name (the heap); those that failed because of a name that has
 * become free since are judged again. */
#pragma once
#include <dirent.h>

#include "base/fd.h"
#include "base/heap.h"
#include "jobfile/arena.h"
#include "jobfile/folder.h"
#include "jobfile/table.h"

#define DEBOUNCE_USEC (200 * USEC_PER_MSEC)
#define WRITER_USEC   (5 * USEC_PER_SEC)     /* so long a file that is still open for writing is waited for */
#define LOOK_USEC     (10 * USEC_PER_MINUTE) /* how often the folders are stat'ed */
#define BLIND_USEC    (1 * USEC_PER_MINUTE)  /* how often everything is looked at where inotify failed us */
#define RETRY_USEC    (1 * USEC_PER_SEC)     /* after memory or descriptors ran out */

struct folder_dir {
        struct job_folder *shared;
        char *path; /* shared's */
        int fd; /* O_PATH, -1: not there or refused */
        uint64_t dev, ino;
        struct timespec mtime;
        bool dropped;      /* no longer among the options */
        bool selected;     /* part of the scan under way */
        bool due;          /* to be looked through */
        int64_t due_usec;  /* … but not before this (mono) */
        char *refused;     /* why it can't be read, though it is there; NULL */
        struct file *self; /* shows that in the list of files */
        unsigned order;    /* its place among the options */
};

/* What is wrong with a file; most files have none. */
struct trouble {
        struct diagnostics errors, warnings;
        char **conflicts; /* names that other files hold */
        size_t n_conflicts;
        bool has_hash;
        uint64_t text_hash[2]; /* of the text that is wrong */
};

/* One name in one folder.  There may be 100,000. */
struct file {
        struct folder_dir *dir;
        struct job_source *source; /* of the version in force; NULL: none is */
        union {
                struct job *one; /* n_jobs == 1 */
                struct job **many;
        } jobs; /* of the version in force; names point here */
        uint32_t n_jobs;
        uint32_t seen; /* scan in which it was last there */
        struct trouble *trouble;
        uint64_t look; /* of stat: what was looked at last; 0: don't rely on it */
        struct wall since;
        int64_t due_usec;   /* while queued: when to judge it (mono; 0: at once) */
        size_t queue_index; /* in folder.queue, or HEAP_NONE */
        uint32_t options;   /* generation of the options it was judged by */
        uint8_t state;      /* enum folder_file_state */
        bool writing;       /* somebody has it open for writing, as far as the events tell */
        bool link;          /* in folder.links */
        bool event;         /* something happened to it: what stat says is not enough */
        bool listed;
        bool fresh;        /* in the first scan: judged already as it is on disk */
        uint32_t restored; /* its place among folder.restored, from 1; 0: the store knew nothing of it */
        char name[];       /* "": the folder itself */
};

/* A text that the store held, until the first scan. */
struct restored {
        struct file *file;
        char *text;
        size_t size;
        uint32_t uid, mode;
};

enum watch_kind { WATCH_DIR, WATCH_ABOVE, WATCH_TARGET };
struct watch {
        int wd;
        enum watch_kind kind;
        struct folder_dir *dir; /* DIR, ABOVE */
        char *name;             /* ABOVE: what in it leads to the folder; NULL */
};

struct changes {
        struct job **put;
        size_t n_put, allocated_put;
        struct job **removed; /* for their names */
        size_t n_removed, allocated_removed;
        const char **names; /* of `removed`, as they are handed out */
        size_t n_names;
        struct file_row *files;
        size_t n_files, allocated_files;
        struct arena texts; /* their paths and texts: apart from all that stays, so that all of it can go */
};

struct folder {
        struct jobfile_options parse;
        struct job *defaults; /* a reference to parse.defaults */
        uint32_t own_uid;
        uint32_t options; /* generation */
        void (*on_judged)(void *arg, const struct folder_file *file);
        void *arg;

        struct folder_dir **dirs; /* in order; dropped ones stay until swept */
        size_t n_dirs;
        struct table files; /* struct file by dir and name */
        struct table names; /* struct job in force by name */
        size_t n_listed;    /* files that were judged once: what people are shown */
        size_t n_broken;
        struct file **sorted; /* they in order, made when asked for, kept in order while few things change */
        size_t n_sorted, allocated_sorted;
        bool in_order;
        unsigned changes; /* to the list, since it was in order or the scan began */
        char *path;       /* the last one that was asked for */

        struct heap queue; /* files to be judged, by time and name */
        struct restored *restored;
        struct arena restored_texts;
        size_t n_restored, allocated_restored;

        struct file **links; /* files that are symlinks */
        size_t n_links;
        struct file **clashing; /* files with conflicts */
        size_t n_clashing, allocated_clashing;
        char **freed; /* names given up, while anybody is clashing */
        size_t n_freed, allocated_freed;
        bool rejudge_all; /* memory ran out: anything may have been given up */

        int inotify;
        struct watch *watches;
        size_t n_watches;
        bool blind;        /* a watch could not be set */
        int64_t look_usec; /* when the folders are to be stat'ed next; 0: not said yet */

        /* the scan under way */
        bool scanning;
        uint32_t scan;   /* its number */
        size_t scan_dir; /* dirs[scan_dir] is being listed; n_dirs: all are */
        DIR *listing;
        struct file **sweep; /* then: every file, those that are gone to be dropped */
        size_t n_sweep;

        struct changes next, taken;
        char *buffer; /* for reading files, kept */
        size_t buffer_size;
        size_t bytes_read; /* so far, to measure slices by */
};

/* -- folder.c */
struct file *file_find(struct folder *f, struct folder_dir *dir, const char *name);
/* Finds or makes.  NULL: no memory. */
struct file *file_get(struct folder *f, struct folder_dir *dir, const char *name);
/* Out of all tables, and freed. */
void file_drop(struct folder *f, struct file *file);
/* "/etc/jobs.d/a.yaml"; NULL: no memory. */
char *file_path(const struct file *file);
void file_describe(const struct file *file, const char *path, struct folder_file *ret);
int compare_files(const struct file *a, const struct file *b);
/* To be judged at that time (mono; 0: at once), whatever was said before.  0 or -ENOMEM. */
int file_queue(struct folder *f, struct file *file, int64_t due_usec);
/* The next one due by `mono`; NULL. */
struct file *file_unqueue(struct folder *f, int64_t mono_usec);
void file_set_state(struct folder *f, struct file *file, enum folder_file_state state, struct wall now);
/* Without a word to anybody: when the folder is freed. */
void file_free(struct file *file);
struct job *const *file_jobs(const struct file *file);

/* Room for so many more, so that what follows can't fail.  0 or -ENOMEM. */
int changes_reserve(struct changes *c, size_t n_put, size_t n_removed);
/* text NULL: forget. */
int changes_file(struct changes *c, const char *path, const void *text, size_t size, uint32_t uid, uint32_t mode);

/* -- folder_file.c */
/* Reads and judges one file as it is on disk now.  0, -ENOMEM, -EMFILE (to be tried again later). */
int file_load(struct folder *f, struct file *file, struct wall now);
/* Judges a text that the store held, without a row for it.  `fresh` if that is what is on disk still. */
int file_load_restored(struct folder *f, const struct restored *r, struct wall now);
/* It is not there any more: its jobs go.  The file is dropped. */
int file_remove(struct folder *f, struct file *file);
void file_set_error(struct folder *f, struct file *file, const char *message, struct wall now);
/* Files that failed because of names that are free now are queued.  True if there were any. */
bool folder_rejudge(struct folder *f);

/* -- folder_watch.c */
void watch_dir(struct folder *f, struct folder_dir *dir);
void watch_target(struct folder *f, const char *folder);
void watch_done(struct folder *f, struct folder_dir *dir_or_null);
/* Reads some events.  True: there may be more. */
bool watch_read(struct folder *f, int64_t mono_usec);

/* -- folder_scan.c */
void folder_dir_due(struct folder *f, struct folder_dir *dir, int64_t due_usec);
void folder_all_due(struct folder *f, int64_t due_usec);
/* A slice of the scan, if one is due.  True: it goes on. */
bool folder_scan_step(struct folder *f, struct wall now, int64_t mono_usec);
/* The folders' own stat. */
void folder_look(struct folder *f, int64_t mono_usec);
