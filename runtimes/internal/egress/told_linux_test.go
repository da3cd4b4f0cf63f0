package egress_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

// flowLog keeps what a relay tells of flows.
type flowLog struct {
	mu  sync.Mutex
	all []runtimes.NetworkFlow
}

func (l *flowLog) take(f runtimes.NetworkFlow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, f)
}

// count are the flows told so far, those told together among them, and the lines.
func (l *flowLog) count() (flows, lines int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.all {
		flows += int(max(f.Count, 1))
	}
	return flows, len(l.all)
}

// find is the flow to an address.
func (l *flowLog) find(t *testing.T, protocol, to string) runtimes.NetworkFlow {
	t.Helper()
	var found runtimes.NetworkFlow
	eventually(t, "a flow to "+to+" is told", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, f := range l.all {
			if f.Protocol == protocol && f.To == netip.MustParseAddrPort(to) {
				found = f
				return true
			}
		}
		return false
	})
	return found
}

func TestEachFlowIsTold(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	var log flowLog
	p.relay.Tell(log.take)
	answering := egresstest.Serve(t, egresstest.Address, func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 1000))
		conn.Write(make([]byte, 2000))
	})
	talk := func(address string) net.Conn {
		conn, err := p.dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(make([]byte, 1000))
		if _, err := io.ReadFull(conn, make([]byte, 2000)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	talk(answering).Close()
	f := log.find(t, "tcp", answering)
	if f.Outcome != runtimes.FlowEnded || f.Sent != 1000 || f.Received != 2000 || f.Duration <= 0 || f.Count != 0 {
		t.Errorf("the connection is told as %+v", f)
	}
	if conn, err := p.dial("tcp", "10.0.0.1:80"); err == nil {
		conn.Close()
		t.Error("a forbidden address was reached")
	}
	if f := log.find(t, "tcp", "10.0.0.1:80"); f.Outcome != runtimes.FlowRefused || f.Sent != 0 {
		t.Errorf("a refused one is told as %+v", f)
	}
	nobody := netip.AddrPortFrom(egresstest.Address, 9).String()
	if conn, err := p.dial("tcp", nobody); err == nil {
		conn.Close()
		t.Error("a port that nobody listens on was reached")
	}
	if f := log.find(t, "tcp", nobody); f.Outcome != runtimes.FlowFailed {
		t.Errorf("one that failed is told as %+v", f)
	}
	// What is open when the session ends is told as well.
	echo := echoDatagrams(t)
	datagrams, err := p.dial("udp", echo)
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	datagrams.Write(make([]byte, 300))
	datagrams.Read(make([]byte, 300))
	open := egresstest.Echo(t, egresstest.Address)
	conn, err := p.dial("tcp", open)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write(make([]byte, 10))
	io.ReadFull(conn, make([]byte, 10))
	if err := p.relay.Close(); err != nil {
		t.Fatal(err)
	}
	if f := log.find(t, "udp", echo); f.Outcome != runtimes.FlowEnded || f.Sent != 300 || f.Received != 300 {
		t.Errorf("an exchange of datagrams is told as %+v", f)
	}
	if f := log.find(t, "tcp", open); f.Sent != 10 || f.Received != 10 {
		t.Errorf("an open connection is told as %+v", f)
	}
}

// A program that tries everything must not fill the log.
func TestFlowsThatAreTooManyAreToldTogether(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	var log flowLog
	p.relay.Tell(log.take)
	const tried = 500
	for port := range tried {
		conn, err := p.dial("udp", fmt.Sprintf("10.0.0.1:%d", port+1))
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte("x"))
		conn.Close()
	}
	eventually(t, "all are counted", func() bool { return p.sum.Counts().Refused == tried })
	if err := p.relay.Close(); err != nil {
		t.Fatal(err)
	}
	if flows, lines := log.count(); flows != tried || lines >= tried {
		t.Errorf("%d of %d flows are told, in %d lines", flows, tried, lines)
	}
}
