/* A message to the runner or from it.  The bytes as they come, and again as the fields behind a valid header. */
#include <string.h>

#include "base/bytes.h"
#include "fuzz.h"
#include "proto/runnermsg.h"

static void check_lists(const struct runnermsg *m)
{
        char **const lists[] = { m->argv, m->env_base, m->env_file, m->env, m->env_own };
        size_t length = 0;

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                for (char **p = lists[i]; p && *p; p++)
                        length += strlen(*p) + 1;
        MUST(length <= RUNNERMSG_MAX);
}

static void try(const uint8_t *data, size_t size)
{
        struct runnermsg m, again;
        enum runnermsg_type type;
        uint64_t run;
        uint32_t start;
        uint8_t *bytes, *twice;
        size_t n, n_twice;
        int framed = runnermsg_peek(data, size, &type, &run, &start);

        if (runnermsg_decode(data, size, &m) < 0)
                return;
        MUST(framed == 0 && m.type == type && m.run == run && m.start == start);
        check_lists(&m);
        MUST(runnermsg_encode(&m, &bytes, &n) == 0);
        MUST(n == size);
        MUST(runnermsg_decode(bytes, n, &again) == 0);
        MUST(runnermsg_encode(&again, &twice, &n_twice) == 0);
        MUST(n == n_twice && memcmp(bytes, twice, n) == 0);
        runnermsg_done(&again);
        runnermsg_done(&m);
        free(bytes);
        free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *framed;

        try(data, size);
        if (size > RUNNERMSG_MAX - RUNNERMSG_HEADER)
                return 0;
        framed = malloc(RUNNERMSG_HEADER + size);
        if (!framed)
                return 0;
        memset(framed, 0, RUNNERMSG_HEADER);
        put_u32(framed, UINT32_C(0x4d52534a));
        put_u16(framed + 4, RUNNERMSG_VERSION);
        put_u16(framed + 6, RUNNERMSG_START);
        put_u32(framed + 20, (uint32_t)size);
        memcpy(framed + RUNNERMSG_HEADER, data, size);
        try(framed, RUNNERMSG_HEADER + size);
        free(framed);
        return 0;
}
