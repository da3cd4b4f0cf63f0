package actors

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
)

// Cell is code to run in a context of the session, whose variables live on from one
// cell to the next. Result: *CellResult.
type Cell struct {
	Code string
	// Language is that of the code: the session's, or another that the same kernel
	// runs, as TypeScript beside JavaScript.
	Language runtimes.Language
	// Context is the name of the context; one that is not there is made.
	Context string
	Stdin   []byte
	// OpenStdin keeps the input open after Stdin.
	OpenStdin bool
	// Reset begins the context anew before the code runs.
	Reset bool
}

// CellResult is what a cell came to.
type CellResult struct {
	ProcessResult
	// Result is what the kernel told, nil where it told nothing.
	Result *kernel.Result
	// Displays is what the cell has shown; the value's own is the last, with Main.
	Displays []*output.Display
	// Ran: a kernel took the code. Restarted: the context begins anew, or has begun
	// since the cell before, without having been asked to.
	Ran, Restarted bool
}

func (r *CellResult) size() int {
	n := 0
	for _, d := range r.Displays {
		n += d.Size()
	}
	if r.Result != nil {
		n += len(r.Result.Value)
		if x := r.Result.Exception; x != nil {
			n += len(x.Message) + len(x.Traceback)
		}
	}
	return n
}

// MaxContexts is how many contexts a session may have.
const MaxContexts = 8

// startKernel starts a kernel of the session's language.
func (s *session) startKernel(ctx context.Context, env runtimes.Environment) (*kernel.Kernel, error) {
	return s.system.startKernel(ctx, env, s.runtime, s.handle.base.Load().Language)
}

// startKernel starts a kernel of a language on a runtime.
func (s *System) startKernel(ctx context.Context, env runtimes.Environment, t runtimes.Type, l runtimes.Language, imports ...string) (*kernel.Kernel, error) {
	engine, ok := s.engine(t, l)
	if !ok {
		return nil, fmt.Errorf("no kernel runs %s on %s", l, t) // such a cell is not accepted
	}
	return kernel.Start(ctx, env, engine, kernel.Options{Imports: imports, Logger: s.options.Logger})
}

// engine is that of a language on a runtime, if there is one.
func (s *System) engine(t runtimes.Type, l runtimes.Language) (kernel.Engine, bool) {
	return kernel.EngineFor(t, l, s.options.Registry.Offer(t).Availability.Tools)
}

// cell is an execution of a Cell. What it does not do itself is as for a program.
type cell struct {
	program
	cell    *Cell // nil once it has finished
	context *codeContext

	// Written before the kernel's calls and by them, which come one after another;
	// read once the cell has finished.
	came   CellResult
	kernel *kernel.Kernel // that took the code; nil before
	life   int            // of it, then
}

// newCell makes an execution of a cell.
func newCell(c *Cell) *cell {
	e := &cell{cell: c}
	e.command = &runtimes.Command{OpenStdin: c.OpenStdin}
	return e
}

// prepare takes the context. The time of a cell begins with its code; until then
// there is that which a kernel may take to start.
func (c *cell) prepare() {
	c.context = c.session.contextOf(c.cell)
	c.context.busy = &c.execution
	c.limit(c.started.Add(kernelStart))
}

// kernelStart bounds how long a kernel takes to start.
const kernelStart = 30 * time.Second

func (c *cell) limit(at time.Time) {
	c.deadline = at
	c.session.armFor(at)
}

// Started is runtimes.Sink's: the code runs.
func (c *cell) Started() {
	c.program.Started()
	if !c.request.Background { // then it is told already
		c.send((*running)(&c.execution))
	}
}

// running begins the time limit, and does what came too early.
func (c *cell) running() {
	if c.deadline = (time.Time{}); c.request.Timeout > 0 {
		c.limit(time.Now().Add(c.request.Timeout))
	}
	c.program.running()
}

