#!/bin/sh
# contrib/sum-tests: the sums that contrib/check ends with, over results made up here.
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../../.." && pwd)}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

is() {
	n=$((n + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $n - $3"
	else
		echo "not ok $n - $3"
		printf 'got:\n%s\nwanted:\n%s\n' "$1" "$2" | sed 's/^/# /'
	fi
}

sums() {
	"$src/contrib/sum-tests" "$@" | tail -n 1
}

is "$(sums "$tmp")" "0 0 0" "no results at all"

mkdir -p "$tmp/a/tests" "$tmp/b c/tests"
printf ':test-result: PASS 1 - one\n:test-result: PASS 2 - FAIL in a name\n:global-test-result: PASS\n' >"$tmp/a/tests/good.trs"
is "$(sums "$tmp/a")" "2 0 0" "passes are counted, the summary line and words within names are not"

printf ':test-result: FAIL 1 - one\n:test-result: PASS 2 - two\n:test-result: SKIP 3 - three # SKIP no such tool\n' >"$tmp/b c/tests/bad.trs"
is "$(sums "$tmp/b c")" "1 1 1" "a failure and a skip, in a folder with a space in its name"
is "$(sums "$tmp/a" "$tmp/b c")" "3 1 1" "several folders"
is "$("$src/contrib/sum-tests" "$tmp/b c" | head -n 2)" "FAIL: $tmp/b c/tests/bad.trs: FAIL 1 - one
SKIP: $tmp/b c/tests/bad.trs: 3 - three # SKIP no such tool" "both are named with their file"

mkdir "$tmp/x"
printf ':test-result: XFAIL 1\n:test-result: XPASS 2\n:test-result: ERROR - missing test plan\n' >"$tmp/x/x.trs"
is "$(sums "$tmp/x")" "1 2 0" "an expected failure passes, an unexpected pass and an error fail"

mkdir "$tmp/y"
: >"$tmp/y/died.trs"
printf ':test-result: PASS 1\n' >"$tmp/y/good.trs"
is "$(sums "$tmp/y")" "1 1 0" "a test without a result failed"
is "$("$src/contrib/sum-tests" "$tmp/y" | head -n 1)" "FAIL: $tmp/y/died.trs: no result" "and is named"

"$src/contrib/sum-tests" >/dev/null 2>&1
is "$?" 2 "without a folder: wrong usage"
echo "1..$n"
