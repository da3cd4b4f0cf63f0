package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Sweep removes the workspaces that an earlier life of Dir left: mounts first,
// then directories. Those of this Manager's living sessions stay.
func (m *Manager) Sweep(ctx context.Context) error {
	points, err := mountsBelow(m.options.Dir)
	if err != nil {
		return fmt.Errorf("sweep workspaces: %w", err)
	}
	var failed []error
	for _, point := range points {
		if !m.isLive(sessionOf(m.options.Dir, point)) {
			failed = append(failed, unmount(point))
		}
	}
	entries, err := os.ReadDir(m.options.Dir)
	failed = append(failed, err)
	for _, entry := range entries {
		name := entry.Name()
		if name == lockName || name == uidLockName || m.isLive(name) {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		failed = append(failed, m.remove(ctx, name))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("sweep workspaces: %w", err)
	}
	return nil
}

// sessionOf is the name below dir that a mount point belongs to.
func sessionOf(dir, point string) string {
	session, _, _ := strings.Cut(strings.TrimPrefix(point, dir+string(filepath.Separator)), string(filepath.Separator))
	return session
}

// removeBase removes the directory of a session that has ended.
func (m *Manager) removeBase(session string) error {
	// Not the caller's context: half a workspace helps nobody.
	err := m.remove(context.Background(), session)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// remove removes name below Dir through a handle: a program may still be
// writing in it.
func (m *Manager) remove(ctx context.Context, name string) error {
	tree, err := OpenTree(m.options.Dir, TreeOptions{})
	if err != nil {
		return err
	}
	defer tree.Close()
	return tree.removeAll(ctx, tree.root, name)
}
