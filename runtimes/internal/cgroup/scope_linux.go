package cgroup

import (
	"context"
	"fmt"
	"os"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// scopeTimeout bounds how long systemd is waited for.
const scopeTimeout = 5 * time.Second

// startScope has systemd move this process into a new scope, which is delegated
// to it, and returns the scope's name. The scope ends with its last process.
// Errors: errNoSystemd.
func startScope() (name string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), scopeTimeout)
	defer cancel()
	name = fmt.Sprintf("codebeaker-%d.scope", os.Getpid())
	var unreached, refused error // the first of each
	for _, l := range listeners() {
		conn, err := systemd.NewConnection(func() (*dbus.Conn, error) { return l.dial(ctx) })
		if err != nil {
			if unreached == nil {
				unreached = fmt.Errorf("%w at %s (%w)", errNoSystemd, l.address, err)
			}
			continue
		}
		err = enterScope(ctx, conn, name)
		conn.Close()
		if err == nil {
			return name, nil
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

// enterScope asks for the scope and waits until this process is in it.
func enterScope(ctx context.Context, conn *systemd.Conn, name string) error {
	result := make(chan string, 1)
	_, err := conn.StartTransientUnitContext(ctx, name, "fail", []systemd.Property{
		systemd.PropDescription("CodeBeaker server"),
		// Zero is who asks: our own number may be another process's outside of
		// our namespace.
		{Name: "PIDs", Value: dbus.MakeVariant([]uint32{0})},
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
