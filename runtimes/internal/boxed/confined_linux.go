package boxed

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
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
			return m.lack(layer)
		}
	}
	if root && !m.e.isolation.Has(runtimes.OwnUID) {
		return m.lack(runtimes.OwnUID)
	}
	return nil
}

func (m *making) lack(layer runtimes.Layer) error {
	e := &lackError{layer: layer, has: m.e.isolation.Layers}
	if layer == m.networkLayer() && m.e.box != nil {
		e.interfaces, _ = box.Interfaces(m.e.box.PID()) // it is only told
	}
	return e
}

// lackError is a layer that a box should have had.
type lackError struct {
	layer      runtimes.Layer
	has        []runtimes.Layer
	interfaces []string // of its network, where that is the matter
}

// Error tells all, for the log.
func (e *lackError) Error() string {
	text := fmt.Sprintf("the box lacks %s; it has %v", e.layer, e.has)
	if e.interfaces != nil {
		text += fmt.Sprintf(" and the network interfaces %v", e.interfaces)
	}
	return text
}

// reason names the layer and what gives it.
func (e *lackError) reason() string {
	advice, known := layerAdvice[e.layer]
	if !known {
		advice = "use a host whose kernel has it, or Docker"
	}
	foreign := slices.DeleteFunc(slices.Clone(e.interfaces), func(name string) bool { return name == "lo" })
	if e.layer == runtimes.NetworkNamespace && len(foreign) > 0 {
		advice = fmt.Sprintf("modules of the host's kernel put interfaces into it (%s): "+
			"`sysctl net.core.fb_tunnels_only_for_init_net=1` forbids it, or unload them",
			reason.Line(strings.Join(foreign, ", "), interfacesMax))
	}
	if e.layer == runtimes.OwnUID && os.Geteuid() != 0 {
		advice = "run the server as root"
	}
	return fmt.Sprintf("the box lacks the layer %s: %s", e.layer, advice)
}

// interfacesMax bounds what a sentence tells of interfaces, in bytes.
const interfacesMax = 60

const (
	kernelAdvice = "the host's kernel must be built with %s; a sandbox round the server (gVisor) must offer it too; or use Docker"
	// seccompAdvice also serves an agent that could not set its filter.
	seccompAdvice = "the host's kernel must be built with CONFIG_SECCOMP_FILTER, and a container or sandbox round the server " +
		"must allow seccomp(2); or use Docker"
)

// layerAdvice says what on the host gives a layer.
var layerAdvice = map[runtimes.Layer]string{
	runtimes.MountNamespace: "it takes a root of its own on a tmpfs (CONFIG_NAMESPACES, CONFIG_TMPFS, pivot_root), " +
		"which a sandbox round the server (gVisor) must offer too; or use Docker",
	runtimes.NoHostFiles: "a file system of the host stays visible in it or writable: " +
		"unmount what is mounted below /usr (`findmnt` shows it), or use Docker",
	runtimes.PIDNamespace:     fmt.Sprintf(kernelAdvice, "CONFIG_PID_NS"),
	runtimes.IPCNamespace:     fmt.Sprintf(kernelAdvice, "CONFIG_IPC_NS"),
	runtimes.UTSNamespace:     fmt.Sprintf(kernelAdvice, "CONFIG_UTS_NS"),
	runtimes.NetworkNamespace: fmt.Sprintf(kernelAdvice, "CONFIG_NET_NS"),
	runtimes.NetworkFilter:    "the host's kernel must be built with CONFIG_NET_NS and CONFIG_TUN; or ask for network none",
	runtimes.OwnUID: "the server is root of a user namespace that cannot give sessions host users of their own; " +
		"map the uids 200000 to 265535 into it, or run the server as an ordinary user",
	runtimes.NoCapabilities:  "the host's kernel keeps the agent's capabilities; use another host, or Docker",
	runtimes.NoNewPrivileges: "the host's kernel must have no_new_privs (Linux 3.5), a sandbox round the server must offer it too; or use Docker",
	runtimes.Seccomp:         seccompAdvice,
}
