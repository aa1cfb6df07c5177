#!/usr/bin/env bats
# jobctl backfill: past instants run after all, in a chain, in a real daemon.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() {
	setup_root
}

teardown() {
	teardown_root
}

# "state scheduled_at" of the job's backfilled runs, oldest number first, in UTC
backfilled() {
	ctl runs "$1" --trigger backfill --json | field '"\n".join(r["state"] + " " + __import__("datetime").datetime.fromisoformat(r["scheduled_at"]).astimezone(__import__("datetime").timezone.utc).strftime("%d %H") for r in reversed(d["runs"]))'
}

have_run() {
	[ "$(ctl runs "$1" --trigger backfill --state succeeded --json | field 'len(d["runs"])')" = "$2" ]
}

state_is() {
	[ "$(state_of "$1")" = "$2" ]
}

# What the schedule goes on from.
account() {
	ctl show day --json | field '[(d.get("job") or d)[k] for k in ("watermark", "next", "enabled")]'
}

daily() {
	job a <<-YAML
		defaults: {timezone: UTC}
		jobs:
		  day:
		    schedule: "0 5 * * *"
		    command: 'echo "\$JOB_TRIGGER \$JOB_SCHEDULED_AT" >>"$ROOT/out"; while [ -e "$ROOT/hold" ]; do sleep 0.05; done'
		    $1
	YAML
}

@test "each instant is a run, oldest first, one after the other" {
	daily
	start_daemon
	eventually has_job day
	run -0 ctl backfill day --from 2026-01-10T05:00Z --to 2026-01-12T05:00Z --json
	[ "$(field '[d["job"], d["count"], len(d["runs"]), d["durable"], d["schema_version"]]' <<<"$output")" = '["day", 3, 3, true, 1]' ]
	eventually have_run day 3
	[ "$(cat "$ROOT/out")" = "$(printf 'backfill 2026-01-%s\n' 10T05:00:00Z 11T05:00:00Z 12T05:00:00Z | sed 's/Z$/+00:00/')" ]
	[ "$(backfilled day)" = "$(printf 'succeeded %s 05\n' 10 11 12)" ]
	run -0 ctl runs day --json
	[ "$(field '[sorted(r["trigger"] for r in d["runs"]), all("chained" in r["flags"] for r in d["runs"])]' <<<"$output")" = '[["backfill", "backfill", "backfill"], true]' ]
	# One after the other.
	[ "$(field 'all(a["started_at"] >= b["ended_at"] for a, b in zip(d["runs"], d["runs"][1:]))' <<<"$output")" = true ]
	# Asked for again, they run again.
	run -0 --separate-stderr ctl backfill day --from 2026-01-11 --to 2026-01-11T05:00Z -q
	[[ $output =~ ^[0-9]+$ ]]
	eventually have_run day 4
	grep -q 'job.backfill day .* 3 instants: done' "$ROOT/daemon.log"
}

@test "what is accounted for stays as it was; words, numbers, a dry run" {
	daily "enabled: false"
	start_daemon
	eventually has_job day
	local before
	before=$(account)
	run -0 --separate-stderr ctl backfill day --from 2026-01-10 --to 2026-01-12T12:00Z --dry-run
	[ "${#lines[@]}" -eq 3 ]
	[[ $stderr == *"day: 3 instants; nothing was started."* ]]
	run -0 ctl backfill day --from 2026-01-10 --to 2026-01-12T12:00Z --dry-run --json
	[ "$(field '[d["count"], len(d["instants"])]' <<<"$output")" = "[3, 3]" ]
	run -0 ctl runs day --json
	[ "$(field 'd["runs"]' <<<"$output")" = "[]" ]
	run -0 --separate-stderr ctl backfill day --from 2026-01-10 --to 2026-01-12T12:00Z
	[ -z "$output" ]
	[[ $stderr == "day: 3 runs, "*" of 2026-01-10 "*" to 2026-01-12 "* ]]
	eventually have_run day 3
	[ "$(account)" = "$before" ]
}

