package kernel

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// compiler makes programs of the cells of a language that has no kernel: each cell
// is compiled and run by itself. The kernel is this process's own then.
type compiler interface {
	// compile returns how a cell is built and run, what the command is to read from
	// its channel, and what is to be done once it has been built; or why it is no
	// program. The command writes what its compiler says to the channel, then
	// [built], closes the channel and becomes the program.
	compile(c *Cell) (command runtimes.Command, input []byte, done func(), failed *Exception)
	// explain makes an exception of what the compiler said.
	explain(said string) *Exception
}

// built is what a command says once the program is there; no text of a compiler has it.
const built = "\x00"

// compiled is a kernel of a language that is compiled.
type compiled struct {
	k        *Kernel
	compiler compiler
	dir      string
	limits   runtimes.CommandLimits

	mu      sync.Mutex
	closed  bool
	current *compiledCell
	env     []string
}

func startCompiled(env runtimes.Environment, e Engine, o Options) *Kernel {
	k := &Kernel{engine: e, place: env, gone: make(chan struct{})}
	k.compiled = &compiled{
		k: k, compiler: e.compiler(), dir: o.Dir, limits: o.Limits, env: append(append([]string(nil), e.env...), o.Env...),
	}
	return k
}

// end ends the kernel.
func (k *compiled) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.closed = true
		close(k.k.gone)
	}
}

// close is Kernel.Close.
func (k *compiled) close() {
	k.mu.Lock()
	c := k.current
	k.mu.Unlock()
	k.end()
	if c != nil {
		go c.kill()
	}
}

func (k *compiled) run(of *Cell, sink CellSink) (runtimes.Process, error) {
	if len(of.Code)+len(of.Stdin) > MaxBody {
		return nil, ErrTooLong
	}
	c := &compiledCell{k: k, sink: sink, room: make(chan struct{}, 1), ended: make(chan struct{}), started: make(chan struct{})}
	k.mu.Lock()
	switch {
	case k.closed:
		k.mu.Unlock()
		return nil, ErrGone
	case k.current != nil:
		k.mu.Unlock()
		return nil, ErrBusy
	}
	k.current = c
	k.env = append(k.env, of.Env...)
	env := append([]string(nil), k.env...)
	k.mu.Unlock()

	command, input, done, failed := k.compiler.compile(of)
	if failed != nil {
		go c.refuse(failed)
		return c, nil
	}
	c.done = done
	command.Channel = true
	command.Env = append(env, command.Env...)
	command.Stdin, command.OpenStdin = of.Stdin, of.OpenStdin
	command.Dir, command.Limits = k.dir, k.limits
	command.Limits.OutputBytes = smallest(command.Limits.OutputBytes, of.OutputBytes)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	process, err := k.k.place.Start(ctx, command, (*compiledSink)(c))
	if err != nil {
		k.leave(c)
		if errors.Is(err, runtimes.ErrEnvironmentLost) {
			k.end()
		}
		return nil, err
	}
	c.bind(process)
	go c.feed(input)
	return c, nil
}

// startTimeout bounds how long the environment takes to be told of a program.
const startTimeout = 30 * time.Second

func (k *compiled) leave(c *compiledCell) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current == c {
		k.current = nil
	}
}

// compiledCell is a cell that is built and run, as a process.
type compiledCell struct {
	k    *compiled
	sink CellSink
	done func()
	room chan struct{} // has a token when the channel may take more
	// started is closed when process is set, ended when the program has ended.
	started, ended chan struct{}
	process        runtimes.Process

	// Of the goroutine that tells the sink.
	said  []byte
	built bool

	mu   sync.Mutex
	owed int // of the channel, before there is a process
}

func (c *compiledCell) bind(p runtimes.Process) {
	c.mu.Lock()
	c.process = p
	owed := c.owed
	c.mu.Unlock()
	close(c.started)
	if flow := p.Channel(); flow != nil {
		flow.Grant(owed)
	}
}

