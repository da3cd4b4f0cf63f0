package boxed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// The steps of making a box.
const (
	stepWorkspace = "make workspace"
	stepGroup     = "make control group"
	stepStart     = "start box"
	stepGuest     = "wait for guest"
	stepRelay     = "start relay"
	stepLimits    = "read limits"
)

// reasonFor says in a sentence, without a path or a secret of the server, why a
// step of making a box failed and what to do. said is what the agent wrote to
// its standard error.
func reasonFor(step string, err error, said string) string {
	var lack *lackError
	var known *runtimes.Problem
	switch {
	case errors.As(err, &lack):
		return lack.reason()
	case errors.As(err, &known):
		return known.Reason
	case step == stepWorkspace:
		return reason.Workspace(err)
	case step == stepRelay:
		return reason.Relay(err)
	case step == stepGuest:
		return guestReason(err, said)
	case step == stepStart && refusesNamespaces(errnoOf(err)):
		return namespaceReason(errnoOf(err))
	case isPermission(errnoOf(err)):
		return groupReason
	}
	if text := reason.Resources(err); text != "" {
		return text
	}
	return fmt.Sprintf("the box could not be made (%s: %s): %s", step, reason.Cause(err), reason.Again)
}

// groupReason: nothing else than control groups is forbidden to a server that
// could look at its host.
const groupReason = "the server may not use the control groups that it found: mount /sys/fs/cgroup writable for it, " +
	"and let no other program change its groups"

// guestReason is for an agent that did not get ready.
func guestReason(err error, said string) string {
	var hello *guestlink.HelloError
	switch {
	case errors.As(err, &hello):
		return setUpReason(hello.Message)
	case errors.Is(err, context.DeadlineExceeded):
		return "the guest agent was not ready in time: see whether the host is overloaded, then try again"
	case isPermission(errnoOf(err)):
		return groupReason
	}
	if text := reason.Resources(err); text != "" {
		return text
	}
	what := reason.Cause(err)
	if line := lastWords(said); line != "" {
		what = line
	}
	return fmt.Sprintf("the guest agent ended before it was ready (%s): run `make build`, which also makes it anew, "+
		"and start the server again; where that does not help, its log has the whole error", what)
}

// lastWords is what an agent that died said of it: where it left the trace of a
// panic, that line.
func lastWords(said string) string {
	line := reason.LastLine(said, saidMax)
	for candidate := range strings.Lines(said) {
		if strings.HasPrefix(candidate, "panic: ") || strings.HasPrefix(candidate, "fatal error: ") {
			line = reason.Line(candidate, saidMax)
			break
		}
	}
	return reason.WithoutPaths(line)
}

// saidMax bounds what a sentence tells of the agent's words, in bytes.
const saidMax = 120

// setUpReason is for a step that the agent itself could not carry out. All
// that comes of it is its message.
func setUpReason(message string) string {
	errno := errnoIn(message)
	what := reason.Line(reason.WithoutPaths(message), saidMax)
	switch {
	case strings.HasPrefix(message, "mount proc") && isPermission(errno) && os.Geteuid() != 0:
		return "the box could not be given a /proc of its own, for the server lives in a container whose own is masked: " +
			"start that with systempaths=unconfined, or run the server as root"
	case strings.Contains(message, "system call filter"):
		return "the box cannot be given its system call filter (" + what + "): " + seccompAdvice
	case errno == syscall.ENOSPC: // mount(2)
		return fmt.Sprintf("the box could not be built (%s): raise `sysctl fs.mount-max`, or close sessions", what)
	case refusesNamespaces(errno):
		return reason.Line(fmt.Sprintf("the box could not be built (%s): %s", what, namespaceReason(errno)), reason.Max)
	}
	if errno != 0 {
		if text := reason.Resources(errno); text != "" {
			return text
		}
	}
	return fmt.Sprintf("the box could not be built (%s): %s", what, reason.Again)
}

// errnoOf is what the kernel said, 0 when it was not the kernel.
func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	errors.As(err, &errno)
	return errno
}

// errnoIn reads what the kernel said out of an agent's message.
func errnoIn(message string) syscall.Errno {
	for _, errno := range []syscall.Errno{
		syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.ENOSPC, syscall.EUSERS, syscall.ENOMEM,
		syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.EROFS,
	} {
		if strings.HasSuffix(message, ": "+errno.Error()) {
			return errno
		}
	}
	return 0
}

func isPermission(errno syscall.Errno) bool {
	return errno == syscall.EPERM || errno == syscall.EACCES || errno == syscall.EROFS
}

// refusesNamespaces: what a kernel says that gives no namespaces or mounts
// (clone(2), user_namespaces(7), mount(2)).
func refusesNamespaces(errno syscall.Errno) bool {
	switch errno {
	case syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.EINVAL:
		return true
	}
	return false
}

// namespaceReason is for namespaces or mounts that the kernel does not give.
func namespaceReason(errno syscall.Errno) string {
	limited := errno == syscall.ENOSPC || errno == syscall.EUSERS
	switch {
	case limited && (os.Geteuid() == 0 || readSetting("/proc/sys/user/max_user_namespaces") != "0"):
		return "the host's limit of namespaces is reached: close sessions, or raise `sysctl user.max_user_namespaces` " +
			"and the other settings user.max_*_namespaces"
	case os.Geteuid() == 0:
		return "the server is root but may not make namespaces or mounts: " +
			"start the container that holds it with CAP_SYS_ADMIN, and with seccomp and AppArmor that allow them"
	}
	return "this host does not allow user namespaces to ordinary users: " + userNamespaceAdvice(readSetting)
}

// noGuest is the problem of a server without an agent.
func noGuest(err error) error {
	const variable = "--guest or " + guestbin.Variable
	text := "the guest agent cannot be used (" + reason.Cause(err) + "): run `make build`, or name another with " + variable
	switch {
	case errors.Is(err, guestbin.ErrNotFound):
		text = "the guest agent was not found: run `make build`, or put guest-linux-" + runtime.GOARCH +
			" beside the server, or name it with " + variable
	case errors.Is(err, guestbin.ErrNotExecutable):
		text = "the guest agent may not be executed by the server: `chmod 755` it, and let its file system not be mounted noexec, " +
			"or name another with " + variable
	case errors.Is(err, guestbin.ErrForeign):
		text = "the guest agent is not a program for this machine: run `make build`, or name guest-linux-" + runtime.GOARCH +
			" with " + variable
	case errors.Is(err, fs.ErrNotExist):
		text = "the guest agent that " + variable + " names is not there: run `make build`, or name another"
	}
	return &runtimes.Problem{Step: "find guest", Reason: text, Err: err}
}

// noBase is the problem of a host whose system cannot be looked at.
func noBase(err error) error {
	return &runtimes.Problem{
		Step: "find the host's system", Err: err,
		Reason: "the server may not look at the host's programs and libraries in /usr and /etc (" + reason.Cause(err) +
			"): run it as a user who may",
	}
}

// userNamespaceAdvice names the setting that stands in the way.
func userNamespaceAdvice(setting func(string) string) string {
	const asRoot = ", or run the server as root"
	switch {
	case setting("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		return "`sysctl kernel.unprivileged_userns_clone=1` does" + asRoot
	case setting("/proc/sys/user/max_user_namespaces") == "0":
		return "`sysctl user.max_user_namespaces=10000` does" + asRoot
	case setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "`sysctl kernel.apparmor_restrict_unprivileged_userns=0` does" + asRoot
	}
	return "a container that holds the server must allow them (seccomp, AppArmor, systempaths=unconfined)" + asRoot
}

func readSetting(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

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
