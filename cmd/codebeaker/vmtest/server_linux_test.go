package vmtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	dir    string // its data
	log    string // file
	cmd    *exec.Cmd
	client *client.Client
	probed time.Time // until then a runtime may be on its way
}

// start starts the program that lies beside this one and waits until it
// listens.
func start(t *testing.T, s situation) *server {
	t.Helper()
	t.Logf("user %d, %s; a process takes some %d times as long to start as usual", os.Geteuid(), ownGroup(t), slowness())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &server{situation: s, dir: dataDirectory(t)}
	v.log = filepath.Join(v.dir, "server.log")
	log, err := os.Create(v.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	v.cmd = exec.Command(filepath.Join(filepath.Dir(self), "codebeaker"), "serve", "--listen", "127.0.0.1:0",
		"--data-dir", v.dir, "--runtimes", "native,bun,deno", "--calibrate=false", "--log-level", "debug",
		"--create-timeout", stretched(10*time.Second).String(), "--drain-timeout", "1s")
	v.cmd.Stderr = log
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.end(t) })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server printed %q, %v", line, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	if v.client, err = client.Dial(ctx, url, client.Options{}); err != nil {
		t.Fatal(err)
	}
	v.probed = time.Now().Add(patience())
	return v
}

// ownGroup is the control group in which the test runs.
func ownGroup(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// dataDirectory is one that the uids of sessions may pass through.
func dataDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "codebeaker-vm-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// end ends what is left of the server, and shows what it said when a test
// failed.
func (v *server) end(t *testing.T) {
	if v.client != nil {
		_ = v.client.Close()
	}
	if v.cmd.ProcessState == nil {
		_ = v.cmd.Process.Kill()
		_ = v.cmd.Wait()
	}
	if t.Failed() {
		text, _ := os.ReadFile(v.log)
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, "level=DEBUG") {
				t.Log("server: " + strings.TrimSpace(line))
			}
		}
	}
	if err := os.RemoveAll(v.dir); err != nil {
		t.Errorf("something is left in the data directory: %v", err)
	}
}

// need waits until the server offers a runtime.
func (v *server) need(t *testing.T, kind string) {
	t.Helper()
	for {
		r := v.runtime(t, kind)
		if r.Available {
			return
		}
		if time.Now().After(v.probed) {
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

// testStop ends the server as systemd would and wants nothing of it left.
func testStop(t *testing.T, v *server, before sight) {
	made := 0
	for _, l := range languages {
		if !v.runtime(t, l.runtime).Available {
			continue // which has been said
		}
		s := v.create(t, protocol.SessionCreate{Language: l.name, RuntimeType: protocol.RuntimeType(l.runtime)})
		s.closed = true // by the end of the server
		s.start(t, client.Execute{Command: client.Program("sleep", "100000"), Background: true})
		made++
	}
	if made == 0 {
		t.Error("there is no session to be ended")
	}
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- v.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended with %v", err)
		}
	case <-time.After(stretched(10 * time.Second)):
		t.Fatal("the server does not end")
	}
	var left []string
	if !eventually(t, "the server left nothing", func() bool { left = before.since(t); return len(left) == 0 }) {
		t.Errorf("left:\n\t%s", strings.Join(left, "\n\t"))
	}
	for _, name := range v.files() {
		if within, ok := strings.CutPrefix(name, filepath.Join(v.dir, "workspaces")+"/"); ok && !strings.Contains(within, "lock") {
			t.Errorf("left in the workspaces: %s", within)
		}
	}
}
