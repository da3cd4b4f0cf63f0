package egress

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

func TestNamesAreAskedOfTheHostsResolver(t *testing.T) {
	g := newGate(Policy{})
	where := netip.MustParseAddrPort("127.0.0.53:53")
	g.resolver = func() (netip.AddrPort, bool) { return where, true }
	if to, err := g.target(netip.AddrPortFrom(tunnel.Router, 53)); err != nil || to != where {
		t.Errorf("the router's port 53 leads to %v, %v", to, err)
	}
	if _, err := g.target(netip.AddrPortFrom(tunnel.Router, 80)); !errors.Is(err, ErrForbidden) {
		t.Errorf("another port of the router: %v", err)
	}
	g.resolver = func() (netip.AddrPort, bool) { return netip.AddrPort{}, false }
	if _, err := g.target(netip.AddrPortFrom(tunnel.Router, 53)); err == nil {
		t.Error("a resolver that is not there was found")
	}
}
