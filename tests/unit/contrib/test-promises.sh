#!/bin/sh
# The table of promises in CONTRIBUTING.md: each names at least one test, and each test that it names exists.
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../../.." && pwd)}
tmp=$(mktemp) || exit 99
trap 'rm -f "$tmp"' EXIT
n=0

sed -n '/^## Promises/,$s/^| \([Ga-z][^|]*\) | \(.*\) |$/\1|\2/p' "$src/CONTRIBUTING.md" | grep -v '^promise|' >"$tmp"
while IFS='|' read -r promise tests; do
	n=$((n + 1))
	missing=
	count=0
	for t in $(printf '%s' "$tests" | tr -d '`'); do
		count=$((count + 1))
		[ -f "$src/$t" ] || missing="$missing $t"
	done
	if [ $count -gt 0 ] && [ -z "$missing" ]; then
		echo "ok $n - $promise"
	else
		echo "not ok $n - $promise"
		echo "# of $count tests, these don't exist:$missing"
	fi
done <"$tmp"
if [ $n -lt 15 ]; then
	n=$((n + 1))
	echo "not ok $n - the table is there"
fi
echo "1..$n"
