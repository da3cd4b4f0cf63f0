package websocket

import (
	"crypto/tls"
	"encoding/binary"
	"time"

	"github.com/gobwas/ws"
)

// manner says what happens to the queue when a connection closes.
type manner int

const (
	politely manner = iota // the queue, then a close frame
	dropping               // a close frame; the queue is lost
	atOnce                 // nothing more is written
)

// close makes cause the end of the connection, unless it has one. It wakes the
// reader, which calls OnClose.
func (c *Conn) close(cause *CloseError, how manner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(cause, how)
}

func (c *Conn) closeLocked(cause *CloseError, how manner) {
	if c.closing.Load() {
		return
	}
	c.cause = cause
	c.closeBy = time.Now().Add(c.opts.CloseTimeout)
	if how != politely {
		putBuffer(c.out)
		c.out = nil
	}
	if how == atOnce {
		c.cut = true
	} else {
		c.enqueueLocked(ws.OpClose, func(dst []byte) []byte {
			if cause.Code == CodeNoStatus {
				return dst
			}
			dst = binary.BigEndian.AppendUint16(dst, cause.Code)
			if cause.Remote {
				return dst // the code is echoed, the reason is theirs
			}
			return append(dst, cause.Reason...)
		})
	}
	c.closing.Store(true)
	// The reader looks at closing after each deadline of its own, so that this
	// one is not lost.
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
	if how == atOnce {
		_ = c.nc.SetWriteDeadline(time.Unix(1, 0))
	}
	c.kick()
}

// finish is the reader's last act: OnClose, the rest of the handshake, the end
// of the socket.
func (c *Conn) finish(in input, cause *CloseError) {
	if cause != nil {
		how := politely
		if cause.Code == CodeAbnormal {
			how = atOnce
		}
		c.close(cause, how)
	}
	c.dec.release()
	c.notifyClosed()
	c.drain(in)
	c.hangUp()
	if c.hub != nil {
		c.hub.remove(c)
	}
}

func (c *Conn) notifyClosed() {
	defer c.recovered("OnClose")
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	c.handler.OnClose(c, cause)
}

// drain reads what still comes and drops it until the other side has ended too:
// a socket that is closed with bytes unread sends a reset, which would destroy
// the close frame on its way (RFC 6455, section 7.1.1).
func (c *Conn) drain(in input) {
	for c.mayDrain() {
		_, err := in.next()
		in.done()
		if err != nil {
			return
		}
	}
}

// mayDrain sets the deadline under the lock, for giveUp to have the last word.
func (c *Conn) mayDrain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.cut && c.nc.SetReadDeadline(c.closeBy) == nil
}

// seal ends our direction of the stream after the close frame. The server ends
// it first; a client waits for that (RFC 6455, section 7.1.1).
func (c *Conn) seal() {
	if !c.server {
		return
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = c.nc.Close()
}

// hangUp closes the socket. Close of TLS would wait 5 s to say goodbye to a
// client that reads nothing.
func (c *Conn) hangUp() {
	if t, ok := c.nc.(*tls.Conn); ok && c.isCut() {
		_ = t.NetConn().Close()
		return
	}
	_ = c.nc.Close()
}
