#!/usr/bin/env bats
# Runs from end to end: how they end, what they are given, how they are stopped and tried again.

load ../lib/common

setup() {
	setup_root
}

teardown() {
	teardown_root
}

run_field() {
	ctl show "$1" --json | field "(d.get('run') or d)['$2']"
}

in_state() {
	[ "$(run_field "$1" state)" = "$2" ]
}

@test "the exact end of a run is known: codes, signals, what could not be started" {
	job ends <<-'YAML'
		jobs:
		  zero: {command: ["/bin/true"]}
		  seven: {command: "exit 7"}
		  signal: {command: "kill -USR1 $$"}
		  good-three: {command: "exit 3", success_codes: [0, 3]}
		  skipped: {command: "exit 75", skip_codes: [75]}
		  nowhere: {command: [/no/such/program]}
		  no-folder: {command: "true", working_dir: /no/such/folder}
		  no-assignment: {command: "true", env_file: /proc/version}
	YAML
	start_daemon
	eventually has_job zero
	local id
	id=$(ctl run zero)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" exit_code)" = "succeeded 0" ]
	id=$(ctl run seven)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason) $(run_field "$id" exit_code)" = "failed exit 7" ]
	id=$(ctl run signal)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason) $(run_field "$id" signal)" = "failed signal 10" ] ||
		[ "$(run_field "$id" signal)" = USR1 ]
	id=$(ctl run good-three)
	eventually ended "$id"
	[ "$(run_field "$id" state)" = succeeded ]
	id=$(ctl run skipped)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason)" = "skipped exit_code" ]
	id=$(ctl run nowhere)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason)" = "failed spawn" ]
	[[ $(run_field "$id" error) == *"exec"*"No such file"* ]]
	id=$(ctl run no-folder)
	eventually ended "$id"
	[ "$(run_field "$id" reason)" = spawn ]
	[[ $(run_field "$id" error) == *"working_dir"*"No such file"* ]]
	id=$(ctl run no-assignment)
	eventually ended "$id"
	[[ $(run_field "$id" error) == "env_file: not a plain file of KEY=value lines" ]]
}

@test "run --wait exits as the run did" {
	job ends <<-'YAML'
		jobs:
		  zero: {command: ["/bin/true"]}
		  seven: {command: "exit 7"}
		  term: {command: "kill -TERM $$"}
		  slow: {command: "exec sleep 60", timeout: 200ms}
		  nowhere: {command: [/no/such/program]}
		  skip: {command: "exit 75", skip_codes: [75]}
	YAML
	start_daemon
	eventually has_job zero
	run -0 ctl run --wait zero
	run -7 ctl run --wait seven
	run -143 ctl run --wait term
	run -124 ctl run --wait slow
	run -126 ctl run --wait no-such-job
	run ctl run --wait skip
	[ "$status" -eq 125 ] || [ "$status" -eq 75 ]
}

@test "run --follow prints the output and exits as the run did" {
	job talk <<-'YAML'
		jobs:
		  talk: {command: "echo one; echo two >&2; echo three; exit 4"}
	YAML
	start_daemon
	eventually has_job talk
	run ctl run --follow talk
	[ "$status" -eq 4 ]
	[[ $output == *one* ]]
	[[ $output == *two* ]]
	[[ $output == *three* ]]
}

@test "--wait survives a restart of the daemon" {
	job slow <<-YAML
		jobs:
		  slow: {command: "until [ -e $ROOT/go ]; do sleep 0.05; done; exit 9"}
	YAML
	start_daemon
	eventually has_job slow
	ctl run --wait slow >"$ROOT/id" 2>"$ROOT/err" 3>&- &
	local waiter=$!
	eventually test -s "$ROOT/id"
	eventually in_state "$(cat "$ROOT/id")" running
	kill_daemon
	start_daemon
	touch "$ROOT/go"
	local code=0
	wait "$waiter" || code=$?
	[ "$code" -eq 9 ]
}

