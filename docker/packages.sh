#!/bin/sh
# packages.sh adds to a language image, while it is made, what programs and
# people call: as `packages.sh tools` the usual commands, in every image; as
# `packages.sh compiler` a C compiler, in those whose languages call one. In the
# variant slim it adds only what who sits at a terminal expects.
#
# It works on Debian and Ubuntu; what is there already stays as it is.
set -eu

case ${VARIANT:-full}-$1 in
full-tools) set -- ca-certificates git curl unzip zip make patch file jq sqlite3 xz-utils bzip2 procps less vim-tiny ;;
full-compiler) set -- gcc libc6-dev ;;
slim-tools) set -- procps less vim-tiny ;;
slim-compiler) exit 0 ;;
*)
	echo "packages.sh: VARIANT is full or slim, the argument tools or compiler" >&2
	exit 2
	;;
esac

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
