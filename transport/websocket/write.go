package websocket

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/codebeaker/codebeaker/transport/budget"
)

// errStalled is the end of a client that takes nothing any more.
var errStalled = errors.New("no progress")

// stallSteps is into how many deadlines StallTimeout is cut, so that a stall is
// noticed that late at most.
const stallSteps = 4

// recordBytes is what is written at a time to TLS, where a write that times out
// says nothing of what went through and breaks the connection.
const recordBytes = 16 << 10

// write writes p and returns what could not be written. As long as some bytes
// go through within StallTimeout, it goes on; with a rate, no slower than that.
func (c *Conn) write(p []byte, rate *pace) (left []byte, err error) {
	wait := c.opts.StallTimeout / stallSteps
	if c.fragile {
		wait = c.opts.StallTimeout
	}
	for progress := time.Now(); len(p) > 0; {
		now := time.Now()
		if err := c.nc.SetWriteDeadline(now.Add(wait)); err != nil {
			return p, err
		}
		part := p
		if c.fragile {
			part = p[:min(len(p), recordBytes)]
		}
		n, err := c.nc.Write(part)
		p = p[n:]
		switch {
		case err == nil || n > 0 && c.mayGoOn(err):
			progress = time.Now()
			if rate != nil && rate.count(progress, n, c.opts) {
				return p, errStalled
			}
		case !c.mayGoOn(err):
			return p, err
		case time.Since(progress) >= c.opts.StallTimeout:
			return p, errStalled
		}
	}
	return nil, nil
}

// mayGoOn reports whether the connection survived a failed write.
func (c *Conn) mayGoOn(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !c.fragile && !c.isCut()
}

func (c *Conn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// writeFailed ends the connection after a write that left something, of a message
// or of frames. A slow consumer is told why, should it come back before
// CloseTimeout: the frame that is half out is completed first, for a close frame
// inside it would be taken for payload.
func (c *Conn) writeFailed(left []byte, m Message, err error) {
	stalled := errors.Is(err, errStalled) || c.fragile && errors.Is(err, os.ErrDeadlineExceeded)
	if !stalled {
		c.close(broken(err), atOnce)
		c.giveUp()
		return
	}
	slow := &CloseError{Code: CodeTryAgainLater, Reason: "slow consumer"}
	if c.fragile {
		c.close(slow, atOnce)
		c.giveUp()
		return
	}
	c.close(slow, dropping)
	if c.finishFrame(left, m) != nil || c.writeBy(c.takeQueue()) != nil {
		c.giveUp()
	}
}

// finishFrame writes the rest of the frame that is half out.
func (c *Conn) finishFrame(left []byte, m Message) error {
	if err := c.writeBy(left); err != nil || m == nil {
		return err
	}
	for piece := m.Append(nil, pieceBytes); len(piece) > 0; piece = m.Append(piece[:0], pieceBytes) {
		if err := c.writeBy(piece); err != nil {
			return err
		}
	}
	return nil
}

// takeQueue takes what waits, which is the close frame.
func (c *Conn) takeQueue() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		return nil
	}
	b := c.out.b
	c.account.Give(budget.Outgoing, c.charged)
	c.out, c.charged = nil, 0
	return b
}

// writeBy writes p until closeBy.
func (c *Conn) writeBy(p []byte) error {
	c.mu.Lock()
	by := c.closeBy
	c.mu.Unlock()
	if err := c.nc.SetWriteDeadline(by); err != nil {
		return err
	}
	_, err := c.nc.Write(p)
	return err
}

// giveUp ends a connection that is closing and cannot be written to.
func (c *Conn) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

// Reply queues one text message, which encode appends to dst. encode runs before
// Reply returns, under a lock: it is quick and calls nothing of the connection.
// When it appends nothing, nothing is sent. The text must be UTF-8. After the
// connection closed, encode is not called.
func (c *Conn) Reply(encode func(dst []byte) []byte) { c.enqueue(ws.OpText, encode) }

// Bound sets the size of the largest message that is sent from now on, in
// bytes; Options.Oversize is asked for another in place of a larger one. Zero,
// with which a connection begins, is any size.
func (c *Conn) Bound(most int) { c.bound.most.Store(int64(most)) }

// Room is what Bound set.
func (c *Conn) Room() int { return int(c.bound.most.Load()) }

// Binary is Reply for a binary message.
func (c *Conn) Binary(encode func(dst []byte) []byte) { c.enqueue(ws.OpBinary, encode) }