// run has the kernel of the context run the code.
func (c *cell) run() {
	if reason := c.stopped(); reason != 0 {
		c.Exited(runtimes.Exit{Status: reason})
		return
	}
	k, number, err := c.ready(nil)
	if err == nil && !k.Settled(anewTime) {
		k, number, err = c.ready(k)
	}
	if err != nil {
		c.Exited(c.exitOf(err))
		return
	}
	c.life = k.Life()
	c.kernel = k
	process, err := k.Run(&kernel.Cell{
		Code: c.cell.Code, Language: c.cell.Language, Number: number, Timeout: c.request.Timeout,
		Stdin: c.cell.Stdin, OpenStdin: c.cell.OpenStdin, Env: c.context.variables(),
	}, c)
	if err != nil {
		c.kernel = nil
		c.Exited(c.exitOf(err))
		return
	}
	c.bind(process)
}

// Display is kernel.CellSink's.
func (c *cell) Display(d kernel.Display) {
	shown := &output.Display{Display: d}
	c.log.Display(shown)
	c.came.Displays = append(c.came.Displays, shown)
}

// Result is kernel.CellSink's.
func (c *cell) Result(r *kernel.Result) {
	c.came.Result = r
	c.context.told()
	c.came.Restarted = c.came.Restarted || !r.Kept
	if r.Main != nil {
		c.Display(*r.Main)
		r.Main = nil
	}
}

func (c *cell) conclude(o *Outcome) {
	c.program.conclude(o)
	c.cell = nil
	if c.context != nil {
		c.context.busy = nil
	}
	if o.Result == nil {
		return // it was refused
	}
	r := &c.came
	r.ProcessResult, r.Ran = c.result, c.kernel != nil
	r.Restarted = r.Restarted || r.Ran && r.Result == nil && (isClosed(c.kernel.Gone()) || c.kernel.Life() != c.life)
	c.kernel = nil // the execution is kept, and may outlive it
	o.Result = r
	if r.Result != nil && r.Result.Exception != nil && c.exit.Status == runtimes.Exception {
		x := r.Result.Exception
		if o.Error = x.Name; x.Message != "" {
			o.Error += ": " + x.Message
		}
	}
}

// contexts are those of a session. The actor alone touches them; a kernel is also
// reached from where its cells run.
type contexts struct {
	all  []*codeContext
	warm *warmKernel // that the first context gets; nil once it has, or without one
}

// warmKernel is one that was ready before the session was.
type warmKernel struct {
	kernel *kernel.Kernel
	env    runtimes.Environment
	late   []string // variables that it does not know
}

// codeContext is what cells share: the variables of one kernel.
type codeContext struct {
	name     string
	language runtimes.Language
	busy     *execution // the cell that runs in it

	mu      sync.Mutex
	kernel  *kernel.Kernel // nil before the first cell
	env     runtimes.Environment
	number  int  // of the last cell
	life    int  // of the kernel, that has the variables
	removed bool // nothing is started any more
	// late are variables that the kernel, which was there before the session, is
	// told with its cells, until one has run.
	late []string
}

// variables are those to tell with the next cell.
func (c *codeContext) variables() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// told: a cell has run, so that the kernel has the variables.
func (c *codeContext) told() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = nil
}

// ContextState says what a context does.
type ContextState uint8

// The states of a context. Stopped: its kernel has ended, and the next cell begins
// anew.
const (
	ContextIdle ContextState = iota
	ContextBusy
	ContextStopped
)

var contextStates = [...]string{"Idle", "Busy", "Stopped"}

// String returns the wire name.
func (s ContextState) String() string { return contextStates[s] }

// ParseContextState reads a wire name.
func ParseContextState(name string) (ContextState, error) {
	at := slices.Index(contextStates[:], name)
	if at < 0 {
		return 0, fmt.Errorf("%q is no state of a context", name)
	}
	return ContextState(at), nil
}

// ContextList is the result of ListContexts, in the order in which they were made.
type ContextList struct{ Contexts []ContextInfo }

// ContextInfo describes a context.
type ContextInfo struct {
	Name     string
	Language runtimes.Language
	State    ContextState
}

