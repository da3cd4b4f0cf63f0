package docker

import (
	"io"
	"net"

	"golang.org/x/sys/unix"
)

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