func (c *Conn) enqueue(op ws.OpCode, encode func(dst []byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Load() {
		return
	}
	waiting, size := c.enqueueLocked(op, encode)
	if waiting += c.before.bytes(); waiting > 0 && waiting+size > c.opts.QueueBytes {
		c.closeOverfullLocked()
		return
	}
	if !c.chargeLocked() {
		c.closeLocked(&CloseError{Code: CodeTryAgainLater, Reason: "slow consumer: " + noRoom(c.account, budget.Outgoing)}, dropping)
		return
	}
	c.kick()
}

func (c *Conn) closeOverfullLocked() {
	c.closeLocked(&CloseError{
		Code:   CodeTryAgainLater,
		Reason: fmt.Sprintf("slow consumer: over %d bytes of replies waiting", c.opts.QueueBytes),
	}, dropping)
}

// enqueueLocked appends a frame, and returns how much was waiting before it and
// its size. An empty text is dropped: no message of ours is one.
func (c *Conn) enqueueLocked(op ws.OpCode, encode func(dst []byte) []byte) (waiting, size int) {
	if c.out == nil {
		c.out = getBuffer()
	}
	waiting = len(c.out.b)
	b := appendFrame(c.out.b, op, !c.server, &c.bound, encode)
	size = len(b) - waiting
	if op == ws.OpText && size == emptyFrame(c.server) {
		size = 0
	}
	c.out.b = b[:waiting+size]
	return waiting, size
}

// emptyFrame is the size of a frame without payload.
func emptyFrame(server bool) int {
	if server {
		return 2
	}
	return 6
}

// kick starts a flusher when none runs.
func (c *Conn) kick() {
	if c.flushing.CompareAndSwap(false, true) {
		go c.flusher()
	}
}

// buffer is a pooled piece of memory. Idle connections hold none.
type buffer struct{ b []byte }

// keepBytes is the largest buffer that goes back to a pool.
const keepBytes = 64 << 10

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 4<<10)} }}

// getBuffer returns an empty buffer.
func getBuffer() *buffer {
	b := buffers.Get().(*buffer)
	b.b = b.b[:0]
	return b
}

// putBuffer gives b back. A nil b is none.
func putBuffer(b *buffer) {
	if b != nil && cap(b.b) <= keepBytes {
		buffers.Put(b)
	}
}

// flush writes until nothing waits. At most one runs for a connection; kick
// starts it.
func (c *Conn) flush() {
	defer c.flushPanicked()
	var spare *buffer // the last batch's memory, for the next that is pulled
	for {
		next, seal := c.nextBatch(spare)
		if seal {
			c.seal()
		}
		if next.m != nil {
			c.writeMessage(next.m)
			continue
		}
		batch := next.b
		if batch == nil {
			return
		}
		left, err := c.write(batch.b, nil)
		if err != nil {
			n := len(batch.b) - len(left)
			c.writeFailed(batch.b[n:frameEnd(batch.b, n)], nil, err)
		}
		c.account.Give(budget.Outgoing, next.charged)
		if batch != spare {
			putBuffer(spare)
		}
		spare = batch
	}
}

// nextBatch takes the queue, and behind it what the sources have. No frames and no
// message end the flusher; seal says that the close frame was the last batch.
// spare is memory it may use, and gives back at the end.
func (c *Conn) nextBatch(spare *buffer) (next outgoing, seal bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.cut {
			c.dropLocked() // what waits would never go
		}
		if c.before != nil {
			return c.popLocked(), false
		}
		batch := c.out
		next.charged, c.charged, c.out = c.charged, 0, nil
		if !c.cut && !c.closing.Load() && c.anyReady() {
			batch = c.pullInto(batch, spare)
			if n := int64(len(batch.b)); n > budget.FreeBytes && n > next.charged {
				c.account.Force(budget.Outgoing, n-next.charged)
				next.charged = n
			}
		}
		if batch != nil && len(batch.b) > 0 {
			next.b = batch
			return next, false
		}
		if batch != spare {
			putBuffer(batch)
		}
		if c.before != nil {
			continue // a source had a message
		}
		c.account.Give(budget.Outgoing, next.charged)
		if c.restLocked() {
			putBuffer(spare)
			seal = c.closing.Load() && !c.sealed && !c.cut
			c.sealed = c.sealed || seal
			return outgoing{}, seal
		}
	}
}

func (c *Conn) pullInto(batch, spare *buffer) *buffer {
	if batch == nil {
		if batch = spare; batch == nil {
			batch = getBuffer()
		}
		batch.b = batch.b[:0]
	}
	batch.b = c.pullLocked(batch.b)
	return batch
}

// restLocked lets the flusher end, unless a feed woke meanwhile and found it
// still running. Nothing can be queued meanwhile: mu is held.
func (c *Conn) restLocked() bool {
	c.flushing.Store(false)
	return c.closing.Load() || !c.anyReady() || !c.flushing.CompareAndSwap(false, true)
}

// flushPanicked ends a connection whose source panicked; what was pulled is
// lost with it.
func (c *Conn) flushPanicked() {
	if p := recover(); p != nil {
		c.logPanic("Pull", p)
		c.flushing.Store(false)
		c.close(&CloseError{Code: CodeInternal, Reason: "internal error"}, dropping)
	}
}
