//go:build !linux

package cpus

// Host is this machine. Programs do not run on it, but on an engine's.
func Host() *Machine { return New(0) }
