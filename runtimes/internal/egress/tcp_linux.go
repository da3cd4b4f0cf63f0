package egress

import (
	"errors"
	"io"
	"net"
	"os"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// acceptTCP completes the handshake of a program only when the other side has
// answered: a refused connection is a refused one inside too. The stack calls
// it on a goroutine of its own.
func (g *gate) acceptTCP(r *tcp.ForwarderRequest) {
	outside, err := g.dial("tcp4", destination(r.ID()))
	if err != nil {
		r.Complete(!errors.Is(err, os.ErrDeadlineExceeded)) // who does not answer stays silent inside too
		return
	}
	var events waiter.Queue
	endpoint, problem := r.CreateEndpoint(&events)
	r.Complete(problem != nil)
	if problem != nil {
		outside.Close()
		g.leave(0, 0)
		return
	}
	sent, received := join(gonet.NewTCPConn(&events, endpoint), outside)
	g.leave(sent, received)
}

// halfCloser is a connection one direction of which can be ended.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// join carries bytes both ways until both ways have ended, and closes both
// connections.
func join(inside halfCloser, outside net.Conn) (sent, received int64) {
	defer inside.Close()
	defer outside.Close()
	done := make(chan int64)
	go func() { done <- carry(outside.(halfCloser), inside) }()
	received = carry(inside, outside.(halfCloser))
	return <-done, received
}

// carry copies one way and passes the end on. An error ends both ways: there
// is nobody to send to, or nobody to hear of it.
func carry(to, from halfCloser) int64 {
	n, err := io.Copy(to, from)
	if err != nil {
		to.Close()
		from.Close()
		return n
	}
	to.CloseWrite()
	return n
}
