package harden

import (
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/syscalls"
)

// filter lets the calls of package syscalls through, some with certain arguments
// only. A call that is refused fails with EPERM; one with a higher number than all
// that are allowed fails with ENOSYS, as on the kernels before it, by which
// libraries go on without it.
func filter() program {
	var p program
	p.load(offsetArch)
	p.emit(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, auditArch, 1, 0)
	p.answer(unix.SECCOMP_RET_KILL_PROCESS) // 32-bit calls have other numbers
	p.load(offsetNumber)
	p.refuseX32()
	// Its flags lie in memory, where no filter can look; glibc then uses clone.
	p.deny(unix.SYS_CLONE3, unix.ENOSYS)
	p.denyWhen(unix.SYS_CLONE, func(p *program) { p.anyBit(0, syscalls.NewNamespaces, unix.EPERM) })
	// The limits of another process of the uid, the agent for one.
	p.denyWhen(unix.SYS_PRLIMIT64, func(p *program) { p.isNot(0, unix.EPERM, 0) })
	if !filtersTraced() {
		for _, number := range tracing {
			p.deny(number, unix.EPERM)
		}
	}
	p.denyWhen(unix.SYS_IOCTL, func(p *program) { p.is(1, unix.EPERM, unix.TIOCSTI, tiocLinux) })
	p.denyWhen(unix.SYS_PERSONALITY, func(p *program) {
		p.isNot(0, unix.EPERM, syscalls.Personas[:]...)
	})
	p.denySignals()
	p.deny(unix.SYS_IO_SETUP, unix.ENOSYS) // libraries go on without it
	p.denySockets()
	p.allow(numbers())
	return p
}

// numbers are the calls that are allowed, in order.
func numbers() []uint32 {
	all := make([]uint32, 0, len(syscalls.Allowed))
	for i := range syscalls.Allowed {
		if n := numberOf(&syscalls.Allowed[i]); n >= 0 {
			all = append(all, uint32(n))
		}
	}
	slices.Sort(all)
	return all
}

// tracing are the calls of debuggers and sanitizers. The programs of a session
// are one user and can do anything to each other already; the kernel keeps them
// from the agent, its keepers and what is about to become a program, all of
// which live in memory that is undumpable (ptrace(2), "Ptrace access mode
// checking").
var tracing = []uint32{unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV}

// filtersTraced tells whether the kernel looks at a call again after a tracer
// has changed it. Before Linux 4.8 it did not: one could go by any filter.
func filtersTraced() bool {
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) != nil {
		return false
	}
	n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	return n == 2 && (major > 4 || major == 4 && minor >= 8)
}

// Values that x/sys does not name.
const (
	tiocLinux = 0x541C // TIOCLINUX
	fSetSig   = 10     // F_SETSIG
)

// denySignals refuses to send a signal with made-up information. Go takes a
// SIGSEGV whose information does not say that a user sent it for its own, so
// one of these would end the agent, whatever it catches. The list has neither
// rt_sigqueueinfo(2) nor rt_tgsigqueueinfo(2); kill(2), tgkill(2) and
// pidfd_send_signal(2) without information are left.
func (p *program) denySignals() {
	p.denyWhen(unix.SYS_PIDFD_SEND_SIGNAL, func(p *program) { p.isPointer(2, unix.ENOSYS) })
	p.denyWhen(unix.SYS_FCNTL, func(p *program) { p.is(1, unix.EPERM, fSetSig) })
}

// denySockets leaves unix, internet and route sockets. Those of virtual
// machines, packets and the kernel's cryptography pass by the network
// namespace or are rich in defects.
func (p *program) denySockets() {
	p.denyWhen(unix.SYS_SOCKET, func(p *program) {
		p.isNot(0, unix.EAFNOSUPPORT, syscalls.Families[:]...)
		p.ifNot(unix.AF_NETLINK, 3) // the domain is still loaded
		p.loadArg(2)
		p.emit(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, unix.NETLINK_ROUTE, 1, 0)
		p.answer(errno(unix.EPROTONOSUPPORT))
	})
	p.denyWhen(unix.SYS_SOCKETPAIR, func(p *program) { p.isNot(0, unix.EAFNOSUPPORT, syscalls.PairFamily) })
}

// Filter is the allow-list as seccomp(2) takes it.
func Filter() *unix.SockFprog {
	p := filter()
	return &unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
}

