#!/usr/bin/env bash
# language-suites.sh runs CPython's and Go's own tests of processes, files,
# signals, terminals and sockets, in plain containers of the language images and
# in sessions, and prints how many passed where. It fails when one passes in a
# plain container and not in a session. SUITES="test_os net" runs those alone.
#
# CPython's come from Debian's package for the image's python3, Go's from this
# machine's GOROOT. It leaves behind: the images codebeaker-python-suites and
# codebeaker-golang-suites, labelled app=codebeaker.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

TESTS=$ROOT/cmd/codebeaker/suitetest
PACKAGES='os os/exec os/signal os/user net net/http/httptest'

# The legacy builder is in every engine; buildx may be absent.
export DOCKER_BUILDKIT=0

# build LANGUAGE CONTEXT makes the image with the suites of a language from the
# Dockerfile on standard input.
build() {
	cat >"$2/Dockerfile"
	step "build codebeaker-$1-suites" docker build --network host --force-rm --label app=codebeaker \
		--tag "codebeaker-$1-suites:latest" "$2"
}

build_python() {
	mkdir "$CONTEXT/python"
	cp "$TESTS/testdata/suite.py" "$CONTEXT/python/"
	build python "$CONTEXT/python" <<-'DOCKERFILE'
		FROM codebeaker-python:latest
		RUN apt-get update && apt-get install -y --no-install-recommends "lib$(basename $(realpath $(command -v python3)))-testsuite" && \
		    rm -rf /var/lib/apt/lists/* && python3 -c 'import test.test_os'
		COPY suite.py /suites/
	DOCKERFILE
}

build_golang() {
	local package
	mkdir -p "$CONTEXT/golang/src"
	for package in $PACKAGES; do
		mkdir -p "$CONTEXT/golang/src/$package"
		cp -RL "$(go env GOROOT)/src/$package/." "$CONTEXT/golang/src/$package/"
	done
	build golang "$CONTEXT/golang" <<-DOCKERFILE
		FROM codebeaker-golang:latest
		COPY src/ /usr/local/go/src/
		RUN mkdir /suites && for p in $PACKAGES; do \
		    go test -c -o /suites/\$(echo \$p | tr / -).test \$p || exit; done
	DOCKERFILE
}

main() {
	engine_answers || fail "no Docker engine answers" "run: $ROOT/docker/scripts/engine.sh"
	command -v go >/dev/null || fail "there is no go" "Go's own tests are read from its GOROOT"
	CONTEXT=$(mktemp -d "${TMPDIR:-/tmp}/codebeaker-suites.XXXXXX")
	trap 'rm -rf -- "$CONTEXT"' EXIT
	build_python
	build_golang
	go test -C "$ROOT" -tags suites -count=1 -v -timeout=4h ./cmd/codebeaker/suitetest
}

main "$@"
