#include "runner/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"

#define PIECE_MAX 8192u /* text of one entry; longer lines become several P entries */
#define PREFIX_MAX 64u
#define BUFFER_SIZE 32768u
#define NAME_SIZE 64

/* Entries gather here and go out with one write.  One supervisor, one log: a static buffer costs nothing until it
 * is used. */
static struct {
        char bytes[BUFFER_SIZE];
        size_t used;
        uint64_t text; /* of the job's bytes in it */
} buffer;

struct prefix {
        char text[PREFIX_MAX];
        size_t length;
        char *tag; /* the F or P in it */
};

/* Nobody's links or `..` lead out of the folder of logs: each name is opened by itself, and none begins with a dot. */
static bool path_is_sound(const char *path)
{
        char before = '/';

        for (; *path; path++) {
                if (before == '/' && (*path == '/' || *path == '.'))
                        return false;
                before = *path;
        }
        return before != '/';
}

void output_init(struct output *o, int base, const char *path, uid_t as_uid, uint64_t run, uint32_t start, uint64_t max)
{
        *o = (struct output){ .base = base, .folder = -1, .as_uid = as_uid, .run = run, .start = start, .max = max, .fd = -1 };
        if (path && strlen(path) < sizeof(o->path) && path_is_sound(path))
                (void)stpcpy(o->path, path);
}

static void segment_name(const struct output *o, unsigned segment, char ret[static NAME_SIZE])
{
        if (segment == 0)
                (void)snprintf(ret, NAME_SIZE, "%llu.%u.log", (unsigned long long)o->run, o->start);
        else
                (void)snprintf(ret, NAME_SIZE, "%llu.%u.log.%u", (unsigned long long)o->run, o->start, segment);
}

static uint64_t segment_max(const struct output *o)
{
        return o->segment == 0 ? o->max / 2 : o->max / 4;
}

/* One level further down, made if need be. */
static int enter(int folder, const char *name)
{
        const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = openat(folder, name, flags);

        if (fd < 0 && errno == ENOENT) {
                if (mkdirat(folder, name, 0750) < 0 && errno != EEXIST)
                        return -errno;
                fd = openat(folder, name, flags);
        }
        return fd < 0 ? -errno : fd;
}

static int folder_open(struct output *o)
{
        int at = o->base;
        char *name, *rest;

        if (o->base < 0 || !*o->path)
                return -EBADF;
        for (name = o->path; name && at >= 0; name = rest) {
                char *slash = strchr(name, '/');
                int next;

                rest = slash ? slash + 1 : NULL;
                if (slash)
                        *slash = 0;
                next = enter(at, name);
                if (slash)
                        *slash = '/';
                if (at != o->base)
                        safe_close(at);
                at = next;
        }
        o->folder = MAX(at, -1);
        return MIN(at, 0);
}

/* Makes the current segment's file, at first the job's folder. */
static int segment_make(struct output *o)
{
        char name[NAME_SIZE];
        int r = o->folder >= 0 ? 0 : folder_open(o);

        if (r < 0)
                return r;
        segment_name(o, o->segment, name);
        o->fd = openat(o->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0640);
        return o->fd < 0 ? -errno : 0;
}

/* With the daemon's uid as file-system uid, so that a folder that it couldn't write is not written for it. */
static int segment_open(struct output *o)
{
        bool other = o->as_uid != geteuid();
        int r = -EPERM;

        if (o->broken)
                return -EBADF;
        if (other)
                (void)setfsuid(o->as_uid);
        if (!other || (uid_t)setfsuid((uid_t)-1) == o->as_uid)
                r = segment_make(o);
        if (other)
                (void)setfsuid(geteuid());
        /* For good: a full disk or a full table of files may pass, anything else will not. */
        if (r < 0)
                o->broken = r != -ENOSPC && r != -EDQUOT && r != -EMFILE && r != -ENFILE && r != -ENOMEM;
        return r;
}

