package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/gobwas/ws"
)

// DialOptions are what a client asks for.
type DialOptions struct {
	Options
	// Hub, when set, pings and closes the connection with its own; its Options
	// count then.
	Hub *Hub
	// Header is added to the request.
	Header http.Header
	// Protocols are the subprotocols offered, the dearest first.
	Protocols []string
	// TLS is for wss. Nil means the defaults.
	TLS *tls.Config
	// NetDial makes the connection underneath. Nil means TCP.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial connects to a ws or wss address. ctx is for the handshake. When the
// server answers with another status than 101 the error is a *HandshakeError.
func Dial(ctx context.Context, url string, o DialOptions) (*Conn, error) {
	refused := 0
	d := ws.Dialer{
		Protocols: o.Protocols, Header: ws.HandshakeHeaderHTTP(o.Header), TLSConfig: o.TLS, NetDial: o.NetDial,
		OnStatusError: func(status int, _ []byte, _ io.Reader) { refused = status },
	}
	nc, br, hs, err := d.Dial(ctx, url)
	if refused != 0 {
		return nil, &HandshakeError{Status: refused, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("websocket: dial: %w", err)
	}
	opts := o.Options.withDefaults()
	if o.Hub != nil {
		opts = o.Hub.opts
	}
	c := newConn(nc, opts, false)
	c.hub = o.Hub
	c.protocol = hs.Protocol
	if br != nil { // the first frames came with the answer
		early, err := br.Peek(br.Buffered())
		c.early = slices.Clone(early)
		ws.PutReader(br)
		if err != nil && !errors.Is(err, io.EOF) {
			_ = nc.Close()
			return nil, fmt.Errorf("websocket: dial: %w", err)
		}
	}
	return c, nil
}