@test "a restart in the middle, cancel, why" {
	daily
	touch "$ROOT/hold"
	start_daemon
	eventually has_job day
	run -0 --separate-stderr ctl backfill day --from 2026-01-10 --to 2026-01-13T05:00Z -q
	local first=${lines[0]} last=${lines[3]}
	eventually state_is "$first" running
	run -0 ctl why "$last"
	[[ $output == *"backfill of 2026-01-13"* ]]
	kill_daemon
	start_daemon
	eventually state_is "$first" running
	[ "$(backfilled day | tail -n 3)" = "$(printf 'queued %s 05\n' 11 12 13)" ]
	ctl cancel -q "$last" >/dev/null
	rm "$ROOT/hold"
	eventually have_run day 3
	[ "$(backfilled day)" = "$(printf 'succeeded 10 05\nsucceeded 11 05\nsucceeded 12 05\ncancelled 13 05')" ]
	[ "$(wc -l <"$ROOT/out")" -eq 3 ]
	# All of what is left at once.
	touch "$ROOT/hold"
	ctl backfill day --from 2026-01-10 --to 2026-01-13T05:00Z -q >/dev/null
	run -0 --separate-stderr ctl cancel -q --job day --trigger backfill
	[ "${#lines[@]}" -eq 4 ]
}

@test "concurrency: allow lets them overlap" {
	daily "concurrency: allow"
	touch "$ROOT/hold"
	start_daemon
	eventually has_job day
	ctl backfill day --from 2026-01-10 --to 2026-01-13T05:00Z -q >/dev/null
	together() { [ "$(ctl runs day --state running --json | field 'len(d["runs"])')" = 4 ]; }
	eventually together
	rm "$ROOT/hold"
	eventually have_run day 4
}

@test "what is refused" {
	daily
	job b <<-'YAML'
		jobs:
		  every: {schedule: "@every 1s", command: "true", enabled: false}
		  none: {command: "true"}
	YAML
	start_daemon
	eventually has_job none
	run -2 --separate-stderr ctl backfill every --from 2026-01-10 --to 2026-01-11
	[[ $stderr =~ "that is 86401 instants of every, and the limit is 1000 (at most 10000 at a time)" ]]
	run -2 --separate-stderr ctl backfill every --from 2026-01-10 --to 2026-01-10T00:01 --limit 60
	[[ $stderr =~ "that is 61 instants of every, and the limit is 60"$ ]]
	run -2 --separate-stderr ctl backfill every --from 2026-01-10 --to 2999-01-01
	[[ $stderr =~ "future" ]]
	run -2 --separate-stderr ctl backfill every --from 2026-01-11 --to 2026-01-10
	[[ $stderr =~ "after" ]]
	run -2 --separate-stderr ctl backfill every --to 2026-01-10
	[[ $stderr =~ "--from is missing" ]]
	run -2 ctl backfill every --from 2026-01-10 --limit 10001
	run -1 --separate-stderr ctl backfill none --from 2026-01-10
	[[ $stderr =~ "none has no instant from" ]]
	run -1 ctl backfill day --from 2026-01-10T05:01Z --to 2026-01-11T04:00Z
	run -3 ctl backfill nosuch --from 2026-01-10
	run -0 ctl runs --trigger backfill --json
	[ "$(field 'd["runs"]' <<<"$output")" = "[]" ]
}

@test "ten thousand at once; the daemon answers others meanwhile" {
	job b <<-'YAML'
		jobs:
		  every: {schedule: "@every 1s", command: "sleep 1000", enabled: false}
	YAML
	start_daemon
	eventually has_job every
	ctl backfill every --from 2026-01-10 --to 2026-01-10T02:46:39 --limit 10000 -q >"$ROOT/numbers" 3>&- &
	local pid=$!
	run -0 ctl status
	wait "$pid"
	[ "$(wc -l <"$ROOT/numbers")" -eq 10000 ]
	[ "$(sort -nu "$ROOT/numbers" | wc -l)" -eq 10000 ]
	run -6 --separate-stderr ctl backfill every --from 2026-01-10 --to 2026-01-10
	[[ $stderr =~ "10000 are the most" ]]
	eventually state_is "$(head -n 1 "$ROOT/numbers")" running
	ctl cancel every -q >/dev/null
	gone() { [ "$(ctl list every --json | field 'd["jobs"][0]["running"]')" = 0 ]; }
	eventually gone
}
