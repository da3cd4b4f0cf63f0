package egress_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

func TestAnAbortIsNoEnd(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	heard := make(chan error, 1)
	address := egresstest.Serve(t, egresstest.Address, func(conn net.Conn) {
		first := make([]byte, 1)
		conn.Read(first)
		if first[0] == 'o' { // the other side aborts
			conn.Write(make([]byte, 1000))
			time.Sleep(50 * time.Millisecond)
			conn.(*net.TCPConn).SetLinger(0)
			return
		}
		_, err := io.Copy(io.Discard, conn)
		heard <- err
	})
	outside, err := p.dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	outside.Write([]byte("o"))
	if _, err := io.Copy(io.Discard, outside); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("inside, after an abort outside: %v", err)
	}
	inside, err := p.dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	inside.Write([]byte("i"))
	time.Sleep(50 * time.Millisecond)
	inside.(*net.TCPConn).SetLinger(0)
	inside.Close()
	if err := <-heard; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("outside, after an abort inside: %v", err)
	}
}

func TestAPortMayBeUsedAgainAtOnce(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := egresstest.Serve(t, egresstest.Address, func(conn net.Conn) { conn.Write([]byte("x")) }) // and closes first
	dialer := &net.Dialer{
		Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{Port: 40000},
		Control: func(_, _ string, raw syscall.RawConn) error {
			return raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		},
	}
	for i := range 5 {
		conn, err := p.dialFrom(dialer, "tcp", address)
		// The last word of the connection before may still be on its way.
		for deadline := time.Now().Add(5 * time.Second); errors.Is(err, syscall.EADDRNOTAVAIL) && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
			conn, err = p.dialFrom(dialer, "tcp", address)
		}
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if got, err := io.ReadAll(conn); string(got) != "x" || err != nil {
			t.Fatalf("connection %d: %q, %v", i, got, err)
		}
		conn.Close()
		time.Sleep(20 * time.Millisecond)
	}
}

// A program that does not read holds what was sent to it, and with it its place.
func TestUnreadEndsAreBoundedToo(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := egresstest.Serve(t, egresstest.Address, func(conn net.Conn) { conn.Write(make([]byte, 120_000)) })
	small := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 2304) })
	}}
	refused := 0
	for range egress.MaxFlows + 50 {
		conn, err := p.dialFrom(small, "tcp", address)
		if err != nil {
			refused++
			continue
		}
		defer conn.Close()
		conn.(*net.TCPConn).CloseWrite()
	}
	if refused != 50 {
		t.Errorf("%d of %d connections were refused", refused, egress.MaxFlows+50)
	}
}

func TestManyExchangesOverUDPDoNotKeepLaterOnesOut(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := echoDatagrams(t)
	for i := range egress.MaxFlows + 100 {
		conn, err := p.dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte("x"))
		conn.SetReadDeadline(time.Now().Add(3 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatalf("exchange %d: %v", i, err)
		}
		conn.Close()
	}
	conn, err := p.dial("tcp", egresstest.Echo(t, egresstest.Address))
	if err != nil {
		t.Fatal("TCP after that:", err)
	}
	conn.Close()
}

func TestARelayDoesNotInheritWhatTheServerWasStartedWith(t *testing.T) {
	secret, err := os.CreateTemp(t.TempDir(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	unix.FcntlInt(secret.Fd(), unix.F_SETFD, 0) // as a careless parent leaves it
	p := newPlace(t, egress.Policy{})
	for _, open := range descriptorsOf(t, p.relay.PID()) {
		if open == secret.Name() {
			t.Error("the relay holds the file")
		}
	}
}
