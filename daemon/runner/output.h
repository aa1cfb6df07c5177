/* What a job writes, into its log: <run>.<start>.log in the job's log folder, in the CRI form; file and folder are made at
 * the first byte: an attempt without output leaves neither
 *
 *     2026-11-22T01:02:03.123456789+00:00 stdout F a whole line
 *     2026-11-22T01:02:03.123456789+00:00 stderr P the beginning of one, or all of a last line without an end
 *
 * so that the text of F entries and a line end, and that of P entries, one after another, is byte for byte what was
 * written.
 *
 * At most `max` bytes are kept, counted as they stand in the files: the first half in <run>.<start>.log, of the
 * rest the newest in .log.1 and then .log.2, a quarter each.  When both are full .log.2 becomes .log.1 and a new
 * .log.2 begins: .log.1 is always the older one.  A full disk, or a folder that can't be written, loses text and
 * never holds up the job.  What was not kept is counted in the job's own bytes, exactly. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/util.h"

enum output_stream { OUTPUT_STDOUT, OUTPUT_STDERR };

#define OUTPUT_PATH_MAX 256

struct output {
        int base;            /* the folder of all logs; borrowed.  -1: none, everything is dropped */
        char path[OUTPUT_PATH_MAX]; /* of the job's log folder in it; empty: it is no path for one, everything is dropped */
        int folder;          /* that folder, an O_PATH descriptor; owned.  -1: not open yet */
        uid_t as_uid;        /* folders and files are made with this uid as file-system uid */
        uint64_t run;
        uint32_t start;
        uint64_t max;

        int fd;              /* the file being written, -1: none yet */
        unsigned segment;    /* 0 head, 1, 2 */
        uint64_t size;       /* of that file */
        uint64_t text[3];    /* bytes of the job's in each segment */
        uint64_t written;    /* bytes the job wrote */
        uint64_t dropped;    /* of them not kept */
        bool broken;         /* the current segment can't be made */
};

/* `path`: names with slashes between, none of which begins with a dot.  NULL: none. */
void output_init(struct output *o, int base, const char *path, uid_t as_uid, uint64_t run, uint32_t start, uint64_t max);
/* Takes in what was read from a stream. */
void output_add(struct output *o, enum output_stream stream, const void *data, size_t size);
void output_done(struct output *o);
