/* An attempt's record, as a supervisor might have left it or somebody might have damaged it.  The bytes as they
 * come, and again with a valid sum, so that what is behind the sum is reached too. */
#include <string.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "fuzz.h"
#include "proto/record.h"

static void try(const void *data, size_t size)
{
        struct record r, again;
        uint8_t bytes[RECORD_SIZE], twice[RECORD_SIZE];

        if (record_decode(data, size, &r) < 0)
                return;
        MUST(size == RECORD_SIZE);
        MUST(r.state >= RECORD_CREATED && r.state < RECORD_STATE_NR);
        MUST(memchr(r.boot, 0, sizeof(r.boot)));
        record_encode(&r, bytes);
        MUST(record_decode(bytes, sizeof(bytes), &again) == 0);
        MUST(record_is_final(&r) == record_is_final(&again));
        record_encode(&again, twice);
        MUST(memcmp(bytes, twice, sizeof(bytes)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t sealed[RECORD_SIZE] = { 0 };

        try(data, size);
        memcpy(sealed, data, size < sizeof(sealed) ? size : sizeof(sealed));
        put_u32(sealed + RECORD_SIZE - 4, crc32_of(sealed, RECORD_SIZE - 4));
        try(sealed, sizeof(sealed));
        return 0;
}
