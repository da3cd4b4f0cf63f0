// Package bun is the runtime of Bun, which runs JavaScript and TypeScript, in a
// namespace box. Bun itself restricts programs in no way.
package bun

import (
	"context"
	"os/exec"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// Options are what the runtime needs of the server.
type Options = boxed.Options

// New returns the runtime. It starts nothing; Probe finds out what is there.
func New(o Options) runtimes.Runtime {
	return boxed.New(o, boxed.Flavor{Type: runtimes.Bun, Programs: []string{"bun"}, Find: find})
}

// tool is the one program of the runtime.
var tool = boxed.Tool{Name: "bun", Get: "`make tools` or `npm install -g bun` installs it, or see https://bun.sh"}

func find(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
	path := host.Find("bun")
	if path == "" {
		return boxed.Kit{}, tool.Problem("", exec.ErrNotFound)
	}
	version, err := host.Ask(ctx, path, "--version")
	if err != nil {
		return boxed.Kit{}, tool.Problem(path, err)
	}
	return boxed.Kit{
		Version:   version,
		Tools:     map[string]string{"bun": version},
		Programs:  []boxed.Program{{Name: "bun", Path: path}, {Name: "bunx", Path: path}},
		Env:       environment,
		Reserve:   256 << 20, // bun 1.4 ends at once with less than 288 MB
		Languages: boxed.Served(runtimes.Bun),
	}, nil
}

// environment keeps bun from writing what no later run would read, and from
// calling home.
var environment = []string{"BUN_RUNTIME_TRANSPILER_CACHE_PATH=0", "DO_NOT_TRACK=1"}
