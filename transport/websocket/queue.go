package websocket

import (
	"fmt"

	"github.com/gobwas/ws"
)

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
	if waiting > 0 && waiting+size > c.opts.QueueBytes {
		c.closeLocked(&CloseError{
			Code:   CodeTryAgainLater,
			Reason: fmt.Sprintf("slow consumer: over %d bytes of replies waiting", c.opts.QueueBytes),
		}, dropping)
		return
	}
	c.kick()
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
