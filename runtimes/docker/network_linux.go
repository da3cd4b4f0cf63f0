package docker

import (
	"context"
	"fmt"
	"os"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// noNetwork says why containers cannot be given a network here, "" if they can.
// The engine's own networks are not used: from them the host and its
// neighbours can be reached, and other containers.
func noNetwork() string {
	if os.Geteuid() != 0 {
		return "Docker sessions have a network only where the server is root: it makes their network interface. " +
			"Use network \"none\", or a runtime that is a box: Bun, Deno or Native."
	}
	if err := tunnel.Available(); err != nil {
		return "This host has no /dev/net/tun: load the module tun (`modprobe tun`), or use network \"none\"."
	}
	return ""
}

// startRelay makes a network interface in the container, whose programs do not
// run yet, and lets them reach the internet through a relay.
func (c *construction) startRelay(context.Context) error {
	if c.spec.Network == runtimes.NoNetwork {
		return nil
	}
	if c.pid == 0 {
		return errNetworkElsewhere
	}
	device, err := tunnel.MakeIn(c.pid)
	if err != nil {
		return err
	}
	options := c.r.options.Egress
	options.Logger = c.r.log.With("session", c.spec.Session)
	if c.relay, err = egress.Start(device, options); err != nil {
		return fmt.Errorf("let the session reach the internet: %w", err)
	}
	return nil
}
