/* bench-yamlfiles DIR: opens and reads each file of DIR and takes libyaml's events of it, and does nothing with them: the
 * least that loading job files can cost.  Prints seconds, files, events. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <yaml.h>

#include "bench.h"

static long events(const unsigned char *text, size_t size)
{
        yaml_parser_t parser;
        yaml_event_t event;
        bool end = false;
        long n = 0;

        if (!yaml_parser_initialize(&parser))
                return -1;
        yaml_parser_set_input_string(&parser, text, size);
        while (!end) {
                if (!yaml_parser_parse(&parser, &event)) {
                        n = -1;
                        break;
                }
                end = event.type == YAML_STREAM_END_EVENT;
                yaml_event_delete(&event);
                n++;
        }
        yaml_parser_delete(&parser);
        return n;
}

int main(int argc, char **argv)
{
        DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
        long files = 0, all = 0;
        struct dirent *entry;
        int64_t begin;

        if (!dir) {
                fprintf(stderr, "usage: bench-yamlfiles DIR\n");
                return 2;
        }
        begin = now_ns(CLOCK_MONOTONIC);
        while ((entry = readdir(dir))) {
                unsigned char text[65536];
                ssize_t size;
                long n;
                int fd;

                if (entry->d_name[0] == '.')
                        continue;
                fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        return 1;
                size = read(fd, text, sizeof(text));
                close(fd);
                n = size < 0 ? -1 : events(text, (size_t)size);
                if (n < 0) {
                        fprintf(stderr, "bench-yamlfiles: %s\n", entry->d_name);
                        return 1;
                }
                files++;
                all += n;
        }
        printf("%.6f %ld %ld\n", (double)(now_ns(CLOCK_MONOTONIC) - begin) / 1e9, files, all);
        closedir(dir);
        return 0;
}
