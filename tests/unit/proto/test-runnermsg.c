/* Messages between daemon and runner: round trip, and hostile bytes. */
#include <errno.h>

#include "../../lib/tap.h"
#include "base/bytes.h"
#include "proto/runnermsg.h"

static char w_sh[] = "/bin/sh", w_c[] = "-c", w_true[] = "exit 0", w_empty[] = "", w_lang[] = "LANG=C.UTF-8",
            w_a[] = "A=1", w_b[] = "B=\xc3\xa9 x=y", w_name[] = "JOB_NAME=x", w_file[] = "-/etc/default/x";

static struct runnermsg sample(void)
{
        static char *argv[] = { w_sh, w_c, w_true, w_empty, NULL }, *base[] = { w_lang, NULL },
                    *env[] = { w_a, w_b, NULL }, *own[] = { w_name, NULL }, *files[] = { w_file, NULL };
        struct runnermsg m = runnermsg_make(RUNNERMSG_START, UINT64_MAX, 77);

        m.user = "backup";
        m.working_dir = "/srv";
        m.argv = argv;
        m.env_base = base;
        m.env = env;
        m.env_own = own;
        m.env_file = files;
        m.stdin_text = "a\0b\n";
        m.stdin_size = 4;
        m.affinity = "\x0f\x01";
        m.affinity_size = 2;
        m.attempt = 2;
        m.umask = 022;
        m.nice = -20;
        m.oom_score_adjust = -1000;
        m.rlimit[0] = 1024;
        m.rlimit[5] = -1;
        m.timeout_usec = INT64_MAX;
        m.kill_signal = 15;
        m.log_max = 0;
        return m;
}

static bool same_list(char *const *a, char *const *b)
{
        if (!a || !b)
                return a == b;
        for (; *a && *b; a++, b++)
                if (strcmp(*a, *b) != 0)
                        return false;
        return !*a && !*b;
}

static void test_round_trip(void)
{
        struct runnermsg m = sample(), back;
        uint8_t *data, *again;
        size_t size, again_size;

        is_int(runnermsg_encode(&m, &data, &size), 0, "a START is encoded");
        is_int(runnermsg_decode(data, size, &back), 0, "and decoded");
        ok(back.type == m.type && back.run == m.run && back.start == m.start, "type and attempt");
        ok(same_list(m.argv, back.argv) && same_list(m.env_base, back.env_base) && same_list(m.env, back.env) &&
                   same_list(m.env_own, back.env_own) && same_list(m.env_file, back.env_file),
           "lists");
        is_str(back.user, "backup", "a text");
        ok(!back.group && !back.runs_dir, "texts that are not there");
        ok(back.stdin_size == 4 && memcmp(back.stdin_text, "a\0b\n", 5) == 0, "bytes, with a NUL after them");
        ok(back.affinity_size == 2 && memcmp(back.affinity, "\x0f\x01", 2) == 0, "bits");
        ok(back.nice == -20 && back.umask == 022 && back.oom_score_adjust == -1000 && back.rlimit[0] == 1024 &&
                   back.rlimit[5] == -1 && back.timeout_usec == INT64_MAX && back.log_max == 0,
           "numbers, 0 is one");
        ok(back.rlimit[1] == RUNNERMSG_UNSET && back.signal == RUNNERMSG_UNSET, "numbers that were not given");
        is_int(runnermsg_encode(&back, &again, &again_size), 0, "encoded again");
        ok(size == again_size && memcmp(data, again, size) == 0, "it is the same message");
        runnermsg_done(&back);
        free(data);
        free(again);
}

static void test_limits(void)
{
        struct runnermsg m = runnermsg_make(RUNNERMSG_START, 1, 1);
        char *big = malloc(RUNNERMSG_MAX), *argv[] = { big, NULL };
        uint8_t *data = NULL;
        size_t size;

        memset(big, 'x', RUNNERMSG_MAX - 1);
        big[RUNNERMSG_MAX - 1] = 0;
        m.argv = argv;
        is_int(runnermsg_encode(&m, &data, &size), -EMSGSIZE, "too long");
        big[RUNNERMSG_MAX - RUNNERMSG_HEADER - 8 - 1] = 0;
        is_int(runnermsg_encode(&m, &data, &size), 0, "just not too long");
        is_int(size, RUNNERMSG_MAX, "that is the longest");
        free(data);
        free(big);

        m = runnermsg_make(RUNNERMSG_STOP, 1, 1);
        m.signal = 65;
        is_int(runnermsg_encode(&m, &data, &size), -EINVAL, "a number out of its range");
}

/* Every prefix, every changed byte: refused or read as something else, never out of bounds (the sanitizers look). */
static void test_hostile(void)
{
        struct runnermsg m = sample(), back;
        uint8_t *data, *copy;
        size_t size;
        bool all = true;

        (void)runnermsg_encode(&m, &data, &size);
        for (size_t i = 0; i < size; i++) {
                copy = malloc(i + 1);
                memcpy(copy, data, i);
                all = all && runnermsg_decode(copy, i, &back) == -EBADMSG;
                free(copy);
        }
        ok(all, "every truncation is refused");

        for (size_t i = 0; i < size; i++)
                for (unsigned v = 1; v < 256; v += 1 + v / 4) {
                        copy = malloc(size);
                        memcpy(copy, data, size);
                        copy[i] ^= (uint8_t)v;
                        if (runnermsg_decode(copy, size, &back) == 0) {
                                uint8_t *again = NULL;
                                size_t again_size = 0;

                                all = all && runnermsg_encode(&back, &again, &again_size) == 0;
                                free(again);
                                runnermsg_done(&back);
                        }
                        free(copy);
                }
        ok(all, "whatever is accepted can be encoded again");
        free(data);
}

