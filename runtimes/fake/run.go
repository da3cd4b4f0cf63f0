package fake

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Program is what a command does; it returns the exit code. It must use its
// Run from one goroutine and return soon once Run.Killed is closed.
type Program func(r *Run) (code int)

// ErrKilled is what the calls of a Run give when the program was killed.
var ErrKilled = errors.New("the program was killed")

// Run is a program's view of its process.
type Run struct{ p *process }

// Args are the arguments after the name. They must not be changed.
func (r *Run) Args() []string { return r.p.cmd.Args }

// Arg is an argument by its number, "" when there is none.
func (r *Run) Arg(n int) string {
	if n < len(r.p.cmd.Args) {
		return r.p.cmd.Args[n]
	}
	return ""
}

// Env are the variables of the environment and those of the command, which
// replace them.
func (r *Run) Env() []string {
	own := r.p.cmd.Env
	env := slices.DeleteFunc(slices.Clone(r.p.env.env), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(own, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	})
	return append(env, own...)
}

// Dir is the working directory, an absolute path below /workspace.
func (r *Run) Dir() string {
	if r.p.cmd.Dir == "" {
		return "/workspace"
	}
	return "/workspace/" + r.p.cmd.Dir
}

// Workspace is the session's, for programs that work on files.
func (r *Run) Workspace() runtimes.Workspace { return r.p.env.workspace }

// Read reads the standard input.
func (r *Run) Read(to []byte) (int, error) { return r.p.read(to) }

// Stdout is the standard output, or the terminal.
func (r *Run) Stdout() io.Writer { return writer{r.p, r.p.stream(runtimes.Stdout)} }

// Stderr is the standard error, or the terminal.
func (r *Run) Stderr() io.Writer { return writer{r.p, r.p.stream(runtimes.Stderr)} }

// Size is that of the terminal, zero without one.
func (r *Run) Size() runtimes.TerminalSize {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	return r.p.size
}

// Signals makes the program handle signals itself, from now on; SIGKILL is
// never among them.
func (r *Run) Signals() <-chan runtimes.Signal {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.p.signals == nil {
		r.p.signals = make(chan runtimes.Signal, 32)
	}
	return r.p.signals
}

// Killed is closed when a signal has ended the program.
func (r *Run) Killed() <-chan struct{} { return r.p.killed }

// Sleep waits for d, or less when the program is killed.
func (r *Run) Sleep(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.p.killed:
		return ErrKilled
	}
}

// Crash takes the whole environment down. The program should return.
func (r *Run) Crash() { r.p.env.crash() }
