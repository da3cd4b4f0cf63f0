package workload

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Target is a server that answers.
type Target struct {
	Client   *client.Client
	Server   protocol.Info
	Runtimes []protocol.Runtime
}

// Ask finds out who answers and what it offers.
func Ask(ctx context.Context, c *client.Client) (*Target, error) {
	who, err := c.Initialize(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server does not say who it is: %w", err)
	}
	if who.ProtocolVersion != protocol.Version {
		return nil, fmt.Errorf("the server speaks version %q of the protocol, this program %q", who.ProtocolVersion, protocol.Version)
	}
	runtimes, err := c.Runtimes(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server does not list its runtimes: %w", err)
	}
	return &Target{Client: c, Server: who.ServerInfo, Runtimes: runtimes}, nil
}

// Only keeps the runtimes of those names, without regard to case; no names
// keep all.
// Errors: a name that the server does not have.
func (t *Target) Only(names []string) error {
	var kept []protocol.Runtime
	for _, name := range names {
		i := slices.IndexFunc(t.Runtimes, func(r protocol.Runtime) bool { return strings.EqualFold(r.RuntimeType, name) })
		if i < 0 {
			return fmt.Errorf("the server has no runtime %q; it has %s", name, strings.Join(t.names(), ", "))
		}
		kept = append(kept, t.Runtimes[i])
	}
	if len(names) > 0 {
		t.Runtimes = kept
	}
	return nil
}

func (t *Target) names() (names []string) {
	for _, r := range t.Runtimes {
		names = append(names, r.RuntimeType)
	}
	return names
}

// Shared is the language in which a runtime is compared with others: JavaScript
// where it is served.
func Shared(r protocol.Runtime) string {
	if slices.Contains(r.Languages, "javascript") || len(r.Languages) == 0 {
		return "javascript"
	}
	return r.Languages[0]
}
