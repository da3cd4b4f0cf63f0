package guestlink

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// process is one execution as the server sees it. Calls of its sink come from
// the link's reader; only the last may come from the goroutine of conclude.
type process struct {
	flow           // of the standard streams or the terminal
	channel  *flow // nil without
	link     *Link
	id       uint32
	sink     runtimes.Sink
	terminal bool
	limits   runtimes.CommandLimits
	begun    time.Time
	started  chan struct{} // closed when the program runs or is known not to
	late     *time.Timer   // ends the link when nothing comes of the Start
	done     chan struct{} // closed when the program has ended

	// group is the execution's control group, nil without. It is set before
	// Start is sent.
	group *group
	// refusedBefore are the births that were refused for the session's limit
	// when the program started.
	refusedBefore int64
	// acting is held by whoever acts on the processes of the group, and guards
	// left: from then on they may be another execution's.
	acting sync.Mutex
	left   bool
	tasks  []*os.File // of a group new to the agent; closed once it has answered
	memory memoryMeter

	mu         sync.Mutex
	ended      bool            // nothing more is sent about it
	reason     runtimes.Status // of the first Stop
	signals    []chan bool     // calls of Signal that wait, in order
	pastEnd    bool            // the output limit fired
	cut        [3]bool
	outputLeft int64 // bytes until the output limit; zero, with pastEnd false, is none
}

func newProcess(l *Link, cmd runtimes.Command, sink runtimes.Sink) *process {
	p := &process{
		link: l, sink: sink, terminal: cmd.Terminal != nil, limits: cmd.Limits, begun: time.Now(),
		started: make(chan struct{}), done: make(chan struct{}), outputLeft: max(0, cmd.Limits.OutputBytes),
	}
	p.flow.p = p
	if cmd.Channel {
		p.channel = &flow{p: p, detail: frame.StreamChannel}
	}
	return p
}

// Channel is the flow of the channel; see runtimes.Process.
func (p *process) Channel() runtimes.Flow {
	if p.channel == nil {
		return nil
	}
	return p.channel
}

// flowOf is the flow that a frame of the agent is about.
func (p *process) flowOf(h frame.Header) (*flow, error) {
	switch {
	case h.Detail == 0:
		return &p.flow, nil
	case h.Detail == frame.StreamChannel && p.channel != nil:
		return p.channel, nil
	}
	return nil, protocolError("%v about stream %d", h.Kind, h.Detail)
}

// handle takes a frame of the agent about this execution.
func (p *process) handle(h frame.Header, payload []byte) error {
	switch h.Kind {
	case frame.KindStarted:
		return p.running()
	case frame.KindNotStarted:
		return p.notStarted(payload)
	case frame.KindOutput:
		return p.output(runtimes.Stream(h.Detail), payload)
	case frame.KindInputCredit, frame.KindInputClosed:
		f, err := p.flowOf(h)
		if err == nil && h.Kind == frame.KindInputCredit {
			err = f.taken(payload)
		} else if err == nil {
			f.refused()
		}
		return err
	case frame.KindSignalled:
		return p.signalled(payload)
	case frame.KindCPUExceeded:
		p.Stop(runtimes.TimeLimitExceeded)
		return nil
	case frame.KindExited:
		return p.exited(payload)
	}
	return protocolError("%v is not for the server", h.Kind)
}

func (p *process) send(kind frame.Kind, detail uint8, payload []byte) {
	p.link.writer.send(frame.Header{Kind: kind, Detail: detail, Execution: p.id}, payload)
}

// isStarted reports whether Started or NotStarted has come.
func (p *process) isStarted() bool {
	select {
	case <-p.started:
		return true
	default:
		return false
	}
}

func (p *process) running() error {
	if p.isStarted() {
		return protocolError("Started twice")
	}
	closeAll(p.tasks)
	if p.group != nil {
		p.memory.watch(p.lookAtMemory)
		if p.limits.CPU > 0 {
			go p.watchCPU(p.limits.CPU)
		}
	}
	p.late.Stop()
	close(p.started)
	p.sink.Started()
	return nil
}

// Stop ends the tree; see runtimes.Process. It returns at once.
func (p *process) Stop(reason runtimes.Status) {
	p.mu.Lock()
	first := p.reason == 0 && !p.ended
	if first {
		p.reason = reason
	}
	p.mu.Unlock()
	if first {
		go p.terminate()
	}
}

// terminate ends the program in steps, each with a deadline. An agent that
// does not report the end of a killed program is given up.
func (p *process) terminate() {
	if !p.within(p.started, replyTimeout) {
		p.link.fail(protocolError("no answer to a Start for %v", replyTimeout))
		return
	}
	p.signalTree(runtimes.SIGTERM)
	if p.within(p.done, runtimes.StopGrace) {
		return
	}
	p.signalTree(runtimes.SIGKILL)
	if !p.within(p.done, endTimeout) {
		p.link.fail(protocolError("a killed program did not end within %v", endTimeout))
	}
}

// within waits for ch or the end of the link, and reports false when d passes
// first.
func (p *process) within(ch <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ch:
		return true
	case <-p.link.done:
		return true
	case <-timer.C:
		return false
	}
}

