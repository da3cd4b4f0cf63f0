#!/usr/bin/env bash
# images.sh builds the language images codebeaker-python, -nodejs, -golang and
# -dotnet, all :latest, or those named as arguments (python nodejs golang dotnet:
# the folders beside this one with a Dockerfile). With --missing before them it
# prints those that it would build, and builds nothing.
# VARIANT=slim leaves out the usual commands and the C compiler; TAG names them
# otherwise than latest, which is what sessions take.
#
# The official image of each language is the base where a registry answers;
# otherwise the base comes from base.sh, node and tsx from the npm registry, Go
# from this machine, and C# is Mono. BASE=image overrides both. An image made by
# the same recipe (its folder, the functions and versions below) is kept;
# FORCE=1 builds it again.
# It leaves behind: the images, labelled app=codebeaker; nothing else of its own.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

NODE_VERSION=24.21.0
NPM_VERSION=11.21.2
TSX_VERSION=4.23.15

VARIANT=${VARIANT:-full}
TAG=${TAG:-latest}

# The legacy builder is in every engine; buildx may be absent.
export DOCKER_BUILDKIT=0

# official_base prints the default of ARG BASE in a language's Dockerfile.
official_base() { sed -n 's/^ARG BASE=//p' "$ROOT/docker/$1/Dockerfile"; }

# obtainable is true when an image is here or can be pulled. The short deadline
# is for asking only: a pull that has begun may take its time.
obtainable() {
	docker image inspect "$1" >/dev/null 2>&1 && return 0
	[[ ${REGISTRY_ANSWERS:-} != no ]] || return 1
	if ! timeout "${REGISTRY_DEADLINE:-15}" docker manifest inspect "$1" >/dev/null 2>&1; then
		REGISTRY_ANSWERS=no
		return 1
	fi
	step "pull $1" timeout 900 docker pull --quiet "$1"
}

