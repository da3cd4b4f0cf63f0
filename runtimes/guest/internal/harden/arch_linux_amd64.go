package harden

import (
	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/syscalls"
)

const auditArch = unix.AUDIT_ARCH_X86_64

// numberOf is the call's number here; -1 is none.
func numberOf(c *syscalls.Call) int { return c.AMD64 }

// x32Bit marks calls of the x32 interface, which have this architecture's name
// and other numbers.
const x32Bit = 0x40000000

// refuseX32 refuses them. -1 has the bit too, and is nobody's number.
func (p *program) refuseX32() {
	p.deny(^uint32(0), unix.ENOSYS)
	p.emit(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, x32Bit, 0, 1)
	p.answer(errno(unix.EPERM))
}
