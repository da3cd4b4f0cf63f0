package tunnel

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"unsafe"

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
// Errors: also a process that has no network namespace of its own: what is set
// up there would be the host's.
func MakeIn(pid int) (device *os.File, err error) {
	done := make(chan struct{})
	go func() { // a goroutine that ends takes along a thread that cannot return
		defer close(done)
		device, err = makeIn(pid)
	}()
	<-done
	return device, err
}

func makeIn(pid int) (*os.File, error) {
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("find the network namespace: %w", err)
	}
	defer theirs.Close()
	runtime.LockOSThread()
	ours, err := os.Open("/proc/thread-self/ns/net")
	if err == nil {
		defer ours.Close()
		err = differ(theirs, ours)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("find the network namespace: %w", err)
	}
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter the network namespace: %w", err)
	}
	device, err := Make()
	if back := unix.Setns(int(ours.Fd()), unix.CLONE_NEWNET); back != nil {
		// The thread stays locked, so that nobody else ever runs on it.
		if device != nil {
			device.Close()
		}
		return nil, fmt.Errorf("return to the server's network namespace: %w", back)
	}
	runtime.UnlockOSThread()
	return device, err
}

func differ(theirs, ours *os.File) error {
	a, err := theirs.Stat()
	if err != nil {
		return err
	}
	b, err := ours.Stat()
	if err == nil && os.SameFile(a, b) {
		err = errors.New("the process has the network of the host")
	}
	return err
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

// configure gives the device its address, its size and the default route, as
// netdevice(7) says.
func configure() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	mask := net.CIDRMask(Session.Bits(), 32)
	for _, step := range []struct {
		request uint
		set     func(*unix.Ifreq) error
	}{
		{unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(Session.Addr().AsSlice()) }},
		{unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(mask) }},
		{unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(MTU); return nil }},
		{unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		request, err := unix.NewIfreq(Device)
		if err != nil {
			return err
		}
		if err := step.set(request); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, step.request, request); err != nil {
			return err
		}
	}
	return addDefaultRoute(socket)
}

// route is struct rtentry of linux/route.h, as 64-bit processors lay it out, the
// only ones that there is an agent for.
type route struct {
	_                 uint64
	to, gateway, mask unix.RawSockaddrInet4
	flags             uint16
	_                 [2]uint16
	_                 [2]uint64
	metric            int16
	_                 [3]int16
	device            *byte
	mtu, window       uint64
	initialRoundTrip  uint16
	_                 [3]uint16
}

func addDefaultRoute(socket int) error {
	any4 := unix.RawSockaddrInet4{Family: unix.AF_INET}
	entry := route{to: any4, gateway: any4, mask: any4, flags: unix.RTF_UP | unix.RTF_GATEWAY}
	entry.gateway.Addr = Router.As4()
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCADDRT, uintptr(unsafe.Pointer(&entry)))
	if errno != 0 {
		return errno
	}
	return nil
}