// Signal sends a signal; see runtimes.Process. It waits for the agent's word.
func (p *process) Signal(sig runtimes.Signal) (bool, error) {
	flags := byte(frame.SignalReply)
	if sig == runtimes.SIGKILL && p.group != nil {
		return p.killGroup(), p.lostError()
	}
	if sig == runtimes.SIGKILL {
		flags |= frame.SignalTree
	}
	reply := make(chan bool, 1)
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return false, p.lostError()
	}
	p.signals = append(p.signals, reply)
	p.send(frame.KindSignal, uint8(sig), []byte{flags}) // in the order of signals
	p.mu.Unlock()
	late := time.NewTimer(replyTimeout)
	defer late.Stop()
	select {
	case delivered := <-reply:
		return delivered, p.lostError()
	case <-late.C:
		p.link.fail(protocolError("no answer to a Signal for %v", replyTimeout))
		return false, runtimes.ErrEnvironmentLost
	}
}

func (p *process) lostError() error {
	if p.link.Err() != nil {
		return runtimes.ErrEnvironmentLost
	}
	return nil
}

func (p *process) signalled(payload []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(payload) != 1 || len(p.signals) == 0 {
		return protocolError("Signalled without a question")
	}
	p.signals[0] <- payload[0] != 0
	p.signals = p.signals[1:]
	return nil
}

// killGroup ends the tree from outside and reports whether there was one.
func (p *process) killGroup() bool {
	select {
	case <-p.started: // before, the program may not be in the group yet
	case <-p.link.done:
		return false
	}
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended {
		return false
	}
	killed := false
	p.act(func() {
		found, err := p.group.Pids()
		if killed = err == nil && len(found) > 0; killed {
			p.killAll()
		}
	})
	return killed
}

// act runs f unless the group has been given back.
func (p *process) act(f func()) {
	p.acting.Lock()
	defer p.acting.Unlock()
	if !p.left {
		f()
	}
}

// endGroup ends everything in the group and returns what it found there.
func (p *process) endGroup() (ended []runtimes.EndedProcess) {
	p.act(func() {
		if p.group.Empty() { // as after most programs
			return
		}
		if left, err := p.group.Pids(); err == nil {
			ended = nameProcesses(left)
		}
		p.killAll()
	})
	return ended
}

// killAll is called by act. Processes that the kernel cannot end would outlive
// their execution: then the environment has to go.
func (p *process) killAll() {
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	if err := p.group.Kill(ctx); err != nil {
		p.link.fail(fmt.Errorf("end the tree of an execution: %w", err))
	}
}

// signalTree sends a signal to everything the program has started; SIGKILL
// waits until it is gone where a control group ends it.
func (p *process) signalTree(sig runtimes.Signal) {
	switch {
	case p.group != nil && sig == runtimes.SIGKILL:
		p.endGroup()
		return
	case p.group != nil:
		p.act(func() {
			_, _ = p.group.Signal(syscall.Signal(sig)) // what it misses SIGKILL does not
		})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.send(frame.KindSignal, uint8(sig), []byte{frame.SignalTree})
	}
}

// Resize changes the size of the terminal; see runtimes.Process.
func (p *process) Resize(size runtimes.TerminalSize) error {
	if !p.terminal {
		return runtimes.ErrNoTerminal
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		payload := binary.LittleEndian.AppendUint16(nil, size.Columns)
		p.send(frame.KindResize, 0, binary.LittleEndian.AppendUint16(payload, size.Rows))
	}
	return nil
}

// maxUnpaid is the most output that an honest agent sends without grants: the
// window, and at the end what was in the pipes, each of at most 1 MiB, pipe(7).
const maxUnpaid = runtimes.Window + 2<<20

// output delivers what the program wrote.
func (p *process) output(stream runtimes.Stream, b []byte) error {
	f := &p.flow
	switch {
	case stream == runtimes.Channel && p.channel != nil:
		f = p.channel
	case stream < runtimes.Stdout || stream > runtimes.Terminal || (stream == runtimes.Terminal) != p.terminal:
		return protocolError("output of stream %d", stream)
	}
	p.mu.Lock()
	f.unpaid += len(b)
	tooMuch := f.unpaid > maxUnpaid && !p.pastEnd
	fired := false
	if f == &p.flow {
		part, over := p.withinLimitLocked(b)
		p.cut[stream-1] = p.cut[stream-1] || len(part) < len(b)
		b, fired = part, over
	}
	p.mu.Unlock()
	if tooMuch {
		return protocolError("%d bytes of output beyond what was granted", maxUnpaid)
	}
	if len(b) > 0 {
		p.sink.Output(stream, b)
	}
	if fired {
		p.Stop(runtimes.OutputLimitExceeded)
	}
	return nil
}

// withinLimitLocked is the part of b below the output limit; fired tells that
// it is now reached.
func (p *process) withinLimitLocked(b []byte) (part []byte, fired bool) {
	switch {
	case p.pastEnd:
		return nil, false
	case p.outputLeft == 0:
		return b, false
	case int64(len(b)) <= p.outputLeft:
		p.outputLeft -= int64(len(b))
		if p.outputLeft == 0 {
			p.outputLeft = -1 // reached exactly: the next byte is too many
		}
		return b, false
	}
	part = b[:max(0, p.outputLeft)]
	p.pastEnd = true
	return part, true
}
