package box

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/thread"
)

// namespaces are those of every box. One of control groups that clone(2) makes
// has the group of the server as its root: with version 2 the agent makes its
// own.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// buildingCapabilities are what the agent needs to build a root and to become
// the box's user. A program that is not root gets them through its ambient set
// (capabilities(7)): execve(2) would drop them.
var buildingCapabilities = []uintptr{
	unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SYS_CHROOT, unix.CAP_SETUID, unix.CAP_SETGID,
	unix.CAP_SETPCAP, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER,
}

// Start starts the agent as the first process of a new box and returns as soon
// as it runs. The agent sees nothing of the server's environment or
// descriptors; it waits on descriptor 3, whose other end is Box.Conn. Until it
// is told its layout it lives on the host's files.
func Start(o StartOptions) (*Box, error) {
	server, agent, err := SocketPair()
	if err != nil {
		return nil, step("make socket", "", err)
	}
	defer agent.Close()
	tail, stderr, err := newTail()
	if err != nil {
		server.Close()
		return nil, step("make pipe", "", err)
	}
	defer stderr.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		server.Close()
		return nil, step("open null device", "", err)
	}
	defer null.Close()
	process, err := startIn(o.Birth, o.Guest, append([]string{"guest"}, o.Args...), &os.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: []*os.File{null, null, stderr, agent},
		Sys:   attributes(o),
	})
	if err != nil {
		server.Close()
		return nil, step("clone", "", err)
	}
	return newBox(server, process, tail), nil
}

func attributes(o StartOptions) *syscall.SysProcAttr {
	sys := &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	if o.Birth.Directory != nil {
		sys.Cloneflags &^= unix.CLONE_NEWCGROUP
	}
	if !o.UserNamespace {
		return sys
	}
	uid, gid := o.UID, o.GID
	if uid == 0 {
		uid = DefaultUID
	}
	if gid == 0 {
		gid = DefaultUID
	}
	sys.Cloneflags |= unix.CLONE_NEWUSER
	sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Geteuid(), Size: 1}}
	sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: os.Getegid(), Size: 1}}
	sys.AmbientCaps = buildingCapabilities
	return sys
}

// SocketPair makes two ends of a stream: a connection for the server and a file
// for the agent. Descriptors can be passed over it.
func SocketPair() (*net.UnixConn, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	agent := os.NewFile(uintptr(pair[1]), "agent")
	file := os.NewFile(uintptr(pair[0]), "server")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		agent.Close()
		return nil, nil, err
	}
	server, ok := conn.(*net.UnixConn)
	if !ok {
		agent.Close()
		conn.Close()
		return nil, nil, fmt.Errorf("a %T is not a unix socket", conn)
	}
	return server, agent, nil
}

// startIn starts a process in its control group.
func startIn(b Birth, name string, argv []string, attr *os.ProcAttr) (process *os.Process, err error) {
	if b.Directory != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(b.Directory.Fd())
	}
	if len(b.Tasks) == 0 {
		return startProcess(name, argv, attr)
	}
	thread.Apart(func() {
		if err = enterAll(b.Tasks); err == nil {
			process, err = startProcess(name, argv, attr)
		}
	})
	return process, err
}

// startProcess waits where the agent has just been written out: whatever this process
// started meanwhile has the file open for writing until it executes its own
// (ETXTBSY of execve(2); golang.org/issue/22315).
func startProcess(name string, argv []string, attr *os.ProcAttr) (process *os.Process, err error) {
	for range 50 {
		if process, err = os.StartProcess(name, argv, attr); !errors.Is(err, unix.ETXTBSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return process, err
}

// enterAll moves the calling thread. A thread that writes "0" names itself.
func enterAll(tasks []*os.File) error {
	for _, file := range tasks {
		if _, err := unix.Write(int(file.Fd()), []byte("0")); err != nil {
			return fmt.Errorf("enter control group: %w", err)
		}
	}
	return nil
}

// Box is a started box. Its methods are safe for use by several goroutines.
type Box struct {
	// Conn is the server's end of the link to the agent. Closing it ends the
	// agent and with it the box.
	Conn *net.UnixConn

	process *os.Process
	tail    *tail
	dead    chan struct{}
}

func newBox(conn *net.UnixConn, process *os.Process, tail *tail) *Box {
	b := &Box{Conn: conn, process: process, tail: tail, dead: make(chan struct{})}
	go b.wait()
	return b
}

// wait reaps the box. The end of its first process is the end of all of them:
// the kernel kills the rest of the pid namespace before it reports that one
// (pid_namespaces(7)).
func (b *Box) wait() {
	b.process.Wait()
	close(b.dead)
}

// PID is the host's number of the agent.
func (b *Box) PID() int { return b.process.Pid }

// Dead is closed when no process of the box is left.
func (b *Box) Dead() <-chan struct{} { return b.dead }

// Stderr is the end of what the agent wrote to its standard error; it explains
// a death and belongs in the log.
func (b *Box) Stderr() string { return b.tail.String() }

// Close kills every process of the box and waits until they are gone; its
// mounts and namespaces go with them. Idempotent. Errors: ctx's cause.
func (b *Box) Close(ctx context.Context) error {
	b.process.Kill()
	b.Conn.Close()
	for _, gone := range []<-chan struct{}{b.dead, b.tail.done} {
		select {
		case <-gone:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// tailSize is how much of what an agent wrote to its standard error is kept.
const tailSize = 4 << 10

// tail keeps the end of what an agent wrote to its standard error: a stack
// trace, for the log. It is safe for use by several goroutines.
type tail struct {
	mu   sync.Mutex
	text []byte
	done chan struct{} // closed at end of file
}

// newTail returns a tail and the file that the agent is to write to.
func newTail() (*tail, *os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	t := &tail{done: make(chan struct{})}
	go t.follow(read)
	return t, write, nil
}

func (t *tail) follow(read *os.File) {
	defer close(t.done)
	defer read.Close()
	var chunk [512]byte
	for {
		n, err := read.Read(chunk[:])
		t.add(chunk[:n])
		if err != nil {
			return
		}
	}
}

func (t *tail) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
