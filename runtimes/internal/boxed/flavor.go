package boxed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// Flavor is what one boxed runtime has of its own.
type Flavor struct {
	Type runtimes.Type
	// Programs are the names that Find looks for. While the files they lead
	// to stay the same, an answer of Find is used again.
	Programs []string
	// Find finds the tools on this host. It may start programs and take
	// seconds. An error is a *runtimes.Problem, which says why the runtime is
	// not available.
	Find func(ctx context.Context, host *Host) (Kit, error)
}

// Kit is what a flavor found on this host.
type Kit struct {
	// Version is that of the runtime, Tools those of the programs by name.
	Version string
	Tools   map[string]string
	// Languages are what the kit can serve, Problems why it does not serve
	// others: one at least where it serves none.
	Languages []Language
	Problems  []runtimes.Problem
	// Reserve is how many bytes of data the tool reserves at its start and
	// does not use. Control groups do not count them. RLIMIT_DATA does, so it
	// is that much above the session's memory, and not told as a limit of it.
	Reserve int64
	// Programs, Binds and Env are in every box of the kit.
	Programs []Program
	Binds    []box.Bind
	Env      []string
}

// Program is found first on the PATH of a box, by its name.
type Program struct {
	Name string
	// Path is the program's real path on the host. It need not be visible in
	// the box otherwise.
	Path string
}

// Language is a language that a kit serves.
type Language struct {
	Language runtimes.Language
	// Env are variables of boxes of this language.
	Env []string
	// Warm is a cache that boxes of this language start with; nil is none.
	Warm *Warm
	// Check is a program that proves that the language works. Without Run it is
	// the language's Hello.
	Check Check
}

// Served are the languages that the table has a kind of runtime serve.
func Served(kind runtimes.Type) []Language {
	var served []Language
	for _, l := range runtimes.Languages() {
		if slices.Contains(l.Runtimes(), kind) {
			served = append(served, Language{Language: l})
		}
	}
	return served
}

// Check is a program that begins what it writes to its standard output with
// Want.
type Check struct {
	Name string   // of the file in the workspace
	Text string   // its content
	Run  []string // command line
	Want string
	// Cold is run instead while the language's warm cache is being filled,
	// where Run would take seconds without it. It need only succeed.
	Cold []string
}

// hello is the check of a language by its Hello.
func hello(l runtimes.Language, kind runtimes.Type) Check {
	file := l.HelloFile()
	return Check{Name: file, Text: l.Facts().Hello, Run: l.RunLine(kind, file), Want: runtimes.HelloOutput}
}

func (k *Kit) language(l runtimes.Language) *Language {
	for i := range k.Languages {
		if k.Languages[i].Language == l {
			return &k.Languages[i]
		}
	}
	return nil
}

// Options are what a boxed runtime needs of the server.
type Options struct {
	// DataDir is the server's data directory; caches that are filled once for
	// all sessions lie in its folder "cache". No box shows it.
	DataDir string
	// Mark names the data directory in control groups, so that servers on one
	// host leave each other's alone. Letters and digits.
	Mark string
	// ToolsDir is searched for tools that are not on PATH; "" is none.
	ToolsDir string
	// Workspaces makes the sessions' directories.
	Workspaces *workspace.Manager
	// Groups finds where to make control groups; nil makes none.
	Groups *cgroup.Finder
	// Egress is what sessions with a network may reach.
	Egress egress.Options
	// Guest is the agent's program; "" finds it as package guestbin says.
	Guest string
	// Logger may be nil.
	Logger *slog.Logger
}

func (o *Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// CacheDir is where a runtime keeps what it prepares once for all sessions.
func (o *Options) CacheDir() string { return filepath.Join(o.DataDir, "cache") }

// protected are directories that no bind may show or contain.
func (o *Options) protected() []string {
	dirs := []string{o.DataDir}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, home)
	}
	return dirs
}

// stepTools is the step of looking for a flavor's tools.
const stepTools = "find tools"

// ProgramError is a program of the host that was asked something and did not
// answer.
type ProgramError struct {
	Path   string
	Args   []string
	Stderr string // what it said
	Err    error  // of exec.Cmd, with that of the context
}

// argumentMax is how much of an argument, and complaintMax of a program's own
// words, the log is told: an argument may be a whole program.
const (
	argumentMax  = 40
	complaintMax = 2 << 10
)

// Error gives the command line, the cause and what the program said.
func (e *ProgramError) Error() string {
	command := []string{e.Path}
	for _, arg := range e.Args {
		if len(arg) > argumentMax || strings.ContainsAny(arg, "\n\r") {
			arg = "…"
		}
		command = append(command, arg)
	}
	text := fmt.Sprintf("%s: %v", strings.Join(command, " "), e.Err)
	if said := strings.TrimSpace(e.Stderr); said != "" {
		text += ": " + said[max(0, len(said)-complaintMax):]
	}
	return text
}

// Unwrap returns the cause.
func (e *ProgramError) Unwrap() error { return e.Err }

// HiddenError is an installation that no box may show.
type HiddenError struct {
	Source string // what would have to be shown
	Holds  string // what lies in it: the server's data or a home directory
}

// Error names both.
func (e *HiddenError) Error() string {
	return fmt.Sprintf("%s holds %s and cannot be shown to sessions", e.Source, e.Holds)
}

// Tool is a program of the host by which languages are served.
type Tool struct {
	Name string
	// Languages are those that need it; none is all of the runtime's.
	Languages []runtimes.Language
	// Get says how to get it: "`make tools` installs it".
	Get string
}

// Problem says why the tool cannot be used, and what to do. path is where it
// was found, "" when it is not known or nowhere.
func (t *Tool) Problem(path string, err error) *runtimes.Problem {
	p := &runtimes.Problem{Languages: t.Languages, Step: stepTools, Err: fmt.Errorf("%s: %w", t.Name, err)}
	var program *ProgramError
	var hidden *HiddenError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		p.Absent, p.Err = true, err
		p.Reason = fmt.Sprintf("%s is not on the server's PATH: %s", t.Name, t.Get)
	case errors.As(err, &program):
		p.Reason = t.unusable(program.Path, reason.Run(program.Err, program.Stderr), t.Get)
	case errors.As(err, &hidden):
		p.Reason = t.unusable(path, "beside it lies what sessions must not see (the server's data or a home directory)",
			"install it elsewhere, as below /usr/local")
	default:
		p.Reason = t.unusable(path, reason.Cause(err), t.Get)
	}
	return p
}

// Unusable is the Problem of a tool that works and will not do, for what why
// says.
func (t *Tool) Unusable(path, why string, err error) *runtimes.Problem {
	return &runtimes.Problem{
		Languages: t.Languages, Step: stepTools, Err: fmt.Errorf("%s: %w", t.Name, err),
		Reason: t.unusable(path, why, t.Get),
	}
}

// pathMax bounds a path in a sentence; of a longer one the end is told.
const pathMax = 60

// unusable is the sentence that says why, and what to do, of which nothing is cut.
func (t *Tool) unusable(path, why, do string) string {
	name := t.Name
	if path != "" {
		if len(path) > pathMax {
			path = "…/" + reason.Line(filepath.Base(path), pathMax)
		}
		name += " (" + path + ")"
	}
	do = "; " + do
	return reason.Line(name+" cannot be used: "+why, reason.Max-len(do)) + do
}
