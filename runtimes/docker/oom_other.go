//go:build !linux

package docker

// oomCounterOf is nil: the container runs in a virtual machine.
func oomCounterOf(int) oomCounter { return nil }
