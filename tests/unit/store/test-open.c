/* Opening: the folder, the lock, what is in the place of the database, versions and migrations. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/tap.h"
#include "store-lib.h"
#include "store/internal.h"

static const char *in(const char *dir, const char *name)
{
        static char path[8][512]; /* good for seven more calls */
        static unsigned i;
        char *p = path[i++ % ARRAY_SIZE(path)];

        (void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
        return p;
}

static void write_file(const char *path, const void *data, size_t size)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write_all(fd, data, size) < 0)
                abort();
        close(fd);
}

static void make_link(const char *to, const char *path)
{
        if (symlink(to, path) < 0)
                abort();
}

static void test_folder(void)
{
        char dir[128];
        struct store *s;
        struct stat st;

        (void)snprintf(dir, sizeof(dir), "%s/a/b/state", scratch_folder());
        s = open_store(dir);

        ok(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700, "the folder is made, for us alone");
        ok(stat(in(dir, "state.db"), &st) == 0 && (st.st_mode & 07777) == 0600, "the database too");
        ok(stat(in(dir, "state.lock"), &st) == 0 && (st.st_mode & 07777) == 0600, "the lock too");
        ok(access(in(dir, "state.db.new"), F_OK) < 0, "nothing is left of its making");
        store_close(s);
        ok(access(in(dir, "state.db-wal"), F_OK) < 0, "closed: the log is gone");
        s = open_store(dir);
        store_close(s);
        ok(true, "opened again");
        is_int(sql_number(dir, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0,
               "whole");
}

/* In another process, as it is with daemons. */
static int open_elsewhere(const char *dir, int *ret_holder, char *message, size_t size)
{
        struct answer {
                int r, holder;
                char message[512];
        } a = { 0 };
        int p[2];
        pid_t pid;

        if (pipe(p) < 0 || (pid = fork()) < 0)
                abort();
        if (pid == 0) {
                struct error err = ERROR_NULL;
                struct store *s = NULL;

                a.r = store_open(dir, &s, &a.holder, &err);
                memcpy(a.message, err.message, sizeof(a.message));
                (void)write_all(p[1], &a, sizeof(a));
                store_close(s);
                _exit(0);
        }
        close(p[1]);
        if (read_full(p[0], &a, sizeof(a)) != (ssize_t)sizeof(a))
                abort();
        close(p[0]);
        (void)waitpid(pid, NULL, 0);
        *ret_holder = a.holder;
        (void)snprintf(message, size, "%s", a.message);
        return a.r;
}

static void test_lock(void)
{
        const char *dir = scratch_folder();
        struct store *s = open_store(dir);
        char message[512], pid[32];
        int holder = 0;

        (void)snprintf(pid, sizeof(pid), "process %d", (int)getpid());
        is_int(open_elsewhere(dir, &holder, message, sizeof(message)), -EWOULDBLOCK, "a second one is refused");
        is_int(holder, getpid(), "and told who has it");
        ok(strstr(message, pid) && strstr(message, dir), "in words too: %s", message);
        ok((fcntl(s->lock_fd, F_GETFD) & FD_CLOEXEC) && (fcntl(s->dir_fd, F_GETFD) & FD_CLOEXEC) &&
                   (fcntl(s->event_fd, F_GETFD) & FD_CLOEXEC),
           "no descriptor is inherited");
        store_close(s);
        is_int(open_elsewhere(dir, &holder, message, sizeof(message)), 0, "once it is closed, another may");
}

/* A holder that is killed. */
static void test_lock_of_the_dead(void)
{
        const char *dir = scratch_folder();
        int p[2], holder;
        char c, message[512];
        pid_t pid;

        if (pipe(p) < 0 || (pid = fork()) < 0)
                abort();
        if (pid == 0) {
                struct store *s = start_store(dir, NULL);
                struct job_state j = make_job(1, "a");

                (void)put_job(s, 1, &j);
                store_submit(s, 1);
                (void)wait_stored(s, 1, NULL);
                (void)write_all(p[1], "x", 1);
                for (;;)
                        pause();
        }
        close(p[1]);
        if (read(p[0], &c, 1) != 1)
                abort();
        is_int(open_elsewhere(dir, &holder, message, sizeof(message)), -EWOULDBLOCK, "a running one holds it");
        is_int(holder, pid, "the right one");
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        is_int(open_elsewhere(dir, &holder, message, sizeof(message)), 0, "a killed one does not");
        is_int(sql_number(dir, "SELECT count(*) FROM job"), 1, "and what it was told to be stored is there");
        close(p[0]);
}

static int try_open(const char *dir, struct error *err)
{
        struct store *s = NULL;
        int r;

        *err = ERROR_NULL;
        r = store_open(dir, &s, NULL, err);
        if (r >= 0)
                store_close(s);
        else if (s || err->code == ERROR_NONE)
                abort();
        return r;
}

/* What is wrong is said, and is left as it is. */
static void test_refused(void)
{
        static const struct {
                const char *what, *says;
                const char *name, *data;
                size_t size;
                int answer;
        } rows[] = {
                { "an empty file", "empty", "state.db", "", 0, -EBADMSG },
                { "another file", "damaged", "state.db",
                  "# this is not a database, but long enough for a header: 0123456789012345678901234567890123456789",
                  95, -EBADMSG },
                { "a log without a database", "missing", "state.db-wal", "x", 1, -EBADMSG },
        };
        struct error err;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *dir = scratch_folder();
                struct stat st;

                write_file(in(dir, rows[i].name), rows[i].data, rows[i].size);
                is_int(try_open(dir, &err), rows[i].answer, rows[i].what);
                ok(strstr(err.message, rows[i].says) && strstr(err.message, "state.db"), "%s", err.message);
                ok(stat(in(dir, rows[i].name), &st) == 0 && st.st_size == (off_t)rows[i].size, "left as it is");
        }
        const char *dir = scratch_folder();
        (void)mkdir(in(dir, "state.db"), 0700);
        is_int(try_open(dir, &err), -EINVAL, "a folder");
        dir = scratch_folder();
        make_link("/nonexistent/state.db", in(dir, "state.db"));
        is_int(try_open(dir, &err), -EINVAL, "a symbolic link");
        dir = scratch_folder();
        make_link("/nonexistent/state.lock", in(dir, "state.lock"));
        is_int(try_open(dir, &err), -ELOOP, "a lock that is a link");
        write_file(in(dir, "plain"), "x", 1);
        is_int(try_open(in(dir, "plain"), &err), -ENOTDIR, "a plain file for the folder");
        dir = scratch_folder();
        store_close(open_store(dir));
        (void)sql_exec(dir, "PRAGMA application_id = 7");
        is_int(try_open(dir, &err), -EINVAL, "another program's database");
        ok(strstr(err.message, "not a state database of jobschedd") != NULL, "%s", err.message);
}

