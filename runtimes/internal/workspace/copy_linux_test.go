package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codebeaker/codebeaker/runtimes"
)

func copyAll(t testing.TB, ws runtimes.Workspace, from, to string, overwrite bool) error {
	_, err := ws.CopyFile(t.Context(), runtimes.CopyFile{Source: from, Destination: to, Overwrite: overwrite, Recursive: true})
	return err
}

func TestACopyIsWholeOrNotThere(t *testing.T) {
	tree, dir := newTree(t)
	write(t, tree, "src/a/file", "12345")
	write(t, tree, "src/run", "678")
	must(t, os.Chmod(filepath.Join(dir, "src/run"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "src/a"), 0o700))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "src/out")))
	n, err := tree.CopyFile(t.Context(), runtimes.CopyFile{Source: "src", Destination: "dst", Recursive: true})
	if err != nil || n != 8 {
		t.Fatalf("copied %d, %v", n, err)
	}
	got, _ := list(t, tree, runtimes.ListDirectory{Path: "dst", Recursive: true})
	if diff := cmp.Diff([]string{"dst/a", "dst/a/file", "dst/out", "dst/run"}, got); diff != "" {
		t.Error(diff)
	}
	if link, err := os.Readlink(filepath.Join(dir, "dst/out")); link != "/etc/passwd" {
		t.Errorf("the link became %q, %v", link, err)
	}
	for name, mode := range map[string]os.FileMode{"dst": 0o755, "dst/a": 0o700, "dst/run": 0o755, "dst/a/file": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	wantCode(t, copyAll(t, tree, "src", "dst", false), runtimes.CodeAlreadyExists)
	wantCode(t, copyAll(t, tree, "src", "src/run", true), runtimes.CodeNotADirectory)
	wantCode(t, copyAll(t, tree, "src/run", "dst", true), runtimes.CodeIsADirectory)
	wantCode(t, copyAll(t, tree, "src", "missing/dst", true), runtimes.CodeNotFound)
	wantCode(t, run(t, tree, "copy to", "missing/dst"), runtimes.CodeNotFound)

	// Into one that is there: merged.
	write(t, tree, "dst/own", "kept")
	write(t, tree, "dst/run", "old")
	must(t, copyAll(t, tree, "src", "dst", true))
	if read(t, tree, "dst/own") != "kept" || read(t, tree, "dst/run") != "678" {
		t.Error("the merge lost something")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestADirectoryIsNotPutIntoItself(t *testing.T) {
	tree, dir := newTree(t)
	write(t, tree, "a/b/file", "x")
	must(t, os.Symlink("a", filepath.Join(dir, "link")))
	must(t, os.Symlink("a/b", filepath.Join(dir, "deep")))
	for _, to := range []string{"a/c", "a/b/c", "link/c", "a", "link"} {
		wantCode(t, copyAll(t, tree, "a", to, true), runtimes.CodeIsADirectory)
	}
	wantCode(t, copyAll(t, tree, ".", "a/all", true), runtimes.CodeIsADirectory)
	for _, to := range []string{"a/c", "link/c", "deep/c"} {
		wantCode(t, tree.MoveFile(t.Context(), runtimes.MoveFile{Source: "a", Destination: to, Overwrite: true}), runtimes.CodeIsADirectory)
	}
	got, _ := list(t, tree, runtimes.ListDirectory{Path: ".", Recursive: true})
	if diff := cmp.Diff([]string{"a", "a/b", "a/b/file", "deep", "link"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestACopyOfASparseFileStopsAtTheSizeOfTheWorkspace(t *testing.T) {
	_, dir := newTree(t)
	tree, err := OpenTree(dir, TreeOptions{MaxCopyBytes: 1 << 20})
	must(t, err)
	defer tree.Close()
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "d/sparse"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(dir, "d/sparse"), 1<<40))
	wantCode(t, copyAll(t, tree, "d/sparse", "copy", true), runtimes.CodeNoSpace)
	wantCode(t, copyAll(t, tree, "d", "copy", true), runtimes.CodeNoSpace)
	found, err := tree.ReadFile(t.Context(), runtimes.ReadFile{Path: "d/sparse"})
	if err != nil || len(found.Content) != runtimes.MaxRead || !found.Truncated || found.Size != 1<<40 {
		t.Errorf("read %d of %d, truncated %v, %v", len(found.Content), found.Size, found.Truncated, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestACopyThatMeetsASpecialFileLeavesNothing(t *testing.T) {
	tree, dir := newTree(t)
	write(t, tree, "src/a", "x")
	mkfifo(t, filepath.Join(dir, "src/fifo"))
	wantCode(t, copyAll(t, tree, "src", "dst", true), runtimes.CodeNotRegularFile)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestMoveRenames(t *testing.T) {
	tree, dir := newTree(t)
	move := func(from, to string, overwrite bool) error {
		return tree.MoveFile(t.Context(), runtimes.MoveFile{Source: from, Destination: to, Overwrite: overwrite})
	}
	write(t, tree, "a", "a")
	write(t, tree, "b", "b")
	write(t, tree, "full/x", "x")
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	must(t, os.Symlink("/etc", filepath.Join(dir, "out")))
	wantCode(t, move("a", "b", false), runtimes.CodeAlreadyExists)
	wantCode(t, move("a", "empty", true), runtimes.CodeIsADirectory)
	wantCode(t, move("empty", "a", true), runtimes.CodeNotADirectory)
	wantCode(t, move("empty", "full", true), runtimes.CodeDirectoryNotEmpty)
	wantCode(t, move("full", "empty", false), runtimes.CodeAlreadyExists)
	wantCode(t, move("a", "missing/a", true), runtimes.CodeNotFound)
	wantCode(t, move("missing", "c", true), runtimes.CodeNotFound)
	wantCode(t, move("a", "c/", true), runtimes.CodeNotADirectory)
	wantCode(t, move(".", "c", true), runtimes.CodePermissionDenied)
	wantCode(t, move("a", "out", true), runtimes.CodePathOutsideWorkspace)
	must(t, move("a", "c", false))
	must(t, move("b", "c", true))
	must(t, move("full", "empty", true))
	must(t, move("c", "c", true))
	must(t, move("out", "link", true))
	got, _ := list(t, tree, runtimes.ListDirectory{Path: ".", Recursive: true})
	if diff := cmp.Diff([]string{"c", "empty", "empty/x", "link"}, got); diff != "" {
		t.Error(diff)
	}
	if read(t, tree, "c") != "b" {
		t.Error("c was not overwritten")
	}
}
