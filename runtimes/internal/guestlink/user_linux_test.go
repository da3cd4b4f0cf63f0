package guestlink

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
)

// The same tests run once more as an ordinary user: no control groups, a user
// namespace, the agent in a box.

func startBoxed(t testing.TB) *agent {
	t.Helper()
	started, err := box.Start(box.StartOptions{Guest: guesttest.Path(t), UserNamespace: true})
	if errors.Is(err, os.ErrPermission) {
		t.Skip("this host does not allow user namespaces to ordinary users: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := started.Close(ctx); err != nil {
			t.Error("the box is not gone:", err)
		}
	})
	return &agent{conn: started.Conn, pid: started.PID(), kill: func() error {
		return syscall.Kill(started.PID(), syscall.SIGKILL)
	}}
}

// boxLayout shows the host's programs and the probe.
func boxLayout(t testing.TB) json.RawMessage {
	t.Helper()
	base, err := box.HostBase()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(probePath(t))
	layout, err := json.Marshal(box.Config{
		Hostname: "box", Root: box.Bound{Bytes: 1 << 20, Inodes: 500}, UID: box.DefaultUID, GID: box.DefaultUID,
		Files:   []box.File{{Target: "/etc/passwd", Content: "user:x:1000:1000::/tmp:/bin/sh\n"}},
		Scratch: []box.Scratch{{Target: "/tmp", Bound: box.Bound{Bytes: 16 << 20, Inodes: 1000}, Mode: 0o1777}},
		Binds:   append(base.Binds, box.Bind{Source: dir, Target: dir}),
		Links:   base.Links,
	})
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

func TestAllOfThisAsAnOrdinaryUser(t *testing.T) {
	notShort(t)
	if os.Geteuid() != 0 {
		t.Skip("this is the run as an ordinary user")
	}
	dir, err := os.MkdirTemp("/var/tmp", "link-user")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{self: "link.test", guesttest.Path(t): "guest", probePath(t): "probe"} {
		if out, err := exec.Command("cp", from, filepath.Join(dir, to)).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	again := exec.Command(filepath.Join(dir, "link.test"), "-test.v", "-test.run", "^Test")
	again.Dir = dir
	again.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir, probeVariable+"="+dir, guestbin.Variable+"="+filepath.Join(dir, "guest"))
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestBothStreamsAreExact") {
		t.Skipf("this host does not allow boxes to ordinary users:\n%s", out)
	}
}
