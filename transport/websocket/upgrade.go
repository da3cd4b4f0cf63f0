package websocket

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gobwas/ws"
)

// UpgradeOptions are what a server answers a handshake with.
type UpgradeOptions struct {
	// Protocol is asked for each subprotocol that the client offers, in order;
	// the first it accepts is the answer. Nil, or none accepted: the answer has
	// no subprotocol.
	Protocol func(offered string) bool
	// Header is added to the answer.
	Header http.Header
	// Timeout is for writing the answer. Zero means 5 s.
	Timeout time.Duration
}

// Upgrade makes a connection of an HTTP/1.1 request. The caller has checked
// Origin, Host and key before; reading the request was bounded by the
// http.Server. Extensions are declined, compression with them. The caller calls
// Start and returns: the request and its buffers are free then. After an error
// the client has its answer and the request is used up.
func (h *Hub) Upgrade(w http.ResponseWriter, r *http.Request, o UpgradeOptions) (*Conn, error) {
	if h.closed.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return nil, ErrShutdown
	}
	number(&o.Timeout, 5*time.Second)
	u := ws.HTTPUpgrader{Protocol: o.Protocol, Header: o.Header, Timeout: o.Timeout}
	// Upgrade clears the deadlines that the http.Server had set.
	nc, rw, hs, err := u.Upgrade(r, w)
	if err != nil {
		if nc != nil {
			_ = nc.Close()
		}
		return nil, fmt.Errorf("websocket: upgrade: %w", err)
	}
	c := newConn(nc, h.opts, true)
	c.hub = h
	c.protocol = hs.Protocol
	if n := rw.Reader.Buffered(); n > 0 { // the first frames came with the request
		early, err := rw.Reader.Peek(n)
		if err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("websocket: upgrade: %w", err)
		}
		c.early = slices.Clone(early)
	}
	return c, nil
}
