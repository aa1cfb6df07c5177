#!/usr/bin/env bats
# Job files: dropped in, changed, broken, removed.

load ../lib/common

setup() {
	setup_root
}

teardown() {
	teardown_root
}

@test "a file that is dropped in is in force, and runs" {
	start_daemon
	job tick <<-'YAML'
		jobs:
		  tick: {schedule: "* * * * * *", command: "echo tock"}
	YAML
	eventually has_job tick
	# Written in place, not moved.  How soon is tested in virtual time: a busy machine needs seconds for the question alone.
	printf 'jobs:\n  plain: {command: "true"}\n' >"$ROOT/etc/jobs.d/plain.yaml"
	eventually has_job plain
	eventually succeeded tick
	eventually tick_says_tock
}

tick_says_tock() {
	[ "$(ctl logs tick)" = tock ]
}

succeeded() {
	[ "$(ctl runs "$1" --state succeeded --json | field "len(d['runs'])")" -gt 0 ]
}

@test "a broken file is reported with its place, and its last good version goes on" {
	job a <<-'YAML'
		jobs:
		  alpha: {schedule: "* * * * * *", command: "echo good"}
	YAML
	start_daemon
	eventually succeeded alpha
	job a <<-'YAML'
		jobs:
		  alpha: {schedule: "* * * * *", comand: "echo bad"}
	YAML
	eventually stale
	run ctl status
	[[ $output == *"a.yaml:2:"*"comand"* ]]
	run ctl check "$ROOT/etc/jobs.d"
	[ "$status" -eq 1 ]
	[[ $output == *"a.yaml:2:"*"comand"*"command"* ]]
	has_job alpha
	grep -q 'error *.*/a\.yaml:2:[0-9]*: .*comand' "$ROOT/daemon.log"
	grep -q 'a\.yaml: its last good version stays in force' "$ROOT/daemon.log"

	kill_daemon
	start_daemon
	eventually stale
	has_job alpha
	local n
	n=$(ctl runs alpha --state succeeded --json | field "len(d['runs'])")
	eventually more_than "$n"
	eventually says good # the newest run may not have written yet

	job a <<-'YAML'
		jobs:
		  alpha: {schedule: "* * * * * *", command: "echo better"}
	YAML
	eventually not_stale
	eventually says better
	grep -q 'a\.yaml: in order again' "$ROOT/daemon.log"
}

stale() {
	[ "$(ctl status --json | field "[f['state'] for f in d['files'] if f['path'].endswith('a.yaml')]")" = '["stale"]' ]
}

not_stale() {
	ctl status --json | field "[f['state'] for f in d['files']]" | grep -qv stale
}

more_than() {
	[ "$(ctl runs alpha --state succeeded --json | field "len(d['runs'])")" -gt "$1" ]
}

says() {
	[ "$(ctl logs alpha)" = "$1" ]
}

@test "rm removes the job and keeps its history; the name comes back without a catch-up" {
	job a <<-'YAML'
		jobs:
		  alpha: {schedule: "* * * * * *", command: "true"}
	YAML
	start_daemon
	eventually succeeded alpha
	rm "$ROOT/etc/jobs.d/a.yaml"
	eventually has_no_job alpha
	[ "$(ctl runs alpha --json | field "len(d['runs'])")" -gt 0 ]
	local n
	sleep 2 # time for which there must be no instants
	job b <<-'YAML'
		jobs:
		  alpha: {schedule: "* * * * * *", command: "true"}
	YAML
	eventually has_job alpha
	n=$(ctl runs alpha --state missed --json | field "len(d['runs'])")
	[ "$n" -eq 0 ]
	[ "$(ctl runs alpha --trigger catch_up --json | field "len(d['runs'])")" -eq 0 ]
}

@test "a name stays with the file that holds it, also over a restart" {
	job b <<-'YAML'
		jobs:
		  alpha: {command: "echo from b"}
	YAML
	start_daemon
	job a <<-'YAML'
		jobs:
		  alpha: {command: "echo from a"}
	YAML
	eventually file_in_error a.yaml
	[ "$(ctl list --json | field "d['jobs'][0]['file']")" = "$ROOT/etc/jobs.d/b.yaml" ]
	run ctl status
	[[ $output == *"b.yaml"* ]]
	kill_daemon
	start_daemon
	eventually file_in_error a.yaml
	[ "$(ctl list --json | field "d['jobs'][0]['file']")" = "$ROOT/etc/jobs.d/b.yaml" ]
	rm "$ROOT/etc/jobs.d/b.yaml"
	eventually from_file "$ROOT/etc/jobs.d/a.yaml"
}

# What `next` says of the daemon's jobs in December, one line each.
drawn() {
	ctl next --from 2030-12-01 --to 2030-12-02 --json | field "'\\n'.join(n['job']+' '+n['at'] for n in d['next'])"
}

@test "what H and ~ draw stays over a restart, and is what jobctl sees" {
	job a <<-'YAML'
		defaults: {timezone: UTC}
		jobs:
		  hashed: {schedule: "H H * * *", command: "true"}
		  random: {schedule: "0~59 0~23 * * *", command: "true"}
	YAML
	start_daemon
	eventually has_job random
	local before
	before=$(drawn)
	[ "$(wc -l <<<"$before")" -eq 2 ]
	kill_daemon
	start_daemon
	eventually has_job random
	[ "$(drawn)" = "$before" ]
	mv "$ROOT/etc/jobs.d/a.yaml" "$ROOT/a.yaml"
	[ "$(TZ=UTC ctl simulate --jobs-dir "$ROOT" --no-history --from 2030-12-01 --to 2030-12-02 --json |
		python3 -c 'import json,sys; print("\n".join(r["job"]+" "+r["at"] for r in map(json.loads, sys.stdin) if "job" in r))')" = "$before" ]
}

