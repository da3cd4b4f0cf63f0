package boxed

import (
	"fmt"
	"slices"

	"github.com/codebeaker/codebeaker/runtimes"
)

// required are the layers without which a box is not given to anybody. A root
// server's sessions also have uids of their own: they would be root otherwise.
var required = []runtimes.Layer{
	runtimes.MountNamespace, runtimes.NoHostFiles, runtimes.PIDNamespace, runtimes.IPCNamespace,
	runtimes.UTSNamespace, runtimes.NoCapabilities, runtimes.NoNewPrivileges, runtimes.Seccomp,
}

// networkLayer is what stands between a box and the host's network.
func (m *making) networkLayer() runtimes.Layer {
	if m.spec.Network == runtimes.Internet {
		return runtimes.NetworkFilter
	}
	return runtimes.NetworkNamespace
}

// refuseOpen fails when a layer is missing that the box should have had.
func (m *making) refuseOpen(root bool) error {
	for _, layer := range append(slices.Clone(required), m.networkLayer()) {
		if !m.e.isolation.Has(layer) {
			return fmt.Errorf("the box lacks %s", layer)
		}
	}
	if root && !m.e.isolation.Has(runtimes.OwnUID) {
		return fmt.Errorf("the box lacks %s", runtimes.OwnUID)
	}
	return nil
}
