package actors

import (
	"context"
	"errors"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
)

// program is an execution of a program, and the sink of its process.
type program struct {
	execution
	command *runtimes.Command // nil once it has finished
	result  ProcessResult
	early   early // only the actor's

	mu      sync.Mutex
	process runtimes.Process // nil until Start has returned
	begun   bool             // Started has been called
	ended   bool             // Exited has been called, or Start has failed
	waits   bool             // there is something in early
	reason  runtimes.Status  // of a stop before there was a process; zero is none
}

// early is what is to be done to a process that does not run yet.
type early struct {
	input   []byte // at most runtimes.InputBuffer
	eof     bool
	signals []runtimes.Signal
	size    *runtimes.TerminalSize
}

// run starts the program.
func (p *program) run() {
	if p.err = p.leavesWorkspace(); p.err != nil {
		p.Exited(runtimes.Exit{})
		return
	}
	if reason := p.stopped(); reason != 0 {
		p.Exited(runtimes.Exit{Status: reason})
		return
	}
	process, err := p.environment.Start(p.ctx, *p.command, p)
	if err != nil {
		p.Exited(p.exitOf(err))
		return
	}
	p.bind(process)
}

// leavesWorkspace looks at the working directory of a program from outside, by
// the rules of file commands: a path that leads out of the workspace, by a
// symlink too, is refused. Whether the directory is there is the agent's word.
func (p *program) leavesWorkspace() error {
	if p.command.Dir == "" {
		return nil
	}
	// A read opens the directory and says what it is, however much is in it; a
	// listing looks at every name.
	_, err := p.environment.Workspace().ReadFile(p.ctx, runtimes.ReadFile{Path: p.command.Dir, Length: 1})
	if runtimes.FileCodeOf(err) == runtimes.CodePathOutsideWorkspace {
		return err
	}
	return nil
}

// exitOf is the end of a program whose start could not be asked for.
func (p *program) exitOf(err error) runtimes.Exit {
	switch {
	case errors.Is(err, runtimes.ErrEnvironmentLost):
		return runtimes.Exit{Status: runtimes.EnvironmentLost}
	case errors.Is(err, context.Canceled):
		return runtimes.Exit{Status: runtimes.Cancelled}
	}
	p.session.system.options.Logger.Error("program not started", "session", p.session.handle.id, "execution", p.id, "error", err)
	return runtimes.Exit{Status: runtimes.CouldNotStart} // the text was not made for clients
}

// bind takes the process that Start returned.
func (p *program) bind(process runtimes.Process) {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return // too quick to be fed or stopped
	}
	p.process = process
	reason := p.reason
	ready := p.begun && p.wantedLocked()
	p.mu.Unlock()
	p.log.Bind(process)
	if reason != 0 {
		process.Stop(reason)
	}
	if ready {
		p.send((*running)(&p.execution))
	}
}

// Started is runtimes.Sink's.
func (p *program) Started() {
	p.log.Start()
	p.mu.Lock()
	p.begun = true
	ready := p.process != nil && p.wantedLocked()
	p.mu.Unlock()
	if ready {
		p.send((*running)(&p.execution))
	}
}

// wantedLocked reports whether the actor is to be told that the program runs.
// Most of the time it has nothing to do then.
func (p *program) wantedLocked() bool { return p.waits || p.request.Background }

// Output is runtimes.Sink's.
func (p *program) Output(stream runtimes.Stream, b []byte) { p.log.Output(stream, b) }

// InputReady is runtimes.Sink's. Clients learn of room by trying again.
func (p *program) InputReady() {}

// Exited is runtimes.Sink's.
func (p *program) Exited(exit runtimes.Exit) {
	p.exit = exit
	p.mu.Lock()
	p.ended, p.process = true, nil
	p.mu.Unlock()
	p.send((*finished)(&p.execution))
}

// stopped is the reason of a stop that came before the process.
func (p *program) stopped() runtimes.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// prepare sets the time limit.
func (p *program) prepare() {
	if p.request.Timeout > 0 {
		p.deadline = p.started.Add(p.request.Timeout)
		p.session.armFor(p.deadline)
	}
}

