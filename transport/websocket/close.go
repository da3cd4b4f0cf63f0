package websocket

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

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
		c.dropLocked()
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
	(*incoming)(c).settle()
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

// Status codes of a close frame (RFC 6455, section 7.4.1, and the IANA registry
// for 1012 to 1014).
const (
	CodeNormal        uint16 = 1000
	CodeGoingAway     uint16 = 1001 // the server shuts down
	CodeProtocolError uint16 = 1002
	CodeNoStatus      uint16 = 1005 // never sent: the close frame had no code
	CodeAbnormal      uint16 = 1006 // never sent: the connection broke
	CodeInvalidText   uint16 = 1007 // a text message is not UTF-8
	CodePolicy        uint16 = 1008
	CodeTooBig        uint16 = 1009
	CodeInternal      uint16 = 1011
	CodeTryAgainLater uint16 = 1013 // a slow consumer
)

// maxReason is what a control frame leaves for the reason (RFC 6455, section 5.5).
const maxReason = ws.MaxControlFramePayloadSize - 2

// cutReason cuts a reason to what a close frame can hold, between characters.
func cutReason(s string) string {
	if len(s) <= maxReason {
		return s
	}
	end := maxReason
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// checkClose checks the payload of a close frame that came, and returns what it
// says. The error is a *CloseError to answer with.
func checkClose(payload []byte) (code uint16, reason string, err error) {
	if len(payload) == 0 {
		return CodeNoStatus, "", nil
	}
	if len(payload) == 1 {
		// RFC 6455, 5.5.1: the first two bytes of a body are the code.
		return 0, "", protocolError("close frame with one byte")
	}
	status, reason := ws.ParseCloseFrameData(payload)
	if !utf8.ValidString(reason) {
		return 0, "", &CloseError{Code: CodeInvalidText, Reason: "close reason is not UTF-8"}
	}
	if status >= 1012 && status <= 1014 {
		return uint16(status), reason, nil // registered after gobwas' table
	}
	if status > ws.StatusRangePrivate.Max { // RFC 6455, 7.4.2 ends at 4999
		return 0, "", protocolError("close code is not in use")
	}
	if err := ws.CheckCloseFrameData(status, reason); err != nil {
		return 0, "", protocolError(err.Error())
	}
	return uint16(status), reason, nil
}

// ErrShutdown is the cause of connections that a Hub closes, and what Upgrade
// returns afterwards.
var ErrShutdown = errors.New("websocket: shutting down")

// CloseError says why a connection ended.
type CloseError struct {
	Code   uint16
	Reason string
	Remote bool  // the other side sent it
	Err    error // the cause underneath, may be nil
}

// Error is one line with the code and the reason.
func (e *CloseError) Error() string {
	side := "closed"
	if e.Remote {
		side = "closed by peer"
	}
	s := fmt.Sprintf("websocket: %s: %d", side, e.Code)
	if e.Reason != "" {
		s += " " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *CloseError) Unwrap() error { return e.Err }

func protocolError(reason string) *CloseError {
	return &CloseError{Code: CodeProtocolError, Reason: reason}
}

// broken is the end of a connection without a closing handshake.
func broken(err error) *CloseError {
	return &CloseError{Code: CodeAbnormal, Err: err}
}

// HandshakeError is the answer of a server that refused to upgrade.
type HandshakeError struct {
	Status int // of HTTP
	Err    error
}

// Error names the status.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("websocket: handshake refused with HTTP status %d", e.Status)
}

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }
