package egress_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

func TestBytesGoBothWaysAndTheEndOfEachWayIsTold(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := egresstest.Serve(t, egresstest.Address, func(conn net.Conn) {
		all, _ := io.ReadAll(conn) // answers only when the other way has ended
		conn.Write(all)
	})
	conn, err := p.dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make([]byte, 5<<20)
	rand.Read(sent)
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back of %d, %v", len(got), len(sent), err)
	}
	conn.Close()
	eventually(t, "the bytes are counted", func() bool {
		c := p.sum.Counts()
		return c.Opened == 1 && c.Sent == int64(len(sent)) && c.Received == int64(len(sent))
	})
}

func TestWhatIsNotPublicIsRefusedAtOnce(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egress.Policy{})
	reached := make(chan struct{}, 1)
	address := egresstest.Serve(t, egresstest.Address, func(net.Conn) { reached <- struct{}{} })
	_, port, _ := net.SplitHostPort(address)
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{address, "169.254.169.254:80", "10.0.0.1:80", "172.17.0.1:80", "192.168.1.1:80", "100.64.0.1:80",
		"198.51.100.1:80", "198.51.100.77:80", "224.0.0.1:80", "255.255.255.255:80", "240.0.0.1:80"}
	for _, a := range own {
		if ip := a.(*net.IPNet).IP; ip.To4() != nil && !ip.IsLoopback() {
			targets = append(targets, net.JoinHostPort(ip.String(), port))
		}
	}
	for _, target := range targets {
		began := time.Now()
		conn, err := p.dial("tcp", target)
		if err == nil {
			conn.Close()
			t.Errorf("%s was reached", target)
		} else if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s was refused after %v: %v", target, took, err)
		}
	}
	if len(reached) > 0 {
		t.Error("the host was reached")
	}
	// Its own loopback is the session's, not the host's.
	if conn, err := p.dial("tcp", "127.0.0.1:"+port); err == nil {
		conn.Close()
		t.Error("the host's loopback was reached")
	}
}

// echoDatagrams answers each datagram with itself.
func echoDatagrams(t *testing.T) (address string) {
	t.Helper()
	socket, err := net.ListenPacket("udp", netip.AddrPortFrom(egresstest.Address, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { socket.Close(); <-done })
	go func() {
		defer close(done)
		for packet := make([]byte, 64<<10); ; {
			n, from, err := socket.ReadFrom(packet)
			if err != nil {
				return
			}
			socket.WriteTo(packet[:n], from)
		}
	}()
	return socket.LocalAddr().String()
}

func TestDatagramsGoBothWaysAndForbiddenOnesAreUnreachable(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	conn, err := p.dial("udp", echoDatagrams(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, size := range []int{1, 1200, 9000} {
		sent, got := make([]byte, size), make([]byte, 64<<10)
		rand.Read(sent)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(got); err != nil || !bytes.Equal(got[:n], sent) {
			t.Fatalf("of %d bytes came back %d, %v", size, n, err)
		}
	}
	forbidden, err := p.dial("udp", "169.254.169.254:123")
	if err != nil {
		t.Fatal(err)
	}
	defer forbidden.Close()
	forbidden.Write([]byte("x"))
	forbidden.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := forbidden.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a forbidden datagram: %v", err)
	}
}

func TestARefusedConnectionIsRefusedInside(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	l, err := net.Listen("tcp", netip.AddrPortFrom(egresstest.Address, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if conn, err := p.dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		if conn != nil {
			conn.Close()
		}
		t.Errorf("got %v", err)
	}
	eventually(t, "the failure is counted", func() bool { return p.sum.Counts().Failed == 1 })
}

func TestAFloodOfConnectionsIsCappedAndCounted(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := egresstest.Echo(t, egresstest.Address)
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	refused := 0
	for range egress.MaxFlows + 20 {
		conn, err := p.dial("tcp", address)
		if err != nil {
			refused++
			continue
		}
		open = append(open, conn)
	}
	if len(open) != egress.MaxFlows || refused != 20 {
		t.Errorf("%d are open and %d were refused", len(open), refused)
	}
	eventually(t, "the refusals are counted", func() bool { c := p.sum.Counts(); return c.Limited == 20 && c.Opened == egress.MaxFlows })
	// A place that is given back is used again.
	open[0].Close()
	eventually(t, "there is room again", func() bool {
		conn, err := p.dial("tcp", address)
		if err == nil {
			open[0] = conn
		}
		return err == nil
	})
}

func TestARelayThatDiesIsStartedAgain(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := egresstest.Echo(t, egresstest.Address)
	first := p.relay.PID()
	syscall.Kill(first, syscall.SIGKILL)
	eventually(t, "another relay serves", func() bool {
		conn, err := p.dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		next := p.relay.PID()
		return err == nil && next != 0 && next != first
	})
}

func TestARelayHasNothingOfTheServer(t *testing.T) {
	p := newPlace(t, egress.Policy{})
	proc := filepath.Join("/proc", strconv.Itoa(p.relay.PID()))
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("status lacks %q", want)
		}
	}
	if environment, err := os.ReadFile(proc + "/environ"); err != nil || len(environment) > 0 {
		t.Errorf("its environment is %q, %v", environment, err)
	}
	for _, target := range descriptorsOf(t, p.relay.PID()) {
		// Go's runtime itself watches the limits of its control group.
		if !strings.HasPrefix(target, "pipe:") && !strings.HasPrefix(target, "anon_inode:") &&
			!strings.HasPrefix(target, "/sys/fs/cgroup/") && target != "/dev/net/tun" && target != os.DevNull {
			t.Errorf("it holds %s", target)
		}
	}
}

// descriptorsOf are what a process has open.
func descriptorsOf(t *testing.T, pid int) (targets []string) {
	t.Helper()
	directory := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		target, _ := os.Readlink(filepath.Join(directory, entry.Name()))
		targets = append(targets, target)
	}
	return targets
}

func TestCloseDuringTrafficLeavesNothing(t *testing.T) {
	egresstest.Use(t)
	p := newPlace(t, egresstest.Policy)
	address := egresstest.Echo(t, egresstest.Address)
	var busy sync.WaitGroup
	for range 10 {
		conn, err := p.dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		busy.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
			for buffer := make([]byte, 64<<10); ; {
				if _, err := conn.Write(buffer); err != nil {
					return
				}
			}
		})
	}
	pid := p.relay.PID()
	if err := p.relay.Close(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the relay is there: %v", err)
	}
	busy.Wait()
}
