package workspace

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// withoutDescriptors runs f while this process cannot open anything.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var had unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: had.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// With no descriptors left each failed create left a directory, and each close
// its workspace, until the next start of the server.
func TestWhatCouldNotBeRemovedForLackOfDescriptorsIsRemovedLater(t *testing.T) {
	m := newManager(t, Options{})
	living := newDirectory(t, m, CreateOptions{Session: "n1.closed"})
	withoutDescriptors(t, func() {
		if _, err := m.Create(context.Background(), CreateOptions{Session: "n1.failed"}); !errors.Is(err, unix.EMFILE) {
			t.Errorf("create without descriptors: %v", err)
		}
		if err := living.Close(); !errors.Is(err, unix.EMFILE) {
			t.Errorf("close without descriptors: %v", err)
		}
	})
	if m.left.Kept() != 2 {
		t.Errorf("%d directories are to be removed", m.left.Kept())
	}
	for deadline := time.Now().Add(20 * time.Second); m.left.Kept() > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	entries, err := os.ReadDir(m.options.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != lockName && name != uidLockName {
			t.Errorf("%s is left", name)
		}
	}
	newDirectory(t, m, CreateOptions{Session: "n1.failed"}) // the name and its uid are free again
}
