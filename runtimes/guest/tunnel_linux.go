package guest

import (
	"os"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// makeTunnel makes the network interface of a box that has one, while the
// host's files are there and the right to make it.
func (a *agent) makeTunnel() error {
	if !a.hello.Tunnel {
		return nil
	}
	sockets, err := a.conn.take(1)
	if err != nil {
		return err
	}
	defer sockets[0].Close()
	return passTunnel(sockets[0])
}

// tunnelFor makes it in the network namespace of a container, which this one
// shares, and passes it to the server's socket.
func tunnelFor(path string) error {
	server, err := dial(path)
	if err != nil {
		return err
	}
	defer server.in.Close()
	return passTunnel(server.in)
}

// passTunnel keeps nothing of the interface here.
func passTunnel(socket *os.File) error {
	device, err := tunnel.Make()
	if err != nil {
		return err
	}
	defer device.Close()
	return tunnel.Send(socket, device)
}