@test "run --wait and logs -f survive a daemon that is told to end" {
	job slow <<-YAML
		jobs:
		  slow: {command: "echo one; until [ -e $ROOT/go ]; do sleep 0.05; done; echo two; exit 9"}
	YAML
	start_daemon
	eventually has_job slow
	ctl run --wait slow >"$ROOT/id" 2>"$ROOT/err" 3>&- &
	local waiter=$! follower code=0
	eventually test -s "$ROOT/id"
	ctl logs -f "$(cat "$ROOT/id")" >"$ROOT/out" 2>"$ROOT/err2" 3>&- &
	follower=$!
	eventually grep -qs one "$ROOT/out"
	stop_daemon
	[ "$STATUS" -eq 0 ]
	start_daemon
	touch "$ROOT/go"
	wait "$follower"
	[ "$(cat "$ROOT/out")" = $'one\ntwo' ]
	wait "$waiter" || code=$?
	[ "$code" -eq 9 ]
}

@test "the environment is made from nothing" {
	SECRET=leak job env <<-'YAML'
		jobs:
		  env: {command: [/usr/bin/env], env: {GREETING: hello there, RELEASE: 1.10}}
	YAML
	SECRET=leak start_daemon
	eventually has_job env
	local id
	id=$(ctl run env)
	eventually ended "$id"
	ctl logs "$id" | sed 's/=.*//' | sort >"$ROOT/names"
	sort >"$ROOT/expected" <<-'E'
		GREETING
		HOME
		JOBSCHED_SOCKET
		JOB_ATTEMPT
		JOB_MAX_ATTEMPTS
		JOB_NAME
		JOB_RUN_ID
		JOB_TRIGGER
		LOGNAME
		PATH
		RELEASE
		SHELL
		TZ
		USER
	E
	grep -v '^LANG$' "$ROOT/names" | diff - "$ROOT/expected"
	ctl logs "$id" | grep -qx 'RELEASE=1.10'
	ctl logs "$id" | grep -qx 'JOB_TRIGGER=manual'
	ctl logs "$id" | grep -qx "JOB_RUN_ID=$id"
	ctl logs "$id" | grep -qx 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

@test "no descriptor but three, no signal blocked or ignored, no terminal, its own session" {
	job self <<-'YAML'
		jobs:
		  self:
		    command: |
		      ls /proc/self/fd | wc -l
		      grep -E '^Sig(Blk|Ign)' /proc/self/status
		      umask
		      readlink /proc/self/fd/0
		      [ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ] && echo session
	YAML
	start_daemon
	eventually has_job self
	local id
	id=$(ctl run self)
	eventually ended "$id"
	run ctl logs "$id"
	[ "${lines[0]}" = 4 ] # ls itself has the folder open
	[[ ${lines[1]} == *0000000000000000 ]]
	[[ ${lines[2]} == *0000000000000000 ]]
	[ "${lines[3]}" = 0022 ]
	[ "${lines[4]}" = /dev/null ]
	[ "${lines[5]}" = session ]
}

@test "timeout: TERM to the whole tree, then KILL" {
	job stubborn <<-'YAML'
		jobs:
		  stubborn:
		    command: |
		      trap '' TERM
		      setsid sh -c 'trap "" TERM; echo child $$; exec sleep 300' &
		      sleep 300
		    timeout: 300ms
		    kill_timeout: 300ms
	YAML
	start_daemon
	eventually has_job stubborn
	local id pid
	id=$(ctl run stubborn)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason)" = "timed_out timeout" ]
	run_field "$id" duration | grep -qE '^(0\.[3-9]|[1-9])' # never before its time
	pid=$(ctl logs "$id" | sed -n 's/^child //p')
	[ -n "$pid" ]
	! kill -0 "$pid" 2>/dev/null
}

@test "cancel ends a running run, a second cancel is a conflict" {
	job long <<-'YAML'
		jobs:
		  long: {command: "exec sleep 300"}
	YAML
	start_daemon
	eventually has_job long
	local id
	id=$(ctl run long)
	eventually in_state "$id" running
	ctl cancel "$id"
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason)" = "cancelled user" ]
	run -6 ctl cancel "$id"
	run -3 ctl cancel 999999
}

