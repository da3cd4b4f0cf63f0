package harden

import "golang.org/x/sys/unix"

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

// isNot answers e unless the argument is one of the values.
func (p *program) isNot(arg int, e unix.Errno, values ...uint32) {
	p.loadArg(arg)
	for i, value := range values {
		p.emit(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, uint8(len(values)-i), 0)
	}
	p.answer(errno(e))
}
