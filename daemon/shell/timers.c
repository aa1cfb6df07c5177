/* Two timerfds wake the engine: one on the wall clock, absolute and cancelled when the clock is set, one on the boot clock.
 * (libev's own timers round to whole milliseconds and stop in suspend; they serve only the rest.) */
#include <errno.h>
#include <syslog.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "calendar/timeparse.h"
#include "log/log.h"
#include "shell/internal.h"

/* With nothing due the wall timer still stands somewhere, as only an armed one tells of a set clock. */
#define WALL_HORIZON_USEC (3650 * USEC_PER_DAY)

static void set_timer(int fd, int flags, int64_t usec)
{
        struct itimerspec it = { .it_value = { .tv_sec = usec / USEC_PER_SEC, .tv_nsec = usec % USEC_PER_SEC * 1000 } };

        if (usec <= 0)
                it.it_value = (struct timespec){ .tv_nsec = 1 };
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &it, NULL) < 0)
                log_error("a timer can't be set: %m");
}

/* The loop's prepare: the queue is empty, or the rest of it must wait for one look at the descriptors. */
void timers_arm(struct shell *s)
{
        struct wall wall;
        struct mono mono;

        engine_timeout(s->engine, &wall, &mono);
        if (s->queue.n > 0)
                mono = (struct mono){ 1 };
        if (wall.usec != s->wall_armed.usec) {
                s->wall_armed = wall;
                set_timer(s->wall_fd, TFD_TIMER_CANCEL_ON_SET,
                          wall_is_never(wall) ? clock_wall().usec + WALL_HORIZON_USEC : wall.usec);
        }
        if (mono.usec != s->mono_armed.usec) {
                struct itimerspec off = { 0 };

                s->mono_armed = mono;
                if (mono_is_never(mono))
                        (void)timerfd_settime(s->mono_fd, 0, &off, NULL);
                else
                        set_timer(s->mono_fd, 0, mono.usec);
        }
}

static void queue_tick(struct shell *s)
{
        struct event ev = { .type = EVENT_TICK };

        shell_queue(s, &ev);
}

/* Somebody set the wall clock, or the machine slept: it goes apart from the boot clock.  (What that means for each job, its rows
 * say.)  Looked at in each step and not where the timer says that it was cancelled, as one that is armed anew just then does not. */
void timers_look(struct shell *s, struct wall wall, struct mono mono)
{
        int64_t offset = wall.usec - mono.usec, by = offset - s->clock_offset_usec, size = by < 0 ? -by : by;
        char text[64];

        s->clock_offset_usec = offset;
        if (size < USEC_PER_SEC)
                return;
        duration_print((size + USEC_PER_SEC / 2) / USEC_PER_SEC * USEC_PER_SEC, text, sizeof(text));
        log_message(by < -3 * USEC_PER_HOUR ? LOG_WARNING : LOG_NOTICE, "the clock was set %s by %s: %s", by < 0 ? "back" : "forward",
                    text, engine_step_text(by));
}

static void on_wall(struct ev_loop *loop, ev_io *w, int revents)
{
        struct shell *s = w->data;
        uint64_t n;

        if (read(w->fd, &n, sizeof(n)) < 0 && errno == EAGAIN)
                return; /* ECANCELED: the clock was set */
        s->wall_armed = (struct wall){ INT64_MIN };
        queue_tick(s);
}

static void on_mono(struct ev_loop *loop, ev_io *w, int revents)
{
        struct shell *s = w->data;
        uint64_t n;

        if (read(w->fd, &n, sizeof(n)) < 0 && errno == EAGAIN)
                return;
        s->mono_armed = (struct mono){ INT64_MIN };
        queue_tick(s);
}

int timers_open(struct shell *s, struct error *reterr)
{
        s->wall_armed = (struct wall){ INT64_MIN };
        s->mono_armed = (struct mono){ INT64_MIN };
        s->clock_offset_usec = clock_wall().usec - clock_mono().usec;
        s->wall_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        s->mono_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (s->wall_fd < 0 || s->mono_fd < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "a timer can't be made: %m");
        ev_io_init(&s->wall_io, on_wall, s->wall_fd, EV_READ);
        ev_io_init(&s->mono_io, on_mono, s->mono_fd, EV_READ);
        s->wall_io.data = s->mono_io.data = s;
        ev_set_priority(&s->wall_io, EV_MAXPRI);
        ev_io_start(s->loop, &s->wall_io);
        ev_io_start(s->loop, &s->mono_io);
        return 0;
}

void timers_close(struct shell *s)
{
        if (s->wall_fd >= 0)
                ev_io_stop(s->loop, &s->wall_io);
        if (s->mono_fd >= 0)
                ev_io_stop(s->loop, &s->mono_io);
        s->wall_fd = safe_close(s->wall_fd);
        s->mono_fd = safe_close(s->mono_fd);
}
