#include "runner/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>

#include "base/fd.h"
#include "base/util.h"
#include "runner/process.h"

struct member {
        pid_t pid, parent;
};

struct tree {
        struct member *v;
        size_t n, allocated;
};

static int add(struct tree *t, pid_t pid, pid_t parent)
{
        if (t->n == t->allocated) {
                size_t allocated = MAX(64u, t->allocated * 2);
                struct member *v = reallocarray(t->v, allocated, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                t->v = v;
                t->allocated = allocated;
        }
        t->v[t->n++] = (struct member){ pid, parent };
        return 0;
}

/* The children that one thread made: numbers and spaces. */
static int add_children(struct tree *t, pid_t parent, const char *path)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        char chunk[4096];
        long pid = 0;
        ssize_t n;
        int r = 0;

        if (fd < 0)
                return errno == ENOENT || errno == ESRCH ? 0 : -errno;
        while (r >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
                for (ssize_t i = 0; i < n && r >= 0; i++) {
                        if (isdigit((unsigned char)chunk[i])) {
                                pid = pid * 10 + (chunk[i] - '0');
                                continue;
                        }
                        if (pid > 0)
                                r = add(t, (pid_t)pid, parent);
                        pid = 0;
                }
        if (r >= 0 && pid > 0)
                r = add(t, (pid_t)pid, parent);
        return r;
}

static int add_all_threads(struct tree *t, pid_t pid)
{
        char path[64];
        struct dirent *entry;
        DIR *tasks;
        int r = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
        tasks = opendir(path);
        if (!tasks)
                return errno == ENOENT || errno == ESRCH ? 0 : -errno;
        while (r >= 0 && (entry = readdir(tasks))) {
                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", (int)pid, entry->d_name);
                r = add_children(t, pid, path);
        }
        (void)closedir(tasks);
        return r;
}

/* 1 if it got the signal, 0 if it is gone or no longer ours, negative errno. */
static int signal_member(const struct member *m, pid_t self, int signal, bool wake)
{
        _cleanup_(closep) int pidfd = pidfd_open(m->pid, 0);
        struct process p;

        if (pidfd < 0)
                return errno == ESRCH || errno == EINVAL ? 0 : -errno;
        if (process_read(m->pid, &p) < 0 || p.state == 'Z' || (p.parent != m->parent && p.parent != self))
                return 0;
        if (pidfd_send_signal(pidfd, signal, NULL, 0) < 0)
                return errno == ESRCH ? 0 : -errno;
        if (wake)
                (void)pidfd_send_signal(pidfd, SIGCONT, NULL, 0);
        return 1;
}

int tree_signal(int signal, bool wake)
{
        _cleanup_(freep) void *memory = NULL;
        struct tree t = { .v = NULL };
        pid_t self = getpid();
        int reached = 0, r;

        r = add_all_threads(&t, self);
        for (size_t i = 0; i < t.n && r >= 0; i++)
                r = add_all_threads(&t, t.v[i].pid);
        memory = t.v;
        /* What was found is signalled even if not all could be. */
        for (size_t i = 0; i < t.n; i++) {
                int sent = signal_member(&t.v[i], self, signal, wake);

                if (sent > 0)
                        reached++;
                else if (sent < 0)
                        r = sent;
        }
        return reached > 0 ? reached : r;
}
