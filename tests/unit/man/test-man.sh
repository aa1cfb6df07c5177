#!/bin/sh
# The manual pages: mandoc has nothing to say, and nothing that users can write or meet is missing from its page.
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../../.." && pwd)}
build=${top_builddir:-$src}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

# result STATUS NAME, with what is wrong in $tmp/out
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
	fi
}

# items PAGE: the words that the page describes, one a line: the arguments of its .It lines.
items() {
	sed -n 's/^\.It \(Ic\|Ev\|Fl\|Sy\|Va\) //p' "$src/man/$1" | tr ' ' '\n' | sed '/^\(,\|Ta\|Ar\|Ic\|Fl\|\)$/d'
}

# described PAGE WHAT AT-LEAST: every line of $tmp/words is an item of the page, and there are not suspiciously few.
described() {
	LC_ALL=C sort -u -o "$tmp/words" "$tmp/words"
	items "$1" | LC_ALL=C sort -u >"$tmp/items"
	LC_ALL=C comm -23 "$tmp/words" "$tmp/items" | sed 's/^/not described: /' >"$tmp/out"
	found=$(wc -l <"$tmp/words")
	[ "$found" -ge "$3" ] || echo "only $found found: where have they gone?" >>"$tmp/out"
	[ ! -s "$tmp/out" ]
	result $? "$1 describes all $2"
}

for page in "$src"/man/*.[1-8]; do
	name="mandoc has nothing to say about ${page##*/}"
	if command -v mandoc >/dev/null; then
		# Which other pages are installed on this machine does not matter.
		mandoc -Tlint -W style "$page" 2>&1 | grep -v 'referenced manual not found\|outdated mandoc.db' >"$tmp/out"
		[ ! -s "$tmp/out" ]
		result $? "$name"
	else
		n=$((n + 1))
		echo "ok $n - $name # SKIP mandoc is not installed"
	fi
done

# keys TABLE: the names of its rows
keys() {
	sed -n 's/^ *X([A-Z_]*_KEY_[A-Z_]*, [A-Z_]*, "\([a-z_]*\)".*/\1/p' "$src/daemon/tbl/$1"
}
keys job_keys.h >"$tmp/words"
described jobs.d.5 "keys of jobs" 40
keys config_keys.h >"$tmp/words"
described jobschedd.yaml.5 "keys of the configuration" 15
"$build/jobschedd" --help | tr -s ' ,[]|=' '\n' | sed -n 's/^-\(-[a-z-]*\).*/\1/p' >"$tmp/words"
described jobschedd.8 "options of jobschedd" 12

sed -n 's/.*"\([0-9a-f]\{32\}\)".*/\1/p' "$src/daemon/tbl/log_ids.h" >"$tmp/ids"
while read -r id; do
	grep -q "$id" "$src/man/jobschedd.8" || echo "not described: $id"
done <"$tmp/ids" >"$tmp/out"
[ "$(wc -l <"$tmp/ids")" -ge 13 ] && [ ! -s "$tmp/out" ]
result $? "jobschedd.8 lists every MESSAGE_ID"
echo "1..$n"
