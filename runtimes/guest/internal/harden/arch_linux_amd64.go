package harden

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// refusedHere are calls of this architecture only.
var refusedHere = []uint32{
	unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_USELIB, unix.SYS_USTAT, unix.SYS_SYSFS,
	unix.SYS__SYSCTL, unix.SYS_CREATE_MODULE, unix.SYS_GET_KERNEL_SYMS, unix.SYS_QUERY_MODULE,
}

// x32Bit marks calls of the x32 interface, which have this architecture's name
// and other numbers.
const x32Bit = 0x40000000

// refuseX32 refuses them. -1 has the bit too, and is nobody's number.
func (p *program) refuseX32() {
	p.deny(^uint32(0), unix.ENOSYS)
	p.emit(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, x32Bit, 0, 1)
	p.answer(errno(unix.EPERM))
}
