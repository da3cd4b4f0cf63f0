# CodeBeaker: `make` lists what can be done. CI runs these same targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO          ?= go
CACHE       := $(CURDIR)/.cache
LISTEN      ?= 127.0.0.1:5039
FUZZTIME    ?= 10s
BENCHTIME   ?= 1s
TESTFLAGS   ?=
PACKAGES    ?= ./...
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Bun and Deno of this machine come first, those of the cache folder after them.
export PATH := $(PATH):$(CACHE)/tools/bin

# The race detector needs a C compiler; `make test` says so when there is none.
RACE = $(if $(shell command -v $$($(GO) env CC)),-race,)

# The tests of whole programs, and those that run one package at a time, for they
# share the engine, the control groups and two cores, and some measure what others
# would disturb. All others run meanwhile, on what the second kind leaves free of
# the processors. PROGRAM_RACE is RACE for the programs.
PROGRAMS     := /bench$$|/cmd/
ALONE        := /runtimes/(bun|deno|docker|guest|host|kernel|native|internal)(/|$$)|/bench/internal/(baseline|load|local)$$
PROGRAM_RACE ?= $(RACE)

# The agent is pid 1 of containers and boxes: Linux, no C library, small. The
# commit is not in it: the server, which embeds it, is compiled again only when
# it has changed.
GUEST_BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=$* GO=$(GO) docker/scripts/compile.sh -trimpath -buildvcs=false -ldflags='-s -w'
EMBEDDED   := runtimes/internal/guestbin/embedded

.PHONY: help build guest run test test-short conformance fuzz bench report lint fmt \
	generate check cross engine gvisor images smoke tools vm language-suites hostile clean clean-images

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: guest ## Build the agent and bin/codebeaker
	@GO=$(GO) docker/scripts/compile.sh -o bin/codebeaker ./cmd/codebeaker

guest: guest-amd64 guest-arm64

guest-%:
	@mkdir -p $(CACHE)/guest
	@$(GUEST_BUILD) -o $(CACHE)/guest/guest-linux-$* ./cmd/guest
	@cmp -s $(CACHE)/guest/guest-linux-$* $(EMBEDDED)/guest-linux-$* || \
		{ cp $(CACHE)/guest/guest-linux-$* $(EMBEDDED)/new-$* && mv $(EMBEDDED)/new-$* $(EMBEDDED)/guest-linux-$*; }

run: build ## Start the server on LISTEN (127.0.0.1:5039) with what this machine has; it builds the images meanwhile
	@docker/scripts/tools.sh bun deno || echo '  going on without: Bun and Deno sessions need them on PATH'
	exec bin/codebeaker serve --listen $(LISTEN) --build-images docker/scripts/images.sh

test: guest ## Set up what the tests need, then run every test with the race detector
	@docker/scripts/testbed.sh
	@$(GO) list -export -test -f '' $(RACE) $(PACKAGES) # compiles, on all processors
	@list=$$($(GO) list $(PACKAGES)); status=0; meanwhile=$$(mktemp); \
	run() { [[ -z $$1 ]] || "$${@:2}" -shuffle=on -timeout=30m $(TESTFLAGS) $$1; }; \
	set -m; run "$$(grep -vE '$(PROGRAMS)|$(ALONE)' <<<"$$list")" nice $(GO) test $(RACE) >"$$meanwhile" 2>&1 & others=$$!; set +m; \
	trap 'kill -- -$$others 2>/dev/null || true; rm -f "$$meanwhile"' EXIT; \
	run "$$(grep -E '$(ALONE)' <<<"$$list")" $(GO) test $(RACE) -p 1 || status=1; \
	wait $$others || status=1; \
	cat "$$meanwhile"; \
	run "$$(grep -E '$(PROGRAMS)' <<<"$$list")" $(GO) test $(PROGRAM_RACE) -p 1 || status=1; \
	exit $$status

