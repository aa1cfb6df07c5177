#!/bin/sh
# Our shell scripts: they parse, and shellcheck has nothing to say.
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../../.." && pwd)}
tmp=$(mktemp) || exit 99
trap 'rm -f "$tmp"' EXIT
n=0

for script in contrib/install-deps contrib/sum-tests contrib/check contrib/quickstart .ci/run tests/lib/bats-tap \
	tests/unit/contrib/test-sum.sh tests/unit/contrib/test-promises.sh tests/unit/contrib/test-scripts.sh tests/unit/systemd/test-units.sh; do
	n=$((n + 1))
	if ! sh -n "$src/$script" 2>"$tmp"; then
		echo "not ok $n - $script"
		sed 's/^/# /' "$tmp"
	elif ! command -v shellcheck >/dev/null; then
		echo "ok $n - $script parses # SKIP shellcheck is not installed"
	elif shellcheck "$src/$script" >"$tmp" 2>&1; then
		echo "ok $n - $script"
	else
		echo "not ok $n - $script"
		sed 's/^/# /' "$tmp"
	fi
done
echo "1..$n"
