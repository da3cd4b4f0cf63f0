package workspace

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
)

// newTree opens a tree on an empty directory whose parent holds a file that no
// command may reach.
func newTree(t testing.TB) (*Tree, string) {
	t.Helper()
	return newTreeIn(t, t.TempDir())
}

// newLargeTree is newTree in memory where there is any to be had: a disk makes
// 100,000 names a matter of its mood.
func newLargeTree(t testing.TB) (*Tree, string) {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "codebeaker-test-")
	if err != nil {
		return newTree(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return newTreeIn(t, dir)
}

func newTreeIn(t testing.TB, parent string) (*Tree, string) {
	t.Helper()
	dir := filepath.Join(parent, "workspace")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tree, err := OpenTree(dir, TreeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree, dir
}

func write(t testing.TB, ws runtimes.Workspace, path, content string) {
	t.Helper()
	if _, err := ws.WriteFile(t.Context(), runtimes.WriteFile{Path: path, Content: []byte(content)}); err != nil {
		t.Fatalf("write %q: %v", path, err)
	}
}

func read(t testing.TB, ws runtimes.Workspace, path string) string {
	t.Helper()
	found, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: path})
	if err != nil {
		t.Fatalf("read %q: %v", path, err)
	}
	return string(found.Content)
}

func wantCode(t testing.TB, err error, want runtimes.FileCode) {
	t.Helper()
	if got := runtimes.FileCodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
}

// command runs one kind of file command on a path and returns its error.
type command struct {
	name string
	run  func(ctx context.Context, ws runtimes.Workspace, path string) error
}

// commands are all the ways in which a path can be used.
var commands = []command{
	{"read", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.ReadFile(ctx, runtimes.ReadFile{Path: p})
		return err
	}},
	{"write", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.WriteFile(ctx, runtimes.WriteFile{Path: p, Content: []byte("fuzz")})
		return err
	}},
	{"append", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.WriteFile(ctx, runtimes.WriteFile{Path: p, Content: []byte("fuzz"), Mode: runtimes.Append})
		return err
	}},
	{"mkdir", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		return ws.CreateDirectory(ctx, runtimes.CreateDirectory{Path: p})
	}},
	{"mkdir -p", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		return ws.CreateDirectory(ctx, runtimes.CreateDirectory{Path: p, Recursive: true})
	}},
	{"copy from", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.CopyFile(ctx, runtimes.CopyFile{Source: p, Destination: "copied", Overwrite: true, Recursive: true})
		return err
	}},
	{"copy to", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.CopyFile(ctx, runtimes.CopyFile{Source: "file", Destination: p, Overwrite: true})
		return err
	}},
	{"copy -r to", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.CopyFile(ctx, runtimes.CopyFile{Source: "dir", Destination: p, Overwrite: true, Recursive: true})
		return err
	}},
	{"move from", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		return ws.MoveFile(ctx, runtimes.MoveFile{Source: p, Destination: "moved", Overwrite: true})
	}},
	{"move to", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		return ws.MoveFile(ctx, runtimes.MoveFile{Source: "file", Destination: p, Overwrite: true})
	}},
	{"list", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		_, err := ws.ListDirectory(ctx, runtimes.ListDirectory{Path: p, Recursive: true})
		return err
	}},
	{"delete", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		return ws.DeleteFile(ctx, runtimes.DeleteFile{Path: p})
	}},
	{"delete -r", func(ctx context.Context, ws runtimes.Workspace, p string) error {
		return ws.DeleteFile(ctx, runtimes.DeleteFile{Path: p, Recursive: true})
	}},
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	tree, dir := newTree(t)
	for _, path := range []string{"a.txt", "/workspace/b.txt", "deep/er/c.txt", "./deep//d.txt", "deep/../e.txt", "~", `..\x`, "%2e%2e", "$HOME", "-rf", "new\nline"} {
		write(t, tree, path, "content of "+path)
		if got := read(t, tree, path); got != "content of "+path {
			t.Errorf("%q holds %q", path, got)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "deep/er/c.txt"))
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
