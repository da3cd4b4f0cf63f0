#!/usr/bin/env bash
# tools.sh gets what this machine lacks to run Bun and Deno sessions and the
# end-to-end tests, from the npm registry, into the project's own cache folder;
# or that alone which its arguments name (bun deno ws websockets).
#
# It leaves behind: .cache/tools/bin/bun and .cache/tools/bin/deno (links to the
# machine's own where they are on PATH), .cache/tools/node_modules/ws and, as
# root with apt, the package python3-websockets.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

BUN_VERSION=1.4.5
DENO_VERSION=2.9.6
WS_VERSION=8.23.0

TOOLS=$CACHE/tools

# platform prints this machine's name in the packages of Bun or of Deno, which
# carry the program itself: nothing is downloaded by an install script.
platform() {
	local system machine
	system=$(uname -s | tr '[:upper:]' '[:lower:]')
	machine=$(uname -m)
	case $1-$system-$machine in
	bun-*-x86_64) echo "@oven/bun-$system-x64" ;;
	bun-*-aarch64 | bun-*-arm64) echo "@oven/bun-$system-aarch64" ;;
	deno-linux-x86_64) echo "@deno/linux-x64-glibc" ;;
	deno-linux-aarch64) echo "@deno/linux-arm64-glibc" ;;
	deno-darwin-x86_64) echo "@deno/darwin-x64" ;;
	deno-darwin-arm64) echo "@deno/darwin-arm64" ;;
	*) return 1 ;;
	esac
}

# fetch PACKAGE VERSION PROGRAM unpacks one npm package and links its program.
# The folder is named by the version, so that a new pin is fetched again.
fetch() {
	local package=$1 version=$2 program=$3 folder=$TOOLS/$3-$2 new archive
	new=$folder.$$
	mkdir -p "$TOOLS/bin" "$new"
	archive=$(cd "$new" && npm pack --silent "$package@$version")
	tar -xzf "$new/$archive" -C "$new" --strip-components=1
	rm "$new/$archive"
	program=$(cd "$new" && find . -type f -name "$program" -size +1000k | head -n 1)
	chmod 0755 "$new/$program"
	rm -rf "$folder"
	mv "$new" "$folder"
	ln -sfn "../${folder##*/}/${program#./}" "$TOOLS/bin/$3"
	"$TOOLS/bin/$3" --version
}

# provide PROGRAM VERSION makes .cache/tools/bin/PROGRAM answer.
provide() {
	local program=$1 version=$2 own package
	if [[ $("$TOOLS/bin/$program" --version 2>/dev/null | head -n 1) == *"$version"* ]]; then
		say "$program $version is there"
		return
	fi
	own=$(PATH=$(without_tools) type -P "$program" || true)
	if [[ -n $own ]] && "$own" --version >/dev/null 2>&1; then
		mkdir -p "$TOOLS/bin"
		ln -sfn "$own" "$TOOLS/bin/$program"
		say "$program is this machine's own, $own"
		return
	fi
	package=$(platform "$program") || fail "npm has no $program for $(uname -s) $(uname -m)" "install it so that it is on PATH"
	need_npm
	step "get $program $version" fetch "$package" "$version" "$program"
}

# without_tools prints PATH without our own folder: a link must not point to itself.
without_tools() { printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$TOOLS/bin" | paste -sd: -; }

need_npm() {
	command -v npm >/dev/null && return
	as_root && command -v apt-get >/dev/null || fail "there is no npm" "install Node.js, or put bun and deno on PATH"
	step "install npm" apt_install npm
}

# provide_ws installs the WebSocket client of the end-to-end tests.
provide_ws() {
	local have=$TOOLS/node_modules/ws/package.json
	if grep -qs "\"version\": \"$WS_VERSION\"" "$have"; then
		say "npm ws $WS_VERSION is there"
		return
	fi
	need_npm
	mkdir -p "$TOOLS"
	step "get npm ws $WS_VERSION" npm install --silent --ignore-scripts --no-package-lock \
		--no-save --prefix "$TOOLS" "ws@$WS_VERSION"
}

# provide_websockets installs Python's, for the interpreter of the distribution.
provide_websockets() {
	if /usr/bin/python3 -c 'import websockets' 2>/dev/null; then
		say "Python websockets is there"
	elif as_root && command -v apt-get >/dev/null; then
		step "install python3-websockets" apt_install python3-websockets
	else
		say "Python websockets is missing (as root: apt-get install python3-websockets)"
	fi
}

(($#)) || set -- bun deno ws websockets
for tool; do
	case $tool in
	bun) provide bun "$BUN_VERSION" ;;
	deno) provide deno "$DENO_VERSION" ;;
	ws) provide_ws ;;
	websockets) provide_websockets ;;
	*) fail "there is no tool $tool" "tools: bun deno ws websockets" ;;
	esac
done
