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

# made FILE WORD...: a .trs file with these results.
made() {
	mkdir -p "$(dirname "$1")"
	echo ':global-test-result: PASS' >"$1"
	file=$1
	shift
	for word; do
		echo ":test-result: $word" >>"$file"
	done
}

is "$(sums "$tmp")" "0 0 0" "no results at all"

made "$tmp/a/good.trs" PASS PASS
is "$(sums "$tmp/a")" "2 0 0" "passes are counted, the line that sums up a file is not"

made "$tmp/b c/bad.trs" FAIL PASS SKIP
printf 'ok 1\n# FAIL: said in passing\nFAIL: bad 1 - one\nSKIP: bad 3 - three # SKIP no such tool\n' >"$tmp/b c/bad.log"
is "$(sums "$tmp/b c")" "1 1 1" "a failure and a skip, in a folder with a space in its name"
is "$(sums "$tmp/a" "$tmp/b c")" "3 1 1" "several folders"
is "$("$src/contrib/sum-tests" "$tmp/b c" | sed '$d')" "FAIL: bad 1 - one
SKIP: bad 3 - three # SKIP no such tool" "both are named as the log names them"

made "$tmp/x/x.trs" XFAIL XPASS ERROR
is "$(sums "$tmp/x")" "1 2 0" "an expected failure passes, an unexpected pass and an error fail"
is "$("$src/contrib/sum-tests" "$tmp/x" 2>/dev/null | sed '$d')" "FAIL: $tmp/x/x.trs: its log does not say what" "also without a log"

made "$tmp/y/good.trs" PASS
: >"$tmp/y/died.trs"
is "$(sums "$tmp/y")" "1 1 0" "a test without a result failed"
is "$("$src/contrib/sum-tests" "$tmp/y" | sed '$d')" "FAIL: $tmp/y/died.trs: no result" "and is named"

"$src/contrib/sum-tests" >/dev/null 2>&1
is "$?" 2 "without a folder: wrong usage"
echo "1..$n"
