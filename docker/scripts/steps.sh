# shellcheck shell=bash
# steps.sh is sourced by the other scripts. It names the folders of the project,
# prints one line per step with its time, and says what to do when a step fails.
# It leaves behind: the folder of logs, .cache/logs.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${CODEBEAKER_CACHE:-$ROOT/.cache}
LOGS=$CACHE/logs
export ROOT CACHE LOGS

# say prints a line about a step that needed no work.
say() { printf '  %s\n' "$*"; }

# fail prints why the script cannot go on, and ends it.
fail() {
	printf 'error: %s\n' "$1" >&2
	shift
	if (($#)); then printf '       %s\n' "$@" >&2; fi
	exit 1
}

# step NAME COMMAND... runs a command with its output in a log, prints the name
# and the seconds it took, and shows the end of the log when it fails.
step() {
	local name=$1 log start status=0
	shift
	mkdir -p "$LOGS"
	log=$LOGS/$(printf '%s' "$name" | tr -cs 'A-Za-z0-9.' '-').log
	start=$(date +%s%N)
	[[ ! -t 1 ]] || printf '  %s …\r' "$name"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	printf '  %-58s %8s\n' "$name" "$(seconds_since "$start")"
	((status == 0)) && return 0
	tail -n 25 "$log" >&2
	printf 'error: "%s" failed with status %d; its whole log is %s\n' "$name" "$status" "$log" >&2
	return "$status"
}

# seconds_since prints the time since a reading of `date +%s%N`, as "12.3 s".
seconds_since() {
	local tenths=$((($(date +%s%N) - $1) / 100000000))
	printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# as_root is true for the user who may install packages and start an engine.
as_root() { [[ $(id -u) -eq 0 ]]; }

# apt_install installs Debian or Ubuntu packages without what they recommend.
# It waits for another apt that runs at this moment.
apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=300 update
	apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# engine_answers is true when a Docker engine can be used by this user.
# The deadline is there because a hung engine accepts and never replies.
engine_answers() {
	command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1
}
