/* Calendar files: any bytes.  Never a crash, bounded work; what is accepted is a set of days in order, and what is refused
 * says where. */
#include <dlfcn.h>
#include <errno.h>

#include "fuzz.h"
#include "jobfile/ics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void *library; /* kept, so that it is not loaded for each input */
        struct diagnostics errors = { 0 };
        struct dayset *set = NULL;
        int r;

        if (!library)
                library = dlopen("libical.so.3", RTLD_NOW | RTLD_LOCAL);
        r = ics_parse((const char *)data, size, tz_utc(), &errors, &set);
        MUST(r == 0 ? errors.n == 0 && set : r == -EINVAL && errors.n == 1 && !set);
        for (uint32_t i = 0; set && i < set->n; i++) {
                MUST(set->v[i].first <= set->v[i].last && set->v[i].first >= 0 && set->v[i].last <= 47481);
                MUST(i == 0 || set->v[i].first > set->v[i - 1].last + 1);
        }
        dayset_unref(set);
        diagnostics_done(&errors);
        return 0;
}
