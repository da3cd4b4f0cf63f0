package fake

import (
	"io"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// process is a running program.
type process struct {
	env     *Environment
	cmd     runtimes.Command
	sink    runtimes.Sink
	started time.Time
	killed  chan struct{} // closed when a signal has ended it

	flow          // of the standard streams or the terminal
	channel *flow // nil without

	mu      sync.Mutex
	changed sync.Cond // window, input or end
	left    int64     // bytes of output until the limit; negative is no limit
	cut     [3]bool
	signals chan runtimes.Signal // nil: default dispositions
	size    runtimes.TerminalSize
	reason  runtimes.Status // first of Stop, limits and the environment's end
	killer  runtimes.Signal // that ended it; zero while it lives
	over    bool            // Exited has been, or is being, told
	grace   *time.Timer
}

func newProcess(e *Environment, cmd runtimes.Command, sink runtimes.Sink) *process {
	p := &process{
		env: e, cmd: cmd, sink: sink, started: time.Now(), killed: make(chan struct{}),
		left: outputLimit(cmd.Limits.OutputBytes, e.Limits().OutputBytes),
	}
	closed := !cmd.OpenStdin && cmd.Terminal == nil
	p.flow = flow{p: p, window: runtimes.Window, data: cmd.Stdin, closed: closed, none: closed}
	if cmd.Channel {
		p.channel = &flow{p: p, window: runtimes.Window}
	}
	p.changed.L = &p.mu
	if cmd.Terminal != nil {
		p.size = *cmd.Terminal
	}
	return p
}

// outputLimit is the smaller of a command's limit and the environment's, -1
// without any. A negative one of the command is none.
func outputLimit(a, b int64) int64 {
	if a < 0 {
		return -1
	}
	if a == 0 || (b > 0 && b < a) {
		a = b
	}
	if a <= 0 {
		return -1
	}
	return a
}

// run runs the program and tells its start and its exit.
func (p *process) run(program Program) {
	p.sink.Started()
	code := program(&Run{p})
	p.mu.Lock()
	p.over = true
	if p.grace != nil {
		p.grace.Stop()
	}
	exit := p.exitLocked(code)
	p.mu.Unlock()
	p.sink.Exited(exit)
	p.env.leave(p)
}

func (p *process) exitLocked(code int) runtimes.Exit {
	exit := runtimes.Exit{Status: p.reason, Cut: p.cut, Usage: runtimes.Usage{Wall: time.Since(p.started)}}
	switch {
	case p.killer != 0:
		exit.Signal = p.killer.String()
	case p.reason != runtimes.EnvironmentLost:
		exit.Code = &code
	}
	if p.reason == runtimes.EnvironmentLost {
		exit.Signal, exit.Message = "", runtimes.ErrEnvironmentLost.Error()
	}
	switch {
	case p.reason != 0:
	case p.killer != 0:
		exit.Status = runtimes.Signalled
	case code != 0:
		exit.Status = runtimes.NonZeroExit
	default:
		exit.Status = runtimes.Completed
	}
	return exit
}

// Signal delivers a signal.
func (p *process) Signal(sig runtimes.Signal) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason == runtimes.EnvironmentLost {
		return false, runtimes.ErrEnvironmentLost
	}
	if p.over {
		return false, nil
	}
	p.signalLocked(sig)
	return true, nil
}

func (p *process) signalLocked(sig runtimes.Signal) {
	switch {
	case sig == runtimes.SIGKILL:
		p.killLocked(sig)
	case p.signals != nil:
		select {
		case p.signals <- sig:
		default: // like the kernel, which keeps one of each
		}
	case !ignoredByDefault(sig):
		p.killLocked(sig)
	}
}

// ignoredByDefault follows signal(7). Stopping is not modelled.
func ignoredByDefault(sig runtimes.Signal) bool {
	switch sig.String() {
	case "SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU":
		return true
	}
	return false
}

func (p *process) killLocked(sig runtimes.Signal) {
	if p.over || p.killer != 0 {
		return
	}
	p.killer = sig
	close(p.killed)
	p.changed.Broadcast()
}

// end ends the program at once; the first status counts.
func (p *process) end(status runtimes.Status, sig runtimes.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reasonLocked(status)
	p.killLocked(sig)
}

func (p *process) reasonLocked(status runtimes.Status) {
	if p.reason == 0 && !p.over {
		p.reason = status
	}
}

// Stop ends the program: SIGTERM, SIGKILL after the grace.
func (p *process) Stop(reason runtimes.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.reasonLocked(reason)
	p.signalLocked(runtimes.SIGTERM)
	if p.grace == nil {
		p.grace = time.AfterFunc(runtimes.StopGrace, func() { p.end(reason, runtimes.SIGKILL) })
	}
}

// Resize tells the program the new size by SIGWINCH.
func (p *process) Resize(size runtimes.TerminalSize) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd.Terminal == nil {
		return runtimes.ErrNoTerminal
	}
	p.size = size
	if winch, ok := runtimes.ParseSignal("WINCH"); ok && !p.over {
		p.signalLocked(winch)
	}
	return nil
}

// flow is the traffic of a program's standard streams or of its channel. The
// lock is the process's.
type flow struct {
	p       *process
	window  int
	data    []byte // of the input, not read yet
	closed  bool   // end of file follows
	none    bool   // there never was an input to write to
	refused bool   // some was not accepted: InputReady is owed
}

// Channel is the flow of the channel, nil without one.
func (p *process) Channel() runtimes.Flow {
	if p.channel == nil {
		return nil
	}
	return p.channel
}

// Grant gives back n bytes of the output window.
func (f *flow) Grant(n int) {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.window += n
	f.p.changed.Broadcast()
}

// Input takes what fits.
func (f *flow) Input(data []byte) (int, error) {
	p := f.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.closed || f.none || p.over || p.killer != 0 {
		return 0, runtimes.ErrInputClosed
	}
	room := max(0, runtimes.InputBuffer-len(f.data))
	n := min(len(data), room)
	f.data = append(f.data[:len(f.data):len(f.data)], data[:n]...)
	f.refused = f.refused || n < len(data)
	p.changed.Broadcast()
	return n, nil
}

// CloseInput makes the program read end of file after what it has.
func (f *flow) CloseInput() {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.closed = true
	f.p.changed.Broadcast()
}

// read is the program's read of its input.
func (f *flow) read(to []byte) (int, error) {
	p := f.p
	p.mu.Lock()
	for len(f.data) == 0 && !f.closed && p.killer == 0 {
		p.changed.Wait()
	}
	if p.killer != 0 {
		p.mu.Unlock()
		return 0, ErrKilled
	}
	n := copy(to, f.data)
	f.data = f.data[n:]
	ready := f.refused && len(f.data) < runtimes.InputBuffer
	if ready {
		f.refused = false
	}
	ended := n == 0 && len(to) > 0
	p.mu.Unlock()
	if ready {
		p.sink.InputReady()
	}
	if ended {
		return 0, io.EOF
	}
	return n, nil
}

// exited is the process of a program that ended before Start returned.
type exited struct{}

var _ runtimes.Process = exited{}

func (exited) Grant(int)                            {}
func (exited) Input([]byte) (int, error)            { return 0, runtimes.ErrInputClosed }
func (exited) CloseInput()                          {}
func (exited) Channel() runtimes.Flow               { return nil }
func (exited) Signal(runtimes.Signal) (bool, error) { return false, nil }
func (exited) Stop(runtimes.Status)                 {}
func (exited) Resize(runtimes.TerminalSize) error   { return runtimes.ErrNoTerminal }
