package cgroup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// Remove removes the group and those below it, which must have no processes.
// One whose last process is still on its way out is waited for.
// Errors: ErrNotEmpty when ctx ends before.
func (g *Group) Remove(ctx context.Context) error {
	g.Close()
	for pause := time.Duration(0); ; pause = min(2*pause+200*time.Microsecond, 20*time.Millisecond) {
		if !sleep(ctx, pause) {
			return ErrNotEmpty
		}
		if err := g.remove(); !errors.Is(err, errBusy) {
			return err
		}
	}
}

func (g *Group) remove() error {
	g.mu.Lock()
	inner := g.inner
	g.mu.Unlock()
	for _, dir := range g.at.distinct() {
		if err := removeDirectory(dir, inner); err != nil {
			return err
		}
	}
	return nil
}

// removeDirectory removes a directory, with those below it when deep.
func removeDirectory(dir string, deep bool) error {
	if deep {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return ignoreGone(err)
		}
		for _, entry := range entries {
			if entry.IsDir() {
				if err := removeDirectory(filepath.Join(dir, entry.Name()), true); err != nil {
					return err
				}
			}
		}
	}
	return ignoreGone(os.Remove(dir))
}

// Sweep ends and removes the group of that name, a clean path
// "codebeaker/...", and everything below it, which an earlier life of the
// server left behind, and "codebeaker" itself when nothing else is in it.
func (h *Hierarchy) Sweep(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	old := &Group{version: h.version, at: h.root.below(name), inner: true}
	if err := old.ThawAll(); err != nil {
		return err
	}
	if err := old.Kill(ctx); err != nil {
		return err
	}
	err := old.Remove(ctx)
	for _, dir := range h.root.below(top).distinct() {
		_ = os.Remove(dir) // stays while another server has groups in it
	}
	return err
}
