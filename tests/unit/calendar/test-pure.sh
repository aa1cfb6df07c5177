# The calendar is pure: what its objects need of libc reads no clock, opens nothing and knows no locale.
library=${top_builddir:-.}/libcalendar.a
allowed='^(calloc|free|malloc|mem(chr|cmp|cpy|move|set)|str(chr|cmp|len|ncmp)|v?snprintf|__v?snprintf_chk|qsort|__(mem|str)[a-z]*_chk)$'
harness='^(__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__popcountdi2|__(div|mod|divmod)ti[34])$'

if grep -q '^#define JS_SANITIZED' "${top_builddir:-.}/config.h" || ! command -v nm >/dev/null; then
        echo "1..0 # SKIP no nm, or objects that sanitizers have filled with calls of their own"
        exit 0
fi
defined=$(nm -A "$library" 2>/dev/null | awk '$(NF-1) ~ /^[TDRBVW]$/ { print $NF }' | sort -u)
needed=$(nm -A -u "$library" 2>/dev/null | awk '{ print $NF }' | sort -u)
alien=$(printf '%s\n' "$needed" | grep -vxF "$defined" | grep -Ev "$allowed" | grep -Ev "$harness" | grep -Ev '^__(gcov|sanitizer_cov|llvm)_')
echo "1..2"
if printf '%s\n' "$needed" | grep -qx malloc; then echo "ok 1 - the list of needed symbols can be read"; else echo "not ok 1 - the list of needed symbols can be read"; fi
if test -z "$alien"; then
        echo "ok 2 - libcalendar.a needs nothing but memory and strings"
else
        echo "not ok 2 - libcalendar.a needs nothing but memory and strings"
        echo "# it needs: $(echo $alien)"
fi
