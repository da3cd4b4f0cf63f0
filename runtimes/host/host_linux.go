package host

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// Internet reports whether boxes can be given network internet here, and why
// not. Docker's containers can where the engine may make network interfaces.
func (h *Host) Internet() (available bool, reason string) {
	if err := tunnel.Available(); err != nil {
		return false, fmt.Sprintf("%v: `modprobe tun`, and as root `chmod 666 /dev/net/tun` to let others use it", err)
	}
	return true, ""
}

// NoExec says what a server of this user cannot do with a data directory, which
// may not be there yet, for its mount forbids to execute what lies in it; ""
// where it does not. Root's workspaces are mounts of their own.
func NoExec(dir string) string {
	if os.Geteuid() == 0 || !mountedNoExec(dir) {
		return ""
	}
	return "the data directory is mounted noexec, so that sessions cannot execute what they build in their workspaces: " +
		"remount it (`mount -o remount,exec`), or name another with --data-dir"
}

func mountedNoExec(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for _, err := os.Stat(dir); os.IsNotExist(err) && dir != "/"; _, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	var mount unix.Statfs_t
	return unix.Statfs(dir, &mount) == nil && mount.Flags&unix.ST_NOEXEC != 0
}
