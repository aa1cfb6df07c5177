#!/bin/sh
# The simulator over the seeds of tests/sim/seeds, as TAP.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}" "${top_builddir:=.}"
sim=$top_builddir/tests/sim/sim
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT

n=0 failed=0
while read -r seed days jobs; do
	case $seed in '' | '#'*) continue ;; esac
	n=$((n + 1))
	if [ -n "$SIM_DIVIDE" ]; then
		days=$(((days + SIM_DIVIDE - 1) / SIM_DIVIDE))
	fi
	if "$sim" --seed "$seed" --days "$days" --jobs "$jobs" >"$out" 2>&1; then
		echo "ok $n - seed $seed, $days days, $jobs jobs"
	else
		echo "not ok $n - seed $seed, $days days, $jobs jobs"
		failed=1
	fi
	sed 's/^[^#]/# &/' "$out"
done <"$top_srcdir/tests/sim/seeds"
echo "1..$n"
exit $failed
