package egress

import (
	"errors"
	"io"
	"net"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// acceptTCP completes the handshake of a program only when the other side has
// answered: a refused connection is a refused one inside too. The stack calls
// it on a goroutine of its own.
func (g *gate) acceptTCP(r *tcp.ForwarderRequest) {
	outside, err := g.dial("tcp", destination(r.ID()))
	if err != nil {
		r.Complete(!timedOut(err)) // who does not answer stays silent inside too
		return
	}
	var events waiter.Queue
	endpoint, problem := r.CreateEndpoint(&events)
	r.Complete(problem != nil)
	if problem != nil {
		outside.Close()
		g.leave()
		return
	}
	g.join(gonet.NewTCPConn(&events, endpoint), outside)
	g.leave()
}

func timedOut(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}

// halfCloser is a connection one direction of which can be ended.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// join carries bytes both ways until both ways have ended, and closes both
// connections.
func (g *gate) join(inside halfCloser, outside net.Conn) {
	defer inside.Close()
	defer outside.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		carry(outside.(halfCloser), inside, &g.counters.sent)
	}()
	carry(inside, outside.(halfCloser), &g.counters.received)
	<-done
}

// carry copies one way, counting as it goes, and passes the end on. An error
// ends both ways: there is nobody to send to, or nobody to hear of it.
func carry(to, from halfCloser, count *atomic.Int64) {
	if _, err := io.Copy(&counted{to, count}, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
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
