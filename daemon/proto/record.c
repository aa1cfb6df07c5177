#include "proto/record.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/util.h"

/* "JSRC", version, size; then the fields in the order of the table, 8 bytes each (numbers are widened); then the boot;
 * the CRC of everything before it stands in the last four bytes. */
#define RECORD_MAGIC UINT32_C(0x4352534a)
#define AT_FIELDS 16
#define AT_BOOT (RECORD_SIZE - 4 - 64)
#define AT_CRC (RECORD_SIZE - 4)

#define FIELD(member) { offsetof(struct record, member), sizeof(((struct record *)0)->member) }

static const struct {
        uint16_t offset;
        uint8_t size;
} fields[] = {
        FIELD(sequence),     FIELD(run),          FIELD(start),       FIELD(attempt),
        FIELD(state),        FIELD(flags),        FIELD(supervisor),  FIELD(command),
        FIELD(created),      FIELD(execing),      FIELD(started),     FIELD(ended),
        FIELD(execing_mono), FIELD(started_mono), FIELD(ended_mono),  FIELD(stage),
        FIELD(error),        FIELD(wait_status),  FIELD(cause),       FIELD(user_usec),
        FIELD(system_usec),  FIELD(max_rss_kib),  FIELD(read_blocks), FIELD(write_blocks),
        FIELD(output_bytes), FIELD(dropped_bytes),
};

_Static_assert(AT_FIELDS + sizeof(fields) / sizeof(fields[0]) * 8 <= AT_BOOT, "the record's fields fit");
_Static_assert(sizeof(enum record_state) == 4, "enums are widened as 32-bit numbers");

void record_encode(const struct record *r, uint8_t ret[static RECORD_SIZE])
{
        memset(ret, 0, RECORD_SIZE);
        put_u32(ret, RECORD_MAGIC);
        put_u32(ret + 4, RECORD_VERSION);
        put_u32(ret + 8, RECORD_SIZE);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                const uint8_t *from = (const uint8_t *)r + fields[i].offset;
                uint64_t v = 0;
                uint32_t v32;

                if (fields[i].size == 8) {
                        memcpy(&v, from, 8);
                } else {
                        memcpy(&v32, from, 4);
                        v = v32;
                }
                put_u64(ret + AT_FIELDS + i * 8, v);
        }
        memcpy(ret + AT_BOOT, r->boot, strnlen(r->boot, sizeof(r->boot) - 1));
        put_u32(ret + AT_CRC, crc32_of(ret, AT_CRC));
}

int record_decode(const void *data, size_t size, struct record *ret)
{
        const uint8_t *p = data;
        struct record r = { .sequence = 0 };

        if (size != RECORD_SIZE || get_u32(p) != RECORD_MAGIC || get_u32(p + AT_CRC) != crc32_of(p, AT_CRC))
                return -EBADMSG;
        if (get_u32(p + 4) > RECORD_VERSION)
                return -EPROTO;
        if (get_u32(p + 4) == 0 || get_u32(p + 8) != RECORD_SIZE)
                return -EBADMSG;
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                uint64_t v = get_u64(p + AT_FIELDS + i * 8);
                uint32_t v32 = (uint32_t)v;

                if (fields[i].size == 8) {
                        memcpy((uint8_t *)&r + fields[i].offset, &v, 8);
                        continue;
                }
                if (v > UINT32_MAX)
                        return -EBADMSG;
                memcpy((uint8_t *)&r + fields[i].offset, &v32, 4);
        }
        memcpy(r.boot, p + AT_BOOT, sizeof(r.boot));
        if (r.state < RECORD_CREATED || r.state >= RECORD_STATE_NR || r.boot[sizeof(r.boot) - 1])
                return -EBADMSG;
        *ret = r;
        return 0;
}

bool record_is_final(const struct record *r)
{
        return r->state == RECORD_EXITED || r->state == RECORD_EXECFAIL || r->state == RECORD_VOID;
}
