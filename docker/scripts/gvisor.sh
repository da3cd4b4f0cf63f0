#!/usr/bin/env bash
# gvisor.sh builds gVisor's runtime, runsc, from the Go module proxy, in the
# version of go.mod, and as root on the engine's machine adds it to the engine,
# for sessions that prefer Security. It takes two to six minutes.
#
# Containers that run are left alone: the engine reads its settings again
# without a restart. It leaves behind: .cache/tools/bin/runsc and, as root,
# /usr/local/bin/runsc and the entry "runsc" in /etc/docker/daemon.json.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

GO=${GO:-go}
MODULE=gvisor.dev/gvisor
BINARY=$CACHE/tools/bin/runsc
INSTALLED=/usr/local/bin/runsc
SETTINGS=/etc/docker/daemon.json
# systrap needs no KVM, and no rights that the engine has not.
ENTRY='{"path": "'$INSTALLED'", "runtimeArgs": ["--platform=systrap"]}'

# build compiles runsc in a module of its own: ours needs only a part of gVisor.
build() {
	local folder
	folder=$(mktemp -d)
	cat >"$folder/main.go" <<-'GO'
		// Command runsc is gVisor's runtime for containers.
		package main

		import "gvisor.dev/gvisor/runsc/cli/maincli"

		func main() { maincli.Main() }
	GO
	mkdir -p "${BINARY%/*}"
	(
		cd "$folder"
		export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off
		"$GO" mod init runsc
		"$GO" get "$MODULE@$1"
		"$GO" mod tidy
		"$GO" build -trimpath -ldflags="-s -w -X gvisor.dev/gvisor/runsc/version.version=$1" -o "$BINARY" .
	)
	rm -rf "$folder"
}

# add_entry writes the engine's settings with runsc among the runtimes.
add_entry() {
	python3 - "$SETTINGS" "$ENTRY" <<-'PYTHON'
		import json, os, sys
		path, entry = sys.argv[1], json.loads(sys.argv[2])
		settings = json.load(open(path)) if os.path.exists(path) else {}
		settings.setdefault("runtimes", {})["runsc"] = entry
		with open(path + ".new", "w") as new:
		    json.dump(settings, new, indent=2)
		os.replace(path + ".new", path)
	PYTHON
}

# install_runsc puts the program where the engine looks and has it look.
install_runsc() {
	install -m 0755 "$BINARY" "$INSTALLED"
	mkdir -p "${SETTINGS%/*}"
	add_entry
	kill -HUP "$(cat /var/run/docker.pid)"
}

listed() { docker info --format '{{json .Runtimes}}' | grep -q '"runsc"'; }

main() {
	local version
	version=$(cd "$ROOT" && "$GO" list -m -f '{{.Version}}' "$MODULE")
	if [[ $("$BINARY" --version 2>/dev/null) == *"$version"* ]]; then
		say "runsc $version is there"
	else
		step "build runsc $version" build "$version"
	fi
	engine_answers || fail "no Docker engine answers" "run: make engine"
	if listed; then
		say "the engine has the runtime runsc already; it is left as it is"
		return
	fi
	if ! as_root || [[ ! -f /var/run/docker.pid || -n ${DOCKER_HOST:-} ]]; then
		say "not added to the engine: only root on the engine's machine can. There:"
		say "  install -m 0755 $BINARY $INSTALLED"
		say "  add to $SETTINGS: {\"runtimes\": {\"runsc\": $ENTRY}}"
		say "  systemctl reload docker"
		return
	fi
	command -v python3 >/dev/null || fail "python3 is not there to edit $SETTINGS" "install it, or add there: {\"runtimes\": {\"runsc\": $ENTRY}}"
	step "add runsc to the engine" install_runsc
	local deadline=$((SECONDS + 10))
	until listed; do
		((SECONDS < deadline)) || fail "the engine does not list the runtime runsc" "see $SETTINGS and the engine's log"
		sleep 0.2
	done
	say "the engine has the runtime runsc; a server that runs already is to be restarted"
}

main
