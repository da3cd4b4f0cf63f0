package cgroup

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Kill ends every process of the group and of the groups below it, and returns
// when none is left or ctx ends. A process cannot escape by forking: version 2
// kills the whole group at once (cgroup.kill, Linux 5.14); version 1 freezes
// it first.
func (g *Group) Kill(ctx context.Context) error {
	for wait := 200 * time.Microsecond; ; wait = min(2*wait, 20*time.Millisecond) {
		pids, err := g.Pids()
		if err != nil || len(pids) == 0 {
			return err
		}
		if err := g.strike(pids); err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%d processes survive: %w", len(pids), context.Cause(ctx))
		}
	}
}

// KillAll is Kill with a bound of ten seconds.
func (g *Group) KillAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return g.Kill(ctx)
}

// strike kills what is there now.
func (g *Group) strike(pids []int) error {
	if g.version == 2 {
		if err := write(g.file("", "cgroup.kill"), "1"); err == nil || !os.IsNotExist(err) {
			return err
		}
	}
	frozen := len(pids) > 1 && g.Freeze(50*time.Millisecond) == nil
	pids, err := g.Pids()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if frozen {
		if thawErr := g.Thaw(); err == nil {
			err = thawErr
		}
	}
	return err
}

// Freeze stops every task of the group and waits that long until all have
// stopped. On an error the group is thawed.
func (g *Group) Freeze(patience time.Duration) error {
	file, value, done := g.file("freezer", "freezer.state"), "FROZEN", func(s string) bool { return s == "FROZEN" }
	if g.version == 2 {
		file, value = g.file("", "cgroup.freeze"), "1"
		done = func(string) bool { return g.eventCount("cgroup.events", "frozen") == 1 }
	}
	if err := write(file, value); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Microsecond) {
		state, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if done(strings.TrimSpace(string(state))) {
			return nil
		}
	}
	_ = g.Thaw()
	return fmt.Errorf("the group did not freeze within %v", patience)
}

// Thaw lets a frozen group go on.
func (g *Group) Thaw() error {
	if g.version == 2 {
		return write(g.file("", "cgroup.freeze"), "0")
	}
	return write(g.file("freezer", "freezer.state"), "THAWED")
}