file_in_error() {
	ctl status --json | field "[f['path'] for f in d['files'] if f['state'] != 'ok']" | grep -q "$1"
}

from_file() {
	[ "$(ctl list --json | field "[j['file'] for j in d['jobs']]")" = "[\"$1\"]" ]
}

@test "what is not a job file is passed over" {
	start_daemon
	local name
	for name in a.yaml~ .hidden.yaml .#x.yaml a.txt a.yaml.dpkg-new a.yaml.swp; do
		printf 'jobs:\n  x: {command: "true"}\n' >"$ROOT/etc/jobs.d/$name"
	done
	mkdir "$ROOT/etc/jobs.d/dir.yaml"
	mkfifo "$ROOT/etc/jobs.d/fifo.yaml"
	job real <<-'YAML'
		jobs:
		  real: {command: "true"}
	YAML
	eventually has_job real
	[ "$(ctl list --json | field "[j['name'] for j in d['jobs']]")" = '["real"]' ]
}

@test "a file that others may write is refused, and says why" {
	start_daemon
	job open <<-'YAML'
		jobs:
		  open: {command: "true"}
	YAML
	eventually has_job open
	chmod 0666 "$ROOT/etc/jobs.d/open.yaml"
	eventually file_in_error open.yaml
	run ctl status
	[[ $output == *"written by everybody"* ]]
}

@test "a folder that others may write is refused, and its files are good again with it" {
	job a <<-'YAML'
		jobs:
		  alpha: {command: "true"}
	YAML
	start_daemon
	eventually has_job alpha
	chmod 777 "$ROOT/etc/jobs.d"
	eventually stale
	has_job alpha
	run ctl status
	[[ $output == *"can be written by everybody"* ]]
	chmod 755 "$ROOT/etc/jobs.d"
	eventually all_good
	run ctl status
	[[ $output != *"can be written"* ]]
}

all_good() {
	[ "$(ctl status --json | field "[f['state'] for f in d['files']]")" = '["ok"]' ]
}

@test "a running run is untouched by a changed or removed file" {
	job a <<-YAML
		jobs:
		  alpha: {command: "echo old; until [ -e $ROOT/go ]; do sleep 0.05; done; exit 7"}
	YAML
	start_daemon
	local id
	id=$(ctl run alpha)
	eventually test "$(state_of "$id")" = running || eventually in_state "$id" running
	job a <<-'YAML'
		jobs:
		  alpha: {command: "exit 0"}
	YAML
	eventually changed_definition
	[ "$(state_of "$id")" = running ]
	rm "$ROOT/etc/jobs.d/a.yaml"
	eventually has_no_job alpha
	[ "$(state_of "$id")" = running ]
	touch "$ROOT/go"
	eventually ended "$id"
	[ "$(ctl show "$id" --json | field "(d.get('run') or d)['exit_code']")" = 7 ]
}

in_state() {
	[ "$(state_of "$1")" = "$2" ]
}

changed_definition() {
	ctl cat alpha | grep -q 'exit 0'
}

# install_zone LIKE: the zone Test/Town has the rules of another, replaced whole as a package does it.
install_zone() {
	cp "/usr/share/zoneinfo/$1" "$TZDIR/Test/Town.new"
	mv "$TZDIR/Test/Town.new" "$TZDIR/Test/Town"
}

hour_of() {
	[ "$(TZ=UTC date -d "$(ctl next "$1" -n 1 --json | field "d['next'][0]['at']")" +%H:%M)" = "$2" ]
}

@test "new rules of a time zone are in force without a restart, also for a file that is broken" {
	[ -e /usr/share/zoneinfo/Asia/Tokyo ] || skip "the time zones (tzdata) are missing"
	export TZDIR="$ROOT/zoneinfo"
	mkdir -p "$TZDIR/Test"
	install_zone Asia/Tokyo
	job a <<-'YAML'
		jobs: {alpha: {schedule: "0 12 * * *", timezone: Test/Town, command: "true"}}
	YAML
	job b <<-'YAML'
		jobs: {beta: {schedule: "0 12 * * *", timezone: Test/Town, command: "true"}}
	YAML
	start_daemon
	eventually has_job beta
	hour_of alpha 03:00
	job b <<-'YAML'
		jobs: {beta: {schedul: "0 12 * * *"}}
	YAML
	eventually stale_file
	install_zone Asia/Kolkata
	eventually hour_of alpha 06:30
	eventually hour_of beta 06:30
	[ "$(ctl runs --json | field "len(d['runs'])")" = 0 ]
	install_zone Asia/Tokyo
	eventually hour_of alpha 03:00
	stop_daemon
	install_zone Asia/Kolkata
	start_daemon
	eventually has_job alpha
	hour_of alpha 06:30
	[ "$(ctl runs alpha --json | field "[(r['state'], r['reason']) for r in d['runs']]")" = '[["missed", "changed"]]' ]
}

stale_file() {
	ctl status --json | field "[f['state'] for f in d['files']]" | grep -q stale
}
