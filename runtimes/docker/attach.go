package docker

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

// attach connects to the streams of a container that has not been started. The
// client's own call waits for the engine's answer whatever becomes of ctx, so
// the end of ctx closes its connection. One by TLS cannot be reached that way:
// it is left to itself until the engine answers or the connection breaks.
func (e *engine) attach(ctx context.Context, id string) (types.HijackedResponse, error) {
	type answer struct {
		conn types.HijackedResponse
		err  error
	}
	dialed := &dialedConn{}
	answers := make(chan answer, 1)
	go func() {
		conn, err := e.api.ContainerAttach(context.WithValue(ctx, dialedKey{}, dialed), id,
			container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
		answers <- answer{conn, err}
	}()
	select {
	case got := <-answers:
		return got.conn, got.err
	case <-ctx.Done():
		dialed.abort()
		go func() {
			if got := <-answers; got.err == nil {
				got.conn.Close()
			}
		}()
		return types.HijackedResponse{}, context.Cause(ctx)
	}
}

// dialedConn is the connection that one call was given.
type dialedConn struct {
	mu      sync.Mutex
	conn    net.Conn
	aborted bool
}

type dialedKey struct{}

func (d *dialedConn) set(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	if d.aborted {
		conn.Close()
	}
}

func (d *dialedConn) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aborted = true
	if d.conn != nil {
		d.conn.Close()
	}
}

// rememberDialed is an option of the client that tells a dialedConn in the
// context of a call which connection it got.
func rememberDialed(c *client.Client) error {
	transport, ok := c.HTTPClient().Transport.(*http.Transport)
	if !ok || transport.DialContext == nil {
		return nil
	}
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if dialed, ok := ctx.Value(dialedKey{}).(*dialedConn); ok && err == nil {
			dialed.set(conn)
		}
		return conn, err
	}
	return nil
}
