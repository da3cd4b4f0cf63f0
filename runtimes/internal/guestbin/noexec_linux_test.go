package guestbin

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestADataDirectoryMountedNoexecSendsTheAgentToTheUsersCaches(t *testing.T) {
	if !Embedded(runtime.GOARCH) {
		t.Skip("this test was built without the agents: run `make guest`")
	}
	t.Setenv(Variable, "")
	data, cache := t.TempDir(), t.TempDir()
	if err := unix.Mount("tmpfs", data, "tmpfs", unix.MS_NOEXEC, ""); err != nil {
		t.Skipf("needs to mount: %v", err)
	}
	defer unix.Unmount(data, unix.MNT_DETACH)
	t.Setenv("XDG_CACHE_HOME", cache)
	path, err := Find(runtime.GOARCH, data)
	if err != nil || filepath.Dir(path) != filepath.Join(cache, "codebeaker", "agent") || Executable(path) != nil {
		t.Errorf("%q, %v", path, err)
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(data, "cache"))
	if path, err := Find(runtime.GOARCH, data); !errors.Is(err, ErrNotExecutable) {
		t.Errorf("with nowhere to go: %q, %v", path, err)
	}
}
