package guest

import (
	"os"

	"golang.org/x/sys/unix"
)

// plumbing are the program's ends of its streams, as descriptors: package os
// would ask the kernel about each, and nobody here reads or writes them.
type plumbing struct {
	fds [3]int
	own []int // those of them that are to be closed
}

// connect makes the program's streams: a terminal, or a pipe each.
func (x *execution) connect() (*plumbing, error) {
	if x.spec.Terminal != nil {
		return x.connectTerminal()
	}
	p := &plumbing{}
	if err := x.connectInput(p); err != nil {
		return nil, err
	}
	for i, stream := range []uint8{streamStdout, streamStderr} {
		ours, theirs, err := pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.take(i+1, theirs)
		x.outputs = append(x.outputs, &output{x: x, stream: stream, file: ours})
	}
	return p, nil
}

// connectInput makes standard input a pipe; the null device where nothing will
// be written to it.
func (x *execution) connectInput(p *plumbing) error {
	if x.input == nil && x.agent.null >= 0 {
		p.fds[0] = x.agent.null
		return nil
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	p.take(0, fds[0])
	if x.input == nil {
		unix.Close(fds[1])
		return nil
	}
	unix.SetNonblock(fds[1], true)
	x.input.file = os.NewFile(uintptr(fds[1]), "input")
	return nil
}

// pipe makes a pipe whose reading end does not block and whose writing end,
// the program's, does.
func pipe() (ours *os.File, theirs int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, 0, err
	}
	unix.FcntlInt(uintptr(fds[1]), unix.F_SETFL, 0)
	return os.NewFile(uintptr(fds[0]), "output"), fds[1], nil
}

// take makes a descriptor one of the program's, to be closed here.
func (p *plumbing) take(at, fd int) {
	p.fds[at] = fd
	p.own = append(p.own, fd)
}

// close closes the program's ends. The agent has no use for them once the
// program is forked, and would never read end of file with one open.
func (p *plumbing) close() {
	for _, fd := range p.own {
		unix.Close(fd)
	}
}
