package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// enterProgram is testdata/enter, built once.
var enterProgram string

// enterVariable hands it to the tests that run as an ordinary user.
const enterVariable = "BOX_TEST_ENTER"

func TestMain(m *testing.M) {
	enterProgram = os.Getenv(enterVariable)
	remove := func() {}
	if enterProgram == "" {
		dir, err := buildEnter()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		remove = func() { os.RemoveAll(dir) }
	}
	code := m.Run()
	remove()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// buildEnter builds the program, without CGO as the agent is, into a directory
// that every user may search.
func buildEnter() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "box-enter"); err != nil {
		return "", err
	}
	enterProgram = filepath.Join(dir, "enter")
	build := exec.Command("go", "build", "-o", enterProgram, "./testdata/enter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, os.Chmod(dir, 0o755)
}

// testConfig is a small whole layout.
func testConfig(t testing.TB) Config {
	t.Helper()
	base, err := HostBase()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Hostname: "box", Root: Bound{Bytes: 1 << 20, Inodes: 500}, UID: DefaultUID, GID: DefaultUID,
		Files: []File{{Target: "/etc/passwd", Content: "user:x:1000:1000::/home/user:/bin/sh\n"}},
		Scratch: []Scratch{
			{Target: "/tmp", Bound: Bound{1 << 20, 100}, Mode: 0o1777},
			{Target: "/home/user", Bound: Bound{1 << 20, 100}, Mode: 0o755},
			{Target: "/dev/shm", Bound: Bound{1 << 20, 100}, Mode: 0o1777, NoExec: true},
		},
		Workspace: testWorkspace(t),
		Binds:     base.Binds,
		Links:     base.Links,
	}
}

// testWorkspace makes a directory that belongs to the box's user.
func testWorkspace(t testing.TB) string {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, DefaultUID, DefaultUID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startBox starts a box, or skips the test where a host forbids it to
// ordinary users.
func startBox(t testing.TB, args ...string) *Box {
	t.Helper()
	box, err := Start(StartOptions{Guest: enterProgram, Args: args, UserNamespace: os.Geteuid() != 0})
	if os.Geteuid() != 0 && errors.Is(err, os.ErrPermission) {
		t.Skip("this host does not allow user namespaces:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := box.Close(ctx); err != nil {
			t.Error("the box is not gone:", err)
		}
	})
	box.Conn.SetDeadline(time.Now().Add(20 * time.Second))
	return box
}

// shell runs a shell line in a new box and returns its output.
func shell(t testing.TB, cfg Config, line string) string {
	t.Helper()
	box := startBox(t, "/bin/sh", "-c", line)
	if err := json.NewEncoder(box.Conn).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(box.Conn)
	if err != nil {
		t.Fatal(err, box.Stderr())
	}
	return string(out)
}

// entered starts a box without a program and waits until it lives in cfg.
func entered(t testing.TB, cfg Config) *Box {
	t.Helper()
	box := startBox(t)
	if err := json.NewEncoder(box.Conn).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	want := "entered\n"
	answer := make([]byte, len(want))
	if _, err := io.ReadFull(box.Conn, answer); err != nil || string(answer) != want {
		t.Fatal(string(answer), err)
	}
	return box
}