// Seccomp puts every thread under the allow-list. It needs NoNewPrivileges.
func Seccomp() error {
	thread, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(Filter())))
	if errno != 0 {
		return fmt.Errorf("set the system call filter: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("set the system call filter: thread %d has another", thread)
	}
	return nil
}

// Offsets in struct seccomp_data, seccomp(2).
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

// program is a classic BPF program. Each check is complete in itself: it
// returns an answer or falls through to the next.
type program []unix.SockFilter

func (p *program) emit(code uint16, k uint32, jt, jf uint8) {
	*p = append(*p, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
}

func (p *program) load(offset uint32) { p.emit(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset, 0, 0) }

// loadArg loads the low half of an argument. The high half is not looked at:
// the kernel ignores it for arguments of type int, and for the flags that are
// checked here no bit above 31 is refused.
func (p *program) loadArg(n int) { p.load(uint32(offsetArgs + 8*n)) } // little-endian

func (p *program) answer(value uint32) { p.emit(unix.BPF_RET|unix.BPF_K, value, 0, 0) }

// ifNot skips the next n instructions unless the loaded value is k.
func (p *program) ifNot(k uint32, n uint8) { p.emit(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, k, 0, n) }

func errno(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e) }

// deny answers a call by an error, whatever its arguments. The call's number
// is loaded.
func (p *program) deny(number uint32, e unix.Errno) {
	p.ifNot(number, 1)
	p.answer(errno(e))
}

// denyWhen answers a call by an error when test, which looks at its arguments
// and ends in an answer or falls through, says so. The number is loaded again
// after it.
func (p *program) denyWhen(number uint32, test func(*program)) {
	var body program
	test(&body)
	body.load(offsetNumber)
	p.ifNot(number, uint8(len(body)))
	*p = append(*p, body...)
}

// allow ends the program: it allows the numbers, which are sorted and of which
// there is one at least. The number is loaded.
func (p *program) allow(numbers []uint32) {
	p.emit(unix.BPF_JMP|unix.BPF_JGT|unix.BPF_K, numbers[len(numbers)-1], 0, 1)
	p.answer(errno(unix.ENOSYS))
	var runs []run
	for _, n := range numbers {
		if last := len(runs) - 1; last >= 0 && runs[last].to+1 == n {
			runs[last].to = n
			continue
		}
		runs = append(runs, run{n, n})
	}
	*p = append(*p, search(runs)...)
}

// run is a row of numbers that are all allowed.
type run struct{ from, to uint32 }

// search finds a number among the runs in so many steps as a binary search takes:
// the kernel goes through the program at every call that it has not found to be
// allowed whatever its arguments are (Linux 5.11), and before that at every one.
func search(runs []run) program {
	var p program
	if len(runs) == 1 {
		p.emit(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, runs[0].from, 0, 2)
		p.emit(unix.BPF_JMP|unix.BPF_JGT|unix.BPF_K, runs[0].to, 1, 0)
		p.answer(unix.SECCOMP_RET_ALLOW)
		p.answer(errno(unix.EPERM))
		return p
	}
	half := len(runs) / 2
	low, high := search(runs[:half]), search(runs[half:])
	p.emit(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, runs[half].from, 1, 0)
	p.emit(unix.BPF_JMP|unix.BPF_JA, uint32(len(high)), 0, 0) // a condition jumps 255 at most
	return slices.Concat(p, high, low)
}

// anyBit answers e when the argument has one of the bits.
func (p *program) anyBit(arg int, bits uint32, e unix.Errno) {
	p.loadArg(arg)
	p.emit(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 0, 1)
	p.answer(errno(e))
}

// is answers e when the argument is one of the values.
func (p *program) is(arg int, e unix.Errno, values ...uint32) {
	p.loadArg(arg)
	for _, value := range values {
		p.deny(value, e)
	}
}

// isPointer answers e unless the argument, in both halves, is NULL.
func (p *program) isPointer(arg int, e unix.Errno) {
	for _, half := range []uint32{0, 4} {
		p.load(uint32(offsetArgs+8*arg) + half)
		p.emit(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 0, 1, 0)
		p.answer(errno(e))
	}
}

// isNot answers e unless the argument is one of the values.
func (p *program) isNot(arg int, e unix.Errno, values ...uint32) {
	p.loadArg(arg)
	for i, value := range values {
		p.emit(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, uint8(len(values)-i), 0)
	}
	p.answer(errno(e))
}
