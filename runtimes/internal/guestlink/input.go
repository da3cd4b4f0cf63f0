package guestlink

import (
	"encoding/binary"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// inputState is guarded by process.mu.
type inputState struct {
	first   []byte // Command.Stdin, as far as it has not been sent
	credit  int    // bytes the agent still has room for
	closing bool   // CloseInput was called
	closed  bool   // nothing more may be sent
	wanting bool   // an Input was refused for want of credit
}

// begin sends what the command brings for its standard input.
func (p *process) begin(cmd runtimes.Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.input.first = cmd.Stdin
	p.input.credit = runtimes.InputBuffer
	p.input.closing = !cmd.OpenStdin
	p.input.closed = p.input.closing && len(cmd.Stdin) == 0 && !p.terminal
	p.feedLocked()
}

// feedLocked sends of the first input what there is credit for, and the end
// when it is due.
func (p *process) feedLocked() {
	if p.input.closed || p.ended {
		return
	}
	for len(p.input.first) > 0 && p.input.credit > 0 {
		n := p.sendInputLocked(p.input.first)
		p.input.first = p.input.first[n:]
	}
	if p.input.closing && len(p.input.first) == 0 {
		p.input.closed = true
		p.send(frame.KindCloseInput, 0, nil)
	}
}

// sendInputLocked sends one frame within the credit.
func (p *process) sendInputLocked(b []byte) int {
	n := min(len(b), p.input.credit, frame.MaxData)
	p.input.credit -= n
	p.send(frame.KindInput, 0, b[:n])
	return n
}

// Input hands bytes to the program; see runtimes.Process.
func (p *process) Input(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.input.closed || p.input.closing {
		return 0, runtimes.ErrInputClosed
	}
	accepted := 0
	for len(p.input.first) == 0 && accepted < len(b) && p.input.credit > 0 {
		accepted += p.sendInputLocked(b[accepted:])
	}
	if accepted < len(b) {
		p.input.wanting = true
	}
	return accepted, nil
}

// CloseInput ends the input after what was accepted.
func (p *process) CloseInput() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.input.closing = true
	p.feedLocked()
}

// inputTaken tells that the program read some of its input.
func (p *process) inputTaken(payload []byte) error {
	if len(payload) != 4 {
		return protocolError("InputCredit of %d bytes", len(payload))
	}
	n := binary.LittleEndian.Uint32(payload)
	p.mu.Lock()
	if uint64(n) > uint64(runtimes.InputBuffer-p.input.credit) {
		p.mu.Unlock()
		return protocolError("credit for %d bytes of input that was never sent", n)
	}
	p.input.credit += int(n)
	p.feedLocked()
	ready := p.input.wanting && len(p.input.first) == 0 && p.input.credit > 0
	if ready {
		p.input.wanting = false
	}
	p.mu.Unlock()
	if ready {
		p.sink.InputReady()
	}
	return nil
}

// inputRefused tells that the program reads no more. Whoever waits for room
// learns it from the next Input.
func (p *process) inputRefused() {
	p.mu.Lock()
	p.input.closed = true
	p.input.first = nil
	wanting := p.input.wanting
	p.input.wanting = false
	p.mu.Unlock()
	if wanting {
		p.sink.InputReady()
	}
}