# recipe prints what decides whether an image has to be built again.
recipe() {
	local language=$1
	{
		cat "$ROOT/docker/$language"/* "$ROOT/docker/packages.sh"
		declare -f build npm_arch unpack "stage_$language" || true
		printf '%s\n' "${BASE:-}" "$VARIANT" "$NODE_VERSION" "$NPM_VERSION" "$TSX_VERSION"
		if [[ $language == golang ]] && command -v go >/dev/null; then go env GOVERSION; fi
	} | sha256sum | cut -c1-16
}

# npm_arch prints this machine's name in the npm registry.
npm_arch() { case $(uname -m) in aarch64 | arm64) echo arm64 ;; *) echo x64 ;; esac; }

# unpack SPEC FOLDER fetches an npm package as it is, without its scripts.
unpack() {
	local archive
	archive=$(cd "$2" && npm pack --silent "$1")
	tar -xzf "$2/$archive" -C "$2" --strip-components=1
	rm "$2/$archive"
}

# stage_nodejs lays node, npm and tsx into the folder that covers the image's root.
stage_nodejs() {
	local local_root=$1/usr/local node
	local modules=$local_root/lib/node_modules
	command -v npm >/dev/null || return 0 # the Dockerfile then takes Debian's node
	# First, because npm removes from the folder what it did not install.
	npm install --silent --ignore-scripts --no-package-lock --no-save --prefix "$local_root/lib" "tsx@$TSX_VERSION"
	rm -rf "$modules/.bin" "$modules/.package-lock.json"
	mkdir -p "$local_root/bin" "$modules/npm"
	node=$(mktemp -d)
	unpack "node-linux-$(npm_arch)@$NODE_VERSION" "$node"
	install -m 0755 "$node/bin/node" "$local_root/bin/node"
	rm -rf "$node"
	unpack "npm@$NPM_VERSION" "$modules/npm"
	ln -s ../lib/node_modules/npm/bin/npm-cli.js "$local_root/bin/npm"
	ln -s ../lib/node_modules/npm/bin/npx-cli.js "$local_root/bin/npx"
	ln -s ../lib/node_modules/tsx/dist/cli.mjs "$local_root/bin/tsx"
}

# stage_golang copies the host's toolchain without what a session never reads.
stage_golang() {
	local goroot
	goroot=$(go env GOROOT)
	mkdir -p "$1/usr/local/go"
	tar -C "$goroot" --exclude=./test --exclude=./api --exclude=./doc --exclude=./misc \
		--exclude='*_test.go' --exclude=testdata --exclude=./pkg/obj -c . |
		tar --no-same-owner -C "$1/usr/local/go" -x
}

# build LANGUAGE BASE CONTEXT OPTIONS... makes the image. The host's network is
# for apt only and spares a bridge; no address or key of it enters the image.
build() {
	local language=$1 base=$2 context=$3
	shift 3
	docker build --network host --force-rm --build-arg "BASE=$base" --build-arg "VARIANT=$VARIANT" \
		--label app=codebeaker --label "codebeaker.recipe=$(recipe "$language")" \
		--label "codebeaker.variant=$VARIANT" \
		--tag "codebeaker-$language:$TAG" "$@" "$context"
}

# up_to_date is true when the image there was made by the recipe as it is now.
up_to_date() {
	local have
	have=$(docker image inspect --format '{{index .Config.Labels "codebeaker.recipe"}}' \
		"codebeaker-$1:$TAG" 2>/dev/null) || return 1
	[[ -z ${FORCE:-} && $have == "$(recipe "$1")" ]]
}

# make_image builds one language's image on the best base to be had.
make_image() {
	local language=$1 base=${BASE:-} options=()
	if up_to_date "$language"; then
		say "image codebeaker-$language:$TAG ($VARIANT) is up to date"
		return
	fi
	CONTEXT=$(mktemp -d "${TMPDIR:-/tmp}/codebeaker-image.XXXXXX")
	cp "$ROOT/docker/$language"/* "$ROOT/docker/packages.sh" "$CONTEXT/"
	mkdir "$CONTEXT/extra"
	if [[ -z $base ]] && obtainable "$(official_base "$language")"; then
		base=$(official_base "$language")
	elif [[ -z $base ]]; then
		"$ROOT/docker/scripts/base.sh"
		base=codebeaker-base:$(. /etc/os-release && echo "$VERSION_CODENAME")
		if declare -F "stage_$language" >/dev/null; then
			step "gather what codebeaker-$language needs" "stage_$language" "$CONTEXT/extra"
		fi
		if [[ $language == dotnet ]]; then options=(--build-arg TOOLCHAIN=mono); fi
	fi
	step "build codebeaker-$language:$TAG ($VARIANT) on $base" build "$language" "$base" "$CONTEXT" "${options[@]}"
	rm -rf -- "$CONTEXT"
}

# languages prints the folders with a Dockerfile.
languages() { (cd "$ROOT/docker" && printf '%s\n' */Dockerfile | sed 's:/Dockerfile$::'); }

main() {
	local language missing=
	if [[ ${1:-} == --missing ]]; then
		missing=yes
		shift
	fi
	command -v docker >/dev/null || fail "there is no docker command on PATH" "install docker-cli or docker.io; make engine does, as root"
	engine_answers || fail "no Docker engine answers" "run: $ROOT/docker/scripts/engine.sh"
	trap 'rm -rf -- "${CONTEXT:-}"' EXIT
	[[ $VARIANT == full || $VARIANT == slim ]] || fail "there is no variant $VARIANT" "VARIANT is full or slim"
	# shellcheck disable=SC2046 # one word a folder
	(($#)) || set -- $(languages)
	for language; do
		[[ -f $ROOT/docker/$language/Dockerfile ]] || fail "there is no image for $language" "languages: $(languages | paste -sd ' ')"
		if [[ -n $missing ]]; then
			up_to_date "$language" || echo "$language"
		else
			make_image "$language"
		fi
	done
	# Former versions of the images lose their name to the new ones.
	[[ -n $missing ]] || docker image prune --force --filter label=app=codebeaker >/dev/null
}

main "$@"
