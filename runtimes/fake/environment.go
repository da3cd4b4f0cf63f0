package fake

import (
	"context"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Environment is one fake environment.
type Environment struct {
	runtime   *Runtime
	id        string
	session   string // of Assign; guarded by runtime.mu
	tools     int
	workspace runtimes.Workspace

	mu        sync.Mutex
	env       []string
	limits    runtimes.Limits
	processes map[*process]struct{}
	ending    ending
	empty     chan struct{} // closed when the last process has ended; nil while it lives
	lost      chan struct{} // made when it is asked for
	notify    []func()
}

// ending says how far the end of an environment has come.
type ending uint8

const (
	alive  ending = iota
	dying         // killed, its processes are being told
	gone          // lost for all to see
	closed        // by Close
)

var _ runtimes.Environment = (*Environment)(nil)

// ID is unique in this process.
func (e *Environment) ID() string { return e.id }

// ContainerID is "".
func (e *Environment) ContainerID() string { return "" }

// Handle has the runtime and the id.
func (e *Environment) Handle() runtimes.Handle {
	return runtimes.Handle{Runtime: e.runtime.Type().String(), Environment: e.id}
}

// Session is Assignment.Session.
func (e *Environment) Session() string {
	e.runtime.mu.Lock()
	defer e.runtime.mu.Unlock()
	return e.session
}

// Assign sets the variables and, of the limits, OutputBytes.
func (e *Environment) Assign(ctx context.Context, a runtimes.Assignment) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if fails := e.runtime.options.AssignError; fails != nil {
		if err := fails(a); err != nil {
			return err
		}
	}
	e.runtime.mu.Lock()
	e.session = a.Session
	e.runtime.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.env = a.Env
	if a.Limits.OutputBytes != 0 {
		e.limits.OutputBytes = a.Limits.OutputBytes
	}
	return nil
}

// Limits has OutputBytes only; nothing else is enforced.
func (e *Environment) Limits() runtimes.Limits {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.limits
}

// variables are those of programs that start now.
func (e *Environment) variables() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.env
}

// Isolation has the score of the options and no layers.
func (e *Environment) Isolation() runtimes.Isolation { return e.runtime.isolation() }

// Workspace is the one of Spec, or one made at the first file command.
func (e *Environment) Workspace() runtimes.Workspace { return e.workspace }

// Start starts a program: one of Options.Programs or a built-in one (see
// builtins.go). "true" tells its exit before Start returns and allocates nothing.
func (e *Environment) Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	program, known := e.runtime.options.Programs[cmd.Name]
	if !known && cmd.Name == "true" {
		return e.succeed(sink)
	}
	if !known {
		program, known = builtins[cmd.Name]
	}
	reason := ""
	switch {
	case !known:
		reason = "no such program: " + cmd.Name
	case !e.hasDirectory(ctx, cmd.Dir):
		reason = "no such working directory: " + cmd.Dir
	default:
		p := newProcess(e, cmd, sink)
		if !e.enter(p) {
			return nil, runtimes.ErrEnvironmentLost
		}
		go p.run(program)
		return p, nil
	}
	if e.ended() {
		return nil, runtimes.ErrEnvironmentLost
	}
	sink.Exited(runtimes.Exit{Status: runtimes.CouldNotStart, Message: reason})
	return exited{}, nil
}

// zero is the exit code of every "true".
var zero = 0

func (e *Environment) succeed(sink runtimes.Sink) (runtimes.Process, error) {
	if e.ended() {
		return nil, runtimes.ErrEnvironmentLost
	}
	sink.Started()
	sink.Exited(runtimes.Exit{Status: runtimes.Completed, Code: &zero})
	return exited{}, nil
}

func (e *Environment) ended() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ending != alive
}

// hasDirectory looks for the working directory of a command.
func (e *Environment) hasDirectory(ctx context.Context, dir string) bool {
	if dir == "" {
		return true
	}
	_, err := e.workspace.ReadFile(ctx, runtimes.ReadFile{Path: dir, Length: 1})
	return runtimes.FileCodeOf(err) == runtimes.CodeIsADirectory
}

