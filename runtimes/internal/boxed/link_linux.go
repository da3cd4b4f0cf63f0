package boxed

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
	"github.com/codebeaker/codebeaker/runtimes/internal/sizes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// agentThreads is how many threads of the agent count against RLIMIT_NPROC of
// its user beside the programs'.
const agentThreads = 16

// openLink tells the agent how to live and waits until it does.
func (m *making) openLink(ctx context.Context) error {
	layout, err := json.Marshal(m.cfg)
	if err != nil {
		return err
	}
	m.e.variables, m.e.reserve, m.e.directory = m.makeVariables(), m.found.kit.Reserve, m.r.texts()
	hello := frame.Hello{
		Box:       layout,
		User:      &frame.User{UID: m.cfg.UID, GID: m.cfg.GID},
		Harden:    frame.Harden{NoCapabilities: true, NoNewPrivileges: true, Seccomp: true},
		Limits:    m.resourceLimits(),
		Env:       m.e.variables(nil, &m.spec.Limits),
		Workspace: runtimes.WorkspacePath,
		Places:    []string{Home, temporary, sharedMemory},
	}
	options := guestlink.Options{
		Hello: hello, Group: m.e.group, Processes: m.spec.Limits.Processes,
		OutputLimit: m.spec.Limits.OutputBytes, Logger: m.r.options.logger(),
		CPUs: m.spec.Limits.CPUs, Machine: cpus.Host(), StackBytes: m.stack(),
	}
	if m.spec.Network == runtimes.Internet {
		return m.openLinkAndDevice(ctx, options)
	}
	m.e.link, err = guestlink.Open(ctx, m.e.box.Conn, options)
	return err
}

// variables are those of every program of a box, for a session with those limits.
type variables func(session []string, limits *runtimes.Limits) []string

// makeVariables keeps no more of the making than it needs.
func (m *making) makeVariables() variables {
	network, language := m.spec.Network, m.spec.Language
	kit, tools := m.found.kit.Env, m.language.Env
	return func(session []string, limits *runtimes.Limits) []string {
		all := surroundings.Variables(surroundings.Where{
			Network: network, Language: language,
			Path:    toolsTarget + ":" + surroundings.SystemPath,
			Found:   slices.Concat(kit, tools),
			Session: session,
		})
		return sizes.Environment(all, limits.MemoryBytes, cpus.Host().Visible(limits.CPUs))
	}
}

// stack is how far stacks may grow: as far as the memory reaches. Threads
// reserve as much, which a control group does not count, and RLIMIT_DATA does:
// there they stay as they are.
func (m *making) stack() int64 {
	if !m.e.controllers().Memory {
		return 0
	}
	return m.spec.Limits.MemoryBytes
}

// defaultOpenFiles is used where the session asks for no limit: without one
// programs would have the server's own.
const defaultOpenFiles = 4096

// resourceLimits are the setrlimit(2) limits of every program. What no control
// group limits they bound: memory, of each process by itself, and the number of
// processes.
func (m *making) resourceLimits() []frame.ResourceLimit {
	limits := []frame.ResourceLimit{{Name: "core"}}
	add := func(name string, value int64) {
		if value > 0 {
			limits = append(limits, frame.ResourceLimit{Name: name, Value: uint64(value)})
		}
	}
	add("nofile", cmp.Or(m.spec.Limits.OpenFiles, defaultOpenFiles))
	grouped := m.e.controllers()
	if !grouped.Memory && m.spec.Limits.MemoryBytes > 0 {
		add("data", m.spec.Limits.MemoryBytes+m.found.kit.Reserve)
	}
	if !grouped.Processes && m.spec.Limits.Processes > 0 {
		add("nproc", m.spec.Limits.Processes+agentThreads)
	}
	return limits
}

// readLimits asks the kernel what is in force. Of the limit of processes it
// leaves away the agent's threads.
func (m *making) readLimits(context.Context) error {
	report := m.e.link.Report()
	disk, inodes := m.e.workspace.Limits()
	limits := runtimes.Limits{
		DiskBytes: disk, Inodes: inodes,
		OpenFiles: inForce(report, "nofile"), OutputBytes: m.spec.Limits.OutputBytes,
	}
	group, err := m.e.link.Limits()
	if err != nil {
		return err
	}
	limits.MemoryBytes, limits.CPUs, limits.Processes = group.MemoryBytes, group.CPUs, group.Processes
	grouped := m.e.controllers()
	if !grouped.Memory { // five processes may hold five times as much
		limits.MemoryBytes, limits.ProcessMemoryBytes = 0, inForce(report, "data")
	}
	if !grouped.Processes {
		limits.Processes = max(inForce(report, "nproc")-agentThreads, 0)
	}
	m.readRooms(&limits, report)
	m.e.limits, m.e.made, m.e.terminal = limits, m.spec.Limits, report.Terminal
	for _, s := range m.cfg.Scratch {
		if s.Source == "" {
			m.e.scratch = append(m.e.scratch, s.Target)
		}
	}
	return m.readIsolation(report)
}

