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
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// acceptTCP completes the handshake of a program only when the other side has
// answered: a refused connection is a refused one inside too. The stack calls
// it on a goroutine of its own.
func (g *gate) acceptTCP(r *tcp.ForwarderRequest) {
	to, began := destination(r.ID()), time.Now()
	outside, err := g.connect(to)
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
	g.flows.open.Add(1)
	s.carry()
	g.flows.add(runtimes.NetworkFlow{
		Protocol: "tcp", To: to, Outcome: runtimes.FlowEnded,
		Sent: s.sent.Load(), Received: s.received.Load(), Duration: time.Since(began),
	})
	g.flows.open.Add(-1)
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

	sent, received atomic.Int64
}

// carry carries bytes both ways until both ways have ended, and closes both
// halves.
func (s *stream) carry() {
	var both sync.WaitGroup
	both.Go(func() { s.copy(&counted{s.outside, &s.gate.counters.sent, &s.sent}, s.outside, s.inside) })
	both.Go(func() { s.copy(&counted{s.inside, &s.gate.counters.received, &s.received}, s.inside, s.outside) })
	both.Wait()
	s.inside.Close()
	s.gate.outside.end(s.outside)
}

// halfCloser is a connection one direction of which can be ended.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// copy copies one way, by a writer that counts, and passes the end on. An error
// breaks both halves: an end that was none must not look like one.
func (s *stream) copy(by io.Writer, to, from halfCloser) {
	if _, err := io.Copy(by, from); err != nil {
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

// counted counts what is written, for the session and for the flow.
type counted struct {
	to        io.Writer
	all, flow *atomic.Int64
}

// Write is io.Writer's.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.all.Add(int64(n))
	c.flow.Add(int64(n))
	return n, err
}

// quiet is how long an exchange over UDP may be silent before it ends. That of
// questions to the resolver is shorter, and ends soon once all are answered.
const (
	quiet       = 60 * time.Second
	quietDNS    = 10 * time.Second
	answeredDNS = 50 * time.Millisecond
)

// acceptUDP opens an exchange for the first datagram from one address to
// another. False has the stack answer that the port is unreachable. It must not
// block: to connect a UDP socket asks nobody.
func (g *gate) acceptUDP(r *udp.ForwarderRequest) bool {
	to, began := destination(r.ID()), time.Now()
	target, err := g.target(to)
	if err != nil {
		g.counters.Add(Counts{Refused: 1})
		g.flows.failed("udp", to, runtimes.FlowRefused, began)
		return false
	}
	outside, err := g.dial("udp", target)
	if err != nil {
		g.flows.failed("udp", to, runtimes.FlowFailed, began)
		return false
	}
	var events waiter.Queue
	endpoint, problem := r.CreateEndpoint(&events)
	if problem != nil {
		outside.Close()
		return false
	}
	x := &exchange{inside: gonet.NewUDPConn(&events, endpoint), outside: outside, dns: to.Addr() == tunnel.Router}
	if g.exchanges.add(x) {
		g.counters.Add(Counts{Limited: 1}) // another one had to go
	}
	g.flows.open.Add(1)
	go func() {
		x.carry(g)
		g.flows.add(runtimes.NetworkFlow{
			Protocol: "udp", To: to, Outcome: runtimes.FlowEnded,
			Sent: x.sent.Load(), Received: x.received.Load(), Duration: time.Unix(0, x.last.Load()).Sub(began),
		})
		g.flows.open.Add(-1)
		g.exchanges.remove(x)
	}()
	return true
}

// exchange is one flow of datagrams.
type exchange struct {
	inside, outside net.Conn
	dns             bool
	open            atomic.Int64 // questions without an answer
	last            atomic.Int64 // when a datagram came, in Unix nanoseconds
	sent, received  atomic.Int64 // bytes
	idle            *time.Timer
}

// carry carries datagrams both ways until neither side sends any.
func (x *exchange) carry(g *gate) {
	silence := quiet
	if x.dns {
		silence = quietDNS
	}
	x.idle = time.AfterFunc(silence, x.end)
	defer x.idle.Stop()
	var both sync.WaitGroup
	both.Go(func() {
		x.copy(&counted{x.outside, &g.counters.sent, &x.sent}, x.inside, func() time.Duration { x.open.Add(1); return silence })
	})
	both.Go(func() {
		x.copy(&counted{x.inside, &g.counters.received, &x.received}, x.outside, func() time.Duration {
			if x.open.Add(-1) <= 0 && x.dns {
				return answeredDNS
			}
			return silence
		})
	})
	both.Wait()
}

// copy ends when from is closed. A datagram that cannot be sent is lost, as
// datagrams are. came tells for how long there may be silence now.
func (x *exchange) copy(to io.Writer, from net.Conn, came func() time.Duration) {
	packet := make([]byte, tunnel.MTU)
	for {
		size, err := from.Read(packet)
		if err != nil {
			x.end() // a port that nobody listens on: nothing more will come
			return
		}
		x.last.Store(time.Now().UnixNano())
		x.idle.Reset(came())
		_, _ = to.Write(packet[:size])
	}
}

func (x *exchange) end() {
	x.inside.Close()
	x.outside.Close()
}

// exchanges are those of a session that are open, at most MaxFlows. The zero
// value is ready.
type exchanges struct {
	mu  sync.Mutex
	all map[*exchange]bool
}

// add takes in an exchange. When there are too many, the one that has been
// silent for longest ends: nobody says when a program has done with one.
func (e *exchanges) add(x *exchange) (another bool) {
	x.last.Store(time.Now().UnixNano())
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = make(map[*exchange]bool)
	}
	if len(e.all) >= MaxFlows {
		var oldest *exchange
		for other := range e.all {
			if oldest == nil || other.last.Load() < oldest.last.Load() {
				oldest = other
			}
		}
		delete(e.all, oldest)
		oldest.end()
		another = true
	}
	e.all[x] = true
	return another
}

// endAll is the end of the session.
func (e *exchanges) endAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for x := range e.all {
		x.end()
	}
}

func (e *exchanges) remove(x *exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.all, x)
}
