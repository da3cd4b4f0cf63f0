package egress

import (
	"net"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// quiet is how long an exchange over UDP may be silent before its place is
// given to another one; that of a question to the resolver is shorter.
const (
	quiet    = 60 * time.Second
	quietDNS = 10 * time.Second
)

// acceptUDP opens an exchange for the first datagram from one address to
// another. False has the stack answer that the port is unreachable. It must not
// block: to connect a UDP socket asks nobody.
func (g *gate) acceptUDP(r *udp.ForwarderRequest) bool {
	to := destination(r.ID())
	outside, err := g.dial("udp", to)
	if err != nil {
		return false
	}
	var events waiter.Queue
	endpoint, problem := r.CreateEndpoint(&events)
	if problem != nil {
		outside.Close()
		g.leave(0, 0)
		return false
	}
	silence := quiet
	if to.Addr() == tunnel.Router {
		silence = quietDNS
	}
	go func() {
		g.leave(exchange(gonet.NewUDPConn(&events, endpoint), outside, silence))
	}()
	return true
}

// exchange carries datagrams both ways until neither side sends any.
func exchange(inside, outside net.Conn, silence time.Duration) (sent, received int64) {
	idle := time.AfterFunc(silence, func() { inside.Close(); outside.Close() })
	defer idle.Stop()
	var both sync.WaitGroup
	both.Go(func() { sent = datagrams(outside, inside, idle, silence) })
	both.Go(func() { received = datagrams(inside, outside, idle, silence) })
	both.Wait()
	return sent, received
}

// datagrams ends when from is closed. A datagram that cannot be sent is lost,
// as datagrams are.
func datagrams(to, from net.Conn, idle *time.Timer, silence time.Duration) (n int64) {
	packet := make([]byte, tunnel.MTU)
	for {
		size, err := from.Read(packet)
		if err != nil {
			idle.Reset(0) // a port that nobody listens on: nothing more will come
			return n
		}
		idle.Reset(silence)
		if _, err := to.Write(packet[:size]); err == nil {
			n += int64(size)
		}
	}
}
