/* The listening socket: made in its folder, or given by systemd. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/util.h"
#include "control/private.h"

/* "/proc/self/fd/N/NAME": a path of that folder, however long its own name is. */
static int address_of(int folder, const char *name, struct sockaddr_un *ret)
{
        int n;

        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", folder, name);
        return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

/* What stands at the name may be replaced if it is a socket that nobody listens on: 0.  -EADDRINUSE: somebody does. */
static int check_stale(int folder, const char *name, const char *path, struct error *reterr)
{
        struct sockaddr_un sa;
        struct stat st;
        int r;

        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno == ENOENT)
                        return 0;
                r = -errno;
                return error_set(reterr, r, ERROR_FAILED, "%s: %s", path, strerror(-r));
        }
        if (!S_ISSOCK(st.st_mode))
                return error_set(reterr, -EEXIST, ERROR_FAILED, "%s is there and is no socket; it is left alone", path);
        r = address_of(folder, name, &sa);
        if (r < 0)
                return error_set(reterr, r, ERROR_FAILED, "%s: name too long", path);

        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "socket: %s", strerror(errno));
        r = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
        safe_close(fd);
        if (r == -ECONNREFUSED || r == -ENOENT)
                return 0;
        /* EAGAIN: it listens, its backlog is full. */
        return error_set(reterr, -EADDRINUSE, ERROR_CONFLICT, "%s: another program listens there", path);
}

/* Bound under another name and renamed: there is never a moment without the socket's mode, and a stale one goes in the
 * same step. */
static int bind_in(int folder, const char *name, int fd, const char *path, struct error *reterr)
{
        char temporary[64];
        struct sockaddr_un sa;
        int r;

        (void)snprintf(temporary, sizeof(temporary), ".control.%d", (int)getpid());
        r = address_of(folder, temporary, &sa);
        if (r < 0)
                return r;
        if (unlinkat(folder, temporary, 0) < 0 && errno != ENOENT)
                return error_set(reterr, -errno, ERROR_FAILED, "%s: %s", path, strerror(errno));
        if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "can't make %s: %s", path, strerror(errno));
        /* Rights come from the peer's identity, so everybody may connect. */
        if (fchmodat(folder, temporary, 0666, 0) < 0 || listen(fd, SOMAXCONN) < 0 ||
            renameat(folder, temporary, folder, name) < 0) {
                r = -errno;
                (void)unlinkat(folder, temporary, 0);
                return error_set(reterr, r, ERROR_FAILED, "can't make %s: %s", path, strerror(-r));
        }
        return 0;
}

int socket_listen(const char *path, int *ret_folder, char **ret_name, struct error *reterr)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
        _cleanup_(freep) char *name = strdup(slash ? slash + 1 : path);
        _cleanup_(closep) int folder = -1;
        _cleanup_(closep) int fd = -1;
        int r;

        if (!dir || !name)
                return error_set(reterr, -ENOMEM, ERROR_BUSY, "out of memory");
        if (name[0] == '\0' || streq(name, ".") || streq(name, ".."))
                return error_set(reterr, -EINVAL, ERROR_INVALID, "%s is no name for a socket", path);
        folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "%s: %s", dir, strerror(errno));
        r = check_stale(folder, name, path, reterr);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "socket: %s", strerror(errno));
        r = bind_in(folder, name, fd, path, reterr);
        if (r < 0)
                return r;
        *ret_folder = TAKE_FD(folder);
        *ret_name = TAKE_PTR(name);
        return TAKE_FD(fd);
}

int socket_adopt(int fd, struct error *reterr)
{
        int domain = 0, type = 0, listening = 0, flags;
        socklen_t size = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "the socket that was passed: %s", strerror(errno));
        if (domain != AF_UNIX || type != SOCK_STREAM || !listening)
                return error_set(reterr, -EINVAL, ERROR_INVALID,
                                 "the socket that was passed is no listening Unix stream socket");
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return error_set(reterr, -errno, ERROR_FAILED, "the socket that was passed: %s", strerror(errno));
        return 0;
}
