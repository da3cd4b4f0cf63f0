//go:build !linux

package docker

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
)

// startRelay refuses: the engine's containers are not on this system.
func (c *construction) startRelay(context.Context) error {
	if c.spec.Network == runtimes.NoNetwork {
		return nil
	}
	return errNetworkElsewhere
}
