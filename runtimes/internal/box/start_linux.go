package box

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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
		return nil, nil, fmt.Errorf("a %T is no unix socket", conn)
	}
	return server, agent, nil
}
