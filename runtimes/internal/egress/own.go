package egress

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

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
