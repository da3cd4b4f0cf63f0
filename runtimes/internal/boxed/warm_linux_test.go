package boxed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

func noFailure(t *testing.T) func(error) { return func(err error) { t.Error("the fill failed:", err) } }

func TestAWarmCacheAppearsWholeAndOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "tool-1")
	release, fills := make(chan struct{}), 0
	warm := &Warm{Dir: dir, Target: "/home/user/.cache/tool", Link: true, Fill: func(_ context.Context, into string) error {
		fills++
		<-release
		return os.WriteFile(filepath.Join(into, "file"), nil, 0o644)
	}}
	warm.start(context.Background(), noFailure(t))
	warm.start(context.Background(), noFailure(t))
	var cold box.Config
	if warm.layout(&cold); warm.ready() || len(cold.Seeds) != 0 {
		t.Error("a cache that is being filled is used")
	}
	close(release)
	warm.wait()
	var cfg box.Config
	if warm.layout(&cfg); len(cfg.Seeds) != 1 || len(cfg.Binds) != 1 || cfg.Binds[0].Source != dir || cfg.Seeds[0].Source != cfg.Binds[0].Target {
		t.Errorf("got %+v", cfg)
	}
	again := &Warm{Dir: dir, Fill: func(context.Context, string) error { fills++; return nil }}
	again.start(context.Background(), noFailure(t))
	again.wait()
	if fills != 1 {
		t.Errorf("the cache was filled %d times", fills)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

func TestAFailedFillLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	broken := errors.New("no compiler")
	var told error
	warm := &Warm{Dir: filepath.Join(parent, "x"), Fill: func(context.Context, string) error { return broken }}
	ctx, stop := context.WithCancel(t.Context()) // it would be tried again
	defer stop()
	warm.start(ctx, func(err error) { told = err; stop() })
	warm.wait()
	if !errors.Is(told, broken) || warm.ready() {
		t.Errorf("told %v", told)
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestSweepRemovesInterruptedFillsOnly(t *testing.T) {
	parent := t.TempDir()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	mine := fmt.Sprint(partialPrefix, os.Getpid(), "-1")
	for _, name := range []string{partialPrefix + "old/a", fmt.Sprint(partialPrefix, dead.Process.Pid, "-1/a"), mine + "/a", "go1.26/a"} {
		if err := os.MkdirAll(filepath.Join(parent, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweepPartial(parent); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 2 || left[0].Name() != "go1.26" || left[1].Name() != mine {
		t.Errorf("left: %v", left)
	}
}
