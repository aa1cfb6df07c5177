/* bench-tiny SOCKET: a program that does nothing but send 200 bytes to a Unix socket and read the answer.
 * bench-tiny --serve SOCKET: answers it, 2000 bytes each, until it is killed.  Prints a line when it listens. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fill(struct sockaddr_un *a, const char *path)
{
        *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(a->sun_path))
                return -1;
        memcpy(a->sun_path, path, strlen(path) + 1);
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int serve(const char *path)
{
        struct sockaddr_un a;
        int fd = fill(&a, path);
        char buf[2000] = "";

        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 128) < 0)
                return 1;
        puts("ready");
        fflush(stdout);
        for (;;) {
                int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (client < 0)
                        return 1;
                if (read(client, buf, sizeof(buf)) > 0 && write(client, buf, sizeof(buf)) < 0)
                        return 1;
                close(client);
        }
}

int main(int argc, char **argv)
{
        struct sockaddr_un a;
        char buf[4096] = "";
        int fd;

        if (argc == 3 && strcmp(argv[1], "--serve") == 0)
                return serve(argv[2]);
        if (argc != 2)
                return 2;
        fd = fill(&a, argv[1]);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || write(fd, buf, 200) != 200)
                return 1;
        return read(fd, buf, sizeof(buf)) <= 0;
}
