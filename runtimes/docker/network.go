package docker

import (
	"os"
	"path/filepath"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// errNetworkElsewhere: the namespaces of the engine's containers are not to be
// found on this host.
var errNetworkElsewhere = refused("give a network", "The engine is on another machine or in a virtual one, and its "+
	"containers cannot be given a network from here. Use network \"none\", or a runtime that is a box: Bun, Deno or Native.")

// resolverFile tells containers with a network whom to ask for names. The
// engine's own settings for that do nothing in a container without a network
// of the engine's.
func (r *Runtime) resolverFile() string { return filepath.Join(r.directory(), "resolv.conf") }

func (r *Runtime) writeResolverFile() error {
	if err := os.WriteFile(r.resolverFile(), []byte(tunnel.ResolverFile), 0o644); err != nil {
		return err
	}
	return os.Chmod(r.resolverFile(), 0o644) // whatever the umask is: the session's user reads it
}
