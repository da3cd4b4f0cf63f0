package websocket

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// newInput picks the input of a connection. A raw socket waits in the netpoller
// and takes a buffer when there is something to read; what wraps a socket is
// read through the wrapper.
func newInput(nc net.Conn) input {
	if sc, ok := nc.(syscall.Conn); ok {
		if rc, err := sc.SyscallConn(); err == nil {
			in := &socketInput{rc: rc}
			in.attempt = in.read
			return in
		}
	}
	return &blockingInput{nc: nc}
}

// socketInput holds no buffer while it waits: 10,000 idle connections cost none.
type socketInput struct {
	rc      syscall.RawConn
	attempt func(fd uintptr) bool // read, made once
	buf     *[socketBytes]byte
	n       int
	err     error
}

// socketBytes is what one read may take; few buffers exist, one for each read
// under way.
const socketBytes = 32 << 10

var socketBuffers = sync.Pool{New: func() any { return new([socketBytes]byte) }}

// read tries once. False parks the goroutine until the socket is readable or
// the deadline passed.
func (in *socketInput) read(fd uintptr) bool {
	in.buf = socketBuffers.Get().(*[socketBytes]byte)
	for {
		in.n, in.err = unix.Read(int(fd), in.buf[:])
		if in.err != unix.EINTR {
			break
		}
	}
	if in.err == unix.EAGAIN {
		in.done()
		return false
	}
	return true
}

func (in *socketInput) next() ([]byte, error) {
	if err := in.rc.Read(in.attempt); err != nil {
		return nil, err
	}
	if in.err != nil {
		return nil, os.NewSyscallError("read", in.err)
	}
	if in.n == 0 {
		return nil, io.EOF
	}
	return in.buf[:in.n], nil
}

func (in *socketInput) done() {
	if in.buf != nil {
		socketBuffers.Put(in.buf)
		in.buf = nil
	}
}
