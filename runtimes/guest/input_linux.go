package guest

import (
	"encoding/binary"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// input feeds a program. The server sends no more than it has credit for, so
// the queue is bounded by that.
type input struct {
	x      *execution
	stream uint8    // frame.StreamChannel, or zero for the standard input
	file   *os.File // our end of the pipe, or the terminal; set before run

	mu     sync.Mutex
	more   sync.Cond
	queue  []byte
	untold int  // credit that has not been given back
	runs   bool // run does: the file may be written to
	ending bool // nothing follows what is queued
	closed bool
}

func newInput(x *execution, stream uint8) *input {
	in := &input{x: x, stream: stream}
	in.more.L = &in.mu
	return in
}

func (in *input) isTerminal() bool { return in.stream == 0 && in.x.spec.Terminal != nil }

// close closes our end of a program that has not been started.
func (in *input) close() {
	if in != nil && in.file != nil && !in.isTerminal() {
		in.file.Close()
	}
}

// write queues bytes. It reports whether they are within the credit.
func (in *input) write(p []byte) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue)+len(p) > inputBuffer {
		return false
	}
	if in.stream == frame.StreamChannel && in.runs && len(in.queue) == 0 && !in.ending && !in.closed {
		n := in.writeAtOnce(p)
		in.creditLocked(n)
		p = p[n:]
	}
	if !in.closed && len(p) > 0 {
		in.queue = append(in.queue, p...)
		in.more.Signal()
	}
	return true
}

// writeAtOnce writes what the pipe takes without waiting: to wake run takes longer.
func (in *input) writeAtOnce(p []byte) (n int) {
	raw, err := in.file.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Write(func(fd uintptr) bool {
		n, _ = unix.Write(int(fd), p) // an error is run's to meet
		return true
	})
	return max(n, 0)
}

// end lets the program read end of file after what is queued.
func (in *input) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ending = true
	in.more.Signal()
}

// stop drops what is queued; run returns.
func (in *input) stop() {
	in.mu.Lock()
	in.closed = true
	in.queue = nil
	in.more.Signal()
	in.mu.Unlock()
	if !in.isTerminal() {
		in.file.SetWriteDeadline(time.Unix(1, 0))
	}
}

// endOfFile is the character that ends the input of a terminal, termios(3).
const endOfFile = 4

// run writes what is queued as the program reads it.
func (in *input) run() {
	in.mu.Lock()
	in.runs = true
	in.mu.Unlock()
	for {
		part, last := in.next()
		if len(part) > 0 {
			if _, err := in.file.Write(part); err != nil {
				in.refuse()
				return
			}
			in.took(len(part))
		}
		if last {
			in.finish()
			return
		}
	}
}

// partSize is written at once: the more, the later credit comes back.
const partSize = 16 << 10

// next waits for something to write. The bytes stay in the queue, for the
// credit, until took.
func (in *input) next() (part []byte, last bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.queue) == 0 && !in.ending && !in.closed {
		in.more.Wait()
	}
	if in.closed || len(in.queue) == 0 {
		return nil, true
	}
	return in.queue[:min(len(in.queue), partSize)], false
}

// took gives credit back. What it tells is told under the lock: nothing may
// follow stop, which comes before the word that the program has ended.
func (in *input) took(n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	in.queue = in.queue[n:]
	if len(in.queue) == 0 {
		in.queue = nil // an idle input holds no buffer
	}
	in.creditLocked(n)
}

// creditLocked gives credit back. That of a channel is gathered: its messages are
// short, and each would wake the server for nothing.
func (in *input) creditLocked(n int) {
	if in.untold += n; in.untold == 0 || in.stream == frame.StreamChannel && in.untold < inputBuffer/4 {
		return
	}
	in.x.send(frame.KindInputCredit, in.stream, binary.LittleEndian.AppendUint32(nil, uint32(in.untold)))
	in.untold = 0
}

// refuse tells that the program reads no more, unless it has ended.
func (in *input) refuse() {
	in.mu.Lock()
	if !in.closed {
		in.closed = true
		in.queue = nil
		in.x.send(frame.KindInputClosed, in.stream, nil)
	}
	in.mu.Unlock()
	if !in.isTerminal() {
		in.file.Close()
	}
}

// finish ends the input for the program.
func (in *input) finish() {
	if !in.isTerminal() {
		in.file.Close()
		return
	}
	in.mu.Lock()
	ended := in.closed
	in.mu.Unlock()
	if !ended {
		in.file.Write([]byte{endOfFile})
	}
}