static void test_damage(void)
{
        unsigned refused = 0, bad = 0;
        const char *whole = scratch_folder();
        struct store *s = start_store(whole, NULL);
        static unsigned char data[1 << 20];
        struct job_state j = make_job(1, "a");
        struct error err;
        ssize_t size;
        int fd;

        (void)put_job(s, 1, &j);
        for (uint64_t i = 1; i <= 500; i++) {
                struct run_info r = make_run(i, 1, i % 2 ? RUN_QUEUED : RUN_FAILED);

                (void)put_run(s, 1, &r);
                (void)put_transition(s, 1, i, RUN_QUEUED, REASON_NONE, 1);
        }
        store_submit(s, 1);
        store_close(s);
        fd = open(in(whole, "state.db"), O_RDONLY | O_CLOEXEC);
        size = read_full(fd, data, sizeof(data));
        close(fd);
        ok(size > 50000, "a database of %zd bytes", size);
        /* Page after page spoilt: opening says so, or loading does; nothing crashes, nothing begins anew. */
        for (ssize_t at = 0; at < size; at += 4096) {
                static unsigned char spoilt[1 << 20];
                const char *dir = scratch_folder();
                struct store_meta meta;
                struct stat st;
                int r;

                memcpy(spoilt, data, (size_t)size);
                memset(spoilt + at, 0xa5, 512);
                write_file(in(dir, "state.db"), spoilt, (size_t)size);
                r = try_open(dir, &err);
                if (r < 0) {
                        refused++;
                        bad += !strstr(err.message, "damaged");
                } else {
                        s = open_store(dir);
                        bad += store_load_meta(s, &meta, &err) < 0;
                        store_close(s);
                }
                bad += stat(in(dir, "state.db"), &st) < 0 || st.st_size != size;
                remove_tree(dir);
                forget_scratch();
        }
        ok(refused > 5, "%u pages were missed", refused);
        is_int(bad, 0, "and that was said");
        /* Cut short. */
        for (ssize_t n = 100; n < size; n += size / 7) {
                const char *dir = scratch_folder();

                write_file(in(dir, "state.db"), data, (size_t)n);
                bad += try_open(dir, &err) >= 0;
                remove_tree(dir);
                forget_scratch();
        }
        is_int(bad, 0, "a database that was cut short is refused");
}

