package runtimetest

import (
	"regexp"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var offlineFindings = []finding{
	{
		name: "ToolsFailAtOnce", on: everyKind, check: toolsFailAtOnce,
		what: "without a network `npm`, `npx`, `pip`, `bun`, `deno`, `go`, `git` and `curl` end in seconds, with what they could not reach",
	},
}

// atOnce is in time also on a busy machine; npm by itself waits for more than a
// minute.
const atOnce = 20 * time.Second

// fetches are what tools of a kind fetch from where there is no way to.
var fetches = map[kind][]string{
	dockerPython: {"pip install greet-of-nobody"},
	nativePython: {"pip install greet-of-nobody"},
	dockerNode:   {"npm install greet-of-nobody", "npx --yes greet-of-nobody"},
	nativeNode:   {"npm install greet-of-nobody", "npx --yes greet-of-nobody"},
	bun:          {"bun install greet-of-nobody", "bunx greet-of-nobody"},
	deno:         {"deno run jsr:@nobody/greet", "deno run npm:greet-of-nobody", "deno run https://code.example/greet.ts"},
	dockerGo:     {"go mod init code.example/x; go get code.example/greet", "go install code.example/greet@latest"},
	nativeGo:     {"go mod init code.example/x; go get code.example/greet", "go install code.example/greet@latest"},
}

// everyFetch is tried where there is the tool.
var everyFetch = []string{"git clone https://code.example/greet", "curl https://code.example/greet"}

// unreachable is what a tool says of a network, a registry or a name.
var unreachable = regexp.MustCompile(`(?i)network|registry|resol|getaddrinfo|GOPROXY|connect|jsr\.io`)

func toolsFailAtOnce(t *testing.T, p *place) {
	p.sh(t, "mkdir -p fetch")
	for _, line := range append(fetches[p.kind], everyFetch...) {
		tool := regexp.MustCompile(`^\w+`).FindString(line)
		if !p.holds(t, "command -v "+tool) {
			t.Logf("no %s here", tool)
			continue
		}
		begin := time.Now()
		did := p.try(t, "cd fetch; "+line)
		took := time.Since(begin)
		if did.Status != runtimes.NonZeroExit || took > atOnce || !unreachable.MatchString(did.stdout+did.stderr) {
			t.Errorf("%s took %v: %s", line, took, did)
		}
	}
}