@test "concurrency: a manual run of a running job is a conflict, --force is not" {
	job long <<-'YAML'
		jobs:
		  long: {command: "exec sleep 300"}
		  two: {command: "exec sleep 300", concurrency: queue}
	YAML
	start_daemon
	eventually has_job long
	local id second
	id=$(ctl run long)
	run -6 ctl run long
	[[ $output == *"$id"* ]]
	second=$(ctl run --force long)
	eventually in_state "$second" running
	id=$(ctl run two)
	eventually in_state "$id" running
	second=$(ctl run two)
	[ "$(run_field "$second" state)" = queued ]
	run -6 ctl run two
	ctl cancel "$id"
	eventually in_state "$second" running
}

@test "retry: attempts are counted, the last end counts" {
	job flaky <<-YAML
		jobs:
		  flaky: {command: "echo attempt \$JOB_ATTEMPT of \$JOB_MAX_ATTEMPTS; [ \$JOB_ATTEMPT = 3 ]", retry: {limit: 3, delay: 100ms, backoff: constant}}
		  hopeless: {command: "exit 1", retry: {limit: 1, delay: 100ms}}
	YAML
	start_daemon
	eventually has_job flaky
	local id
	id=$(ctl run flaky)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" attempt)" = "succeeded 3" ]
	[ "$(ctl logs "$id")" = "attempt 3 of 4" ]
	id=$(ctl run hopeless)
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" attempt)" = "failed 2" ]
	[ "$(run_field "$id" flags)" = '["dead"]' ]
}

@test "pause skips instants with a reason, resume goes on; both survive a restart" {
	job tick <<-'YAML'
		jobs:
		  tick: {schedule: "* * * * * *", command: "true"}
	YAML
	start_daemon
	eventually has_job tick
	ctl pause tick -m "moving the database"
	eventually has_row skipped paused
	[ "$(ctl list --json | field "d['jobs'][0]['paused']['reason']")" = "moving the database" ]
	run ctl why tick
	[[ $output == *"moving the database"* ]]
	kill_daemon
	start_daemon
	[ "$(ctl list --json | field "d['jobs'][0]['paused']['reason']")" = "moving the database" ]
	ctl resume tick
	eventually has_row succeeded ''
	run -6 ctl resume tick
}

has_row() {
	[ "$(ctl runs tick --state "$1" --json | field "len([r for r in d['runs'] if (r['reason'] or '') == '$2'])")" -gt 0 ]
}

@test "disable and enable" {
	job tick <<-'YAML'
		jobs:
		  tick: {schedule: "* * * * * *", command: "true"}
	YAML
	start_daemon
	eventually has_job tick
	ctl disable tick
	[ "$(ctl list --json | field "d['jobs'][0]['enabled']")" = false ]
	eventually has_row skipped disabled
	ctl enable tick
	eventually has_row succeeded ''
}

@test "down for a while: latest runs once, what was passed over is one row" {
	job tick <<-'YAML'
		jobs:
		  tick: {schedule: "* * * * * *", command: "true"}
		  skip: {schedule: "* * * * * *", command: "true", catch_up: skip}
	YAML
	start_daemon
	eventually has_row succeeded ''
	kill_daemon
	sleep 4 # the downtime is the point
	start_daemon
	eventually has_row missed down
	[ "$(ctl runs tick --trigger catch_up --json | field "len(d['runs'])")" -eq 1 ]
	[ "$(ctl runs tick --state missed --json | field "len(d['runs'])")" -eq 1 ]
	[ "$(ctl runs tick --state missed --json | field "d['runs'][0]['count']")" -ge 2 ]
	# What is not late by a minute runs with skip, too, and that is the newest.
	[ "$(ctl runs skip --trigger catch_up --json | field "len(d['runs'])")" -eq 1 ]
	[ "$(ctl runs skip --state missed --json | field "d['runs'][0]['count']")" -ge 2 ]
}

