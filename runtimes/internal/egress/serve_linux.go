package egress

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
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
	// relayName is the name under which a program starts itself as a relay.
	relayName = "codebeaker-relay"
	// deviceFD is the TUN device of a relay; the descriptors below are the pipe
	// from its server, that to it, and standard error.
	deviceFD = 3
	// countInterval is how often a relay tells its server what it carried.
	countInterval = 500 * time.Millisecond
	// relayMemory is what a relay tries to stay below, in bytes.
	relayMemory = 96 << 20
)

// canRelay tells that RunRelay was called: a program that does not would do
// whatever else it does when it is started as a relay.
var canRelay atomic.Bool

// RunRelay makes this process a relay, for ever, when it was started as one;
// otherwise it returns at once. It is the first call of main.
func RunRelay() {
	canRelay.Store(true)
	if len(os.Args) == 0 || os.Args[0] != relayName {
		return
	}
	var err error
	if len(os.Args) == 1 {
		err = startAgain()
	} else {
		err = serveRelay(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startAgain starts the program once more in this process, with nothing that it
// does not need: no descriptor but its own, whatever the server was started
// with, and no way to gain a right. That is a thread's own attribute, and a Go
// program has several from its first line on (and where C is linked in, no way
// to set it on all): execve(2) leaves only the one that calls it.
func startAgain() error {
	for _, limit := range []int{unix.RLIMIT_CORE, unix.RLIMIT_FSIZE} {
		if err := unix.Setrlimit(limit, &unix.Rlimit{}); err != nil {
			return fmt.Errorf("set a limit: %w", err)
		}
	}
	if err := closeOthers(); err != nil {
		return fmt.Errorf("close what is not the relay's: %w", err)
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", []string{relayName, "serve"}, []string{})
}

// closeOthers has the next execve close all descriptors behind the device's.
func closeOthers() error {
	err := unix.CloseRange(deviceFD+1, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd") // before Linux 5.11
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > deviceFD {
			unix.CloseOnExec(fd)
		}
	}
	return err
}

// serveRelay reads the policy, serves, and ends when its server closes the
// pipe. It writes a line of Counts when they have changed, the first at once:
// it serves; and one for each flow.
func serveRelay(from io.Reader, to io.Writer) error {
	debug.SetMemoryLimit(relayMemory)
	runtime.GOMAXPROCS(1) // a session may keep one processor busy with it, not all
	var policy Policy
	commands := json.NewDecoder(from)
	if err := commands.Decode(&policy); err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	g := newGate(policy)
	if err := serveStack(deviceFD, g); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); io.Copy(io.Discard, from) }()
	return g.tell(json.NewEncoder(to), ended)
}

func (g *gate) tell(to *json.Encoder, ended <-chan struct{}) error {
	var told *Counts
	count := func() error {
		now := g.counters.Counts()
		if told != nil && now == *told {
			return nil
		}
		told = &now
		return to.Encode(line{Counts: told})
	}
	if err := count(); err != nil {
		return err
	}
	interval := time.NewTicker(countInterval)
	defer interval.Stop()
	for {
		var err error
		select {
		case flow := <-g.flows.ended:
			err = g.flows.write(to, flow)
		case <-interval.C:
			err = count()
		case <-ended:
			g.outside.abortAll()
			g.exchanges.endAll()
			return errors.Join(g.flows.rest(to), count())
		}
		if err != nil {
			return err
		}
	}
}

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
