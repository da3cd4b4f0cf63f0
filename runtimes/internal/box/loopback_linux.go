package box

import (
	"os"

	"golang.org/x/sys/unix"
)

// firstPort is, in the box's network namespace, the first port that anybody may
// bind (ip(7)). It is 1024 in a new one.
const firstPort = "/proc/sys/net/ipv4/ip_unprivileged_port_start"

// openPorts lets programs serve on port 80: nobody but themselves hears it there.
// A kernel without the setting (before 4.11), or one that does not let it be set,
// leaves it as it is.
//
// Whichever /proc it is set by, it is that of the process's own namespace. In a
// user namespace without a root the box's own cannot be written, for its files
// belong to nobody there.
func openPorts(Config) error {
	for _, file := range []string{firstPort, host + firstPort} {
		if os.WriteFile(file, []byte("0"), 0) == nil {
			break
		}
	}
	return nil
}

// loopbackUp brings up the only interface of the box's network namespace
// (netdevice(7)), so that programs can talk to themselves.
func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
