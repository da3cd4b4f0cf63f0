package egress

import (
	"io"
	"net"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// quiet is how long an exchange over UDP may be silent before its place is
// given to another one. That of a question to the resolver is shorter, and once
// it is answered it is over, but for a second one by the same port.
const (
	quiet       = 60 * time.Second
	quietDNS    = 10 * time.Second
	answeredDNS = time.Second
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
		g.leave()
		return false
	}
	x := &exchange{silence: quiet, answered: quiet}
	if to.Addr() == tunnel.Router {
		x.silence, x.answered = quietDNS, answeredDNS
	}
	go func() {
		g.carryDatagrams(gonet.NewUDPConn(&events, endpoint), outside, x)
		g.leave()
	}()
	return true
}

// exchange is one flow of datagrams. It ends when neither side has sent any for
// silence, or for answered once an answer has come.
type exchange struct {
	silence, answered time.Duration
	idle              *time.Timer
}

func (g *gate) carryDatagrams(inside, outside net.Conn, x *exchange) {
	x.idle = time.AfterFunc(x.silence, func() { inside.Close(); outside.Close() })
	defer x.idle.Stop()
	var both sync.WaitGroup
	both.Go(func() { x.carry(&counted{outside, &g.counters.sent}, inside, x.silence) })
	both.Go(func() { x.carry(&counted{inside, &g.counters.received}, outside, x.answered) })
	both.Wait()
}

// carry ends when from is closed. A datagram that cannot be sent is lost, as
// datagrams are.
func (x *exchange) carry(to io.Writer, from net.Conn, silence time.Duration) {
	packet := make([]byte, tunnel.MTU)
	for {
		size, err := from.Read(packet)
		if err != nil {
			x.idle.Reset(0) // a port that nobody listens on: nothing more will come
			return
		}
		x.idle.Reset(silence)
		_, _ = to.Write(packet[:size])
	}
}
