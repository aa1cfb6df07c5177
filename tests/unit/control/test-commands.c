/* The table of methods is whole: names are unique, rows of one method stand together, every text is one line. */
#include "tbl/commands.h"

#include "base/util.h"
#include "tests/lib/tap.h"

static bool one_line(const char *s)
{
        return s && *s && !strpbrk(s, "\n\t") && strlen(s) <= 120;
}

static void test_methods(void)
{
        bool unique = true, texts = true, found = true;

        for (unsigned i = 0; i < METHOD_NR; i++) {
                for (unsigned k = 0; k < i; k++)
                        unique &= !streq(method_name(i), method_name(k));
                texts &= one_line(method_help(i));
                found &= method_from_name(method_name(i)) == i;
        }
        ok(unique, "names are unique");
        ok(texts, "help is one line");
        ok(found, "each is found by its name");
        is_int(method_from_name("job.lis"), METHOD_NR, "a prefix is no method");
        is_int(method_from_name(""), METHOD_NR, "nothing is no method");
        ok(method_changes(METHOD_RUN_CANCEL) && !method_changes(METHOD_RUN_WAIT), "what changes is marked");
        is_str(right_name(method_right(METHOD_SYSTEM_RELOAD)), "admin", "reload is for admins");
        is_str(right_name(method_right(METHOD_RUN_LOGS)), "read", "logs want read");
}

static void test_params(void)
{
        size_t total = 0, rows = 0, n;
        bool texts = true, unique = true;

#define X(m, name, type, required, help) rows++;
        TBL_METHOD_PARAMS(X)
#undef X
        for (unsigned i = 0; i < METHOD_NR; i++) {
                const struct method_param *p = method_params(i, &n);

                for (size_t k = 0; k < n; k++) {
                        texts &= one_line(p[k].help) && *param_type_name(p[k].type);
                        for (size_t m = 0; m < k; m++)
                                unique &= !streq(p[k].name, p[m].name);
                }
                total += n;
        }
        is_int(total, rows, "rows of one method stand together");
        ok(texts, "each has a help text and a type with a name");
        ok(unique, "names are unique within a method");
        ok(!method_params(METHOD_SYSTEM_VERSION, &n) && n == 0, "a method may have none");
}

int main(void)
{
        test_methods();
        test_params();
        return tap_done();
}
