package cgroup

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
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

// askTimeout bounds how long systemd is waited for.
const askTimeout = 5 * time.Second

// askSystemd returns the name of the unit that this process is in and that has
// been delegated to it. Where there is none it has systemd move this process into
// a new scope, which ends with its last process.
// Errors: errNoSystemd.
func askSystemd() (unit string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	var unreached, refused error // the first of each
	for _, l := range listeners() {
		conn, err := systemd.NewConnection(func() (*dbus.Conn, error) { return l.dial(ctx) })
		if err != nil {
			if unreached == nil {
				unreached = fmt.Errorf("%w at %s (%w)", errNoSystemd, l.address, err)
			}
			continue
		}
		unit := delegatedUnit(ctx, conn)
		if unit == "" {
			unit = fmt.Sprintf("codebeaker-%d.scope", os.Getpid())
			err = enterScope(ctx, conn, unit)
		}
		conn.Close()
		if err == nil {
			return unit, nil
		}
		if refused == nil {
			refused = fmt.Errorf("systemd makes no scope (%w)", err)
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", unreached
}

// self is who asks, for systemd. Our own number may be another process's outside
// of our namespace.
const self uint32 = 0

// delegatedUnit is the unit of this process, when it has been delegated.
func delegatedUnit(ctx context.Context, conn *systemd.Conn) string {
	unit, err := conn.GetUnitNameByPID(ctx, self)
	kind := map[string]string{".scope": "Scope", ".service": "Service"}[path.Ext(unit)]
	if err != nil || kind == "" {
		return ""
	}
	delegated, err := conn.GetUnitTypePropertyContext(ctx, unit, kind, "Delegate")
	if err != nil || delegated.Value.Value() != true {
		return ""
	}
	return unit
}

// enterScope asks for the scope and waits until this process is in it.
func enterScope(ctx context.Context, conn *systemd.Conn, name string) error {
	result := make(chan string, 1)
	_, err := conn.StartTransientUnitContext(ctx, name, "fail", []systemd.Property{
		systemd.PropDescription("CodeBeaker server"),
		{Name: "PIDs", Value: dbus.MakeVariant([]uint32{self})},
		{Name: "Delegate", Value: dbus.MakeVariant(true)},
		{Name: "CollectMode", Value: dbus.MakeVariant("inactive-or-failed")},
	}, result)
	if err != nil {
		return err
	}
	select {
	case got := <-result:
		if got != "done" {
			return fmt.Errorf("its job ended as %q", got)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
