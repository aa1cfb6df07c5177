/* Bytes from a client: whatever they are, every line that comes back is one JSON object, and other clients are served. */
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/control/harness.h"
#include "fuzz.h"
#include "proto/json.h"

#define INPUTS_A_DAEMON 2000 /* state gathers: begin anew at times, also so that a broken input is among few */

static const char jobs[] =
        "jobs:\n  a: {schedule: \"*/5 * * * *\", command: \"true\", labels: {x: \"1\"}}\n  b: {command: [/bin/true], user: root}\n";
static int bystander = -1;
static unsigned inputs;

static void begin(void)
{
        struct run_info r = { .id = 100000,
                              .job = "a",
                              .state = RUN_FAILED,
                              .reason = REASON_EXIT,
                              .count = 1,
                              .retry_at = WALL_NEVER,
                              .start = 1,
                              .attempt = 1,
                              .wait_status = 256,
                              .by_uid = UINT32_MAX };

        if (bystander >= 0) {
                close(bystander);
                harness_stop();
        }
        harness_quiet = true;
        harness_start();
        harness_jobs(jobs, "/etc/jobs.d/a.yaml", 0);
        harness_history(&r);
        bystander = client();
}

/* What came back, to be whole lines of JSON-RPC. */
static void check_answers(int fd)
{
        static char buf[1 << 20];
        struct lines l;
        char *line;
        size_t size;
        ssize_t n;

        lines_init(&l, 8 << 20);
        while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
                for (ssize_t at = 0; at < n;) {
                        char *space;

                        MUST(lines_space(&l, (size_t)(n - at), &space, &size) == 0);
                        memcpy(space, buf + at, size);
                        lines_add(&l, size);
                        at += (ssize_t)size;
                        while ((line = lines_next(&l, &size))) {
                                json_t *v = json_loadb(line, size, 0, NULL);

                                MUST(json_is_object(v) && json_is_string(json_object_get(v, "jsonrpc")));
                                MUST(json_object_get(v, "result") || json_object_get(v, "error") ||
                                     json_object_get(v, "method"));
                                json_decref(v);
                        }
                }
                turn();
        }
        lines_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd;

        if (inputs++ % INPUTS_A_DAEMON == 0)
                begin();
        fd = client();
        for (size_t at = 0; at < size; at += 512) {
                size_t n = size - at < 512 ? size - at : 512;

                if (send(fd, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        break;
                turn();
        }
        settle();
        if (h.reloads > 0) {
                h.reloads = 0;
                harness_reloaded();
                settle();
        }
        check_answers(fd);
        close(fd);
        settle();
        if (inputs % 64 == 0)
                MUST(*ask_code(bystander, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.version\"}") == '\0');
        return 0;
}
