/* Opening and closing, the lock, and the loop's side of what the threads tell. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "store/internal.h"

#define CHECK_USEC (100 * USEC_PER_MSEC) /* looking for damage at the start */

const char *store_network_filesystem(long type)
{
        /* f_type of statfs(2) and linux/magic.h: WAL needs shared memory and locks that work across processes. */
        static const struct {
                uint32_t type;
                const char *name;
        } table[] = {
                { 0x6969, "NFS" },        { 0x517b, "SMB" },      { 0xff534d42, "CIFS" },   { 0xfe534d42, "SMB2" },
                { 0x01021997, "9P" },     { 0x00c36400, "Ceph" }, { 0x5346414f, "AFS" },    { 0x6b414653, "kAFS" },
                { 0x73757245, "Coda" },   { 0x564c, "NCP" },      { 0x0bd00bd0, "Lustre" }, { 0x47504653, "GPFS" },
                { 0x19830326, "BeeGFS" }, { 0x01161970, "GFS2" }, { 0x7461636f, "OCFS2" },  { 0x786f4256, "vboxsf" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if ((uint32_t)type == table[i].type)
                        return table[i].name;
        return NULL;
}

/* ---- the folder and the lock */

/* Makes what is missing of the path: its parents for all to pass, the folder itself for us alone. */
static int make_folder(const char *dir, struct error *reterr)
{
        char path[4096];
        size_t n = strlen(dir);

        if (n == 0 || n >= sizeof(path) - 64)
                return error_set(reterr, -ENAMETOOLONG, ERROR_FAILED,
                                 "the state directory's path is empty or too long");
        memcpy(path, dir, n + 1);
        for (char *p = path + 1; *p; p++)
                if (*p == '/') {
                        *p = '\0';
                        if (mkdir(path, 0755) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
                                return error_set(reterr, -errno, ERROR_FAILED, "cannot make %s: %s", path,
                                                 strerror(errno));
                        *p = '/';
                }
        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return error_set(reterr, -errno, ERROR_FAILED, "cannot make the state directory %s: %s", dir,
                                 strerror(errno));
        return 0;
}

static int open_folder(struct store *s, const char *dir, struct error *reterr)
{
        struct statfs fs;
        const char *name;

        s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->dir_fd < 0 || fstatfs(s->dir_fd, &fs) < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "cannot open the state directory %s: %s", dir,
                                 strerror(errno));
        name = store_network_filesystem((long)fs.f_type);
        if (name)
                return error_set(
                        reterr, -EOPNOTSUPP, ERROR_FAILED,
                        "the state directory %s is on a network file system (%s), where the state database is not "
                         "safe; use a local one",
                        dir, name);
        return 0;
}

/* A POSIX lock: the kernel gives it back whenever we die, and names the holder. */
static int take_lock(struct store *s, const char *dir, int *ret_holder, struct error *reterr)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        s->lock_fd = openat(s->dir_fd, "state.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        if (s->lock_fd < 0) {
                if (errno == EROFS)
                        return error_set(reterr, -EROFS, ERROR_UNAVAILABLE, "the state directory %s is read-only", dir);
                return error_set(reterr, -errno, ERROR_UNAVAILABLE, "%s/state.lock: %s", dir, strerror(errno));
        }
        for (int i = 0; i < 100; i++) {
                struct flock who = lock;

                if (fcntl(s->lock_fd, F_SETLK, &lock) == 0)
                        return 0;
                if (errno != EAGAIN && errno != EACCES)
                        return error_set(reterr, -errno, ERROR_UNAVAILABLE, "%s/state.lock: %s", dir, strerror(errno));
                if (fcntl(s->lock_fd, F_GETLK, &who) == 0 && who.l_type != F_UNLCK) {
                        if (ret_holder)
                                *ret_holder = (int)who.l_pid;
                        return error_set(reterr, -EWOULDBLOCK, ERROR_CONFLICT,
                                         "another jobschedd (process %d) uses the state directory %s", (int)who.l_pid,
                                         dir);
                }
                /* It has ended in between. */
        }
        return error_set(reterr, -EBUSY, ERROR_UNAVAILABLE, "%s/state.lock: it changes hands all the time", dir);
}

/* ---- the database */

/* A new one is made under another name and takes its place when it is whole: an empty or half one is always damage. */
static int make_database(struct store *s, const char *dir, struct error *reterr)
{
        static const char *const parts[] = { "state.db.new", "state.db.new-wal", "state.db.new-shm",
                                             "state.db.new-journal" };
        _cleanup_(db_closep) sqlite3 *db = NULL;
        char path[4200];
        int r;

        if (faccessat(s->dir_fd, "state.db-wal", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return error_set(
                        reterr, -EBADMSG, ERROR_FAILED,
                        "%s is missing, but its log %s-wal is there: put the database back, or move the log away "
                         "to begin anew",
                        s->path, s->path);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (unlinkat(s->dir_fd, parts[i], 0) < 0 && errno != ENOENT)
                        return error_set(reterr, -errno, ERROR_UNAVAILABLE, "%s/%s: %s", dir, parts[i],
                                         strerror(errno));
        (void)snprintf(path, sizeof(path), "%s.new", s->path);
        r = db_open(path, DB_CREATE, &db, reterr);
        if (r == 0 && fchmodat(s->dir_fd, parts[0], 0600, 0) < 0)
                r = error_set(reterr, -errno, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
        if (r == 0)
                r = schema_migrate(db, path, migrations, n_migrations, reterr);
        if (r == 0 && sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
                r = db_error(db, sqlite3_extended_errcode(db), "cannot write", reterr);
        if (r < 0)
                return r;
        db = db_close(db);
        if (renameat(s->dir_fd, parts[0], s->dir_fd, "state.db") < 0 || fsync(s->dir_fd) < 0)
                return error_set(reterr, -errno, ERROR_UNAVAILABLE, "%s: %s", s->path, strerror(errno));
        return 0;
}

static int look_at_file(struct store *s, const char *dir, struct error *reterr)
{
        struct stat st;

        if (fstatat(s->dir_fd, "state.db", &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno != ENOENT)
                        return error_set(reterr, -errno, ERROR_UNAVAILABLE, "%s: %s", s->path, strerror(errno));
                return make_database(s, dir, reterr);
        }
        if (!S_ISREG(st.st_mode))
                return error_set(reterr, -EINVAL, ERROR_FAILED, "%s is not a regular file", s->path);
        if (st.st_size == 0)
                return error_set(reterr, -EBADMSG, ERROR_FAILED,
                                 "%s: the state database is damaged (it is empty); it is left as it is", s->path);
        return 0;
}

static int open_database(struct store *s, const char *dir, struct error *reterr)
{
        int r;

        r = look_at_file(s, dir, reterr);
        if (r == 0)
                r = db_open(s->path, DB_WRITER, &s->db, reterr);
        if (r == 0)
                r = schema_check(s->db, CHECK_USEC, reterr);
        if (r == 0)
                r = schema_migrate(s->db, s->path, migrations, n_migrations, reterr);
        if (r == 0)
                r = schema_load_words(s->db, &s->words, reterr);
        if (r < 0)
                return r;
        /* What a daemon that died had in its log is written and synced anew, whatever became of its last sync.  If
         * it can't be now, it is still in the log. */
        (void)sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        return 0;
}

static struct store *store_free(struct store *s)
{
        if (!s)
                return NULL;
        s->db = db_close(s->db);
        work_queue_let_go(&s->asked);
        work_queue_let_go(&s->answered);
        gather_free(s);
        safe_close(s->event_fd);
        safe_close(s->lock_fd); /* last: then another may come */
        safe_close(s->dir_fd);
        pthread_cond_destroy(&s->work);
        pthread_cond_destroy(&s->questions);
        pthread_cond_destroy(&s->ended);
        pthread_mutex_destroy(&s->lock);
        free(s->log_dir);
        free(s->path);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(struct store *, store_free);

static struct store *store_new(void)
{
        struct store *s = calloc(1, sizeof(*s));
        pthread_condattr_t attr;

        if (!s)
                return NULL;
        s->dir_fd = s->lock_fd = s->event_fd = -1;
        s->retry_usec = STORE_RETRY_USEC;
        s->idle_usec = STORE_IDLE_USEC;
        s->pending_last = &s->pending;
        s->asked.last = &s->asked.first;
        s->answered.last = &s->answered.first;
        pthread_mutex_init(&s->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&s->work, &attr);
        pthread_cond_init(&s->questions, &attr);
        pthread_cond_init(&s->ended, &attr);
        pthread_condattr_destroy(&attr);
        return s;
}

int store_open(const char *dir, struct store **ret, int *ret_holder, struct error *reterr)
{
        _cleanup_(store_freep) struct store *s = store_new();
        int r;

        if (!s || asprintf(&s->path, "%s/state.db", dir) < 0)
                return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->event_fd < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "cannot make an eventfd: %s", strerror(errno));
        r = make_folder(dir, reterr);
        if (r == 0)
                r = open_folder(s, dir, reterr);
        if (r == 0)
                r = take_lock(s, dir, ret_holder, reterr);
        if (r == 0)
                r = open_database(s, dir, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- running */

int store_start(struct store *s, const struct store_options *opt, struct error *reterr)
{
        sigset_t all, before;
        struct store_meta meta;
        int r;

        r = store_load_meta(s, &meta, reterr);
        if (r < 0)
                return r;
        s->stored_seq = s->told_seq = s->submitted_seq = meta.next_seq - 1;
        s->gather.last_run = meta.next_run - 1;
        s->gather_usec = opt->gather_usec > 0 ? opt->gather_usec : STORE_GATHER_USEC;
        if (opt->log_dir) {
                s->log_dir = strdup(opt->log_dir);
                if (!s->log_dir)
                        return error_set(reterr, -ENOMEM, ERROR_FAILED, "out of memory");
        }
        /* Signals are the loop's. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = writer_start(s, reterr);
        if (r == 0)
                r = reader_start(s, reterr);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

int store_fd(const struct store *s)
{
        return s->event_fd;
}

void store_wake(struct store *s)
{
        const uint64_t one = 1;

        /* It can't block: EAGAIN means that it is readable already. */
        while (write(s->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

int store_set_keep(struct store *s, uint64_t job_id, uint32_t runs, int64_t age_usec, uint64_t log_bytes)
{
        int r = 0;

        pthread_mutex_lock(&s->lock);
        if (s->n_keeps == s->keeps_allocated) {
                size_t n = MAX(2 * s->keeps_allocated, (size_t)64);
                struct keep_change *v = reallocarray(s->keeps, n, sizeof(*v));

                if (v) {
                        s->keeps = v;
                        s->keeps_allocated = n;
                } else
                        r = -ENOMEM;
        }
        if (r == 0) {
                s->keeps[s->n_keeps++] = (struct keep_change){
                        .job = job_id, .runs = runs, .age_usec = age_usec, .log_bytes = log_bytes
                };
                /* It may take its time, and come by itself soon. */
                if (s->writer_sleep == WRITER_IDLE && s->writer_until > store_now_usec() + USEC_PER_SEC)
                        pthread_cond_signal(&s->work);
        }
        pthread_mutex_unlock(&s->lock);
        return r;
}

static void deliver_answers(struct work *w)
{
        while (w) {
                struct work *next = w->next;

                w->deliver(w, w->error.code != ERROR_NONE ? &w->error : NULL);
                w = next;
        }
}

bool store_poll(struct store *s, struct store_news *ret)
{
        struct store_news news = { .error = ERROR_NULL };
        struct work *answers;
        uint64_t count;

        while (read(s->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
                ;
        pthread_mutex_lock(&s->lock);
        news.stored = s->stored_seq > s->told_seq;
        news.seq = s->told_seq = s->stored_seq;
        if (s->failed_news && !news.stored) {
                news.failed = true;
                news.error = s->failure;
                s->failed_news = false;
        } else if (s->failed_news)
                store_wake(s); /* after what was stored before */
        news.commits = s->commits;
        answers = s->answered.first;
        s->answered.first = NULL;
        s->answered.last = &s->answered.first;
        pthread_mutex_unlock(&s->lock);

        deliver_answers(answers);
        *ret = news;
        return news.stored || news.failed;
}

/* Waits for the threads' ends.  False: one is stuck, in a call to a disk that does not answer. */
static bool threads_ended(struct store *s)
{
        int64_t deadline = s->close_deadline + USEC_PER_SEC;
        struct timespec ts = { .tv_sec = deadline / USEC_PER_SEC, .tv_nsec = deadline % USEC_PER_SEC * 1000 };
        bool ended;

        pthread_mutex_lock(&s->lock);
        while (s->n_threads > 0 && pthread_cond_timedwait(&s->ended, &s->lock, &ts) == 0)
                ;
        ended = s->n_threads == 0;
        pthread_mutex_unlock(&s->lock);
        return ended;
}

void store_thread_ends(struct store *s)
{
        pthread_mutex_lock(&s->lock);
        s->n_threads--;
        pthread_cond_signal(&s->ended);
        pthread_mutex_unlock(&s->lock);
}

struct store *store_close(struct store *s)
{
        if (!s)
                return NULL;
        pthread_mutex_lock(&s->lock);
        s->closing = true;
        s->close_deadline = store_now_usec() + (s->close_now ? 0 : STORE_CLOSE_USEC);
        pthread_cond_signal(&s->work);
        pthread_cond_signal(&s->questions);
        if (s->reader_db)
                sqlite3_interrupt(s->reader_db);
        pthread_mutex_unlock(&s->lock);
        /* A thread that is stuck still needs it all; we are about to end anyway. */
        if (!threads_ended(s))
                return NULL;
        if (s->have_reader)
                (void)pthread_join(s->reader_thread, NULL);
        if (s->have_writer)
                (void)pthread_join(s->writer_thread, NULL);
        return store_free(s);
}
