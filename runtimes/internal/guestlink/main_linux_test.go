package guestlink

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if dir, err := probe(); err == nil && os.Getenv(probeVariable) == "" {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// testPath is the PATH of programs.
const testPath = "PATH=/usr/local/bin:/usr/bin:/bin"

// agent is a started agent.
type agent struct {
	conn net.Conn
	pid  int
	kill func() error
}

// startAgent starts an agent as the first process of a pid namespace with a
// /proc of its own: as root in the host's files, else in a box, for which
// Hello.Box is to be boxLayout.
func startAgent(t testing.TB) *agent {
	t.Helper()
	if os.Geteuid() != 0 {
		return startBoxed(t)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs, server := os.NewFile(uintptr(pair[1]), "agent"), os.NewFile(uintptr(pair[0]), "server")
	defer theirs.Close()
	defer server.Close()
	conn, err := net.FileConn(server)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP USR1 WINCH; mount --make-rprivate / && mount -t proc proc /proc && exec "$0"`, guesttest.Path(t))
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		conn.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		end := time.AfterFunc(5*time.Second, func() {
			t.Error("the agent outlived its stream")
			cmd.Process.Kill()
		})
		cmd.Wait()
		end.Stop()
	})
	return &agent{conn: conn, pid: cmd.Process.Pid, kill: cmd.Process.Kill}
}

// notShort skips a test that needs root or a second in a short run.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs root, or its time")
	}
}

// open starts an agent and shakes hands with it.
func open(t testing.TB, o Options) *Link {
	t.Helper()
	return openOn(t, startAgent(t), o)
}

func openOn(t testing.TB, a *agent, o Options) *Link {
	t.Helper()
	if os.Geteuid() != 0 {
		o.Hello.Box = boxLayout(t)
		o.Hello.User = &User{UID: box.DefaultUID, GID: box.DefaultUID}
	}
	if o.Hello.Env == nil {
		o.Hello.Env = []string{testPath, "LANG=C.UTF-8"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	link, err := Open(ctx, a.conn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	return link
}

// recorder is a sink that keeps everything and, unless told otherwise, grants
// at once.
type recorder struct {
	started chan struct{}
	exited  chan runtimes.Exit
	ready   chan struct{}
	wrote   chan struct{} // has room for one: something was written

	mu      sync.Mutex
	process runtimes.Process
	owed    int
	stingy  bool
	streams map[runtimes.Stream][][]byte // pieces: the race detector looks at each byte that is copied to grow
	after   bool                         // something came after Exited
}

func newRecorder() *recorder {
	return &recorder{
		started: make(chan struct{}), exited: make(chan runtimes.Exit, 2), ready: make(chan struct{}, 64), wrote: make(chan struct{}, 1),
		streams: make(map[runtimes.Stream][][]byte),
	}
}

func (r *recorder) Output(stream runtimes.Stream, p []byte) {
	r.mu.Lock()
	r.streams[stream] = append(r.streams[stream], slices.Clone(p))
	r.owed += len(p)
	r.after = r.after || len(r.exited) > 0
	r.mu.Unlock()
	r.pay()
	select {
	case r.wrote <- struct{}{}:
	default:
	}
}

func (r *recorder) pay() {
	r.mu.Lock()
	process, owed := r.process, r.owed
	if process == nil || r.stingy {
		owed = 0
	}
	r.owed -= owed
	r.mu.Unlock()
	if owed > 0 {
		process.Grant(owed)
	}
}

func (r *recorder) Started() { close(r.started) }

func (r *recorder) InputReady() { r.ready <- struct{}{} }

func (r *recorder) Exited(exit runtimes.Exit) { r.exited <- exit }

func (r *recorder) text(stream runtimes.Stream) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(bytes.Join(r.streams[stream], nil))
}

// until waits until what was written to the stream satisfies the condition.
func (r *recorder) until(t testing.TB, stream runtimes.Stream, condition func(string) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !condition(r.text(stream)) {
		select {
		case <-r.wrote:
		case <-deadline:
			t.Fatalf("%v stayed at %.200q", stream, r.text(stream))
		}
	}
}

func (r *recorder) wait(t testing.TB) runtimes.Exit {
	t.Helper()
	select {
	case exit := <-r.exited:
		return exit
	case <-time.After(60 * time.Second):
		t.Fatal("the program did not end")
	}
	return runtimes.Exit{}
}

// start starts a program with a new recorder and waits until it runs, or is
// known not to.
func start(t testing.TB, l *Link, cmd runtimes.Command) (*recorder, runtimes.Process) {
	t.Helper()
	r := newRecorder()
	process, err := l.Start(context.Background(), cmd, r)
	if err != nil {
		t.Fatal(err)
	}
	r.follow(process)
	select {
	case <-r.started:
	case exit := <-r.exited:
		r.exited <- exit
	case <-time.After(20 * time.Second):
		t.Fatal("no word of the program")
	}
	return r, process
}

// follow grants what came before the process was known, and from then on.
func (r *recorder) follow(p runtimes.Process) {
	r.mu.Lock()
	r.process = p
	r.mu.Unlock()
	r.pay()
}

func shell(script string) runtimes.Command {
	return runtimes.Command{Name: "sh", Args: []string{"-c", script}}
}

func run(t testing.TB, l *Link, cmd runtimes.Command) (*recorder, runtimes.Exit) {
	t.Helper()
	r, _ := start(t, l, cmd)
	return r, r.wait(t)
}
