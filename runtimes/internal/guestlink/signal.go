package guestlink

import (
	"context"
	"encoding/binary"
	"fmt"
	"syscall"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

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
