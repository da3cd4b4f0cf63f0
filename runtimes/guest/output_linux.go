package guest

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// output is one stream of a program on its way to the server.
type output struct {
	x      *execution
	stream uint8
	file   *os.File // our end of the pipe, or the terminal
	credit *credit
	mu     sync.Mutex // held from a read to the sending of what was read
}

// chunk holds one Output frame.
type chunk [frame.HeaderSize + frame.MaxData]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// maxDrain bounds what is read from a stream after the program's end, in
// bytes: as much as a pipe can be made to hold, pipe(7).
const maxDrain = 1 << 20

// pump sends what the program writes, as far as there is credit, until it has
// ended; then what is in the pipe at that moment. Processes that hold the
// other end for longer are not waited for.
func (o *output) pump() {
	defer o.x.pumps.Done()
	raw, err := o.file.SyscallConn()
	if err != nil {
		return
	}
	open := true
	for open && o.credit.wait() {
		if err := raw.Read(func(fd uintptr) (ready bool) {
			ready, open = o.forward(int(fd))
			return ready
		}); err != nil {
			break // the deadline that ended sets
		}
	}
	if open {
		raw.Control(func(fd uintptr) { o.drain(int(fd)) })
	}
}

// flush sends what is in the pipe now, as the credit allows. It returns once all
// that the program has written before is on its way.
func (o *output) flush() {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		for left := o.waiting(int(fd)); left > 0; {
			n := min(left, frame.MaxData)
			if o.credit.wait() {
				if n = o.credit.take(n); n == 0 {
					continue
				}
			}
			sent, err := o.sendUpTo(int(fd), n)
			o.credit.grant(n - sent)
			if err != nil || sent == 0 {
				break
			}
			left -= sent
		}
		o.mu.Lock() // the pump may have read and not yet sent
		defer o.mu.Unlock()
	})
}

// forward sends one chunk. ready is false when there is nothing to read now,
// open is false at the end of the stream.
func (o *output) forward(fd int) (ready, open bool) {
	n := o.credit.take(frame.MaxData)
	if n == 0 {
		return true, true
	}
	sent, err := o.sendUpTo(fd, n)
	o.credit.grant(n - sent)
	if err == unix.EAGAIN {
		return false, true
	}
	return true, sent > 0
}

// sendUpTo reads at most n bytes once and sends them: those of the channel behind
// what the program wrote to its other streams before, so that a kernel's message
// comes after the output to which it belongs.
func (o *output) sendUpTo(fd, n int) (int, error) {
	c := chunks.Get().(*chunk)
	defer chunks.Put(c)
	o.mu.Lock()
	defer o.mu.Unlock()
	got, err := unix.Read(fd, c[frame.HeaderSize:frame.HeaderSize+n])
	for err == unix.EINTR {
		got, err = unix.Read(fd, c[frame.HeaderSize:frame.HeaderSize+n])
	}
	if err != nil || got <= 0 {
		return 0, err
	}
	if o.stream == frame.StreamChannel {
		for _, other := range o.x.outputs {
			if other != o {
				other.flush()
			}
		}
	}
	h := frame.Header{Kind: frame.KindOutput, Detail: o.stream, Execution: o.x.id, Length: uint32(got)}
	h.Put(c[:])
	o.x.agent.conn.sendRaw(c[:frame.HeaderSize+got])
	return got, nil
}

// drain sends what is in the pipe now, whatever the credit.
func (o *output) drain(fd int) {
	for left := o.waiting(fd); left > 0; {
		n, err := o.sendUpTo(fd, min(left, frame.MaxData))
		if err != nil || n == 0 {
			return
		}
		left -= n
	}
}

// waiting is how many bytes can be read now, at most maxDrain.
func (o *output) waiting(fd int) int {
	if o.stream != streamTerminal { // a terminal says only what the next read gives
		if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil {
			return min(n, maxDrain)
		}
	}
	return maxDrain
}

// end makes pump go over to draining.
func (o *output) end() { o.file.SetReadDeadline(time.Unix(1, 0)) }

// credit is how many bytes of output the server still takes from an execution.
type credit struct {
	mu    sync.Mutex
	more  sync.Cond
	bytes int
	free  bool // the program has ended: what is left in its pipes is bounded
}

func newCredit(bytes int) *credit {
	c := &credit{bytes: bytes}
	c.more.L = &c.mu
	return c
}

// wait waits for credit and reports whether there still is a program.
func (c *credit) wait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.bytes <= 0 && !c.free {
		c.more.Wait()
	}
	return !c.free
}

// take reserves up to n bytes; zero when there is no credit.
func (c *credit) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = max(0, min(n, c.bytes))
	c.bytes -= n
	return n
}

// grant adds n bytes, which may be some that were not needed.
func (c *credit) grant(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += n
	if c.bytes > 0 {
		c.more.Broadcast()
	}
}

// release ends all waits.
func (c *credit) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = true
	c.more.Broadcast()
}
