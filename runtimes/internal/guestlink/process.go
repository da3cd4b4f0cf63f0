package guestlink

import (
	"os"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// process is one execution as the server sees it. Calls of its sink come from
// the link's reader; only the last may come from the goroutine of conclude.
type process struct {
	link     *Link
	id       uint32
	sink     runtimes.Sink
	terminal bool
	limits   runtimes.CommandLimits
	begun    time.Time
	started  chan struct{} // closed when the program runs or is known not to
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
	deaf       bool            // the sink is not to be called
	reason     runtimes.Status // of the first Stop
	signals    []chan bool     // calls of Signal that wait, in order
	input      inputState
	unpaid     int  // bytes delivered and not granted
	unsent     int  // bytes granted and not yet told
	pastEnd    bool // the output limit fired
	cut        [3]bool
	outputLeft int64 // bytes until the output limit; zero, with pastEnd false, is none
}

func newProcess(l *Link, cmd runtimes.Command, sink runtimes.Sink) *process {
	return &process{
		link: l, sink: sink, terminal: cmd.Terminal != nil, limits: cmd.Limits, begun: time.Now(),
		started: make(chan struct{}), done: make(chan struct{}), outputLeft: max(0, cmd.Limits.OutputBytes),
	}
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
	case frame.KindInputCredit:
		return p.inputTaken(payload)
	case frame.KindInputClosed:
		p.inputRefused()
		return nil
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
	close(p.started)
	return nil
}

// audience is the sink, or nil when nobody listens.
func (p *process) audience() runtimes.Sink {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf {
		return nil
	}
	return p.sink
}
