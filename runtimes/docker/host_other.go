//go:build !linux

package docker

import (
	"context"
	"io"

	"github.com/codebeaker/codebeaker/runtimes"
)

// startRelay refuses: the engine's containers are not on this system.
func (c *construction) startRelay(context.Context) error {
	if c.spec.Network == runtimes.NoNetwork {
		return nil
	}
	return errNetworkElsewhere
}

// oomSourceOf is nil: the container runs in a virtual machine.
func oomSourceOf(int) oomSource { return nil }

func readOOMKills(string) int64 { return 0 }

// peerPID is 0: the container runs in a virtual machine.
func peerPID(io.ReadWriteCloser) int { return 0 }

// shimMemory is 0: the engine is on another system.
func shimMemory(int) int64 { return 0 }

// shortPath gives the directory itself: elsewhere the engine runs in a virtual
// machine, so that no directory is shared with it.
func shortPath(directory string) (short string, done func(), err error) {
	return directory, func() {}, nil
}