# Without -shuffle, so that what has not changed is not run again; without vet,
# which `make lint` has, and debug information, which takes half the linker's time.
test-short: guest ## Run the tests that need neither Docker nor root, in a minute or two; again, only what changed
	$(GO) test -short -vet=off -ldflags=-w -parallel=8 $(TESTFLAGS) ./...

conformance: guest ## Run the conformance suite on every runtime of this machine
	@docker/scripts/testbed.sh
	$(GO) test -count=1 -v -run Conformance ./runtimes/...

fuzz: ## Run each fuzz target for FUZZTIME (10s)
	@grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n1 dirname | sort -u | while read -r package; do \
		for target in $$($(GO) test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			$(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$package"; \
		done; \
	done

bench: guest ## Run the Go benchmarks, each for BENCHTIME (1s)
	@docker/scripts/testbed.sh
	$(GO) test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) ./...

report: ## Measure every runtime of this machine: bin/report.html and .json, in three minutes
	@mkdir -p bin
	$(GO) run ./bench -o bin/report.html -o bin/report.json

lint: ## Run go vet and staticcheck
	$(GO) vet ./...
	$(GO) vet -tags suites ./cmd/codebeaker/suitetest
	$(GO) run $(STATICCHECK) ./...

fmt: ## Format the code
	gofmt -l -w $$($(GO) list -f '{{.Dir}}' ./...)

generate: ## Make the generated files again
	$(GO) generate ./...

check: lint cross ## Check format, vet, staticcheck, go.mod, scripts, import graph, other systems, allocations
	@unformatted=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...)); \
		if [[ -n $$unformatted ]]; then echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	@for script in docker/scripts/*.sh docker/vm/{init,run,tests} .ci/run; do bash -n "$$script"; done
	@if command -v shellcheck >/dev/null; then shellcheck -x -S warning docker/scripts/*.sh docker/packages.sh docker/golang/go.sh docker/vm/{init,run,tests} .ci/run; fi
	$(GO) test -count=1 ./cmd/codebeaker -run 'Arch|Import'
	$(GO) test -count=1 ./transport/rpc ./transport/jsonrpc ./transport/websocket -run 'Alloc|Small|Larger'

cross: ## Compile the server for macOS and Windows, and the agent for both processors
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/codebeaker
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/codebeaker
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 $(GO) vet ./...

engine: ## Install (as root) and start a Docker engine, when none answers
	@docker/scripts/engine.sh

gvisor: ## Build gVisor's runsc and, as root, add it to the engine, for sessions that prefer Security
	@GO=$(GO) docker/scripts/gvisor.sh

images: ## Build the language images; VARIANT=slim without the usual commands and a C compiler
	@docker/scripts/images.sh

smoke: images ## Run a program in each language image, confined as a session is
	@docker/scripts/smoke.sh

vm: ## Boot a machine of today (control groups v2, systemd) and test the server in it, as root on Debian
	@docker/scripts/vm.sh

# The soak of the hostile cases is of two minutes here, and of SOAK; in `make test`
# it is of 20 seconds. HOSTILE are arguments, such as -only P1,W8 or -render.
hostile: guest ## Run the hostile cases alone, the soak for SOAK (2m), and write docs/hostile.md; see there
	@docker/scripts/testbed.sh
	SOAK=$${SOAK:-2m} $(GO) run ./cmd/codebeaker/hostiletest $(HOSTILE)

language-suites: build images ## Run CPython's and Go's own tests in sessions and in plain containers, in an hour or so
	@docker/scripts/language-suites.sh

tools: ## Get Bun, Deno and the test clients into .cache/tools
	@docker/scripts/tools.sh

clean: ## Remove what was built and fetched here; images stay
	rm -rf bin $(CACHE) $(EMBEDDED)/guest-linux-*

clean-images: ## Remove the images that were built here
	docker images --quiet --filter label=app=codebeaker | sort -u | xargs -r docker rmi --force
