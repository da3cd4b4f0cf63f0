package harden

import (
	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/syscalls"
)

const auditArch = unix.AUDIT_ARCH_AARCH64

// numberOf is the call's number here; -1 is none.
func numberOf(c *syscalls.Call) int { return c.ARM64 }

// refuseX32 is for another architecture.
func (p *program) refuseX32() {}
