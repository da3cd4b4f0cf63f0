package guest

import (
	"os"

	"golang.org/x/sys/unix"
)

// plumbing are the program's ends of its streams.
type plumbing struct {
	files [3]*os.File
}

// connect makes the program's streams: a terminal, or a pipe each.
func (x *execution) connect() (*plumbing, error) {
	if x.spec.Terminal != nil {
		return x.connectTerminal()
	}
	p := &plumbing{}
	var err error
	if p.files[0], err = x.connectInput(); err != nil {
		p.close()
		return nil, err
	}
	for i, stream := range []uint8{streamStdout, streamStderr} {
		ours, theirs, err := pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.files[i+1] = theirs
		x.outputs = append(x.outputs, &output{x: x, stream: stream, file: ours})
	}
	return p, nil
}

func (x *execution) connectInput() (*os.File, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(fds[0]), "stdin")
	if x.input == nil {
		unix.Close(fds[1])
		return theirs, nil
	}
	unix.SetNonblock(fds[1], true)
	x.input.file = os.NewFile(uintptr(fds[1]), "input")
	return theirs, nil
}

// pipe makes a pipe whose reading end does not block and whose writing end,
// the program's, does.
func pipe() (ours, theirs *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	unix.SetNonblock(fds[0], true)
	return os.NewFile(uintptr(fds[0]), "output"), os.NewFile(uintptr(fds[1]), "stream"), nil
}

// descriptors are the program's 0, 1 and 2.
func (p *plumbing) descriptors() []uintptr {
	return []uintptr{p.files[0].Fd(), p.files[1].Fd(), p.files[2].Fd()}
}

// close closes the program's ends. The agent has no use for them once the
// program is forked, and would never read end of file with one open.
func (p *plumbing) close() {
	for i, f := range p.files {
		if f != nil && (i == 0 || f != p.files[0]) {
			f.Close()
		}
	}
}
