package egress

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// acceptTCP completes the handshake of a program only when the other side has
// answered: a refused connection is a refused one inside too. The stack calls
// it on a goroutine of its own.
func (g *gate) acceptTCP(r *tcp.ForwarderRequest) {
	outside, err := g.connect(destination(r.ID()))
	if err != nil {
		r.Complete(!timedOut(err)) // who does not answer stays silent inside too
		return
	}
	defer g.leave()
	var events waiter.Queue
	endpoint, problem := r.CreateEndpoint(&events)
	r.Complete(problem != nil)
	if problem != nil {
		g.outside.abort(outside)
		return
	}
	keepAlive(endpoint)
	s := &stream{gate: g, endpoint: endpoint, inside: gonet.NewTCPConn(&events, endpoint), outside: outside}
	s.carry()
	s.awaitEnd()
}

func timedOut(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}

// keepAlive finds out that a program is gone whose kernel does not say so: a
// socket closed for good looks like one closed for writing.
func keepAlive(endpoint tcpip.Endpoint) {
	idle, interval := tcpip.KeepaliveIdleOption(30*time.Second), tcpip.KeepaliveIntervalOption(10*time.Second)
	endpoint.SetSockOpt(&idle)
	endpoint.SetSockOpt(&interval)
	endpoint.SetSockOptInt(tcpip.KeepaliveCountOption, 3)
	endpoint.SocketOptions().SetKeepAlive(true)
}

// stream is one TCP connection of a program, in two halves.
type stream struct {
	gate     *gate
	endpoint tcpip.Endpoint
	inside   *gonet.TCPConn
	outside  *net.TCPConn
	broken   sync.Once
}

// carry carries bytes both ways until both ways have ended, and closes both
// halves.
func (s *stream) carry() {
	var both sync.WaitGroup
	both.Go(func() { s.copy(s.outside, s.inside, &s.gate.counters.sent) })
	both.Go(func() { s.copy(s.inside, s.outside, &s.gate.counters.received) })
	both.Wait()
	s.inside.Close()
	s.gate.outside.end(s.outside)
}

// halfCloser is a connection one direction of which can be ended.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// copy copies one way, counting as it goes, and passes the end on. An error
// breaks both halves: an end that was none must not look like one.
func (s *stream) copy(to, from halfCloser, count *atomic.Int64) {
	if _, err := io.Copy(&counted{to, count}, from); err != nil {
		s.broken.Do(func() {
			s.endpoint.Abort()
			s.gate.outside.abort(s.outside)
		})
		return
	}
	to.CloseWrite()
}

// awaitEnd waits until the stack holds nothing more of the connection: a program
// that does not read what was sent before the end keeps its place.
func (s *stream) awaitEnd() {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		switch tcp.EndpointState(s.endpoint.State()) {
		case tcp.StateClose, tcp.StateError, tcp.StateTimeWait:
			return
		}
		time.Sleep(pause)
	}
}

// counted counts what is written.
type counted struct {
	to    io.Writer
	count *atomic.Int64
}

// Write is io.Writer's.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.count.Add(int64(n))
	return n, err
}
