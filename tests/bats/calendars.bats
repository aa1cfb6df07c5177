#!/usr/bin/env bats
# Named calendars: holidays from an .ics file, excluded and moved; changed, broken, and back.

load ../lib/common

setup() {
	setup_root
	mkdir -p "$ROOT/etc/calendars"
	cp "$top_srcdir/tests/data/calendars/de-2026.ics" "$ROOT/etc/calendars/de.ics"
	chmod 644 "$ROOT/etc/calendars/de.ics"
	config <<-YAML
		timezone: Europe/Berlin
		calendars:
		  holidays: $ROOT/etc/calendars/de.ics
		  closing: [2026-12-24, 2026-12-28..2027-01-06]
	YAML
	[ -e /usr/share/zoneinfo/Europe/Berlin ] || skip "no zone Europe/Berlin"
}

teardown() {
	teardown_root
}

config() {
	cat >"$ROOT/etc/jobschedd.yaml.new"
	chmod 644 "$ROOT/etc/jobschedd.yaml.new"
	mv "$ROOT/etc/jobschedd.yaml.new" "$ROOT/etc/jobschedd.yaml"
}

# due JOB FROM TO: its days in a line.
due() {
	ctl next "$1" -n 1000 --from "$2" --to "$3" --json | field "' '.join(x['at'][5:10] for x in d['next'])"
}

blocked() {
	[ "$(ctl list "$1" --json | field "d['jobs'][0]['blocked'] is not None")" = "${2-true}" ]
}