// reach returns the process when it runs, after what came too early for it.
// Nil: it does not run yet, and what the caller keeps in early is done as soon
// as it does; or, with ended, no more.
func (p *program) reach() (process runtimes.Process, ended bool) {
	p.mu.Lock()
	if p.begun {
		process = p.process
	}
	p.waits = process == nil
	ended = p.ended
	p.mu.Unlock()
	if process != nil {
		p.early.reach(process)
	}
	return process, ended
}

// running does what came too early.
func (p *program) running() { p.reach() }

// reach does what is kept, once.
func (y *early) reach(process runtimes.Process) {
	kept := *y
	*y = early{}
	if len(kept.input) > 0 {
		_, _ = process.Input(kept.input) // an empty buffer takes all of it
	}
	if kept.eof {
		process.CloseInput()
	}
	if kept.size != nil {
		_ = process.Resize(*kept.size)
	}
	for _, sig := range kept.signals {
		_, _ = process.Signal(sig)
	}
}

// stop ends the program.
func (p *program) stop(reason runtimes.Status) {
	p.mu.Lock()
	process := p.process
	if process == nil && p.reason == 0 {
		p.reason = reason
	}
	p.mu.Unlock()
	if process != nil {
		process.Stop(reason)
	}
}

func (p *program) input(r *Input) (*Accepted, error) {
	if !p.command.OpenStdin && p.command.Terminal == nil {
		return nil, noInput(runtimes.ErrInputClosed)
	}
	process, ended := p.reach()
	switch {
	case ended: // the word of it may wait in the mailbox
		return nil, errEndedInput
	case process == nil:
		return p.early.feed(r)
	}
	n, err := process.Input(r.Data)
	if err != nil {
		return nil, noInput(err)
	}
	if r.EOF && n == len(r.Data) {
		process.CloseInput()
	}
	return &Accepted{n}, nil
}

// errEndedInput is for input that comes too late.
var errEndedInput = &ArgumentError{"executionId", "the execution has ended and takes no input"}

func noInput(why error) error {
	return &ArgumentError{"executionId", "the execution takes no input: " + why.Error()}
}

// feed keeps the input of a program that does not run yet, as much as a
// running one would take.
func (y *early) feed(r *Input) (*Accepted, error) {
	if y.eof {
		return nil, noInput(runtimes.ErrInputClosed)
	}
	n := min(len(r.Data), runtimes.InputBuffer-len(y.input))
	y.input = append(y.input, r.Data[:n]...)
	y.eof = r.EOF && n == len(r.Data)
	return &Accepted{n}, nil
}

func (p *program) signal(sig runtimes.Signal) bool {
	process, ended := p.reach()
	switch {
	case ended:
		return false
	case process == nil:
		p.early.signals = append(p.early.signals, sig)
		return true
	}
	delivered, err := process.Signal(sig)
	return delivered && err == nil // with its environment the program is gone
}

func (p *program) resize(size runtimes.TerminalSize) error {
	if p.command.Terminal == nil {
		return noTerminal
	}
	process, ended := p.reach()
	switch {
	case ended:
		return errEndedTerminal
	case process == nil:
		p.early.size = &size
		return nil
	}
	if err := process.Resize(size); err != nil {
		return &ArgumentError{"executionId", err.Error()}
	}
	return nil
}

var (
	noTerminal       = &ArgumentError{"executionId", runtimes.ErrNoTerminal.Error()}
	errEndedTerminal = &ArgumentError{"executionId", "the execution has ended"}
)

func (p *program) conclude(o *Outcome) {
	terminal := p.command.Terminal != nil
	p.command, p.early = nil, early{}
	if p.err != nil && p.exit.Status == 0 {
		return // it was refused
	}
	p.result = ProcessResult{
		Exit:   p.exit,
		Stdout: p.log.Captured(runtimes.Stdout),
		Stderr: p.log.Captured(runtimes.Stderr),
	}
	if terminal {
		p.result.Stdout = p.log.Captured(runtimes.Terminal)
	}
	p.result.Stdout.Truncated = p.result.Stdout.Truncated || p.exit.Cut[runtimes.Stdout-1] || p.exit.Cut[runtimes.Terminal-1]
	p.result.Stderr.Truncated = p.result.Stderr.Truncated || p.exit.Cut[runtimes.Stderr-1]
	o.Result = &p.result
	status := p.exit.Status
	if o.Success = status == runtimes.Completed; !o.Success {
		o.ErrorCode = status.String()
		o.Error = describe(&p.exit, p.request.Timeout)
	}
}
