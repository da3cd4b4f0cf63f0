//go:build !linux

package host

// Internet reports that sessions cannot be given network internet here.
func (h *Host) Internet() (available bool, reason string) {
	return false, "it takes a server on Linux"
}

// NoExec knows of no mounts here that forbid to execute.
func NoExec(string) string { return "" }

// Short knows of nothing that is short here.
func (h *Host) Short() string { return "" }
