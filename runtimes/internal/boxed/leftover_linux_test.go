package boxed_test

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// What a box left whose removal failed for want of descriptors stayed until the
// next start of the server.
func TestABoxThatCouldNotBeRemovedIsRemovedLater(t *testing.T) {
	boxedtest.NotShort(t)
	options := boxedtest.Options(t)
	r := boxed.New(options, shellFlavor())
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	s := spec()
	e, err := r.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var had unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: had.Max}); err != nil {
		t.Fatal(err)
	}
	_, failed := r.Create(context.Background(), spec())
	closed, workspace := e.Close(context.Background()), e.Workspace().Close()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	if failed == nil || workspace == nil {
		t.Errorf("without descriptors: create %v, close %v, workspace %v", failed, closed, workspace)
	}
	left := func() int { return len(boxedtest.Groups(t, options, s.Name)) }
	for deadline := time.Now().Add(20 * time.Second); left() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d control groups are left", left())
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		again, err := r.Create(t.Context(), s) // its workspace's name is free
		if err == nil {
			if err := again.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if err := again.Workspace().Close(); err != nil {
				t.Error(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the workspace is left: %v", err)
		}
	}
}
