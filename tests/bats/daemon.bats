#!/usr/bin/env bats
# The daemon as a program: options, one for each state, start and stop.

load ../lib/common

setup() {
	setup_root
}

teardown() {
	teardown_root
}

@test "--version and --help" {
	run "$top_builddir/jobschedd" --version
	[ "$status" -eq 0 ]
	[[ $output == "jobschedd "[0-9]* ]]
	run "$top_builddir/jobschedd" --help
	[ "$status" -eq 0 ]
	[[ $output == *"--jobs-dir DIR"* ]]
}

@test "wrong usage: exit 2 and one clear line" {
	local args
	for args in "--frobnicate" "--root" "extra" "--user --root /x" "--log-level loud" "--log-format xml"; do
		# shellcheck disable=SC2086
		run "$top_builddir/jobschedd" $args
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == "jobschedd: "* ]]
	done
}

@test "starts in an empty folder, answers, stops on TERM with 0" {
	start_daemon
	[ "$(ctl status --json | field "d['state']")" = ok ]
	[ "$(ctl status --json | field "d['pid']")" = "$DAEMON" ]
	stop_daemon
	[ "$STATUS" -eq 0 ]
}

@test "INT stops it too" {
	# A shell ignores INT in what it starts in the background; env gives it back.
	"$top_builddir/jobschedd" --version >/dev/null
	start_daemon
	kill -INT "$DAEMON"
	STATUS=0
	wait "$DAEMON" || STATUS=$?
	DAEMON=
	[ "$STATUS" -eq 0 ]
}

@test "a second daemon on the same state exits 3 within a second and names the first" {
	start_daemon
	local begin end
	begin=$(date +%s%N)
	run "$top_builddir/jobschedd" --root "$ROOT" --runner "$top_builddir/jobsched-runner"
	end=$(date +%s%N)
	[ "$status" -eq 3 ]
	[[ ${lines[-1]} == *"$DAEMON"* ]]
	[ $(((end - begin) / 1000000)) -lt 5000 ]
	[ "$(ctl status --json | field "d['pid']")" = "$DAEMON" ]
}

@test "also while the first is stopped" {
	start_daemon
	kill -STOP "$DAEMON"
	run timeout 10 "$top_builddir/jobschedd" --root "$ROOT" --runner "$top_builddir/jobsched-runner"
	kill -CONT "$DAEMON"
	[ "$status" -eq 3 ]
	[[ ${lines[-1]} == *"$DAEMON"* ]]
}

@test "after kill -9 the state and the socket are free for the next" {
	start_daemon
	kill_daemon
	start_daemon
	[ "$(ctl status --json | field "d['pid']")" = "$DAEMON" ]
}

@test "a start that fails exits 1, the reason on the last line" {
	: >"$ROOT/file"
	run "$top_builddir/jobschedd" --root "$ROOT" --state-dir "$ROOT/file/state"
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == "jobschedd: "*"$ROOT/file"* ]]
}

@test "a broken configuration keeps it from starting, with the place" {
	printf 'max_running: 5\nmax_runing: 6\n' >"$ROOT/etc/jobschedd.yaml"
	run "$top_builddir/jobschedd" --root "$ROOT"
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == *"jobschedd.yaml:2:1:"*"max_runing"* ]]
}

@test "a configuration that is named must be there, and one that others may write is refused" {
	run "$top_builddir/jobschedd" --root "$ROOT" --config "$ROOT/none.yaml"
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == *"none.yaml: there is no such file" ]]
	printf 'max_running: 5\n' >"$ROOT/etc/jobschedd.yaml"
	chmod 666 "$ROOT/etc/jobschedd.yaml"
	run "$top_builddir/jobschedd" --root "$ROOT"
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == *"jobschedd.yaml can be written by everybody"* ]]
	chmod 644 "$ROOT/etc/jobschedd.yaml"
	start_daemon
	# A running one goes on as before.
	chmod 666 "$ROOT/etc/jobschedd.yaml"
	kill -HUP "$DAEMON"
	eventually grep -q 'the configuration is as it was: .*can be written' "$ROOT/daemon.log"
	[ "$(ctl status --json | field "d['state']")" = ok ]
}

@test "--check reports every error and exits 1; 0 when all is well" {
	job good <<-'YAML'
		jobs:
		  fine: {schedule: "@daily", command: "true"}
	YAML
	run "$top_builddir/jobschedd" --root "$ROOT" --check
	[ "$status" -eq 0 ]
	job bad <<-'YAML'
		jobs:
		  one: {schedule: "61 * * * *", command: "true"}
		  two: {command: "true", tmeout: 5s}
	YAML
	run "$top_builddir/jobschedd" --root "$ROOT" --check
	[ "$status" -eq 1 ]
	[[ $output == *"bad.yaml:2:"*"minute"* ]]
	[[ $output == *"bad.yaml:3:"*"tmeout"*"timeout"* ]]
}

@test "long paths work" {
	local deep
	deep=$BATS_TEST_TMPDIR/$(printf 'd%.0s' {1..90})/$(printf 'e%.0s' {1..90})
	mkdir -p "$deep/etc/jobs.d"
	ROOT=$deep
	start_daemon
	[ "$(ctl status --json | field "d['pid']")" = "$DAEMON" ]
}

@test "HUP reloads the configuration" {
	start_daemon
	printf 'max_running: 7\nlog_level: debug\n' >"$ROOT/etc/jobschedd.yaml"
	kill -HUP "$DAEMON"
	eventually grep -q reloaded "$ROOT/daemon.log"
	ctl reload
	printf 'max_running: none\n' >"$ROOT/etc/jobschedd.yaml"
	kill -HUP "$DAEMON"
	eventually grep -q 'jobschedd.yaml:1:14' "$ROOT/daemon.log"
	[ "$(ctl status --json | field "d['state']")" = ok ]
}

@test "TERM during a burst: exit 0 within 5 seconds, rows consistent" {
	local i
	{
		echo jobs:
		for i in $(seq 200); do
			echo "  burst-$i: {schedule: \"* * * * * *\", command: [/bin/sleep, '0.2'], concurrency: allow}"
		done
	} | job burst
	start_daemon
	eventually some_running
	local begin=$SECONDS
	stop_daemon
	[ "$STATUS" -eq 0 ]
	[ $((SECONDS - begin)) -le 5 ]
	rm "$ROOT/etc/jobs.d/burst.yaml"
	start_daemon
	eventually none_unfinished
	ctl runs --json | python3 -c '
import json, sys, collections
runs = json.load(sys.stdin)["runs"]
seen = collections.Counter((r["job"], r["scheduled_at"]) for r in runs if r["scheduled_at"])
assert max(seen.values()) == 1, seen.most_common(3)
assert not [r for r in runs if r["state"] == "lost"]
assert [r for r in runs if r["state"] == "succeeded"]
'
}

some_running() {
	[ "$(ctl status --json | field "d['runs']['running']")" -gt 0 ]
}

none_unfinished() {
	[ "$(ctl status --json | field "sum(d['runs'].values())")" -eq 0 ]
}
