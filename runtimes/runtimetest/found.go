package runtimetest

import (
	"slices"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// kind is a runtime with a language: what a program finds is a matter of both.
type kind string

// The kinds. JavaScript and TypeScript are one.
const (
	dockerPython kind = "Docker python"
	dockerNode   kind = "Docker nodejs"
	dockerGo     kind = "Docker golang"
	dockerDotnet kind = "Docker dotnet"
	bun          kind = "Bun"
	deno         kind = "Deno"
	nativePython kind = "Native python"
	nativeNode   kind = "Native node"
	nativeGo     kind = "Native go"
)

// Kinds that have much in common.
var (
	everyKind = slices.Concat(dockerKinds, boxKinds)

	dockerKinds = []kind{dockerPython, dockerNode, dockerGo, dockerDotnet}
	boxKinds    = []kind{bun, deno, nativePython, nativeNode, nativeGo}

	pythonKinds = []kind{dockerPython, nativePython}
	nodeKinds   = []kind{dockerNode, nativeNode}
	goKinds     = []kind{dockerGo, nativeGo}
)

// kindOf is "" for a runtime that is none of those.
func kindOf(runtime runtimes.Type, language runtimes.Language) kind {
	if language == runtimes.TypeScript {
		language = runtimes.JavaScript
	}
	switch runtime {
	case runtimes.Bun:
		return bun
	case runtimes.Deno:
		return deno
	case runtimes.Docker:
		return map[runtimes.Language]kind{
			runtimes.Python: dockerPython, runtimes.JavaScript: dockerNode, runtimes.Go: dockerGo, runtimes.CSharp: dockerDotnet,
		}[language]
	case runtimes.Native:
		return map[runtimes.Language]kind{
			runtimes.Python: nativePython, runtimes.JavaScript: nativeNode, runtimes.Go: nativeGo,
		}[language]
	}
	return ""
}

// finding is a row of the table of what programs find. docs/runtimes.md shows
// it; TestWhatProgramsFindIsDocumented holds the two together.
type finding struct {
	name string // of the case
	what string // that programs find
	on   []kind // the kinds it is about
	// but are the kinds where it is otherwise.
	but   []exception
	check func(t *testing.T, p *place)
}

// exception says where a finding does not hold, and why.
type exception struct {
	on []kind
	// unless is a line of sh(1) that succeeds in an environment where the finding
	// holds all the same; "" is never.
	unless string
	// reason says why it does not hold or, with unless, where it does.
	reason string
}

// findings is the table.
var findings = slices.Concat(namedFindings, installFindings, goFindings, workFindings, offlineFindings)

var foundCases = []testCase{{"EachKind", eachKind}}

// eachKind makes one environment of each kind that the runtime has and looks at
// every row in it.
func eachKind(t *testing.T, s *suite) {
	languages := s.found.Languages
	if s.harness.FoundIn != nil {
		languages = s.harness.FoundIn
	}
	looked := make(map[kind]bool)
	for _, language := range languages {
		k := kindOf(s.rt.Type(), language)
		if k == "" || looked[k] {
			continue
		}
		looked[k] = true
		t.Run(language.String(), func(t *testing.T) { s.look(t, k, language, len(looked) == 1) })
	}
	if len(looked) == 0 {
		t.Skipf("%v is of no kind in the table, or looked at elsewhere", s.rt.Type())
	}
}

// look looks at the rows of a kind.
func (s *suite) look(t *testing.T, k kind, language runtimes.Language, first bool) {
	p := &place{suite: s, kind: k, language: language, first: first}
	p.env = s.create(t, p.spec)
	for i := range findings {
		row := &findings[i]
		if !slices.Contains(row.on, k) {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			for _, e := range row.but {
				if slices.Contains(e.on, k) && !p.holds(t, e.unless) {
					t.Skipf("%s: %s", k, e.reason)
				}
			}
			row.check(t, p)
		})
	}
}

// place is an environment whose rows are looked at.
type place struct {
	*suite
	kind     kind
	language runtimes.Language
	first    bool // of the runtime's kinds
	env      runtimes.Environment
}

// spec is a session with room for tools at work.
func (p *place) spec(spec *runtimes.Spec) {
	spec.Language = p.language
	spec.Limits.MemoryBytes, spec.Limits.DiskBytes = 1<<30, 128<<20
	spec.Limits.Processes, spec.Limits.OpenFiles, spec.Limits.CPUs = 256, 4096, 2
}

// holds runs a line of sh(1) and reports whether it succeeded.
func (p *place) holds(t *testing.T, line string) bool {
	t.Helper()
	return line != "" && p.try(t, line).Status == runtimes.Completed
}

// sh runs a line of sh(1) that must complete and returns its output. A failure
// shows where it was.
func (p *place) sh(t *testing.T, line string, args ...string) string {
	t.Helper()
	did := p.try(t, "set -ex\n"+line, args...)
	if did.Status != runtimes.Completed {
		t.Errorf("it ended with %v, code %v: %s%s", did.Status, did.Code, did.stdout, did.stderr)
	}
	return did.stdout
}

// toolPatience is how long tools may take, which do more than other programs of
// the suite, on a busy machine.
const toolPatience = 3 * time.Minute

// try runs a line of sh(1).
func (p *place) try(t *testing.T, line string, args ...string) finished {
	t.Helper()
	_, r := p.start(t, p.env, p.shell(t, line, args...))
	exit := r.waitFor(toolPatience)
	return finished{exit, r.text(runtimes.Stdout), r.text(runtimes.Stderr), r.text(runtimes.Terminal)}
}

// put writes files of the workspace, by path.
func (p *place) put(t *testing.T, files map[string]string) {
	t.Helper()
	for path, text := range files {
		cmd := runtimes.WriteFile{Path: path, Content: []byte(text)}
		if _, err := p.env.Workspace().WriteFile(t.Context(), cmd); err != nil {
			t.Fatalf("write %s: %v", path, err)
		}
	}
}
