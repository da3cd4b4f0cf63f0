#!/bin/sh
# go runs the Go command with a build cache that is the session's own and warm.
#
# The standard library was compiled into /usr/local/go-cache when the image was
# made. The go command needs a cache that it can write (on a read-only one it
# fails at the first module), and copying 200 MB takes seconds and the session's
# memory. So the first call lays a tree of symbolic links to it: some 40 ms, no
# memory to speak of, and nobody can change what they point to.
seed=/usr/local/go-cache
cache=${GOCACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/go-build}
if [ ! -e "$cache" ]; then
	new=$cache.$$
	# trim.txt says when the cache was last tidied. Linked, it would be as old as
	# the image, and the go command would throw out entries unused for five days:
	# all of them. The rename makes two first calls at one moment safe.
	mkdir -p "${cache%/*}" && cp -rs "$seed" "$new" && rm -f "$new/trim.txt" &&
		date +%s >"$new/trim.txt" && mv -T "$new" "$cache" 2>/dev/null || rm -rf "$new"
fi
# The official image's GOPATH is a folder that a session cannot write; without it
# modules are kept below HOME.
[ "${GOPATH:-}" != /go ] || [ -w /go ] || unset GOPATH
exec /usr/local/go/bin/go "$@"
