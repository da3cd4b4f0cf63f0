package boxedtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// Variables for the run as an ordinary user, who can neither build nor read a
// checkout.
const (
	guestVariable = "CODEBEAKER_GUEST"
	toolsVariable = "BOXED_TEST_TOOLS"
)

// Options are those of a server whose data directory is the test's own.
func Options(t testing.TB) boxed.Options {
	t.Helper()
	return OptionsIn(t, DataDir(t))
}

// OptionsIn are those of a server with that data directory.
func OptionsIn(t testing.TB, dir string) boxed.Options {
	t.Helper()
	mark := "test-" + filepath.Base(dir)
	files := filepath.Join(dir, "workspaces")
	workspaces, err := workspace.New(workspace.Options{Dir: files, Mark: mark, Images: diskimage.New(files, mark)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := workspaces.Close(); err != nil {
			t.Error("close the workspaces:", err)
		}
	})
	return boxed.Options{
		DataDir: dir, Mark: mark, ToolsDir: toolsDir(), Workspaces: workspaces, Guest: guest(t),
		Groups: cgroup.NewFinder(slog.New(slog.DiscardHandler)),
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
}

// DataDir makes a directory that is gone after the test. Its parents can be
// searched by every user, as those of a server's data directory have to be.
func DataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "boxed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// toolsDir is the folder .cache/tools/bin of the checkout, "" outside one.
func toolsDir() string {
	if dir := os.Getenv(toolsVariable); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".cache", "tools", "bin")
		}
	}
	return ""
}

func guest(t testing.TB) string {
	if path := os.Getenv(guestVariable); path != "" {
		return path
	}
	return guesttest.Path(t)
}

// testWriter logs to a test, as long as it runs.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if context.Cause(w.t.Context()) == nil {
		w.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}
