package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codebeaker/codebeaker/runtimes"
)

// plantLinks makes a tree of files and of links as programs make them.
func plantLinks(t testing.TB) (*Tree, string) {
	t.Helper()
	tree, dir := newTree(t)
	write(t, tree, "real/sub/file", "old")
	write(t, tree, "file", "top")
	for name, to := range map[string]string{
		"dir": "/workspace/real", "chain": "/workspace/dir/sub", "f": "/workspace/real/sub/file", "self": "/workspace",
		"real/back": "/workspace/dir/../file", "via": "chain/file", "later": "/workspace/real/new", "gone": "/workspace/none/new",
		"out": "/workspace/../etc", "etc": "/etc", "beside": "/workspacex", "outer": "/workspace/etc/passwd", "loop": "/workspace/loop",
	} {
		must(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	return tree, dir
}

func TestAnAbsoluteLinkBelowTheWorkspaceIsInside(t *testing.T) {
	tree, dir := plantLinks(t)
	for name, want := range map[string]string{
		"f": "old", "dir/sub/file": "old", "chain/file": "old", "via": "old", "real/back": "top", "dir/back": "top", "self/self/file": "top", "/workspace/self/f": "old",
	} {
		if got := read(t, tree, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	write(t, tree, "f", "new")
	write(t, tree, "later", "created")
	write(t, tree, "dir/made/deep/file", "parents")
	_, err := tree.WriteFile(t.Context(), runtimes.WriteFile{Path: "via", Content: []byte("+"), Mode: runtimes.Append})
	must(t, err)
	_, err = tree.WriteFile(t.Context(), runtimes.WriteFile{Path: "chain/atomic", Content: []byte("a"), Atomic: true})
	must(t, err)
	for name, want := range map[string]string{"real/sub/file": "new+", "real/new": "created", "real/made/deep/file": "parents", "real/sub/atomic": "a"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	got, _ := list(t, tree, runtimes.ListDirectory{Path: "chain"})
	if diff := cmp.Diff([]string{"chain/atomic", "chain/file"}, got); diff != "" {
		t.Error(diff)
	}
	must(t, run(t, tree, "mkdir", "dir/made/new"))
	must(t, run(t, tree, "mkdir -p", "dir/made/one/two"))
	must(t, run(t, tree, "mkdir -p", "dir"))
	wantCode(t, run(t, tree, "mkdir", "dir"), runtimes.CodeAlreadyExists)
	must(t, copyAll(t, tree, "dir/made", "self/copy", true))
	_, err = tree.CopyFile(t.Context(), runtimes.CopyFile{Source: "f", Destination: "dir/copied"})
	must(t, err)
	must(t, tree.MoveFile(t.Context(), runtimes.MoveFile{Source: "dir/copied", Destination: "self/moved"}))
	must(t, tree.DeleteFile(t.Context(), runtimes.DeleteFile{Path: "dir/made", Recursive: true}))
	for name, there := range map[string]bool{"copy/one/two": true, "copy/deep/file": true, "moved": true, "real/copied": false, "real/made": false} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCode(t, copyAll(t, tree, "real", "dir/sub/in", true), runtimes.CodeIsADirectory)
	wantCode(t, copyAll(t, tree, "real", "chain", true), runtimes.CodeIsADirectory)
}

func TestADeleteOfALinkLeavesWhatItLeadsTo(t *testing.T) {
	tree, dir := plantLinks(t)
	for _, name := range []string{"dir", "f", "self", "etc", "out"} {
		must(t, tree.DeleteFile(t.Context(), runtimes.DeleteFile{Path: name, Recursive: true}))
	}
	must(t, tree.MoveFile(t.Context(), runtimes.MoveFile{Source: "file", Destination: "later", Overwrite: true}))
	if got, err := os.ReadFile(filepath.Join(dir, "real/sub/file")); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "later")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("a move did not replace the link: %v, %v", info, err)
	}
}

func TestAnAbsoluteLinkThatLeavesIsOutside(t *testing.T) {
	for _, path := range []string{"out/passwd", "etc/passwd", "etc/", "beside/x", "outer/x", "etc/passwd/x", "self/etc/passwd", "self/out/x"} {
		for _, c := range commands {
			tree, _ := plantLinks(t)
			wantCode(t, c.run(t.Context(), tree, path), runtimes.CodePathOutsideWorkspace)
			tree.Close()
		}
	}
	tree, dir := plantLinks(t)
	wantCode(t, run(t, tree, "read", "outer"), runtimes.CodePathOutsideWorkspace)
	for _, name := range []string{"read", "write", "list"} {
		wantCode(t, run(t, tree, name, "loop"), runtimes.CodeNotFound)
	}
	for _, name := range []string{"write", "mkdir -p", "append"} {
		wantCode(t, run(t, tree, name, "gone"), runtimes.CodeNotFound)
		wantCode(t, run(t, tree, name, "gone/x"), runtimes.CodeNotFound)
	}
	// A path with more to resolve than is allowed is refused, and soon.
	must(t, os.Symlink("/workspace/"+strings.Repeat("a/../", 700), filepath.Join(dir, "long")))
	must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	start := time.Now()
	wantCode(t, run(t, tree, "read", "long/file"), runtimes.CodePathOutsideWorkspace)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// A program that turns an absolute link inside into one that leaves must not
// lead a command out between the look and the deed.
func TestAnAbsoluteLinkThatChangesLeadsNowhere(t *testing.T) {
	tree, dir := newTree(t)
	outside := filepath.Dir(dir)
	before := plantFarm(t, dir)
	must(t, os.MkdirAll(filepath.Join(dir, "real/sub"), 0o755))
	must(t, os.Symlink("/workspace/mid", filepath.Join(dir, "x")))
	deadline := time.Now().Add(time.Second)
	var wait sync.WaitGroup
	wait.Go(func() { // the program
		mid := filepath.Join(dir, "mid")
		for time.Now().Before(deadline) {
			for _, to := range []string{"real", "/workspace/real", outside, "..", "../secret", "/etc"} {
				if err := os.Remove(mid); err != nil && !errors.Is(err, syscall.ENOENT) {
					os.RemoveAll(mid)
				}
				os.Symlink(to, mid)
			}
		}
	})
	for _, path := range []string{"x", "x/file", "x/sub/new"} {
		wait.Go(func() {
			for i := 0; time.Now().Before(deadline); i++ {
				_ = commands[i%len(commands)].run(t.Context(), tree, path) // what matters is below
			}
		})
	}
	wait.Wait()
	if after := fingerprint(t, outside); after != before {
		t.Errorf("the outside changed:\n%s\nwas:\n%s", after, before)
	}
}
