package workspace

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// A program that swaps a directory for a link all the time must not lead a
// command out.
func TestALinkThatComesAndGoesLeadsNowhere(t *testing.T) {
	tree, dir := newTree(t)
	outside := filepath.Dir(dir)
	before := plantFarm(t, dir)
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	must(t, os.Symlink("../secret", filepath.Join(dir, "trap")))

	deadline := time.Now().Add(time.Second)
	var wait sync.WaitGroup
	wait.Go(func() { // the program
		for time.Now().Before(deadline) {
			os.Rename(filepath.Join(dir, "real"), filepath.Join(dir, "x"))
			os.Rename(filepath.Join(dir, "trap"), filepath.Join(dir, "x"))
			os.Symlink("../secret", filepath.Join(dir, "x"))
			os.Remove(filepath.Join(dir, "x"))
			os.RemoveAll(filepath.Join(dir, "x"))
			os.MkdirAll(filepath.Join(dir, "x/sub"), 0o755)
			os.RemoveAll(filepath.Join(dir, "x"))
		}
	})
	for _, path := range []string{"x", "x/file", "x/sub/new"} {
		wait.Go(func() {
			for i := 0; time.Now().Before(deadline); i++ {
				// Most of these fail, and should: what matters is below.
				_ = commands[i%len(commands)].run(t.Context(), tree, path)
			}
		})
	}
	wait.Wait()
	if after := fingerprint(t, outside); after != before {
		t.Errorf("the outside changed:\n%s\nwas:\n%s", after, before)
	}
}

func TestAWorkspaceThatAProgramShutIsOpenedForItsOwner(t *testing.T) {
	for mode, want := range map[os.FileMode]os.FileMode{0: 0o700, 0o644: 0o744, 0o500: 0o700, 0o711: 0o711} {
		for _, c := range commands {
			tree, dir := newTree(t)
			asOrdinaryUser(t, dir, func() {
				write(t, tree, "file", "x")
				must(t, tree.CreateDirectory(t.Context(), runtimes.CreateDirectory{Path: "dir"}))
				must(t, os.Chmod(dir, mode))
				path := "file"
				if c.name == "list" || c.name == "mkdir" || c.name == "mkdir -p" || c.name == "copy -r to" {
					path = "new"
				}
				if c.name == "list" {
					path = "."
				}
				if err := c.run(t.Context(), tree, path); err != nil {
					t.Errorf("%s in a workspace of mode %v: %v", c.name, mode, err)
				}
			})
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
				t.Errorf("mode %v became %v, want %v", mode, info.Mode(), want)
			}
		}
	}
}
