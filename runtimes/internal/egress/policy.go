package egress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
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

// ownAge is for how long the host's addresses are taken to stay the same: to
// ask for them costs more than a packet.
const ownAge = time.Second

// ownNetworks are the networks of the host's interfaces, each with the host's
// address in it. The zero value is ready.
type ownNetworks struct {
	mu    sync.Mutex
	at    time.Time
	known []netip.Prefix
}

// list asks the kernel, not more than once for each ownAge.
func (o *ownNetworks) list() ([]netip.Prefix, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.at.IsZero() && time.Since(o.at) < ownAge {
		return o.known, nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var found []netip.Prefix
	for _, address := range addresses {
		network, err := netip.ParsePrefix(address.String())
		if err == nil {
			found = append(found, netip.PrefixFrom(network.Addr().Unmap(), network.Bits()))
		}
	}
	o.at, o.known = time.Now(), found
	return found, nil
}

// resolverFile lists the host's resolvers, resolv.conf(5).
const resolverFile = "/etc/resolv.conf"

// hostResolver is the first resolver of the host, as of now.
func hostResolver() (netip.AddrPort, bool) {
	file, err := os.Open(resolverFile)
	if err != nil {
		return netip.AddrPort{}, false
	}
	defer file.Close()
	return firstResolver(file)
}

// firstResolver reads lines "nameserver ADDRESS".
func firstResolver(r io.Reader) (netip.AddrPort, bool) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if address, err := netip.ParseAddr(fields[1]); err == nil {
			return netip.AddrPortFrom(address, dnsPort), true
		}
	}
	return netip.AddrPort{}, false
}

const dnsPort = 53
