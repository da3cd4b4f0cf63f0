package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Kill ends every process of the group and of those below it, however fast
// they multiply, and waits until none is left.
// Errors: ErrNotEmpty when ctx ends before.
func (g *Group) Kill(ctx context.Context) error {
	for pause := time.Duration(0); ; pause = min(2*pause+100*time.Microsecond, 10*time.Millisecond) {
		if !sleep(ctx, pause) {
			return ErrNotEmpty
		}
		if g.Empty() {
			return nil
		}
		left, err := g.Pids()
		if err != nil {
			return ignoreGone(err)
		}
		if len(left) == 0 {
			return nil
		}
		if err := g.killOnce(left); err != nil {
			return fmt.Errorf("kill group: %w", err)
		}
	}
}

// Empty tells that the group, with those below it, has no tasks. False may also
// be that the kernel does not say.
func (g *Group) Empty() bool {
	if g.version == V2 {
		text, err := g.counters.tasks.read(g.at.core(), "cgroup.events", unix.O_RDONLY)
		n, found := keyed(text, "populated")
		return err == nil && found && n == 0
	}
	n, _, err := g.counters.tasks.number(g.at[pids], "pids.current", unix.O_RDONLY)
	return err == nil && n == 0
}

// killOnce signals all processes while none can fork. With version 1 they are
// frozen for that moment, or, in a group without a freezer, may make no more.
func (g *Group) killOnce(seen []int) error {
	if g.version == V2 {
		err := write(g.at.core(), "cgroup.kill", "1")
		if !errors.Is(err, os.ErrNotExist) { // Linux before 5.14 has none
			return ignoreGone(err)
		}
	}
	if g.at[freezer] == "" {
		return ignoreGone(g.killSealed())
	}
	if err := g.setFrozen(true); err != nil {
		return ignoreGone(err)
	}
	_, err := g.Signal(syscall.SIGKILL)
	if thawErr := g.setFrozen(false); err == nil {
		err = thawErr
	}
	return ignoreGone(err)
}

// killSealed leaves the group with a limit of no processes.
func (g *Group) killSealed() error {
	g.seal()
	if err := write(g.at[pids], "pids.max", "0"); err != nil {
		return err
	}
	_, err := g.Signal(syscall.SIGKILL)
	return err
}

// seal notes what is not Kill's doing.
func (g *Group) seal() {
	refused := g.births()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.sealed {
		g.sealed, g.sealedAt = true, refused
	}
}

// Freeze stops all processes of the group until Thaw. A Child of version 1 has no
// freezer.
func (g *Group) Freeze() error { return g.setFrozen(true) }

// Thaw lets the processes go on.
func (g *Group) Thaw() error { return g.setFrozen(false) }

// ThawAll lets the processes of the group and of every group below it go on. A
// server that was killed while it killed may have left one frozen, and what is
// frozen cannot die.
func (g *Group) ThawAll() error {
	return filepath.WalkDir(g.at[freezer], func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return ignoreGone(err)
		}
		below := &Group{version: g.version}
		below.at[freezer] = path
		return ignoreGone(below.Thaw())
	})
}

func (g *Group) setFrozen(frozen bool) error {
	switch {
	case g.at[freezer] == "":
		return errors.New("the group has no freezer")
	case g.version == V2 && frozen:
		return write(g.at[freezer], "cgroup.freeze", "1")
	case g.version == V2:
		return write(g.at[freezer], "cgroup.freeze", "0")
	case frozen:
		return write(g.at[freezer], "freezer.state", "FROZEN")
	}
	return write(g.at[freezer], "freezer.state", "THAWED")
}

// sleep waits for d and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
