package websocket

import (
	"encoding/binary"
	"time"

	"github.com/gobwas/ws"

	"github.com/codebeaker/codebeaker/transport/budget"
)

// Message is a text message that is made while it is written: of what is large
// only a piece is in memory in its encoded form. Its methods are called one at a
// time, not under a lock of the connection.
type Message interface {
	// Size is how many bytes it has, exactly.
	Size() int
	// Append appends its next bytes to dst, about most of them and at least one;
	// none when it has ended.
	Append(dst []byte, most int) []byte
	// Release is called once, last: the message was written, or is not wanted
	// any more.
	Release()
}

// Send queues a message, as Reply does. It does not count as bytes that wait, for
// who made it bounds what it holds. It must be no larger than Room.
func (c *Conn) Send(m Message) {
	if !c.server { // a client's are masked, and are small
		defer m.Release()
		c.enqueue(ws.OpText, func(dst []byte) []byte {
			for end := len(dst) + m.Size(); len(dst) < end; {
				dst = m.Append(dst, end)
			}
			return dst
		})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Load() {
		m.Release()
		return
	}
	if c.out != nil && len(c.out.b) > 0 {
		c.pushLocked(outgoing{b: c.out, charged: c.charged})
		c.out, c.charged = nil, 0
	}
	c.pushLocked(outgoing{m: m})
	c.kick()
}

// outgoing is one write to come: frames, or a message.
type outgoing struct {
	b       *buffer
	charged int64 // of the account, for b
	m       Message
}

// waitsLocked reports whether more than a little waits to be written.
func (c *Conn) waitsLocked() bool {
	return c.before != nil || c.out != nil && len(c.out.b) > budget.FreeBytes
}

// backlog is what goes out before the frames of Conn.out, at least one.
type backlog struct {
	all    []outgoing
	frames int // bytes of those that are frames
}

// bytes is how many bytes of frames wait; those of messages do not count.
func (l *backlog) bytes() int {
	if l == nil {
		return 0
	}
	return l.frames
}

func (c *Conn) pushLocked(o outgoing) {
	if c.before == nil {
		c.before = &backlog{}
	}
	c.before.all = append(c.before.all, o)
	if o.b != nil {
		c.before.frames += len(o.b.b)
	}
}

// popLocked takes the next of before.
func (c *Conn) popLocked() outgoing {
	l := c.before
	next := l.all[0]
	l.all[0] = outgoing{}
	if l.all = l.all[1:]; len(l.all) == 0 {
		c.before = nil
	}
	if next.b != nil {
		l.frames -= len(next.b.b)
	}
	return next
}

// dropLocked forgets what waits to be written.
func (c *Conn) dropLocked() {
	for c.before != nil {
		next := c.popLocked()
		if next.m != nil {
			next.m.Release()
		}
		putBuffer(next.b)
		c.account.Give(budget.Outgoing, next.charged)
	}
	putBuffer(c.out)
	c.account.Give(budget.Outgoing, c.charged)
	c.out, c.charged = nil, 0
}

const (
	// chargeStep is in what steps replies that wait are taken from the account.
	chargeStep = 64 << 10
	// overdraft is how many bytes of replies may wait on a connection when
	// there is no room for any.
	overdraft = 256 << 10
)

// chargeLocked takes what out has grown by from the account. There is room or
// there is not: replies that are made are kept, and reading stops (held). It is
// false when a client that reads nothing has more than the overdraft.
func (c *Conn) chargeLocked() bool {
	n := int64(len(c.out.b))
	if n <= budget.FreeBytes || n <= c.charged || c.account == nil {
		return true
	}
	step := (n - c.charged + chargeStep - 1) / chargeStep * chargeStep
	c.account.Force(budget.Outgoing, step)
	c.charged += step
	return n <= overdraft || !c.account.Over(budget.Outgoing)
}

// held reports whether nothing is to be read now: the account has no room for
// replies, and some of this connection wait.
func (c *Conn) held() bool {
	if c.account == nil || !c.account.Over(budget.Outgoing) || c.closing.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waitsLocked()
}

// pieceBytes is about what is encoded for one write.
const pieceBytes = 32 << 10

// writeMessage writes a message, piece by piece. A client that falls behind
// MessageRate is a slow consumer, for the content of the message is kept for it.
func (c *Conn) writeMessage(m Message) {
	defer m.Release()
	piece := getBuffer()
	defer putBuffer(piece)
	piece.b = appendLength(piece.b, m.Size())
	rate := startPace(time.Now(), c.opts)
	for {
		piece.b = m.Append(piece.b, pieceBytes)
		if len(piece.b) == 0 {
			return
		}
		left, err := c.write(piece.b, &rate)
		if err != nil {
			c.writeFailed(left, m, err)
			return
		}
		piece.b = piece.b[:0]
	}
}

// appendLength appends the header of a text frame of a server.
func appendLength(dst []byte, n int) []byte {
	dst = append(dst, 0x80|byte(ws.OpText))
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}
