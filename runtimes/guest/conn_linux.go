package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// conn is the stream to the server. One goroutine reads; any may send.
type conn struct {
	in, out *os.File
	socket  bool // descriptors may come with the bytes
	fds     []int

	mu sync.Mutex // one frame at a time
}

// inherited takes over a socket that the server left open for us.
func inherited(fd int) (*conn, error) {
	if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return nil, fmt.Errorf("descriptor %d is not a socket: %w", fd, err)
	}
	unix.CloseOnExec(fd)
	return socketConn(fd)
}

// dial connects to the server's socket.
func dial(path string) (*conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("connect to the server: %w", err)
	}
	return socketConn(fd)
}

func socketConn(fd int) (*conn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "server")
	return &conn{in: file, out: file, socket: true}, nil
}

// standardStreams moves the stream away from descriptors 0 and 1, and puts
// /dev/null there, so that no program can inherit it.
func standardStreams() (*conn, error) {
	in, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	for _, fd := range []int{0, 1} {
		if err := unix.Dup3(null, fd, 0); err != nil {
			return nil, err
		}
	}
	unix.Close(null)
	return &conn{in: os.NewFile(uintptr(in), "in"), out: os.NewFile(uintptr(out), "out")}, nil
}

// Read reads bytes and keeps the descriptors that come with them.
func (c *conn) Read(p []byte) (n int, err error) {
	if !c.socket {
		return c.in.Read(p)
	}
	raw, err := c.in.SyscallConn()
	if err != nil {
		return 0, err
	}
	waitErr := raw.Read(func(fd uintptr) bool {
		n, err = c.receive(int(fd), p)
		return err != syscall.EAGAIN
	})
	switch {
	case errors.Is(waitErr, os.ErrClosed): // by sendRaw
		return 0, io.EOF
	case waitErr != nil:
		return 0, waitErr
	case n == 0 && err == nil:
		return 0, io.EOF
	}
	return max(n, 0), err
}

// maxDescriptors bounds those that come with one frame.
const maxDescriptors = 16

func (c *conn) receive(fd int, p []byte) (int, error) {
	control := make([]byte, unix.CmsgSpace(maxDescriptors*4))
	for {
		n, size, _, _, err := unix.Recvmsg(fd, p, control, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil || size == 0 {
			return n, err
		}
		return n, c.keep(control[:size])
	}
}

func (c *conn) keep(control []byte) error {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return err
		}
		c.fds = append(c.fds, fds...)
	}
	return nil
}

// take returns the next n descriptors as files.
func (c *conn) take(n int) ([]*os.File, error) {
	if n > len(c.fds) {
		return nil, fmt.Errorf("%d descriptors announced, %d there", n, len(c.fds))
	}
	var files []*os.File
	for _, fd := range c.fds[:n] {
		files = append(files, os.NewFile(uintptr(fd), "group"))
	}
	c.fds = c.fds[n:]
	return files, nil
}

// send sends one frame. Errors are dropped: a stream that cannot be written to
// ends the agent by its reading side.
func (c *conn) send(h frame.Header, payload []byte) {
	c.sendRaw(frame.Append(make([]byte, 0, frame.HeaderSize+len(payload)), h, payload))
}

// sendRaw sends a whole frame.
func (c *conn) sendRaw(whole []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.out.Write(whole); err != nil {
		c.in.Close()
	}
}
