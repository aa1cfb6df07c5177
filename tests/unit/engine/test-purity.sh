#!/bin/sh
# The engine and the calendar are pure: what their objects take from outside is memory, strings and assert.  No clock,
# file, lock, random device or environment.
: "${top_builddir:=.}" "${NM:=nm}"
command -v "$NM" >/dev/null || {
	echo "1..0 # SKIP nm is missing"
	exit 0
}

# What a C compiler adds by itself (arithmetic, hardening, sanitizers, coverage), and what is allowed.  clang makes bcmp of
# a memcmp whose sign nobody wants.
builtin='^(__(u?div|u?mod|u?divmod|mul|ashl|ashr|lshr)[a-z]*ti[34]|__popcount[sd]i2|__stack_chk_fail|__assert_fail|__[a-z_]*_chk|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|sanitizer|tsan|gcov|llvm|sancov)_.*|mangle_path)$'
memory='malloc calloc realloc reallocarray free abort memchr memcmp bcmp memcpy memmove memset qsort bsearch'
strings='snprintf vsnprintf strchr strrchr strcmp strncmp strcasecmp strncasecmp strdup strndup strlen strnlen strspn strcspn strtol strtoll strtoul strtoull __isoc99_strtol __isoc23_strtol'
math='floor ceil pow'

dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
printf '%s\n' $memory $strings $math | LC_ALL=C sort -u >"$dir/allowed"

n=0 failed=0
for lib in calendar engine; do
	n=$((n + 1))
	case $lib in
	calendar) own="libcalendar.a" ;;
	engine) own="libengine.a libcalendar.a" ;;
	esac
	for a in $own libbase.a; do
		[ -e "$top_builddir/$a" ] || {
			echo "Bail out! $a is not built"
			exit 1
		}
	done
	(cd "$top_builddir" && "$NM" -u "lib$lib.a") | awk 'NF == 2 { print $2 }' | LC_ALL=C sort -u >"$dir/wanted"
	# Its own symbols, those of the layers below, and of base only the tables and struct error.
	(
		cd "$top_builddir" || exit
		"$NM" --defined-only $own
		"$NM" --defined-only libbase.a | awk '/^[a-z_\/-]*\.o:$/ { keep = /^(error|errors|states|commands)\.o:$/ } keep'
	) | awk 'NF == 3 { print $3 }' | LC_ALL=C sort -u >"$dir/given"
	bad=$(LC_ALL=C comm -23 "$dir/wanted" "$dir/given" | LC_ALL=C comm -23 - "$dir/allowed" | grep -Ev "$builtin")
	if [ -s "$dir/wanted" ] && [ -z "$bad" ]; then
		echo "ok $n - lib$lib.a takes nothing from outside but memory, strings and assert"
	else
		echo "not ok $n - lib$lib.a takes nothing from outside but memory, strings and assert"
		for s in $bad; do echo "# $s"; done
		failed=1
	fi
done
echo "1..$n"
exit $failed
