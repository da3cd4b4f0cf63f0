package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// Options are what the runtime needs of the server.
type Options = boxed.Options

// New returns the runtime. It starts nothing; Probe finds out what is there.
func New(o Options) runtimes.Runtime {
	return boxed.New(o, boxed.Flavor{
		Type:     runtimes.Native,
		Programs: append([]string{"python3", "node", "go"}, compilers...),
		Find:     find,
	})
}

// find puts together what the host has. A toolchain that is missing, does not
// work or cannot be shown to sessions is left out, and told as a problem.
func find(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
	kit := boxed.Kit{Version: system(), Tools: make(map[string]string)}
	for _, add := range []func(context.Context, *boxed.Host, *boxed.Kit) *runtimes.Problem{addPython, addNode, addGo} {
		if p := add(ctx, host, &kit); p != nil {
			kit.Problems = append(kit.Problems, *p)
		}
	}
	if len(kit.Languages) == 0 {
		kit.Problems = nothing(kit.Problems)
	}
	return kit, nil
}

// nothing tells of a host none of whose toolchains can be used. One that is
// there but does not work comes first.
func nothing(problems []runtimes.Problem) []runtimes.Problem {
	slices.SortStableFunc(problems, func(a, b runtimes.Problem) int {
		switch {
		case a.Absent == b.Absent:
			return 0
		case b.Absent:
			return -1
		}
		return 1
	})
	if !problems[0].Absent {
		return problems
	}
	var all []error
	for i := range problems {
		all = append(all, problems[i].Err)
	}
	return []runtimes.Problem{{
		Absent: true, Step: problems[0].Step, Err: errors.Join(all...),
		Reason: "none of python3, node and go is on the server's PATH: install one of them, as with `apt-get install python3`",
	}}
}

// unreadable is the problem of a tool that answers what was not asked.
func unreadable(tool *boxed.Tool, answer boxed.Answer, err error) *runtimes.Problem {
	return tool.Unusable(answer.Path, "it answers something else than "+tool.Name+" would",
		fmt.Errorf("%s answers %.100q: %w", answer.Path, answer.Text, err))
}

// errAnswer: an answer that lacks what was asked.
var errAnswer = errors.New("members are missing")

// system names the host's distribution (os-release(5)).
func system() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return ""
}
