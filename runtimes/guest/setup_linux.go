package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/guest/internal/harden"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

// setUp does what Hello says, in an order in which each step still has the
// privileges it needs, and reports what the kernel says is in force.
func (a *agent) setUp(payload []byte) (frame.Report, error) {
	if err := json.Unmarshal(payload, &a.hello); err != nil {
		return frame.Report{}, err
	}
	var err error
	a.pid = os.Getpid()
	// What programs leave behind becomes the agent's child also where it is
	// not the first process.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return frame.Report{}, err
	}
	if err := a.makeTunnel(); err != nil {
		return frame.Report{}, err
	}
	if len(a.hello.Box) > 0 {
		if err := a.ownGroups(); err != nil {
			return frame.Report{}, err
		}
		if err := enterBox(a.hello.Box); err != nil {
			return frame.Report{}, err
		}
	}
	a.comeBeforeTheServer()
	if err := setLimits(a.hello.Limits); err != nil {
		return frame.Report{}, err
	}
	if err := a.confine(); err != nil {
		return frame.Report{}, err
	}
	// A /proc of another pid namespace would show strangers under the numbers
	// of our processes.
	self, err := os.Readlink("/proc/self")
	a.ownProc = err == nil && self == strconv.Itoa(a.pid)
	a.keeps = a.ownProc && a.groups() == frame.NoGroups
	if a.null, err = unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		a.null = -1 // an image may have none
	}
	if a.groups() == frame.NoGroups {
		makeThreads()
	}
	a.table = newTable(a)
	a.starter = newStarter(a)
	if a.hello.Files {
		if a.files, err = openFiles(a.conn, a.workspace()); err != nil {
			return frame.Report{}, err
		}
	}
	return a.report()
}

// comeBeforeTheServer has the kernel take this process, and whatever it starts,
// before the server when the host runs out of memory. One that may lower the value
// again makes this its least. The file stays open, for an undumpable process
// cannot open it; programs get more by it: see expendable. Where there is none the
// kernel chooses by size alone.
func (a *agent) comeBeforeTheServer() {
	file, err := os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)
	if err != nil {
		return
	}
	var had int
	_, err = fmt.Fscan(file, &had)
	own := []byte(strconv.Itoa(max(had, frame.OOMScoreAdjust)))
	if err == nil {
		_, err = file.WriteAt(own, 0)
	}
	if err != nil {
		file.Close()
		return
	}
	a.oomScore, a.ownScore = file, own
}

// ownGroups makes the environment's group the root of a namespace of control
// groups. One made by clone(2) would have that of the server, and a host whose
// namespaces are borders (the mount option nsdelegate, as systemd's) would let
// the agent start nothing in the groups of executions.
func (a *agent) ownGroups() error {
	if a.groups() != frame.GroupsV2 {
		return nil
	}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP, 0, 0); errno != 0 {
		return fmt.Errorf("make a namespace of control groups: %w", errno)
	}
	return nil
}

func enterBox(raw json.RawMessage) error {
	var cfg box.Config
	if err := json.Unmarshal(raw, &cfg); err != nil {
		return err
	}
	return box.Enter(cfg)
}

