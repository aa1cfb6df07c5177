#include "control/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/util.h"
#include "calendar/civil.h"
#include "calendar/timeparse.h"

#define BLOCK_SIZE 65536
#define PIECE_TEXT (64 * 1024)
#define PIECE_SCAN (1024 * 1024) /* bytes looked at in one piece, where a filter leaves little */
#define SEGMENTS   3

struct entry {
        struct wall at; /* WALL_NEVER: not an entry as we write them */
        bool is_stderr, partial;
        const char *text;
        size_t size;
};

void logfile_init(struct logfile *l)
{
        *l = (struct logfile){ .folder = -1, .fd = -1, .since = { INT64_MIN } };
}

void logfile_close(struct logfile *l)
{
        l->fd = safe_close(l->fd);
        l->folder = safe_close(l->folder);
        l->segment = 0;
        l->at = 0;
        l->inode = 0;
        l->begun = l->final = false;
}

/* ---- entries */

static int digits(const char *s, size_t n)
{
        int value = 0;

        for (size_t i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return -1;
                value = value * 10 + (s[i] - '0');
        }
        return value;
}

/* "2026-11-22T01:02:03.123456789+00:00": the fixed form, always UTC.  Anything else: WALL_NEVER. */
static struct wall parse_stamp(const char *s, size_t size)
{
        int year, month, day, hour, minute, second, usec;

        if (size != 35 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' ||
            memcmp(s + 29, "+00:00", 6) != 0)
                return WALL_NEVER;
        year = digits(s, 4);
        month = digits(s + 5, 2);
        day = digits(s + 8, 2);
        hour = digits(s + 11, 2);
        minute = digits(s + 14, 2);
        second = digits(s + 17, 2);
        usec = digits(s + 20, 6);
        if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || minute < 0 || second < 0 ||
            usec < 0)
                return WALL_NEVER;
        return (struct wall){ ((civil_days(year, month, day) * 24 + hour) * 60 + minute) * USEC_PER_MINUTE +
                              second * USEC_PER_SEC + usec };
}

/* A line without its end.  What is no entry becomes one with no time: it is shown as it stands. */
static void parse_entry(const char *line, size_t size, struct entry *ret)
{
        *ret = (struct entry){ .at = WALL_NEVER, .text = line, .size = size };
        if (size < 45 || line[35] != ' ' || line[42] != ' ' || line[44] != ' ' || (line[43] != 'F' && line[43] != 'P'))
                return;
        if (memcmp(line + 36, "stdout", 6) != 0 && memcmp(line + 36, "stderr", 6) != 0)
                return;
        ret->at = parse_stamp(line, 35);
        if (wall_is_never(ret->at))
                return;
        ret->is_stderr = line[39] == 'e';
        ret->partial = line[43] == 'P';
        ret->text = line + 45;
        ret->size = size - 45;
}

static bool stream_wanted(const struct logfile *l, const struct entry *e)
{
        return l->stream == LOG_STREAM_BOTH || wall_is_never(e->at) || (l->stream == LOG_STREAM_STDERR) == e->is_stderr;
}

static void add_base64(struct text *t, const char *data, size_t size)
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const unsigned char *p = (const unsigned char *)data;

        for (size_t i = 0; i < size; i += 3) {
                size_t n = MIN(size - i, (size_t)3);
                uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(n > 1 ? p[i + 1] : 0) << 8 | (n > 2 ? p[i + 2] : 0);
                char quad[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63], n > 1 ? alphabet[v >> 6 & 63] : '=',
                                 n > 2 ? alphabet[v & 63] : '=' };

                text_add(t, quad, sizeof(quad));
        }
}

static void print_entry(const struct logfile *l, const struct entry *e, struct text *t)
{
        char at[64];

        text_puts(t, t->size > 0 ? ",{\"at\":" : "{\"at\":");
        if (wall_is_never(e->at))
                text_puts(t, "null,\"stream\":null");
        else {
                wall_print_rfc3339(e->at, l->zone, 3, at, sizeof(at));
                text_printf(t, "\"%s\",\"stream\":\"%s\"", at, e->is_stderr ? "stderr" : "stdout");
        }
        text_printf(t, ",\"partial\":%s,", e->partial ? "true" : "false");
        if (utf8_valid(e->text, e->size)) {
                text_puts(t, "\"text\":");
                text_json_string(t, e->text, e->size);
        } else {
                text_puts(t, "\"base64\":\"");
                add_base64(t, e->text, e->size);
                text_puts(t, "\"");
        }
        text_puts(t, "}");
}

/* ---- files */

