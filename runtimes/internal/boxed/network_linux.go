package boxed

import (
	"context"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// deviceTimeout bounds how long an agent that is ready may take to pass the
// device: it has done so before.
const deviceTimeout = 5 * time.Second

// openLinkAndDevice opens the link to an agent that makes a network interface,
// and takes the interface from it.
func (m *making) openLinkAndDevice(ctx context.Context, o guestlink.Options) error {
	socket, theirs, err := box.SocketPair()
	if err != nil {
		return err
	}
	defer socket.Close()
	defer theirs.Close()
	o.Tunnel = theirs
	if m.e.link, err = guestlink.Open(ctx, m.e.box.Conn, o); err != nil {
		return err
	}
	socket.SetReadDeadline(time.Now().Add(deviceTimeout))
	m.device, err = tunnel.Receive(socket)
	return err
}

// startRelay lets the box reach the internet through a relay.
func (m *making) startRelay(context.Context) (err error) {
	if m.device == nil {
		return nil
	}
	options := m.r.options.Egress
	options.Logger = m.r.options.logger().With("session", m.spec.Session)
	options.UID = m.e.workspace.UID()
	box := m.e.box
	options.Lost = func() { // a box without the network that it was given is lost
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		box.Close(ctx)
	}
	if m.e.relay, err = egress.Start(m.device, options); err != nil {
		return fmt.Errorf("let the session reach the internet: %w", err)
	}
	return nil
}
