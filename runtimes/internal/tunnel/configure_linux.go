package tunnel

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
