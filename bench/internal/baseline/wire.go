package baseline

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// echoBytes is about the size of an answer to a small call.
const echoBytes = 512

// bareWire sends bytes over a loopback socket and gets them back.
func (m *maker) bareWire() {
	if !m.wants(workload.Wire) {
		return
	}
	for _, variant := range []string{"initialize", "session.get"} {
		timed := series(workload.Wire, variant, "bare socket", result.Bare, "512 bytes there and back")
		e := &echo{}
		m.cheap(measure.Task{Name: "a bare socket", Series: []*result.Series{timed}, Open: e.open, Close: e.close,
			Once: func(_ context.Context, c *measure.Clock) error { return c.Time(timed, e.once) }})
	}
}

// echo is a socket to a server that sends back what it gets.
type echo struct {
	listener net.Listener
	conn     net.Conn
	serving  sync.WaitGroup
	sent     [echoBytes]byte
	got      [echoBytes]byte
}

func (e *echo) open(ctx context.Context) (err error) {
	if e.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	e.serving.Go(func() {
		conn, err := e.listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}) // no splice: a server reads
	})
	e.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", e.listener.Addr().String())
	return err
}

func (e *echo) once() error {
	if _, err := e.conn.Write(e.sent[:]); err != nil {
		return err
	}
	if _, err := io.ReadFull(e.conn, e.got[:]); err != nil {
		return err
	}
	if !bytes.Equal(e.got[:], e.sent[:]) {
		return &measure.WrongOutput{Got: string(e.got[:]), Want: string(e.sent[:])}
	}
	return nil
}

func (e *echo) close(context.Context) error {
	if e.conn != nil {
		e.conn.Close()
	}
	if e.listener != nil {
		e.listener.Close()
	}
	e.serving.Wait()
	return nil
}
