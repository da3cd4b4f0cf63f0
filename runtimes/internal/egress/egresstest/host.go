//go:build linux

// Package egresstest gives tests a stand-in for the internet: an address of
// this machine's loopback interface that is allowed to sessions with a network.
package egresstest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
)

// Address stands for a server of the internet; Forbidden is its neighbour, on
// the same interface, that nobody allowed. Tests that run at the same time have
// addresses of their own.
var (
	Address   = ownAddress()
	Forbidden = Address.Next()
)

// addressVariable hands Address to a test that is started again as an ordinary
// user.
const addressVariable = "EGRESS_TEST_ADDRESS"

func ownAddress() netip.Addr {
	if address, err := netip.ParseAddr(os.Getenv(addressVariable)); err == nil {
		return address
	}
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{10, 64 | byte(pid>>14), byte(pid >> 7), byte(pid << 1)})
}

// Policy permits Address.
var Policy = egress.Policy{Allow: []netip.Prefix{netip.PrefixFrom(Address, 32)}}

// Use gives the loopback interface both addresses until the test ends, which
// takes root. In a test that root has started again as an ordinary user they
// are there.
func Use(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("giving the loopback interface an address needs root")
	}
	if os.Geteuid() != 0 {
		if l, err := net.Listen("tcp", netip.AddrPortFrom(Address, 0).String()); err == nil {
			l.Close()
			return
		}
		t.Skip("giving the loopback interface an address needs root")
	}
	t.Setenv(addressVariable, Address.String())
	for _, address := range []netip.Addr{Address, Forbidden} {
		ip(t, "replace", address)
		t.Cleanup(func() { ip(t, "delete", address) })
	}
}

func ip(t testing.TB, verb string, address netip.Addr) {
	t.Helper()
	out, err := exec.Command("ip", "address", verb, address.String()+"/32", "dev", "lo").CombinedOutput()
	if err != nil {
		t.Errorf("ip address %s %v: %v: %s", verb, address, err, out)
	}
}

// OpenDevice lets every user open the file that makes network interfaces, as
// most systems do, until the test ends.
func OpenDevice(t testing.TB) {
	t.Helper()
	const file = "/dev/net/tun"
	before, err := os.Stat(file)
	if err != nil {
		t.Skip("this host has no TUN devices:", err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(file, before.Mode().Perm()); err != nil {
			t.Error(err)
		}
	})
}

// Echo sends back what it is sent, on that address, until the test ends. It
// returns where.
func Echo(t testing.TB, on netip.Addr) string {
	return Serve(t, on, func(conn net.Conn) { io.Copy(conn, conn) })
}

// HTTP answers every request with "hello" until the test ends. It returns the
// URL.
func HTTP(t testing.TB, on netip.Addr) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	l, err := net.Listen("tcp", netip.AddrPortFrom(on, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// Serve serves TCP connections on that address until the test ends. It returns
// where.
func Serve(t testing.TB, on netip.Addr, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", netip.AddrPortFrom(on, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); handle(conn) }()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}
