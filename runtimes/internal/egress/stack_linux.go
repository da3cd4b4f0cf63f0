package egress

import (
	"fmt"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

const (
	nic = 1
	// socketBuffer is what one connection holds in each direction at most, in
	// bytes: with MaxFlows of them it bounds the relay's memory.
	socketBuffer = 128 << 10
	// maxHandshakes bounds connections that have not been accepted or refused.
	maxHandshakes = MaxFlows
	// lastWait is how long the stack remembers a connection that has ended. On a
	// device no packet comes late, and a program may use its port again at once.
	lastWait = time.Millisecond
)

// serveStack answers as every address of the internet, on the TUN device with
// that descriptor.
func serveStack(device int, g *gate) error {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	if err := bound(s); err != nil {
		return err
	}
	link, err := fdbased.New(&fdbased.Options{
		FDs: []int{device}, MTU: tunnel.MTU, PacketDispatchMode: fdbased.Readv, RXChecksumOffload: true,
	})
	if err != nil {
		return fmt.Errorf("open the network interface: %w", err)
	}
	if err := s.CreateNIC(nic, link); err != nil {
		return fmt.Errorf("make the stack's interface: %v", err)
	}
	// To accept what is sent to any address, and to answer from it.
	if err := s.SetPromiscuousMode(nic, true); err != nil {
		return fmt.Errorf("take all packets: %v", err)
	}
	if err := s.SetSpoofing(nic, true); err != nil {
		return fmt.Errorf("answer as every address: %v", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	s.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(s, 0, maxHandshakes, g.acceptTCP).HandlePacket)
	s.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(s, g.acceptUDP).HandlePacket)
	return nil
}

// bound keeps the buffers of connections small, and the memory of those that
// have ended short.
func bound(s *stack.Stack) error {
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: socketBuffer, Max: socketBuffer}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: socketBuffer, Max: socketBuffer}
	fixed := tcpip.TCPModerateReceiveBufferOption(false)
	selective := tcpip.TCPSACKEnabled(true)
	wait := tcpip.TCPTimeWaitTimeoutOption(lastWait)
	for _, option := range []tcpip.SettableTransportProtocolOption{&receive, &send, &fixed, &selective, &wait} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return fmt.Errorf("bound the stack: %v", err)
		}
	}
	return nil
}

// destination is where a program wants to go: the local end, for the stack
// poses as that address.
func destination(id stack.TransportEndpointID) netip.AddrPort {
	address, _ := netip.AddrFromSlice(id.LocalAddress.AsSlice())
	return netip.AddrPortFrom(address, id.LocalPort)
}
