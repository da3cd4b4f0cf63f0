package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// Options are what the runtime needs of the server.
type Options = boxed.Options

// New returns the runtime. It starts nothing; Probe finds out what is there.
func New(o Options) runtimes.Runtime {
	return boxed.New(o, boxed.Flavor{Type: runtimes.Native, Programs: append(toolNames(), compilers...), Find: find})
}

// finders look for the toolchains that take more than a program: its version,
// what lies beside it, caches. Any other language of the table is served by its
// first tool alone.
var finders = []finder{{"python3", addPython}, {"node", addNode}, {"go", addGo}}

type finder struct {
	tool string
	add  func(context.Context, *boxed.Host, *boxed.Kit) *runtimes.Problem
}

// plain are the languages of the table that have no finder.
func plain() []runtimes.Language {
	var found []runtimes.Language
	for _, l := range runtimes.Languages() {
		name := l.Facts().Tools[0].Name
		special := slices.ContainsFunc(finders, func(f finder) bool { return f.tool == name })
		if slices.Contains(l.Runtimes(), runtimes.Native) && !special {
			found = append(found, l)
		}
	}
	return found
}

// toolNames are the programs by which languages are served.
func toolNames() []string {
	var names []string
	for i := range finders {
		names = append(names, finders[i].tool)
	}
	for _, l := range plain() {
		names = append(names, l.Facts().Tools[0].Name)
	}
	return names
}

// toolOf is the tool by which languages of the table are served.
func toolOf(languages ...runtimes.Language) *boxed.Tool {
	first := &languages[0].Facts().Tools[0]
	return &boxed.Tool{Name: first.Name, Languages: languages, Get: first.Get}
}

// addPlain adds a language that its first tool serves.
func addPlain(ctx context.Context, host *boxed.Host, kit *boxed.Kit, language runtimes.Language) *runtimes.Problem {
	first, tool := &language.Facts().Tools[0], toolOf(language)
	path := host.Find(first.Name)
	if path == "" {
		return tool.Problem("", exec.ErrNotFound)
	}
	if first.Args != nil {
		answer, err := host.Ask(ctx, path, first.Args...)
		if err != nil {
			return tool.Problem(path, err)
		}
		kit.Tools[first.Name] = first.Version(answer)
	}
	kit.Programs = append(kit.Programs, boxed.Program{Name: first.Name, Path: path})
	kit.Languages = append(kit.Languages, boxed.Language{Language: language})
	return nil
}

// find puts together what the host has. A toolchain that is missing, does not
// work or cannot be shown to sessions is left out, and told as a problem.
func find(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
	kit := boxed.Kit{Version: system(), Tools: make(map[string]string)}
	tell := func(p *runtimes.Problem) {
		if p != nil {
			kit.Problems = append(kit.Problems, *p)
		}
	}
	for i := range finders {
		tell(finders[i].add(ctx, host, &kit))
	}
	for _, language := range plain() {
		tell(addPlain(ctx, host, &kit, language))
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
	names := toolNames()
	return []runtimes.Problem{{
		Absent: true, Step: problems[0].Step, Err: errors.Join(all...),
		Reason: "none of " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " is on the server's PATH: install one of them, as with `apt-get install python3`",
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
