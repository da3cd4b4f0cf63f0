package docker

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// socketName is short because a socket's whole path may have 107 bytes, unix(7).
const socketName = "agent.sock"

// socket is a listener for one connection: that of the agent, made before any
// program runs. After it nothing is left that a program could connect to.
type socket struct {
	listener *net.UnixListener
	path     string
}

// listenOnce makes the socket in a directory that only this server and, as a
// read-only mount, one container can reach. So the socket itself is open to
// every uid.
func listenOnce(directory string) (*socket, error) {
	path := filepath.Join(directory, socketName)
	short, done, err := shortPath(directory)
	if err != nil {
		return nil, err
	}
	defer done()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, socketName), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for the agent: %w", err)
	}
	// The listener's own way of unlinking would use the short path.
	listener.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o666); err != nil {
		listener.Close()
		return nil, err
	}
	return &socket{listener, path}, nil
}

// accept waits for the agent, then closes and unlinks the socket.
func (s *socket) accept(ctx context.Context) (io.ReadWriteCloser, error) {
	defer s.close()
	// A deadline in the past ends an Accept that waits.
	stop := context.AfterFunc(ctx, func() { s.listener.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := s.listener.AcceptUnix()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for the agent: %w", err)
	}
	return conn, nil
}

// close may be called twice.
func (s *socket) close() {
	s.listener.Close()
	os.Remove(s.path)
}
