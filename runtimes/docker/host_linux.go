package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
	"github.com/codebeaker/codebeaker/runtimes/internal/pss"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// devicePatience is how long a container that has connected may take to pass
// the interface: it is about to.
const devicePatience = 3 * time.Second

// startRelay gives the container, whose programs do not run yet, a network
// interface, and lets them reach the internet through a relay. The engine's own
// networks are not used: from them the host and its neighbours can be reached,
// and other containers.
func (c *construction) startRelay(ctx context.Context) error {
	if c.spec.Network == runtimes.NoNetwork {
		return nil
	}
	device, err := c.device(ctx)
	if err != nil {
		return failedFor(stepRelay, deviceReason(err), err)
	}
	options := c.r.options.Egress
	options.Logger = c.r.log.With("environment", c.spec.Name)
	options.UID = c.workspace.UID()
	options.Lost = func() { // a container without the network that it was given is lost
		if err := c.r.engine.removeContainer(context.Background(), c.id); err != nil {
			c.r.log.Error("a container without its network could not be removed", "container", c.id, "error", err)
		}
	}
	if c.relay, err = egress.Start(device, options); err != nil {
		return failedFor(stepRelay, capital(reason.Relay(err)), fmt.Errorf("let the session reach the internet: %w", err))
	}
	return nil
}

// deviceReason is for a network interface that could not be made: by this host,
// or by the engine, which says so in words.
func deviceReason(err error) string {
	if strings.Contains(err.Error(), "/dev/net/tun") {
		return capital(reason.NoTunnel)
	}
	return reasonFor(stepRelay, err)
}

// device makes the interface in the container's network namespace: from here,
// where the server may enter it, else by a container that is lent it.
func (c *construction) device(ctx context.Context) (*os.File, error) {
	if os.Geteuid() == 0 && c.pid != 0 && !c.r.options.lendNetworks {
		return tunnel.MakeIn(c.pid)
	}
	link := filepath.Join(c.r.environments(), c.name, "link")
	socket, err := listenOnce(link)
	if err != nil {
		return nil, err
	}
	defer socket.close()
	name := newName("network")
	c.r.claims.claim(name)
	id, err := c.r.engine.createContainer(ctx, name, c.courierConfig(), c.courierHostConfig(link))
	if err == nil {
		err = c.r.engine.startContainer(ctx, id)
	}
	var device *os.File
	if err == nil {
		device, err = receiveDevice(ctx, socket)
	}
	if err = c.r.discard(ctx, name, err); err != nil && device != nil {
		device.Close()
		device = nil
	}
	return device, err
}

// courierConfig runs the agent's program, as the image's root: the right to
// make an interface comes with no other uid.
func (c *construction) courierConfig() *container.Config {
	return &container.Config{
		User: "0:0", Image: c.image.id, WorkingDir: "/",
		Entrypoint: []string{guestTarget, "-tunnel", linkTarget + "/" + socketName}, Cmd: []string{},
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels:      c.r.labels(roleCourier, c.spec.Name),
	}
}

// courierHostConfig gives it that right, in the namespace of the session's
// container, and nothing else. No program of a session runs in it.
func (c *construction) courierHostConfig(link string) *container.HostConfig {
	const file = "/dev/net/tun"
	return &container.HostConfig{
		LogConfig:      container.LogConfig{Type: "none"},
		NetworkMode:    container.NetworkMode("container:" + c.id),
		CapDrop:        []string{"ALL"},
		CapAdd:         []string{"NET_ADMIN"},
		ReadonlyRootfs: true,
		SecurityOpt:    []string{"no-new-privileges"},
		Mounts:         []mount.Mount{readOnly(c.guest(), guestTarget), readOnly(link, linkTarget)},
		Resources: container.Resources{
			Devices: []container.DeviceMapping{{PathOnHost: file, PathInContainer: file, CgroupPermissions: "rw"}},
		},
	}
}

// guest is the agent's program as the engine sees it.
func (c *construction) guest() string {
	if shared, ok := c.way.(*sharedAccess); ok {
		return shared.guest
	}
	return ""
}

func receiveDevice(ctx context.Context, socket *socket) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	conn, err := socket.accept(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stream, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("the agent's connection passes no files")
	}
	stream.SetReadDeadline(time.Now().Add(devicePatience))
	return tunnel.Receive(stream)
}

// cgroupRoot is where distributions mount the hierarchies, cgroups(7).
const cgroupRoot = "/sys/fs/cgroup"

// oomSourceOf finds the counter of the cgroup in which the process is; every user
// may read it. It returns nil where there is none.
func oomSourceOf(pid int) oomSource {
	if pid == 0 {
		return nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil
	}
	file := oomFile(string(text))
	if _, err := os.Stat(file); err != nil {
		return nil
	}
	return oomFileSource{file}
}

// oomFile reads /proc/PID/cgroup.
func oomFile(text string) string {
	groups := procfs.ParseGroups(text)
	for _, g := range groups {
		if slices.Equal(g.Controllers, []string{"memory"}) {
			return filepath.Join(cgroupRoot, "memory", g.Path, "memory.oom_control")
		}
	}
	if path, ok := procfs.Unified(groups); ok {
		return filepath.Join(cgroupRoot, path, "memory.events")
	}
	return ""
}

// readOOMKills is 0 when the container is gone.
func readOOMKills(file string) int64 {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	kills, _ := oomKills(string(content))
	return kills
}

// oomKills reads the line "oom_kill N" of either file.
func oomKills(content string) (int64, bool) {
	for line := range strings.Lines(content) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "oom_kill" {
			kills, err := strconv.ParseInt(value, 10, 64)
			return kills, err == nil
		}
	}
	return 0, false
}

// peerPID is the process at the other end of a unix socket, as this process's
// pid namespace counts it; 0 where there is none or it cannot be seen. It proves
// that a pid the engine names is one of this host.
func peerPID(conn io.ReadWriteCloser) int {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	raw.Control(func(fd uintptr) {
		// SO_PEERCRED, unix(7).
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(peer.Pid)
		}
	})
	return pid
}

// shimMemory is what the engine's process beside a container occupies, the
// parent of the container's first one; 0 where it cannot be seen.
func shimMemory(pid int) int64 {
	if pid == 0 {
		return 0
	}
	shim, err := pss.Parent(pid)
	if err != nil || shim <= 1 {
		return 0
	}
	occupied, err := pss.Of(shim)
	if err != nil {
		return 0
	}
	return occupied
}

// shortPath gives a directory a name that is short enough for a socket in it.
// The name is good until done is called.
func shortPath(directory string) (short string, done func(), err error) {
	opened, err := os.Open(directory)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d", opened.Fd()), func() { opened.Close() }, nil
}
