package transport

import (
	"net"
	"net/netip"
	"sync"
)

// addressLimiter is a listener that closes connections over a number of them
// from one address. Loopback is not counted: behind a proxy
// on this machine everybody has its address.
type addressLimiter struct {
	net.Listener
	limit int

	mu   sync.Mutex
	open map[netip.Addr]int
}

func limitAddresses(l net.Listener, limit int) net.Listener {
	if limit < 0 {
		return l
	}
	return &addressLimiter{Listener: l, limit: limit, open: make(map[netip.Addr]int)}
}

// Accept returns the next connection that may stay.
func (l *addressLimiter) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return c, nil
		}
		at, err := netip.ParseAddrPort(c.RemoteAddr().String())
		if err != nil || at.Addr().Unmap().IsLoopback() {
			return c, nil
		}
		if from := at.Addr(); l.enter(from) {
			return &countedConn{TCPConn: tcp, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close()
	}
}

func (l *addressLimiter) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from] >= l.limit {
		return false
	}
	l.open[from]++
	return true
}

func (l *addressLimiter) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}

// countedConn keeps the methods of a TCP connection, its socket among them,
// which the WebSocket reads from directly.
type countedConn struct {
	*net.TCPConn
	leave func()
}

// Close closes and uncounts the connection.
func (c *countedConn) Close() error {
	c.leave()
	return c.TCPConn.Close()
}
