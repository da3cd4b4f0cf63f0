package vmtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// A server is the real one, in a process of its own, and a client of it.
type server struct {
	situation
	offers []language
	dir    string // its data
	log    string // file
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	client *client.Client
	begun  time.Time
}

// unitName and unitUser are those of a server that is a unit.
const (
	unitName = "codebeaker-vmtest.service"
	unitUser = "withoutbus"
)

// start starts the program that lies beside this one, with the runtimes of some
// languages, and waits until it listens.
func start(t *testing.T, s situation, dir string, offers []language) *server {
	t.Helper()
	v := &server{situation: s, offers: offers, dir: dir, exited: make(chan struct{})}
	v.cmd = exec.Command(programs(t, "codebeaker"), "serve", "--listen", "127.0.0.1:0", "--data-dir", dir,
		"--runtimes", names(offers), "--calibrate=false", "--pools=off",
		"--create-timeout", stretched(10*time.Second).String(), "--drain-timeout", "1s")
	if s.unit {
		// As docs/operations.md has it.
		v.cmd = exec.Command("systemd-run", append([]string{"--quiet", "--wait", "--pipe", "--collect", "--unit", unitName,
			"-p", "User=" + unitUser, "-p", "Delegate=yes", "-p", "KillMode=mixed"}, v.cmd.Args...)...)
	}
	log, err := os.CreateTemp("", "codebeaker-vm-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	v.log, v.cmd.Stderr = log.Name(), log
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.end(t) })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	go func() { _ = v.cmd.Wait(); close(v.exited) }()
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server printed %q, %v", line, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	if v.client, err = client.Dial(ctx, url, client.Options{}); err != nil {
		t.Fatal(err)
	}
	v.begun = time.Now()
	t.Logf("%s; a process takes some %d times as long to start as usual", v.who(), slowness())
	return v
}

// programs is the path of a program that lies beside this one.
func programs(t *testing.T, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(self), name)
}

// who says as what the server runs, and where.
func (v *server) who() string {
	for _, p := range processes() {
		if strings.Contains(p.command, v.dir) && p.name == "codebeaker" {
			return "the server is uid " + p.uid + " in " + strings.TrimSpace(p.group)
		}
	}
	return "there is no server"
}

