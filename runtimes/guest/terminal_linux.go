package guest

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// connectTerminal makes a terminal: one end for all streams of the program,
// the other for its output and input.
func (x *execution) connectTerminal() (*plumbing, error) {
	ours, theirs, err := newTerminal()
	if err != nil {
		return nil, fmt.Errorf("make a terminal: %w", err)
	}
	x.agent.table.mu.Lock()
	x.terminal = ours
	x.agent.table.mu.Unlock()
	x.outputs = []*output{{x: x, stream: streamTerminal, file: ours, credit: x.credit}}
	if x.input != nil {
		x.input.file = ours
	}
	setSize(ours, *x.spec.Terminal)
	return &plumbing{fds: []int{theirs, theirs, theirs}, own: []int{theirs}}, nil
}

// newTerminal opens both ends of a new terminal, pts(4). The second end comes
// from the first, so no path below /dev/pts has to be visible.
func newTerminal() (ours *os.File, theirs int, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(fd)
		return nil, 0, err
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		unix.Close(fd)
		return nil, 0, errno
	}
	return os.NewFile(uintptr(fd), "terminal"), int(peer), nil
}

func setSize(terminal *os.File, size frame.Size) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		setErr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Columns})
	})
	if err != nil {
		return err
	}
	return setErr
}

// resize sets the size of the terminal; the kernel tells the program by
// SIGWINCH. One that has just ended has no size.
func (x *execution) resize(payload []byte) error {
	if len(payload) != 4 {
		return errPayload
	}
	if x.spec.Terminal == nil {
		return nil
	}
	x.agent.table.mu.Lock()
	terminal := x.terminal
	x.agent.table.mu.Unlock()
	if terminal != nil {
		setSize(terminal, frame.Size{Columns: binary.LittleEndian.Uint16(payload), Rows: binary.LittleEndian.Uint16(payload[2:])})
	}
	return nil
}