// of is the process, nil for a cell that has none.
func (c *compiledCell) of() runtimes.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process
}

// refuse ends a cell that is no program.
func (c *compiledCell) refuse(failed *Exception) {
	c.sink.Started()
	c.exited(&Result{Exception: failed, Kept: true}, runtimes.Exit{Status: runtimes.Exception})
}

func (c *compiledCell) exited(r *Result, exit runtimes.Exit) {
	close(c.ended)
	if r != nil {
		c.sink.Result(r)
	}
	c.k.leave(c)
	c.sink.Exited(exit)
}

// feed gives the command the files of the program.
func (c *compiledCell) feed(input []byte) {
	flow := c.process.Channel()
	for flow != nil && len(input) > 0 {
		n, err := flow.Input(input)
		if err != nil {
			return // it has ended
		}
		if input = input[n:]; n > 0 {
			continue
		}
		select {
		case <-c.room:
		case <-c.ended:
			return
		}
	}
	if flow != nil {
		flow.CloseInput()
	}
}

func (c *compiledCell) kill() {
	select {
	case <-c.started:
		_, _ = c.process.Signal(runtimes.SIGKILL) // else it is gone already
	case <-c.ended:
	}
}

// Grant is runtimes.Process's, as are those below.
func (c *compiledCell) Grant(n int) {
	if p := c.of(); p != nil {
		p.Grant(n)
	}
}

// Input hands bytes to the program.
func (c *compiledCell) Input(p []byte) (int, error) {
	if of := c.of(); of != nil {
		return of.Input(p)
	}
	return 0, runtimes.ErrInputClosed
}

// CloseInput makes the program read end of file.
func (c *compiledCell) CloseInput() {
	if p := c.of(); p != nil {
		p.CloseInput()
	}
}

// Channel is nil: it is the compiler's.
func (c *compiledCell) Channel() runtimes.Flow { return nil }

// Resize fails: a cell has no terminal.
func (c *compiledCell) Resize(runtimes.TerminalSize) error { return runtimes.ErrNoTerminal }

// Signal sends a signal to the program, or to its compiler.
func (c *compiledCell) Signal(sig runtimes.Signal) (bool, error) {
	if p := c.of(); p != nil {
		return p.Signal(sig)
	}
	return false, nil
}

// Stop ends the program, or its compiler.
func (c *compiledCell) Stop(reason runtimes.Status) {
	if p := c.of(); p != nil {
		p.Stop(reason)
	}
}

// compiledSink is what the command is told to.
type compiledSink compiledCell

func (s *compiledSink) Started() { s.sink.Started() }

func (s *compiledSink) Output(stream runtimes.Stream, p []byte) {
	if stream != runtimes.Channel {
		s.sink.Output(stream, p)
		return
	}
	c := (*compiledCell)(s)
	c.mu.Lock()
	process := c.process
	if process == nil {
		c.owed += len(p)
	}
	c.mu.Unlock()
	if process != nil {
		process.Channel().Grant(len(p))
	}
	if room := MaxText + 1 - len(c.said); !c.built && room > 0 {
		c.said = append(c.said, p[:min(room, len(p))]...)
	}
	if !c.built && strings.HasSuffix(string(p), built) {
		c.built = true
		c.done()
	}
}

func (s *compiledSink) InputReady() {
	select {
	case s.room <- struct{}{}:
	default:
	}
	s.sink.InputReady()
}

func (s *compiledSink) Exited(exit runtimes.Exit) {
	c := (*compiledCell)(s)
	r := &Result{Kept: exit.Status != runtimes.EnvironmentLost}
	switch {
	case !r.Kept:
		c.k.end()
		r = nil
	case exit.Status == runtimes.CouldNotStart:
		r = nil
	case !c.built && exit.Status == runtimes.NonZeroExit:
		said, _ := text(c.said)
		r.Exception = c.k.compiler.explain(said)
		exit.Status, exit.Code = runtimes.Exception, nil
	}
	c.exited(r, exit)
}
