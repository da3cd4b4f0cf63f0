package cgroup

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOnlySocketsAreTakenForABus(t *testing.T) {
	const own = "unix:path=/run/a%20b/bus"
	for set, want := range map[string]string{
		"":                                own,
		"autolaunch:":                     own,
		"unixexec:path=/bin/sh":           own,
		"tcp:host=127.0.0.1,port=1":       own,
		"unix:path=/x":                    "unix:path=/x",
		"unixexec:path=/a;unix:path=/x":   "unix:path=/x",
		"unix:abstract=/y;unix:path=/x,g": "unix:abstract=/y;unix:path=/x,g",
	} {
		t.Setenv("TEST_BUS", set)
		if got := busAddress("TEST_BUS", "/run/a b/bus"); got != want {
			t.Errorf("%q gives %q", set, got)
		}
	}
}

func TestEveryListenerIsTriedOnce(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
	} else {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
		t.Setenv("XDG_RUNTIME_DIR", "/run/elsewhere")
	}
	var got []string
	for _, l := range listeners() {
		if strings.Contains(strings.Join(got, " "), l.address) {
			t.Errorf("%s is there twice", l.address)
		}
		got = append(got, l.address)
		if l.direct != strings.HasSuffix(l.address, "/private") {
			t.Errorf("%+v", l)
		}
	}
	if want := map[bool]int{true: 2, false: 4}[os.Geteuid() == 0]; len(got) != want {
		t.Errorf("%v", got)
	}
}

func TestABusThatIsNotThereOrDoesNotAnswerIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	silent := filepath.Join(t.TempDir(), "silent")
	socket, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, path := range []string{silent, silent + "-not"} {
		if conn, err := (listener{address: socketAddress(path)}).dial(ctx); err == nil {
			t.Errorf("%s: %v", path, conn)
		}
	}
}
