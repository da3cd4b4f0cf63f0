//go:build !linux

package egress

// RunRelay does nothing: there are no relays on this system.
func RunRelay() {}

// Relay carries the packets of one session; there are none on this system.
type Relay struct{}

// Close does nothing.
func (*Relay) Close() error { return nil }
