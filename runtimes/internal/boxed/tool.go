package boxed

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

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
