#!/usr/bin/env bats
# jobctl against a real daemon: what it shows, in every form; the JSON that others build on.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() {
	setup_root
	job see <<-'YAML'
		defaults: {timezone: Europe/Berlin}
		jobs:
		  hourly:
		    description: Every hour
		    schedule: "0 * * * *"
		    command: echo hourly
		    labels: {team: db}
		  nightly:
		    schedule: ["30 2 * * *", "@monthly"]
		    command: [/bin/echo, nightly]
		    timeout: 2h
		  manual: {command: "echo one; echo two >&2; echo three"}
		  fails: {command: "exit 3"}
	YAML
	start_daemon
	eventually has_job fails
}

teardown() {
	teardown_root
}

# has_keys 'NAMES' 'EXPR': the object EXPR of the JSON on stdin has all of these keys.
has_keys() {
	python3 -c 'import json,sys; d=json.load(sys.stdin); o='"$2"'; missing=[k for k in sys.argv[1].split() if k not in o]; sys.exit(f"missing: {missing} in {o}" if missing else 0)' "$1"
}

@test "list: jobs in order, patterns, filters, and the fixed JSON" {
	[ "$(ctl list -o name)" = $'fails\nhourly\nmanual\nnightly' ]
	[ "$(ctl ls -q 'h*' manual)" = $'hourly\nmanual' ]
	[ "$(ctl list -q --label team=db)" = hourly ]
	run -3 ctl list no-such-job
	ctl list --json | has_keys "schema_version host jobs" d
	ctl list --json | has_keys "name enabled paused blocked schedule timezone next last running file" "d['jobs'][1]"
	[ "$(ctl list nightly --json | field "d['jobs'][0]['schedule']")" = '["30 2 * * *", "@monthly"]' ]
	[ "$(ctl list nightly --json | field "d['jobs'][0]['timezone']")" = Europe/Berlin ]
	[ "$(ctl list manual --json | field "d['jobs'][0]['next']")" = null ]
	run -3 ctl run --wait fails
	[ "$(ctl list -q --failed)" = fails ]
	[ "$(ctl list -q --state failed)" = fails ]
	[ "$(ctl list fails --json | field "d['jobs'][0]['last']['exit_code']")" = 3 ]
}

@test "status: the shape for people, the fixed JSON, and for monitoring" {
	run -0 ctl status
	[[ $output == *"jobschedd "*" - ok"* ]]
	[[ $output == *"Jobs: 4"* ]]
	ctl status --json | has_keys "version pid state files" d
	[ "$(ctl status --json | field "[f['state'] for f in d['files']]")" = '["ok"]' ]
	run -0 ctl status --check
	[[ $output == "JOBSCHEDD OK: "* ]]
	run -3 ctl run --wait fails
	run -2 ctl status --check
	[[ $output == *"fails failed (exit 3)"* ]]
	run -1 ctl status --check --max-failed 1
	run -0 ctl status --check hourly
	run -3 ctl status --check no-such-job
	ctl status | grep -q "fails  failed (exit 3)"
}

@test "status --check in other forms" {
	run ctl status --check --json
	[ "$status" -eq 0 ]
	has_keys 'schema_version host check answer jobs failing blocked' d <<<"$output"
	[ "$(field "d['check']" <<<"$output")" = OK ]
	ctl run --wait fails >/dev/null || true
	run ctl status --check -o name
	[ "$status" -eq 2 ]
	[ "$output" = CRITICAL ]
}

