package guestlink

import (
	"encoding/binary"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// Signal sends a signal; see runtimes.Process. It waits for the agent's word.
func (p *process) Signal(sig runtimes.Signal) (bool, error) {
	flags := byte(frame.SignalReply)
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

// signalTree sends a signal to everything the program has started.
func (p *process) signalTree(sig runtimes.Signal) {
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
