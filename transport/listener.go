package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// connectionLimiter is a listener that refuses connections over a number of them
// from one address, loopback like any other, and over a number of all: what is
// left of the server's descriptors is its sessions'.
type connectionLimiter struct {
	net.Listener
	each, all int // zero or less: any number

	mu    sync.Mutex
	total int
	open  map[netip.Addr]int
}

func limitConnections(l net.Listener, each, all int) net.Listener {
	if each <= 0 && all <= 0 {
		return l
	}
	return &connectionLimiter{Listener: l, each: each, all: all, open: make(map[netip.Addr]int)}
}

// Accept returns the next connection that may stay.
func (l *connectionLimiter) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return c, nil
		}
		limit, maximum := l.enter(peerOf(tcp))
		if limit == "" {
			return &countedConn{TCPConn: tcp, limiter: l}, nil
		}
		refuseConnection(c, limit, maximum)
	}
}

// refuseTimeout is for the answer to a connection that may not stay, which fits
// into the buffer of its socket.
const refuseTimeout = 50 * time.Millisecond

// refuseConnection says which limit is reached, to who reads it, and closes.
func refuseConnection(c net.Conn, limit string, maximum int) {
	body := fmt.Sprintf("busy: %s is %d\n", limit, maximum)
	_ = c.SetWriteDeadline(time.Now().Add(refuseTimeout))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	_ = c.Close()
}

// enter counts a connection, or names the limit that is reached.
func (l *connectionLimiter) enter(from netip.Addr) (limit string, maximum int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.all > 0 && l.total >= l.all:
		return "the number of connections of this server", l.all
	case l.each > 0 && l.open[from] >= l.each:
		return "max-connections, of one address,", l.each
	}
	l.total++
	l.open[from]++
	return "", 0
}

func (l *connectionLimiter) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}

// countedConn keeps the methods of a TCP connection, its socket among them,
// which the WebSocket reads from directly.
type countedConn struct {
	*net.TCPConn
	limiter *connectionLimiter
	left    atomic.Bool
}

// Close closes and uncounts the connection.
func (c *countedConn) Close() error {
	if c.left.CompareAndSwap(false, true) {
		c.limiter.leave(peerOf(c.TCPConn))
	}
	return c.TCPConn.Close()
}

// peerOf is whom a connection is from.
func peerOf(c *net.TCPConn) netip.Addr {
	if from, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return from.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
