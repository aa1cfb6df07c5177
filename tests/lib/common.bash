# For bats suites that run a real daemon below a folder of their own.
#
#   setup_root            makes $ROOT with etc/jobs.d (in BATS_TEST_TMPDIR)
#   start_daemon [ARG...] starts jobschedd --root $ROOT and waits until it answers; $DAEMON is its pid
#   stop_daemon           TERM, waits for the end; $STATUS is its exit status (124: none within $PATIENCE seconds)
#   kill_daemon           KILL, waits for the end
#   ctl ARG...            jobctl for this daemon
#   job NAME <<YAML       writes $ROOT/etc/jobs.d/NAME.yaml in one move
#   eventually CMD...     tries CMD until it succeeds, at most $PATIENCE seconds
#   field EXPR            prints a value of the JSON on stdin, EXPR in Python over `d`
#
# A teardown that calls teardown_root leaves nothing behind, and fails the test when the daemon does not stop with 0 or a
# sanitizer had something to say about any process of the test.

bats_require_minimum_version 1.5.0

: "${top_builddir:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${top_srcdir:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${PATIENCE:=30}"

setup_root() {
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT/etc/jobs.d"
	DAEMON=
	unset JOBSCHED_SOCKET NOTIFY_SOCKET
	# What a sanitizer finds in the daemon, in its runner or in jobctl, wherever their stderr goes.
	SANITIZER_LOG=$BATS_TEST_TMPDIR/sanitizer
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$SANITIZER_LOG"
	export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$SANITIZER_LOG"
	export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$SANITIZER_LOG"
}

start_daemon() {
	"$top_builddir/jobschedd" --root "$ROOT" --runner "$top_builddir/jobsched-runner" --log-format text "$@" \
		>>"$ROOT/daemon.out" 2>>"$ROOT/daemon.log" 3>&- 4>&- &
	DAEMON=$!
	eventually answers || {
		cat "$ROOT/daemon.log" >&2
		return 1
	}
}

answers() {
	ctl status --json >/dev/null 2>&1
}

stop_daemon() {
	STATUS=0
	kill -TERM "$DAEMON" 2>/dev/null || true
	if eventually has_ended "$DAEMON"; then
		wait "$DAEMON" || STATUS=$?
	else
		kill -KILL "$DAEMON"
		wait "$DAEMON" 2>/dev/null || true
		STATUS=124
	fi
	DAEMON=
}

# A child that was not waited for is a zombie: `kill -0` still finds it.
has_ended() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${stat##*) } == Z* ]]
}

kill_daemon() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null || true
	DAEMON=
}

# Ends the daemon, its runner and every attempt: the runs of a test do not outlive it.
teardown_root() {
	local record pid found failed=
	if [ -n "${DAEMON:-}" ]; then
		kill -CONT "$DAEMON" 2>/dev/null || true
		stop_daemon
		if [ "$STATUS" -ne 0 ]; then
			echo "told to stop, the daemon ended with $STATUS" >&2
			failed=1
		fi
	fi
	for record in "$ROOT"/run/jobsched/runs/*/record; do
		[ -e "$record" ] || continue
		pid=$(lock_holder "$record")
		[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
	done
	for found in "$SANITIZER_LOG".*; do
		[ -e "$found" ] || continue
		head -n 60 "$found" >&2
		failed=1
	done
	if [ -n "$failed" ] || [ "${BATS_TEST_COMPLETED:-}" != 1 ]; then
		if [ -s "$ROOT/daemon.log" ]; then
			echo "the end of the daemon's log:" >&2
			tail -n 30 "$ROOT/daemon.log" >&2
		fi
	fi
	[ -z "$failed" ]
}

# Pid of the process that holds the record's lock: the attempt's supervisor.
lock_holder() {
	python3 - "$1" <<'PY'
import fcntl, struct, sys
with open(sys.argv[1], "rb") as f:
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(f, fcntl.F_GETLK, lock))
    if kind != fcntl.F_UNLCK:
        print(pid)
PY
}

ctl() {
	"$top_builddir/jobctl" --root "$ROOT" "$@"
}

job() {
	cat >"$ROOT/etc/jobs.d/.$1.new"
	mv "$ROOT/etc/jobs.d/.$1.new" "$ROOT/etc/jobs.d/$1.yaml"
}

eventually() {
	local end=$((SECONDS + PATIENCE))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "still not so after $PATIENCE s: $*" >&2
			return 1
		}
		sleep 0.05
	done
}

field() {
	# No JSON, no value: what waits for one sees an empty string.
	python3 -c 'import json,sys; d=json.load(sys.stdin); v='"$1"'; print(json.dumps(v) if isinstance(v,(dict,list,bool)) or v is None else v)' 2>/dev/null
}

# state_of RUN; jobs_in_force
state_of() {
	ctl show --json "$1" | field "(d.get('run') or d)['state']"
}

ended() {
	case $(state_of "$1") in waiting | queued | starting | running | backoff) return 1 ;; esac
}

has_job() {
	ctl list --json | field "[j['name'] for j in d['jobs']]" | grep -q "\"$1\""
}

has_no_job() {
	! has_job "$1"
}
