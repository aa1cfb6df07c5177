/* The daemon's log.  One record type, three writers: text, JSON lines, journal.  What a run's line says is run_text.c's. */
#include "log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-journal.h>
#endif

#include "base/clock.h"
#include "base/escape.h"
#include "base/util.h"
#include "calendar/timeparse.h"
#include "log/run_text.h"
#include "tbl/log_ids.h"

/* A pipe that polls as writable takes PIPE_BUF bytes without blocking. */
#define LINE_MAX_BYTES 4096
/* Escaped; JSON may double it and add its fields. */
#define MESSAGE_MAX_BYTES 1600
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct record {
        int level;
        const char *message;      /* escaped */
        const char *event;        /* NULL: not about a run */
        const char *message_id;
        const struct run_info *run;
};

static const struct {
        int level;
        const char *name;
} levels[] = {
        { LOG_ERR, "error" }, { LOG_WARNING, "warning" }, { LOG_NOTICE, "notice" }, { LOG_INFO, "info" }, { LOG_DEBUG, "debug" },
};

static const struct {
        const char *event, *id;
        int level;
} events[RUN_STATE_NR] = {
#define X(state, event, id, level) [state] = { event, id, level },
        TBL_LOG_EVENTS(X)
#undef X
};

enum writer { WRITE_TEXT, WRITE_JSON, WRITE_PREFIXED, WRITE_JOURNAL };

static _Atomic int max_level = LOG_INFO;
static _Atomic int writer = WRITE_TEXT;
static const struct tz *_Atomic line_zone;
static atomic_ulong dropped;

const char *log_level_name(int level)
{
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (levels[i].level == level)
                        return levels[i].name;
        return level < LOG_ERR ? levels[0].name : levels[ARRAY_SIZE(levels) - 1].name;
}

int log_level_from_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (streq(levels[i].name, name))
                        return levels[i].level;
        return -1;
}

static const struct tz *zone(void)
{
        const struct tz *z = line_zone;

        return z ? z : tz_utc();
}

/* systemd sets JOURNAL_STREAM=DEVICE:INODE; it is inherited by whatever redirects stderr elsewhere, hence the comparison. */
static bool stderr_is_journal(void)
{
        const char *s = getenv("JOURNAL_STREAM");
        uintmax_t dev, ino;
        struct stat st;

        if (!s || sscanf(s, "%ju:%ju", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) < 0)
                return false;
        return (uintmax_t)st.st_dev == dev && (uintmax_t)st.st_ino == ino;
}

static enum writer journal_writer(void)
{
#ifdef HAVE_LIBSYSTEMD
        /* sd_journal_sendv() says nothing if there is no journal. */
        if (access(JOURNAL_SOCKET, W_OK) == 0)
                return WRITE_JOURNAL;
#endif
        return WRITE_PREFIXED;
}

int log_open(enum log_format format, int level)
{
        enum writer w;

        if (level < LOG_ERR || level > LOG_DEBUG)
                return -EINVAL;
        switch (format) {
        case LOG_FORMAT_AUTO:
                w = stderr_is_journal() ? journal_writer() : WRITE_TEXT;
                break;
        case LOG_FORMAT_JOURNAL:
                w = journal_writer();
                break;
        case LOG_FORMAT_TEXT:
                w = WRITE_TEXT;
                break;
        case LOG_FORMAT_JSON:
                w = WRITE_JSON;
                break;
        default:
                return -EINVAL;
        }
        writer = (int)w;
        max_level = level;
        return 0;
}

void log_set_level(int level)
{
        max_level = CLAMP(level, LOG_ERR, LOG_DEBUG);
}

void log_set_zone(const struct tz *z)
{
        line_zone = z;
}

/* One line to stderr, whole or not at all. */
static bool write_line(const char *line, size_t len)
{
        struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

        if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT) /* POLLERR: a pipe that nobody reads any more */
                return false;
        return write(STDERR_FILENO, line, len) == (ssize_t)len;
}

static size_t stamp_time(char *buf, size_t size)
{
        return wall_print_rfc3339(clock_wall(), zone(), 3, buf, size);
}

static bool write_text(const struct record *r)
{
        char line[LINE_MAX_BYTES], at[64];
        int n;

        stamp_time(at, sizeof(at));
        n = snprintf(line, sizeof(line), "%s %-7s %s\n", at, log_level_name(r->level), r->message);
        return n > 0 && (size_t)n < sizeof(line) && write_line(line, (size_t)n);
}

static bool write_prefixed(const struct record *r)
{
        char line[LINE_MAX_BYTES];
        int n = snprintf(line, sizeof(line), "<%d>%s\n", r->level, r->message);

        return n > 0 && (size_t)n < sizeof(line) && write_line(line, (size_t)n);
}

