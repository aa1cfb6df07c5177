/* The record: round trip, and that nothing damaged is taken for one. */
#include <errno.h>

#include "../../lib/tap.h"
#include "base/bytes.h"
#include "base/crc32.h"
#include "proto/record.h"

static struct record sample(void)
{
        struct record r = {
                .sequence = 7,
                .run = UINT64_C(0x123456789abcdef0),
                .start = UINT32_MAX,
                .attempt = 3,
                .state = RECORD_EXITED,
                .flags = RECORD_KILL_FAILED | RECORD_LOG_DROPPED,
                .boot = "0f9a8b7c-0000-1111-2222-333344445555 1234",
                .supervisor = 4194303,
                .command = 42,
                .created = { 1 },
                .execing = { -2 },
                .started = { INT64_MAX },
                .ended = { INT64_MIN },
                .execing_mono = { 3 },
                .started_mono = { 4 },
                .ended_mono = { 5 },
                .stage = 9,
                .error = 2,
                .wait_status = 0x8b,
                .cause = 1,
                .user_usec = 6,
                .system_usec = 7,
                .max_rss_kib = 8,
                .read_blocks = 9,
                .write_blocks = 10,
                .output_bytes = UINT64_MAX,
                .dropped_bytes = 11,
        };

        return r;
}

static bool same(const struct record *a, const struct record *b)
{
        uint8_t x[RECORD_SIZE], y[RECORD_SIZE];

        record_encode(a, x);
        record_encode(b, y);
        return memcmp(x, y, RECORD_SIZE) == 0 && a->sequence == b->sequence && a->run == b->run &&
               a->start == b->start && a->attempt == b->attempt && a->state == b->state && a->flags == b->flags &&
               strcmp(a->boot, b->boot) == 0 && a->supervisor == b->supervisor && a->command == b->command &&
               a->created.usec == b->created.usec && a->execing.usec == b->execing.usec &&
               a->started.usec == b->started.usec && a->ended.usec == b->ended.usec &&
               a->execing_mono.usec == b->execing_mono.usec && a->started_mono.usec == b->started_mono.usec &&
               a->ended_mono.usec == b->ended_mono.usec && a->stage == b->stage && a->error == b->error &&
               a->wait_status == b->wait_status && a->cause == b->cause && a->user_usec == b->user_usec &&
               a->system_usec == b->system_usec && a->max_rss_kib == b->max_rss_kib &&
               a->read_blocks == b->read_blocks && a->write_blocks == b->write_blocks &&
               a->output_bytes == b->output_bytes && a->dropped_bytes == b->dropped_bytes;
}

/* Puts a valid sum under what was changed on purpose. */
static void seal(uint8_t bytes[RECORD_SIZE])
{
        put_u32(bytes + RECORD_SIZE - 4, crc32_of(bytes, RECORD_SIZE - 4));
}

static void test_round_trip(void)
{
        struct record r = sample(), back;
        uint8_t bytes[RECORD_SIZE];

        record_encode(&r, bytes);
        is_int(record_decode(bytes, sizeof(bytes), &back), 0, "what was encoded is decoded");
        ok(same(&r, &back), "every field comes back");
        is_int(crc32_of("123456789", 9), 0xcbf43926, "the sum is CRC-32");
}

static void test_damage(void)
{
        struct record r = sample(), other = sample(), back;
        uint8_t bytes[RECORD_SIZE], torn[RECORD_SIZE + 1];
        bool all = true;

        record_encode(&r, bytes);
        for (size_t i = 0; i < RECORD_SIZE * 8; i++) {
                bytes[i / 8] ^= (uint8_t)(1 << i % 8);
                all = all && record_decode(bytes, sizeof(bytes), &back) == -EBADMSG;
                bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        }
        ok(all, "every single flipped bit is seen");

        all = true;
        for (size_t i = 0; i < RECORD_SIZE; i++)
                all = all && record_decode(bytes, i, &back) == -EBADMSG;
        memcpy(torn, bytes, RECORD_SIZE);
        torn[RECORD_SIZE] = 0;
        ok(all && record_decode(torn, sizeof(torn), &back) == -EBADMSG, "every other length is refused");

        /* Half of one write, half of the next. */
        other.sequence++;
        other.state = RECORD_RUNNING;
        record_encode(&other, torn);
        all = true;
        for (size_t i = 4; i < RECORD_SIZE - 4; i++) {
                uint8_t mixed[RECORD_SIZE];

                memcpy(mixed, bytes, RECORD_SIZE);
                memcpy(mixed, torn, i);
                all = all && (record_decode(mixed, sizeof(mixed), &back) == -EBADMSG ||
                              memcmp(mixed, bytes, RECORD_SIZE) == 0 || memcmp(mixed, torn, RECORD_SIZE) == 0);
        }
        ok(all, "a torn write is seen wherever it tore");
}

static void test_hostile(void)
{
        struct record r = sample(), back;
        uint8_t bytes[RECORD_SIZE];

        record_encode(&r, bytes);
        put_u32(bytes + 4, RECORD_VERSION + 1);
        seal(bytes);
        is_int(record_decode(bytes, sizeof(bytes), &back), -EPROTO, "a newer version says so");
        put_u32(bytes + 4, 0);
        seal(bytes);
        is_int(record_decode(bytes, sizeof(bytes), &back), -EBADMSG, "there is no version 0");

        record_encode(&r, bytes);
        put_u32(bytes + 8, RECORD_SIZE - 1);
        seal(bytes);
        is_int(record_decode(bytes, sizeof(bytes), &back), -EBADMSG, "a size that is not ours");

        for (unsigned state = 0; state <= RECORD_STATE_NR; state += RECORD_STATE_NR) {
                r.state = (enum record_state)state;
                record_encode(&r, bytes);
                is_int(record_decode(bytes, sizeof(bytes), &back), -EBADMSG, "a state that does not exist");
        }

        r = sample();
        record_encode(&r, bytes);
        memset(bytes + RECORD_SIZE - 4 - 64, 'x', 64);
        seal(bytes);
        is_int(record_decode(bytes, sizeof(bytes), &back), -EBADMSG, "a boot without an end");

        record_encode(&r, bytes);
        put_u64(bytes + 16 + 2 * 8, UINT64_C(1) << 32); /* start */
        seal(bytes);
        is_int(record_decode(bytes, sizeof(bytes), &back), -EBADMSG, "a number that is too wide for its field");
}

static void test_final(void)
{
        struct record r = sample();
        static const bool is_final[] = {
                [RECORD_CREATED] = false, [RECORD_VOID] = true,      [RECORD_EXECING] = false,
                [RECORD_RUNNING] = false, [RECORD_EXECFAIL] = true, [RECORD_EXITED] = true,
        };

        for (unsigned s = RECORD_CREATED; s < RECORD_STATE_NR; s++) {
                r.state = (enum record_state)s;
                ok(record_is_final(&r) == is_final[s], "state %u is %sfinal", s, is_final[s] ? "" : "not ");
        }
}

int main(void)
{
        test_round_trip();
        test_damage();
        test_hostile();
        test_final();
        return tap_done();
}
