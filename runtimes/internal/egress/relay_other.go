//go:build !linux

package egress

import "github.com/codebeaker/codebeaker/runtimes"

// RunRelay does nothing: there are no relays on this system.
func RunRelay() {}

// Relay carries the packets of one session; there are none on this system.
type Relay struct{}

// Tell does nothing.
func (*Relay) Tell(func(runtimes.NetworkFlow)) {}

// Close does nothing.
func (*Relay) Close() error { return nil }
