package tunnel

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pair is two ends of a unix socket: a file to pass over and a connection.
func pair(t *testing.T) (*os.File, *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours := os.NewFile(uintptr(fds[0]), "theirs"), os.NewFile(uintptr(fds[1]), "ours")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close(); conn.Close() })
	return theirs, conn.(*net.UnixConn)
}

// openDescriptors counts those of this process.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestWhatIsNoDeviceIsRefusedAndClosed(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	for name, passed := range map[string][]int{"none": nil, "one that is no device": {fd}, "two": {fd, fd}, "many": {fd, fd, fd, fd}} {
		theirs, ours := pair(t)
		before := openDescriptors(t)
		if err := unix.Sendmsg(int(theirs.Fd()), []byte{1}, unix.UnixRights(passed...), nil, 0); err != nil {
			t.Fatal(err)
		}
		if device, err := Receive(ours); err == nil {
			device.Close()
			t.Errorf("%s: accepted", name)
		}
		if left := openDescriptors(t) - before; left != 0 {
			t.Errorf("%s: %d descriptors are left", name, left)
		}
	}
}

func TestADeviceIsNeverMadeInTheHostsOwnNamespace(t *testing.T) {
	device, err := MakeIn(os.Getpid())
	if err == nil {
		device.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "network of the host") {
		t.Errorf("got %v", err)
	}
}
