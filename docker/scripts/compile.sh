#!/usr/bin/env bash
# compile.sh is `go build` with its arguments, and shows how far it is while a
# fresh machine downloads modules and compiles: what is in the build cache already
# takes no time and no line. It leaves behind what `go build` does.
set -euo pipefail

GO=${GO:-go}
NAME=${!#}
NAME=${NAME##*/}${GOARCH:+ for $GOARCH}

# show counts packages as `go build -v` names them, and passes on everything else.
show() {
	awk -v name="$NAME" -v terminal="$([[ -t 1 ]] && echo 1)" '
		function tell(what, count) {
			if (terminal) printf "\r\033[K  %s: %s %d", name, what, count
			else if (count % 50 == 0) printf "  %s: %s %d\n", name, what, count
			fflush(); open = terminal
		}
		function end_line() { if (open) print ""; open = 0 }
		/^go: downloading / { tell("modules downloaded:", ++modules); next }
		/^[^ #:]+$/ { tell("packages compiled:", ++packages); next }
		{ end_line(); print; fflush() }
		END { end_line() }'
}

start=$SECONDS
status=0
"$GO" build -v "$@" 2>&1 | show || status=$?
((status != 0 || SECONDS - start < 2)) || printf '  %-58s %6d s\n' "compile $NAME" $((SECONDS - start))
exit "$status"