// dataDirectory is one that the uids of sessions may pass through.
func dataDirectory(t *testing.T, s situation) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "codebeaker-vm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("something is left in the data directory: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if s.unit {
		owner, err := user.Lookup(unitUser)
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// terminate tells the server to end, as an operator does.
func (v *server) terminate() error {
	if v.unit {
		return exec.Command("systemctl", "stop", unitName).Run()
	}
	return v.cmd.Process.Signal(syscall.SIGTERM)
}

// crash kills the server alone.
func (v *server) crash() error {
	if v.unit {
		return exec.Command("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unitName).Run()
	}
	return v.cmd.Process.Kill()
}

// wait waits until the server has ended.
func (v *server) wait(t *testing.T) {
	t.Helper()
	select {
	case <-v.exited:
	case <-time.After(stretched(10 * time.Second)):
		t.Fatal("the server does not end")
	}
}

// end ends what is left of the server, and shows what it said when a test
// failed.
func (v *server) end(t *testing.T) {
	if v.client != nil {
		_ = v.client.Close()
	}
	select {
	case <-v.exited:
	default:
		_ = v.crash()
		v.wait(t)
	}
	if t.Failed() {
		said, _ := os.ReadFile(v.log)
		for line := range strings.Lines(string(said)) {
			t.Log("server: " + strings.TrimSpace(line))
		}
	}
	_ = os.Remove(v.log)
}

// need waits until the server offers a runtime. It asks a runtime again that
// took too long for its first answer.
func (v *server) need(t *testing.T, kind string) {
	t.Helper()
	for {
		r, waited := v.runtime(t, kind), time.Since(v.begun)
		if r.Available {
			return
		}
		if waited > patience() && r.Reason != "not probed yet" || waited > 4*time.Minute {
			t.Fatalf("%s is not available: %s", kind, r.Reason)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// runtime is what the server says of a runtime now.
func (v *server) runtime(t *testing.T, kind string) protocol.Runtime {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	list, err := v.client.Runtimes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(r protocol.Runtime) bool { return r.RuntimeType == kind })
	if i < 0 {
		t.Fatalf("the server knows no %s", kind)
	}
	return list[i]
}

// create makes a session, which is closed at the end of the test at the latest.
func (v *server) create(t *testing.T, p protocol.SessionCreate) *session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stretched(10*time.Second))
	defer cancel()
	made, err := v.client.Create(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{Session: made, server: v}
	t.Cleanup(func() {
		if !s.closed {
			s.close(t)
		}
	})
	return s
}

// populate makes a session on each runtime, with a program that runs. They end
// with the server.
func (v *server) populate(t *testing.T) (sessions []*session) {
	t.Helper()
	list, err := v.client.Runtimes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range v.offers {
		if !slices.ContainsFunc(list, func(r protocol.Runtime) bool { return r.RuntimeType == l.runtime && r.Available }) {
			continue // its own test has said why
		}
		s := v.create(t, protocol.SessionCreate{Language: l.name, RuntimeType: protocol.RuntimeType(l.runtime)})
		s.closed = true
		s.start(t, client.Execute{Command: client.Program("sh", "-c", "setsid sleep 31415926 & exec sleep 31415926"), Background: true})
		sessions = append(sessions, s)
	}
	if len(sessions) == 0 {
		t.Fatal("no runtime is available, so there is no session to be ended")
	}
	eventually(t, "the programs run", func() bool { return len(exactly("sleep 31415926")) == 2*len(sessions) })
	return sessions
}

// testCrash: programs do not outlive a server that is killed.
func testCrash(t *testing.T, v *server) {
	v.need(t, v.offers[0].runtime)
	v.populate(t)
	if err := v.crash(); err != nil {
		t.Fatal(err)
	}
	v.wait(t)
	var left []string
	if !eventually(t, "no program outlives the server", func() bool {
		left = exactly("sleep 31415926")
		return len(left) == 0
	}) {
		t.Errorf("processes left: %v", left)
	}
}

// testSweep: a server removes what the one before, which was killed, has left.
func testSweep(t *testing.T, v *server) {
	mark, err := os.ReadFile(filepath.Join(v.dir, "mark"))
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	if !eventually(t, "nothing is left of the server before", func() bool {
		left = slices.DeleteFunc(controlGroups(), func(group string) bool {
			within, ok := below(group, strings.TrimSpace(string(mark)))
			return !ok || strings.Contains(within, "probe-")
		})
		for _, name := range v.files() {
			if within, ok := strings.CutPrefix(name, v.workspaces()); ok && !strings.Contains(within, "probe-") {
				left = append(left, name)
			}
		}
		return len(left) == 0
	}) {
		t.Errorf("left:\n\t%s", strings.Join(left, "\n\t"))
	}
}

// below returns what of a path lies below the folder whose name has the mark.
func below(path, mark string) (string, bool) {
	_, rest, found := strings.Cut(path, "/codebeaker/"+mark+"-")
	_, within, deeper := strings.Cut(rest, "/")
	return within, found && deeper
}

// testStop: a server that is told to end says that all went well and leaves
// nothing.
func testStop(t *testing.T, v *server, before sight) {
	v.populate(t)
	if err := v.terminate(); err != nil {
		t.Fatal(err)
	}
	v.wait(t)
	if state := v.cmd.ProcessState; !state.Success() {
		t.Errorf("the server ended with %v", state)
	}
	var left []string
	if !eventually(t, "the server left nothing", func() bool { left = before.since(t); return len(left) == 0 }) {
		t.Errorf("left:\n\t%s", strings.Join(left, "\n\t"))
	}
	for _, name := range v.files() {
		if strings.HasPrefix(name, v.workspaces()) {
			t.Errorf("left in the workspaces: %s", name)
		}
	}
	if v.docker {
		for _, list := range [][]string{{"ps", "--all", "--quiet"}, {"volume", "ls", "--quiet"}, {"network", "ls", "--quiet", "--filter", "type=custom"}} {
			if out, err := exec.Command("docker", list...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("docker %v: %v, %s", list, err, out)
			}
		}
	}
}

// files are the names below the data directory.
func (v *server) files() []string {
	var list []string
	_ = filepath.WalkDir(v.dir, func(path string, _ os.DirEntry, _ error) error {
		if !strings.HasSuffix(path, "lock_") && !strings.HasSuffix(path, ".lock") {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// workspaces begins the paths of all workspaces.
func (v *server) workspaces() string { return filepath.Join(v.dir, "workspaces") + "/" }
