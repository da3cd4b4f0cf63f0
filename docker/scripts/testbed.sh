#!/usr/bin/env bash
# testbed.sh sets up what the tests need: a C compiler for the race detector, a
# Docker engine with the language images, Bun, Deno and the WebSocket clients.
#
# What cannot be set up is named loudly with its reason and its tests skip; when
# CODEBEAKER_REQUIRE (docker,deno,bun,native) names it, this fails instead.
# It leaves behind what engine.sh, base.sh, images.sh and tools.sh leave.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

SCRIPTS=$ROOT/docker/scripts
MISSING=0

# required is true when the caller insists on a runtime.
required() { [[ ,${CODEBEAKER_REQUIRE:-}, == *,"$1",* ]]; }

# miss says that the tests of a runtime will not run.
miss() {
	printf '  NOT TESTED: %s (the reason is above)\n' "$1"
	if required "$1"; then MISSING=$((MISSING + 1)); fi
}

provide_compiler() {
	command -v "$(go env CC)" >/dev/null && return
	if as_root && command -v apt-get >/dev/null; then
		step "install a C compiler for the race detector" apt_install gcc libc6-dev && return
	fi
	say "NO RACE DETECTOR: there is no C compiler ($(go env CC))"
}

echo "what the tests need:"
provide_compiler
{ "$SCRIPTS/engine.sh" && "$SCRIPTS/images.sh"; } || miss docker
"$SCRIPTS/tools.sh" || say "NOT EVERY TOOL is there (the reason is above)"
for tool in bun deno; do
	"$CACHE/tools/bin/$tool" --version >/dev/null 2>&1 || miss "$tool"
done
((MISSING == 0)) || fail "$MISSING of what CODEBEAKER_REQUIRE=$CODEBEAKER_REQUIRE names cannot be set up"
