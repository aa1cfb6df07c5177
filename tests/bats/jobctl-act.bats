#!/usr/bin/env bats
# jobctl against a real daemon: what it changes, what it waits for, who may.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() {
	setup_root
}

teardown() {
	teardown_root
}

status_of() {
	STATUS=0
	wait "$1" || STATUS=$?
}

# The jobctl below this shell has its connection and sleeps: it waits.
waits() {
	local pid
	pid=$(pgrep -P "$1" -x jobctl) && [ -n "$(find "/proc/$pid/fd" -lname 'socket:*')" ] && grep -q '^State:.S' "/proc/$pid/status"
}

state_is() {
	[ "$(state_of "$1")" = "$2" ]
}

@test "wait: the first status that is not 0, jobs, filters, a timeout" {
	job w <<-'YAML'
		jobs:
		  zero: {command: "true"}
		  five: {command: "exit 5"}
		  six: {command: "exit 6"}
		  gate: {command: "while [ ! -e $GATE ]; do sleep 0.05; done; exit 9", env: {GATE: "@ROOT@/gate"}}
	YAML
	sed -i "s#@ROOT@#$ROOT#" "$ROOT/etc/jobs.d/w.yaml"
	start_daemon
	eventually has_job zero
	local a b c
	a=$(ctl run -q zero)
	b=$(ctl run -q six)
	c=$(ctl run -q five)
	run -0 ctl wait "$a"
	run -6 ctl wait "$a" "$b" "$c"
	run -5 ctl wait "$c" "$b"
	a=$(ctl run -q gate)
	run -126 ctl wait "$a" --timeout 200ms
	[[ $output == *"the time is up"* ]]
	run -126 ctl wait 999999
	run -126 ctl wait zero
	ctl wait gate -q 3>&- &
	b=$!
	ctl wait --job 'g*' --trigger manual -q 3>&- &
	c=$!
	eventually waits "$b"
	eventually waits "$c"
	touch "$ROOT/gate"
	status_of "$b"
	[ "$STATUS" -eq 9 ]
	status_of "$c"
	[ "$STATUS" -eq 9 ]
	[ "$(ctl wait "$a" --json | field "d['runs'][0]['exit_code']" || true)" = 9 ]
}

@test "run: several jobs, a pattern, and JSON" {
	job r <<-'YAML'
		jobs:
		  d.app: {command: "true"}
		  d.auth: {command: "true"}
		  other: {command: "true"}
		  long: {command: "sleep 1000"}
	YAML
	start_daemon
	eventually has_job long
	run -0 ctl run --wait -q 'd.*'
	[ "${#lines[@]}" -eq 2 ]
	[ "$(ctl run d.app d.auth --json | field "len(d['runs'])")" = 2 ]
	[ "$(ctl start other --json | field "d['durable']" || true)" = true ]
	run -3 ctl run no-such-job
	run -3 ctl run d.app no-such-job
	[[ $output == *"no-such-job"* ]]
	ctl run -q long
	run -6 ctl run long
	run -126 ctl run --wait long
}

@test "cancel: by number, job, pattern and filter; kill only sends" {
	job c <<-'YAML'
		jobs:
		  a: {command: "sleep 1000", concurrency: allow}
		  b: {command: "sleep 1000"}
		  trap: {command: "trap 'echo got it; exit 42' USR1; echo ready; while :; do sleep 0.05; done"}
	YAML
	start_daemon
	eventually has_job trap
	local one two three
	one=$(ctl run -q a)
	two=$(ctl run -q a)
	three=$(ctl run -q b)
	eventually state_is "$one" running
	eventually state_is "$two" running
	eventually state_is "$three" running
	[ "$(ctl cancel -q "$one")" = "$one" ]
	run -143 ctl wait "$one"
	state_is "$two" running
	[ "$(ctl stop a --json | field "d['runs']")" = "[$two]" ]
	eventually state_is "$two" cancelled
	[ "$(ctl cancel -q --job 'b*' --state running)" = "$three" ]
	eventually state_is "$three" cancelled
	run -6 ctl cancel "$three"
	run -6 ctl cancel b
	run -3 ctl cancel no-such-job
	one=$(ctl run -q trap)
	eventually printed_ready "$one"
	ctl kill "$one" -s USR1
	run -42 ctl wait "$one"
	ctl logs "$one" | grep -qx "got it"
	one=$(ctl run -q trap)
	eventually state_is "$one" running
	run -2 ctl cancel --signal NONSENSE "$one"
	ctl kill -s KILL trap
	run -137 ctl wait "$one"
}

