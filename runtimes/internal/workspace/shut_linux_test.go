package workspace

import (
	"os"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

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
