//go:build !linux

package docker

import "io"

// peerPID is 0: the container runs in a virtual machine.
func peerPID(io.ReadWriteCloser) int { return 0 }
