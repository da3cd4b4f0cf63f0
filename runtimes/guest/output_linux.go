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
	moving sync.Mutex // held from a read to the end of its sending
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

// sendUpTo reads at most n bytes once and sends them.
func (o *output) sendUpTo(fd, n int) (int, error) {
	o.moving.Lock()
	defer o.moving.Unlock()
	c := chunks.Get().(*chunk)
	defer chunks.Put(c)
	got, err := unix.Read(fd, c[frame.HeaderSize:frame.HeaderSize+n])
	for err == unix.EINTR {
		got, err = unix.Read(fd, c[frame.HeaderSize:frame.HeaderSize+n])
	}
	if err != nil || got <= 0 {
		return 0, err
	}
	if o.stream == frame.StreamChannel {
		o.x.catchUp()
	}
	h := frame.Header{Kind: frame.KindOutput, Detail: o.stream, Execution: o.x.id, Length: uint32(got)}
	h.Put(c[:])
	o.x.agent.conn.sendRaw(c[:frame.HeaderSize+got])
	return got, nil
}

// catchUp sends what is in the pipes of the standard streams. What comes through
// the channel is told after what the program has written before it: a display
// after what was printed, the end of a cell after all of it.
func (x *execution) catchUp() {
	for _, o := range x.outputs {
		if o.stream == streamStdout || o.stream == streamStderr {
			o.overtake()
		}
	}
}

// overtake sends what is in the pipe now, beyond the credit if need be: a
// program whose output nobody reads is not to lose its channel. So much is
// owed at most; what is more then comes when it is granted.
func (o *output) overtake() {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		o.moving.Lock() // what was being sent has been sent
		left, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		o.moving.Unlock()
		if err != nil {
			return
		}
		for left > 0 {
			n := o.credit.borrow(min(left, frame.MaxData))
			if n == 0 {
				return
			}
			sent, err := o.sendUpTo(int(fd), n)
			o.credit.grant(n - sent)
			if err != nil || sent == 0 {
				return
			}
			left -= sent
		}
	})
}

// drain sends what is in the pipe now, whatever the credit.
func (o *output) drain(fd int) {
	left := maxDrain
	if o.stream != streamTerminal { // a terminal says only what the next read gives
		if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil {
			left = min(left, n)
		}
	}
	for left > 0 {
		n, err := o.sendUpTo(fd, min(left, frame.MaxData))
		if err != nil || n == 0 {
			return
		}
		left -= n
	}
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

// borrow reserves up to n bytes, and some that there is no credit for.
func (c *credit) borrow(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = max(0, min(n, c.bytes+overdraft))
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
