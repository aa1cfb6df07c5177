#!/usr/bin/env bats
# jobctl plan: what a reload with other files would change, against a real daemon and against other files.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() {
	setup_root
	NEW=$BATS_TEST_TMPDIR/new
	mkdir "$NEW"
}

teardown() {
	teardown_root
}

BASE='defaults: {timezone: UTC, timeout: 1h}
jobs:
  hourly: {schedule: "0 * * * *", command: "true", env: {A: "1", B: "2"}, retry: 2}
  nightly: {schedule: "30 2 * * *", command: [echo, hello]}
  asked: {command: "true"}
'

old() {
	printf '%s' "$BASE" | job jobs
}

# change SED-SCRIPT
change() {
	printf '%s' "$BASE" | sed "$1" >"$NEW/jobs.yaml"
}

# plan CODE [ARG...]: its document in $output
plan() {
	local code=$1
	shift
	run "-$code" --separate-stderr ctl plan "$NEW" --json "$@"
}

# of JOB EXPR: over the job's entry `j`
of() {
	field "(lambda j: $2)(next(j for j in d['jobs'] if j['job'] == '$1'))" <<<"$output"
}

both() {
	plan "$@"
	local first=$output
	plan "$@" --against "$ROOT/etc/jobs.d"
	[ "$(field 'd["jobs"]' <<<"$output" | sed 's/"file": [^,]*,//g')" = "$(field 'd["jobs"]' <<<"$first" | sed 's/"file": [^,]*,//g')" ]
}

@test "the same, written in another way" {
	old
	start_daemon
	eventually has_job asked
	change 's/timeout: 1h/timeout: 60m/; s/retry: 2/retry: {limit: 2}/'
	both 0
	[ "$(field '[d["same"], d["jobs"], d["schema_version"]]' <<<"$output")" = '[true, [], 1]' ]
	run -0 --separate-stderr ctl plan "$NEW"
	[ -z "$output" ]
	[ "$stderr" = "0 added, 0 removed, 0 changed, 3 the same." ]
	run -0 --separate-stderr ctl plan "$NEW" -q
	[ -z "$stderr" ]
}

@test "keys that change, with their values in force" {
	old
	start_daemon
	eventually has_job asked
	change 's/timeout: 1h/timeout: 2h/; s/B: "2"/C: "3"/; s/retry: 2/retry: {limit: 2, delay: 1m}/'
	both 1
	[ "$(of hourly 'sorted(k["key"] for k in j["keys"])')" = '["env.B", "env.C", "retry.delay", "timeout"]' ]
	[ "$(of hourly '[[k["old"], k["new"]] for k in j["keys"] if k["key"] == "env.C"]')" = '[[null, "3"]]' ]
	[ "$(of hourly '[j["change"], j["gained"]["count"], j["lost"]["count"]]')" = '["changed", 0, 0]' ]
	[ "$(of asked '[k["key"] for k in j["keys"]]')" = '["timeout"]' ]
	run -1 --separate-stderr ctl plan "$NEW"
	[[ $output == *"~ hourly  ("*"jobs.yaml:3)"* ]]
	[[ $output == *"    timeout: "*" -> "* ]]
	[ "$stderr" = "0 added, 0 removed, 3 changed, 0 the same." ]
	[ "$(ctl plan "$NEW" -o name | sort | tr '\n' ' ')" = "asked hourly nightly " ]
}

@test "instants gained and lost in the coming week" {
	old
	start_daemon
	eventually has_job asked
	change 's/"0 \* \* \* \*"/"*\/30 * * * *"/; s/"30 2 /"45 2 /'
	both 1
	[ "$(of hourly '[j["gained"]["count"], j["lost"]["count"], len(j["gained"]["first"])]')" = '[168, 0, 5]' ]
	[ "$(of hourly 'all(":30:00" in t for t in j["gained"]["first"])')" = true ]
	[ "$(of nightly '[j["gained"]["count"], j["lost"]["count"]]')" = '[7, 7]' ]
	[ "$(of nightly '[t[11:16] for t in j["lost"]["first"]]')" = '["02:30", "02:30", "02:30", "02:30", "02:30"]' ]
	run -1 ctl plan "$NEW"
	[[ $output == *"    gained 168 instants of the coming week: "*", …"* ]]
	# Off is none.
	change 's/command: \[echo, hello\]/command: [echo, hello], enabled: false/'
	both 1
	[ "$(of nightly '[j["gained"]["count"], j["lost"]["count"]]')" = '[0, 7]' ]
}

@test "jobs that come and go" {
	old
	start_daemon
	eventually has_job asked
	change 's/^  nightly:/  weekly:/; s/30 2 \* \* \*/@weekly/'
	both 1
	[ "$(field '[[j["job"], j["change"]] for j in d["jobs"]]' <<<"$output")" = '[["nightly", "removed"], ["weekly", "added"]]' ]
	[ "$(of nightly '[j["lost"]["count"], j["gained"]["count"], j["keys"]]')" = '[7, 0, []]' ]
	[ "$(of weekly '[j["lost"]["count"], j["gained"]["count"]]')" = '[0, 1]' ]
	[ "$(of weekly 'j["file"].endswith("/new/jobs.yaml") and j["line"] == 4')" = true ]
}

@test "the configuration's defaults are part of what is in force" {
	old
	echo 'defaults: {nice: 5}' >"$ROOT/etc/jobschedd.yaml"
	start_daemon
	eventually has_job asked
	change ''
	both 0
	echo 'defaults: {nice: 6}' >"$BATS_TEST_TMPDIR/other.yaml"
	plan 1 --config "$BATS_TEST_TMPDIR/other.yaml"
	[ "$(of asked '[[k["key"], k["old"], k["new"]] for k in j["keys"]]')" = '[["nice", 5, 6]]' ]
}

@test "what can't be told" {
	old
	change 's/schedule/schedul/'
	plan 2
	[[ $stderr == *"can't"* || $stderr == *"control.sock"* || $stderr == *"schedul"* ]]
	[ -z "$output" ]
	change ''
	plan 2
	[ -z "$output" ]
	plan 2 --against /nonexistent
	run -2 ctl plan
	start_daemon
	eventually has_job asked
	change 's/schedule/schedul/'
	plan 2
	[[ $stderr == *"unknown key \`schedul\`"* ]]
	# Two jobs of a name.
	change ''
	cp "$NEW/jobs.yaml" "$NEW/again.yaml"
	plan 2
	[[ $stderr == *"is taken by"* ]]
}

@test "more jobs than a page" {
	{
		echo "jobs:"
		for i in $(seq 250); do echo "  job$i: {schedule: \"@daily\", command: \"true\"}"; done
	} >"$NEW/jobs.yaml"
	job jobs <"$NEW/jobs.yaml"
	start_daemon
	eventually has_job job250
	plan 0
	sed -i 's/job17: {schedule: "@daily"/job17: {schedule: "@hourly"/' "$NEW/jobs.yaml"
	plan 1
	[ "$(field '[j["job"] for j in d["jobs"]]' <<<"$output")" = '["job17"]' ]
}
