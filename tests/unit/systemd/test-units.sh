#!/bin/sh
# The units and lists in systemd/, as systemd's own tools see them; what a tool is missing for is skipped.
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../../.." && pwd)}
build=${top_builddir:-$src}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

# result STATUS NAME, with the output of the command in $tmp/out
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2 is not installed"
}

# The paths of the installation needn't exist yet.
sed -e 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$build/systemd/jobschedd.service" >"$tmp/jobschedd.service"
cp "$src/systemd/jobschedd.socket" "$tmp/"

if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify --man=no --recursive-errors=no "$tmp/jobschedd.service" "$tmp/jobschedd.socket" >"$tmp/out" 2>&1
	r=$?
	# Unknown keys are only warned of.
	[ -s "$tmp/out" ] && r=1
	result $r "systemd-analyze verify has nothing to say"
else
	skip "systemd-analyze verify has nothing to say" systemd-analyze
fi

mkdir -p "$tmp/root/etc"
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers --root="$tmp/root" "$src/systemd/jobsched.sysusers.conf" >"$tmp/out" 2>&1 &&
		cut -d: -f1 "$tmp/root/etc/group" | sort >"$tmp/out" &&
		printf 'jobsched\njobsched-admin\n' | cmp -s - "$tmp/out"
	result $? "sysusers makes the groups jobsched and jobsched-admin"
	grep -q '^jobsched:.*:/var/lib/jobsched:/usr/sbin/nologin$' "$tmp/root/etc/passwd"
	result $? "and a user that nobody can log in as"
else
	skip "sysusers makes the groups" systemd-sysusers
fi
if command -v systemd-tmpfiles >/dev/null && [ "$(id -u)" = 0 ]; then
	printf 'root:x:0:0::/root:/bin/sh\n' >>"$tmp/root/etc/passwd"
	printf 'root:x:0:\n' >>"$tmp/root/etc/group"
	systemd-tmpfiles --root="$tmp/root" --create "$src/systemd/jobsched.tmpfiles.conf" >"$tmp/out" 2>&1
	stat -c '%a %n' "$tmp/root/etc/jobs.d" "$tmp/root/run/jobsched" "$tmp/root/run/jobsched-runs" >>"$tmp/out" 2>&1
	sed "s|$tmp/root||" "$tmp/out" >"$tmp/got"
	printf '755 /etc/jobs.d\n755 /run/jobsched\n711 /run/jobsched-runs\n' | cmp -s - "$tmp/got"
	result $? "tmpfiles makes the folders"
else
	skip "tmpfiles makes the folders" "systemd-tmpfiles (or root)"
fi

# What jobschedd(8) promises of the unit.
# shellcheck disable=SC2016  # meant for systemd
for line in Type=notify WatchdogSec=120 KillMode=process Restart=on-failure 'ExecReload=/bin/kill -HUP $MAINPID'; do
	grep -qxF "$line" "$build/systemd/jobschedd.service" 2>"$tmp/out"
	result $? "jobschedd.service has $line"
done
grep -q '^ExecStart=/.*/jobschedd$' "$build/systemd/jobschedd.service" 2>"$tmp/out"
result $? "the daemon's path is filled in"
echo "1..$n"
