package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

const (
	// dialTimeout bounds how long the other side may take to answer.
	dialTimeout = 15 * time.Second
	// MaxFlows bounds the flows of one session that are open at once.
	MaxFlows = 256
)

// errLimited: the session has as many flows as it may have.
var errLimited = fmt.Errorf("a session may have %d connections at once", MaxFlows)

// gate makes the connections of one session, as the policy lets it.
type gate struct {
	policy   Policy
	counters Counters
	places   chan struct{} // one for each flow that is open
	resolver func() (netip.AddrPort, bool)
}

func newGate(p Policy) *gate {
	return &gate{policy: p, places: make(chan struct{}, MaxFlows), resolver: hostResolver}
}

// dial connects to where a program wants to go, and counts what came of it.
// The connection gives its place back when it is closed.
func (g *gate) dial(network string, to netip.AddrPort) (net.Conn, error) {
	target, err := g.target(to)
	if err != nil {
		g.counters.Add(Counts{Refused: 1})
		return nil, err
	}
	select {
	case g.places <- struct{}{}:
	default:
		g.counters.Add(Counts{Limited: 1})
		return nil, errLimited
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, target.String())
	if err != nil {
		<-g.places
		g.counters.Add(Counts{Failed: 1})
		return nil, err
	}
	g.counters.Add(Counts{Opened: 1})
	return conn, nil
}

// leave gives a flow's place back.
func (g *gate) leave() { <-g.places }

// target is what is dialled: the address itself, or the host's resolver for
// the router's port 53.
func (g *gate) target(to netip.AddrPort) (netip.AddrPort, error) {
	if to.Addr() != tunnel.Router {
		return to, g.policy.Check(to.Addr())
	}
	if to.Port() != dnsPort {
		return netip.AddrPort{}, fmt.Errorf("the router is a resolver only: %w", ErrForbidden)
	}
	resolver, ok := g.resolver()
	if !ok {
		return netip.AddrPort{}, errors.New("the host has no resolver")
	}
	return resolver, nil
}
