package egress

import (
	"errors"
	"fmt"
	"net/netip"
)

// Policy says which addresses a session may reach. The zero value permits
// public ones.
type Policy struct {
	// Allow are addresses permitted although they are not public: a package
	// mirror of the house. The host's own are permitted only where one is named
	// by itself, not by a block.
	Allow []netip.Prefix `json:",omitempty"`
}

// ErrForbidden is in the chain of every refusal of a Policy.
var ErrForbidden = errors.New("the network policy forbids this address")

// special are the blocks that are not public: those of the registries of
// special-purpose addresses (RFC 6890) that netip does not tell by itself.
var special = prefixes(
	"0.0.0.0/8",        // this network
	"100.64.0.0/10",    // shared by carriers, RFC 6598
	"168.63.129.16/32", // services of the platform in a large cloud
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation, RFC 5737
	"192.88.99.0/24",   // 6to4 relays
	"198.18.0.0/15",    // benchmarks, RFC 2544
	"198.51.100.0/24",  // documentation; the session's own network
	"203.0.113.0/24",   // documentation
	"240.0.0.0/4",      // reserved, and the broadcast address
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Check returns an error, with ErrForbidden in its chain, unless a session may
// reach the address. own are the networks of the host's interfaces.
func (p *Policy) Check(to netip.Addr, own []netip.Prefix) error {
	to = to.Unmap()
	inBlock := false
	for _, allowed := range p.Allow {
		if allowed.Contains(to) && allowed.IsSingleIP() {
			return nil
		}
		inBlock = inBlock || allowed.Contains(to)
	}
	for _, network := range own {
		if network.Addr() == to {
			return fmt.Errorf("%v is the host: %w", to, ErrForbidden)
		}
		if network.Contains(to) && !inBlock {
			return fmt.Errorf("%v is a neighbour of the host: %w", to, ErrForbidden)
		}
	}
	if inBlock && to.Is4() && to.IsGlobalUnicast() || public(to) {
		return nil
	}
	return fmt.Errorf("%v is not public: %w", to, ErrForbidden)
}

// public reports whether an address is one of the internet at large.
func public(a netip.Addr) bool {
	if !a.Is4() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, block := range special {
		if block.Contains(a) {
			return false
		}
	}
	return true
}