@test "next: in order of time, by job, and in a span" {
	[ "$(ctl next hourly -n 3 --from 2026-03-29T00:00:00+01:00 -o csv | tr -d '\r' | cut -d, -f1,2)" = "at,job
$(date -d 2026-03-29T00:00:00Z +%Y-%m-%dT%H:%M:%S%:z),hourly
$(date -d 2026-03-29T01:00:00Z +%Y-%m-%dT%H:%M:%S%:z),hourly
$(date -d 2026-03-29T02:00:00Z +%Y-%m-%dT%H:%M:%S%:z),hourly" ]
	[ "$(ctl next nightly --from 2026-03-28T12:00:00Z --to 2026-03-30T12:00:00Z --json | field "len(d['next'])")" = 2 ]
	[ "$(ctl next -n 4 -q 2>/dev/null || ctl next -n 4 -o name | sort -u | head -n 1)" = hourly ]
	# What is odd about an instant: in JSON with each, below the table, in wide.
	run -0 ctl next nightly --from 2026-03-28T12:00:00Z --to 2026-03-30T12:00:00Z --json
	[ "$(field '[bool(n["odd"]) for n in d["next"]]' <<<"$output")" = "[true, false]" ]
	[[ $output == *"does not exist on 2026-03-29"* ]]
	run -0 --separate-stderr ctl next nightly --from 2026-03-28T12:00:00Z --to 2026-03-30T12:00:00Z
	[[ $stderr == *" of nightly: "*"does not exist on 2026-03-29"* ]]
	[[ $output != *"does not exist"* ]]
	run -0 ctl next nightly --from 2026-03-28T12:00:00Z --to 2026-03-30T12:00:00Z -o wide
	[[ $output == *"ODD"*"does not exist on 2026-03-29"* ]]
	run -3 ctl next no-such-job
}

waits_for_jitter() {
	ctl why spread | grep -q 'starts at .*(jitter)'
}

@test "next: jitter is told beforehand, and is what the run waits for" {
	job jitter <<-'YAML'
		jobs: {spread: {schedule: "* * * * * *", jitter: 10m, command: "true"}}
	YAML
	eventually has_job spread
	[ "$(ctl next spread -n 50 --json | field "len({n['start'] for n in d['next'] if n['start'] > n['at']})")" -gt 40 ]
	eventually waits_for_jitter
	[ "$(ctl runs spread --state waiting --json -n 1 | field "d['runs'][0]['reason']")" = jitter ]
}

@test "runs: what ran, by every filter, and the fixed JSON" {
	local first second
	first=$(ctl run --wait -q manual)
	second=$(ctl run --wait -q fails) || true
	[ "$(ctl runs -q)" = "$second"$'\n'"$first" ]
	[ "$(ctl history -q manual)" = "$first" ]
	[ "$(ctl runs -q --job 'f*')" = "$second" ]
	[ "$(ctl runs -q --failed)" = "$second" ]
	[ "$(ctl runs -q --state succeeded,skipped)" = "$first" ]
	[ "$(ctl runs -q --trigger manual -n 1)" = "$second" ]
	[ "$(ctl runs -q --trigger schedule)" = "" ]
	[ "$(ctl runs -q --since -1h)" = "$second"$'\n'"$first" ]
	[ "$(ctl runs -q --until -1h)" = "" ]
	ctl runs --json | has_keys "id job state reason trigger scheduled_at scheduled_until count created_at queued_at started_at ended_at attempt exit_code signal flow retry_of queue priority user flags" "d['runs'][0]"
	[ "$(ctl runs -o jsonl | wc -l)" -eq 2 ]
	[ "$(ctl runs -o csv | head -n 1 | cut -d, -f1-3)" = id,job,state ]
}

@test "what is past, and what waits for a boot, is shown as such" {
	job when <<-'YAML'
		jobs:
		  long-ago: {schedule: "@at 2020-01-01T00:00", command: "true"}
		  booted: {schedule: "@reboot", command: "true"}
	YAML
	eventually has_job long-ago
	ctl list long-ago | grep -q '^long-ago .* past '
	ctl show long-ago | grep -q 'Next: past'
	[ "$(ctl list --json long-ago booted hourly | field "[j['past'] for j in d['jobs']]")" = '[false, false, true]' ]
	[[ $(ctl why long-ago) == "long-ago: past: long-ago is past"* ]]
	[[ $(ctl why booted) == *"at each boot"* ]]
	[ "$(ctl next long-ago -q 2>/dev/null | wc -l)" -eq 0 ]
}

@test "runs and list: whose they are, also where the job names no user" {
	local me
	me=$(id -un 2>/dev/null) || skip "who runs this has no name"
	ctl run --wait manual >/dev/null
	[ "$(ctl runs manual --json | field "d['runs'][0]['user']")" = "$me" ]
	[ "$(ctl runs -q --user "$me")" = "$(ctl runs -q)" ]
	[ -z "$(ctl runs -q --user nosuchuser)" ]
	[ "$(ctl list -q --user "$me")" = "$(ctl list -q)" ]
	[ -z "$(ctl list -q --user nosuchuser)" ]
}

@test "runs, logs, wait: a job that there is not, and a job that has not run" {
	run ctl runs nosuch
	[ "$status" -eq 3 ]
	[[ $output == "jobctl: no such job: nosuch" ]]
	run ctl runs nosuch --json
	[ "$status" -eq 3 ]
	[[ $output == "jobctl: no such job: nosuch" ]]
	run ctl logs nosuch
	[ "$status" -eq 3 ]
	[[ $output == "jobctl: no such job: nosuch" ]]
	run ctl wait nosuch
	[ "$status" -eq 126 ]
	[[ $output == "jobctl: no such job: nosuch" ]]

	run ctl runs manual -q
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run ctl logs manual
	[ "$status" -eq 3 ]
	[[ $output == *"no run of manual has started"* ]]

	ctl run --wait manual >/dev/null
	run --separate-stderr ctl runs manual nosuch -q
	[ "$status" -eq 3 ]
	[ "$output" = 1 ]
	[[ $stderr == "jobctl: no such job: nosuch" ]]

	# Its history stays when the job is gone.
	rm "$ROOT/etc/jobs.d/see.yaml"
	eventually has_no_job manual
	[ "$(ctl runs manual -q)" = 1 ]
}

@test "logs: both streams, the last lines, one stream, the run before" {
	local first second
	first=$(ctl run --wait -q manual)
	second=$(ctl run --wait -q manual)
	[ "$(ctl logs "$second" | sort)" = $'one\nthree\ntwo' ]
	[ "$(ctl logs manual --stderr)" = two ]
	[ "$(ctl logs manual -n 1)" != "" ]
	[ "$(ctl logs manual -n 1 | wc -l)" -eq 1 ]
	[ "$(ctl logs manual --previous --json | wc -l)" -eq 3 ]
	[ "$(ctl logs manual --attempt 1 | wc -l)" -eq 3 ]
	[ "$(ctl logs manual --since -1h | wc -l)" -eq 3 ]
	[ "$(ctl logs manual --since +1h | wc -l)" -eq 0 ]
	run -3 ctl logs manual --attempt 2
	run -3 ctl logs 999999
	run -3 ctl logs hourly
	[ "$(ctl logs manual -o yaml | head -n 1)" = "schema_version: 1" ]
}

@test "show and cat: a job with the origin of its values, a run with its story, the file" {
	local id
	id=$(ctl run --wait -q manual)
	run -0 ctl show nightly
	[[ $output == *"● nightly"* ]]
	[[ $output == *"timeout:"* ]]
	[ "$(ctl show nightly --json | field "d['job']['origins']['timezone']")" = file ]
	[ "$(ctl show nightly --json | field "d['job']['definition']['command']")" = '["/bin/echo", "nightly"]' ]
	run -0 ctl show "$id"
	[[ $output == *"run $id of manual - succeeded"* ]]
	[ "$(ctl show "$id" --json | field "[t['state'] for t in d['run']['transitions']][-1]")" = succeeded ]
	[ "$(ctl show 'h*' "$id" --json | field "[list(x)[0] for x in d['shown']]")" = '["job", "run"]' ]
	run -3 ctl show no-such-job
	run -3 ctl show 999999
	ctl cat nightly 2>/dev/null | cmp - "$ROOT/etc/jobs.d/see.yaml"
	run -3 ctl cat no-such-job
}

@test "why: of jobs, runs and instants, and the fixed JSON" {
	local id
	id=$(ctl run --wait -q fails) || true
	run -0 ctl why nightly
	[[ $output == *"due next"* ]]
	run -0 ctl why "$id"
	[[ $output == *"failed"* ]]
	ctl why "$id" --json | has_keys "subject state answer causes" d
	[ "$(ctl why "$id" --json | field "d['causes'][0]['reason']")" = exit ]
	ctl why "$id" --json | has_keys "reason run lock queue job by since until" "d['causes'][0]"
	run -0 ctl why hourly --at 2020-01-01T00:30:00Z
	run -3 ctl why no-such-job
	ctl pause hourly -m "moving"
	[ "$(ctl why hourly --json | field "d['state']")" = paused ]
}

@test "every form holds for every command that lists" {
	ctl run --wait -q manual >/dev/null
	local command format
	for command in list runs next "show manual" "why manual" status "cat manual" help; do
		for format in table wide json jsonl yaml csv name; do
			ctl $command -o $format >"$ROOT/out" 2>"$ROOT/err" || {
				echo "$command -o $format: $(cat "$ROOT/err")"
				return 1
			}
			[ -s "$ROOT/out" ]
		done
		ctl $command --json | python3 -c 'import json,sys; d=json.load(sys.stdin); assert d["schema_version"] == 1 and d["host"]'
	done
}

# why_at JOB T: "STATE REASONS" of the instant
why_at() {
	ctl why "$1" --at "$2" --json | field "d['state'] + ''.join(' ' + x['reason'] for x in d['causes'])"
}

@test "why --at: an instant to come runs, or says what is in its way" {
	job future <<-'YAML'
		defaults: {timezone: UTC}
		jobs:
		  plain: {schedule: "0 12 * * *", command: "true"}
		  spread: {schedule: "0 12 * * *", jitter: 6h, command: "true"}
		  free: {schedule: "0 12 * * *", exclude: [2040-12-25], command: "true"}
		  resting: {schedule: "0 12 * * *", enabled: false, command: "true"}
	YAML
	eventually has_job resting
	[ "$(why_at plain 2040-12-25T12:00:00Z)" = future ]
	[ "$(why_at plain 2040-12-25T12:00:01Z)" = not_due ]
	ctl why plain --at 2040-12-25T12:00:01Z | grep -q 'before it: .*2040-12-25 12:00\|before it: 2040-12-25 1[0-9]:00'
	[ "$(why_at free 2040-12-25T12:00:00Z)" = "future excluded" ]
	[ "$(why_at free 2040-12-24T12:00:00Z)" = future ]
	[ "$(why_at resting 2040-12-25T12:00:00Z)" = "future disabled" ]
	ctl why spread --at 2040-12-25T12:00:00Z | grep -q 'its run starts at .*jitter'
	ctl pause plain --until 2040-12-25T11:00:00Z
	[ "$(why_at plain 2040-12-24T12:00:00Z)" = "future paused" ]
	[ "$(why_at plain 2040-12-25T12:00:00Z)" = future ]
}
