package workspace

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// FuzzCommandsStayInside runs scripts of commands, one a line: a byte that
// chooses the command, then its path. Nothing beside the workspace may change,
// whatever links the workspace holds.
func FuzzCommandsStayInside(f *testing.F) {
	for _, seed := range []string{
		"1out/x\n1up/secret/x\n0up/secret/file", "c.\nb..\nc../secret", "5out\n1copied/x\nccopied",
		"8out\n1moved/x", "6up/secret/file\n9up/secret", "4up/new/x\n3via/up", "7farm/../../secret\n1farm/../up/file",
		"b farm\nbfarm/out/\ncfarm/up/", "1a/../../x\n1\x00\n1/etc/x\n1/workspace/../x", "afarm\na/workspace/up/", "1loop/loop/loop/x\n0loop",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if len(script) > 2000 {
			return
		}
		tree, dir := newTree(t)
		before := plantFarm(t, dir)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, line := range strings.Split(script, "\n") {
			if line == "" {
				continue
			}
			c := commands[int(line[0])%len(commands)]
			if err := c.run(ctx, tree, line[1:]); err != nil && strings.Contains(err.Error(), dir) {
				t.Errorf("%s %q names the host's directory: %v", c.name, line[1:], err)
			}
		}
		if after := fingerprint(t, filepath.Dir(dir)); after != before {
			t.Errorf("the outside changed:\n%s\nwas:\n%s", after, before)
		}
	})
}

// plantFarm fills a workspace with links of every kind and puts things worth
// reaching beside it. It returns the fingerprint of those.
func plantFarm(t testing.TB, dir string) string {
	outside := filepath.Dir(dir)
	must(t, os.Mkdir(filepath.Join(outside, "secret"), 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "secret/file"), []byte("secret"), 0o644))
	must(t, os.MkdirAll(filepath.Join(dir, "dir/sub"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "farm"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "dir/sub/file"), []byte("x"), 0o644))
	for name, to := range map[string]string{
		"out": outside, "up": "..", "via": "up", "loop": "loop", "inside": "dir/sub", "dot": ".",
		"farm/out": outside + "/secret", "farm/up": "../..", "farm/far": "../../secret/file", "farm/new": "../../secret/new",
		"farm/back": "../dir/../../secret", "farm/slash": "../../secret/", "dir/sub/over": "../../../secret",
	} {
		must(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	return fingerprint(t, outside)
}

// fingerprint describes everything below dir but the workspace.
func fingerprint(t testing.TB, dir string) string {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == "workspace" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		fmt.Fprintln(&b, path, info.Mode(), info.ModTime(), stat.Ino, stat.Nlink, stat.Uid, stat.Gid, stat.Ctim)
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%q %v\n", content, err)
		}
		return nil
	})
	must(t, err)
	return b.String()
}
