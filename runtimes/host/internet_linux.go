package host

import (
	"fmt"

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