// confine gives up what the agent has no more need of.
func (a *agent) confine() error {
	if u := a.hello.User; u != nil {
		if err := harden.Become(u.UID, u.GID); err != nil {
			return err
		}
	}
	steps := []struct {
		wanted bool
		do     func() error
	}{
		{true, harden.Undumpable},
		{a.hello.Harden.NoCapabilities, harden.NoCapabilities},
		{a.hello.Harden.NoNewPrivileges || a.hello.Harden.Seccomp, harden.NoNewPrivileges},
		{a.hello.Harden.Seccomp && a.groups() != frame.GroupsV2, harden.Seccomp},
	}
	for _, step := range steps {
		if !step.wanted {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	if a.hello.Harden.Seccomp && a.groups() == frame.GroupsV2 {
		a.filter = harden.Filter()
		return a.proveFilter()
	}
	return nil
}

// report asks the kernel what is in force. What Hello asked for and is not
// there is an error.
func (a *agent) report() (frame.Report, error) {
	state, err := harden.Verify()
	if err != nil {
		return frame.Report{}, fmt.Errorf("verify what is in force: %w", err)
	}
	want := a.hello.Harden
	if want.NoCapabilities && !state.NoCapabilities || want.NoNewPrivileges && !state.NoNewPrivileges ||
		want.Seccomp && !state.Seccomp && a.filter == nil || !state.Undumpable {
		return frame.Report{}, fmt.Errorf("asked for %+v, the kernel says %+v", want, state)
	}
	r := frame.Report{
		PID: os.Getpid(), UID: os.Getuid(), GID: os.Getgid(), Undumpable: state.Undumpable,
		Harden: frame.Harden{
			NoCapabilities: state.NoCapabilities, NoNewPrivileges: state.NoNewPrivileges, Seccomp: state.Seccomp || a.filter != nil,
		},
	}
	if u := a.hello.User; u != nil && (r.UID != u.UID || r.GID != u.GID) {
		return frame.Report{}, errors.New("the agent did not become who it should be")
	}
	if r.Limits, err = readLimits(a.hello.Limits); err != nil {
		return frame.Report{}, err
	}
	r.Places = rooms(a.hello.Places)
	ours, theirs, err := newTerminal()
	if err == nil {
		ours.Close()
		unix.Close(theirs)
	}
	r.Terminal = err == nil
	return r, nil
}

// workspace is where programs start.
func (a *agent) workspace() string {
	if a.hello.Workspace == "" {
		return "/"
	}
	return a.hello.Workspace
}

// rooms leaves out what is not there.
func rooms(paths []string) []frame.Place {
	var places []frame.Place
	for _, path := range paths {
		var fs unix.Statfs_t
		if unix.Statfs(path, &fs) == nil {
			places = append(places, frame.Place{Path: path, Bytes: int64(fs.Blocks) * fs.Bsize})
		}
	}
	return places
}

// keepDescriptors lets no program inherit what the agent was started with
// besides its standard streams: whoever started the server may have left
// descriptors open.
func keepDescriptors() error {
	err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Linux before 5.11, or a seccomp filter that does not know it.
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// makeTunnel makes the network interface of a box that has one, while the
// host's files are there and the right to make it.
func (a *agent) makeTunnel() error {
	if !a.hello.Tunnel {
		return nil
	}
	sockets, err := a.conn.take(1)
	if err != nil {
		return err
	}
	defer sockets[0].Close()
	return passTunnel(sockets[0])
}

// tunnelFor makes it in the network namespace of a container, which this one
// shares, and passes it to the server's socket.
func tunnelFor(path string) error {
	server, err := dial(path)
	if err != nil {
		return err
	}
	defer server.in.Close()
	return passTunnel(server.in)
}

// passTunnel keeps nothing of the interface here.
func passTunnel(socket *os.File) error {
	device, err := tunnel.Make()
	if err != nil {
		return err
	}
	defer device.Close()
	return tunnel.Send(socket, device)
}

// spareThreads are made at the start and stay: where no control group keeps
// programs apart from the agent, a program that takes all tasks of the
// environment would otherwise end it with the first thread that Go wants.
const spareThreads = 6

// makeThreads makes them: each goroutine holds one until all have theirs, and
// Go keeps a thread that it has.
func makeThreads() {
	var there, gone sync.WaitGroup
	release := make(chan struct{})
	there.Add(spareThreads)
	for range spareThreads {
		gone.Go(func() {
			runtime.LockOSThread()
			there.Done()
			<-release
			runtime.UnlockOSThread()
		})
	}
	there.Wait()
	close(release)
	gone.Wait()
}