/* The current segment is full (or nothing fits into it): on to the next, at the cost of the oldest. */
static void segment_next(struct output *o)
{
        char from[NAME_SIZE], to[NAME_SIZE];

        o->fd = safe_close(o->fd);
        o->size = 0;
        if (o->segment < 2) {
                o->segment++;
                return;
        }
        segment_name(o, 2, from);
        segment_name(o, 1, to);
        if (o->folder >= 0 && renameat(o->folder, from, o->folder, to) == 0) {
                o->dropped += o->text[1];
                o->text[1] = o->text[2];
        } else {
                /* It can't be moved, so it makes room where it is. */
                o->dropped += o->text[2];
                if (o->folder >= 0)
                        (void)unlinkat(o->folder, from, 0);
        }
        o->text[2] = 0;
}

static void flush(struct output *o)
{
        size_t done = 0;

        if (buffer.used == 0)
                return;
        if (o->fd < 0)
                (void)segment_open(o);
        while (o->fd >= 0 && done < buffer.used) {
                ssize_t n = write(o->fd, buffer.bytes + done, buffer.used - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                done += (size_t)n;
        }
        if (done == buffer.used) {
                o->text[o->segment] += buffer.text;
        } else {
                /* The disk is full.  What got out of this batch is cut off again, so that only whole entries stand
                 * there. */
                if (o->fd >= 0 && done > 0 && ftruncate(o->fd, (off_t)(o->size - buffer.used)) < 0)
                        o->broken = true;
                o->size -= MIN(o->size, buffer.used);
                o->dropped += buffer.text;
        }
        buffer.used = 0;
        buffer.text = 0;
}

static void put(struct output *o, struct prefix *p, char tag, const char *text, size_t length)
{
        size_t entry = p->length + length + 1;

        if (buffer.used + entry > sizeof(buffer.bytes))
                flush(o);
        *p->tag = tag;
        memcpy(buffer.bytes + buffer.used, p->text, p->length);
        memcpy(buffer.bytes + buffer.used + p->length, text, length);
        buffer.bytes[buffer.used + entry - 1] = '\n';
        buffer.used += entry;
        buffer.text += length + (tag == 'F');
        o->size += entry;
}

static void make_prefix(struct prefix *p, enum output_stream stream)
{
        static time_t cached_second = -1;
        static char cached[24];
        struct timespec now;
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        if (now.tv_sec != cached_second) {
                (void)gmtime_r(&now.tv_sec, &tm);
                (void)strftime(cached, sizeof(cached), "%Y-%m-%dT%H:%M:%S", &tm);
                cached_second = now.tv_sec;
        }
        p->length = (size_t)snprintf(p->text, sizeof(p->text), "%s.%09ld+00:00 %s F ", cached, now.tv_nsec,
                                     stream == OUTPUT_STDOUT ? "stdout" : "stderr");
        p->tag = p->text + p->length - 2;
}

/* One line's text, with its end if `whole`: cut where an entry or a segment is full. */
static void add_line(struct output *o, struct prefix *p, const char *text, size_t length, bool whole)
{
        while (length > 0 || whole) {
                uint64_t room = segment_max(o) > o->size ? segment_max(o) - o->size : 0;
                size_t fits = MIN(length, PIECE_MAX);

                /* An entry holds at least a byte of text, or a line's end. */
                if (room < p->length + 2) {
                        bool full = buffer.used == 0;

                        flush(o);
                        if (!full)
                                continue; /* what could not be written has made room */
                        if (o->size == 0 && o->segment > 0) {
                                o->dropped += length + whole; /* `max` is too small for any entry */
                                return;
                        }
                        segment_next(o);
                        continue;
                }
                fits = (size_t)MIN((uint64_t)fits, room - p->length - 1);
                put(o, p, fits == length && whole ? 'F' : 'P', text, fits);
                if (fits == length)
                        return;
                text += fits;
                length -= fits;
        }
}

void output_add(struct output *o, enum output_stream stream, const void *data, size_t size)
{
        const char *at = data, *end = at + size;
        struct prefix p;

        o->written += size;
        make_prefix(&p, stream);
        while (at < end) {
                const char *line_end = memchr(at, '\n', (size_t)(end - at));

                add_line(o, &p, at, (size_t)((line_end ? line_end : end) - at), line_end);
                at = line_end ? line_end + 1 : end;
        }
        flush(o);
}

void output_done(struct output *o)
{
        flush(o);
        o->fd = safe_close(o->fd);
        o->folder = safe_close(o->folder);
}
