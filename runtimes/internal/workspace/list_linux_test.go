package workspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codebeaker/codebeaker/runtimes"
)

func canceled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func list(t testing.TB, ws runtimes.Workspace, cmd runtimes.ListDirectory) (paths []string, truncated bool) {
	t.Helper()
	found, err := ws.ListDirectory(t.Context(), cmd)
	if err != nil {
		t.Fatalf("list %+v: %v", cmd, err)
	}
	for _, e := range found.Entries {
		paths = append(paths, e.Path)
	}
	return paths, found.Truncated
}

func TestAListingIsInTheOrderOfNames(t *testing.T) {
	tree, dir := newTree(t)
	for _, name := range []string{"b", "a-b", "a/z", "a/.h/x", "a/c/d.txt", ".hidden", ".codebeaker-tmp-x"} {
		write(t, tree, name, "12345")
	}
	must(t, os.Symlink("a", filepath.Join(dir, "link")))
	must(t, os.Symlink(".", filepath.Join(dir, "loop")))
	for _, c := range []struct {
		cmd       runtimes.ListDirectory
		want      []string
		truncated bool
	}{
		{runtimes.ListDirectory{Path: "."}, []string{".hidden", "a", "a-b", "b", "link", "loop"}, false},
		{runtimes.ListDirectory{Path: ".", SkipHidden: true, Limit: 2}, []string{"a", "a-b"}, true},
		{runtimes.ListDirectory{Path: ".", SkipHidden: true, Limit: 5}, []string{"a", "a-b", "b", "link", "loop"}, false},
		{runtimes.ListDirectory{Path: "/workspace", Recursive: true, SkipHidden: true},
			[]string{"a", "a/c", "a/c/d.txt", "a/z", "a-b", "b", "link", "loop"}, false},
		{runtimes.ListDirectory{Path: "a", Recursive: true, MaxDepth: 1}, []string{"a/.h", "a/c", "a/z"}, false},
		{runtimes.ListDirectory{Path: "a/", Recursive: true, MaxDepth: 2}, []string{"a/.h", "a/.h/x", "a/c", "a/c/d.txt", "a/z"}, false},
		{runtimes.ListDirectory{Path: ".", Recursive: true, Pattern: "*.txt"}, []string{"a/c/d.txt"}, false},
		{runtimes.ListDirectory{Path: ".", Recursive: true, Limit: 4}, []string{".hidden", "a", "a/.h", "a/.h/x"}, true},
		{runtimes.ListDirectory{Path: "link"}, []string{"link/.h", "link/c", "link/z"}, false},
	} {
		got, truncated := list(t, tree, c.cmd)
		if diff := cmp.Diff(c.want, got); diff != "" || truncated != c.truncated {
			t.Errorf("%+v: truncated %v\n%s", c.cmd, truncated, diff)
		}
	}
	if _, err := tree.ListDirectory(t.Context(), runtimes.ListDirectory{Path: ".", Pattern: "[a"}); err == nil || runtimes.FileCodeOf(err) != "" {
		t.Errorf("a bad pattern: %v", err)
	}
}

func TestAPatternWithASlashIsAboutPaths(t *testing.T) {
	tree, dir := newTree(t)
	for _, name := range []string{"main.py", "src/a.py", "src/deep/b.py", "src/deep/c.ts", "lib/d.tsx", "lib/.x/e.py"} {
		write(t, tree, name, "x")
	}
	// What a pattern does not ask for is not opened.
	must(t, os.MkdirAll(filepath.Join(dir, "shut/in"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "shut"), 0))
	t.Cleanup(func() { must(t, os.Chmod(filepath.Join(dir, "shut"), 0o700)) })
	all := []string{"lib/.x/e.py", "main.py", "src/a.py", "src/deep/b.py"}
	for _, c := range []struct {
		cmd  runtimes.ListDirectory
		want []string
	}{
		{runtimes.ListDirectory{Pattern: "**/*.py", Recursive: true}, all},
		{runtimes.ListDirectory{Pattern: "**/*.py"}, all},
		{runtimes.ListDirectory{Pattern: "*.py", Recursive: true}, all},
		{runtimes.ListDirectory{Pattern: "*.py"}, []string{"main.py"}},
		{runtimes.ListDirectory{Pattern: "src/*.py"}, []string{"src/a.py"}},
		{runtimes.ListDirectory{Pattern: "src/*.py", Recursive: true}, []string{"src/a.py"}},
		{runtimes.ListDirectory{Pattern: "src/**"}, []string{"src", "src/a.py", "src/deep", "src/deep/b.py", "src/deep/c.ts"}},
		{runtimes.ListDirectory{Pattern: "src/**", MaxDepth: 2}, []string{"src", "src/a.py", "src/deep"}},
		{runtimes.ListDirectory{Pattern: "**/*.py", SkipHidden: true}, []string{"main.py", "src/a.py", "src/deep/b.py"}},
		{runtimes.ListDirectory{Pattern: "{src,lib}/**/*.{ts,tsx}"}, []string{"lib/d.tsx", "src/deep/c.ts"}},
		{runtimes.ListDirectory{Path: "src", Pattern: "deep/*"}, []string{"src/deep/b.py", "src/deep/c.ts"}},
		{runtimes.ListDirectory{Path: "src", Pattern: "src/*"}, nil},
		{runtimes.ListDirectory{Pattern: "**/*.py", Limit: 2}, all[:2]},
	} {
		if c.cmd.Path == "" {
			c.cmd.Path = "."
		}
		got, _ := list(t, tree, c.cmd)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v:\n%s", c.cmd, diff)
		}
	}
}