func (e *Environment) enter(p *process) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ending != alive {
		return false
	}
	e.processes[p] = struct{}{}
	return true
}

// leave is told by each process after its exit.
func (e *Environment) leave(p *process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.processes, p)
	if len(e.processes) == 0 && e.empty != nil {
		close(e.empty)
	}
}

// end ends every process with the status and returns a channel that is closed
// when all have been told. It reports whether it was the first.
func (e *Environment) end(how ending, status runtimes.Status) (<-chan struct{}, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ending != alive {
		return e.empty, false
	}
	e.ending, e.empty = how, make(chan struct{})
	if len(e.processes) == 0 {
		close(e.empty)
	}
	for p := range e.processes {
		p.end(status, runtimes.SIGKILL)
	}
	return e.empty, true
}

// Kill makes the environment lost, as if its guest had died, and returns when
// Lost is closed.
func (e *Environment) Kill() {
	if told, first := e.end(dying, runtimes.EnvironmentLost); first {
		e.vanish(told)
	}
}

// crash is Kill for a program, which cannot wait for its own end.
func (e *Environment) crash() {
	if told, first := e.end(dying, runtimes.EnvironmentLost); first {
		go e.vanish(told)
	}
}

func (e *Environment) vanish(told <-chan struct{}) {
	<-told
	e.mu.Lock()
	e.ending = gone
	notify := e.notify
	e.notify = nil
	if e.lost != nil {
		close(e.lost)
	}
	e.mu.Unlock()
	e.runtime.forget(e)
	for _, f := range notify {
		f()
	}
}

// Lost is closed by Kill and by the program "crash".
func (e *Environment) Lost() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost == nil {
		e.lost = make(chan struct{})
		if e.ending == gone {
			close(e.lost)
		}
	}
	return e.lost
}

// NotifyLost calls f once when the environment is lost, at once when it is
// already. f must not block.
func (e *Environment) NotifyLost(f func()) {
	e.mu.Lock()
	if e.ending != gone {
		e.notify = append(e.notify, f)
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	f()
}

// Close ends every process with status Cancelled. A program that does not
// return when it is killed holds it up until ctx ends.
func (e *Environment) Close(ctx context.Context) error {
	told, first := e.end(closed, runtimes.Cancelled)
	select {
	case <-told:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if first {
		e.runtime.forget(e)
	}
	return nil
}

// writer is one output stream of a program.
type writer struct {
	p    *process
	kind runtimes.Stream
}

func (p *process) stream(s runtimes.Stream) runtimes.Stream {
	if p.cmd.Terminal != nil {
		return runtimes.Terminal
	}
	return s
}

// Write hands data to the sink, as much at a time as the window has room for,
// and waits for grants in between.
func (w writer) Write(data []byte) (written int, err error) {
	for written < len(data) {
		n, err := w.p.reserve(w.kind, len(data)-written)
		if n > 0 {
			w.p.sink.Output(w.kind, data[written:written+n])
			written += n
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// reserve takes up to n bytes of the window and of the output limit for a
// stream. Over the limit the program is killed.
func (p *process) reserve(kind runtimes.Stream, n int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &p.flow
	if kind == runtimes.Channel {
		f = p.channel
	}
	for f.window <= 0 && p.killer == 0 {
		p.changed.Wait()
	}
	if p.killer != 0 {
		return 0, ErrKilled
	}
	n = min(n, f.window)
	if kind == runtimes.Channel {
		f.window -= n
		return n, nil
	}
	if p.left >= 0 && int64(n) > p.left {
		n = int(p.left)
		p.left, p.window, p.cut[kind-1] = 0, p.window-n, true
		p.reasonLocked(runtimes.OutputLimitExceeded)
		p.killLocked(runtimes.SIGKILL)
		return n, ErrKilled
	}
	if p.left >= 0 {
		p.left -= int64(n)
	}
	p.window -= n
	return n, nil
}