/* The job's folder, level by level: no link is followed, no level leads up. */
static int open_folder(const struct logfile *l)
{
        int fd = open(l->log_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *p = l->job;

        while (fd >= 0 && *p) {
                size_t n = strcspn(p, "/:");
                char level[256];
                int next;

                if (n == 0 || n >= sizeof(level) || p[0] == '.') {
                        safe_close(fd);
                        return -EINVAL;
                }
                memcpy(level, p, n);
                level[n] = '\0';
                next = openat(fd, level, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                safe_close(fd);
                fd = next;
                p += n + (p[n] != '\0');
        }
        return fd >= 0 ? fd : -errno;
}

static int open_segment(const struct logfile *l, unsigned segment, struct stat *ret)
{
        char name[64];
        int fd;

        (void)snprintf(name, sizeof(name), segment > 0 ? "%llu.%u.log.%u" : "%llu.%u.log", (unsigned long long)l->run,
                       l->start, segment);
        fd = openat(l->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode)) {
                safe_close(fd);
                return -EINVAL;
        }
        return fd;
}

static void use_segment(struct logfile *l, int fd, unsigned segment, const struct stat *st, off_t at)
{
        safe_close(l->fd);
        l->fd = fd;
        l->segment = segment;
        l->inode = st->st_ino;
        l->at = at;
        l->final = false;
}

/* Reads up to `size` bytes at `at`; fewer at the end. */
static ssize_t read_at(int fd, char *buf, size_t size, off_t at)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, buf + done, size - done, at + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

/* ---- the last lines */

struct tail {
        const struct logfile *l;
        uint64_t left;  /* line ends that may still be passed over */
        bool last_seen; /* the last entry was looked at */
};

/* One entry, from the end to the beginning.  True: what is wanted begins behind it. */
static bool tail_entry(struct tail *t, const char *line, size_t size)
{
        struct entry e;
        bool ends_line;

        parse_entry(line, size, &e);
        if (!stream_wanted(t->l, &e))
                return false;
        /* A last line without its end is a line, too. */
        ends_line = !e.partial || !t->last_seen;
        t->last_seen = true;
        if (!ends_line)
                return false;
        if (t->left == 0)
                return true;
        t->left--;
        return false;
}

/* Goes backwards through one file.  *ret_at is where what is wanted begins: 1 if that was found in here, 0 if all of it
 * is wanted. */
static int tail_file(struct tail *t, int fd, off_t size, char *buf, off_t *ret_at)
{
        off_t end = size;

        while (end > 0) {
                off_t begin = end > BLOCK_SIZE ? end - BLOCK_SIZE : 0;
                ssize_t n = read_at(fd, buf, (size_t)(end - begin), begin);
                size_t line_end, at;

                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                line_end = (size_t)n - (buf[n - 1] == '\n');
                for (at = line_end; at > 0; at--) {
                        if (buf[at - 1] != '\n')
                                continue;
                        if (tail_entry(t, buf + at, line_end - at)) {
                                *ret_at = begin + (off_t)MIN(line_end + 1, (size_t)n);
                                return 1;
                        }
                        line_end = at - 1;
                }
                if (begin == 0) {
                        if (tail_entry(t, buf, line_end)) {
                                *ret_at = (off_t)MIN(line_end + 1, (size_t)n);
                                return 1;
                        }
                        break;
                }
                /* The first line of the block began before it: the next block ends with it.  One longer than a block is
                 * cut. */
                end = begin + (off_t)(line_end + 1 < (size_t)n ? line_end + 1 : 0);
        }
        *ret_at = 0;
        return 0;
}

/* Finds where the last lines begin, and begins there. */
static int seek_tail(struct logfile *l, char *buf)
{
        struct tail t = { .l = l, .left = l->lines };
        struct stat st[SEGMENTS];
        int fds[SEGMENTS], found = -1, r = 0;
        off_t at = 0;

        for (unsigned i = 0; i < SEGMENTS; i++)
                fds[i] = open_segment(l, i, &st[i]);
        for (int i = SEGMENTS - 1; i >= 0 && r == 0; i--)
                if (fds[i] >= 0) {
                        r = tail_file(&t, fds[i], st[i].st_size, buf, &at);
                        found = i;
                }
        if (found >= 0 && r >= 0) {
                use_segment(l, TAKE_FD(fds[found]), (unsigned)found, &st[found], at);
        }
        for (unsigned i = 0; i < SEGMENTS; i++)
                safe_close(fds[i]);
        return MIN(r, 0);
}

/* ---- forwards */

/* The file that follows the one being read: its descriptor, -ENOENT if there is none (yet). */
static int find_next(const struct logfile *l, unsigned *ret_segment, struct stat *ret)
{
        struct stat st1, st2;
        int fd2 = open_segment(l, 2, &st2), fd1 = open_segment(l, 1, &st1);

        if (fd2 >= 0 && (st2.st_ino == l->inode || (fd1 >= 0 && st1.st_ino == st2.st_ino))) {
                /* We are at the newest; or they were turned over between the two. */
                if (st2.st_ino == l->inode)
                        fd1 = safe_close(fd1);
                fd2 = safe_close(fd2);
        }
        if (fd1 >= 0 && st1.st_ino == l->inode) { /* the older of the two: on to the newer */
                safe_close(fd1);
                *ret_segment = 2;
                *ret = st2;
                return fd2 >= 0 ? fd2 : -ENOENT;
        }
        safe_close(fd2);
        *ret_segment = 1;
        *ret = st1;
        return fd1 >= 0 ? fd1 : -ENOENT;
}

/* After the end of what there is: goes on to the next file.  1: go on reading; 0: there is nothing more; negative
 * errno. */
static int next_file(struct logfile *l, bool *ret_switched, bool *ret_gap)
{
        bool ours_gone = l->segment > 0;
        unsigned segment = 0;
        struct stat st, now;
        int fd;

        if (l->fd < 0) {
                fd = open_segment(l, 0, &st);
                if (fd < 0)
                        return fd == -ENOENT ? 0 : fd;
                use_segment(l, fd, 0, &st, 0);
                return 1;
        }
        fd = find_next(l, &segment, &st);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        /* Ours is not written any more now that there is another; but it may have been, since we came to its end. */
        if (!l->final && fstat(l->fd, &now) == 0 && now.st_size > l->at) {
                safe_close(fd);
                l->final = true;
                return 1;
        }
        /* From the tail to the older segment: ours was dropped meanwhile, and others may have come and gone. */
        *ret_gap = ours_gone && segment == 1;
        *ret_switched = true;
        use_segment(l, fd, segment, &st, 0);
        return 1;
}

static void take_line(const struct logfile *l, const char *line, size_t size, struct text *t)
{
        struct entry e;

        parse_entry(line, size, &e);
        if (!stream_wanted(l, &e) || (!wall_is_never(e.at) && e.at.usec < l->since.usec))
                return;
        print_entry(l, &e, t);
}

/* Entries of one block of the current file.  Returns how many bytes were taken, 0 at the end of what is there. */
static ssize_t take_block(struct logfile *l, bool whole, char *buf, struct text *t)
{
        ssize_t n = read_at(l->fd, buf, BLOCK_SIZE, l->at);
        size_t at = 0, size;

        if (n <= 0)
                return n;
        size = (size_t)n;
        while (at < size && t->size < PIECE_TEXT) {
                const char *newline = memchr(buf + at, '\n', size - at);

                if (!newline)
                        break;
                take_line(l, buf + at, (size_t)(newline - (buf + at)), t);
                at = (size_t)(newline - buf) + 1;
        }
        /* A line longer than a block is none of ours; a last line without its end may be waited for. */
        if (at == 0 && (size == BLOCK_SIZE || whole || l->final)) {
                take_line(l, buf, size, t);
                at = size;
        }
        l->at += (off_t)at;
        return (ssize_t)at;
}

static int begin(struct logfile *l, char *buf)
{
        if (l->folder < 0) {
                l->folder = open_folder(l);
                if (l->folder < 0)
                        return l->folder == -ENOENT ? 0 : l->folder;
        }
        if (l->begun)
                return 0;
        l->begun = true;
        return l->lines > 0 ? seek_tail(l, buf) : 0;
}

void logfile_read(struct logfile *l, bool whole, struct logpiece *ret)
{
        _cleanup_(freep) char *buf = malloc(BLOCK_SIZE);
        size_t looked_at = 0;
        ssize_t n;
        int r;

        *ret = (struct logpiece){ 0 };
        r = buf ? begin(l, buf) : -ENOMEM;
        if (r < 0 || l->folder < 0) {
                ret->error = -r;
                ret->at_end = true;
                if (l->folder < 0)
                        l->folder = -1; /* an errno no longer */
                return;
        }
        while (ret->entries.size < PIECE_TEXT && looked_at < PIECE_SCAN) {
                bool was_head = l->segment == 0, switched = false;

                n = l->fd >= 0 ? take_block(l, whole, buf, &ret->entries) : 0;
                if (n > 0) {
                        looked_at += (size_t)n;
                        continue;
                }
                r = n < 0 ? (int)n : next_file(l, &switched, &ret->gap);
                if (r <= 0) {
                        ret->error = -r;
                        ret->at_end = true;
                        return;
                }
                /* What was dropped lies here, behind this piece. */
                ret->left_head = switched && was_head;
                if (ret->left_head || ret->gap)
                        return;
        }
}