func TestDirectoriesThatDoNotMatchTakeNoRoom(t *testing.T) {
	tree, _ := newTree(t)
	for _, name := range []string{"a/no", "b/no", "c/yes.txt", "d/no", "e.txt", "f/g/yes.txt"} {
		write(t, tree, name, "x")
	}
	all := []string{"c/yes.txt", "e.txt", "f/g/yes.txt"}
	for limit := 1; limit <= 4; limit++ {
		got, truncated := list(t, tree, runtimes.ListDirectory{Path: ".", Recursive: true, Pattern: "*.txt", Limit: limit})
		if diff := cmp.Diff(all[:min(limit, 3)], got); diff != "" || truncated != (limit < 3) {
			t.Errorf("limit %d: truncated %v\n%s", limit, truncated, diff)
		}
	}
}

func TestAnEntrySaysWhatItIs(t *testing.T) {
	tree, dir := newTree(t)
	write(t, tree, "file", "12345")
	must(t, os.Chmod(filepath.Join(dir, "file"), 0o640))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link")))
	must(t, os.WriteFile(filepath.Join(dir, "odd\xff\n"), nil, 0o600))
	found, err := tree.ListDirectory(t.Context(), runtimes.ListDirectory{Path: "."})
	must(t, err)
	for i := range found.Entries {
		if found.Entries[i].ModifiedAt < 1_700_000_000_000 {
			t.Errorf("modified at %d", found.Entries[i].ModifiedAt)
		}
		found.Entries[i].ModifiedAt = 0
	}
	want := []runtimes.Entry{
		{Name: "file", Path: "file", Type: runtimes.TypeFile, Size: 5, Mode: 0o640},
		{Name: "link", Path: "link", Type: runtimes.TypeSymlink, Mode: 0o777},
		{Name: "odd\\xff\n", Path: "odd\\xff\n", Type: runtimes.TypeFile, Mode: 0o600},
	}
	if diff := cmp.Diff(want, found.Entries); diff != "" {
		t.Error(diff)
	}
}

func TestAListingOfAHundredThousandIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes a hundred thousand files")
	}
	tree, dir := newLargeTree(t)
	for i := range 100_000 {
		if err := os.Link(linkSource(t, dir, i), filepath.Join(dir, fmt.Sprintf("%06d", i))); err != nil {
			t.Fatal(err)
		}
	}
	got, truncated := list(t, tree, runtimes.ListDirectory{Path: ".", Recursive: true, SkipHidden: true})
	if len(got) != runtimes.DefaultListLimit || !truncated || got[0] != "000000" || got[9_999] != "009999" {
		t.Errorf("%d entries, truncated %v", len(got), truncated)
	}
	if got, truncated = list(t, tree, runtimes.ListDirectory{Path: ".", Pattern: "09999?"}); len(got) != 10 || truncated {
		t.Errorf("%d entries of a pattern, truncated %v", len(got), truncated)
	}
	must(t, run(t, tree, "mkdir", "x"))
	must(t, tree.MoveFile(t.Context(), runtimes.MoveFile{Source: "099999", Destination: "x/y", Overwrite: true}))
}

// linkSource is a hidden file to link names to: ext4 allows 65,000 links.
func linkSource(t testing.TB, dir string, i int) string {
	name := filepath.Join(dir, fmt.Sprintf(".source-%d", i/60_000))
	if i%60_000 == 0 {
		must(t, os.WriteFile(name, nil, 0o644))
	}
	return name
}

// deepTree makes n directories below each other, further down than a path
// reaches, with a file in the last.
func deepTree(t testing.TB, dir string, n int) {
	root, err := os.OpenRoot(dir)
	must(t, err)
	for range n {
		must(t, root.Mkdir("d", 0o755))
		next, err := root.OpenRoot("d")
		must(t, err)
		root.Close()
		root = next
	}
	must(t, root.WriteFile("end", nil, 0o644))
	root.Close()
}

func TestTenThousandNestedDirectoriesAreListedAndDeleted(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes ten thousand directories")
	}
	tree, dir := newLargeTree(t)
	deepTree(t, dir, 10_000)
	got, truncated := list(t, tree, runtimes.ListDirectory{Path: ".", Recursive: true})
	if !truncated || len(got) < 1900 {
		t.Errorf("%d entries, truncated %v", len(got), truncated)
	}
	if last := got[len(got)-1]; len(last) > maxPath || strings.Trim(last, "d/") != "" {
		t.Errorf("last path has %d bytes", len(last))
	}
	_, err := tree.CopyFile(t.Context(), runtimes.CopyFile{Source: "d", Destination: "copy", Recursive: true})
	wantCode(t, err, runtimes.CodeTooLarge)
	must(t, run(t, tree, "delete -r", "d"))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