@test "German holidays of 2026 are left out, or moved" {
	job a <<-'YAML'
		jobs:
		  plain: {schedule: "0 9 * * *", command: "true"}
		  skips: {schedule: "0 9 * * *", exclude: holidays, command: "true"}
		  monthly: {schedule: "0 9 1 * *", exclude: [holidays, "* * * * 0,6"], move: next, command: "true"}
		  friday: {schedule: "0 9 * * 5", exclude: [holidays, closing], move: previous, command: "true"}
	YAML
	start_daemon
	eventually has_job friday
	[ "$(python3 -c '
import sys
plain, skips = sys.argv[1].split(), sys.argv[2].split()
print(" ".join(d for d in plain if d not in skips))' "$(due plain 2026-01-01 2026-12-31T23:00)" "$(due skips 2026-01-01 2026-12-31T23:00)")" = \
		"01-01 04-03 04-06 05-01 05-14 05-25 10-03 12-25 12-26" ]
	[ "$(due monthly 2026-01-01 2026-12-31)" = "01-02 02-02 03-02 04-01 05-04 06-01 07-01 08-03 09-01 10-01 11-02 12-01" ]
	[ "$(due friday 2026-04-01 2026-04-30)" = "04-02 04-10 04-17 04-24" ]
	[ "$(due friday 2026-12-15 2027-01-15)" = "12-18 12-23 12-27 01-08" ]
}

has_job() {
	ctl list "$1" --json 2>/dev/null | field "d['jobs'][0]['name']" >/dev/null
}

@test "a broken calendar keeps its last good version, over a restart too, and says where it is broken" {
	job a <<-'YAML'
		jobs:
		  a: {schedule: "0 9 * * *", exclude: holidays, command: "true"}
	YAML
	start_daemon
	eventually has_job a
	sed 's/DTSTART;VALUE=DATE:20260514/DTSTART;VALUE=DATE:20260534/' "$ROOT/etc/calendars/de.ics" >"$ROOT/broken"
	cat "$ROOT/broken" >"$ROOT/etc/calendars/de.ics"
	ctl reload || true
	run ctl status
	[[ $output == *"de.ics:31"*"20260534"* ]]
	[ "$(due a 2026-12-24 2026-12-28)" = "12-24 12-27" ]
	grep -q 'de\.ics: its last good version stays in force' "$ROOT/daemon.log"
	run ctl check --config "$ROOT/etc/jobschedd.yaml" "$ROOT/etc/jobs.d"
	[ "$status" -eq 1 ]
	[[ $output == *"de.ics:31: error: DTSTART"* ]]

	kill_daemon
	start_daemon
	[ "$(ctl status --json | field "' '.join(f['state'] for f in d['files'] if f['path'].endswith('de.ics'))")" = stale ]
	[ "$(due a 2026-12-24 2026-12-28)" = "12-24 12-27" ]

	# Another good one is in force with the next reload.
	sed 's/20241225/20241224/' "$top_srcdir/tests/data/calendars/de-2026.ics" >"$ROOT/etc/calendars/de.ics"
	ctl reload
	[ "$(ctl status --json | field "d['files_bad']")" = 0 ]
	[ "$(due a 2026-12-23 2026-12-28)" = "12-23 12-27" ]
}

@test "a calendar that the configuration lacks blocks the job, until it is there" {
	job a <<-'YAML'
		jobs:
		  a: {schedule: "0 9 * * *", exclude: [holidays, regional], command: "true"}
	YAML
	start_daemon
	eventually blocked a
	run ctl why a
	[[ $output == *"no calendar"*"regional"* ]]
	run ctl check --config "$ROOT/etc/jobschedd.yaml" "$ROOT/etc/jobs.d"
	[ "$status" -eq 1 ]
	[[ $output == *"a.yaml:2:"*"regional"* ]]
	config <<-YAML
		timezone: Europe/Berlin
		calendars: {holidays: $ROOT/etc/calendars/de.ics, regional: 2026-11-18}
	YAML
	ctl reload
	blocked a false
	[ "$(due a 2026-11-17 2026-11-20)" = "11-17 11-19" ]
}

@test "others may not write a calendar" {
	chmod 666 "$ROOT/etc/calendars/de.ics"
	job a <<-'YAML'
		jobs:
		  a: {schedule: "0 9 * * *", exclude: holidays, command: "true"}
	YAML
	start_daemon
	eventually blocked a
	run ctl status
	[[ $output == *"de.ics"*"can be written by everybody"* ]]
}

@test "an instant on a day that is excluded is skipped" {
	job a <<-'YAML'
		jobs:
		  a: {schedule: "* * * * * *", exclude: "* * * * *", command: "true"}
	YAML
	start_daemon
	eventually is_excluded a
	[ "$(ctl runs a --json | field "' '.join(set(r['reason'] for r in d['runs']))")" = excluded ]
	[ "$(ctl list a --json | field "d['jobs'][0]['next'] is None")" = true ]
}

@test "why says what excludes an instant, and from where one was moved" {
	job a <<-'YAML'
		jobs:
		  a: {schedule: "0 9 * * *", exclude: [holidays, "* * * * sun", 2030-05-07], move: next, command: "true"}
		  b: {schedule: "0 9 * * *", exclude: [holidays, "* * * * sun", 2030-05-07], command: "true"}
	YAML
	start_daemon
	eventually has_job b
	run ctl why a --at 2030-12-27T09:00+01:00
	[[ $output != *"moved"* ]]
	run ctl why b --at 2030-12-25T09:00+01:00
	[[ $output == *"calendar holidays excludes it"* ]]
	run ctl why b --at 2030-05-05T09:00+02:00
	[[ $output == *'expression * * * * sun excludes it'* ]]
	run ctl why b --at 2030-05-07T09:00+02:00
	[[ $output == *'date 2030-05-07 excludes it'* ]]
	job a <<-'YAML'
		jobs:
		  a: {schedule: "0 9 25 12 *", exclude: [holidays], move: next, command: "true"}
	YAML
	ctl reload
	run ctl why a --at 2030-12-27T09:00+01:00
	[[ $output == *"moved there from 2030-12-25 09:00"* ]]
	run ctl why a --at 2030-12-25T09:00+01:00
	[[ $output == *"calendar holidays excludes it, and it is moved to 2030-12-27 09:00"* ]]
	run ctl why a --at 2030-12-25T09:01+01:00
	[[ $output == *"is no instant"* && $output != *"moved"* ]]
}

is_excluded() {
	[ "$(ctl runs "$1" --state skipped --json | field "len(d['runs'])")" -gt 0 ]
}
