package fake

import (
	"io"

	"github.com/codebeaker/codebeaker/runtimes"
)

// input is the standard input of a program. The lock is the process's.
type input struct {
	data    []byte // not read yet
	closed  bool   // end of file follows
	none    bool   // there never was an input to write to
	refused bool   // some was not accepted: InputReady is owed
}

// Input takes what fits.
func (p *process) Input(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := &p.input
	if in.closed || in.none || p.over || p.killer != 0 {
		return 0, runtimes.ErrInputClosed
	}
	room := max(0, runtimes.InputBuffer-len(in.data))
	n := min(len(data), room)
	in.data = append(in.data[:len(in.data):len(in.data)], data[:n]...)
	in.refused = in.refused || n < len(data)
	p.changed.Broadcast()
	return n, nil
}

// CloseInput makes the program read end of file after what it has.
func (p *process) CloseInput() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.input.closed = true
	p.changed.Broadcast()
}

// read is the program's read of its input.
func (p *process) read(to []byte) (int, error) {
	p.mu.Lock()
	in := &p.input
	for len(in.data) == 0 && !in.closed && p.killer == 0 {
		p.changed.Wait()
	}
	if p.killer != 0 {
		p.mu.Unlock()
		return 0, ErrKilled
	}
	n := copy(to, in.data)
	in.data = in.data[n:]
	ready := in.refused && len(in.data) < runtimes.InputBuffer
	if ready {
		in.refused = false
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
