package cgroup

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// listener is where a systemd can be asked: through a bus, or directly, without
// a bus between.
type listener struct {
	address string // as D-Bus writes it
	direct  bool
}

// listeners are those of the system's systemd for root, and of the user's own
// for everybody else, in the order in which to try them.
func listeners() []listener {
	const system = "/run/dbus/system_bus_socket"
	if os.Geteuid() == 0 {
		return []listener{
			{address: busAddress("DBUS_SYSTEM_BUS_ADDRESS", system)},
			{address: socketAddress("/run/systemd/private"), direct: true},
		}
	}
	dirs := []string{filepath.Join("/run/user", strconv.Itoa(os.Geteuid()))}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && dir != dirs[0] {
		dirs = slices.Insert(dirs, 0, dir)
	}
	all := []listener{{address: busAddress("DBUS_SESSION_BUS_ADDRESS", filepath.Join(dirs[0], "bus"))}}
	for _, dir := range dirs {
		all = append(all, listener{address: socketAddress(filepath.Join(dir, "bus"))})
	}
	for _, dir := range dirs {
		all = append(all, listener{address: socketAddress(filepath.Join(dir, "systemd", "private")), direct: true})
	}
	return slices.Compact(all)
}

// busAddress is the one that the variable holds, or else that of the socket.
// Only sockets are taken: an address may also name a program to be started.
func busAddress(variable, socket string) string {
	named := strings.Split(os.Getenv(variable), ";")
	named = slices.DeleteFunc(named, func(address string) bool { return !strings.HasPrefix(address, "unix:") })
	if len(named) == 0 {
		return socketAddress(socket)
	}
	return strings.Join(named, ";")
}

func socketAddress(path string) string { return "unix:path=" + dbus.EscapeBusAddressValue(path) }

// dial connects as this user. The connection ends with ctx.
func (l listener) dial(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.Dial(l.address, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
	if err == nil && !l.direct {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
