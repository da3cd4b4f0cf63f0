package guestlink

import (
	"encoding/binary"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// flow is the traffic of a program's standard streams or of its channel: its
// input, and the window of its output. It is guarded by process.mu.
type flow struct {
	p      *process
	detail uint8 // of its frames

	first   []byte // Command.Stdin, as far as it has not been sent
	credit  int    // bytes of input the agent still has room for
	closing bool   // CloseInput was called
	closed  bool   // nothing more may be sent
	wanting bool   // an Input was refused for want of credit

	unpaid int // bytes delivered and not granted
	unsent int // bytes granted and not yet told
}

// begin sends what the command brings for its standard input.
func (p *process) begin(cmd runtimes.Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first = cmd.Stdin
	p.credit = runtimes.InputBuffer
	p.closing = !cmd.OpenStdin
	p.closed = p.closing && len(cmd.Stdin) == 0 && !p.terminal
	if p.channel != nil {
		p.channel.credit = runtimes.InputBuffer
	}
	p.feedLocked()
}

// feedLocked sends of the first input what there is credit for, and the end
// when it is due.
func (f *flow) feedLocked() {
	if f.closed || f.p.ended {
		return
	}
	for len(f.first) > 0 && f.credit > 0 {
		n := f.sendLocked(f.first)
		f.first = f.first[n:]
	}
	if f.closing && len(f.first) == 0 {
		f.closed = true
		f.p.send(frame.KindCloseInput, f.detail, nil)
	}
}

// sendLocked sends one frame within the credit.
func (f *flow) sendLocked(b []byte) int {
	n := min(len(b), f.credit, frame.MaxData)
	f.credit -= n
	h := frame.Header{Kind: frame.KindInput, Detail: f.detail, Execution: f.p.id}
	if f.detail == frame.StreamChannel {
		f.p.link.writer.sendNow(h, b[:n]) // somebody waits for the answer
	} else {
		f.p.link.writer.send(h, b[:n])
	}
	return n
}

// Input hands bytes to the program; see runtimes.Flow.
func (f *flow) Input(b []byte) (int, error) {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	if f.p.ended || f.closed || f.closing {
		return 0, runtimes.ErrInputClosed
	}
	accepted := 0
	for len(f.first) == 0 && accepted < len(b) && f.credit > 0 {
		accepted += f.sendLocked(b[accepted:])
	}
	if accepted < len(b) {
		f.wanting = true
	}
	return accepted, nil
}

// CloseInput ends the input after what was accepted.
func (f *flow) CloseInput() {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.closing = true
	f.feedLocked()
}

// taken tells that the program read some of its input.
func (f *flow) taken(payload []byte) error {
	if len(payload) != 4 {
		return protocolError("InputCredit of %d bytes", len(payload))
	}
	n := binary.LittleEndian.Uint32(payload)
	f.p.mu.Lock()
	if uint64(n) > uint64(runtimes.InputBuffer-f.credit) {
		f.p.mu.Unlock()
		return protocolError("credit for %d bytes of input that was never sent", n)
	}
	f.credit += int(n)
	f.feedLocked()
	ready := f.wanting && len(f.first) == 0 && f.credit > 0
	if ready {
		f.wanting = false
	}
	f.p.mu.Unlock()
	if ready {
		f.p.sink.InputReady()
	}
	return nil
}

// refused tells that the program reads no more. Whoever waits for room learns
// it from the next Input.
func (f *flow) refused() {
	f.p.mu.Lock()
	f.closed = true
	f.first = nil
	wanting := f.wanting
	f.wanting = false
	f.p.mu.Unlock()
	if wanting {
		f.p.sink.InputReady()
	}
}

// Grant gives back n bytes of the output window. Small grants are gathered
// while the program has credit left.
func (f *flow) Grant(n int) {
	f.p.mu.Lock()
	n = min(n, f.unpaid)
	if n <= 0 || f.p.ended {
		f.p.mu.Unlock()
		return
	}
	f.unpaid -= n
	f.unsent += n
	credit := runtimes.Window - f.unpaid - f.unsent // the agent's view
	if credit > runtimes.Window/2 && f.unsent < runtimes.Window/4 {
		f.p.mu.Unlock()
		return
	}
	told := f.unsent
	f.unsent = 0
	f.p.mu.Unlock()
	f.p.send(frame.KindGrant, f.detail, binary.LittleEndian.AppendUint32(nil, uint32(told)))
}
