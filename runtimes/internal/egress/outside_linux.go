package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
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

const (
	// dialTimeout bounds how long the other side may take to answer.
	dialTimeout = 15 * time.Second
	// MaxFlows bounds the TCP connections of one session, and the exchanges over
	// UDP, that are open at once, each.
	MaxFlows = 256
)

// errLimited: the session has as many flows as it may have.
var errLimited = fmt.Errorf("a session may have %d connections at once", MaxFlows)

// gate makes the connections of one session, as the policy lets it.
type gate struct {
	policy    Policy
	own       ownNetworks
	counters  Counters
	streams   chan struct{} // a place for each connection
	exchanges exchanges
	outside   outsides
	resolver  func() (netip.AddrPort, bool)
	flows     flows
}

func newGate(p Policy) *gate {
	return &gate{
		policy: p, streams: make(chan struct{}, MaxFlows), resolver: hostResolver,
		flows: flows{ended: make(chan runtimes.NetworkFlow, maxUntold)},
	}
}

// connect makes a TCP connection to where a program wants to go, and counts and
// tells why it cannot. Its place is given back by leave.
func (g *gate) connect(to netip.AddrPort) (*net.TCPConn, error) {
	began := time.Now()
	target, err := g.target(to)
	if err != nil {
		g.counters.Add(Counts{Refused: 1})
		g.flows.failed("tcp", to, runtimes.FlowRefused, began)
		return nil, err
	}
	select {
	case g.streams <- struct{}{}:
	default:
		g.counters.Add(Counts{Limited: 1})
		g.flows.failed("tcp", to, runtimes.FlowLimited, began)
		return nil, errLimited
	}
	conn, err := g.dial("tcp", target)
	if err != nil {
		g.leave()
		g.flows.failed("tcp", to, runtimes.FlowFailed, began)
		return nil, err
	}
	stream := conn.(*net.TCPConn)
	g.outside.add(stream)
	return stream, nil
}

// leave gives a connection's place back.
func (g *gate) leave() { <-g.streams }

// dial connects and counts.
func (g *gate) dial(network string, target netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, target.String())
	if err != nil {
		g.counters.Add(Counts{Failed: 1})
		return nil, err
	}
	g.counters.Add(Counts{Opened: 1})
	return conn, nil
}

// target is what is dialled: the address itself, or the host's resolver for
// the router's port 53.
func (g *gate) target(to netip.AddrPort) (netip.AddrPort, error) {
	if to.Addr() != tunnel.Router {
		own, err := g.own.list()
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("find the host's own addresses: %w", err)
		}
		return to, g.policy.Check(to.Addr(), own)
	}
	if to.Port() != dnsPort {
		return netip.AddrPort{}, fmt.Errorf("the router is a resolver only: %w", ErrForbidden)
	}
	resolver, ok := g.resolver()
	if !ok {
		return netip.AddrPort{}, errors.New("the host has no resolver")
	}
	return resolver, nil
}
