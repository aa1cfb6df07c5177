#!/bin/sh
# The tester under test: each patch of tests/sim/planted breaks the engine or the calendar in one way, and the simulator
# must notice, with the arguments of the patch's `Run:` line; the engine as it is must pass the same.
#
#   test-planted.sh            all of them, as TAP
#   test-planted.sh PATCH DIR  one of them: prints one line, `ok …` or `not ok …`; DIR holds the objects as they should be
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}" "${top_builddir:=.}" "${CC:=cc}"
export top_srcdir top_builddir CC

# compile SRC OUT [FLAGS]: as plainly as it gets, so that it is quick.
compile() {
	$CC -std=gnu17 -O1 -w -D_GNU_SOURCE -include "$top_builddir/config.h" $3 -I"$top_srcdir/daemon" -c "$1" -o "$2"
}

# notice BROKEN GOOD LOG --seed N …: from seed N on, as a change of the engine shifts what a seed does.
notice() {
	broken=$1 good=$2 log=$3 seed=$5
	shift 5
	for s in $(seq "$seed" $((seed + 9))); do
		if ! timeout 120 "$good" --quiet --seed "$s" "$@" >"$log" 2>&1; then
			echo "not ok $name: the engine as it is fails --seed $s $*"
			return
		elif timeout 120 "$broken" --quiet --seed "$s" "$@" >"$log" 2>&1; then
			continue
		elif ! grep -q BROKEN "$log"; then
			echo "not ok $name: the simulator itself died"
		else
			echo "ok $name: $(sed -n 's/^# BROKEN ([^)]*): //p' "$log" | cut -c1-100)"
		fi
		return
	done
	echo "not ok $name: not noticed with seeds $seed to $((seed + 9)), $*"
}

one() {
	name=$(basename "$1" .patch)
	w=$2/$name
	file=$(sed -n 's|^+++ b/daemon/||p' "$1")
	args=$(sed -n 's/^Run: //p' "$1")
	if [ -z "$file" ] || [ -z "$args" ]; then
		echo "not ok $name: no patch, or no line that begins with Run:"
		return
	fi
	folder=$(dirname "$file")
	object=$folder-$(basename "$file" .c).o
	mkdir -p "$w/daemon/$folder" && cp "$top_srcdir/daemon/$file" "$w/daemon/$file" && chmod u+w "$w/daemon/$file" || return
	if ! (cd "$w" && patch -s -p1 --no-backup-if-mismatch) <"$1" >"$w/log" 2>&1; then
		echo "not ok $name: the patch does not apply any more"
	elif ! compile "$w/daemon/$file" "$w/$object" "-I$top_srcdir/daemon/$folder" 2>"$w/log" ||
		! $CC -o "$w/sim" "$w/$object" $(ls "$2"/obj/*.o | grep -v "/$object\$") -lm 2>>"$w/log"; then
		echo "not ok $name: does not compile"
	else
		notice "$w/sim" "$2/sim" "$w/log" $args
	fi
}

if [ $# -eq 2 ]; then
	one "$1" "$2" >"$2/$(basename "$1" .patch).result"
	exit 0
fi

command -v patch >/dev/null || {
	echo "1..0 # SKIP patch(1) is missing"
	exit 0
}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/obj"
cpus=$(nproc 2>/dev/null || echo 1)

{
	for f in "$top_srcdir"/tests/sim/*.c; do echo "$f $dir/obj/sim-$(basename "$f" .c).o"; done
	for f in base/error tbl/states tbl/errors; do echo "$top_srcdir/daemon/$f.c $dir/obj/$(echo $f | tr / -).o"; done
	for part in engine calendar; do
		for f in "$top_srcdir/daemon/$part"/*.c; do echo "$f $dir/obj/$part-$(basename "$f" .c).o"; done
	done
} | xargs -P "$cpus" -L 1 sh -c '$CC -std=gnu17 -O1 -w -D_GNU_SOURCE -include "$top_builddir/config.h" -I"$top_srcdir/daemon" -c "$0" -o "$1"' &&
	$CC -o "$dir/sim" "$dir"/obj/*.o -lm || {
	echo "Bail out! the simulator does not compile"
	exit 1
}
printf '%s\n' "$top_srcdir"/tests/sim/planted/*.patch | xargs -P "$cpus" -I{} sh "$top_srcdir/tests/sim/test-planted.sh" {} "$dir"

n=0 failed=0
for p in "$top_srcdir"/tests/sim/planted/*.patch; do
	name=$(basename "$p" .patch)
	n=$((n + 1))
	read -r word rest <"$dir/$name.result" || word="not" rest="ok $name: no result"
	if [ "$word" = ok ]; then
		echo "ok $n - $rest"
	else
		echo "not ok $n - ${rest#ok }"
		failed=1
		tail -n 5 "$dir/$name/log" | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $failed
