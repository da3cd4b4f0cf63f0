package harden

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// refusedHere are calls of this architecture only.
var refusedHere []uint32

// refuseX32 is for another architecture.
func (p *program) refuseX32() {}
