/* Reads the captured output of one start: head, then the two segments of the tail, in the CRI form (runner/output.h
 * writes it). Blocks on the disk: for the reader thread alone.  Survives that the writer turns the segments over
 * meanwhile. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/time.h"
#include "calendar/tz.h"
#include "proto/json.h"

enum log_stream { LOG_STREAM_BOTH, LOG_STREAM_STDOUT, LOG_STREAM_STDERR };

struct logfile {
        /* Given by the caller, who owns the strings. */
        const char *log_dir;
        const char *job;          /* `/` and `:` are folder levels */
        uint64_t run;
        uint32_t start;
        enum log_stream stream;
        struct wall since;        /* {INT64_MIN}: everything */
        uint64_t lines;           /* only so many at the end; 0: all */
        const struct tz *zone;    /* of the times that come out */

        /* Where it is. */
        int folder;               /* -1: not there (yet) */
        int fd;                   /* the file being read, -1: none */
        unsigned segment;         /* 0 head; later: any of the tail */
        ino_t inode;              /* of fd */
        off_t at;
        bool begun;               /* the start of the tail was looked for */
        bool final;               /* fd is not written any more */
};

/* What one piece says. */
struct logpiece {
        struct text entries;      /* {…},{…}: without the brackets around them */
        bool at_end;              /* there is no more for now */
        bool left_head;           /* behind these entries the head ends: what was dropped lies there */
        bool gap;                 /* behind these entries text came and went before it could be read */
        int error;                /* errno */
};

void logfile_init(struct logfile *l);
void logfile_close(struct logfile *l);
/* The next piece: about 64 KiB of text, or up to where it ends.  `whole`: nothing more will be written, also a last
 * line without its end is given. */
void logfile_read(struct logfile *l, bool whole, struct logpiece *ret);