static json_t *run_json(const struct record *r)
{
        const struct run_info *run = r->run;
        char job[256];

        escape_line(run->job, job, sizeof(job));
        return json_pack("{s:s, s:s, s:s, s:I, s:i, s:s, s:s}", "event", r->event, "message_id", r->message_id, "job", job, "run_id",
                         (json_int_t)run->id, "attempt", (int)run->attempt, "state", run_state_name(run->state), "reason",
                         run_reason_name(run->reason));
}

static bool write_json(const struct record *r)
{
        char at[64], line[LINE_MAX_BYTES];
        size_t len = 0;
        json_t *o, *run = NULL;

        stamp_time(at, sizeof(at));
        o = json_pack("{s:s, s:s, s:s}", "time", at, "level", log_level_name(r->level), "message", r->message);
        if (o && r->run) {
                run = run_json(r);
                if (!run || json_object_update(o, run) < 0) {
                        json_decref(o);
                        o = NULL;
                }
                json_decref(run);
        }
        if (o)
                len = json_dumpb(o, line, sizeof(line) - 1, JSON_COMPACT);
        json_decref(o);
        if (len == 0 || len >= sizeof(line))
                return false;
        line[len] = '\n';
        return write_line(line, len + 1);
}

#ifdef HAVE_LIBSYSTEMD
static bool write_journal(const struct record *r)
{
        char message[MESSAGE_MAX_BYTES + 16], id[64], event[48], run[48], attempt[32], job[300], priority[16];
        struct iovec iov[8];
        int n = 0;

        #define FIELD(buf, ...)                                                                                     \
                do {                                                                                                \
                        int l = snprintf(buf, sizeof(buf), __VA_ARGS__);                                            \
                        iov[n++] = (struct iovec){ .iov_base = buf, .iov_len = MIN((size_t)MAX(l, 0), sizeof(buf) - 1) }; \
                } while (0)
        FIELD(message, "MESSAGE=%s", r->message);
        FIELD(priority, "PRIORITY=%d", r->level);
        iov[n++] = (struct iovec){ .iov_base = (char *)"SYSLOG_IDENTIFIER=jobschedd", .iov_len = strlen("SYSLOG_IDENTIFIER=jobschedd") };
        if (r->run) {
                char name[256];

                escape_line(r->run->job, name, sizeof(name));
                FIELD(id, "MESSAGE_ID=%s", r->message_id);
                FIELD(event, "EVENT=%s", r->event);
                FIELD(job, "JOB=%s", name);
                FIELD(run, "RUN_ID=%" PRIu64, r->run->id);
                FIELD(attempt, "ATTEMPT=%" PRIu32, r->run->attempt);
        }
        #undef FIELD
        return sd_journal_sendv(iov, n) >= 0;
}
#endif

static bool write_record(const struct record *r)
{
        switch ((enum writer)writer) {
        case WRITE_TEXT:
                return write_text(r);
        case WRITE_JSON:
                return write_json(r);
        case WRITE_JOURNAL:
#ifdef HAVE_LIBSYSTEMD
                return write_journal(r);
#endif
        case WRITE_PREFIXED:
                return write_prefixed(r);
        }
        return false;
}

static void put(const struct record *r)
{
        unsigned long lost = atomic_exchange(&dropped, 0);

        if (lost > 0) {
                char text[96];
                struct record gap = { .level = LOG_WARNING, .message = text };

                snprintf(text, sizeof(text), "%lu lines of this log were dropped: nobody read it", lost);
                if (!write_record(&gap)) {
                        atomic_fetch_add(&dropped, lost + 1);
                        return;
                }
        }
        if (!write_record(r))
                atomic_fetch_add(&dropped, 1);
}

void log_message(int level, const char *fmt, ...)
{
        char text[MESSAGE_MAX_BYTES], escaped[MESSAGE_MAX_BYTES];
        int saved = errno;
        va_list ap;

        if (level > max_level)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        escape_line(text, escaped, sizeof(escaped));
        put(&(struct record){ .level = level, .message = escaped });
        errno = saved;
}

void log_run(const struct run_info *r)
{
        bool stopping = r->state == RUN_RUNNING && (r->flags & RUN_STOPPING);
        char text[MESSAGE_MAX_BYTES], escaped[MESSAGE_MAX_BYTES];
        int saved = errno, level = stopping ? LOG_LEVEL_STOPPING : events[r->state].level;

        if (level > max_level)
                return;
        run_text(r, zone(), text, sizeof(text));
        escape_line(text, escaped, sizeof(escaped));
        put(&(struct record){
                .level = level,
                .message = escaped,
                .event = stopping ? LOG_EVENT_STOPPING : events[r->state].event,
                .message_id = stopping ? LOG_ID_STOPPING : events[r->state].id,
                .run = r,
        });
        errno = saved;
}