func (x *contexts) find(name string) *codeContext {
	if x != nil {
		for _, c := range x.all {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

// admit checks that the context of a cell is there or may be made.
func (x *contexts) admit(c *Cell) error {
	if x != nil && len(x.all) >= MaxContexts && x.find(c.Context) == nil {
		return &BusyError{Limit: "contexts", Maximum: MaxContexts, RetryAfter: busyRetry}
	}
	return nil
}

// busy reports whether another cell runs in the context of this one.
func (x *contexts) busy(e *execution) bool {
	c, ok := e.task.(*cell)
	if !ok {
		return false
	}
	in := x.find(c.cell.Context)
	return in != nil && in.busy != nil
}

// contextOf is the context of a cell; one that is not there is made.
func (s *session) contextOf(c *Cell) *codeContext {
	in := s.contexts.find(c.Context)
	if in == nil {
		if s.contexts == nil {
			s.contexts = &contexts{}
		}
		in = &codeContext{name: c.Context, language: c.Language}
		if w := s.contexts.warm; w != nil {
			in.kernel, in.env, in.late, in.life = w.kernel, w.env, w.late, w.kernel.Life()
			s.contexts.warm = nil
		}
		s.contexts.all = append(s.contexts.all, in)
	}
	return in
}

// list describes all.
func (x *contexts) list() *ContextList {
	l := &ContextList{}
	if x == nil {
		return l
	}
	for _, c := range x.all {
		info := ContextInfo{Name: c.name, Language: c.language}
		switch {
		case c.busy != nil:
			info.State = ContextBusy
		case c.stopped():
			info.State = ContextStopped
		}
		l.Contexts = append(l.Contexts, info)
	}
	return l
}

// end ends the kernel of a context, and the cell that runs there.
func (x *contexts) end(name string, remove bool) error {
	c := x.find(name)
	if c == nil {
		return &ArgumentError{"context", "is no context of the session: code.contexts lists them"}
	}
	if c.busy != nil {
		c.busy.task.stop(runtimes.Cancelled)
	}
	c.end(remove)
	if remove {
		x.all = slices.DeleteFunc(x.all, func(other *codeContext) bool { return other == c })
	}
	return nil
}

// errContextRemoved: the context of a cell was removed before its kernel was there.
var errContextRemoved = fmt.Errorf("the context has been removed: %w", context.Canceled)

// anewTime is how long a kernel may take to begin anew before another is started.
const anewTime = time.Second

// ready is a kernel that can run the cell, and the cell's number there. It may have
// to start one. That of hung does not answer.
func (c *cell) ready(hung *kernel.Kernel) (*kernel.Kernel, int, error) {
	in := c.context
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.removed {
		return nil, 0, errContextRemoved
	}
	if k := in.kernel; k != nil {
		before, gone := in.life, in.env != c.environment || k == hung || isClosed(k.Gone())
		in.life = k.Life()
		if !gone && !c.cell.Reset && in.life == before {
			in.number++
			return k, in.number, nil
		}
		c.came.Restarted = !c.cell.Reset && in.number > 0
		anew := !gone && !c.cell.Reset // it has ended, and another is in its place
		if !gone && c.cell.Reset {
			in.life, anew = k.Reset()
		}
		if anew {
			in.number = 1
			return k, 1, nil
		}
		k.Close()
		in.kernel, in.late = nil, nil
	}
	k, err := c.session.startKernel(c.ctx, c.environment)
	if err != nil {
		return nil, 0, err
	}
	in.kernel, in.env, in.number, in.life = k, c.environment, 1, k.Life()
	return k, 1, nil
}

// stopped reports whether there was a kernel and is none.
func (c *codeContext) stopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kernel != nil && (isClosed(c.kernel.Gone()) || c.kernel.Life() != c.life)
}

// end ends the kernel; the next cell starts another, unless the context is removed.
func (c *codeContext) end(remove bool) {
	c.mu.Lock()
	k := c.kernel
	c.kernel, c.removed = nil, remove
	c.mu.Unlock()
	if k != nil {
		k.Close()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
