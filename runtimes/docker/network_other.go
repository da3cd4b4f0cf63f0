//go:build !linux

package docker

import "context"

// noNetwork says that containers cannot be given a network from this system.
func noNetwork() string {
	return "Docker sessions have a network only where the server is root on the engine's own Linux host. Use network \"none\"."
}

func (c *construction) startRelay(context.Context) error { return nil }
