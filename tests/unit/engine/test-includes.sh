#!/bin/sh
# The arrows of the architecture: which folder may include which.  Down only, no circle, and the pure ones take no header
# of the system that could do anything.
: "${top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}"
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$top_srcdir" || exit 99

n=0 failed=0
check() { # check NAME FILE: good if FILE is empty
	n=$((n + 1))
	if [ -s "$2" ]; then
		echo "not ok $n - $1"
		sed 's/^/# /' "$2"
		failed=1
	else
		echo "ok $n - $1"
	fi
}

# Lines "file included-folder" of all our own includes.
grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r daemon cli --include='*.[ch]' |
	sed -nE 's|^([^:]+):[0-9]+:[^"]*"([a-z]+)/.*|\1 \2|p' >"$dir/includes"
n_includes=$(wc -l <"$dir/includes")
[ "$n_includes" -gt 100 ] || echo "only $n_includes includes found" >"$dir/few"
touch "$dir/few"
check "includes are found" "$dir/few"

awk -v levels='base 0 tbl 0 proto 1 calendar 1 engine 2 jobfile 3 store 3 runner 3 control 3 notify 3 log 3 shell 4' '
	BEGIN { k = split(levels, v, " "); for (i = 1; i < k; i += 2) level[v[i]] = v[i + 1] }
	$1 ~ /^daemon\/[a-z]+\// {
		split($1, p, "/")
		if (!(p[2] in level)) print $1 ": the folder " p[2] " has no place in the architecture"
		else if (!($2 in level)) print $1 ": includes " $2 ", which has no place in the architecture"
		else if (level[$2] > level[p[2]]) print $1 ": includes " $2 ", which is above it"
		else if (level[p[2]] <= 2 && level[$2] == level[p[2]] && $2 != p[2] && level[p[2]] > 0) print $1 ": includes " $2 ", which stands beside it"
	}' "$dir/includes" >"$dir/bad"
check "no folder includes one above it" "$dir/bad"

# Among the doers: any order, but an order.  (base and tbl are one.)
awk '$1 ~ /^daemon\/[a-z]+\// { split($1, p, "/"); a = p[2]; b = $2; if (a == "tbl") a = "base"; if (b == "tbl") b = "base"; if (a != b) print a, b }' \
	"$dir/includes" | sort -u >"$dir/pairs"
tsort "$dir/pairs" 2>"$dir/bad" >/dev/null
check "no circle between folders" "$dir/bad"

grep '^cli/' "$dir/includes" | grep -vE ' (base|tbl|proto|calendar|engine|jobfile)$' >"$dir/bad"
check "jobctl links base, tbl, proto, calendar, engine and jobfile alone" "$dir/bad"

grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' -r daemon/engine daemon/calendar --include='*.[ch]' |
	grep -vE '<(assert|ctype|errno|inttypes|limits|math|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|uthash)\.h>' |
	grep -vE 'daemon/engine/job\.c:.*<signal\.h>|daemon/engine/runs?\.c:.*<sys/wait\.h>' >"$dir/bad"
check "the engine and the calendar include no header of the system that could do anything (signal numbers and wait statuses aside)" "$dir/bad"

grep -nE '\b(localtime|localtime_r|mktime|tzset|gmtime|gmtime_r|time|clock_gettime|gettimeofday|rand|random|getenv)[[:space:]]*\(' -r daemon/engine daemon/calendar \
	--include='*.[ch]' | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)' >"$dir/bad"
check "they ask nobody for the time, the zone, or chance" "$dir/bad"

grep -nE '#[[:space:]]*include[[:space:]]*"internal\.h"|include "engine/internal\.h"' -r daemon cli --include='*.[ch]' | grep -v '^daemon/engine/' >"$dir/bad"
check "the engine's internals are its own" "$dir/bad"
echo "1..$n"
exit $failed
