package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestDeleteRemovesLinksNotWhatTheyPointTo(t *testing.T) {
	tree, dir := newTree(t)
	kept := filepath.Join(filepath.Dir(dir), "kept")
	must(t, os.MkdirAll(filepath.Join(kept, "sub"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "inside/full"), 0o755))
	for _, at := range []string{"a/out", "a/b/c/out"} {
		must(t, os.Symlink(kept, filepath.Join(dir, at)))
	}
	must(t, os.Symlink("../inside", filepath.Join(dir, "a/in")))
	must(t, os.Symlink("inside", filepath.Join(dir, "in")))
	wantCode(t, run(t, tree, "delete", "a"), runtimes.CodeDirectoryNotEmpty)
	wantCode(t, run(t, tree, "delete -r", "in/"), runtimes.CodeNotADirectory)
	wantCode(t, run(t, tree, "delete -r", "a/out/"), runtimes.CodePathOutsideWorkspace)
	must(t, run(t, tree, "delete -r", "a"))
	must(t, run(t, tree, "delete", "in"))
	for _, path := range []string{filepath.Join(kept, "sub"), filepath.Join(dir, "inside/full")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "a")); !os.IsNotExist(err) {
		t.Errorf("a is still there: %v", err)
	}
}

func TestDeleteOpensDirectoriesThatShutTheirOwnerOut(t *testing.T) {
	tree, dir := newTree(t)
	asOrdinaryUser(t, dir, func() {
		must(t, os.MkdirAll(filepath.Join(dir, "a/b/c/d"), 0o755))
		write(t, tree, "a/b/c/d/file", "x")
		for _, d := range []string{"a/b/c/d", "a/b/c", "a/b", "a"} {
			must(t, os.Chmod(filepath.Join(dir, d), 0))
		}
		must(t, run(t, tree, "delete -r", "a"))
	})
}

func TestACancelledDeleteStops(t *testing.T) {
	tree, dir := newTree(t)
	must(t, os.MkdirAll(filepath.Join(dir, "1"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "1/full"), 0o755))
	err := tree.removeAll(canceled(t), tree.root, "1")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("removed all the same: %v", err)
	}
}

func TestRecoverRemovesTemporariesOnly(t *testing.T) {
	tree, dir := newTree(t)
	must(t, os.MkdirAll(filepath.Join(dir, temporaryPrefix+"tree/a/b"), 0o700))
	write(t, tree, temporaryPrefix+"file", "x")
	write(t, tree, "kept", "y")
	must(t, tree.Recover(t.Context()))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "kept" {
		t.Errorf("left: %v, %v", left, err)
	}
}