@test "@reboot runs once, not again after a restart of the daemon" {
	job boot <<-'YAML'
		jobs:
		  boot: {schedule: "@reboot", command: "true"}
	YAML
	start_daemon
	eventually boots 1
	stop_daemon
	start_daemon
	kill_daemon
	start_daemon
	boots 1
}

boots() {
	[ "$(ctl runs boot --trigger boot --json | field "len(d['runs'])")" -eq "$1" ]
}

@test "kill -9 of the daemon in the middle of a run: its true end is recorded" {
	job mid <<-YAML
		jobs:
		  mid: {command: "echo begin; until [ -e $ROOT/go ]; do sleep 0.05; done; echo end; exit 5"}
		  early: {command: "until [ -e $ROOT/early ]; do sleep 0.05; done; exit 6"}
	YAML
	start_daemon
	eventually has_job mid
	local id early
	id=$(ctl run mid)
	early=$(ctl run early)
	eventually in_state "$id" running
	eventually in_state "$early" running
	kill_daemon
	touch "$ROOT/early" # ends while nobody is there
	eventually no_holder "$early"
	start_daemon
	eventually ended "$early"
	[ "$(run_field "$early" state) $(run_field "$early" exit_code)" = "failed 6" ]
	[ "$(run_field "$id" state)" = running ]
	touch "$ROOT/go"
	eventually ended "$id"
	[ "$(run_field "$id" exit_code) $(run_field "$id" attempt)" = "5 1" ]
	[ "$(ctl logs "$id")" = $'begin\nend' ]
}

no_holder() {
	[ -z "$(lock_holder "$ROOT/run/jobsched/runs/$1.1/record")" ]
}

@test "kill -9 of a supervisor: its tree goes, the run is lost, never 0" {
	job sup <<-'YAML'
		jobs:
		  sup: {command: "echo $$; exec sleep 300"}
	YAML
	start_daemon
	eventually has_job sup
	local id pid
	id=$(ctl run sup)
	eventually in_state "$id" running
	eventually has_output "$id"
	pid=$(ctl logs "$id")
	kill -KILL "$(lock_holder "$ROOT/run/jobsched/runs/$id.1/record")"
	eventually ended "$id"
	[ "$(run_field "$id" state) $(run_field "$id" reason) $(run_field "$id" exit_code)" = "lost supervisor None" ] ||
		[ "$(run_field "$id" state) $(run_field "$id" reason) $(run_field "$id" exit_code)" = "lost supervisor null" ]
	eventually dead "$pid"
}

# Killed, whether or not the first process of the machine has noticed already.
dead() {
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in Z* | X* | '') ;; *) return 1 ;; esac
}

has_output() {
	[ -n "$(ctl logs "$1")" ]
}

@test "@after: so long after the end of the run before, also over a restart" {
	job a <<-YAML
		jobs: {follows: {schedule: "@after 2s", command: "until [ -e $ROOT/go ]; do sleep 0.05; done"}}
	YAML
	start_daemon
	eventually is_running follows
	[ "$(ctl list follows --json | field "[d['jobs'][0]['next'], d['jobs'][0]['past']]")" = '[null, false]' ]
	stop_daemon
	start_daemon
	is_running follows
	touch "$ROOT/go"
	eventually two_ended
	# Each instant is 2 s after the end before it, rounded up to a whole second.
	ctl runs follows --state succeeded --json | python3 -c '
import datetime, json, sys
runs = sorted(json.load(sys.stdin)["runs"], key=lambda r: r["id"])
time = lambda t: datetime.datetime.fromisoformat(t).timestamp()
for a, b in zip(runs, runs[1:]):
    gap = time(b["scheduled_at"]) - time(a["ended_at"])
    assert 2 <= gap < 3.001, (gap, a, b)
'
	[ "$(ctl next follows -n 5 --json | field "len(d['next'])")" -le 1 ]
}

is_running() {
	ctl runs "$1" --state running -q | grep -q .
}

two_ended() {
	[ "$(ctl runs follows --state succeeded -q | wc -l)" -ge 2 ]
}