static int ignore_job(void *arg, const struct job_state *j)
{
        return 0;
}

static int ignore_run(void *arg, const struct run_info *r, const char *definition, size_t size)
{
        return 0;
}

/* Well-formed, but not what we write. */
static void test_strange_rows(void)
{
        static const struct {
                const char *sql;
                bool job;
        } rows[] = {
                { "UPDATE run SET state = 77", false },        { "UPDATE run SET state = -1", false },
                { "UPDATE run SET flags = -1", false },        { "UPDATE run SET error = 1 << 40", false },
                { "UPDATE run SET digest = x'00'", false },    { "UPDATE run SET stage = 1000", false },
                { "UPDATE job SET epoch = -5", true },         { "UPDATE job SET paused = 2", true },
                { "UPDATE job SET enabled_override = 300", true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *dir = scratch_folder();
                struct store *s = start_store(dir, NULL);
                struct job_state j = make_job(1, "a");
                struct run_info run = make_run(1, 1, RUN_QUEUED);
                struct error err = ERROR_NULL;
                int r;

                (void)put_job(s, 1, &j);
                (void)put_run(s, 1, &run);
                store_submit(s, 1);
                store_close(s);
                (void)sql_exec(dir, rows[i].sql);
                s = open_store(dir);
                r = rows[i].job ? store_load_jobs(s, ignore_job, NULL, &err)
                                : store_load_runs(s, ignore_run, NULL, &err);
                /* A state that is an end by its number is not loaded at all. */
                ok(r == -EBADMSG || (r == 0 && strstr(rows[i].sql, "77")), "%s: %s", rows[i].sql,
                   r < 0 ? err.message : "not loaded");
                store_close(s);
                remove_tree(dir);
                forget_scratch();
        }
}

/* ---- versions */

static const struct migration first_two[] = {
        { "CREATE TABLE meta (one INTEGER, seq INTEGER, transition INTEGER, run INTEGER, job INTEGER, seed INTEGER,"
          "  boot TEXT);"
          "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO thing VALUES (1, 'old')" },
        { "ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 7; UPDATE thing SET name = 'new' WHERE id = 1" },
};
static const struct migration broken_second[] = {
        { NULL },
        { "ALTER TABLE thing ADD COLUMN size INTEGER; UPDATE thing SET name = 'half';"
          "INSERT INTO no_such_table VALUES (1)" },
};

static void test_migrations(void)
{
        const char *dir = scratch_folder();
        char path[512];
        sqlite3 *db = NULL;
        struct error err = ERROR_NULL;
        int64_t v = 0;

        (void)snprintf(path, sizeof(path), "%s/state.db", dir);
        if (db_open(path, DB_CREATE, &db, NULL) < 0)
                abort();
        is_int(schema_migrate(db, path, first_two, 1, &err), 0, "a new database, version 1");
        ok(access(in(dir, "state.db.before-v1"), F_OK) < 0, "of nothing there is no backup");
        is_int(schema_migrate(db, path, broken_second, 2, &err) < 0, 1, "a migration that fails in its middle");
        ok(strstr(err.message, "no_such_table") != NULL, "%s", err.message);
        ok(db_number(db, "PRAGMA user_version", &v, NULL) == 0 && v == 1, "leaves the version,");
        ok(db_number(db, "SELECT name = 'old' FROM thing", &v, NULL) == 0 && v == 1, "and the rows as they were");
        is_int(schema_migrate(db, path, first_two, 2, &err), 0, "one that does not");
        ok(db_number(db, "SELECT name = 'new' AND size = 7 FROM thing", &v, NULL) == 0 && v == 1, "does what it says");
        ok(db_number(db, "PRAGMA user_version", &v, NULL) == 0 && v == 2, "and tells its version");
        is_int(schema_migrate(db, path, first_two, 2, &err), 0, "again: nothing to do");
        err = ERROR_NULL;
        is_int(schema_migrate(db, path, first_two, 1, &err), -EPROTONOSUPPORT, "a newer version is refused");
        ok(strstr(err.message, "newer jobschedd") && strstr(err.message, "version 2") && strstr(err.message, "up to 1"),
           "%s", err.message);
        db = db_close(db);

        if (rename(in(dir, "state.db.before-v2"), path) < 0)
                abort();
        is_int(sql_number(dir, "SELECT name = 'old' FROM thing"), 1, "the backup is the database before it");
        is_int(sql_number(dir, "PRAGMA user_version"), 1, "with its version");
        ok(access(in(dir, "state.db.before-v2.part"), F_OK) < 0, "nothing is left of its making");
}

static int take_job(void *arg, const struct job_state *j)
{
        struct job_state *found = arg;

        found[j->id % 4] = *j;
        found[j->id % 4].name = NULL;
        return 0;
}

/* A database that the version before wrote: what it lacks is made, what it has stays. */
static void test_version_1(void)
{
        const char *dir = scratch_folder();
        struct job_state found[4] = { 0 }, j = make_job(1, "a");
        char path[512];
        sqlite3 *db = NULL;
        struct error err = ERROR_NULL;
        struct store *s;

        (void)snprintf(path, sizeof(path), "%s/state.db", dir);
        if (db_open(path, DB_CREATE, &db, NULL) < 0 || schema_migrate(db, path, migrations, 1, &err) < 0)
                abort();
        is_int(sqlite3_exec(db,
                            "INSERT INTO job (id, name, watermark, fixed_after, epoch, schedule_digest, removed, last_success,"
                            " enabled_override, paused, pause_hold) VALUES (1, 'a', 12000000, 5, 3, 77, 0, 9, -1, 0, 0),"
                            " (2, 'b', 24000000, 5, 3, 78, 1, 9, 0, 0, 0); UPDATE meta SET job = 2, run = 41, seq = 9",
                            NULL, NULL, NULL),
               SQLITE_OK, "a database of version 1");
        db = db_close(db);
        s = start_store(dir, NULL);
        is_int(sql_number(dir, "PRAGMA user_version"), n_migrations, "is opened and brought up to date");
        ok(access(in(dir, "state.db.before-v2"), F_OK) == 0, "a backup is beside it");
        j.watermark = WALL_SEC(30);
        j.after_base = WALL_SEC(29);
        (void)put_job(s, 10, &j);
        store_submit(s, 10);
        (void)wait_stored(s, 10, NULL);
        store_close(s);
        s = open_store(dir);
        is_int(store_load_jobs(s, take_job, found, NULL), 0, "its jobs are loaded");
        ok(found[1].after_base.usec == WALL_SEC(29).usec && found[1].watermark.usec == WALL_SEC(30).usec, "what is new is kept");
        ok(wall_is_never(found[2].after_base) && found[2].watermark.usec == 24000000 && found[2].epoch == 3 &&
                   found[2].schedule_digest == 78 && found[2].removed && found[2].enabled_override == 0,
           "what was there is as it was, without what it had not");
        store_close(s);
}

static void test_newer(void)
{
        const char *dir = scratch_folder();
        struct error err;
        char sql[64];

        store_close(open_store(dir));
        (void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", n_migrations + 1);
        (void)sql_exec(dir, sql);
        is_int(try_open(dir, &err), -EPROTONOSUPPORT, "the database of a newer daemon");
        ok(strstr(err.message, "newer") != NULL, "%s", err.message);
        is_int(sql_number(dir, "PRAGMA user_version"), n_migrations + 1, "is left as it is");
}

static int take_run(void *arg, const struct run_info *r, const char *definition, size_t size)
{
        *(struct run_info *)arg = *r;
        return 0;
}

/* Another version had its enums in another order, and words that we don't have. */
static void test_words(void)
{
        const char *dir = scratch_folder();
        struct store *s = start_store(dir, NULL);
        struct job_state j = make_job(1, "a");
        struct run_info r = make_run(1, 1, RUN_QUEUED), got = { 0 };
        struct store_meta meta;

        r.reason = REASON_RETRY;
        r.trigger = TRIGGER_MANUAL;
        r.stage = STAGE_EXEC;
        (void)put_job(s, 1, &j);
        (void)put_run(s, 1, &r);
        store_submit(s, 1);
        store_close(s);
        /* Reasons `retry` and `chain` change places, `exec` gets another code, `manual` is called by a word we don't
         * know. */
        (void)sql_exec(
                dir,
                "UPDATE word SET word = 'x' WHERE kind = 1 AND word = 'retry';"
                "UPDATE word SET word = 'retry' WHERE kind = 1 AND word = 'chain';"
                "UPDATE word SET word = 'chain' WHERE kind = 1 AND word = 'x';"
                "UPDATE word SET code = 60 WHERE kind = 3 AND word = 'exec'; UPDATE run SET stage = 60;"
                "UPDATE word SET word = 'by_hand' WHERE kind = 2 AND word = 'manual'");
        s = open_store(dir);
        is_int(store_load_runs(s, take_run, &got, NULL), 0, "loaded");
        is_int(got.reason, REASON_CHAIN, "codes are read by their words");
        is_int(got.stage, STAGE_EXEC, "wherever they are");
        is_int(got.trigger, 0, "a word of another version is read as none");
        ok(store_load_meta(s, &meta, NULL) == 0, "meta");
        if (store_start(s, &(struct store_options){ 0 }, NULL) < 0)
                abort();
        r.id = 2;
        (void)put_run(s, meta.next_seq, &r);
        store_submit(s, meta.next_seq);
        store_close(s);
        is_int(sql_number(
                       dir,
                       "SELECT word = 'manual' FROM run JOIN word ON kind = 2 AND code = \"trigger\" WHERE run.id = 2"),
               1, "and written by them");
        is_int(sql_number(dir,
                          "SELECT word = 'retry' FROM run JOIN word ON kind = 1 AND code = reason WHERE run.id = 2"),
               1, "all of them");
        is_int(sql_number(dir, "SELECT count(*) FROM word WHERE kind = 2 AND word IN ('manual', 'by_hand')"), 2,
               "a new word gets a new code");
}

static void test_filesystems(void)
{
        is_str(store_network_filesystem(0x6969), "NFS", "NFS");
        is_str(store_network_filesystem((long)(int)0xff534d42), "CIFS", "CIFS, sign-extended");
        is_str(store_network_filesystem(0xfe534d42), "SMB2", "SMB2");
        ok(!store_network_filesystem(0xef53), "ext4");
        ok(!store_network_filesystem(0x01021994), "tmpfs");
        ok(!store_network_filesystem(0x9123683e), "btrfs");
        ok(!store_network_filesystem(0x58465342), "xfs");
        ok(!store_network_filesystem(0x794c7630), "overlayfs");
}

static void test_read_only(void)
{
        const char *dir = scratch_folder();
        struct error err;

        if (geteuid() == 0) {
                tap_skip("a folder that may not be written", "root may");
                return;
        }
        (void)chmod(dir, 0500);
        is_int(try_open(dir, &err), -EACCES, "a folder that may not be written");
        ok(strstr(err.message, dir) != NULL, "%s", err.message);
        (void)chmod(dir, 0700);
}

int main(void)
{
        scratch_in_memory();
        test_folder();
        test_lock();
        test_lock_of_the_dead();
        test_refused();
        test_damage();
        test_strange_rows();
        test_migrations();
        test_version_1();
        test_newer();
        test_words();
        test_filesystems();
        test_read_only();
        return tap_done();
}
