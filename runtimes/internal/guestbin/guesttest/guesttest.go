// Package guesttest gives tests the agent as it stands in the source.
package guesttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin"
)

// Path builds the agent once per test binary and returns its path, which every
// user can execute. The go command's own cache makes it quick. Where
// guestbin.Variable names an agent, it is that one.
func Path(t testing.TB) string {
	t.Helper()
	path, err := Build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Build is Path for a TestMain.
var Build = sync.OnceValues(build)

// build puts the program below .cache of the module. Test binaries that run at
// the same moment replace it by rename; whoever executes the old one keeps it.
func build() (string, error) {
	if named := os.Getenv(guestbin.Variable); named != "" {
		return guestbin.Find(runtime.GOARCH, "")
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "guest", "test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	draft, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(draft)
	built := filepath.Join(draft, "guest")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", built, "./cmd/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	path := filepath.Join(dir, "guest-linux-"+runtime.GOARCH)
	if err := os.Rename(built, path); err != nil {
		return "", err
	}
	return path, os.Chmod(path, 0o755)
}

// moduleRoot is the directory of go.mod above the working directory, which is
// that of the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = above
	}
}
