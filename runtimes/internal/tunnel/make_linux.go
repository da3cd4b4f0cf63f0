package tunnel

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// clone is the file that makes TUN devices.
const clone = "/dev/net/tun"

// Available says why this process cannot make devices, nil when the file that
// makes them can be opened.
func Available() error {
	fd, err := unix.Open(clone, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", clone, err)
	}
	return unix.Close(fd)
}

// Make makes the device in the network namespace of the calling thread, gives
// it the session's address and makes it the way to everywhere. It needs
// CAP_NET_ADMIN there. The device goes when the file and the namespace do.
func Make() (*os.File, error) {
	fd, err := unix.Open(clone, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", clone, err)
	}
	if err := attach(fd); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make the network interface: %w", err)
	}
	if err := configure(); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set the network interface up: %w", err)
	}
	return os.NewFile(uintptr(fd), Device), nil
}

// MakeIn makes the device in the network namespace of another process of this
// host. It needs CAP_SYS_ADMIN in both.
func MakeIn(pid int) (*os.File, error) {
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("find the network namespace: %w", err)
	}
	defer theirs.Close()
	ours, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("find the network namespace: %w", err)
	}
	defer ours.Close()
	runtime.LockOSThread()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter the network namespace: %w", err)
	}
	file, err := Make()
	if back := unix.Setns(int(ours.Fd()), unix.CLONE_NEWNET); back != nil {
		// The thread belongs nowhere now: it stays locked and ends with this
		// goroutine, which its caller cannot expect to survive.
		panic(fmt.Sprintf("cannot return to the server's network namespace: %v", back))
	}
	runtime.UnlockOSThread()
	return file, err
}

// attach makes the device of the file.
func attach(fd int) error {
	request, err := unix.NewIfreq(Device)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
}