// readRooms adds the places that have room of their own. What lies on the
// storage of the workspace has the room of that.
func (m *making) readRooms(limits *runtimes.Limits, report guestlink.Report) {
	for _, s := range m.cfg.Scratch {
		room := limits.DiskBytes
		if s.Source == "" {
			room = roomOf(report, s.Target)
		}
		switch s.Target {
		case Home:
			limits.HomeBytes = room
		case temporary:
			limits.TemporaryBytes = room
		case sharedMemory:
			limits.SharedMemoryBytes = room
		}
	}
}

// roomOf is what the agent read back of a place, zero for none.
func roomOf(report guestlink.Report, path string) int64 {
	for _, place := range report.Places {
		if place.Path == path {
			return place.Bytes
		}
	}
	return 0
}

// inForce is a resource limit that the agent read back, zero for none.
func inForce(report guestlink.Report, name string) int64 {
	for _, limit := range report.Limits {
		if limit.Name == name {
			return int64(min(limit.Value, 1<<62))
		}
	}
	return 0
}

// readIsolation lists the layers in force: those that /proc shows of the
// agent, and those of the limits read back.
func (m *making) readIsolation(report guestlink.Report) error {
	layers, err := box.Layers(m.e.box.PID(), m.cfg)
	if err != nil {
		return err
	}
	l := m.e.limits
	grouped := m.e.controllers()
	if m.e.group != nil && m.e.group.Version() == cgroup.V2 && report.Harden.Seccomp && !slices.Contains(layers, runtimes.Seccomp) {
		// The agent is not under the filter, for it starts programs by clone3(2);
		// it has tried that they are.
		layers = append(layers, runtimes.Seccomp)
	}
	if report.Harden.Seccomp && slices.Contains(layers, runtimes.Seccomp) {
		layers = append(layers, runtimes.SeccompAllowList) // what the agent has tried is its own filter
	}
	if !grouped.Processes {
		l.Processes = 0 // setrlimit(2) holds it
	}
	if !grouped.CPU {
		l.CPUs = 0
	}
	layers = append(layers, runtimes.LayersOf(l)...)
	if slices.Contains(layers, runtimes.PIDNamespace) {
		// The agent is the first process of a pid namespace: what it does not
		// end, its own end does.
		layers = append(layers, runtimes.TreeKill)
	}
	m.e.isolation = runtimes.NewIsolation(layers...)
	return m.refuseOpen(os.Geteuid() == 0)
}

// deviceTimeout bounds how long an agent that is ready may take to pass the
// device: it has done so before.
const deviceTimeout = 5 * time.Second

// openLinkAndDevice opens the link to an agent that makes a network interface,
// and takes the interface from it.
func (m *making) openLinkAndDevice(ctx context.Context, o guestlink.Options) error {
	socket, theirs, err := box.SocketPair()
	if err != nil {
		return err
	}
	defer socket.Close()
	defer theirs.Close()
	o.Tunnel = theirs
	if m.e.link, err = guestlink.Open(ctx, m.e.box.Conn, o); err != nil {
		return err
	}
	socket.SetReadDeadline(time.Now().Add(deviceTimeout))
	m.device, err = tunnel.Receive(socket)
	return err
}

// startRelay lets the box reach the internet through a relay.
func (m *making) startRelay(context.Context) (err error) {
	if m.device == nil {
		return nil
	}
	options := m.r.options.Egress
	options.Logger = m.r.options.logger().With("environment", m.e.id)
	options.UID = m.e.workspace.UID()
	box := m.e.box
	options.Lost = func() { // a box without the network that it was given is lost
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		box.Close(ctx)
	}
	if m.e.relay, err = egress.Start(m.device, options); err != nil {
		return fmt.Errorf("let the session reach the internet: %w", err)
	}
	return nil
}
