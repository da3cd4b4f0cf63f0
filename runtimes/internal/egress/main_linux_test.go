package egress_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

func TestMain(m *testing.M) {
	egress.RunRelay()
	goleak.VerifyTestMain(m)
}

// place is a network namespace with a relay behind it.
type place struct {
	pid   int
	relay *egress.Relay
	sum   *egress.Counters
}

// newPlace makes one. It needs root: an ordinary user's relay is tested where
// boxes are.
func newPlace(t testing.TB, p egress.Policy) *place {
	t.Helper()
	if os.Geteuid() != 0 || testing.Short() {
		t.Skip("making a network namespace from outside needs root")
	}
	child := exec.Command("sleep", "600")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() })
	device, err := tunnel.MakeIn(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	pl := &place{pid: child.Process.Pid, sum: &egress.Counters{}}
	if pl.relay, err = egress.Start(device, egress.Options{Policy: p, Counters: pl.sum}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pl.relay.Close(); err != nil {
			t.Error(err)
		}
	})
	return pl
}

// dial connects as a program in the place does.
func (p *place) dial(network, address string) (net.Conn, error) {
	return p.dialFrom(&net.Dialer{Timeout: 10 * time.Second}, network, address)
}

func (p *place) dialFrom(dialer *net.Dialer, network, address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends here
		file, openErr := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.pid))
		if err = openErr; err != nil {
			return
		}
		defer file.Close()
		if err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		conn, err = dialer.Dial(network, address)
	}()
	<-done
	if conn != nil {
		conn.SetDeadline(time.Now().Add(30 * time.Second))
	}
	return conn, err
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("did not come true: " + what)
}