printed_ready() {
	[ "$(ctl logs "$1")" = ready ]
}

@test "pause, resume, enable, disable survive a restart; a pause may end by itself" {
	job p <<-'YAML'
		jobs:
		  left: {schedule: "0 0 1 1 *", command: "true"}
		  right: {schedule: "0 0 1 1 *", command: "true"}
	YAML
	start_daemon
	eventually has_job right
	ctl pause left --until 2037-01-01T00:00:00Z -m "two words"
	[ "$(ctl list left --json | field "d['jobs'][0]['paused']['reason']")" = "two words" ]
	[ "$(ctl list left --json | field "d['jobs'][0]['paused']['until'][:4]")" = 2037 ] ||
		[ "$(ctl list left --json | field "d['jobs'][0]['paused']['until'][:4]")" = 2036 ]
	ctl disable right
	kill_daemon
	start_daemon
	eventually has_job right
	[ "$(ctl list left --json | field "d['jobs'][0]['paused']['reason']")" = "two words" ]
	[ "$(ctl list right --json | field "d['jobs'][0]['enabled']")" = false ]
	ctl resume left
	ctl enable right
	[ "$(ctl list left --json | field "d['jobs'][0]['paused']")" = null ]
	[ "$(ctl list right --json | field "d['jobs'][0]['enabled']")" = true ]
	run -3 ctl pause no-such-job
	[ "$(ctl pause '*' --json | field "d['jobs']")" = '["left", "right"]' ]
}

@test "reload: what is in force afterwards, and what is wrong" {
	start_daemon
	printf 'jobs:\n  fresh: {command: "true"}\n' >"$ROOT/etc/jobs.d/fresh.yaml"
	run -0 ctl reload
	ctl show fresh >/dev/null
	printf 'jobs:\n  fresh: {comand: "true"}\n' >"$ROOT/etc/jobs.d/fresh.yaml"
	run -1 ctl reload
	[[ $output == *"fresh.yaml:2:"*"comand"*"command"* ]]
	run -1 ctl reload --json
	[ "$(ctl reload --json 2>/dev/null | field "d['files_bad']" || true)" = 1 ]
}

@test "run --follow: the output as it comes, over attempts, and the status" {
	job f <<-'YAML'
		jobs:
		  talk: {command: "echo attempt $JOB_ATTEMPT; [ $JOB_ATTEMPT -gt 1 ] || exit 1; exit 4", success_codes: [4], retry: {limit: 2, delay: 100ms}}
	YAML
	start_daemon
	eventually has_job talk
	run -4 --separate-stderr ctl run --follow talk
	[ "$output" = $'attempt 1\nattempt 2' ]
}

@test "another user sees, and may not act" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	command -v setpriv >/dev/null || skip "needs setpriv"
	chmod 755 "$BATS_TEST_TMPDIR" "$ROOT" 2>/dev/null || true
	job o <<-'YAML'
		jobs:
		  mine: {command: "echo secret; sleep 1000"}
	YAML
	start_daemon
	eventually has_job mine
	local id
	id=$(ctl run -q mine)
	eventually state_is "$id" running
	as_nobody true || skip "nobody can't reach the build"
	[ "$(as_nobody list -q)" = mine ]
	run -4 as_nobody run mine
	run -126 as_nobody run --wait mine
	run -4 as_nobody cancel "$id"
	run -4 as_nobody pause mine
	run -4 as_nobody logs "$id"
	run -4 as_nobody reload
	[ "$(as_nobody show mine --json | field "d['job']['definition']")" = null ]
	state_is "$id" running
}

as_nobody() {
	# The socket's path is long and beneath folders of root: a descriptor that is open already would do, a copy of the program does too.
	cp "$top_builddir/jobctl" "$BATS_TEST_TMPDIR/jobctl"
	local dir=$BATS_TEST_TMPDIR
	while [ "$dir" != / ]; do
		chmod a+x "$dir"
		dir=$(dirname "$dir")
	done
	chmod a+x "$ROOT/run" "$ROOT/run/jobsched" "$ROOT"
	[ "$1" != true ] || set -- version
	setpriv --reuid=65534 --regid=65534 --clear-groups "$BATS_TEST_TMPDIR/jobctl" --root "$ROOT" "$@"
}
