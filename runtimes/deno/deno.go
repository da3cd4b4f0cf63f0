// Package deno is the runtime of Deno, which runs JavaScript and TypeScript, in
// a namespace box. Deno's own permissions (--allow-read and the like) are the
// program's choice and only a second layer: an import with {type: "text"} reads
// any file that the box shows, whatever they say.
package deno

import (
	"context"
	"os/exec"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// Options are what the runtime needs of the server.
type Options = boxed.Options

// New returns the runtime. It starts nothing; Probe finds out what is there.
func New(o Options) runtimes.Runtime {
	return boxed.New(o, boxed.Flavor{Type: runtimes.Deno, Programs: []string{"deno"}, Find: find})
}

// tool is the one program of the runtime.
var tool = boxed.Tool{Name: "deno", Get: "`make tools` or `npm install -g deno` installs it, or see https://deno.com"}

func find(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
	path := host.Find("deno")
	if path == "" {
		return boxed.Kit{}, tool.Problem("", exec.ErrNotFound)
	}
	answer, err := host.Ask(ctx, path, "--version")
	if err != nil {
		return boxed.Kit{}, tool.Problem(path, err)
	}
	version := parseVersion(answer)
	languages, warm := boxed.Served(runtimes.Deno), warmDeno(host, path, version)
	for i := range languages {
		languages[i].Warm = warm
	}
	return boxed.Kit{
		Version:   version,
		Tools:     map[string]string{"deno": version},
		Programs:  []boxed.Program{{Name: "deno", Path: path}},
		Env:       append([]string{"DENO_DIR=" + denoDir}, quiet...),
		Reserve:   512 << 20, // deno 2.9 ends at once with less than 544 MB
		Languages: languages,
	}, nil
}

// parseVersion reads "deno 2.9.6 (stable, …)".
func parseVersion(answer string) string {
	fields := strings.Fields(answer)
	if len(fields) < 2 {
		return answer
	}
	return fields[1]
}

// quiet keeps deno from asking a terminal for permissions it was not given and
// the network for news.
var quiet = []string{"DENO_NO_UPDATE_CHECK=1", "DENO_NO_PROMPT=1"}