struct raw {
        uint8_t bytes[512];
        size_t size;
};

static struct raw raw_start(void)
{
        struct raw r = { .size = RUNNERMSG_HEADER };

        put_u32(r.bytes, 0x4d52534a);
        put_u16(r.bytes + 4, RUNNERMSG_VERSION);
        put_u16(r.bytes + 6, RUNNERMSG_START);
        return r;
}

static void raw_field(struct raw *r, unsigned key, const void *data, size_t size)
{
        put_u16(r->bytes + r->size, (uint16_t)key);
        put_u16(r->bytes + r->size + 2, 0);
        put_u32(r->bytes + r->size + 4, (uint32_t)size);
        memcpy(r->bytes + r->size + 8, data, size);
        r->size += 8 + size;
        put_u32(r->bytes + 20, (uint32_t)(r->size - RUNNERMSG_HEADER));
}

static int decode(const struct raw *r)
{
        struct runnermsg m;
        int e = runnermsg_decode(r->bytes, r->size, &m);

        if (e == 0)
                runnermsg_done(&m);
        return e;
}

static void test_fields(void)
{
        enum { KEY_RUNS_DIR = 1, KEY_OWN_USER = 4, KEY_ARGV = 9, KEY_STDIN = 14 };
        static const uint8_t one[8] = { 1 }, two[8] = { 2 };
        struct raw r;

        r = raw_start();
        is_int(decode(&r), 0, "no field at all");
        raw_field(&r, KEY_RUNS_DIR, "/x", 3);
        is_int(decode(&r), 0, "a text");
        raw_field(&r, KEY_RUNS_DIR, "/x", 3);
        is_int(decode(&r), -EBADMSG, "a text twice");
        r = raw_start();
        raw_field(&r, KEY_ARGV, "a", 2);
        raw_field(&r, KEY_ARGV, "", 1);
        is_int(decode(&r), 0, "a list's field twice");
        r = raw_start();
        raw_field(&r, KEY_RUNS_DIR, "/x", 2);
        is_int(decode(&r), -EBADMSG, "a text without its NUL");
        r = raw_start();
        raw_field(&r, KEY_ARGV, "a\0b", 4);
        is_int(decode(&r), -EBADMSG, "a NUL inside a text");
        r = raw_start();
        raw_field(&r, KEY_ARGV, "", 0);
        is_int(decode(&r), -EBADMSG, "a text of no bytes");
        r = raw_start();
        raw_field(&r, KEY_STDIN, "a\0b", 4);
        is_int(decode(&r), 0, "a NUL inside bytes");
        r = raw_start();
        raw_field(&r, KEY_STDIN, "ab", 2);
        is_int(decode(&r), -EBADMSG, "bytes without their NUL");
        r = raw_start();
        raw_field(&r, KEY_OWN_USER, one, 8);
        is_int(decode(&r), 0, "a number");
        r = raw_start();
        raw_field(&r, KEY_OWN_USER, two, 8);
        is_int(decode(&r), -EBADMSG, "a number out of range");
        r = raw_start();
        raw_field(&r, KEY_OWN_USER, one, 4);
        is_int(decode(&r), -EBADMSG, "a number of another width");
        r = raw_start();
        raw_field(&r, 0, one, 8);
        is_int(decode(&r), -EBADMSG, "key 0");
        r = raw_start();
        raw_field(&r, 999, one, 8);
        is_int(decode(&r), -EBADMSG, "an unknown key");
        r = raw_start();
        raw_field(&r, KEY_ARGV, "a", 2);
        put_u32(r.bytes + RUNNERMSG_HEADER + 4, UINT32_MAX);
        is_int(decode(&r), -EBADMSG, "a length beyond the end");
        r = raw_start();
        put_u16(r.bytes + 4, RUNNERMSG_VERSION + 1);
        is_int(decode(&r), -EPROTO, "another version");
        r = raw_start();
        put_u16(r.bytes + 6, RUNNERMSG_TYPE_NR);
        is_int(decode(&r), -EBADMSG, "an unknown type");
        r = raw_start();
        put_u32(r.bytes + 20, 1);
        is_int(decode(&r), -EBADMSG, "a size that is not what came");
}

static void test_gone(void)
{
        uint8_t entry[RUNNERMSG_GONE_SIZE];
        uint64_t run;
        uint32_t start;

        runnermsg_gone_put(entry, UINT64_MAX - 1, UINT32_MAX - 2);
        runnermsg_gone_get(entry, &run, &start);
        ok(run == UINT64_MAX - 1 && start == UINT32_MAX - 2, "an entry of GONE comes back");
}

int main(void)
{
        test_round_trip();
        test_limits();
        test_hostile();
        test_fields();
        test_gone();
        return tap_done();
}
