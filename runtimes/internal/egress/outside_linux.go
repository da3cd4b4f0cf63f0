package egress

import (
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// outsideBuffer is what the kernel may hold of one connection in each
	// direction, in bytes: it is the host's memory, not the session's.
	outsideBuffer = 128 << 10
	// farewell is how long the kernel may go on with what was sent on a
	// connection whose both ends are closed.
	farewell = 30 * time.Second
)

// outsides are the connections to the internet that are open, so that the end
// of a session can end them at once: the kernel would keep what a peer does not
// read. The zero value is ready.
type outsides struct {
	mu   sync.Mutex
	open map[*net.TCPConn]bool
}

func (o *outsides) add(conn *net.TCPConn) {
	conn.SetReadBuffer(outsideBuffer)
	conn.SetWriteBuffer(outsideBuffer)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = make(map[*net.TCPConn]bool)
	}
	o.open[conn] = true
}

// end closes a connection whose both ways have ended.
func (o *outsides) end(conn *net.TCPConn) {
	o.remove(conn)
	if raw, err := conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(farewell.Milliseconds()))
		})
	}
	conn.Close()
}

// abort ends a connection with a reset, so that nobody takes what came for the
// whole.
func (o *outsides) abort(conn *net.TCPConn) {
	o.remove(conn)
	conn.SetLinger(0)
	conn.Close()
}

func (o *outsides) remove(conn *net.TCPConn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, conn)
}

// abortAll is the end of the session.
func (o *outsides) abortAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for conn := range o.open {
		conn.SetLinger(0)
		conn.Close()
	}
}
