#!/usr/bin/env bash
# base.sh makes codebeaker-base:RELEASE, the base of the language images where no
# container registry can be reached, from the packages of this machine's own
# distribution (Debian or Ubuntu, root).
#
# The mirrors are read from the host's apt sources when it runs, so the image is
# for this machine and not for publishing. It prints the tag in its last line.
# It leaves behind: the image, and the package debootstrap. An image made by the
# same recipe is kept.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

# shellcheck source=docker/scripts/mirror.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/mirror.sh"

TAG=codebeaker-base:$RELEASE
RECIPE=$(sha256sum "${BASH_SOURCE[0]}" | cut -c1-16)

components() { if [[ $DISTRIBUTION == ubuntu ]]; then echo main,universe; else echo main; fi; }

bootstrap() {
	debootstrap --variant=minbase --include=ca-certificates \
		--components="$(components)" "$RELEASE" "$1" "$(mirror)"
}

# slim removes what no program reads at run time: 219 MB become 89 MB.
slim() {
	local tree=$1
	sources >"$tree/etc/apt/sources.list"
	rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/* \
		"$tree"/usr/share/{doc,man,info,locale}/* "$tree"/debootstrap
	printf 'path-exclude=/usr/share/%s/*\n' doc man info locale >"$tree/etc/dpkg/dpkg.cfg.d/docs"
}

import() {
	tar --numeric-owner -C "$1" -c . | docker import \
		--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change 'ENV LANG=C.UTF-8' \
		--change 'CMD ["bash"]' \
		--change "LABEL app=codebeaker codebeaker.recipe=$RECIPE" \
		- "$TAG"
}

main() {
	if [[ $(docker image inspect --format '{{index .Config.Labels "codebeaker.recipe"}}' "$TAG" 2>/dev/null) == "$RECIPE" ]]; then
		say "base image $TAG is up to date"
		return
	fi
	as_root || fail "only root can make a base image from packages" "run: sudo ${BASH_SOURCE[0]}"
	[[ $DISTRIBUTION == debian || $DISTRIBUTION == ubuntu ]] ||
		fail "a base image can be made on Debian and Ubuntu only" "give one: BASE=image make images"
	command -v debootstrap >/dev/null || step "install debootstrap" apt_install debootstrap
	[[ -n $(mirror) ]] || fail "apt on this machine names no http mirror for $RELEASE" "give an image: BASE=image make images"

	tree=$(mktemp -d "${TMPDIR:-/tmp}/codebeaker-base.XXXXXX")
	trap 'rm -rf -- "$tree"' EXIT
	chmod 0755 "$tree"
	step "bootstrap $DISTRIBUTION $RELEASE from packages" bootstrap "$tree"
	step "remove caches and documents" slim "$tree"
	step "import $TAG" import "$tree"
}

main "$@"
